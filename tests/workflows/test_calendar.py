"""Terms as people count them: holidays, the patron's day, ends of months, and the two nights when the clock jumps."""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qms.workflows.calendar import Calendar, Duration, duration

LUCCA = Calendar(ZoneInfo("Europe/Rome"), "07-12")
days = st.dates(date(2020, 1, 1), date(2060, 12, 31))
FIXED = {(1, 1), (1, 6), (4, 25), (5, 1), (6, 2), (8, 15), (11, 1), (12, 8), (12, 25), (12, 26)}
CHANGES = {
    (year, month): date(year, month, 31) - timedelta(days=date(year, month, 31).isoweekday() % 7)
    for year in range(2000, 2100)
    for month in (3, 10)
}
"""Year and month → the Sunday on which the clock changes: the last of March, the last of October."""


def easter(year: int) -> date:
    """Easter Sunday by the rule of the Gregorian calendar as Gauss, Meeus and Jones wrote it down."""
    a, (b, c) = year % 19, divmod(year, 100)
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    left = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    month, day = divmod(h + left - 7 * ((a + 11 * h + 22 * left) // 451) + 114, 31)
    return date(year, month, day + 1)


def is_worked(day: date) -> bool:
    """Whether people in Lucca work on ``day``, by the law's own list: Saint Francis is on it since 2026 (law 151/2025)."""
    here = (day.month, day.day)
    monday = day == easter(day.year) + timedelta(days=1)
    return day.weekday() < 5 and here not in {*FIXED, (7, 12)} and not monday and (here != (10, 4) or day.year < 2026)


def changes(month: int) -> st.SearchStrategy[datetime]:
    """Any moment of the day on which the clock changes in ``month``, of the day before and of the day after: 2026 has 29 March and
    25 October."""
    begin = {year: LUCCA.at(day - timedelta(days=1), time(0)) for (year, when), day in CHANGES.items() if when == month}
    seconds = st.integers(0, 259_199) | st.integers(86_400, 100_800)
    return st.builds(lambda year, later: begin[year] + timedelta(seconds=later), st.sampled_from(sorted(begin)), seconds)


around = st.one_of(changes(3), changes(10))


@pytest.mark.parametrize(
    ("start", "by", "end"),
    [
        (date(2026, 1, 31), "1m", date(2026, 2, 28)),
        (date(2028, 1, 31), "1m", date(2028, 2, 29)),
        (date(2026, 12, 31), "2m", date(2027, 2, 28)),
        (date(2026, 12, 23), "2wd", date(2026, 12, 28)),
        (date(2026, 4, 3), "1wd", date(2026, 4, 7)),
        (date(2027, 7, 9), "1wd", date(2027, 7, 13)),
        (date(2026, 10, 2), "1wd", date(2026, 10, 5)),
        (date(2026, 5, 1), "10d", date(2026, 5, 11)),
    ],
)
def test_days_are_counted_as_on_the_wall(start: date, by: str, end: date) -> None:
    length = duration(by)
    assert length is not None
    assert LUCCA.shift_day(start, length) == end


def test_a_term_of_days_that_ends_on_a_holiday_moves_to_the_next_worked_day() -> None:
    start = datetime(2026, 12, 15, 9, 0, tzinfo=UTC)
    assert LUCCA.term(start, Duration(10, "d")) == datetime(2026, 12, 28, 22, 59, 59, tzinfo=UTC)
    assert LUCCA.term(start, Duration(1, "h")) == start + timedelta(hours=1)


def test_the_same_time_of_day_survives_the_change_of_hour() -> None:
    noon = LUCCA.at(date(2026, 3, 28), time(12))
    assert LUCCA.shift(noon, Duration(1, "d")) - noon == timedelta(hours=23)
    assert LUCCA.shift(noon, Duration(24, "h")) - noon == timedelta(hours=24)
    autumn = LUCCA.at(date(2026, 10, 24), time(12))
    assert LUCCA.shift(autumn, Duration(1, "d")) - autumn == timedelta(hours=25)


def test_an_hour_that_never_was_is_the_one_after_and_one_that_came_twice_the_earlier() -> None:
    assert LUCCA.at(date(2026, 3, 29), time(2, 30)) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert LUCCA.at(date(2026, 10, 25), time(2, 30)) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "3", "d", "3 d", "-3d", "3x", "9999999d", "40000d", "1.5d", "٣d"])
def test_what_is_no_duration_is_none(text: str) -> None:
    assert duration(text) is None


@given(day=days, count=st.integers(0, 200))
def test_working_days_there_and_back_meet_on_a_worked_day(day: date, count: int) -> None:
    start = LUCCA.next_workday(day)
    there = LUCCA.shift_day(start, Duration(count, "wd"))
    assert LUCCA.is_workday(there)
    assert LUCCA.workdays_between(start, there) == count
    assert LUCCA.shift_day(there, Duration(count, "wd"), -1) == start


