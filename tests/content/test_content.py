"""The shipped content holds together: workflows, figures, procedures, record forms, retention and hats name each other rightly."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from qms.app import EFFECTS
from qms.formats.names import extension
from qms.people import hats
from qms.procedures import document
from qms.records import forms
from qms.records.evidence import TYPES
from qms.workflows.check import Circumstances, check_sources, waiting
from qms.workflows.definition import PROFILES, SYS, Definition
from qms.workflows.figures import read_figures
from tests.content.office import ROOT, WORKFLOWS
from tests.content.test_guards import DEFINITIONS

TEXTS = sorted((ROOT / "procedures").rglob("*.md"))
PROCEDURES = [path for path in TEXTS if not path.name.endswith(".en.md")]
FORMS = sorted((ROOT / "records").glob("*.md"))
KEYS = {document.parse(path.read_bytes(), str(path.relative_to(ROOT))).front.key for path in PROCEDURES}
EVERY = pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=DEFINITIONS.keys())
PRACTISED = {"REC-AUD-01", "REC-DOC-01"}
"""Records the register gives, or that are kept outside the program until it has their workflow: their procedures say how."""
CLAUSES = """4.1 4.2 4.3 4.4 5.1 5.2 5.3 6.1 6.2 6.3 7.1.1 7.1.2 7.1.3 7.1.4 7.1.5 7.1.6 7.2 7.3 7.4 7.5.1 7.5.2 7.5.3 8.1 8.2.1 8.2.2
8.2.3 8.2.4 8.3.1 8.3.2 8.3.3 8.3.4 8.3.5 8.3.6 8.4 8.5.1 8.5.2 8.5.3 8.5.4 8.5.5 8.5.6 8.6 8.7 9.1.1 9.1.2 9.1.3 9.2 9.3 10.1 10.2 10.3"""
SECTIONS = ("Scopo", "Campo di applicazione", "Riferimenti", "Responsabilità", "Modalità operative", "Registrazioni", "Indicatori")


def worn(profile: str) -> hats.Hats:
    return hats.load(ROOT / f"qms/people/profiles/{profile}.yaml")


def one_person_a_hat(profile: str) -> dict[str, frozenset[str]]:
    """Who holds each role when every hat of the staff is worn by one person only."""
    found: dict[str, set[str]] = {}
    known = worn(profile)
    for hat in known.hats.values():
        for role, _ in known.unfold([(hat.id, "own")]) if hat.kind == "staff" else ():
            found.setdefault(role, set()).add(hat.id)
    return {role: frozenset(persons) for role, persons in found.items()}


@pytest.mark.parametrize("profile", PROFILES)
def test_the_workflows_are_sound_and_can_be_walked_with_one_person_a_hat(profile: str) -> None:
    effects = {**EFFECTS, "open-case": {}}
    known = Circumstances(effects, roles=worn(profile).roles, holders=one_person_a_hat(profile), procedures=KEYS)
    sources = {path.name: path.read_bytes() for path in WORKFLOWS}
    figures = sources.pop("figures.yaml")
    assert check_sources(sources, profile, ("figures.yaml", figures), known) == []


@EVERY
def test_every_field_slot_and_step_that_is_named_exists(definition: Definition) -> None:
    for step in (definition.opening, *definition.steps.values()):
        assert {wanted.name for wanted in step.asks} <= definition.fields.keys()
        assert {wanted.name for wanted in step.evidence} <= definition.evidence.keys()
        assert {*step.apart_from} <= {"opening", *definition.steps}


@EVERY
def test_states_say_what_they_mean_and_evidence_takes_files_that_can_be_kept(definition: Definition) -> None:
    assert [state.name for state in definition.states.values() if state.meaning is None] == []
    assert {kind for slot in definition.evidence.values() for kind in slot.types} <= TYPES.keys()


@EVERY
def test_a_hard_deadline_is_escalated_or_only_watched(definition: Definition) -> None:
    assert [timer.name for timer in definition.timers.values() if timer.hard and not timer.escalate] == []


def test_what_waits_for_later_is_said_in_words() -> None:
    listed = waiting(DEFINITIONS.values())
    assert len(listed) >= 20
    assert all(str(problem.values["what"]).strip() for problem in listed)


def test_every_figure_is_used_and_has_a_source() -> None:
    source = (ROOT / "workflows/figures.yaml").read_bytes()
    figures = read_figures(source, "figures.yaml").by_name
    used = {name for definition in DEFINITIONS.values() for expression in definition.expressions() for name in expression.uses.figures}
    assert used == figures.keys()
    assert all(dated.source for figure in figures.values() for dated in figure.values)


def test_treating_a_minor_nonconformity_asks_at_most_seven_things() -> None:
    treat = DEFINITIONS["nonconformity"].steps["treat"]
    assert treat.profile == "small"
    assert len(treat.asks) <= 7


@pytest.mark.parametrize("path", PROCEDURES, ids=lambda path: path.name)
def test_a_procedure_is_well_formed_and_has_its_seven_sections(path: Path) -> None:
    found = document.parse(path.read_bytes(), str(path.relative_to(ROOT)), worn("small").roles)
    headings = re.findall(r"^## \d+\. (.+)$", found.body, re.MULTILINE)
    assert tuple(headings) == SECTIONS or found.front.type != "PRO"
    assert 400 <= len(found.body.split()) <= (1600 if found.front.type == "MAN" else 1300)
    assert found.front.language == "it"
    assert {*found.front.references} <= KEYS


def test_every_clause_of_the_standard_has_a_document() -> None:
    served = {clause for path in PROCEDURES for clause in document.parse(path.read_bytes(), str(path.relative_to(ROOT))).front.clauses}
    assert set(CLAUSES.split()) - served == set()


@pytest.mark.parametrize("path", [path for path in TEXTS if path not in PROCEDURES], ids=lambda path: path.name)
def test_an_english_text_says_of_itself_what_the_italian_one_says(path: Path) -> None:
    beside = path.with_name(path.name.removesuffix(".en.md") + ".md")
    name = str(beside.relative_to(ROOT))
    ours, theirs = document.parse(path.read_bytes(), name), document.parse(beside.read_bytes(), name)
    assert ours.front == replace(theirs.front, language="en", title=theirs.front.titles["en"], titles={"it": theirs.front.title})
    for part in (r"^#+ (?:[\d.]+)?", r"^\|", r"\b(?:[A-Z]{3}-[\d.]+-\d\d|REC-[A-Z]+-\d\d|R-[A-Z]+)\b"):
        assert sorted(re.findall(part, ours.body, re.MULTILINE)) == sorted(re.findall(part, theirs.body, re.MULTILINE))


def test_procedures_and_workflows_name_each_other() -> None:
    governed = [document.parse(path.read_bytes(), str(path.relative_to(ROOT))).front for path in PROCEDURES]
    named = {(name, front.key) for front in governed for name in front.workflows}
    assert named == {(definition.id, definition.governed_by) for definition in DEFINITIONS.values()}


def test_a_procedure_names_only_records_that_its_workflow_makes_or_the_register_gives() -> None:
    made = {code for definition in DEFINITIONS.values() for code in definition.records}
    named = {code for path in PROCEDURES for code in re.findall(r"REC-[A-Z]+-\d\d", path.read_text(encoding="utf-8"))}
    assert named - made == PRACTISED
    assert made <= named


def test_every_record_has_its_form_and_every_form_its_record() -> None:
    made = {code for definition in DEFINITIONS.values() for code in definition.records}
    assert {re.match(r"REC-[A-Z]+-\d\d", path.name)[0] for path in FORMS} == made  # type: ignore[index]


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_a_form_can_be_filled_in_and_asks_for_fields_that_exist(path: Path) -> None:
    form = path.read_text(encoding="utf-8")
    assert forms.problems(form, path.name) == []
    definition = next(one for one in DEFINITIONS.values() if any(path.name.startswith(code) for code in one.records))
    assert set(re.findall(r"fields\.([a-z_0-9]+)", form)) <= definition.fields.keys()
    act = {
        "title": "Segnala", "by": "Lucia Bianchi", "role": "QM", "happened_at": "2026-03-02T08:00:00.000Z",
        "recorded_at": "2026-03-02T08:05:00.000Z", "comment": None, "signature": None,
    }  # fmt: skip
    values = {
        "organisation": "Consorzio", "form": {"code": path.name[:10], "title": "Prova", "revision": 0}, "fields": {},
        "case": {
            "number": "X-2026-0001", "title": "Una pratica", "state": "Chiusa", "opened_at": act["happened_at"], "closed_at": None,
            "organisations": ["Consorzio"], "procedure_code": definition.governed_by, "procedure_revision": 0,
        },
        "history": [act], "evidence": [], "seal": {"position": 7, "leaf": "ab", "root": "cd"},
    }  # fmt: skip
    assert "X-2026-0001" in forms.render(form, values, "it").replace("&#45;", "-")


def test_every_class_of_retention_that_is_named_stands_in_the_table() -> None:
    table = YAML(typ="safe", pure=True).load((ROOT / "records/retention.yaml").read_text(encoding="utf-8"))
    named = {definition.retention for definition in DEFINITIONS.values()}
    named |= {record.retention for definition in DEFINITIONS.values() for record in definition.records.values()}
    assert named <= table["classes"].keys()
    for row in table["classes"].values():
        assert {"it", "en"} == row["title"].keys() == row["starts"].keys() == row["basis"].keys()
        assert len(row["keep"]) == 1
        assert row["keep"].get("as", "R-CONTRACT") in table["classes"]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_role_is_worn_by_some_hat_and_bears_a_name(profile: str) -> None:
    known = worn(profile)
    held = {role for hat in known.hats.values() for role in hat.roles}
    unworn = {SYS, "WORKER", "HSE"} if profile == "small" else {SYS}
    assert known.roles.keys() - held == unworn


def test_content_names_only_files_that_are_there() -> None:
    for path in TEXTS:
        for name in re.findall(r"`((?:workflows|records)/[^`]+)`", path.read_text(encoding="utf-8")):
            assert extension(name) == "yaml"
            assert (ROOT / name).is_file()
