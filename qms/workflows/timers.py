"""Wakes what falls due: warnings before, escalation after, and the few steps the program takes by itself; never an approval.

Each ringing is recorded once, in the transaction that claims the timer, whether the server was up at that moment or comes back a week
later, and whether one process looks or two.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from qms.database import Transaction, stamp
from qms.errors import NotFound, Refused
from qms.people.actor import SYSTEM
from qms.workflows import clocks, keeping, opening, sealing
from qms.workflows import file as files
from qms.workflows.clocks import Clock
from qms.workflows.definition import SYS, Definition, Timer
from qms.workflows.definitions import Loaded
from qms.workflows.engine import Engine
from qms.workflows.facts import Facts, hold_linked
from qms.workflows.file import File
from qms.workflows.step import Step
from qms.workflows.tables import timer as timer_table
from qms.workflows.taking import Request, take

CANDIDATES = 50

_due = (
    select(timer_table.c.case_number, timer_table.c.name)
    .where(timer_table.c.next_at <= bindparam("now"))
    .order_by(timer_table.c.next_at, timer_table.c.case_number)
    .limit(bindparam("most"))
)


@dataclass(frozen=True)
class Waiting:
    """A case with timers to wake, and the steps that may follow of themselves: ``app`` sees from them which stores are touched."""

    number: str
    definition: Definition
    steps: tuple[Step, ...]


def due_cases(connection: Connection, engine: Engine, now: datetime, limit: int = CANDIDATES) -> list[Waiting]:
    """The cases whose timers want to be woken by ``now``, the longest waiting first."""
    found: dict[str, Waiting] = {}
    for number, name in connection.execute(_due, {"now": stamp(now), "most": limit}):
        definition = engine.definitions.get(connection, files.load(connection, number).definition).definition
        before = found.get(number, Waiting(number, definition, ()))
        timer = definition.timers.get(name)
        steps = (definition.steps[timer.due_step],) if timer is not None and timer.due_step is not None else ()
        found[number] = replace(before, steps=(*before.steps, *steps))
    return list(found.values())


def wake(tx: Transaction, engine: Engine, now: datetime, limit: int = CANDIDATES, number: str | None = None) -> int:
    """Wake the timers of one case, ``number`` or the longest waiting; returns how many rang, 0 when nothing is left to do.

    A case that another transaction holds is passed over: whoever holds it may be about to satisfy the timer.
    """
    waiting = [number] if number is not None else [one.number for one in due_cases(tx.connection, engine, now, limit)]
    for candidate in waiting:
        try:
            file = files.load(tx.connection, candidate, lock=True, skip=True)
        except NotFound:
            continue
        loaded = engine.definitions.get(tx.connection, file.definition)
        rang = _wake_case(tx, engine, loaded, file, now)
        if rang:
            return rang
    return 0


def _wake_case(tx: Transaction, engine: Engine, loaded: Loaded, file: File, now: datetime) -> int:
    rang = 0
    running = keeping.running(tx, loaded.definition, file)
    waking = [clock for clock in running.values() if clock.is_running and clock.next_at is not None and clock.next_at <= now]
    _hold(tx, engine, loaded.definition, file.number, waking)
    for clock in sorted(waking, key=lambda one: (one.next_at or now, one.name)):
        timer = loaded.definition.timers.get(clock.name)
        if timer is None:
            continue
        file = files.load(tx.connection, file.number)
        present = keeping.running(tx, loaded.definition, file)[clock.name] if rang else clock
        if present == clock:
            _ring(tx, engine, loaded, file, timer, clock, now)
            rang += 1
    return rang


def _hold(tx: Transaction, engine: Engine, definition: Definition, number: str, waking: Collection[Clock]) -> None:
    """Take what the steps that may follow will need before the first entry takes the trail's head, as every other transaction does."""
    timers = [definition.timers[clock.name] for clock in waking if clock.name in definition.timers]
    steps = [definition.steps[timer.due_step] for timer in timers if timer.due_step is not None]
    if steps:
        hold_linked(tx.connection, number)
        keeping.hold_series(tx, engine, [], steps)


def _ring(tx: Transaction, engine: Engine, loaded: Loaded, file: File, timer: Timer, clock: Clock, now: datetime) -> None:
    facts = Facts(engine, tx.connection, loaded.definition, file, SYSTEM, fields=file.fields, happened_at=now, recorded_at=now)
    warnings, chain = clocks.warning_moments(timer, clock, facts), clocks.chain_moments(timer, clock, facts)
    if clock.due_fired_at is not None:
        _escalate(tx, loaded, file, timer, clock, chain, now)
        return
    if clock.due_at is None or clock.due_at > now or timer.on_due == "nothing":
        passed = [at for at in warnings if at <= now]
        rung = clocks.with_next(timer, replace(clock, warned=len(passed)), warnings, chain)
        fact = passed[-1] if passed else now
        _record(tx, loaded, file, timer, rung, "timer-warned", fact, {})
        return
    rung = clocks.with_next(timer, replace(clock, warned=len(timer.warn), due_fired_at=now), warnings, chain)
    if timer.on_due == "step" and timer.due_step is not None:
        _step(tx, engine, loaded, file, timer, rung, loaded.definition.steps[timer.due_step])
    else:
        _record(tx, loaded, file, timer, rung, "timer-due", clock.due_at, {})


def _escalate(tx: Transaction, loaded: Loaded, file: File, timer: Timer, clock: Clock, chain: list[datetime], now: datetime) -> None:
    """Tell the next in the chain. Several links that were missed together are one entry: nobody gets a burst after a long absence."""
    behind = clocks.links_behind(timer, clock)
    passed = sum(at <= now for at in chain)
    told = tuple(dict.fromkeys(role for link in timer.chain[behind:passed] for role in link.tell))
    rung = clocks.with_next(timer, replace(clock, warned=len(timer.warn) + passed), [], chain)
    _record(tx, loaded, file, timer, rung, "timer-escalated", chain[passed - 1] if passed else now, {}, told)


def _step(tx: Transaction, engine: Engine, loaded: Loaded, file: File, timer: Timer, clock: Clock, step: Step) -> None:
    """Record that the timer is due and take its step; when the step is refused, record that instead, with the reasons."""
    due_at = clock.due_at or tx.now
    try:
        with tx.attempt():
            after = _record(tx, loaded, file, timer, clock, "timer-due", due_at, {"step": step.name})
            request = Request(step, SYSTEM, {}, (), tx.now, None, None, None, "", opening.open_from_effect)
            take(tx, engine, loaded, after, after.version, request)
    except Refused as refused:
        _record(tx, loaded, file, timer, clock, "timer-due", due_at, {"step": step.name, "refused": list(refused.codes)})


def _record(
    tx: Transaction,
    loaded: Loaded,
    file: File,
    timer: Timer,
    clock: Clock,
    event: str,
    fact: datetime,
    what: Mapping[str, Any],
    told: Sequence[str] | None = None,
) -> File:
    """Write the timer, seal the entry and return the case after it."""
    after = replace(file, n=file.n + 1, changed_at=tx.now)
    details = {
        **what,
        "timer": timer.name,
        "due_at": stamp(clock.due_at) if clock.due_at else None,
        "escalate": list(told if told is not None else timer.escalate if event == "timer-due" else ()),
        "timers": {timer.name: clock.row()},
    }
    sealing.record(tx, file, after, event, SYSTEM, (SYS, ""), clocks=[clock.row()], happened_at=fact, what=details)
    return after
