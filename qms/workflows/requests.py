"""The same request sent twice is one act: how a repeated one is known again, and another one under its key is refused."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from qms.errors import Reason, refusal
from qms.people.actor import Actor
from qms.records import trail
from qms.records.evidence import Attachment
from qms.records.tables import entry as entry_table
from qms.records.trail import Receipt
from qms.workflows.definition import Definition
from qms.workflows.privacy import has_personal

LONGEST_KEY = 200
_used = select(entry_table.c.position).where(entry_table.c.idempotency_key == bindparam("key"))


def fingerprint(
    definition: Definition,
    fields: Mapping[str, object],
    evidence: Sequence[Attachment],
    happened_at: datetime | None,
    comment: str | None,
    *rest: object,
) -> str:
    """The hash of what was asked. Personal values leave no trace in it: it is sealed, and what is sealed cannot be erased."""
    known = {name: field for name, field in definition.fields.items() if has_personal(field)}
    shown = {name: None if name in known else value for name, value in fields.items()}
    files = sorted((attachment.slot, attachment.sha256) for attachment in evidence)
    content = [shown, files, happened_at.isoformat() if happened_at else None, comment, *rest]
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def key_of(by: Actor, key: str) -> str:
    """Keys of one person never meet those of another."""
    short = key if len(key) <= LONGEST_KEY else hashlib.sha256(key.encode()).hexdigest()
    return f"{by.person}:{short}"


def is_used(connection: Connection, key: str) -> bool:
    """Whether an act was recorded under ``key``."""
    return connection.execute(_used, {"key": key}).first() is not None


def repeated(connection: Connection, key: str, print_: str) -> Receipt | None:
    """The receipt of the same request, when it was recorded already. Raises Refused when its key was used for something else."""
    if not is_used(connection, key):
        return None
    found = trail.already(connection, key)
    if found is None:
        return None
    sealed: Mapping[str, Any] = found.what
    if sealed.get("request") != print_:
        raise refusal([Reason("KEY_REUSED", None)])
    return replace(found, repeated=True)


def version_asked(connection: Connection, by: Actor, key: str, seen: int) -> int:
    """The version to ask at when the asker names none: that which was ``seen``, or for a request that was recorded already the version it
    was made at, so that it is known again."""
    before = trail.already(connection, key_of(by, key))
    return seen if before is None or before.version is None else before.version - 1
