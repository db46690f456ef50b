"""CIG and CUP codes that stand in running text, where most notices hide them, found and checked.

A code with its label in front is reported even when it is wrong, so that a person sees it. A code without a label must prove itself: it
has to pass its check and to carry a letter, because ten digits are more often a telephone number.
"""

import re

from qms.formats.finding import Finding
from qms.formats.identifiers import check

_LABELLED = re.compile(
    r"\b(?P<label>(?:smart\s?)?c\.?\s?i\.?\s?g\.?|c\.?\s?u\.?\s?p\.?)(?![a-z])"
    r"(?:\s*\([^()]{0,60}\))?(?:\s*(?:n\.?|nr\.?|n°|numero|codice|lotto\s+\d{1,3}))?[\s:.=\-–—\"'«“]{0,6}"
    r"(?P<code>[0-9A-Z]{4,17})(?![0-9A-Za-z])",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"(?<![0-9A-Za-z])(?:[0-9A-Z]{10}|[B-J][0-9]{2}[B-J][0-9]{11})(?![0-9A-Za-z])")
_NEAR_LABEL = re.compile(r"c\.?\s?i\.?\s?g\b|codic[ei]\s+identificativ", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"(?:esente|in\s+(?:attesa|corso))", re.IGNORECASE)
NEAR = 120
LONGEST = 2_000_000


def find_codes(text: str) -> tuple[Finding, ...]:
    """The CIG and CUP codes in ``text`` in their order, each once; wrong ones only where a label announces them."""
    found: dict[int, Finding] = {}
    text = text[:LONGEST]
    for match in _LABELLED.finditer(text):
        kind = "CUP" if "u" in match["label"].casefold() else "CIG"
        code = match["code"]
        if sum(character.isdecimal() for character in code) * 2 >= len(code) or _PLACEHOLDER.fullmatch(code):
            found[match.start("code")] = _checked(kind, code)
    for match in _TOKEN.finditer(text):
        if match.start() not in found and _proves_itself(text, match):
            found[match.start()] = check("CIG" if len(match[0]) == 10 else "CUP", match[0])
    once: dict[tuple[str, str], Finding] = {}
    for _, finding in sorted(found.items()):
        once.setdefault((finding.kind, finding.normalised or finding.raw.upper()), finding)
    return tuple(once.values())


def _checked(kind: str, code: str) -> Finding:
    """Check under the label's kind, and under the other one when that is what was written there."""
    finding = check(kind, code)
    swapped = next((suggestion for suggestion in finding.suggestions if suggestion.code == "other_kind"), None)
    return check(swapped.kind, code) if swapped else finding


def _proves_itself(text: str, match: re.Match[str]) -> bool:
    code = match[0]
    if len(code) == 15:
        return check("CUP", code).verdict == "valid"
    if not any(character.isdecimal() for character in code) or not check("CIG", code).is_valid:
        return False
    return not code.isdecimal() or bool(_NEAR_LABEL.search(text, max(0, match.start() - NEAR), match.start()))
