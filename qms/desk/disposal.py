"""What has been kept as long as it must: closed cases whose term is over, for a person to judge, and those of them that stay nevertheless.

A term counts here from the closing of the case. Where the table of the organisation lets it begin later (the end of the year, the last
payment), the person who proposes the disposal counts from there: what is not listed is not over, what is listed may still have to wait.
Nothing here disposes of anything. A case under hold, and one tied to a case that is still open, stay whatever their term.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, select

from qms.database import moment, stamp
from qms.errors import NotPermitted, Reason
from qms.people.actor import Actor
from qms.records import retention
from qms.workflows import holds
from qms.workflows.calendar import Duration
from qms.workflows.definition import Definition
from qms.workflows.engine import Engine
from qms.workflows.holds import Hold
from qms.workflows.listing import seen_by
from qms.workflows.tables import case_file, case_link

JUDGES = ("DOC_CTRL", "QM", "TOP")
PAGE = 500
SHORTEST_MONTH = 28
"""Days: what cannot be over yet is not even read."""


@dataclass(frozen=True)
class Kept:
    """A closed case whose term ended on ``over_on``. It stays when a ``hold`` stands on it, or the case ``waits_for`` is still open."""

    number: str
    title: str
    classes: tuple[str, ...]
    over_on: date
    hold: Hold | None = None
    waits_for: str | None = None

    @property
    def stays(self) -> bool:
        return self.hold is not None or self.waits_for is not None


def over(
    connection: Connection, engine: Engine, terms: Mapping[str, int | None], by: Actor, now: datetime, limit: int = PAGE
) -> list[Kept]:
    """The cases ``by`` may see whose term is over, the longest over first. Raises NotPermitted for who does not keep the records."""
    if not by.keeps(JUDGES):
        raise NotPermitted([Reason(f"ROLE:{','.join(JUDGES)}")])
    held = holds.standing(connection)
    found = sorted(_over(connection, engine, terms, by, now, limit), key=lambda one: (one.over_on, one.number))[:limit]
    waiting = _tied_to_open(connection, [one.number for one in found])
    return [replace(one, hold=held.get(one.number), waits_for=waiting.get(one.number)) for one in found]


def _over(connection: Connection, engine: Engine, terms: Mapping[str, int | None], by: Actor, now: datetime, limit: int) -> Iterator[Kept]:
    row, calendar = case_file.c, engine.calendar
    seen = seen_by(connection, engine, by)
    for loaded in engine.definitions.known(connection):
        definition = loaded.definition
        classes = _classes(definition)
        months = retention.longest(terms, set(classes))
        if months is retention.FOR_EVER:
            continue
        until = stamp(now - timedelta(days=SHORTEST_MONTH * months))
        query = select(row.number, row.title, row.closed_at).where(row.definition == definition.digest, row.closed_at <= until, seen)
        for number, title, closed_at in connection.execute(query.order_by(row.closed_at, row.number).limit(limit)):
            over_on = calendar.shift_day(calendar.day(moment(closed_at)), Duration(months, "m"))
            if over_on <= calendar.day(now):
                yield Kept(number, title, classes, over_on)


def _classes(definition: Definition) -> tuple[str, ...]:
    """The classes of a case and of the records it makes: it is kept as long as the longest."""
    return tuple(dict.fromkeys([definition.retention, *(record.retention for record in definition.records.values())]))


def _tied_to_open(connection: Connection, numbers: Sequence[str]) -> dict[str, str]:
    """Of these cases, those tied to one that is still open, with its number."""
    link, row = case_link.c, case_file.c
    found: dict[str, str] = {}
    for mine, other in ((link.parent, link.child), (link.child, link.parent)):
        query = select(mine, other).join(case_file, row.number == other).where(mine.in_(numbers), row.closed_at.is_(None))
        found.update((str(one[0]), str(one[1])) for one in connection.execute(query.order_by(mine, other)))
    return found
