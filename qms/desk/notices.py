"""Public notices taken in: a call opens a case, an award or a change finds the case it belongs to or waits unlinked, and says so.

Which workflow a notice opens, and which of its fields each fact fills, the workflow itself says (``subject: notice``, ``source``). What
is doubtful comes along as doubts for a person to settle; the file is kept as evidence (ISO 9001, 8.2.2 and 8.2.3).
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Column, Connection, Integer, String, Table, Text, insert, or_, select

from qms.database import Transaction, metadata
from qms.errors import Incomplete, NotFound, NotPermitted, Reason
from qms.formats import notice as reader
from qms.formats import words
from qms.formats.facts import OPENS, Doubt, Notice, NoticeFile
from qms.people.actor import Actor
from qms.records import evidence, personal, trail
from qms.records.evidence import Stored
from qms.records.verify import Check
from qms.workflows import case
from qms.workflows.definition import Definition, Field
from qms.workflows.engine import Engine
from qms.workflows.tables import case_file, case_identifier

SUBJECT = "notice"
EVENT = "notice-taken"
OPENED, LINKED, UNLINKED, KNOWN = "opened", "linked", "unlinked", "known"
MOST_AT_ONCE = 50

notice_table = Table(
    "notice",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("record", String(120), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("ref", String, index=True),
    Column("version", String),
    Column("procedure_id", String, index=True),
    Column("title", Text),
    Column("cigs", Text, nullable=False),
    Column("case_number", String, index=True),
    Column("status", String(12), nullable=False),
    Column("position", Integer, nullable=False),
)
COLUMNS = ("sha256", "record", "kind", "ref", "version", "procedure_id", "title", "cigs", "case_number", "status")


@dataclass(frozen=True)
class Taken:
    """What became of one record of a file: opened, linked, unlinked, or known already; ``is_new`` tells whether anything changed."""

    record: str
    title: str | None
    status: str
    case: str | None
    is_new: bool


def definition_for(connection: Connection, engine: Engine) -> Definition:
    """The workflow in force that notices open. Raises NotFound."""
    for loaded in engine.definitions.all_in_force(connection):
        if loaded.definition.subject == SUBJECT:
            return loaded.definition
    raise NotFound("workflow", SUBJECT)


def foreseen(connection: Connection, engine: Engine, file: NoticeFile, by: Actor) -> list[Taken]:
    """What ``take_in`` would do with each record, changing nothing."""
    fates = [_known(connection, file, one) or _fate(connection, engine, one, by) for one in file.records]
    workflow = definition_for(connection, engine).id
    return [
        fate if fate.case is None or _is_seen(connection, engine, fate.case, by, workflow) else replace(fate, case=None) for fate in fates
    ]


def take_in(
    tx: Transaction, engine: Engine, file: NoticeFile, stored: Stored, by: Actor, chosen: Sequence[int] | None = None, language: str = "it"
) -> list[Taken]:
    """Take in the records of a file: all, or those ``chosen`` by their place from 0. The same record twice changes nothing.

    A file with several records demands a choice. Raises NotPermitted for who may open no such case, Incomplete, and what opening raises.
    """
    opening = definition_for(tx.connection, engine).opening.by
    place = by.role_for(opening, [engine.organisation])
    if place is None:
        raise NotPermitted([Reason("ROLE:" + ",".join(opening))])
    if chosen is None and len(file.records) > 1:
        raise Incomplete([Reason("CHOICE_REQUIRED", "records", {"count": len(file.records)})])
    wanted = list(range(len(file.records))) if chosen is None else sorted(set(chosen))
    if not wanted or wanted[0] < 0 or wanted[-1] >= len(file.records) or len(wanted) > MOST_AT_ONCE:
        raise Incomplete([Reason("CHOICE_INVALID", "records", {"count": len(file.records), "most": MOST_AT_ONCE})])
    tx.hold(notice_table)
    return [_take(tx, engine, file, stored, file.records[number], by, place, language) for number in wanted]


def _take(
    tx: Transaction, engine: Engine, file: NoticeFile, stored: Stored, one: Notice, by: Actor, place: tuple[str, str], language: str
) -> Taken:
    known = _known(tx.connection, file, one)
    if known is not None:
        return known
    fate = _fate(tx.connection, engine, one, by)
    number = fate.case
    if fate.status == OPENED:
        definition = definition_for(tx.connection, engine)
        slot = next((wanted.name for wanted in definition.opening.evidence), None)
        files = [evidence.attach(slot, stored)] if slot is not None and _takes(definition, slot, stored) else []
        receipt = case.open_case(
            tx,
            engine,
            definition.id,
            by,
            fields=values(definition, one, language),
            evidence=files,
            key=f"{SUBJECT}:{file.sha256}:{one.record}",
            as_found=True,
        )
        number = str(receipt.case)
    row = {
        "sha256": file.sha256,
        "record": one.record[:120],
        "kind": one.kind,
        "ref": one.notice_ref,
        "version": one.version,
        "procedure_id": one.procedure_id,
        "title": one.title,
        "cigs": json.dumps(list(one.all_cigs)),
        "case_number": number,
        "status": fate.status,
    }
    piece = {"slot": "", "sha256": stored.sha256, "size": stored.size, "type": stored.type, "name": personal.hide(tx, stored.name)}
    key = f"{SUBJECT}:{file.sha256}:{one.record}"
    made = trail.append(tx, trail.Act(EVENT, by, *place, evidence=[piece], what=row, key=key))
    tx.connection.execute(insert(notice_table), {**row, "position": made.position})
    return Taken(one.record, one.title, fate.status, number, True)


def _known(connection: Connection, file: NoticeFile, one: Notice) -> Taken | None:
    row = connection.execute(
        select(notice_table).where(notice_table.c.sha256 == file.sha256, notice_table.c.record == one.record[:120])
    ).first()
    return Taken(one.record, row.title, row.status, row.case_number, False) if row else None


def _fate(connection: Connection, engine: Engine, one: Notice, by: Actor) -> Taken:
    outcome = one.outcome
    if outcome.act == OPENS:
        earlier = _same_notice(connection, one)
        return Taken(one.record, one.title, KNOWN if earlier else OPENED, earlier, True)
    number = _case_of(connection, engine, one, by)
    if number is not None:
        return Taken(one.record, one.title, LINKED, number, True)
    return Taken(one.record, one.title, OPENED if outcome.may_open else UNLINKED, None, True)


def _same_notice(connection: Connection, one: Notice) -> str | None:
    """The case that another file of the very same notice opened: a second copy or a new version never opens a second case."""
    if one.notice_ref is None:
        return None
    query = select(notice_table.c.case_number).where(notice_table.c.ref == one.notice_ref, notice_table.c.case_number.is_not(None))
    same_kind = query.where(notice_table.c.kind == one.kind).order_by(notice_table.c.position)
    if one.format == "anac":
        return None
    return connection.execute(same_kind).scalars().first()


def _case_of(connection: Connection, engine: Engine, one: Notice, by: Actor) -> str | None:
    """The one case that a notice belongs to by CIG, procedure or number; None when there is none or more than one."""
    outcome = one.outcome
    found: set[str] = set()
    if outcome.cigs:
        codes = select(case_identifier.c.case_number).where(case_identifier.c.kind == "CIG", case_identifier.c.value.in_(outcome.cigs))
        found = set(connection.execute(codes).scalars())
    for column, names in ((notice_table.c.procedure_id, outcome.procedure_ids), (notice_table.c.ref, outcome.notice_refs)):
        if not found and names:
            query = select(notice_table.c.case_number).where(column.in_(names), notice_table.c.case_number.is_not(None))
            found = {str(number) for number in connection.execute(query).scalars()}
    workflow = definition_for(connection, engine).id
    mine = {number for number in found if _is_seen(connection, engine, number, by, workflow)}
    return mine.pop() if len(mine) == 1 else None


def _is_seen(connection: Connection, engine: Engine, number: str, by: Actor, workflow: str) -> bool:
    query = select(case_file.c.workflow).where(case_file.c.number == number, case.seen_by(connection, engine, by))
    return connection.execute(query).scalar() == workflow


def values(definition: Definition, one: Notice, language: str) -> dict[str, object]:
    """The fields of a new case that a notice fills, as the workflow's ``source`` says; what is not certain is left for a person."""
    known = facts(one, language)
    found: dict[str, object] = {}
    for name, field in definition.fields.items():
        value = known.get((field.source or "").removeprefix(f"{SUBJECT}."))
        if field.source is None or value is None:
            continue
        if field.columns is not None and isinstance(value, list):
            columns = [(column, one, row_name) for column, one in field.columns.items() if (row_name := one.source)]
            found[name] = [{column: row[key] for column, one, key in columns if _offered(one, row.get(key))} for row in value]
        elif _offered(field, value):
            found[name] = _cut(value, field.most)
    return found


