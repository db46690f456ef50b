"""Whether a code is what it claims to be: tender and project codes, CPV, tax codes, bank accounts, municipalities and regions.

A code is first brought to one written form, then checked. Nothing is corrected in silence: what could be meant stands in the suggestions
and a person chooses. Rules and their sources stand with each checker (``procurement``, ``taxpayers``, ``tables``).
"""

from collections.abc import Callable

from qms.formats import procurement, tables, taxpayers
from qms.formats.finding import Finding, Suggestion, normalise, settle

__all__ = ["KINDS", "Finding", "Suggestion", "check", "normalise"]

LONGEST = 100

_CHECKERS: dict[str, Callable[[str], Finding]] = {
    "CIG": procurement.check_cig,
    "CUP": procurement.check_cup,
    "CPV": tables.check_cpv,
    "PARTITA_IVA": taxpayers.check_vat,
    "CODICE_FISCALE": taxpayers.check_tax_code,
    "IBAN": taxpayers.check_iban,
    "ISTAT": tables.check_municipality,
    "NUTS": tables.check_region,
}
KINDS = tuple(_CHECKERS)


def check(kind: str, raw: str) -> Finding:
    """Check one code of ``kind`` (one of KINDS). Raises KeyError for an unknown kind, nothing else."""
    checker = _CHECKERS[kind]
    if len(raw) > LONGEST:
        return settle(kind, raw, None, "too_long", longest=LONGEST)
    return checker(raw)
