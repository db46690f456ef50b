"""The picture of a workflow beside the page that needs it, with the same said in words for those who cannot see it."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from qms.errors import NotFound
from qms.web.call import Call
from qms.workflows import case, diagram
from qms.workflows.definition import Definition
from qms.workflows.diagram import Line

READABLE = 640
WIDTH = re.compile(r'viewBox="0 0 ([0-9]+) ')


@dataclass(frozen=True)
class Picture:
    """A workflow drawn, and its steps in words."""

    id: str
    title: str
    svg: str
    is_wide: bool
    """So wide that it is moved about rather than shrunk beyond reading."""
    words: tuple[str, ...]
    lines: tuple[Line, ...]


def picture(call: Call, connection: Any, workflow: str) -> Picture | None:
    """The workflow in force; None when there is none of that name."""
    try:
        definition = case.definition_of(connection, call.app.engine, workflow)
    except NotFound:
        return None
    return drawn(call, definition)


def drawn(
    call: Call,
    definition: Definition,
    current: str | None = None,
    path: Collection[tuple[str | None, str, str]] = (),
    link: str | None = None,
) -> Picture:
    """A definition drawn, with the way a case came."""
    profile, language = call.app.engine.profile, call.language
    lines = tuple(diagram.steps(definition, profile, language, path))
    svg = diagram.draw(definition, profile, language, current=current, path=path, link=link)
    return Picture(definition.id, definition.title[language], svg, _width(svg) > READABLE, tuple(diagram.in_words(lines, language)), lines)


def _width(svg: str) -> int:
    found = WIDTH.search(svg)
    return int(found[1]) if found else 0
