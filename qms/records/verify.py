"""Verification from inside: recompute everything that can be recomputed, and name each place that does not fit.

The sealed text is the truth here; columns, tree, head, search words, personal marks and evidence files are compared with it. What this
cannot find (a shortened trail, a rewriting with the key) an auditor finds with a checkpoint kept outside; see ``offline``.
"""

import base64
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select, text

from qms.errors import NotFound
from qms.records import evidence, keys, personal, seal, trail
from qms.records.tables import entry as entry_table
from qms.records.tables import head as head_table
from qms.records.tables import tree_node

BATCH = 1000
ERASED = "personal-erased"


@dataclass(frozen=True)
class Check:
    """One thing that was verified: its name (the catalogue knows a sentence for passed and for failed), and the place it speaks of."""

    name: str
    passed: bool
    place: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ground:
    """What the checks stand on: the public key, where evidence lies, and the checkpoints to compare with (number of entries → root)."""

    public_key: bytes
    evidence: Path
    checkpoints: Mapping[int, bytes] = field(default_factory=dict)


def failed(name: str, position: int, problem: str) -> Check:
    """A check that did not pass at ``#position``."""
    return Check(name, False, f"#{position}", {"place": f"#{position}", "problem": problem})


def verify_trail(
    connection: Connection, ground: Ground, progress: Callable[[int, int], None] = lambda done, total: None
) -> Iterator[Check]:
    """Every check of the whole trail: one failed check for each place that does not fit, then one passed check for each kind that does."""
    head = connection.execute(select(head_table)).mappings().first()
    if head is None:
        yield failed("head", 0, "missing")
        return
    walk = _Walk(connection, ground, dict(head))
    wrong: set[str] = set()
    for check in walk.run(progress):
        wrong.add(check.name)
        yield check
    for name in ("seal", "columns", "order", "tree", "signature", "words", "personal", "evidence", "head", "checkpoint"):
        if name not in wrong:
            yield Check(name, True, "", {"count": walk.size})


