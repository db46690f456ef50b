"""Substitutions: who wears whose hat while somebody is away, and until when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from starlette.responses import Response

from qms.desk import staff
from qms.errors import Incomplete, Reason
from qms.formats import moments
from qms.formats.values import BadValue
from qms.people import directory
from qms.people.delegation import Delegation
from qms.people.directory import Person
from qms.web import pages, people
from qms.web.call import Call
from qms.web.registry import Permission, Route


@dataclass(frozen=True)
class SubstitutionsPage:
    """``lendable`` are the hats one may lend: one's own, or everybody's for those who keep the directory, as (value, words)."""

    running: tuple[Delegation, ...]
    names: Mapping[str, str]
    hats: Mapping[str, str]
    houses: Mapping[str, str]
    lendable: tuple[tuple[str, str], ...]
    colleagues: tuple[Person, ...]
    typed: Mapping[str, str]


def show(call: Call) -> Response:
    """What is lent now and later, and the form to lend."""
    app, by = call.app, call.by
    keeps = staff.may_keep(by)
    with app.reading() as connection:
        running = tuple(staff.substitutions(connection, by, app.database.clock()))
        everybody = directory.colleagues(connection, app.database.clock())
        houses = {one.id: one.name for one in directory.organisations(connection)}
        names = directory.names(connection, [who for one in running for who in (one.delegator, one.delegate)])
    hats = people.hat_titles(call)
    mine = [one for one in everybody if keeps or one.id == by.person]
    lendable = tuple(
        (f"{one.id} {hat} {where}", f"{one.name}: {hats.get(hat, hat)} ({houses.get(where, where)})")
        for one in mine
        for hat, where in one.hats
        if (known := app.hats.hats.get(hat)) is not None and known.kind == "staff"
    )
    typed = {name: call.typed(name) for name in ("hat", "delegate", "from", "until")}
    page = SubstitutionsPage(running, names, hats, houses, lendable, everybody, typed)
    return pages.draw(call, "account/substitutions.html", call.t("web.substitution.title"), page)


def lend(call: Call) -> Response:
    """Lend a hat from the beginning of one day to the end of another."""
    delegator, _, worn = call.typed("hat").partition(" ")
    hat, _, organisation = worn.partition(" ")
    starts, ends = days({"from": call.typed("from"), "until": call.typed("until")}, call.app.zone)
    with call.app.writing() as tx:
        staff.delegate(tx, call.by, call.app.hats, delegator, call.typed("delegate"), hat, organisation, starts, ends)
    return call.to("/substitutions")


def end(call: Call) -> Response:
    """Take a hat back before its time."""
    with call.app.writing() as tx:
        staff.end_delegation(tx, call.by, call.typed("delegation"))
    return call.to("/substitutions")


def days(written: Mapping[str, str], zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From the beginning of one day to the end of another, as typed under the names of their fields. Raises Incomplete with both faults."""
    found, reasons = [], []
    for (name, text), at in zip(written.items(), (time(0), time(23, 59, 59)), strict=True):
        try:
            found.append(datetime.combine(moments.parse_date(text), at, zone).astimezone(UTC))
        except BadValue:
            reasons.append(Reason(f"FIELD_INVALID:{name}", name))
    if reasons:
        raise Incomplete(reasons)
    return found[0], found[1]


ROUTES = (
    Route("GET", "/substitutions", Permission.STAFF, show),
    Route("POST", "/substitutions", Permission.STAFF, lend, again=show),
    Route("POST", "/substitutions/ended", Permission.STAFF, end, again=show),
)
