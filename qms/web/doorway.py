"""What every request meets first and every answer passes last: which host is meant, how much may come in, and the headers of safety.

OWASP ASVS 5.0, chapters 3 and 4: a content policy without inline script or style, no framing, no sniffing, private pages never stored.
"""

import ipaddress
import logging
import re
from collections.abc import Callable, Collection
from uuid import uuid4

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qms.locale import say, spoken

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = (
    ("Content-Security-Policy", POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()"),
    ("X-Frame-Options", "DENY"),
)
HTTPS_ONLY = ("Strict-Transport-Security", "max-age=31536000")
OVER_HTTP = tuple((name.lower().encode(), value.encode()) for name, value in HEADERS)
OVER_HTTPS = (*OVER_HTTP, (HTTPS_ONLY[0].lower().encode(), HTTPS_ONLY[1].encode()))
NAMES = frozenset(name for name, _ in OVER_HTTPS)
NOT_KEPT = (b"cache-control", b"no-store")
HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]{1,253})(?::[0-9]{1,5})?")

MOST_FIELDS = 3_000
MOST_FILES = 50
"""Of one form."""

Limit = Callable[[str, str], int]
"""Method and path → the most bytes that may come in."""


_log = logging.getLogger(__name__)


class TooMuch(HTTPException):
    """A body longer than its address takes, noticed while it comes: it said nothing of its length, or lied."""

    def __init__(self, most: int) -> None:
        super().__init__(413, str(most), {"Connection": "close"})


class Doorway:
    """The outermost layer of the server."""

    def __init__(self, app: ASGIApp, hosts: Collection[str], limit: Limit, language: str) -> None:
        self.app, self.hosts, self.limit, self.language = app, frozenset(hosts), limit, language

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        answering = self._with_headers(scope, send)

        async def turn_away(status: int, key: str, **values: object) -> None:
            sentence = say(spoken(headers.get("accept-language", ""), self.language), key, None, **values)
            closing = {"Connection": "close"} if status == 413 else None
            await PlainTextResponse(f"{sentence}\n", status, closing)(scope, receive, answering)

        if not self._is_ours(headers.get("host", "")):
            await turn_away(421, "web.door.host")
            return
        if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
            await turn_away(400, "web.door.null")
            return
        most = self.limit(scope["method"], scope["path"])
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length[:20]) > most:
            await turn_away(413, "web.door.too_much", most=most)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await answering(message)

        try:
            await self.app(scope, _counted(receive, most), watched)
        except ClientDisconnect:
            _log.info("%s %s: the client went away", scope["method"], scope["path"])
        except Exception as error:
            if started:
                raise
            reference = uuid4().hex[:8]
            _log.error("%s %s failed (%s)", scope["method"], scope["path"], reference, exc_info=error)
            await turn_away(500, "web.mistake.reference", reference=reference)

    def _is_ours(self, host: str) -> bool:
        """Whether we answer to this name: those the workspace lists, plain addresses and this machine's own name."""
        found = HOST.fullmatch(host)
        if found is None:
            return False
        name = found["name"].lower()
        return name in self.hosts or name == "localhost" or name.endswith(".localhost") or _is_address(name.strip("[]"))

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        async def answering(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [pair for pair in message["headers"] if pair[0] not in NAMES]
                kept = () if any(name == b"cache-control" for name, _ in own) else (NOT_KEPT,)
                message["headers"] = [*own, *(OVER_HTTPS if scope["scheme"] == "https" else OVER_HTTP), *kept]
            await send(message)

        return answering


def _counted(receive: Receive, most: int) -> Receive:
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        if message["type"] == "http.request":
            taken += len(message.get("body", b""))
            if taken > most:
                raise TooMuch(most)
        return message

    return counted


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
