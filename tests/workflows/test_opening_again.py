"""What a closed case contains is not opened again beneath it: a reopened action cannot leave its nonconformity closed."""

from datetime import UTC, datetime

import pytest

from qms.database import Database
from qms.errors import Refused, Stale
from qms.people.signature import Proof
from qms.records import trail
from qms.workflows import file
from qms.workflows.case import compare, put_in_force, show
from qms.workflows.check import check_sources
from tests.workflows.samples import HEAD, JACK, KEEPER, LAMP, QUERY, Bench, actor, engine_for, file_of, furnish

AGAIN = QUERY.replace("en: Answered}, kind: final}", "en: Answered}, kind: settled}").replace(
    "  lapse_it:", "  ask_again: {title: {it: Richiedi, en: Ask again}, from: ANSWERED, to: ASKED, by: [QM]}\n  lapse_it:"
)

MENDER_TOO = actor("mender", "TECH", "QM")


@pytest.fixture
def bench(store: Database) -> Bench:
    store.clock = lambda: datetime(2035, 3, 1, 9, 0, tzinfo=UTC)
    engine = engine_for(store)
    furnish(store, engine, LAMP, AGAIN)
    return Bench(store, engine)


def closed(bench: Bench) -> tuple[str, str]:
    """A lamp given back and its query, answered."""
    assert AGAIN.count("ask_again") == 1
    number = bench.mended()
    child = bench.open(workflow="lamp-query", links_to=[(number, "queries")])
    bench.step(child, "answer_it", KEEPER)
    bench.step(number, "give_back", HEAD, proof=Proof("head", bench.store.clock()))
    return number, child


def test_a_contained_case_is_opened_again_only_after_the_one_that_contains_it(bench: Bench) -> None:
    number, child = closed(bench)
    with pytest.raises(Refused) as refused:
        bench.step(child, "ask_again", KEEPER)
    assert refused.value.codes == (f"PARENT:{number}",)
    bench.step(number, "reopen_it", KEEPER)
    assert bench.step(child, "ask_again", KEEPER).state == "ASKED"


@pytest.mark.parametrize("change", ["relation: references", "relation: contains, reopened: allow"])
def test_what_is_only_referred_to_or_left_to_itself_is_opened_again_freely(bench: Bench, change: str) -> None:
    with bench.store.writing() as tx:
        put_in_force(tx, LAMP.replace("relation: contains", change).encode(), "w.yaml", KEEPER)
    _, child = closed(bench)
    assert bench.step(child, "ask_again", KEEPER).state == "ASKED"


def test_a_case_that_stands_alone_is_opened_again(bench: Bench) -> None:
    child = bench.open(workflow="lamp-query")
    bench.step(child, "answer_it", KEEPER)
    assert bench.step(child, "ask_again", KEEPER).state == "ASKED"


WITH_IT = LAMP.replace("relation: contains", "relation: contains, reopened: {step: reopen_it}").replace(
    "    to: BROKEN\n    by: [QM]\n", "    to: BROKEN\n    by: [QM, SYS]\n"
)


def test_a_case_is_opened_again_with_the_one_it_contains(bench: Bench) -> None:
    with bench.store.writing() as tx:
        put_in_force(tx, WITH_IT.encode(), "w.yaml", KEEPER)
    number, child = closed(bench)
    bench.later(days=3)
    receipt = bench.step(child, "ask_again", KEEPER)
    with bench.store.reading() as connection:
        parent = show(connection, bench.engine, number, KEEPER)
        entry = trail.entry(connection, receipt.position + 1)
        assert [check for check in compare(connection, bench.engine) if not check.passed] == []
    assert (parent.state, parent.file.is_closed) == ("BROKEN", False)
    assert (entry.event, entry.said["case"]["step"], entry.said["case"]["number"]) == ("step-taken", "reopen_it", number)
    assert entry.said["by"]["person"] == "system"
    assert {running.timer.name for running in parent.timers} >= {"pricing"}


