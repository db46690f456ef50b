"""What a verification says, one check at a time, and the judgements that the check of one entry shares with the walk over all of them."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from qms.errors import NotFound
from qms.records import evidence, keys, personal, seal, trail
from qms.records.tables import entry as entry_table

DAMAGED = (KeyError, TypeError, AttributeError, ValueError, IndexError)
"""What reading a tampered row can raise: whatever stands there, the answer is that it does not fit."""


@dataclass(frozen=True)
class Check:
    """One thing that was verified: its name (the catalogue knows a sentence for passed and for failed), and the place it speaks of."""

    name: str
    passed: bool
    place: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ground:
    """What the checks stand on: the public key, where evidence lies, and checkpoints to compare with, as place → text of the note.

    ``published`` are those on the library's branch, ``held`` those somebody kept elsewhere and hands in.
    """

    public_key: bytes
    evidence: Path
    published: Mapping[str, str] = field(default_factory=dict)
    held: Mapping[str, str] = field(default_factory=dict)


Progress = Callable[[int, int], None]


def failed(name: str, place: int | str, problem: str) -> Check:
    """A check that did not pass, at ``#place`` when that is a position."""
    where = f"#{place}" if isinstance(place, int) else place
    return Check(name, False, where, {"place": where, "problem": problem})


def wrong_columns(row: Mapping[str, Any], said: Mapping[str, Any]) -> list[str]:
    """The searchable copies in ``row`` that are not what was sealed."""
    return [name for name, value in trail.columns(said).items() if row[name] != value or type(row[name]) is not type(value)]


def read(sealed: object) -> dict[str, Any] | None:
    """What sealed text says; None when it is not in the one form that is sealed."""
    try:
        said = json.loads(sealed) if isinstance(sealed, str) else None
        return said if isinstance(said, dict) and said["v"] == 1 and seal.canonical(said) == sealed else None
    except (*DAMAGED, RecursionError):
        return None


def is_signed(public_key: bytes, body: str, signature: object) -> bool:
    """Whether ``signature`` is the one text of a signature over ``body``."""
    try:
        raw = base64.b64decode(str(signature), validate=True)
        return base64.b64encode(raw).decode() == signature and keys.verifies(public_key, body.encode(), raw)
    except ValueError:
        return False


def is_intact(folder: Path, sha256: object) -> bool:
    """Whether the evidence file is here and hashes to its name."""
    try:
        return evidence.intact(folder, str(sha256))
    except (NotFound, OSError):
        return False


def marks(said: object) -> Iterator[Mapping[str, str]]:
    """Every mark of a personal value within what was read from a seal."""
    if isinstance(said, dict) and personal.is_mark(said):
        yield said
    elif isinstance(said, (dict, list)):
        for value in said.values() if isinstance(said, dict) else said:
            if isinstance(value, (dict, list)):
                yield from marks(value)


def personal_problems(
    connection: Connection, found: list[Mapping[str, str]], lost: Callable[[set[str]], set[str]]
) -> list[tuple[str, str]]:
    """The marks whose kept value is not the one sealed, or is gone: (ref, problem). ``lost`` says which of the refs may not be gone."""
    rows = personal.kept(connection, {str(mark["ref"]) for mark in found})
    gone = lost({str(mark["ref"]) for mark in found} - rows.keys())
    problems = [(ref, "missing") for ref in sorted(gone)]
    for mark in found:
        row = rows.get(str(mark["ref"]))
        if row is not None and not personal.fits(mark, *row):
            problems.append((str(mark["ref"]), "changed"))
    return problems


def erased(connection: Connection) -> set[str]:
    """The refs of personal values that were erased on purpose: each erasure is an entry of its own."""
    rows = connection.execute(select(entry_table.c.sealed).where(entry_table.c.event == personal.ERASED)).scalars()
    return {str(ref) for sealed in rows for ref in ((read(sealed) or {}).get("what") or {}).get("refs", [])}
