"""Drafts: a proposed text, written in the web editor or pushed by a git client, and who wrote it.

Every saved text is a commit and an entry on the trail. Whoever wrote, pushed or submitted is an author, and an author does not approve;
the name that stands in a commit counts for nothing, only the person who was signed in. ISO 9001 §7.5.2.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from qms.database import Transaction, stamp
from qms.errors import Incomplete, NotFound, Reason, Refused, Stale
from qms.library import Library, blob_id
from qms.people.actor import Actor
from qms.procedures import document, ledger, register
from qms.procedures.ledger import Change, archive_ref, draft_ref, listed
from qms.procedures.register import Draft
from qms.records import trail
from qms.records.trail import Receipt

MOST_FIGURES = 30


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
) -> Saved:
    """Open a draft on the text in force, or on a template for a ``new`` document, and its case. Raises Incomplete, NotFound."""
    ledger.require_writer(library)
    asked = trail.request_digest("start", key, slug, new, reason)
    if (done := _already(tx, idempotency, key, slug, asked)) is not None:
        return done
    _check_names(tx.connection, key, slug, new)
    head = ledger.main_head(tx.connection)
    if new is None:
        row = register.document(tx.connection, key)
        if row.status != "in-force":
            raise NotFound("document", key)
        path, tip, text, title, kind = row.path, head, library.read(row.blob), row.title, row.type
        base: int | None = row.revision
    else:
        path, title, kind, base = new.path, new.title, new.type, None
        text = document.template(key, new.code, new.title, new.type, new.language, new.owner).encode()
        document.parse(text, path)
        tip = library.commit(head, {path: blob_id(text)}, f"Draft {key}/{slug}", by.person, tx.now, blobs=[text])
    case = open_case(tx, Opening(key, slug, "text", title, kind, reason))
    draft = Draft(key, slug, "text", "open", case, title, path, tip, blob_id(text), _sha(text), base, (by.person,), reason, stamp(tx.now))
    change = Change({"draft": [row_of(draft)]}, {draft_ref(key, slug): (None, tip)})
    receipt = ledger.record(tx, library, "draft-saved", by, change, document=_named(draft), what={"asked": asked}, idempotency=idempotency)
    return Saved(tip, case, receipt)


def start_proposal(
    tx: Transaction, library: Library, *, key: str, kind: str, by: Actor, open_case: OpenCase, reason: str, idempotency: str | None = None
) -> Saved:
    """Propose to withdraw a document ("withdrawal") or to confirm it without change ("confirmation"): a case without a new text."""
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
    case = open_case(tx, Opening(key, slug, kind, row.title, row.type, reason))
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
) -> Saved:
    """Save ``text`` as the draft's next commit; ``figures`` are pictures by name, None takes one away.

    ``base_tip`` is the tip the editor was opened on. ``onto_current`` says that the text takes in the revision in force now. Raises
    Stale, BadContent, Refused.
    """
    ledger.require_writer(library)
    asked = trail.request_digest("save", key, slug, text, sorted(figures), base_tip, reason, onto_current)
    if (done := _already(tx, idempotency, key, slug, asked)) is not None:
        return done
    draft = open_draft(tx.connection, key, slug)
    if draft.tip != base_tip:
        raise Stale([Reason("STALE", values={"detail": slug})])
    content = text.replace("\r\n", "\n").encode("utf-8", "surrogatepass")
    content = content if content.endswith(b"\n") else content + b"\n"
    found = document.parse(content, draft.path, roles, placed=False).front
    path = document.path_for(draft.path, found.code)
    document.parse(content, path, roles)
    if found.key != key:
        raise Incomplete([Reason("KEY_CHANGED", place="key", values={"key": key})])
    changes, blobs = _changes(library, draft, path, content, figures)
    base, parents = draft.base_revision, [draft.tip]
    if onto_current:
        current = current_revision(tx.connection, key)
        base, parents = current, [draft.tip, ledger.main_head(tx.connection)]
    elif _is_same(library, draft.tip, changes):
        return Saved(draft.tip, draft.case_number, None)
    tip = library.commit(parents, changes, f"Draft {key}/{slug}", by.person, tx.now, blobs=blobs)
    after = replace(
        _written_by(draft, by, tx),
        title=found.title,
        path=path,
        tip=tip,
        blob=blob_id(content),
        sha256=_sha(content),
        base_revision=base,
        reason=draft.reason if reason is None else reason,
    )
    return _save(tx, library, "draft-saved", by, draft, after, {"asked": asked}, idempotency)


def record_push(
    tx: Transaction,
    library: Library,
    by: Actor,
    updates: Mapping[str, tuple[str | None, str]],
    open_case: OpenCase,
    *,
    idempotency: str | None = None,
) -> list[Saved]:
    """Seal what a push brought: draft references → (old, new), already moved by git and already judged. Opens the case of a new draft."""
    ledger.require_writer(library)
    saved = []
    for ref, (old, new) in updates.items():
        key, slug = ref.removeprefix("refs/heads/draft/").split("/")
        path = find_path(library, ledger.main_head(tx.connection), new, key, current_path(tx.connection, key))
        content = library.read(library.blob_at(new, path) or "")
        found = document.parse(content, path).front
        message = library.commit_at(new).message.strip()[:500]
        base = _base_revision(tx.connection, library, key, new)
        if old is None:
            case = open_case(tx, Opening(key, slug, "text", found.title, found.type, message))
            before = Draft(key, slug, "text", "open", case, found.title, path, new, "", "", base, (), message, "")
        else:
            before = open_draft(tx.connection, key, slug)
        after = replace(
            _written_by(before, by, tx),
            title=found.title,
            path=path,
            tip=new,
            blob=blob_id(content),
            sha256=_sha(content),
            base_revision=base,
            reason=message or before.reason,
        )
        saved.append(_save(tx, library, "draft-pushed", by, before if old else None, after, {}, idempotency))
    return saved


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


def find_path(library: Library, head: str, tip: str, key: str, known: str | None) -> str:
    """The one file of ``key`` that a draft's tip holds. Raises NotFound."""
    base = library.merge_base(head, tip)
    changed = library.changed(base, tip) if base is not None else {}
    candidates = [path for path, blob in changed.items() if blob is not None and document.PATH.fullmatch(path)]
    if len(candidates) == 1:
        return candidates[0]
    if not candidates and known is not None and library.blob_at(tip, known) is not None:
        return known
    raise NotFound("document", key)


