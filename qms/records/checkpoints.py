"""Checkpoints: signed statements of how long the trail is and what it adds up to, that leave the building.

They stand on their own branch of the library, one file each, so that everyone who clones the library holds them. Whoever keeps one can
show later that nothing up to it was rewritten, even by somebody with the signing key.
"""

import base64
import re
from collections.abc import Mapping

from sqlalchemy import Connection

from qms.database import Database
from qms.errors import BadContent, Problem, TrailBroken
from qms.library import Library, RefMove, blob_id
from qms.records import keys, seal, trail

BRANCH = "refs/heads/checkpoints"
FOLDER = "checkpoints"
SHELF = 10_000
"""Entries to a sub-folder: a commit writes the folders on its path anew, and they must stay small."""
HEADLINE = re.compile(r"Checkpoint at ([0-9]{1,18}) entries")


def publish(database: Database, library: Library, public_key: bytes) -> str | None:
    """Put the trail's present checkpoint on the branch; returns the note, None when that very one stands there already.

    Raises TrailBroken when the trail does not continue the one published last: a rewritten trail gets no new checkpoint.
    """
    with library.writer():
        former = library.refs(BRANCH).get(BRANCH)
        last = latest(library, 1)
        with database.reading() as connection:
            note = trail.note_at_head(connection, public_key)
            if last and not agrees(connection, last[0][1], public_key):
                raise TrailBroken(last[0][0], "the trail does not continue its last published checkpoint")
        size, content = seal.read_note(note).size, note.encode()
        if last and last[0][0] == size:
            return None
        changes = {path_of(size): blob_id(content)}
        commit = library.commit(former, changes, f"Checkpoint at {size} entries", "qms", database.clock(), blobs=[content])
        library.move([RefMove(BRANCH, commit, former)])
    return note


def agrees(connection: Connection, text: str, public_key: bytes) -> bool:
    """Whether the trail as it stands continues the checkpoint ``text``, which may have been kept anywhere."""
    try:
        note = seal.read_note(text)
        if not signed(note, public_key) or note.size > trail.size(connection):
            return False
        return note.root == (seal.subtree(0, note.size, trail.lookup(connection)) if note.size else seal.empty_root())
    except (ValueError, TrailBroken):
        return False


def signed(note: seal.Note, public_key: bytes) -> bool:
    """Whether one of the note's signature lines is ours and fits."""
    mine = seal.key_id(note.origin, public_key)
    lines = [made for name, key, made in note.signatures if (name, key) == (note.origin, mine)]
    return any(keys.verifies(public_key, note.body.encode(), made) for made in lines)


def published(library: Library) -> dict[int, str]:
    """Every checkpoint on the branch: number of entries → where its text is kept."""
    tip = library.refs(BRANCH).get(BRANCH)
    if tip is None:
        return {}
    found = {}
    for path, blob in library.tree(tip, FOLDER).items():
        stem = path.rpartition("/")[2].removesuffix(".txt")
        if stem.isdigit():
            found[int(stem)] = blob
    return found


def texts(library: Library) -> dict[str, str]:
    """Every published checkpoint: where it stands on the branch → its text."""
    return {path_of(size): library.read(blob).decode("utf-8", "replace") for size, blob in sorted(published(library).items())}


def latest(library: Library, limit: int = 20) -> list[tuple[int, str]]:
    """The newest checkpoints as (number of entries, note), read from as many commits and no more."""
    tip = library.refs(BRANCH).get(BRANCH)
    found = []
    for commit in library.log(tip, limit) if tip is not None else ():
        said = HEADLINE.match(commit.message)
        blob = library.blob_at(commit.id, path_of(int(said[1]))) if said else None
        if said and blob is not None:
            found.append((int(said[1]), library.read(blob).decode("utf-8", "replace")))
    return found


def path_of(size: int) -> str:
    """Where the checkpoint at ``size`` entries stands on the branch."""
    return f"{FOLDER}/{size // SHELF:08d}/{size:012d}.txt"


def roots(notes: Mapping[str, str], public_key: bytes) -> dict[int, bytes]:
    """What checkpoints say: number of entries → root. ``notes`` maps a place to a text. Raises BadContent for any that is not ours."""
    said: dict[int, bytes] = {}
    problems: list[Problem] = []
    for place, text in notes.items():
        try:
            note = read(text, place)
        except BadContent as error:
            problems += error.problems
            continue
        if signed(note, public_key):
            said[note.size] = note.root
        else:
            problems.append(Problem(place, 0, "checkpoint.signature"))
    if problems:
        raise BadContent(problems)
    return said


def read(text: str, place: str = "checkpoint") -> seal.Note:
    """What a checkpoint says. Raises BadContent when it is none."""
    try:
        return seal.read_note(text)
    except ValueError as error:
        raise BadContent([Problem(place, 0, "checkpoint.malformed", {"detail": str(error)})]) from error


def proof(connection: Connection, position: int, public_key: bytes) -> str:
    """A receipt that verifies alone: C2SP ``tlog-proof`` with the leaf's index, its path and the trail's present checkpoint."""
    trail.entry(connection, position)
    note = trail.note_at_head(connection, public_key)
    size = seal.read_note(note).size
    path = seal.inclusion_proof(position - 1, size, trail.lookup(connection))
    lines = ["c2sp.org/tlog-proof@v1", f"index {position - 1}", *(base64.b64encode(step).decode() for step in path), "", note]
    return "\n".join(lines)
