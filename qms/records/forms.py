"""Fills in a record form: the blank is a controlled text in ``records/``, the values are those that were sealed.

A form is written by people of the organisation, so it is foreign text to this program. Only a small part of Jinja2 is let in: names,
dots, indexes, ``if``, ``for``, comparisons and a few filters. There is no call, no assignment, no arithmetic, no macro, no inclusion, so
a form can neither reach Python nor grow without end; loops go over sealed values only and are two deep at most. Every value is written
so that neither HTML nor Markdown in it comes to life (ISO 9001, 7.5.3: a record shows what was recorded, no more).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal
from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, UndefinedError, nodes, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from qms.errors import BadContent, Problem

LONGEST_FORM = 100_000
LONGEST_RECORD = 1_000_000
DEEPEST_LOOP = 2
MOST_ROWS = 100_000
PERSONAL = "•••"
"""Stands for a personal value that the caller did not reveal."""

_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Const, nodes.If, nodes.For,
    nodes.CondExpr, nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Keyword,
)  # fmt: skip
_TESTS = frozenset({"defined", "undefined", "none", "true", "false"})
_LIVE = re.compile(r"[\\`*_{}\[\]()#+!|<>&\"'~^=:$@]|^-|(?<=-)-|(?<=^\d)\.(?= |$)|(?<=^\d\d)\.(?= |$)")
"""What Markdown or HTML could take for markup; a dash or a number's dot only where it would begin a list or a rule."""
_TIES = "\xa0\u202f"
_BUDGET = "rows left"


class _Shown(str):
    """Text that is already harmless in Markdown and HTML."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def render(form: str, values: Mapping[str, Any], language: str, *, zone: str = "Europe/Rome", path: str = "form") -> str:
    """The record as Markdown: ``form`` filled in with ``values``.

    Instants are shown in ``zone``. Raises BadContent with the line for a form that is not well formed, uses what forms may not use, names
    a value that is not there, or gives more than a million characters.
    """
    template = _compiled(form, path, language, zone)
    pieces, length = [], 0
    try:
        for piece in template.generate({**values, _BUDGET: [MOST_ROWS]}):
            length += len(piece)
            if length > LONGEST_RECORD:
                raise BadContent([Problem(path, 0, "form.too_long", {"limit": LONGEST_RECORD})])
            pieces.append(piece)
    except UndefinedError as error:
        raise BadContent([Problem(path, 0, "form.unknown_value", {"detail": str(error)})]) from error
    except (TemplateError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise BadContent([Problem(path, 0, "form.unusable_value", {"detail": str(error)})]) from error
    return "".join(pieces)


def problems(form: str, path: str) -> list[Problem]:
    """Everything in ``form`` that keeps it from being used, with its line."""
    if len(form) > LONGEST_FORM:
        return [Problem(path, 0, "form.too_long", {"limit": LONGEST_FORM})]
    try:
        tree = _environment("it", "UTC").parse(form)
    except TemplateSyntaxError as error:
        return [Problem(path, error.lineno, "form.malformed", {"detail": error.message or ""})]
    except RecursionError:
        return [Problem(path, 0, "form.malformed", {"detail": "nesting"})]
    return [*_foreign(tree, path, 0)]


@lru_cache(maxsize=128)
def _compiled(form: str, path: str, language: str, zone: str) -> Template:
    found = problems(form, path)
    if found:
        raise BadContent(found)
    environment = _environment(language, zone)
    tree = environment.parse(form)
    for loop in list(tree.find_all(nodes.For)):
        loop.iter = nodes.Filter(loop.iter, "rows", [], [], None, None)
    return environment.from_string(tree)


def _foreign(node: nodes.Node, path: str, depth: int) -> Iterable[Problem]:
    said: object = None
    if not isinstance(node, _ALLOWED):
        said = type(node).__name__.lower()
    elif isinstance(node, nodes.For):
        depth += 1
        said = "recursive" if node.recursive else "for" if depth > DEEPEST_LOOP else None
    elif isinstance(node, (nodes.Filter, nodes.Test)):
        said = None if node.name in (FILTERS if isinstance(node, nodes.Filter) else _TESTS) else node.name
    elif isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
        said = node.attr
    if said is not None:
        yield Problem(path, node.lineno, "form.not_allowed", {"detail": str(said)})
    for child in node.iter_child_nodes():
        yield from _foreign(child, path, depth)


def _environment(language: str, zone: str) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=True, finalize=_harmless, keep_trailing_newline=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.clear()
    environment.filters = {"rows": _rows, **{name: _with(made, language, zone) for name, made in FILTERS.items()}}
    return environment


@pass_context
def _rows(context: Context, value: object) -> Iterator[object]:
    """The rows of a loop, all loops of one record drawing from one budget. Every ``for`` is led through here."""
    if not isinstance(value, (list, tuple)):
        raise TypeError("a loop goes over rows only")
    for row in value:
        context[_BUDGET][0] -= 1
        if context[_BUDGET][0] < 0:
            raise ValueError(f"more than {MOST_ROWS} rows")
        yield row


def _with(made: Any, language: str, zone: str) -> Any:
    return lambda value, *given: made(value, language, zone, *given)


def _harmless(value: object) -> object:
    """How a value is written, so that nothing of it is markup. Jinja2 calls this for every value, never for the form's own text."""
    if isinstance(value, (_Shown, StrictUndefined)):
        return value
    if value is None:
        return _Shown("—")
    if isinstance(value, (list, tuple)):
        return _Shown(", ".join(str(_harmless(item)) for item in value))
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_escaped(name)}: {_harmless(item)}" for name, item in value.items())
        return _Shown(PERSONAL if set(value) == {"#", "ref"} else pairs)
    return _Shown(_escaped(value))


def _escaped(value: object) -> str:
    plain = "".join(mark for mark in re.sub(r"[ \t-\r]+", " ", str(value)).strip() if mark.isprintable() or mark in _TIES)
    return _LIVE.sub(lambda found: f"&#{ord(found[0])};", plain)


def _lines(value: object, _language: str, _zone: str) -> object:
    """Long text with its line breaks kept."""
    return _Shown("<br>".join(_escaped(line) for line in str(value).splitlines())) if isinstance(value, str) else value


def _date(value: object, language: str, zone: str) -> object:
    if isinstance(value, str):
        value = datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)
    if isinstance(value, datetime):
        value = value.astimezone(ZoneInfo(zone)).date()
    return format_date(value, "d MMMM y", locale=language) if isinstance(value, date) else value


def _moment(value: object, language: str, zone: str) -> object:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime) or value.tzinfo is None:
        return value
    return format_datetime(value, "d MMMM y, HH:mm", tzinfo=ZoneInfo(zone), locale=language)


def _money(value: object, language: str, _zone: str) -> object:
    return format_currency(Decimal(str(value)), "EUR", locale=language) if value is not None else value


def _number(value: object, language: str, _zone: str) -> object:
    return format_decimal(Decimal(str(value)), locale=language) if value is not None else value


def _upper(value: object, _language: str, _zone: str) -> object:
    return value.upper() if isinstance(value, str) else value


def _count(value: object, _language: str, _zone: str) -> object:
    return len(value) if isinstance(value, (list, tuple, str, Mapping)) else 0


def _default(value: object, _language: str, _zone: str, instead: object = "") -> object:
    return instead if isinstance(value, StrictUndefined) or value is None or value == "" else value


FILTERS = {
    "date": _date, "moment": _moment, "money": _money, "number": _number,
    "lines": _lines, "upper": _upper, "count": _count, "default": _default,
}  # fmt: skip
"""The only filters a form may use."""
