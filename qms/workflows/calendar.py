"""Which days are worked, and when a term ends: Italian holidays, the patron's day, and a wall clock that jumps twice a year.

A term is counted as people count it (DOMAIN: time): the day it starts from is not counted; days, working days and months are days on the
wall in Europe/Rome, hours are exact; a month later than 31 January is the last day of February.
"""

import re
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from threading import Lock
from zoneinfo import ZoneInfo

import holidays

LONGEST = {"d": 36_600, "wd": 5_000, "h": 876_000, "m": 1_200}
LAST_SECOND = time(23, 59, 59)
_WRITTEN = re.compile(r"([0-9]{1,6})(d|wd|h|m)")


@dataclass(frozen=True)
class Duration:
    """A length of time in one unit: ``d`` days, ``wd`` working days, ``h`` hours, ``m`` months."""

    count: int
    unit: str

    def __str__(self) -> str:
        return f"{self.count}{self.unit}"


def duration(text: str) -> Duration | None:
    """The duration that ``str`` wrote, or None when the text is none or longer than can be counted."""
    found = _WRITTEN.fullmatch(text)
    if found is None or int(found[1]) > LONGEST[found[2]]:
        return None
    return Duration(int(found[1]), found[2])


@dataclass(frozen=True)
class Calendar:
    """Working days of one place. ``patron_day`` is ``MM-DD``. Remembers each year's holidays once they were asked for."""

    zone: ZoneInfo
    patron_day: str
    _years: dict[int, frozenset[date]] = field(default_factory=dict, compare=False, repr=False)
    _lock: Lock = field(default_factory=Lock, compare=False, repr=False)

    def day(self, at: datetime) -> date:
        """The day on which ``at`` falls here."""
        return at.astimezone(self.zone).date()

    def at(self, day: date, clock: time) -> datetime:
        """The instant at which a clock on the wall shows ``clock`` on ``day``: after a gap when it falls in one, the earlier of two."""
        return datetime.combine(day, clock.replace(fold=0), self.zone).astimezone(UTC)

    def end_of(self, day: date) -> datetime:
        """The last second of ``day``."""
        return self.at(day, LAST_SECOND)

    def is_workday(self, day: date) -> bool:
        return day.weekday() < 5 and day not in self._holidays(day.year) and day.strftime("%m-%d") != self.patron_day

    def next_workday(self, day: date) -> date:
        """``day`` itself when it is worked, else the next one that is."""
        while not self.is_workday(day):
            day += timedelta(days=1)
        return day

    def workdays_between(self, first: date, last: date) -> int:
        """How many worked days follow ``first`` up to and with ``last``; negative when ``last`` comes before."""
        if last < first:
            return -self.workdays_between(last, first)
        days = min((last - first).days, LONGEST["d"])
        return sum(1 for n in range(1, days + 1) if self.is_workday(first + timedelta(days=n)))

    def shift_day(self, day: date, by: Duration, direction: int = 1) -> date:
        """``day`` moved by days, working days or months. Raises ValueError for hours, OverflowError beyond the years there are."""
        if by.unit == "d":
            return day + timedelta(days=direction * by.count)
        if by.unit == "m":
            return _months_later(day, direction * by.count)
        if by.unit == "wd":
            left = by.count
            while left:
                day += timedelta(days=direction)
                left -= self.is_workday(day)
            return day
        raise ValueError("a day cannot be moved by hours")

    def shift(self, at: datetime, by: Duration, direction: int = 1) -> datetime:
        """``at`` moved: hours exactly, anything else to the same time of day on the wall."""
        if by.unit == "h":
            return at + timedelta(hours=direction * by.count)
        here = at.astimezone(self.zone)
        there = self.shift_day(here.date(), by, direction)
        return at if there == here.date() else self.at(there, here.time())

    def term(self, start: datetime | date, by: Duration) -> datetime:
        """When a term of ``by`` that starts with ``start`` ends: hours exactly, else the last second of a worked day."""
        moment = start if isinstance(start, datetime) else self.at(start, time(0))
        if by.unit == "h":
            return self.shift(moment, by)
        return self.end_of(self.next_workday(self.shift_day(self.day(moment), by)))

    def _holidays(self, year: int) -> frozenset[date]:
        found = self._years.get(year)
        if found is None:
            with self._lock:
                found = frozenset(holidays.country_holidays("IT", years=year))
                self._years[year] = found
        return found


def _months_later(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    if not 1 <= year <= 9999:
        raise OverflowError("beyond the years there are")
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
