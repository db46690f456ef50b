"""Comparing values of known kinds: what may stand on the two sides, and what a quoted option must be."""

import ast

from qms.workflows import operations
from qms.workflows.compiling import Compiling
from qms.workflows.scope import Run
from qms.workflows.types import BOOLEAN, NOTHING, Type, comparable, strangers

SIGNS = {"Lt": "<", "LtE": "<=", "Gt": ">", "GtE": ">=", "Eq": "==", "NotEq": "!="}


def comparison(compiler: Compiling, node: ast.Compare) -> tuple[Type, Run]:
    """Comparisons, chained ones too, and membership."""
    tests = []
    left_node: ast.expr = node.left
    left = compiler.visit(left_node) if not isinstance(node.ops[0], (ast.In, ast.NotIn)) else None
    for sign, right_node in zip(node.ops, node.comparators, strict=True):
        if isinstance(sign, (ast.In, ast.NotIn)):
            if len(node.ops) > 1:
                raise compiler.mistake("not_allowed", node, what="in")
            return BOOLEAN, _membership(compiler, left_node, right_node, isinstance(sign, ast.In))
        assert left is not None
        right = compiler.visit(right_node)
        tests.append(_one_comparison(compiler, node, sign, left, right))
        left_node, left = right_node, right
    return BOOLEAN, tests[0] if len(tests) == 1 else operations.every(tests)


def _one_comparison(compiler: Compiling, node: ast.Compare, sign: ast.cmpop, left: tuple[Type, Run], right: tuple[Type, Run]) -> Run:
    if isinstance(sign, (ast.Is, ast.IsNot)):
        if right[0] != NOTHING:
            raise compiler.mistake("is_what", node)
        return operations.is_nothing(left[1], isinstance(sign, ast.Is))
    name = type(sign).__name__
    foreign = strangers(left[0], right[0])
    if foreign is not None and {left[0].name, right[0].name} == {"choice", "text"}:
        raise compiler.mistake("option", node, value=", ".join(sorted(foreign[0])), known=foreign[1])
    if not comparable(left[0], right[0], name in ("Eq", "NotEq")):
        code = "none_compared" if NOTHING in (left[0], right[0]) else "operands"
        raise compiler.mistake(code, node, sign=SIGNS[name], left=left[0].name, right=right[0].name)
    for side, other in ((left[0], right[0]), (right[0], left[0])):
        compiler.uses_of("link_states").update((side.link, literal) for literal in (other.literals or ()) if side.link is not None)
    return operations.compared(name, left[1], right[1], left[0], right[0])


def _membership(compiler: Compiling, left_node: ast.expr, right_node: ast.expr, expected: bool) -> Run:
    left, left_run = compiler.visit(left_node)
    if isinstance(right_node, (ast.Tuple, ast.List)):
        return _one_of(compiler, left, left_run, right_node, expected)
    right, right_run = compiler.visit(right_node)
    foreign = strangers(left, right)
    if right.name == "choices" and foreign is not None:
        raise compiler.mistake("option", left_node, value=", ".join(sorted(foreign[0])), known=foreign[1])
    pairs = {("text", "text"), ("person", "persons"), ("text", "choices")}
    if (left.name, right.name) not in pairs and not (right.name == "choices" and left.options == right.options):
        raise compiler.mistake("operands", right_node, sign="in", left=left.name, right=right.name)
    return operations.within(left_run, right_run, expected)


def _one_of(compiler: Compiling, left: Type, left_run: Run, node: ast.Tuple | ast.List, expected: bool) -> Run:
    tests = []
    for item in node.elts:
        if not isinstance(item, (ast.Constant, ast.Name, ast.Attribute)):
            raise compiler.mistake("not_allowed", item, what=type(item).__name__)
        found = compiler.visit(item)
        equality = ast.Compare(node, [ast.Eq()], [item])
        ast.copy_location(equality, item)
        tests.append(_one_comparison(compiler, equality, ast.Eq(), (left, left_run), found))
    found_in = operations.some(tests)
    return found_in if expected else operations.negated(found_in)
