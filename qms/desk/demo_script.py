"""What happens in the demo's year, read from ``demo_year/*.yaml``: who there is, and act by act what they do.

Days are counted from the day the demo is made, so that its year always ends today. In a text ``{-30}`` is that day as a date,
``{-30 12:00}`` a moment on the clock of the house, ``{month-3}`` the month three months ago (``2026-08``), ``{case:canile}`` the number of
a case by its name in the script, ``{person:gare}`` a person's id. An act with ``each`` is done once for each of its rows, whose values
stand in for ``<name>``.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from ruamel.yaml import YAML

YEAR = "demo_year"
BEGINS_AT = time(8, 40)
_PLACE = re.compile(r"\{([+-]\d+)(?: (\d\d:\d\d))?\}|\{month([+-]\d+)\}|\{(case|person):([a-z0-9_-]+)\}")
_ROW = re.compile(r"<([a-z0-9_]+)>")


@dataclass(frozen=True)
class Script:
    """The whole year. ``acts`` are in the order of their days."""

    name: str
    organisation: str
    password: str
    members: Mapping[str, list[str]]
    persons: Mapping[str, Mapping[str, Any]]
    acts: tuple[Mapping[str, Any], ...]


def read() -> Script:
    """The script that travels with the program."""
    folder = files(__package__).joinpath(YEAR)
    parts = {one.name: _yaml(one.read_text(encoding="utf-8")) for one in folder.iterdir() if one.name.endswith(".yaml")}
    people = parts.pop("people.yaml")
    acts = [act for name in sorted(parts) for written in parts[name] for act in _expanded(written)]
    return Script(**people, acts=tuple(sorted(acts, key=lambda act: int(act["days"]))))


def _yaml(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def _expanded(act: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """One act, or one for each row of ``each``; a list of acts under ``acts`` is done for each row in turn."""
    if "measures" in act:
        yield from _measured(act)
        return
    for row in act.get("each", [{}]):
        for one in act.get("acts", [act]):
            yield _filled({name: value for name, value in one.items() if name != "each"}, partial(_of_row, row))


def _measured(act: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A table of measured results that grows month by month: what each indicator should be stands once, under ``senses``."""
    rows: list[Mapping[str, str]] = []
    for month in act["months"]:
        period = f"{{month{month['month']:+d}}}"
        for result, indicators in act["senses"].items():
            for (indicator, target, alarm, sense), value in zip(indicators, month.get(result, ()), strict=False):
                row = {"result": result, "period": period, "indicator": indicator, "value": value, "target": target, "alarm": alarm}
                rows.append({**row, "sense": sense})
        told = _filled({name: act[name] for name in ("by", "step", "evidence")}, partial(_of_row, {"period": period}))
        yield {**told, "on": act["measures"], "days": month["days"], "fields": {act["table"]: list(rows)}}


def _of_row(row: Mapping[str, Any], text: str) -> Any:
    whole = _ROW.fullmatch(text)
    return row[whole[1]] if whole and whole[1] in row else _ROW.sub(lambda found: str(row.get(found[1], found[0])), text)


def _filled(value: Any, of_text: Callable[[str], Any]) -> Any:
    match value:
        case str():
            return of_text(value)
        case Mapping():
            return {name: _filled(one, of_text) for name, one in value.items()}
        case list():
            return [_filled(one, of_text) for one in value]
    return value


def day_of(today: datetime, zone: ZoneInfo, days: int) -> date:
    """So many days from the day the demo is made; what would fall on a day off falls on the working day before."""
    day = today.astimezone(zone).date() + timedelta(days=days)
    return day - timedelta(days=max(day.weekday() - 4, 0))


def morning(today: datetime, zone: ZoneInfo, days: int) -> datetime:
    """When the office opens on that day."""
    return datetime.combine(day_of(today, zone, days), BEGINS_AT, zone)


def typed(value: Any, today: datetime, zone: ZoneInfo, names: Mapping[str, Mapping[str, str]]) -> Any:
    """A field's value as somebody types it; ``names`` are the cases and persons known so far."""

    def one(found: re.Match[str]) -> str:
        days, clock, months, kind, name = found.groups()
        day = today.astimezone(zone).date()
        if days is not None:
            return f"{day_of(today, zone, int(days)):%d/%m/%Y}" + (f" {clock}" if clock else "")
        if months is not None:
            count = day.year * 12 + day.month - 1 + int(months)
            return f"{count // 12}-{count % 12 + 1:02d}"
        return names[kind][name]

    return _filled(value, lambda text: _PLACE.sub(one, text))
