"""What waits for somebody who leaves: the open cases that name them, given to somebody else with the reason."""

from dataclasses import dataclass
from uuid import uuid4

from starlette.responses import Response

from qms.errors import NotFound, NotPermitted, Reason
from qms.people import directory
from qms.people.directory import Person
from qms.web import pages, several
from qms.web.call import Call
from qms.web.registry import Permission, Route
from qms.workflows import reassigning
from qms.workflows.reassigning import REASSIGNS

PAGE = 50


@dataclass(frozen=True)
class TaskRow:
    """A case and the titles of the fields that name the person."""

    number: str
    title: str
    version: int
    fields: tuple[str, ...]
    is_chosen: bool


@dataclass(frozen=True)
class TasksPage:
    person: Person
    rows: tuple[TaskRow, ...]
    after: str
    next: str | None
    colleagues: tuple[Person, ...]
    key: str
    successor: str
    reason: str


@dataclass(frozen=True)
class GivenPage:
    person: Person
    outcome: several.Outcome


def may_reassign(call: Call) -> bool:
    """Whether whoever asks may give cases to somebody else somewhere."""
    return any(call.by.holds(role) for role in REASSIGNS)


def ask(call: Call, person: str) -> Response:
    """The cases, a page of them, and the form. Raises NotFound for who may not reassign, or a person who is not there."""
    app = call.app
    if not may_reassign(call):
        raise NotFound("reassignment", person[:80])
    after = call.asked("after")[:60]
    with app.reading() as connection:
        leaver = directory.person(connection, person)
        found = reassigning.tasks(connection, app.engine, person, call.by, after, PAGE + 1)
        definitions = {one.definition: app.engine.definitions.get(connection, one.definition).definition for one in found}
        colleagues = [one for one in directory.colleagues(connection, app.database.clock()) if one.id != person]
    is_sent = call.request.method == "POST"
    chosen = {value for name, value in call.texts() if name == "case"}
    rows = tuple(
        TaskRow(
            one.number, one.title, one.version,
            tuple(definitions[one.definition].fields[name].title[call.language] for name in one.fields),
            not is_sent or f"{one.number} {one.version}" in chosen,
        )
        for one in found[:PAGE]
    )  # fmt: skip
    following = found[PAGE - 1].number if len(found) > PAGE else None
    key, successor, reason = call.typed("key") or uuid4().hex, call.typed("new"), call.typed("reason")
    page = TasksPage(leaver, rows, after, following, tuple(colleagues), key, successor, reason)
    return pages.draw(call, "people/tasks.html", call.t("web.reassign.title", name=leaver.name), page)


def give(call: Call, person: str) -> Response:
    """Give the ticked cases to a colleague, each in a transaction of its own."""
    app = call.app
    if not may_reassign(call):
        raise NotPermitted([Reason(f"ROLE:{','.join(REASSIGNS)}")])
    successor, reason, key = call.typed("new"), call.typed("reason"), call.typed("key")[:60] or uuid4().hex
    chosen = several.ticked(call)
    with app.reading() as connection:
        leaver = directory.person(connection, person)
        wrong = reassigning.of_handover(connection, person, successor, reason, app.database.clock())
    several.require(call, len(chosen), wrong)
    done, stays = several.each(
        call, chosen,
        lambda tx, number: reassigning.reassign(
            tx, app.engine, number, person, successor, call.by, reason=reason, key=f"{key}:{number}", version=chosen[number]
        ),
    )  # fmt: skip
    with app.reading() as connection:
        left = len(reassigning.tasks(connection, app.engine, person, call.by))
    page = GivenPage(leaver, several.Outcome(done, stays, left, f"/people/{person}/tasks"))
    return pages.draw(call, "people/given.html", call.t("web.reassign.title", name=leaver.name), page)


ROUTES = (
    Route("GET", "/people/{person}/tasks", Permission.STAFF, ask),
    Route("POST", "/people/{person}/tasks", Permission.STAFF, give, again=ask),
)
