"""Steps that several must take: who counts as somebody else, what voids what was agreed, and what is said when too few are named."""

from dataclasses import replace

import pytest

from qms.errors import BadContent, Refused
from qms.locale import LANGUAGES, sentence
from qms.records.evidence import Attachment
from qms.workflows.case import compare, link_case, offers, put_in_force, show
from tests.workflows.samples import HEAD, JACK, KEEPER, LAMP, MENDER, OWN, PRICER, Bench, actor, file_of

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


ANEW = (
    "    by: [TECH, COM]\n    evidence: [PHOTO]\n",
    "    by: [TECH, COM]\n    evidence: [PHOTO!, BILL?]\n",
)


def with_photo(bench: Bench, *changes: tuple[str, str]) -> str:
    """A priced lamp with the photo ``old``; to add a photo takes a new one."""
    number = changed(bench, ANEW, *changes)
    bench.step(number, "price_it", PRICER, fields=GOOD)
    bench.step(number, "add_photo", PRICER, evidence=[file_of("old")])
    return number


def test_evidence_that_must_be_new_is_not_there_from_before_nor_sent_a_second_time(bench: Bench) -> None:
    number = changed(bench, ANEW)
    bench.step(number, "price_it", PRICER, fields=GOOD)
    assert codes_of(bench, number) == ("EVIDENCE_MISSING:PHOTO",)
    bench.step(number, "add_photo", PRICER, evidence=[file_of("old")])
    assert codes_of(bench, number) == ("EVIDENCE_NEW:PHOTO",)
    assert codes_of(bench, number, file_of("old")) == ("EVIDENCE_NEW:PHOTO",)
    with pytest.raises(Refused) as refused:
        bench.step(number, "add_photo", PRICER, evidence=[file_of("a bill", "BILL", "b.pdf")])
    assert refused.value.codes == ("EVIDENCE_NEW:PHOTO",)
    assert [sentence(language, refused.value.reasons[0]) for language in LANGUAGES] == [
        "Serve un allegato nuovo, quello di prima non basta: Foto.",
        "New evidence is needed, the former does not do: Photo.",
    ]
    assert codes_of(bench, number, file_of("new")) == ()
    with bench.store.reading() as connection:
        assert all(check.passed for check in compare(connection, bench.engine))


def codes_of(bench: Bench, number: str, *files: Attachment) -> tuple[str, ...]:
    try:
        bench.step(number, "add_photo", PRICER, evidence=list(files))
    except Refused as refused:
        return refused.codes
    return ()


def test_where_several_must_the_first_brings_what_must_be_new_and_who_comes_after_a_change_brings_it_again(bench: Bench) -> None:
    number = with_photo(bench, ("    from: [PRICED, MENDED]\n", "    from: [PRICED, MENDED]\n    quorum: {count: 2}\n"))
    assert codes_of(bench, number, file_of("other")) == ("QUORUM:altered", "QUORUM:already")
    bench.step(number, "add_photo", MENDER)
    assert codes_of(bench, number) == ("EVIDENCE_NEW:PHOTO",)
    bench.step(number, "add_photo", PRICER, evidence=[file_of("third")])
    bench.step(number, "mend_it", MENDER, comment="x")
    assert codes_of(bench, number) == ("EVIDENCE_NEW:PHOTO",)


def test_only_evidence_is_asked_anew(bench: Bench) -> None:
    with pytest.raises(BadContent) as wrong:
        changed(bench, ("    asks: [note?]\n", "    asks: [note!]\n"))
    assert [problem.code for problem in wrong.value.problems] == ["workflow.unknown_field"]


def test_a_case_linked_after_somebody_agreed_is_agreed_to_anew(bench: Bench) -> None:
    number = changed(bench, ("    by: [COM]\n", "    by: [COM, TECH]\n    quorum: {count: 2}\n"))
    bench.step(number, "price_it", PRICER, fields=GOOD)
    finding = bench.open(workflow="lamp-query")
    with bench.store.writing() as tx:
        link_case(tx, bench.engine, number, "queries", finding, KEEPER, key="l1")
    assert bench.step(number, "price_it", MENDER).state == "BROKEN"
    assert bench.step(number, "price_it", PRICER).state == "PRICED"
    with bench.store.reading() as connection:
        assert all(check.passed for check in compare(connection, bench.engine))
