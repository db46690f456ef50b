"""Cases: find one, open one, and the page of one, which answers what it is, where it stands, what I can do now and what is missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from starlette.responses import Response

from qms.desk import results
from qms.desk.results import Result
from qms.errors import NotFound, NotPermitted, Reason
from qms.formats import identifiers
from qms.people import directory
from qms.people.actor import SYSTEM
from qms.people.directory import Organisation
from qms.people.sight import reads_personal
from qms.procedures import control
from qms.procedures.register import Draft
from qms.records import trail
from qms.web import pages
from qms.web.call import Call
from qms.web.drawing import Picture, drawn
from qms.web.fields import FileWidget, Form, Shown, Widget
from qms.web.registry import Permission, Route
from qms.web.sentences import Line, Teller
from qms.workflows import case, holds
from qms.workflows.case import Case, CaseRow, Filters, Offer
from qms.workflows.definition import Definition
from qms.workflows.holds import HOLDS, Hold
from qms.workflows.privacy import has_personal
from qms.workflows.viewing import Linked, Running
from qms.workflows.waivers import WAIVES

PAGE = 50
HISTORY = 100
SET = {
    "money": "num nobreak", "decimal": "num", "integer": "num", "percent": "num nobreak", "identifier": "nobreak", "date": "nobreak",
    "datetime": "nobreak",
}  # fmt: skip
"""How the cells of a column are set, by its type."""
DRAFT = "document"
"""The subject of cases that only a draft or a proposal opens."""


@dataclass(frozen=True)
class ListPage:
    rows: tuple[tuple[CaseRow, str, str, str], ...]
    workflows: tuple[tuple[str, str], ...]
    organisations: tuple[Organisation, ...]
    filters: Mapping[str, str]
    next: str | None
    may_open: bool


@dataclass(frozen=True)
class ChoosePage:
    workflows: tuple[Definition, ...]


@dataclass(frozen=True)
class OpenPage:
    definition: Definition
    widgets: tuple[Widget, ...]
    files: tuple[FileWidget, ...]
    organisations: tuple[tuple[Organisation, bool], ...]
    key: str
    happened_at: str
    comment: str


@dataclass(frozen=True)
class Datum:
    """One thing a case knows: a value, or a table of them."""

    title: str
    value: Any
    heads: tuple[tuple[str, str], ...] = ()
    """Of a table: each column's title and how it is set (``num``, ``nobreak`` or nothing)."""
    rows: tuple[tuple[Any, ...], ...] = ()
    is_personal: bool = False


@dataclass(frozen=True)
class Evidence:
    slot: str
    name: str
    sha256: str
    size: int
    position: int
    is_current: bool
    is_open: bool


@dataclass(frozen=True)
class CasePage:
    case: Case
    state: str
    meaning: str
    kind: str
    workflow: str
    organisations: str
    procedure: Any
    picture: Picture
    way: tuple[str, ...]
    offers: tuple[Offer, ...]
    mine: tuple[Offer, ...]
    others: tuple[Offer, ...]
    roles: Mapping[str, str]
    results: tuple[Result, ...]
    facts: tuple[Datum, ...]
    empty: int
    evidence: tuple[Evidence, ...]
    withholds: bool
    """Whether values about persons are left out for this reader."""
    timers: tuple[Running, ...]
    links: tuple[tuple[str, Linked, str], ...]
    parents: tuple[tuple[str, Linked, str], ...]
    draft: Draft | None
    history: tuple[Line, ...]
    more: int | None
    may_waive: bool
    hold: Hold | None
    may_hold: bool
    opened_by: str
    seal: Line | None


def list_cases(call: Call) -> Response:
    names = ("text", "workflow", "organisation", "standing", "code", "before", "mine")
    asked = {name: call.asked(name)[:200] for name in names}
    app, by = call.app, call.by
    with app.reading() as connection:
        places = case.places_to_act(connection, app.engine, by) if asked["mine"] else None
        found = case.cases(connection, app.engine, by, filters=_filters(asked, places), before=asked["before"] or None, limit=PAGE + 1)
        rows = tuple(_row(call, connection, row) for row in found[:PAGE])
        loaded = app.engine.definitions.all_in_force(connection)
        organisations = tuple(directory.organisations(connection))
    workflows = tuple((one.definition.id, one.definition.title[call.language]) for one in loaded)
    following = found[PAGE - 1].cursor if len(found) > PAGE else None
    page = ListPage(rows, workflows, organisations, asked, following, by.kind == "staff")
    return pages.draw(call, "cases/list.html", call.t("web.place.cases"), page)


