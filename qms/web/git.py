"""The address of the library for a git client: fetch what is in force, push drafts; a personal token is the password."""

import asyncio
import base64
import binascii
from collections.abc import Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from qms.errors import NotPermitted, QmsError, Reason
from qms.people import tokens
from qms.people.actor import Actor
from qms.procedures import push
from qms.web import mistakes
from qms.web.call import Call
from qms.web.registry import Permission, Route

PREFIX = "/library.git"
CHALLENGE = {"WWW-Authenticate": 'Basic realm="qms", charset="UTF-8"'}


class Body:
    """A request's body as git's program reads it: in pieces, from the thread that waits for them."""

    def __init__(self, request: Request) -> None:
        self._pieces = request.stream().__aiter__()
        self._loop: asyncio.AbstractEventLoop = request.state.loop
        self._rest = b""

    def read(self, size: int = -1, /) -> bytes:
        while not self._rest:
            piece = asyncio.run_coroutine_threadsafe(self._next(), self._loop).result()
            if piece is None:
                return b""
            self._rest = piece
        taken = self._rest if size < 0 else self._rest[:size]
        self._rest = self._rest[len(taken) :]
        return taken

    async def _next(self) -> bytes | None:
        return await anext(self._pieces, None)


def serve(call: Call, path: str) -> Response:
    """Answer one request of a git client, in plain text when it is refused: that is what git shows."""
    app, request = call.app, call.request
    try:
        by = who(call)
        asked = push.Request(
            request.method, "/" + path, request.url.query, {name.lower(): value for name, value in request.headers.items()},
            Body(request) if request.method == "POST" else None,
        )  # fmt: skip
        home = f"{request.url.scheme}://{request.headers.get('host', '')}"
        answer = push.serve(
            app.database, app.library, by, asked, open_case=app.open_proposal(by),
            address=f"{home}/documents/{{key}}/drafts/{{slug}}", roles=tuple(app.hats.roles),
        )  # fmt: skip
    except QmsError as error:
        return _refused(call, error)
    return StreamingResponse(_sent(answer.body), answer.status, dict(answer.headers))


def who(call: Call) -> Actor:
    """The person whose token came as the password. Raises NotPermitted."""
    kind, _, given = call.request.headers.get("authorization", "").partition(" ")
    try:
        password = base64.b64decode(given, validate=True).decode().partition(":")[2] if kind.lower() == "basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        password = ""
    if not password:
        raise NotPermitted([Reason("TOKEN:missing")])
    with call.app.database.asking() as connection:
        call.person = tokens.bearer(connection, password, call.app.database.clock(), call.app.hats, "git")
    return call.person


def _refused(call: Call, error: QmsError) -> Response:
    status, _ = mistakes.status_of(error)
    text = "\n".join(mistake.text for mistake in mistakes.told(call.language, error))
    return Response(text + "\n", status, CHALLENGE if status == 401 else None, "text/plain; charset=utf-8")


def _sent(pieces: Iterator[bytes]) -> Iterator[Any]:
    yield from pieces


ROUTES = (
    Route("GET", PREFIX + "/{path:path}", Permission.ANYONE, serve, is_for_programs=True),
    Route("POST", PREFIX + "/{path:path}", Permission.ANYONE, serve, is_for_programs=True),
)
