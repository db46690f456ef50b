"""The first page: what waits for me, the overdue first; what the keepers of the system watch; what an auditor comes for."""

from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response

from qms.desk import my_work, processes
from qms.desk.my_work import Desk
from qms.desk.processes import ClauseRow
from qms.procedures import clauses
from qms.web import pages
from qms.web.call import Call
from qms.web.registry import Permission, Route


@dataclass(frozen=True)
class DeskPage:
    kind: str
    desk: Desk
    late: int
    clauses: tuple[ClauseRow, ...]
    until: datetime | None
    keeps: bool
    directs: bool


def show_desk(call: Call) -> Response:
    app, by = call.app, call.by
    now = app.database.clock()
    with app.reading() as connection:
        found = my_work.desk(connection, app.engine, by, now.astimezone(app.zone).date())
        known = clauses.in_force(app.library) if by.kind == "auditor" else clauses.NO_CLAUSES
        rows = processes.matrix(connection, app.engine, by, known, now.astimezone(app.zone).date()) if by.kind == "auditor" else ()
        until = pages.account_ends(connection, by) if by.kind == "auditor" else None
    late = sum(1 for one in found.waiting if one.due_at is not None and one.due_at < now)
    page = DeskPage(by.kind, found, late, rows, until, by.keeps(("QM", "DOC_CTRL")), by.keeps(("TOP", "QM")))
    return pages.draw(call, "desk/desk.html", call.t("web.desk.title"), page)


ROUTES = (Route("GET", "/", Permission.SIGNED_IN, show_desk),)
