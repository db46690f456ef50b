"""Verification across the rooms: one record with its checks, or the whole system (ISO 9001, 7.5.3; 9.2).

The trail is recomputed from its sealed texts; then each room rebuilds its working copies from the trail and says what differs.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from sqlalchemy import Connection

from qms.desk import notices, staff
from qms.errors import NotFound, TrailBroken
from qms.library import Library
from qms.procedures import control
from qms.records import checkpoints, trail, verify
from qms.records.verify import Check, Ground
from qms.settings import Settings
from qms.workflows import case
from qms.workflows.engine import Engine

Progress = Callable[[int, int], None]


class Whole(Protocol):
    """What verification needs of the assembled program."""

    @property
    def settings(self) -> Settings: ...
    @property
    def library(self) -> Library: ...
    @property
    def engine(self) -> Engine: ...
    @property
    def public_key(self) -> bytes: ...


def ground(whole: Whole, held: Mapping[str, str] | None = None) -> Ground:
    """What the checks stand on: the workspace's key and evidence, the published checkpoints, and those ``held`` outside (place → note)."""
    return Ground(whole.public_key, whole.settings.evidence, checkpoints.texts(whole.library), held or {})


def everything(
    connection: Connection, whole: Whole, held: Mapping[str, str] | None = None, progress: Progress = lambda done, total: None
) -> Iterator[Check]:
    """Every check there is: the trail, then persons, cases, register and library against it. A damaged trail that a room cannot replay
    yields a failed ``replay`` and the other rooms are still asked."""
    stands, refs = ground(whole, held), control.refs_as_seen(connection, whole.library)
    yield from verify.verify_trail(connection, stands, progress)
    rooms: tuple[tuple[str, Callable[[], Iterator[Check]]], ...] = (
        ("people", lambda: staff.compare(connection)),
        ("cases", lambda: case.compare(connection, whole.engine)),
        ("notices", lambda: notices.compare(connection)),
        ("register", lambda: control.compare(connection, whole.library, refs)),
    )
    for name, compare in rooms:
        try:
            yield from compare()
        except (KeyError, TypeError, ValueError, AttributeError, NotFound, TrailBroken) as error:
            yield Check("replay", False, name, {"place": name, "problem": f"{type(error).__name__} {error}"})


def examine(connection: Connection, whole: Whole, position: int) -> list[Check]:
    """The checks of one record, whatever the length of the trail and whatever became of the record. Raises NotFound."""
    said = trail.entry(connection, position, damaged=True).said
    newest = {checkpoints.path_of(size): note for size, note in checkpoints.latest(whole.library, 1)}
    return [
        *verify.verify_entry(connection, position, Ground(whole.public_key, whole.settings.evidence, newest)),
        *_definition(connection, whole, said),
        *_text(whole.library, said),
    ]


def _definition(connection: Connection, whole: Whole, said: Mapping[str, Any]) -> list[Check]:
    digest = (said["case"] or {}).get("definition")
    if digest is None:
        return []
    try:
        found = whole.engine.definitions.get(connection, digest).definition.digest == digest
    except NotFound:
        found = False
    return [Check("definition", found, digest[:12], {"place": digest[:12], "problem": "definition"})]


def _text(library: Library, said: Mapping[str, Any]) -> list[Check]:
    document = said["document"] or {}
    blob, commit, path = (document.get(name) for name in ("blob", "commit", "path"))
    if blob is None:
        return []
    try:
        library.read(blob)
        found = not (commit and path) or library.blob_at(commit, path) == blob
    except NotFound:
        found = False
    return [Check("text", found, str(document.get("code") or document.get("key")), {"place": document.get("key"), "problem": blob[:12]})]
