"""Evidence files: what people attach, kept once under the hash of its content and never changed (ISO 9001, 7.5.3).

A file is on disk, whole and flushed, before any entry names it; a crash before that leaves only a file that nobody names.
"""

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import puremagic

from qms.errors import Incomplete, NotFound, Reason
from qms.formats import names

CHUNK = 1 << 16
TYPES = {
    "pdf": "application/pdf",
    "p7m": "application/pkcs7-mime",
    "xml": "application/xml",
    "json": "application/json",
    "csv": "text/csv",
    "txt": "text/plain",
    "md": "text/markdown",
    "yaml": "application/yaml",
    "eml": "message/rfc822",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "svg": "image/svg+xml",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "zip": "application/zip",
}
"""What may be attached, by the ending of its name. All of it is only ever given back as a download."""

_JPEG, _TIFF, _PACKED = (b"\xff\xd8\xff",), (b"II*\0", b"MM\0*"), (b"PK\x03\x04", b"PK\x05\x06")
_BEGINNINGS = {
    "pdf": (b"%PDF-",), "png": (b"\x89PNG",), "jpg": _JPEG, "jpeg": _JPEG, "tif": _TIFF, "tiff": _TIFF, "p7m": (b"0", b"MI", b"-----BEGIN"),
    "docx": _PACKED, "xlsx": _PACKED, "odt": _PACKED, "ods": _PACKED, "zip": _PACKED,
}  # fmt: skip
"""How a file of each binary type begins; the other types are text. A file may be two things at once, so none is ever shown in place."""
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_PROGRAMS = frozenset({"exe", "dll", "elf", "class", "so", "msi", "bat", "com"})


@dataclass(frozen=True)
class Stored:
    """A file as kept: hash, bytes, media type by its ending, and the cleaned name it came with."""

    sha256: str
    size: int
    type: str
    name: str


@dataclass(frozen=True)
class Attachment:
    """A stored file offered for one evidence slot of a step."""

    slot: str
    sha256: str
    size: int
    type: str
    name: str


def attach(slot: str, stored: Stored) -> Attachment:
    """Offer a stored file for ``slot``."""
    return Attachment(slot, stored.sha256, stored.size, stored.type, stored.name)


def store(folder: Path, content: IO[bytes], name: str, limit: int) -> Stored:
    """Keep a file, durably, before this returns. Raises Incomplete (``EVIDENCE_TYPE``, ``EVIDENCE_TOO_LARGE``, ``EVIDENCE_EMPTY``)."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = folder / f".incoming-{secrets.token_hex(8)}"
    try:
        with temporary.open("xb") as file:
            stored = _received(content, name, limit, file.write)
            file.flush()
            os.fsync(file.fileno())
        home = path_of(folder, stored.sha256)
        home.parent.mkdir(mode=0o700, exist_ok=True)
        temporary.rename(home)
        _flush_folder(home.parent)
        _flush_folder(folder)
    finally:
        temporary.unlink(missing_ok=True)
    return stored


def judge(content: IO[bytes], name: str, limit: int) -> Stored:
    """What ``store`` would say of a file, keeping nothing of it. Raises Incomplete likewise."""
    return _received(content, name, limit, len)


def _received(content: IO[bytes], name: str, limit: int, write: Callable[[bytes], object]) -> Stored:
    clean = names.clean(name)
    ending = clean.rpartition(".")[2].lower()
    if ending not in TYPES:
        raise Incomplete([Reason("EVIDENCE_TYPE", "evidence", {"name": clean})])
    digest, size, start = hashlib.sha256(), 0, b""
    while chunk := content.read(CHUNK):
        size += len(chunk)
        if size > limit:
            raise Incomplete([Reason("EVIDENCE_TOO_LARGE", "evidence", {"name": clean, "limit": limit})])
        start = start or chunk[:2048]
        digest.update(chunk)
        write(chunk)
    if size == 0:
        raise Incomplete([Reason("EVIDENCE_EMPTY", "evidence", {"name": clean})])
    if not _plausible(ending, start):
        raise Incomplete([Reason("EVIDENCE_TYPE", "evidence", {"name": clean})])
    return Stored(digest.hexdigest(), size, TYPES[ending], clean)


def _plausible(ending: str, start: bytes) -> bool:
    if ending in _BEGINNINGS:
        return start.startswith(_BEGINNINGS[ending])
    if b"\0" in start and not start.startswith(_WIDE):
        return False
    try:
        return not {found.extension.lstrip(".") for found in puremagic.magic_string(start)} & _PROGRAMS
    except puremagic.PureError:
        return True


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def path_of(folder: Path, sha256: str) -> Path:
    """Where a file lies. Raises NotFound for anything that is not a hash."""
    if len(sha256) != 64 or not all(mark in "0123456789abcdef" for mark in sha256):
        raise NotFound("evidence", sha256[:80])
    return folder / sha256[:2] / sha256


def read(folder: Path, sha256: str) -> Iterator[bytes]:
    """The file's bytes in pieces. Raises NotFound at once when it is not here."""
    path = path_of(folder, sha256)
    if not path.is_file():
        raise NotFound("evidence", sha256)
    return _pieces(path)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def intact(folder: Path, sha256: str) -> bool:
    """Whether the file is here and hashes to its name."""
    path = path_of(folder, sha256)
    if not path.is_file():
        return False
    digest = hashlib.sha256()
    for piece in _pieces(path):
        digest.update(piece)
    return digest.hexdigest() == sha256
