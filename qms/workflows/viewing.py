"""One case as a person may see it: where it stands, what is known of it, which files and cases belong to it, which clocks run."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from qms.people.actor import Actor
from qms.people.sight import reads_personal
from qms.records import personal
from qms.workflows import clocks, privacy
from qms.workflows import file as files
from qms.workflows.clocks import Clock
from qms.workflows.definition import Definition, Timer
from qms.workflows.engine import Engine
from qms.workflows.facts import Facts
from qms.workflows.file import File
from qms.workflows.tables import case_evidence, case_file, case_link
from qms.workflows.tables import timer as timer_table


@dataclass(frozen=True)
class Attached:
    """A file in evidence. ``name`` is None once it was erased, and for who may not open it (``is_open``); ``position`` is the entry that
    attached it."""

    slot: str
    sha256: str
    size: int
    type: str
    name: str | None
    position: int
    is_current: bool
    is_open: bool


@dataclass(frozen=True)
class Running:
    """A timer and how it stands. ``late_by`` is its lateness in seconds, now or when it ended."""

    timer: Timer
    clock: Clock
    late_by: int | None


@dataclass(frozen=True)
class Linked:
    """A case tied to this one; title and state are None when the reader may not see it."""

    name: str
    number: str
    title: str | None
    state: str | None
    is_closed: bool | None


@dataclass(frozen=True)
class Case:
    """A case with everything a page shows of it. ``fields`` in their kept form, personal values revealed."""

    file: File
    definition: Definition
    fields: Mapping[str, Any]
    evidence: tuple[Attached, ...]
    timers: tuple[Running, ...]
    links: tuple[Linked, ...]
    parents: tuple[Linked, ...]

    @property
    def number(self) -> str:
        return self.file.number

    @property
    def version(self) -> int:
        return self.file.version

    @property
    def state(self) -> str:
        return self.file.state


def show(connection: Connection, engine: Engine, number: str, by: Actor) -> Case:
    """The case ``number`` for the eyes of ``by``. Raises NotFound also when it is not for them."""
    file = files.load(connection, number)
    definition = engine.definitions.get(connection, file.definition).definition
    files.require_visible(file, definition, by)
    fields = _as_of_now(connection, engine, definition, file, by)
    parent, child = case_link.c.parent, case_link.c.child
    return Case(
        file,
        definition,
        privacy.reveal_all(connection, definition, fields) if reads_personal(by) else privacy.leave_out(definition, fields),
        tuple(_evidence(connection, file, definition, by)),
        tuple(_timers(connection, definition, number, engine.clock())),
        tuple(_linked(connection, engine, by, parent == number, child)),
        tuple(_linked(connection, engine, by, child == number, parent)),
    )


def _as_of_now(connection: Connection, engine: Engine, definition: Definition, file: File, by: Actor) -> Mapping[str, Any]:
    """The fields of a case, those computed from other cases as these stand now; what was sealed is how they stood at the last act."""
    across = [name for name in definition.computed if _reaches_across(definition, name)]
    if not across:
        return file.fields
    now = engine.clock()
    facts = Facts(engine, connection, definition, file, by, fields=file.fields, happened_at=now, recorded_at=now)
    return {**file.fields, **facts.reckoned(across)}


def _reaches_across(definition: Definition, name: str) -> bool:
    expression = definition.fields[name].computed
    if expression is None:
        return False
    return bool(expression.uses.links) or any(_reaches_across(definition, one) for one in expression.uses.values & set(definition.computed))


def opens(definition: Definition, slot: str, by: Actor, organisations: Collection[str] | None = None) -> bool:
    """Whether ``by`` may open the files in ``slot`` of a case they see: those about persons are for the roles that the workflow names, and
    for no auditor. ``organisations`` are the case's; None stands for any in which ``by`` has a role."""
    about = definition.evidence.get(slot)
    roles = about.personal if about is not None else ()
    if by.kind == "system" or (definition.confidentiality != "personal" and not roles):
        return True
    if not reads_personal(by):
        return False
    return not roles or by.role_for(roles, by.organisations if organisations is None else organisations) is not None


def withheld(connection: Connection, engine: Engine, by: Actor, number: str | None = None) -> set[str]:
    """The files, by hash, that ``by`` may not take along in an export of everything, or of the case ``number``."""
    row = case_evidence.c
    query = select(row.case_number, row.slot, row.sha256).order_by(row.case_number)
    kept: dict[bool, set[str]] = {True: set(), False: set()}
    found = connection.execute(query if number is None else query.where(row.case_number == number)).all()
    for name, pieces in groupby(found, key=lambda piece: str(piece.case_number)):
        file = files.load(connection, name)
        definition = engine.definitions.get(connection, file.definition).definition
        seen = files.visible(file, definition, by)
        for piece in pieces:
            kept[seen and opens(definition, piece.slot, by, file.organisations)].add(piece.sha256)
    return kept[False] - kept[True]


def _evidence(connection: Connection, file: File, definition: Definition, by: Actor) -> list[Attached]:
    query = select(case_evidence).where(case_evidence.c.case_number == file.number).order_by(case_evidence.c.slot, case_evidence.c.n)
    rows = [(row, json.loads(row.name), opens(definition, row.slot, by, file.organisations)) for row in connection.execute(query)]
    names = personal.behind(connection, [mark for _, mark, is_open in rows if is_open])
    return [
        Attached(row.slot, row.sha256, row.size, row.type, names.get(mark["ref"]), row.position, row.superseded is None, is_open)
        for row, mark, is_open in rows
    ]


def _timers(connection: Connection, definition: Definition, number: str, now: datetime) -> list[Running]:
    found = []
    query = select(timer_table).where(timer_table.c.case_number == number).order_by(timer_table.c.due_at, timer_table.c.name)
    for row in connection.execute(query).mappings():
        clock = clocks.from_row(dict(row))
        timer = definition.timers.get(clock.name)
        if timer is not None:
            found.append(Running(timer, clock, _late(clock, now)))
    return found


def _late(clock: Clock, now: datetime) -> int | None:
    if not clock.is_running:
        return clock.late_seconds
    if clock.due_at is None or now <= clock.due_at:
        return None
    return int((now - clock.due_at).total_seconds())


def _linked(connection: Connection, engine: Engine, by: Actor, mine: ColumnElement[bool], other: ColumnElement[str]) -> Iterator[Linked]:
    """The cases at the ``other`` end of the links of which ``mine`` is true."""
    rows = connection.execute(select(case_link.c.name, other).where(mine).order_by(case_link.c.name, other)).all()
    there = files.WHOLE.where(case_file.c.number.in_(select(other).where(mine)))
    found = {file.number: file for file in map(files.from_row, connection.execute(there))} if rows else {}
    for name, number in rows:
        file = found.get(number)
        if file is None or not files.visible(file, engine.definitions.get(connection, file.definition).definition, by):
            yield Linked(name, number, None, None, None)
        else:
            yield Linked(name, number, file.title, file.state, file.is_closed)
