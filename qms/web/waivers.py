"""A waiver of the direction, from the page of a case."""

from dataclasses import dataclass
from uuid import uuid4

from starlette.responses import Response

from qms.app import App
from qms.errors import NotFound
from qms.people import directory
from qms.people.actor import Actor
from qms.people.directory import Person
from qms.web import pages
from qms.web.call import Call
from qms.web.registry import Permission, Route
from qms.workflows import case
from qms.workflows.case import Case
from qms.workflows.step import Step
from qms.workflows.waivers import WAIVES, keeps_apart


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


@dataclass(frozen=True)
class Choices:
    """What may be waived on a case as it stands, and for whom."""

    case: Case
    steps: tuple[Step, ...]
    people: tuple[Person, ...]

    def is_for(self, by: Actor) -> bool:
        """Whether ``by`` may waive anything here."""
        return by.holds(WAIVES, self.case.file.organisations)


def choices(app: App, number: str, by: Actor) -> Choices:
    """Raises NotFound for a case that ``by`` may not see."""
    with app.reading() as connection:
        found = case.show(connection, app.engine, number, by)
        people = directory.colleagues(connection, app.database.clock())
    steps = (step for step in found.definition.steps_in(app.settings.profile) if keeps_apart(step) and found.state in step.sources)
    return Choices(found, tuple(steps), people)


def ask(call: Call, number: str) -> Response:
    """The form. Raises NotFound for who may not waive anything here."""
    found = choices(call.app, number, call.by)
    if not found.is_for(call.by) and call.refusal is None:
        raise NotFound("waiver", number)
    steps = tuple((step.name, step.title[call.language]) for step in found.steps)
    typed = {name: call.typed(name) for name in ("step", "person", "reason", "control")}
    page = WaiverPage(found.case, steps, found.people, call.typed("key") or uuid4().hex, **typed)
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
