"""Drafts of documents in the browser: start one, write, preview, compare with what is in force, take a newer revision in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from starlette.responses import HTMLResponse, Response

from qms.desk import flows
from qms.errors import BadContent, Incomplete, NotFound, Reason
from qms.people.sight import writes_documents
from qms.procedures import control, document
from qms.procedures.comparison import Line, source
from qms.procedures.control import ControlledFile, Draft, NewDocument
from qms.records import evidence
from qms.records.evidence import Stored
from qms.web import documents, pages
from qms.web.call import Call
from qms.web.registry import Permission, Route

BODY_FROM = "---"
ACCEPTED = tuple(evidence.TYPES)


@dataclass(frozen=True)
class EditorPage:
    draft: Draft
    text: str
    reason: str
    key: str
    figures: tuple[str, ...]
    preview: str | None
    is_outdated: bool
    may_write: bool
    problems: tuple[Any, ...]
    file: ControlledFile | None
    accepted: tuple[str, ...]
    limit: int

    @property
    def is_flow(self) -> bool:
        return flows.is_one(self.file)


@dataclass(frozen=True)
class NewPage:
    document: Any
    key: str
    types: tuple[str, ...]
    roles: Mapping[str, str]
    typed: Mapping[str, str]
    accepted: tuple[str, ...] = ()
    limit: int = 0


@dataclass(frozen=True)
class ProposalPage:
    row: Any
    kind: str
    key: str
    reason: str


@dataclass(frozen=True)
class DraftComparisonPage:
    draft: Draft
    lines: tuple[Line, ...]
    html: str
    is_outdated: bool
    is_clean: bool
    merged: str
    key: str
    files: tuple[ControlledFile | None, ControlledFile | None]

    @property
    def is_flow(self) -> bool:
        return flows.is_one(self.files[1])


def edit(call: Call, key: str, slug: str) -> Response:
    """The editor; who may only read sees the text as it would look."""
    return _editor(call, key, slug, None)


def _editor(call: Call, key: str, slug: str, preview: str | None) -> Response:
    app = call.app
    with app.reading() as connection:
        draft = control.draft_seen(connection, key, slug, call.by)
        current = next((row.revision for row in [_document(connection, key)] if row is not None), None)
    text = call.typed("text") or control.draft_text(app.library, draft)
    may_write = draft.is_open and draft.kind == "text" and writes_documents(call.by)
    if preview is None and not may_write:
        text = control.draft_text(app.library, draft)
        preview = app.renderer.document(draft.blob, body_of(text), f"/documents/{key}/drafts/{slug}/figures").html
    page = EditorPage(
        draft, text, call.typed("reason", draft.reason), call.typed("key") or uuid4().hex, _figures(call, draft), preview,
        draft.base_revision != current and draft.kind == "text", may_write, _problems(call, draft, text),
        control.file_in(text, draft.path), ACCEPTED, app.settings.max_evidence_bytes,
    )  # fmt: skip
    return pages.draw(call, "drafts/editor.html", call.t("web.draft.title", key=key, slug=slug), page)


def save(call: Call, key: str, slug: str) -> Response:
    """Save the text as the draft's next version, with its figures."""
    app, by = call.app, call.by
    figures: dict[str, bytes | None] = {name: None for name, _ in call.texts("remove.")}
    for _, upload in call.uploads("figures"):
        figures[upload.filename or ""] = upload.file.read(document.FIGURE_LIMIT + 1)
    file = _handed_in(call)
    with app.writing(shelf=True) as tx:
        saved = control.save_draft(
            tx, app.library, key, slug, call.typed("text"), figures, by, call.typed("tip"),
            reason=call.typed("reason"), onto_current=bool(call.typed("onto_current")), roles=frozenset(app.hats.roles),
            idempotency=f"{by.person}:{call.typed('key')}", file=file,
        )  # fmt: skip
    return call.to(f"/documents/{key}/drafts/{slug}", saved.receipt.position if saved.receipt else None)


def preview(call: Call, key: str, slug: str) -> Response:
    """The same editor with the text as it would look; nothing is saved."""
    text = call.typed("text")
    return _editor(call, key, slug, call.app.renderer.preview(body_of(text), f"/documents/{key}/drafts/{slug}/figures").html)


def preview_alone(call: Call) -> Response:
    """Only the rendered text, for the page that shows it while one types."""
    return HTMLResponse(call.app.renderer.preview(body_of(call.typed("text"))).html)


