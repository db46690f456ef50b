"""What a page or the API answers when something is refused, missing or broken: one table from exceptions to answers.

A refused form comes back with every word typed and a summary of what stands in the way; a refused call of the API gets a problem document
with every reason. What a person tried and may not do is recorded.
"""

import logging
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from qms.errors import BadContent, NotFound, NotPermitted, Problem, QmsError, Refused, Stale, Text, TrailBroken
from qms.library import LibraryFailed
from qms.locale import knows, say
from qms.procedures.push import TooLarge
from qms.web import pages
from qms.web.call import Call, Mistake, Refusal
from qms.web.doorway import MOST_FIELDS, MOST_FILES
from qms.web.registry import FORM
from qms.web.words import tell

STATUS: tuple[tuple[type[QmsError], int, str], ...] = (
    (NotFound, 404, "not_found"),
    (NotPermitted, 403, "not_permitted"),
    (Stale, 409, "stale"),
    (Refused, 422, "refused"),
    (BadContent, 422, "bad_content"),
    (TooLarge, 413, "too_large"),
    (TrailBroken, 500, "trail_broken"),
    (LibraryFailed, 500, "library_failed"),
    (QmsError, 500, "unexpected"),
)
UNPROVEN = frozenset({"NOT_SIGNED_IN", "SIGN_IN", "SIGNATURE", "TOKEN"})
TOO_LARGE = frozenset({"EVIDENCE_TOO_LARGE"})

_log = logging.getLogger(__name__)


def status_of(error: QmsError) -> tuple[int, str]:
    """The status of the answer, and the word for it."""
    kinds = {reason.kind for reason in error.reasons} if isinstance(error, Refused) else set()
    if isinstance(error, NotPermitted) and kinds & UNPROVEN:
        return 401, "not_signed_in"
    if kinds & TOO_LARGE:
        return 413, "too_large"
    return next((status, word) for kind, status, word in STATUS if isinstance(error, kind))


def told(language: str, error: QmsError, roles: Mapping[str, Text] | None = None) -> tuple[Mistake, ...]:
    """Every reason of a refusal as a sentence with its place."""
    if isinstance(error, Refused):
        return tuple(Mistake(tell(language, reason, roles), reason.place, reason.code) for reason in error.reasons)
    if isinstance(error, BadContent):
        return tuple(
            Mistake(_located(language, problem), f"line-{problem.line}" if problem.line else None, problem.code)
            for problem in error.problems
        )
    if isinstance(error, NotFound):
        key = f"web.missing.{error.kind}"
        return (Mistake(say(language, key if knows(language, key) else "web.missing", name=error.name), None, "NOT_FOUND"),)
    return (Mistake(say(language, f"web.mistake.{status_of(error)[1]}"), None, type(error).__name__.upper()),)


def refuse(call: Call, error: QmsError) -> Response:
    """Answer a page's request that ended in ``error``."""
    status, word = status_of(error)
    refusal = Refusal(status, call.t(f"web.mistake.{word}"), told(call.language, error, call.app.hats.roles))
    if status >= 500:
        _log.error("%s %s: %s", call.request.method, call.request.url.path, error)
    record_attempt(call, error)
    if word == "not_signed_in" and call.person is None and call.request.method == "GET":
        return call.to("/sign-in?next=" + pages.quoted(call.request.url.path))
    if call.route.again is not None and (call.person is not None or call.route.permission.admits(None)) and status not in (404, 500):
        call.refusal = refusal
        try:
            return _with_status(call.route.again(call, **call.request.path_params), status)
        except QmsError as second:
            _log.info("the form could not be drawn again: %s", second)
            call.refusal = None
    return pages.mistake(call, refusal)


def unread(call: Call, error: HTTPException) -> Response:
    """Answer a request that ended before its handler: a form that is none, a method that its address does not know."""
    title, sentence = _of_request(call.language, error)
    response = pages.mistake(call, Refusal(error.status_code, title, (Mistake(sentence, None, f"HTTP:{error.status_code}"),)))
    response.headers.update(error.headers or {})
    return response


def unread_by_api(language: str, error: HTTPException) -> Response:
    """The same for a program."""
    title, sentence = _of_request(language, error)
    reasons = [{"code": f"HTTP:{error.status_code}", "sentence": sentence, "place": None}]
    response = problem_of(error.status_code, "request", title, reasons)
    response.headers.update(error.headers or {})
    return response


def unexpected(call: Call, error: Exception) -> Response:
    """Answer a mistake of the program itself: a reference for the person, the trace for the log."""
    reference = uuid4().hex[:8]
    _log.error("%s %s failed (%s)", call.request.method, call.request.url.path, reference, exc_info=error)
    text = Mistake(call.t("web.mistake.reference", reference=reference), None, "UNEXPECTED")
    return pages.mistake(call, Refusal(500, call.t("web.mistake.unexpected"), (text,)))


def problem(language: str, error: QmsError) -> Response:
    """The API's answer (RFC 9457): every reason with its code, sentence and place."""
    status, word = status_of(error)
    return problem_of(
        status,
        word,
        say(language, f"web.mistake.{word}"),
        [{"code": mistake.code, "sentence": mistake.text, "place": mistake.place} for mistake in told(language, error)],
    )


def problem_of(status: int, word: str, title: str, reasons: list[dict[str, Any]]) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    content = {"type": f"/api#{word}", "title": title, "status": status, "reasons": reasons}
    return JSONResponse(content, status, headers, media_type="application/problem+json")


def record_attempt(call: Call, error: QmsError) -> None:
    """Put on the trail that somebody tried to act and may not: approving their own text, signing with a wrong password."""
    if call.person is not None and call.request.method == "POST" and isinstance(error, NotPermitted):
        call.app.record_attempt(call.person, f"{call.request.method} {call.request.url.path}", error)


def _of_request(language: str, error: HTTPException) -> tuple[str, str]:
    """Title and sentence for a status that no handler gave."""
    values = {"most": error.detail, "fields": MOST_FIELDS, "files": MOST_FILES, "size": FORM // 1000}
    key = f"web.request.{error.status_code}"
    return say(language, "web.request"), say(language, key if knows(language, key) else "web.request.400", None, **values)


def _located(language: str, found: Problem) -> str:
    return say(language, "web.mistake.line", line=found.line, text=tell(language, found)) if found.line else tell(language, found)


def _with_status(response: Response, status: int) -> Response:
    response.status_code = status
    return response
