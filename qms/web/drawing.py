"""The picture of a workflow beside the page that needs it, with the same said in words for those who cannot see it, and what it demands."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from qms.errors import NotFound
from qms.records import retention
from qms.web.call import Call
from qms.workflows import case, diagram, outline
from qms.workflows.definition import Definition
from qms.workflows.diagram import Line
from qms.workflows.outline import Outline

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


@dataclass(frozen=True)
class Told:
    """A process as its definition in force says it: drawn, step by step, with its deadlines and the records it keeps."""

    picture: Picture
    outline: Outline
    kept: Mapping[str, str]
    """Class of retention → how long, in words."""


def told(call: Call, connection: Any, workflow: str) -> Told | None:
    """The workflow in force; None when there is none of that name."""
    engine = call.app.engine
    try:
        definition = case.definition_of(connection, engine, workflow)
    except NotFound:
        return None
    roles = {code: title[call.language] for code, title in call.app.hats.roles.items()}
    today = call.app.database.clock().astimezone(call.app.zone).date()
    figures = engine.definitions.figures(connection)
    lines = outline.outline(definition, engine.profile, call.language, roles, figures, today)
    return Told(drawn(call, definition), lines, retention.in_force(call.app.library, call.language))


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
