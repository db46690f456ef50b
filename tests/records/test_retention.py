"""How long a record is kept is said in the words of the table."""

from pathlib import Path

import pytest

from qms.errors import BadContent
from qms.records import retention

TABLE = (Path(__file__).parents[2] / retention.PATH).read_bytes()


def test_every_class_of_the_table_is_said_in_both_languages() -> None:
    italian, english = (retention.told(TABLE, retention.PATH, language) for language in ("it", "en"))
    assert italian.keys() == english.keys()
    assert italian["R-QMS"] == "6 anni da: chiusura"
    assert english["R-CERT"] == "for ever"
    assert italian["R-TENDER-WON"] == italian["R-CONTRACT"]


@pytest.mark.parametrize("text", [b"", b"classes: 3", b"classes: {R: {keep: {weeks: 3}}}", b"\xff", b"classes: {R: {keep: {as: X}}}"])
def test_a_table_that_is_none_is_refused(text: bytes) -> None:
    with pytest.raises(BadContent):
        retention.told(text, retention.PATH, "it")


def test_a_term_is_counted_in_months_and_the_longest_of_several_counts() -> None:
    found = retention.terms(TABLE, retention.PATH)
    assert (found["R-QMS"], found["R-CV"], found["R-ATTEND"], found["R-TENDER-WON"], found["R-CERT"]) == (72, 12, 120, 120, None)
    assert retention.longest(found, {"R-QMS", "R-ATTEND"}) == 120
    assert retention.longest(found, {"R-QMS", "R-CERT"}) is retention.FOR_EVER
    assert retention.longest(found, {"R-QMS", "R-UNHEARD-OF"}) is retention.FOR_EVER


@pytest.mark.parametrize("keep", ["{years: 0}", "{years: -1}", "{months: 0}", "{years: 101}", "{years: 99999999999}"])
def test_a_term_that_ends_at_once_or_after_everybody_is_named(keep: str) -> None:
    row = "{keep: {years: 3}, starts: {it: chiusura, en: closure}}"
    table = f"classes: {{R-GOOD: {row}, R-BAD: {row.replace('{years: 3}', keep)}, R-WORSE: {row.replace('{years: 3}', keep)}}}"
    with pytest.raises(BadContent) as wrong:
        retention.terms(table.encode(), retention.PATH)
    assert [(problem.code, problem.values["name"]) for problem in wrong.value.problems] == [
        ("retention.term", "R-BAD"),
        ("retention.term", "R-WORSE"),
    ]
