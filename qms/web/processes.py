"""One page a process, as auditors ask for it: what it is for, who answers for it, what goes in and comes out, how it stands today."""

from dataclasses import dataclass
from datetime import date

from starlette.responses import Response

from qms.desk import processes
from qms.desk.indicators import Board, board
from qms.desk.processes import Standing
from qms.errors import NotFound
from qms.people.sight import sees_document
from qms.procedures import control
from qms.procedures.register import RegisterRow
from qms.web import pages
from qms.web.call import Call
from qms.web.drawing import Told, told
from qms.web.migration import decides
from qms.web.registry import Permission, Route
from qms.workflows import indicators
from qms.workflows.indicators import Measured
from qms.workflows.migration import count
from qms.workflows.schedules import next_after

MANY = 10_000


@dataclass(frozen=True)
class ProcessRow:
    standing: Standing
    owner: str


@dataclass(frozen=True)
class ListPage:
    rows: tuple[ProcessRow, ...]


@dataclass(frozen=True)
class ProcessPage:
    """``inputs``: what the first step asks and attaches; ``others``: processes it opens or refers to, by id and title; ``behind``: open
    cases under an older definition, for who decides for them."""

    told: Told
    standing: Standing
    documents: tuple[RegisterRow, ...]
    inputs: tuple[str, ...]
    others: tuple[tuple[str, str], ...]
    scheduled: tuple[tuple[str, date], ...]
    """What opens by itself, with its next day."""
    behind: int
    measured: tuple[Measured, ...]
    """Its indicators, of all cases of the house."""


@dataclass(frozen=True)
class BoardPage:
    board: Board


def show_list(call: Call) -> Response:
    app, language = call.app, call.language
    with app.reading() as connection:
        found = processes.standings(connection, app.engine, call.by)
    titles = {code: title[language] for code, title in app.hats.roles.items()}
    rows = [ProcessRow(one, titles.get(one.definition.owner, one.definition.owner)) for one in found]
    rows.sort(key=lambda row: row.standing.definition.title[language].lower())
    return pages.draw(call, "processes/list.html", call.t("web.place.processes"), ListPage(tuple(rows)))


def show_process(call: Call, workflow: str) -> Response:
    """Raises NotFound for a process that is not in force."""
    app, by, language = call.app, call.by, call.language
    with app.reading() as connection:
        described = told(call, connection, workflow)
        if described is None:
            raise NotFound("workflow", workflow[:80])
        every = {one.definition.id: one for one in processes.standings(connection, app.engine, by)}
        rows = control.register(connection, limit=MANY)
        standing = every[workflow]
        definition = standing.definition
        measured = indicators.measure(connection, app.engine, definition, by)
        behind = count(connection, app.engine, workflow, by) if decides(call, definition) else 0
    governing = tuple(row for row in rows if workflow in row.workflows and sees_document(by, row.distribution))
    opening = definition.opening
    inputs = [definition.fields[wanted.name].title[language] for wanted in opening.asks]
    inputs += [definition.evidence[wanted.name].title[language] for wanted in opening.evidence]
    named = dict.fromkeys(link.workflow for link in definition.links.values())
    others = tuple((name, every[name].definition.title[language]) for name in named if name in every and name != workflow)
    today = app.database.clock().astimezone(app.zone).date()
    scheduled = tuple((one.title[language], next_after(one, today)) for one in definition.scheduled.values())
    page = ProcessPage(described, standing, governing, tuple(inputs), others, scheduled, behind, measured)
    return pages.draw(call, "processes/process.html", definition.title[language], page)


def show_board(call: Call) -> Response:
    """The indicators of all processes."""
    with call.app.reading() as connection:
        found = board(connection, call.app.engine, call.by)
    return pages.draw(call, "processes/board.html", call.t("web.indicators.title"), BoardPage(found))


ROUTES = (
    Route("GET", "/indicators", Permission.READERS, show_board),
    Route("GET", "/processes", Permission.READERS, show_list),
    Route("GET", "/processes/{workflow}", Permission.READERS, show_process),
)
