"""The arithmetic of the seal: how an entry becomes bytes, how bytes become a tree, and how a tree is signed for.

Standard library only, so that an auditor can read it whole. Canonical JSON is ours (sorted keys, no spaces, no floats); the tree is that
of RFC 9162 section 2.1; checkpoints are C2SP ``tlog-checkpoint`` notes signed with Ed25519.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

KEY_KIND = b"\x01"
_SIGNATURE_MARK = "\u2014 "


def canonical(value: object) -> str:
    """The one text of a JSON value. Raises TypeError for floats and for anything JSON does not have."""
    _refuse_floats(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _refuse_floats(value: object) -> None:
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"a key must be text, not {key!r}")
        items: Iterable[object] = value.values()
    elif isinstance(value, (list, tuple)):
        items = value
    else:
        items = (value,)
    for item in items:
        if item is None or isinstance(item, (str, bool, int)):
            continue
        if not isinstance(item, (dict, list, tuple)):
            raise TypeError(f"{type(item).__name__} cannot be sealed")
        _refuse_floats(item)


def leaf_hash(sealed: bytes) -> bytes:
    """RFC 9162: the hash of one entry's bytes as a leaf."""
    return hashlib.sha256(b"\x00" + sealed).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 9162: the hash of two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def empty_root() -> bytes:
    """The root of a tree without leaves."""
    return hashlib.sha256(b"").digest()


def extend(frontier: Sequence[bytes], size: int, leaf: bytes) -> tuple[list[bytes], list[tuple[int, int, bytes]]]:
    """Add one leaf to a tree of ``size`` leaves.

    ``frontier`` holds the roots of its perfect subtrees, largest first. Returns the new frontier and the inner nodes completed by this
    leaf as (level, index, hash), level 1 being the parents of leaves.
    """
    grown, completed = list(frontier), []
    level, index, current = 0, size, leaf
    while index & 1:
        current = node_hash(grown.pop(), current)
        level, index = level + 1, index >> 1
        completed.append((level, index, current))
    grown.append(current)
    return grown, completed


def root_of(frontier: Sequence[bytes]) -> bytes:
    """The root of the tree whose perfect subtrees these are, largest first."""
    if not frontier:
        return empty_root()
    current = frontier[-1]
    for left in reversed(frontier[:-1]):
        current = node_hash(left, current)
    return current


Lookup = Callable[[int, int], bytes]
"""Gives the hash of the perfect subtree at (level, index); level 0 are the leaves."""


def subtree(first: int, end: int, lookup: Lookup) -> bytes:
    """The hash of the leaves ``first`` to ``end`` (excluded), ``first`` being where such a subtree may begin."""
    width = end - first
    if width & (width - 1) == 0:
        level = width.bit_length() - 1
        return lookup(level, first >> level)
    split = 1 << ((width - 1).bit_length() - 1)
    return node_hash(subtree(first, first + split, lookup), subtree(first + split, end, lookup))


def inclusion_proof(index: int, size: int, lookup: Lookup) -> list[bytes]:
    """The path that shows that leaf ``index`` is in the tree of ``size`` leaves (RFC 9162, 2.1.3.1)."""
    if not 0 <= index < size:
        raise ValueError("no such leaf")
    path, first, end = [], 0, size
    while end - first > 1:
        split = 1 << ((end - first - 1).bit_length() - 1)
        if index - first < split:
            path.append(subtree(first + split, end, lookup))
            end = first + split
        else:
            path.append(subtree(first, first + split, lookup))
            first += split
    return path[::-1]


def root_from_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes:
    """The root that an inclusion proof leads to (RFC 9162, 2.1.3.2). Raises ValueError for a path that cannot be one."""
    if not 0 <= index < size:
        raise ValueError("no such leaf")
    fn, sn, current = index, size - 1, leaf
    for step in path:
        if sn == 0:
            raise ValueError("the path is too long")
        if fn & 1 or fn == sn:
            current = node_hash(step, current)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            current = node_hash(current, step)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise ValueError("the path is too short")
    return current


def consistency_proof(old: int, size: int, lookup: Lookup) -> list[bytes]:
    """The path that shows that the tree of ``old`` leaves is a beginning of the tree of ``size`` leaves (RFC 9162, 2.1.4.1)."""
    if not 0 < old <= size:
        raise ValueError("no such tree")
    path: list[bytes] = []
    first, end, whole = 0, size, True
    while old != end:
        split = 1 << ((end - first - 1).bit_length() - 1)
        if old - first <= split:
            path.append(subtree(first + split, end, lookup))
            end = first + split
        else:
            path.append(subtree(first, first + split, lookup))
            first, whole = first + split, False
    if not whole:
        path.append(subtree(first, end, lookup))
    return path[::-1]


def consistent(old: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]) -> bool:
    """Whether ``path`` shows that the tree of ``size`` leaves continues that of ``old`` leaves (RFC 9162, 2.1.4.2)."""
    if not 0 < old <= size:
        return False
    if old == size:
        return not path and old_root == root
    steps = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not steps:
        return False
    fn, sn = old - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    former = latter = steps[0]
    for step in steps[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            former, latter = node_hash(step, former), node_hash(step, latter)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            latter = node_hash(latter, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and former == old_root and latter == root


def note_body(origin: str, size: int, root: bytes) -> str:
    """The text of a checkpoint that is signed: origin, number of entries, root."""
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"


def key_id(name: str, public_key: bytes) -> bytes:
    """The four bytes by which a signature line names its key (C2SP signed-note)."""
    return hashlib.sha256(name.encode() + b"\n" + KEY_KIND + public_key).digest()[:4]


def note(body: str, name: str, public_key: bytes, signature: bytes) -> str:
    """A whole signed checkpoint. More signature lines may follow the first."""
    return f"{body}\n{_SIGNATURE_MARK}{name} {base64.b64encode(key_id(name, public_key) + signature).decode()}\n"


@dataclass(frozen=True)
class Note:
    """A checkpoint as read: what it says, and its signatures as (name, key id, signature)."""

    body: str
    origin: str
    size: int
    root: bytes
    signatures: tuple[tuple[str, bytes, bytes], ...]


def read_note(text: str) -> Note:
    """Read a signed checkpoint. Raises ValueError when it is not one."""
    body, gap, tail = text.partition("\n\n")
    lines = body.split("\n")
    if not gap or len(lines) < 3 or not tail.endswith("\n"):
        raise ValueError("not a signed checkpoint")
    if not lines[1].isdigit() or (lines[1] != "0" and lines[1].startswith("0")) or len(lines[1]) > 18:
        raise ValueError("the number of entries is not a number")
    root = base64.b64decode(lines[2], validate=True)
    if len(root) != 32:
        raise ValueError("the root is not 32 bytes")
    signatures = []
    for line in tail[:-1].split("\n"):
        mark, _, rest = line.partition(" ")
        name, _, blob = rest.rpartition(" ")
        raw = base64.b64decode(blob, validate=True)
        if mark != _SIGNATURE_MARK.strip() or not name or len(raw) < 5:
            raise ValueError("a signature line is malformed")
        signatures.append((name, raw[:4], raw[4:]))
    return Note(body + "\n", lines[0], int(lines[1]), root, tuple(signatures))
