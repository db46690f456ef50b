"""Reads a clone of the library beside the package and recomputes the name of every object it is shown.

A git repository is as trustworthy as its object names: a text is the one recorded only if its bytes, hashed again here, give the name
that was sealed. The git program is asked for objects when it is installed; else loose objects are read without it.
"""

import hashlib
import os
import re
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

OBJECT_NAME = re.compile(r"[0-9a-f]{40}")
LARGEST_OBJECT = 200_000_000


class Clone:
    """One repository, bare or not, that is only ever read."""

    def __init__(self, folder: Path) -> None:
        inner = folder / ".git"
        self.folder = inner if inner.is_dir() else folder
        self._known: dict[str, tuple[str, bytes] | None] = {}
        if not (self.folder / "objects").is_dir():
            raise ValueError(f"no git repository at {folder}")

    def object(self, name: str) -> tuple[str, bytes] | None:
        """Kind and bytes of an object; None when it is not here. Raises ValueError when its bytes do not give its name."""
        if OBJECT_NAME.fullmatch(name) is None:
            raise ValueError(f"{name[:60]!r} is not the name of an object")
        if name not in self._known:
            if len(self._known) > 5000:
                self._known.clear()
            self._known[name] = self._loose(name) or self._asked(name)
        found = self._known[name]
        if found is not None:
            head = f"{found[0]} {len(found[1])}\0".encode()
            if hashlib.sha1(head + found[1], usedforsecurity=False).hexdigest() != name:
                raise ValueError(f"object {name} does not hash to its name")
        return found

    def holds(self, commit: str, blob: str, path: str | None) -> bool:
        """Whether ``commit`` contains ``blob``: under ``path`` when one is given, anywhere otherwise."""
        found = self.object(commit)
        if found is None or found[0] != "commit":
            return False
        match = re.match(rb"tree ([0-9a-f]{40})\n", found[1])
        if match is None:
            raise ValueError(f"commit {commit} names no tree")
        return any(name == blob and path in (None, where) for where, name in self._files(match[1].decode(), "", 0))

    def tag_target(self, tag: str) -> str | None:
        """The commit that the tag ``tag`` names, through its annotated object; None when there is no such tag."""
        name = self.reference(f"refs/tags/{tag}")
        found = self.object(name) if name else None
        while found is not None and found[0] == "tag":
            match = re.match(rb"object ([0-9a-f]{40})\n", found[1])
            if match is None:
                raise ValueError(f"tag {tag} names nothing")
            name = match[1].decode()
            found = self.object(name)
        return name if found is not None else None

    def reference(self, ref: str) -> str | None:
        """The object a reference names, loose or packed; None when there is none."""
        if ".." in ref or ref.startswith("/"):
            raise ValueError(f"{ref[:60]!r} is not a reference")
        loose = self.folder / ref
        if loose.is_file():
            text = loose.read_text("ascii", "replace").strip()
            return text if OBJECT_NAME.fullmatch(text) else None
        packed = self.folder / "packed-refs"
        for line in packed.read_text("utf-8", "replace").splitlines() if packed.is_file() else []:
            name, _, said = line.partition(" ")
            if said == ref and OBJECT_NAME.fullmatch(name):
                return name
        return None

    def files(self, ref: str) -> Iterator[tuple[str, bytes]]:
        """Every file of the commit a reference names, as (path, bytes); nothing when there is no such reference."""
        name = self.reference(ref)
        found = self.object(name) if name else None
        if found is None or found[0] != "commit":
            return
        for path, blob in self._files(found[1][5:45].decode("ascii", "replace"), "", 0):
            kept = self.object(blob)
            if kept is None:
                raise ValueError(f"{ref}: {path} is missing")
            yield path, kept[1]

    def _files(self, tree: str, folder: str, depth: int) -> Iterator[tuple[str, str]]:
        found = self.object(tree)
        if found is None or found[0] != "tree" or depth > 50:
            raise ValueError(f"tree {tree} is missing")
        rest = found[1]
        while rest:
            head, _, tail = rest.partition(b"\0")
            mode, _, name = head.partition(b" ")
            inner, rest, path = tail[:20].hex(), tail[20:], folder + name.decode("utf-8", "replace")
            if mode == b"40000":
                yield from self._files(inner, path + "/", depth + 1)
            else:
                yield path, inner

    def _loose(self, name: str) -> tuple[str, bytes] | None:
        path = self.folder / "objects" / name[:2] / name[2:]
        if not path.is_file():
            return None
        try:
            content = zlib.decompressobj().decompress(path.read_bytes(), LARGEST_OBJECT)
        except (zlib.error, OSError) as error:
            raise ValueError(f"object {name} is damaged") from error
        head, _, body = content.partition(b"\0")
        return head.partition(b" ")[0].decode("ascii", "replace"), body

    def _asked(self, name: str) -> tuple[str, bytes] | None:
        command = ["git", "--no-replace-objects", f"--git-dir={self.folder}", "cat-file", "--batch"]
        settings = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_COUNT": "1"}
        settings |= {"GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*", "GIT_NO_LAZY_FETCH": "1"}
        try:
            done = subprocess.run(command, input=f"{name}\n".encode(), capture_output=True, env={**os.environ, **settings}, check=False)
        except OSError:
            return None
        head, _, body = done.stdout.partition(b"\n")
        words = head.split()
        if len(words) != 3 or words[0].decode("ascii", "replace") != name:
            return None
        return words[1].decode("ascii", "replace"), body[: int(words[2])]
