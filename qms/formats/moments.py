"""Dates and times as people and files write them, as one exact instant; an hour that never was is refused, one that came twice is noted.

Legal times in Italy are wall clock in Europe/Rome. On the last Sunday of March the hour from 2 to 3 does not exist; on the last
Sunday of October it comes twice, and the earlier instant is taken because a deadline must never be read as later than it may be.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from qms.formats.values import BadValue

ROME = ZoneInfo("Europe/Rome")
EARLIEST_YEAR, LATEST_YEAR = 1900, 2199

MIDNIGHT = "moment_midnight"
TWICE = "moment_twice"

_ISO_DATE = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
_ITALIAN_DATE = re.compile(r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})")
_TIME = re.compile(r"([0-9]{1,2})[:.]([0-9]{2})(?:[:.]([0-9]{2})(?:[.,]([0-9]{1,9}))?)?\s*(Z|[+-][0-9]{2}:?[0-9]{2})?")
_BETWEEN = re.compile(r"(?:\s*T\s*|\s*,?\s+(?:(?:alle\s+)?ore\s+|h\.?\s*|at\s+)?)", re.IGNORECASE)


@dataclass(frozen=True)
class Moment:
    """An instant in UTC; ``note`` is a catalogue key saying how the wall clock was read (24:00, an hour that came twice), else None."""

    at: datetime
    note: str | None = None


def parse(text: str, zone: tzinfo | str = ROME) -> Moment:
    """Read ISO or Italian date and time; without an offset it is wall clock in ``zone``.

    Raises BadValue: ``moment_without_time``, ``moment_gap``, ``moment_not_understood``, ``date_impossible``, ``date_out_of_range``.
    """
    written = _tidy(text, "moment_not_understood")
    found = _ISO_DATE.match(written) or _ITALIAN_DATE.match(written)
    if found is None:
        raise BadValue("moment_not_understood", text)
    day = _date(found, text)
    rest = written[found.end() :]
    if not rest:
        raise BadValue("moment_without_time", text, day=day.isoformat())
    gap = _BETWEEN.match(rest)
    hour = _TIME.fullmatch(rest[gap.end() :]) if gap else None
    if hour is None:
        raise BadValue("moment_not_understood", text)
    next_day, clock = _clock(hour, text)
    offset = _offset(hour[5], text)
    if offset is not None:
        at = datetime.combine(day, clock, offset) + timedelta(days=next_day)
        return Moment(at.astimezone(UTC), MIDNIGHT if next_day else None)
    moment = on_wall_clock(day + timedelta(days=next_day), clock, zone, text)
    return Moment(moment.at, MIDNIGHT) if next_day else moment


def parse_date(text: str) -> date:
    """Read ``2026-11-22``, ``22/11/2026``, ``22.11.2026``.

    Raises BadValue: ``date_not_understood``, ``date_impossible``, ``date_out_of_range``.
    """
    written = _tidy(text, "date_not_understood")
    found = _ISO_DATE.fullmatch(written) or _ITALIAN_DATE.fullmatch(written)
    if found is None:
        raise BadValue("date_not_understood", text)
    return _date(found, text)


def on_wall_clock(day: date, clock: time, zone: tzinfo | str = ROME, text: str = "") -> Moment:
    """The instant at which a clock on the wall in ``zone`` shows ``day`` and ``clock``. Raises BadValue ``moment_gap``."""
    place = ZoneInfo(zone) if isinstance(zone, str) else zone
    first, second = (datetime.combine(day, clock, place).replace(fold=fold) for fold in (0, 1))
    at = first.astimezone(UTC)
    if at.astimezone(place).replace(tzinfo=None) != first.replace(tzinfo=None):
        raise BadValue("moment_gap", text or first.replace(tzinfo=None).isoformat(" ", "minutes"))
    return Moment(at, TWICE if first.utcoffset() != second.utcoffset() else None)


def _tidy(text: str, code: str) -> str:
    if len(text) > 60:
        raise BadValue(code, text)
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).strip()


def _date(found: re.Match[str], text: str) -> date:
    first, month, last = (int(part) for part in found.groups())
    year, day = (first, last) if found.re is _ISO_DATE else (last, first)
    if not EARLIEST_YEAR <= year <= LATEST_YEAR:
        raise BadValue("date_out_of_range", text)
    try:
        return date(year, month, day)
    except ValueError:
        raise BadValue("date_impossible", text) from None


def _clock(found: re.Match[str], text: str) -> tuple[int, time]:
    """The time of day, and 1 when it was written 24:00 and so belongs to the next day."""
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    milli = int(f"{found[4] or 0:0<3}"[:3])
    if (hour, minute, second, milli) == (24, 0, 0, 0):
        return 1, time(0)
    try:
        return 0, time(hour, minute, second, milli * 1000)
    except ValueError:
        raise BadValue("moment_not_understood", text) from None


def _offset(written: str | None, text: str) -> tzinfo | None:
    if written is None:
        return None
    if written == "Z":
        return UTC
    hours, minutes = int(written[1:3]), int(written[-2:])
    if hours > 14 or minutes > 59:
        raise BadValue("moment_not_understood", text)
    size = timedelta(hours=hours, minutes=minutes)
    return timezone(-size if written[0] == "-" else size)
