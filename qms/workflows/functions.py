"""The functions that an expression may call, each with the kinds of value it takes and gives; there are no others."""

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from typing import Protocol, cast

from qms.workflows import operations
from qms.workflows.scope import Names, Run, Scope
from qms.workflows.types import BOOLEAN, MOMENT, NUMBER, TEXT, Mistake, Type

_PRICE = re.compile(
    r"(?:€|\beur\b|\beuro\b)\s*[0-9]|[0-9]\s*(?:€|eur\b|euro\b)|\b(?:ribasso|sconto)\b[^.\n]{0,40}[0-9]|[0-9][0-9.,]*\s*%[^.\n]{0,40}\b(?:ribasso|sconto)\b",
    re.IGNORECASE,
)
"""Amounts and rebates, which a technical offer must not show (DOMAIN §3.4)."""


class Compiling(Protocol):
    """The part of the compiler that functions need."""

    names: Names
    rows: dict[str, Mapping[str, Type]]
    row_links: dict[str, str]
    uses: dict[str, set[object] | bool]

    def uses_of(self, kind: str) -> set[object]: ...
    def visit(self, node: ast.AST) -> tuple[Type, Run]: ...
    def wanted(self, node: ast.AST, *kinds: str) -> tuple[Type, Run]: ...
    def mistake(self, code: str, node: ast.AST, **values: object) -> Mistake: ...


Function = Callable[[Compiling, ast.Call], tuple[Type, Run]]
Spread = Callable[[Scope], Iterator[tuple[object, object]]]
"""What a generator gives row by row: whether its conditions hold, and the value."""


def _arguments(compiler: Compiling, node: ast.Call, least: int, most: int | None = None) -> list[ast.expr]:
    if not least <= len(node.args) <= (least if most is None else most):
        raise compiler.mistake("arguments", node, expected=least)
    return node.args


def _literal(compiler: Compiling, node: ast.expr, kind: str, known: frozenset[str]) -> str:
    """A quoted name that must be known."""
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        raise compiler.mistake("quoted", node)
    if node.value not in known:
        raise compiler.mistake(f"unknown_{kind}", node, name=node.value, known=known)
    return node.value


def _step(compiler: Compiling, node: ast.expr) -> str:
    name = _literal(compiler, node, "step", compiler.names.steps)
    compiler.uses_of("steps").add(name)
    return name


def _slot(compiler: Compiling, node: ast.expr) -> str:
    name = _literal(compiler, node, "slot", compiler.names.slots)
    compiler.uses_of("slots").add(name)
    return name


