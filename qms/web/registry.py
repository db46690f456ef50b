"""Who may use which address: every page and every verb of the API is declared here with a permission, or the door does not open at all.

A permission is the first, coarse question; the verb behind the address still judges organisation, role and separation of duties.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from qms.desk import staff
from qms.people.actor import Actor
from qms.people.sight import writes_documents

FORM = 1_000_000
"""Bytes of an ordinary form."""


class Permission(Enum):
    """Who is let in. The value is the word that the hand-kept table of the tests uses."""

    ANYONE = "anyone"
    SIGNED_IN = "signed in"
    READERS = "staff and auditors"
    STAFF = "staff"
    WRITERS = "writers of drafts"
    KEEPERS = "keepers of the directory"
    EXAMINERS = "auditors, quality and direction"
    WATCHERS = "staff, auditors and the system administrator"

    def admits(self, by: Actor | None) -> bool:
        """Whether ``by`` (None when nobody is signed in) is let in."""
        if self is Permission.ANYONE:
            return True
        return by is not None and _ADMITS[self](by)


_ADMITS: dict[Permission, Callable[[Actor], bool]] = {
    Permission.SIGNED_IN: lambda by: True,
    Permission.READERS: lambda by: by.kind in ("staff", "auditor"),
    Permission.STAFF: lambda by: by.kind == "staff",
    Permission.WRITERS: writes_documents,
    Permission.KEEPERS: staff.may_keep,
    Permission.EXAMINERS: lambda by: by.is_examiner or by.keeps(("QM", "TOP")),
    Permission.WATCHERS: lambda by: by.kind in ("staff", "auditor", "admin"),
}


@dataclass(frozen=True)
class Route:
    """One address of the pages. ``again`` draws the form anew when the act was refused; ``limit`` is the most bytes it takes."""

    method: str
    path: str
    permission: Permission
    handler: Callable[..., Any]
    again: Callable[..., Any] | None = None
    limit: int = FORM
    takes_files: bool = False
    is_for_programs: bool = False
    """No browser comes here and no cookie counts: who asks is told by a token, so no other site can borrow them."""


@dataclass(frozen=True)
class Verb:
    """One address of the JSON API; ``summary`` is a key of the catalogue, shown in OpenAPI and on its page."""

    method: str
    path: str
    permission: Permission
    handler: Callable[..., Any]
    room: str
    status: int = 200
    takes_files: bool = False
    options: dict[str, Any] = field(default_factory=dict)
