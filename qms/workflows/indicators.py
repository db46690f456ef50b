"""Reckons the indicators of a workflow, period by period, from its cases (ISO 9001, 9.1.1 and 9.1.3).

Only the cases of the periods asked for are read, by an index, so a page costs the same after ten years as after one. An indicator speaks of
all cases of the house, also those that its reader may not open: so it is the house's own people's and auditors' to see, of restricted
workflows those whom the cases are shown to, and under its floor nobody's. Cases of a time when the workflow was more confidential are left
out.
"""

import calendar as months
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, or_, select

from qms.database import moment, stamp
from qms.formats import identifiers
from qms.people.actor import Actor
from qms.workflows.calendar import Calendar
from qms.workflows.definition import Definition
from qms.workflows.engine import Engine
from qms.workflows.expression import Expression
from qms.workflows.fields import typed
from qms.workflows.figures import Figures
from qms.workflows.file import confidentiality_of
from qms.workflows.reading_indicators import CASES, LATE
from qms.workflows.recurring import Indicator
from qms.workflows.scope import Exhausted, Purse, Taken
from qms.workflows.tables import case_file, timer

MOST_CASES = 5_000
"""Of one period: more would take longer than anybody waits, and the period is shown as not reckoned."""
MOST_NAMED = 500
PERIODS = 4
LENGTH = {"month": 1, "quarter": 3, "year": 12}
KNOWN, UNKNOWN, NOBODY, FEW, MANY, RUNNING = "known", "unknown", "nobody", "few", "many", "running"
ON_TARGET, OFF_TARGET, ALARM, FOLLOWED = "on-target", "off-target", "alarm", "followed"


@dataclass(frozen=True)
class Period:
    """A month, a quarter or a year: its first and its last day."""

    every: str
    first: date
    last: date

    @property
    def code(self) -> str:
        """As it is written in tables: ``2026``, ``2026-T1``, ``2026-01``."""
        if self.every == "year":
            return str(self.first.year)
        return f"{self.first.year}-T{self.last.month // 3}" if self.every == "quarter" else f"{self.first:%Y-%m}"


@dataclass(frozen=True)
class Reading:
    """One indicator in one period. ``known`` says whether there is a value, or why not: a rule that is unknown, no case, fewer cases than
    the floor, more than can be reckoned, a period that still runs. ``group`` is None wherever it would tell what the floor hides."""

    period: Period
    is_running: bool
    known: str
    value: Decimal | None = None
    group: int | None = None
    target: Decimal | None = None
    alarm: Decimal | None = None
    at_least: bool = True

    @property
    def stands(self) -> str | None:
        """On target, off it, beyond the alarm, or only followed; None without a value."""
        if self.value is None:
            return None
        if self.target is None:
            return FOLLOWED
        if self.value >= self.target if self.at_least else self.value <= self.target:
            return ON_TARGET
        beyond = self.alarm is not None and (self.value < self.alarm if self.at_least else self.value > self.alarm)
        return ALARM if beyond else OFF_TARGET


@dataclass(frozen=True)
class Measured:
    """One indicator with its readings, the newest first."""

    indicator: Indicator
    readings: tuple[Reading, ...]

    @property
    def newest(self) -> Reading | None:
        """The newest period that has a value; a running one speaks only when no other does."""
        valued = [one for one in self.readings if one.value is not None]
        return next((one for one in valued if not one.is_running), valued[0] if valued else None)


def sees(by: Actor, definition: Definition) -> bool:
    """Whether the indicators of a workflow are for ``by``."""
    if by.kind not in ("staff", "auditor") or by.house not in by.organisations:
        return False
    return definition.confidentiality != "restricted" or by.keeps(definition.allowed_roles)


def measure(connection: Connection, engine: Engine, definition: Definition, by: Actor, periods: int = PERIODS) -> tuple[Measured, ...]:
    """Each indicator of a workflow over the running period and the ``periods`` before it; nothing for who may not see them."""
    if not sees(by, definition):
        return ()
    today, house = engine.calendar.day(engine.clock()), _House(connection, engine, definition)
    return tuple(Measured(one, tuple(house.reading(one, period, today) for period in _periods(one.every, today, periods)))
                 for one in definition.indicators.values())  # fmt: skip


def _periods(every: str, today: date, before: int) -> Iterator[Period]:
    """The running period and those before it."""
    length = LENGTH[every]
    turn = (today.year * 12 + today.month - 1) // length
    for one in range(turn, turn - before - 1, -1):
        (year, month), (end_year, end_month) = divmod(one * length, 12), divmod(one * length + length - 1, 12)
        yield Period(every, date(year, month + 1, 1), date(end_year, end_month + 1, months.monthrange(end_year, end_month + 1)[1]))


