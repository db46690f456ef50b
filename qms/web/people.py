"""The directory, for those who keep it: persons, their hats in each organisation, organisations, accounts closed for good."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time

from starlette.responses import Response

from qms.desk import staff
from qms.errors import Incomplete, Reason
from qms.formats import moments
from qms.formats.values import BadValue
from qms.people import directory, tokens
from qms.people.directory import ORGANISATION_KINDS, Organisation, Person
from qms.people.hats import KINDS
from qms.people.tokens import Token
from qms.web import pages
from qms.web.call import Call
from qms.web.reassigning import may_reassign
from qms.web.registry import Permission, Route

MANY = 1000


@dataclass(frozen=True)
class PeoplePage:
    persons: tuple[Person, ...]
    organisations: tuple[Organisation, ...]
    hats: Mapping[str, str]
    houses: Mapping[str, str]
    organisation_kinds: tuple[str, ...]
    typed: Mapping[str, str]


@dataclass(frozen=True)
class NewPersonPage:
    kinds: tuple[str, ...]
    hats: Mapping[str, str]
    organisations: tuple[Organisation, ...]
    typed: Mapping[str, str]


@dataclass(frozen=True)
class PersonPage:
    person: Person
    hats: Mapping[str, str]
    organisations: tuple[Organisation, ...]
    houses: Mapping[str, str]
    tokens: tuple[Token, ...]
    is_me: bool
    may_reassign: bool


def show_all(call: Call) -> Response:
    with call.app.reading() as connection:
        persons = tuple(directory.persons(connection, limit=MANY))
        organisations = tuple(directory.organisations(connection))
    typed = {name: call.typed(name) for name in ("id", "name", "kind", "tax_code")}
    page = PeoplePage(persons, organisations, hat_titles(call), {one.id: one.name for one in organisations}, ORGANISATION_KINDS, typed)
    return pages.draw(call, "people/people.html", call.t("web.place.people"), page)


def ask_person(call: Call) -> Response:
    with call.app.reading() as connection:
        organisations = tuple(directory.organisations(connection))
    typed = {name: call.typed(name) for name in ("name", "email", "kind", "language", "expires_at", "hat", "organisation")}
    return pages.draw(call, "people/new.html", call.t("web.people.new"), NewPersonPage(KINDS, hat_titles(call), organisations, typed))


def add_person(call: Call) -> Response:
    """Enter a person, with a first password unless they will be invited and, when one is chosen, a first hat."""
    app, by = call.app, call.by
    ends = end_of_day(call, call.typed("expires_at"))
    with app.writing() as tx:
        made = staff.add_person(tx, by, call.typed("name"), call.typed("email"), call.typed("kind"), call.typed("language"), ends)
        if call.typed("password"):
            staff.set_password(tx, by, made.id, call.typed("password"))
        if call.typed("hat"):
            staff.grant(tx, by, app.hats, made.id, call.typed("hat"), call.typed("organisation"))
    return call.to(f"/people/{made.id}")


def show_person(call: Call, person: str) -> Response:
    with call.app.reading() as connection:
        found = directory.person(connection, person)
        organisations = tuple(directory.organisations(connection))
        held = tuple(tokens.of(connection, person))
    houses = {one.id: one.name for one in organisations}
    page = PersonPage(found, hat_titles(call), organisations, houses, held, found.id == call.by.person, may_reassign(call))
    return pages.draw(call, "people/person.html", found.name, page)


def grant(call: Call, person: str) -> Response:
    with call.app.writing() as tx:
        staff.grant(tx, call.by, call.app.hats, person, call.typed("hat"), call.typed("organisation"))
    return call.to(f"/people/{person}")


def revoke(call: Call, person: str) -> Response:
    with call.app.writing() as tx:
        staff.revoke(tx, call.by, person, call.typed("hat"), call.typed("organisation"))
    return call.to(f"/people/{person}")


def disable(call: Call, person: str) -> Response:
    with call.app.writing() as tx:
        staff.disable(tx, call.by, person)
    return call.to(f"/people/{person}")


def set_password(call: Call, person: str) -> Response:
    """Give somebody a new first password; their sessions end."""
    with call.app.writing() as tx:
        staff.set_password(tx, call.by, person, call.typed("password"))
    return call.to(f"/people/{person}")


def revoke_token(call: Call, person: str) -> Response:
    with call.app.writing() as tx:
        staff.revoke_token(tx, call.by, call.typed("token"), person)
    return call.to(f"/people/{person}")


def add_organisation(call: Call) -> Response:
    with call.app.writing() as tx:
        staff.add_organisation(
            tx, call.by, call.typed("id").strip(), call.typed("name"), call.typed("kind"), call.typed("tax_code").strip() or None
        )
    return call.to("/people")


def hat_titles(call: Call) -> dict[str, str]:
    """Every hat of the workspace by its id."""
    return {hat.id: hat.title[call.language] for hat in call.app.hats.hats.values()}


def end_of_day(call: Call, written: str) -> datetime | None:
    """The last second of a day as one writes it; None when left open. Raises Incomplete."""
    if not written.strip():
        return None
    try:
        day = moments.parse_date(written)
    except BadValue as error:
        raise Incomplete([Reason("FIELD_INVALID:expires_at", "expires_at")]) from error
    return datetime.combine(day, time(23, 59, 59), call.app.zone).astimezone(UTC)


ROUTES = (
    Route("GET", "/people", Permission.KEEPERS, show_all),
    Route("GET", "/people/new", Permission.KEEPERS, ask_person),
    Route("POST", "/people/new", Permission.KEEPERS, add_person, again=ask_person),
    Route("GET", "/people/{person}", Permission.KEEPERS, show_person),
    Route("POST", "/people/{person}/hats", Permission.KEEPERS, grant, again=show_person),
    Route("POST", "/people/{person}/hats/revoked", Permission.KEEPERS, revoke, again=show_person),
    Route("POST", "/people/{person}/disabled", Permission.KEEPERS, disable, again=show_person),
    Route("POST", "/people/{person}/password", Permission.KEEPERS, set_password, again=show_person),
    Route("POST", "/people/{person}/tokens/revoked", Permission.KEEPERS, revoke_token, again=show_person),
    Route("POST", "/organisations", Permission.KEEPERS, add_organisation, again=show_all),
)
