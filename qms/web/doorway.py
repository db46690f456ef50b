"""What every request meets first and every answer passes last: which host is meant, how much may come in, and the headers of safety.

OWASP ASVS 5.0, chapters 3 and 4: a content policy without inline script or style, no framing, no sniffing, private pages never stored.
"""

import ipaddress
import re
from collections.abc import Callable, Collection

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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

Limit = Callable[[str, str], int]
"""Method and path → the most bytes that may come in."""


class TooMuch(Exception):
    """A body longer than its address takes."""


class Doorway:
    """The outermost layer of the server."""

    def __init__(self, app: ASGIApp, hosts: Collection[str], limit: Limit) -> None:
        self.app, self.hosts, self.limit = app, frozenset(hosts), limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        answering = self._with_headers(scope, send)
        if not self._is_ours(headers.get("host", "")):
            await PlainTextResponse("unknown host\n", 421)(scope, receive, answering)
            return
        if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
            await PlainTextResponse("a null character\n", 400)(scope, receive, answering)
            return
        most = self.limit(scope["method"], scope["path"])
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length[:20]) > most:
            await PlainTextResponse(f"at most {most} bytes\n", 413, {"Connection": "close"})(scope, receive, answering)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await answering(message)

        try:
            await self.app(scope, _counted(receive, most), watched)
        except TooMuch:
            if not started:
                await PlainTextResponse(f"at most {most} bytes\n", 413, {"Connection": "close"})(scope, receive, answering)

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
                raise TooMuch
        return message

    return counted


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