class _House:
    """The cases of one workflow, looked up once for each period."""

    def __init__(self, connection: Connection, engine: Engine, definition: Definition) -> None:
        self._connection, self._engine, self._definition = connection, engine, definition
        self._figures = engine.definitions.figures(connection)
        known = [one.definition for one in engine.definitions.known(connection, definition.id)]
        self._digests = [one.digest for one in known]
        self._told = sorted({confidentiality_of(one) for one in known if _tells_of(definition, one)})
        self._cases: dict[tuple[str, date, date], list[_Row] | None] = {}

    def reading(self, one: Indicator, period: Period, today: date) -> Reading:
        running, day = period.last >= today, self._scope([], period)
        target, alarm = ((_number(rule, day) if rule is not None else None) for rule in (one.target, one.alarm))
        empty = Reading(period, running, RUNNING, target=target, alarm=alarm, at_least=one.at_least)
        if running and one.floor > 1:
            return empty
        rows = self._of(one.of, period)
        if rows is None:
            return replace(empty, known=MANY)
        scope = self._scope(rows, period)
        group = len(rows) if one.group is None else _number(one.group, scope)
        if group is not None and group < one.floor:
            return replace(empty, known=NOBODY if one.floor == 1 else FEW)
        value = _number(one.value, scope) if group is not None else None
        return replace(empty, known=UNKNOWN) if value is None else replace(empty, known=KNOWN, value=value, group=int(group or 0))

    def _scope(self, rows: "list[_Row]", period: Period) -> "_Scope":
        return _Scope(rows, period.last, self._engine.calendar, self._figures)

    def _of(self, of: str, period: Period) -> "list[_Row] | None":
        """The cases of a period; None when there are too many."""
        key = (of, period.first, period.last)
        if key not in self._cases:
            row, zone = case_file.c, self._engine.calendar.zone
            begin = stamp(datetime.combine(period.first, time.min, zone))
            end = stamp(datetime.combine(period.last + timedelta(days=1), time.min, zone))
            mine, when = (
                (row.definition.in_(self._digests), row.closed_at)
                if of == "closed"
                else (row.workflow == self._definition.id, row.opened_at)
            )
            told = row.confidentiality.in_(self._told)
            query = select(case_file).where(mine, when >= begin, when < end, told).limit(MOST_CASES + 1)
            found = self._connection.execute(query).mappings().all()
            self._cases[key] = (
                [_Row(self._definition, one, late) for one, late in self._with_late(found)] if len(found) <= MOST_CASES else None
            )
        return self._cases[key]

    def _with_late(self, found: Sequence[Mapping[Any, Any]]) -> Iterator[tuple[Mapping[Any, Any], list[str]]]:
        """Each case with the timers that were done late, or are still undone past their moment."""
        one, now = timer.c, stamp(self._engine.clock())
        missed = or_(one.late_seconds > 0, one.done_at.is_(None) & (one.due_at < now))
        late: dict[str, list[str]] = {}
        for start in range(0, len(found), MOST_NAMED):
            numbers = [row["number"] for row in found[start : start + MOST_NAMED]]
            for number, name in self._connection.execute(select(one.case_number, one.name).where(one.case_number.in_(numbers), missed)):
                late.setdefault(number, []).append(name)
        return ((row, late.get(row["number"], [])) for row in found)


def _tells_of(definition: Definition, other: Definition) -> bool:
    """Whether the indicators of ``definition`` may speak of cases that run under ``other``: never to somebody from whom these are kept."""
    if other.confidentiality != definition.confidentiality:
        return other.confidentiality == "normal"
    return other.confidentiality != "restricted" or set(definition.allowed_roles) <= set(other.allowed_roles)


class _Row(dict[str, object]):
    """A case as an indicator sees it. A field is read when it is asked for: its own definition may be older and have another kind there."""

    def __init__(self, definition: Definition, row: Mapping[Any, Any], late: list[str]) -> None:
        closed = row["closed_at"]
        super().__init__(
            number=row["number"],
            state=row["state"],
            is_closed=closed is not None,
            opened_at=moment(row["opened_at"]),
            closed_at=moment(closed) if closed is not None else None,
        )
        self[LATE] = late
        self._definition, self._fields = definition, row["fields"]

    def get(self, name: str, default: object = None) -> object:
        if name not in self:
            if isinstance(self._fields, str):
                self._fields = json.loads(self._fields)
            try:
                self[name] = typed(self._definition.fields[name], self._fields.get(name))
            except (ArithmeticError, AttributeError, TypeError, ValueError):
                self[name] = default
        return self[name]


def _number(rule: Expression, scope: "_Scope") -> Decimal | None:
    """None when it is unknown, or takes more than any rule needs."""
    try:
        found = rule.value(scope)
    except (Exhausted, ArithmeticError):
        return None
    return found if isinstance(found, Decimal) and found.is_finite() else None


class _Scope:
    """What an indicator may ask: the cases of its period, and figures on the period's last day."""

    def __init__(self, rows: Sequence[Mapping[str, object]], day: date, calendar: Calendar, figures: Figures) -> None:
        self.purse = Purse()
        self.actor = ""
        self.calendar = calendar
        self._known: Mapping[str, object] = {CASES: rows, "today": day}
        self._figures = figures

    def read(self, name: str) -> object:
        return self._known[name]

    def figure(self, name: str) -> Decimal | None:
        day = self._known["today"]
        assert isinstance(day, date)
        return self._figures.on(name, day)

    def is_valid(self, kind: str, text: str) -> bool:
        return identifiers.check(kind, text).is_valid

    def draft(self, fact: str) -> object:
        return None

    def same_text_as(self, step: str) -> bool:
        return False

    def linked(self, name: str) -> Sequence[Mapping[str, object]]:
        return ()

    def attached(self, slot: str) -> bool:
        return False

    def unchanged_since(self, step: str, slots: tuple[str, ...]) -> bool:
        return False

    def taken(self, step: str) -> Taken | None:
        return None

    def holds(self, role: str, organisation: str | None = None) -> bool:
        return False
