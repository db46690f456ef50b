"""Signing in and out, and the language of the pages."""

from dataclasses import dataclass

from starlette.responses import Response

from qms.errors import Incomplete, Reason
from qms.locale import LANGUAGES
from qms.people import directory, sign_in
from qms.web import pages
from qms.web.call import LANGUAGE_COOKIE, Call, local_path
from qms.web.registry import Permission, Route

YEAR = 31_536_000


@dataclass(frozen=True)
class SignInPage:
    next: str
    email: str


def ask(call: Call) -> Response:
    """The form; who is signed in already goes on."""
    wanted = local_path(call.typed("next") or call.asked("next", "/"))
    if call.person is not None and call.refusal is None:
        return call.to(wanted)
    return pages.draw(call, "sign_in.html", call.t("web.sign_in.title"), SignInPage(wanted, call.typed("email")))


def enter(call: Call) -> Response:
    """Open a session; the one before, if any, ends."""
    client = call.request.client
    session = sign_in.sign_in(call.app.database, call.typed("email")[:300], call.typed("password")[:1000], client.host if client else "")
    former = call.request.cookies.get(call.cookie_name)
    if former:
        with call.app.writing() as tx:
            sign_in.sign_out(tx, former)
    response = call.to(local_path(call.typed("next", "/")))
    response.set_cookie(call.cookie_name, session.cookie, path="/", secure=call.is_secure, httponly=True, samesite="lax")
    return response


def leave(call: Call) -> Response:
    with call.app.writing() as tx:
        sign_in.sign_out(tx, call.request.cookies.get(call.cookie_name, ""))
    response = call.to("/sign-in")
    response.delete_cookie(call.cookie_name, path="/", secure=call.is_secure, httponly=True, samesite="lax")
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def choose_language(call: Call) -> Response:
    """The language of the pages: the person's own when signed in, else this browser's."""
    language = call.typed("language")
    if language not in LANGUAGES:
        raise Incomplete([Reason("FIELD_INVALID:language", "language")])
    response = call.to(local_path(call.typed("next", "/")))
    if call.person is not None:
        with call.app.writing() as tx:
            directory.choose_language(tx, call.person.person, language)
    response.set_cookie(LANGUAGE_COOKIE, language, max_age=YEAR, path="/", secure=call.is_secure, httponly=True, samesite="lax")
    return response


ROUTES = (
    Route("GET", "/sign-in", Permission.ANYONE, ask),
    Route("POST", "/sign-in", Permission.ANYONE, enter, again=ask),
    Route("POST", "/sign-out", Permission.SIGNED_IN, leave),
    Route("POST", "/language", Permission.ANYONE, choose_language),
)
