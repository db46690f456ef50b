"""One request: who asks, in which language, what they typed, and how they are answered.

Everything that needs the database happens in one worker thread per request, so that a page costs one hop between threads and no more.
"""

import asyncio
import hmac
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any, TypeVar

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from qms.app import App
from qms.errors import Incomplete, NotPermitted, Reason, Text
from qms.locale import LANGUAGES, say, spoken
from qms.people import sign_in, signature
from qms.people.actor import Actor
from qms.people.sign_in import Session
from qms.records import evidence
from qms.records.evidence import Attachment
from qms.web.registry import Route

SEEN_EVERY = 300
WORKERS = ThreadPoolExecutor(40, "request")
"""Threads for what waits: the database, a password's hash, git. Starlette's own pool wakes a thread several times for each request."""
LANGUAGE_COOKIE = "qms-language"
Done = TypeVar("Done")


async def in_worker(work: Callable[[], Done]) -> Done:
    """Let a worker thread do ``work`` while the event loop serves others."""
    return await asyncio.get_running_loop().run_in_executor(WORKERS, work)


@dataclass(frozen=True)
class Mistake:
    """One thing that stands in the way of a form: the sentence, the field to go to, and the stable code."""

    text: str
    place: str | None
    code: str


@dataclass(frozen=True)
class Refusal:
    """Why a form came back, with the status of the answer."""

    status: int
    title: str
    mistakes: tuple[Mistake, ...]

    def at(self, place: str) -> str | None:
        """What to say beside one field."""
        return " ".join(mistake.text for mistake in self.mistakes if mistake.place == place) or None


