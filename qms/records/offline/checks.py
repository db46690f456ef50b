"""The checks that an auditor runs without us: seals, order, the signed tree, checkpoints, evidence files, and texts in a clone.

Each gives one finding: passed, failed with the places that do not fit, or left open for want of something. A checkpoint that the auditor
kept elsewhere is the strongest of them: it shows that nothing up to it was rewritten, even by somebody who holds the signing key.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from qms.records.offline.clone import Clone
from qms.records.offline.curve import signature_fits
from qms.records.offline.package import Export, Unreadable, hashes
from qms.records.seal import Note, canonical, consistent, extend, key_id, leaf_hash, read_note, root_from_inclusion, root_of

BRANCHES = ("refs/heads/checkpoints", "refs/remotes/origin/checkpoints")


@dataclass(frozen=True)
class Finding:
    """What one check gave: passed, failed (False) or left open (None) for want of something, and the places that did not fit."""

    name: str
    passed: bool | None
    problems: tuple[str, ...] = ()
    count: int = 0
    place: str = ""


@dataclass
class Tally:
    """What a walk over the entries gathers."""

    wanted: frozenset[int]
    count: int = 0
    last: int = 0
    frontier: list[bytes] = field(default_factory=list)
    roots: dict[int, bytes] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    files: dict[str, bool | None] = field(default_factory=dict)
    texts: int = 0
    texts_absent: int = 0
    problems: dict[str, list[str]] = field(default_factory=dict)

    def note(self, name: str, problem: str) -> None:
        """Remember a place that does not fit."""
        self.problems.setdefault(name, []).append(problem)


def verify(export: Export, held: Sequence[tuple[str, str]], key: bytes | None, clone: Clone | None) -> list[Finding]:
    """Every check of the export. ``held`` are checkpoints kept elsewhere, as (where from, text). Raises Unreadable."""
    known = [(place, *_read(text)) for place, text in held]
    published = [*export.published, *((note, None) for note in _in_clone(clone))]
    sizes = frozenset([*(note.size for note, _ in published), *(note.size for _, note, _ in known if note)])
    tally = Tally(sizes, roots={0: hashlib.sha256(b"").digest(), export.note.size: export.note.root})
    lines = export.lines()
    next(lines)
    for line in lines:
        _entry(export, line, tally, clone)
    if export.header["whole"] and (tally.count, root_of(tally.frontier)) != (export.note.size, export.note.root):
        tally.note("tree", f"{tally.count}/{export.note.size}")
    signed = _signed(export.note, export)
    findings = [_key(export, key), Finding("checkpoint", signed, () if signed else (export.note.origin,), export.note.size)]
    findings += [_summed(tally, name) for name in ("seal", "order", "tree")]
    wrong = [f"{note.size}: {problem}" for note, proof in published for problem in _against(note, export, tally, proof)]
    findings.append(Finding("published", not wrong if published else None, tuple(wrong), len(published)))
    for place, note, problem in known:
        wrong = list(_against(note, export, tally, None)) if note else [problem]
        findings.append(Finding("held", not wrong, tuple(wrong), place=place))
    return [*findings, *([] if known else [Finding("held", None)]), _evidence(export, tally), _texts(tally)]


def _entry(export: Export, line: dict[str, Any], tally: Tally, clone: Clone | None) -> None:
    tally.count += 1
    position, sealed = line.get("position"), line.get("sealed")
    if type(position) is not int or not isinstance(sealed, str):
        raise Unreadable(f"trail.jsonl:{tally.count + 1}")
    said = _said(sealed)
    if said is None or said.get("v") != 1:
        tally.note("seal", f"#{position}")
    if (said is not None and said.get("position") != position) or position <= tally.last:
        tally.note("order", f"#{position}")
    elif export.header["whole"] and position != tally.last + 1:
        tally.note("order", f"#{tally.last + 1}")
    tally.last = max(tally.last, position)
    leaf = leaf_hash(sealed.encode("utf-8", "surrogatepass"))
    if export.header["whole"]:
        tally.frontier, _ = extend(tally.frontier, tally.count - 1, leaf)
        if tally.count in tally.wanted:
            tally.roots[tally.count] = root_of(tally.frontier)
    elif not included(line, position, export.note, leaf):
        tally.note("tree", f"#{position}")
    if said is not None:
        _numbered(export, said, position, tally)
        _attached(export, said, position, tally)
        _written(said, position, tally, clone)


def _numbered(export: Export, said: dict[str, Any], position: int, tally: Tally) -> None:
    """Entries of one case count from one without a gap, wherever the export promises to hold all of them."""
    case = said.get("case")
    if not isinstance(case, dict):
        return
    number = str(case.get("number"))
    if not export.header["whole"] and number != export.header.get("case"):
        return
    tally.numbers[number] = tally.numbers.get(number, 0) + 1
    if case.get("n") != tally.numbers[number]:
        tally.note("order", f"#{position} {number}")


def _attached(export: Export, said: dict[str, Any], position: int, tally: Tally) -> None:
    pieces = said.get("evidence")
    for piece in pieces if isinstance(pieces, list) else ():
        sha256 = str(piece.get("sha256")) if isinstance(piece, dict) else ""
        if sha256 not in tally.files:
            is_hash = len(sha256) == 64 and not set(sha256) - set("0123456789abcdef")
            tally.files[sha256] = export.evidence(sha256) if is_hash else False
        if tally.files[sha256] is False or (tally.files[sha256] is None and export.header["with_evidence"]):
            tally.note("evidence", f"#{position} {sha256[:16]}")


def _written(said: dict[str, Any], position: int, tally: Tally, clone: Clone | None) -> None:
    """Whether the clone holds the very text that an entry names. What is or was in force must be in every clone; drafts may be absent."""
    document = said.get("document")
    if not isinstance(document, dict) or not document.get("blob"):
        return
    if clone is None:
        tally.texts_absent += 1
        return
    blob, commit, tag, path = (str(document[name]) if document.get(name) else None for name in ("blob", "commit", "tag", "path"))
    where = f"#{position} {document.get('code') or document.get('key')}"
    try:
        found = clone.object(str(blob))
        if found is None:
            tally.texts_absent += tag is None
            if tag is not None:
                tally.note("git", f"{where} {blob}")
            return
        tally.texts += 1
        if found[0] != "blob" or document.get("sha256") not in (None, hashlib.sha256(found[1]).hexdigest()):
            tally.note("git", f"{where} {blob}")
        elif commit and (tag or clone.object(commit)) and not clone.holds(commit, str(blob), path):
            tally.note("git", f"{where} {commit}")
        elif tag and clone.tag_target(tag) != commit:
            tally.note("git", f"{where} {tag}")
    except ValueError as error:
        tally.note("git", f"{where} {error}")


def _against(note: Note, export: Export, tally: Tally, proof: Sequence[bytes] | None) -> Iterator[str]:
    """What speaks against a checkpoint, seen from this export: the reasons it does not agree."""
    if not _signed(note, export):
        yield "signature"
    if note.size > export.note.size:
        yield f"{note.size} > {export.note.size}"
    elif note.size in tally.roots:
        if tally.roots[note.size] != note.root:
            yield "root"
    else:
        paths = [proof] if proof is not None else [path for one, path in export.published if one.size == note.size]
        if not any(consistent(note.size, note.root, export.note.size, export.note.root, path) for path in paths):
            yield "consistency" if paths else "proof?"


def _signed(note: Note, export: Export) -> bool:
    origin = export.header["origin"]
    mine = key_id(origin, export.key)
    lines = [made for name, named, made in note.signatures if name == origin and named == mine]
    return note.origin == origin and any(signature_fits(export.key, note.body.encode("utf-8", "replace"), made) for made in lines[:4])


def included(line: dict[str, Any], position: int, head: Note, leaf: bytes) -> bool:
    """Whether the line's proof leads from its entry to the signed root."""
    try:
        return root_from_inclusion(position - 1, head.size, leaf, hashes(line["proof"])) == head.root
    except (ValueError, KeyError, TypeError):
        return False