def test_when_the_one_that_contains_it_cannot_be_opened_nothing_happens(bench: Bench) -> None:
    never = WITH_IT.replace(
        "by: [QM, SYS]\n", 'by: [QM, SYS]\n    guards: [{code: dear, that: "cost > 200", message: {it: x, en: x}}]\n', 1
    )
    with bench.store.writing() as tx:
        put_in_force(tx, never.encode(), "w.yaml", KEEPER)
    number, child = closed(bench)
    with bench.store.reading() as connection:
        before = trail.size(connection)
    with pytest.raises(Refused) as refused:
        bench.step(child, "ask_again", KEEPER)
    assert refused.value.codes == (f"PARENT:{number}",)
    assert "GUARD:dear" in str(refused.value.reasons[0].text)
    with bench.store.reading() as connection:
        assert trail.size(connection) == before
        assert show(connection, bench.engine, child, KEEPER).state == "ANSWERED"


def test_whoever_works_on_the_one_that_contains_it_is_not_overtaken(bench: Bench) -> None:
    with bench.store.writing() as tx:
        put_in_force(tx, WITH_IT.encode(), "w.yaml", KEEPER)
    number, child = closed(bench)
    if bench.store.engine.dialect.name == "postgresql":  # on SQLite there is only ever one who writes
        with bench.store.writing() as other:
            file.load(other.connection, number, lock=True)
            with pytest.raises(Stale):
                bench.step(child, "ask_again", KEEPER)
    assert bench.step(child, "ask_again", KEEPER).state == "ASKED"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("{step: reopen_it}", "{step: reopn_it}", "workflow.unknown_step"),
        ("{step: reopen_it}", "{step: add_photo}", "workflow.reopening_step"),
        ("{step: reopen_it}", "{step: give_back}", "workflow.reopening_step"),
        ("{step: reopen_it}", "{steps: reopen_it}", "workflow.key_unknown"),
        ("by: [QM, SYS]\n", "by: [QM]\n", "workflow.reopening_step"),
        ("by: [QM, SYS]\n", "by: [QM, SYS]\n    asks: [note]\n", "workflow.reopening_step"),
    ],
)
def test_a_step_that_cannot_open_it_is_found(old: str, new: str, code: str) -> None:
    assert old in WITH_IT
    found = check_sources({"a.yaml": WITH_IT.replace(old, new, 1).encode(), "b.yaml": AGAIN.encode()}, "small")
    assert code in {problem.code for problem in found}


def test_why_the_one_that_contains_it_stays_closed_is_told_only_to_who_sees_it(bench: Bench) -> None:
    dear = 'by: [QM, SYS]\n    guards: [{code: dear, that: "cost > 200", message: {it: x, en: x}}]\n'
    hidden = WITH_IT.replace("by: [QM, SYS]\n", dear, 1).replace("retention:", "confidentiality: {restricted: [QM]}\nretention:", 1)
    with bench.store.writing() as tx:
        put_in_force(tx, hidden.encode(), "w.yaml", KEEPER)
        put_in_force(tx, AGAIN.replace("ASKED, by: [QM]}", "ASKED, by: [QM, TOP]}").encode(), "w.yaml", KEEPER)
    number = bench.open()
    child = bench.open(workflow="lamp-query", links_to=[(number, "queries")])
    bench.step(child, "answer_it", KEEPER)
    bench.step(number, "price_it", JACK, fields={"cost": "10", "grade": "MID"}, evidence=[file_of("one")])
    bench.step(number, "mend_it", MENDER_TOO, comment="Fatto")
    bench.step(number, "give_back", JACK, proof=Proof("jack", bench.store.clock()))
    for by, told in ((KEEPER, True), (HEAD, False)):
        with pytest.raises(Refused) as refused:
            bench.step(child, "ask_again", by)
        assert refused.value.codes == (f"PARENT:{number}",)
        assert ("GUARD:dear" in str(refused.value.reasons[0].text)) == told
