"""Opens the cases whose day has come (ISO 9001, 9.3.1: at planned intervals): once each, whoever looks, however late.

After a long absence only the newest day is made up for: nobody is helped by a row of reviews of years gone by. A day before
the workflow first said so is nobody's.
"""

import logging
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Connection, select

from qms.database import Database, moment
from qms.errors import QmsError
from qms.workflows.definition import Definition
from qms.workflows.definitions import WORKFLOW
from qms.workflows.engine import Engine
from qms.workflows.opening import open_scheduled
from qms.workflows.recurring import Schedule
from qms.workflows.tables import definition_text

BEGINNING = 2000
_log = logging.getLogger(__name__)
_texts = select(definition_text.c.digest, definition_text.c.at).where(definition_text.c.kind == WORKFLOW).order_by(definition_text.c.at)


def last_on(schedule: Schedule, today: date) -> date:
    """The newest day of a schedule up to ``today``."""
    return _day(schedule, _turn(schedule, today))


def next_after(schedule: Schedule, today: date) -> date:
    """The first day of a schedule after ``today``."""
    return _day(schedule, _turn(schedule, today) + 1)


def _turn(schedule: Schedule, today: date) -> int:
    """How often the interval has passed by ``today``, counted from the schedule's day in the year 2000."""
    turn = ((today.year - BEGINNING) * 12 + today.month - schedule.month) // schedule.months
    return turn if _day(schedule, turn) <= today else turn - 1


def _day(schedule: Schedule, turn: int) -> date:
    """The day of that turn, at most the last of its month."""
    years, month = divmod(schedule.month - 1 + turn * schedule.months, 12)
    year = BEGINNING + years
    return date(year, month + 1, min(schedule.day, monthrange(year, month + 1)[1]))


def _first_said(connection: Connection, engine: Engine, definition: Definition, schedule: Schedule) -> date:
    """The day on which a definition of the workflow with this very schedule first came into force: with another day or interval, or
    under another name, it begins anew and makes up for nothing."""
    for digest, at in connection.execute(_texts.where(definition_text.c.id == definition.id)):
        there = engine.definitions.get(connection, digest).definition.scheduled.get(schedule.name)
        if there is not None and there.turns == schedule.turns:
            return engine.calendar.day(moment(at))
    return date.max


@dataclass
class Schedules:
    """Looks for what is to be opened, and remembers what is done: a look costs nothing on all other days."""

    _done: set[tuple[str, str, date]] = field(default_factory=set)
    _told: set[tuple[str, str, date]] = field(default_factory=set)

    def wake(self, database: Database, engine: Engine) -> int:
        """Open what is due; returns how many were. What cannot be is logged once and tried again, and keeps nothing else."""
        today = engine.calendar.day(database.clock())
        with database.reading() as connection:
            due = list(self._due(connection, engine, today))
        moved = 0
        for definition, schedule, day in due:
            key = (definition.id, schedule.name, day)
            try:
                with database.writing() as tx:
                    moved += open_scheduled(tx, engine, definition, schedule, day) is not None
                self._done.add(key)
            except QmsError as error:
                if key not in self._told:
                    _log.warning("%s is not opened for %s: %s", definition.id, day, error)
                self._told.add(key)
        return moved

    def _due(self, connection: Connection, engine: Engine, today: date) -> Iterator[tuple[Definition, Schedule, date]]:
        for loaded in engine.definitions.all_in_force(connection):
            definition = loaded.definition
            for schedule in definition.scheduled.values():
                day = last_on(schedule, today)
                if (definition.id, schedule.name, day) in self._done:
                    continue
                if _first_said(connection, engine, definition, schedule) <= day:
                    yield definition, schedule, day
                else:
                    self._done.add((definition.id, schedule.name, day))
