"""What a workflow does by the calendar: cases that open by themselves, and what is measured over its cases."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from qms.errors import Text
from qms.workflows.expression import Expression


@dataclass(frozen=True)
class Schedule:
    """Cases that open by themselves: on ``day`` of ``month`` (at most the month's last) and every ``months`` from there."""

    name: str
    title: Text
    month: int
    day: int
    months: int
    fields: Mapping[str, Expression]
    line: int

    @property
    def turns(self) -> tuple[int, int, int]:
        """What its days follow from."""
        return self.month, self.day, self.months


@dataclass(frozen=True)
class Indicator:
    """What is measured over the cases of a workflow that were ``of`` (closed or opened) in each period, ``every`` month, quarter, year."""

    name: str
    title: Text
    of: str
    every: str
    value: Expression
    group: Expression | None
    unit: Text | None
    target: Expression | None
    at_least: bool
    alarm: Expression | None
    floor: int
    line: int

    def expressions(self) -> Iterator[Expression]:
        yield from (one for one in (self.value, self.group, self.target, self.alarm) if one is not None)
