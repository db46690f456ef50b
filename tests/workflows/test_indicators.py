"""What a workflow measures over its cases: by period, exactly, at the same cost whatever lies behind, and nothing of groups too small."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event

from qms.database import Database
from qms.locale import LANGUAGES, sentence
from qms.people.actor import Actor
from qms.workflows import indicators
from qms.workflows.case import put_in_force
from qms.workflows.check import check_sources
from qms.workflows.indicators import (
    ALARM,
    FEW,
    FOLLOWED,
    KNOWN,
    MANY,
    NOBODY,
    OFF_TARGET,
    ON_TARGET,
    RUNNING,
    UNKNOWN,
    Measured,
    Period,
    Reading,
)
from tests.workflows.samples import KEEPER, LAMP, OTHER, OWN, PRICER, QUERY, Bench, actor, engine_for, file_of, furnish

INDICATORS = """
indicators:
  priced_in_time:
    title: {it: Preventivi in tempo, en: Priced in time}
    every: month
    value: "count(one for one in cases if 'pricing' not in one.late) / count(cases) * 100"
    unit: "%"
    at_least: "90"
    alarm: "60"
  dear:
    title: {it: Costo medio, en: Mean cost}
    of: opened
    every: quarter
    value: "sum(one.cost for one in cases if filled(one.cost)) / count(one for one in cases if filled(one.cost))"
    group: "count(one for one in cases if filled(one.cost))"
    unit: {it: euro, en: euros}
    at_most: "figure.top_price / 5"
    floor: 2
  lying:
    title: {it: Tempo, en: Time}
    every: year
    value: "median(days_between(one.opened_at, one.closed_at) for one in cases)"
