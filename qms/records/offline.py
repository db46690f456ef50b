"""The verifier that travels: checks an export of the trail with Python's standard library alone, on any machine, without the program.

    python verifica.py EXPORT [--checkpoint FILE]… [--key FILE] [--git CLONE] [--language it|en]

EXPORT is the zip file or its unpacked folder. A checkpoint is one that left the building earlier and was kept elsewhere: it is what shows
that nothing up to it was rewritten, even by somebody who holds the signing key. Leaves with 0 when every check passed, 1 when one did not,
2 when the export cannot be read. In an export this file is preceded by ``seal``, so that it stands alone.
"""

import argparse
import base64
import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from qms.records.seal import (
    canonical,
    consistent,
    extend,
    key_id,
    leaf_hash,
    read_note,
    root_from_inclusion,
    root_of,
)  # joined when shipped

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
LONGEST_LINE = 20_000_000
Point = tuple[int, int, int, int]

WORDS = {
    "format": ("L'esportazione si legge", "The export can be read"),
    "seal": (
        "Ogni registrazione è scritta nella forma sigillata e sta al suo posto",
        "Every record is in its sealed form and in its place",
    ),
    "tree": ("Le registrazioni danno la somma dichiarata dal punto di controllo", "The records add up to what the checkpoint states"),
    "numbers": ("Ogni pratica è numerata senza salti", "Every case is numbered without gaps"),
    "signature": ("I punti di controllo portano la firma della chiave", "The checkpoints bear the key's signature"),
    "checkpoint": ("I punti di controllo pubblicati concordano", "The published checkpoints agree"),
    "held": ("Il punto di controllo che avete conservato concorda", "The checkpoint you kept agrees"),
    "evidence": ("Gli allegati sono quelli registrati", "The evidence files are the ones recorded"),
    "git": ("I testi nel clone sono quelli approvati", "The texts in the clone are the ones approved"),
    "passed": ("sì", "yes"),
    "failed": ("NO", "NO"),
    "good": ("Tutti i controlli sono superati.", "Every check passed."),
    "bad": ("Almeno un controllo non è superato.", "At least one check did not pass."),
    "no_held": (
        "Senza un punto di controllo conservato fuori non si può escludere una riscrittura fatta con la chiave.",
        "Without a checkpoint kept elsewhere, a rewriting made with the key cannot be ruled out.",
    ),
}


class Unreadable(Exception):
    """The export is not what it should be; says where."""


def _recover(y: int, sign: int) -> int:
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or (x == 0 and sign):
        raise ValueError("not a point")
    return P - x if x & 1 != sign else x


def _point(raw: bytes) -> Point:
    number = int.from_bytes(raw, "little")
    y, sign = number & ((1 << 255) - 1), number >> 255
    if y >= P:
        raise ValueError("not a point")
    x = _recover(y, sign)
    return x, y, 1, x * y % P


def _add(a: Point, b: Point) -> Point:
    one, two = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    three, four = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = two - one, four - three, four + three, two + one
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(factor: int, point: Point) -> Point:
    total: Point = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            total = _add(total, point)
        point, factor = _add(point, point), factor >> 1
    return total


def ed25519_verifies(public: bytes, message: bytes, signature: bytes) -> bool:
    """RFC 8032, 5.1.7, written out: whether ``signature`` over ``message`` fits ``public``. Refuses a scalar that is not reduced."""
    if len(public) != 32 or len(signature) != 64:
        return False
    scalar = int.from_bytes(signature[32:], "little")
    if scalar >= ORDER:
        return False
    try:
        key, nonce = _point(public), _point(signature[:32])
    except ValueError:
        return False
    digest = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    base = _point(((4 * pow(5, P - 2, P)) % P).to_bytes(32, "little"))
    left, right = _times(scalar, base), _add(nonce, _times(digest, key))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


