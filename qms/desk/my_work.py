"""What waits for a person: the cases where it is their turn, overdue first (ISO 9001, 8.1 and 9.1.1)."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice

from sqlalchemy import Connection, select, tuple_

from qms.errors import Text
from qms.people.actor import Actor
from qms.procedures import control
from qms.procedures.register import Draft, RegisterRow
from qms.workflows import case, clocks
from qms.workflows import file as files
from qms.workflows.engine import Engine
from qms.workflows.facts import Facts
from qms.workflows.file import File, takers
from qms.workflows.objections import of_quorum
from qms.workflows.scope import Exhausted, Taken
from qms.workflows.step import Step
from qms.workflows.tables import case_file
from qms.workflows.tables import timer as timer_table

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
class Escalated:
    """A deadline that somebody else has let pass and that this person is told of."""

    number: str
    title: str
    workflow: Text
    state: Text
    timer: Text
    due_at: datetime


@dataclass(frozen=True)
class Desk:
    """The first page of a person: what waits, and for those who keep the documents, what they watch."""

    waiting: tuple[Waiting, ...]
    more: bool
    escalated: tuple[Escalated, ...]
    drafts: tuple[Draft, ...]
    reviews: tuple[RegisterRow, ...]


def desk(connection: Connection, engine: Engine, by: Actor, today: date) -> Desk:
    """What ``by`` finds on their desk: at most one page of each kind."""
    found = list(waiting(connection, engine, by, PAGE + 1))
    keeps = by.keeps(("QM", "DOC_CTRL"))
    return Desk(
        tuple(found[:PAGE]),
        len(found) > PAGE,
        tuple(escalated(connection, engine, by, PAGE, {one.number for one in found})),
        tuple(control.drafts(connection)[:PAGE]) if keeps else (),
        tuple(control.due_for_review(connection, today + SOON, PAGE)) if keeps else (),
    )


def waiting(connection: Connection, engine: Engine, by: Actor, limit: int) -> Iterator[Waiting]:
    """Open cases in a state where ``by`` may take a step: by deadline, those without one last, then the longest untouched."""
    places = case.places_to_act(connection, engine, by)
    if not places:
        return
    rows = connection.execute(
        files.WHOLE.where(
            case_file.c.closed_at.is_(None),
            tuple_(case_file.c.definition, case_file.c.state).in_(sorted(places)),
            case.seen_by(connection, engine, by),
            case.waits_for(connection, engine, by),
        )
        .order_by(case_file.c.next_due.is_(None), case_file.c.next_due, case_file.c.changed_at, case_file.c.number)
        .limit(limit * SPARE)
    ).all()
    turns = (_turn(connection, engine, files.from_row(row), by) for row in rows)
    yield from islice((turn for turn in turns if turn is not None), limit)


def escalated(connection: Connection, engine: Engine, by: Actor, limit: int, besides: Collection[str]) -> list[Escalated]:
    """Deadlines past and undone that escalate to ``by``, the latest first; not of cases that wait for this person anyhow."""
    roles = {role for role, _ in by.held}
    known = engine.definitions.known(connection)
    told = {
        (one.definition.digest, name): timer
        for one in known
        for name, timer in one.definition.timers.items()
        if roles & {*timer.escalate, *(role for link in timer.chain for role in link.tell)}
    }
    if not told:
        return []
    row = timer_table.c
    rows = connection.execute(
        select(*files.WHOLE.selected_columns, *(column.label(f"timer_{column.name}") for column in timer_table.columns))
        .select_from(case_file.join(timer_table, row.case_number == case_file.c.number))
        .where(row.done_at.is_(None), row.due_fired_at.is_not(None))
        .where(tuple_(case_file.c.definition, row.name).in_(sorted(told)), case.seen_by(connection, engine, by))
        .order_by(row.due_fired_at.desc(), row.case_number)
        .limit(limit + len(besides))
    ).all()
    found = []
    for one in rows:
        file = files.from_row(one)
        clock = clocks.from_row({column.name: getattr(one, f"timer_{column.name}") for column in timer_table.columns})
        timer, definition = told[file.definition, clock.name], engine.definitions.get(connection, file.definition).definition
        behind = timer.chain[: clocks.links_behind(timer, clock)]
        wanted = (*timer.escalate, *(role for link in behind for role in link.tell))
        if clock.due_at is None or file.number in besides or by.role_for(wanted, file.organisations) is None:
            continue
        found.append(Escalated(file.number, file.title, definition.title, definition.states[file.state].title, timer.title, clock.due_at))
    return found[:limit]


def _turn(connection: Connection, engine: Engine, file: File, by: Actor) -> Waiting | None:
    definition, now = engine.definitions.get(connection, file.definition).definition, engine.clock()
    facts = Facts(engine, connection, definition, file, by, fields=file.fields, happened_at=now, recorded_at=now)
    steps = [
        step
        for step in definition.steps_in(engine.profile)
        if file.state in step.sources
        and by.role_for(step.by, file.organisations)
        and not _is_kept_apart(step, file.taken, by)
        and _is_theirs(step, facts)
        and not any(of_quorum(step, file, by, facts))
    ]
    if not steps:
        return None
    return Waiting(
        file.number,
        file.title,
        definition.title,
        definition.states[file.state].title,
        tuple((step.name, step.title) for step in steps),
        any(step.sign is not None for step in steps),
        file.next_due,
        file.changed_at,
    )


def _is_theirs(step: Step, facts: Facts) -> bool:
    """Whether the rules about who may take a step, as far as the case itself tells, let this person: what they would refuse waits for
    somebody else."""
    asked = {wanted.name for wanted in step.asks} | {"comment"}
    about_who = [
        guard.that
        for guard in step.guards
        if guard.that is not None
        and (guard.that.uses.roles or "actor" in guard.that.uses.values)
        and not (guard.that.uses.values & asked or guard.that.uses.drafts or guard.that.uses.links or guard.that.uses.slots)
    ]
    with suppress(Exhausted):
        return all(rule.holds(facts) for rule in about_who)
    return True


def _is_kept_apart(step: Step, taken: Mapping[str, Taken], by: Actor) -> bool:
    return any(by.same & takers(taken, other) for other in step.apart_from)
