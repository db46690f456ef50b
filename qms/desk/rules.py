"""The rules that stand in files beside the database: what each hat is worth, and the settings that steps obey.

Whoever can write those files can make anybody Direzione. So what they say is on the trail, and a change made between two starts of the
program becomes an entry at the next one (ISO 9001, 5.3 and 7.5.3.2).
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from qms.database import Database, Transaction
from qms.people.actor import SYSTEM
from qms.people.hats import Hats
from qms.records import trail
from qms.settings import Settings

EVENT = "rules-changed"


def record(tx: Transaction, settings: Settings, hats: Hats) -> None:
    """Put on the trail what the files say now."""
    trail.append(tx, trail.Act(EVENT, SYSTEM, what=_said(settings, hats)))


def keep(database: Database, settings: Settings, hats: Hats) -> None:
    """At start-up: record the rules when they are not those recorded last."""
    with database.reading() as connection:
        if _recorded(connection) == _said(settings, hats):
            return
    with database.writing() as tx:
        if _recorded(tx.connection) != _said(settings, hats):
            record(tx, settings, hats)


def _recorded(connection: Connection) -> Mapping[str, Any] | None:
    found = trail.entries(connection, event=EVENT, limit=1)
    return found[0].said["what"] if found else None


def _said(settings: Settings, hats: Hats) -> dict[str, Any]:
    return {
        "hats": {hat.id: {"kind": hat.kind, "roles": sorted(hat.roles)} for hat in hats.hats.values()},
        "settings": {
            "organisation": settings.organisation,
            "profile": settings.profile,
            "timezone": settings.timezone,
            "patron_day": settings.patron_day,
            "checked_types": sorted(settings.checked_types),
            "max_evidence_bytes": settings.max_evidence_bytes,
        },
    }
