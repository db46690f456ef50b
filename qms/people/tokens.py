"""Personal tokens: how a person's own scripts, command line and git client act as that person and nobody else."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, String, Table, bindparam, insert, select, update

from qms.database import Transaction, metadata, moment, stamp
from qms.errors import Incomplete, NotFound, NotPermitted, Reason
from qms.people.actor import Actor
from qms.people.directory import ACTOR, PERSON_WITH_HATS, actor_of, person_table
from qms.people.hats import Hats

LONGEST = 366

token_table = Table(
    "token",
    metadata,
    Column("digest", String, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("person", String, nullable=False, index=True),
    Column("label", String, nullable=False),
    Column("created_at", String, nullable=False),
    Column("expires_at", String, nullable=False),
    Column("revoked_at", String),
)

_bearer = (
    select(token_table.c.expires_at, token_table.c.revoked_at, *ACTOR)
    .select_from(token_table.join(PERSON_WITH_HATS, person_table.c.id == token_table.c.person))
    .where(token_table.c.digest == bindparam("wanted"))
)


@dataclass(frozen=True)
class Token:
    """What is kept of a token: never the token itself."""

    id: str
    person: str
    label: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


def issue(tx: Transaction, person_id: str, label: str, days: int = 90) -> tuple[str, Token]:
    """Make a token for a person, good for ``days``; returns its text, shown once, and what is kept. Raises Incomplete."""
    reasons = []
    if not 1 <= len(label.strip()) <= 80:
        reasons.append(Reason("FIELD_INVALID:label", "label"))
    if not 1 <= days <= LONGEST:
        reasons.append(Reason("FIELD_INVALID:days", "days"))
    if reasons:
        raise Incomplete(reasons)
    text = "qms_" + secrets.token_urlsafe(32)
    row = {
        "digest": digest(text),
        "id": "T-" + secrets.token_hex(4),
        "person": person_id,
        "label": label.strip(),
        "created_at": stamp(tx.now),
        "expires_at": stamp(tx.now + timedelta(days=days)),
    }
    tx.connection.execute(insert(token_table), row)
    return text, Token(row["id"], person_id, row["label"], tx.now, moment(row["expires_at"]), None)


def revoke(tx: Transaction, person_id: str, token_id: str) -> None:
    """End a person's token at once. Raises NotFound."""
    gone = tx.connection.execute(
        update(token_table)
        .where(token_table.c.id == token_id, token_table.c.person == person_id, token_table.c.revoked_at.is_(None))
        .values(revoked_at=stamp(tx.now))
    )
    if gone.rowcount != 1:
        raise NotFound("token", token_id)


def bearer(connection: Connection, text: str, now: datetime, hats: Hats, via: str) -> Actor:
    """Who acts with this token. Raises NotPermitted (``TOKEN:refused``) when it is unknown, ended or revoked, or its person's account
    closed."""
    rows = connection.execute(_bearer, {"wanted": digest(text)}).all()
    if not rows:
        raise NotPermitted([Reason("TOKEN:refused")])
    row = rows[0]
    if row.revoked_at or row.disabled_at or moment(row.expires_at) <= now or (row.account_ends and moment(row.account_ends) <= now):
        raise NotPermitted([Reason("TOKEN:refused")])
    return actor_of(rows, hats, via, now)


def of(connection: Connection, person_id: str) -> list[Token]:
    """A person's tokens, newest first."""
    rows = connection.execute(select(token_table).where(token_table.c.person == person_id).order_by(token_table.c.created_at.desc())).all()
    return [
        Token(
            row.id,
            row.person,
            row.label,
            moment(row.created_at),
            moment(row.expires_at),
            moment(row.revoked_at) if row.revoked_at else None,
        )
        for row in rows
    ]


def digest(text: str) -> str:
    """What is kept of a token's text."""
    return hashlib.sha256(text.encode()).hexdigest()