def _unit(unit: str) -> Function:
    def function(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
        count = compiler.wanted(_arguments(compiler, node, 1)[0], "number")[1]
        return Type("duration", literals=frozenset({unit})), operations.lasting(count, unit)

    return function


def _filled(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    return BOOLEAN, operations.is_nothing(compiler.visit(_arguments(compiler, node, 1)[0])[1], False)


def _length(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    inner = compiler.wanted(_arguments(compiler, node, 1)[0], "text")[1]
    return NUMBER, lambda scope: Decimal(len(str(inner(scope) or "")))


def _lower(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    inner = compiler.wanted(_arguments(compiler, node, 1)[0], "text")[1]

    def run(scope: Scope) -> object:
        value = inner(scope)
        return None if value is None else str(value).lower()

    return TEXT, run


def _contains_price(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    inner = compiler.wanted(_arguments(compiler, node, 1)[0], "text")[1]
    return BOOLEAN, lambda scope: _PRICE.search(str(inner(scope) or "")) is not None


def _valid(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    arguments = _arguments(compiler, node, 2)
    kind = _literal(compiler, arguments[0], "kind", compiler.names.kinds)
    inner = compiler.wanted(arguments[1], "text")[1]

    def run(scope: Scope) -> object:
        value = inner(scope)
        return None if value is None else scope.is_valid(kind, str(value))

    return BOOLEAN, run


def _attached(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    slot = _slot(compiler, _arguments(compiler, node, 1)[0])
    return BOOLEAN, lambda scope: scope.attached(slot)


def _unchanged(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    arguments = _arguments(compiler, node, 2, 30)
    step = _step(compiler, arguments[0])
    slots = tuple(_slot(compiler, argument) for argument in arguments[1:])
    return BOOLEAN, lambda scope: scope.unchanged_since(step, slots)


def _taken(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    step = _step(compiler, _arguments(compiler, node, 1)[0])
    return BOOLEAN, lambda scope: scope.taken(step) is not None


def _took(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    step = _step(compiler, _arguments(compiler, node, 1)[0])

    def run(scope: Scope) -> object:
        found = scope.taken(step)
        return found is not None and scope.actor in found.persons

    return BOOLEAN, run


def _times(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    step = _step(compiler, _arguments(compiler, node, 1)[0])

    def run(scope: Scope) -> object:
        found = scope.taken(step)
        return Decimal(found.times if found else 0)

    return NUMBER, run


def _last(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    step = _step(compiler, _arguments(compiler, node, 1)[0])

    def run(scope: Scope) -> object:
        found = scope.taken(step)
        return found.last if found else None

    return MOMENT, run


def _same_text(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    step = _step(compiler, _arguments(compiler, node, 1)[0])
    if compiler.names.draft is None:
        raise compiler.mistake("unknown_name", node, name="draft", known=())
    compiler.uses["drafts"] = True
    return BOOLEAN, lambda scope: scope.same_text_as(step)


def _holds(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    argument = _arguments(compiler, node, 1)[0]
    if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
        raise compiler.mistake("quoted", argument)
    role = argument.value
    compiler.uses_of("roles").add(role)
    return BOOLEAN, lambda scope: scope.holds(role)


def _between(worked: bool) -> Function:
    def function(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
        first, last = (compiler.wanted(argument, "date", "moment") for argument in _arguments(compiler, node, 2))
        one, two = (operations.as_day(run) for _, run in (first, last))

        def run(scope: Scope) -> object:
            start, end = one(scope), two(scope)
            if not isinstance(start, date) or not isinstance(end, date):
                return None
            return Decimal(scope.calendar.workdays_between(start, end) if worked else (end - start).days)

        return NUMBER, run

    return function


def _start_of(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    """The first instant of a day, as a clock on the wall shows it."""
    inner = compiler.wanted(_arguments(compiler, node, 1)[0], "date")[1]

    def run(scope: Scope) -> object:
        value = inner(scope)
        return scope.calendar.at(value, time(0)) if isinstance(value, date) else None

    return MOMENT, run


def _spread(compiler: Compiling, node: ast.GeneratorExp) -> tuple[Type, Spread]:
    """One generator over the rows of a table or a link, at most one within another."""
    if len(node.generators) != 1 or len(compiler.rows) >= 2:
        raise compiler.mistake("generator", node)
    loop = node.generators[0]
    if loop.is_async or not isinstance(loop.target, ast.Name) or loop.target.id in compiler.names.values or loop.target.id in compiler.rows:
        raise compiler.mistake("generator", node)
    source, rows = compiler.visit(loop.iter)
    if source.name != "rows" or source.columns is None:
        raise compiler.mistake("type", loop.iter, expected="rows", found=source.name)
    name = loop.target.id
    compiler.rows[name] = source.columns
    if source.link is not None:
        compiler.row_links[name] = source.link
    condition = operations.every([compiler.wanted(test, "boolean")[1] for test in loop.ifs])
    kind, value = compiler.visit(node.elt)
    del compiler.rows[name]
    compiler.row_links.pop(name, None)

    def spread(scope: Scope) -> Iterator[tuple[object, object]]:
        purse = scope.purse
        for row in cast(Sequence[Mapping[str, object]], rows(scope)):
            purse.spend()
            purse.locals[name] = row
            met = condition(scope)
            if met is not False:
                yield met, value(scope)

    return kind, spread


def _count(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    argument = _arguments(compiler, node, 1)[0]
    if not isinstance(argument, ast.GeneratorExp):
        rows = compiler.wanted(argument, "rows", "persons", "choices")[1]
        return NUMBER, lambda scope: Decimal(len(rows(scope) or ()))  # type: ignore[arg-type]
    _, spread = _spread(compiler, argument)

    def run(scope: Scope) -> object:
        met = [condition for condition, _ in spread(scope)]
        return None if None in met else Decimal(len(met))

    return NUMBER, run


def _gathered(compiler: Compiling, node: ast.Call, *kinds: str) -> tuple[Type, Callable[[Scope], list[object] | None]]:
    """The values of a generator or of several arguments, None as soon as one of them is unknown."""
    if len(node.args) == 1 and isinstance(node.args[0], ast.GeneratorExp):
        kind, spread = _spread(compiler, node.args[0])
        if kind.name not in kinds:
            raise compiler.mistake("type", node.args[0], expected=kinds[0], found=kind.name)

        def over_rows(scope: Scope) -> list[object] | None:
            found = list(spread(scope))
            return None if any(met is None or value is None for met, value in found) else [value for _, value in found]

        return kind, over_rows
    parts = [compiler.wanted(argument, *kinds) for argument in _arguments(compiler, node, 2, 10)]
    if len({kind.name for kind, _ in parts}) != 1:
        raise compiler.mistake("branches", node, left=parts[0][0].name, right=parts[-1][0].name)

    def over_arguments(scope: Scope) -> list[object] | None:
        found = [run(scope) for _, run in parts]
        return None if None in found else found

    return parts[0][0], over_arguments


def _sum(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    if len(node.args) != 1 or not isinstance(node.args[0], ast.GeneratorExp):
        raise compiler.mistake("generator", node)
    _, values = _gathered(compiler, node, "number")

    def run(scope: Scope) -> object:
        found = values(scope)
        if found is None:
            return None
        total = Decimal(0)
        for value in cast(list[Decimal], found):
            total = operations.EXACT.add(total, value)
        return total if total.is_finite() else None

    return NUMBER, run


def _extreme(pick: Callable[[list[object]], object]) -> Function:
    def function(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
        kind, values = _gathered(compiler, node, "number", "date", "moment")
        return kind, lambda scope: pick(found) if (found := values(scope)) else None

    return function


def _quantified(universal: bool) -> Function:
    def function(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
        argument = _arguments(compiler, node, 1)[0]
        if not isinstance(argument, ast.GeneratorExp):
            raise compiler.mistake("generator", node)
        kind, spread = _spread(compiler, argument)
        if kind != BOOLEAN:
            raise compiler.mistake("type", argument, expected="boolean", found=kind.name)

        def run(scope: Scope) -> object:
            known = True
            for met, value in spread(scope):
                if value is universal:
                    continue
                if met is True and value is not None:
                    return not universal
                known = False
            return universal if known else None

        return BOOLEAN, run

    return function


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
    "count": _count,
    "sum": _sum,
    "min": _extreme(min),  # type: ignore[arg-type]
    "max": _extreme(max),  # type: ignore[arg-type]
    "all": _quantified(True),
    "any": _quantified(False),
}
