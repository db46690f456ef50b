"""The shelf of every text that ever was: procedures, workflow definitions and record forms, kept in a bare git repository.

The trail says who decided what; this module keeps the words. It writes objects durably and moves references, and knows nothing of drafts
or approvals. All work goes through the git program with fixed argument lists, because only git itself can be told to flush its objects to
disk: ISO 9001 §7.5.3 asks that documented information is protected from loss, and a text that vanishes in a power cut was not protected.
"""

import hashlib
import os
import re
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from fcntl import LOCK_EX, flock
from pathlib import Path
from subprocess import PIPE
from types import TracebackType
from typing import IO, Any

from git import Git
from git.exc import GitCommandNotFound

from qms.errors import NotFound, QmsError, Reason, Stale

OBJECT = re.compile(r"[0-9a-f]{40}")
REF = re.compile(r"refs(/[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*)+")
PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*(/[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*)*")
NOTHING = "0" * 40
NAME = "qms"
ADDRESS = "qms@localhost"

SETTINGS = {
    "core.fsync": "loose-object,pack,pack-metadata,reference",
    "core.fsyncMethod": "fsync",
    "core.hooksPath": "/dev/null",
    "core.logAllRefUpdates": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "receive.autogc": "false",
    "receive.fsckObjects": "true",
    "receive.denyNonFastForwards": "true",
    "receive.denyDeletes": "true",
    "receive.advertisePushOptions": "false",
    "transfer.hideRefs": "refs/qms",
    "uploadpack.allowFilter": "false",
    "protocol.allow": "never",
    "protocol.file.allow": "never",
    "merge.renames": "false",
}


class LibraryFailed(QmsError):
    """The git program answered with an error that no act of a person explains."""


@dataclass(frozen=True)
class RefMove:
    """One reference to move: ``new`` None deletes it, ``old`` None says that it must not exist yet."""

    ref: str
    new: str | None
    old: str | None


@dataclass(frozen=True)
class Commit:
    """What a commit says. ``author`` is a name somebody typed: never proof of who wrote."""

    id: str
    tree: str
    parents: tuple[str, ...]
    author: str
    at: datetime
    message: str

    @property
    def trailers(self) -> dict[str, str]:
        """The ``Key: value`` lines of the last paragraph."""
        lines = self.message.rstrip().rsplit("\n\n", 1)[-1].splitlines()
        return dict(line.split(": ", 1) for line in lines if ": " in line)


@dataclass(frozen=True)
class Merge:
    """A merge in thought: the tree it gives and the paths where both sides wrote."""

    tree: str
    conflicts: tuple[str, ...]


class Library:
    """One bare repository. Owns a git process that reads for it; close it.

    ``quarantine`` is for the hook that judges a push: objects that came in but are not yet accepted.
    """

    def __init__(self, path: Path, *, quarantine: bool = False) -> None:
        self.path = path
        self._lock_path = path.with_suffix(".lock")
        self._environment = _environment(path, quarantine)
        self._git = Git(path)
        self._reader: Any = None
        self._reading = threading.Lock()
        self._writing = threading.RLock()
        self._depth = 0
        self._lock: int | None = None

    @classmethod
    def create(cls, path: Path) -> "Library":
        """Make an empty library at ``path``."""
        path.mkdir(parents=True)
        library = cls(path)
        library._run(["init", "--quiet", "--bare", "--initial-branch=main", "--template="])
        (path / "home").mkdir(exist_ok=True)
        _flush(path)
        return library

    def __enter__(self) -> "Library":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the reading process."""
        with self._reading:
            self._stop_reader()

    @contextmanager
    def writer(self) -> Iterator[None]:
        """Be the only writer of this workspace. Git's children inherit the lock, so it outlives a killed parent until they end."""
        with self._writing:
            if self._depth == 0:
                self._lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                flock(self._lock, LOCK_EX)
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if self._depth == 0 and self._lock is not None:
                    os.close(self._lock)
                    self._lock = None

    def read(self, blob: str) -> bytes:
        """The bytes of a blob. Raises NotFound."""
        kind, content = self._object(blob)
        if kind != "blob":
            raise NotFound("text", blob)
        return content

    def commit_at(self, commit: str) -> Commit:
        """What the commit ``commit`` says. Raises NotFound."""
        kind, content = self._object(commit)
        if kind != "commit":
            raise NotFound("commit", commit)
        return _parse_commit(commit, content)

    def tag_target(self, tag: str) -> str:
        """The object an annotated tag names. Raises NotFound."""
        kind, content = self._object(tag)
        if kind != "tag":
            raise NotFound("tag", tag)
        return content[7:47].decode("ascii")

    def exists(self, name: str) -> bool:
        """Whether the object is on the shelf and whole."""
        try:
            self._object(name)
        except NotFound:
            return False
        return True

    def blob_at(self, commit: str, path: str) -> str | None:
        """The blob under ``path`` in ``commit``, or None when there is none."""
        here = self.commit_at(commit).tree
        *folders, name = path.split("/")
        for folder in folders:
            entry = self._entries(here).get(folder)
            if entry is None or entry[0] != "40000":
                return None
            here = entry[1]
        entry = self._entries(here).get(name)
        return entry[1] if entry is not None and entry[0] != "40000" else None

    def tree(self, commit: str, under: str = "") -> dict[str, str]:
        """Every file of ``commit`` below ``under``, path → blob."""
        return {path: blob for path, (_, blob) in self._files(self.commit_at(commit).tree, "") if _is_below(path, under)}

    def modes(self, commit: str) -> dict[str, str]:
        """The mode git keeps for every file of ``commit``: a link or a foreign repository shows here."""
        return {path: mode for path, (mode, _) in self._files(self.commit_at(commit).tree, "")}

    def changed(self, old: str, new: str) -> dict[str, str | None]:
        """What differs from commit ``old`` to commit ``new``: path → blob now, None when gone."""
        before, after = self.commit_at(old).tree, self.commit_at(new).tree
        return dict(self._differences(before, after, ""))

    def refs(self, prefix: str = "refs/") -> dict[str, str]:
        """Every reference below ``prefix`` → the object it names."""
        out = self._run(["for-each-ref", "--format=%(objectname) %(refname)", "--end-of-options", prefix.rstrip("/")]).decode()
        return {ref: name for name, _, ref in (line.partition(" ") for line in out.splitlines())}

    def log(self, commit: str, limit: int = 1000) -> list[Commit]:
        """The commits behind ``commit`` by first parent, newest first."""
        found: list[Commit] = []
        following: str | None = commit
        while following is not None and len(found) < limit:
            found.append(self.commit_at(following))
            following = found[-1].parents[0] if found[-1].parents else None
        return found

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether ``older`` stands in the history of ``newer``."""
        if older == newer:
            return True
        command = ["merge-base", "--is-ancestor", "--end-of-options", _object_id(older), _object_id(newer)]
        return self._call(command)[0] == 0

    def merge_base(self, a: str, b: str) -> str | None:
        """The last commit that both share, or None."""
        status, out, _ = self._call(["merge-base", "--end-of-options", _object_id(a), _object_id(b)])
        return out.decode().split("\n", 1)[0] if status == 0 else None

    def touched(self, new: str, known: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """What each commit behind ``new`` but not behind ``known`` changed against all its parents: commit → paths."""
        excluded = [f"^{_object_id(name)}" for name in known]
        commits = self._run(["rev-list", "--end-of-options", _object_id(new), *excluded])
        out = self._run(["diff-tree", "--stdin", "-r", "-c", "-z", "--root", "--no-renames", "--name-only"], commits).decode()
        found: dict[str, tuple[str, ...]] = dict.fromkeys(commits.decode().split(), ())
        here = ""
        for part in out.split("\0"):
            for line in part.split("\n"):
                if line in found:
                    here = line
                elif line:
                    found[here] = (*found[here], line)
        return found

    def merge_tree(self, ours: str, theirs: str) -> Merge:
        """Merge two commits from their common base without touching any reference."""
        command = ["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", "--end-of-options"]
        with self.writer():
            status, out, error = self._call([*command, _object_id(ours), _object_id(theirs)])
        if status not in (0, 1):
            raise LibraryFailed(error)
        tree, *paths = [part for part in out.decode().split("\0") if part]
        self._flush_objects([])
        return Merge(tree, tuple(paths))

    def tree_blob(self, tree: str, path: str) -> str | None:
        """The blob under ``path`` in a bare tree, such as a merge gives."""
        return dict(self._files(_object_id(tree), "")).get(path, (None, None))[1]

    def diff(self, old: str, new: str) -> str:
        """The comparison of two blobs as git writes it, without colours."""
        command = ["diff", "--no-color", "--no-ext-diff", "--no-textconv", "--end-of-options", _object_id(old), _object_id(new)]
        return self._run(command).decode("utf-8", "replace")

    def write_blob(self, content: bytes) -> str:
        """Keep ``content``; returns its id once it is on disk."""
        return self._write([("blob", content)])[0]

    def write_blobs(self, contents: Iterable[bytes]) -> list[str]:
        """Keep many contents with one process."""
        return self._write([("blob", content) for content in contents])

    def commit(
        self,
        parent: str | Sequence[str] | None,
        changes: Mapping[str, str | None],
        message: str,
        author_name: str,
        at: datetime,
        trailers: Mapping[str, str] | None = None,
        blobs: Sequence[bytes] = (),
    ) -> str:
        """Make a commit that changes only ``changes`` (path → blob, None takes away) on its first parent, and no reference.

        ``blobs`` are written with it: give their contents here to save a process.
        """
        parents = [parent] if isinstance(parent, str) else list(parent or ())
        objects: list[tuple[str, bytes]] = [("blob", content) for content in blobs]
        base = self.commit_at(parents[0]).tree if parents else None
        for path in changes:
            if PATH.fullmatch(path) is None:
                raise ValueError(f"not a path of the library: {path!r}")
        tree = self._changed_tree(base, {tuple(path.split("/")): blob for path, blob in changes.items()}, objects)
        if tree is None:
            objects.append(("tree", b""))
            tree = _identify("tree", b"")
        text = _with_trailers(message, trailers or {})
        head = [f"tree {tree}", *(f"parent {_object_id(name)}" for name in parents)]
        head += [f"author {_signature(author_name, at)}", f"committer {_signature(NAME, at)}"]
        objects.append(("commit", ("\n".join(head) + "\n\n" + text).encode()))
        return self._write(objects)[-1]

    def tag_object(self, target: str, name: str, message: str, at: datetime) -> str:
        """Make an annotated tag's object that names commit ``target``; the reference comes with ``move``."""
        head = f"object {_object_id(target)}\ntype commit\ntag {name}\ntagger {_signature(NAME, at)}\n\n{message.rstrip()}\n"
        return self._write([("tag", head.encode())])[0]

    def move(self, updates: Sequence[RefMove]) -> None:
        """Move all references or none. Raises Stale when one is not where it was said to be."""
        lines = [_ref_line(update) for update in updates]
        if not lines:
            return
        with self.writer():
            status, _, error = self._call(["update-ref", "--stdin", "-z"], "".join(lines).encode())
            if status != 0 and "File exists" in error:
                self.clear_stale_locks()
                status, _, error = self._call(["update-ref", "--stdin", "-z"], "".join(lines).encode())
        if status != 0:
            if "cannot lock ref" in error:
                raise Stale([Reason("STALE", values={"detail": error})])
            raise LibraryFailed(error)

    def force(self, ref: str, new: str) -> None:
        """Point ``ref`` to ``new`` whatever stands there, even a torn file."""
        if REF.fullmatch(ref) is None:
            raise ValueError(f"not a reference: {ref!r}")
        with self.writer():
            self.clear_stale_locks()
            file = self.path / ref
            if file.is_file() and OBJECT.fullmatch(file.read_text("ascii", "replace").strip()) is None:
                file.unlink()
            self._run(["update-ref", "--no-deref", "--end-of-options", ref, _object_id(new)])

    def clear_stale_locks(self) -> None:
        """Take away lock files that a killed git left; only the holder of the writer's lock may, since then no git is at work."""
        with self.writer():
            for found in (self.path / "refs").rglob("*.lock"):
                found.unlink(missing_ok=True)
            for name in ("packed-refs.lock", "HEAD.lock", "config.lock"):
                (self.path / name).unlink(missing_ok=True)

    def flush(self) -> None:
        """Make every object folder durable, after objects came in by a push."""
        for folder in (self.path / "objects").iterdir():
            if folder.is_dir():
                _flush(folder)
        _flush(self.path / "objects")

    def serve(self, environment: Mapping[str, str], settings: Mapping[str, str], body: IO[bytes] | None) -> Any:
        """Run git's own HTTP door for one request; returns the process. What it writes is the CGI answer."""
        env = {**self._environment, **_config_environment({**SETTINGS, **settings}, self.path), **environment}
        env["PATH"] = os.environ.get("PATH", os.defpath)
        return self._start(["http-backend"], istream=body, env=env)

    def _object(self, name: str) -> tuple[str, bytes]:
        _object_id(name)
        with self._reading:
            try:
                return self._ask(name)
            except (BrokenPipeError, EOFError, ValueError):
                self._stop_reader()
                return self._ask(name)

    def _ask(self, name: str) -> tuple[str, bytes]:
        if self._reader is None:
            self._reader = self._start(["cat-file", "--batch"], istream=PIPE, env=self._environment)
        self._reader.stdin.write(name.encode("ascii") + b"\n")
        self._reader.stdin.flush()
        head = self._reader.stdout.readline().split()
        if not head:
            raise EOFError
        if len(head) != 3:
            raise NotFound("object", name)
        content: bytes = self._reader.stdout.read(int(head[2]))
        if len(content) != int(head[2]) or self._reader.stdout.read(1) != b"\n":
            raise EOFError
        return head[1].decode("ascii"), content

    def _stop_reader(self) -> None:
        if self._reader is not None:
            reader, self._reader = self._reader, None
            for stream in (reader.stdin, reader.stdout, reader.stderr):
                try:
                    stream.close()
                except BrokenPipeError:
                    continue
            reader.proc.wait()

    def _entries(self, tree: str) -> dict[str, tuple[str, str]]:
        kind, content = self._object(tree)
        if kind != "tree":
            raise NotFound("tree", tree)
        return _parse_tree(content)

    def _files(self, tree: str, prefix: str) -> Iterator[tuple[str, tuple[str, str]]]:
        for name, (mode, child) in self._entries(tree).items():
            if mode == "40000":
                yield from self._files(child, f"{prefix}{name}/")
            else:
                yield f"{prefix}{name}", (mode, child)

    def _differences(self, old: str | None, new: str | None, prefix: str) -> Iterator[tuple[str, str | None]]:
        before = self._entries(old) if old else {}
        after = self._entries(new) if new else {}
        for name in sorted(before.keys() | after.keys()):
            was, now = before.get(name), after.get(name)
            if was == now:
                continue
            old_tree = was[1] if was and was[0] == "40000" else None
            new_tree = now[1] if now and now[0] == "40000" else None
            if old_tree or new_tree:
                yield from self._differences(old_tree, new_tree, f"{prefix}{name}/")
            if (was and not old_tree) or (now and not new_tree):
                yield f"{prefix}{name}", now[1] if now and not new_tree else None

    def _changed_tree(self, base: str | None, changes: Mapping[tuple[str, ...], str | None], objects: list[tuple[str, bytes]]) -> str | None:
        entries = dict(self._entries(base)) if base else {}
        below: dict[str, dict[tuple[str, ...], str | None]] = {}
        for (name, *rest), blob in changes.items():
            if rest:
                below.setdefault(name, {})[tuple(rest)] = blob
            elif blob is None:
                entries.pop(name, None)
            else:
                entries[name] = ("100644", _object_id(blob))
        for name, inner in below.items():
            old = entries.get(name)
            tree = self._changed_tree(old[1] if old and old[0] == "40000" else None, inner, objects)
            if tree is None:
                entries.pop(name, None)
            else:
                entries[name] = ("40000", tree)
        if not entries:
            return None
        content = _format_tree(entries)
        objects.append(("tree", content))
        return _identify("tree", content)

    def _write(self, objects: Sequence[tuple[str, bytes]]) -> list[str]:
        names = [_identify(kind, content) for kind, content in objects]
        with self.writer():
            status, _, error = self._call(["unpack-objects", "-q", "--strict"], _pack(objects))
            if status != 0:
                raise LibraryFailed(error)
            self._flush_objects(names)
        return names

    def _flush_objects(self, names: Iterable[str]) -> None:
        """Git flushes the files it writes but not the folders that name them."""
        for folder in {name[:2] for name in names}:
            _flush(self.path / "objects" / folder)
        _flush(self.path / "objects")

    def _run(self, arguments: Sequence[str], content: bytes = b"") -> bytes:
        status, out, error = self._call(arguments, content)
        if status != 0:
            raise LibraryFailed(f"git {arguments[0]}: {error}")
        return out

    def _call(self, arguments: Sequence[str], content: bytes = b"") -> tuple[int, bytes, str]:
        process = self._start(arguments, istream=PIPE, env=self._environment)
        out, error = process.communicate(content)
        return process.proc.returncode, out, error.decode("utf-8", "replace").strip()

    def _start(self, arguments: Sequence[str], *, istream: Any, env: Mapping[str, str]) -> Any:
        held = (self._lock,) if self._lock is not None and self._is_mine() else ()
        try:
            return self._git.execute(["git", *arguments], istream=istream, as_process=True, env=env, pass_fds=held)
        except GitCommandNotFound as error:
            raise LibraryFailed("the program git is not installed, or not on the PATH") from error

    def _is_mine(self) -> bool:
        return bool(self._writing._is_owned())  # type: ignore[attr-defined]

    @property
    def is_writer(self) -> bool:
        """Whether this thread holds the writer's lock."""
        return self._depth > 0 and self._is_mine()


def _environment(path: Path, quarantine: bool) -> dict[str, str]:
    fixed = {
        "GIT_DIR": str(path),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_PARAMETERS": "",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NAMESPACE": "",
        "GIT_OPTIONAL_LOCKS": "0",
        "HOME": str(path / "home"),
        "XDG_CONFIG_HOME": str(path / "home"),
        "TZ": "UTC",
        **_config_environment(SETTINGS, path),
    }
    if not quarantine:
        fixed |= {"GIT_OBJECT_DIRECTORY": str(path / "objects"), "GIT_ALTERNATE_OBJECT_DIRECTORIES": ""}
    return fixed


def _config_environment(settings: Mapping[str, str], path: Path) -> dict[str, str]:
    pairs = [*settings.items(), ("safe.directory", str(path))]
    named = {"GIT_CONFIG_COUNT": str(len(pairs))}
    for number, (key, value) in enumerate(pairs):
        named |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return named


def _object_id(name: str) -> str:
    if OBJECT.fullmatch(name) is None:
        raise ValueError(f"not an object of the library: {name!r}")
    return name


def _ref_line(update: RefMove) -> str:
    if REF.fullmatch(update.ref) is None or update.ref.endswith(".lock"):
        raise ValueError(f"not a reference: {update.ref!r}")
    old = NOTHING if update.old is None else _object_id(update.old)
    if update.new is None:
        return f"delete {update.ref}\0{old}\0"
    return f"update {update.ref}\0{_object_id(update.new)}\0{old}\0"


def _identify(kind: str, content: bytes) -> str:
    return hashlib.sha1(f"{kind} {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()


def blob_id(content: bytes) -> str:
    """The name git gives to ``content``."""
    return _identify("blob", content)


def _pack(objects: Sequence[tuple[str, bytes]]) -> bytes:
    """Objects in git's own transport form, so that one process writes them all."""
    kinds = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}
    body = b"PACK" + (2).to_bytes(4, "big") + len(objects).to_bytes(4, "big")
    for kind, content in objects:
        size = len(content)
        byte, size = kinds[kind] << 4 | size & 15, size >> 4
        head = bytearray()
        while size:
            head.append(byte | 128)
            byte, size = size & 127, size >> 7
        head.append(byte)
        body += bytes(head) + zlib.compress(content, 1)
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def _parse_tree(content: bytes) -> dict[str, tuple[str, str]]:
    entries, here = {}, 0
    while here < len(content):
        end = content.index(b"\0", here)
        mode, _, name = content[here:end].partition(b" ")
        entries[name.decode("utf-8", "surrogateescape")] = (mode.decode("ascii"), content[end + 1 : end + 21].hex())
        here = end + 21
    return entries


def _format_tree(entries: Mapping[str, tuple[str, str]]) -> bytes:
    def order(item: tuple[str, tuple[str, str]]) -> bytes:
        name = item[0].encode("utf-8", "surrogateescape")
        return name + b"/" if item[1][0] == "40000" else name

    parts = []
    for name, (mode, child) in sorted(entries.items(), key=order):
        parts.append(mode.encode("ascii") + b" " + name.encode("utf-8", "surrogateescape") + b"\0" + bytes.fromhex(child))
    return b"".join(parts)


def _parse_commit(name: str, content: bytes) -> Commit:
    head, _, message = content.decode("utf-8", "replace").partition("\n\n")
    lines = [line.partition(" ") for line in head.splitlines()]
    author, _, when = next(value for key, _, value in lines if key == "author").rpartition("> ")
    return Commit(
        id=name,
        tree=next(value for key, _, value in lines if key == "tree"),
        parents=tuple(value for key, _, value in lines if key == "parent"),
        author=author.partition(" <")[0],
        at=datetime.fromtimestamp(int(when.split()[0]), UTC),
        message=message,
    )


def _with_trailers(message: str, trailers: Mapping[str, str]) -> str:
    text = message.strip() or "-"
    if trailers:
        text += "\n\n" + "\n".join(f"{key}: {' '.join(value.split())}" for key, value in trailers.items())
    return text + "\n"


def _signature(name: str, at: datetime) -> str:
    clean = re.sub(r"[<>\x00-\x1f\x7f]", "", name).strip(" .,:;\"'") or NAME
    return f"{clean} <{ADDRESS}> {int(at.timestamp())} +0000"


def _is_below(path: str, under: str) -> bool:
    return not under or path == under or path.startswith(under.rstrip("/") + "/")


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


Opener = Callable[[Path], Library]
