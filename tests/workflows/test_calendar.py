"""Terms as people count them: holidays, the patron's day, ends of months, and the two nights when the clock jumps."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qms.workflows.calendar import Calendar, Duration, duration

LUCCA = Calendar(ZoneInfo("Europe/Rome"), "07-12")
days = st.dates(date(2020, 1, 1), date(2060, 12, 31))


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
