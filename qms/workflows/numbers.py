"""Proves that the numbers of cases have no gaps, and that the definitions kept are those whose coming into force was recorded."""

import hashlib
import json
import re
from collections.abc import Iterator

from sqlalchemy import Connection, select

from qms.records.tables import entry as entry_table
from qms.records.verify import Check
from qms.workflows.tables import case_file, definition_in_force, definition_text, number_series

_NUMBER = re.compile(r"([A-Z]{2,8})-([0-9]{4})-([0-9]{4,})")


def compare_numbers(connection: Connection) -> Iterator[Check | int]:
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
            yield _failed("numbers", place, "1…" + str(len(given)))
        if rows.get(series) != (given[-1] if given else None):
            yield _failed("numbers", place, f"{rows.get(series)} ≠ {given[-1] if given else None}")
    yield len(rows)


def compare_definitions(connection: Connection) -> Iterator[Check | int]:
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
            yield _failed("definitions", digest[:12], "-" if row is None else "+")
        elif hashlib.sha256(row.source.encode()).hexdigest() != digest:
            yield _failed("definitions", f"{row.id} {digest[:12]}", "source")
        elif (row.kind, row.id, row.at) != first[digest]:
            yield _failed("definitions", f"{row.id} {digest[:12]}", "kind, id, at")
    rows = {(row.kind, row.id): row.digest for row in connection.execute(select(definition_in_force))}
    for key in sorted(rows.keys() | in_force.keys()):
        if rows.get(key) != in_force.get(key):
            yield _failed("definitions", " ".join(key), "digest")
    pinned = set(connection.execute(select(case_file.c.definition).distinct()).scalars())
    for digest in sorted(pinned - texts.keys()):
        yield _failed("definitions", digest[:12], "-")
    yield len(texts)


def _failed(name: str, place: str, problem: str) -> Check:
    return Check(name, False, place, {"place": place, "problem": problem})
