"""How a library begins: documents that were in force before the system was, taken in as they are, by a decision that is recorded."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from zoneinfo import ZoneInfo

from qms.database import Transaction, stamp
from qms.errors import BadContent, Problem
from qms.library import MAIN, Library, blob_id
from qms.people.actor import Actor
from qms.procedures import document, ledger, register
from qms.procedures.document import Front
from qms.procedures.ledger import Change, revision_tag
from qms.procedures.register import RegisterRow, Revision
from qms.procedures.release import months_after
from qms.records.trail import Receipt


@dataclass(frozen=True)
class _Adopted:
    front: Front
    path: str
    content: bytes


def adopt(
    tx: Transaction,
    library: Library,
    documents: Mapping[str, bytes],
    *,
    by: Actor,
    zone: ZoneInfo,
    others: Mapping[str, bytes] | None = None,
    roles: Collection[str] | None = None,
    number: int = 0,
    comment: str | None = None,
) -> list[Receipt]:
    """Put ``documents`` (path → text) in force as adopted revisions, with ``others`` beside them: workflow definitions, record forms,
    figures. One commit; one tag and one entry for each document. Raises BadContent with the problems of all."""
    ledger.require_writer(library)
    found = _read(documents, roles)
    head = ledger.target(tx.connection, MAIN)
    files = {**documents, **(others or {})}
    changes = {path: blob_id(content) for path, content in files.items()}
    commit = library.commit(head, changes, "Adopt the library", by.person, tx.now, blobs=list(files.values()))
    receipts = []
    for place, one in enumerate(found):
        name = f"rev/{one.front.key}/{number}"
        tag = library.tag_object(commit, name, f"{one.front.code} revision {number}, adopted", tx.now)
        refs: dict[str, tuple[str | None, str | None]] = {revision_tag(one.front.key, number): (None, tag)}
        if place == 0:
            refs[MAIN] = (head, commit)
        change = Change(_rows(one, commit, number, tx, zone), refs)
        named = {
            "key": one.front.key, "code": one.front.code, "revision": number, "path": one.path, "blob": blob_id(one.content),
            "sha256": sha256(one.content).hexdigest(), "commit": commit, "tag": name,
        }  # fmt: skip
        receipts.append(ledger.record(tx, library, "document-adopted", by, change, document=named, comment=comment))
    return receipts


def _read(documents: Mapping[str, bytes], roles: Collection[str] | None) -> list[_Adopted]:
    problems: list[Problem] = []
    found: dict[str, _Adopted] = {}
    for path, content in sorted(documents.items()):
        try:
            front = document.parse(content, path, roles).front
        except BadContent as error:
            problems += error.problems
            continue
        if front.key in found:
            problems.append(Problem(path, 0, "document.key_twice", {"key": front.key, "other": found[front.key].path}))
        found[front.key] = _Adopted(front, path, content)
    codes: dict[str, str] = {}
    for one in found.values():
        if one.front.code in codes:
            problems.append(Problem(one.path, 0, "document.key_twice", {"key": one.front.code, "other": codes[one.front.code]}))
        codes[one.front.code] = one.path
    if problems:
        raise BadContent(problems)
    return list(found.values())


def _rows(one: _Adopted, commit: str, number: int, tx: Transaction, zone: ZoneInfo) -> dict[str, list[dict[str, object]]]:
    front, blob, digest = one.front, blob_id(one.content), sha256(one.content).hexdigest()
    today = tx.now.astimezone(zone).date()
    line = RegisterRow(
        front.key, front.code, front.title, front.type, front.language, front.owner, front.clauses, front.distribution, front.workflows,
        front.review_every, one.path, number, blob, digest, commit, stamp(tx.now),
        months_after(today, front.review_every).isoformat(), "in-force", front.titles,
    )  # fmt: skip
    made = Revision(
        front.key, number, "in-force", None, front.code, front.title, one.path, blob, digest, commit, f"rev/{front.key}/{number}",
        today.isoformat(), False, "", stamp(tx.now), stamp(tx.now), None,
    )  # fmt: skip
    return {
        "document": [register.row_of(line)],
        "revision": [{**made.__dict__, "minor": 0}],
        "document_code": [{"code": front.code, "key": front.key}],
    }
