"""Keeps what belongs to a case beside its row: its number, its timers, the codes it is found under, and the evidence attached to it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, text, update

from qms.database import Transaction
from qms.records import personal
from qms.records.evidence import Attachment
from qms.records.seal import canonical
from qms.workflows import clocks
from qms.workflows.clocks import Clock
from qms.workflows.definition import READER, Definition, Field
from qms.workflows.engine import Engine
from qms.workflows.facts import Current
from qms.workflows.file import File
from qms.workflows.step import Step
from qms.workflows.tables import DOCUMENT, PERSON, case_evidence, case_identifier, number_series
from qms.workflows.tables import timer as timer_table

ABOUT = {READER: PERSON, "acknowledgment.document": DOCUMENT}

_begin_series = text("INSERT INTO number_series (prefix, year, last) VALUES (:prefix, :year, 0) ON CONFLICT DO NOTHING")
_hold_series = (
    select(number_series.c.last)
    .where(number_series.c.prefix == bindparam("prefix"), number_series.c.year == bindparam("year"))
    .with_for_update()
)
_move_series = (
    update(number_series)
    .where(number_series.c.prefix == bindparam("of_prefix"), number_series.c.year == bindparam("of_year"))
    .values(last=bindparam("new_last"))
)
_timers_of = select(timer_table).where(timer_table.c.case_number == bindparam("wanted"))
_write_evidence = insert(case_evidence)
_supersede = (
    update(case_evidence)
    .where(
        case_evidence.c.case_number == bindparam("wanted"),
        case_evidence.c.slot == bindparam("in_slot"),
        case_evidence.c.superseded.is_(None),
    )
    .values(superseded=bindparam("by_n"))
)
_forget_codes = delete(case_identifier).where(case_identifier.c.case_number == bindparam("wanted"))
_write_codes = insert(case_identifier)


@dataclass(frozen=True)
class Filed:
    """Files of one step: what is sealed of them, the rows to write, and the slots whose former file gives way."""

    sealed: tuple[dict[str, Any], ...]
    rows: tuple[dict[str, Any], ...]
    superseded: tuple[str, ...]


def hold_series(tx: Transaction, engine: Engine, opened: Iterable[Definition], steps: Iterable[Step] = ()) -> None:
    """Hold the number series of the cases ``opened``, and of all that ``steps`` and openings open in turn, until this transaction ends.

    Every transaction takes them so: all at once, in one order, before the trail's head. Else two could wait for each other for ever.
    """
    found = {definition.id: definition for definition in opened}
    waiting = [*steps, *(definition.opening for definition in found.values())]
    while waiting:
        for call in waiting.pop().effects:
            if call.workflow is not None and not call.later and call.workflow not in found:
                found[call.workflow] = engine.definitions.in_force(tx.connection, call.workflow).definition
                waiting.append(found[call.workflow].opening)
    year = engine.calendar.day(tx.now).year
    for prefix in sorted(definition.prefix for definition in found.values()):
        tx.connection.execute(_begin_series, {"prefix": prefix, "year": year})
        tx.connection.execute(_hold_series, {"prefix": prefix, "year": year})


def next_number(tx: Transaction, engine: Engine, definition: Definition) -> str:
    """Give the next number of a series that this transaction holds."""
    year = engine.calendar.day(tx.now).year
    last = int(tx.connection.execute(_hold_series, {"prefix": definition.prefix, "year": year}).scalar_one()) + 1
    tx.connection.execute(_move_series, {"of_prefix": definition.prefix, "of_year": year, "new_last": last})
    return f"{definition.prefix}-{year}-{last:04d}"


def running(tx: Transaction, definition: Definition, file: File) -> dict[str, Clock]:
    """The timers of a case as they stand; a case about to be opened has none."""
    if not definition.timers or not file.version:
        return {}
    return clocks_of([dict(row) for row in tx.connection.execute(_timers_of, {"wanted": file.number}).mappings()])


def clocks_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, Clock]:
    """Timers by name, from their rows."""
    return {row["name"]: clocks.from_row(row) for row in rows}


def file_evidence(tx: Transaction, definition: Definition, file: File, attached: Sequence[Attachment], before: Current) -> Filed:
    """Prepare files for the seal. The very file that is already there, sent again, changes nothing."""
    sealed: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    superseded: list[str] = []
    known = {(slot, sha256) for slot, there in before.items() for sha256, _ in there}
    for attachment in attached:
        if (attachment.slot, attachment.sha256) in known:
            continue
        known.add((attachment.slot, attachment.sha256))
        mark = personal.hide(tx, attachment.name)
        entry = {"slot": attachment.slot, "sha256": attachment.sha256, "size": attachment.size, "type": attachment.type}
        sealed.append({**entry, "name": mark})
        rows.append({"case_number": file.number, **entry, "n": file.n, "name": canonical(mark), "superseded": None})
        if attachment.slot in before and not definition.evidence[attachment.slot].many:
            superseded.append(attachment.slot)
    return Filed(tuple(sealed), tuple(rows), tuple(superseded))


def write_evidence(tx: Transaction, file: File, filed: Filed, position: int) -> None:
    """Write the rows of files that the entry at ``position`` sealed."""
    if filed.superseded:
        tx.connection.execute(_supersede, [{"wanted": file.number, "in_slot": slot, "by_n": file.n} for slot in filed.superseded])
    if filed.rows:
        tx.connection.execute(_write_evidence, [{**row, "position": position} for row in filed.rows])


def write_codes(tx: Transaction, definition: Definition, file: File, changed: Collection[str] | None = None) -> None:
    """Put the codes of a case in place of what they were: unless only fields ``changed`` that hold none."""
    if changed is not None and not any(_has_codes(definition, name) for name in changed):
        return
    tx.connection.execute(_forget_codes, {"wanted": file.number})
    rows = codes_of(definition, file.number, file.fields)
    if rows:
        tx.connection.execute(_write_codes, rows)


def _has_codes(definition: Definition, name: str) -> bool:
    field = definition.fields[name]
    return _kind(field) is not None or any(column.kind is not None for column in (field.columns or {}).values())


def codes_of(definition: Definition, number: str, fields: Mapping[str, Any]) -> list[dict[str, str]]:
    """The codes under which a case is found, whom and which document it is about among them; none that is personal."""
    found: dict[tuple[str, str, str], dict[str, str]] = {}
    for name, value in fields.items():
        field = definition.fields[name]
        cells = [(name, field, value)]
        if field.columns is not None:
            cells = [(f"{name}.{column}", field.columns[column], cell) for row in value for column, cell in row.items()]
        for place, inner, code in cells:
            kind = _kind(inner)
            if kind is not None and isinstance(code, str):
                found[place, kind, code] = {"case_number": number, "field": place, "kind": kind, "value": code}
    return list(found.values())


def _kind(field: Field) -> str | None:
    return field.kind or ABOUT.get(field.source or "")
