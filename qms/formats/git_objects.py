"""The written form of git's objects, so that a text's name can be recomputed and checked by anybody.

A library keeps blobs (texts), trees (folders) and commits (who changed what, when). Each is named by a hash of its bytes. Knowing the form
lets one git process write everything that a release needs, where git's own commands would need seven.
"""

import hashlib
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

Entries = dict[str, tuple[str, str]]
"""What a folder holds: name → (mode, object)."""
Reader = Callable[[str], Entries]
Opens = Callable[[str], bool]
"""Whether to look into the folder of this path (``a/b/``). Folders can name each other so that ten of them hold ten thousand million
files: what came from outside is opened only where something may lie."""
FOLDER = "40000"
FILE = "100644"


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
        return {key: value for key, sign, value in (line.partition(": ") for line in lines) if sign}


def identify(kind: str, content: bytes) -> str:
    """The name git gives to an object."""
    return hashlib.sha1(f"{kind} {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()


def pack(objects: Sequence[tuple[str, bytes]]) -> bytes:
    """Objects (kind, content) in git's own transport form."""
    kinds = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}
    parts = [b"PACK" + (2).to_bytes(4, "big") + len(objects).to_bytes(4, "big")]
    for kind, content in objects:
        size = len(content)
        byte, size = kinds[kind] << 4 | size & 15, size >> 4
        head = bytearray()
        while size:
            head.append(byte | 128)
            byte, size = size & 127, size >> 7
        head.append(byte)
        parts += [bytes(head), zlib.compress(content, 1)]
    body = b"".join(parts)
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def parse_tree(content: bytes) -> Entries:
    """Read a folder."""
    entries, here = {}, 0
    while here < len(content):
        end = content.index(b"\0", here)
        mode, _, name = content[here:end].partition(b" ")
        entries[name.decode("utf-8", "surrogateescape")] = (mode.decode("ascii"), content[end + 1 : end + 21].hex())
        here = end + 21
    return entries


def format_tree(entries: Entries) -> bytes:
    """Write a folder: names in git's order, where a folder sorts as if it ended in a slash."""

    def order(item: tuple[str, tuple[str, str]]) -> bytes:
        name = item[0].encode("utf-8", "surrogateescape")
        return name + b"/" if item[1][0] == FOLDER else name

    return b"".join(
        mode.encode("ascii") + b" " + name.encode("utf-8", "surrogateescape") + b"\0" + bytes.fromhex(child)
        for name, (mode, child) in sorted(entries.items(), key=order)
    )


def parse_commit(name: str, content: bytes) -> Commit:
    """Read a commit."""
    head, _, message = content.decode("utf-8", "replace").partition("\n\n")
    lines = [(key, value) for key, _, value in (line.partition(" ") for line in head.splitlines())]
    author, _, when = next(value for key, value in lines if key == "author").rpartition("> ")
    return Commit(
        id=name,
        tree=next(value for key, value in lines if key == "tree"),
        parents=tuple(value for key, value in lines if key == "parent"),
        author=author.partition(" <")[0],
        at=datetime.fromtimestamp(int(when.split()[0]), UTC),
        message=message,
    )


def format_commit(tree: str, parents: Sequence[str], author: str, committer: str, message: str, trailers: Mapping[str, str]) -> bytes:
    """Write a commit; ``author`` and ``committer`` come from ``signature``."""
    text = message.strip() or "-"
    if trailers:
        text += "\n\n" + "\n".join(f"{key}: {' '.join(value.split())}" for key, value in trailers.items())
    head = [f"tree {tree}", *(f"parent {name}" for name in parents), f"author {author}", f"committer {committer}"]
    return ("\n".join(head) + f"\n\n{text}\n").encode()


def format_tag(target: str, name: str, tagger: str, message: str) -> bytes:
    """Write an annotated tag that names a commit."""
    return f"object {target}\ntype commit\ntag {name}\ntagger {tagger}\n\n{message.strip()}\n".encode()


def signature(name: str, address: str, at: datetime) -> str:
    """A name, an address and a moment as commits carry them; what could end the line early is left out."""
    clean = re.sub(r"[<>\x00-\x1f\x7f]", "", name).strip(" .,:;\"'") or "-"
    return f"{clean} <{address}> {int(at.timestamp())} +0000"


def files(read: Reader, tree: str, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Every file below a folder: path, mode, blob."""
    for name, (mode, child) in read(tree).items():
        if mode == FOLDER:
            yield from files(read, child, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", mode, child


def everywhere(folder: str) -> bool:
    """Look into every folder: for histories that were judged when they came."""
    return True


def touched(read: Reader, new: str | None, parents: Sequence[str | None], opens: Opens, prefix: str = "") -> Iterator[str]:
    """Every path of a folder that differs from each of its parents'; a folder that is not opened is named whole, with its slash."""
    now, before = read(new) if new else {}, [read(parent) if parent else {} for parent in parents]
    for name in sorted(now.keys() | {known for entries in before for known in entries}):
        here, were = now.get(name), [entries.get(name) for entries in before]
        if here in were:
            continue
        path, several = f"{prefix}{name}", [here, *were]
        folder, *folders = [one[1] if one and one[0] == FOLDER else None for one in several]
        if folder or any(folders):
            yield from touched(read, folder, folders, opens, f"{path}/") if opens(f"{path}/") else (f"{path}/",)
        if any(one and one[0] != FOLDER for one in several):
            yield path


def differences(
    read: Reader, old: str | None, new: str | None, opens: Opens = everywhere, prefix: str = ""
) -> Iterator[tuple[str, str | None]]:
    """Every path that differs between two folders, with its blob now or None; folders alike in both are not opened."""
    before = read(old) if old else {}
    after = read(new) if new else {}
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was == now:
            continue
        old_tree = was[1] if was and was[0] == FOLDER else None
        new_tree = now[1] if now and now[0] == FOLDER else None
        if (old_tree or new_tree) and opens(f"{prefix}{name}/"):
            yield from differences(read, old_tree, new_tree, opens, f"{prefix}{name}/")
        if (was and not old_tree) or (now and not new_tree):
            yield f"{prefix}{name}", now[1] if now and not new_tree else None


def changed_tree(
    read: Reader, base: str | None, changes: Mapping[tuple[str, ...], str | None], objects: list[tuple[str, bytes]]
) -> str | None:
    """The folder ``base`` with ``changes`` (path in parts → blob, None takes away); new folders are added to ``objects``.

    Returns None for a folder that became empty.
    """
    entries = dict(read(base)) if base else {}
    below: dict[str, dict[tuple[str, ...], str | None]] = {}
    for (name, *rest), blob in changes.items():
        if rest:
            below.setdefault(name, {})[tuple(rest)] = blob
        elif blob is None:
            entries.pop(name, None)
        else:
            entries[name] = (FILE, blob)
    for name, inner in below.items():
        old = entries.pop(name, None)
        tree = changed_tree(read, old[1] if old and old[0] == FOLDER else None, inner, objects)
        if tree is not None:
            entries[name] = (FOLDER, tree)
    if not entries:
        return None
    content = format_tree(entries)
    objects.append(("tree", content))
    return identify("tree", content)
