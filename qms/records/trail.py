"""The trail: one entry for every act, sealed in the same transaction as its effect (ISO 9001, 7.5.3 and 4.4.2).

An act becomes canonical text; the text becomes a leaf of one tree over all entries; the new root is signed at once. The head row is taken
last in the transaction, so that acts on different cases wait for each other only at the very end. Where it stood after our own last act is
tried first, unread: it moves only from where the new seal says it was, and when it does not, it is read, held and built upon.
"""

import base64
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, insert, select, text, update
from sqlalchemy.engine import RowMapping

from qms.database import Transaction, moment, stamp
from qms.errors import NotFound, TrailBroken
from qms.people.actor import Actor
from qms.records import seal, words
from qms.records.tables import entry as entry_table
from qms.records.tables import head as head_table
from qms.records.tables import tree_node

PAGE = 50


@dataclass(frozen=True)
class Act:
    """What is to be recorded; ``append`` gives it position, instant and seal. See TRAIL in the README for the meaning of each part."""

    event: str
    by: Actor
    role: str | None = None
    organisation: str | None = None
    happened_at: datetime | None = None
    case: Mapping[str, Any] | None = None
    document: Mapping[str, Any] | None = None
    fields: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    evidence: Sequence[Mapping[str, Any]] = ()
    signature: Mapping[str, Any] | None = None
    comment: str | None = None
    what: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None
    on_behalf: str | None = None


@dataclass(frozen=True)
class Receipt:
    """What the actor gets back: where the act stands, and a signed checkpoint that includes it."""

    position: int
    at: datetime
    leaf: str
    size: int
    root: str
    note: str
    case: str | None = None
    version: int | None = None
    state: str | None = None
    repeated: bool = False
    what: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """One entry as stored: ``sealed`` are the very bytes, ``said`` what they say.

    Of one that ``is_damaged`` nothing is told but what its columns say: enough to find it, never to decide by it.
    """

    position: int
    sealed: str
    leaf: str
    signature: str
    said: Mapping[str, Any]
    is_damaged: bool = False

    @property
    def at(self) -> datetime:
        return moment(self.said["at"])

    @property
    def happened_at(self) -> datetime | None:
        return moment(self.said["happened_at"]) if self.said.get("happened_at") else None

    @property
    def event(self) -> str:
        return str(self.said["event"])


_read_head = select(head_table).where(head_table.c.id == 1).with_for_update()
_move_head = (
    update(head_table)
    .where(head_table.c.id == 1, head_table.c.size == bindparam("former"), head_table.c.signature == bindparam("former_signature"))
    .values({name: bindparam(f"new_{name}") for name in ("size", "frontier", "signature", "at")})
)
_write_entry = insert(entry_table)
_write_nodes = insert(tree_node)
_write_at_once = text(
    "WITH moved AS (UPDATE trail_head SET size = :new_size, frontier = :new_frontier, signature = :new_signature, at = :new_at "  # noqa: S608
    "WHERE id = 1 AND size = :former AND signature = :former_signature RETURNING 1), "
    "grown AS (INSERT INTO tree_node (level, idx, hash) SELECT level, idx, hash "
    "FROM moved, json_to_recordset(CAST(:nodes AS json)) AS node (level int, idx bigint, hash text)), "
    "found_by AS (INSERT INTO trail_text (rowid, words) SELECT CAST(:words_of AS bigint), :words FROM moved) "
    f"INSERT INTO entry ({', '.join(one.name for one in entry_table.columns)}) "
    f"SELECT {', '.join(f'CAST(:{one.name} AS {one.type})' for one in entry_table.columns)} FROM moved"
)
"""The same in one question to PostgreSQL, where asking costs more than writing."""
_HEAD = "trail.head"


def begin(tx: Transaction, origin: str) -> None:
    """Open an empty trail named ``origin``; once per workspace."""
    body = seal.note_body(origin, 0, seal.empty_root())
    tx.connection.execute(
        insert(head_table),
        {"id": 1, "origin": origin, "size": 0, "frontier": "[]", "signature": _sign(tx, body), "at": stamp(tx.now)},
    )


def append(tx: Transaction, act: Act) -> Receipt:
    """Seal one act as the next entry. Raises TrailBroken when there is no trail, sqlalchemy's IntegrityError for a key used already."""
    guessed: _Head | None = tx.guesses.get(_HEAD)
    receipt = _append_after(tx, guessed, act) if guessed is not None else None
    if receipt is not None:
        return receipt
    row = tx.connection.execute(_read_head).first()
    if row is None:
        raise TrailBroken(0, "no head")
    receipt = _append_after(tx, _Head(row.origin, row.size, row.frontier, row.signature, row.at), act)
    if receipt is None:
        raise TrailBroken(row.size + 1, "the head moved under the writer")
    return receipt


@dataclass(frozen=True)
class _Head:
    """The row of the head."""

    origin: str
    size: int
    frontier: str
    signature: str
    at: str


