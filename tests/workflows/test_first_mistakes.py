"""What somebody gets wrong who writes a process for the first time: each slip is named on its line, in words, and hides no other."""

import pytest

from qms.errors import Problem
from qms.locale import sentence
from qms.workflows.check import Circumstances, check_sources
from tests.workflows.samples import LAMP

ROLES = {
    "TOP": {"it": "Direzione", "en": "Direction"}, "QM": {"it": "Qualità", "en": "Quality"}, "TECH": {"it": "Tecnico", "en": "Technician"},
    "COM": {"it": "Commesse", "en": "Contracts"}, "WORKER": {"it": "Addetto", "en": "Staff"}, "AUDITOR": {"it": "Auditor", "en": "Auditor"},
}  # fmt: skip


def mistakes(*changes: tuple[str, str]) -> list[Problem]:
    source = LAMP
    for old, new in changes:
        assert old in source
        source = source.replace(old, new, 1)
    return check_sources({"w.yaml": source.encode()}, "small", circumstances=Circumstances(roles=ROLES, procedures=["PRO-1", "PRO-9"]))


def said(*changes: tuple[str, str]) -> list[str]:
    """``line: sentence`` of what these changes brought in, in Italian."""
    before = {(problem.code, str(problem.values)) for problem in mistakes()}
    found = [one for one in mistakes(*changes) if (one.code, str(one.values)) not in before]
    return [f"{problem.line}: {sentence('it', problem)}" for problem in found]


def line_of(text: str, *changes: tuple[str, str]) -> int:
    source = LAMP
    for old, new in changes:
        source = source.replace(old, new, 1)
    return source[: source.index(text)].count("\n") + 1


@pytest.mark.parametrize(("written", "meant"), [("TECK", "TECH"), ("top", "TOP"), ("Direzione", "TOP"), ("direction", "TOP")])
def test_a_role_is_named_on_its_own_line_with_the_code_that_was_meant(written: str, meant: str) -> None:
    change = ("by: [TECH]", f"by: [{written}]")
    (found,) = said(change)
    assert found.startswith(f"{line_of(change[1], change)}: Non esiste: ruolo «{written}». Forse «{meant}»?")


def test_a_short_code_is_not_taken_for_a_long_one_that_holds_its_letters() -> None:
    (found,) = said(("escalate: [QM, TOP]", "escalate: [QM, DIR]"))
    assert "Forse" not in found


def test_an_unknown_role_hides_no_other_mistake_and_is_hidden_by_none() -> None:
    changes = (
        ("by: [TECH]", "by: [TECK]"),
        ("to: PRICED\n", "to: PRIZED\n"),
        ("owner: QM", "owner: QX"),
        ("governed_by: PRO-1", "governed_by: PRO-2"),
    )
    found = said(changes[0], changes[1], changes[2])
    assert sum("ruolo" in one for one in found) == 2
    assert any("stato «PRIZED»" in one for one in found)
    found = said(changes[0], changes[2], changes[3])
    assert [one.split(": ")[0] for one in found] == [str(line_of(new, *changes)) for _, new in (changes[2], changes[3], changes[0])]
    assert "va messa in vigore prima del processo" in found[1]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("  price_it:\n", "\tprice_it:\n", "tabulazione"),
        ("  price_it:\n", "   price_it:\n", "Il rientro"),
        ("{it: Preventivata, en", "{it: Fase: preventivata, en", "fra virgolette"),
        ("{title: {it: Preventivata, en: Priced}}", "{title: Preventivata}", 'title: {it: "…", en: "…"}'),
        ('"workdays(2)"', '"2 workdays"', "workdays(10), days(3)"),
        ('"workdays(2)"', '"2"', "workdays(10), days(3)"),
        ("  add_photo:\n", "  così:\n", "in «steps»: servono lettere minuscole senza accenti, cifre, «_», e per prima una lettera"),
        ("prefix: LAMP", "prefix: lamp", "in «prefix»: servono lettere maiuscole senza accenti."),
        ("id: lamp-repair", "id: Lamp", "in «id»: servono lettere minuscole senza accenti, cifre, «-», e per prima una lettera"),
    ],
)
def test_each_slip_has_a_sentence_of_its_own(old: str, new: str, words: str) -> None:
    found = said((old, new))
    assert words in found[0]


def test_one_equals_sign_in_a_rule_is_told_from_two() -> None:
    (found,) = said(("grade >= 'MID' or", "grade = 'MID' or"))
    assert "si scrive ==" in found
