"""Who wrote, checked and approved a revision: the three hands that a header block names, read from the trail (ISO 9001, 7.5.2 c)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qms.errors import NotFound
from qms.people import directory
from qms.procedures import control
from qms.procedures.register import Revision
from qms.records import trail
from qms.records.trail import Entry


@dataclass(frozen=True)
class Hand:
    """One person's part in a revision. ``at`` is None for those who only wrote."""

    name: str
    role: str | None
    at: Any


@dataclass(frozen=True)
class Hands:
    written: tuple[Hand, ...]
    checked: tuple[Hand, ...]
    approved: tuple[Hand, ...]


def of_revision(connection: Any, found: Revision) -> Hands:
    """Read the hands of one revision; an adopted one has only the person who took it in."""
    if found.case_number is None:
        taken = trail.entries(connection, document=found.key, event="document-adopted", limit=1, damaged=True)
        return Hands((), (), tuple(_hand(entry) for entry in taken))
    bound = [entry for entry in _of_case(connection, found.case_number) if (entry.said["document"] or {}).get("blob") == found.blob]
    approved = [entry for entry in bound if (entry.said["document"] or {}).get("tag") == found.tag and entry.said["signature"]]
    checked = [entry for entry in bound if entry not in approved and (entry.said["document"] or {}).get("scheme")]
    return Hands(_authors(connection, found.case_number), tuple(map(_hand, reversed(checked[:3]))), tuple(map(_hand, approved[:1])))


def _of_case(connection: Any, number: str) -> Sequence[Entry]:
    return trail.entries(connection, case=number, limit=200, damaged=True)


def _authors(connection: Any, number: str) -> tuple[Hand, ...]:
    try:
        authors = control.draft_of_case(connection, number).authors
    except NotFound:
        return ()
    names = directory.names(connection, authors)
    return tuple(Hand(names.get(person, person), None, None) for person in authors)


def _hand(entry: Entry) -> Hand:
    by = entry.said["by"]
    return Hand(by["name"] or by["person"], by["role"], entry.at)
