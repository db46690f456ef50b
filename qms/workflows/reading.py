"""Reads one workflow file into a definition, or says everything that is wrong with it at once, line by line."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from qms.errors import BadContent, Problem
from qms.workflows.definition import (
    ACKNOWLEDGED,
    MEASURED,
    PROFILES,
    SUBJECTS,
    SYS,
    Definition,
    Field,
    Link,
    RecordForm,
    Slot,
    State,
    Timer,
)
from qms.workflows.expression import BUILT_IN
from qms.workflows.reader import NAME, STATE_NAME, WORKFLOW_NAME, Reader, near
from qms.workflows.reading_fields import compute, read_fields, type_of
from qms.workflows.reading_indicators import of_cases, read_indicators
from qms.workflows.reading_steps import Known, read_opening, read_schedules, read_step, read_timer
from qms.workflows.scope import Names
from qms.workflows.step import Step
from qms.workflows.types import DRAFT, LINK_ROW, OF_FIELD, TEXT, Type
from qms.workflows.yaml_file import Node, Table, Word, read

KINDS_OF_STATE = ("initial", "normal", "settled", "final")
PREFIX = re.compile(r"[A-Z]{2,8}")
CODE = re.compile(r"[A-Z][A-Z0-9_.-]{0,39}")
EXTENSION = re.compile(r"[a-z0-9]{1,10}")
PROCEDURE = re.compile(r"[A-Z0-9][A-Z0-9.-]{1,39}")
REQUIRED = ("id", "title", "prefix", "owner", "governed_by", "retention", "fields", "states", "opening", "steps")
OPTIONAL = (
    "clauses",
    "edition",
    "confidentiality",
    "subject",
    "parties",
    "evidence",
    "timers",
    "links",
    "scheduled",
    "records",
    "indicators",
    "measures",
)


@dataclass(frozen=True)
class Reading:
    """A file as it was read: what it says as far as it can be made out, what is wrong with it, and where it names roles."""

    definition: Definition
    problems: tuple[Problem, ...]
    named_roles: tuple[Word, ...]


def read_definition(source: bytes, path: str, kinds: frozenset[str]) -> Definition:
    """The workflow in ``source``; ``kinds`` are the identifiers that can be checked. Raises BadContent with every mistake."""
    found = read_file(source, path, kinds)
    if found.problems:
        raise BadContent(found.problems)
    return found.definition


@lru_cache(maxsize=256)
def read_file(source: bytes, path: str, kinds: frozenset[str]) -> Reading:
    """``source`` with its mistakes beside it. Raises BadContent when it is not even YAML.

    What was read once is remembered by its very bytes: a definition is judged, put in force and looked up, and reading it takes longest.
    """
    root = read(source, path)
    reader = Reader(path)
    found = _definition(reader, root, hashlib.sha256(source).hexdigest(), kinds)
    return Reading(found, tuple(reader.problems), tuple(reader.named_roles))


def _definition(reader: Reader, root: Table, digest: str, kinds: frozenset[str]) -> Definition:
    entries, line = root.entries, root.line
    reader.keys(root, REQUIRED, OPTIONAL)
    subject = reader.one_of(entries.get("subject"), "subject", SUBJECTS, "") or None
    fields = _fields(reader, entries, subject, kinds, line)
    slots = _slots(reader, entries.get("evidence"), line)
    states = _states(reader, entries.get("states"), line)
    links = _links(reader, entries.get("links"), line)
    steps_table = reader.table(entries.get("steps"), "steps", line)
    names = _names(fields, states, links, slots, steps_table, subject, kinds)
    fields, computed = compute(reader, entries.get("fields"), fields, names)
    known = Known(names, fields, slots, states, tuple(steps_table.entries), {link.name: link.workflow for link in links.values()}, subject)
    opening = read_opening(reader, entries.get("opening"), known, line)
    steps = {name: read_step(reader, name, node, known, steps_table.lines[name]) for name, node in steps_table.entries.items()}
    _check_reopening(reader, links, steps, states)
    timers = _timers(reader, entries.get("timers"), known, line)
    scheduled = read_schedules(reader, entries.get("scheduled"), known, opening, line)
    confidentiality, allowed = _confidentiality(reader, entries.get("confidentiality"), line)
    default_parties, may_add = _parties(reader, entries.get("parties"), line)
    indicators = read_indicators(reader, entries.get("indicators"), of_cases(names, timers), confidentiality == "personal", line)
    return Definition(
        digest=digest,
        path=reader.path,
        id=reader.name(entries.get("id"), "id", WORKFLOW_NAME),
        title=reader.text(entries.get("title"), "title", line),
        prefix=reader.name(entries.get("prefix"), "prefix", PREFIX),
        owner=reader.role(entries.get("owner"), "owner"),
        governed_by=reader.name(entries.get("governed_by"), "governed_by", PROCEDURE),
        clauses=tuple(word.text for word in reader.words(entries.get("clauses"), "clauses")),
        edition=reader.word(entries.get("edition"), "edition"),
        retention=reader.name(entries.get("retention"), "retention", CODE),
        confidentiality=confidentiality,
        allowed_roles=allowed,
        subject=subject,
        default_parties=default_parties,
        may_add_parties=may_add,
        fields=fields,
        evidence=slots,
        states=states,
        opening=opening,
        steps=steps,
        timers=timers,
        links=links,
        scheduled=scheduled,
        records=_records(reader, entries.get("records"), known, line),
        indicators=indicators,
        measures=_measures(reader, entries.get("measures"), fields, line),
        computed=computed,
        later=_later(entries, opening, steps),
        lines=root.lines,
    )


def _names(
    fields: Mapping[str, Field],
    states: Mapping[str, State],
    links: Mapping[str, Link],
    slots: Mapping[str, Slot],
    steps: Table,
    subject: str | None,
    kinds: frozenset[str],
) -> Names:
    """What the expressions of this file may name."""
    return Names(
        values={**{name: type_of(field) for name, field in fields.items()}, **BUILT_IN, "state": Type("choice", options=tuple(states))},
        draft=DRAFT if subject == "document" else None,
        links={link.name: {name: _read_as(kind) for name, kind in link.reads.items()} for link in links.values()},
        steps=frozenset({*steps.entries, "opening"}),
        slots=frozenset(slots),
        kinds=kinds,
    )


def _states(reader: Reader, node: Node | None, line: int) -> Mapping[str, State]:
    table = reader.table(node, "states", line)
    found = {}
    for name, inner in table.entries.items():
        at = table.lines[name]
        if not STATE_NAME.fullmatch(name):
            reader.malformed(at, "states", name, STATE_NAME)
        state = reader.table(inner, name, at)
        reader.keys(state, ("title",), ("meaning", "kind", "profile"))
        found[name] = State(
            name=name,
            title=reader.text(state.entries.get("title"), "title", at),
            meaning=reader.text(state.entries["meaning"], "meaning", at) if "meaning" in state.entries else None,
            kind=reader.one_of(state.entries.get("kind"), "kind", KINDS_OF_STATE, "normal"),
            profile=reader.one_of(state.entries.get("profile"), "profile", PROFILES, "") or None,
            line=at,
        )
    if sum(state.kind == "initial" for state in found.values()) != 1:
        reader.wrong(table.line, "one_initial")
    return found


def _fields(reader: Reader, entries: Mapping[str, Node], subject: str | None, kinds: frozenset[str], line: int) -> Mapping[str, Field]:
    """The fields. Whoever opens a case for a text to be read knows five facts of it, and the trail must keep them all."""
    fields = read_fields(reader, entries.get("fields"), subject, kinds, line)
    missing = sorted(set(ACKNOWLEDGED) - {str(field.source) for field in fields.values()})
    if subject == "acknowledgment" and missing:
        reader.wrong(entries["subject"].line, "sources_missing", names=", ".join(missing))
    return fields


def _measures(reader: Reader, node: Node | None, fields: Mapping[str, Field], line: int) -> Mapping[str, str] | None:
    """The table whose rows are measured results, with the column for each thing a page shows of them."""
    if node is None:
        return None
    table = reader.table(node, "measures", line)
    reader.keys(table, ("table", *MEASURED), ())
    named = {key: reader.word(inner, key) for key, inner in table.entries.items()}
    field = fields.get(named.get("table", ""))
    columns = (field.columns or {}) if field is not None else {}
    wrong = [key for key, kind in MEASURED.items() if named.get(key) not in columns or columns[named[key]].type != kind]
    if "sense" not in wrong and len(columns[named["sense"]].options or ()) != 2:
        wrong.append("sense")
    if wrong:
        reader.wrong(node.line, "measures_wrong", name=named.get("table", ""), columns=", ".join(wrong))
    return named


def _slots(reader: Reader, node: Node | None, line: int) -> Mapping[str, Slot]:
    table = reader.table(node, "evidence", line)
    found = {}
    for name, inner in table.entries.items():
        at = table.lines[name]
        if not STATE_NAME.fullmatch(name):
            reader.malformed(at, "evidence", name, STATE_NAME)
        slot = reader.table(inner, name, at)
        reader.keys(slot, ("title", "types"), ("many", "personal"))
        types = reader.words(slot.entries.get("types"), "types")
        for word in types:
            if not EXTENSION.fullmatch(word.text):
                reader.malformed(word.line, "types", word.text, EXTENSION)
        title = reader.text(slot.entries.get("title"), "title", at)
        personal = reader.roles(slot.entries.get("personal"), "personal")
        found[name] = Slot(name, title, tuple(word.text for word in types), reader.truth(slot.entries.get("many"), "many"), personal)
    return found


def _links(reader: Reader, node: Node | None, line: int) -> Mapping[str, Link]:
    table = reader.table(node, "links", line)
    found = {}
    for name, inner in table.entries.items():
        at = table.lines[name]
        if not NAME.fullmatch(name):
            reader.malformed(at, "links", name, NAME)
        link = reader.table(inner, name, at)
        reader.keys(link, ("title", "workflow"), ("relation", "reads", "reopened"))
        title = reader.text(link.entries.get("title"), "title", at)
        workflow = reader.name(link.entries.get("workflow"), "workflow", WORKFLOW_NAME)
        relation = reader.one_of(link.entries.get("relation"), "relation", ("contains", "references"), "contains")
        reads = _reads(reader, link.entries.get("reads"), at)
        blocks, reopens = _reopened(reader, link.entries.get("reopened"))
        found[name] = Link(name, title, workflow, relation, at, reads, relation == "contains" and blocks, reopens)
    return found


def _reopened(reader: Reader, node: Node | None) -> tuple[bool, str | None]:
    """Whether a linked case may not be opened again under this one, or which step opens this one with it."""
    if not isinstance(node, Table):
        return reader.one_of(node, "reopened", ("block", "allow"), "block") == "block", None
    reader.keys(node, ("step",))
    return False, reader.word(node.entries.get("step"), "step") or None


def _check_reopening(reader: Reader, links: Mapping[str, Link], steps: Mapping[str, Step], states: Mapping[str, State]) -> None:
    """The program takes that step in the midst of another's act: nothing may be wanting for it, and nothing else may follow from it."""
    for link in links.values():
        step = steps.get(link.reopens or "")
        if link.reopens is not None and step is None:
            reader.wrong(link.line, "unknown_step", name=link.reopens, near=near(link.reopens, steps))
        if step is None:
            continue
        asks = any(wanted.required for wanted in (*step.asks, *step.evidence)) or step.comment_required or step.quorum is not None
        leads = [step.target, *(branch.state for branch in step.branches)]
        again = all(name in states and not states[name].is_end for name in leads if name is not None) and leads != [None]
        ends = any(name in states and states[name].is_end for name in step.sources)
        if SYS not in step.by or asks or step.sign or step.binds or step.effects or not again or not ends:
            reader.wrong(link.line, "reopening_step", name=link.name, step=step.name)


