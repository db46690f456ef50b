"""Clocks: counted as people count, across the change of hour, and rung exactly once whatever happens."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from qms.database import Database
from qms.people.signature import Proof
from qms.records import trail
from qms.workflows.case import compare, put_in_force, show
from qms.workflows.clocks import Clock
from qms.workflows.timers import due_cases, wake
from tests.workflows.conftest import MORNING
from tests.workflows.samples import HEAD, KEEPER, LAMP, MENDER, PRICER, QUERY, Bench, engine_for, file_of, furnish

GOOD = {"cost": "120,50", "grade": "MID"}


def clock(bench: Bench, number: str, name: str) -> Clock:
    with bench.store.reading() as connection:
        case = show(connection, bench.engine, number, KEEPER)
    return next(running.clock for running in case.timers if running.timer.name == name)


def ring(bench: Bench) -> list[str]:
    """Wake everything that is due; the events recorded, oldest first."""
    with bench.store.reading() as connection:
        before = trail.size(connection)
    rounds = 0
    while rounds < 50:
        with bench.store.writing() as tx:
            if not wake(tx, bench.engine, tx.now):
                break
        rounds += 1
    with bench.store.reading() as connection:
        return [entry.event for entry in reversed(trail.entries(connection)) if entry.position > before]


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def test_a_timer_that_starts_again_keeps_the_worst_of_its_latenesses(bench: Bench) -> None:
    number = bench.priced()
    bench.step(number, "mend_it", MENDER, comment="Fatto")
    bench.step(number, "give_back", HEAD, proof=Proof("head", bench.store.clock()))
    latenesses = []
    for days in (6, 5, 1):
        bench.step(number, "reopen_it", KEEPER)
        bench.later(days=days)
        bench.step(number, "price_it", PRICER, fields=GOOD)
        late = clock(bench, number, "pricing").late_seconds
        latenesses.append(0 if late is None else late // 86400)
        bench.step(number, "mend_it", MENDER, comment="Fatto")
        bench.step(number, "give_back", HEAD, proof=Proof("head", bench.store.clock()))
    assert 1 <= latenesses[0] <= latenesses[1] == latenesses[2]  # the last round was in time
    with bench.store.reading() as connection:
        assert [check for check in compare(connection, bench.engine) if not check.passed] == []


def test_a_timer_starts_warns_falls_due_and_keeps_its_lateness(bench: Bench) -> None:
    number = bench.open()
    started = clock(bench, number, "pricing")
    assert started.due_at == at(2035, 3, 5, 22, 59, 59)
    assert started.next_at == at(2035, 3, 4, 22, 59, 59)
    assert ring(bench) == []
    bench.store.clock = lambda: at(2035, 3, 4, 23, 0)
    assert ring(bench) == ["timer-warned"]
    assert ring(bench) == []
    bench.store.clock = lambda: at(2035, 3, 6, 8, 0)
    assert ring(bench) == ["timer-due"]
    assert ring(bench) == []
    with bench.store.reading() as connection:
        entry = trail.entries(connection, limit=1)[0]
    assert entry.said["what"]["escalate"] == ["QM", "TOP"]
    assert entry.happened_at == at(2035, 3, 5, 22, 59, 59)
    bench.step(number, "price_it", PRICER, fields=GOOD, evidence=[file_of("x")])
    assert clock(bench, number, "pricing").late_seconds == 9 * 3600 + 1


def test_lateness_is_that_of_the_fact_not_of_its_recording(bench: Bench) -> None:
    number = bench.open()
    bench.store.clock = lambda: at(2035, 3, 9, 8, 0)
    bench.step(number, "price_it", PRICER, fields=GOOD, evidence=[file_of("x")], happened_at=at(2035, 3, 5, 22, 59, 59))
    assert clock(bench, number, "pricing").late_seconds == 0
    assert ring(bench) == []


def test_after_a_long_absence_each_timer_rings_once_and_missed_warnings_are_not_sent_late(bench: Bench) -> None:
    numbers = [bench.priced(deadline_at="2035-03-20 12:00") for _ in range(3)]
    bench.store.clock = lambda: at(2035, 6, 1, 8, 0)
    assert ring(bench) == ["timer-due"] * 3
    assert [clock(bench, number, "promised").due_fired_at for number in numbers] == [at(2035, 6, 1, 8, 0)] * 3
    assert ring(bench) == []


def test_of_several_missed_warnings_one_is_given(bench: Bench) -> None:
    number = bench.priced(deadline_at="2035-03-20 12:00")
    bench.store.clock = lambda: at(2035, 3, 20, 10, 30)
    assert ring(bench) == ["timer-warned"]
    assert clock(bench, number, "promised").next_at == at(2035, 3, 20, 11, 0)


def test_two_who_look_at_once_ring_a_timer_once(bench: Bench) -> None:
    for _ in range(4):
        bench.open()
    bench.store.clock = lambda: at(2035, 3, 6, 8, 0)
    gate = threading.Barrier(4)

    def look(_: int) -> int:
        gate.wait()
        rang = 0
        for _ in range(12):
            with bench.store.writing() as tx:
                rang += wake(tx, bench.engine, tx.now)
        return rang

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(look, range(4))) == 4
    with bench.store.reading() as connection:
        assert [entry.event for entry in trail.entries(connection, event="timer-due")] == ["timer-due"] * 4
        assert all(check.passed for check in compare(connection, bench.engine))


def test_a_hard_deadline_is_kept_to_the_second_across_the_change_of_hour(bench: Bench) -> None:
    number = bench.priced(deadline_at="2035-03-25 12:00")
    found = clock(bench, number, "promised")
    assert (found.hard, found.due_at) == (True, at(2035, 3, 25, 10, 0))
    assert found.next_at == at(2035, 3, 23, 11, 0)
    late = at(2035, 3, 25, 10, 0, 1)
    bench.store.clock = lambda: late + timedelta(hours=1)
    bench.step(number, "mend_it", MENDER, comment="x", happened_at=at(2035, 3, 25, 10, 0))
    assert clock(bench, number, "promised").late_seconds == 0


def test_a_due_moment_moves_with_the_field_it_hangs_on(bench: Bench) -> None:
    number = bench.open(fields={"title": "x", "deadline_at": "2035-03-20 12:00"})
    bench.step(number, "price_it", PRICER, fields=GOOD, evidence=[file_of("x")])
    moved = QUICK.replace("lamp-repair", "lamp-quick").replace("LAMP", "QUICK")
    with bench.store.writing() as tx:
        put_in_force(tx, moved.encode(), "w.yaml", KEEPER)
    other = bench.open(workflow="lamp-quick", fields={"title": "x", "ends_on": "2035-03-10"})
    assert clock(bench, other, "end").due_at == at(2035, 3, 10, 22, 59, 59)
    bench.step(other, "put_off", KEEPER, fields={"ends_on": "2035-04-10"})
    assert clock(bench, other, "end").due_at == at(2035, 4, 10, 21, 59, 59)
    bench.store.clock = lambda: at(2035, 4, 11, 8, 0)
    assert "timer-due" in ring(bench)
    bench.step(other, "put_off", KEEPER, fields={"ends_on": "2035-05-10"})
    assert clock(bench, other, "end").due_fired_at is None
    bench.step(other, "put_off", KEEPER, fields={"ends_on": ""})
    assert clock(bench, other, "end").done_at is not None


def test_a_timer_takes_a_step_of_the_program_once(bench: Bench) -> None:
    number = bench.open(workflow="lamp-query")
    bench.store.clock = lambda: at(2035, 3, 20, 8, 0)
    assert ring(bench) == ["timer-due", "step-taken"]
    with bench.store.reading() as connection:
        case = show(connection, bench.engine, number, KEEPER)
        assert (case.state, case.file.is_closed) == ("LAPSED", True)
        assert all(check.passed for check in compare(connection, bench.engine))
    assert ring(bench) == []


def test_a_step_that_the_program_may_not_take_is_recorded_as_refused(bench: Bench) -> None:
    stubborn = QUICK.replace("lamp-repair", "lamp-stubborn").replace("LAMP", "STUB").replace("on_due: flag", "on_due: {step: give_up}")
    with bench.store.writing() as tx:
        put_in_force(tx, stubborn.encode(), "w.yaml", KEEPER)
    number = bench.open(workflow="lamp-stubborn", fields={"title": "x", "ends_on": "2035-03-10"})
    bench.store.clock = lambda: at(2035, 3, 11, 8, 0)
    assert ring(bench) == ["timer-due"]
    with bench.store.reading() as connection:
        said = trail.entries(connection, case=number, limit=1)[0].said
        assert said["what"]["refused"] == ["GUARD:never"]
        assert all(check.passed for check in compare(connection, bench.engine))
    assert ring(bench) == []


def test_a_timer_that_does_nothing_when_due_only_warns(bench: Bench) -> None:
    quiet = (
        QUICK.replace("lamp-repair", "lamp-quiet").replace("LAMP", "QUIET").replace("on_due: flag", 'on_due: nothing, warn: ["days(1)"]')
    )
    with bench.store.writing() as tx:
        put_in_force(tx, quiet.encode(), "w.yaml", KEEPER)
    number = bench.open(workflow="lamp-quiet", fields={"title": "x", "ends_on": "2035-03-10"})
    bench.store.clock = lambda: at(2035, 3, 12, 8)
    assert ring(bench) == ["timer-warned"]
    assert clock(bench, number, "end").next_at is None
    with bench.store.reading() as connection:
        assert all(check.passed for check in compare(connection, bench.engine))


def test_reaching_a_final_state_ends_every_timer(bench: Bench) -> None:
    number = bench.priced(deadline_at="2035-03-20 12:00")
    bench.step(number, "scrap_it", KEEPER)
    ended = clock(bench, number, "promised")
    assert (ended.done_at, ended.late_seconds, ended.next_at) == (bench.store.clock(), None, None)
    bench.store.clock = lambda: at(2035, 6, 1, 8, 0)
    assert "timer-warned" not in ring(bench)


def test_who_looks_first_sees_which_cases_wait_and_for_which_steps(bench: Bench) -> None:
    number = bench.open(workflow="lamp-query")
    with bench.store.reading() as connection:
        waiting = due_cases(connection, bench.engine, at(2035, 3, 20))
    assert [(one.number, [step.name for step in one.steps]) for one in waiting] == [(number, ["lapse_it"])]


QUICK = """
id: lamp-repair
title: {it: x, en: x}
prefix: LAMP
owner: QM
governed_by: PRO-1
retention: R-QMS
fields:
  title: {type: text, title: {it: x, en: x}}
  ends_on: {type: date, title: {it: x, en: x}}
