"""Amounts as people write them: read exactly, or asked about."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qms.formats import amounts
from qms.formats.values import BadValue


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("1.234.567", "1234567"),
        ("1.234.567,8", "1234567.8"),
        ("€ 1.234,00", "1234.00"),
        ("1\u00a0234,56 €", "1234.56"),
        ("1'234.56", "1234.56"),
        ("EUR 12,5", "12.5"),
        ("1234", "1234"),
        ("0,123", "0.123"),
        ("1234.567", "1234.567"),
        ("\u22123,00", "-3.00"),
    ],
)
def test_an_italian_or_english_amount_is_read_exactly(written: str, amount: str) -> None:
    assert amounts.parse(written) == Decimal(amount)


@pytest.mark.parametrize("written", ["1.234", "€ 1.234", "1,234", "12.000 euro"])
def test_an_amount_with_two_readings_is_asked_about(written: str) -> None:
    with pytest.raises(BadValue) as refused:
        amounts.parse(written)
    assert refused.value.code == "amount_ambiguous"
    thousands, decimals = refused.value.values["readings"]  # type: ignore[misc]
    assert Decimal(thousands) == Decimal(decimals) * 1000  # type: ignore[has-type]


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("", "amount_empty"),
        ("  € ", "amount_empty"),
        ("dieci", "amount_not_a_number"),
        ("1e5", "amount_not_a_number"),
        ("NaN", "amount_not_a_number"),
        ("1,23,4", "amount_separators"),
        ("12.34,567.8", "amount_separators"),
        ("1.2345.678,00", "amount_separators"),
        ("9" * 30, "amount_too_large"),
        ("9" * 100, "amount_not_a_number"),
        ("1," + "0" * 20, "amount_too_large"),
    ],
)
def test_what_is_no_amount_is_refused_with_its_code(written: str, code: str) -> None:
    with pytest.raises(BadValue) as refused:
        amounts.parse(written)
    assert refused.value.code == code


def test_a_number_of_a_machine_may_carry_an_exponent() -> None:
    assert amounts.shown(amounts.plain("1.342677261E7")) == "13426772.61"
    with pytest.raises(BadValue):
        amounts.plain("1E99")
    with pytest.raises(BadValue):
        amounts.plain("1E-99")


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=2, allow_nan=False))
def test_an_amount_written_in_the_italian_way_comes_back(amount: Decimal) -> None:
    italian = f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))
    assert amounts.parse(italian) == amount
    assert amounts.parse(f"{amount:,.2f}") == amount
    assert amounts.plain(amounts.shown(amount)) == amount


@given(st.text(max_size=80))
def test_any_text_gives_an_amount_or_a_refusal(text: str) -> None:
    try:
        assert amounts.parse(text).is_finite()
    except BadValue as refused:
        assert refused.code.startswith("amount_")
