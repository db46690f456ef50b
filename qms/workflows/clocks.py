"""When a timer starts, falls due, warns and ends: reckoned from the facts of a case, on the day they happened, not when they were typed.

Lateness never disappears: a timer satisfied after its due moment keeps by how many seconds, also when it starts again. ``timers``
wakes what falls due.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any

from qms.database import moment, stamp
from qms.workflows.calendar import Duration
from qms.workflows.definition import Definition, Timer
from qms.workflows.facts import Facts
from qms.workflows.scope import Exhausted
from qms.workflows.step import Step


@dataclass(frozen=True)
class Clock:
    """One timer of one case. ``warned`` counts the warnings that are behind it, ``next_at`` is when it wants to be woken."""

    name: str
    started_at: datetime
    due_at: datetime | None
    next_at: datetime | None
    warned: int
    due_fired_at: datetime | None
    done_at: datetime | None
    late_seconds: int | None
    hard: bool

    @property
    def is_running(self) -> bool:
        return self.done_at is None

    def row(self) -> dict[str, Any]:
        """Its columns in ``timer``, which are also what is sealed."""
        return {
            "name": self.name,
            "started_at": stamp(self.started_at),
            "due_at": _stamp(self.due_at),
            "next_at": _stamp(self.next_at),
            "warned": self.warned,
            "due_fired_at": _stamp(self.due_fired_at),
            "done_at": _stamp(self.done_at),
            "late_seconds": self.late_seconds,
            "hard": self.hard,
        }


def from_row(row: Mapping[str, Any]) -> Clock:
    return Clock(
        row["name"],
        moment(row["started_at"]),
        _moment(row["due_at"]),
        _moment(row["next_at"]),
        row["warned"],
        _moment(row["due_fired_at"]),
        _moment(row["done_at"]),
        row["late_seconds"],
        bool(row["hard"]),
    )


@dataclass(frozen=True)
class Move:
    """What just happened to a case, as far as its timers care."""

    step: Step
    source: str | None
    target: str
    changed: Collection[str]
    happened_at: datetime
    recorded_at: datetime


def after(definition: Definition, profile: str, clocks: Mapping[str, Clock], move: Move, facts: Facts) -> dict[str, Clock]:
    """The timers that ``move`` starts, ends or sets anew; the others are left out. ``facts`` see the case after the move."""
    found = {}
    for timer in definition.timers_in(profile):
        before = clocks.get(timer.name)
        now = _after(definition, timer, before, move, facts)
        if now is not None and now != before:
            found[timer.name] = now
    return found


def _after(definition: Definition, timer: Timer, before: Clock | None, move: Move, facts: Facts) -> Clock | None:
    kind = definition.states[move.target].kind
    moved = move.source != move.target
    start = None if kind == "final" and moved else _start(definition, timer, move, facts)
    ended = moved and kind in ("final", "settled")
    emptied = timer.starts_with == "field" and timer.start in move.changed
    if before is not None and before.is_running:
        if _satisfies(timer, move):
            before = _done(before, move.happened_at, late=True)
        elif start is None and (ended or emptied):
            before = _done(before, move.happened_at, late=False)
        elif start is None and set(move.changed) & timer.due.uses.values:
            return _set(timer, before, move, facts)
    if start is None:
        return before
    earlier = before.late_seconds or None if before is not None else None
    fresh = Clock(timer.name, _moment_of(start, facts), None, None, 0, None, None, earlier, timer.hard)
    return _set(timer, fresh, move, facts, start)


def _start(definition: Definition, timer: Timer, move: Move, facts: Facts) -> datetime | date | None:
    """The moment or day the timer starts from, when this move starts it."""
    if timer.starts_with == "step":
        return move.happened_at if move.step.name == timer.start else None
    if timer.starts_with == "state":
        return move.happened_at if move.target == timer.start and move.source != move.target else None
    value = facts.read(timer.start) if timer.start in move.changed else None
    return value if isinstance(value, date) else None


def _satisfies(timer: Timer, move: Move) -> bool:
    if timer.until:
        return move.step.name in timer.until
    return timer.starts_with == "state" and move.source == timer.start and move.target != timer.start


def _done(clock: Clock, at: datetime, late: bool) -> Clock:
    """Ended at ``at``; with ``late`` because what it waited for was done, else because it no longer matters. Of a timer that ran several
    times the worst counts."""
    seconds = clock.late_seconds
    if late and clock.due_at is not None:
        seconds = max(seconds or 0, int((at - clock.due_at).total_seconds()))
    return replace(clock, done_at=at, late_seconds=seconds, next_at=None)


def _set(timer: Timer, clock: Clock, move: Move, facts: Facts, start: datetime | date | None = None) -> Clock:
    """``clock`` with its due moment and warnings reckoned anew, when that is another moment."""
    due = _due(timer, start if start is not None else clock.started_at, facts)
    return clock if due == clock.due_at and clock.due_at is not None else _due_at(timer, clock, due, move.recorded_at, facts)


def renewed(timer: Timer, clock: Clock, facts: Facts, now: datetime) -> Clock:
    """A running timer under another rule, from the same start."""
    return _due_at(timer, replace(clock, hard=timer.hard), _due(timer, clock.started_at, facts), now, facts)


def _due_at(timer: Timer, clock: Clock, due: datetime | None, now: datetime, facts: Facts) -> Clock:
    """``clock`` due at another moment; warnings that lie in the past count as given."""
    fired = clock.due_fired_at if due is not None and due <= now else None
    fresh = replace(clock, due_at=due, due_fired_at=fired)
    warnings = warning_moments(timer, fresh, facts)
    warned = len(timer.warn) if fired is not None else sum(at <= now for at in warnings)
    return with_next(timer, replace(fresh, warned=warned), warnings, chain_moments(timer, fresh, facts))


def _due(timer: Timer, start: datetime | date, facts: Facts) -> datetime | None:
    try:
        value = timer.due.value(facts)
        if isinstance(value, Duration):
            return facts.calendar.term(start, value)
    except (Exhausted, OverflowError, ValueError):
        return None
    if isinstance(value, datetime):
        return value
    return facts.calendar.end_of(value) if isinstance(value, date) else None


def warning_moments(timer: Timer, clock: Clock, facts: Facts) -> list[datetime]:
    """When the timer warns, in order."""
    if clock.due_at is None:
        return []
    found = set()
    for expression in timer.warn:
        with suppress(Exhausted, OverflowError, ValueError):
            before = expression.value(facts)
            if isinstance(before, Duration):
                found.add(facts.calendar.shift(clock.due_at, before, -1))
    return sorted(found)


def chain_moments(timer: Timer, clock: Clock, facts: Facts) -> list[datetime]:
    """When each link of the chain tells somebody else, none before the one before it; those behind it are counted in ``warned`` after the
    warnings. One whose delay is not known tells together with the one before it: rather too early than never."""
    found: list[datetime] = []
    if (due := clock.due_at) is None:
        return found
    for link in timer.chain:
        at = found[-1] if found else due
        with suppress(Exhausted, OverflowError, ValueError):
            after = link.after.value(facts)
            if isinstance(after, Duration):
                at = max(at, facts.calendar.shift(due, after))
        found.append(at)
    return found


def links_behind(timer: Timer, clock: Clock) -> int:
    """How many links of the chain have told."""
    return max(0, clock.warned - len(timer.warn)) if clock.due_fired_at is not None else 0


def with_next(timer: Timer, clock: Clock, warnings: list[datetime], chain: list[datetime]) -> Clock:
    """``clock`` with the moment it wants to be woken next; a timer that does nothing when it is due wakes for its warnings only."""
    if not clock.is_running or clock.due_at is None:
        return replace(clock, next_at=None)
    if clock.due_fired_at is not None:
        return replace(clock, next_at=next(iter(chain[links_behind(timer, clock) :]), None))
    moments = warnings[clock.warned :][:1] + ([] if timer.on_due == "nothing" else [clock.due_at])
    return replace(clock, next_at=min(moments, default=None))


def _moment_of(start: datetime | date, facts: Facts) -> datetime:
    return start if isinstance(start, datetime) else facts.calendar.at(start, time(0))


def _stamp(at: datetime | None) -> str | None:
    return stamp(at) if at is not None else None


def _moment(text: str | None) -> datetime | None:
    return moment(text) if text is not None else None
