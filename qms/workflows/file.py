"""One case as it lies in the database: read whole in one statement, locked when a step is about to be taken."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, bindparam, column, func, insert, select, text, update

from qms.database import moment, stamp
from qms.errors import NotFound
from qms.people.actor import Actor
from qms.people.sight import sees_case
from qms.records.seal import canonical
from qms.workflows.definition import READER, Definition
from qms.workflows.scope import Taken
from qms.workflows.tables import case_file, case_organisation, timer

_parties = (
    select(func.aggregate_strings(case_organisation.c.organisation, ","))
    .where(case_organisation.c.case_number == case_file.c.number)
    .scalar_subquery()
    .label("organisations")
)
_read = select(case_file, _parties).where(case_file.c.number == bindparam("wanted"))
_lock = _read.with_for_update(of=case_file)
WHOLE = select(case_file, _parties)
"""Whole cases, for ``from_row``."""
_skip = _read.with_for_update(of=case_file, skip_locked=True)
_ACT = """
SELECT {columns},
  (SELECT {aggregate}(organisation, ',') FROM case_organisation WHERE case_number = case_file.number) AS organisations,
  (SELECT position FROM entry WHERE idempotency_key = :key) AS used,
  (SELECT {rows} FROM timer WHERE case_number = case_file.number) AS timers,
  (SELECT n FROM case_file AS seen WHERE seen.number = :wanted) AS seen
FROM case_file WHERE number = :wanted {lock}
"""
_CLOCK = ", ".join(f"'{one.name}', {one.name}" for one in timer.columns)
_CASE = ", ".join(f"case_file.{one.name}" for one in case_file.columns)
_ASIDE: list[ColumnElement[Any]] = [column(name) for name in ("organisations", "used", "timers", "seen")]
_act = {
    dialect: text(_ACT.format(columns=_CASE, aggregate=aggregate, rows=rows, lock=lock)).columns(*case_file.columns, *_ASIDE)
    for dialect, aggregate, rows, lock in (
        ("sqlite", "group_concat", f"json_group_array(json_object({_CLOCK}))", ""),
        ("postgresql", "string_agg", "CAST(json_agg(timer) AS text)", "FOR UPDATE OF case_file"),
    )
}
"""The one statement before every step, as text: building it anew from its parts cost more than running it.

A row that somebody else held is given as they left it, but what stands beside it as it was when the question was asked; ``seen`` tells.
"""
_insert = insert(case_file)
_MOVING = ("title", "state", "version", "n", "fields", "taken", "changed_at", "closed_at", "next_due")
_update = text(
    f"UPDATE case_file SET {', '.join(f'{name} = :{name}' for name in _MOVING)} WHERE number = :number AND version = :former"  # noqa: S608
)
_TIMER = [one.name for one in timer.columns]
_REPLACE = f"ON CONFLICT (case_number, name) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _TIMER[2:])}"
_put_timers = text(
    f"INSERT INTO timer ({', '.join(_TIMER)}) VALUES ({', '.join(f':{name}' for name in _TIMER)}) {_REPLACE}"  # noqa: S608
)
_update_at_once = text(
    f"WITH moved AS (INSERT INTO timer ({', '.join(_TIMER)}) SELECT {', '.join(_TIMER)} "  # noqa: S608
    f"FROM json_populate_recordset(CAST(NULL AS timer), CAST(:clocks AS json)) {_REPLACE}) {_update.text}"
)
"""Both in one question to PostgreSQL, where asking costs more than writing."""

REASSIGNED = "case-reassigned"
LINKED = "case-linked"
"""The event when what waits for one person was given to another."""
MIGRATED = "case-migrated"
"""The event when an open case was moved to the definition in force."""
WAIVED = "duty-waived"
"""The event when the direction lets somebody take a step that duties keep from them."""
AGREED_TO = "step-agreed"
"""The event when one of several whom a step needs took it; the case stays."""
AGREED = "~"
"""Ends the name under which agreements to a step are counted; no step's name has it."""
Kept = TypeVar("Kept")


@dataclass(frozen=True)
class Procedure:
    """The revision of the governing procedure that a case was opened under."""

    key: str
    revision: int
    blob: str

    def sealed(self) -> dict[str, Any]:
        return {"key": self.key, "revision": self.revision, "blob": self.blob}


@dataclass(frozen=True)
class File:
    """A case. ``fields`` in their kept form, personal values as marks; ``taken`` by step; ``n`` its number of entries on the trail."""

    number: str
    workflow: str
    definition: str
    procedure: Procedure | None
    title: str
    state: str
    version: int
    n: int
    fields: Mapping[str, Any]
    taken: Mapping[str, Taken]
    confidentiality: str
    opened_at: datetime
    opened_by: str
    changed_at: datetime
    closed_at: datetime | None
    next_due: datetime | None
    organisations: tuple[str, ...]

    @property
    def is_closed(self) -> bool:
        return self.closed_at is not None

    def row(self) -> dict[str, Any]:
        """Its columns in ``case_file``."""
        procedure = self.procedure
        return {
            "number": self.number,
            "workflow": self.workflow,
            "definition": self.definition,
            "procedure_key": procedure.key if procedure else None,
            "procedure_revision": procedure.revision if procedure else None,
            "procedure_blob": procedure.blob if procedure else None,
            "title": self.title,
            "state": self.state,
            "version": self.version,
            "n": self.n,
            "fields": canonical(self.fields),
            "taken": canonical(dump_taken(self.taken)),
            "confidentiality": self.confidentiality,
            "opened_at": stamp(self.opened_at),
            "opened_by": self.opened_by,
            "changed_at": stamp(self.changed_at),
            "closed_at": stamp(self.closed_at) if self.closed_at else None,
            "next_due": stamp(self.next_due) if self.next_due else None,
        }


