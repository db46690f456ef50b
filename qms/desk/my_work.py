"""What waits for a person: the cases where it is their turn, overdue first (ISO 9001, 8.1 and 9.1.1)."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, select, tuple_

from qms.database import moment
from qms.errors import Text
from qms.people.actor import Actor
from qms.procedures import control
from qms.procedures.register import Draft, RegisterRow
from qms.workflows import case
from qms.workflows import file as files
from qms.workflows.definition import Step
from qms.workflows.engine import Engine
from qms.workflows.scope import Taken
from qms.workflows.tables import case_file, case_organisation

PAGE = 50
SPARE = 4
"""How many times a page is read, since some of its cases may be kept from this person by what they did before."""
SOON = timedelta(days=30)


@dataclass(frozen=True)
class Waiting:
    """One case where it is this person's turn, with the steps they may take; ``due_at`` is its next deadline."""

    number: str
    title: str
    workflow: Text
    state: Text
    steps: tuple[tuple[str, Text], ...]
    to_sign: bool
    due_at: datetime | None
    changed_at: datetime


@dataclass(frozen=True)
class Desk:
    """The first page of a person: what waits, and for those who keep the documents, what they watch."""

    waiting: tuple[Waiting, ...]
    more: bool
    drafts: tuple[Draft, ...]
    reviews: tuple[RegisterRow, ...]


def desk(connection: Connection, engine: Engine, by: Actor, today: date) -> Desk:
    """What ``by`` finds on their desk: at most one page of each kind."""
    found = list(waiting(connection, engine, by, PAGE + 1))
    keeps = by.keeps(("QM", "DOC_CTRL"))
    return Desk(
        tuple(found[:PAGE]),
        len(found) > PAGE,
        tuple(control.drafts(connection)[:PAGE]) if keeps else (),
        tuple(control.due_for_review(connection, today + SOON, PAGE)) if keeps else (),
    )


def waiting(connection: Connection, engine: Engine, by: Actor, limit: int) -> Iterator[Waiting]:
    """Open cases in a state where ``by`` may take a step: by deadline, those without one last, then the longest untouched."""
    places = case.places_to_act(connection, engine, by)
    if not places:
        return
    rows = connection.execute(
        select(case_file)
        .where(
            case_file.c.closed_at.is_(None),
            tuple_(case_file.c.definition, case_file.c.state).in_(sorted(places)),
            case.seen_by(connection, engine, by),
            case.waits_for(connection, engine, by),
        )
        .order_by(case_file.c.next_due.is_(None), case_file.c.next_due, case_file.c.changed_at, case_file.c.number)
        .limit(limit * SPARE)
    ).all()
    parties = _parties(connection, [row.number for row in rows])
    turns = (_turn(connection, engine, row, parties[row.number], by) for row in rows)
    yield from islice((turn for turn in turns if turn is not None), limit)


def _turn(connection: Connection, engine: Engine, row: Row[Any], parties: Collection[str], by: Actor) -> Waiting | None:
    definition = engine.definitions.get(connection, row.definition).definition
    taken = files.load_taken(json.loads(row.taken))
    steps = [
        step
        for step in definition.steps_in(engine.profile)
        if row.state in step.sources and by.role_for(step.by, parties) and not _is_kept_apart(step, taken, by)
    ]
    if not steps:
        return None
    return Waiting(
        row.number,
        row.title,
        definition.title,
        definition.states[row.state].title,
        tuple((step.name, step.title) for step in steps),
        any(step.sign is not None for step in steps),
        moment(row.next_due) if row.next_due else None,
        moment(row.changed_at),
    )


def _parties(connection: Connection, numbers: Collection[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {number: set() for number in numbers}
    for number, organisation in connection.execute(select(case_organisation).where(case_organisation.c.case_number.in_(numbers))):
        found[number].add(organisation)
    return found


def _is_kept_apart(step: Step, taken: Mapping[str, Taken], by: Actor) -> bool:
    return any(by.person in taken[other].persons for other in step.apart_from if other in taken)
