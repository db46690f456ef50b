"""What a push brought, put on the trail: which text came, from which revision it grew, and who was signed in."""

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Connection

from qms.database import Transaction
from qms.errors import NotFound
from qms.library import Library, blob_id
from qms.people.actor import Actor
from qms.procedures import document, drafts, ledger, register
from qms.procedures.drafts import OpenCase, Opening, Saved
from qms.procedures.register import Draft


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
        path = find_path(library, ledger.main_head(tx.connection), new, key, drafts.current_path(tx.connection, key))
        content = library.read(library.blob_at(new, path) or "")
        found = document.parse(content, path).front
        message = library.commit_at(new).message.strip()[:500]
        base = _base_revision(tx.connection, library, key, new)
        if old is None:
            case = open_case(tx, Opening(key, slug, "text", f"{found.code} – {found.title}", found.type, message))
            before = Draft(key, slug, "text", "open", case, found.title, path, new, "", "", base, (), message, "")
        else:
            before = drafts.open_draft(tx.connection, key, slug)
        after = replace(
            drafts.written_by(before, by, tx),
            title=found.title,
            path=path,
            tip=new,
            blob=blob_id(content),
            sha256=drafts.digest(content),
            base_revision=base,
            reason=message or before.reason,
        )
        saved.append(drafts.seal_tip(tx, library, "draft-pushed", by, before if old else None, after, {}, idempotency))
    return saved


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
