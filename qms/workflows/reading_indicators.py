"""Reads the indicators of a workflow: what is measured over its cases (ISO 9001, 9.1.1), and below how many nothing is told."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from qms.errors import Text
from qms.locale import LANGUAGES
from qms.workflows.expression import Expression
from qms.workflows.reader import NAME, Reader
from qms.workflows.recurring import Indicator
from qms.workflows.scope import Names
from qms.workflows.types import DATE, LINK_ROW, NUMBER, Type
from qms.workflows.yaml_file import Node, Word

LATER = "later"
OF, PERIODS = ("closed", "opened"), ("month", "quarter", "year")
LEAST_FLOOR, MOST_FLOOR = 3, 1000
"""The smallest group in which one person is not at once known from the others; common practice of statistical offices."""
REQUIRED = ("title", "value")
OPTIONAL = ("of", "every", "unit", "at_least", "at_most", "alarm", "group", "floor")
CASES, LATE = "cases", "late"


def of_cases(names: Names, timers: Collection[str]) -> Names:
    """What an indicator may name: the rows of all cases, with their fields as ``names`` has them, and the period's last day."""
    own = {name: kind for name, kind in names.values.items() if name not in LINK_ROW}
    row = {**own, **LINK_ROW, "state": names.values["state"], LATE: Type("choices", options=tuple(timers))}
    return replace(
        names,
        values={CASES: Type("rows", columns=row), "today": DATE},
        draft=None,
        links={},
        steps=frozenset(),
        slots=frozenset(),
    )


def read_indicators(reader: Reader, node: Node | None, names: Names, personal: bool, line: int) -> Mapping[str, Indicator]:
    if isinstance(node, Word):
        reader.one_of(node, "indicators", (LATER,), LATER)
        return {}
    table = reader.table(node, "indicators", line)
    found = {name: _indicator(reader, name, inner, names, personal, table.lines[name]) for name, inner in table.entries.items()}
    return {name: indicator for name, indicator in found.items() if indicator is not None}


def _indicator(reader: Reader, name: str, node: Node, names: Names, personal: bool, line: int) -> Indicator | None:
    table = reader.table(node, name, line)
    entries = table.entries
    if not NAME.fullmatch(name):
        reader.malformed(line, "indicators", name, NAME)
    reader.keys(table, REQUIRED, OPTIONAL)
    title = reader.text(entries.get("title"), "title", line)
    value = reader.expression(entries.get("value"), "value", names, NUMBER)
    group = reader.expression(entries.get("group"), "group", names, NUMBER)
    day = replace(names, values={"today": DATE})
    targets = {key: reader.expression(entries.get(key), key, day, NUMBER) for key in ("at_least", "at_most", "alarm")}
    if "at_least" in entries and "at_most" in entries:
        reader.wrong(line, "indicator_both", name=name)
    if "alarm" in entries and not {"at_least", "at_most"} & entries.keys():
        reader.wrong(line, "indicator_alarm", name=name)
    for expression in (value, group, *targets.values()):
        if expression is not None and expression.uses.roles:
            reader.wrong(expression.line, "indicator_roles", name=name)
    of = reader.one_of(entries.get("of"), "of", OF, OF[0])
    every = reader.one_of(entries.get("every"), "every", PERIODS, PERIODS[1])
    floor, unit = _floor(reader, entries.get("floor"), name, personal, line), _unit(reader, entries.get("unit"), line)
    if value is None:
        return None
    target: Expression | None = targets["at_least"] or targets["at_most"]
    return Indicator(name, title, of, every, value, group, unit, target, targets["at_most"] is None, targets["alarm"], floor, line)


def _floor(reader: Reader, node: Node | None, name: str, personal: bool, line: int) -> int:
    written = reader.number(node, "floor")
    least = LEAST_FLOOR if personal else 1
    floor = int(written) if written is not None else 1
    if floor < least or floor > MOST_FLOOR or (written is not None and written != floor):
        reader.wrong(node.line if node is not None else line, "indicator_floor", name=name, least=least, most=MOST_FLOOR)
    return floor


def _unit(reader: Reader, node: Node | None, line: int) -> Text | None:
    if node is None:
        return None
    return dict.fromkeys(LANGUAGES, reader.word(node, "unit")) if isinstance(node, Word) else reader.text(node, "unit", line)
