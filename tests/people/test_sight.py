"""Who sees what: a table of persons against cases and documents."""

import pytest

from qms.people.actor import SYSTEM, Actor
from qms.people.hats import Hats
from qms.people.sight import reads_superseded, sees_case, sees_document, writes_documents

OWN, KENNEL, OTHER = "consorzio", "canile", "aurora"


def wearing(hats: Hats, *worn: tuple[str, str]) -> Actor:
    pairs = frozenset(worn)
    return Actor("P-0001", "Qualcuno", "it", hats.unfold(pairs), pairs, hats.kind(hat for hat, _ in pairs), "web", OWN)


@pytest.mark.parametrize(
    ("worn", "organisations", "sees"),
    [
        ((("gare", OWN),), [OWN], True),
        ((("gare", OWN),), [KENNEL], False),
        ((("referente", KENNEL),), [KENNEL], True),
        ((("referente", KENNEL),), [OWN, KENNEL], True),
        ((("referente", KENNEL),), [OWN], False),
        ((("referente", OTHER),), [OWN, KENNEL], False),
        ((("auditor", OWN),), [OWN], True),
        ((("auditor", OWN),), [KENNEL], False),
        ((("sistemista", OWN),), [OWN], False),
        ((("allievo", OWN),), [OWN], False),
        ((("committente", OWN),), [OWN], False),
        ((), [OWN], False),
    ],
)
def test_a_case_is_seen_with_a_hat_in_one_of_its_organisations(
    small: Hats, worn: tuple[tuple[str, str], ...], organisations: list[str], sees: bool
) -> None:
    assert sees_case(wearing(small, *worn), organisations, "normal", ()) is sees


@pytest.mark.parametrize("confidentiality", ["restricted", "personal"])
def test_a_confidential_case_needs_one_of_its_roles_in_one_of_its_organisations(small: Hats, confidentiality: str) -> None:
    assert sees_case(wearing(small, ("qualita", OWN)), [OWN], confidentiality, ["QM", "TOP"])
    assert not sees_case(wearing(small, ("gare", OWN)), [OWN], confidentiality, ["QM", "TOP"])
    assert not sees_case(wearing(small, ("qualita", KENNEL), ("gare", OWN)), [OWN], confidentiality, ["QM", "TOP"])
    assert not sees_case(wearing(small, ("auditor", OWN)), [OWN], confidentiality, ["QM"])
    assert sees_case(SYSTEM, [OWN], confidentiality, ["QM"])


@pytest.mark.parametrize(
    ("hat", "distribution", "sees"),
    [
        ("gare", ["all"], True),
        ("gare", ["TENDER"], True),
        ("gare", ["gare"], True),
        ("gare", ["FIN"], False),
        ("qualita", ["FIN"], True),
        ("direzione", ["FIN"], True),
        ("auditor", ["FIN"], True),
        ("sistemista", ["all"], False),
        ("sistemista", ["ADMIN"], True),
        ("allievo", ["all"], False),
        ("docente", ["TEACHER"], True),
    ],
)
def test_a_document_is_seen_by_its_distribution(small: Hats, hat: str, distribution: list[str], sees: bool) -> None:
    assert sees_document(wearing(small, (hat, OWN)), distribution) is sees


@pytest.mark.parametrize("hat", ["qualita", "direzione", "auditor"])
def test_what_belongs_to_the_house_is_not_for_who_has_the_role_in_a_member_organisation(small: Hats, hat: str) -> None:
    stranger, ours = wearing(small, (hat, KENNEL)), wearing(small, (hat, OWN))
    assert not sees_document(stranger, ["FIN"])
    assert not reads_superseded(stranger)
    assert not writes_documents(stranger)
    assert not stranger.is_examiner
    assert sees_document(ours, ["FIN"])


def test_superseded_texts_are_for_quality_and_auditors(small: Hats) -> None:
    readers = {hat for hat in small.hats if reads_superseded(wearing(small, (hat, OWN)))}
    assert readers == {"qualita", "auditor"}
