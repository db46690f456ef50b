"""Backups: a whole workspace in one file, made while people work, and a workspace made again from it (ISO 9001, 7.5.3.1 and 7.5.3.2).

One moment of the database decides what is in the file. The texts that moment names were on disk before it, and so was the evidence, so
both are copied after it; published checkpoints are copied before it, since one that is ahead of its trail would look like a trail cut
short. Rows are written as text, table by table, so a backup made on one kind of database can be restored on the other.
"""

import hashlib
import json
import os
import shutil
import tomllib
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import IO, Any, Protocol

from sqlalchemy import Connection, MetaData, Table, insert, select
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from qms import migrations
from qms.database import Database, Transaction, moment, stamp
from qms.desk import verification
from qms.errors import BadContent, Incomplete, NotFound, Problem, QmsError, Reason
from qms.library import Library
from qms.people.actor import SYSTEM
from qms.procedures import control
from qms.records import evidence, keys, trail, words
from qms.records.verify import Check

FORMAT = 1
SETTINGS, MANIFEST, PACK = "qms.toml", "manifest.json", "library.pack"
FILES = (SETTINGS, "roles.yaml", "keys/trail.key", "keys/trail.pub")
LEFT_OUT = frozenset({"session", "throttle", "alembic_version"})
"""Tables that are not kept: whoever was signed in signs in again."""
DERIVED = "trail_text"
"""The words that entries are found by, and the tables a search engine keeps beside them: made again from the entries."""
OUTSIDE = ("refs/heads/checkpoints", "refs/qms/")
"""References that the database does not decide."""
ROWS = 1000
MOST_CONTENTS = 200_000_000
"""Bytes of the list of contents: some two million files."""
CHUNK = 1 << 20
EVENT = "backup-made"
Progress = Callable[[int, int], None]


class Whole(verification.Whole, Protocol):
    """What a backup needs of the assembled program."""

    @property
    def database(self) -> Database: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class Kept:
    """What a backup holds: when it was made, how long its trail is and with which root, bytes and SHA-256 of the file."""

    made_at: datetime
    size: int
    root: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class _Contents:
    """The list of contents that stands last in the file: ``members`` name → (SHA-256, bytes)."""

    made_at: str
    schema: str
    size: int
    root: str
    refs: Mapping[str, str]
    members: Mapping[str, tuple[str, int]]


def backup(whole: Whole, file: Path, progress: Progress = lambda done, total: None) -> Kept:
    """Write a backup to ``file``, which gets its name only when it is whole, and say so on the trail.

    Raises Incomplete when there is such a file already, NotFound when its folder is not there.
    """
    if file.exists():
        raise Incomplete([Reason("FILE_EXISTS", "file", {"file": str(file)})])
    if not file.parent.is_dir():
        raise NotFound("folder", str(file.parent))
    beside = file.with_name(f".{file.name}.{token_hex(4)}.part")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
            said = _write(whole, target, progress)
            target.flush()
            os.fsync(target.fileno())
        digest = _digest(beside)
        beside.rename(file)
        _flush(file.parent)
    finally:
        beside.unlink(missing_ok=True)
    made = Kept(moment(said.made_at), said.size, said.root, file.stat().st_size, digest)
    with whole.database.writing() as tx:
        trail.append(tx, trail.Act(EVENT, SYSTEM, what={"size": made.size, "root": made.root, "bytes": made.bytes, "sha256": made.sha256}))
    return made


def restore(
    file: Path,
    folder: Path,
    assemble: Callable[[Path], Whole],
    database_url: str | None = None,
    progress: Progress = lambda done, total: None,
) -> tuple[Kept, list[Check]]:
    """Make the workspace ``folder`` from the backup ``file`` and verify its whole trail; only then does it get its name.

    Everything goes into the database in one transaction that is committed after the verification. ``assemble`` puts a program together
    over a workspace. Raises Incomplete when folder or database are not empty, BadContent when the file is no whole backup, or when what
    it holds does not verify.
    """
    folder = folder.resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Incomplete([Reason("FOLDER_NOT_EMPTY", "folder", {"folder": str(folder)})])
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.parent / f".{folder.name}-{token_hex(4)}"
    beside.mkdir(mode=0o700)
    try:
        with _opened(file) as archive, _whatever_is_in(file):
            said = _contents(archive, file)
            checks = _fill(archive, said, beside, assemble, database_url, file, progress)
        if folder.exists():
            folder.rmdir()
        beside.rename(folder)
        _flush(folder.parent)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return Kept(moment(said.made_at), said.size, said.root, file.stat().st_size, _digest(file)), checks


