"""Cases over the API: list, show, open, step."""

import base64
import binascii
from io import BytesIO
from typing import Annotated, Any
from uuid import uuid4

from fastapi import Query
from pydantic import Field, JsonValue

from qms.errors import Incomplete, Reason
from qms.people import signature
from qms.records import evidence
from qms.records.evidence import Attachment
from qms.web.api.asking import Asking, Attached, Caller, Recorded, Shape, plain, recorded
from qms.web.registry import Permission, Verb
from qms.web.steps import happened
from qms.web.words import tell
from qms.workflows import case
from qms.workflows.case import Filters

Words = Annotated[str | None, Query(max_length=200)]


class Opening(Shape):
    """A case to open."""

    workflow: str = Field(max_length=60)
    fields: dict[str, JsonValue] = Field(default={})
    organisations: list[str] = Field(default=[], max_length=50)
    evidence: list[Attached] = Field(default=[], max_length=50)
    happened_at: str | None = Field(default=None, max_length=60)
    comment: str | None = Field(default=None, max_length=5_000)
    key: str | None = Field(default=None, max_length=100)


class StepTaken(Shape):
    """A step to take, from the version that was read."""

    step: str = Field(max_length=60)
    version: int = Field(ge=0, le=1_000_000_000)
    fields: dict[str, JsonValue] = Field(default={})
    evidence: list[Attached] = Field(default=[], max_length=50)
    happened_at: str | None = Field(default=None, max_length=60)
    comment: str | None = Field(default=None, max_length=5_000)
    password: str | None = Field(default=None, max_length=256)
    text_seen: str | None = Field(default=None, max_length=64)
    key: str | None = Field(default=None, max_length=100)


def list_cases(
    caller: Asking,
    workflow: Words = None,
    organisation: Words = None,
    title: Words = None,
    closed: bool | None = None,
    before: Words = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    filters = Filters(workflow=workflow, organisation=organisation, title=title, closed=closed)
    app = caller.app
    with app.reading() as connection:
        found = case.cases(connection, app.engine, caller.by, filters=filters, before=before, limit=limit)
    following = found[-1].cursor if len(found) == limit else None
    return {"cases": plain(found), "next": following}


def show_case(caller: Asking, number: str) -> dict[str, Any]:
    app, by = caller.app, caller.by
    with app.reading() as connection:
        found = case.show(connection, app.engine, number, by)
        offers = case.offers(connection, app.engine, found, by) if by.kind == "staff" else []
    file = found.file
    return {
        "number": file.number,
        "workflow": file.workflow,
        "definition": file.definition,
        "procedure": plain(file.procedure),
        "title": file.title,
        "state": file.state,
        "version": file.version,
        "organisations": list(file.organisations),
        "opened_at": plain(file.opened_at),
        "opened_by": file.opened_by,
        "closed_at": plain(file.closed_at),
        "next_due": plain(file.next_due),
        "fields": plain(found.fields),
        "evidence": plain(found.evidence),
        "timers": [{"name": one.timer.name, "late_by": one.late_by, **plain(one.clock)} for one in found.timers],
        "links": plain(found.links),
        "parents": plain(found.parents),
        "offers": [_offer(caller, one) for one in offers],
    }


def open_case(caller: Asking, body: Opening) -> Recorded:
    app = caller.app
    files = attachments(caller, body.evidence)
    at = happened(body.happened_at or "", app.zone)
    with app.writing() as tx:
        receipt = case.open_case(
            tx, app.engine, body.workflow, caller.by, fields=body.fields, organisations=body.organisations, evidence=files,
            happened_at=at, comment=body.comment, key=body.key or uuid4().hex,
        )  # fmt: skip
    return recorded(receipt)


def take_step(caller: Asking, number: str, body: StepTaken) -> Recorded:
    """Evidence is durable first, the password is proved next, then one transaction does the rest or nothing."""
    app, by = caller.app, caller.by
    files = attachments(caller, body.evidence)
    at = happened(body.happened_at or "", app.zone)
    proof = signature.prove(app.database, by, body.password) if body.password else None
    key = body.key or uuid4().hex
    receipt = app.acting(
        lambda tx: case.take_step(
            tx, app.engine, number, body.step, by, version=body.version, fields=body.fields, evidence=files, happened_at=at,
            comment=body.comment, proof=proof, key=key, text_seen=body.text_seen,
        )
    )  # fmt: skip
    return recorded(receipt)


def attachments(caller: Caller, given: list[Attached]) -> list[Attachment]:
    """Keep every file, durably. Raises Incomplete."""
    settings, found, reasons = caller.app.settings, [], []
    for one in given:
        try:
            content = base64.b64decode(one.content, validate=True)
            stored = evidence.store(settings.evidence, BytesIO(content), one.name, settings.max_evidence_bytes)
            found.append(evidence.attach(one.slot, stored))
        except (binascii.Error, ValueError):
            reasons.append(Reason(f"FIELD_INVALID:{one.slot}", one.slot))
        except Incomplete as error:
            reasons += [Reason(reason.code, one.slot, reason.values, reason.text) for reason in error.reasons]
    if reasons:
        raise Incomplete(reasons)
    return found


def _offer(caller: Caller, offer: case.Offer) -> dict[str, Any]:
    step = offer.step
    return {
        "step": step.name,
        "title": offer.title[caller.language],
        "open": offer.open,
        "asks": [{"name": one.name, "required": one.required} for one in step.asks],
        "evidence": [{"slot": one.name, "required": one.required, "new": one.is_fresh} for one in step.evidence],
        "sign": step.sign[caller.language] if step.sign else None,
        "reasons": [{"code": one.code, "sentence": tell(caller.language, one), "place": one.place} for one in offer.reasons],
    }


VERBS = (
    Verb("GET", "/cases", Permission.READERS, list_cases, "cases"),
    Verb("GET", "/cases/{number}", Permission.READERS, show_case, "cases"),
    Verb("POST", "/cases", Permission.STAFF, open_case, "cases", status=201, takes_files=True),
    Verb("POST", "/cases/{number}/steps", Permission.STAFF, take_step, "cases", status=201, takes_files=True),
)
