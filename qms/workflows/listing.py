"""Lists of cases: only those a person may see, newest change first, page by page, at the same cost for a hundred and a hundred thousand."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, true, tuple_

from qms.database import moment, stamp
from qms.people.actor import Actor
from qms.workflows.definition import READER
from qms.workflows.definitions import WORKFLOW
from qms.workflows.engine import Engine
from qms.workflows.file import confidentiality_of
from qms.workflows.tables import PERSON, case_file, case_identifier, case_link, case_organisation, definition_text

MOST = 200


@dataclass(frozen=True)
class CaseRow:
    """A case in a list."""

    number: str
    workflow: str
    definition: str
    title: str
    state: str
    version: int
    opened_at: datetime
    opened_by: str
    changed_at: datetime
    is_closed: bool
    next_due: datetime | None

    @property
    def cursor(self) -> str:
        """Give this as ``before`` to go on after this row."""
        return f"{stamp(self.changed_at)} {self.number}"


@dataclass(frozen=True)
class Filters:
    """What to list. ``places`` are pairs of definition's digest and state (see ``places_to_act``)."""

    workflow: str | None = None
    states: Collection[str] | None = None
    closed: bool | None = None
    organisation: str | None = None
    opened_by: str | None = None
    due_before: datetime | None = None
    title: str | None = None
    identifier: tuple[str, str] | None = None
    parent: str | None = None
    places: Collection[tuple[str, str]] | None = None


EVERYTHING = Filters()


def cases(
    connection: Connection, engine: Engine, by: Actor, *, filters: Filters = EVERYTHING, before: str | None = None, limit: int = 50
) -> list[CaseRow]:
    """A page of the cases that ``by`` may see, the last changed first. ``before`` is the ``cursor`` of the last row of the page before."""
    row = case_file.c
    query = select(case_file).where(seen_by(connection, engine, by), *_filters(engine, filters))
    if filters.places is not None:
        query = query.where(waits_for(connection, engine, by))
    if before is not None:
        changed, _, number = before.partition(" ")
        query = query.where(tuple_(row.changed_at, row.number) < tuple_(changed, number))
    query = query.order_by(row.changed_at.desc(), row.number.desc()).limit(min(limit, MOST))
    return [
        CaseRow(
            one.number,
            one.workflow,
            one.definition,
            one.title,
            one.state,
            one.version,
            moment(one.opened_at),
            one.opened_by,
            moment(one.changed_at),
            one.closed_at is not None,
            moment(one.next_due) if one.next_due else None,
        )
        for one in connection.execute(query)
    ]


def places_to_act(connection: Connection, engine: Engine, by: Actor) -> set[tuple[str, str]]:
    """The pairs of definition's digest and state from which a step leads on that one of the roles of ``by`` may take."""
    found = set()
    for loaded in engine.definitions.known(connection):
        for step in loaded.definition.steps_in(engine.profile):
            if any(by.holds(role) for role in step.by):
                found |= {(loaded.definition.digest, state) for state in step.sources}
    return found


def _filters(engine: Engine, filters: Filters) -> list[ColumnElement[bool]]:
    row = case_file.c
    found: list[ColumnElement[bool]] = []
    if filters.workflow is not None:
        found.append(row.workflow == filters.workflow)
    if filters.states is not None:
        found.append(row.state.in_(filters.states))
    if filters.closed is not None:
        found.append(row.closed_at.is_not(None) if filters.closed else row.closed_at.is_(None))
    if filters.opened_by is not None:
        found.append(row.opened_by == filters.opened_by)
    if filters.due_before is not None:
        found.append(row.next_due < stamp(filters.due_before))
    if filters.title:
        found.append(func.lower(row.title).contains(filters.title.lower(), autoescape=True))
    if filters.places is not None:
        found.append(tuple_(row.definition, row.state).in_(sorted(filters.places)))
    if filters.organisation is not None:
        found.append(_in_one_of(engine, [filters.organisation]))
    if filters.identifier is not None:
        kind, value = filters.identifier
        codes = select(case_identifier.c.case_number).where(case_identifier.c.kind == kind, case_identifier.c.value == value)
        found.append(row.number.in_(codes))
    if filters.parent is not None:
        found.append(row.number.in_(select(case_link.c.child).where(case_link.c.parent == filters.parent)))
    return found


def _in_one_of(engine: Engine, organisations: Collection[str]) -> ColumnElement[bool]:
    """That a case is one of these organisations'. Nearly all are the house's own, so each is asked; a member's few are looked up."""
    there = case_organisation.c
    if engine.organisation in organisations:
        here = there.case_number == case_file.c.number
        return select(there.case_number).where(here, there.organisation.in_(sorted(organisations))).exists()
    return case_file.c.number.in_(select(there.case_number).where(there.organisation.in_(sorted(organisations))))


def seen_by(connection: Connection, engine: Engine, by: Actor) -> ColumnElement[bool]:
    """The rule of ``people.sight`` for a whole list at once, as a condition on ``case_file``."""
    if by.kind == "system":
        return true()
    if by.kind not in ("staff", "auditor"):
        return ~true()
    row = case_file.c
    allowed = [and_(row.confidentiality == "normal", _in_one_of(engine, by.organisations))]
    for confidentiality in _confidentialities(connection, engine):
        roles = confidentiality.partition(":")[2].split(",")
        places = {where for code, where in by.held if code in roles}
        if confidentiality != "normal" and places:
            allowed.append(and_(row.confidentiality == confidentiality, _in_one_of(engine, places)))
    if by.kind == "staff" and any(_of_one_person(connection, engine)):
        allowed.append(case_file.c.number.in_(_about(by)))
    return or_(*allowed)


def waits_for(connection: Connection, engine: Engine, by: Actor) -> ColumnElement[bool]:
    """That a case is not another's to begin with: where it is about one person, it waits for that person first."""
    first = list(_of_one_person(connection, engine))
    if not first:
        return true()
    return or_(tuple_(case_file.c.definition, case_file.c.state).not_in(first), case_file.c.number.in_(_about(by)))


def _of_one_person(connection: Connection, engine: Engine) -> Iterator[tuple[str, str]]:
    """Definition and first state of the cases that are about one person."""
    for loaded in engine.definitions.known(connection):
        if loaded.definition.filled_by(READER) is not None:
            yield loaded.definition.digest, loaded.definition.initial.name


def _about(by: Actor) -> Select[tuple[str]]:
    return select(case_identifier.c.case_number).where(case_identifier.c.kind == PERSON, case_identifier.c.value == by.person)


def _confidentialities(connection: Connection, engine: Engine) -> set[str]:
    """How confidential cases can be: definitions are few, cases are many, so the definitions are asked."""
    digests = connection.execute(select(definition_text.c.digest).where(definition_text.c.kind == WORKFLOW)).scalars()
    return {confidentiality_of(engine.definitions.get(connection, digest).definition) for digest in digests}
