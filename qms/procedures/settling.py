"""Brings git's references to where the database says they are, and sounds the alarm when somebody moved one from outside.

The database decides; a reference is only its projection. After a crash a reference may lag behind: it is rolled forward. A commit that
nobody released is put aside under ``refs/qms/quarantine``, an alarm goes on the trail, and the service goes on. ISO 9001 §7.5.3.2.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

from qms.database import Database
from qms.library import MAIN, Library, RefMove
from qms.people.actor import SYSTEM
from qms.procedures import ledger
from qms.records import trail

OWN = ("refs/heads/", "refs/tags/", "refs/archive/")
NOT_OWN = ("refs/heads/checkpoints", "refs/heads/latest")
QUARANTINE = "refs/qms/quarantine"


@dataclass(frozen=True)
class Alarm:
    """A reference that was moved from outside: what was found, what the database wants, where the find was put aside."""

    ref: str
    found: str
    wanted: str | None
    quarantine: str | None


def settle(database: Database, library: Library) -> list[Alarm]:
    """Roll references forward and put foreign ones aside; call with the writer's lock held and no transaction begun."""
    ledger.require_writer(library)
    with database.reading() as connection:
        wanted = ledger.targets(connection)
    found = own_refs(library)
    if found == wanted:
        return []
    alarms = [_put_aside(library, ref, found[ref], wanted.get(ref)) for ref in _foreign(library, found, wanted)]
    if alarms:
        with database.writing() as tx:
            for alarm in alarms:
                trail.append(tx, trail.Act(event="library-alarm", by=SYSTEM, role=None, organisation=None, what=dict(alarm.__dict__)))
    _project(library, found, wanted)
    return alarms


def own_refs(library: Library) -> dict[str, str]:
    """The references that the database decides about, as git has them."""
    return {ref: target for ref, target in library.refs().items() if ref.startswith(OWN) and ref not in NOT_OWN}


def refs_as_seen(connection: Connection, library: Library) -> dict[str, str]:
    """The same at the moment when the view of ``connection`` begins: nobody moves one between the two."""
    with library.writer():
        ledger.target(connection, MAIN)
        return own_refs(library)


def _foreign(library: Library, found: dict[str, str], wanted: dict[str, str]) -> Iterator[str]:
    """References that no lost step of ours explains."""
    for ref, here in sorted(found.items()):
        goal = wanted.get(ref)
        if here == goal or not library.exists(here):
            continue
        if goal is not None and not ref.startswith("refs/tags/") and library.is_ancestor(here, goal):
            continue
        archived = wanted.get(ref.replace("refs/heads/", "refs/archive/", 1))
        reopened = wanted.get(ref.replace("refs/archive/", "refs/heads/", 1))
        if goal is None and here in (archived, reopened):
            continue
        yield ref


def _put_aside(library: Library, ref: str, found: str, wanted: str | None) -> Alarm:
    kept = library.refs(QUARANTINE)
    place = next((name for name, target in kept.items() if target == found), None)
    if place is None:
        place = f"{QUARANTINE}/{len(kept) + 1}"
        library.move([RefMove(place, found, None)])
    return Alarm(ref, found, wanted, place)


def _project(library: Library, found: dict[str, str], wanted: dict[str, str]) -> None:
    library.clear_stale_locks()
    for ref in found.keys() - wanted.keys():
        library.drop(ref)
    for ref, goal in wanted.items():
        if found.get(ref) != goal:
            library.force(ref, goal)