@given(day=days, count=st.integers(0, 400))
def test_months_never_leave_their_month(day: date, count: int) -> None:
    later = LUCCA.shift_day(day, Duration(count, "m"))
    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == count
    assert later.day <= day.day


@given(year=st.integers(1900, 2100), count=st.integers(0, 1200))
def test_from_the_31st_of_january_every_month_ends_on_its_last_day(year: int, count: int) -> None:
    later = LUCCA.shift_day(date(year, 1, 31), Duration(count, "m"))
    assert later == date(year + count // 12, count % 12 + 1, monthrange(year + count // 12, count % 12 + 1)[1])


@given(start=around, count=st.integers(-3, 3))
def test_days_keep_the_time_on_the_wall_when_the_clock_changes(start: datetime, count: int) -> None:
    here = start.astimezone(LUCCA.zone)
    there = LUCCA.shift(start, Duration(abs(count), "d"), 1 if count >= 0 else -1).astimezone(LUCCA.zone)
    aimed = datetime.combine(here.date() + timedelta(days=count), here.time())
    was_skipped = (aimed.month, aimed.hour) == (3, 2) and there.utcoffset() != (there - timedelta(hours=3)).utcoffset()
    assert there.replace(tzinfo=None, fold=0) == aimed + timedelta(hours=was_skipped)
    if count:
        assert there.fold == 0
    else:
        assert there.astimezone(UTC) == start


@given(start=around, count=st.integers(0, 200))
def test_hours_are_exact_when_the_clock_changes(start: datetime, count: int) -> None:
    there = LUCCA.shift(start, Duration(count, "h"))
    assert there.astimezone(UTC) - start == timedelta(hours=count)
    assert LUCCA.term(start, Duration(count, "h")) == there
    assert LUCCA.shift(there, Duration(count, "h"), -1).astimezone(UTC) == start


@given(years=st.tuples(st.integers(2000, 2090), st.integers(1, 9)), month=st.sampled_from([3, 10]), minute=st.integers(0, 59))
def test_from_the_second_of_a_doubled_hour_one_comes_to_the_hour_after_a_gap_and_the_earlier_of_two(
    years: tuple[int, int], month: int, minute: int
) -> None:
    begin, end = CHANGES[years[0], 10], CHANGES[sum(years), month]
    second = datetime.combine(begin, time(1, minute), UTC)
    there = LUCCA.shift(second, Duration((end - begin).days, "d"))
    assert there == datetime.combine(end, time(1 if month == 3 else 0, minute), UTC)
    assert LUCCA.shift(second, Duration(0, "d")) == second


@pytest.mark.parametrize("year", range(2000, 2100))
def test_nobody_works_on_easter_monday_nor_on_the_patron_s_day(year: int) -> None:
    monday = easter(year) + timedelta(days=1)
    assert not LUCCA.is_workday(monday)
    assert LUCCA.next_workday(monday) > monday
    assert not LUCCA.is_workday(date(year, 7, 12))
    florence = Calendar(LUCCA.zone, "06-24")
    assert not florence.is_workday(date(year, 6, 24))
    assert florence.is_workday(date(year, 7, 12)) == (date(year, 7, 12).weekday() < 5)


@given(patron=days, day=days)
def test_each_town_rests_on_the_day_of_its_own_patron(patron: date, day: date) -> None:
    town = Calendar(LUCCA.zone, patron.strftime("%m-%d"))
    assert not town.is_workday(patron)
    here, nobody = (day.month, day.day), Calendar(LUCCA.zone, "12-25")
    assert town.is_workday(day) == (nobody.is_workday(day) and here != (patron.month, patron.day))


@given(day=days)
def test_the_worked_days_are_those_of_the_law(day: date) -> None:
    assert LUCCA.is_workday(day) == is_worked(day)


@given(
    start=st.datetimes(datetime(2020, 1, 1), datetime(2060, 12, 31), timezones=st.just(LUCCA.zone)),
    count=st.integers(0, 400),
    unit=st.sampled_from(["d", "m", "wd"]),
)
def test_a_term_ends_with_the_last_second_of_the_first_worked_day(start: datetime, count: int, unit: str) -> None:
    counted = LUCCA.shift_day(start.date(), Duration(count, unit))
    end = LUCCA.term(start, Duration(count, unit)).astimezone(LUCCA.zone)
    assert (end.hour, end.minute, end.second) == (23, 59, 59)
    assert is_worked(end.date())
    passed = (counted + timedelta(days=n) for n in range((end.date() - counted).days))
    assert counted <= end.date() and not any(is_worked(day) for day in passed)
    assert LUCCA.term(start.date(), Duration(count, unit)) == end


@given(first=days, count=st.integers(-500, 500))
def test_workdays_between_two_days_are_those_one_counts(first: date, count: int) -> None:
    last = first + timedelta(days=count)
    low, high = min(first, last), max(first, last)
    counted = sum(is_worked(low + timedelta(days=n)) for n in range(1, (high - low).days + 1))
    assert LUCCA.workdays_between(first, last) == (counted if count >= 0 else -counted)
