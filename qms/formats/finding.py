"""What the check of one code found: the code as written, as it is kept, the verdict, why, and what may have been meant."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

VALID = "valid"
VALID_AFTER_NORMALISE = "valid_after_normalise"
VALID_WARN = "valid_warn"
VALID_NO_CHECK = "valid_no_check"
INVALID = "invalid"

_EMPTY: Mapping[str, object] = MappingProxyType({})
_NUMBER_SIGN = r"(?:\s*(?:N\.?|NR\.?|NUM\.?|N°|NUMERO)(?=[\s:.\d]))?"
_VAT_LABEL = r"(?:PARTITA\s+I\.?V\.?A\b\.?|P\.?\s?I\.?\s?V\.?\s?A\b\.?|P\.\s?I\.|PI\b|VAT\b)"
_TAX_LABEL = r"(?:CODICE\s+FISCALE|COD\.?\s?FISC\.?|C\.\s?F\.|CF\b)"
_LABELS = {
    "CIG": r"(?:CODICE\s+)?(?:SMART\s*CIG|C\.?\s?I\.?\s?G\.?|CODICE\s+IDENTIFICATIVO(?:\s+(?:DI\s+)?GARA)?)",
    "CUP": r"(?:CODICE\s+)?(?:C\.?\s?U\.?\s?P\.?|CODICE\s+UNICO(?:\s+(?:DI\s+)?PROGETTO)?)",
    "CPV": r"(?:CODICE\s+)?(?:C\.?P\.?V\.?)",
    "PARTITA_IVA": _VAT_LABEL,
    "CODICE_FISCALE": rf"(?:{_TAX_LABEL}|{_VAT_LABEL})",
    "IBAN": r"(?:IBAN)",
    "ISTAT": r"(?:CODICE\s+)?(?:ISTAT)",
    "NUTS": r"(?:CODICE\s+)?(?:NUTS)",
}
_LABEL = {kind: re.compile(rf"^(?:{label}(?:\s*/\s*{label})?{_NUMBER_SIGN}[\s:.=\-]*)+", re.IGNORECASE) for kind, label in _LABELS.items()}
_STRIPPED = re.compile(r"[\s.\-\u2010-\u2015_/]+")


@dataclass(frozen=True)
class Suggestion:
    """What may have been meant: ``code`` says why (``identifier.suggestion.<code>``), ``kind`` what the value would be."""

    code: str
    kind: str
    value: str


@dataclass(frozen=True)
class Finding:
    """The result of one check. ``reason`` is None for a plain valid code, else a key ``formats.identifier.<reason>`` with ``values``."""

    kind: str
    raw: str
    normalised: str | None
    verdict: str
    reason: str | None = None
    values: Mapping[str, object] = field(default_factory=lambda: _EMPTY)
    suggestions: tuple[Suggestion, ...] = ()

    @property
    def is_valid(self) -> bool:
        """Whether the code may be used as it was normalised."""
        return self.verdict != INVALID


def normalise(kind: str, raw: str) -> str:
    """One written form: compatibility characters folded, label, blanks, dots and dashes dropped, upper case; twice is the same as once."""
    written = unicodedata.normalize("NFKC", raw).upper().strip()
    written = "".join(character for character in written if unicodedata.category(character) not in {"Cf", "Cc"} or character.isspace())
    bare = _LABEL[kind].sub("", written, count=1)
    shortened = _STRIPPED.sub("", bare or written)
    return unicodedata.normalize("NFKC", shortened)


def settle(kind: str, raw: str, written: str | None, reason: str, suggestions: Iterable[Suggestion] = (), **values: object) -> Finding:
    """A code that is refused, with its reason."""
    return Finding(kind, raw, written, INVALID, reason, values, tuple(suggestions))


def accept(kind: str, raw: str, written: str, shown: str | None = None) -> Finding:
    """A code that is right; ``shown`` is the form it is kept in when that has signs (``85312310-5``)."""
    kept = shown or written
    return Finding(kind, raw, kept, VALID if raw == kept else VALID_AFTER_NORMALISE)