class _Walk:
    """One pass from the first entry to the last, carrying the tree's frontier along."""

    def __init__(self, connection: Connection, ground: Ground, head: dict[str, Any]) -> None:
        self.connection, self.ground, self.head = connection, ground, head
        self.size = 0
        self.frontier: list[bytes] = []
        self.whole = True
        self.last_at = ""
        self.files: dict[str, bool] = {}
        self.erased = _erased(connection)

    def run(self, progress: Callable[[int, int], None]) -> Iterator[Check]:
        while True:
            rows = self.connection.execute(
                select(entry_table).where(entry_table.c.position > self.size).order_by(entry_table.c.position).limit(BATCH)
            ).mappings()
            batch = [dict(row) for row in rows]
            if not batch:
                break
            yield from self._batch(batch)
            progress(self.size, max(self.size, self.head["size"]))
        yield from self._end()

    def _batch(self, batch: list[dict[str, Any]]) -> Iterator[Check]:
        first, last = batch[0]["position"], batch[-1]["position"]
        words = _words(self.connection, first, last)
        nodes: list[tuple[int, int, bytes]] = []
        for row in batch:
            position = row["position"]
            for lost in range(self.size + 1, position):
                self.whole = False
                yield failed("order", lost, "missing")
            self.size = position
            if position > self.head["size"]:
                yield failed("order", position, "unknown")
                continue
            said = _said(row["sealed"])
            if said is None:
                self.whole = False
                yield failed("seal", position, "sealed")
                continue
            yield from self._row(row, said, words.get(position))
            if self.whole:
                self.frontier, completed = seal.extend(self.frontier, position - 1, seal.leaf_hash(row["sealed"].encode()))
                nodes += completed
                yield from self._signature(row)
        yield from self._nodes(nodes)

    def _row(self, row: Mapping[str, Any], said: Mapping[str, Any], words: str | None) -> Iterator[Check]:
        position = row["position"]
        if seal.leaf_hash(row["sealed"].encode()).hex() != row["leaf"]:
            yield failed("seal", position, "leaf")
        try:
            derived, expected_words = trail.columns(said), trail.words(said)
        except (KeyError, TypeError, AttributeError):
            yield failed("seal", position, "sealed")
            return
        for name, value in derived.items():
            if row[name] != value:
                yield failed("columns", position, name)
        if said["at"] < self.last_at:
            yield failed("order", position, "at")
        self.last_at = max(self.last_at, said["at"])
        if words != expected_words:
            yield failed("words", position, "words")
        yield from self._marks(position, said)
        for piece in said["evidence"]:
            sha256 = str(piece.get("sha256"))
            if sha256 not in self.files:
                self.files[sha256] = _intact(self.ground.evidence, sha256)
            if not self.files[sha256]:
                yield failed("evidence", position, sha256)

    def _marks(self, position: int, said: object) -> Iterator[Check]:
        for mark in marks(said):
            row = self.connection.execute(select(personal.personal_value).where(personal.personal_value.c.ref == mark["ref"])).first()
            if row is None and mark["ref"] not in self.erased:
                yield failed("personal", position, "missing")
            elif row is not None and not _salted_well(row, mark):
                yield failed("personal", position, "changed")

    def _signature(self, row: Mapping[str, Any]) -> Iterator[Check]:
        position, root = row["position"], seal.root_of(self.frontier)
        body = seal.note_body(self.head["origin"], position, root)
        if not _signed(self.ground.public_key, body, row["signature"]):
            yield failed("signature", position, "signature")
        wanted = self.ground.checkpoints.get(position)
        if wanted is not None and wanted != root:
            yield failed("checkpoint", position, "root")

    def _nodes(self, nodes: list[tuple[int, int, bytes]]) -> Iterator[Check]:
        for level in sorted({node[0] for node in nodes}):
            here = {index: one.hex() for at, index, one in nodes if at == level}
            found = dict(
                self.connection.execute(
                    select(tree_node.c.idx, tree_node.c.hash).where(
                        tree_node.c.level == level, tree_node.c.idx >= min(here), tree_node.c.idx <= max(here)
                    )
                )
                .tuples()
                .all()
            )
            for index, one in here.items():
                if found.get(index) != one:
                    yield failed("tree", (index + 1) << level, f"{level}/{index}")

    def _end(self) -> Iterator[Check]:
        head = self.head
        for lost in range(self.size + 1, min(head["size"], self.size + 100) + 1):
            self.whole = False
            yield failed("order", lost, "missing")
        if self.whole and self.size == head["size"]:
            body = seal.note_body(head["origin"], self.size, seal.root_of(self.frontier))
            if _parsed(head["frontier"]) != [one.hex() for one in self.frontier]:
                yield failed("head", self.size, "frontier")
            if not _signed(self.ground.public_key, body, head["signature"]):
                yield failed("head", self.size, "signature")
        if self.last_at and head["at"] != self.last_at:
            yield failed("head", self.size, "at")
        for size in self.ground.checkpoints:
            if size > self.size:
                yield failed("checkpoint", size, "shortened")
        nodes = self.connection.execute(select(func.count()).select_from(tree_node)).scalar_one()
        if nodes != self.size - self.size.bit_count():
            yield failed("tree", self.size, "count")
        if self.connection.execute(text("SELECT count(*) FROM trail_text")).scalar_one() != self.size:
            yield failed("words", self.size, "count")


def verify_entry(connection: Connection, position: int, ground: Ground) -> list[Check]:
    """The checks of one entry, whatever the length of the trail: seal, copies, neighbours, checkpoint, personal marks, evidence files."""
    row = connection.execute(select(entry_table).where(entry_table.c.position == position)).mappings().first()
    head = connection.execute(select(head_table)).mappings().first()
    if row is None or head is None:
        raise NotFound("record", f"#{position}")
    place = f"#{position}"
    said = _said(row["sealed"])

    def check(name: str, problems: Collection[str]) -> Check:
        return Check(name, not problems, place, {"place": place, "problem": ", ".join(sorted(problems))})

    if said is None:
        return [check("seal", ["sealed"])]
    walk = _Walk(connection, ground, dict(head))
    found = list(walk._row(dict(row), said, _words(connection, position, position).get(position)))
    problems = {name: [str(one.values["problem"]) for one in found if one.name == name] for name in {one.name for one in found}}
    return [
        check("seal", problems.get("seal", [])),
        check("columns", [*problems.get("columns", []), *problems.get("words", [])]),
        check("neighbours", _neighbours(connection, position, head["size"], said)),
        check("checkpoint", _in_checkpoint(connection, position, dict(row), dict(head), ground.public_key)),
        check("personal", problems.get("personal", [])),
        check("evidence", problems.get("evidence", [])),
    ]


