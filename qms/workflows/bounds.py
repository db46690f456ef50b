"""What a rule can come to, reckoned without a case: from what its names may be at all, whether it can ever be true.

Every name stands for all values that it may have at one place of a workflow; operations are done on these sets, always taking in too much
rather than too little. A rule that cannot be true even so will never be, whatever people type. Expressions arrive here read and typed.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Self

Edge = tuple[Decimal, bool]
"""The end of a range, and whether it belongs to it."""


@dataclass(frozen=True)
class May:
    """What a value may be: not filled, and when it is filled one of ``options`` (None: of any), a number from ``least`` to ``most``.

    A text has the range of its ``length``, a table that of its rows.
    """

    empty: bool = True
    filled: bool = True
    options: frozenset[object] | None = None
    least: Edge | None = None
    most: Edge | None = None
    length: "May | None" = None
    order: tuple[str, ...] = ()
    """The options of a choice, the least first."""

    def only(self, options: frozenset[object]) -> Self:
        """What is left of it when it is one of ``options``."""
        kept = options if self.options is None else self.options & options
        return replace(self, empty=False, options=kept, filled=self.filled and bool(kept))

    def ranged(self, least: Edge | None, most: Edge | None) -> Self:
        """What is left of it when it lies between."""
        low = max((edge for edge in (self.least, least) if edge), key=lambda edge: (edge[0], not edge[1]), default=None)
        high = min((edge for edge in (self.most, most) if edge), key=lambda edge: (edge[0], edge[1]), default=None)
        some = low is None or high is None or low[0] < high[0] or (low[0] == high[0] and low[1] and high[1])
        return replace(self, empty=False, least=low, most=high, filled=self.filled and some)

    @property
    def may_be_true(self) -> bool:
        return self.filled and (self.options is None or True in self.options)

    @property
    def may_be_false(self) -> bool:
        return self.filled and (self.options is None or False in self.options)


ANYTHING = May()
NOTHING = May(filled=False)
EITHER = May(empty=False, options=frozenset({True, False}))


def number(least: Decimal | int | None = None, most: Decimal | int | None = None, empty: bool = False) -> May:
    """A number of a range that its ends belong to."""
    low, high = ((Decimal(edge), True) if edge is not None else None for edge in (least, most))
    return May(empty, True, None, low, high)


def truth(yes: bool, no: bool, unknown: bool = False) -> May:
    return May(unknown, yes or no, frozenset({value for value, may in ((True, yes), (False, no)) if may}))


@dataclass(frozen=True)
class Place:
    """Where a rule is asked: what the names may be there, which steps may have been taken before, which slots may hold a file."""

    names: Mapping[str, May]
    steps: frozenset[str] = frozenset()
    slots: Mapping[str, May] = field(default_factory=dict)

    def knowing(self, name: str, may: May) -> "Place":
        return replace(self, names={**self.names, name: may})


def can_hold(text: str, place: Place) -> bool:
    """Whether the expression ``text`` can be true at ``place``."""
    tree = ast.parse(text, mode="eval").body
    return _worth(tree, _given(tree, place)).may_be_true


def given(text: str, place: Place) -> Place:
    """``place`` when the expression ``text`` is known to be true there."""
    return _given(ast.parse(text, mode="eval").body, place)


def _worth(node: ast.expr, place: Place) -> May:
    act = _WORTHS.get(type(node))
    return act(node, place) if act is not None else ANYTHING


def _constant(node: ast.Constant, place: Place) -> May:
    if node.value is None:
        return NOTHING
    if isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        found = Decimal(str(node.value))
        return number(found, found)
    length = number(len(node.value), len(node.value)) if isinstance(node.value, str) else None
    return May(False, True, frozenset({node.value}), length=length)


def _name(node: ast.Name, place: Place) -> May:
    return place.names.get(node.id, ANYTHING)


def _attribute(node: ast.Attribute, place: Place) -> May:
    """A figure, where its number is known."""
    return place.names.get(f"{node.value.id}.{node.attr}", ANYTHING) if isinstance(node.value, ast.Name) else ANYTHING


def _logic(node: ast.BoolOp, place: Place) -> May:
    parts = [_worth(part, place) for part in node.values]
    unknown = any(part.empty for part in parts)
    if isinstance(node.op, ast.Or):
        return truth(any(part.may_be_true for part in parts), all(part.may_be_false for part in parts), unknown)
    together = _given(node, place)
    yes = all(_worth(part, together).may_be_true for part in node.values)
    return truth(yes, any(part.may_be_false for part in parts), unknown)


def _unary(node: ast.UnaryOp, place: Place) -> May:
    inner = _worth(node.operand, place)
    if isinstance(node.op, ast.Not):
        return truth(inner.may_be_false, inner.may_be_true, inner.empty)
    return May(inner.empty, inner.filled, least=_negated(inner.most), most=_negated(inner.least))


def _negated(edge: Edge | None) -> Edge | None:
    return (-edge[0], edge[1]) if edge else None


def _reckoning(node: ast.BinOp, place: Place) -> May:
    left, right = _worth(node.left, place), _worth(node.right, place)
    empty, filled = left.empty or right.empty, left.filled and right.filled
    if isinstance(node.op, ast.Add):
        return May(empty, filled, least=_sum(left.least, right.least), most=_sum(left.most, right.most))
    if isinstance(node.op, ast.Sub):
        return May(empty, filled, least=_sum(left.least, _negated(right.most)), most=_sum(left.most, _negated(right.least)))
    return May(empty or isinstance(node.op, ast.Div), filled)


def _sum(one: Edge | None, other: Edge | None) -> Edge | None:
    return (one[0] + other[0], one[1] and other[1]) if one and other else None


def _choice(node: ast.IfExp, place: Place) -> May:
    test = _worth(node.test, place)
    ways = [_worth(node.body, _given(node.test, place))] if test.may_be_true else []
    ways += [_worth(node.orelse, place)] if test.may_be_false or test.empty else []
    return ways[0] if len(ways) == 1 else replace(ANYTHING, empty=any(way.empty for way in ways))


def _comparison(node: ast.Compare, place: Place) -> May:
    pairs = zip([node.left, *node.comparators], node.ops, node.comparators, strict=False)
    tests = [_pair(_worth(left, place), sign, right, place) for left, sign, right in pairs]
    unknown = any(test.empty for test in tests)
    return truth(all(test.may_be_true for test in tests), any(test.may_be_false for test in tests), unknown)


def _pair(left: May, sign: ast.cmpop, right_node: ast.expr, place: Place) -> May:
    if isinstance(sign, (ast.Is, ast.IsNot)):
        found = truth(left.empty, left.filled)
        return found if isinstance(sign, ast.Is) else truth(found.may_be_false, found.may_be_true)
    if isinstance(sign, (ast.In, ast.NotIn)):
        listed = _listed(right_node)
        if listed is None or left.options is None:
            return replace(EITHER, empty=True)
        found = truth(left.filled and bool(left.options & listed), left.filled and bool(left.options - listed), left.empty)
        return found if isinstance(sign, ast.In) else truth(found.may_be_false, found.may_be_true, found.empty)
    right = _worth(right_node, place)
    unknown = left.empty or right.empty
    if not (left.filled and right.filled):
        return truth(False, False, unknown)
    order = left.order or right.order
    if order:
        left, right = _by_order(left, order), _by_order(right, order)
    elif isinstance(sign, (ast.Eq, ast.NotEq)) and left.options is not None and right.options is not None:
        same, differ = bool(left.options & right.options), len(left.options | right.options) > 1
        return truth(same, differ, unknown) if isinstance(sign, ast.Eq) else truth(differ, same, unknown)
    return _compared(left, sign, right, unknown)


def _compared(left: May, sign: ast.cmpop, right: May, unknown: bool) -> May:
    less, more = _below(left.least, right.most, False), _below(right.least, left.most, False)
    up_to, from_on = _below(left.least, right.most, True), _below(right.least, left.most, True)
    match sign:
        case ast.Lt():
            return truth(less, from_on, unknown)
        case ast.LtE():
            return truth(up_to, more, unknown)
        case ast.Gt():
            return truth(more, up_to, unknown)
        case ast.GtE():
            return truth(from_on, less, unknown)
        case ast.Eq():
            return truth(up_to and from_on, not _is_one(left, right), unknown)
        case _:
            return truth(not _is_one(left, right), up_to and from_on, unknown)


def _is_one(left: May, right: May) -> bool:
    """Whether both can only be one and the same number."""
    return left.least is not None and left.least == left.most == right.least == right.most


def _below(low: Edge | None, high: Edge | None, equal: bool) -> bool:
    """Whether a value from ``low`` on can be below (or ``equal`` to) one up to ``high``."""
    if low is None or high is None or low[0] < high[0]:
        return True
    return equal and low[0] == high[0] and low[1] and high[1]


def _by_order(value: May, order: Sequence[str]) -> May:
    """A choice as the range of its places among the options."""
    places = [place for place, option in enumerate(order) if value.options is None or option in value.options]
    return number(min(places, default=None), max(places, default=None), value.empty)


def _listed(node: ast.expr) -> frozenset[object] | None:
    """The values of a list in brackets, when it has constants only."""
    if not isinstance(node, (ast.List, ast.Tuple)) or not all(isinstance(one, ast.Constant) for one in node.elts):
        return None
    return frozenset(one.value for one in node.elts if isinstance(one, ast.Constant))


def _call(node: ast.Call, place: Place) -> May:
    called = node.func.id if isinstance(node.func, ast.Name) else ""
    act = _CALLS.get(called)
    return act(node.args, place) if act is not None else ANYTHING


def _filled(arguments: Sequence[ast.expr], place: Place) -> May:
    inner = _worth(arguments[0], place)
    return truth(inner.filled, inner.empty)


def _length(arguments: Sequence[ast.expr], place: Place) -> May:
    inner = _worth(arguments[0], place)
    length = (inner.length or number(0)) if inner.filled else number(0, 0)
    return replace(length, least=(Decimal(0), True)) if inner.empty else length


def _count(arguments: Sequence[ast.expr], place: Place) -> May:
    node = arguments[0]
    if isinstance(node, ast.GeneratorExp):
        whole = _length([node.generators[0].iter], place)
        return number(0, whole.most[0] if whole.most else None, empty=True)
    return _length(arguments, place)


def _some(arguments: Sequence[ast.expr], place: Place) -> May:
    """``any`` over rows: never true of none."""
    node = arguments[0]
    if isinstance(node, ast.GeneratorExp):
        rows = _length([node.generators[0].iter], place)
        if rows.most is not None and rows.most[0] == 0:
            return truth(False, True)
    return replace(EITHER, empty=True)


def _last_of(arguments: Sequence[ast.expr], place: Place) -> May:
    """A function that gives nothing when its last argument is nothing."""
    inner = _worth(arguments[-1], place)
    return replace(ANYTHING, empty=inner.empty) if inner.filled else NOTHING


def _taken(arguments: Sequence[ast.expr], place: Place) -> May:
    name = arguments[0]
    return EITHER if isinstance(name, ast.Constant) and name.value in place.steps else truth(False, True)


def _times(arguments: Sequence[ast.expr], place: Place) -> May:
    return number(0) if _taken(arguments, place).may_be_true else number(0, 0)


def _last(arguments: Sequence[ast.expr], place: Place) -> May:
    return ANYTHING if _taken(arguments, place).may_be_true else NOTHING


def _attached(arguments: Sequence[ast.expr], place: Place) -> May:
    name = arguments[0]
    return place.slots.get(str(name.value), EITHER) if isinstance(name, ast.Constant) else EITHER


_WORTHS: Mapping[type[ast.expr], Callable[[Any, Place], May]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.BoolOp: _logic,
    ast.UnaryOp: _unary,
    ast.BinOp: _reckoning,
    ast.IfExp: _choice,
    ast.Compare: _comparison,
    ast.Call: _call,
}
_CALLS: Mapping[str, Callable[[Sequence[ast.expr], Place], May]] = {
    "filled": _filled,
    "length": _length,
    "count": _count,
    "any": _some,
    "lower": _last_of,
    "valid": _last_of,
    "taken": _taken,
    "took": _taken,
    "times": _times,
    "last": _last,
    "attached": _attached,
}


def _given(node: ast.expr, place: Place) -> Place:
    """``place`` with its names narrowed to what lets ``node`` be true."""
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        for _ in range(2):
            for part in node.values:
                place = _given(part, place)
    elif isinstance(node, ast.BoolOp):
        able = [part for part in node.values if _worth(part, place).may_be_true]
        place = _given(able[0], place) if len(able) == 1 else place
    elif isinstance(node, ast.Name):
        place = place.knowing(node.id, _name(node, place).only(frozenset({True})))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) and isinstance(node.operand, ast.Name):
        place = place.knowing(node.operand.id, _name(node.operand, place).only(frozenset({False})))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "filled" and isinstance(node.args[0], ast.Name):
        place = place.knowing(node.args[0].id, replace(_name(node.args[0], place), empty=False))
    elif isinstance(node, ast.Compare):
        for left, sign, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
            place = _compared_given(left, sign, right, place)
            place = _compared_given(right, _TURNED.get(type(sign), ast.Is)(), left, place)
    return place


_TURNED: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE, ast.Eq: ast.Eq, ast.NotEq: ast.NotEq,
}  # fmt: skip


def _compared_given(left: ast.expr, sign: ast.cmpop, right: ast.expr, place: Place) -> Place:
    if not isinstance(left, ast.Name) or left.id not in place.names:
        return place
    may, other = place.names[left.id], _worth(right, place)
    if isinstance(sign, (ast.Is, ast.IsNot)) and isinstance(right, ast.Constant) and right.value is None:
        return place.knowing(left.id, replace(may, filled=False) if isinstance(sign, ast.Is) else replace(may, empty=False))
    if isinstance(sign, ast.In) and (listed := _listed(right)) is not None:
        return place.knowing(left.id, may.only(listed))
    if may.order or other.order:
        return place.knowing(left.id, _chosen(may, sign, other))
    match sign:
        case ast.Eq() if other.options is not None:
            may = may.only(other.options)
        case ast.NotEq() if may.options is not None and other.options is not None and len(other.options) == 1:
            may = may.only(may.options - other.options)
        case ast.Eq():
            may = may.ranged(other.least, other.most)
        case ast.Lt() | ast.LtE():
            may = may.ranged(None, (other.most[0], other.most[1] and isinstance(sign, ast.LtE)) if other.most else None)
        case ast.Gt() | ast.GtE():
            may = may.ranged((other.least[0], other.least[1] and isinstance(sign, ast.GtE)) if other.least else None, None)
    return place.knowing(left.id, may)


def _chosen(may: May, sign: ast.cmpop, other: May) -> May:
    """The options of a choice that compare so with at least one of the other's."""
    order = may.order or other.order
    there = _by_order(other, order)
    kept = [
        name
        for place, name in enumerate(order)
        if (may.options is None or name in may.options) and _compared(number(place, place), sign, there, False).may_be_true
    ]
    return may.only(frozenset(kept)) if not isinstance(sign, (ast.Is, ast.IsNot, ast.In, ast.NotIn)) else may
