"""Is this code well formed? Tender and project codes, tax codes, accounts, places; nothing is asked of anybody outside."""

from dataclasses import dataclass

from starlette.responses import Response

from qms.formats import identifiers, words
from qms.formats.finding import Finding
from qms.web import pages
from qms.web.call import Call
from qms.web.registry import Permission, Route


@dataclass(frozen=True)
class IdentifierPage:
    kinds: tuple[str, ...]
    kind: str
    value: str
    finding: Finding | None
    said: str


def check(call: Call) -> Response:
    kind, value = call.asked("kind", "CIG"), call.asked("value")[:200]
    finding = identifiers.check(kind, value) if value and kind in identifiers.KINDS else None
    said = words.of_finding(call.language, finding) if finding else ""
    page = IdentifierPage(identifiers.KINDS, kind, value, finding, said)
    return pages.draw(call, "identifiers/check.html", call.t("web.identifier.title"), page)


ROUTES = (Route("GET", "/identifiers", Permission.SIGNED_IN, check),)