"""
FIGURES = "top_price:\n  title: {it: x, en: x}\n  values:\n    - {from: 2020-01-01, value: 500, source: x}\n"
MEASURED = LAMP + INDICATORS
READER = replace(KEEPER, house=OWN)
HOUSES = replace(actor("somebody", "WORKER"), house=OWN)
JANUARY = datetime(2035, 1, 10, 9, 0, tzinfo=UTC)


@pytest.fixture
def bench(store: Database) -> Bench:
    store.clock = lambda: JANUARY
    engine = engine_for(store)
    furnish(store, engine, MEASURED, QUERY)
    return Bench(store, engine)


def at(bench: Bench, *moment: int) -> None:
    bench.store.clock = lambda: datetime(2035, *moment, tzinfo=UTC)  # type: ignore[arg-type, misc]


def scrapped(bench: Bench, **fields: object) -> str:
    """A case that came to its end."""
    number = bench.open(fields={"title": "Lamp", **fields})
    bench.step(number, "scrap_it", KEEPER)
    return number


def measured(bench: Bench, by: Actor = READER, workflow: str = "lamp-repair") -> dict[str, Measured]:
    with bench.store.reading() as connection:
        loaded = bench.engine.definitions.in_force(connection, workflow)
        assert loaded is not None
        return {one.indicator.name: one for one in indicators.measure(connection, bench.engine, loaded.definition, by)}


def reading(bench: Bench, name: str, period: str) -> Reading:
    return next(one for one in measured(bench)[name].readings if one.period.code == period)


def test_a_case_counts_in_the_month_of_rome_in_which_it_ended(bench: Bench) -> None:
    number = bench.open()
    at(bench, 1, 31, 22, 59)
    bench.step(number, "scrap_it", KEEPER)
    at(bench, 1, 31, 23, 1)
    scrapped(bench)
    at(bench, 3, 1, 9)
    assert [one.period.code for one in measured(bench)["priced_in_time"].readings] == [
        "2035-03",
        "2035-02",
        "2035-01",
        "2034-12",
        "2034-11",
    ]
    late, good = reading(bench, "priced_in_time", "2035-01"), reading(bench, "priced_in_time", "2035-02")
    assert (late.value, late.group, late.stands, late.is_running) == (Decimal(0), 1, ALARM, False)
    assert (good.value, good.group, good.stands, good.target, good.alarm) == (Decimal(100), 1, ON_TARGET, Decimal(90), Decimal(60))
    assert reading(bench, "priced_in_time", "2035-03") == Reading(
        Period("month", date(2035, 3, 1), date(2035, 3, 31)), True, NOBODY, target=Decimal(90), alarm=Decimal(60)
    )


def test_a_deadline_that_is_past_and_undone_counts_as_missed_from_its_moment_on(bench: Bench) -> None:
    bench.open()
    scrapped(bench)
    other = bench.open()
    at(bench, 1, 12, 23, 30)
    bench.step(other, "scrap_it", KEEPER)
    found = reading(bench, "priced_in_time", "2035-01")
    assert (found.value, found.group, found.stands, found.is_running) == (Decimal(50), 2, ALARM, True)


def test_the_middle_and_between_target_and_alarm(bench: Bench) -> None:
    numbers = [bench.open() for _ in range(4)]
    for number, days in zip(numbers, (1, 2, 7, 2), strict=True):
        at(bench, 1, 10 + days, 9)
        bench.step(number, "scrap_it", KEEPER)
    found = reading(bench, "lying", "2035")
    assert (found.value, found.stands, found.target) == (Decimal(2), FOLLOWED, None)
    # Two and seven days late of four: 75 per cent would be off target; half is an alarm.
    assert reading(bench, "priced_in_time", "2035-01").value == 75
    assert reading(bench, "priced_in_time", "2035-01").stands == OFF_TARGET


def test_a_group_below_the_floor_tells_neither_value_nor_size_and_a_running_period_nothing(bench: Bench) -> None:
    for cost in ("100", "140"):
        bench.step(bench.open(), "price_it", PRICER, fields={"cost": cost, "grade": "MID"}, evidence=[file_of("one")])
    bench.open()
    first = reading(bench, "dear", "2035-T1")
    assert (first.is_running, first.known, first.value, first.group) == (True, RUNNING, None, None)
    at(bench, 4, 1, 9)
    bench.step(bench.open(), "price_it", PRICER, fields={"cost": "80", "grade": "MID"}, evidence=[file_of("one")])
    bench.open()
    at(bench, 7, 1, 9)
    first, second, third = (reading(bench, "dear", f"2035-T{one}") for one in (1, 2, 3))
    assert (first.value, first.group, first.target, first.stands) == (Decimal(120), 2, Decimal(100), OFF_TARGET)
    assert (second.known, second.value, second.group, second.target) == (FEW, None, None, Decimal(100))
    assert third.known == RUNNING
    assert measured(bench)["dear"].newest == first


def test_what_is_not_known_is_not_nought(bench: Bench) -> None:
    source = MEASURED.replace("if filled(one.cost)) / count", ") / count").replace(
        'group: "count(one for one in cases if filled(one.cost))"', ""
    )
    with bench.store.writing() as tx:
        put_in_force(tx, source.replace("floor: 2", "floor: 1").encode(), "w.yaml", KEEPER)
    bench.open()
    found = reading(bench, "dear", "2035-T1")
    assert (found.known, found.value, found.stands) == (UNKNOWN, None, None)


def test_cases_of_an_older_definition_count_with_what_they_have(bench: Bench) -> None:
    scrapped(bench)
    scrapped(bench)
    newer = MEASURED.replace(
        "  note: {type: long_text", "  weight: {type: integer, title: {it: Peso, en: Weight}}\n  note: {type: long_text"
    )
    newer += """  heavy:
    title: {it: Pesanti, en: Heavy}
    every: month
    value: "count(one for one in cases if filled(one.weight) and one.weight > 5)"
  sure:
    title: {it: Sicuro, en: Sure}
    every: month
    value: "count(one for one in cases if one.weight > 5)"