def compare(call: Call, key: str, slug: str) -> Response:
    """What a draft changes against the revision in force; when that moved on, how the two would go together."""
    app = call.app
    with app.reading() as connection:
        draft = control.draft_seen(connection, key, slug, call.by)
        row = _document(connection, key)
        outdated = draft.kind == "text" and row is not None and draft.base_revision != row.revision
        three = control.three_way(connection, app.library, key, slug) if outdated and draft.is_open else None
        became = control.revision_of_case(connection, draft.case_number)
    if became is not None and became.in_force_at and became.number > 0:
        return call.to(f"/documents/{key}/revisions/{became.number}/changes")  # against what it took the place of, not against itself
    new = control.draft_text(app.library, draft)
    old = app.library.read(row.blob).decode() if row is not None else ""
    shown = app.renderer.comparison(row.blob if row else "", draft.blob, body_of(old), body_of(new))
    page = DraftComparisonPage(
        draft, tuple(source(old, new)), shown.html, three is not None, three is not None and three.is_clean,
        three.merged if three else "", uuid4().hex,
        (control.file_in(old, row.path) if row else None, control.file_in(new, draft.path)),
    )  # fmt: skip
    return pages.draw(call, "drafts/comparison.html", call.t("web.draft.compare", key=key), page)


def merge(call: Call, key: str, slug: str) -> Response:
    """Take the revision in force into a draft where git can do so alone; approvals begin again."""
    app, by = call.app, call.by
    with app.writing(shelf=True) as tx:
        draft = control.draft_seen(tx.connection, key, slug, by)
        saved = control.merge_draft(tx, app.library, key, slug, by, draft.tip, idempotency=f"{by.person}:{call.typed('key')}")
    return call.to(f"/documents/{key}/drafts/{slug}", saved.receipt.position if saved.receipt else None)


def ask_start(call: Call, key: str) -> Response:
    with call.app.reading() as connection:
        row = control.find(connection, key)
    names = {"slug": f"{call.by.person.lower()}-{call.app.database.clock():%Y%m%d}", "reason": ""}
    page = NewPage(row, call.typed("key") or uuid4().hex, (), {}, {name: call.typed(name, value) for name, value in names.items()})
    return pages.draw(call, "drafts/start.html", call.t("web.draft.start_of", code=row.code), page)


def start(call: Call, key: str) -> Response:
    """Open a draft on the text in force, and its case."""
    app, by, slug = call.app, call.by, call.typed("slug").strip()
    own = f"{by.person}:{call.typed('key')}"
    with app.writing(shelf=True) as tx:
        row = control.find(tx.connection, key)
        control.start_draft(
            tx,
            app.library,
            key=row.key,
            slug=slug,
            by=by,
            open_case=app.open_proposal(by, own),
            reason=call.typed("reason"),
            idempotency=own,
        )
    return call.to(f"/documents/{row.key}/drafts/{slug}")


def ask_new(call: Call) -> Response:
    typed = {name: call.typed(name) for name in ("document_key", "code", "name", "type", "language", "owner", "area", "title", "reason")}
    limit = call.app.settings.max_evidence_bytes
    page = NewPage(None, call.typed("key") or uuid4().hex, document.TYPES, documents.roles(call), typed, ACCEPTED, limit)
    return pages.draw(call, "drafts/new.html", call.t("web.document.new"), page)


def start_new(call: Call) -> Response:
    """Open the draft of a document that does not exist yet."""
    app, by = call.app, call.by
    given = {name: call.typed(name).strip() for name in ("code", "title", "type", "language", "owner", "area", "name")}
    missing = [Reason(f"FIELD_REQUIRED:{name}", name) for name, value in given.items() if not value]
    if missing:
        raise Incomplete(missing)
    key, own = call.typed("document_key").strip() or given["code"], f"{by.person}:{call.typed('key')}"
    file = _handed_in(call)
    with app.writing(shelf=True) as tx:
        control.start_draft(
            tx, app.library, key=key, slug="prima-stesura", by=by, open_case=app.open_proposal(by, own), new=NewDocument(**given),
            reason=call.typed("reason"), idempotency=own, file=file,
        )  # fmt: skip
    return call.to(f"/documents/{key}/drafts/prima-stesura")


def ask_proposal(call: Call, key: str, kind: str) -> Response:
    if kind not in ("confirmation", "withdrawal"):
        raise NotFound("page", kind[:80])
    with call.app.reading() as connection:
        row = control.find(connection, key)
    page = ProposalPage(row, kind, call.typed("key") or uuid4().hex, call.typed("reason"))
    return pages.draw(call, "drafts/proposal.html", call.t(f"web.proposal.{kind}_of", code=row.code), page)


