"""The walk over the whole trail that verification takes: one pass, in batches, carrying the signed tree along.

When something does not fit, the walk tries which of the kept copies still agrees with a signature, so that one change is reported as the
one place it is, and not as everything that comes after it.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, func, or_, select
from sqlalchemy.exc import DBAPIError

from qms.records import checkpoints, seal, words
from qms.records.check import (
    DAMAGED,
    Check,
    Ground,
    Progress,
    erased,
    failed,
    is_intact,
    is_signed,
    marks,
    personal_problems,
    read,
    wrong_columns,
)
from qms.records.personal import personal_value
from qms.records.tables import entry as entry_table
from qms.records.tables import tree_node

BATCH = 1000
MOST_NAMED = 1000
"""Missing entries are named one by one up to this number."""
KINDS = ("seal", "columns", "order", "tree", "signature", "words", "personal", "evidence", "head", "checkpoint", "held")
Hash = bytes | None
"""A node of the tree; None while it cannot be known."""
Nodes = Mapping[tuple[int, int], str]


class Walk:
    """One pass from the first entry to the last."""

    def __init__(self, connection: Connection, ground: Ground, head: dict[str, Any]) -> None:
        self.connection, self.ground, self.head = connection, ground, head
        self.origin, self.end = str(head["origin"]), head["size"] if isinstance(head["size"], int) else 0
        self.size = self.count = self.holes = 0
        self.frontier: list[Hash] = []
        self.last_at = ""
        self.numbers: dict[str, int] = {}
        self.files: dict[str, bool] = {}
        self.refs: set[str] = set()
        self.gone: dict[str, int] = {}
        self.unsigned: tuple[int, int] | None = None
        self.notes = list(_notes(ground, self.origin))
        self.roots: dict[int, Hash] = {}
        self.wanted = {note.size for _, _, note in self.notes if isinstance(note, seal.Note)}

    def run(self, progress: Progress) -> Iterator[Check]:
        yield from self._strangers()
        while self.size < self.end:
            rows = self._rows()
            yield from self._batch(rows)
            progress(self.size, self.end)
        yield from self._signed_again()
        yield from self._close()

    def _rows(self) -> dict[int, dict[str, Any] | None]:
        """The next entries by position; None for one that the database itself cannot read."""
        query = select(entry_table).order_by(entry_table.c.position)
        first, last = self.size + 1, min(self.size + BATCH, self.end)
        try:
            found = self.connection.execute(query.where(entry_table.c.position.between(first, last))).mappings()
            return {row["position"]: dict(row) for row in found}
        except DBAPIError:
            return {position: row for position in range(first, last + 1) for row in self._row(position)}

    def _row(self, position: int) -> list[dict[str, Any] | None]:
        try:
            return [dict(row) for row in self.connection.execute(select(entry_table).where(entry_table.c.position == position)).mappings()]
        except DBAPIError:
            return [None]

    def _batch(self, rows: Mapping[int, dict[str, Any] | None]) -> Iterator[Check]:
        first, last = self.size + 1, min(self.size + BATCH, self.end)
        found_words, nodes = words.between(self.connection, first, last), self._nodes(first, last)
        found: list[tuple[int, list[Mapping[str, str]]]] = []
        for position in range(first, last + 1):
            self.size = position
            if position not in rows:
                self.holes += 1
                if self.holes <= MOST_NAMED:
                    yield failed("order", position, "missing")
                yield from self._grow(position, [None], nodes, None)
                continue
            row = rows[position]
            said = read(row["sealed"]) if row is not None else None
            self.count += 1
            yield from self._seal(position, row, said, nodes)
            try:
                if row is not None and said is not None:
                    yield from self._said(position, row, said, found_words.get(position))
                    found.append((position, list(marks(said))))
                    continue
            except DAMAGED:
                yield failed("seal", position, "sealed")
            self.holes += 1
        yield from self._personal(found)

    def _seal(self, position: int, row: Mapping[str, Any] | None, said: object, nodes: Nodes) -> Iterator[Check]:
        computed = seal.leaf_hash(row["sealed"].encode("utf-8", "surrogatepass")) if row and isinstance(row["sealed"], str) else None
        stored = _bytes(row["leaf"]) if row else None
        leaves = list(dict.fromkeys([computed, stored]))
        signature = row["signature"] if row else None
        taken: list[Hash] = []
        checks = list(self._grow(position, leaves, nodes, signature, taken))
        if said is None or (computed != stored and taken[0] == stored):
            yield failed("seal", position, "sealed")
        elif row is not None and (computed is None or row["leaf"] != computed.hex()):
            yield failed("seal", position, "leaf")
        yield from checks

    def _grow(self, position: int, leaves: list[Hash], nodes: Nodes, signature: object, taken: list[Hash] | None = None) -> Iterator[Check]:
        """Add one leaf to the tree: the first of ``leaves``, with computed or else with stored nodes, under which the signature fits."""
        tries = [(leaf, *_extended(self.frontier, position, leaf, nodes, trusting)) for trusting in (False, True) for leaf in leaves]
        fitting = (one for one in tries if self._fits(position, one[1], signature))
        chosen = next(fitting, None) if signature is not None else None
        leaf, self.frontier, completed = chosen or tries[0]
        if taken is not None:
            taken.append(leaf)
        if signature is not None and chosen is None:
            yield from self._not_signed(position)
        elif signature is not None:
            if chosen is not None and tries.index(chosen) >= len(leaves) and self.unsigned is None:
                yield failed("seal", position, "sealed")
            yield from self._signed_again()
        for level, index, computed in completed:
            if computed is None or nodes.get((level, index)) != computed.hex():
                yield failed("tree", position, f"{level}/{index}")
        if position in self.wanted:
            self.roots[position] = _root(self.frontier)

    def _fits(self, position: int, frontier: list[Hash], signature: object) -> bool:
        root = _root(frontier)
        return root is not None and is_signed(self.ground.public_key, seal.note_body(self.origin, position, root), signature)

    def _not_signed(self, position: int) -> Iterator[Check]:
        if self.unsigned is not None and self.unsigned[1] == position - 1:
            self.unsigned = (self.unsigned[0], position)
            return
        yield from self._signed_again()
        self.unsigned = (position, position)

    def _signed_again(self) -> Iterator[Check]:
        """Report the run of entries whose signature does not fit, now that it has ended."""
        if self.unsigned is not None:
            first, last = self.unsigned
            yield failed("signature", f"#{first}" if first == last else f"#{first}–#{last}", "signature")
        self.unsigned = None

    def _said(self, position: int, row: Mapping[str, Any], said: Mapping[str, Any], kept: str | None) -> Iterator[Check]:
        for name in wrong_columns(row, said):
            yield failed("columns", position, name)
        if said["at"] < self.last_at:
            yield failed("order", position, "at")
        self.last_at = max(self.last_at, said["at"])
        if kept != words.of(said):
            yield failed("words", position, "words")
        if said["case"]:
            number, n = said["case"]["number"], said["case"]["n"]
            if n != self.numbers.get(number, 0) + 1 and not (self.holes and n > self.numbers.get(number, 0)):
                yield failed("order", position, f"{number} {n}")
            self.numbers[number] = n
        for piece in said["evidence"]:
            sha256 = str(piece["sha256"])
            if sha256 not in self.files:
                self.files[sha256] = is_intact(self.ground.evidence, sha256)
            if not self.files[sha256]:
                yield failed("evidence", position, sha256)

    def _personal(self, found: list[tuple[int, list[Mapping[str, str]]]]) -> Iterator[Check]:
        place = {str(mark["ref"]): position for position, here in found for mark in here}
        self.refs |= place.keys()

        def lost(refs: set[str]) -> set[str]:
            self.gone.update((ref, place[ref]) for ref in refs)
            return set()

        for ref, problem in personal_problems(self.connection, [mark for _, here in found for mark in here], lost):
            yield failed("personal", place[ref], problem)

    def _nodes(self, first: int, last: int) -> dict[tuple[int, int], str]:
        """The stored nodes that these entries complete."""
        row, found = tree_node.c, {}
        for level in range(1, last.bit_length()):
            low, high = -(-first >> level) - 1, (last >> level) - 1
            query = select(row.idx, row.hash).where(row.level == level, row.idx.between(low, high))
            found.update({(level, index): kept for index, kept in self.connection.execute(query)})
        return found

    def _strangers(self) -> Iterator[Check]:
        """Rows that no entry of the trail accounts for."""
        row = entry_table.c
        beyond = select(row.position).where(or_(row.position < 1, row.position > self.end)).order_by(row.position).limit(MOST_NAMED)
        for position in self.connection.execute(beyond).scalars():
            yield failed("order", position, "unknown")
        node, levels = tree_node.c, max(self.end.bit_length(), 1)
        outside = [node.level < 1, node.level >= levels, node.idx < 0]
        outside += [(node.level == level) & (node.idx >= self.end >> level) for level in range(1, levels)]
        for level, index in self.connection.execute(select(node.level, node.idx).where(or_(*outside)).limit(MOST_NAMED)):
            yield failed("tree", f"tree_node {level}/{index}", "unknown")
        for position in words.beyond(self.connection, self.end, MOST_NAMED):
            yield failed("words", position, "unknown")

    def _close(self) -> Iterator[Check]:
        yield from self._head()
        for kind, place, note in self.notes:
            problem = note if isinstance(note, str) else self._disagreement(note)
            if problem is not None:
                yield failed(kind, place, problem)
        allowed = erased(self.connection)
        for ref, position in self.gone.items():
            if ref not in allowed:
                yield failed("personal", position, "missing")
        yield from self._personal_strangers()
        for position in words.out_of_step(self.connection, MOST_NAMED):
            yield failed("words", position, "index")

    def _personal_strangers(self) -> Iterator[Check]:
        """Personal values that no entry names; where entries are missing or unreadable, nobody can say."""
        kept = self.connection.execute(select(func.count()).select_from(personal_value)).scalar_one()
        if self.holes or kept == len(self.refs) - len(self.gone):
            return
        for ref in self.connection.execute(select(personal_value.c.ref).order_by(personal_value.c.ref)).scalars():
            if ref not in self.refs:
                yield failed("personal", f"personal_value {ref}", "unknown")

    def _head(self) -> Iterator[Check]:
        head, root = self.head, _root(self.frontier)
        if head["id"] != 1 or head["size"] != self.end:
            yield failed("head", "trail_head", "id" if head["id"] != 1 else "size")
        if None not in self.frontier and head["frontier"] != json.dumps([one.hex() for one in self.frontier if one]):
            yield failed("head", "trail_head", "frontier")
        if root is None or not is_signed(self.ground.public_key, seal.note_body(self.origin, self.end, root), head["signature"]):
            yield failed("head", "trail_head", "signature")
        if self.last_at and head["at"] != self.last_at:
            yield failed("head", "trail_head", "at")

    def _disagreement(self, note: seal.Note) -> str | None:
        if note.size > self.end:
            return f"{note.size} > {self.end}"
        root = seal.empty_root() if note.size == 0 else self.roots.get(note.size)
        return None if root == note.root else f"root {note.size}"


def _notes(ground: Ground, origin: str) -> Iterator[tuple[str, str, seal.Note | str]]:
    """The checkpoints to compare with, as (check, place, note), a problem in place of a note that is none or is not signed by our key."""
    for kind, texts in (("checkpoint", ground.published), ("held", ground.held)):
        for place, text in texts.items():
            try:
                note = seal.read_note(text)
            except ValueError as error:
                yield kind, place, str(error)
                continue
            fits = note.origin == origin and checkpoints.signed(note, ground.public_key)
            yield kind, place, note if fits else "signature"


def _extended(
    frontier: list[Hash], position: int, leaf: Hash, nodes: Nodes, trusting: bool
) -> tuple[list[Hash], list[tuple[int, int, Hash]]]:
    """The frontier after one more leaf and the nodes it completes. Where a hash is unknown, or ``trusting``, the stored node stands in."""
    grown, completed, current = list(frontier), [], leaf
    level, index = 0, position - 1
    while index & 1:
        left = grown.pop()
        level, index = level + 1, index >> 1
        computed = seal.node_hash(left, current) if left is not None and current is not None else None
        stored = _bytes(nodes.get((level, index)))
        current = stored if stored is not None and (trusting or computed is None) else computed
        completed.append((level, index, computed if computed is not None else stored))
    return [*grown, current], completed


def _root(frontier: list[Hash]) -> Hash:
    known = [one for one in frontier if one is not None]
    return seal.root_of(known) if len(known) == len(frontier) else None


def _bytes(text: object) -> Hash:
    try:
        found = bytes.fromhex(str(text))
    except ValueError:
        return None
    return found if len(found) == 32 else None
