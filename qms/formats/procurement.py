"""The codes of Italian public procurement: CIG, which names a lot and carries a check, and CUP, which names a public investment project.

CIG: the rule published by ANAC for the three series (SIMOG, second series and PCP, SmartCIG); it agrees with 168 codes met in real acts.
CUP: no check digit is public; the narrow pattern fits all but two of 8,257 real codes, so a code that fits only the wide one is a warning.
"""

import re
from itertools import product

from qms.formats.finding import VALID_WARN, Finding, Suggestion, accept, normalise, settle

_CIG_FIRST = re.compile(r"([0-9]{7})([0-9A-F]{3})")
_CIG_SECOND = re.compile(r"([A-U])([0-9A-F]{6})([0-9A-F]{3})")
_CIG_SMART = re.compile(r"[XYZ]([0-9A-F]{2})([0-9A-F]{7})")
_CUP_NARROW = re.compile(r"[B-J][1-9]{2}[B-J][0-9]{7}000[1-9]")
_CUP_WIDE = re.compile(r"[A-Z][0-9]{2}[A-Z][0-9]{11}")
_PLACEHOLDERS = re.compile(
    r"(?:ESENTE|IN(?:ATTESA|CORSO|DEFINIZIONE)(?:DI.*)?|DA(?:RICHIEDERE|ACQUISIRE|DEFINIRE)|N[DA]|NON(?:DISPONIBILE|RICHIESTO|DOVUTO|PREVISTO)"
    r"|NESSUNO|NONE|TBD|X+|DERIVATO)"
)
_LOOKALIKES = {"O": "O0", "I": "I1", "L": "1"}
MOST_LOOKALIKES = 6


def check_cig(raw: str) -> Finding:
    """Check a CIG of any series."""
    written = normalise("CIG", raw)
    if not written or _PLACEHOLDERS.fullmatch(written):
        return settle("CIG", raw, None, "placeholder" if written else "empty")
    if set(written) == {"0"}:
        return settle("CIG", raw, None, "all_zero")
    if _CUP_WIDE.fullmatch(written):
        return settle("CIG", raw, None, "is_a_cup", [Suggestion("other_kind", "CUP", written)])
    if len(written) != 10:
        return settle("CIG", raw, None, "length", _lookalikes(written), length=len(written), expected=10)
    wrong = _cig_fault(written)
    if wrong is None:
        return accept("CIG", raw, written)
    reason, expected = wrong
    return settle("CIG", raw, None, reason, _lookalikes(written), expected=expected)


def check_cup(raw: str) -> Finding:
    """Check the pattern of a CUP; a code that fits the wide pattern only is taken with a warning."""
    written = normalise("CUP", raw)
    if not written or _PLACEHOLDERS.fullmatch(written):
        return settle("CUP", raw, None, "placeholder" if written else "empty")
    if len(written) == 10 and _cig_fault(written) is None:
        return settle("CUP", raw, None, "is_a_cig", [Suggestion("other_kind", "CIG", written)])
    if len(written) != 15:
        return settle("CUP", raw, None, "length", length=len(written), expected=15)
    if not _CUP_WIDE.fullmatch(written):
        variants = (v for v in _variants(written) if _CUP_WIDE.fullmatch(v))
        return settle("CUP", raw, None, "pattern", [Suggestion("lookalikes", "CUP", v) for v in variants])
    if not _CUP_NARROW.fullmatch(written):
        return Finding("CUP", raw, written, VALID_WARN, "unusual_pattern")
    return accept("CUP", raw, written)


def _cig_fault(written: str) -> tuple[str, str] | None:
    """Why ten characters are no CIG, with the check they should carry; None when they are one."""
    if found := _CIG_FIRST.fullmatch(written):
        return _fault(int(found[1]), found[2], f"{int(found[1]) * 211 % 4091:03X}")
    if found := _CIG_SECOND.fullmatch(written):
        number, order = int(found[2], 16), ord(found[1]) - ord("A") + 1
        return _fault(number, found[3], f"{(number + order) * 211 % 4091:03X}")
    if found := _CIG_SMART.fullmatch(written):
        return _fault(int(found[2], 16), found[1], f"{int(found[2], 16) * 211 % 251:02X}")
    return "pattern", ""


def _fault(number: int, carried: str, expected: str) -> tuple[str, str] | None:
    if number == 0:
        return "progressive_zero", ""
    return None if carried == expected else ("wrong_check", expected)


def _lookalikes(written: str) -> list[Suggestion]:
    return [
        Suggestion("lookalikes", "CIG", variant) for variant in _variants(written) if len(variant) == 10 and _cig_fault(variant) is None
    ]


def _variants(written: str) -> list[str]:
    """The same characters with letters read as the digits they look like, in every combination that differs from what was written."""
    if not 0 < sum(character in _LOOKALIKES for character in written) <= MOST_LOOKALIKES:
        return []
    choices = (_LOOKALIKES.get(character, character) for character in written)
    return sorted({"".join(chosen) for chosen in product(*choices)} - {written})
