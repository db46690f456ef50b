"""What a closed case contains is not opened again beneath it: a reopened action cannot leave its nonconformity closed."""

from datetime import UTC, datetime

import pytest

from qms.database import Database
from qms.errors import Refused
from qms.people.signature import Proof
from qms.workflows.case import put_in_force
from tests.workflows.samples import HEAD, KEEPER, LAMP, QUERY, Bench, engine_for, furnish

AGAIN = QUERY.replace("en: Answered}, kind: final}", "en: Answered}, kind: settled}").replace(
    "  lapse_it:", "  ask_again: {title: {it: Richiedi, en: Ask again}, from: ANSWERED, to: ASKED, by: [QM]}\n  lapse_it:"
)


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


@pytest.mark.parametrize("change", ["relation: references", "relation: contains, reopened: leave"])
def test_what_is_only_referred_to_or_left_to_itself_is_opened_again_freely(bench: Bench, change: str) -> None:
    with bench.store.writing() as tx:
        put_in_force(tx, LAMP.replace("relation: contains", change).encode(), "w.yaml", KEEPER)
    _, child = closed(bench)
    assert bench.step(child, "ask_again", KEEPER).state == "ASKED"


def test_a_case_that_stands_alone_is_opened_again(bench: Bench) -> None:
    child = bench.open(workflow="lamp-query")
    bench.step(child, "answer_it", KEEPER)
    assert bench.step(child, "ask_again", KEEPER).state == "ASKED"
