"""A waiver of the direction, from the page of a case."""

from dataclasses import dataclass
from uuid import uuid4

from starlette.responses import Response

from qms.errors import NotFound
from qms.people import directory
from qms.people.directory import Person
from qms.web import pages
from qms.web.call import Call
from qms.web.registry import Permission, Route
from qms.workflows import case
from qms.workflows.case import Case
from qms.workflows.waivers import WAIVES, keeps_apart

MANY = 500


@dataclass(frozen=True)
class WaiverPage:
    case: Case
    steps: tuple[tuple[str, str], ...]
    people: tuple[Person, ...]
    key: str
    step: str
    person: str
    reason: str
    control: str


def ask(call: Call, number: str) -> Response:
    """The form. Raises NotFound for who may not waive anything here."""
    with call.app.reading() as connection:
        found = case.show(connection, call.app.engine, number, call.by)
        people = [one for one in directory.persons(connection, limit=MANY) if one.disabled_at is None and one.hats]
    if not call.by.holds(WAIVES, found.file.organisations) and call.refusal is None:
        raise NotFound("waiver", number)
    steps = tuple(
        (step.name, step.title[call.language])
        for step in found.definition.steps_in(call.app.settings.profile)
        if keeps_apart(step) and found.state in step.sources
    )
    typed = {name: call.typed(name) for name in ("step", "person", "reason", "control")}
    page = WaiverPage(found, steps, tuple(people), call.typed("key") or uuid4().hex, **typed)
    return pages.draw(call, "cases/waiver.html", call.t("web.waiver.title"), page)


def waive(call: Call, number: str) -> Response:
    app = call.app
    with app.writing() as tx:
        receipt = case.waive(
            tx, app.engine, number, call.typed("step"), call.typed("person"), call.by,
            reason=call.typed("reason"), control=call.typed("control"), key=call.typed("key")[:100] or uuid4().hex,
        )  # fmt: skip
    return call.to(f"/cases/{number}", receipt.position)


ROUTES = (
    Route("GET", "/cases/{number}/waiver", Permission.STAFF, ask),
    Route("POST", "/cases/{number}/waiver", Permission.STAFF, waive, again=ask),
)
