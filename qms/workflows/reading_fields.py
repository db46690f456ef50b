"""Reads the fields of a workflow: what a case knows, of which type and within which bounds."""

import keyword
import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from qms.errors import Text
from qms.workflows.definition import ACKNOWLEDGED, LONGEST, MOST_ROWS, TITLE, Field
from qms.workflows.expression import BUILT_IN
from qms.workflows.functions import FUNCTIONS
from qms.workflows.reader import NAME, WORKFLOW_NAME, Reader
from qms.workflows.scope import Names
from qms.workflows.types import OF_FIELD, PERSONAL, Mistake, Type, fits
from qms.workflows.yaml_file import Node, Table

TYPES = tuple(OF_FIELD)
RESERVED = frozenset({*BUILT_IN, *FUNCTIONS, *keyword.kwlist, "state", "figure", "draft", "links"})
NUMBERS = ("integer", "decimal", "money", "percent")
IMPERSONAL = frozenset({"integer", "boolean", "choices", "table"})
"""Kinds that cannot be marked personal as a whole: what is hidden is a text."""
MOST_FIELDS = 200
OPTION_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")
SOURCE_NAME = {"notice": re.compile(r"notice\.[a-z_]{1,40}"), "acknowledgment": re.compile("|".join(map(re.escape, ACKNOWLEDGED)))}
_SLOW = re.compile(r"\)[*+{]|\\[1-9]|\(\?(?!:)")
_PIECE = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|(?:(?P<sign>[*+?])|\{(?P<least>[0-9]*)(?P<open>,?)(?P<most>[0-9]*)\})[?+]?|(?P<group>[(|)])|.",
    re.DOTALL,
)
LONGEST_PATTERN = 200
MOST_WAYS = LONGEST["text"] ** 3
"""In which a pattern may share a text out among its parts, since each is tried: as many as three endless repetitions have."""
EXTRA = {
    "text": ("min", "max", "pattern"),
    "long_text": ("min", "max"),
    "integer": ("min", "max", "unit"),
    "decimal": ("min", "max", "unit"),
    "money": ("min", "max", "unit"),
    "percent": ("min", "max"),
    "choice": ("options",),
    "choices": ("options",),
    "identifier": ("kind",),
    "case": ("workflow",),
    "table": ("columns", "min", "max"),
}
COMMON = ("help", "default", "personal", "source")


def read_fields(reader: Reader, node: Node | None, subject: str | None, kinds: frozenset[str], line: int) -> Mapping[str, Field]:
    """All fields by name. ``kinds`` are the identifiers that can be checked."""
    table = reader.table(node, "fields", line)
    if len(table.entries) > MOST_FIELDS:
        reader.wrong(table.line, "too_many", key="fields", limit=MOST_FIELDS)
    found = {}
    for name, inner in table.entries.items():
        _check_name(reader, name, table.lines[name])
        found[name] = _field(reader, name, inner, table.lines[name], subject, kinds, column=False)
    title = found.get(TITLE)
    if title is None or title.type != "text" or title.personal:
        reader.wrong(title.line if title else table.line, "title_field", key=TITLE)
    return found


def compute(reader: Reader, node: Node | None, fields: Mapping[str, Field], names: Names) -> tuple[Mapping[str, Field], tuple[str, ...]]:
    """``fields`` with the expressions of those that are computed, and the names of these, each after those that it builds on."""
    table, found = reader.table(node, "fields", 0), dict(fields)
    for name, inner in table.entries.items():
        written = inner.entries.get("computed") if isinstance(inner, Table) else None
        if written is None:
            continue
        field = fields[name]
        if name == TITLE or field.personal or field.columns is not None or field.source is not None or field.default is not None:
            reader.wrong(written.line, "computed_here", name=name)
            continue
        expression = reader.expression(written, name, names)
        if expression is None:
            continue
        if not fits(expression.type, type_of(field)):
            reader.mistake(written.line, expression.text, Mistake("result", expected=type_of(field).name, found=expression.type.name))
        elif expression.uses.values & {"actor", "comment"}:
            reader.wrong(written.line, "computed_of_act", name=name)
        found[name] = replace(field, computed=expression)
    return found, _in_order(reader, found)


def _in_order(reader: Reader, fields: Mapping[str, Field]) -> tuple[str, ...]:
    ordered: list[str] = []
    waiting = {name: field.computed.uses.values for name, field in fields.items() if field.computed is not None}
    while waiting:
        ready = sorted(name for name, uses in waiting.items() if not uses & waiting.keys())
        if not ready:
            first = min(waiting, key=lambda name: fields[name].line)
            reader.wrong(fields[first].line, "computed_circle", names=", ".join(sorted(waiting)))
            break
        ordered += ready
        waiting = {name: uses for name, uses in waiting.items() if name not in ready}
    return tuple(ordered)


def type_of(field: Field) -> Type:
    """The kind of value that an expression finds in ``field``."""
    if field.personal:
        return PERSONAL
    if field.columns is not None:
        return Type("rows", columns={name: type_of(column) for name, column in field.columns.items()})
    if field.options is not None:
        return Type(field.type, options=tuple(field.options))
    return OF_FIELD.get(field.type, Type("text"))


def _check_name(reader: Reader, name: str, line: int) -> None:
    if not NAME.fullmatch(name):
        reader.malformed(line, "fields", name, NAME)
    elif name in RESERVED:
        reader.wrong(line, "reserved", name=name)