def _append_after(tx: Transaction, head: _Head, act: Act) -> Receipt | None:
    """Seal ``act`` as the entry after ``head``; None, with nothing written, when the head does not stand there."""
    position = head.size + 1
    at = max(tx.now, moment(head.at))
    said = _sealed(act, position, at)
    sealed = seal.canonical(said)
    leaf = seal.leaf_hash(sealed.encode())
    frontier, completed = seal.extend([bytes.fromhex(one) for one in json.loads(head.frontier)], head.size, leaf)
    root = seal.root_of(frontier)
    body = seal.note_body(head.origin, position, root)
    after = _Head(head.origin, position, json.dumps([one.hex() for one in frontier]), _sign(tx, body), stamp(at))
    nodes = [{"level": level, "idx": index, "hash": one.hex()} for level, index, one in completed]
    row = {**columns(said), "sealed": sealed, "leaf": leaf.hex(), "signature": after.signature}
    if not _write(tx.connection, row, nodes, head, after):
        return None
    tx.guesses[_HEAD] = after
    case = act.case or {}
    note = seal.note(body, head.origin, tx.signer.public, base64.b64decode(after.signature))
    return Receipt(
        position, at, leaf.hex(), position, root.hex(), note, case.get("number"), case.get("version"), case.get("to"), what=act.what
    )


def _write(connection: Connection, row: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]], head: _Head, after: _Head) -> bool:
    """Move the head; write an entry, the nodes it completes and the words it is found by; False, and nothing, if the head is elsewhere."""
    found_by = words.of(json.loads(row["sealed"]))
    former = {"former": head.size, "former_signature": head.signature}
    moving = {"new_size": after.size, "new_frontier": after.frontier, "new_signature": after.signature, "new_at": after.at, **former}
    if connection.dialect.name == "postgresql":
        grown = {"nodes": json.dumps(nodes), "words": found_by, "words_of": row["position"]}
        return connection.execute(_write_at_once, {**row, **grown, **moving}).rowcount == 1
    if connection.execute(_move_head, moving).rowcount != 1:
        return False
    connection.execute(_write_entry, row)
    if nodes:
        connection.execute(_write_nodes, nodes)
    words.keep(connection, row["position"], found_by)
    return True


def _sealed(act: Act, position: int, at: datetime) -> dict[str, Any]:
    by = act.by
    return {
        "v": 1,
        "position": position,
        "event": act.event,
        "at": stamp(at),
        "happened_at": stamp(act.happened_at) if act.happened_at else None,
        "by": {
            "person": by.person,
            "name": by.name if by.kind in ("staff", "admin", "auditor", "system") else None,
            "role": act.role,
            "organisation": act.organisation,
            "on_behalf": act.on_behalf,
            "via": by.via,
        },
        "case": act.case,
        "document": act.document,
        "fields": {name: list(pair) for name, pair in act.fields.items()},
        "evidence": list(act.evidence),
        "signature": act.signature,
        "comment": act.comment,
        "what": act.what,
        "key": act.key,
    }


def columns(said: Mapping[str, Any]) -> dict[str, Any]:
    """The searchable copies that belong to a sealed entry; verification compares them with the row."""
    case, document, by = said["case"] or {}, said["document"] or {}, said["by"]
    return {
        "position": said["position"],
        "at": said["at"],
        "happened_at": said["happened_at"],
        "event": said["event"],
        "person": by["person"],
        "role": by["role"],
        "organisation": by["organisation"],
        "case_number": case.get("number"),
        "case_n": case.get("n"),
        "workflow": case.get("workflow"),
        "definition": case.get("definition"),
        "step": case.get("step"),
        "document_key": document.get("key"),
        "commit_id": document.get("commit"),
        "idempotency_key": said["key"],
    }


def already(connection: Connection, key: str, public_key: bytes | None = None) -> Receipt | None:
    """The receipt of the act that was recorded under this idempotency key, if any; with its note when the public key is given."""
    row = connection.execute(select(entry_table).where(entry_table.c.idempotency_key == key)).mappings().first()
    return None if row is None else replace(receipt(connection, row["position"], public_key), repeated=True)


def receipt(connection: Connection, position: int, public_key: bytes | None = None) -> Receipt:
    """The receipt that was given for an entry, made again. Raises NotFound."""
    found = entry(connection, position)
    root = seal.subtree(0, position, lookup(connection))
    note = ""
    if public_key is not None:
        origin = str(connection.execute(select(head_table.c.origin)).scalar_one())
        note = seal.note(seal.note_body(origin, position, root), origin, public_key, base64.b64decode(found.signature))
    case = found.said["case"] or {}
    return Receipt(
        position, found.at, found.leaf, position, root.hex(), note, case.get("number"), case.get("version"), case.get("to"),
        what=found.said["what"],
    )  # fmt: skip


def entry(connection: Connection, position: int, *, damaged: bool = False) -> Entry:
    """One entry. Raises NotFound, and TrailBroken unless ``damaged`` ones are wanted too."""
    row = connection.execute(select(entry_table).where(entry_table.c.position == position)).mappings().first()
    if row is None:
        raise NotFound("record", f"#{position}")
    return _as_it_is(row) if damaged else _entry(row)