def _write(whole: Whole, target: IO[bytes], progress: Progress) -> _Contents:
    """Everything, into an archive whose list of contents comes last."""
    home, library = whole.settings.root, whole.library
    members: dict[str, tuple[str, int]] = {}
    outside = {ref: at for prefix in OUTSIDE for ref, at in library.refs(prefix).items()}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, allowZip64=True, compresslevel=1) as archive:
        with whole.database.reading() as connection:
            size, root = trail.head(connection)
            schema = str(migrations.of(connection))
            refs = {**outside, **control.targets(connection)}
            for table in _tables(connection):
                _member(archive, members, f"tables/{table.name}.jsonl", _lines(connection, table))
        _member(archive, members, PACK, [library.pack(refs.values())])
        for name in FILES:
            _member(archive, members, name, [(home / name).read_bytes()])
        files = sorted(path for path in whole.settings.evidence.glob("*/*") if path.is_file())
        for done, path in enumerate(files):
            _member(archive, members, f"evidence/{path.name}", _pieces(path), zipfile.ZIP_STORED)
            progress(done + 1, len(files))
        said = _Contents(stamp(whole.database.clock()), schema, size, root, refs, members)
        archive.writestr(MANIFEST, json.dumps({"format": FORMAT, **asdict(said)}, indent=1, sort_keys=True))
    return said


def _member(
    archive: zipfile.ZipFile,
    members: dict[str, tuple[str, int]],
    name: str,
    pieces: Iterable[bytes],
    compression: int = zipfile.ZIP_DEFLATED,
) -> None:
    digest, size = hashlib.sha256(), 0
    entry = zipfile.ZipInfo(name)
    entry.compress_type, entry.external_attr = compression, 0o600 << 16
    with archive.open(entry, "w", force_zip64=True) as file:
        for piece in pieces:
            digest.update(piece)
            size += len(piece)
            file.write(piece)
    members[name] = (digest.hexdigest(), size)


def _tables(connection: Connection) -> Iterator[Table]:
    """Every table there really is, whichever release made it, with the types it has there."""
    found = MetaData()
    found.reflect(connection, only=lambda name, _: name not in LEFT_OUT and not name.startswith(DERIVED))
    yield from found.sorted_tables


