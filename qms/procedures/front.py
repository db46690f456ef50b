"""The head of a document: a few lines of YAML between two rules, read strictly, every mistake with its line.

Ordinary YAML readers turn ``no`` into false, ``3.10`` into 3.1 and a short text into a gigabyte. What an author writes here decides
who must approve and who must read, so nothing is guessed: no tags, no anchors, no key twice, and a value that other programs would read
as a number, a date or a yes is asked to stand in quotes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from qms.errors import Problem

LIMIT = 16_000
MOST_VALUES = 1_000
DEEPEST = 6
AMBIGUOUS = re.compile(
    r"~|null|y|n|yes|no|on|off|true|false"
    r"|[-+]?(0x[0-9a-f_]+|0o?[0-7_]+|\.inf|(\d[\d_]*)?\.?[\d_]*(e[-+]?\d+)?|\d[\d_]*(:[0-5]?\d)+(\.\d*)?)"
    r"|\.nan|\d{4}-\d{1,2}-\d{1,2}([t\s].*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Word:
    """One value as it was written."""

    text: str
    line: int
    plain: bool

    @property
    def is_ambiguous(self) -> bool:
        """Whether other programs would not read this as text."""
        return self.plain and AMBIGUOUS.fullmatch(self.text) is not None


@dataclass(frozen=True)
class Words:
    """A list of values."""

    items: tuple["Value", ...]
    line: int


@dataclass(frozen=True)
class Heads:
    """Values by key, in the order of writing."""

    entries: dict[str, "Value"] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    line: int = 1


Value = Word | Words | Heads


def read(text: str, path: str, first_line: int) -> tuple[Heads, list[Problem]]:
    """Read ``text`` whose first line is line ``first_line`` of ``path``; what cannot be read is left out and named."""
    reader = _Reader(path, first_line)
    if len(text) > LIMIT:
        return Heads(line=first_line), [Problem(path, first_line, "front.too_long", {"limit": LIMIT})]
    try:
        value = reader.document(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = first_line + (mark.line if mark is not None else 0)
        reader.problems.append(Problem(path, line, "front.malformed", {"detail": str(error.problem or error.context or "")}))
        return Heads(line=first_line), reader.problems
    except (YAMLError, RecursionError, _TooMuch) as error:
        reader.problems.append(Problem(path, first_line, "front.malformed", {"detail": str(error).splitlines()[0] if str(error) else ""}))
        return Heads(line=first_line), reader.problems
    if not isinstance(value, Heads):
        reader.problems.append(Problem(path, first_line, "front.not_keys"))
        return Heads(line=first_line), reader.problems
    return value, reader.problems


class _TooMuch(Exception):
    """More values, or deeper, than any head of a document has."""


class _Reader:
    def __init__(self, path: str, first_line: int) -> None:
        self.path = path
        self.first_line = first_line
        self.problems: list[Problem] = []
        self._count = 0

    def document(self, text: str) -> Value | None:
        events: Iterator[Event] = YAML(typ="safe", pure=True).parse(text)
        for event in events:
            if isinstance(event, NodeEvent):
                value = self._value(event, events, 0)
                for rest in events:
                    if isinstance(rest, NodeEvent):
                        self._report(rest, "front.second_document")
                        break
                return value
        return None

    def _value(self, event: Event, events: Iterator[Event], depth: int) -> Value:
        self._count += 1
        if self._count > MOST_VALUES or depth > DEEPEST:
            self._report(event, "front.too_much")
            raise _TooMuch("too many values")
        self._refuse_cleverness(event)
        line = self._line(event)
        if isinstance(event, SequenceStartEvent):
            return Words(tuple(self._items(events, depth)), line)
        if isinstance(event, MappingStartEvent):
            return self._heads(events, line, depth)
        if isinstance(event, ScalarEvent):
            return Word(str(event.value), line, plain=event.style in (None, ""))
        return Word("", line, plain=False)

    def _items(self, events: Iterator[Event], depth: int) -> Iterator[Value]:
        for event in events:
            if isinstance(event, SequenceEndEvent):
                return
            yield self._value(event, events, depth + 1)

    def _heads(self, events: Iterator[Event], line: int, depth: int) -> Heads:
        heads = Heads(line=line)
        for event in events:
            if isinstance(event, MappingEndEvent):
                break
            key = self._value(event, events, depth + 1)
            value = self._value(next(events), events, depth + 1)
            if not isinstance(key, Word):
                self._report(event, "front.key_not_text")
            elif key.is_ambiguous:
                self._report(event, "front.quote_key", key=key.text)
            elif key.text in heads.entries:
                self._report(event, "front.duplicate", key=key.text, first=heads.lines[key.text])
            else:
                heads.entries[key.text] = value
                heads.lines[key.text] = key.line
        return heads

    def _refuse_cleverness(self, event: Event) -> None:
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None) is not None:
            self._report(event, "front.alias")
        if getattr(event, "tag", None) is not None:
            self._report(event, "front.tag", tag=str(getattr(event, "tag", "")))

    def _line(self, event: Event) -> int:
        return self.first_line + (event.start_mark.line if event.start_mark is not None else 0)

    def _report(self, event: Event, code: str, **values: object) -> None:
        self.problems.append(Problem(self.path, self._line(event), code, values))
