"""The small language in which a workflow states its rules: Python's look, and nothing of Python's reach.

An expression is read once, when its file is loaded: only the syntax listed in ``definition`` is let through, every name and type is
checked, and what comes out is a chain of closures that can touch the case it is asked about and nothing else. Existing evaluators opened
files or ate the memory; here no attribute of any Python object is ever looked up.
"""

import ast
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from qms.formats import names
from qms.workflows import operations
from qms.workflows.comparisons import comparison
from qms.workflows.functions import FUNCTIONS
from qms.workflows.scope import Exhausted, Names, Purse, Run, Scope
from qms.workflows.types import (
    BOOLEAN,
    DATE,
    DRAFT,
    LINK_ROW,
    MOMENT,
    NOTHING,
    NUMBER,
    PERSONS,
    TEXT,
    Mistake,
    Type,
    fits,
    joined,
)

LONGEST = 1_500
DEEPEST = 24
MOST_NODES = 400
SAME_TEXT = "draft.same_text_as"
_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,10})?")
_FIGURE = re.compile(r"[a-z][a-z0-9_]*")
_SIGNS = {"Add": "+", "Sub": "-", "Mult": "*", "Div": "/"}


@dataclass(frozen=True)
class Uses:
    """What an expression depends on, by name."""

    values: frozenset[str] = frozenset()
    figures: frozenset[str] = frozenset()
    links: frozenset[str] = frozenset()
    slots: frozenset[str] = frozenset()
    steps: frozenset[str] = frozenset()
    bound: frozenset[str] = frozenset()
    """Steps whose approved text is compared with the present one."""
    roles: frozenset[str] = frozenset()
    drafts: bool = False
    link_states: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Expression:
    """One expression, typed and ready: its text and line in the file, the kind of its value, what it depends on."""

    text: str
    line: int
    type: Type
    uses: Uses
    run: Run = field(compare=False, repr=False)

    def value(self, scope: Scope) -> object:
        """Its value for one case, None when unknown. Raises Exhausted when it would take more than any rule needs."""
        scope.purse = Purse()
        return self.run(scope)

    def holds(self, scope: Scope) -> bool:
        """Whether it is known to be true."""
        try:
            return self.value(scope) is True
        except Exhausted:
            return False


def compile_expression(text: str, line: int, names: Names, wanted: Type | None = None) -> Expression:
    """Read and type ``text``. Raises Mistake naming what is wrong, at which column, when it is not of kind ``wanted``."""
    tree = _parse(text)
    compiler = Compiler(text, names)
    kind, run = compiler.visit(tree)
    if wanted is not None and not fits(kind, wanted):
        raise Mistake("result", 0, expected=wanted.name, found=kind.name)
    uses = Uses(**{name: found if isinstance(found, bool) else frozenset(found) for name, found in compiler.uses.items()})  # type: ignore[arg-type]
    return Expression(text, line, kind, uses, run)


def _parse(text: str) -> ast.expr:
    if len(text) > LONGEST:
        raise Mistake("too_long", LONGEST, limit=LONGEST)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise Mistake("syntax", error.offset or 0) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise Mistake("syntax", 0) from error
    _refuse_disguise(text, tree)
    return tree


def _refuse_disguise(text: str, tree: ast.expr) -> None:
    """What would read as something else than it says: a remark that swallows the rest, signs nobody sees, names in other letters."""
    if "\n" in text or "\r" in text or b"#" in text.encode()[tree.end_col_offset :]:
        raise Mistake("not_allowed", 0, what="#" if "#" in text else "↵")
    if names.misleads(text):
        raise Mistake("not_allowed", 0, what="…")
    for node in ast.walk(tree) if "\\" in text else ():
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, str) and (not value.isprintable() or names.misleads(value)):
            raise Mistake("not_allowed", getattr(node, "col_offset", -1) + 1, what="\\")
    for node in () if text.isascii() else ast.walk(tree):
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        written = ast.get_source_segment(text, node) if name else None
        if written is not None and not written.endswith(name):
            raise Mistake("not_allowed", getattr(node, "col_offset", -1) + 1, what=written[:20])


