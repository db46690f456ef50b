"""Substitution: one person wears another's hat for some days, says so on everything done under it, and counts as that person where
duties are kept apart (ISO 9001, 5.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any

from sqlalchemy import Column, Connection, String, Table, insert, or_, select, update

from qms.database import Transaction, metadata, moment, stamp
from qms.errors import NotFound

LONGEST = timedelta(days=366)

delegation_table = Table(
    "delegation",
    metadata,
    Column("id", String, primary_key=True),
    Column("delegator", String, nullable=False, index=True),
    Column("delegate", String, nullable=False, index=True),
    Column("hat", String, nullable=False),
    Column("organisation", String, nullable=False),
    Column("starts_at", String, nullable=False),
    Column("ends_at", String, nullable=False),
    Column("ended_at", String),
)


@dataclass(frozen=True)
class Delegation:
    """A hat lent by ``delegator`` to ``delegate`` from one moment to another; ``ended_at`` when it was taken back before."""

    id: str
    delegator: str
    delegate: str
    hat: str
    organisation: str
    starts_at: datetime
    ends_at: datetime
    ended_at: datetime | None

    def runs(self, now: datetime) -> bool:
        """Whether it counts at ``now``."""
        return self.ended_at is None and self.starts_at <= now <= self.ends_at

    def row(self) -> dict[str, Any]:
        """Its columns, which are also what is sealed."""
        return {
            **vars(self), "starts_at": stamp(self.starts_at), "ends_at": stamp(self.ends_at),
            "ended_at": stamp(self.ended_at) if self.ended_at else None,
        }  # fmt: skip


def give(tx: Transaction, delegator: str, delegate: str, hat: str, organisation: str, starts_at: datetime, ends_at: datetime) -> Delegation:
    """Write a delegation; who may give which is for the caller to judge."""
    made = Delegation("D-" + token_hex(4), delegator, delegate, hat, organisation, starts_at, ends_at, None)
    tx.connection.execute(insert(delegation_table), made.row())
    return made


def end(tx: Transaction, id: str) -> Delegation:
    """Take a delegation back at once. Raises NotFound when there is none that may still count."""
    row = delegation_table.c
    gone = tx.connection.execute(update(delegation_table).where(row.id == id, row.ended_at.is_(None)).values(ended_at=stamp(tx.now)))
    if gone.rowcount != 1:
        raise NotFound("delegation", id[:40])
    return one(tx.connection, id)


def one(connection: Connection, id: str) -> Delegation:
    """Raises NotFound."""
    row = connection.execute(select(delegation_table).where(delegation_table.c.id == id)).mappings().first()
    if row is None:
        raise NotFound("delegation", id[:40])
    return _delegation(row)


def open_ones(connection: Connection, now: datetime, person: str | None = None, limit: int = 200) -> list[Delegation]:
    """Those that count now or will, of one person or of all, the first to end first."""
    row = delegation_table.c
    query = select(delegation_table).where(row.ended_at.is_(None), row.ends_at >= stamp(now))
    if person is not None:
        query = query.where(or_(row.delegator == person, row.delegate == person))
    return [_delegation(found) for found in connection.execute(query.order_by(row.ends_at, row.id).limit(limit)).mappings()]


def every(connection: Connection) -> Sequence[Delegation]:
    """All there ever were."""
    return [_delegation(row) for row in connection.execute(select(delegation_table).order_by(delegation_table.c.id)).mappings()]


def _delegation(row: Any) -> Delegation:
    ended = row["ended_at"]
    return Delegation(
        row["id"], row["delegator"], row["delegate"], row["hat"], row["organisation"], moment(row["starts_at"]), moment(row["ends_at"]),
        moment(ended) if ended else None,
    )  # fmt: skip
