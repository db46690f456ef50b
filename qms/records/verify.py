"""Verification from inside: recompute everything that can be recomputed, and name each place that does not fit.

The sealed text is the truth here; columns, tree, head, search words, personal values, evidence files and published checkpoints are compared
with it. What this cannot find (a shortened trail, a rewriting with the key) an auditor finds with a checkpoint kept outside.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from qms.errors import NotFound, TrailBroken
from qms.records import seal, trail, words
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
from qms.records.tables import entry as entry_table
from qms.records.tables import head as head_table
from qms.records.walk import KINDS, Walk

__all__ = ["Check", "Ground", "failed", "verify_entry", "verify_trail"]


def verify_trail(connection: Connection, ground: Ground, progress: Progress = lambda done, total: None) -> Iterator[Check]:
    """Every check of the whole trail: one failed check for each place that does not fit, then one passed check for each kind that does.

    ``progress`` is told how many entries are done, of how many.
    """
    heads = connection.execute(select(head_table).order_by(head_table.c.id)).mappings().all()
    if not heads:
        yield failed("head", "trail_head", "missing")
        return
    walk = Walk(connection, ground, dict(heads[0]))
    wrong: set[str] = set()
    for extra in heads[1:]:
        yield failed("head", "trail_head", f"id {extra['id']}")
        wrong.add("head")
    for check in walk.run(progress):
        wrong.add(check.name)
        yield check
    for name in KINDS:
        if name not in wrong and (name != "held" or ground.held):
            yield Check(name, True, "", {"count": walk.count})


def verify_entry(connection: Connection, position: int, ground: Ground) -> list[Check]:
    """The checks of one entry, whatever the length of the trail: seal, copies, neighbours, checkpoint, personal values, evidence files."""
    row = connection.execute(select(entry_table).where(entry_table.c.position == position)).mappings().first()
    head = connection.execute(select(head_table)).mappings().first()
    if row is None or head is None:
        raise NotFound("record", f"#{position}")
    said = read(row["sealed"])

    def check(name: str, problems: Collection[str]) -> Check:
        return Check(name, not problems, f"#{position}", {"place": f"#{position}", "problem": ", ".join(sorted(set(problems)))})

    if said is None:
        return [check("seal", ["sealed"])]
    try:
        found = words.between(connection, position, position).get(position)
        lost = personal_problems(connection, list(marks(said)), lambda refs: refs - erased(connection))
        return [
            check("seal", [] if seal.leaf_hash(row["sealed"].encode()).hex() == row["leaf"] else ["leaf"]),
            check("columns", [*wrong_columns(dict(row), said), *(["words"] if found != words.of(said) else [])]),
            check("neighbours", _neighbours(connection, position, head["size"], said)),
            check("checkpoint", _in_checkpoint(connection, position, dict(row), dict(head), ground)),
            check("personal", [problem for _, problem in lost]),
            check("evidence", [str(piece["sha256"]) for piece in said["evidence"] if not is_intact(ground.evidence, piece["sha256"])]),
        ]
    except DAMAGED:
        return [check("seal", ["sealed"])]


def _neighbours(connection: Connection, position: int, size: int, said: Mapping[str, Any]) -> list[str]:
    wanted = [near for near in (position - 1, position + 1) if 1 <= near <= size]
    query = select(entry_table.c.position, entry_table.c.at).where(entry_table.c.position.in_(wanted))
    rows = dict(tuple(row) for row in connection.execute(query))
    problems = [f"#{near}" for near in wanted if near not in rows]
    problems += [f"#{near}" for near, at in rows.items() if (at > said["at"] if near < position else at < said["at"])]
    case = said["case"]
    if case and case["n"] > 1:
        before = select(entry_table.c.position).where(entry_table.c.case_number == case["number"], entry_table.c.case_n == case["n"] - 1)
        if connection.execute(before).first() is None:
            problems.append(f"{case['number']} {case['n'] - 1}")
    return problems


def _in_checkpoint(connection: Connection, position: int, row: Mapping[str, Any], head: Mapping[str, Any], ground: Ground) -> list[str]:
    """The entry's place in the signed tree, in the tree as it was when the entry was made, and in the nearest checkpoints that hold it."""
    find, problems, origin = trail.lookup(connection), [], head["origin"]
    try:
        root = seal.root_of([bytes.fromhex(one) for one in json.loads(head["frontier"])])
        path = seal.inclusion_proof(position - 1, head["size"], find)
        leaf = seal.leaf_hash(row["sealed"].encode())
        if seal.root_from_inclusion(position - 1, head["size"], leaf, path) != root:
            problems.append("root")
        if not is_signed(ground.public_key, seal.note_body(origin, head["size"], root), head["signature"]):
            problems.append("head")
        if not is_signed(ground.public_key, seal.note_body(origin, position, seal.subtree(0, position, find)), row["signature"]):
            problems.append("signature")
        notes = sorted((note for note in (_note(text) for text in (*ground.published.values(), *ground.held.values())) if note), key=_size)
        for note in [note for note in notes if note.size >= position][:1]:
            if note.size > head["size"] or seal.subtree(0, note.size, find) != note.root:
                problems.append(f"{note.size}")
    except (*DAMAGED, TrailBroken, DBAPIError) as error:
        problems.append(type(error).__name__)
    return problems


def _note(text: str) -> seal.Note | None:
    try:
        return seal.read_note(text)
    except ValueError:
        return None


def _size(note: seal.Note) -> int:
    return note.size
