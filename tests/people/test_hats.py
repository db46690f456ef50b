"""Hats: what the workspace's file says, and what a hat is worth."""

from importlib.resources import files
from pathlib import Path

import pytest

from qms.errors import BadContent, NotFound
from qms.locale import LANGUAGES, sentence
from qms.people import hats
from qms.people.hats import Hats

GOOD = """
roles:
  QM: {it: Qualità, en: Quality}
hats:
  qualita: {title: {it: Qualità, en: Quality}, roles: [QM], kind: staff}
"""


def codes(path: Path, text: str) -> list[str]:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadContent) as refused:
        hats.load(path)
    assert all(sentence(language, problem) for language in LANGUAGES for problem in refused.value.problems)
    return [problem.code for problem in refused.value.problems]


def test_a_staff_hat_is_worth_its_roles_and_that_of_a_worker_in_that_organisation_only(small: Hats) -> None:
    held = small.unfold([("qualita", "consorzio"), ("referente", "canile")])
    assert {("QM", "consorzio"), ("WORKER", "consorzio"), ("COOP", "canile"), ("WORKER", "canile")} <= held
    assert ("QM", "canile") not in held
    assert ("COOP", "consorzio") not in held


def test_hats_of_outside_persons_auditors_and_administrators_make_no_worker(small: Hats) -> None:
    held = small.unfold([("allievo", "consorzio"), ("auditor", "consorzio"), ("sistemista", "consorzio")])
    assert {role for role, _ in held} == {"LEARNER", "GUEST", "ADMIN"}


def test_a_hat_that_left_the_file_is_worth_nothing(small: Hats) -> None:
    assert small.unfold([("mago", "consorzio")]) == frozenset()
    with pytest.raises(NotFound):
        small.hat("mago")


def test_who_wears_a_staff_hat_among_others_is_staff_and_who_wears_none_is_outside(small: Hats) -> None:
    assert small.kind(["sistemista", "qualita"]) == "staff"
    assert small.kind(["sistemista"]) == "admin"
    assert small.kind([]) == "outside"


@pytest.mark.parametrize("profile", ["small", "full"])
def test_the_shipped_profiles_load_and_leave_no_role_without_a_hat(profile: str) -> None:
    loaded = hats.load(Path(str(files("qms.people").joinpath("profiles", f"{profile}.yaml"))))
    worth = {role for hat in loaded.hats.values() for role in hat.roles} | {"WORKER", "SYS"}
    missing = set(loaded.roles) - worth
    assert missing <= {"HSE"} if profile == "small" else missing == set()


def test_everything_wrong_in_the_file_is_said_at_once(tmp_path: Path) -> None:
    text = GOOD + "  due: {title: {it: Due}, roles: [QM]}\n  tre: {title: {it: Tre, en: Three}, roles: [PAPA], kind: king}\n"
    assert sorted(codes(tmp_path / "roles.yaml", text)) == ["roles.hat", "roles.kind", "roles.unknown_role"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("- a\n", "roles.shape"),
        ("roles: {}\n", "roles.shape"),
        ("roles: {QM: 1}\nhats: {}\n", "roles.title"),
        ("roles: [", "roles.malformed"),
        ("roles: {}\nroles: {}\nhats: {}\n", "roles.malformed"),
        ("!!python/object/apply:os.system ['true']\n", "roles.malformed"),
    ],
)
def test_a_file_that_is_not_well_formed_is_refused_with_its_reason(tmp_path: Path, text: str, code: str) -> None:
    assert codes(tmp_path / "roles.yaml", text) == [code]
