"""Public notices: a file is read and shown field by field, with what is doubtful; a person then chooses what becomes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from starlette.responses import Response

from qms.desk import notices
from qms.desk.notices import Taken
from qms.errors import Incomplete, Reason
from qms.formats import notice as reader
from qms.formats import words
from qms.formats.facts import Lot, Notice, NoticeFile
from qms.records import evidence
from qms.records.evidence import Attachment
from qms.web import pages
from qms.web.call import Call
from qms.web.registry import Permission, Route
from qms.web.words import Words

RECENT = 50
MOST_SHOWN = 100
SLOT = "notice"
FACTS = (
    "buyer_name", "buyer_tax_code", "title", "procedure", "value", "submission_deadline_at", "cig", "cup", "cpv", "place", "reserved",
    "reserved_execution", "published_on", "notice_ref", "procedure_id", "source_url", "platform_url",
)  # fmt: skip


@dataclass(frozen=True)
class NoticesPage:
    recent: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class LotLine:
    number: str
    title: str
    cig: str
    cpv: str
    amount: str


@dataclass(frozen=True)
class ReadNotice:
    """One record as a person reads it before deciding."""

    place: int
    kind: str
    title: str
    fate: Taken
    facts: tuple[tuple[str, Any], ...]
    lots: tuple[LotLine, ...]
    doubts: tuple[str, ...]


@dataclass(frozen=True)
class DryRunPage:
    file: NoticeFile
    slip: str
    records: tuple[ReadNotice, ...]
    skipped: tuple[tuple[str, str], ...]
    left_out: int
    is_single: bool


def show(call: Call) -> Response:
    with call.app.reading() as connection:
        recent = tuple(notices.notices(connection, call.app.engine, call.by, limit=RECENT))
    return pages.draw(call, "notices/notices.html", call.t("web.place.notices"), NoticesPage(recent))


def read(call: Call) -> Response:
    """Read the file and show what it says; nothing is opened yet."""
    upload = next((found for _, found in call.uploads("file")), None)
    if upload is None:
        raise Incomplete([Reason("FIELD_REQUIRED:file", "file", {}, call.both("web.notice.no_file"))])
    content = upload.file.read(call.app.settings.max_evidence_bytes + 1)
    found = reader.read(content, upload.filename or "")
    stored = evidence.store(call.app.settings.evidence, BytesIO(content), found.name, call.app.settings.max_evidence_bytes)
    return _dry_run(call, found, evidence.attach(SLOT, stored))


def take_in(call: Call) -> Response:
    """Open, link or keep what was chosen."""
    app, by = call.app, call.by
    kept = next((one for one in call.slips() if one.slot == SLOT), None)
    if kept is None:
        raise Incomplete([Reason("FIELD_REQUIRED:file", "file", {}, call.both("web.notice.no_file"))])
    found = reader.read(b"".join(evidence.read(app.settings.evidence, kept.sha256)), kept.name)
    chosen = [int(value) for _, value in call.texts("record") if value.isascii() and value.isdigit() and len(value) < 7]
    stored = evidence.Stored(kept.sha256, kept.size, kept.type, kept.name)
    with app.writing() as tx:
        taken = notices.take_in(tx, app.engine, found, stored, by, chosen, call.language)
    opened = [one.case for one in taken if one.case]
    return call.to(f"/cases/{opened[0]}" if len(opened) == 1 else "/notices")


def draw_again(call: Call) -> Response:
    """After a refusal: the file as it was read when it is known, else the page that asks for one."""
    kept = next((one for one in call.slips() if one.slot == SLOT), None)
    if kept is None:
        return show(call)
    content = b"".join(evidence.read(call.app.settings.evidence, kept.sha256))
    return _dry_run(call, reader.read(content, kept.name), kept)


def _dry_run(call: Call, found: NoticeFile, kept: Attachment) -> Response:
    with call.app.reading() as connection:
        fates = notices.foreseen(connection, call.app.engine, found, call.by)
    shown = pages.words_of(call)
    records = tuple(_read(shown, place, one, fates[place]) for place, one in enumerate(found.records[:MOST_SHOWN]))
    skipped = tuple((one.record, call.t(f"problem.{one.code}")) for one in found.skipped[:MOST_SHOWN])
    page = DryRunPage(found, call.slip(kept), records, skipped, max(len(found.records) - MOST_SHOWN, 0), len(found.records) == 1)
    return pages.draw(call, "notices/read.html", call.t("web.notice.read", name=found.name), page)


def _read(shown: Words, place: int, one: Notice, fate: Taken) -> ReadNotice:
    known = reader.facts(one)
    facts = tuple((words.of_field(shown.language, name), _value(shown, name, known[name], known)) for name in FACTS if known.get(name))
    lots = tuple(_lot(shown, lot) for lot in one.lots)
    doubts = tuple(words.of_doubt(shown.language, doubt) for doubt in one.doubts)
    return ReadNotice(place, one.kind, one.title or one.record, fate, facts, lots, doubts)


def _lot(shown: Words, lot: Lot) -> LotLine:
    amount = shown.money(lot.amount.value, lot.amount.currency) if lot.amount else ""
    cigs, cpvs = ", ".join(code.finding.raw for code in lot.cigs), ", ".join(code.kept or "" for code in lot.cpvs[:2])
    return LotLine(lot.number, lot.title or "", cigs, cpvs, amount)


def _value(shown: Words, name: str, value: Any, known: Mapping[str, Any]) -> Any:
    if name == "submission_deadline_at":
        return shown.instant(value)
    if name == "published_on":
        return shown.day(value)
    if name == "value":
        return shown.money(value, str(known.get("currency") or "EUR"))
    return value


ROUTES = (
    Route("GET", "/notices", Permission.STAFF, show),
    Route("POST", "/notices", Permission.STAFF, read, again=show, takes_files=True),
    Route("POST", "/notices/taken", Permission.STAFF, take_in, again=draw_again),
)
