"""Drafts: a proposed text, written in the web editor or pushed by a git client, and who wrote it.

Every saved text is a commit and an entry on the trail. Whoever wrote, pushed or submitted is an author, and an author does not approve;
the name that stands in a commit counts for nothing, only the person who was signed in. ISO 9001 §7.5.2.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from qms.database import Transaction, stamp
from qms.errors import Incomplete, NotFound, NotPermitted, Reason, Refused, Stale
from qms.library import Library, blob_id
from qms.people.actor import Actor
from qms.people.sight import WRITERS, sees_document, sees_drafts, writes_documents
from qms.procedures import document, files, ledger, register
from qms.procedures.ledger import Change, archive_ref, draft_ref, listed
from qms.procedures.register import Draft
from qms.records import trail
from qms.records.evidence import Stored
from qms.records.trail import Receipt


@dataclass(frozen=True)
class NewDocument:
    """What must be known before the first draft of a document that does not exist. ``name`` is the last part of its file's name."""

    code: str
    title: str
    type: str
    language: str
    owner: str
    area: str
    name: str

    @property
    def path(self) -> str:
        return f"procedures/{self.area}/{self.code}-{self.name}.md"


@dataclass(frozen=True)
class Opening:
    """What the case of a proposal is opened with: the caller knows the workflow, this room does not."""

    key: str
    slug: str
    kind: str
    title: str
    type: str
    reason: str


OpenCase = Callable[[Transaction, Opening], str]
"""Opens the case of a proposal within the same transaction and returns its number."""


@dataclass(frozen=True)
class Saved:
    """A draft's new tip. No receipt when the text was already there."""

    commit: str
    case: str
    receipt: Receipt | None


def start_draft(
    tx: Transaction,
    library: Library,
    *,
    key: str,
    slug: str,
    by: Actor,
    open_case: OpenCase,
    new: NewDocument | None = None,
    reason: str = "",
    idempotency: str | None = None,
    file: Stored | None = None,
) -> Saved:
    """Open a draft on the text in force, or on a template for a ``new`` document, and its case.

    ``file`` is what a new document is, when that is not its own text. Raises NotPermitted, Incomplete, NotFound.
    """
    ledger.require_writer(library)
    _require_author(tx.connection, key, by)
    asked = trail.request_digest("start", key, slug, new, reason, *_hash(file))
    if (done := _already(tx, idempotency, key, slug, asked)) is not None:
        return done
    _check_names(tx.connection, key, slug, new)
    head = ledger.main_head(tx.connection)
    if new is None:
        row = register.document(tx.connection, key)
        if row.status != "in-force":
            raise NotFound("document", key)
        path, tip, text, title, kind = row.path, head, library.read(row.blob), row.title, row.type
        code = row.code
        base: int | None = row.revision
    else:
        path, title, kind, base, code = new.path, new.title, new.type, None, new.code
        words = document.template(key, new.code, new.title, new.type, new.language, new.owner)
        text = (words if file is None else files.written_into(words, file)).encode()
        document.parse(text, path)
        tip = library.commit(head, {path: blob_id(text)}, f"Draft {key}/{slug}", by.person, tx.now, blobs=[text])
    case = open_case(tx, Opening(key, slug, "text", f"{code} – {title}", kind, reason))
    draft = Draft(key, slug, "text", "open", case, title, path, tip, blob_id(text), digest(text), base, (by.person,), reason, stamp(tx.now))
    change = Change({"draft": [row_of(draft)]}, {draft_ref(key, slug): (None, tip)})
    brought = _brought(file if new is not None else None)
    receipt = ledger.record(
        tx, library, "draft-saved", by, change, document=_named(draft), what={"asked": asked}, idempotency=idempotency, evidence=brought
    )
    return Saved(tip, case, receipt)


