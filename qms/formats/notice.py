"""Reads a public procurement notice from a file, whatever its format, or says why it cannot be read.

Four formats: TED's legacy XML, eForms XML, releases of the Open Contracting Data Standard, CIG records of ANAC. Nothing is opened or kept
here; the desk decides with a person what becomes of what was read.
"""

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal

from qms.formats import amounts, anac, eforms, names, ocds, reading, ted
from qms.formats.facts import Amount, Code, Deadline, Doubt, Lot, Modification, Notice, NoticeFile, Outcome, Party, Skipped, kept, one_of
from qms.formats.trees import local_name

__all__ = [
    "Amount",
    "Code",
    "Deadline",
    "Doubt",
    "Lot",
    "Modification",
    "Notice",
    "NoticeFile",
    "Outcome",
    "Party",
    "Skipped",
    "facts",
    "read",
    "to_json",
]

MOST_RECORDS = 2_000


def read(content: bytes, name: str) -> NoticeFile:
    """Read every notice in a file. Raises BadContent with one or more ``notice_…`` codes (sentences under ``problem.<code>``)."""
    reading.admit(content, name)
    start = content.lstrip(b" \t\r\n\0\xef\xbb\xbf\xfe\xff")[:1]
    if start == b"<":
        format_name, found = _from_xml(content, name)
    elif start in {b"{", b"["}:
        format_name, found = _from_json(content, name)
    else:
        reading.refuse(name, "notice_unknown_format")
    records = tuple(_told_apart(item for item in found if isinstance(item, Notice)))
    skipped = tuple(item for item in found if isinstance(item, Skipped))
    if not records:
        reading.refuse(name, skipped[0].code if skipped else "notice_unknown_format")
    return NoticeFile(format_name, hashlib.sha256(content).hexdigest(), names.clean(name), records, skipped)


def facts(notice: Notice) -> dict[str, object]:
    """The facts a case may be opened with, as plain values: texts, ISO moments in UTC, decimal strings, lots as a list of objects.

    Only what is free of doubt stands here: a deadline that two places give differently, or a code that fails its check, is left out for
    a person to fill.
    """
    found: dict[str, object | None] = {
        "kind": notice.kind,
        "notice_ref": notice.notice_ref,
        "notice_id": notice.notice_id,
        "version": notice.version,
        "procedure_id": notice.procedure_id,
        "published_on": notice.published_on.isoformat() if notice.published_on else None,
        "title": notice.title,
        "description": notice.description,
        "language": notice.language,
        "buyer_name": notice.buyer_name,
        "buyer_tax_code": notice.buyer_tax_code if notice.buyer and notice.buyer.country in {"IT", None} else None,
        "procedure": notice.procedure,
        "value": amounts.shown(notice.value.value) if notice.value else None,
        "currency": notice.value.currency if notice.value else None,
        "submission_deadline_at": _utc(notice.submission_deadline_at) if notice.submission_deadline_at else None,
        "cig": one_of(notice.all_cigs),
        "cup": one_of(kept((*notice.cups, *(code for lot in notice.lots for code in lot.cups)))),
        "cpv": _main(notice.cpvs or tuple(code for lot in notice.lots for code in lot.cpvs)),
        "place": _main(notice.places),
        "reserved": notice.reserved,
        "reserved_execution": notice.reserved_execution,
        "source_url": notice.source_url,
        "platform_url": notice.platform_url,
        "documents_url": notice.documents_url,
        "lots": [_lot_facts(lot, notice) for lot in notice.lots] or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def to_json(value: object) -> object:
    """Everything that was read, for a machine: dates ISO 8601, amounts decimal strings, codes as written and as normalised."""
    if isinstance(value, Notice):
        extra = {
            "buyer_name": value.buyer_name,
            "buyer_tax_code": value.buyer_tax_code,
            "submission_deadline_at": to_json(value.submission_deadline_at),
            "outcome": to_json(value.outcome),
        }
        return _fields(value) | extra
    if isinstance(value, Modification):
        return _fields(value) | {"percent": to_json(value.percent)}
    if isinstance(value, Code):
        finding = value.finding
        return _fields(finding) | {"place": value.place}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    if isinstance(value, datetime):
        return _utc(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return amounts.shown(value)
    if isinstance(value, Mapping):
        return {str(key): to_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(inner) for inner in value]
    return value


def _told_apart(records: Iterable[Notice]) -> Iterator[Notice]:
    """Give a record that carries the name of an earlier one of the file a name of its own, and a doubt."""
    seen: dict[str, int] = {}
    for record in records:
        seen[record.record] = count = seen.get(record.record, 0) + 1
        if count == 1:
            yield record
        else:
            doubt = Doubt("record_twice", "record", (record.record,))
            yield dataclasses.replace(record, record=f"{record.record} #{count}", doubts=(*record.doubts, doubt))


def _from_xml(content: bytes, name: str) -> tuple[str, list[Notice | Skipped]]:
    root = reading.read_xml(content, name)
    if local_name(root) == "TED_EXPORT":
        return ted.FORMAT, [ted.read_ted(root, name)]
    if root.tag in eforms.ROOTS:
        return eforms.FORMAT, [eforms.read_eforms(root, name)]
    return reading.refuse(name, "notice_unknown_root", found=local_name(root)[:80])


def _from_json(content: bytes, name: str) -> tuple[str, list[Notice | Skipped]]:
    value = reading.read_json(content, name)
    if isinstance(value, list) and len(value) > MOST_RECORDS:
        reading.refuse(name, "notice_too_many_records", most=MOST_RECORDS)
    if ocds.is_ocds(value):
        found = list(ocds.read_ocds(value))
    elif anac.is_anac(value):
        return anac.FORMAT, list(anac.read_anac(value))
    else:
        reading.refuse(name, "notice_unknown_format")
    if len(found) > MOST_RECORDS:
        reading.refuse(name, "notice_too_many_records", most=MOST_RECORDS)
    return ocds.FORMAT, found


def _lot_facts(lot: Lot, notice: Notice) -> dict[str, object]:
    """One row of a table of lots; a code is given only where the lot has exactly one that is usable."""
    found: dict[str, object | None] = {
        "number": lot.number,
        "title": lot.title or (notice.title if len(notice.lots) == 1 else None),
        "cig": one_of(kept(lot.cigs)),
        "cup": one_of(kept(lot.cups)),
        "cpv": _main(lot.cpvs or notice.cpvs),
        "base_amount": amounts.shown(lot.amount.value) if lot.amount else None,
        "safety_cost": amounts.shown(lot.safety_cost.value) if lot.safety_cost else None,
        "reserved": lot.reserved,
        "deadline_at": _utc(at) if (at := one_of(deadline.at for deadline in lot.deadlines)) and notice.submission_deadline_at else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _main(codes: tuple[Code, ...]) -> str | None:
    """The leading code when it is usable; a later one never takes its place in silence."""
    return codes[0].kept if codes else None


def _fields(value: object) -> dict[str, object]:
    return {item.name: to_json(getattr(value, item.name)) for item in dataclasses.fields(value)}  # type: ignore[arg-type]


def _utc(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
