"""Dates and times: the hours that never were, the hours that came twice, and midnight written 24:00."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qms.formats import moments
from qms.formats.values import BadValue


@pytest.mark.parametrize(
    ("written", "at", "note"),
    [
        ("2026-11-22T10:00", "2026-11-22T09:00:00", None),
        ("22/11/2026 10:00", "2026-11-22T09:00:00", None),
        ("22/07/2026 ore 12.30", "2026-07-22T10:30:00", None),
        ("22/11/2026, alle ore 10:00", "2026-11-22T09:00:00", None),
        ("2026-11-22T10:00:00Z", "2026-11-22T10:00:00", None),
        ("2026-11-22T10:00:00+05:30", "2026-11-22T04:30:00", None),
        ("2026-11-22 24:00", "2026-11-22T23:00:00", "moment_midnight"),
        ("2026-11-22 23:59", "2026-11-22T22:59:00", None),
        ("2026-10-25 02:30", "2026-10-25T00:30:00", "moment_twice"),
        ("2026-10-25 03:00", "2026-10-25T02:00:00", None),
        ("2026-03-29 03:00", "2026-03-29T01:00:00", None),
    ],
)
def test_a_wall_clock_becomes_one_instant(written: str, at: str, note: str | None) -> None:
    assert moments.parse(written) == moments.Moment(datetime.fromisoformat(at).replace(tzinfo=UTC), note)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("2026-03-29 02:30", "moment_gap"),
        ("29/03/2026 ore 02.00", "moment_gap"),
        ("22/11/2026", "moment_without_time"),
        ("31/02/2026 10:00", "date_impossible"),
        ("2026-11-22 25:00", "moment_not_understood"),
        ("2026-11-22 24:01", "moment_not_understood"),
        ("22/11/26 10:00", "moment_not_understood"),
        ("0001-01-01 10:00", "date_out_of_range"),
        ("domani", "moment_not_understood"),
        ("", "moment_not_understood"),
    ],
)
def test_a_moment_that_cannot_be_is_refused_with_its_code(written: str, code: str) -> None:
    with pytest.raises(BadValue) as refused:
        moments.parse(written)
    assert refused.value.code == code


@pytest.mark.parametrize("written", ["2026-11-22", "22/11/2026", "22.11.2026", "22-11-2026"])
def test_a_date_is_read_in_both_forms(written: str) -> None:
    assert moments.parse_date(written) == date(2026, 11, 22)


@pytest.mark.parametrize("written", ["2026-02-30", "22/13/2026", "22 novembre", "2026-11-22 10:00"])
def test_a_date_that_cannot_be_is_refused(written: str) -> None:
    with pytest.raises(BadValue):
        moments.parse_date(written)


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2150, 1, 1)))
def test_every_instant_written_with_its_offset_comes_back(when: datetime) -> None:
    at = when.replace(microsecond=when.microsecond // 1000 * 1000, tzinfo=UTC)
    assert moments.parse(at.astimezone(moments.ROME).isoformat()).at == at


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2150, 1, 1)))
def test_every_wall_clock_is_read_as_its_earliest_instant_or_refused_as_a_gap(when: datetime) -> None:
    shown = when.replace(microsecond=0)
    try:
        at = moments.parse(shown.isoformat()).at
    except BadValue as refused:
        assert refused.code == "moment_gap"
        return
    assert at.astimezone(moments.ROME).replace(tzinfo=None) == shown
    assert (at - timedelta(hours=1)).astimezone(moments.ROME).replace(tzinfo=None) != shown


@given(st.text(max_size=80))
def test_any_text_gives_a_moment_or_a_refusal(text: str) -> None:
    for read in (moments.parse, moments.parse_date):
        try:
            read(text)
        except BadValue as refused:
            assert refused.code.startswith(("moment_", "date_"))
