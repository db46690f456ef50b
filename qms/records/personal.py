"""Personal values, kept apart so that they can be erased and the trail still verifies (GDPR, art. 17).

The trail seals a salted hash; the value and its salt stand here. Without the salt the hash says nothing of the value.
"""

import hashlib
import secrets
from collections.abc import Collection, Mapping

from sqlalchemy import Column, Connection, String, Table, delete, insert, select

from qms.database import Transaction, metadata
from qms.people.actor import Actor
from qms.records import trail
from qms.records.trail import Act, Receipt

ERASED = "personal-erased"
MOST_AT_ONCE = 500

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
    return isinstance(value, Mapping) and len(value) == 2 and "#" in value and "ref" in value


def behind(connection: Connection, *sealed: object) -> dict[str, str]:
    """The values behind every mark anywhere in ``sealed``, by ref, asked for together; an erased one is left out."""
    return {ref: value for ref, (_, value) in kept(connection, _refs(sealed)).items()}


def erase(tx: Transaction, marks: Collection[Mapping[str, str]], by: Actor, role: str, organisation: str, reason: str) -> Receipt:
    """Erase values and their salts, and record that it was done; the seals that hold the marks stay valid.

    A value that is gone without such an entry is found by verification.
    """
    refs = sorted({mark["ref"] for mark in marks})
    for ref in refs:
        tx.connection.execute(delete(personal_value).where(personal_value.c.ref == ref))
    return trail.append(tx, Act(ERASED, by, role, organisation, comment=reason, what={"refs": refs}))


def kept(connection: Connection, refs: Collection[str]) -> dict[str, tuple[str, str]]:
    """What is kept under each ref, as (salt, value); an erased one is left out."""
    found, wanted = {}, sorted(refs)
    for start in range(0, len(wanted), MOST_AT_ONCE):
        query = select(personal_value).where(personal_value.c.ref.in_(wanted[start : start + MOST_AT_ONCE]))
        found.update({row.ref: (row.salt, row.value) for row in connection.execute(query)})
    return found


def _refs(value: object) -> set[str]:
    if isinstance(value, Mapping):
        return {value["ref"]} if is_mark(value) else _refs(tuple(value.values()))
    return {ref for item in value for ref in _refs(item)} if isinstance(value, (list, tuple)) else set()


def fits(mark: Mapping[str, str], salt: str, value: str) -> bool:
    """Whether what is kept is what was sealed."""
    try:
        return salted(salt, value) == mark["#"] and salt == salt.lower()
    except ValueError:
        return False