def _offered(field: Field, value: object) -> bool:
    """Whether there is a value, and the field can hold it: a word that is none of its options is left for a person to place."""
    return value is not None and (field.options is None or value in field.options)


def facts(one: Notice, language: str) -> Mapping[str, Any]:
    """Everything a workflow may name after ``notice.``: the reader's facts, the criteria, and the doubts in words."""
    plain = dict(reader.facts(one))
    lots = plain.get("lots")
    if isinstance(lots, list):
        plain["lots"] = [{**lot, "lot": lot.get("number")} for lot in lots]
    plain["award_criteria"] = [
        {"kind": made.kind, "name": made.name[:300], "weight": str(made.weight) if made.weight is not None else None}
        for made in one.criteria
    ] or None
    plain["doubts"] = [
        {"code": doubt_in_words(doubt, language)[:300], "field": doubt.field[:100], "found": " | ".join(doubt.found)[:300]}
        for doubt in one.doubts
    ] or None
    return {name: value for name, value in plain.items() if value is not None}


def doubt_in_words(doubt: Doubt, language: str) -> str:
    """The sentence that tells a person what to look at."""
    return words.of_doubt(language, doubt)


def _cut(value: object, most: object) -> object:
    return value[: int(str(most))] if isinstance(value, str) and most is not None else value


