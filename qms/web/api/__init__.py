"""The JSON API: the same verbs as the pages, for programs; who asks is told by a personal token, every refusal gives all its reasons.

Described by OpenAPI 3.1 at ``/api/openapi.json`` and on a page of our own that loads nothing from outside.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any
from uuid import uuid4

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from qms.app import App
from qms.errors import NotPermitted, QmsError
from qms.locale import knows, say
from qms.web import mistakes, pages
from qms.web.api import batch, cases, documents, duties, notices, trail, workflows
from qms.web.api.asking import Caller, Strictly, language_of
from qms.web.call import Call, in_worker
from qms.web.registry import Permission, Route, Verb

PREFIX = "/api/v1"
OPENAPI = "/api/openapi.json"
VERBS: tuple[Verb, ...] = (
    *cases.VERBS, *batch.VERBS, *duties.VERBS, *documents.VERBS, *trail.VERBS, *notices.VERBS, *workflows.VERBS,
)  # fmt: skip
PROBLEMS = (401, 403, 404, 409, 413, 422)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parameter:
    name: str
    place: str
    is_required: bool


@dataclass(frozen=True)
class Operation:
    """One verb as its page shows it."""

    method: str
    path: str
    room: str
    summary: str
    permission: str
    parameters: tuple[Parameter, ...]
    body: tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True)
class ApiPage:
    operations: tuple[Operation, ...]
    address: str


def join(door: FastAPI, app: App, verbs: tuple[Verb, ...]) -> None:
    """Add every verb to the server's application."""
    door.router.route_class = Strictly
    for verb in verbs:
        door.add_api_route(
            PREFIX + verb.path,
            _admitting(verb),
            methods=[verb.method],
            status_code=verb.status,
            tags=[verb.room],
            summary=say("en", _key(verb)),
            name=verb.handler.__name__,
            operation_id=f"{verb.room}_{verb.handler.__name__}",
            responses={status: {"description": say("en", f"web.api.status.{status}")} for status in PROBLEMS},
            **verb.options,
        )
    door.add_exception_handler(QmsError, _refused)  # type: ignore[arg-type]
    door.add_exception_handler(RequestValidationError, _malformed)  # type: ignore[arg-type]


def _admitting(verb: Verb) -> Callable[..., Any]:
    """The handler behind its permission. Finding out who asks, the work and putting the answer into words all happen in one worker thread:
    FastAPI would hop to another for the last."""

    def work(*args: Any, **values: Any) -> Any:
        caller: Caller = values["caller"]
        try:
            caller.admit(verb.permission)
            found = verb.handler(*args, **values)
            if isinstance(found, BaseModel):
                found = found.model_dump(mode="json")
            return found if isinstance(found, Response) else JSONResponse(found, verb.status)
        except QmsError as error:
            if caller.person is not None and verb.method == "POST" and isinstance(error, NotPermitted):
                caller.app.record_attempt(caller.person, f"{verb.method} {caller.request.url.path}", error)
            raise
        except Exception as error:
            reference = uuid4().hex[:8]
            _log.error("%s %s failed (%s)", verb.method, caller.request.url.path, reference, exc_info=error)
            return mistakes.problem_of(500, "unexpected", caller.t("web.mistake.reference", reference=reference), [])

    @wraps(verb.handler)
    async def answer(*args: Any, **values: Any) -> Any:
        return await in_worker(partial(work, *args, **values))

    return answer


async def _refused(request: Request, error: QmsError) -> Response:
    return mistakes.problem(getattr(request.state, "language", None) or language_of(request), error)


async def _malformed(request: Request, error: RequestValidationError) -> Response:
    """A request that is not of the shape the description gives: every fault with its place."""
    language = language_of(request)
    reasons = []
    for fault in error.errors():
        place = ".".join(str(part) for part in fault["loc"][1:]) or str(fault["loc"][0])
        values = {"place": place, "problem": str(fault["msg"])[:200], **fault.get("ctx", {})}
        keys = (f"web.api.invalid.{fault['type']}.{values.get('error')}", f"web.api.invalid.{fault['type']}", "web.api.invalid")
        text = say(language, next(key for key in keys if knows(language, key)), None, **values)
        reasons.append({"code": f"INVALID:{fault['type']}", "sentence": text, "place": place})
    return mistakes.problem_of(422, "malformed", say(language, "web.mistake.malformed"), reasons)


def describe(call: Call) -> Response:
    """The OpenAPI description."""
    return JSONResponse(call.request.app.openapi())


def show(call: Call) -> Response:
    """The same as a page to read."""
    described = call.request.app.openapi()
    operations = tuple(_operation(call, described, verb) for verb in VERBS)
    address = f"{call.request.url.scheme}://{call.request.headers.get('host', '')}"
    return pages.draw(call, "api/api.html", call.t("web.api.title"), ApiPage(operations, address))


def _operation(call: Call, described: dict[str, Any], verb: Verb) -> Operation:
    said = described["paths"][PREFIX + verb.path][verb.method.lower()]
    parameters = tuple(Parameter(one["name"], one["in"], one.get("required", False)) for one in said.get("parameters", []))
    body = said.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    shape = described["components"]["schemas"].get(body.get("$ref", "").rpartition("/")[2], {})
    required = shape.get("required", [])
    fields = tuple((name, _kind(one), name in required) for name, one in shape.get("properties", {}).items())
    permission = call.t(f"web.permission.{verb.permission.name}")
    return Operation(verb.method, PREFIX + verb.path, verb.room, call.t(_key(verb)), permission, parameters, fields)


def _kind(schema: dict[str, Any]) -> str:
    options = schema.get("anyOf", [schema])
    return " | ".join(str(one.get("type") or one.get("$ref", "object").rpartition("/")[2]) for one in options)


def _key(verb: Verb) -> str:
    return f"web.api.{verb.room}.{verb.handler.__name__}"


PAGES = (
    Route("GET", OPENAPI, Permission.ANYONE, describe),
    Route("GET", "/api", Permission.ANYONE, show),
)
