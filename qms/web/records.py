"""The register of events: searched and filtered, each record with its checks in plain sentences, and what an auditor takes home."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from starlette.responses import Response

from qms.desk import search, verification
from qms.desk.search import Filters
from qms.errors import Incomplete, Reason
from qms.formats import moments
from qms.formats.values import BadValue
from qms.people import directory
from qms.records import checkpoints, trail
from qms.records.verify import Check
from qms.web import pages
from qms.web.call import Call
from qms.web.evidence import attachment
from qms.web.registry import Permission, Route
from qms.web.sentences import Line, Teller


@dataclass(frozen=True)
class TrailPage:
    lines: tuple[Line, ...]
    older: int | None
    filters: Mapping[str, str]
    clauses: tuple[str, ...]
    persons: tuple[tuple[str, str], ...]
    size: int
    may_export: bool


@dataclass(frozen=True)
class Examined:
    """One check as a sentence."""

    passed: bool
    text: str


@dataclass(frozen=True)
class RecordPage:
    line: Line
    checks: tuple[Examined, ...]
    holds: bool
    event: str
    via: str
    sealed: str
    leaf: str
    signature: str
    details: tuple[tuple[str, str], ...]
    size: int


def list_records(call: Call) -> Response:
    app, by = call.app, call.by
    names = ("words", "clause", "case", "person", "event", "document", "since", "until")
    asked = {name: call.asked(name).strip()[:200] for name in names}
    with app.reading() as connection:
        found = search.trail_page(connection, app.engine, by, filters_of(asked), call.asked_number("before"))
        lines = Teller(call, connection).lines(found.entries)
        clauses = tuple(search.clauses(connection, app.engine))
        persons = tuple((one.id, one.name) for one in directory.persons(connection, limit=1000) if one.kind != "outside")
        size = trail.size(connection)
    page = TrailPage(lines, found.older, asked, clauses, persons, size, Permission.EXAMINERS.admits(by))
    return pages.draw(call, "records/list.html", call.t("web.place.trail"), page)


def show_record(call: Call, position: str) -> Response:
    app = call.app
    number = position_of(position)
    with app.reading() as connection:
        entry = search.record(connection, app.engine, call.by, number)
        line = Teller(call, connection).lines([entry], with_changes=True)[0]
        checks = verification.examine(connection, app, number)
        size = trail.size(connection)
    said = entry.said
    page = RecordPage(
        line, tuple(Examined(check.passed, told(call, check)) for check in checks), all(check.passed for check in checks), entry.event,
        str(said["by"]["via"]), entry.sealed, entry.leaf, entry.signature, _details(said), size,
    )  # fmt: skip
    return pages.draw(call, "records/record.html", call.t("web.record.title", position=number), page)


def receipt(call: Call, position: str) -> Response:
    """A receipt that verifies alone, to be kept outside."""
    app, number = call.app, position_of(position)
    with app.reading() as connection:
        search.record(connection, app.engine, call.by, number)
        text = checkpoints.proof(connection, number, app.public_key)
    return attachment(text, f"qms-{number}.tlog-proof", kind="text/plain")


def sealed(call: Call, position: str) -> Response:
    """The very bytes that are sealed."""
    with call.app.reading() as connection:
        entry = search.record(connection, call.app.engine, call.by, position_of(position))
    return attachment(entry.sealed, f"qms-{entry.position}.json", kind="application/json")


def told(call: Call, check: Check) -> str:
    """A check in the reader's language: what holds, or where it does not."""
    values: dict[str, Any] = {"place": check.place, **check.values}
    return call.t(f"check.{check.name}" if check.passed else f"check.{check.name}.failed", **values)


def position_of(written: str) -> int:
    """``1042`` as a number. Raises Incomplete."""
    if not written.isascii() or not written.isdigit() or len(written) > 15:
        raise Incomplete([Reason("FIELD_INVALID:position", "position")])
    return int(written)


def filters_of(asked: Mapping[str, str]) -> Filters:
    """What somebody looks for, from text. Raises Incomplete for a date that is none."""
    plain = {name: asked.get(name, "") for name in ("words", "clause", "case", "person", "event", "document")}
    return Filters(**plain, since=_day(asked, "since"), until=_day(asked, "until"))


def _day(asked: Mapping[str, str], name: str) -> date | None:
    written = asked.get(name, "")
    if not written:
        return None
    try:
        return moments.parse_date(written)
    except BadValue as error:
        raise Incomplete([Reason(f"FIELD_INVALID:{name}", name)]) from error


def _details(said: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What stands in the seal beyond the sentence, for those who look for it."""
    found = []
    for part in ("case", "document", "signature", "what"):
        for name, value in (said[part] or {}).items():
            if value not in (None, "", {}, []):
                shown = json.dumps(value, ensure_ascii=False, sort_keys=True) if isinstance(value, (dict, list)) else str(value)
                found.append((f"{part}.{name}", shown[:2000]))
    return tuple(found)


ROUTES = (
    Route("GET", "/records", Permission.READERS, list_records),
    Route("GET", "/records/{position}", Permission.READERS, show_record),
    Route("GET", "/records/{position}/receipt", Permission.READERS, receipt),
    Route("GET", "/records/{position}/sealed", Permission.READERS, sealed),
)
