"""Signing: a person proves again who they are, by password, at the moment of the act they sign (21 CFR 11.200, EU Annex 11 §14).

The check takes a fifth of a second by design, so it comes before any writing transaction, and only a few run at once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from qms.database import Database
from qms.errors import NotPermitted, Reason
from qms.people import sign_in
from qms.people.actor import Actor

LIFETIME = timedelta(minutes=1)


@dataclass(frozen=True)
class Proof:
    """That ``person`` gave their password at ``at``; good for one act within a minute."""

    person: str
    at: datetime

    def holds_for(self, actor: Actor, now: datetime) -> bool:
        """Whether this proof signs an act of ``actor`` at ``now``."""
        return self.person == actor.person and abs(now - self.at) <= LIFETIME


def prove(database: Database, actor: Actor, password: str) -> Proof:
    """Check ``password`` for the person who acts. Raises NotPermitted (``SIGNATURE:wrong_password``, ``SIGNATURE:wait``)."""
    now = database.clock()
    try:
        sign_in.check_password(database, actor.person, password, now)
    except NotPermitted as error:
        wait = any(reason.code == "SIGN_IN:wait" for reason in error.reasons)
        raise NotPermitted([Reason("SIGNATURE:wait" if wait else "SIGNATURE:wrong_password", "password")]) from error
    return Proof(actor.person, now)