def entries(
    connection: Connection,
    *,
    case: str | None = None,
    person: str | None = None,
    event: str | None = None,
    document: str | None = None,
    definitions: Collection[str] | None = None,
    since: date | None = None,
    until: date | None = None,
    matching: str | None = None,
    where: Sequence[ColumnElement[bool]] = (),
    before: int | None = None,
    limit: int = PAGE,
    damaged: bool = False,
) -> list[Entry]:
    """One page of entries, newest first, below position ``before``. ``definitions`` are digests; ``until`` is the last day included.

    Raises TrailBroken for one that cannot be read, unless ``damaged`` ones are wanted too: by pages, that show what is there.
    """
    row = entry_table.c
    query = select(entry_table).order_by(row.position.desc()).limit(limit)
    for column, value in ((row.case_number, case), (row.person, person), (row.event, event), (row.document_key, document)):
        if value is not None:
            query = query.where(column == value)
    if definitions is not None:
        query = query.where(row.definition.in_(definitions))
    if since is not None:
        query = query.where(row.at >= since.isoformat())
    if until is not None:
        query = query.where(row.at < (until + timedelta(days=1)).isoformat())
    if matching is not None and matching.strip():
        query = query.where(row.position.in_(words.matching(connection, matching)))
    if before is not None:
        query = query.where(row.position < before)
    return [_as_it_is(one) if damaged else _entry(one) for one in connection.execute(query.where(*where)).mappings()]


def upwards(connection: Connection, size: int, batch: int = 1000, *, first: int = 1, case: str | None = None) -> Iterator[Entry]:
    """Every entry from ``first`` to ``size``, of one case if named, oldest first, read in batches."""
    done = first - 1
    while done < size:
        query = select(entry_table).where(entry_table.c.position > done, entry_table.c.position <= size)
        if case is not None:
            query = query.where(entry_table.c.case_number == case)
        rows = connection.execute(query.order_by(entry_table.c.position).limit(batch)).mappings().all()
        if not rows:
            return
        for row in rows:
            yield _entry(row)
        done = rows[-1]["position"]


def head(connection: Connection) -> tuple[int, str]:
    """How many entries the trail has, and its root in hexadecimal."""
    row = connection.execute(select(head_table.c.size, head_table.c.frontier)).one()
    return row.size, seal.root_of([bytes.fromhex(one) for one in json.loads(row.frontier)]).hex()


def size(connection: Connection) -> int:
    """How many entries the trail has; the head knows, nothing is counted."""
    return int(connection.execute(select(head_table.c.size)).scalar_one())


def note_at_head(connection: Connection, public_key: bytes) -> str:
    """The signed checkpoint of the whole trail as it stands."""
    row = connection.execute(select(head_table)).one()
    root = seal.root_of([bytes.fromhex(one) for one in json.loads(row.frontier)])
    return seal.note(seal.note_body(row.origin, row.size, root), row.origin, public_key, base64.b64decode(row.signature))


def lookup(connection: Connection) -> seal.Lookup:
    """How proofs find the perfect subtrees they need: a few rows, whatever the length of the trail. What was found once is remembered."""

    @lru_cache(maxsize=65536)
    def find(level: int, index: int) -> bytes:
        if level == 0:
            query = select(entry_table.c.leaf).where(entry_table.c.position == index + 1)
        else:
            query = select(tree_node.c.hash).where(tree_node.c.level == level, tree_node.c.idx == index)
        found = connection.execute(query).scalar()
        if found is None:
            raise TrailBroken(index + 1 if level == 0 else 0, f"node {level}/{index} is missing")
        return bytes.fromhex(found)

    return find


def request_digest(*parts: object) -> str:
    """A short fingerprint of what was asked, so that one key is never answered for two different requests."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _entry(row: RowMapping) -> Entry:
    try:
        return Entry(row["position"], row["sealed"], row["leaf"], row["signature"], json.loads(row["sealed"]))
    except (ValueError, RecursionError) as error:
        raise TrailBroken(row["position"], "the seal cannot be read") from error


def _as_it_is(row: RowMapping) -> Entry:
    try:
        whole = _entry(row)
        if seal.leaf_hash(whole.sealed.encode()).hex() == whole.leaf and columns(whole.said):
            return whole
    except (TrailBroken, KeyError, TypeError, AttributeError, ValueError):
        pass
    try:
        at = stamp(moment(row["at"]))
    except (TypeError, ValueError):
        at = "1970-01-01T00:00:00.000Z"
    act = Act(str(row["event"]), Actor(str(row["person"]), "", "", frozenset(), frozenset(), "", ""))
    said = {**_sealed(act, row["position"], moment(at)), "case": {"number": row["case_number"]} if row["case_number"] else None}
    return Entry(row["position"], str(row["sealed"]), str(row["leaf"]), str(row["signature"]), said, is_damaged=True)


def _sign(tx: Transaction, body: str) -> str:
    return base64.b64encode(tx.signer.sign(body.encode())).decode()
