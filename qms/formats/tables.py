"""Codes that only a table can judge: the CPV vocabulary of what is bought, Italian municipalities and European regions.

The tables are carried with the program (sources and licences in NOTICE): 9,454 CPV codes of 2008 with the check digit printed in the
regulation, which no formula gives for all of them; the NUTS-3 regions of Italy; the municipalities of the province of Lucca.
"""

import csv
import re
from functools import cache
from importlib.resources import files

from qms.formats.finding import VALID_NO_CHECK, VALID_WARN, Finding, Suggestion, accept, normalise, settle

_CPV = re.compile(r"([0-9]{8})([0-9])?")
_SPREADSHEET = re.compile(r"\s*([0-9]{7,8})[.,]0\s*")
_PROVINCES = range(1, 112)
_LUCCA = "046"
_NUTS = re.compile(r"[A-Z]{2}[0-9A-Z]{0,3}")


def check_cpv(raw: str) -> Finding:
    """Check a CPV code against the vocabulary; eight digits are completed, a digit other than the printed one is refused."""
    if damaged := _SPREADSHEET.fullmatch(raw):
        code = damaged[1].zfill(8)
        digits = cpv_digits()
        likely = [Suggestion("check_digit", "CPV", f"{code}-{digits[code]}")] if code in digits else []
        return settle("CPV", raw, None, "spreadsheet_number", likely)
    written = normalise("CPV", raw)
    found = _CPV.fullmatch(written)
    before_dash = normalise("CPV", re.split(r"[-\u2010-\u2015]", raw)[0])
    if found is None or len(before_dash) not in {8, len(written)}:
        return settle("CPV", raw, None, "pattern" if written else "empty")
    code, digit = found.groups()
    official = cpv_digits().get(code)
    if official is None:
        return settle("CPV", raw, None, "not_in_vocabulary", _nearest_parent(code))
    shown = f"{code}-{official}"
    if digit is None:
        return Finding("CPV", raw, shown, VALID_NO_CHECK, "digit_looked_up")
    if digit != official:
        return settle("CPV", raw, None, "wrong_check", [Suggestion("check_digit", "CPV", shown), *_nearest_parent(code)], expected=official)
    return accept("CPV", raw, written, shown)


def check_municipality(raw: str) -> Finding:
    """Check an ISTAT municipality code, six digits or nine with the region before them; only the province of Lucca is in the table."""
    written = normalise("ISTAT", raw)
    if not re.fullmatch(r"[0-9]{6}|[0-9]{9}", written):
        return settle("ISTAT", raw, None, "pattern")
    code = written[-6:]
    if code in municipalities():
        return accept("ISTAT", raw, code)
    if int(code[:3]) not in _PROVINCES or code[3:] == "000" or code.startswith(_LUCCA):
        return settle("ISTAT", raw, None, "not_in_table")
    return Finding("ISTAT", raw, code, VALID_NO_CHECK, "outside_table")


def check_region(raw: str) -> Finding:
    """Check a NUTS code: Italian ones against the table, where an older edition's code is a warning; others by their pattern only."""
    written = normalise("NUTS", raw)
    if not _NUTS.fullmatch(written):
        return settle("NUTS", raw, None, "pattern")
    if not written.startswith("IT"):
        return Finding("NUTS", raw, written, VALID_NO_CHECK, "outside_table")
    if written in regions():
        return accept("NUTS", raw, written)
    if written[:4] in regions() and len(written) == 5:
        return Finding("NUTS", raw, written, VALID_WARN, "other_edition")
    return settle("NUTS", raw, None, "not_in_table")


@cache
def cpv_digits() -> dict[str, str]:
    """The check digit of every CPV code."""
    return dict(row["code"].split("-") for row in _rows("cpv.csv"))


@cache
def municipalities() -> dict[str, str]:
    """The name of every municipality in the table by its ISTAT code."""
    return {row["istat_code"]: row["name"] for row in _rows("municipalities.csv")}


@cache
def regions() -> dict[str, str]:
    """The Italian name of every NUTS code in the table; the codes above a province stand without a name."""
    named = {row["code"]: row["label_it"] for row in _rows("nuts.csv")}
    return {code[:length]: "" for code in named for length in (2, 3, 4)} | named


def _rows(name: str) -> list[dict[str, str]]:
    with files(__package__).joinpath(name).open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _nearest_parent(code: str) -> list[Suggestion]:
    """The closest code above this one in the vocabulary: category, class, group, division."""
    digits = cpv_digits()
    above = (code[:kept].ljust(8, "0") for kept in range(7, 1, -1))
    return [Suggestion("parent", "CPV", f"{parent}-{digits[parent]}") for parent in above if parent != code and parent in digits][:1]