def row_of(draft: Draft) -> dict[str, Any]:
    """A draft as its row."""
    return {**draft.__dict__, "authors": listed(draft.authors)}


def closed(draft: Draft, status: str, tx: Transaction) -> Change:
    """The end of a draft: its reference goes to the archive, its history stays."""
    refs = {} if draft.kind != "text" else {draft.ref: (draft.tip, None), archive_ref(draft.key, draft.slug): (None, draft.tip)}
    return Change({"draft": [{"key": draft.key, "slug": draft.slug, "status": status, "changed_at": stamp(tx.now)}]}, refs)


def _save(
    tx: Transaction,
    library: Library,
    event: str,
    by: Actor,
    before: Draft | None,
    after: Draft,
    what: Mapping[str, str],
    idempotency: str | None,
) -> Saved:
    old = before.tip if before else None
    change = Change({"draft": [row_of(after)]}, {after.ref: (old, after.tip)})
    said = {**what, "old": old, "new": after.tip}
    receipt = ledger.record(tx, library, event, by, change, document=_named(after), what=said, idempotency=idempotency)
    return Saved(after.tip, after.case_number, receipt)


def _written_by(draft: Draft, by: Actor, tx: Transaction) -> Draft:
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
    if len(kept) + len(figures) > MOST_FIGURES:
        raise Incomplete([Reason("FIGURES", values={"detail": str(MOST_FIGURES)})])
    return changes, blobs


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


def _base_revision(connection: Connection, library: Library, key: str, tip: str) -> int | None:
    """Which revision a pushed draft grew from: the one whose very text stands where the draft leaves the line of what is in force."""
    base = library.merge_base(ledger.main_head(connection), tip)
    if base is None:
        return None
    texts = library.tree(base, "procedures")
    for known in register.revisions(connection, key):
        if texts.get(known.path) == known.blob:
            return known.number
    return None


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


def _sha(content: bytes) -> str:
    return sha256(content).hexdigest()
