"""What somebody sends with a step: the fields they filled in and the files they attached, judged against what the step asks."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, select

from qms.errors import NotFound, Reason, Text
from qms.formats import names
from qms.people.actor import Actor
from qms.people.directory import organisation_table, person_table
from qms.records.evidence import TYPES, Attachment
from qms.workflows import file as files
from qms.workflows import privacy
from qms.workflows.definition import OPENING, Definition, Field
from qms.workflows.engine import Engine
from qms.workflows.fields import Fault, Reading, read_value
from qms.workflows.reader import both
from qms.workflows.step import Step, Wanted


@dataclass(frozen=True)
class Form:
    """A form as read. ``fields`` are those of the case after it, personal values plain; ``old`` those before, likewise."""

    fields: Mapping[str, Any]
    changed: Mapping[str, tuple[Any, Any]]
    """Name → kept form before (personal ones as marks) and after (personal ones plain)."""
    notes: Mapping[str, str]
    reasons: tuple[Reason, ...]


class House:
    """Answers whether the persons, organisations and cases that a form names exist, for the person who names them."""

    def __init__(self, engine: Engine, connection: Connection, by: Actor) -> None:
        self._engine, self._connection, self._by = engine, connection, by

    def person(self, name: str) -> bool:
        return self._connection.execute(select(person_table.c.id).where(person_table.c.id == name)).first() is not None

    def organisation(self, name: str) -> bool:
        return self._connection.execute(select(organisation_table.c.id).where(organisation_table.c.id == name)).first() is not None

    def case(self, number: str, workflow: str | None) -> bool:
        try:
            found = files.load(self._connection, number)
        except NotFound:
            return False
        definition = self._engine.definitions.get(self._connection, found.definition).definition
        return workflow in (None, found.workflow) and files.visible(found, definition, self._by)


def read_form(
    engine: Engine,
    connection: Connection,
    definition: Definition,
    step: Step,
    old: Mapping[str, Any],
    raw: Mapping[str, object],
    by: Actor,
    as_found: bool = False,
) -> Form:
    """Read ``raw`` for ``step`` of a case whose fields are ``old``; everything wrong with it comes as reasons."""
    reading = Reading(engine.zone, House(engine, connection, by), as_found)
    asked = {wanted.name: wanted.required for wanted in step.asks}
    if as_found:
        asked |= {name: False for name, field in definition.fields.items() if field.source is not None and name not in asked}
    reasons = [Reason(f"FIELD_UNKNOWN:{name[:60]}", name[:60]) for name in raw if name not in asked]
    fields, changed = dict(old), {}
    defaults = _defaults(definition) if step.name == OPENING else {}
    for name, value in {**defaults, **raw}.items():
        if name in asked or name in defaults:
            field = definition.fields[name]
            before = privacy.reveal(connection, field, old.get(name))
            after = read_value(reading, field, value)
            if after != before:
                changed[name] = (old.get(name), after)
                fields[name] = after
    faulty = {fault.place.partition(".")[0] for fault in reading.faults}
    reasons += [_fault(definition, fault) for fault in reading.faults]
    for name, required in asked.items():
        if required and fields.get(name) is None and name not in faulty:
            title = definition.fields[name].title
            reasons.append(Reason(f"FIELD_REQUIRED:{name}", name, {"title": title}, both("case.field_required", title=title)))
    return Form({name: value for name, value in fields.items() if value is not None}, changed, reading.notes, tuple(reasons))


def _defaults(definition: Definition) -> dict[str, object]:
    return {name: field.default for name, field in definition.fields.items() if field.default is not None}


def _fault(definition: Definition, fault: Fault) -> Reason:
    name, _, cell = fault.place.partition(".")
    field = definition.fields[name]
    values: dict[str, object] = {"title": field.title}
    code = "FIELD_REQUIRED" if fault.problem is None else "FIELD_INVALID"
    plain = both("case.field_invalid", title=field.title, problem=fault.problem or "")
    text = _cell(field, cell, fault.problem) if cell else plain
    return Reason(f"{code}:{fault.place}", fault.place, values, text)


def _cell(field: Field, cell: str, problem: Text | None) -> Text:
    row, _, column = cell.partition(".")
    inner = (field.columns or {}).get(column)
    shown: Text | str = inner.title if inner is not None else column
    place: dict[str, str | Text] = {"title": field.title, "row": str(int(row) + 1), "column": shown}
    return both("case.cell_required", **place) if problem is None else both("case.cell_invalid", **place, problem=problem)


def files_asked(step: Step, file: files.File) -> Sequence[Wanted]:
    """The evidence a step asks of who takes it now: where several must, the first of them brings what must be new."""
    begun = files.agreement(step.name) in file.taken
    return [replace(wanted, is_fresh=False) for wanted in step.evidence] if begun else step.evidence


def judge_files(
    definition: Definition, asked: Sequence[Wanted], attached: Sequence[Attachment], before: Callable[[str], Collection[str]]
) -> list[Reason]:
    """What is wrong with the files that came, or did not. ``before`` gives the hashes of those that a slot holds already."""
    offered = {wanted.name: wanted for wanted in asked}
    reasons = []
    for slot, wanted in offered.items():
        here = [attachment for attachment in attached if attachment.slot == slot]
        title = definition.evidence[slot].title
        if len({attachment.sha256 for attachment in here}) > 1 and not definition.evidence[slot].many:
            reasons.append(Reason(f"EVIDENCE_ONE:{slot}", slot, {"title": title}, both("case.evidence_one", title=title)))
        if wanted.required and not here and not before(slot):
            reasons.append(Reason(f"EVIDENCE_MISSING:{slot}", slot, {"title": title}, both("case.evidence_missing", title=title)))
        elif wanted.is_fresh and {attachment.sha256 for attachment in here} <= {*before(slot)}:
            reasons.append(Reason(f"EVIDENCE_NEW:{slot}", slot, {"title": title}, both("case.evidence_new", title=title)))
    for attachment in attached:
        if attachment.slot not in offered:
            reasons.append(Reason(f"EVIDENCE_UNKNOWN:{attachment.slot[:40]}", attachment.slot[:40]))
        elif not _accepted(definition.evidence[attachment.slot].types, attachment):
            reasons.append(_wrong_type(definition, attachment))
    return reasons


def _accepted(types: Sequence[str], attachment: Attachment) -> bool:
    return names.extension(attachment.name) in types or attachment.type in {TYPES.get(one) for one in types}


def _wrong_type(definition: Definition, attachment: Attachment) -> Reason:
    slot = definition.evidence[attachment.slot]
    types = ", ".join(slot.types)
    text = both("case.evidence_type", title=slot.title, name=attachment.name, types=types)
    values = {"title": slot.title, "name": attachment.name, "types": types}
    return Reason(f"EVIDENCE_TYPE:{slot.name}", slot.name, values, text)
