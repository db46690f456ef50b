"""What an expression may ask of the case it judges, and nothing else."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from qms.errors import QmsError
from qms.workflows.calendar import Calendar
from qms.workflows.types import Type

FUEL = 50_000
"""How many rows one expression may visit in all: at some half a microsecond each it ends long before anybody waits. What takes longer
than a look at a row is paid for as several."""
LONGEST_TEXT = 10_000
LETTERS_A_ROW, DAYS_A_ROW, NODES_A_ROW = 128, 8, 16
"""How many letters read through, days looked up in the calendar, or pieces of what is asked of a row cost as much as one more row."""


class Exhausted(QmsError):
    """An expression visited more rows, or built a longer text, than any rule needs; whoever asked takes it as not fulfilled."""


@dataclass(frozen=True)
class Taken:
    """How often a step was taken on a case, when the fact of the last time was, and by whom it ever was."""

    times: int
    last: datetime
    persons: tuple[str, ...]
    n: int
    """Number, within the case, of the entry that recorded the last time."""


@dataclass
class Purse:
    """What one evaluation still may spend, and the rows it stands on."""

    locals: dict[str, Mapping[str, object]] = field(default_factory=dict)
    fuel: int = FUEL

    def spend(self, rows: int = 1) -> None:
        self.fuel -= rows
        if self.fuel < 0:
            raise Exhausted("too many rows")


class Scope(Protocol):
    """The case as an expression sees it; every value typed as ``types`` says, None when it is not filled or not known."""

    purse: Purse

    @property
    def calendar(self) -> Calendar: ...
    @property
    def actor(self) -> str: ...
    def read(self, name: str) -> object: ...
    def figure(self, name: str) -> Decimal | None: ...
    def draft(self, fact: str) -> object: ...
    def same_text_as(self, step: str) -> bool: ...
    def linked(self, name: str) -> Sequence[Mapping[str, object]]: ...
    def attached(self, slot: str) -> bool: ...
    def unchanged_since(self, step: str, slots: tuple[str, ...]) -> bool: ...
    def taken(self, step: str) -> Taken | None: ...
    def holds(self, role: str, organisation: str | None = None) -> bool: ...
    def is_valid(self, kind: str, text: str) -> bool: ...


Run = Callable[[Scope], object]


@dataclass(frozen=True)
class Names:
    """What an expression of one definition may name."""

    values: Mapping[str, Type]
    draft: Mapping[str, Type] | None
    links: Mapping[str, Mapping[str, Type]]
    """Name of the link → what else than the usual its rows have."""
    steps: frozenset[str]
    slots: frozenset[str]
    kinds: frozenset[str]