def load(connection: Connection, number: str, *, lock: bool = False, skip: bool = False) -> File:
    """The case ``number``; with ``lock`` nobody else moves it until this transaction ends. Raises NotFound.

    With ``skip`` a case that somebody else holds looks as if it were not there.
    """
    row = connection.execute(_skip if skip else _lock if lock else _read, {"wanted": number}).first()
    if row is None:
        raise NotFound("case", number)
    return from_row(row)


def load_to_act(connection: Connection, number: str, key: str) -> tuple[File, bool, list[dict[str, Any]]]:
    """The case, locked, whether an act was recorded under ``key`` already, and the rows of its timers. Raises NotFound."""
    asked = _act[connection.dialect.name], {"wanted": number, "key": key}
    row = connection.execute(*asked).first()
    if row is not None and row.n != row.seen:
        row = connection.execute(*asked).first()
    if row is None:
        raise NotFound("case", number)
    return from_row(row), row.used is not None, json.loads(row.timers or "[]")


def from_row(row: Any) -> File:
    procedure = Procedure(row.procedure_key, row.procedure_revision, row.procedure_blob) if row.procedure_key is not None else None
    return File(
        row.number,
        row.workflow,
        row.definition,
        procedure,
        row.title,
        row.state,
        row.version,
        row.n,
        json.loads(row.fields),
        load_taken(json.loads(row.taken)),
        row.confidentiality,
        moment(row.opened_at),
        row.opened_by,
        moment(row.changed_at),
        moment(row.closed_at) if row.closed_at else None,
        moment(row.next_due) if row.next_due else None,
        _parts(row.organisations),
    )


def _parts(joined: str | None) -> tuple[str, ...]:
    return tuple(sorted(joined.split(","))) if joined else ()


def create(connection: Connection, file: File, clocks: Sequence[Mapping[str, Any]] = ()) -> None:
    """Write a new case, its organisations and its timers."""
    connection.execute(_insert, file.row())
    if clocks:
        connection.execute(_put_timers, [{"case_number": file.number, **clock} for clock in clocks])
    connection.execute(insert(case_organisation), [{"case_number": file.number, "organisation": name} for name in file.organisations])


def save(connection: Connection, file: File, former_version: int, clocks: Sequence[Mapping[str, Any]] = ()) -> bool:
    """Write what a case became and the timers that moved with it, provided it still has ``former_version``; False when somebody else was
    first: then the transaction must not go on."""
    row = file.row()
    values = {"number": file.number, "former": former_version, **{name: row[name] for name in _MOVING}}
    if not clocks:
        return connection.execute(_update, values).rowcount == 1
    rows = [{"case_number": file.number, **clock} for clock in clocks]
    if connection.dialect.name == "postgresql":
        return connection.execute(_update_at_once, {**values, "clocks": json.dumps(rows)}).rowcount == 1
    connection.execute(_put_timers, rows)
    return connection.execute(_update, values).rowcount == 1


def repin(connection: Connection, file: File) -> None:
    """Write under which definition and procedure a case runs from now on, and who may see it."""
    row = file.row()
    names = ("definition", "procedure_key", "procedure_revision", "procedure_blob", "confidentiality")
    connection.execute(update(case_file).where(case_file.c.number == file.number).values({name: row[name] for name in names}))


def visible(file: File, definition: Definition, by: Actor) -> bool:
    """Whether ``by`` may know of this case."""
    about = definition.filled_by(READER)
    if about is not None and by.kind == "staff" and file.fields.get(about) == by.person:
        return True
    return sees_case(by, file.organisations, definition.confidentiality, definition.allowed_roles)


def require_visible(file: File, definition: Definition, by: Actor) -> None:
    """Raises NotFound when ``by`` may not know of this case: to them it does not exist."""
    if not visible(file, definition, by):
        raise NotFound("case", file.number)


def confidentiality_of(definition: Definition) -> str:
    """How the confidentiality of a case is written in its row: ``normal`` or ``restricted:QM,TOP``."""
    roles = ",".join(definition.allowed_roles)
    return f"{definition.confidentiality}:{roles}" if roles else definition.confidentiality


def dump_taken(taken: Mapping[str, Taken]) -> dict[str, Any]:
    return {step: [one.times, stamp(one.last), one.n, list(one.persons)] for step, one in taken.items()}


def load_taken(stored: Mapping[str, Any]) -> dict[str, Taken]:
    return {step: Taken(times, moment(last), tuple(persons), n) for step, (times, last, n, persons) in stored.items()}


def with_step(taken: Mapping[str, Taken], step: str, persons: Sequence[str], at: datetime, n: int) -> dict[str, Taken]:
    """``taken`` after ``persons`` (who acted, and for whom) took ``step`` once more. Who had agreed to a step before it counted took it
    too, once it does; whatever else is done on the case voids what was agreed to it as it stood."""
    before, agreed = taken.get(step), taken.get(agreement(step))
    by = dict.fromkeys((*(before.persons if before else ()), *(agreed.persons if agreed else ()), *persons))
    return {**without_agreements(taken), step: Taken(before.times + 1 if before else 1, at, tuple(by), n)}


def without_agreements(taken: Mapping[str, Kept]) -> dict[str, Kept]:
    """``taken`` once the case is no longer what somebody agreed to."""
    return {name: one for name, one in taken.items() if not name.endswith(AGREED)}


def takers(taken: Mapping[str, Taken], step: str) -> set[str]:
    """Everybody who took a step, or agreed to one that still needs others."""
    return {person for name in (step, agreement(step)) if name in taken for person in taken[name].persons}


def agreement(step: str) -> str:
    """Under which name it is counted who agreed to ``step`` while it still needed others."""
    return step + AGREED