class Compiler:
    """One reading of one expression: turns each allowed piece of syntax into its kind and a closure, and refuses the rest."""

    def __init__(self, text: str, names: Names) -> None:
        self.text = text
        self.names = names
        self.rows: dict[str, Mapping[str, Type]] = {}
        self.row_links: dict[str, str] = {}
        self.uses: dict[str, set[object] | bool] = {
            **{name: set() for name in ("values", "figures", "links", "slots", "steps", "bound", "roles", "link_states")},
            "drafts": False,
        }
        self._depth = 0
        self.nodes = 0

    def uses_of(self, kind: str) -> set[object]:
        found = self.uses[kind]
        assert isinstance(found, set)
        return found

    def visit(self, node: ast.AST) -> tuple[Type, Run]:
        """The kind and closure of one piece. Raises Mistake."""
        self._depth += 1
        self.nodes += 1
        if self._depth > DEEPEST or self.nodes > MOST_NODES:
            raise self.mistake("too_deep", node)
        act = _VISITS.get(type(node))
        if act is None:
            raise self.mistake("not_allowed", node, what=type(node).__name__)
        found = act(self, node)
        self._depth -= 1
        return found

    def mistake(self, code: str, node: ast.AST, **values: object) -> Mistake:
        return Mistake(code, getattr(node, "col_offset", -1) + 1, **values)

    def wanted(self, node: ast.AST, *kinds: str) -> tuple[Type, Run]:
        """``visit`` for a place where only some kinds of value make sense."""
        kind, run = self.visit(node)
        if kind.name not in kinds:
            raise self.mistake("type", node, expected=kinds[0], found=kind.name)
        return kind, run


def _constant(compiler: Compiler, node: ast.Constant) -> tuple[Type, Run]:
    value = node.value
    if value is None:
        return NOTHING, lambda scope: None
    if isinstance(value, bool):
        return BOOLEAN, lambda scope: value
    if isinstance(value, str):
        return replace(TEXT, literals=frozenset({value})), lambda scope: value
    written = ast.get_source_segment(compiler.text, node) or ""
    if isinstance(value, (int, float)) and _NUMBER.fullmatch(written):
        number = Decimal(written)
        return NUMBER, lambda scope: number
    raise compiler.mistake("not_allowed", node, what=written[:20])


def _name(compiler: Compiler, node: ast.Name) -> tuple[Type, Run]:
    name = node.id
    if name in compiler.rows:
        raise compiler.mistake("whole_row", node, name=name)
    kind = compiler.names.values.get(name)
    if kind is None:
        raise compiler.mistake("unknown_name", node, name=name, known=(*compiler.names.values, *FUNCTIONS, *compiler.rows))
    compiler.uses_of("values").add(name)
    if kind.name == "rows":
        return kind, lambda scope: scope.read(name) or []
    return kind, lambda scope: scope.read(name)


def _attribute(compiler: Compiler, node: ast.Attribute) -> tuple[Type, Run]:
    if not isinstance(node.value, ast.Name):
        raise compiler.mistake("not_allowed", node, what="." + node.attr)
    owner, name = node.value.id, node.attr
    if owner in compiler.rows:
        return _cell(compiler, node, owner, name)
    if owner == "figure":
        if not _FIGURE.fullmatch(name):
            raise compiler.mistake("unknown_name", node, name=f"figure.{name}", known=())
        compiler.uses_of("figures").add(name)
        return NUMBER, lambda scope: scope.figure(name)
    if owner == "links":
        if name not in compiler.names.links:
            raise compiler.mistake("unknown_link", node, name=name, known=compiler.names.links)
        compiler.uses_of("links").add(name)
        return Type("rows", columns={**LINK_ROW, **compiler.names.links[name]}, link=name), lambda scope: scope.linked(name)
    if owner == "draft":
        kind = (compiler.names.draft or {}).get(name)
        if kind is None:
            raise compiler.mistake("unknown_name", node, name=f"draft.{name}", known=[f"draft.{fact}" for fact in DRAFT])
        compiler.uses["drafts"] = True
        return kind, lambda scope: scope.draft(name)
    return _column(compiler, node, owner, name)


def _cell(compiler: Compiler, node: ast.Attribute, owner: str, name: str) -> tuple[Type, Run]:
    kind = compiler.rows[owner].get(name)
    if kind is None:
        raise compiler.mistake("unknown_column", node, name=name, known=compiler.rows[owner])
    if name == "state" and owner in compiler.row_links:
        kind = replace(kind, link=compiler.row_links[owner])
    if kind.name == "rows":
        return kind, lambda scope: scope.purse.locals[owner].get(name) or []
    return kind, lambda scope: scope.purse.locals[owner].get(name)


