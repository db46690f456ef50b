"""Checkpoints: signed statements of how long the trail is and what it adds up to, that leave the building.

They stand on their own branch of the library, one file each, so that everyone who clones the library holds them. Whoever keeps one can
show later that nothing up to it was rewritten, even by somebody with the signing key.
"""

import base64
from collections.abc import Mapping

from sqlalchemy import Connection

from qms.database import Database
from qms.errors import BadContent, Problem
from qms.library import Library, RefMove
from qms.records import keys, seal, trail

BRANCH = "refs/heads/checkpoints"
FOLDER = "checkpoints"


def publish(database: Database, library: Library, public_key: bytes) -> str | None:
    """Put the trail's present checkpoint on the branch; returns the note, None when that very one stands there already."""
    with library.writer():
        with database.reading() as connection:
            note = trail.note_at_head(connection, public_key)
        size = seal.read_note(note).size
        path = f"{FOLDER}/{size:012d}.txt"
        former = library.refs(BRANCH).get(BRANCH)
        if former is not None and library.blob_at(former, path) is not None:
            return None
        content = note.encode()
        commit = library.commit(
            former, {path: library.write_blob(content)}, f"Checkpoint at {size} entries", "qms", database.clock(), blobs=[content]
        )
        library.move([RefMove(BRANCH, commit, former)])
    return note


def published(library: Library) -> dict[int, str]:
    """Every checkpoint on the branch: number of entries → where its text is kept."""
    tip = library.refs(BRANCH).get(BRANCH)
    if tip is None:
        return {}
    found = {}
    for path, blob in library.tree(tip, FOLDER).items():
        stem = path.removeprefix(f"{FOLDER}/").removesuffix(".txt")
        if stem.isdigit():
            found[int(stem)] = blob
    return found


def latest(library: Library, limit: int = 20) -> list[tuple[int, str]]:
    """The newest checkpoints as (number of entries, note)."""
    found = published(library)
    return [(size, library.read(found[size]).decode("utf-8", "replace")) for size in sorted(found, reverse=True)[:limit]]


def roots(notes: Mapping[str, str], public_key: bytes) -> dict[int, bytes]:
    """What checkpoints say: number of entries → root. ``notes`` maps a place to a text. Raises BadContent for any that is not ours."""
    said, problems = {}, []
    for place, text in notes.items():
        try:
            note = seal.read_note(text)
        except ValueError as error:
            problems.append(Problem(place, 0, "checkpoint.malformed", {"detail": str(error)}))
            continue
        mine = seal.key_id(note.origin, public_key)
        if not any(key == mine and keys.verifies(public_key, note.body.encode(), made) for _, key, made in note.signatures):
            problems.append(Problem(place, 0, "checkpoint.signature"))
        else:
            said[note.size] = note.root
    if problems:
        raise BadContent(problems)
    return said


def proof(connection: Connection, position: int, public_key: bytes) -> str:
    """A receipt that verifies alone: C2SP ``tlog-proof`` with the leaf's index, its path and the trail's present checkpoint."""
    trail.entry(connection, position)
    note = trail.note_at_head(connection, public_key)
    size = seal.read_note(note).size
    path = seal.inclusion_proof(position - 1, size, trail.lookup(connection))
    lines = ["c2sp.org/tlog-proof@v1", f"index {position - 1}", *(base64.b64encode(step).decode() for step in path), "", note]
    return "\n".join(lines)
