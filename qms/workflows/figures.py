"""Legal and policy numbers with their dates: a law that changes in March changes nothing about what happened in February.

The file ``workflows/figures.yaml``::

    min_prep_days:
      title: {it: Giorni lavorativi minimi, en: Fewest working days}
      unit: wd                                   # optional
      values:                                    # later values below; `until` is the last day, left out while in force
        - {from: 2023-07-01, until: 2024-12-31, value: 8, source: "D.Lgs 36/2023"}
        - {from: 2025-01-01, value: 10, source: "D.Lgs 209/2024"}
"""

import hashlib
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from qms.errors import BadContent, Text
from qms.formats.moments import parse_date
from qms.formats.values import BadValue
from qms.workflows.reader import NAME, Reader
from qms.workflows.yaml_file import Node, Table, read

ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True)
class DatedValue:
    first: date
    last: date | None
    value: Decimal
    source: str


@dataclass(frozen=True)
class Figure:
    """One number under its name, with every value it had."""

    name: str
    title: Text
    unit: str | None
    values: tuple[DatedValue, ...]

    def on(self, day: date) -> Decimal | None:
        """The value in force on ``day``, None before the first and in gaps."""
        for dated in self.values:
            if dated.first <= day and (dated.last is None or day <= dated.last):
                return dated.value
        return None


@dataclass(frozen=True)
class Figures:
    """All of them, as one file says; ``digest`` is its SHA-256."""

    digest: str
    by_name: Mapping[str, Figure]

    def on(self, name: str, day: date) -> Decimal | None:
        figure = self.by_name.get(name)
        return figure.on(day) if figure else None


NO_FIGURES = Figures("", {})


def read_figures(source: bytes, path: str) -> Figures:
    """Raises BadContent with every mistake."""
    root = read(source, path)
    reader = Reader(path)
    found = {name: _figure(reader, name, node, root.lines[name]) for name, node in root.entries.items()}
    if reader.problems:
        raise BadContent(reader.problems)
    return Figures(hashlib.sha256(source).hexdigest(), found)


def _figure(reader: Reader, name: str, node: Node, line: int) -> Figure:
    if not NAME.fullmatch(name):
        reader.malformed(line, "figures", name, NAME)
    table = reader.table(node, name, line)
    reader.keys(table, ("title", "values"), ("unit",))
    items = reader.items(table.entries.get("values"), "values")
    values = [_dated(reader, reader.table(item, "values", item.line)) for item in items]
    whole = tuple(value for value in values if value is not None)
    for earlier, later in itertools.pairwise(whole):
        if earlier.last is None or earlier.last >= later.first:
            reader.wrong(line, "figure_overlap", name=name, day=later.first.isoformat())
    unit = reader.word(table.entries.get("unit"), "unit") or None
    return Figure(name, reader.text(table.entries.get("title"), "title", line), unit, whole)


def _dated(reader: Reader, table: Table) -> DatedValue | None:
    reader.keys(table, ("from", "value", "source"), ("until",))
    first = _day(reader, table.entries.get("from"), "from")
    last = _day(reader, table.entries.get("until"), "until")
    value = reader.number(table.entries.get("value"), "value")
    source = reader.word(table.entries.get("source"), "source")
    return None if first is None or value is None else DatedValue(first, last, value, source)


def _day(reader: Reader, node: Node | None, key: str) -> date | None:
    written = reader.word(node, key)
    if node is None or not written:
        return None
    try:
        if ISO_DATE.fullmatch(written):
            return parse_date(written)
    except BadValue:
        pass
    reader.wrong(node.line, "expected_date", key=key)
    return None
