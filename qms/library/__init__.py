"""The shelf of every text that ever was: procedures, workflow definitions and record forms, kept in a bare git repository.

The trail says who decided what; this module keeps the words. It writes objects durably and moves references, and knows nothing of drafts
or approvals. All work goes through the git program with fixed argument lists, because only git itself can be told to flush its objects to
disk: ISO 9001 §7.5.3 asks that documented information is protected from loss, and a text that vanishes in a power cut was not protected.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from qms.errors import NotFound, Reason, Stale
from qms.formats import git_objects
from qms.formats.git_objects import Commit, Opens, everywhere
from qms.library.program import OBJECT, GitMissing, LibraryFailed, Program, flush, object_id

__all__ = ["MAIN", "NOTHING", "OBJECT", "PATH", "REF", "Commit", "GitMissing", "Library", "LibraryFailed", "Merge", "RefMove", "blob_id"]

REF = re.compile(r"refs(/[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*)+")
PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*(/[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*)*")
VERSION = re.compile(r"\d+(?:\.\d+)*")
MAIN = "refs/heads/main"
NOTHING = "0" * 40
NAME = "qms"
ADDRESS = "qms@localhost"


@dataclass(frozen=True)
class RefMove:
    """One reference to move: ``new`` None deletes it, ``old`` None says that it must not exist yet."""

    ref: str
    new: str | None
    old: str | None


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
        self._git = Program(path, quarantine=quarantine)

    @classmethod
    def create(cls, path: Path) -> "Library":
        """Make an empty library at ``path``. Raises GitMissing."""
        path.mkdir(parents=True)
        library = cls(path)
        library._git.require_recent()
        library._git.run(["init", "--quiet", "--bare", "--initial-branch=main", "--template="])
        (path / "home").mkdir(exist_ok=True)
        flush(path)
        return library

    def __enter__(self) -> "Library":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the reading process."""
        self._git.close()

    def writer(self) -> AbstractContextManager[None]:
        """Be the only writer of this workspace. Git's children inherit the lock, so it outlives a killed parent until they end."""
        return self._git.writer()

    @property
    def is_writer(self) -> bool:
        """Whether this thread is the writer now."""
        return self._git.is_writer

    def read(self, blob: str) -> bytes:
        """The bytes of a blob. Raises NotFound."""
        kind, content = self._git.object(blob)
        if kind != "blob":
            raise NotFound("text", blob)
        return content

    def sizes(self, blobs: Iterable[str]) -> dict[str, int]:
        """How many bytes each blob has, without reading one. What is not here is left out."""
        asked = "".join(f"{object_id(blob)}\n" for blob in blobs)
        told = self._git.run(["cat-file", "--batch-check"], asked.encode("ascii")).decode("ascii")
        found = (line.split() for line in told.splitlines())
        return {line[0]: int(line[2]) for line in found if len(line) == 3 and line[1] == "blob"}

    def commit_at(self, commit: str) -> Commit:
        """What the commit ``commit`` says. Raises NotFound."""
        kind, content = self._git.object(commit)
        if kind != "commit":
            raise NotFound("commit", commit)
        return git_objects.parse_commit(commit, content)

    def tag_target(self, tag: str) -> str:
        """The object an annotated tag names. Raises NotFound."""
        kind, content = self._git.object(tag)
        if kind != "tag":
            raise NotFound("tag", tag)
        return content[7:47].decode("ascii")

    def exists(self, name: str) -> bool:
        """Whether the object is on the shelf and whole."""
        try:
            self._git.object(name)
        except (NotFound, ValueError):
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
        return {path: blob for path, _, blob in git_objects.files(self._entries, self.commit_at(commit).tree) if _is_below(path, under)}

    def modes(self, commit: str) -> dict[str, str]:
        """The mode git keeps for every file of ``commit``: a link or a foreign repository shows here."""
        return {path: mode for path, mode, _ in git_objects.files(self._entries, self.commit_at(commit).tree)}

    def changed(self, old: str, new: str, opens: Opens = everywhere) -> dict[str, str | None]:
        """What differs from commit ``old`` to commit ``new``: path → blob now, None when gone."""
        before, after = self.commit_at(old).tree, self.commit_at(new).tree
        return dict(git_objects.differences(self._entries, before, after, opens))

    def refs(self, prefix: str = "refs/") -> dict[str, str]:
        """Every reference below ``prefix`` → the object it names."""
        out = self._git.run(["for-each-ref", "--format=%(objectname) %(refname)", "--end-of-options", prefix.rstrip("/")]).decode()
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
        command = ["merge-base", "--is-ancestor", "--end-of-options", object_id(older), object_id(newer)]
        return self._git.call(command)[0] == 0

    def merge_base(self, a: str, b: str) -> str | None:
        """The last commit that both share, or None."""
        status, out, _ = self._git.call(["merge-base", "--end-of-options", object_id(a), object_id(b)])
        return out.decode().split("\n", 1)[0] if status == 0 else None

    def touched(self, new: str, known: Sequence[str], opens: Opens = everywhere, most: int | None = None) -> dict[str, tuple[str, ...]]:
        """What each commit behind ``new`` but not behind ``known`` changed against all its parents: commit → paths.

        Folders that ``opens`` refuses are named whole. Of more than ``most`` commits, only ``most`` + 1 are named and none is looked into.
        """
        excluded = [f"^{object_id(name)}" for name in known]
        count = [f"--max-count={most + 1}"] if most is not None else []
        commits = self._git.run(["rev-list", *count, "--end-of-options", object_id(new), *excluded]).decode().split()
        if most is not None and len(commits) > most:
            return dict.fromkeys(commits, ())
        found = {}
        for name in commits:
            commit = self.commit_at(name)
            parents = [self.commit_at(parent).tree for parent in commit.parents]
            found[name] = tuple(git_objects.touched(self._entries, commit.tree, parents or [None], opens))
        return found

    def merge_tree(self, ours: str, theirs: str) -> Merge:
        """Merge two commits from their common base without touching any reference."""
        command = ["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", "--end-of-options"]
        with self.writer():
            status, out, error = self._git.call([*command, object_id(ours), object_id(theirs)])
        if status not in (0, 1):
            raise LibraryFailed(error)
        tree, *paths = [part for part in out.decode().split("\0") if part]
        return Merge(tree, tuple(paths))

    def tree_blob(self, tree: str, path: str) -> str | None:
        """The blob under ``path`` in a bare tree, such as a merge gives."""
        return {name: blob for name, _, blob in git_objects.files(self._entries, tree)}.get(path)

    def diff(self, old: str, new: str) -> str:
        """The comparison of two blobs as git writes it, without colours."""
        command = ["diff", "--no-color", "--no-ext-diff", "--no-textconv", "--end-of-options", object_id(old), object_id(new)]
        return self._git.run(command).decode("utf-8", "replace")

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
        onto: str | None = None,
    ) -> str:
        """Make a commit that changes only ``changes`` (path → blob, None takes away) on its first parent, and no reference.

        ``blobs`` are written with it: give their contents here to save a process. ``onto`` names another commit whose files it starts
        from.
        """
        parents = [parent] if isinstance(parent, str) else list(parent or ())
        objects: list[tuple[str, bytes]] = [("blob", content) for content in blobs]
        start = onto or (parents[0] if parents else None)
        base = self.commit_at(start).tree if start is not None else None
        for path in changes:
            if PATH.fullmatch(path) is None:
                raise ValueError(f"not a path of the library: {path!r}")
        split = {tuple(path.split("/")): blob for path, blob in changes.items()}
        tree = git_objects.changed_tree(self._entries, base, split, objects)
        if tree is None:
            objects.append(("tree", b""))
            tree = git_objects.identify("tree", b"")
        author, committer = (git_objects.signature(name, ADDRESS, at) for name in (author_name, NAME))
        objects.append(("commit", git_objects.format_commit(tree, parents, author, committer, message, trailers or {})))
        return self._write(objects)[-1]

    def tag_object(self, target: str, name: str, message: str, at: datetime) -> str:
        """Make an annotated tag's object that names commit ``target``; the reference comes with ``move``."""
        tagger = git_objects.signature(NAME, ADDRESS, at)
        return self._write([("tag", git_objects.format_tag(object_id(target), name, tagger, message))])[0]

    def move(self, updates: Sequence[RefMove]) -> None:
        """Move all references or none. Raises Stale when one is not where it was said to be."""
        lines = [_ref_line(update) for update in updates]
        if not lines:
            return
        with self.writer():
            status, _, error = self._git.call(["update-ref", "--stdin", "-z"], "".join(lines).encode())
            if status != 0 and "File exists" in error:
                self.clear_stale_locks()
                status, _, error = self._git.call(["update-ref", "--stdin", "-z"], "".join(lines).encode())
        if status != 0:
            if "cannot lock ref" in error:
                raise Stale([Reason("STALE", values={"detail": error})])
            raise LibraryFailed(error)

    def force(self, ref: str, new: str) -> None:
        """Point ``ref`` to ``new`` whatever stands there, even a torn file."""
        with self.writer():
            self._mend(ref)
            self._git.run(["update-ref", "--no-deref", "--end-of-options", ref, object_id(new)])

    def drop(self, ref: str) -> None:
        """Take ``ref`` away wherever it points."""
        with self.writer():
            self._mend(ref)
            self._git.run(["update-ref", "--no-deref", "-d", "--end-of-options", ref])

    def _mend(self, ref: str) -> None:
        if REF.fullmatch(ref) is None:
            raise ValueError(f"not a reference: {ref!r}")
        file = self.path / ref
        if file.is_file() and OBJECT.fullmatch(file.read_text("ascii", "replace").strip()) is None:
            file.unlink()

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
                flush(folder)
        flush(self.path / "objects")

    def git_version(self) -> tuple[int, ...]:
        """Which git does the work: ``(2, 39, 5)``."""
        return tuple(int(part) for part in VERSION.findall(self._git.run(["version"]).decode())[0].split("."))

    def pack(self, targets: Iterable[str]) -> bytes:
        """Everything that commits and tags reach, as one pack."""
        return self._git.run(["pack-objects", "--revs", "--stdout", "-q"], "".join(f"{object_id(one)}\n" for one in targets).encode())

    def unpack(self, pack: bytes) -> None:
        """Take in a pack, each object checked, durably. Raises LibraryFailed."""
        with self.writer():
            self._git.run(["index-pack", "--stdin", "--strict"], pack)
            self.flush()

    def serve(self, environment: Mapping[str, str], settings: Mapping[str, str], body: IO[bytes]) -> Any:
        """Run git's own HTTP door for one request; returns the process. What it writes is the CGI answer."""
        return self._git.serve(environment, settings, body)

    def _entries(self, tree: str) -> dict[str, tuple[str, str]]:
        kind, content = self._git.object(tree)
        if kind != "tree":
            raise NotFound("tree", tree)
        return git_objects.parse_tree(content)

    def _write(self, objects: Sequence[tuple[str, bytes]]) -> list[str]:
        names = [git_objects.identify(kind, content) for kind, content in objects]
        with self.writer():
            status, _, error = self._git.call(["unpack-objects", "-q", "--strict"], git_objects.pack(objects))
            if status != 0:
                raise LibraryFailed(error)
            self._flush_objects(names)
        return names

    def _flush_objects(self, names: Iterable[str]) -> None:
        """Git flushes the files it writes but not the folders that name them."""
        for folder in {name[:2] for name in names}:
            flush(self.path / "objects" / folder)
        flush(self.path / "objects")


def _ref_line(update: RefMove) -> str:
    if REF.fullmatch(update.ref) is None or update.ref.endswith(".lock"):
        raise ValueError(f"not a reference: {update.ref!r}")
    old = NOTHING if update.old is None else object_id(update.old)
    if update.new is None:
        return f"delete {update.ref}\0{old}\0"
    return f"update {update.ref}\0{object_id(update.new)}\0{old}\0"


def _is_below(path: str, under: str) -> bool:
    return not under or path == under or path.startswith(under.rstrip("/") + "/")


def blob_id(content: bytes) -> str:
    """The name git gives to ``content``."""
    return git_objects.identify("blob", content)
