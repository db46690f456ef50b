"""What a command says: the same values as lines for a person or as JSON for a program.

In JSON an instant is UTC in ISO 8601, a date ``YYYY-MM-DD``, an amount a decimal string, and a field keeps the name it has in the program.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal
from rich.table import Table
from rich.text import Text

from qms.database import moment, stamp


def as_json(value: object) -> str:
    """Any answer as JSON text."""
    return json.dumps(plain(value), ensure_ascii=False, indent=2)


def plain(value: Any) -> Any:
    """Any answer in the few types JSON has."""
    match value:
        case None | bool() | int() | str():
            return value
        case Decimal():
            return format(value, "f")
        case datetime():
            return stamp(value)
        case date():
            return value.isoformat()
        case timedelta():
            return int(value.total_seconds())
        case Enum():
            return plain(value.value)
        case Path():
            return str(value)
        case bytes():
            return value.hex()
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case set() | frozenset():
            return sorted((plain(item) for item in value), key=str)
        case Iterable():
            return [plain(item) for item in value]
    if is_dataclass(value):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    return str(value)


def shown(value: Any, language: str, zone: str = "Europe/Rome") -> str:
    """A value as a person reads it in a line: dates in words, amounts with their comma, nothing as a dash."""
    match value:
        case None | "":
            return "–"
        case bool():
            return {"it": ("no", "sì"), "en": ("no", "yes")}[language][value]
        case datetime():
            return format_datetime(value.astimezone(UTC), "d MMM yyyy HH:mm", tzinfo=ZoneInfo(zone), locale=language)
        case date():
            return format_date(value, "d MMM yyyy", locale=language)
        case Mapping() if language in value:
            return str(value[language])
        case str():
            return value
        case Iterable() if not isinstance(value, Mapping):
            return ", ".join(shown(item, language, zone) for item in value) or "–"
    return str(plain(value))


def shown_text(type: str, kept: Any, language: str) -> str:
    """A field's kept form (see ``qms.workflows.fields``) as a person reads it."""
    if type == "money":
        return format_currency(Decimal(kept), "EUR", locale=language)
    if type in ("decimal", "percent"):
        return format_decimal(Decimal(kept), locale=language, decimal_quantization=False) + (" %" if type == "percent" else "")
    if type == "date":
        return shown(date.fromisoformat(kept), language)
    if type == "datetime":
        return shown(moment(kept), language)
    return shown(kept, language)


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Table:
    """A plain register: no frame, one line a row, aligned."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for head in heads:
        made.add_column(head, overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))
    return made


def facts(rows: Iterable[tuple[str, str]]) -> Table:
    """Name and value, one pair a line."""
    made = Table.grid(padding=(0, 2))
    for name, value in rows:
        made.add_row(Text(name, style="bold"), Text(value))
    return made
