"""A controlled document that is not Markdown: a form in a spreadsheet, a signed original that was scanned, a law in PDF.

The text of the document names the file by its hash, so whoever approves the text approves the very file. The file is kept with the evidence
and named by the entry that brought it, and every verification reads it again. ISO 9001 §7.5.3.
"""

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from qms.errors import NotFound
from qms.formats import names
from qms.records import evidence, trail
from qms.records.evidence import Stored

SHA256 = re.compile(r"[0-9a-f]{64}")
SIZE = re.compile(r"[1-9][0-9]{0,11}")
SLOT, BROUGHT = "file", "draft-saved"
KEYS = ("name", "sha256", "size")


@dataclass(frozen=True)
class ControlledFile:
    """The file that a document is: the name it is given back under, its hash and its bytes."""

    name: str
    sha256: str
    size: int


def wrong(key: str, value: str) -> bool:
    """Whether ``value`` cannot stand for ``key`` of a file in the head of a document."""
    if key == "sha256":
        return SHA256.fullmatch(value) is None
    if key == "size":
        return SIZE.fullmatch(value) is None
    return names.clean(value) != value or value.rpartition(".")[2].lower() not in evidence.TYPES


def written_into(text: str, stored: Stored) -> str:
    """``text`` with ``stored`` as the file its head names, in place of the one it named before."""
    quoted = stored.name.replace("\\", "\\\\").replace('"', '\\"')
    line = f'file: {{name: "{quoted}", sha256: "{stored.sha256}", size: {stored.size}}}'
    lines = text.replace("\r\n", "\n").split("\n")
    end = next((place for place, one in enumerate(lines[1:], 1) if one.rstrip() == "---"), None)
    if lines[0].rstrip() != "---" or end is None:
        return text
    start = next((place for place in range(1, end) if lines[place].startswith("file:")), end)
    after = start + 1 if start < end else end
    while start < after < end and lines[after].startswith((" ", "\t", "}")):
        after += 1
    return "\n".join([*lines[:start], line, *lines[after:]])


def sealed(stored: Stored) -> dict[str, Any]:
    """How the entry that brings a file names it."""
    return {"slot": SLOT, "sha256": stored.sha256, "size": stored.size, "type": stored.type, "name": stored.name}


def is_kept(connection: Connection, key: str, sha256: str) -> bool:
    """Whether some entry about the document ``key`` brought this file: the file of anything else is not this document's to give."""
    before: int | None = None
    while True:
        page = trail.entries(connection, document=key, event=BROUGHT, before=before, limit=100)
        if any(piece["sha256"] == sha256 and piece["slot"] == SLOT for one in page for piece in one.said["evidence"]):
            return True
        if len(page) < 100:
            return False
        before = page[-1].position


def require_kept(connection: Connection, key: str, file: ControlledFile | None) -> ControlledFile:
    """The file of a document, when there is one and it was kept. Raises NotFound."""
    if file is None or not is_kept(connection, key, file.sha256):
        raise NotFound("file", key)
    return file
