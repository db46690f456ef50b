"""One's own account: password, tokens for scripts and git, language."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response

from qms.desk import staff
from qms.errors import Incomplete, NotPermitted, Reason
from qms.people import directory, sign_in, tokens
from qms.people.directory import Person
from qms.people.tokens import Token
from qms.web import pages, people
from qms.web.call import Call
from qms.web.registry import Permission, Route


@dataclass(frozen=True)
class AccountPage:
    person: Person
    hats: Mapping[str, str]
    houses: Mapping[str, str]
    tokens: tuple[Token, ...]
    made: str | None
    address: str
    typed: Mapping[str, str]


def show(call: Call) -> Response:
    return _show(call, None)


def _show(call: Call, made: str | None) -> Response:
    with call.app.reading() as connection:
        found = directory.person(connection, call.by.person)
        held = tuple(tokens.of(connection, call.by.person))
        houses = {one.id: one.name for one in directory.organisations(connection)}
    address = f"{call.request.url.scheme}://{call.request.headers.get('host', '')}/library.git"
    typed = {"label": call.typed("label"), "days": call.typed("days", "90")}
    page = AccountPage(found, people.hat_titles(call), houses, held, made, address, typed)
    return pages.draw(call, "account/account.html", call.t("web.account.title"), page)


def change_password(call: Call) -> Response:
    """A new password, after the present one; every other session of this person ends."""
    app, by, new = call.app, call.by, call.typed("password")
    if new != call.typed("password2"):
        raise Incomplete([Reason("PASSWORD_TWICE", "password2", {}, call.both("web.account.password_twice"))])
    try:
        sign_in.check_password(app.database, by.person, call.typed("present"), app.database.clock())
    except NotPermitted as error:
        raise Incomplete([Reason("PASSWORD_PRESENT", "present", {}, call.both("web.account.password_present"))]) from error
    with app.writing() as tx:
        staff.set_password(tx, by, by.person, new)
    return call.to("/sign-in")


def issue_token(call: Call) -> Response:
    """A token, shown this once."""
    with call.app.writing() as tx:
        text, _ = staff.issue_token(tx, call.by, call.typed("label"), call.number("days") or 90)
    return _show(call, text)


def revoke_token(call: Call) -> Response:
    with call.app.writing() as tx:
        staff.revoke_token(tx, call.by, call.typed("token"))
    return call.to("/account")


ROUTES = (
    Route("GET", "/account", Permission.SIGNED_IN, show),
    Route("POST", "/account/password", Permission.SIGNED_IN, change_password, again=show),
    Route("POST", "/account/tokens", Permission.SIGNED_IN, issue_token, again=show),
    Route("POST", "/account/tokens/revoked", Permission.SIGNED_IN, revoke_token, again=show),
)
