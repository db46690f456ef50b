"""Rules about rows: how many, how much in all, every one, at least one. The only loops there are, and each row visited is paid for."""

import ast
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import cast

from qms.workflows import operations
from qms.workflows.compiling import Compiling, Function, arguments
from qms.workflows.scope import NODES_A_ROW, Run, Scope
from qms.workflows.types import BOOLEAN, NUMBER, TEXT, Type

Spread = Callable[[Scope], Iterator[tuple[object, object]]]
"""What a generator gives row by row: whether its conditions hold, and the value."""


def _spread(compiler: Compiling, node: ast.GeneratorExp, counting: bool = False) -> tuple[Type, Spread]:
    """One generator over the rows of a table or a link, at most one within another; only ``counting`` may it give whole rows."""
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
    before = compiler.nodes
    condition = operations.every([compiler.wanted(test, "boolean")[1] for test in loop.ifs])
    whole = counting and isinstance(node.elt, ast.Name) and node.elt.id == name
    kind, value = (BOOLEAN, _row) if whole else compiler.visit(node.elt)
    cost = 1 + (compiler.nodes - before) // NODES_A_ROW
    del compiler.rows[name]
    compiler.row_links.pop(name, None)

    def spread(scope: Scope) -> Iterator[tuple[object, object]]:
        purse = scope.purse
        for row in cast(Sequence[Mapping[str, object]], rows(scope)):
            purse.spend(cost)
            purse.locals[name] = row
            met = condition(scope)
            if met is not False:
                yield met, value(scope)

    return kind, spread


def _row(scope: Scope) -> object:
    """Stands for a row that is only counted."""
    return True


def count_rows(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    """``count``: rows, or those that meet a condition."""
    argument = arguments(compiler, node, 1)[0]
    if not isinstance(argument, ast.GeneratorExp):
        rows = compiler.wanted(argument, "rows", "persons", "choices")[1]
        return NUMBER, lambda scope: Decimal(len(rows(scope) or ()))  # type: ignore[arg-type]
    _, spread = _spread(compiler, argument, counting=True)

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
    parts = [compiler.wanted(argument, *kinds) for argument in arguments(compiler, node, 2, 10)]
    if len({kind.name for kind, _ in parts}) != 1:
        raise compiler.mistake("branches", node, left=parts[0][0].name, right=parts[-1][0].name)

    def over_arguments(scope: Scope) -> list[object] | None:
        found = [run(scope) for _, run in parts]
        return None if None in found else found

    return parts[0][0], over_arguments


def total(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    """``sum``, unknown as soon as one number is."""
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


def extreme(pick: Callable[[list[object]], object]) -> Function:
    """``min`` and ``max``, over rows or over several values."""

    def function(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
        kind, values = _gathered(compiler, node, "number", "date", "moment")
        return kind, lambda scope: pick(found) if (found := values(scope)) else None

    return function


def median(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    """``median``: unlike the mean, one case that lay for a year does not move it."""
    _, values = _gathered(compiler, node, "number")

    def run(scope: Scope) -> object:
        found = sorted(cast(list[Decimal], values(scope) or []))
        if not found:
            return None
        low, high = found[(len(found) - 1) // 2], found[len(found) // 2]
        return low if low == high else operations.EXACT.divide(operations.EXACT.add(low, high), Decimal(2))

    return NUMBER, run


def digest(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
    """``digest``: whether texts are the same as they were can be told from it long after they were changed."""
    _, values = _gathered(compiler, node, "text")

    def run(scope: Scope) -> object:
        found = values(scope)
        return None if found is None else digest_of([operations.read_through(scope, str(text)) for text in found])

    return TEXT, run


def digest_of(texts: Sequence[str]) -> str:
    """SHA-256 of texts in their order; where one ends and the next begins counts, spaces around them do not."""
    return hashlib.sha256(json.dumps([text.strip() for text in texts], ensure_ascii=True).encode("ascii")).hexdigest()


def quantified(universal: bool) -> Function:
    """``all`` and ``any``, in the logic of three values."""

    def function(compiler: Compiling, node: ast.Call) -> tuple[Type, Run]:
        argument = arguments(compiler, node, 1)[0]
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