def _neighbours(connection: Connection, position: int, size: int, said: Mapping[str, Any]) -> list[str]:
    wanted = [near for near in (position - 1, position + 1) if 1 <= near <= size]
    rows = dict(
        connection.execute(select(entry_table.c.position, entry_table.c.at).where(entry_table.c.position.in_(wanted))).tuples().all()
    )
    problems = [f"#{near}" for near in wanted if near not in rows]
    problems += [f"#{near}" for near, at in rows.items() if (at > said["at"]) if near < position]
    case = said["case"]
    if case and case["n"] > 1:
        before = select(entry_table.c.position).where(entry_table.c.case_number == case["number"], entry_table.c.case_n == case["n"] - 1)
        if connection.execute(before).first() is None:
            problems.append(f"{case['number']} {case['n'] - 1}")
    return problems


def _in_checkpoint(connection: Connection, position: int, row: Mapping[str, Any], head: Mapping[str, Any], public_key: bytes) -> list[str]:
    find = trail.lookup(connection)
    problems = []
    try:
        root = seal.root_of([bytes.fromhex(one) for one in json.loads(head["frontier"])])
        path = seal.inclusion_proof(position - 1, head["size"], find)
        leaf = seal.leaf_hash(row["sealed"].encode())
        if seal.root_from_inclusion(position - 1, head["size"], leaf, path) != root:
            problems.append("root")
        if not _signed(public_key, seal.note_body(head["origin"], head["size"], root), head["signature"]):
            problems.append("signature")
        then = seal.subtree(0, position, find)
        if not _signed(public_key, seal.note_body(head["origin"], position, then), row["signature"]):
            problems.append("signature")
    except Exception as error:
        problems.append(type(error).__name__)
    return problems


def marks(said: object) -> Iterator[Mapping[str, str]]:
    """Every mark of a personal value within sealed values."""
    if isinstance(said, Mapping):
        if personal.is_mark(said):
            yield said
        else:
            for value in said.values():
                yield from marks(value)
    elif isinstance(said, (list, tuple)):
        for value in said:
            yield from marks(value)


def _erased(connection: Connection) -> set[str]:
    rows = connection.execute(select(entry_table.c.sealed).where(entry_table.c.event == ERASED)).scalars()
    return {ref for sealed in rows for ref in (json.loads(sealed).get("what") or {}).get("refs", [])}


def _words(connection: Connection, first: int, last: int) -> dict[int, str]:
    query = text("SELECT rowid, words FROM trail_text WHERE rowid BETWEEN :first AND :last")
    return dict(connection.execute(query, {"first": first, "last": last}).tuples().all())


def _said(sealed: str) -> Mapping[str, Any] | None:
    try:
        said = json.loads(sealed)
        if not isinstance(said, dict) or seal.canonical(said) != sealed:
            return None
    except (ValueError, TypeError, RecursionError):
        return None
    return said


def _parsed(frontier: str) -> object:
    try:
        return json.loads(frontier)
    except ValueError:
        return None


def _signed(public_key: bytes, body: str, signature: str) -> bool:
    try:
        return keys.verifies(public_key, body.encode(), base64.b64decode(signature, validate=True))
    except ValueError:
        return False


def _salted_well(row: Any, mark: Mapping[str, str]) -> bool:
    try:
        return personal.salted(row.salt, row.value) == mark["#"]
    except ValueError:
        return False


def _intact(folder: Path, sha256: str) -> bool:
    try:
        return evidence.intact(folder, sha256)
    except NotFound:
        return False
