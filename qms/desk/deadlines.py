"""The scadenzario: everything that falls due on open cases, and the documents whose review does, late first (ISO 9001, 8.1 and 7.5.2)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, select

from qms.database import moment, stamp
from qms.errors import Text
from qms.people.actor import Actor
from qms.people.sight import sees_document
from qms.procedures import control
from qms.procedures.register import RegisterRow
from qms.workflows import case
from qms.workflows.engine import Engine
from qms.workflows.tables import case_file
from qms.workflows.tables import timer as timer_table

PAGE = 50
MANY = 200


@dataclass(frozen=True)
class Due:
    """One deadline of an open case."""

    due_at: datetime
    number: str
    title: str
    workflow: Text
    what: Text
    hard: bool


def due(connection: Connection, engine: Engine, by: Actor, until: datetime, after: str = "", limit: int = PAGE) -> list[Due]:
    """A page of what falls due by ``until`` on cases that ``by`` may see. ``after`` is the case number the page before ended with."""
    row = case_file.c
    seen = case.seen_by(connection, engine, by)
    query = select(row.number, row.title, row.definition, row.next_due).where(row.next_due <= stamp(until), row.closed_at.is_(None), seen)
    query = query.order_by(row.next_due, row.number)
    if after:
        here = connection.execute(select(row.next_due).where(row.number == after)).scalar()
        if here is not None:
            query = query.where((row.next_due > here) | ((row.next_due == here) & (row.number > after)))
    found = {one.number: one for one in connection.execute(query.limit(limit))}
    told = []
    clock = timer_table.c
    running = select(timer_table).where(clock.case_number.in_(found), clock.done_at.is_(None), clock.due_at <= stamp(until))
    for one in connection.execute(running):
        file = found[one.case_number]
        definition = engine.definitions.get(connection, file.definition).definition
        if one.name in definition.timers:
            timer = definition.timers[one.name]
            told.append(Due(moment(one.due_at), file.number, file.title, definition.title, timer.title, timer.hard))
    return sorted(told, key=lambda one: (one.due_at, one.number))


def reviews(connection: Connection, by: Actor, until: date) -> Iterator[RegisterRow]:
    """Documents whose periodic review falls due by ``until``, of those distributed to ``by``."""
    for row in control.due_for_review(connection, until, MANY):
        if sees_document(by, row.distribution):
            yield row


def horizon(now: datetime, days: int) -> datetime:
    """The end of the period asked for."""
    return now + timedelta(days=days)
