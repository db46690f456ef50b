"""The export for an auditor: sealed entries with what is needed to verify them alone, in one zip file.

It holds ``trail.jsonl`` (first line: origin, public key, checkpoints; then one entry a line), the evidence files asked for, the verifier
``verifica.py`` and a page that says how to use it. It grows with what is exported, never kept whole in memory.
"""

import base64
import json
import zipfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import IO

from sqlalchemy import Connection

from qms.errors import NotFound
from qms.library import Library
from qms.locale import say
from qms.records import checkpoints, evidence, seal, trail

CHECKPOINTS = 50
JOINT = "from qms.records.seal import"


def verifier() -> str:
    """The text of the verifier as one file: the arithmetic of ``seal`` followed by ``offline``, standard library only."""
    here = files(__package__)
    arithmetic = here.joinpath("seal.py").read_text(encoding="utf-8")
    rest = here.joinpath("offline.py").read_text(encoding="utf-8")
    return arithmetic + "\n\n" + "\n".join(line for line in rest.splitlines() if not line.startswith(JOINT)) + "\n"


def write(
    connection: Connection,
    target: IO[bytes],
    *,
    public_key: bytes,
    evidence_folder: Path,
    library: Library | None = None,
    case: str | None = None,
    with_evidence: bool = True,
    language: str = "it",
) -> int:
    """Write the export of the whole trail, or of one case with inclusion proofs; returns how many entries it holds."""
    note = trail.note_at_head(connection, public_key)
    size = seal.read_note(note).size
    names: set[str] = set()
    count = 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
        with package.open("trail.jsonl", "w", force_zip64=True) as lines:
            lines.write(_line(_header(connection, note, public_key, library, whole=case is None)))
            for one in _chosen(connection, case, size):
                count += 1
                row: dict[str, object] = {"position": one.position, "sealed": one.sealed}
                if case is not None:
                    path = seal.inclusion_proof(one.position - 1, size, trail.lookup(connection))
                    row["proof"] = [base64.b64encode(step).decode() for step in path]
                lines.write(_line(row))
                names.update(str(piece["sha256"]) for piece in one.said["evidence"])
        for sha256 in sorted(names) if with_evidence else ():
            _copy(package, evidence_folder, sha256)
        package.writestr("verifica.py", verifier())
        package.writestr("LEGGIMI.txt" if language == "it" else "README.txt", say(language, "export.readme"))
    return count


def _header(connection: Connection, note: str, public_key: bytes, library: Library | None, *, whole: bool) -> dict[str, object]:
    find, size = trail.lookup(connection), seal.read_note(note).size
    kept = []
    for known, text in checkpoints.latest(library, CHECKPOINTS) if library is not None else ():
        if 0 < known <= size:
            path = [] if whole else seal.consistency_proof(known, size, find)
            kept.append({"note": text, "proof": [base64.b64encode(step).decode() for step in path]})
    return {
        "v": 1,
        "origin": seal.read_note(note).origin,
        "public_key": base64.b64encode(public_key).decode(),
        "checkpoint": note,
        "checkpoints": kept,
        "whole": whole,
    }


def _chosen(connection: Connection, case: str | None, size: int) -> Iterator[trail.Entry]:
    if case is None:
        yield from trail.upwards(connection, size)
        return
    found = list(_all_of(connection, case))
    if not found:
        raise NotFound("case", case)
    yield from reversed(found)


def _all_of(connection: Connection, case: str) -> Iterator[trail.Entry]:
    before: int | None = None
    while page := trail.entries(connection, case=case, before=before, limit=500):
        yield from page
        before = page[-1].position


def _copy(package: zipfile.ZipFile, folder: Path, sha256: str) -> None:
    try:
        pieces = evidence.read(folder, sha256)
    except NotFound:
        return
    with package.open(f"evidence/{sha256}", "w", force_zip64=True) as file:
        for piece in pieces:
            file.write(piece)


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True).encode() + b"\n"