def propose(call: Call, key: str, kind: str) -> Response:
    """Propose to confirm a document without change, or to withdraw it: a case that others decide."""
    app, by = call.app, call.by
    if kind not in ("confirmation", "withdrawal"):
        raise NotFound("page", kind[:80])
    own = f"{by.person}:{call.typed('key')}"
    with app.writing(shelf=True) as tx:
        saved = control.start_proposal(
            tx, app.library, key=key, kind=kind, by=by, open_case=app.open_proposal(by, own), reason=call.typed("reason"), idempotency=own
        )
    return call.to(f"/cases/{saved.case}")


def show_figure(call: Call, key: str, slug: str, name: str) -> Response:
    with call.app.reading() as connection:
        draft = control.draft_seen(connection, key, slug, call.by)
    return documents.figure(call, draft.tip, draft.path, name)


def show_file(call: Call, key: str, slug: str) -> Response:
    """The file that a draft names, for those who may read the draft."""
    with call.app.reading() as connection:
        draft = control.draft_seen(connection, key, slug, call.by)
        file = control.kept_file(connection, key, control.draft_text(call.app.library, draft), draft.path)
    return documents.given_back(call, file)


def _handed_in(call: Call) -> Stored | None:
    """The file that came for the document, kept before anything names it. Raises Incomplete."""
    settings = call.app.settings
    came = next((upload for _, upload in call.uploads("document_file")), None)
    if came is None:
        return None
    return evidence.store(settings.evidence, came.file, came.filename or "", settings.max_evidence_bytes)


def body_of(text: str) -> str:
    """What follows the head of a text, whether or not the head is well formed."""
    lines = text.replace("\r\n", "\n").split("\n")
    if lines and lines[0].strip() == BODY_FROM:
        end = next((number for number, line in enumerate(lines[1:], 1) if line.strip() == BODY_FROM), None)
        if end is not None:
            return "\n".join(lines[end + 1 :])
    return text


def _document(connection: Any, key: str) -> Any:
    try:
        row = control.document(connection, key)
    except NotFound:
        return None
    return row if row.status == "in-force" else None


def _problems(call: Call, draft: Draft, text: str) -> tuple[Any, ...]:
    try:
        document.parse(text, draft.path, frozenset(call.app.hats.roles), placed=False)
    except BadContent as error:
        return error.problems
    app = call.app
    flow = flows.source_of(app.library, app.settings.evidence, draft)
    if flow is None:
        return ()
    with app.reading() as connection:
        return tuple(flows.problems(connection, app.engine, app.hats.roles, flow))


def _figures(call: Call, draft: Draft) -> tuple[str, ...]:
    below = call.app.library.tree(draft.tip, document.figures_folder(draft.path))
    return tuple(sorted(path.rpartition("/")[2] for path in below))


ROUTES = (
    Route("GET", "/documents/new", Permission.WRITERS, ask_new),
    Route("POST", "/documents/new", Permission.WRITERS, start_new, again=ask_new, takes_files=True),
    Route("GET", "/documents/{key}/new-draft", Permission.WRITERS, ask_start),
    Route("POST", "/documents/{key}/new-draft", Permission.WRITERS, start, again=ask_start),
    Route("GET", "/documents/{key}/proposals/{kind}", Permission.WRITERS, ask_proposal),
    Route("POST", "/documents/{key}/proposals/{kind}", Permission.WRITERS, propose, again=ask_proposal),
    Route("POST", "/preview", Permission.WRITERS, preview_alone),
    Route("GET", "/documents/{key}/drafts/{slug}", Permission.READERS, edit),
    Route("POST", "/documents/{key}/drafts/{slug}", Permission.WRITERS, save, again=edit, takes_files=True),
    Route("POST", "/documents/{key}/drafts/{slug}/preview", Permission.WRITERS, preview),
    Route("GET", "/documents/{key}/drafts/{slug}/comparison", Permission.READERS, compare),
    Route("POST", "/documents/{key}/drafts/{slug}/merge", Permission.WRITERS, merge, again=compare),
    Route("GET", "/documents/{key}/drafts/{slug}/file", Permission.READERS, show_file),
    Route("GET", "/documents/{key}/drafts/{slug}/figures/{name}", Permission.READERS, show_figure),
)
