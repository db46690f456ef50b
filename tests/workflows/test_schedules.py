"""Cases that open by themselves: on their day, once, whoever looks and however late; never for days before the workflow was there."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qms.database import Database
from qms.locale import LANGUAGES, sentence
from qms.records import trail
from qms.workflows.case import compare, put_in_force, show
from qms.workflows.check import check_sources
from qms.workflows.recurring import Schedule
from qms.workflows.schedules import Schedules, last_on, next_after
from tests.workflows.samples import KEEPER, LAMP, QUERY, Bench, engine_for, furnish

AT_NOON = datetime(2035, 2, 10, 11, 0, tzinfo=UTC)
EVERY = """scheduled:
  spring:
    title: {it: Primavera, en: Spring}
    day: "03-31"
    months: 1
    fields: {title: "'Giro'", deadline_at: "recorded_at + days(10)"}
"""
SCHEDULED = LAMP.replace("links:\n", EVERY + "links:\n")


@pytest.fixture
def bench(store: Database) -> Bench:
    store.clock = lambda: AT_NOON
    engine = engine_for(store)
    furnish(store, engine, SCHEDULED, QUERY)
    return Bench(store, engine)


def opened(bench: Bench) -> list[tuple[str, str]]:
    with bench.store.reading() as connection:
        entries = trail.entries(connection, event="case-opened", limit=100)
    return sorted((str(one.said["case"]["number"]), one.said["what"]["scheduled"]["day"]) for one in entries)


def on(bench: Bench, month: int, day: int, hour: int, minute: int = 0) -> int:
    bench.store.clock = lambda: datetime(2035, month, day, hour, minute, tzinfo=UTC)
    return Schedules().wake(bench.store, bench.engine)


def test_a_case_opens_on_its_day_once_and_not_before(bench: Bench) -> None:
    # The 31st of January was before the workflow was there; the 28th of February is the 31st of a short month.
    assert on(bench, 2, 27, 22, 59) == 0
    assert on(bench, 2, 27, 23, 1) == 1
    assert on(bench, 2, 28, 12) == 0
    assert opened(bench) == [("LAMP-2035-0001", "2035-02-28")]
    assert on(bench, 3, 31, 6) == 1
    with bench.store.reading() as connection:
        case = show(connection, bench.engine, "LAMP-2035-0002", KEEPER)
        assert (case.file.title, case.file.opened_by, case.state) == ("Giro", "system", "BROKEN")
        assert case.fields["deadline_at"] == "2035-04-10T06:00:00.000Z"
        assert {running.timer.name for running in case.timers} == {"pricing"}
        assert [check for check in compare(connection, bench.engine) if not check.passed] == []


def test_after_a_long_absence_only_the_newest_is_made_up_for(bench: Bench) -> None:
    assert on(bench, 12, 24, 12) == 1
    assert opened(bench) == [("LAMP-2035-0001", "2035-11-30")]
    assert on(bench, 12, 25, 12) == 0


def test_a_new_definition_does_not_open_anew_what_was_opened(bench: Bench) -> None:
    assert on(bench, 3, 1, 12) == 1
    with bench.store.writing() as tx:
        put_in_force(tx, (SCHEDULED + "# newer\n").encode(), "w.yaml", KEEPER)
    assert on(bench, 3, 2, 12) == 0


@pytest.mark.parametrize("change", [("spring:", "autumn:"), ('"03-31"', '"02-20"'), ("months: 1", "months: 2")])
def test_what_a_new_definition_plans_otherwise_begins_with_it(bench: Bench, change: tuple[str, str]) -> None:
    assert on(bench, 3, 1, 12) == 1
    assert change[0] in SCHEDULED
    with bench.store.writing() as tx:
        put_in_force(tx, SCHEDULED.replace(*change).encode(), "w.yaml", KEEPER)
    assert on(bench, 3, 2, 12) == 0
    assert on(bench, 5, 31, 12) == 1


def test_a_schedule_that_comes_later_makes_up_for_nothing(store: Database) -> None:
    store.clock = lambda: AT_NOON
    engine = engine_for(store)
    furnish(store, engine)
    bench = Bench(store, engine)
    bench.later(days=30)
    with store.writing() as tx:
        put_in_force(tx, SCHEDULED.encode(), "w.yaml", KEEPER)
    assert on(bench, 3, 12, 13) == 0
    assert on(bench, 3, 31, 12) == 1


def test_two_that_look_at_once_open_one(bench: Bench) -> None:
    bench.store.clock = lambda: datetime(2035, 3, 31, 12, 0, tzinfo=UTC)
    ready = threading.Barrier(4)

    def look(_: int) -> int:
        ready.wait()
        return Schedules().wake(bench.store, bench.engine)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(look, range(4))) == 1
    assert len(opened(bench)) == 1


def test_one_that_cannot_be_opened_is_told_once_and_opened_when_it_can(store: Database, caplog: pytest.LogCaptureFixture) -> None:
    store.clock = lambda: AT_NOON
    engine = engine_for(store)
    nothing = type(engine)(**{**vars(engine), "procedure_in_force": lambda connection, key: None})
    furnish(store, engine, SCHEDULED, QUERY)
    store.clock = lambda: AT_NOON + timedelta(days=20)
    looking = Schedules()
    assert [looking.wake(store, nothing) for _ in range(3)] == [0, 0, 0]
    assert len([one for one in caplog.records if "lamp-repair is not opened" in one.message]) == 1
    assert looking.wake(store, engine) == 1


def test_one_that_cannot_be_opened_keeps_none_of_the_others(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    lost = SCHEDULED.replace("id: lamp-repair", "id: a-lamp").replace("prefix: LAMP", "prefix: ALA")
    lost = lost.replace("cig?]}\nsteps", "cig?], effects: [{open-case: {workflow: gone, fields: {}}}]}\nsteps")
    assert "gone" in lost
    with bench.store.writing() as tx:
        put_in_force(tx, lost.encode(), "w.yaml", KEEPER)
    assert on(bench, 3, 1, 12) == 1
    assert len([one for one in caplog.records if "a-lamp is not opened" in one.message]) == 1


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('"03-31"', '"02-30"', "schedule_day"),
        ('"03-31"', "spring", "schedule_day"),
        ("months: 1", "months: 0", "schedule_months"),
        ("months: 1", "months: 61", "schedule_months"),
        ("title: \"'Giro'\"", "name: \"'Giro'\"", "unknown_field"),
        ("title: \"'Giro'\", ", "", "schedule_lacks"),
        ('"recorded_at + days(10)"', '"3"', "schedule_field"),
        ('"recorded_at + days(10)"', "cost", "unknown_name"),
        ("months: 1", "months: 1\n    years: 2", "key_unknown"),
    ],
)
def test_what_cannot_be_scheduled_is_found(old: str, new: str, code: str) -> None:
    assert old in SCHEDULED
    found = check_sources({"a.yaml": SCHEDULED.replace(old, new, 1).encode()}, "small")
    assert code in {problem.code.rpartition(".")[2] for problem in found}
    assert all("{" not in sentence(language, problem).replace("{it", "") for problem in found for language in LANGUAGES)


@given(
    st.builds(
        lambda month, day, months: Schedule("x", {}, month, day, months, {}, 1), st.integers(1, 12), st.integers(1, 28), st.integers(1, 60)
    ),
    st.dates(date(2001, 1, 1), date(2090, 12, 31)),
)
def test_the_days_of_a_schedule_follow_each_other_without_gap(schedule: Schedule, today: date) -> None:
    last, following = last_on(schedule, today), next_after(schedule, today)
    assert last <= today < following
    assert (following.year - last.year) * 12 + following.month - last.month == schedule.months
    assert last.day == following.day == schedule.day
    assert (last.year * 12 + last.month - 2000 * 12 - schedule.month) % schedule.months == 0
    assert last_on(schedule, following) == following
