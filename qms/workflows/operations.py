"""How an expression reckons once it is known to be well typed: exact numbers, days on the wall, and *unknown* for what is not filled.

Unknown is None. It spreads through sums and comparisons and follows the logic of three values: ``unknown or True`` is true, ``not
unknown`` is unknown. Nothing here raises but ``Exhausted``: a result that cannot be had is unknown, and a guard that is unknown refuses.
"""

import operator
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Context, Decimal
from typing import Any

from qms.workflows.calendar import LONGEST, Duration
from qms.workflows.scope import DAYS_A_ROW, LETTERS_A_ROW, LONGEST_TEXT, Exhausted, Run, Scope
from qms.workflows.types import Type

EXACT = Context(prec=28, Emax=60, Emin=-60, traps=[])
ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "Lt": operator.lt,
    "LtE": operator.le,
    "Gt": operator.gt,
    "GtE": operator.ge,
    "Eq": operator.eq,
    "NotEq": operator.ne,
}
RECKON: dict[str, Callable[[Context, Decimal, Decimal], Decimal]] = {
    "Add": Context.add,
    "Sub": Context.subtract,
    "Mult": Context.multiply,
    "Div": Context.divide,
}


def every(parts: Sequence[Run]) -> Run:
    """``and``: false as soon as one is false, else unknown as soon as one is."""

    def run(scope: Scope) -> object:
        known = True
        for part in parts:
            value = part(scope)
            if value is False:
                return False
            known = known and value is not None
        return True if known else None

    return run


def some(parts: Sequence[Run]) -> Run:
    """``or``: true as soon as one is true, else unknown as soon as one is."""

    def run(scope: Scope) -> object:
        known = True
        for part in parts:
            value = part(scope)
            if value is True:
                return True
            known = known and value is not None
        return False if known else None

    return run


def negated(inner: Run) -> Run:
    def run(scope: Scope) -> object:
        value = inner(scope)
        return None if value is None else not value

    return run


def chosen(condition: Run, yes: Run, no: Run) -> Run:
    def run(scope: Scope) -> object:
        value = condition(scope)
        return None if value is None else yes(scope) if value else no(scope)

    return run


def compared(sign: str, left: Run, right: Run, left_type: Type, right_type: Type) -> Run:
    """One comparison of two values that ``types.comparable`` allowed."""
    test = ORDER[sign]
    names = {left_type.name, right_type.name}
    if "choice" in names and sign not in ("Eq", "NotEq"):
        options = left_type.options or right_type.options or ()
        place = {option: index for index, option in enumerate(options)}
        return _compared(test, lambda scope: place.get(left(scope)), lambda scope: place.get(right(scope)))  # type: ignore[call-overload]
    if names == {"date", "moment"}:
        return _compared(test, as_day(left), as_day(right))
    if names == {"duration"}:
        return _durations(test, left, right)
    return _compared(test, left, right)


def is_nothing(inner: Run, expected: bool) -> Run:
    def run(scope: Scope) -> object:
        value = inner(scope)
        return (value is None or value == []) is expected

    return run


def within(left: Run, right: Run, expected: bool) -> Run:
    """``in``: unknown when either side is; a list leaves out what is not filled."""

    def run(scope: Scope) -> object:
        value, many = left(scope), right(scope)
        if isinstance(many, str):
            read_through(scope, many)
        return None if value is None or many is None else (value in many) is expected  # type: ignore[operator]

    return run


def reckoned(sign: str, left: Run, right: Run) -> Run:
    """Sums and products of exact decimals; what has no finite result is unknown."""
    act = RECKON[sign]

    def run(scope: Scope) -> object:
        one, two = left(scope), right(scope)
        if one is None or two is None:
            return None
        result = act(EXACT, one, two)  # type: ignore[arg-type]
        return result if result.is_finite() else None

    return run


def negative(inner: Run) -> Run:
    def run(scope: Scope) -> object:
        value = inner(scope)
        return None if value is None else EXACT.minus(value)  # type: ignore[arg-type]

    return run


def put_together(left: Run, right: Run) -> Run:
    def run(scope: Scope) -> object:
        one, two = left(scope), right(scope)
        if one is None or two is None:
            return None
        if len(one) + len(two) > LONGEST_TEXT:  # type: ignore[arg-type]
            raise Exhausted("too long a text")
        return read_through(scope, one + two)  # type: ignore[operator]

    return run


def read_through(scope: Scope, text: str) -> str:
    """``text``, paid for by its length."""
    scope.purse.spend(len(text) // LETTERS_A_ROW)
    return text


def moved(left: Run, right: Run, direction: int) -> Run:
    """A date or moment later or earlier by a duration."""

    def run(scope: Scope) -> object:
        start, by = left(scope), right(scope)
        if start is None or not isinstance(by, Duration):
            return None
        if by.unit == "wd":
            scope.purse.spend(by.count // DAYS_A_ROW)
        try:
            if isinstance(start, datetime):
                return scope.calendar.shift(start, by, direction)
            return scope.calendar.shift_day(start, by, direction) if isinstance(start, date) else None
        except (OverflowError, ValueError):
            return None

    return run


def lasting(count: Run, unit: str) -> Run:
    """A duration of so many units; unknown when the count is no whole number that can be counted."""

    def run(scope: Scope) -> object:
        value = count(scope)
        if not isinstance(value, Decimal) or value != value.to_integral_value() or not 0 <= value <= LONGEST[unit]:
            return None
        return Duration(int(value), unit)

    return run


def _compared(test: Callable[[Any, Any], bool], left: Run, right: Run) -> Run:
    def run(scope: Scope) -> object:
        one, two = left(scope), right(scope)
        return None if one is None or two is None else test(one, two)

    return run


def as_day(inner: Run) -> Run:
    """A moment as the day it falls on; a day stays what it is."""

    def run(scope: Scope) -> object:
        value = inner(scope)
        try:
            return scope.calendar.day(value) if isinstance(value, datetime) else value
        except OverflowError:
            return None

    return run


def _durations(test: Callable[[Any, Any], bool], left: Run, right: Run) -> Run:
    def run(scope: Scope) -> object:
        one, two = left(scope), right(scope)
        if not isinstance(one, Duration) or not isinstance(two, Duration) or one.unit != two.unit:
            return None
        return test(one.count, two.count)

    return run
