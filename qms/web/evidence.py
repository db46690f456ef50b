"""Evidence files given back: always as a download under a harmless name, never shown in the page (ISO 9001, 7.5.3.2 a)."""

from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from qms.errors import NotFound, NotPermitted, Reason
from qms.records import evidence
from qms.web.call import Call
from qms.web.registry import Permission, Route
from qms.workflows import case


def download(call: Call, number: str, sha256: str) -> Response:
    """One file of a case, for those who may see the case."""
    app = call.app
    with app.reading() as connection:
        found = case.show(connection, app.engine, number, call.by)
    pieces = [one for one in found.evidence if one.sha256 == sha256]
    if not pieces:
        raise NotFound("evidence", sha256[:80])
    piece = next((one for one in pieces if one.is_open), None)
    if piece is None:
        raise NotPermitted([Reason("NOT_FOR_YOU")])
    name = piece.name or f"{sha256[:16]}.bin"
    return attachment(evidence.read(app.settings.evidence, sha256), name, piece.size)


def attachment(content: object, name: str, size: int | None = None, kind: str = "application/octet-stream") -> Response:
    """Bytes as a download; the name stands as ASCII for old readers and in full after RFC 5987."""
    plain = "".join(mark if mark.isascii() and mark.isprintable() and mark not in '"\\%' else "_" for mark in name) or "file"
    headers = {"Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"}
    if size is not None:
        headers["Content-Length"] = str(size)
    if isinstance(content, (bytes, str)):
        return Response(content, media_type=kind, headers=headers)
    return StreamingResponse(content, media_type=kind, headers=headers)  # type: ignore[arg-type]


ROUTES = (Route("GET", "/cases/{number}/evidence/{sha256}", Permission.READERS, download),)