def _column(compiler: Compiler, node: ast.Attribute, owner: str, name: str) -> tuple[Type, Run]:
    """The persons of one column, for separation of duties."""
    table = compiler.names.values.get(owner)
    if table is None:
        raise compiler.mistake("unknown_name", node, name=owner, known=(*compiler.names.values, "figure", "links", "draft"))
    kind = (table.columns or {}).get(name)
    if kind is None or kind.name != "person":
        raise compiler.mistake("unknown_column", node, name=f"{owner}.{name}", known=table.columns or ())
    compiler.uses_of("values").add(owner)

    def run(scope: Scope) -> object:
        rows = scope.read(owner) or []
        return [row[name] for row in rows if row.get(name) is not None]  # type: ignore[attr-defined]

    return PERSONS, run


def _logic(compiler: Compiler, node: ast.BoolOp) -> tuple[Type, Run]:
    parts = [compiler.wanted(part, "boolean")[1] for part in node.values]
    return BOOLEAN, (operations.every if isinstance(node.op, ast.And) else operations.some)(parts)


def _unary(compiler: Compiler, node: ast.UnaryOp) -> tuple[Type, Run]:
    if isinstance(node.op, ast.Not):
        return BOOLEAN, operations.negated(compiler.wanted(node.operand, "boolean")[1])
    if isinstance(node.op, ast.USub):
        return NUMBER, operations.negative(compiler.wanted(node.operand, "number")[1])
    raise compiler.mistake("not_allowed", node, what=type(node.op).__name__)


def _reckoning(compiler: Compiler, node: ast.BinOp) -> tuple[Type, Run]:
    sign = type(node.op).__name__
    if sign not in operations.RECKON:
        raise compiler.mistake("not_allowed", node, what=sign)
    (left, left_run), (right, right_run) = compiler.visit(node.left), compiler.visit(node.right)
    if left.name == right.name == "number":
        return NUMBER, operations.reckoned(sign, left_run, right_run)
    if left.name in ("date", "moment") and right.name == "duration" and sign in ("Add", "Sub"):
        if left.name == "date" and right.literals == frozenset({"h"}):
            raise compiler.mistake("hours_of_day", node)
        return left, operations.moved(left_run, right_run, 1 if sign == "Add" else -1)
    if left.name == right.name == "text" and sign == "Add":
        return TEXT, operations.put_together(left_run, right_run)
    raise compiler.mistake("operands", node, sign=_SIGNS[sign], left=left.name, right=right.name)


def _choice(compiler: Compiler, node: ast.IfExp) -> tuple[Type, Run]:
    condition = compiler.wanted(node.test, "boolean")[1]
    (yes, yes_run), (no, no_run) = compiler.visit(node.body), compiler.visit(node.orelse)
    kind = joined(yes, no)
    if kind is None:
        raise compiler.mistake("branches", node, left=yes.name, right=no.name)
    return kind, operations.chosen(condition, yes_run, no_run)


def _call(compiler: Compiler, node: ast.Call) -> tuple[Type, Run]:
    if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
        raise compiler.mistake("not_allowed", node, what="*")
    target = node.func
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and f"{target.value.id}.{target.attr}" == SAME_TEXT:
        return FUNCTIONS["same_text_as"](compiler, node)
    if not isinstance(target, ast.Name) or target.id not in FUNCTIONS or target.id == "same_text_as":
        name = target.id if isinstance(target, ast.Name) else "…"
        raise compiler.mistake("unknown_function", node, name=name, known=FUNCTIONS)
    return FUNCTIONS[target.id](compiler, node)


_VISITS: Mapping[type[ast.AST], Callable[[Compiler, Any], tuple[Type, Run]]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.BoolOp: _logic,
    ast.UnaryOp: _unary,
    ast.BinOp: _reckoning,
    ast.IfExp: _choice,
    ast.Compare: comparison,
    ast.Call: _call,
}

BUILT_IN: Mapping[str, Type] = {
    "happened_at": MOMENT,
    "recorded_at": MOMENT,
    "opened_at": MOMENT,
    "today": DATE,
    "comment": TEXT,
    "actor": Type("person"),
}
"""Names that every definition has, besides ``state``, whose options are its own."""
