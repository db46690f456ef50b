"""Acts on cases: opening one, taking a step, tying one to another. Each transaction stands where it can be seen."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from starlette.responses import Response

from qms.desk import flows
from qms.errors import Incomplete, NotFound, Reason
from qms.formats import moments, words
from qms.formats.values import BadValue
from qms.locale import LANGUAGES
from qms.procedures import control
from qms.procedures.comparison import Line, source
from qms.procedures.files import ControlledFile
from qms.procedures.register import Draft
from qms.web import cases, pages
from qms.web.call import Call
from qms.web.drafts import body_of
from qms.web.fields import PREFIX, FileWidget, Form, Widget
from qms.web.registry import Permission, Route
from qms.workflows import case
from qms.workflows.case import Case, Offer
from qms.workflows.fields import nested
from qms.workflows.forms import files_asked
from qms.workflows.step import Step


@dataclass(frozen=True)
class Bound:
    """The text that a binding step approves: its draft, and what it changes."""

    draft: Draft
    lines: tuple[Line, ...]
    html: str
    files: tuple[ControlledFile | None, ControlledFile | None]

    @property
    def is_flow(self) -> bool:
        return flows.is_one(self.files[1])

    """The file of the revision in force and that of the draft."""


@dataclass(frozen=True)
class StepPage:
    case: Case
    step: Step
    title: str
    state: str
    target: str
    meaning: str | None
    widgets: tuple[Widget, ...]
    files: tuple[FileWidget, ...]
    offer: Offer | None
    bound: Bound | None
    version: int
    key: str
    happened_at: str
    comment: str


def ask(call: Call, number: str, step: str = "") -> Response:
    """The form of one step: what it asks, what is known to be missing, and when it must be signed what the signature means."""
    app, by = call.app, call.by
    name = step or call.typed("step")
    with app.reading() as connection:
        found = case.show(connection, app.engine, number, by)
        chosen = found.definition.steps.get(name)
        if chosen is None:
            raise NotFound("step", name[:80])
        offer = next((one for one in case.offers(connection, app.engine, found, by) if one.step.name == name), None)
        form = Form(call, connection, pages.words_of(call))
        widgets = form.widgets(found.definition, chosen.asks, found.fields)
        files = form.files(found.definition.evidence, files_asked(chosen, found.file), _present(found))
        bound = _bound(call, connection, number) if chosen.binds else None
    language, states = call.language, found.definition.states
    stale = call.refusal is not None and call.refusal.status == 409
    page = StepPage(
        found, chosen, chosen.title[language], states[found.state].title[language],
        " / ".join(states[name or found.state].title[language] for name in chosen.targets),
        chosen.sign[language] if chosen.sign else None, widgets, files, offer, bound,
        found.version if stale else call.number("version") or found.version, call.typed("key") or uuid4().hex,
        call.typed("happened_at"), call.typed("comment"),
    )  # fmt: skip
    return pages.draw(call, "cases/step.html", f"{page.title} – {number}", page)


def take(call: Call, number: str) -> Response:
    """Take a step. Evidence is durable first, the password is proved next, then one transaction does the rest or nothing."""
    app, by, name = call.app, call.by, call.typed("step")
    if call.typed("add_row"):
        return ask(call, number)
    files = call.attachments()
    proof = call.proof(True)
    asked = {**requested(call), "version": call.number("version") or 0, "text_seen": call.typed("text_seen") or None}
    receipt = app.acting(lambda tx: case.take_step(tx, app.engine, number, name, by, **asked, evidence=files, proof=proof))
    return call.to(f"/cases/{number}", receipt.position)


def open_case(call: Call, workflow: str) -> Response:
    app, by = call.app, call.by
    if call.typed("add_row"):
        return cases.ask_open(call, workflow)
    files = call.attachments()
    organisations = tuple(value for _, value in call.texts("organisation"))
    asked = requested(call)
    with app.writing() as tx:
        receipt = case.open_case(tx, app.engine, workflow, by, **asked, organisations=organisations, evidence=files)
    return call.to(f"/cases/{receipt.case}", receipt.position)


def link(call: Call, number: str) -> Response:
    """Tie a case that exists to this one."""
    app, by = call.app, call.by
    with app.writing() as tx:
        receipt = case.link_case(
            tx, app.engine, number, call.typed("link"), call.typed("child").strip(), by, key=call.typed("key") or uuid4().hex
        )
    return call.to(f"/cases/{number}", receipt.position)


def requested(call: Call) -> dict[str, Any]:
    """What a form says of an act: fields, when it happened, comment, and the key under which it is recorded once."""
    fields: Mapping[str, object] = nested(call.texts(PREFIX))
    return {
        "fields": fields,
        "happened_at": happened(call.typed("happened_at"), call.app.zone),
        "comment": call.typed("comment") or None,
        "key": call.typed("key")[:100] or uuid4().hex,
    }


def happened(written: str, zone: Any) -> datetime | None:
    """When the fact was, as a person writes it; None when left open, which means now. Raises Incomplete."""
    if not written.strip():
        return None
    try:
        return moments.parse(written, zone).at
    except BadValue as error:
        text = {language: words.of_value(language, error) for language in LANGUAGES}
        raise Incomplete([Reason("HAPPENED:not_understood", "happened_at", {}, text)]) from error


def _present(found: Case) -> dict[str, tuple[str, ...]]:
    present: dict[str, tuple[str, ...]] = {}
    for one in found.evidence:
        if one.is_current:
            present[one.slot] = (*present.get(one.slot, ()), one.name or one.sha256[:12])
    return present


def _bound(call: Call, connection: Any, number: str) -> Bound | None:
    try:
        draft = control.draft_of_case(connection, number)
    except NotFound:
        return None
    library = call.app.library
    new = control.draft_text(library, draft)
    try:
        row = control.document(connection, draft.key)
        old, old_blob = library.read(row.blob).decode(), row.blob
    except NotFound:
        old, old_blob = "", ""
    html = call.app.renderer.comparison(old_blob, draft.blob, body_of(old), body_of(new)).html
    files = control.file_in(old, draft.path), control.file_in(new, draft.path)
    return Bound(draft, tuple(source(old, new)), html, files)


ROUTES = (
    Route("GET", "/cases/{number}/steps/{step}", Permission.STAFF, ask),
    Route("POST", "/cases/{number}/steps", Permission.STAFF, take, again=ask, takes_files=True),
    Route("POST", "/cases/new/{workflow}", Permission.STAFF, open_case, again=cases.ask_open, takes_files=True),
    Route("POST", "/cases/{number}/links", Permission.STAFF, link, again=cases.show),
)
