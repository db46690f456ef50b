"""The functions that an expression may call, each with the kinds of value it takes and gives; there are no others."""

import ast
import re
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal

from qms.workflows import operations
from qms.workflows.calendar import LONGEST
from qms.workflows.compiling import Compiling, Function, arguments, literal
from qms.workflows.loops import count_rows, digest, extreme, median, quantified, total
from qms.workflows.scope import DAYS_A_ROW, Run, Scope
from qms.workflows.types import BOOLEAN, MOMENT, NUMBER, TEXT, Type

_PRICE = re.compile(
    r"(?:€|\beur\b|\beuro\b)\s*[0-9]|[0-9]\s*(?:€|eur\b|euro\b)|\b(?:ribasso|sconto)\b[^.\n]{0,40}[0-9]|[0-9][.,]*\s*%[^.\n]{0,40}\b(?:ribasso|sconto)\b",
    re.IGNORECASE,
)
"""Amounts and rebates, which a technical offer must not show (DOMAIN §3.4). No run of letters is gone through twice."""


def _step(compiler: Compiling, node: ast.expr) -> str:
    name = literal(compiler, node, "step", compiler.names.steps)
    compiler.uses_of("steps").add(name)
    return name


def _slot(compiler: Compiling, node: ast.expr) -> str:
    name = literal(compiler, node, "slot", compiler.names.slots)
    compiler.uses_of("slots").add(name)
    return name


def _unit(unit: str) -> Function:
    def function(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
        count = compiler.wanted(arguments(compiler, node, 1)[0], "number")[1]
        return Type("duration", literals=frozenset({unit})), operations.lasting(count, unit)

    return function


def _filled(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    return BOOLEAN, operations.is_nothing(compiler.visit(arguments(compiler, node, 1)[0])[1], False)


def _length(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    inner = compiler.wanted(arguments(compiler, node, 1)[0], "text")[1]
    return NUMBER, lambda scope: Decimal(len(str(inner(scope) or "")))


def _lower(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    inner = compiler.wanted(arguments(compiler, node, 1)[0], "text")[1]

    def run(scope: Scope) -> object:
        value = inner(scope)
        return None if value is None else operations.read_through(scope, str(value)).lower()

    return TEXT, run


def _contains_price(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    inner = compiler.wanted(arguments(compiler, node, 1)[0], "text")[1]
    return BOOLEAN, lambda scope: _PRICE.search(operations.read_through(scope, str(inner(scope) or ""))) is not None


def _valid(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    first, second = arguments(compiler, node, 2)
    kind = literal(compiler, first, "kind", compiler.names.kinds)
    inner = compiler.wanted(second, "text")[1]

    def run(scope: Scope) -> object:
        value = inner(scope)
        return None if value is None else scope.is_valid(kind, str(value))

    return BOOLEAN, run


def _attached(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    slot = _slot(compiler, arguments(compiler, node, 1)[0])
    return BOOLEAN, lambda scope: scope.attached(slot)


def _unchanged(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    first, *others = arguments(compiler, node, 2, 30)
    step = _step(compiler, first)
    slots = tuple(_slot(compiler, argument) for argument in others)
    return BOOLEAN, lambda scope: scope.unchanged_since(step, slots)


def _taken(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    step = _step(compiler, arguments(compiler, node, 1)[0])
    return BOOLEAN, lambda scope: scope.taken(step) is not None


def _took(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    step = _step(compiler, arguments(compiler, node, 1)[0])

    def run(scope: Scope) -> object:
        found = scope.taken(step)
        return found is not None and scope.actor in found.persons

    return BOOLEAN, run


def _times(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    step = _step(compiler, arguments(compiler, node, 1)[0])

    def run(scope: Scope) -> object:
        found = scope.taken(step)
        return Decimal(found.times if found else 0)

    return NUMBER, run


def _last(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    step = _step(compiler, arguments(compiler, node, 1)[0])

    def run(scope: Scope) -> object:
        found = scope.taken(step)
        return found.last if found else None

    return MOMENT, run


def _same_text(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    step = _step(compiler, arguments(compiler, node, 1)[0])
    if compiler.names.draft is None:
        raise compiler.mistake("unknown_name", node, name="draft", known=())
    compiler.uses["drafts"] = True
    compiler.uses_of("bound").add(step)
    return BOOLEAN, lambda scope: scope.same_text_as(step)


def _holds(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    argument, *of = arguments(compiler, node, 1, 2)
    if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
        raise compiler.mistake("quoted", argument)
    role = argument.value
    compiler.uses_of("roles").add(role)
    if not of:
        return BOOLEAN, lambda scope: scope.holds(role)
    where = compiler.wanted(of[0], "organisation")[1]
    return BOOLEAN, lambda scope: scope.holds(role, str(where(scope) or ""))


def _between(worked: bool) -> Function:
    def function(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
        first, last = (compiler.wanted(argument, "date", "moment") for argument in arguments(compiler, node, 2))
        one, two = (operations.as_day(run) for _, run in (first, last))

        def run(scope: Scope) -> object:
            start, end = one(scope), two(scope)
            if not isinstance(start, date) or not isinstance(end, date):
                return None
            if not worked:
                return Decimal((end - start).days)
            scope.purse.spend(min(abs((end - start).days), LONGEST["d"]) // DAYS_A_ROW)
            return Decimal(scope.calendar.workdays_between(start, end))

        return NUMBER, run

    return function


def _start_of(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    """The first instant of a day, as a clock on the wall shows it."""
    inner = compiler.wanted(arguments(compiler, node, 1)[0], "date")[1]

    def run(scope: Scope) -> object:
        value = inner(scope)
        try:
            return scope.calendar.at(value, time(0)) if isinstance(value, date) else None
        except OverflowError:
            return None

    return MOMENT, run


FUNCTIONS: Mapping[str, Function] = {
    "days": _unit("d"),
    "workdays": _unit("wd"),
    "hours": _unit("h"),
    "months": _unit("m"),
    "filled": _filled,
    "length": _length,
    "lower": _lower,
    "contains_price": _contains_price,
    "valid": _valid,
    "attached": _attached,
    "evidence_unchanged_since": _unchanged,
    "taken": _taken,
    "took": _took,
    "times": _times,
    "last": _last,
    "same_text_as": _same_text,
    "holds": _holds,
    "days_between": _between(False),
    "workdays_between": _between(True),
    "start_of": _start_of,
    "count": count_rows,
    "sum": total,
    "min": extreme(min),  # type: ignore[arg-type]
    "max": extreme(max),  # type: ignore[arg-type]
    "digest": digest,
    "median": median,
    "all": quantified(True),
    "any": quantified(False),
}