"""
    newer = newer.replace("asks: [title, deadline_at?, customer?, cig?]}", "asks: [title, weight?, customer?, cig?]}")
    with bench.store.writing() as tx:
        put_in_force(tx, newer.encode(), "w.yaml", KEEPER)
    scrapped(bench, weight="9")
    assert reading(bench, "heavy", "2035-01").value == 1
    assert reading(bench, "sure", "2035-01").known == UNKNOWN


def test_who_sees_them(bench: Bench) -> None:
    scrapped(bench)
    member = replace(actor("member", "QM", where=OTHER), house=OWN)
    outside = replace(KEEPER, house=OWN, kind="outside")
    examiner = replace(actor("examiner", "AUDITOR", kind="auditor"), house=OWN)
    assert set(measured(bench, HOUSES)) == set(measured(bench, examiner)) == {"priced_in_time", "dear", "lying"}
    assert measured(bench, member) == measured(bench, outside) == {}
    with bench.store.writing() as tx:
        own = QUERY + '\nindicators:\n  lapsed: {title: {it: Scadute, en: Lapsed}, value: "count(cases)"}\n'
        put_in_force(tx, own.encode(), "w.yaml", KEEPER)
    assert set(measured(bench, READER, "lamp-query")) == {"lapsed"}
    assert measured(bench, HOUSES, "lamp-query") == measured(bench, examiner, "lamp-query") == {}


def test_more_cases_than_can_be_reckoned_say_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indicators, "MOST_CASES", 1)
    scrapped(bench)
    assert reading(bench, "priced_in_time", "2035-01").known == KNOWN
    scrapped(bench)
    assert reading(bench, "priced_in_time", "2035-01").known == MANY


@contextmanager
def asked(bench: Bench) -> Iterator[list[str]]:
    """The questions that the database is asked meanwhile."""
    found: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        found.append(statement)

    event.listen(bench.store.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(bench.store.engine, "before_cursor_execute", note)


def test_as_many_questions_after_years_as_on_the_first_day_and_by_an_index(bench: Bench) -> None:
    scrapped(bench)
    measured(bench)
    with asked(bench) as few:
        measured(bench)
    for month in (2, 3, 4, 5, 6, 7):
        at(bench, month, 5, 9)
        for _ in range(4):
            scrapped(bench)
    measured(bench)
    with asked(bench) as many:
        measured(bench)
    asking_for_cases = [one for one in many if "FROM case_file" in one]
    assert len(asking_for_cases) == len([one for one in few if "FROM case_file" in one]) == 14
    assert len(many) <= 2 * len(asking_for_cases) + 5
    if bench.store.engine.dialect.name == "sqlite":
        with bench.store.reading() as connection:
            for mine, when, index in (("definition", "closed_at", "definition"), ("workflow", "opened_at", "opened")):
                query = f"EXPLAIN QUERY PLAN SELECT * FROM case_file WHERE {mine} IN ('x', 'y') AND {when} >= 'a' AND {when} < 'b'"
                plan = " ".join(str(row) for row in connection.exec_driver_sql(query))
                assert f"case_file_{index}" in plan


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('at_least: "90"', 'at_least: "90"\n    at_most: "95"', "indicator_both"),
        ('    at_least: "90"\n', "", "indicator_alarm"),
        ("floor: 2", "floor: 0", "indicator_floor"),
        ("floor: 2", "floor: 2.5", "indicator_floor"),
        ("every: month", "every: week", "value"),
        ("of: opened", "of: reopened", "value"),
        ("'pricing' not in", "'prycing' not in", "expression"),
        ("one.cost for one in cases", "one.price for one in cases", "expression"),
        ("one.cost for one in cases", "one.customer for one in cases", "expression"),
        ('at_most: "figure.top_price / 5"', 'at_most: "count(cases)"', "expression"),
        ('at_most: "figure.top_price / 5"', 'at_most: "figure.no_such"', "unknown_figure"),
        ("count(cases) * 100", "count(cases) * cost", "expression"),
        ("count(cases) * 100", "count(cases) * count(links.queries)", "expression"),
        ("count(cases) * 100", "(1 if holds('QM') else 2)", "indicator_roles"),
        ("count(cases) * 100", "(1 if taken('price_it') else 2)", "expression"),
        ("    unit: \"%\"", "    units: \"%\"", "key_unknown"),
        ("  priced_in_time:", "  Priced:", "name_malformed"),
    ],
)  # fmt: skip
def test_what_cannot_be_measured_is_found(old: str, new: str, code: str) -> None:
    assert old in INDICATORS
    found = check_sources({"a.yaml": (LAMP + INDICATORS.replace(old, new, 1)).encode()}, "small", ("figures.yaml", FIGURES.encode()))
    assert code in {problem.code.rpartition(".")[2] for problem in found} or any(code in problem.code for problem in found), found
    assert all(sentence(language, problem) for problem in found for language in LANGUAGES)


def test_a_workflow_about_persons_needs_a_floor() -> None:
    personal = QUERY.replace("restricted", "personal")
    one = '\nindicators:\n  lapsed: {{title: {{it: Scadute, en: Lapsed}}, value: "count(cases)"{}}}\n'
    codes = [
        {problem.code for problem in check_sources({"a.yaml": (personal + one.format(floor)).encode()}, "small")}
        for floor in ("", ", floor: 2", ", floor: 3")
    ]
    assert ["workflow.indicator_floor" in found for found in codes] == [True, True, False]


def test_a_period_ends_where_the_next_begins() -> None:
    for every in indicators.LENGTH:
        day = date(2034, 11, 30)
        for _ in range(800):
            now, before = list(indicators._periods(every, day, 1))
            assert now.first <= day <= now.last
            assert before.last + timedelta(days=1) == now.first
            day += timedelta(days=1)


def test_values_are_exact(bench: Bench) -> None:
    for cost in ("0.10", "0.20"):
        bench.step(bench.open(), "price_it", PRICER, fields={"cost": cost, "grade": "MID"}, evidence=[file_of("one")])
    at(bench, 4, 1, 9)
    assert reading(bench, "dear", "2035-T1").value == Decimal("0.15")


DEAREST = """indicators:
  dearest:
    title: {it: x, en: x}
    of: opened
    every: month
    value: "max(one.cost for one in cases)"
    floor: FLOOR
