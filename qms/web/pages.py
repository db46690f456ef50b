"""Draws pages: one layout, one template for each handler, values typed and frozen, no rule decided here."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote
from zipfile import ZipFile

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from qms.desk import search
from qms.errors import QmsError
from qms.people import directory
from qms.people.actor import Actor
from qms.web.call import Call, Refusal
from qms.web.registry import Permission
from qms.web.words import Words


@dataclass(frozen=True)
class Place:
    """One entry of the navigation."""

    address: str
    title: str
    icon: str
    is_here: bool


@dataclass(frozen=True)
class Frame:
    """What every page shows around its own matter."""

    title: str
    house: str
    language: str
    other_language: str
    by: Actor | None
    hats: tuple[str, ...]
    csrf: str
    path: str
    places: tuple[Place, ...]
    refusal: Refusal | None
    recorded: int | None
    opened: tuple[str, ...]
    """The cases that the recorded act opened."""
    is_demo: bool


PLACES = (
    ("/", "web.place.desk", "layout-dashboard", Permission.SIGNED_IN),
    ("/cases", "web.place.cases", "folder-open", Permission.READERS),
    ("/deadlines", "web.place.deadlines", "calendar-clock", Permission.READERS),
    ("/documents", "web.place.documents", "book-open", Permission.READERS),
    ("/processes", "web.place.processes", "workflow", Permission.READERS),
    ("/notices", "web.place.notices", "file-input", Permission.STAFF),
    ("/records", "web.place.trail", "scroll-text", Permission.READERS),
    ("/verification", "web.place.verification", "shield-check", Permission.WATCHERS),
    ("/identifiers", "web.place.identifiers", "badge-check", Permission.SIGNED_IN),
    ("/people", "web.place.people", "users", Permission.KEEPERS),
)


def draw(call: Call, template: str, title: str, page: Any, status: int = 200) -> Response:
    """One page: ``page`` is a frozen object whose names the template reads."""
    words = Words(call.language, call.app.zone, call.app.database.clock(), call.app.hats.roles)
    frame = _frame(call, title)
    text = (
        _environment()
        .get_template(template)
        .render(page=page, frame=frame, w=words, t=words.t, may=lambda name: Permission[name].admits(call.person))
    )
    return HTMLResponse(text, status)


def mistake(call: Call, refusal: Refusal) -> Response:
    """A page that only says what is wrong, and gives back what was typed so that it can be copied."""
    hidden = ("csrf", "password", "password2", "token", "key", "version")
    typed = tuple((name, value) for name, value in call.texts() if name not in hidden and not name.startswith("kept") and value.strip())
    call.refusal = refusal
    return draw(call, "mistake.html", refusal.title, {"typed": typed}, refusal.status)


def words_of(call: Call) -> Words:
    """The formats of whoever asks."""
    return Words(call.language, call.app.zone, call.app.database.clock(), call.app.hats.roles)


def account_ends(connection: Any, by: Actor) -> datetime | None:
    """When this person's account closes by itself, as an auditor's does."""
    return directory.person(connection, by.person).expires_at


def quoted(text: object) -> str:
    """Text as one part of an address."""
    return quote(str(text), safe="")


@cache
def icon(name: str) -> Markup:
    """A lucide icon as inline SVG; it always stands beside a word, so it is hidden from those who listen."""
    with files("lucide").joinpath("lucide.zip").open("rb") as handle, ZipFile(handle) as package:
        svg = package.read(f"{name}.svg").decode()
    inner = svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")].strip()
    return Markup(  # noqa: S704  (the icon's own markup, from its package)
        '<svg class="icon" width="18" height="18" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" '
        f'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">{inner}</svg>'
    )


def _frame(call: Call, title: str) -> Frame:
    path = call.request.url.path
    by = call.person
    recorded = call.request.query_params.get("recorded", "")
    position = int(recorded) if recorded.isascii() and recorded.isdigit() and len(recorded) < 16 else None
    return Frame(
        title=title,
        house=call.app.settings.name,
        language=call.language,
        other_language="en" if call.language == "it" else "it",
        by=by,
        hats=_hats(call),
        csrf=call.session.csrf if call.session else "",
        path=path + ("?" + call.request.url.query if call.request.url.query and call.request.method == "GET" else ""),
        places=tuple(
            Place(address, call.t(key), icon_name, path == address or (address != "/" and path.startswith(address + "/")))
            for address, key, icon_name, permission in PLACES
            if by is not None and permission.admits(by)
        ),
        refusal=call.refusal,
        recorded=position,
        opened=_opened(call, position) if position else (),
        is_demo=call.app.settings.demo,
    )


def _opened(call: Call, position: int) -> tuple[str, ...]:
    try:
        with call.app.reading() as connection:
            what = search.record(connection, call.app.engine, call.by, position).said["what"]
    except QmsError:
        return ()
    links = what.get("links", [])
    return tuple(str(link["child"]) for link in links if isinstance(link, dict) and "child" in link)


def _hats(call: Call) -> tuple[str, ...]:
    if call.person is None:
        return ()
    known = call.app.hats.hats
    names = sorted({name for name, _ in call.person.hats})
    return tuple(known[name].title[call.language] for name in names if name in known)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("qms.web", "templates"), undefined=StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    made.globals |= {"icon": icon, "ask": quoted}
    return made
