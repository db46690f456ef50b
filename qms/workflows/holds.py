"""Legal holds: a case of which nothing may be disposed, whatever its term, from the moment quality or the direction says so until one of
them lifts it, each time with the reason (ISO 9001, 7.5.3.2 d).

A hold has no table of its own: its two entries on the trail are the hold, and few cases ever have one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from qms.database import Transaction
from qms.errors import Reason, refusal
from qms.people.actor import Actor
from qms.records import trail
from qms.records.tables import entry as entry_table
from qms.records.trail import Entry, Receipt
from qms.workflows import file as files
from qms.workflows import objections, requests, sealing
from qms.workflows.engine import Engine

PLACED, LIFTED = "hold-placed", "hold-lifted"
HOLDS = ("QM", "TOP")
"""Who places a hold and who lifts it."""
PAGE = 500
_either = (entry_table.c.event.in_((PLACED, LIFTED)), entry_table.c.step.is_(None))
"""No step is taken with them: of a long case an index leaves only the few entries of that kind."""


@dataclass(frozen=True)
class Hold:
    """A hold that stands: the entry that placed it, when, by whom and why."""

    position: int
    at: datetime
    person: str
    reason: str


def place(tx: Transaction, engine: Engine, number: str, by: Actor, *, reason: str, key: str) -> Receipt:
    """Let nothing of the case ``number``, open or closed, be disposed of. Raises NotFound for a case ``by`` may not see, Refused: without
    the role, without a reason, for a case that is held already."""
    return _record(tx, engine, number, by, PLACED, reason, key)


def lift(tx: Transaction, engine: Engine, number: str, by: Actor, *, reason: str, key: str) -> Receipt:
    """Let the term of the case ``number`` count again. Raises as ``place`` does; Refused for a case that is not held."""
    return _record(tx, engine, number, by, LIFTED, reason, key)


def of_case(connection: Connection, number: str) -> Hold | None:
    """The hold that stands on a case."""
    newest = next(iter(trail.entries(connection, case=number, where=_either, limit=1)), None)
    return _hold(newest) if newest is not None and newest.event == PLACED else None


def standing(connection: Connection) -> Mapping[str, Hold]:
    """Every case under hold. Costs as much as there ever were holds."""
    newest: dict[str, Entry] = {}
    before = None
    while page := trail.entries(connection, where=_either, before=before, limit=PAGE):
        for one in page:
            newest.setdefault(str(one.said["case"]["number"]), one)
        before = page[-1].position
    return {number: _hold(one) for number, one in newest.items() if one.event == PLACED}


def _hold(placed: Entry) -> Hold:
    return Hold(placed.position, placed.at, str(placed.said["by"]["person"]), str(placed.said["comment"]))


def _record(tx: Transaction, engine: Engine, number: str, by: Actor, event: str, reason: str, key: str) -> Receipt:
    file = files.load(tx.connection, number, lock=True)
    definition = engine.definitions.get(tx.connection, file.definition).definition
    files.require_visible(file, definition, by)
    said = objections.tidy(reason)
    own_key, print_ = requests.key_of(by, key), requests.fingerprint(definition, {}, (), None, said, number, event)
    if (done := requests.repeated(tx.connection, own_key, print_)) is not None:
        return done
    place = by.role_for(HOLDS, file.organisations)
    reasons = [] if place is not None else [Reason(f"ROLE:{','.join(HOLDS)}")]
    reasons += [Reason("COMMENT_REQUIRED", "reason")] if said is None else list(objections.of_text_typed(said))
    if (of_case(tx.connection, number) is None) == (event == LIFTED):
        reasons.append(Reason("HOLD_NONE" if event == LIFTED else "HOLD_STANDS"))
    if reasons:
        raise refusal(reasons)
    after = replace(file, n=file.n + 1, changed_at=tx.now)
    return sealing.record(tx, file, after, event, by, place, comment=said, what={"request": print_}, key=own_key)