def choose(call: Call) -> Response:
    """Which kind of case to open: those whose opening this person may take."""
    app, by = call.app, call.by
    with app.reading() as connection:
        loaded = app.engine.definitions.all_in_force(connection)
    mine = tuple(
        one.definition for one in loaded if one.definition.subject != DRAFT and any(by.holds(role) for role in one.definition.opening.by)
    )
    return pages.draw(call, "cases/choose.html", call.t("web.case.open_new"), ChoosePage(mine))


def ask_open(call: Call, workflow: str) -> Response:
    app, by = call.app, call.by
    with app.reading() as connection:
        definition = case.definition_of(connection, app.engine, workflow)
        if definition.subject == DRAFT:
            raise NotFound("workflow", workflow)
        if not any(by.holds(role) for role in definition.opening.by) and call.refusal is None:
            raise NotPermitted([Reason(f"ROLE:{','.join(definition.opening.by)}")])
        form = Form(call, connection, pages.words_of(call))
        known = {name: field.default for name, field in definition.fields.items() if field.default is not None}
        widgets = form.widgets(definition, definition.opening.asks, known)
        files = form.files(definition.evidence, definition.opening.evidence, {})
        chosen = {value for name, value in call.texts("organisation")} if call.request.method == "POST" else _elsewhere(call)
        parties = tuple((one, one.id in chosen) for one in directory.organisations(connection)) if definition.may_add_parties else ()
    page = OpenPage(definition, widgets, files, parties, call.typed("key") or uuid4().hex, call.typed("happened_at"), call.typed("comment"))
    return pages.draw(call, "cases/open.html", definition.opening.title[call.language], page)


def _elsewhere(call: Call) -> set[str]:
    """The organisations of a person who has none of their roles in the one whose system this is: their case is theirs too."""
    mine = call.by.organisations
    return set() if call.app.settings.organisation in mine else set(mine)


def show(call: Call, number: str) -> Response:
    app, by = call.app, call.by
    with app.reading() as connection:
        found = case.show(connection, app.engine, number, by)
        offers = tuple(case.offers(connection, app.engine, found, by)) if by.kind == "staff" else ()
        teller = Teller(call, connection)
        entries = trail.entries(connection, case=number, before=call.asked_number("before"), limit=HISTORY + 1, damaged=True)
        newest = trail.entries(connection, case=number, limit=1, damaged=True)
        page = CasePage(
            **_standing(call, connection, found),
            offers=offers,
            mine=tuple(offer for offer in offers if offer.is_mine),
            others=tuple(offer for offer in offers if not offer.is_mine),
            roles={code: title[call.language] for code, title in app.hats.roles.items()},
            **_matter(call, connection, found, teller.shown),
            history=teller.lines(entries[:HISTORY], with_changes=True),
            more=entries[HISTORY - 1].position if len(entries) > HISTORY else None,
            may_waive=call.by.kind == "staff" and call.by.holds(WAIVES, found.file.organisations) and not found.file.is_closed,
            hold=holds.of_case(connection, number),
            may_hold=by.kind == "staff" and by.role_for(HOLDS, found.file.organisations) is not None,
            opened_by=_name(connection, found.file.opened_by),
            seal=next(iter(teller.lines(newest)), None),
        )
    return pages.draw(call, "cases/case.html", f"{number} {found.file.title}", page)


def _name(connection: Any, person: str) -> str:
    """How whoever did something is called; the program by its own name."""
    return SYSTEM.name if person == SYSTEM.person else directory.names(connection, [person]).get(person, person)


def way(connection: Any, number: str) -> list[tuple[str | None, str, str]]:
    """The way a case came: (state before, step, state after), from its entries."""
    found = []
    for entry in trail.entries(connection, case=number, limit=500, damaged=True):
        said = entry.said["case"] or {}
        if said.get("step"):
            found.append((said.get("from"), str(said["step"]), str(said["to"])))
    return found[::-1]


def _places(came: list[tuple[str | None, str, str]]) -> list[str]:
    """The states a case was in, one after the other."""
    places: list[str] = []
    for _, _, state in came:
        if not places or places[-1] != state:
            places.append(state)
    return places


