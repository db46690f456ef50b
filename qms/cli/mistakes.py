"""What the command line answers when something is refused, missing or broken: one exit code and the sentences, never a stack trace.

====  =================================================================
0     done, or the answer is yes
1     the answer is no: verification failed, invalid, mistakes found
2     the command was used wrongly
3     refused, with every reason
4     not found
5     stale: something changed since it was read
6     a file or the workspace is not as it must be
7     an error of the program itself; the trace is in its log
130   interrupted
====  =================================================================
"""

import errno
import os
import tempfile
import traceback
from pathlib import Path
from typing import Any
from uuid import uuid4

from rich.text import Text

from qms.cli.call import Call
from qms.cli.common import WrongUse
from qms.errors import BadContent, NotFound, Problem, QmsError, Reason, Refused, Stale, TrailBroken
from qms.library import GitMissing, LibraryFailed
from qms.locale import knows, say, sentence

EXIT_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (KeyboardInterrupt, 130),
    (WrongUse, 2),
    (NotFound, 4),
    (Stale, 5),
    (Refused, 3),
    (BadContent, 6),
    (TrailBroken, 6),
    (QmsError, 6),
)
UNEXPECTED = 7
UNUSABLE = {
    errno.EACCES: "denied",
    errno.EPERM: "denied",
    errno.ENOENT: "missing",
    errno.EROFS: "read_only",
    errno.ENOSPC: "full",
    errno.EEXIST: "exists",
    errno.EISDIR: "folder",
    errno.ENOTDIR: "not_folder",
}
"""What the machine says of a file that a person can mend themselves; anything else is an error of the program."""


def explain(error: BaseException, call: Call) -> int:
    """Tell the reader what went wrong, all of it at once; returns the exit code."""
    code = next((code for kind, code in EXIT_CODES if isinstance(error, kind)), UNEXPECTED)
    code = 6 if is_about_a_file(error) else code
    told: dict[str, Any]
    match error:
        case Refused():
            told = {"kind": kind_of(error), "reasons": [reason_as_json(call.language, reason) for reason in error.reasons]}
            lines = [
                call.say("cli.refused", len(error.reasons)),
                *(f"  • {item['sentence']}  [{item['code']}]" for item in told["reasons"]),
            ]
        case BadContent():
            told = {"kind": kind_of(error), "problems": [problem_as_json(call.language, problem) for problem in error.problems]}
            lines = [call.say("cli.bad_content"), *(problem_line(call.language, problem) for problem in error.problems)]
        case NotFound():
            told = {"kind": kind_of(error), "name": error.name}
            lines = [not_found(call.language, error)]
        case TrailBroken():
            told = {"kind": kind_of(error), "position": error.position, "problem": error.problem}
            lines = [call.say("cli.trail_broken", position=error.position, problem=error.problem)]
        case WrongUse():
            told = {"kind": kind_of(error)}
            lines = [call.say(error.key, **error.values_said)]
        case GitMissing():
            told = {"kind": kind_of(error)}
            lines = [call.say("cli.git_old", found=error.found) if error.found else call.say("cli.git_missing")]
        case LibraryFailed():
            told = {"kind": kind_of(error)}
            lines = [call.say("cli.library_failed", detail=str(error))]
        case OSError() if is_about_a_file(error):
            told = {"kind": "file", "name": os.fsdecode(error.filename)}
            why = call.say(f"cli.file.{UNUSABLE[error.errno or 0]}")
            lines = [call.say("cli.file", name=told["name"], why=why)]
        case KeyboardInterrupt():
            told = {"kind": "interrupted"}
            lines = [call.say("cli.interrupted")]
        case _:
            reference, log = _record(error, call.workspace)
            told = {"kind": "unexpected", "reference": reference, "log": str(log)}
            lines = [call.say("cli.unexpected", reference=reference, log=log)]
    _tell(call, told, lines)
    return code


def is_about_a_file(error: BaseException) -> bool:
    """Whether the machine refused a file or folder for a reason that a person can mend."""
    return isinstance(error, OSError) and error.errno in UNUSABLE and isinstance(error.filename, (str, bytes))


def _tell(call: Call, told: dict[str, Any], lines: list[str]) -> None:
    if call.json:
        call.answer({"error": {**told, "sentence": lines[0]}})
        return
    for line in lines:
        call.err.print(Text(line))


def kind_of(error: BaseException) -> str:
    """``NotPermitted`` → ``not_permitted``: what a program looks at."""
    name = type(error).__name__
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def reason_as_json(language: str, reason: Reason) -> dict[str, Any]:
    return {"code": reason.code, "place": reason.place, "sentence": sentence(language, reason)}


def problem_as_json(language: str, problem: Problem) -> dict[str, Any]:
    return {"path": problem.path, "line": problem.line, "code": problem.code, "sentence": sentence(language, problem)}


def problem_line(language: str, problem: Problem) -> str:
    """``file:line: sentence``, as editors and build tools read it."""
    place = f"{problem.path}:{problem.line}" if problem.line else problem.path
    return f"{place}: {sentence(language, problem)}"


def not_found(language: str, error: NotFound) -> str:
    key = f"cli.not_found.{error.kind}"
    return say(language, key if knows(language, key) else "cli.not_found", kind=error.kind, name=error.name)


def _record(error: BaseException, workspace: Path | None) -> tuple[str, Path]:
    """Write the trace where only the owner of the workspace reads it; returns the reference and the file."""
    reference = uuid4().hex[:8]
    if workspace and os.access(workspace / "qms.toml", os.W_OK):
        log = workspace / "qms-errors.log"
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    else:
        handle, name = tempfile.mkstemp(prefix="qms-", suffix=".log")
        log = Path(name)
    trace = "".join(traceback.format_exception(error))
    with os.fdopen(handle, "a", encoding="utf-8") as file:
        file.write(f"--- {reference}\n{trace}\n")
    return reference, log
