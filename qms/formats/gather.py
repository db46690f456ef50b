"""Gathers the facts of one notice while its file is read, keeping every raw reading and writing down each doubt where it arises."""

import re
from collections.abc import Container, Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from qms.formats import amounts, moments
from qms.formats.countries import alpha, zone_of
from qms.formats.doubts import judged
from qms.formats.facts import Amount, Code, Deadline, Doubt, Notice, Party, Reading
from qms.formats.finding import VALID_NO_CHECK, VALID_WARN, Finding
from qms.formats.free_text import find_codes
from qms.formats.identifiers import check
from qms.formats.reading import tidy
from qms.formats.values import BadValue

LONGEST_TEXT = 20_000
MOST_DOUBTS = 500
MOST_LOTS = 5_000

_OFFSET = re.compile(r"(Z|[+-][0-9]{2}:?[0-9]{2})$")
_HOST = r"(?:[\w-]+\.)+[A-Za-z]{2,}"
_URL = re.compile(rf"(?:(?:https?://)?{_HOST}|https?://[0-9.]+)(?::[0-9]{{1,5}})?(?:[/?#]\S*)?", re.IGNORECASE)
_OFFICIAL = re.compile(r"([0-9]{4})/S\s*[0-9]{1,3}-([0-9]{1,8})")
_PUBLICATION = re.compile(r"([0-9]{1,8})-([0-9]{4})")
_VERSIONED = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-[0-9]{2}", re.IGNORECASE)


