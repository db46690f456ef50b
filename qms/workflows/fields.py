"""Reads what people typed into the fields of a case, as they write it, and keeps one exact form of it.

Kept forms (canonical JSON, no floats): text as text; numbers as decimal strings but integers as integers; a date ``2026-11-22``; an instant
in UTC; a duration ``5wd``; yes or no as true or false; several choices as a list in the order of the options; a table as a list of rows.
Nothing is guessed: an amount ``1.234`` is asked back, an hour that never was is refused.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from qms.database import moment, stamp
from qms.errors import Text
from qms.formats import amounts, identifiers, moments, names
from qms.formats.values import BadValue
from qms.locale import LANGUAGES, knows, say
from qms.workflows.calendar import duration
from qms.workflows.definition import LONGEST, MOST_ROWS, Field
from qms.workflows.reader import ROLE_NAME, both

Stored = Any
"""A value in its kept form."""

DECIMALS = {"money": 2, "percent": 4, "decimal": 10, "integer": 0}
TRUE = frozenset({"true", "on", "1", "yes", "y", "sì", "si", "s"})
FALSE = frozenset({"false", "off", "0", "no", "n"})
_EMAIL = re.compile(r"[^@\s<>\"',;:]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,8}")
_DOCUMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_FORM_NAME = re.compile(r"([a-z][a-z0-9_]{0,39})(?:\.([0-9]{1,3})\.([a-z][a-z0-9_]{0,39}))?")


class Known(Protocol):
    """Who can say whether a person, an organisation or a case exists."""

    def person(self, name: str) -> bool: ...
    def organisation(self, name: str) -> bool: ...
    def case(self, number: str, workflow: str | None) -> bool: ...


@dataclass(frozen=True)
class Fault:
    """What is wrong with one value: the place it was typed (``lots.0.cig``), and a sentence; None when it merely had to be filled."""

    place: str
    problem: Text | None


@dataclass
class Reading:
    """One form being read."""

    zone: ZoneInfo
    known: Known
    as_found: bool = False
    """Codes that fail their check are kept as they were found: for facts that a file brought, not a person."""
    faults: list[Fault] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    """Places whose wall clock had to be interpreted, and how."""


class _Wrong(Exception):
    def __init__(self, problem: Text) -> None:
        self.problem = problem


def read_value(reading: Reading, wanted: Field, raw: object, place: str | None = None) -> Stored:
    """The kept form of ``raw``, None when empty; what is wrong is noted in ``reading.faults``."""
    where = place or wanted.name
    if isinstance(raw, str):
        raw = unicodedata.normalize("NFC", raw).strip()
    if raw is None or raw in ("", []):
        return None
    if wanted.columns is not None:
        return _rows(reading, wanted, raw)
    try:
        return _READERS[wanted.type](reading, wanted, raw, where)
    except _Wrong as error:
        reading.faults.append(Fault(where, error.problem))
    except BadValue as error:
        reading.faults.append(Fault(where, _said(error)))
    return None


def nested(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    """The flat names of a form (``lots.0.cig``) as fields and rows; a name that comes twice as a list. Strange names stay as they are."""
    found: dict[str, object] = {}
    rows: dict[str, dict[int, dict[str, object]]] = {}
    for name, value in pairs:
        parts = _FORM_NAME.fullmatch(name)
        if parts is not None and parts[2] is not None:
            rows.setdefault(parts[1], {}).setdefault(int(parts[2]), {})[parts[3]] = value
        elif name in found:
            before = found[name]
            found[name] = [*before, value] if isinstance(before, list) else [before, value]
        else:
            found[name] = value
    return {**found, **{name: [table[index] for index in sorted(table)] for name, table in rows.items()}}


def typed(wanted: Field, stored: Stored) -> object:
    """The value an expression reckons with, from its kept form."""
    if stored is None:
        return None
    if wanted.personal:
        return stored
    if wanted.columns is not None:
        return [{name: typed(column, row.get(name)) for name, column in wanted.columns.items()} for row in stored]
    convert = _TYPED.get(wanted.type)
    return stored if convert is None else convert(stored)


def kept(wanted: Field, value: object) -> Stored:
    """The kept form of a value that an expression gave."""
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return _number(wanted, value)
    if isinstance(value, list) and wanted.columns is not None:
        columns = wanted.columns
        return [{name: kept(columns[name], cell) for name, cell in row.items() if name in columns and cell is not None} for row in value]
    if isinstance(value, bool) or value is None or isinstance(value, list):
        return value
    return str(value)


def _number(wanted: Field, value: Decimal) -> Stored:
    if wanted.type == "integer":
        return int(value)
    most = DECIMALS.get(wanted.type, 10)
    return amounts.shown(
        value.quantize(Decimal(1).scaleb(-most)) if wanted.type == "money" or -int(value.as_tuple().exponent) > most else value
    )


def _wrong(key: str, **values: object) -> _Wrong:
    return _Wrong(both(f"field.{key}", **{name: str(value) for name, value in values.items()}))


def _said(error: BadValue) -> Text:
    return {language: say(language, error.key, None, **error.values) for language in LANGUAGES}


def _text(reading: Reading, wanted: Field, raw: object, place: str) -> Stored:
    if not isinstance(raw, str):
        raise _wrong("not_text")
    text = raw.replace("\r\n", "\n").replace("\r", "\n")
    if wanted.type != "long_text":
        text = " ".join(text.split())
    if not text.isprintable() and any(unicodedata.category(one) in ("Cc", "Cs", "Co") and one not in "\n\t" for one in text):
        raise _wrong("control")
    if names.misleads(text):
        raise _wrong("control")
    most = LONGEST.get(wanted.type, 500)
    if wanted.most is not None:
        most = min(most, int(wanted.most))
    if len(text) > most:
        raise _wrong("too_long", limit=most)
    if wanted.least is not None and len(text) < wanted.least:
        raise _wrong("too_short", limit=wanted.least)
    if wanted.pattern is not None and not re.fullmatch(wanted.pattern, text):
        raise _wrong("pattern")
    return text


def _amount(reading: Reading, wanted: Field, raw: object, place: str) -> Stored:
    if isinstance(raw, bool) or not isinstance(raw, (str, int, float, Decimal)):
        raise _wrong("not_whole" if wanted.type == "integer" else "not_text")
    value = _parsed(wanted, raw)
    decimals = DECIMALS[wanted.type]
    if value != value.quantize(Decimal(1).scaleb(-decimals)):
        raise _wrong("decimals", limit=decimals) if decimals else _wrong("not_whole")
    if wanted.least is not None and value < wanted.least:
        raise _wrong("least", limit=wanted.least)
    if wanted.most is not None and value > wanted.most:
        raise _wrong("most", limit=wanted.most)
    return _number(wanted, value)


def _parsed(wanted: Field, raw: str | int | float | Decimal) -> Decimal:
    if not isinstance(raw, str):
        return amounts.plain(str(raw))
    try:
        return amounts.parse(raw.removesuffix("%") if wanted.type == "percent" else raw)
    except BadValue as error:
        readings = error.values.get("readings")
        if wanted.type == "integer" and isinstance(readings, tuple):
            return Decimal(readings[0])
        raise


def _date(reading: Reading, wanted: Field, raw: object, place: str) -> Stored:
    return moments.parse_date(_word(raw)).isoformat()


def _moment(reading: Reading, wanted: Field, raw: object, place: str) -> Stored:
    found = moments.parse(_word(raw), reading.zone)
    if found.note is not None:
        reading.notes[place] = found.note
    return stamp(found.at)


def _duration(reading: Reading, wanted: Field, raw: object, place: str) -> Stored:
    found = duration(_word(raw).replace(" ", ""))
    if found is None:
        raise _wrong("duration")
    return str(found)


def _truth(reading: Reading, wanted: Field, raw: object, place: str) -> Stored:
    if isinstance(raw, bool):
        return raw
    word = raw.lower() if isinstance(raw, str) else ""
    if word not in TRUE | FALSE:
        raise _wrong("boolean")
    return word in TRUE


def _choice(reading: Reading, wanted: Field, raw: object, place: str) -> Stored:
    word = _word(raw)
    if word not in (wanted.options or {}):
        raise _wrong("option", value=word[:60])
    return word


def _choices(reading: Reading, wanted: Field, raw: object, place: str) -> Stored:
    words = {_choice(reading, wanted, item, place) for item in (raw if isinstance(raw, list) else [raw]) if item != ""}
    return [name for name in (wanted.options or {}) if name in words] or None


def _identifier(reading: Reading, wanted: Field, raw: object, place: str) -> Stored:
    word = _word(raw)
    finding = identifiers.check(wanted.kind or "", word)
    if finding.verdict == "invalid":
        if reading.as_found:
            return word[:60]
        raise _Wrong({language: _reason(language, finding) for language in LANGUAGES})
    return finding.normalised


def _reason(language: str, finding: identifiers.Finding) -> str:
    """Why a code was refused, and what it may have been meant to be."""
    key = f"formats.identifier.{finding.reason}"
    why = say(language, key, None, **finding.values) if knows(language, key) else say(language, "field.identifier", None, kind=finding.kind)
    meant = ", ".join(suggestion.value for suggestion in finding.suggestions[:3])
    return f"{why} {say(language, 'field.meant', None, value=meant)}" if meant else why


def _person(reading: Reading, wanted: Field, raw: object, place: str) -> Stored:
    return _existing(reading.known.person, "person", raw)


def _organisation(reading: Reading, wanted: Field, raw: object, place: str) -> Stored:
    return _existing(reading.known.organisation, "organisation", raw)


def _case(reading: Reading, wanted: Field, raw: object, place: str) -> Stored:
    return _existing(lambda name: reading.known.case(name, wanted.workflow), "case", raw)


def _role(reading: Reading, wanted: Field, raw: object, place: str) -> Stored:
    return _existing(lambda name: ROLE_NAME.fullmatch(name) is not None, "role", raw)


def _document(reading: Reading, wanted: Field, raw: object, place: str) -> Stored:
    return _existing(lambda name: _DOCUMENT.fullmatch(name) is not None, "document", raw)


def _existing(exists: Callable[[str], bool], kind: str, raw: object) -> str:
    word = _word(raw)[:80]
    if not exists(word):
        raise _wrong(kind, value=word)
    return word


def _email(reading: Reading, wanted: Field, raw: object, place: str) -> Stored:
    word = _word(raw)
    if len(word) > 254 or not _EMAIL.fullmatch(word):
        raise _wrong("email")
    return word


def _url(reading: Reading, wanted: Field, raw: object, place: str) -> Stored:
    word = _word(raw)
    try:
        parts = urlsplit(word)
        sound = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.username is None
    except ValueError:
        sound = False
    if not sound or len(word) > 1_000 or any(character.isspace() or not character.isprintable() for character in word):
        raise _wrong("url")
    return word


def _word(raw: object) -> str:
    if not isinstance(raw, str):
        raise _wrong("not_text")
    return raw


def _rows(reading: Reading, wanted: Field, raw: object) -> Stored:
    if not isinstance(raw, list) or not all(isinstance(row, Mapping) for row in raw):
        reading.faults.append(Fault(wanted.name, both("field.not_list")))
        return None
    most = min(MOST_ROWS, int(wanted.most or MOST_ROWS))
    written = [row for row in raw if any(value not in (None, "", []) for value in row.values())]
    if len(written) > most:
        reading.faults.append(Fault(wanted.name, both("field.rows_most", limit=str(most))))
        return None
    if written and wanted.least is not None and len(written) < wanted.least:
        reading.faults.append(Fault(wanted.name, both("field.rows_least", limit=str(wanted.least))))
    return [_row(reading, wanted, row, index) for index, row in enumerate(written)] or None


def _row(reading: Reading, wanted: Field, row: Mapping[str, object], index: int) -> Mapping[str, Stored]:
    columns = wanted.columns or {}
    for name in row.keys() - columns.keys():
        problem = both("field.column_unknown", row=str(index + 1), column=str(name)[:40])
        reading.faults.append(Fault(f"{wanted.name}.{index}.{str(name)[:40]}", problem))
    found = {}
    for name, column in columns.items():
        place = f"{wanted.name}.{index}.{name}"
        before = len(reading.faults)
        value = read_value(reading, column, row.get(name), place)
        if value is not None:
            found[name] = value
        elif column.required and len(reading.faults) == before:
            reading.faults.append(Fault(place, None))
    return found


_READERS: Mapping[str, Callable[[Reading, Field, Any, str], Stored]] = {
    "text": _text, "long_text": _text, "integer": _amount, "decimal": _amount, "money": _amount, "percent": _amount,
    "date": _date, "datetime": _moment, "duration": _duration, "boolean": _truth, "choice": _choice, "choices": _choices,
    "person": _person, "organisation": _organisation, "role": _role, "case": _case, "document": _document, "email": _email,
    "url": _url, "identifier": _identifier,
}  # fmt: skip
_TYPED: Mapping[str, Callable[[Any], object]] = {
    "integer": Decimal, "decimal": Decimal, "money": Decimal, "percent": Decimal,
    "date": date.fromisoformat, "datetime": moment, "duration": duration,
}  # fmt: skip
