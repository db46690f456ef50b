"""The export for an auditor: sealed entries with what is needed to verify them alone, in one zip file.

It holds ``trail.jsonl`` (first line: origin, public key, checkpoints; then one entry a line), the evidence files asked for, the verifier
``verifica.py`` and a page in each language that says how to use it. Entries stand in it as they were sealed and nothing else does: no
personal value, no name of a file. It is written as it is read, so its size is bounded by the disk and not by the memory.
"""

import base64
import json
import zipfile
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection

from qms.errors import NotFound
from qms.library import Library
from qms.locale import LANGUAGES, say
from qms.records import checkpoints, evidence, offline, seal, trail

CHECKPOINTS = 50
PAGES = {"it": "LEGGIMI.txt", "en": "README.txt"}


@dataclass(frozen=True)
class Choice:
    """What to export: everything, one case, or the entries from ``first`` to ``last``. Parts carry a proof with every entry."""

    case: str | None = None
    first: int = 1
    last: int | None = None

    @property
    def is_whole(self) -> bool:
        return self.case is None and self.first <= 1 and self.last is None


EVERYTHING = Choice()


def write(
    connection: Connection,
    target: IO[bytes],
    *,
    public_key: bytes,
    evidence_folder: Path,
    library: Library | None = None,
    choice: Choice = EVERYTHING,
    with_evidence: bool = True,
    without: Collection[str] = (),
    held: Collection[str] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Write an export to ``target``, which need not be seekable; returns how many entries it holds.

    The evidence goes along but for the files ``without``, by hash, which are not for whoever takes the export. ``held`` are checkpoints
    an auditor keeps, for which a part is to carry proof. Raises NotFound when the choice is empty, BadContent for a text that is no
    checkpoint, TrailBroken when the trail cannot prove what it says.
    """
    text = trail.note_at_head(connection, public_key)
    note, find, names, count = seal.read_note(text), trail.lookup(connection), set[str](), 0
    header = _header(text, choice, public_key, _known(library, held, note.size), find) | {"with_evidence": with_evidence and not without}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
        with package.open("trail.jsonl", "w", force_zip64=True) as lines:
            lines.write(_line(header))
            for one in _chosen(connection, choice, note.size):
                count += 1
                lines.write(_line(_row(one, None if choice.is_whole else note.size, find)))
                if with_evidence:
                    names.update(str(piece["sha256"]) for piece in one.said["evidence"])
                progress(one.position, note.size)
        for sha256 in sorted(names.difference(without)):
            _copy(package, evidence_folder, sha256)
        package.writestr("verifica.py", offline.joined())
        for language in LANGUAGES:
            package.writestr(PAGES[language], say(language, "export.readme"))
    if count == 0 and not choice.is_whole:
        raise NotFound("case" if choice.case else "record", choice.case or f"#{choice.first}")
    return count


def page(connection: Connection, *, public_key: bytes, after: int = 0, limit: int = 200, case: str | None = None) -> dict[str, Any]:
    """One page of the export as JSON: entries above position ``after`` with their proofs, and the checkpoint these lead to.

    ``next`` is the position to go on from, None on the last page.
    """
    text = trail.note_at_head(connection, public_key)
    size, find = seal.read_note(text).size, trail.lookup(connection)
    found: list[trail.Entry] = []
    for one in _chosen(connection, Choice(case, first=after + 1), size):
        found.append(one)
        if len(found) > limit:
            break
    rows = [_row(one, size, find) for one in found[:limit]]
    return {"checkpoint": text, "entries": rows, "next": found[limit - 1].position if len(found) > limit else None}


def _header(text: str, choice: Choice, public_key: bytes, known: dict[int, str], find: seal.Lookup) -> dict[str, object]:
    note, kept = seal.read_note(text), []
    for size in sorted(known):
        path = [] if choice.is_whole or size == 0 else seal.consistency_proof(size, note.size, find)
        kept.append({"note": known[size], "proof": _encoded(path)})
    return {
        "v": 1,
        "origin": note.origin,
        "public_key": base64.b64encode(public_key).decode(),
        "checkpoint": text,
        "checkpoints": kept,
        "whole": choice.is_whole,
        "case": choice.case,
        "first": choice.first,
    }


def _known(library: Library | None, held: Collection[str], size: int) -> dict[int, str]:
    """The checkpoints that go along: those published last, and those an auditor holds."""
    texts = [text for _, text in checkpoints.latest(library, CHECKPOINTS)] if library is not None else []
    found = {checkpoints.read(text).size: text for text in (*held, *texts)}
    return {known: text for known, text in found.items() if 0 < known <= size}


def _row(one: trail.Entry, size: int | None, find: seal.Lookup) -> dict[str, object]:
    row: dict[str, object] = {"position": one.position, "sealed": one.sealed}
    return row if size is None else {**row, "proof": _encoded(seal.inclusion_proof(one.position - 1, size, find))}


def _chosen(connection: Connection, choice: Choice, size: int) -> Iterator[trail.Entry]:
    last = size if choice.last is None else min(choice.last, size)
    return trail.upwards(connection, last, first=max(choice.first, 1), case=choice.case)


def _encoded(path: list[bytes]) -> list[str]:
    return [base64.b64encode(step).decode() for step in path]


def _copy(package: zipfile.ZipFile, folder: Path, sha256: str) -> None:
    """Put a file along; one that is lost stays out, and the verifier names it."""
    try:
        pieces = evidence.read(folder, sha256)
    except NotFound:
        return
    with package.open(f"evidence/{sha256}", "w", force_zip64=True) as file:
        for piece in pieces:
            file.write(piece)


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True).encode() + b"\n"