class Gathering:
    """The readings and doubts of one notice in the making; ``country`` is the buyer's, Italy until the file says otherwise."""

    def __init__(self, country: str | None = "IT") -> None:
        self.readings: list[Reading] = []
        self.doubts: list[Doubt] = []
        self.country = country
        self._said: set[tuple[str, str, tuple[str, ...]]] = set()

    def finish(self, notice: Notice) -> Notice:
        """The notice with its readings and with all doubts, those of its parts taken together included."""
        return judged(replace(notice, readings=tuple(self.readings), doubts=tuple(self.doubts)))

    def doubt(self, code: str, field: str, *found: str, **values: object) -> None:
        """Write down a doubt once; beyond a bound a last one says that there are more."""
        said = (code, field, found)
        if said in self._said or len(self.doubts) > MOST_DOUBTS:
            return
        if len(self.doubts) < MOST_DOUBTS:
            self._said.add(said)
            self.doubts.append(Doubt(code, field, tuple(text[:300] for text in found), values))
        elif len(self.doubts) == MOST_DOUBTS:
            self.doubts.append(Doubt("more_doubts", "", (), {"most": MOST_DOUBTS}))

    def lot_number(self, written: str | None, place: int, taken: Container[str]) -> str:
        """The number of a lot, or its place where it has none; a number met twice is told apart by its place."""
        number = tidy(written or "")[:40] or str(place)
        if number not in taken:
            return number
        self.doubt("lot_number_twice", "lots", number)
        return f"{number} ({place})"

    def text(self, field: str, raw: str | None, place: str) -> str | None:
        """Running text on one line, None when there is nothing to read."""
        shown = tidy(raw or "")
        if raw is None or not shown:
            return None
        self.readings.append(Reading(field, raw[:LONGEST_TEXT], place))
        return shown[:LONGEST_TEXT]

    def url(self, field: str, raw: str | None, place: str) -> str | None:
        """A web address; what only looks like one is kept as a reading and not offered as a link."""
        shown = self.text(field, raw, place)
        return shown if shown and _URL.fullmatch(shown) else None

    def code(self, kind: str, field: str, raw: str | None, place: str) -> Code | None:
        """A checked identifier, with a doubt when it is wrong or unusual."""
        shown = self.text(field, raw, place)
        return self.found(check(kind, shown), field, place) if shown else None

    def found(self, finding: Finding, field: str, place: str) -> Code:
        """An identifier already checked."""
        if not finding.is_valid or finding.verdict == VALID_WARN:
            suggested = ", ".join(suggestion.value for suggestion in finding.suggestions)
            code = "code_invalid" if not finding.is_valid else "code_unusual"
            self.doubt(code, field, finding.raw, kind=finding.kind, reason=finding.reason, suggested=suggested, **finding.values)
        return Code(finding, place)

    def codes_in(self, texts: Iterable[str | None], field: str, place: str) -> tuple[tuple[Code, ...], tuple[Code, ...]]:
        """The CIG and the CUP codes that stand in running text."""
        codes = [self.found(finding, f"{field}.{finding.kind.lower()}", place) for finding in find_codes("\n".join(t for t in texts if t))]
        return tuple(c for c in codes if c.finding.kind == "CIG"), tuple(c for c in codes if c.finding.kind == "CUP")

    def amount(self, field: str, raw: str | None, currency: str | None, place: str) -> Amount | None:
        """A sum of money written by a machine, or by a person who filled a machine's field."""
        shown = self.text(field, raw, place)
        if shown is None:
            return None
        try:
            value = _sum(shown)
        except BadValue as refused:
            self.doubt(refused.code, field, shown, **{k: v for k, v in refused.values.items() if k != "found"})
            return None
        if value < 0:
            self.doubt("amount_negative", field, shown)
        if value != round(value, 2):
            self.doubt("amount_many_decimals", field, shown)
        value = value if value != round(value, 2) else value.quantize(Decimal("0.01"))
        return Amount(raw or "", value, tidy(currency or "")[:3].upper() or None, place)

    def party(self, field: str, name: str | None, tax_code: str | None, country: str | None, place: str) -> Party | None:
        """A buyer or operator; its tax code is checked by Italian rules only when it is Italian."""
        shown = self.text(f"{field}.name", name, place)
        written = self.text(f"{field}.tax_code", tax_code, place)
        if shown is None and written is None:
            return None
        alpha2 = alpha(country)
        code = None
        if written and not any(character.isdecimal() for character in written):
            self.doubt("code_placeholder", f"{field}.tax_code", written)
        elif written and alpha2 in {"IT", None}:
            code = self.found(check("CODICE_FISCALE", written), f"{field}.tax_code", place)
        elif written:
            code = Code(Finding("FOREIGN", written, written, VALID_NO_CHECK, "outside_table"), place)
        return Party(shown or "", code, alpha2, place)

    def day(self, field: str, raw: str | None, place: str) -> date | None:
        """A date without a time, in ISO form, run together, or with an offset that is left aside."""
        shown = self.text(field, raw, place)
        if shown is None:
            return None
        bare = re.sub(r"^([0-9]{4})([0-9]{2})([0-9]{2})$", r"\1-\2-\3", _OFFSET.sub("", shown) if len(shown) > 10 else shown)
        try:
            return moments.parse_date(bare[:10])
        except BadValue as refused:
            self.doubt(refused.code, field, shown)
            return None

    def deadline(self, field: str, day: str | None, clock: str | None, place: str) -> Deadline | None:
        """A time limit from a date and a time, each perhaps with an offset; without one it is wall clock at the buyer's."""
        raw = " ".join(part for part in (day, clock) if part)
        shown = self.text(field, raw, place)
        if shown is None:
            return None
        offsets = [found[1] for part in (day, clock) if part and len(part) > 8 and (found := _OFFSET.search(part.strip()))]
        if len(set(offsets)) > 1:
            self.doubt("offsets_differ", field, *offsets)
        written = _OFFSET.sub("", (day or "").strip()) if clock else (day or "").strip()
        written = re.sub(r"^([0-9]{4})([0-9]{2})([0-9]{2})(?=$|\s)", r"\1-\2-\3", written)
        if clock:
            written += " " + _OFFSET.sub("", clock.strip()) + (offsets[-1] if offsets else "")
        return self._fixed(field, shown, written, offsets[-1] if offsets else None, place)

    def _fixed(self, field: str, raw: str, written: str, offset: str | None, place: str) -> Deadline:
        zone = zone_of(self.country)
        if zone is None and offset is None:
            self.doubt("zone_unknown", field, raw)
            return Deadline(raw, None, _day_of(written), "", None, place)
        try:
            moment = moments.parse(written, zone or "UTC")
        except BadValue as refused:
            code = "deadline_without_time" if refused.code == "moment_without_time" else refused.code
            self.doubt(code, field, raw)
            return Deadline(raw, None, _day_of(written), offset or zone or "", None, place)
        if moment.note == moments.TWICE:
            self.doubt("moment_twice", field, raw)
        local = moment.at.astimezone(ZoneInfo(zone)) if zone else moment.at
        if offset and zone and offset != "Z" and local.utcoffset() != _size(offset):
            written, shown = (f"{moment:%d/%m/%Y %H:%M}" for moment in (_wall(moment.at, offset), local))
            self.doubt("offset_not_local", field, raw, zone=zone, local=shown, written=written, offset=offset)
        return Deadline(raw, moment.at, local.date(), offset or zone or "", local.replace(tzinfo=None).isoformat(timespec="minutes"), place)


def publication(reference: str | None) -> str | None:
    """A TED reference in its short form: ``2020/S 229-565500`` gives ``565500-2020``, a notice id with its version the id alone."""
    written = tidy(reference or "")
    if found := _OFFICIAL.fullmatch(written):
        return f"{found[2]:0>6}-{found[1]}"
    if found := _PUBLICATION.fullmatch(written):
        return f"{found[1]:0>6}-{found[2]}"
    if found := _VERSIONED.fullmatch(written):
        return found[1].lower()
    return written[:100] or None


def _sum(shown: str) -> Decimal:
    try:
        return amounts.plain(shown)
    except BadValue:
        return amounts.parse(shown)


def _size(offset: str) -> timedelta:
    sign = -1 if offset[0] == "-" else 1
    return sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[-2:]))


def _wall(at: datetime, offset: str) -> datetime:
    return (at + _size(offset)).replace(tzinfo=None)


def _day_of(written: str) -> date | None:
    try:
        return moments.parse_date(written[:10])
    except BadValue:
        return None