def start_proposal(
    tx: Transaction, library: Library, *, key: str, kind: str, by: Actor, open_case: OpenCase, reason: str, idempotency: str | None = None
) -> Saved:
    """Propose to withdraw a document ("withdrawal") or to confirm it without change ("confirmation"): a case without a new text."""
    _require_author(tx.connection, key, by)
    row = register.document(tx.connection, key)
    asked = trail.request_digest(kind, key, reason)
    made = [one for one in register.drafts(tx.connection, key, open_only=False) if one.kind == kind]
    if made and (done := _already(tx, idempotency, key, made[-1].slug, asked)) is not None:
        return done
    slug = f"{kind}-{len(made) + 1}"
    if row.status != "in-force":
        raise NotFound("document", key)
    if not reason.strip():
        raise Incomplete([Reason("REASON_REQUIRED", place="reason")])
    case = open_case(tx, Opening(key, slug, kind, f"{row.code} – {row.title}", row.type, reason))
    draft = Draft(
        key,
        slug,
        kind,
        "open",
        case,
        row.title,
        row.path,
        row.commit_id,
        row.blob,
        row.sha256,
        row.revision,
        (by.person,),
        reason,
        stamp(tx.now),
    )
    change = Change({"draft": [row_of(draft)]}, {})
    receipt = ledger.record(
        tx, library, "proposal-opened", by, change, document=_named(draft), what={"asked": asked}, idempotency=idempotency
    )
    return Saved(row.commit_id, case, receipt)


def save_draft(
    tx: Transaction,
    library: Library,
    key: str,
    slug: str,
    text: str,
    figures: Mapping[str, bytes | None],
    by: Actor,
    base_tip: str,
    *,
    reason: str | None = None,
    onto_current: bool = False,
    roles: Collection[str] | None = None,
    idempotency: str | None = None,
    file: Stored | None = None,
) -> Saved:
    """Save ``text`` as the draft's next commit; ``figures`` are pictures by name, None takes one away.

    ``base_tip`` is the tip the editor was opened on. ``onto_current`` says that the text takes in the revision in force now. ``file``,
    kept before this is called, takes the place of the one that the text names. Raises NotPermitted, NotFound, Stale, BadContent, Refused.
    """
    ledger.require_writer(library)
    _require_author(tx.connection, key, by)
    asked = trail.request_digest("save", key, slug, text, sorted(figures), base_tip, reason, onto_current, *_hash(file))
    if (done := _already(tx, idempotency, key, slug, asked)) is not None:
        return done
    draft = open_draft(tx.connection, key, slug)
    if draft.tip != base_tip:
        raise Stale([Reason("STALE", values={"detail": slug})])
    content, title, path = _written(draft, text if file is None else files.written_into(text, file), roles)
    changes, blobs = _changes(library, draft, path, content, figures)
    after = replace(
        written_by(draft, by, tx),
        title=title,
        path=path,
        blob=blob_id(content),
        sha256=digest(content),
        reason=draft.reason if reason is None else reason,
    )
    message = f"Draft {key}/{slug}"
    if onto_current:
        head = ledger.main_head(tx.connection)
        changes = _onto(tx.connection, library, draft, path, changes)
        tip = library.commit([draft.tip, head], changes, message, by.person, tx.now, blobs=blobs, onto=head)
        after = replace(after, tip=tip, base_revision=current_revision(tx.connection, key))
    elif file is None and _is_same(library, draft.tip, changes) and after.reason == draft.reason:
        return Saved(draft.tip, draft.case_number, None)
    else:
        after = replace(after, tip=library.commit(draft.tip, changes, message, by.person, tx.now, blobs=blobs))
    return seal_tip(tx, library, "draft-saved", by, draft, after, {"asked": asked}, idempotency, _brought(file))


def seen(connection: Connection, key: str, slug: str, by: Actor) -> Draft:
    """A draft, for those who may read it. Raises NotFound."""
    if not sees_drafts(by) or not _is_for(connection, key, by):
        raise NotFound("draft", f"{key}/{slug}")
    return register.draft(connection, key, slug)


