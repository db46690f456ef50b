"""The first page: what waits for me, the overdue first; what the keepers of the system watch; what an auditor comes for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.responses import Response

from qms.desk import my_work, search
from qms.desk.my_work import Desk
from qms.people.sight import sees_document
from qms.procedures import control
from qms.web import pages
from qms.web.call import Call
from qms.web.registry import Permission, Route

MANY = 10_000


@dataclass(frozen=True)
class ClauseRow:
    """A clause of the standard with what serves it: processes by title, documents as (key, code, title)."""

    clause: str
    workflows: tuple[str, ...]
    documents: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class DeskPage:
    kind: str
    desk: Desk
    late: int
    clauses: tuple[ClauseRow, ...]
    until: datetime | None
    keeps: bool


def show_desk(call: Call) -> Response:
    app, by = call.app, call.by
    now = app.database.clock()
    with app.reading() as connection:
        found = my_work.desk(connection, app.engine, by, now.astimezone(app.zone).date())
        clauses = _clauses(call, connection) if by.kind == "auditor" else ()
        until = pages.account_ends(connection, by) if by.kind == "auditor" else None
    late = sum(1 for one in found.waiting if one.due_at is not None and one.due_at < now)
    page = DeskPage(by.kind, found, late, clauses, until, by.keeps(("QM", "DOC_CTRL")))
    return pages.draw(call, "desk/desk.html", call.t("web.desk.title"), page)


def _clauses(call: Call, connection: Any) -> tuple[ClauseRow, ...]:
    """Each clause that a process or a document in force serves; who asks sees only what is theirs to see."""
    engine, language = call.app.engine, call.language
    served = [(one.definition.clauses, one.definition.title[language]) for one in engine.definitions.all_in_force(connection)]
    rows = [row for row in control.register(connection, limit=MANY) if sees_document(call.by, row.distribution)]
    names = {clause for row in rows for clause in row.clauses} | set(search.clauses(connection, engine))
    return tuple(
        ClauseRow(
            clause,
            tuple(title for clauses, title in served if clause in clauses),
            tuple((row.key, row.code, row.titled(language)) for row in rows if clause in row.clauses),
        )
        for clause in sorted(names, key=lambda clause: [int(part) for part in clause.split(".") if part.isdigit()])
    )


ROUTES = (Route("GET", "/", Permission.SIGNED_IN, show_desk),)
