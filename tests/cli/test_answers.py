"""An answer is the same for a person and for a program: exact in JSON, readable in a line."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qms.cli.answers import as_json, plain, shown


@dataclass(frozen=True)
class Lot:
    cig: str
    amount: Decimal
    due_at: datetime
    codes: frozenset[str]


def test_json_holds_instants_in_utc_dates_and_amounts_as_strings() -> None:
    lot = Lot("A1B2C3D4E5", Decimal("1234.50"), datetime(2026, 11, 22, 10, 0, tzinfo=UTC), frozenset({"b", "a"}))
    assert json.loads(as_json({"lot": lot, "day": date(2026, 11, 22)})) == {
        "lot": {"cig": "A1B2C3D4E5", "amount": "1234.50", "due_at": "2026-11-22T10:00:00.000Z", "codes": ["a", "b"]},
        "day": "2026-11-22",
    }


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2))
def test_an_amount_survives_json_without_a_float_or_an_exponent(amount: Decimal) -> None:
    text = json.loads(as_json(amount))
    assert Decimal(text) == amount
    assert "E" not in text.upper()


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_what_is_already_plain_is_not_changed(value: object) -> None:
    assert plain(value) == value


@pytest.mark.parametrize(
    ("value", "italian", "english"),
    [
        (None, "–", "–"),
        (True, "sì", "yes"),
        (date(2026, 11, 22), "22 nov 2026", "22 Nov 2026"),
        (datetime(2026, 7, 1, 10, 0, tzinfo=UTC), "1 lug 2026 12:00", "1 Jul 2026 12:00"),
        ({"it": "Gara", "en": "Tender"}, "Gara", "Tender"),
        (("a", "b"), "a, b", "a, b"),
    ],
)
def test_a_line_shows_a_value_in_the_readers_language(value: object, italian: str, english: str) -> None:
    assert (shown(value, "it"), shown(value, "en")) == (italian, english)
