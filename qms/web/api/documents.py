"""Controlled documents over the API: the register, a text with its history, drafts; check and approval are steps of the draft's case."""

from typing import Annotated, Any
from uuid import uuid4

from fastapi import Path, Query
from pydantic import Field

from qms.people.sight import sees_document, sees_drafts
from qms.procedures import control
from qms.web.api.asking import Asking, Shape, plain
from qms.web.registry import Permission, Verb

Words = Annotated[str | None, Query(max_length=200)]
Number = Annotated[int, Path(ge=0, le=1_000_000)]


class DraftStarted(Shape):
    """A draft to open on the text in force."""

    slug: str = Field(max_length=80)
    reason: str = Field(default="", max_length=500)
    key: str | None = Field(default=None, max_length=100)


class DraftSaved(Shape):
    """The next version of a draft; ``tip`` is the one that was read."""

    text: str = Field(max_length=400_000)
    tip: str = Field(max_length=64)
    reason: str | None = Field(default=None, max_length=500)
    onto_current: bool = False
    key: str | None = Field(default=None, max_length=100)


class Proposal(Shape):
    """To confirm a document without change, or to withdraw it."""

    kind: str = Field(pattern="^(confirmation|withdrawal)$")
    reason: str = Field(max_length=2_000)
    key: str | None = Field(default=None, max_length=100)


def list_documents(
    caller: Asking, text: Words = None, owner: Words = None, clause: Words = None, withdrawn: bool = False, after: Words = None
) -> dict[str, Any]:
    with caller.app.reading() as connection:
        found = control.register(connection, in_force_only=not withdrawn, owner=owner, clause=clause, text=text, after=after, limit=200)
    following = found[-1].code if len(found) == 200 else None
    return {"documents": [plain(row) for row in found if sees_document(caller.by, row.distribution)], "next": following}


def show_document(caller: Asking, key: str) -> dict[str, Any]:
    app, by = caller.app, caller.by
    with app.reading() as connection:
        row = control.find(connection, key)
        readable = control.text(connection, app.library, row.key, by)
        history = control.history(connection, app.library, row.key, by)
        drafts = control.drafts(connection, row.key) if sees_drafts(caller.by) else []
    told = {"document": row, "revision": readable.revision, "text": readable.text, "history": history, "drafts": drafts}
    return {name: plain(value) for name, value in told.items()}


def show_revision(caller: Asking, key: str, revision: Number) -> dict[str, Any]:
    with caller.app.reading() as connection:
        row = control.find(connection, key)
        readable = control.text(connection, caller.app.library, row.key, caller.by, revision)
    return {"revision": plain(readable.revision), "text": readable.text, "is_in_force": readable.is_in_force}


def start_draft(caller: Asking, key: str, body: DraftStarted) -> dict[str, Any]:
    app, by = caller.app, caller.by
    own = f"{by.person}:{body.key or uuid4().hex}"
    with app.writing(shelf=True) as tx:
        row = control.find(tx.connection, key)
        saved = control.start_draft(
            tx, app.library, key=row.key, slug=body.slug, by=by, open_case=app.open_proposal(by, own), reason=body.reason, idempotency=own
        )
    return {"tip": saved.commit, "case": saved.case}


def show_draft(caller: Asking, key: str, slug: str) -> dict[str, Any]:
    with caller.app.reading() as connection:
        found = control.draft_seen(connection, key, slug, caller.by)
    return {"draft": plain(found), "text": control.draft_text(caller.app.library, found)}


def save_draft(caller: Asking, key: str, slug: str, body: DraftSaved) -> dict[str, Any]:
    app, by = caller.app, caller.by
    with app.writing(shelf=True) as tx:
        saved = control.save_draft(
            tx, app.library, key, slug, body.text, {}, by, body.tip, reason=body.reason, onto_current=body.onto_current,
            roles=frozenset(app.hats.roles), idempotency=f"{by.person}:{body.key or uuid4().hex}",
        )  # fmt: skip
    return {"tip": saved.commit, "case": saved.case, "position": saved.receipt.position if saved.receipt else None}


def propose(caller: Asking, key: str, body: Proposal) -> dict[str, Any]:
    app, by = caller.app, caller.by
    own = f"{by.person}:{body.key or uuid4().hex}"
    with app.writing(shelf=True) as tx:
        row = control.find(tx.connection, key)
        saved = control.start_proposal(
            tx, app.library, key=row.key, kind=body.kind, by=by, open_case=app.open_proposal(by, own), reason=body.reason, idempotency=own
        )
    return {"tip": saved.commit, "case": saved.case}


VERBS = (
    Verb("GET", "/documents", Permission.READERS, list_documents, "documents"),
    Verb("GET", "/documents/{key}", Permission.READERS, show_document, "documents"),
    Verb("GET", "/documents/{key}/revisions/{revision}", Permission.READERS, show_revision, "documents"),
    Verb("POST", "/documents/{key}/drafts", Permission.WRITERS, start_draft, "documents", status=201),
    Verb("GET", "/documents/{key}/drafts/{slug}", Permission.READERS, show_draft, "documents"),
    Verb("POST", "/documents/{key}/drafts/{slug}", Permission.WRITERS, save_draft, "documents", status=201),
    Verb("POST", "/documents/{key}/proposals", Permission.WRITERS, propose, "documents", status=201),
)
