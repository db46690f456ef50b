"""Reads an export on an auditor's machine, zip or folder, believing nothing of it: every size is bounded, every shape looked at."""

import base64
import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from qms.records.seal import read_note

LONGEST_LINE = 64_000_000
HEADER = {"v": int, "origin": str, "public_key": str, "checkpoint": str, "whole": bool, "checkpoints": list, "with_evidence": bool}


class Unreadable(Exception):
    """The export is not what it should be; says where."""


class Export:
    """An export on disk, zip or folder: its header, its lines, its evidence files."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._zip = zipfile.ZipFile(place) if place.is_file() else None
        self.header = next(self.lines(), {})
        if any(type(self.header.get(name)) is not kind for name, kind in HEADER.items()) or self.header["v"] != 1:
            raise Unreadable("trail.jsonl:1")
        try:
            self.key = base64.b64decode(self.header["public_key"], validate=True)
            self.note = read_note(self.header["checkpoint"])
            self.published = [(read_note(one["note"]), hashes(one["proof"])) for one in self.header["checkpoints"]]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unreadable("trail.jsonl:1") from error

    def lines(self) -> Iterator[dict[str, Any]]:
        """The header and then the entries, one JSON object a line. Raises Unreadable."""
        with self._open("trail.jsonl") as file:
            number = 0
            while line := file.readline(LONGEST_LINE):
                number += 1
                try:
                    value = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise Unreadable(f"trail.jsonl:{number}") from error
                if not isinstance(value, dict):
                    raise Unreadable(f"trail.jsonl:{number}")
                yield value

    def evidence(self, sha256: str) -> bool | None:
        """Whether the file hashes to its name; None when it is not in the export."""
        digest = hashlib.sha256()
        try:
            with self._open(f"evidence/{sha256}") as file:
                while piece := file.read(1 << 16):
                    digest.update(piece)
        except (KeyError, FileNotFoundError):
            return None
        except (OSError, zlib.error, zipfile.BadZipFile, EOFError):
            return False
        return digest.hexdigest() == sha256

    def _open(self, name: str) -> IO[bytes]:
        if self._zip is not None:
            return self._zip.open(name)
        return (self._place / name).open("rb")


def hashes(steps: Any) -> list[bytes]:
    """The hashes of a proof. Raises ValueError when it is none."""
    if not isinstance(steps, list) or len(steps) > 200:
        raise ValueError("a proof is a list of hashes")
    found = [base64.b64decode(step, validate=True) for step in steps]
    if any(len(one) != 32 for one in found):
        raise ValueError("a hash has 32 bytes")
    return found
