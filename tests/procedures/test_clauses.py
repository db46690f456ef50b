"""The list of clauses is read strictly: every mistake with its line, and nothing is taken for what it is not."""

from pathlib import Path

import pytest

from qms.errors import BadContent
from qms.locale import LANGUAGES, sentence
from qms.procedures import clauses
from tests.procedures.house import House

SHIPPED = (Path(__file__).parents[2] / clauses.PATH).read_bytes()
SHORT = """edition: "ISO 9001:2015"
clauses:
  "10.2": {it: "Rimediare", en: "Putting right"}
  "7.2": {it: "Competenze", en: "Competence"}
not_applicable:
  "7.2": {it: "Perché no", en: "Because"}
"""


def wrong(text: str) -> set[tuple[int, str]]:
    with pytest.raises(BadContent) as caught:
        clauses.read(text.encode(), clauses.PATH)
    for problem in caught.value.problems:
        assert all(sentence(language, problem) for language in LANGUAGES)
    return {(problem.line, problem.code) for problem in caught.value.problems}


def test_clauses_stand_in_the_order_of_the_standard_and_say_what_does_not_apply() -> None:
    found = clauses.read(SHORT.encode(), clauses.PATH)
    assert list(found.by_key) == ["7.2", "10.2"]
    assert found.by_key["10.2"].applies
    assert found.by_key["7.2"].reason == {"it": "Perché no", "en": "Because"}


def test_the_shipped_list_names_its_edition_and_one_clause_that_does_not_apply() -> None:
    found = clauses.read(SHIPPED, clauses.PATH)
    assert found.edition == "ISO 9001:2015"
    assert [clause.key for clause in found.by_key.values() if not clause.applies] == ["7.1.5.2"]
    assert len(found.by_key) > 45


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"7.2": {it: "Competenze", en: "Competence"}', '7.2: {it: "Competenze", en: "Competence"}', (4, "front.quote_key")),
        ('"7.2": {it: "Competenze", en: "Competence"}', '"7.2": "Competenze"', (4, "clauses.languages")),
        ('"7.2": {it: "Competenze", en: "Competence"}', '"3.2": {it: "Competenze", en: "Competence"}', (4, "clauses.key")),
        ('it: "Rimediare"', 'it: ""', (3, "clauses.missing")),
        ('it: "Rimediare"', f'it: "{"x" * 200}"', (3, "clauses.too_long")),
        ("not_applicable", "not_aplicable", (5, "clauses.unknown_key")),
        ('not_applicable:\n  "7.2"', 'not_applicable:\n  "8.1"', (6, "clauses.unlisted")),
        ('edition: "ISO 9001:2015"\n', "", (1, "clauses.missing")),
        ('"10.2"', '"7.2"', (4, "front.duplicate")),
    ],
)
def test_a_mistake_is_named_with_its_line(old: str, new: str, said: tuple[int, str]) -> None:
    assert old in SHORT
    assert said in wrong(SHORT.replace(old, new))


def test_a_library_without_a_list_has_no_clauses(house: House) -> None:
    assert clauses.in_force(house.library) == clauses.NO_CLAUSES