class Call:
    """One request of a browser or a program."""

    def __init__(self, app: App, route: Route, request: Request, form: FormData) -> None:
        self.app = app
        self.route = route
        self.request = request
        self.form = form
        self.session: Session | None = None
        self.person: Actor | None = None
        self.refusal: Refusal | None = None

    @property
    def by(self) -> Actor:
        """Who asks. Raises NotPermitted when nobody is signed in."""
        if self.person is None:
            raise NotPermitted([Reason("NOT_SIGNED_IN")])
        return self.person

    @property
    def is_secure(self) -> bool:
        return self.request.url.scheme == "https"

    @property
    def cookie_name(self) -> str:
        """The browser itself refuses a ``__Host-`` cookie that is not secure, whole-site and host-only."""
        return "__Host-qms" if self.is_secure else "qms"

    @property
    def language(self) -> str:
        """The person's own choice, else what this browser chose or asks for, else the workspace's."""
        if self.person is not None:
            return self.person.language
        chosen = self.request.cookies.get(LANGUAGE_COOKIE, "")
        if chosen in LANGUAGES:
            return chosen
        return spoken(self.request.headers.get("accept-language", ""), self.app.settings.language)

    @property
    def t(self) -> "partial[str]":
        """The sentence for a key, in the reader's language."""
        return partial(say, self.language)

    def both(self, key: str, **values: object) -> Text:
        """A sentence in every language, for a refusal."""
        return {language: say(language, key, None, **values) for language in LANGUAGES}

    def admit(self) -> None:
        """Find out who asks, and whether they may. Raises NotPermitted."""
        cookie = self.request.cookies.get(self.cookie_name)
        if cookie:
            self._recognise(cookie)
        if not self.route.permission.admits(self.person):
            raise NotPermitted([Reason("NOT_SIGNED_IN") if self.person is None else Reason("NOT_FOR_YOU")])
        if self.request.method == "POST" and not self.route.is_for_programs:
            self._same_site()

    def _recognise(self, cookie: str) -> None:
        now = self.app.database.clock()
        with self.app.database.asking() as connection:
            found = sign_in.session(connection, cookie, now, self.app.hats, "web")
        if found is None:
            return
        self.session, self.person = found
        watched: dict[str, Any] = self.request.app.state.seen
        digest = sha256(cookie.encode()).hexdigest()
        if digest not in watched or (now - watched[digest]).total_seconds() > SEEN_EVERY:
            watched[digest] = now
            with self.app.writing() as tx:
                sign_in.seen(tx, cookie)

    def _same_site(self) -> None:
        """A form must come from a page of ours: the browser says so, and the page carried the session's own word."""
        headers = self.request.headers
        own = f"{self.request.url.scheme}://{headers.get('host', '')}"
        foreign = headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none") or headers.get("origin", own) != own
        word = str(self.form.get("csrf", ""))
        if foreign or (self.session is not None and not hmac.compare_digest(word.encode(), self.session.csrf.encode())):
            raise NotPermitted([Reason("FORM_ORIGIN")])

    def typed(self, name: str, default: str = "") -> str:
        """What stands in a text field of the form, else ``default``: an address that somebody sent fills in no form."""
        value = self.form.get(name)
        return value if isinstance(value, str) else default

    def asked(self, name: str, default: str = "") -> str:
        """What the address says after its question mark: which page or part of a list is wanted."""
        return self.request.query_params.get(name, default)

    def texts(self, prefix: str = "") -> list[tuple[str, str]]:
        """Every text field of the form whose name begins with ``prefix``, in order, the prefix taken off."""
        pairs = [(name, value) for name, value in self.form.multi_items() if isinstance(value, str) and name.startswith(prefix)]
        return [(name.removeprefix(prefix), value) for name, value in pairs]

    def number(self, name: str) -> int | None:
        """A whole number in the form; None when there is none. Raises Incomplete when it is something else."""
        return _whole(name, self.typed(name))

    def asked_number(self, name: str) -> int | None:
        """A whole number in the address; None when there is none. Raises Incomplete when it is something else."""
        return _whole(name, self.asked(name))

    def uploads(self, prefix: str) -> Iterable[tuple[str, UploadFile]]:
        """The files that came, by what follows ``prefix`` in the name of their field; an empty file field sends a nameless one."""
        for name, value in self.form.multi_items():
            if isinstance(value, UploadFile) and name.startswith(prefix) and value.filename:
                yield name.removeprefix(prefix), value

    def attachments(self, prefix: str = "evidence.") -> list[Attachment]:
        """Keep every file that came, durably, and take again those that came with a form refused before. Raises Incomplete."""
        settings = self.app.settings
        found = list(self.slips())
        reasons = []
        for slot, upload in self.uploads(prefix):
            try:
                stored = evidence.store(settings.evidence, upload.file, upload.filename or "", settings.max_evidence_bytes)
                found.append(evidence.attach(slot, stored))
            except Incomplete as error:
                reasons += [Reason(reason.code, slot, reason.values, reason.text) for reason in error.reasons]
        self.kept = tuple(found)
        if reasons:
            raise Incomplete(reasons)
        return found

    kept: tuple[Attachment, ...] = ()
    """Files taken in by this request: a form that comes back names them, so that nobody has to choose them again."""

    def slip(self, attachment: Attachment) -> str:
        """The hidden word by which a refused form names a file already received; only the server can have written it, for this session."""
        said = "|".join((attachment.slot, attachment.sha256, str(attachment.size), attachment.type, attachment.name))
        return f"{self._sealed(said)}|{said}"

    def slips(self) -> Iterable[Attachment]:
        """The files named by slips that this session wrote."""
        for _, value in self.texts("kept"):
            mark, _, said = value.partition("|")
            if said.count("|") >= 4 and hmac.compare_digest(mark.encode(), self._sealed(said).encode()):
                slot, digest, size, kind, name = said.split("|", 4)
                yield Attachment(slot, digest, int(size), kind, name)

    def _sealed(self, said: str) -> str:
        session = self.session.csrf if self.session else ""
        return hmac.new(self.app.key.secret_for("slip"), f"{session}|{said}".encode(), "sha256").hexdigest()

    def proof(self, is_wanted: bool) -> signature.Proof | None:
        """The signature of an act that asks for one: the password, given again. Raises NotPermitted."""
        password = self.typed("password")
        if not is_wanted or not password:
            return None
        return signature.prove(self.app.database, self.by, password)

    def to(self, address: str, recorded: int | None = None) -> Response:
        """Send the browser on after an act; ``recorded`` is the entry the next page announces."""
        mark = "" if recorded is None else ("&" if "?" in address else "?") + f"recorded={recorded}"
        return RedirectResponse(address + mark, 303)


def _whole(name: str, written: str) -> int | None:
    written = written.strip()
    if not written:
        return None
    if not written.isascii() or not written.isdigit() or len(written) > 15:
        raise Incomplete([Reason(f"FIELD_INVALID:{name}", name)])
    return int(written)


def local_path(wanted: str, otherwise: str = "/") -> str:
    """``wanted`` when it is a path on this very server, else ``otherwise``: no other site can be slipped in."""
    plain = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable() and "\\" not in wanted
    return wanted if plain and len(wanted) < 500 else otherwise
