"""The working copies behind the register, and how one act changes them: always together with what is sealed.

An act says once what rows and references it changes. The same statement goes into the tables and, word for word, into its entry on the
trail; so the tables can be rebuilt from the trail, and a row that somebody edited beneath the program is found (ISO 9001 §7.5.3.2).
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Integer, String, Table, Text, and_, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from qms.database import Transaction, metadata
from qms.errors import NotFound, QmsError, Reason, Stale
from qms.library import MAIN, Library, RefMove
from qms.people.actor import Actor
from qms.records import trail
from qms.records.trail import Receipt

_log = logging.getLogger(__name__)

document_table = Table(
    "document",
    metadata,
    Column("key", String(80), primary_key=True),
    Column("code", String(40), nullable=False),
    Column("title", Text, nullable=False),
    Column("type", String(3), nullable=False),
    Column("language", String(2), nullable=False),
    Column("owner", String(40), nullable=False),
    Column("clauses", Text, nullable=False),
    Column("distribution", Text, nullable=False),
    Column("workflows", Text, nullable=False),
    Column("review_every", Integer, nullable=False),
    Column("path", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("blob", String(40), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("commit_id", String(40), nullable=False),
    Column("in_force_since", String(24), nullable=False),
    Column("next_review", String(10), nullable=False),
    Column("status", String(16), nullable=False),
    Column("titles", Text),
)
revision_table = Table(
    "revision",
    metadata,
    Column("key", String(80), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("status", String(16), nullable=False),
    Column("case_number", String(40), index=True),
    Column("code", String(40), nullable=False),
    Column("title", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("blob", String(40), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("commit_id", String(40), nullable=False),
    Column("tag", Text, nullable=False),
    Column("effective_on", String(10), nullable=False),
    Column("minor", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("approved_at", String(24), nullable=False),
    Column("in_force_at", String(24)),
    Column("ended_at", String(24)),
)
draft_table = Table(
    "draft",
    metadata,
    Column("key", String(80), primary_key=True),
    Column("slug", String(80), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("case_number", String(40), nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("tip", String(40), nullable=False),
    Column("blob", String(40), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("base_revision", Integer),
    Column("authors", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("changed_at", String(24), nullable=False),
)
document_code_table = Table(
    "document_code",
    metadata,
    Column("code", String(40), primary_key=True),
    Column("key", String(80), nullable=False, index=True),
)
git_ref_table = Table(
    "git_ref",
    metadata,
    Column("ref", Text, primary_key=True),
    Column("target", String(40), nullable=False),
)
TABLES = {table.name: table for table in (document_table, revision_table, draft_table, document_code_table)}
LISTS = ("clauses", "distribution", "workflows", "authors")

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
"""New values of rows by table; a row carries its key and what changed."""
Refs = Mapping[str, tuple[str | None, str | None]]
"""References to move: name → (old, new)."""


@dataclass(frozen=True)
class Change:
    """What one act does to register and references, as it is sealed in the act's entry."""

    rows: Rows
    refs: Refs

    def sealed(self) -> dict[str, Any]:
        """The form that the trail keeps."""
        return {"rows": {name: [dict(row) for row in rows] for name, rows in self.rows.items() if rows}, "refs": dict(_targets(self.refs))}


def draft_ref(key: str, slug: str) -> str:
    """Where a draft lives."""
    return f"refs/heads/draft/{key}/{slug}"


def archive_ref(key: str, slug: str) -> str:
    """Where a draft that came to its end stays readable."""
    return f"refs/archive/draft/{key}/{slug}"


def revision_tag(key: str, number: int) -> str:
    """The tag of an approved revision."""
    return f"refs/tags/rev/{key}/{number}"


def withdrawn_tag(key: str, number: int) -> str:
    """The tag of a withdrawal."""
    return f"refs/tags/withdrawn/{key}/{number}"


