"""Definitions over the API: judged before anybody hands them in, and played with invented people."""

from typing import Any

from pydantic import Field

from qms.desk import flows, indicators, rehearsal
from qms.errors import NotFound
from qms.locale import sentence
from qms.web.api.asking import Asking, Shape
from qms.web.registry import Permission, Verb
from qms.workflows import indicators as measuring
from qms.workflows.yaml_file import MOST_BYTES

NAME = "definition.yaml"


class Handed(Shape):
    """A definition as its file says it."""

    source: str = Field(max_length=MOST_BYTES)


def show_rehearsal(caller: Asking, workflow: str) -> dict[str, Any]:
    app = caller.app
    with app.reading() as connection:
        sources, figures = rehearsal.in_force(connection, app.engine)
    if workflow not in sources:
        raise NotFound("workflow", workflow[:80])
    return rehearsal.told(rehearsal.rehearse(app.engine, workflow, sources, figures), caller.by.language, app.hats.roles)


def show_indicators(caller: Asking, workflow: str) -> dict[str, Any]:
    """What a process measures of itself. Raises NotFound for one not in force, or whose indicators are not for the caller."""
    app, by = caller.app, caller.by
    with app.reading() as connection:
        loaded = app.engine.definitions.in_force(connection, workflow)
        if loaded is None or not measuring.sees(by, loaded.definition):
            raise NotFound("workflow", workflow[:80])
        found = measuring.measure(connection, app.engine, loaded.definition, by)
    return {"workflow": workflow, "indicators": [indicators.told(one, by.language) for one in found]}


def check_definition(caller: Asking, body: Handed) -> dict[str, Any]:
    app, language = caller.app, caller.by.language
    source = body.source.encode()
    with app.reading() as connection:
        problems = flows.problems(connection, app.engine, app.hats.roles, (NAME, source))
        sources, figures = rehearsal.in_force(connection, app.engine, None if problems else source)
    found = [{"line": one.line, "code": one.code, "message": sentence(language, one)} for one in problems]
    if found:
        return {"holds": False, "problems": found, "rehearsal": None}
    workflow = next(name for name, text in sources.items() if text is source)
    played = rehearsal.rehearse(app.engine, workflow, sources, figures)
    return {"holds": True, "problems": [], "rehearsal": rehearsal.told(played, language, app.hats.roles)}


VERBS = (
    Verb("GET", "/workflows/{workflow}/indicators", Permission.READERS, show_indicators, "workflows"),
    Verb("GET", "/workflows/{workflow}/rehearsal", Permission.READERS, show_rehearsal, "workflows"),
    Verb("POST", "/workflows/check", Permission.WRITERS, check_definition, "workflows"),
)
