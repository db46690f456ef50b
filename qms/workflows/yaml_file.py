"""Reads a workflow file the strict way: what is written is what is meant, and nothing in it can run, repeat or surprise.

YAML turns ``no`` into false, ``3.10`` into 3.1, and lets one small file unfold into gigabytes. Here every plain word stays the text that
was typed, tags, anchors and second keys of one name are refused, and each value remembers its line. Every mistake is collected.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from qms.errors import BadContent, Problem
from qms.formats import names

MOST_BYTES = 256_000
MOST_NODES = 20_000
DEEPEST = 16
AMBIGUOUS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", ""})
"""Plain words that YAML readers take for something else than text."""

LONGEST_SHOWN = 80
"""Of what the file says, in a sentence about it."""
_UNWRITABLE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What no page, diagram or database takes; between quotes YAML has escapes for all of it."""

USUAL = {"'\\t'": "tab", "<block end>": "indent", "expected ',' or": "brackets"}
"""By what the reader of YAML says: the slips that everybody makes, each of which has a sentence that says how to mend it."""


@dataclass(frozen=True)
class Word:
    """One scalar as typed; ``plain`` when it stood without quotes and may therefore mean a number or true."""

    text: str
    plain: bool
    line: int

    @property
    def ambiguous(self) -> bool:
        return self.plain and self.text.lower() in AMBIGUOUS


@dataclass(frozen=True)
class Items:
    """A list."""

    items: tuple["Node", ...]
    line: int


@dataclass(frozen=True)
class Table:
    """Keys and values, in the order of the file; ``lines`` says where each key stands."""

    entries: Mapping[str, "Node"]
    lines: Mapping[str, int]
    line: int


Node = Word | Items | Table


@dataclass
class _Builder:
    path: str
    events: Iterator[Event]
    problems: list[Problem] = field(default_factory=list)
    nodes: int = 0
    line: int = 0
    """Where the last node began."""

    def wrong(self, line: int, code: str, **values: object) -> None:
        self.problems.append(Problem(self.path, line, f"yaml.{code}", values))


def read(source: bytes, path: str) -> Table:
    """The file's one mapping. Raises BadContent with every mistake that could be told apart."""
    if len(source) > MOST_BYTES:
        raise BadContent([Problem(path, 0, "yaml.too_large", {"limit": MOST_BYTES})])
    try:
        text = source.decode("utf-8")
    except UnicodeDecodeError as error:
        line = source[: error.start].count(b"\n") + 1
        raise BadContent([Problem(path, line, "yaml.not_utf8", {})]) from error
    builder = _Builder(path, iter(()))
    try:
        builder.events = iter(YAML(typ="safe", pure=True).parse(text))
        node = _document(builder)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        detail = " ".join(str(error.problem or error.context or error).split())
        code = next((code for sign, code in USUAL.items() if sign in detail), "malformed")
        builder.wrong(mark.line + 1 if mark else 0, code, detail=detail)
        raise BadContent(builder.problems) from error
    except ReaderError as error:
        builder.wrong(text.count("\n", 0, error.position) + 1, "sign", sign=f"U+{error.character:04X}")
        raise BadContent(builder.problems) from error
    except (YAMLError, ValueError, RecursionError) as error:
        builder.wrong(builder.line, "malformed", detail=" ".join(str(error).split())[:200])
        raise BadContent(builder.problems) from error
    if not isinstance(node, Table):
        builder.wrong(1, "not_a_mapping")
        raise BadContent(builder.problems)
    if builder.problems:
        raise BadContent(builder.problems)
    return node


def _document(builder: _Builder) -> Node | None:
    found: Node | None = None
    documents = 0
    for event in builder.events:
        if isinstance(event, DocumentStartEvent):
            documents += 1
            if documents > 1:
                builder.wrong(_line(event), "many_documents")
                raise BadContent(builder.problems)
        elif isinstance(event, NodeEvent):
            found = _node(builder, event, 0)
    return found


def _node(builder: _Builder, event: Event, depth: int) -> Node:
    line = _line(event)
    builder.nodes += 1
    builder.line = line
    if depth > DEEPEST or builder.nodes > MOST_NODES:
        builder.wrong(line, "too_deep" if depth > DEEPEST else "too_many", limit=DEEPEST if depth > DEEPEST else MOST_NODES)
        raise BadContent(builder.problems)
    if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
        builder.wrong(line, "alias")
        raise BadContent(builder.problems)
    tag = getattr(event, "tag", None)
    if tag:
        builder.wrong(line, "tag", tag=str(tag)[:LONGEST_SHOWN])
    if isinstance(event, ScalarEvent):
        _refuse_disguise(builder, event.value, line)
        return Word(event.value, event.style is None, line)
    if isinstance(event, SequenceStartEvent):
        items = []
        for inner in builder.events:
            if isinstance(inner, SequenceEndEvent):
                break
            items.append(_node(builder, inner, depth + 1))
        return Items(tuple(items), line)
    return _mapping(builder, line, depth)


def _refuse_disguise(builder: _Builder, text: str, line: int) -> None:
    """Note signs that cannot be kept or shown, and those that make a text read as what it is not."""
    if (sign := _UNWRITABLE.search(text)) is not None:
        builder.wrong(line, "sign", sign=f"U+{ord(sign[0]):04X}")
    elif names.misleads(text):
        builder.wrong(line, "misleads")


def _mapping(builder: _Builder, line: int, depth: int) -> Table:
    entries: dict[str, Node] = {}
    lines: dict[str, int] = {}
    for event in builder.events:
        if isinstance(event, MappingEndEvent):
            break
        key = _node(builder, event, depth + 1)
        value = _node(builder, next(builder.events), depth + 1)
        if not isinstance(key, Word):
            builder.wrong(key.line, "key_not_a_word")
        elif key.plain and key.text == "<<":
            builder.wrong(key.line, "alias")
        elif key.ambiguous:
            builder.wrong(key.line, "quote", word=key.text)
        elif key.text in entries:
            builder.wrong(key.line, "duplicate", key=key.text, first=lines[key.text])
        else:
            entries[key.text] = value
            lines[key.text] = key.line
    return Table(entries, lines, line)


def _line(event: Event) -> int:
    return int(event.start_mark.line) + 1