def _said(sealed: str) -> dict[str, Any] | None:
    try:
        said = json.loads(sealed)
        return said if isinstance(said, dict) and canonical(said) == sealed else None
    except (ValueError, TypeError, RecursionError):
        return None


def _read(text: str) -> tuple[Note | None, str]:
    try:
        return read_note(text), ""
    except ValueError as error:
        return None, str(error)


def _in_clone(clone: Clone | None) -> list[Note]:
    """The checkpoints on the clone's own branch. Raises Unreadable when the branch is damaged."""
    if clone is None:
        return []
    try:
        return [read_note(content.decode("utf-8")) for branch in BRANCHES for _, content in clone.files(branch)]
    except ValueError as error:
        raise Unreadable(f"git: {error}") from error


def _key(export: Export, key: bytes | None) -> Finding:
    passed = None if key is None else key == export.key
    return Finding("key", passed, (key_print(export.key),) if passed is False else (), place=key_print(export.key))


def key_print(key: bytes) -> str:
    """The fingerprint by which people compare keys."""
    digest = hashlib.sha256(key).hexdigest()
    return " ".join(digest[start : start + 8] for start in range(0, 64, 8))


def _summed(tally: Tally, name: str) -> Finding:
    return Finding(name, name not in tally.problems, tuple(tally.problems.get(name, ())), tally.count)


def _evidence(export: Export, tally: Tally) -> Finding:
    problems = tuple(tally.problems.get("evidence", ()))
    absent = sum(found is None for found in tally.files.values())
    if absent and not problems and not export.header["with_evidence"]:
        return Finding("evidence", None, count=absent)
    return Finding("evidence", not problems, problems, len(tally.files) - absent)


def _texts(tally: Tally) -> Finding:
    problems = tuple(tally.problems.get("git", ()))
    return Finding("git", None if not problems and not tally.texts else not problems, problems, tally.texts)
