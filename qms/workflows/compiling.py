"""What the pieces of the expression language share while one expression is being read."""

import ast
from collections.abc import Callable, Mapping
from typing import Protocol

from qms.workflows.scope import Names, Run
from qms.workflows.types import Mistake, Type


class Compiling(Protocol):
    """The part of the compiler that functions need."""

    names: Names
    rows: dict[str, Mapping[str, Type]]
    row_links: dict[str, str]
    uses: dict[str, set[object] | bool]
    nodes: int

    def uses_of(self, kind: str) -> set[object]: ...
    def visit(self, node: ast.AST) -> tuple[Type, Run]: ...
    def wanted(self, node: ast.AST, *kinds: str) -> tuple[Type, Run]: ...
    def mistake(self, code: str, node: ast.AST, **values: object) -> Mistake: ...


Function = Callable[[Compiling, ast.Call], tuple[Type, Run]]


def arguments(compiler: Compiling, node: ast.Call, least: int, most: int | None = None) -> list[ast.expr]:
    """The arguments of a call, as many as it takes."""
    if not least <= len(node.args) <= (least if most is None else most):
        raise compiler.mistake("arguments", node, expected=least)
    return node.args


def literal(compiler: Compiling, node: ast.expr, kind: str, known: frozenset[str]) -> str:
    """A quoted name that must be known."""
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        raise compiler.mistake("quoted", node)
    if node.value not in known:
        raise compiler.mistake(f"unknown_{kind}", node, name=node.value, known=known)
    return node.value
