"""The public door: pages for people, a JSON API for programs, the git address for those who write with a git client.

``create_app`` joins every address with its permission; an address without one keeps the door from opening at all.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.routing import Route as Address
from starlette.staticfiles import StaticFiles

from qms import __version__
from qms.app import App
from qms.errors import NotFound, QmsError
from qms.procedures import push
from qms.web import (
    account,
    api,
    cases,
    deadlines,
    desk,
    documents,
    drafts,
    evidence,
    git,
    health,
    holds,
    identifiers,
    messages,
    migration,
    mistakes,
    notices,
    people,
    processes,
    reassigning,
    records,
    rehearsals,
    signing,
    steps,
    substitutions,
    verification,
    waivers,
)
from qms.web.api.asking import language_of
from qms.web.call import Call, in_worker
from qms.web.doorway import MOST_FIELDS, MOST_FILES, Doorway
from qms.web.registry import FORM, Permission, Route, Verb

ROUTES: tuple[Route, ...] = (
    *steps.ROUTES, *health.ROUTES, *signing.ROUTES, *desk.ROUTES, *deadlines.ROUTES, *drafts.ROUTES, *documents.ROUTES, *cases.ROUTES,
    *evidence.ROUTES, *processes.ROUTES, *migration.ROUTES, *notices.ROUTES, *records.ROUTES, *verification.ROUTES, *identifiers.ROUTES,
    *people.ROUTES, *reassigning.ROUTES, *account.ROUTES, *substitutions.ROUTES, *waivers.ROUTES, *rehearsals.ROUTES, *holds.ROUTES,
    *messages.ROUTES, *api.PAGES, *git.ROUTES,
)  # fmt: skip
VERBS: tuple[Verb, ...] = api.VERBS
STATIC = "/static"


def create_app(app: App) -> FastAPI:
    """The server's application for one open workspace. Raises ValueError when an address has no permission."""
    limit = _limits(app)
    door = FastAPI(
        title="qms",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=[Middleware(Doorway, hosts=app.settings.hosts, limit=limit, language=app.settings.language)],
    )
    door.state.qms = app
    door.state.seen = {}
    _join(door, app, steps.ROUTES)  # addresses are tried in order: first what is done most often
    api.join(door, app, VERBS)
    _join(door, app, [route for route in ROUTES if route not in steps.ROUTES])
    door.router.routes.append(Mount(STATIC, _Static(directory=str(files(__package__).joinpath("static")))))
    door.add_exception_handler(HTTPException, _lost(app))  # type: ignore[arg-type]
    require_permissions(door)
    return door


def _join(door: FastAPI, app: App, routes: Iterable[Route]) -> None:
    for route in routes:
        methods = [route.method] if route.method != "GET" else ["GET", "HEAD"]
        door.router.routes.append(Address(route.path, _page(app, route), methods=methods, name=f"{route.method} {route.path}"))


def require_permissions(door: FastAPI) -> None:
    """Raise ValueError for any address that the registry does not know: what nobody decided about stays shut."""
    known = {(route.method, route.path) for route in ROUTES} | {(verb.method, api.PREFIX + verb.path) for verb in VERBS}
    for address in door.routes:
        if isinstance(address, Mount) and address.path == STATIC:
            continue
        path, methods = getattr(address, "path", ""), set(getattr(address, "methods", None) or {"ANY"}) - {"HEAD"}
        unknown = {method for method in methods if (method, path) not in known}
        if unknown:
            raise ValueError(f"no permission is declared for {', '.join(sorted(unknown))} {path}")


class _Static(StaticFiles):
    """Our own style, script and pictures: the only answers a browser may keep."""

    def file_response(self, *args: Any, **values: Any) -> Response:
        response = super().file_response(*args, **values)
        response.headers["Cache-Control"] = "public, max-age=3600"
        return response


def _page(app: App, route: Route) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        request.state.loop = asyncio.get_running_loop()
        if request.method != "POST" or route.is_for_programs:
            return await in_worker(partial(_respond, app, route, request, FormData()))
        if not _is_utf8(request):
            raise HTTPException(400)
        async with request.form(max_fields=MOST_FIELDS, max_files=MOST_FILES, max_part_size=FORM) as form:
            return await in_worker(partial(_respond, app, route, request, form))

    return answer


def _is_utf8(request: Request) -> bool:
    """Browsers send the forms of our pages in UTF-8; under another name a form could hold what no store takes."""
    _, options = parse_options_header(request.headers.get("content-type", ""))
    return options.get(b"charset", b"utf-8").lower() in (b"utf-8", b"utf8")


def _respond(app: App, route: Route, request: Request, form: FormData) -> Response:
    """Everything of one request that needs the database, in one worker thread."""
    call = Call(app, route, request, form)
    try:
        call.admit()
        found: Response = route.handler(call, **request.path_params)
        return found
    except QmsError as error:
        return mistakes.refuse(call, error)
    except Exception as error:
        return mistakes.unexpected(call, error)


def _lost(app: App) -> Callable[[Request, HTTPException], Awaitable[Response]]:
    """Addresses that lead nowhere and requests that cannot be read, in the house's own words."""

    async def answer(request: Request, error: HTTPException) -> Response:
        def show(call: Call, **_: Any) -> Response:
            if error.status_code == 404:
                raise NotFound("page", call.request.url.path[:200])
            return mistakes.unread(call, error)

        if request.url.path.startswith(api.PREFIX):
            return mistakes.unread_by_api(language_of(request), error)
        lost = Route("GET", "", Permission.ANYONE, show, is_for_programs=True)
        return await in_worker(partial(_respond, app, lost, request, FormData()))

    return answer


def _limits(app: App) -> Callable[[str, str], int]:
    """The most bytes each address takes: a form little, an upload what the workspace allows, git what its door allows."""
    most = 2 * app.settings.max_evidence_bytes + FORM
    prefixes = {route.path.split("{")[0] for route in ROUTES if route.takes_files} | {
        (api.PREFIX + verb.path).split("{")[0] for verb in VERBS if verb.takes_files
    }

    def limit(method: str, path: str) -> int:
        if path.startswith(git.PREFIX):
            return push.LIMIT + FORM
        if method == "POST" and path.startswith(tuple(prefixes)):
            return most * 4 // 3 if path.startswith(api.PREFIX) else most
        return FORM

    return limit
