"""The git door: a person's own git client fetches the library and pushes drafts, behind the program's own sign-in.

Git's HTTP program does the talking; this module says who may come in, holds the writer's lock while objects arrive, and puts every draft
that moved on the trail under the name of who was signed in. ISO 9001 §7.5.3.
"""

import logging
import os
import re
import signal
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryFile
from typing import IO, Any, Protocol

from qms.database import Database
from qms.errors import NotPermitted, QmsError, Reason
from qms.library import Library
from qms.people.actor import Actor
from qms.people.sight import WRITERS, sees_drafts, writes_documents
from qms.procedures import hook, intake, register
from qms.procedures.drafts import OpenCase
from qms.procedures.settling import settle

LIMIT = 20_000_000
ANSWER_LIMIT = 4_000_000
CHUNK = 64 * 1024
FETCH, PUSH = "git-upload-pack", "git-receive-pack"
PROTOCOL = re.compile(r"version=[0-2](:version=[0-2])*")
LONGEST = 90.0
"""Seconds that git and the judge may take for one push, since nobody else writes meanwhile: a small pack can unpack for hours."""

_log = logging.getLogger(__name__)


class Readable(Protocol):
    """The body of a request, read in pieces."""

    def read(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True)
class Request:
    """One request of a git client: ``path`` is what follows the library's address, such as ``/info/refs``."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: Readable | None = None


@dataclass(frozen=True)
class Answer:
    """What the client gets."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: Iterator[bytes] = field(default_factory=lambda: iter(()))


class TooLarge(QmsError):
    """A push of more bytes than the door takes."""


def serve(
    database: Database,
    library: Library,
    by: Actor,
    request: Request,
    *,
    open_case: OpenCase,
    address: str,
    roles: tuple[str, ...] | None = None,
    limit: int = LIMIT,
) -> Answer:
    """Answer one request of a git client. ``address`` is where a draft is reviewed, with ``{key}`` and ``{slug}``.

    Raises NotPermitted, TooLarge. An address that git does not use answers 404.
    """
    service = _service(request)
    if service is None:
        return Answer(404)
    if not (writes_documents(by) if service == PUSH else sees_drafts(by)):
        raise NotPermitted([Reason("ROLE:" + ",".join(WRITERS))])
    with _spooled(request, limit) as body:
        if service == PUSH and request.method == "POST":
            with library.writer():
                settle(database, library)
                return _receive(database, library, by, request, body, open_case, address, roles, limit)
        return _stream(library.serve(_environment(library, by, request, body), {}, body))


def _receive(
    database: Database,
    library: Library,
    by: Actor,
    request: Request,
    body: IO[bytes],
    open_case: OpenCase,
    address: str,
    roles: tuple[str, ...] | None,
    limit: int,
) -> Answer:
    hooks = library.path / "hooks"
    hook.install(hooks, library.path)
    before = library.refs("refs/heads/draft/")
    with NamedTemporaryFile(suffix=".json") as slip:
        _permit(database, library, by, address, roles).write(Path(slip.name))
        environment = {**_environment(library, by, request, body), hook.PERMIT: slip.name}
        settings = {"core.hooksPath": str(hooks), "receive.maxInputSize": str(limit), "core.bigFileThreshold": "8m"}
        answer = _in_time(library.serve(environment, settings, body))
        if (said := Path(slip.name).read_text(encoding="utf-8")).startswith("Traceback"):
            _log.error("a push could not be judged: %s", said)
    after = library.refs("refs/heads/draft/")
    moved = {ref: (before.get(ref), new) for ref, new in after.items() if before.get(ref) != new}
    if moved:
        library.flush()
        with database.writing() as tx:
            intake.record_push(tx, library, by, moved, open_case)
    head, _, rest = answer.partition(b"\r\n\r\n")
    status, headers = _head(head)
    return Answer(status, headers, iter((rest,)))


def _in_time(process: Any) -> bytes:
    """What git answers to a push. Raises TooLarge when it takes so long that it was ended, with all it had started."""
    watch = threading.Timer(LONGEST, os.killpg, (process.proc.pid, signal.SIGKILL))
    watch.start()
    try:
        answer: bytes = process.stdout.read(ANSWER_LIMIT)
        process.proc.communicate()
    finally:
        watch.cancel()
    if process.proc.returncode == -signal.SIGKILL:
        raise TooLarge(f"{LONGEST} s")
    return answer


def _permit(database: Database, library: Library, by: Actor, address: str, roles: tuple[str, ...] | None) -> hook.Permit:
    with database.reading() as connection:
        every = register.drafts(connection, open_only=False)
        paths = {row.key: row.path for row in register.register(connection, limit=1_000_000)}
    return hook.Permit(
        library=str(library.path),
        language=by.language,
        address=address,
        paths=paths,
        drafts={f"{draft.key}/{draft.slug}": draft.path for draft in every},
        closed=tuple(f"{draft.key}/{draft.slug}" for draft in every if not draft.is_open or draft.kind != "text"),
        roles=roles,
    )


def _service(request: Request) -> str | None:
    for name in (FETCH, PUSH):
        if request.method == "GET" and request.path == "/info/refs" and request.query == f"service={name}":
            return name
        if request.method == "POST" and request.path == f"/{name}" and not request.query:
            return name
    return None


def _environment(library: Library, by: Actor, request: Request, body: IO[bytes]) -> dict[str, str]:
    size = body.seek(0, 2)
    body.seek(0)
    environment = {
        "GIT_PROJECT_ROOT": str(library.path.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GATEWAY_INTERFACE": "CGI/1.1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REQUEST_METHOD": request.method,
        "PATH_INFO": f"/{library.path.name}{request.path}",
        "QUERY_STRING": request.query,
        "CONTENT_LENGTH": str(size),
        "REMOTE_USER": by.person,
        "REMOTE_ADDR": "",
    }
    for name in ("content-type", "content-encoding", "accept"):
        value = request.headers.get(name, "")
        if value and value.isprintable() and len(value) < 200:
            environment["CONTENT_TYPE" if name == "content-type" else f"HTTP_{name.upper().replace('-', '_')}"] = value
    if PROTOCOL.fullmatch(request.headers.get("git-protocol", "")):
        environment["GIT_PROTOCOL"] = request.headers["git-protocol"]
    return environment


def _spooled(request: Request, limit: int) -> IO[bytes]:
    """The request's body in a file, so that git reads at its own pace and never more than ``limit``."""
    body: IO[bytes] = TemporaryFile()  # noqa: SIM115
    taken = 0
    while request.body is not None and (part := request.body.read(CHUNK)):
        taken += len(part)
        if taken > limit:
            body.close()
            raise TooLarge(f"{limit} bytes")
        body.write(part)
    body.flush()
    return body


def _stream(process: Any) -> Answer:
    head = bytearray()
    while not head.endswith(b"\r\n\r\n") and (line := process.stdout.readline(8192)):
        head += line
    status, headers = _head(bytes(head))

    def parts() -> Iterator[bytes]:
        try:
            while part := process.stdout.read(CHUNK):
                yield part
        finally:
            process.proc.kill()
            process.proc.communicate()

    return Answer(status, headers, parts())


def _head(text: bytes) -> tuple[int, tuple[tuple[str, str], ...]]:
    status, headers = 200, []
    for line in text.decode("latin-1").splitlines():
        name, sign, value = line.partition(":")
        if name.lower() == "status":
            status = int(value.split()[0])
        elif sign:
            headers.append((name.strip(), value.strip()))
    return status, tuple(headers)
