"""Looks again, a part each night, at the files that the trail names: whether each is here and still what was sealed (ISO 9001, 7.5.3.1 b).

A part is a stretch of the trail, the next one each night, which goes on from the beginning when it comes to the end. So every file comes
round, also one that is lost, and a night costs the same however long the trail is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from sqlalchemy import Connection

from qms.database import Transaction
from qms.people.actor import SYSTEM
from qms.records import trail
from qms.records.check import is_intact
from qms.records.tables import entry as entry_table
from qms.records.trail import Act, Entry

EVENT = "evidence-sampled"
STRETCH = 2_000
BATCH = 200
MOST_FILES = 300
MOST_BYTES = 500_000_000
MOST_DAMAGED = 20


@dataclass(frozen=True)
class Damaged:
    """A file that is gone or is not what was sealed with the entry ``position``."""

    position: int
    case: str | None
    sha256: str


@dataclass(frozen=True)
class Sample:
    """What one night looked at: the entries from ``first`` up to ``through``, by way of the trail's end where that is the smaller one."""

    first: int
    through: int
    files: int
    damaged: tuple[Damaged, ...]


def last(connection: Connection) -> Entry | None:
    """The entry of the newest night."""
    return next(iter(trail.entries(connection, event=EVENT, limit=1)), None)


def sample(connection: Connection, folder: Path, most_files: int = MOST_FILES) -> Sample:
    """Look at the next stretch, up to ``most_files`` files; at more only where a single entry has them."""
    newest, size = last(connection), trail.size(connection)
    done = int(newest.said["what"]["through"]) if newest is not None else 0
    start = done if done < size else 0
    through, seen, read, damaged = start, set[str](), 0, list[Damaged]()
    end = min(size, start + STRETCH)
    again = min(start, STRETCH - (end - start))
    for one in chain(_upwards(connection, start, end), _upwards(connection, 0, again)):
        if len(seen) >= most_files or read >= MOST_BYTES or len(damaged) >= MOST_DAMAGED:
            break
        through = one.position
        for piece in () if one.is_damaged else one.said["evidence"]:
            sha256 = str(piece["sha256"])
            if sha256 in seen:
                continue
            seen.add(sha256)
            read += int(piece.get("size") or 0)
            if not is_intact(folder, sha256):
                damaged.append(Damaged(one.position, (one.said["case"] or {}).get("number"), sha256))
    return Sample(start + 1, through, len(seen), tuple(damaged))


def record(tx: Transaction, done: Sample) -> None:
    """Put on the trail what a night looked at and found: the next one goes on from there."""
    damaged = [{"position": one.position, "sha256": one.sha256} for one in done.damaged]
    what = {"first": done.first, "through": done.through, "files": done.files, "damaged": damaged}
    trail.append(tx, Act(EVENT, SYSTEM, "SYS", None, what=what))


def _upwards(connection: Connection, after: int, to: int) -> Iterator[Entry]:
    """Entries oldest first. One that cannot be read is passed over here: verification of the trail names it."""
    row = entry_table.c.position
    for start in range(after, to, BATCH):
        found = trail.entries(connection, where=[row > start, row <= min(start + BATCH, to)], limit=BATCH, damaged=True)
        yield from reversed(found)
