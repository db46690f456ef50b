"""What has been kept long enough is told to who keeps the records, whatever else there is that they may not see."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from qms.database import Database
from qms.desk import disposal
from qms.workflows.case import put_in_force
from tests.workflows.samples import KEEPER, LAMP, OTHER, OWN, Bench, actor, engine_for, furnish

MORNING = datetime(2035, 3, 1, 9, 0, tzinfo=UTC)
TERMS = {"R-QMS": 12}
ARCHIVIST = replace(actor("archivist", "QM"), house=OWN)


@pytest.fixture
def bench(store: Database) -> Bench:
    store.clock = lambda: MORNING
    engine = engine_for(store)
    furnish(store, engine)
    return Bench(store, engine)


def scrapped(bench: Bench, *organisations: str) -> str:
    both = replace(KEEPER, held=KEEPER.held | {("QM", OTHER)})
    number = bench.open(both, organisations=organisations)
    bench.step(number, "scrap_it", both)
    bench.later(days=1)
    return number


def test_cases_of_others_do_not_hide_those_that_one_may_see(bench: Bench) -> None:
    with bench.store.writing() as tx:
        put_in_force(tx, LAMP.replace("default: [own]", f"default: [{OTHER}]").encode(), "w.yaml", KEEPER)
    scrapped(bench)
    mine = scrapped(bench, OWN)
    with bench.store.reading() as connection:
        found = disposal.over(connection, bench.engine, TERMS, ARCHIVIST, MORNING + timedelta(days=500), limit=1)
    assert [(one.number, one.stays) for one in found] == [(mine, True)]


def test_what_is_over_stands_from_the_longest_over_on_whatever_definition_it_ran_under(bench: Bench) -> None:
    first = scrapped(bench)
    with bench.store.writing() as tx:
        put_in_force(tx, LAMP.replace("en: Lamp repair", "en: Lamps").encode(), "w.yaml", KEEPER)
    second, still_kept = scrapped(bench), bench.mended()
    bench.later(days=1)
    scrapped(bench)
    with bench.store.reading() as connection:
        found = disposal.over(connection, bench.engine, TERMS, ARCHIVIST, datetime(2036, 3, 3, 9, tzinfo=UTC))
        assert disposal.over(connection, bench.engine, {}, ARCHIVIST, datetime(2136, 3, 3, tzinfo=UTC)) == []
    assert [one.number for one in found] == [first, second]
    assert still_kept not in [one.number for one in found]