def _standing(call: Call, connection: Any, found: Case) -> dict[str, Any]:
    file, definition, language = found.file, found.definition, call.language
    state = definition.states[file.state]
    came = way(connection, file.number)
    names = {one.id: one.name for one in directory.organisations(connection)}
    return {
        "case": found,
        "state": state.title[language],
        "meaning": state.meaning[language] if state.meaning else "",
        "kind": state.kind,
        "workflow": definition.title[language],
        "organisations": ", ".join(names.get(one, one) for one in file.organisations),
        "procedure": file.procedure,
        "picture": drawn(call, definition, file.state, came, "#step-"),
        "way": tuple(definition.states[name].title[language] for name in _places(came) if name in definition.states),
        "timers": tuple(one for one in found.timers if one.clock.due_at is not None),
        "draft": _draft(connection, file.number) if definition.subject == "document" else None,
    }


def _matter(call: Call, connection: Any, found: Case, shown: Shown) -> dict[str, Any]:
    definition, language = found.definition, call.language
    facts = tuple(_datum(shown, definition, name, value, language) for name, value in _in_order(found))
    slots = definition.evidence
    files = tuple(
        Evidence(
            slots[one.slot].title[language] if one.slot in slots else one.slot,
            one.name or call.t("web.erased" if one.is_open else "web.withheld"),
            one.sha256, one.size, one.position, one.is_current, one.is_open,
        )
        for one in found.evidence
    )  # fmt: skip
    return {
        "facts": facts,
        "results": tuple(results.results_of(found.definition, found.fields)),
        "empty": len(definition.fields) - len(facts),
        "evidence": files,
        "withholds": not reads_personal(call.by) and any(has_personal(field) for field in definition.fields.values()),
        "links": tuple((_link_title(definition, one.name, language), one, _state_of(call, connection, one)) for one in found.links),
        "parents": tuple((one.name, one, _state_of(call, connection, one)) for one in found.parents),
    }


def _in_order(found: Case) -> list[tuple[str, Any]]:
    return [(name, found.fields[name]) for name in found.definition.fields if found.fields.get(name) not in (None, "", [])]


def _datum(shown: Shown, definition: Definition, name: str, stored: Any, language: str) -> Datum:
    field = definition.fields[name]
    if field.columns is None:
        return Datum(field.title[language], shown.value(field, stored), is_personal=field.personal)
    columns = [(column, one) for column, one in field.columns.items() if any(row.get(column) is not None for row in stored)]
    rows = tuple(tuple(shown.value(one, row.get(column)) for column, one in columns) for row in stored)
    return Datum(field.title[language], None, tuple((one.title[language], SET.get(one.type, "")) for _, one in columns), rows)


def _link_title(definition: Definition, name: str, language: str) -> str:
    link = definition.links.get(name)
    return link.title[language] if link else name


def _state_of(call: Call, connection: Any, linked: Linked) -> str:
    if linked.state is None:
        return ""
    digest = case.show(connection, call.app.engine, linked.number, call.by).definition
    return digest.states[linked.state].title[call.language]


def _draft(connection: Any, number: str) -> Draft | None:
    try:
        return control.draft_of_case(connection, number)
    except NotFound:
        return None


def _row(call: Call, connection: Any, row: CaseRow) -> tuple[CaseRow, str, str, str]:
    definition = call.app.engine.definitions.get(connection, row.definition).definition
    state = definition.states[row.state]
    return row, definition.title[call.language], state.title[call.language], state.kind


def _filters(asked: Mapping[str, str], places: Any) -> Filters:
    closed = {"open": False, "closed": True}.get(asked["standing"])
    return Filters(
        workflow=asked["workflow"] or None,
        closed=False if asked["mine"] else closed,
        organisation=asked["organisation"] or None,
        title=asked["text"] or None,
        identifier=_code(asked["code"]) if asked["code"] else None,
        places=places,
    )


def _code(written: str) -> tuple[str, str]:
    """The kind of a code that somebody looks for, found by asking each check whether it is one of its own."""
    for kind in identifiers.KINDS:
        finding = identifiers.check(kind, written)
        if finding.is_valid and finding.normalised:
            return kind, finding.normalised
    return "CIG", identifiers.normalise("CIG", written)


ROUTES = (
    Route("GET", "/cases", Permission.READERS, list_cases),
    Route("GET", "/cases/new", Permission.STAFF, choose),
    Route("GET", "/cases/new/{workflow}", Permission.STAFF, ask_open),
    Route("GET", "/cases/{number}", Permission.READERS, show),
)