class Export:
    """An export on disk, zip or folder: its header, its lines, its evidence files."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._zip = zipfile.ZipFile(place) if place.is_file() else None
        lines = self.lines()
        self.header = next(lines, None) or {}
        shape = {"v": int, "origin": str, "public_key": str, "checkpoint": str, "whole": bool, "checkpoints": list}
        if any(not isinstance(self.header.get(name), kind) for name, kind in shape.items()) or self.header["v"] != 1:
            raise Unreadable("trail.jsonl:1")
        self.key = base64.b64decode(self.header["public_key"], validate=True)

    def lines(self) -> Iterator[dict[str, Any]]:
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
        except (KeyError, OSError):
            return None
        return digest.hexdigest() == sha256

    def _open(self, name: str) -> IO[bytes]:
        if self._zip is not None:
            return self._zip.open(name)
        return (self._place / name).open("rb")


class Clone:
    """A clone of the library; objects are asked of git and their names recomputed here."""

    def __init__(self, folder: Path) -> None:
        self._git = subprocess.Popen(["git", "-C", str(folder), "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def read(self, name: str) -> tuple[str, bytes] | None:
        """The kind and content of an object, None when it is missing or does not hash to its name."""
        if not (self._git.stdin and self._git.stdout) or len(name) != 40 or set(name) - set("0123456789abcdef"):
            return None
        self._git.stdin.write(name.encode() + b"\n")
        self._git.stdin.flush()
        parts = self._git.stdout.readline().split()
        if len(parts) != 3:
            return None
        content = self._git.stdout.read(int(parts[2]))
        self._git.stdout.read(1)
        kind = parts[1].decode()
        real = hashlib.sha1(b"%s %d\x00" % (parts[1], len(content)) + content).hexdigest()  # noqa: S324 (git's own names)
        return (kind, content) if real == name else None

    def blob_at(self, commit: str, path: str) -> str | None:
        found = self.read(commit)
        if found is None or found[0] != "commit":
            return None
        name = found[1].split(b"\n", 1)[0].removeprefix(b"tree ").decode()
        for part in path.split("/"):
            tree = self.read(name)
            if tree is None or tree[0] != "tree":
                return None
            name = dict(_tree_entries(tree[1])).get(part, "")
        return name

    def close(self) -> None:
        self._git.communicate()


def _tree_entries(content: bytes) -> Iterator[tuple[str, str]]:
    while content:
        head, _, rest = content.partition(b"\x00")
        yield head.partition(b" ")[2].decode("utf-8", "replace"), rest[:20].hex()
        content = rest[20:]


def check_document(clone: Clone, document: dict[str, Any]) -> bool:
    """Whether the clone holds the text that an entry names: blob, its SHA-256, and the commit that holds it at its path."""
    blob = str(document.get("blob", ""))
    found = clone.read(blob)
    if found is None or found[0] != "blob":
        return False
    if "sha256" in document and hashlib.sha256(found[1]).hexdigest() != document["sha256"]:
        return False
    commit, path = document.get("commit"), document.get("path")
    return not (commit and path) or clone.blob_at(str(commit), str(path)) == blob


def verify(export: Export, held: list[str], clone: Clone | None) -> Iterator[tuple[str, str]]:
    """Every place that does not fit, as (name of the check, place). Raises Unreadable."""
    header, whole = export.header, bool(export.header["whole"])
    try:
        head = read_note(header["checkpoint"])
        notes = [(read_note(str(one["note"])), [base64.b64decode(step) for step in one["proof"]]) for one in header["checkpoints"]]
    except (ValueError, KeyError, TypeError) as error:
        raise Unreadable("trail.jsonl:1") from error
    if not _is_signed(head, export.key, header["origin"]):
        yield "signature", str(head.size)
    kept = []
    for place, text in enumerate(held, 1):
        try:
            kept.append(read_note(text))
            if not _is_signed(kept[-1], export.key, header["origin"]):
                yield "held", f"{place}: key"
        except ValueError:
            yield "held", str(place)
    roots: dict[int, bytes] = {}
    wanted = {note.size for note, _ in notes} | {note.size for note in kept}
    yield from _entries(export, head, whole, wanted, roots, clone)
    for note, proof in notes:
        if not _is_signed(note, export.key, header["origin"]):
            yield "signature", str(note.size)
        if not (roots.get(note.size) == note.root if whole else _continues(note, head, proof)):
            yield "checkpoint", str(note.size)
        elif not whole:
            roots[note.size] = note.root
    roots[head.size] = head.root
    for note in kept:
        if roots.get(note.size) != note.root:
            yield "held", str(note.size)


def _continues(note: Any, head: Any, proof: list[bytes]) -> bool:
    return note.size == 0 or consistent(note.size, note.root, head.size, head.root, proof)


def _is_signed(note: Any, key: bytes, origin: str) -> bool:
    mine = key_id(note.origin, key)
    return note.origin == origin and any(
        named == mine and ed25519_verifies(key, note.body.encode(), made) for _, named, made in note.signatures
    )


def _entries(
    export: Export, head: Any, whole: bool, wanted: set[int], roots: dict[int, bytes], clone: Clone | None
) -> Iterator[tuple[str, str]]:
    frontier: list[bytes] = []
    count, last = 0, 0
    numbers: dict[str, int] = {}
    seen: dict[str, bool | None] = {}
    lines = export.lines()
    next(lines)
    for line in lines:
        count += 1
        position, sealed = line.get("position"), line.get("sealed")
        if type(position) is not int or not isinstance(sealed, str):
            raise Unreadable(f"trail.jsonl:{count + 1}")
        said = _said(sealed)
        if said is None or said.get("position") != position or position <= last or (whole and position != count):
            yield "seal", f"#{position}"
        last = max(last, position)
        leaf = leaf_hash(sealed.encode("utf-8", "surrogatepass"))
        if whole:
            frontier, _ = extend(frontier, count - 1, leaf)
            if count in wanted:
                roots[count] = root_of(frontier)
        elif not _included(line, position, head, leaf):
            yield "tree", f"#{position}"
        if said is not None:
            yield from _contents(export, said, position, numbers if whole else None, seen, clone)
    if whole and (count != head.size or root_of(frontier) != head.root):
        yield "tree", f"{count}/{head.size}"


def _included(line: dict[str, Any], position: int, head: Any, leaf: bytes) -> bool:
    try:
        path = [base64.b64decode(step, validate=True) for step in line["proof"]]
        return bool(root_from_inclusion(position - 1, head.size, leaf, path) == head.root)
    except (ValueError, KeyError, TypeError):
        return False


def _said(sealed: str) -> dict[str, Any] | None:
    try:
        said = json.loads(sealed)
        return said if isinstance(said, dict) and canonical(said) == sealed else None
    except (ValueError, TypeError, RecursionError):
        return None


def _contents(
    export: Export, said: dict[str, Any], position: int, numbers: dict[str, int] | None, seen: dict[str, bool | None], clone: Clone | None
) -> Iterator[tuple[str, str]]:
    case, document, pieces = said.get("case"), said.get("document"), said.get("evidence")
    if numbers is not None and isinstance(case, dict):
        number = str(case.get("number"))
        if case.get("n") != numbers.get(number, 0) + 1:
            yield "numbers", f"#{position} {number}"
        numbers[number] = numbers.get(number, 0) + 1
    for piece in pieces if isinstance(pieces, list) else ():
        sha256 = str(piece.get("sha256")) if isinstance(piece, dict) else ""
        if sha256 not in seen:
            seen[sha256] = export.evidence(sha256) if len(sha256) == 64 and sha256.isalnum() else False
        if seen[sha256] is False or (seen[sha256] is None and sha256 in export.header.get("evidence", [])):
            yield "evidence", f"#{position} {sha256[:16]}"
    if clone is not None and isinstance(document, dict) and document.get("blob") and not check_document(clone, document):
        yield "git", f"#{position} {document.get('code') or document.get('key')}"


def main(arguments: list[str] | None = None) -> int:
    """Verify and print; returns the exit code."""
    parser = argparse.ArgumentParser(description="qms: verifica offline / offline verification")
    parser.add_argument("export", type=Path)
    parser.add_argument("--checkpoint", type=Path, action="append", default=[])
    parser.add_argument("--key", type=Path)
    parser.add_argument("--git", type=Path)
    parser.add_argument("--language", choices=("it", "en"), default="it")
    given = parser.parse_args(arguments)
    tongue = 1 if given.language == "en" else 0
    say = sys.stdout.write
    clone = Clone(given.git) if given.git else None
    try:
        export = Export(given.export)
        if given.key:
            export.key = base64.b64decode(given.key.read_text().strip(), validate=True)
        held = [path.read_text(encoding="utf-8") for path in given.checkpoint]
        found = list(verify(export, held, clone))
    except (Unreadable, OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        say(f"{WORDS['format'][tongue]}: {WORDS['failed'][tongue]} ({type(error).__name__} {error})\n")
        return 2
    finally:
        if clone is not None:
            clone.close()
    names = ["seal", "tree", "numbers", "signature", "checkpoint", *(["held"] if held else []), "evidence", *(["git"] if clone else [])]
    for name in names:
        places = [place for check, place in found if check == name]
        say(f"{WORDS[name][tongue]}: {WORDS['failed' if places else 'passed'][tongue]}\n")
        for place in places[:50]:
            say(f"    {place}\n")
    if not held:
        say(WORDS["no_held"][tongue] + "\n")
    say(WORDS["bad" if found else "good"][tongue] + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
