"""The scadenzario, and the sheet the direction reads on Monday."""

import csv
import io
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from starlette.responses import Response

from qms.desk import deadlines, my_work, results
from qms.desk.deadlines import Due
from qms.desk.indicators import Board, in_alarm
from qms.desk.my_work import Waiting
from qms.desk.results import Work
from qms.errors import Incomplete, Reason
from qms.people import directory
from qms.people.directory import Organisation
from qms.procedures.register import RegisterRow
from qms.web import pages
from qms.web.call import Call
from qms.web.registry import Permission, Route

DAYS = (30, 60, 90, 365)
KINDS = ("legal", "case", "review", "account")
MONDAY = 30
COMING = 8
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would run."""
MOST = 10_000
"""Lines of the table for a spreadsheet."""


@dataclass(frozen=True)
class DeadlinesPage:
    """``accounts`` are id, name and end; only who keeps the directory is given any. ``here`` is the address of the same choice."""

    due: tuple[Due, ...]
    reviews: tuple[RegisterRow, ...]
    accounts: tuple[tuple[str, str, datetime], ...]
    days: int
    kind: str
    organisation: str
    choices: tuple[int, ...]
    kinds: tuple[str, ...]
    organisations: tuple[Organisation, ...]
    here: str
    more: str | None


@dataclass(frozen=True)
class MondayPage:
    """``late`` is by the role whose turn it is; ``coming`` the first of what is due, ``further`` how many follow."""

    to_sign: tuple[Waiting, ...]
    work: tuple[Work, ...]
    alarms: Board
    late: tuple[tuple[str, tuple[Due, ...]], ...]
    coming: tuple[Due, ...]
    further: int
    today: datetime


def show(call: Call) -> Response:
    """What falls due, late first."""
    page = _page(call, call.asked("after"), deadlines.PAGE)
    return pages.draw(call, "deadlines/deadlines.html", call.t("web.deadlines.title"), page)


def download(call: Call) -> Response:
    """The whole list as a table for a spreadsheet; what could be run there is kept from running."""
    page, words = _page(call, "", MOST), pages.words_of(call)
    made = io.StringIO()
    writer = csv.writer(made, delimiter=";" if call.language == "it" else ",")
    writer.writerow([call.t(f"web.deadlines.{name}") for name in ("due", "case", "subject", "what", "legal")])
    lines = [
        (words.plain_instant(one.due_at), one.number, one.title, words.two(one.what), call.t("web.yes") if one.hard else "")
        for one in page.due
    ]
    lines += [(row.next_review, row.code, row.titled(call.language), call.t("web.deadlines.review"), "") for row in page.reviews]
    lines += [(words.plain_instant(at), id, name, call.t("web.deadlines.account"), "") for id, name, at in page.accounts]
    writer.writerows([plain(cell) for cell in line] for line in lines)
    headers = {"Content-Disposition": 'attachment; filename="scadenze.csv"'}
    return Response("\ufeff" + made.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def plain(cell: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = str(cell)
    return "'" + text if text.lstrip().startswith(FORMULA) or text.startswith(FORMULA) else text


def _page(call: Call, after: str, limit: int) -> DeadlinesPage:
    days, kind, organisation = call.asked_number("days") or DAYS[0], call.asked("kind"), call.asked("organisation")
    wrong = [name for name, is_wrong in (("days", days not in DAYS), ("kind", kind not in ("", *KINDS))) if is_wrong]
    if wrong:
        raise Incomplete([Reason(f"FIELD_INVALID:{name}", name) for name in wrong])
    app, by, now = call.app, call.by, call.app.database.clock()
    until = deadlines.horizon(now, days)
    keeps, is_first = Permission.KEEPERS.admits(by), not after and organisation in ("", by.house)
    kinds = tuple(name for name in KINDS if keeps or name != "account")
    with app.reading() as connection:
        found: list[Due] = []
        if kind in ("", "legal", "case"):
            found = deadlines.due(
                connection, app.engine, by, until, after=after, legal=kind == "legal", organisation=organisation, limit=limit + 1
            )
        shows = {name for name in ("review", "account") if is_first and kind in ("", name)}
        reviews = tuple(deadlines.reviews(connection, by, until.astimezone(app.zone).date())) if "review" in shows else ()
        closing = tuple(deadlines.accounts(connection, now, until)) if keeps and "account" in shows else ()
        known = tuple(one for one in directory.organisations(connection) if one.id in by.organisations)
    here = urlencode({"days": days, "kind": kind, "organisation": organisation})
    more = found[limit - 1].cursor if len(found) > limit else None
    return DeadlinesPage(tuple(found[:limit]), reviews, closing, days, kind, organisation, DAYS, kinds, known, here, more)


def monday(call: Call) -> Response:
    """One page: what awaits a signature, whether running work reaches its results, what is late and what falls due in thirty days."""
    app, by, now = call.app, call.by, call.app.database.clock()
    with app.reading() as connection:
        waiting = tuple(one for one in my_work.waiting(connection, app.engine, by, my_work.PAGE) if one.to_sign)
        work = tuple(results.running(connection, app.engine, by))
        alarms = in_alarm(connection, app.engine, by)
        found = deadlines.due(connection, app.engine, by, deadlines.horizon(now, MONDAY), limit=deadlines.MANY)
    coming = tuple(one for one in found if one.due_at >= now)
    late = _by_turn(call, [one for one in found if one.due_at < now])
    page = MondayPage(waiting, work, alarms, late, coming[:COMING], len(coming[COMING:]), now)
    return pages.draw(call, "deadlines/monday.html", call.t("web.monday.title"), page)


def _by_turn(call: Call, late: list[Due]) -> tuple[tuple[str, tuple[Due, ...]], ...]:
    """What is late by the role whose turn it is, the longest late first; never by person, for how late one is stays personal."""
    titles = {code: title[call.language] for code, title in call.app.hats.roles.items()}
    found: dict[str, list[Due]] = {}
    for one in late:
        found.setdefault(titles.get(one.whose, one.whose), []).append(one)
    return tuple((role, tuple(those)) for role, those in found.items())


ROUTES = (
    Route("GET", "/deadlines", Permission.READERS, show),
    Route("GET", "/deadlines.csv", Permission.READERS, download),
    Route("GET", "/monday", Permission.EXAMINERS, monday),
)
