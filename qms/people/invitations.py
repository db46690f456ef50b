"""One-time links by which a person chooses a password: an invitation, or a way back in for who forgot it.

The link holds a secret of which only the digest is kept; it works once, for three days, and a newer one ends those before it.
"""

import secrets
from datetime import timedelta

from sqlalchemy import Column, Connection, String, Table, insert, select, update

from qms.database import Transaction, metadata, stamp
from qms.errors import NotFound
from qms.people.directory import person_table
from qms.people.tokens import digest

LASTS = timedelta(days=3)
invitation = Table(
    "invitation",
    metadata,
    Column("digest", String, primary_key=True),
    Column("person", String, nullable=False, index=True),
    Column("made_at", String, nullable=False),
    Column("expires_at", String, nullable=False),
    Column("used_at", String),
)


def make(tx: Transaction, person: str) -> str:
    """A new link's secret for ``person``; earlier ones no longer work."""
    secret = secrets.token_urlsafe(32)
    row = invitation.c
    tx.connection.execute(update(invitation).where(row.person == person, row.used_at.is_(None)).values(used_at=stamp(tx.now)))
    tx.connection.execute(
        insert(invitation),
        {"digest": digest(secret), "person": person, "made_at": stamp(tx.now), "expires_at": stamp(tx.now + LASTS), "used_at": None},
    )
    return secret


def whose(connection: Connection, secret: str, now: str) -> str:
    """Whom a link is for. Raises NotFound when it is unknown, used or too old, or the account is closed: which of these is not said."""
    row = invitation.c
    found = connection.execute(
        select(row.person)
        .join(person_table, person_table.c.id == row.person)
        .where(row.digest == digest(secret), row.used_at.is_(None), row.expires_at > now, person_table.c.disabled_at.is_(None))
        .where(person_table.c.expires_at.is_(None) | (person_table.c.expires_at > now))
    ).scalar()
    if found is None:
        raise NotFound("invitation", "")
    return str(found)


def use(tx: Transaction, secret: str) -> str:
    """Use a link up; returns whom it was for. Raises NotFound; of two at once, one."""
    person = whose(tx.connection, secret, stamp(tx.now))
    row = invitation.c
    done = tx.connection.execute(
        update(invitation).where(row.digest == digest(secret), row.used_at.is_(None)).values(used_at=stamp(tx.now))
    )
    if done.rowcount != 1:
        raise NotFound("invitation", "")
    return person