states:
  GOING: {title: {it: x, en: x}, kind: initial}
  GONE: {title: {it: x, en: x}, kind: final}
opening: {title: {it: x, en: x}, by: [QM], asks: [title, ends_on?]}
steps:
  put_off: {title: {it: x, en: x}, from: GOING, by: [QM], asks: [ends_on?]}
  give_up:
    title: {it: x, en: x}
    from: GOING
    to: GONE
    by: [QM, SYS]
    guards: [{code: never, that: "count(links.others) > 0", message: {it: x, en: x}}]
timers:
  end: {title: {it: x, en: x}, start: {field: ends_on}, due: ends_on, on_due: flag}
links:
  others: {title: {it: x, en: x}, workflow: lamp-repair}
"""


LINKS = '{after: "workdays(2)", tell: [COM, TOP]}, {after: "days(10)", tell: [TOP, TECH]}'
CHAIN = LAMP.replace("    escalate: [QM, TOP]", f"    escalate: [QM, {LINKS}]")


@pytest.fixture
def chained(store: Database) -> Bench:
    store.clock = lambda: MORNING
    engine = engine_for(store)
    furnish(store, engine, CHAIN, QUERY)
    return Bench(store, engine)


def told(bench: Bench) -> list[str]:
    with bench.store.reading() as connection:
        entry = trail.entries(connection, limit=1)[0]
    return [entry.event, *entry.said["what"]["escalate"]]


def test_who_is_told_goes_up_the_chain_while_nobody_does_it(chained: Bench) -> None:
    number = chained.open()
    chained.store.clock = lambda: at(2035, 3, 6, 8, 0)
    assert ring(chained) == ["timer-due"]
    assert told(chained) == ["timer-due", "QM"]
    assert ring(chained) == []
    assert clock(chained, number, "pricing").next_at == at(2035, 3, 7, 22, 59, 59)
    chained.store.clock = lambda: at(2035, 3, 8, 8, 0)
    assert ring(chained) == ["timer-escalated"]
    assert told(chained) == ["timer-escalated", "COM", "TOP"]
    assert ring(chained) == []
    chained.step(number, "price_it", PRICER, fields=GOOD, evidence=[file_of("x")])
    assert clock(chained, number, "pricing").late_seconds
    chained.store.clock = lambda: at(2035, 4, 30, 8, 0)
    assert ring(chained) == []
    with chained.store.reading() as connection:
        assert [check for check in compare(connection, chained.engine) if not check.passed] == []


def test_a_link_whose_delay_is_not_known_tells_at_once_and_the_next_in_its_turn(store: Database) -> None:
    store.clock = lambda: MORNING
    engine = engine_for(store)
    unsure = '{after: "days(figure.not_yet)", tell: [TECH]}, {after: "workdays(2)", tell: [COM]}, {after: "days(1)", tell: [TOP]}'
    furnish(store, engine, CHAIN.replace(LINKS, unsure), QUERY)
    bench = Bench(store, engine)
    bench.open()
    store.clock = lambda: at(2035, 3, 6, 8, 0)
    assert ring(bench) == ["timer-due", "timer-escalated"]
    assert told(bench) == ["timer-escalated", "TECH"]
    store.clock = lambda: at(2035, 3, 8, 8, 0)
    assert ring(bench) == ["timer-escalated"]
    assert told(bench) == ["timer-escalated", "COM", "TOP"]


def test_after_a_long_absence_the_whole_chain_is_told_by_one_entry(chained: Bench) -> None:
    number = chained.open()
    chained.store.clock = lambda: at(2035, 5, 2, 8, 0)
    assert ring(chained) == ["timer-due", "timer-escalated"]
    assert told(chained) == ["timer-escalated", "COM", "TOP", "TECH"]
    assert ring(chained) == []
    assert clock(chained, number, "pricing").next_at is None


def test_a_due_moment_that_moves_on_begins_the_chain_anew(store: Database) -> None:
    store.clock = lambda: MORNING
    engine = engine_for(store)
    source = CHAIN.replace('    due: "workdays(2)"', '    due: "deadline_at"').replace("asks: [note?]", "asks: [note?, deadline_at?]")
    later = "  put_off: {title: {it: x, en: x}, from: BROKEN, by: [QM], asks: [deadline_at]}\n  mend_it:\n"
    furnish(store, engine, source.replace("  mend_it:\n", later), QUERY)
    bench = Bench(store, engine)
    number = bench.open(fields={"title": "Lamp", "deadline_at": "2035-03-05 12:00"})
    bench.store.clock = lambda: at(2035, 3, 9, 8, 0)
    assert ring(bench) == ["timer-due", "timer-escalated"]
    bench.step(number, "put_off", KEEPER, fields={"deadline_at": "2035-03-20 12:00"})
    moved = clock(bench, number, "pricing")
    assert (moved.due_fired_at, moved.next_at) == (None, at(2035, 3, 19, 11, 0))
    bench.store.clock = lambda: at(2035, 3, 23, 12, 0)
    assert ring(bench)[-2:] == ["timer-due", "timer-escalated"]
