"""The scadenzario: what falls due on open cases, documents to review, accounts that close; late first (ISO 9001, 8.1 and 7.5.2).

What a certificate, a guarantee or an insurance needs is a timer that its date starts, so it stands here like every other deadline. Found
from the open cases that have something due: what was closed long ago costs nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, select, tuple_

from qms.database import moment, stamp
from qms.errors import Text
from qms.people import directory
from qms.people.actor import Actor
from qms.people.sight import sees_document
from qms.procedures import control
from qms.procedures.register import RegisterRow
from qms.workflows import case
from qms.workflows.definition import SYS, Definition, Timer
from qms.workflows.engine import Engine
from qms.workflows.tables import case_file, case_organisation
from qms.workflows.tables import timer as timer_table

PAGE = 50
MANY = 200


@dataclass(frozen=True)
class Due:
    """One deadline of an open case. ``whose``: the role whose turn it is; ``cursor``: give it as ``after`` to go on after this one."""

    due_at: datetime
    number: str
    title: str
    workflow: Text
    what: Text
    hard: bool
    whose: str
    cursor: str


def due(
    connection: Connection,
    engine: Engine,
    by: Actor,
    until: datetime,
    *,
    after: str = "",
    legal: bool = False,
    organisation: str = "",
    limit: int = PAGE,
) -> list[Due]:
    """A page of what falls due by ``until`` on cases that ``by`` may see, the most overdue first."""
    row, clock, there = case_file.c, timer_table.c, case_organisation.c
    query = (
        select(row.number, row.title, row.definition, row.state, clock.name, clock.due_at)
        .select_from(case_file.join(timer_table, clock.case_number == row.number))
        .where(row.next_due <= stamp(until), row.closed_at.is_(None), clock.done_at.is_(None), clock.due_at <= stamp(until))
        .where(case.seen_by(connection, engine, by))
    )
    if legal:
        query = query.where(clock.hard)
    if organisation:
        query = query.where(row.number.in_(select(there.case_number).where(there.organisation == organisation)))
    if after.count(" ") == 2:
        query = query.where(tuple_(clock.due_at, row.number, clock.name) > tuple_(*after.split(" ")))
    told = []
    for one in connection.execute(query.order_by(clock.due_at, row.number, clock.name).limit(limit)):
        definition = engine.definitions.get(connection, one.definition).definition
        timer = definition.timers[one.name]
        whose = _whose(definition, timer, one.state, engine.profile)
        cursor = f"{one.due_at} {one.number} {one.name}"
        told.append(Due(moment(one.due_at), one.number, one.title, definition.title, timer.title, timer.hard, whose, cursor))
    return told


def reviews(connection: Connection, by: Actor, until: date) -> Iterator[RegisterRow]:
    """Documents whose periodic review falls due by ``until``, of those distributed to ``by``."""
    for row in control.due_for_review(connection, until, MANY):
        if sees_document(by, row.distribution):
            yield row


def accounts(connection: Connection, now: datetime, until: datetime) -> list[tuple[str, str, datetime]]:
    """Id and name of the persons whose account closes between ``now`` and ``until``, and when; for those who keep the directory."""
    return [(id, name, moment(at)) for id, name, at in directory.closing(connection, stamp(now), stamp(until), MANY)]


def horizon(now: datetime, days: int) -> datetime:
    """The end of the period asked for."""
    return now + timedelta(days=days)


def _whose(definition: Definition, timer: Timer, state: str, profile: str) -> str:
    """The role that the step which satisfies the timer asks for; without such a step, that of who moves the case on, else its owner."""
    named = [step for step in definition.steps_in(profile) if state in step.sources]
    stopping = [step for step in named if step.name in timer.until] or named
    return next((role for step in stopping for role in step.by if role != SYS), definition.owner)
