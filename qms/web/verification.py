"""The verification page: what the seals promise and what not, the checks of the whole system, and what leaves the building."""

import logging
import threading
from dataclasses import dataclass, field, replace
from datetime import datetime
from tempfile import TemporaryFile
from typing import IO, Any
from uuid import uuid4

from starlette.responses import Response

from qms.app import App
from qms.desk import verification
from qms.records import checkpoints, export, offline, seal, trail
from qms.records.export import Choice
from qms.records.verify import Check
from qms.web import pages
from qms.web.call import Call
from qms.web.evidence import attachment
from qms.web.records import told
from qms.web.registry import Permission, Route
from qms.workflows import case
from qms.workflows.viewing import withheld

PROMISES = ("edited", "recomputed", "cut", "rewritten", "after")
"""The rows of what is promised: each with what the server finds and what an auditor with a checkpoint finds."""
FOUND = {"edited": (True, True), "recomputed": (True, True), "cut": (False, True), "rewritten": (False, True), "after": (False, False)}
CHUNK = 65_536
_log = logging.getLogger(__name__)
NOTES = 20


@dataclass
class Walk:
    """One verification of everything, under way or done, seen by whoever opens the page."""

    done: int = 0
    total: int = 0
    checks: list[Check] = field(default_factory=list)
    started_at: datetime | None = None
    ended_at: datetime | None = None
    failure: str = ""

    @property
    def is_running(self) -> bool:
        return self.started_at is not None and self.ended_at is None


@dataclass(frozen=True)
class VerificationPage:
    promises: tuple[tuple[str, bool, bool], ...]
    walk: Walk
    holds: bool
    results: tuple[tuple[bool, str], ...]
    size: int
    origin: str
    notes: tuple[tuple[int, str], ...]
    may_export: bool


def show(call: Call) -> Response:
    app = call.app
    walk: Walk = getattr(call.request.app.state, "walk", Walk())
    if walk.failure:
        walk = replace(walk, failure=call.t("web.mistake.reference", reference=walk.failure))
    with app.reading() as connection:
        note = trail.note_at_head(connection, app.public_key)
    head = seal.read_note(note)
    results = tuple((check.passed, told(call, check)) for check in walk.checks)
    page = VerificationPage(
        tuple((name, *FOUND[name]) for name in PROMISES), walk, not walk.failure and all(passed for passed, _ in results), results,
        head.size, head.origin, tuple(checkpoints.latest(app.library, NOTES)), Permission.EXAMINERS.admits(call.by),
    )  # fmt: skip
    return pages.draw(call, "verification/verification.html", call.t("web.place.verification"), page)


def begin(call: Call) -> Response:
    """Start to verify everything; the page shows how far it is and may be left meanwhile."""
    state = call.request.app.state
    walk: Walk = getattr(state, "walk", Walk())
    if not walk.is_running:
        state.walk = Walk(started_at=call.app.database.clock())
        threading.Thread(target=_examine, args=(call.app, state.walk), name="verification", daemon=True).start()
    return call.to("/verification")


def checkpoint(call: Call) -> Response:
    """The signed checkpoint of the trail as it stands: to be kept where nobody of the house can reach it."""
    with call.app.reading() as connection:
        note = trail.note_at_head(connection, call.app.public_key)
    return attachment(note, f"checkpoint-{seal.read_note(note).size:09d}.txt", kind="text/plain")


def export_all(call: Call) -> Response:
    return _export(call, None)


def export_case(call: Call, number: str) -> Response:
    """One case with the proof of each of its records, for whoever sees the case."""
    with call.app.reading() as connection:
        case.show(connection, call.app.engine, number, call.by)
    return _export(call, number)


def verifier(call: Call) -> Response:
    """The offline verifier: one file, the standard library only."""
    return attachment(offline.joined(), "verifica.py", kind="text/x-python")


def _export(call: Call, number: str | None) -> Response:
    app = call.app
    target: IO[bytes] = TemporaryFile()  # noqa: SIM115
    try:
        with app.reading() as connection:
            export.write(
                connection, target, public_key=app.public_key, evidence_folder=app.settings.evidence, library=app.library,
                choice=Choice(number), without=withheld(connection, app.engine, call.by, number),
            )  # fmt: skip
    except BaseException:
        target.close()
        raise
    size = target.tell()
    target.seek(0)
    return attachment(_pieces(target), f"qms-{number or 'trail'}.zip", size, "application/zip")


def _pieces(target: IO[bytes]) -> Any:
    with target:
        while piece := target.read(CHUNK):
            yield piece


def _examine(app: App, walk: Walk) -> None:
    def advance(done: int, total: int) -> None:
        walk.done, walk.total = done, total

    try:
        with app.reading() as connection:
            walk.checks = list(verification.everything(connection, app, None, advance))
    except Exception as error:
        walk.failure = uuid4().hex[:8]
        _log.error("the verification of everything failed (%s)", walk.failure, exc_info=error)
    walk.ended_at = app.database.clock()


ROUTES = (
    Route("GET", "/verification", Permission.WATCHERS, show),
    Route("POST", "/verification", Permission.WATCHERS, begin),
    Route("GET", "/checkpoint", Permission.WATCHERS, checkpoint),
    Route("GET", "/exports", Permission.EXAMINERS, export_all),
    Route("GET", "/exports/{number}", Permission.READERS, export_case),
    Route("GET", "/verifier", Permission.WATCHERS, verifier),
)