def _field(reader: Reader, name: str, node: Node, line: int, subject: str | None, kinds: frozenset[str], column: bool) -> Field:
    table = reader.table(node, name, line)
    kind = _type(reader, table, column)
    extra = EXTRA.get(kind, ())
    reader.keys(table, ("type", "title"), (*COMMON, *extra, *(("required",) if column else ("computed",))))
    entries = table.entries
    options = _options(reader, table) if "options" in extra else None
    default = entries.get("default")
    if default is not None and (column or kind == "table"):
        reader.wrong(default.line, "default_here", name=name)
    least, most = reader.number(entries.get("min"), "min"), reader.number(entries.get("max"), "max")
    _check_bounds(reader, table, kind, least, most)
    personal = reader.truth(entries.get("personal"), "personal")
    if personal and kind in IMPERSONAL:
        reader.wrong(table.lines["personal"], "personal_kind", name=name)
    return Field(
        name=name,
        type=kind,
        title=reader.text(entries.get("title"), "title", line),
        line=line,
        help=reader.text(entries["help"], "help", line) if "help" in entries else None,
        unit=reader.word(entries.get("unit"), "unit") or None,
        least=least,
        most=most,
        pattern=_pattern(reader, entries.get("pattern")),
        default=reader.word(default, "default") if default is not None and kind != "boolean" else _truth(reader, default),
        personal=personal,
        required=reader.truth(entries.get("required"), "required"),
        options=options,
        kind=_kind(reader, table, kinds) if kind == "identifier" else None,
        workflow=reader.name(entries.get("workflow"), "workflow", WORKFLOW_NAME) or None,
        columns=_columns(reader, table, subject, kinds) if kind == "table" else None,
        source=_source(reader, entries.get("source"), subject, column),
    )


def _type(reader: Reader, table: Table, column: bool) -> str:
    node = table.entries.get("type")
    kind = reader.word(node, "type")
    if kind == "table" and column:
        reader.wrong(node.line if node else table.line, "table_in_table")
    elif kind and kind not in TYPES:
        reader.one_of(node, "type", TYPES, "text")
    else:
        return kind or "text"
    return "text"


def _options(reader: Reader, table: Table) -> Mapping[str, Text]:
    options = reader.table(table.entries.get("options"), "options", table.line)
    if not options.entries:
        reader.wrong(table.line, "key_missing", key="options")
    found = {}
    for name, node in options.entries.items():
        if not OPTION_NAME.fullmatch(name):
            reader.malformed(options.lines[name], "options", name, OPTION_NAME)
        found[name] = reader.text(node, name, options.lines[name])
    return found


def _columns(reader: Reader, table: Table, subject: str | None, kinds: frozenset[str]) -> Mapping[str, Field]:
    columns = reader.table(table.entries.get("columns"), "columns", table.line)
    if not columns.entries:
        reader.wrong(table.line, "key_missing", key="columns")
    found = {}
    for name, node in columns.entries.items():
        if not NAME.fullmatch(name):
            reader.malformed(columns.lines[name], "columns", name, NAME)
        found[name] = _field(reader, name, node, columns.lines[name], subject, kinds, column=True)
    return found


def _kind(reader: Reader, table: Table, kinds: frozenset[str]) -> str | None:
    node = table.entries.get("kind")
    if node is None:
        reader.wrong(table.line, "key_missing", key="kind")
        return None
    return reader.one_of(node, "kind", sorted(kinds), "") or None


def _pattern(reader: Reader, node: Node | None) -> str | None:
    """A pattern that cannot be made to run for long: no repeated group, few endless repetitions, no back references."""
    written = reader.word(node, "pattern")
    if node is None or not written:
        return None
    if len(written) > LONGEST_PATTERN or _SLOW.search(written) or not 0 < _ways(written) <= MOST_WAYS:
        reader.wrong(node.line, "pattern_slow", pattern=written[:80])
        return None
    try:
        re.compile(written)
    except re.error as error:
        reader.wrong(node.line, "pattern_malformed", detail=str(error))
        return None
    return written


def _ways(pattern: str) -> int:
    """In how many ways a pattern may share a text out among its parts, 0 when it repeats something longer than any text is."""
    ways, branches = 1, [1]
    for piece in _PIECE.finditer(pattern):
        if piece["group"] == "(":
            branches.append(1)
        elif piece["group"] == "|":
            branches[-1] += 1
        elif piece["group"] == ")" and len(branches) > 1:
            ways *= branches.pop()
        elif piece["sign"]:
            ways *= 2 if piece["sign"] == "?" else LONGEST["text"]
        elif piece["open"] is not None and (piece["least"] or piece["open"]):
            least = int(piece["least"] or 0)
            most = int(piece["most"] or LONGEST["text"]) if piece["open"] else least
            if max(least, most) > LONGEST["text"]:
                return 0
            ways *= max(1, most - least + 1)
    return ways * branches[0]


def _source(reader: Reader, node: Node | None, subject: str | None, column: bool) -> str | None:
    if node is None:
        return None
    if subject not in SOURCE_NAME:
        reader.wrong(node.line, "source_without_notice")
    return reader.name(node, "source", NAME if column else SOURCE_NAME.get(subject or "", SOURCE_NAME["notice"]))


def _truth(reader: Reader, node: Node | None) -> str | None:
    return None if node is None else reader.one_of(node, "default", ("true", "false"), "false")


def _check_bounds(reader: Reader, table: Table, kind: str, least: Decimal | None, most: Decimal | None) -> None:
    if least is not None and most is not None and least > most:
        reader.wrong(table.lines["min"], "bounds", least=least, most=most)
    limit = {**LONGEST, "table": MOST_ROWS}.get(kind)
    for key, bound in (("min", least), ("max", most)):
        if bound is not None and limit is not None and not (bound == int(bound) and (key == "max") <= bound <= limit):
            reader.wrong(table.lines[key], "bounds_length", key=key, limit=limit)
