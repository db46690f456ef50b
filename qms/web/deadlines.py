"""The scadenzario, and the sheet the direction reads on Monday."""

import csv
import io
from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response

from qms.desk import deadlines, my_work, results
from qms.desk.deadlines import Due
from qms.desk.my_work import Waiting
from qms.desk.results import Work
from qms.errors import Incomplete, Reason
from qms.procedures.register import RegisterRow
from qms.web import pages
from qms.web.call import Call
from qms.web.registry import Permission, Route

DAYS = (30, 60, 90, 365)
MONDAY = 30
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would run."""


@dataclass(frozen=True)
class DeadlinesPage:
    due: tuple[Due, ...]
    reviews: tuple[RegisterRow, ...]
    days: int
    choices: tuple[int, ...]
    more: str | None


@dataclass(frozen=True)
class MondayPage:
    to_sign: tuple[Waiting, ...]
    work: tuple[Work, ...]
    due: tuple[Due, ...]
    today: datetime


def show(call: Call) -> Response:
    """What falls due, late first."""
    page = _page(call)
    return pages.draw(call, "deadlines/deadlines.html", call.t("web.deadlines.title"), page)


def download(call: Call) -> Response:
    """The same as a table for a spreadsheet; what could be run there is kept from running."""
    page, words = _page(call), pages.words_of(call)
    made = io.StringIO()
    writer = csv.writer(made, delimiter=";")
    writer.writerow([call.t(f"web.deadlines.{name}") for name in ("due", "case", "subject", "what", "legal")])
    for one in page.due:
        legal = call.t("web.yes") if one.hard else ""
        writer.writerow([plain(cell) for cell in (words.plain_instant(one.due_at), one.number, one.title, words.two(one.what), legal)])
    for row in page.reviews:
        writer.writerow(
            [plain(cell) for cell in (row.next_review, row.code, row.titled(call.language), call.t("web.deadlines.review"), "")]
        )
    headers = {"Content-Disposition": 'attachment; filename="scadenze.csv"'}
    return Response("\ufeff" + made.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def plain(cell: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = str(cell)
    return "'" + text if text.startswith(FORMULA) else text


def _page(call: Call) -> DeadlinesPage:
    days = call.number("days") or DAYS[0]
    if days not in DAYS:
        raise Incomplete([Reason("FIELD_INVALID:days", "days")])
    now = call.app.database.clock()
    until = deadlines.horizon(now, days)
    with call.app.reading() as connection:
        found = deadlines.due(connection, call.app.engine, call.by, until, call.typed("after"))
        reviews = tuple(deadlines.reviews(connection, call.by, until.astimezone(call.app.zone).date())) if not call.typed("after") else ()
    more = found[-1].number if len({one.number for one in found}) >= deadlines.PAGE else None
    return DeadlinesPage(tuple(found), reviews, days, DAYS, more)


def monday(call: Call) -> Response:
    """One page: what awaits a signature, whether running work reaches its results, what falls due in thirty days."""
    now = call.app.database.clock()
    with call.app.reading() as connection:
        waiting = tuple(one for one in my_work.waiting(connection, call.app.engine, call.by, my_work.PAGE) if one.to_sign)
        work = tuple(results.running(connection, call.app.engine, call.by))
        found = tuple(deadlines.due(connection, call.app.engine, call.by, deadlines.horizon(now, MONDAY)))
    return pages.draw(call, "deadlines/monday.html", call.t("web.monday.title"), MondayPage(waiting, work, found[: MONDAY // 2], now))


ROUTES = (
    Route("GET", "/deadlines", Permission.READERS, show),
    Route("GET", "/deadlines.csv", Permission.READERS, download),
    Route("GET", "/monday", Permission.EXAMINERS, monday),
)