def _reads(reader: Reader, node: Node | None, line: int) -> Mapping[str, str]:
    """Which fields of the linked cases expressions may read, with their types; ``check`` compares them with the other workflow."""
    table = reader.table(node, "reads", line)
    for name in LINK_ROW.keys() & table.entries.keys():
        reader.wrong(table.lines[name], "reserved", name=name)
    readable = sorted(OF_FIELD.keys() - {"table", "choices"})
    return {name: reader.one_of(inner, name, readable, "text") for name, inner in table.entries.items()}


def _read_as(kind: str) -> Type:
    """The kind of value that a field of another workflow has here: what its options are is that one's own affair."""
    return TEXT if kind == "choice" else OF_FIELD[kind]


def _timers(reader: Reader, node: Node | None, known: Known, line: int) -> Mapping[str, Timer]:
    table = reader.table(node, "timers", line)
    found = {name: read_timer(reader, name, inner, known, table.lines[name]) for name, inner in table.entries.items()}
    return {name: timer for name, timer in found.items() if timer is not None}


def _records(reader: Reader, node: Node | None, known: Known, line: int) -> Mapping[str, RecordForm]:
    table = reader.table(node, "records", line)
    found = {}
    for code, inner in table.entries.items():
        at = table.lines[code]
        if not CODE.fullmatch(code):
            reader.malformed(at, "records", code, CODE)
        record = reader.table(inner, code, at)
        reader.keys(record, ("title", "steps", "retention"))
        found[code] = RecordForm(
            code=code,
            title=reader.text(record.entries.get("title"), "title", at),
            steps=reader.known(reader.words(record.entries.get("steps"), "steps"), "step", known.names.steps),
            retention=reader.name(record.entries.get("retention"), "retention", CODE),
        )
    return found


