"""Rebuilds the register from the trail and the library and names whatever differs: a changed cell, a lost row, a moved tag, a swapped text.

The register's tables are convenient, not authoritative. An auditor who is shown them may ask for this comparison (ISO 9001 §7.5.3.2).
"""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Table, select

from qms.errors import NotFound
from qms.library import MAIN, Library
from qms.procedures import document, ledger
from qms.procedures.ledger import TABLES
from qms.records import trail
from qms.records.verify import Check

Row = Mapping[str, Any]


def compare(connection: Connection, library: Library, found: Mapping[str, str]) -> Iterator[Check]:
    """Every check of register, references and texts: one that passed for each kind, or one that failed for each difference.

    ``found`` are the references as git had them when the view of ``connection`` began (``refs_as_seen``).
    """
    rows, refs = _expected(connection)
    for name, table in TABLES.items():
        yield from _summed(_row_differences(connection, table, rows[name]), "register", name)
    yield from _summed(_ref_differences(ledger.targets(connection), refs), "references", "git_ref")
    yield from _summed(_ref_differences(found, refs), "references", "library.git")
    yield from _summed(_text_differences(connection, library), "texts", "library.git")


def _summed(failures: Iterator[Check], name: str, place: str) -> Iterator[Check]:
    failed = False
    for check in failures:
        failed = True
        yield check
    if not failed:
        yield Check(name, True, place, {"place": place})


def _expected(connection: Connection) -> tuple[dict[str, dict[tuple[Any, ...], dict[str, Any]]], dict[str, str]]:
    """Rows and references as the trail says they must be. Entries are read newest first, so the first word on a cell is the last said."""
    rows: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {name: {} for name in TABLES}
    refs: dict[str, str | None] = {}
    for shelf in _shelves(connection):
        for ref, target in shelf.get("refs", {}).items():
            refs.setdefault(ref, target)
        for name, changed in shelf.get("rows", {}).items():
            for row in changed:
                known = rows[name].setdefault(_key(TABLES[name], row), {})
                for column, value in row.items():
                    known.setdefault(column, value)
    return rows, {ref: target for ref, target in refs.items() if target is not None}


def _shelves(connection: Connection) -> Iterator[Mapping[str, Any]]:
    before: int | None = None
    while True:
        page = trail.entries(connection, before=before, limit=500)
        for entry in page:
            what = entry.said.get("what") or {}
            for made in reversed(list((what.get("effects") or {}).values())):
                if isinstance(made, Mapping) and "shelf" in made:
                    yield made["shelf"]
            if "shelf" in what:
                yield what["shelf"]
        if len(page) < 500:
            return
        before = page[-1].position


def _row_differences(connection: Connection, table: Table, wanted: dict[tuple[Any, ...], dict[str, Any]]) -> Iterator[Check]:
    found = {_key(table, row): row for row in ({**line._mapping} for line in connection.execute(select(table)))}
    for key in sorted(found.keys() | wanted.keys(), key=str):
        place = f"{table.name} {'/'.join(map(str, key))}"
        if key not in found:
            yield Check("register", False, place, {"place": place, "problem": "missing"})
        elif key not in wanted:
            yield Check("register", False, place, {"place": place, "problem": "unknown"})
        else:
            for column in (column.name for column in table.columns):
                if found[key][column] != wanted[key].get(column):
                    here = f"{place}.{column}"
                    yield Check("register", False, here, {"place": here, "problem": f"{found[key][column]} ≠ {wanted[key].get(column)}"})


def _ref_differences(found: Mapping[str, str], wanted: Mapping[str, str]) -> Iterator[Check]:
    for ref in sorted(found.keys() | wanted.keys()):
        if found.get(ref) != wanted.get(ref):
            yield Check("references", False, ref, {"place": ref, "problem": f"{found.get(ref)} ≠ {wanted.get(ref)}"})


def _text_differences(connection: Connection, library: Library) -> Iterator[Check]:
    for row in connection.execute(select(ledger.revision_table).order_by(ledger.revision_table.c.key, ledger.revision_table.c.number)):
        place = f"{row.key} {row.number}"
        problem = _revision_problem(connection, library, row)
        if problem is not None:
            yield Check("texts", False, place, {"place": place, "problem": problem})
    head = ledger.target(connection, MAIN)
    if head is None or not library.exists(head):
        yield Check("texts", False, MAIN, {"place": MAIN, "problem": str(head)})
        return
    line = ledger.document_table.c
    in_force = {row.path: row.blob for row in connection.execute(select(line.path, line.blob).where(line.status == "in-force"))}
    shelf = {path: blob for path, blob in library.tree(head, "procedures").items() if document.PATH.fullmatch(path)}
    for path in sorted(in_force.keys() | shelf.keys()):
        if in_force.get(path) != shelf.get(path):
            yield Check("texts", False, path, {"place": path, "problem": f"{shelf.get(path)} ≠ {in_force.get(path)}"})


def _revision_problem(connection: Connection, library: Library, row: Any) -> str | None:
    try:
        if sha256(library.read(row.blob)).hexdigest() != row.sha256:
            return "sha256"
        if library.blob_at(row.commit_id, row.path) != row.blob:
            return "commit"
        tag = ledger.target(connection, f"refs/tags/{row.tag}")
        return None if tag is not None and library.tag_target(tag) == row.commit_id else "tag"
    except (NotFound, ValueError) as error:
        return str(error)


def _key(table: Table, row: Row) -> tuple[Any, ...]:
    return tuple(row[column.name] for column in table.primary_key)
