"""What waits for somebody who leaves goes to somebody else, case by case, with the reason; what they did stays theirs (ISO 9001, 5.3)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from qms.database import Transaction
from qms.errors import Reason, refusal
from qms.people import directory
from qms.people.actor import Actor
from qms.records.trail import Receipt
from qms.workflows import file as files
from qms.workflows import objections, requests, sealing
from qms.workflows.definition import Definition
from qms.workflows.engine import Engine
from qms.workflows.facts import Facts
from qms.workflows.file import REASSIGNED, File
from qms.workflows.listing import seen_by
from qms.workflows.tables import case_file

REASSIGNS = ("QM", "TOP")
PAGE = 200


@dataclass(frozen=True)
class Task:
    """An open case in which a person is named, as it stands, and the fields that name them."""

    number: str
    title: str
    version: int
    fields: tuple[str, ...]
    definition: str


def tasks(connection: Connection, engine: Engine, person: str, by: Actor, after: str = "", limit: int = PAGE) -> list[Task]:
    """Open cases that name ``person`` and that ``by`` may see, in the order of their numbers; fewer than ``limit`` only when these are all.
    A text that happens to hold the person's id is looked at and left."""
    row = case_file.c
    # All definitions there are: the open cases are found through them, and those that are closed not even looked at.
    known = row.definition.in_([one.definition.digest for one in engine.definitions.known(connection)])
    named = row.fields.contains(f'"{person}"', autoescape=True)
    query = files.WHOLE.where(known, row.closed_at.is_(None), named, seen_by(connection, engine, by)).order_by(row.number).limit(limit)
    found: list[Task] = []
    while len(found) < limit and (rows := connection.execute(query.where(row.number > after)).all()):
        for file in map(files.from_row, rows):
            definition = engine.definitions.get(connection, file.definition).definition
            if fields := tuple(_changed(definition, file, person, person)):
                found.append(Task(file.number, file.title, file.version, fields, file.definition))
        after = rows[-1].number
    return found[:limit]


def of_handover(connection: Connection, old: str, new: str, reason: str, now: datetime) -> list[Reason]:
    """What is wrong with whom the cases are given to, and with the reason."""
    said = objections.tidy(reason)
    reasons = [] if old != new and directory.is_colleague(connection, new, now) else [Reason("FIELD_INVALID:new", "new")]
    return reasons + ([Reason("COMMENT_REQUIRED", "reason")] if said is None else list(objections.of_text_typed(said)))


def reassign(
    tx: Transaction, engine: Engine, number: str, old: str, new: str, by: Actor, *, reason: str, key: str, version: int | None = None
) -> Receipt:
    """Put ``new`` where the open case ``number`` names ``old``; ``version`` is the case that ``by`` had before them, when they had.

    For quality and the direction. Raises NotFound for a case that is not there, Refused: without the role, without a reason, for somebody
    who is not there or gone, for a case that is closed, does not name ``old``, or moved on since it was seen, for a step that duties would
    no longer keep from ``by``.
    """
    file = files.load(tx.connection, number, lock=True)
    definition = engine.definitions.get(tx.connection, file.definition).definition
    files.require_visible(file, definition, by)
    said = objections.tidy(reason)
    own_key, print_ = requests.key_of(by, key), requests.fingerprint(definition, {}, (), None, said, number, old, new)
    if (done := requests.repeated(tx.connection, own_key, print_)) is not None:
        return done
    changed = _changed(definition, file, old, new)
    place = by.role_for(REASSIGNS, file.organisations)
    reasons = [] if place is not None else [Reason(f"ROLE:{','.join(REASSIGNS)}")]
    reasons += of_handover(tx.connection, old, new, reason, tx.now)
    if file.is_closed or not changed:
        reasons.append(Reason("NOTHING_TO_REASSIGN", None, {"person": old[:80]}))
    if version is not None:
        reasons += objections.of_version(file, version)
    fields = {**file.fields, **{name: value for name, (_, value) in changed.items()}}
    reasons += _of_duties(tx, engine, definition, file, replace(file, fields=fields), by)
    if reasons:
        raise refusal(reasons)
    taken = files.without_agreements(file.taken)
    after = replace(file, n=file.n + 1, version=file.version + 1, changed_at=tx.now, fields=fields, taken=taken)
    what = {"request": print_, "person": new, "delegator": old}
    return sealing.record(tx, file, after, REASSIGNED, by, place, fields=changed, comment=said, what=what, key=own_key)


def _of_duties(tx: Transaction, engine: Engine, definition: Definition, file: File, after: File, by: Actor) -> Iterator[Reason]:
    """Who gives a case away does not thereby become free to judge it, and no agreement that a step needs is lost."""
    was, will = (
        Facts(engine, tx.connection, definition, one, by, fields=one.fields, happened_at=tx.now, recorded_at=tx.now)
        for one in (file, after)
    )
    before, now = (objections.kept_from(definition, one, by, facts, tx.now) for one, facts in ((file, was), (after, will)))
    yield from objections.of_own_duty(definition, before - now)
    yield from objections.of_fewer(definition, was, will)


def _changed(definition: Definition, file: File, old: str, new: str) -> dict[str, list[Any]]:
    """The fields that name ``old``, before and after; none that is personal, computed or filled by the program: a text that somebody is to
    read is read by nobody else in their place."""
    found: dict[str, list[Any]] = {}
    for name, value in file.fields.items():
        field = definition.fields.get(name)
        if field is None or field.personal or field.computed is not None or field.source is not None:
            continue
        if field.type == "person" and value == old:
            found[name] = [value, new]
        elif field.columns is not None:
            columns = {column for column, one in field.columns.items() if one.type == "person" and not one.personal}
            rows = [_row(row, columns, old, new) for row in value]
            if any(row.get(column) == old for row in value for column in columns):
                found[name] = [value, rows]
    return found


def _row(row: Mapping[str, Any], columns: set[str], old: str, new: str) -> dict[str, Any]:
    return {name: new if name in columns and value == old else value for name, value in row.items()}
