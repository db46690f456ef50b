"""VAT numbers, tax codes and bank accounts: who a buyer, a winner or a supplier is for the tax office and for a bank.

Check digits and office codes of the VAT number and the modulus of the IBAN come from python-stdnum; a person's tax code is decoded here
so that the reason can be named (an impossible day, a letter that is no month) and so that twins' codes (omocodia) are understood.
"""

import re
from datetime import date

from stdnum import iban as stdnum_iban
from stdnum import luhn
from stdnum.eu.vat import MEMBER_STATES
from stdnum.it import iva as stdnum_vat

from qms.formats.finding import Finding, Suggestion, accept, normalise, settle

_PERSON = re.compile(r"[A-Z]{6}[0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{3}[A-Z]")
_MONTHS = "ABCDEHLMPRST"
_TWIN_DIGITS = str.maketrans("LMNPQRSTUV", "0123456789")
_ODD = dict(zip("0123456789", (1, 0, 5, 7, 9, 13, 15, 17, 19, 21), strict=True)) | dict(
    zip(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        strict=True,
    )
)
_EVEN = {character: int(character, 36) if character.isdigit() else ord(character) - ord("A") for character in _ODD}
_COUNTRY = re.compile(r"([A-Z]{2})(?=[A-Z]{0,2}[0-9])[0-9A-Z]{2,13}")
EUROPEAN = frozenset(MEMBER_STATES) | {"el", "xi", "gb", "ch"}


def check_vat(raw: str) -> Finding:
    """Check an Italian VAT number (or the tax code of a body, which has the same eleven digits)."""
    return _eleven_digits("PARTITA_IVA", raw, normalise("PARTITA_IVA", raw))


def check_tax_code(raw: str) -> Finding:
    """Check the tax code of a person (16 characters) or of a body (11 digits)."""
    written = normalise("CODICE_FISCALE", raw)
    if len(written) != 16:
        return _eleven_digits("CODICE_FISCALE", raw, written)
    if not _PERSON.fullmatch(written):
        return settle("CODICE_FISCALE", raw, None, "pattern")
    fault = _birth_fault(written)
    if fault is None and control_letter(written[:15]) != written[15]:
        fault = "wrong_check"
    return settle("CODICE_FISCALE", raw, None, fault) if fault else accept("CODICE_FISCALE", raw, written)


def check_iban(raw: str) -> Finding:
    """Check an IBAN of any country; an Italian one also by the control letter over bank, branch and account."""
    written = normalise("IBAN", raw)
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[0-9A-Z]{10,30}", written):
        return settle("IBAN", raw, None, "pattern")
    if not stdnum_iban.is_valid(written, check_country=False):
        return settle("IBAN", raw, None, "wrong_check")
    if written[:2] in {"IT", "SM"} and control_letter(written[5:]) != written[4]:
        return settle("IBAN", raw, None, "wrong_check")
    return accept("IBAN", raw, written)


def control_letter(characters: str) -> str:
    """The letter that Italian law puts at the end of a tax code and banks before an account: odd and even places weigh differently."""
    total = sum((_EVEN if place % 2 else _ODD)[character] for place, character in enumerate(characters))
    return chr(ord("A") + total % 26)


def _eleven_digits(kind: str, raw: str, written: str) -> Finding:
    digits = written[2:] if written.startswith("IT") else written
    if not digits:
        return settle(kind, raw, None, "empty")
    if not (digits.isascii() and digits.isdecimal()):
        foreign = _COUNTRY.fullmatch(written)
        if foreign and foreign[1].lower() in EUROPEAN and foreign[1] != "IT":
            return settle(kind, raw, None, "other_country", country=foreign[1])
        return settle(kind, raw, None, "pattern")
    if len(digits) != 11:
        padded = digits.zfill(11)
        padding = [Suggestion("left_pad", kind, padded)] if 7 <= len(digits) < 11 and stdnum_vat.is_valid(padded) else []
        return settle(kind, raw, None, "length", padding, length=len(digits), expected=11)
    if set(digits) == {"0"}:
        return settle(kind, raw, None, "all_zero")
    if stdnum_vat.is_valid(digits):
        return accept(kind, raw, digits)
    return settle(kind, raw, None, "wrong_check" if not luhn.is_valid(digits) else "unknown_office")


def _birth_fault(written: str) -> str | None:
    """What is impossible about the date of birth in a tax code, None when it can be."""
    if written[8] not in _MONTHS:
        return "month_letter"
    year, day = (int(part.translate(_TWIN_DIGITS)) for part in (written[6:8], written[9:11]))
    day -= 40 if day > 40 else 0
    if not 1 <= day <= 31:
        return "impossible_day"
    month = _MONTHS.index(written[8]) + 1
    return None if any(_is_date(century + year, month, day) for century in (1900, 2000)) else "impossible_date"


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
