"""The register of events, searched: by words, clause, case, person and date, and only what the reader may see (ISO 9001, 7.5.3.2 a)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import ColumnElement, Connection, or_, select

from qms.database import stamp
from qms.desk import seen
from qms.errors import NotFound
from qms.people.actor import Actor
from qms.procedures import control
from qms.records import trail
from qms.records.tables import entry as entry_table
from qms.records.trail import Entry
from qms.workflows.definition import Definition
from qms.workflows.definitions import WORKFLOW
from qms.workflows.engine import Engine
from qms.workflows.tables import definition_text

MANY = 1000


@dataclass(frozen=True)
class Filters:
    """What somebody looks for; None and empty text mean everything. ``until`` is the last day included."""

    words: str = ""
    clause: str = ""
    case: str = ""
    person: str = ""
    event: str = ""
    document: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class Page:
    """A page of entries, newest first; ``older`` is where the next page begins, None at the end."""

    entries: tuple[Entry, ...]
    older: int | None


def trail_page(
    connection: Connection, engine: Engine, by: Actor, filters: Filters, before: int | None = None, limit: int = trail.PAGE
) -> Page:
    """One page of the trail as ``by`` may see it."""
    where = [seen.entries_of(connection, engine, by), *_days(engine, filters)]
    if filters.clause:
        where.append(_serving(connection, engine, filters.clause))
    found = trail.entries(
        connection,
        case=filters.case or None,
        person=filters.person or None,
        event=filters.event or None,
        document=filters.document or None,
        matching=filters.words or None,
        where=where,
        before=before,
        limit=limit + 1,
        damaged=True,
    )
    return Page(tuple(found[:limit]), found[limit - 1].position if len(found) > limit else None)


def record(connection: Connection, engine: Engine, by: Actor, position: int) -> Entry:
    """One entry, when ``by`` may see it. Raises NotFound."""
    where = [entry_table.c.position == position, seen.entries_of(connection, engine, by)]
    found = trail.entries(connection, where=where, limit=1, damaged=True)
    if not found:
        raise NotFound("record", f"#{position}")
    return found[0]


def clauses(connection: Connection, engine: Engine) -> list[str]:
    """Every clause that some workflow in force serves, in the standard's order."""
    found = {clause for loaded in engine.definitions.all_in_force(connection) for clause in loaded.definition.clauses}
    return sorted(found, key=lambda clause: [int(part) if part.isdigit() else 0 for part in clause.split(".")])


def _days(engine: Engine, filters: Filters) -> Iterator[ColumnElement[bool]]:
    """The days asked for, as the office counts them: from midnight to midnight of its own zone."""

    def midnight(day: date) -> str:
        return stamp(datetime.combine(day, time(), engine.zone))

    if filters.since is not None and filters.since > date.min:
        yield entry_table.c.at >= midnight(filters.since)
    if filters.until is not None and filters.until < date.max:
        yield entry_table.c.at < midnight(filters.until + timedelta(days=1))


def _serving(connection: Connection, engine: Engine, clause: str) -> ColumnElement[bool]:
    """Entries of cases whose workflow serves ``clause``, and of documents that do."""
    digests = [one.digest for one in _all(connection, engine) if _covers(one.clauses, clause)]
    keys = [row.key for row in control.register(connection, in_force_only=False, clause=clause, limit=MANY) if _covers(row.clauses, clause)]
    return or_(entry_table.c.definition.in_(digests), entry_table.c.document_key.in_(keys))


def _all(connection: Connection, engine: Engine) -> list[Definition]:
    """Every definition that some case may be pinned to; they change a few times a year."""
    digests = connection.execute(select(definition_text.c.digest).where(definition_text.c.kind == WORKFLOW)).scalars()
    return [engine.definitions.get(connection, digest).definition for digest in digests]


def _covers(served: tuple[str, ...], wanted: str) -> bool:
    return any(clause == wanted or clause.startswith(wanted + ".") for clause in served)
