"""Proves that the tables of cases are what the trail says: every case is told again from its entries and compared column by column; that
their numbers have no gaps, and that the definitions kept are those whose coming into force was recorded.

What an entry seals of a case (fields, timers, evidence, links, state) is enough to rebuild its rows; where a row says otherwise, somebody
changed it behind the program's back. Cases are taken in batches, so that memory does not grow with the register.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, func, select

from qms.database import moment
from qms.errors import NotFound
from qms.records.seal import canonical
from qms.records.tables import entry as entry_table
from qms.records.verify import Check
from qms.workflows import file as files
from qms.workflows.definition import TITLE
from qms.workflows.engine import Engine
from qms.workflows.file import AGREED_TO, LINKED, MIGRATED, REASSIGNED, WAIVED
from qms.workflows.keeping import codes_of
from qms.workflows.tables import (
    case_evidence,
    case_file,
    case_identifier,
    case_link,
    case_organisation,
    case_waiver,
    definition_in_force,
    definition_text,
    number_series,
)
from qms.workflows.tables import timer as timer_table

BATCH = 500
TABLES: Mapping[str, tuple[Table, str]] = {
    "case_file": (case_file, "number"),
    "case_organisation": (case_organisation, "case_number"),
    "case_link": (case_link, "parent"),
    "case_identifier": (case_identifier, "case_number"),
    "case_evidence": (case_evidence, "case_number"),
    "case_waiver": (case_waiver, "case_number"),
    "timer": (timer_table, "case_number"),
}
_NUMBER = re.compile(r"([A-Z]{2,8})-([0-9]{4})-([0-9]{4,})")
Row = dict[str, Any]


@dataclass
class Story:
    """One case, told from its entries."""

    row: Row = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    taken: dict[str, Any] = field(default_factory=dict)
    organisations: list[str] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    evidence: list[Row] = field(default_factory=list)
    timers: dict[str, Row] = field(default_factory=dict)
    waivers: dict[int, Row] = field(default_factory=dict)
    n: int = 0
    gaps: list[int] = field(default_factory=list)


def compare(connection: Connection, engine: Engine, progress: Callable[[int, int], None] = lambda done, total: None) -> Iterator[Check]:
    """A failed check for every row and column that the trail does not bear out, then a passed one for each kind without failures."""
    wrong: set[str] = set()
    counted = 0
    total = int(connection.execute(select(func.count()).select_from(case_file)).scalar_one())
    for numbers in _batches(connection):
        for check in _compare_batch(connection, engine, numbers):
            wrong.add(check.name)
            yield check
        counted += len(numbers)
        progress(counted, max(counted, total))
    for name, checks in (("numbers", _compare_numbers(connection)), ("definitions", _compare_definitions(connection))):
        count = 0
        for found in checks:
            if isinstance(found, int):
                count = found
            else:
                wrong.add(name)
                yield found
        if name not in wrong:
            yield Check(name, True, "", {"count": count})
    if "cases" not in wrong:
        yield Check("cases", True, "", {"count": counted})


def _batches(connection: Connection) -> Iterator[list[str]]:
    """All numbers of cases that stand in a table or on the trail, in order."""
    columns = [table.c[key] for table, key in TABLES.values()] + [entry_table.c.case_number]
    last = ""
    while True:
        found: set[str] = set()
        for column in columns:
            query = select(column).where(column > last).distinct().order_by(column).limit(BATCH)
            found.update(connection.execute(query).scalars())
        numbers = sorted(found)[:BATCH]
        if not numbers:
            return
        yield numbers
        last = numbers[-1]


def _compare_batch(connection: Connection, engine: Engine, numbers: list[str]) -> Iterator[Check]:
    stories = _stories(connection, numbers)
    rows: dict[str, dict[str, list[Row]]] = {}
    for name, (table, key) in TABLES.items():
        rows[name] = {}
        for row in connection.execute(select(table).where(table.c[key].in_(numbers))).mappings():
            rows[name].setdefault(row[key], []).append(dict(row))
    for number in numbers:
        story = stories.get(number)
        expected = _expected(connection, engine, number, story) if story is not None else {name: [] for name in TABLES}
        if story is not None and story.gaps:
            yield _failed(number, "entry", f"n {story.gaps[0]}")
        for name, (table, _) in TABLES.items():
            yield from _differences(number, table, rows[name].get(number, []), expected[name])


def _stories(connection: Connection, numbers: list[str]) -> dict[str, Story]:
    query = (
        select(entry_table.c.position, entry_table.c.sealed)
        .where(entry_table.c.case_number.in_(numbers))
        .order_by(entry_table.c.case_number, entry_table.c.position)
    )
    found: dict[str, Story] = {}
    for position, sealed in connection.execute(query):
        try:
            said = json.loads(sealed)
            number = said["case"]["number"]
            if "n" in said["case"]:
                _tell(found.setdefault(number, Story()), said, position)
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return found


def _tell(story: Story, said: Mapping[str, Any], position: int) -> None:
    """Add one entry to the story."""
    case, what = said["case"], said["what"] or {}
    if case["n"] != story.n + 1:
        story.gaps.append(case["n"])
    story.n = case["n"]
    if not story.row:
        _begin(story, said)
    story.row |= {"state": case["to"], "version": case["version"], "n": case["n"], "changed_at": case.get("changed_at")}
    if said["event"] == MIGRATED:
        story.row |= _pinned(case)
    if said["event"] in (LINKED, MIGRATED, REASSIGNED):
        story.taken = files.without_agreements(story.taken)
    for name, (_, new) in said["fields"].items():
        story.fields.pop(name, None)
        if new is not None:
            story.fields[name] = new
    if case["step"] is not None:
        _count(story, files.agreement(case["step"]) if said["event"] == AGREED_TO else case["step"], said)
        closed = what.get("closed", False)
        stays = closed and case["from"] == case["to"] and story.row["closed_at"]
        story.row["closed_at"] = (story.row["closed_at"] if stays else said["happened_at"]) if closed else None
    story.links += [(link["name"], link["child"]) for link in what.get("links", ())]
    story.timers |= what.get("timers", {})
    if said["event"] == WAIVED:
        told = what["waiver"]
        row = {"case_number": case["number"], "n": case["n"], "step": told["step"], "person": told["person"], "used": None}
        story.waivers[case["n"]] = row
    if "waived" in what:
        story.waivers[what["waived"]]["used"] = case["n"]
    for row in story.evidence:
        if row["slot"] in what.get("superseded", ()) and row["superseded"] is None:
            row["superseded"] = case["n"]
    for file in said["evidence"]:
        mark = {"name": canonical(file["name"]), "superseded": None, "n": case["n"], "position": position}
        story.evidence.append({**file, **mark, "case_number": case["number"]})


def _begin(story: Story, said: Mapping[str, Any]) -> None:
    case = said["case"]
    story.organisations = list((said["what"] or {}).get("organisations", ()))
    story.row = {
        "number": case["number"],
        "workflow": case["workflow"],
        **_pinned(case),
        "opened_at": said["happened_at"],
        "opened_by": said["by"]["person"],
        "closed_at": None,
    }


def _pinned(case: Mapping[str, Any]) -> Row:
    """Under which definition and revision of its procedure a case runs."""
    procedure = case["procedure"] or {}
    return {"definition": case["definition"], **{f"procedure_{name}": procedure.get(name) for name in ("key", "revision", "blob")}}


def _count(story: Story, step: str, said: Mapping[str, Any]) -> None:
    case = said["case"]
    taken = files.load_taken(story.taken)
    stood_in_for = (said["what"] or {}).get("for")
    persons = [said["by"]["person"], *([stood_in_for] if stood_in_for else [])]
    story.taken = files.dump_taken(files.with_step(taken, step, persons, moment(said["happened_at"]), case["n"]))


def _expected(connection: Connection, engine: Engine, number: str, story: Story) -> dict[str, list[Row]]:
    """The rows that the story makes."""
    try:
        definition = engine.definitions.get(connection, story.row["definition"]).definition
        codes: list[Row] = [dict(row) for row in codes_of(definition, number, story.fields)]
        confidentiality = files.confidentiality_of(definition)
    except (NotFound, KeyError):
        codes, confidentiality = [], "?"
    dues = [row["due_at"] for row in story.timers.values() if row["done_at"] is None and row["due_at"] is not None]
    row = {
        **story.row,
        "title": story.fields.get(TITLE, ""),
        "fields": canonical(story.fields),
        "taken": canonical(story.taken),
        "confidentiality": confidentiality,
        "next_due": min(dues, default=None),
    }
    return {
        "case_file": [row],
        "case_organisation": [{"case_number": number, "organisation": name} for name in story.organisations],
        "case_link": [{"parent": number, "name": name, "child": child} for name, child in story.links],
        "case_identifier": codes,
        "case_evidence": story.evidence,
        "case_waiver": list(story.waivers.values()),
        "timer": [{"case_number": number, **timer} for timer in story.timers.values()],
    }


def _differences(number: str, table: Table, found: list[Row], expected: list[Row]) -> Iterator[Check]:
    """Rows that are missing or too many, and columns that differ in rows that are there."""
    keys = [column.name for column in table.primary_key]

    def key_of(row: Row) -> tuple[Any, ...]:
        return tuple(row.get(name) for name in keys)

    here, there = {key_of(row): row for row in found}, {key_of(row): row for row in expected}
    for key in sorted(here.keys() | there.keys(), key=str):
        named = " ".join(str(part) for part in key[1:])
        if key not in there:
            yield _failed(number, table.name, f"+ {named}".strip())
        elif key not in here:
            yield _failed(number, table.name, f"- {named}".strip())
        else:
            columns = [column.name for column in table.columns if here[key][column.name] != there[key].get(column.name)]
            if columns:
                yield _failed(number, table.name, f"{named} {', '.join(columns)}".strip())


def _compare_numbers(connection: Connection) -> Iterator[Check | int]:
    """Each series against the cases opened on the trail; at the end how many series there are."""
    opened: dict[tuple[str, int], list[int]] = {}
    for number in connection.execute(select(entry_table.c.case_number).where(entry_table.c.event == "case-opened")).scalars():
        found = _NUMBER.fullmatch(number or "")
        if found is not None:
            opened.setdefault((found[1], int(found[2])), []).append(int(found[3]))
    rows = {(row.prefix, row.year): row.last for row in connection.execute(select(number_series)) if row.last}
    for series in sorted(opened.keys() | rows.keys()):
        given = sorted(opened.get(series, []))
        place = f"{series[0]}-{series[1]}"
        if given != list(range(1, len(given) + 1)):
            yield _unproven("numbers", place, "1…" + str(len(given)))
        if rows.get(series) != (given[-1] if given else None):
            yield _unproven("numbers", place, f"{rows.get(series)} ≠ {given[-1] if given else None}")
    yield len(rows)


def _compare_definitions(connection: Connection) -> Iterator[Check | int]:
    """Each text against its hash and against the entries that put it in force; at the end how many texts there are."""
    in_force: dict[tuple[str, str], str] = {}
    first: dict[str, tuple[str, str, str]] = {}
    query = select(entry_table.c.sealed).where(entry_table.c.event == "definition-in-force").order_by(entry_table.c.position)
    for sealed in connection.execute(query).scalars():
        what = json.loads(sealed)["what"]
        in_force[what["kind"], what["name"]] = what["digest"]
        first.setdefault(what["digest"], (what["kind"], what["name"], what["at"]))
    texts = {row.digest: row for row in connection.execute(select(definition_text))}
    for digest in sorted(texts.keys() | first.keys()):
        row = texts.get(digest)
        if row is None or digest not in first:
            yield _unproven("definitions", digest[:12], "-" if row is None else "+")
        elif hashlib.sha256(row.source.encode()).hexdigest() != digest:
            yield _unproven("definitions", f"{row.id} {digest[:12]}", "source")
        elif (row.kind, row.id, row.at) != first[digest]:
            yield _unproven("definitions", f"{row.id} {digest[:12]}", "kind, id, at")
    rows = {(row.kind, row.id): row.digest for row in connection.execute(select(definition_in_force))}
    for key in sorted(rows.keys() | in_force.keys()):
        if rows.get(key) != in_force.get(key):
            yield _unproven("definitions", " ".join(key), "digest")
    pinned = set(connection.execute(select(case_file.c.definition).distinct()).scalars())
    for digest in sorted(pinned - texts.keys()):
        yield _unproven("definitions", digest[:12], "-")
    yield len(texts)


def _failed(number: str, table: str, problem: str) -> Check:
    return Check("cases", False, number, {"place": number, "table": table, "problem": problem})


def _unproven(name: str, place: str, problem: str) -> Check:
    return Check(name, False, place, {"place": place, "problem": problem})
