"""The indicators of every process side by side, and those that need a decision (ISO 9001, 9.1.3 and 9.3.2 c)."""

from typing import Any

from sqlalchemy import Connection

from qms.people.actor import Actor
from qms.workflows import indicators
from qms.workflows.definition import Definition
from qms.workflows.engine import Engine
from qms.workflows.indicators import ALARM, Measured, Reading

Board = tuple[tuple[Definition, tuple[Measured, ...]], ...]


def board(connection: Connection, engine: Engine, by: Actor, periods: int = indicators.PERIODS) -> Board:
    """Every process that measures itself and whose indicators ``by`` may see."""
    found = ((one.definition, indicators.measure(connection, engine, one.definition, by, periods))
             for one in engine.definitions.all_in_force(connection))  # fmt: skip
    return tuple((definition, measured) for definition, measured in found if measured)


def in_alarm(connection: Connection, engine: Engine, by: Actor) -> Board:
    """Those that are beyond their alarm in the newest period that is over."""
    found = []
    for definition, measured in board(connection, engine, by, 1):
        beyond = tuple(one for one in measured if one.newest is not None and one.newest.stands == ALARM)
        if beyond:
            found.append((definition, beyond))
    return tuple(found)


def told(one: Measured, language: str) -> dict[str, Any]:
    """An indicator for a program."""
    asked = one.indicator
    return {
        "name": asked.name,
        "title": asked.title[language],
        "unit": asked.unit[language] if asked.unit is not None else None,
        "of": asked.of,
        "every": asked.every,
        "floor": asked.floor,
        "readings": [_reading(reading) for reading in one.readings],
    }


def _reading(one: Reading) -> dict[str, Any]:
    return {
        "period": one.period.code,
        "running": one.is_running,
        "known": one.known,
        "value": str(one.value) if one.value is not None else None,
        "group": one.group,
        "target": str(one.target) if one.target is not None else None,
        "at_least": one.at_least,
        "alarm": str(one.alarm) if one.alarm is not None else None,
        "stands": one.stands,
    }