def _takes(definition: Definition, slot: str, stored: Stored) -> bool:
    return stored.name.rpartition(".")[2].lower() in definition.evidence[slot].types


def notices(
    connection: Connection, engine: Engine, by: Actor, *, status: str | None = None, case_number: str | None = None, limit: int = 50
) -> list[Mapping[str, Any]]:
    """The newest notices taken in, of one status or of one case, as far as ``by`` sees their cases; those without a case are for who may
    open one."""
    query = select(notice_table).order_by(notice_table.c.position.desc()).limit(limit)
    seen = notice_table.c.case_number.in_(select(case_file.c.number).where(case.seen_by(connection, engine, by)))
    opens = by.role_for(definition_for(connection, engine).opening.by, [engine.organisation]) is not None
    query = query.where(or_(seen, notice_table.c.case_number.is_(None)) if opens else seen)
    if status is not None:
        query = query.where(notice_table.c.status == status)
    if case_number is not None:
        query = query.where(notice_table.c.case_number == case_number)
    return [dict(row) for row in connection.execute(query).mappings()]


def compare(connection: Connection) -> Iterator[Check]:
    """The table of notices, recomputed from the trail; each difference named."""
    wanted = {(what["sha256"], what["record"]): {**what, "position": position} for position, what in _said(connection)}
    found = {(row["sha256"], row["record"]): dict(row) for row in connection.execute(select(notice_table)).mappings()}
    problems = list(_differences(found, wanted))
    yield from (Check("notices", False, place, {"place": place, "problem": problem}) for place, problem in problems)
    if not problems:
        yield Check("notices", True, "", {"count": len(wanted)})


def _said(connection: Connection) -> Iterator[tuple[int, Mapping[str, Any]]]:
    before: int | None = None
    while page := trail.entries(connection, event=EVENT, before=before, limit=500):
        yield from ((entry.position, entry.said["what"]) for entry in page)
        before = page[-1].position


def _differences(found: Mapping[Any, Mapping[str, Any]], wanted: Mapping[Any, Mapping[str, Any]]) -> Iterable[tuple[str, str]]:
    for key in sorted(found.keys() | wanted.keys()):
        place = f"notice {key[0][:12]} {key[1]}"
        if key not in found or key not in wanted:
            yield place, "missing" if key not in found else "unknown"
            continue
        for column in (*COLUMNS, "position"):
            if found[key][column] != wanted[key][column]:
                yield place, column
