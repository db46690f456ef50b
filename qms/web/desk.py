"""The first page: what waits for me, the overdue first; what the keepers of the system watch; what an auditor comes for."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.responses import Response

from qms.desk import acknowledgments, my_work, processes
from qms.desk.acknowledgments import Unread
from qms.desk.my_work import Desk, Waiting
from qms.desk.processes import ClauseRow, Finding
from qms.procedures import clauses
from qms.web import pages
from qms.web.call import Call
from qms.web.registry import Permission, Route

LATER = timedelta(days=60)
"""Beyond this, what could be done need not be looked at today: it stands folded below the rest."""
WATCHED = 20
"""Lines of what a keeper watches; the lists behind have the rest."""


@dataclass(frozen=True)
class DeskPage:
    """``to_sign`` is what of the waiting the direction signs, ``later`` what falls due in a long time, ``waiting`` the rest of it."""

    kind: str
    desk: Desk
    to_sign: tuple[Waiting, ...]
    waiting: tuple[Waiting, ...]
    later: tuple[Waiting, ...]
    late: int
    clauses: tuple[ClauseRow, ...]
    until: datetime | None
    keeps: bool
    signs: bool
    reads_monday: bool
    findings: tuple[Finding, ...]
    unread: tuple[Unread, ...]


def show_desk(call: Call) -> Response:
    app, by = call.app, call.by
    now = app.database.clock()
    today = now.astimezone(app.zone).date()
    watches, signs = by.keeps(("QM",)), by.keeps(("TOP",))
    with app.reading() as connection:
        found = my_work.desk(connection, app.engine, by, today)
        to_sign = tuple(one for one in found.waiting if signs and one.to_sign)
        rest = [one for one in found.waiting if one not in to_sign]
        later = tuple(one for one in rest if one.due_at is not None and one.due_at > now + LATER)
        known = clauses.in_force(app.library) if by.kind == "auditor" else clauses.NO_CLAUSES
        page = DeskPage(
            kind=by.kind,
            desk=found,
            to_sign=to_sign,
            waiting=tuple(one for one in rest if one not in later),
            later=later,
            late=sum(1 for one in rest if one.due_at is not None and one.due_at < now),
            clauses=processes.matrix(connection, app.engine, by, known, today) if by.kind == "auditor" else (),
            until=pages.account_ends(connection, by) if by.kind == "auditor" else None,
            keeps=by.keeps(("QM", "DOC_CTRL")),
            signs=signs,
            reads_monday=Permission.EXAMINERS.admits(by),
            findings=tuple(processes.open_findings(connection, app.engine, by, WATCHED)) if watches else (),
            unread=tuple(acknowledgments.unread(connection, app.engine, by, WATCHED)) if watches else (),
        )
    return pages.draw(call, "desk/desk.html", call.t("web.desk.title"), page)


ROUTES = (Route("GET", "/", Permission.SIGNED_IN, show_desk),)