def open_draft(connection: Connection, key: str, slug: str) -> Draft:
    """A draft that may still be written. Raises NotFound, Refused DRAFT_CLOSED."""
    draft = register.draft(connection, key, slug)
    if not draft.is_open or draft.kind != "text":
        raise Refused([Reason("DRAFT_CLOSED", values={"detail": f"{key}/{slug}", "status": draft.status})])
    return draft


def current_revision(connection: Connection, key: str) -> int | None:
    """The number in force, or None when none is."""
    row = _row(connection, key)
    return row.revision if row is not None and row.status == "in-force" else None


def current_path(connection: Connection, key: str) -> str | None:
    """Where the text in force stands, or None when none is."""
    row = _row(connection, key)
    return row.path if row is not None and row.status == "in-force" else None


def next_review(connection: Connection, key: str) -> date | None:
    """The day by which the text in force is to be looked at again, None when none is in force."""
    row = _row(connection, key)
    return date.fromisoformat(row.next_review) if row is not None and row.status == "in-force" else None


def row_of(draft: Draft) -> dict[str, Any]:
    """A draft as its row."""
    return {**draft.__dict__, "authors": listed(draft.authors)}


def closed(draft: Draft, status: str, tx: Transaction) -> Change:
    """The end of a draft: its reference goes to the archive, its history stays."""
    refs = {} if draft.kind != "text" else {draft.ref: (draft.tip, None), archive_ref(draft.key, draft.slug): (None, draft.tip)}
    return Change({"draft": [{"key": draft.key, "slug": draft.slug, "status": status, "changed_at": stamp(tx.now)}]}, refs)


def seal_tip(
    tx: Transaction,
    library: Library,
    event: str,
    by: Actor,
    before: Draft | None,
    after: Draft,
    what: Mapping[str, str],
    idempotency: str | None,
    evidence: Sequence[Mapping[str, Any]] = (),
) -> Saved:
    """Move a draft to its new tip and put that on the trail."""
    old = before.tip if before else None
    change = Change({"draft": [row_of(after)]}, {after.ref: (old, after.tip)})
    said = {**what, "old": old, "new": after.tip}
    receipt = ledger.record(tx, library, event, by, change, document=_named(after), what=said, idempotency=idempotency, evidence=evidence)
    return Saved(after.tip, after.case_number, receipt)


def written_by(draft: Draft, by: Actor, tx: Transaction) -> Draft:
    """The draft with ``by`` among its authors."""
    authors = draft.authors if by.person in draft.authors else (*draft.authors, by.person)
    return replace(draft, authors=authors, changed_at=stamp(tx.now))


def _changes(
    library: Library, draft: Draft, path: str, content: bytes, figures: Mapping[str, bytes | None]
) -> tuple[dict[str, str | None], list[bytes]]:
    before, after = document.figures_folder(draft.path), document.figures_folder(path)
    changes: dict[str, str | None] = {}
    kept = library.tree(draft.tip, before)
    if path != draft.path:
        changes |= {draft.path: None, **dict.fromkeys(kept)}
        changes |= {after + name.removeprefix(before): blob for name, blob in kept.items()}
    changes[path] = blob_id(content)
    blobs = [content]
    for name, picture in figures.items():
        document.check_figure(name, picture if picture is not None else b"\x89PNG\r\n\x1a\n")
        if picture is not None:
            blobs.append(picture)
        changes[f"{after}/{name}"] = blob_id(picture) if picture is not None else None
    names = {name.rpartition("/")[2] for name in kept} | figures.keys()
    document.check_figures({name: len(figures.get(name) or b"") for name in names - {name for name, new in figures.items() if new is None}})
    return changes, blobs


