"""Invents what a person might type into a form, so that a workflow can be rehearsed before anybody uses it.

Values lie where the step's own rules leave them room, as far as these can be reckoned with; for what depends on the calendar or on other
fields several tries are offered. A text with a pattern is spelled out from the pattern.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from qms.workflows.bounds import May
from qms.workflows.definition import Field, Slot

EXAMPLES = {
    "CIG": "Z5D1F2A3B4",
    "CUP": "B51B21004630006",
    "CPV": "98380000-0",
    "PARTITA_IVA": "00743110157",
    "CODICE_FISCALE": "RSSMRA80A01F205X",
    "IBAN": "IT60X0542811101000000123456",
    "ISTAT": "046017",
    "NUTS": "ITI12",
}
"""Codes that pass their check and stand for nobody: those of the standards' own examples."""
DAYS = (0, 30, 1, 400, -1, 7)
"""Where dates lie, counted from today, try by try; on odd tries each further date of a form a day later than the one before."""
TRIES = len(DAYS)
_WORDS = "Lorem ipsum dolor sit amet, consectetur adipiscing elit. "


@dataclass(frozen=True)
class Around:
    """What there is to name in the rehearsal."""

    now: datetime
    zone: ZoneInfo
    persons: tuple[str, ...]
    organisation: str
    case_of: Callable[[str], str | None]
    """A case of a workflow, None when there can be none."""


def invent(fields: Mapping[str, Field], wanted: Mapping[str, bool], may: Mapping[str, May], around: Around, turn: int) -> dict[str, object]:
    """Values for a form of ``wanted`` fields (name → whether it must be filled); those not demanded are left out at every third try."""
    asked = [fields[name] for name, required in wanted.items() if required or turn % 3 != 0]
    asked = [field for field in asked if may.get(field.name, May()).filled]
    found = {field.name: _value(field, may.get(field.name, May()), around, turn, place) for place, field in enumerate(asked)}
    return {name: value for name, value in found.items() if value is not None}


def file_name(slot: Slot) -> str:
    return f"prova.{slot.types[0]}"


def _value(field: Field, may: May, around: Around, turn: int, place: int) -> object:
    day = around.now.astimezone(around.zone).date() + timedelta(days=DAYS[turn] + (place if turn % 2 else 0))
    match field.type:
        case "text" | "long_text":
            return _text(field, may)
        case "integer" | "decimal" | "money" | "percent":
            return _number(field, may)
        case "date":
            return day.isoformat()
        case "datetime":
            at = around.now if DAYS[turn] == 0 else datetime.combine(day, time(12), around.zone)
            return at.isoformat()
        case "boolean":
            return "true" if may.may_be_true else "false"
        case "choice":
            return next((name for name in field.options or () if may.options is None or name in may.options), None)
        case "choices":
            return list(field.options or ())[:1]
        case "table":
            return _rows(field, may, around, turn)
        case "person":
            return around.persons[place % len(around.persons)]
        case "case":
            return around.case_of(field.workflow) if field.workflow is not None else None
        case _:
            return _plain(field, around)


def _plain(field: Field, around: Around) -> str | None:
    return {
        "duration": "3d",
        "organisation": around.organisation,
        "role": "QM",
        "document": "PRO-4",
        "email": "prova@example.org",
        "url": "https://example.org/",
        "identifier": EXAMPLES.get(field.kind or ""),
    }.get(field.type)


def _rows(field: Field, may: May, around: Around, turn: int) -> list[dict[str, object]]:
    """As many rows as the table wants, different from each other where their columns let them."""
    least = may.length.least[0] if may.length is not None and may.length.least is not None else Decimal(0)
    rows = []
    for row in range(max(1, int(field.least or 0), int(least))):
        cells = {
            name: _value(column, May(), around, turn, row + place) for place, (name, column) in enumerate((field.columns or {}).items())
        }
        for name, column in (field.columns or {}).items():
            if column.type == "choice" and column.options:
                cells[name] = list(column.options)[row % len(column.options)]
        rows.append({name: value for name, value in cells.items() if value is not None})
    return rows


def _text(field: Field, may: May) -> str | None:
    if may.options:
        return next((option for option in sorted(map(str, may.options)) if option), None)
    if field.pattern is not None:
        return spelled(field.pattern)
    length = may.length or May()
    least = int(max(field.least or 1, length.least[0] + (not length.least[1]) if length.least else 1, 20))
    most = int(min(field.most or 300, length.most[0] - (not length.most[1]) if length.most else 300))
    return (_WORDS * (least // len(_WORDS) + 1))[: min(least, most)].strip().ljust(min(least, most), ".")


def _number(field: Field, may: May) -> str:
    """One, or as near to it as the bounds let it be."""
    whole = Decimal(1) if field.type == "integer" else Decimal("0.01")
    least, most = may.least or _edge(field.least), may.most or _edge(field.most)
    found = Decimal(1)
    if least is not None:
        found = max(found, least[0] if least[1] else least[0] + whole)
    if most is not None:
        found = min(found, most[0] if most[1] else most[0] - whole)
    return str(found).replace(".", ",")


def _edge(bound: Decimal | None) -> tuple[Decimal, bool] | None:
    return (bound, True) if bound is not None else None


_PIECE = re.compile(r"(?P<set>\[(?:\\.|[^\]])+\])|(?P<sign>\\.)|(?P<plain>[^\[\](){}*+?|\\])")
_TIMES = re.compile(r"\{(\d+)(?:,\d*)?\}|[*+?]")


def spelled(pattern: str) -> str | None:
    """A short text that a pattern takes, None when there is none to be found this way."""
    found, rest = _spelled(pattern)
    try:
        return found if not rest and re.fullmatch(pattern, found) else None
    except re.error:
        return None


def _spelled(pattern: str) -> tuple[str, str]:
    """The text for ``pattern`` up to its end or its closing bracket, of several ways the first; and what was not read."""
    found = ""
    while pattern and pattern[0] not in ")":
        if pattern[0] == "|":
            _, pattern = _spelled(pattern[1:])
            continue
        if pattern[0] == "(":
            piece, pattern = _spelled(re.sub(r"^\((\?:)?", "", pattern))
            pattern = pattern[1:]
        elif (token := _PIECE.match(pattern)) is not None:
            piece, pattern = _sign(token), pattern[token.end() :]
        else:
            return found, pattern
        times = _TIMES.match(pattern)
        pattern = pattern[times.end() :] if times else pattern
        found += piece * (1 if times is None or times[0] == "+" else int(times[1] or 0))
    return found, pattern


def _sign(token: re.Match[str]) -> str:
    if token["plain"] is not None:
        return "x" if token["plain"] == "." else token["plain"]
    tried = "1aAZ09 -_./" if token["set"] or token["sign"] in ("\\d", "\\w", "\\s") else token["sign"][1]
    return next((sign for sign in tried if re.fullmatch(token[0], sign)), next(iter(token[0].strip("[]^\\")), ""))