def write(tx: Transaction, change: Change) -> None:
    """Put ``change`` into the tables. Raises Stale when a reference is not where the change believes it to be."""
    for ref, (old, new) in change.refs.items():
        _move(tx.connection, ref, old, new)
    for name, rows in change.rows.items():
        for row in rows:
            _upsert(tx.connection, TABLES[name], row)


def target(connection: Connection, ref: str) -> str | None:
    """Where ``ref`` stands in the database's view."""
    found = connection.execute(_TARGET, {"r": ref}).scalar()
    return str(found) if found is not None else None


def targets(connection: Connection) -> dict[str, str]:
    """The database's view of every reference."""
    return {row.ref: row.target for row in connection.execute(select(git_ref_table))}


def main_head(connection: Connection) -> str:
    """The commit that holds what is in force. Raises NotFound in a library that ``init`` has not filled."""
    head = target(connection, MAIN)
    if head is None:
        raise NotFound("reference", MAIN)
    return head


def listed(values: Sequence[str]) -> str:
    """A list as a column keeps it."""
    return json.dumps(list(values), ensure_ascii=False)


_TARGET = select(git_ref_table.c.target).where(git_ref_table.c.ref == bindparam("r"))


def _targets(refs: Refs) -> Iterator[tuple[str, str | None]]:
    for ref, (_, new) in refs.items():
        yield ref, new


def _move(connection: Connection, ref: str, old: str | None, new: str | None) -> None:
    here = git_ref_table.c
    if old is None:
        made = _insert(connection, git_ref_table).values(ref=ref, target=new).on_conflict_do_nothing().returning(here.ref)
        done = connection.execute(made).first() is not None
    elif new is None:
        done = connection.execute(git_ref_table.delete().where(here.ref == ref, here.target == old)).rowcount == 1
    else:
        done = connection.execute(update(git_ref_table).where(here.ref == ref, here.target == old).values(target=new)).rowcount == 1
    if not done:
        raise Stale([Reason("STALE", values={"ref": ref})])


def _upsert(connection: Connection, table: Table, row: Mapping[str, Any]) -> None:
    keys = {column.name: row[column.name] for column in table.primary_key}
    changed = {name: value for name, value in row.items() if name not in keys}
    if changed:
        where = and_(*(table.c[name] == value for name, value in keys.items()))
        if connection.execute(update(table).where(where).values(changed)).rowcount:
            return
    connection.execute(_insert(connection, table).values(**row).on_conflict_do_nothing())


def _insert(connection: Connection, table: Table) -> Any:
    return insert_postgresql(table) if connection.dialect.name == "postgresql" else insert_sqlite(table)


def record(
    tx: Transaction,
    library: Library,
    event: str,
    by: Actor,
    change: Change,
    *,
    document: Mapping[str, Any],
    what: Mapping[str, Any] | None = None,
    comment: str | None = None,
    idempotency: str | None = None,
    evidence: Sequence[Mapping[str, Any]] = (),
) -> Receipt:
    """Do ``change`` and seal it as one entry of its own."""
    write(tx, change)
    follow(tx, library, change)
    sealed = {**(what or {}), "shelf": change.sealed()}
    act = trail.Act(event=event, by=by, document=document, evidence=evidence, what=sealed, comment=comment, key=idempotency)
    return trail.append(tx, act)


def follow(tx: Transaction, library: Library, change: Change) -> None:
    """Move git's references once the database has decided. When that fails the act stands: the next writer rolls the references forward."""
    moves = [RefMove(ref, new, old) for ref, (old, new) in change.refs.items()]

    def project() -> None:
        try:
            library.move(moves)
        except (QmsError, OSError) as error:
            _log.warning("references left behind, to be rolled forward: %s", error)

    tx.after_commit.append(project)


def require_writer(library: Library) -> None:
    """Refuse to touch the shelf without its lock: taken later, inside the database's transaction, it could deadlock."""
    if not library.is_writer:
        raise RuntimeError("the library's writer lock must be held before the transaction begins")
