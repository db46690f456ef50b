"""Steps that several must take: who counts as somebody else, what voids what was agreed, and what is said when too few are named."""

from dataclasses import replace

import pytest

from qms.errors import Refused
from qms.locale import LANGUAGES, sentence
from qms.workflows.case import compare, offers, put_in_force, show
from tests.workflows.samples import HEAD, JACK, KEEPER, LAMP, MENDER, OWN, PRICER, Bench, actor

PRICES = "    evidence: [PHOTO]\n    guards:\n      - {code: not_too_dear"
STAND_IN = replace(
    actor("jack", "HR", "COM"), lent=frozenset({("COM", OWN, "pricer")}), stands_in_for=frozenset({"pricer"})
)  # fmt: skip


def changed(bench: Bench, *changes: tuple[str, str]) -> str:
    """A case of lamps under a definition with some lines replaced, without photos."""
    source = LAMP.replace(PRICES, PRICES.replace("[PHOTO]", "[PHOTO?]"))
    for old, new in changes:
        assert old in source
        source = source.replace(old, new, 1)
    with bench.store.writing() as tx:
        put_in_force(tx, source.encode(), "w.yaml", KEEPER)
    return bench.open()


GOOD = {"cost": "10", "grade": "MID"}
BY_THREE = ("    by: [COM]\n", "    by: [COM, TECH, TOP]\n    quorum: {count: 3}\n")


def test_who_acts_for_somebody_away_is_one_of_those_whom_a_step_needs_and_not_two(bench: Bench) -> None:
    number = changed(bench, BY_THREE)
    assert bench.step(number, "price_it", STAND_IN, fields=GOOD).state == "BROKEN"
    assert bench.step(number, "price_it", MENDER).state == "BROKEN"
    with pytest.raises(Refused) as refused:
        bench.step(number, "price_it", PRICER)
    assert refused.value.codes == ("QUORUM:already",)
    assert bench.step(number, "price_it", HEAD).state == "PRICED"
    with bench.store.reading() as connection:
        assert all(check.passed for check in compare(connection, bench.engine))


def test_agreeing_to_another_step_voids_what_was_agreed(bench: Bench) -> None:
    two = "    quorum: {count: 2}\n"
    number = changed(
        bench,
        ("    by: [COM]\n", "    by: [COM, TECH]\n" + two),
        ("    from: [BROKEN, PRICED]\n    to: SCRAPPED\n    by: [QM, SYS]\n", "    from: [BROKEN]\n    to: SCRAPPED\n    by: [QM]\n" + two),
    )
    assert bench.step(number, "price_it", PRICER, fields=GOOD).state == "BROKEN"
    assert bench.step(number, "scrap_it", KEEPER).state == "BROKEN"
    assert bench.step(number, "price_it", MENDER).state == "BROKEN"
    assert bench.step(number, "scrap_it", JACK).state == "BROKEN"
    assert bench.step(number, "scrap_it", KEEPER).state == "SCRAPPED"
    with bench.store.reading() as connection:
        assert all(check.passed for check in compare(connection, bench.engine))


def test_too_few_named_for_a_step_are_said_in_words(bench: Bench) -> None:
    number = changed(
        bench,
        ("      maker: {type: text,", "      whose: {type: person, title: {it: Di chi, en: Whose}}\n      maker: {type: text,"),
        ("    by: [COM]\n", "    by: [COM]\n    quorum: {of: parts.whose, count: 2}\n"),
    )
    with pytest.raises(Refused) as refused:
        bench.step(number, "price_it", PRICER, fields={**GOOD, "parts": [{"name": "x", "whose": "pricer"}]})
    assert refused.value.codes == ("QUORUM:too_few",)
    for language in LANGUAGES:
        assert "2" in sentence(language, refused.value.reasons[0])


def test_what_is_computed_from_the_form_is_not_judged_before_it_is_filled_in(bench: Bench) -> None:
    computed = (
        '  dear: {type: money, title: {it: x, en: x}, computed: "cost + 1"}\n'
        '  dearer: {type: money, title: {it: x, en: x}, computed: "dear + 1"}\n'
    )
    number = changed(bench, ("  grade:\n", computed + "  grade:\n"), ('that: "cost <= figure.top_price"', 'that: "dearer <= 500"'))
    with bench.store.reading() as connection:
        case = show(connection, bench.engine, number, KEEPER)
        offered = next(one for one in offers(connection, bench.engine, case, PRICER) if one.step.name == "price_it")
    assert offered.reasons == ()
    with pytest.raises(Refused) as refused:
        bench.step(number, "price_it", PRICER, fields={"cost": "499", "grade": "MID"})
    assert refused.value.codes == ("GUARD:not_too_dear",)


def test_whom_a_field_of_the_form_names_is_not_judged_before_it_is_filled_in(bench: Bench) -> None:
    number = changed(bench, ("    asks: [note?]\n", "    asks: [note?, owner_of_it?]\n"))
    bench.step(number, "price_it", PRICER, fields={**GOOD, "owner_of_it": "mender"})
    with bench.store.reading() as connection:
        case = show(connection, bench.engine, number, KEEPER)
        offered = next(one for one in offers(connection, bench.engine, case, MENDER) if one.step.name == "mend_it")
    assert offered.open
    with pytest.raises(Refused) as refused:
        bench.step(number, "mend_it", MENDER, comment="x")
    assert refused.value.codes == ("SOD:pricer_mends",)
    assert bench.step(number, "mend_it", MENDER, comment="x", fields={"owner_of_it": "head"}).state == "MENDED"
