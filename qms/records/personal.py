"""Personal values, kept apart so that they can be erased and the trail still verifies (GDPR, art. 17).

The trail seals a salted hash; the value and its salt stand here. Without the salt the hash says nothing of the value.
"""

import hashlib
import secrets
from collections.abc import Mapping

from sqlalchemy import Column, Connection, String, Table, delete, insert, select

from qms.database import Transaction, metadata

personal_value = Table(
    "personal_value",
    metadata,
    Column("ref", String, primary_key=True),
    Column("salt", String, nullable=False),
    Column("value", String, nullable=False),
)
_insert = insert(personal_value)


def hide(tx: Transaction, value: str) -> dict[str, str]:
    """Keep ``value`` here and return the mark that is sealed in its place: ``{"#": salted SHA-256, "ref": where it is kept}``."""
    ref, salt = secrets.token_hex(12), secrets.token_hex(16)
    tx.connection.execute(_insert, {"ref": ref, "salt": salt, "value": value})
    return {"#": salted(salt, value), "ref": ref}


def salted(salt: str, value: str) -> str:
    """The hash that stands in the seal for a personal value."""
    return hashlib.sha256(bytes.fromhex(salt) + value.encode()).hexdigest()


def is_mark(value: object) -> bool:
    """Whether a sealed value stands for a personal one."""
    return isinstance(value, Mapping) and set(value) == {"#", "ref"}


def reveal(connection: Connection, mark: Mapping[str, str]) -> str | None:
    """The value behind a mark; None once it was erased."""
    return connection.execute(select(personal_value.c.value).where(personal_value.c.ref == mark["ref"])).scalar()


def erase(tx: Transaction, mark: Mapping[str, str]) -> None:
    """Erase the value and its salt; the seal that holds the mark stays valid."""
    tx.connection.execute(delete(personal_value).where(personal_value.c.ref == mark["ref"]))


def agrees(connection: Connection, mark: Mapping[str, str]) -> bool:
    """Whether what is kept is what was sealed; an erased value agrees."""
    row = connection.execute(select(personal_value).where(personal_value.c.ref == mark["ref"])).first()
    return row is None or salted(row.salt, row.value) == mark["#"]
