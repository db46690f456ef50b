"""What falls due, for whom, and what running work measured: results side by side, each judged by its worst indicator."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event

from qms.desk import deadlines, results
from qms.workflows import case
from tests.house import House, key

REPORTED = {
    "title": "Registro incompleto",
    "description": "Mancano due firme nel registro del canile.",
    "process": "TENDERS",
    "nc_source": "SELF",
}


def report(house: House, count: int = 1) -> None:
    for _ in range(count):
        with house.app.writing() as tx:
            case.open_case(tx, house.app.engine, "nonconformity", house.actor("verifier"), fields=REPORTED, key=key())


def test_deadlines_are_of_cases_one_may_see_late_first_and_page_by_page(either_house: House) -> None:
    house = either_house
    report(house)
    house.clock.pass_(days=20)
    report(house)
    until = house.clock.now + timedelta(days=30)
    with house.app.reading() as connection:
        found = deadlines.due(connection, house.app.engine, house.actor("quality"), until)
        assert [one.number for one in found] == ["NC-2026-0001", "NC-2026-0002"]
        assert found[0].due_at < house.clock.now < found[1].due_at
        first = deadlines.due(connection, house.app.engine, house.actor("quality"), until, limit=1)
        second = deadlines.due(connection, house.app.engine, house.actor("quality"), until, after=first[-1].cursor, limit=1)
        assert [one.number for one in (*first, *second)] == ["NC-2026-0001", "NC-2026-0002"]
        assert deadlines.due(connection, house.app.engine, house.actor("kennel"), until) == []


def test_a_case_with_several_deadlines_stands_on_the_next_page_with_those_not_told_yet(house: House) -> None:
    report(house, 3)
    until = house.clock.now + timedelta(days=3650)
    with house.app.reading() as connection:
        engine, by = house.app.engine, house.actor("quality")
        whole = [one.cursor for one in deadlines.due(connection, engine, by, until)]
        paged: list[str] = []
        while found := deadlines.due(connection, engine, by, until, after=paged[-1] if paged else "", limit=1):
            paged += [one.cursor for one in found]
        assert paged == whole
        assert len(whole) >= 3


def test_deadlines_are_chosen_by_organisation_and_by_law(house: House) -> None:
    report(house)
    until = house.clock.now + timedelta(days=30)
    with house.app.reading() as connection:
        engine, by = house.app.engine, house.actor("quality")
        assert len(deadlines.due(connection, engine, by, until, organisation="consorzio")) == 1
        assert deadlines.due(connection, engine, by, until, organisation="canile") == []
        assert deadlines.due(connection, engine, by, until, legal=True) == []
        (one,) = deadlines.due(connection, engine, by, until)
        assert one.whose in {role for role, _ in house.actor("quality").held}


def test_the_scadenzario_asks_no_more_for_more_cases(house: House) -> None:
    asked: list[str] = []
    event.listen(house.app.database.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))

    def questions() -> int:
        with house.app.reading() as connection:
            deadlines.due(connection, house.app.engine, house.actor("quality"), house.clock.now + timedelta(days=30))
            asked.clear()
            deadlines.due(connection, house.app.engine, house.actor("quality"), house.clock.now + timedelta(days=30))
            return len(asked)

    report(house)
    few = questions()
    report(house, 8)
    assert questions() == few


def measured(value: str, target: str, alarm: str | None, at_least: bool) -> str:
    return results.Measure("x", Decimal(value), Decimal(target), Decimal(alarm) if alarm else None, at_least, ()).stands


@pytest.mark.parametrize(
    ("value", "target", "alarm", "at_least", "stands"),
    [
        ("0.99", "0.99", "0.97", True, results.ON_TARGET),
        ("0.98", "0.99", "0.97", True, results.OFF_TARGET),
        ("0.97", "0.99", "0.97", True, results.OFF_TARGET),
        ("0.969", "0.99", "0.97", True, results.ALARM),
        ("1", "1", "2", False, results.ON_TARGET),
        ("2", "1", "2", False, results.OFF_TARGET),
        ("2.1", "1", "2", False, results.ALARM),
        ("5", "1", None, False, results.OFF_TARGET),
    ],
)
def test_a_measure_stands_on_target_off_it_or_in_alarm(value: str, target: str, alarm: str | None, at_least: bool, stands: str) -> None:
    assert measured(value, target, alarm, at_least) == stands


def test_results_are_read_by_the_columns_that_the_workflow_names(house: House) -> None:
    with house.app.reading() as connection:
        loaded = next(one for one in house.app.engine.definitions.all_in_force(connection) if one.definition.measures)
    names = loaded.definition.measures or {}
    first, second = loaded.definition.fields[names["table"]].columns[names["result"]].options  # type: ignore[index, misc]
    base = {names["target"]: "1", names["alarm"]: "0.5", names["sense"]: "AT_LEAST", names["indicator"]: "Turni"}
    rows = [
        {**base, names["result"]: first, names["period"]: "2026-01", names["value"]: "0.4"},
        {**base, names["result"]: first, names["period"]: "2026-02", names["value"]: "1"},
        {**base, names["result"]: second, names["period"]: "2026-01", names["value"]: "0.4"},
    ]
    one, other = results.results_of(loaded.definition, {names["table"]: rows})
    assert (one.period, one.stands, [value for _, value in one.measures[0].series]) == (
        "2026-02",
        results.ON_TARGET,
        [Decimal("0.4"), Decimal(1)],
    )
    assert (other.period, other.stands) == ("2026-01", results.ALARM)