"""


def kept_for(roles: str, floor: int = 1) -> str:
    source = LAMP + DEAREST.replace("FLOOR", str(floor))
    return source.replace("parties: {", f"confidentiality: {roles}\nparties: {{", 1) if roles != "normal" else source


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("normal", "{restricted: [COM]}", True),
        ("{restricted: [COM, TOP]}", "{restricted: [COM]}", True),
        ("{restricted: [COM]}", "normal", False),
        ("{restricted: [COM]}", "{restricted: [COM, TOP]}", False),
        ("{personal: [COM]}", "normal", False),
        ("{personal: [COM]}", "{restricted: [COM]}", False),
    ],
)
def test_cases_of_a_more_confidential_time_are_not_counted(bench: Bench, before: str, after: str, told: bool) -> None:
    def renew(source: str) -> None:
        with bench.store.writing() as tx:
            put_in_force(tx, source.encode(), "w.yaml", KEEPER)

    renew(kept_for(before, 3 if "personal" in before else 1))
    number = bench.open()
    bench.step(number, "price_it", PRICER, fields={"cost": "123,45", "grade": "MID"}, evidence=[file_of("one")])
    renew(kept_for(after))
    with bench.store.reading() as connection:
        definition = bench.engine.definitions.in_force(connection, "lamp-repair").definition
        (measured,) = indicators.measure(connection, bench.engine, definition, replace(PRICER, house=OWN), 0)
    assert (measured.readings[0].value == Decimal("123.45")) == told