def _confidentiality(reader: Reader, node: Node | None, line: int) -> tuple[str, tuple[str, ...]]:
    if node is None or isinstance(node, Word):
        return reader.one_of(node, "confidentiality", ("normal",), "normal"), ()
    table = reader.table(node, "confidentiality", line)
    reader.keys(table, (), ("restricted", "personal"))
    if len(table.entries) != 1:
        reader.wrong(table.line, "confidentiality")
        return "normal", ()
    ((kind, inner),) = table.entries.items()
    roles = reader.roles(inner, kind)
    if not roles:
        reader.wrong(table.line, "empty", key=kind)
    return kind, roles


def _parties(reader: Reader, node: Node | None, line: int) -> tuple[tuple[str, ...], bool]:
    if node is None:
        return ("own",), False
    table = reader.table(node, "parties", line)
    reader.keys(table, ("default",), ("add",))
    words = reader.words(table.entries.get("default"), "default")
    if not words:
        reader.wrong(table.line, "empty", key="default")
    return tuple(word.text for word in words), reader.truth(table.entries.get("add"), "add")


def _later(entries: Mapping[str, Node], opening: Step, steps: Mapping[str, Step]) -> tuple[tuple[int, str], ...]:
    found: list[tuple[int, str]] = []
    for step in (opening, *steps.values()):
        found += [(guard.line, f"{guard.code}: {guard.later}") for guard in step.guards if guard.later is not None]
        found += [(effect.line, effect.name) for effect in step.effects if effect.later]
    if isinstance(entries.get("indicators"), Word):
        found.append((entries["indicators"].line, "indicators"))
    return tuple(sorted(found))
