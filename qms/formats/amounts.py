"""Amounts of money as people write them in Italy, read as exact decimals; where ``1.234`` could be two numbers, the person is asked.

Nothing is guessed: a lone separator before exactly three digits may be thousands or decimals, and both readings are shown.
"""

import re
import unicodedata
from decimal import Decimal, InvalidOperation

from qms.formats.values import BadValue

LONGEST = 60
MOST_DIGITS = 15
MOST_DECIMALS = 10

_CURRENCY = re.compile(r"^(?:€|eur[o]?\b\.?)\s*|\s*(?:€|\beuro?\.?)$", re.IGNORECASE)
_SHAPE = re.compile(r"[+-]?[0-9]+(?:[.,' ][0-9]+)*")
_PLAIN = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?")


def parse(text: str) -> Decimal:
    """Read ``1.234,56``, ``1,234.56``, ``€ 1234``, ``1 234,5``. Raises BadValue; ``amount_ambiguous`` carries both ``readings``."""
    written = _tidy(text)
    if not written:
        raise BadValue("amount_empty", text)
    if not _SHAPE.fullmatch(written):
        raise BadValue("amount_not_a_number", text)
    sign, digits = ("-", written[1:]) if written[0] == "-" else ("", written.lstrip("+"))
    return _bounded(sign + _decimal_form(digits, text), text)


def plain(text: str) -> Decimal:
    """Read a number as machines write it: a decimal point, no thousands, perhaps an exponent (``1.342677261E7``). Raises BadValue."""
    written = text.strip()
    if len(written) > LONGEST or not _PLAIN.fullmatch(written):
        raise BadValue("amount_not_a_number", text)
    return _bounded(written, text)


def shown(amount: Decimal) -> str:
    """The amount as a plain decimal string, never with an exponent: ``13426772.61``."""
    return format(amount, "f")


def _tidy(text: str) -> str:
    if len(text) > LONGEST:
        raise BadValue("amount_not_a_number", text)
    written = unicodedata.normalize("NFKC", text).replace("\u2212", "-").replace("\u2019", "'").strip()
    written = _CURRENCY.sub("", written).strip()
    return re.sub(r"^([+-])\s+", r"\1", re.sub(r"\s", " ", written))


def _decimal_form(digits: str, text: str) -> str:
    """Bring one unsigned number to the form of machines, or refuse it."""
    for gap in ("'", " "):
        if gap in digits:
            whole, mark, fraction = _split_at_last(digits, ",.")
            digits = _joined(whole, gap, text) + mark + fraction
    kinds = {mark for mark in ".," if mark in digits}
    if not kinds:
        return digits
    if len(kinds) == 2:
        whole, _, fraction = _split_at_last(digits, ",.")
        return f"{_joined(whole, (kinds - {digits[len(whole)]}).pop(), text)}.{fraction}"
    mark = kinds.pop()
    if digits.count(mark) > 1:
        return _joined(digits, mark, text)
    whole, _, fraction = digits.partition(mark)
    if len(fraction) == 3 and len(whole) <= 3 and not whole.startswith("0"):
        raise BadValue("amount_ambiguous", text, readings=(f"{whole}{fraction}", f"{whole}.{fraction}"))
    return f"{whole}.{fraction}"


def _split_at_last(digits: str, marks: str) -> tuple[str, str, str]:
    at = max(digits.rfind(mark) for mark in marks)
    return (digits, "", "") if at < 0 else (digits[:at], digits[at], digits[at + 1 :])


def _joined(whole: str, mark: str, text: str) -> str:
    """Drop thousands separators after checking that they stand where thousands do."""
    first, *groups = whole.split(mark)
    if not (1 <= len(first) <= 3 and first.isdecimal() and all(len(group) == 3 and group.isdecimal() for group in groups)):
        raise BadValue("amount_separators", text)
    return first + "".join(groups)


def _bounded(written: str, text: str) -> Decimal:
    try:
        amount = Decimal(written)
    except InvalidOperation:
        raise BadValue("amount_not_a_number", text) from None
    exponent = amount.as_tuple().exponent
    if amount.adjusted() >= MOST_DIGITS or not isinstance(exponent, int) or -exponent > MOST_DECIMALS:
        raise BadValue("amount_too_large", text)
    return amount if exponent <= 0 else amount.quantize(Decimal(1))