def _written(draft: Draft, text: str, roles: Collection[str] | None) -> tuple[bytes, str, str]:
    """What the editor sent, as it is kept: bytes, title and path."""
    content = text.replace("\r\n", "\n").encode("utf-8", "surrogatepass")
    content = content if content.endswith(b"\n") else content + b"\n"
    found = document.parse(content, draft.path, roles, placed=False).front
    path = document.path_for(draft.path, found.code)
    document.parse(content, path, roles)
    if found.key != draft.key:
        raise Incomplete([Reason("KEY_CHANGED", place="key", values={"key": draft.key})])
    return content, found.title, path


def _onto(connection: Connection, library: Library, draft: Draft, path: str, changes: Mapping[str, str | None]) -> dict[str, str | None]:
    """The same changes as seen from what is in force: the draft's own files as they will be, everything else as it is now."""
    row = _row(connection, draft.key)
    old: dict[str, str] = {}
    if row is not None and row.status == "in-force":
        old = {row.path: row.blob, **library.tree(row.commit_id, document.figures_folder(row.path))}
    kept = library.tree(draft.tip, document.figures_folder(path))
    return {**dict.fromkeys(old), **kept, **changes}


def _is_same(library: Library, tip: str, changes: Mapping[str, str | None]) -> bool:
    return all(library.blob_at(tip, path) == blob for path, blob in changes.items())


def _check_names(connection: Connection, key: str, slug: str, new: NewDocument | None) -> None:
    reasons = []
    if document.KEY.fullmatch(key) is None:
        reasons.append(Reason("KEY_INVALID", place="key", values={"detail": key[:60]}))
    if document.SLUG.fullmatch(slug) is None:
        reasons.append(Reason("SLUG_INVALID", place="slug", values={"detail": slug[:60]}))
    if not reasons and any(draft.slug == slug for draft in register.drafts(connection, key, open_only=False)):
        reasons.append(Reason("DRAFT_EXISTS", place="slug", values={"detail": slug}))
    if new is not None:
        if document.PATH.fullmatch(new.path) is None:
            reasons.append(Reason("PATH_INVALID", place="code", values={"detail": new.path[:120]}))
        if not reasons and _row(connection, key) is not None:
            reasons.append(Reason("KEY_TAKEN", place="key", values={"detail": key}))
        if register.code_owner(connection, new.code) not in (None, key):
            reasons.append(Reason("CODE_TAKEN", place="code", values={"detail": new.code}))
    if reasons:
        raise Incomplete(reasons)


def _already(tx: Transaction, idempotency: str | None, key: str, slug: str, asked: str) -> Saved | None:
    receipt = trail.already(tx.connection, idempotency) if idempotency is not None else None
    if receipt is None:
        return None
    if receipt.what.get("asked") != asked:
        raise Refused([Reason("KEY_REUSED")])
    draft = register.draft(tx.connection, key, slug)
    return Saved(draft.tip, draft.case_number, receipt)


def _require_author(connection: Connection, key: str, by: Actor) -> None:
    """Whoever writes must be one of those who do, and may know of the document."""
    if not writes_documents(by):
        raise NotPermitted([Reason("ROLE:" + ",".join(WRITERS))])
    if not _is_for(connection, key, by):
        raise NotFound("document", key)


def _is_for(connection: Connection, key: str, by: Actor) -> bool:
    row = _row(connection, key)
    return row is None or sees_document(by, row.distribution)


def _row(connection: Connection, key: str) -> register.RegisterRow | None:
    try:
        return register.document(connection, key)
    except NotFound:
        return None


def _named(draft: Draft) -> dict[str, Any]:
    return {
        "key": draft.key, "title": draft.title, "draft": draft.slug, "case": draft.case_number, "path": draft.path,
        "blob": draft.blob, "sha256": draft.sha256, "commit": draft.tip,
    }  # fmt: skip


def _hash(file: Stored | None) -> tuple[str, ...]:
    return () if file is None else (file.sha256,)


def _brought(file: Stored | None) -> list[dict[str, Any]]:
    return [] if file is None else [files.sealed(file)]


def digest(content: bytes) -> str:
    """The SHA-256 that approvals bind to."""
    return sha256(content).hexdigest()
