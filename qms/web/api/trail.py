"""The register of events over the API: search, one record with its checks, receipts and checkpoints; who I am; codes."""

import json
from typing import Annotated, Any

from fastapi import Path, Query
from starlette.responses import PlainTextResponse, Response

from qms.desk import search, verification
from qms.errors import NotFound
from qms.formats import identifiers, words
from qms.records import checkpoints
from qms.records import trail as entries
from qms.records.verify import Check
from qms.web.api.asking import Asking, Caller, plain
from qms.web.records import filters_of
from qms.web.registry import Permission, Verb

Words = Annotated[str, Query(max_length=200)]
Position = Annotated[int, Path(ge=1, le=999_999_999_999)]


def list_records(
    caller: Asking,
    words: Words = "",
    clause: Words = "",
    case: Words = "",
    person: Words = "",
    event: Words = "",
    document: Words = "",
    since: Words = "",
    until: Words = "",
    before: Annotated[int | None, Query(ge=1, le=999_999_999_999)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    asked = {"words": words, "clause": clause, "case": case, "person": person, "event": event, "document": document}
    app = caller.app
    with app.reading() as connection:
        found = search.trail_page(connection, app.engine, caller.by, filters_of({**asked, "since": since, "until": until}), before, limit)
    return {"records": [_said(one) for one in found.entries], "next": found.older}


def show_record(caller: Asking, position: Position) -> dict[str, Any]:
    app = caller.app
    with app.reading() as connection:
        entry = search.record(connection, app.engine, caller.by, position)
        checks = verification.examine(connection, app, position)
    return {
        "position": entry.position,
        "sealed": entry.sealed,
        "leaf": entry.leaf,
        "signature": entry.signature,
        "holds": all(check.passed for check in checks),
        "checks": [_told(caller, check) for check in checks],
    }


def show_receipt(caller: Asking, position: Position) -> Response:
    app = caller.app
    with app.reading() as connection:
        search.record(connection, app.engine, caller.by, position)
        return PlainTextResponse(checkpoints.proof(connection, position, app.public_key))


def show_checkpoint(caller: Asking) -> Response:
    with caller.app.reading() as connection:
        return PlainTextResponse(entries.note_at_head(connection, caller.app.public_key))


def check_identifier(caller: Asking, kind: str, value: Annotated[str, Query(max_length=200)]) -> dict[str, Any]:
    if kind not in identifiers.KINDS:
        raise NotFound("identifier", kind[:60])
    finding = identifiers.check(kind, value)
    told: dict[str, Any] = {name: plain(one) for name, one in vars(finding).items() if name != "values"}
    return {**told, "is_valid": finding.is_valid, "sentence": words.of_finding(caller.language, finding)}


def show_me(caller: Asking) -> dict[str, Any]:
    by = caller.by
    return {
        "person": by.person,
        "name": by.name,
        "kind": by.kind,
        "language": by.language,
        "hats": [{"hat": hat, "organisation": where} for hat, where in sorted(by.hats)],
        "roles": [{"role": role, "organisation": where} for role, where in sorted(by.held)],
    }


def _said(one: entries.Entry) -> Any:
    """What an entry says; of one that was changed, only that it was, and the text that stands there now."""
    return {"position": one.position, "damaged": True, "sealed": one.sealed} if one.is_damaged else json.loads(one.sealed)


def _told(caller: Caller, check: Check) -> dict[str, Any]:
    key = f"check.{check.name}" if check.passed else f"check.{check.name}.failed"
    values: dict[str, Any] = {"place": check.place, **check.values}
    sentence = caller.t(key, **values)
    return {"name": check.name, "passed": check.passed, "place": check.place, "sentence": sentence}


VERBS = (
    Verb("GET", "/records", Permission.READERS, list_records, "trail"),
    Verb("GET", "/records/{position}", Permission.READERS, show_record, "trail"),
    Verb("GET", "/records/{position}/receipt", Permission.READERS, show_receipt, "trail", options={"response_class": PlainTextResponse}),
    Verb("GET", "/checkpoint", Permission.WATCHERS, show_checkpoint, "trail", options={"response_class": PlainTextResponse}),
    Verb("GET", "/identifiers/{kind}", Permission.SIGNED_IN, check_identifier, "trail"),
    Verb("GET", "/me", Permission.SIGNED_IN, show_me, "trail"),
)