def _lines(connection: Connection, table: Table) -> Iterator[bytes]:
    rows = connection.execution_options(yield_per=ROWS).execute(select(table).order_by(*table.primary_key.columns))
    for part in rows.mappings().partitions():
        yield b"".join(json.dumps(dict(row), ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for row in part)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            yield piece


def _opened(file: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except FileNotFoundError as error:
        raise NotFound("file", str(file)) from error
    except (OSError, zipfile.BadZipFile) as error:
        raise _damaged(file, str(error)) from error


@contextmanager
def _whatever_is_in(file: Path) -> Iterator[None]:
    """A file may be damaged, or made by somebody else, in more ways than anybody foresees: each says so, and where."""
    try:
        yield
    except (QmsError, OperationalError):
        raise
    except (zlib.error, ArithmeticError, LookupError, RuntimeError, SQLAlchemyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise _damaged(file, type(error).__name__) from error


def _damaged(file: Path, detail: str) -> BadContent:
    return BadContent([Problem(str(file), 0, "backup.damaged", {"detail": detail})])


def _contents(archive: zipfile.ZipFile, file: Path) -> _Contents:
    """What the archive says it holds. Raises BadContent when that is not what lies in it."""
    try:
        if archive.getinfo(MANIFEST).file_size > MOST_CONTENTS:
            raise _damaged(file, MANIFEST)
        told = json.loads(archive.read(MANIFEST))
        if told.pop("format") != FORMAT:
            raise BadContent([Problem(str(file), 0, "backup.format")])
        told["members"] = {str(name): (str(digest), int(size)) for name, (digest, size) in told["members"].items()}
        told["refs"] = {str(ref): str(target) for ref, target in told["refs"].items()}
        said = _Contents(**told)
        moment(said.made_at)
    except (KeyError, ValueError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise _damaged(file, MANIFEST) from error
    found = archive.namelist()
    if len(found) != len(said.members) + 1 or set(found) != {MANIFEST, *said.members} or not {*FILES, PACK} <= said.members.keys():
        raise _damaged(file, ", ".join(sorted(set(found) ^ {MANIFEST, *said.members})[:5]))
    return said


def _fill(
    archive: zipfile.ZipFile,
    said: _Contents,
    root: Path,
    assemble: Callable[[Path], Whole],
    database_url: str | None,
    file: Path,
    progress: Progress,
) -> list[Check]:
    read = _reader(archive, said, file)
    (root / "keys").mkdir(mode=0o700)
    for name in FILES:
        handle = os.open(root / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if name.endswith(".key") else 0o644)
        with os.fdopen(handle, "wb") as made:
            content = b"".join(read(name))
            made.write(content if name != SETTINGS else _settings(content, database_url, file))
    if (root / "keys/trail.pub").read_text("ascii").strip() != keys.written(keys.load(root / "keys/trail.key").public):
        raise _damaged(file, "keys/trail.pub")
    _evidence(read, said, root / "evidence", file)
    with Library.create(root / "library.git") as library, library.writer():
        library.unpack(b"".join(read(PACK)))
        for ref, target in sorted(said.refs.items()):
            library.force(ref, target)
    whole = assemble(root)
    try:
        with whole.database.writing() as tx:
            _rows(tx, read, said)
            if trail.head(tx.connection) != (said.size, said.root):
                raise _damaged(file, "trail")
            checks = list(verification.everything(tx.connection, whole, progress=progress))
            failed = [check for check in checks if not check.passed]
            if failed:
                raise BadContent(Problem(str(file), 0, "backup.fails", {"check": check.name, "place": check.place}) for check in failed)
    finally:
        whole.close()
    return checks


def _reader(archive: zipfile.ZipFile, said: _Contents, file: Path) -> Callable[[str], Iterator[bytes]]:
    """Members of the archive, each compared with what the list of contents says about it as it is read to its end."""

    def read(name: str) -> Iterator[bytes]:
        digest, left = hashlib.sha256(), said.members[name][1]
        try:
            with archive.open(name) as source:
                while piece := source.read(CHUNK):
                    digest.update(piece)
                    left -= len(piece)
                    if left < 0:
                        raise _damaged(file, name)
                    yield piece
        except (zipfile.BadZipFile, EOFError, OSError) as error:
            raise _damaged(file, name) from error
        if digest.hexdigest() != said.members[name][0]:
            raise _damaged(file, name)

    return read


def _evidence(read: Callable[[str], Iterator[bytes]], said: _Contents, folder: Path, file: Path) -> None:
    folder.mkdir(mode=0o700)
    for name in said.members:
        place, _, sha256 = name.partition("/")
        if place == "evidence":
            if said.members[name][0] != sha256:
                raise _damaged(file, name)
            home = evidence.path_of(folder, sha256)
            home.parent.mkdir(mode=0o700, exist_ok=True)
            with home.open("xb") as made:
                made.writelines(read(name))


def _settings(content: bytes, database_url: str | None, file: Path) -> bytes:
    """The settings, with the database they are restored to: never the one that the backup was made of, which may be in use."""
    lines = [line for line in content.decode().splitlines() if line.partition("=")[0].strip() != "database_url"]
    first = [f"database_url = {json.dumps(database_url)}"] if database_url else []  # before any table begins
    made = "\n".join([*first, *lines, ""])
    if tomllib.loads(made).get("database_url") != database_url:
        raise _damaged(file, SETTINGS)
    return made.encode()


def _rows(tx: Transaction, read: Callable[[str], Iterator[bytes]], said: _Contents) -> None:
    """The tables as the release that wrote them had them, then whatever steps have come since. Raises Incomplete for a database in use."""
    if migrations.of(tx.connection) is not None:
        raise Incomplete([Reason("DATABASE_IN_USE", "database_url")])
    migrations.climb(tx.connection, said.schema)
    for table in _tables(tx.connection):
        name = f"tables/{table.name}.jsonl"
        if name in said.members:
            for batch in _batches(read(name)):
                tx.connection.execute(insert(table), batch)
                if table.name == "entry":
                    for row in batch:
                        words.keep(tx.connection, row["position"], words.of(json.loads(row["sealed"])))
    migrations.climb(tx.connection)


def _batches(pieces: Iterator[bytes]) -> Iterator[list[dict[str, Any]]]:
    begun: list[bytes] = []
    batch: list[dict[str, Any]] = []
    for piece in pieces:
        first, *lines = piece.split(b"\n")
        begun.append(first)
        if not lines:
            continue
        batch += [json.loads(line) for line in (b"".join(begun), *lines[:-1])]
        begun = [lines[-1]]
        if len(batch) >= ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
