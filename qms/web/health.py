"""Whether the program lives and can work: for whoever watches the machine; nothing of the house is told."""

from starlette.responses import JSONResponse, Response

from qms.library import MAIN
from qms.records import trail
from qms.web.call import Call
from qms.web.registry import Permission, Route


def live(call: Call) -> Response:
    return JSONResponse({"status": "ok"})


def ready(call: Call) -> Response:
    """Whether database and library answer."""
    try:
        with call.app.reading() as connection:
            trail.size(connection)
        is_ready = bool(call.app.library.refs(MAIN))
    except Exception:
        is_ready = False
    return JSONResponse({"status": "ok" if is_ready else "unavailable"}, 200 if is_ready else 503)


ROUTES = (
    Route("GET", "/healthz", Permission.ANYONE, live),
    Route("GET", "/readyz", Permission.ANYONE, ready),
)
