"""How an entry of the trail names the case it is about, and the one way to record what happens to a case without a step being taken."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from qms.database import Transaction, stamp
from qms.errors import Reason, Stale
from qms.people.actor import Actor
from qms.records import trail
from qms.records.trail import Act, Receipt
from qms.workflows import file as files
from qms.workflows.file import File


def record(
    tx: Transaction,
    file: File,
    after: File,
    event: str,
    by: Actor,
    place: tuple[str, str] | None,
    *,
    clocks: Sequence[Mapping[str, Any]] = (),
    happened_at: datetime | None = None,
    fields: Mapping[str, Sequence[Any]] | None = None,
    comment: str | None = None,
    what: Mapping[str, Any],
    key: str | None = None,
) -> Receipt:
    """Write what ``file`` became with the timers that moved, and seal the entry. ``place`` is the role, and where it is held, in which
    ``by`` acts, and for whom when it was lent. Raises Stale when somebody else was first."""
    if not files.save(tx.connection, after, file.version, clocks):
        raise Stale([Reason("STALE")])
    role, organisation = place or (None, None)
    lender = by.lender(role, organisation)
    said = {**what, "for": lender} if lender else what
    case = sealed_case(after, None, after.state)
    act = Act(event, by, role, organisation or None, happened_at, case, fields=fields or {}, comment=comment, what=said, key=key)
    return trail.append(tx, act)


def sealed_case(file: File, step: str | None, source: str | None) -> dict[str, Any]:
    """How an entry names the case it is about."""
    return {
        "number": file.number,
        "n": file.n,
        "workflow": file.workflow,
        "definition": file.definition,
        "procedure": file.procedure.sealed() if file.procedure else None,
        "step": step,
        "from": source,
        "to": file.state,
        "version": file.version,
        "changed_at": stamp(file.changed_at),
    }
