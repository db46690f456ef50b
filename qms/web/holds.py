"""A legal hold, placed on a case or lifted from it, from the page of the case."""

from dataclasses import dataclass
from uuid import uuid4

from starlette.responses import Response

from qms.errors import NotFound
from qms.web import pages
from qms.web.call import Call
from qms.web.registry import Permission, Route
from qms.workflows import case, holds
from qms.workflows.case import Case
from qms.workflows.holds import HOLDS, Hold


@dataclass(frozen=True)
class HoldPage:
    case: Case
    hold: Hold | None
    key: str
    reason: str


def ask(call: Call, number: str) -> Response:
    """The form. Raises NotFound for who may neither place nor lift a hold here."""
    with call.app.reading() as connection:
        found = case.show(connection, call.app.engine, number, call.by)
        hold = holds.of_case(connection, number)
    if call.by.role_for(HOLDS, found.file.organisations) is None and call.refusal is None:
        raise NotFound("hold", number)
    page = HoldPage(found, hold, call.typed("key") or uuid4().hex, call.typed("reason"))
    return pages.draw(call, "cases/hold.html", call.t("web.hold.lift" if hold else "web.hold.place"), page)


def place(call: Call, number: str) -> Response:
    with call.app.writing() as tx:
        receipt = holds.place(tx, call.app.engine, number, call.by, reason=call.typed("reason"), key=_key(call))
    return call.to(f"/cases/{number}", receipt.position)


def lift(call: Call, number: str) -> Response:
    with call.app.writing() as tx:
        receipt = holds.lift(tx, call.app.engine, number, call.by, reason=call.typed("reason"), key=_key(call))
    return call.to(f"/cases/{number}", receipt.position)


def _key(call: Call) -> str:
    return call.typed("key")[:100] or uuid4().hex


ROUTES = (
    Route("GET", "/cases/{number}/hold", Permission.STAFF, ask),
    Route("POST", "/cases/{number}/hold", Permission.STAFF, place, again=ask),
    Route("POST", "/cases/{number}/hold/lifted", Permission.STAFF, lift, again=ask),
)
