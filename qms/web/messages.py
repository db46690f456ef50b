"""Messages from the program, and the one-time links by which a person chooses a password."""

from dataclasses import dataclass

from starlette.responses import Response

from qms.database import stamp
from qms.desk import messages
from qms.desk.messages import Message
from qms.errors import Incomplete, Reason
from qms.people import directory, invitations, sign_in
from qms.people.directory import Person
from qms.web import pages
from qms.web.call import Call
from qms.web.registry import Permission, Route


@dataclass(frozen=True)
class MessagesPage:
    messages: tuple[Message, ...]
    more: str | None
    hour: str
    hours: tuple[str, ...]
    is_sent: bool
    is_written_to: bool


@dataclass(frozen=True)
class WayBackPage:
    email: str
    is_asked: bool
    is_sent: bool


@dataclass(frozen=True)
class InvitationPage:
    secret: str
    name: str
    email: str


@dataclass(frozen=True)
class SentPage:
    person: Person
    link: str | None


def show(call: Call) -> Response:
    """One's own messages, and when to be written to."""
    settings = call.app.settings
    with call.app.reading() as connection:
        found = messages.of(connection, call.by.person, call.asked("before") or None)
        hour = messages.hour_of(connection, call.by.person)
    more = stamp(found[-1].made_at) if len(found) == messages.PAGE else None
    page = MessagesPage(tuple(found), more, hour, messages.hours(), settings.mail is not None, call.by.kind == "staff")
    return pages.draw(call, "messages/messages.html", call.t("web.messages.title"), page)


def choose_hour(call: Call) -> Response:
    with call.app.writing() as tx:
        messages.choose_hour(tx, call.by.person, call.typed("hour"))
    return call.to("/messages")


def ask_way_back(call: Call) -> Response:
    return _way_back(call, False)


def offer_way_back(call: Call) -> Response:
    """The same answer whoever asks."""
    with call.app.writing() as tx:
        messages.offer_way_back(tx, call.app.settings, call.typed("email")[:300])
    return _way_back(call, True)


def _way_back(call: Call, asked: bool) -> Response:
    page = WayBackPage(call.typed("email"), asked, call.app.settings.mail is not None)
    return pages.draw(call, "messages/way_back.html", call.t("web.way_back.title"), page)


def ask_password(call: Call, secret: str) -> Response:
    """The form behind a link. Raises NotFound for one that no longer works."""
    with call.app.reading() as connection:
        person = directory.person(connection, invitations.whose(connection, secret, stamp(call.app.database.clock())))
    page = InvitationPage(secret, person.name, person.email)
    return pages.draw(call, "messages/invitation.html", call.t("web.invitation.title"), page)


def choose_password(call: Call, secret: str) -> Response:
    """Choose the password; the link is used up and every session ends."""
    app, password = call.app, call.typed("password")
    with app.reading() as connection:
        person = invitations.whose(connection, secret, stamp(app.database.clock()))
        by = directory.actor(connection, person, app.hats, "web")
        email = directory.person(connection, person).email
    if password != call.typed("password2"):
        raise Incomplete([Reason("PASSWORD_TWICE", "password2", {}, call.both("web.account.password_twice"))])
    hashed = sign_in.hashed(password, email)
    with app.writing() as tx:
        messages.choose_password(tx, secret, by, hashed)
    return call.to("/sign-in")


def send_invitation(call: Call, person: str) -> Response:
    """Send a link to somebody, or show it once to be handed over when there is no mail server."""
    with call.app.writing() as tx:
        link = messages.invite(tx, call.app.settings, call.by, person)
        found = directory.person(tx.connection, person)
    return pages.draw(call, "messages/sent.html", call.t("web.invitation.made"), SentPage(found, link))


ROUTES = (
    Route("GET", "/messages", Permission.SIGNED_IN, show),
    Route("POST", "/messages/hour", Permission.STAFF, choose_hour, again=show),
    Route("GET", "/way-back", Permission.ANYONE, ask_way_back),
    Route("POST", "/way-back", Permission.ANYONE, offer_way_back, again=ask_way_back),
    Route("GET", "/invitation/{secret}", Permission.ANYONE, ask_password),
    Route("POST", "/invitation/{secret}", Permission.ANYONE, choose_password, again=ask_password),
    Route("POST", "/people/{person}/invitation", Permission.KEEPERS, send_invitation),
)
