"""What running work has measured of itself: each of its results with its newest period, side by side and never summed (ISO 9001, 9.1.1).

A workflow says which of its tables holds measured results; nothing here knows which work it is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from qms.errors import Text
from qms.people.actor import Actor
from qms.workflows import case
from qms.workflows.case import Filters
from qms.workflows.definition import Definition
from qms.workflows.engine import Engine

ON_TARGET, OFF_TARGET, ALARM = "on-target", "off-target", "alarm"
SERIES = 12


@dataclass(frozen=True)
class Measure:
    """One indicator in the newest period of its result; ``series`` are its last values, oldest first, with their periods."""

    indicator: str
    value: Decimal
    target: Decimal
    alarm: Decimal | None
    at_least: bool
    series: tuple[tuple[str, Decimal], ...]

    @property
    def stands(self) -> str:
        """On target, off it, or beyond the alarm."""
        if self.value >= self.target if self.at_least else self.value <= self.target:
            return ON_TARGET
        if self.alarm is not None and (self.value < self.alarm if self.at_least else self.value > self.alarm):
            return ALARM
        return OFF_TARGET


@dataclass(frozen=True)
class Result:
    """One of the results of a piece of work, in its newest period."""

    title: Text
    period: str
    measures: tuple[Measure, ...]

    @property
    def stands(self) -> str:
        """The worst of its indicators: one alarm is an alarm."""
        return max((one.stands for one in self.measures), key=(ON_TARGET, OFF_TARGET, ALARM).index)


@dataclass(frozen=True)
class Work:
    """One open case with what it measured."""

    number: str
    title: str
    state: Text
    results: tuple[Result, ...]


def running(connection: Connection, engine: Engine, by: Actor, limit: int = 20) -> list[Work]:
    """Open cases that measure themselves and that ``by`` may see, the last moved first."""
    found = []
    for loaded in engine.definitions.all_in_force(connection):
        if loaded.definition.measures is None:
            continue
        filters = Filters(workflow=loaded.definition.id, closed=False)
        for row in case.cases(connection, engine, by, filters=filters, limit=limit):
            seen = case.show(connection, engine, row.number, by)
            told = tuple(results_of(seen.definition, seen.fields))
            if told:
                found.append(Work(row.number, row.title, seen.definition.states[seen.state].title, told))
    return found[:limit]


def results_of(definition: Definition, fields: Mapping[str, Any]) -> Iterator[Result]:
    """The results of one case, in the order of the definition's options."""
    names = definition.measures
    if names is None or not fields.get(names["table"]):
        return
    rows: list[Mapping[str, Any]] = fields[names["table"]]
    columns = definition.fields[names["table"]].columns or {}
    at_least = next(iter(columns[names["sense"]].options or {}))
    for option, title in (columns[names["result"]].options or {}).items():
        mine = sorted((row for row in rows if row[names["result"]] == option), key=lambda row: _ended(str(row[names["period"]])))
        if mine:
            period = str(mine[-1][names["period"]])
            newest = [row for row in mine if row[names["period"]] == period]
            yield Result(title, period, tuple(_measure(names, row, mine, at_least) for row in newest))


def _ended(period: str) -> tuple[str, str]:
    """When a period ends, so that they sort as time does: ``2026-T1`` ends with ``2026-03`` and stands after it."""
    year, _, part = period.partition("-")
    return f"{year}-{int(part[1:]) * 3:02d}" if part[:1] == "T" and part[1:].isdigit() else period, period


def _measure(names: Mapping[str, str], row: Mapping[str, Any], rows: list[Mapping[str, Any]], at_least: str) -> Measure:
    indicator = row[names["indicator"]]
    past = [(str(one[names["period"]]), Decimal(str(one[names["value"]]))) for one in rows if one[names["indicator"]] == indicator]
    alarm = row.get(names["alarm"])
    return Measure(
        str(indicator),
        Decimal(str(row[names["value"]])),
        Decimal(str(row[names["target"]])),
        Decimal(str(alarm)) if alarm is not None else None,
        row[names["sense"]] == at_least,
        tuple(past[-SERIES:]),
    )
