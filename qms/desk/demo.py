"""The demo: a believable year of a consortium with its members, its contracts, courses, tenders, mistakes and what was done about them.

Everything is done through the same verbs as real work, by a clock that is set back a year; the trail says that it is a demo. What
happens stands in ``demo_year``: no workflow is named here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from qms.database import utc_now
from qms.desk import demo_script, notices, staff, start
from qms.desk.demo_script import Script
from qms.errors import Text
from qms.formats import moments
from qms.formats import notice as reader
from qms.people import directory, signature
from qms.people.actor import SYSTEM, Actor
from qms.procedures import control
from qms.records import evidence, trail
from qms.records.evidence import Attachment
from qms.workflows import case
from qms.workflows.case import Filters

LONG_ENOUGH = 400
"""Days before today when the demo begins."""
A_WHILE, SOON_AFTER = timedelta(minutes=5), timedelta(minutes=7)
"""Between two acts of a day, and between a fact and its recording."""
Advance = Callable[[int, int], None]


@dataclass(frozen=True)
class SignIn:
    """A ready sign-in, printed at start."""

    name: str
    email: str
    password: str
    comes_as: Text


def sign_ins() -> list[SignIn]:
    """Everybody who can sign in to the demo, with the password."""
    script = demo_script.read()
    return [SignIn(one["name"], one["email"], script.password, one["comes_as"]) for one in script.persons.values()]


@dataclass
class _Clock:
    now: datetime

    def __call__(self) -> datetime:
        return self.now


@dataclass
class _Stage:
    """The demo while it is being made: the open workspace, who is who, and the cases so far by their name in the script."""

    app: Any
    clock: _Clock
    today: datetime
    script: Script
    people: dict[str, str] = field(default_factory=dict)
    cases: dict[str, str] = field(default_factory=dict)

    def actor(self, name: str) -> Actor:
        with self.app.reading() as connection:
            return directory.actor(connection, self.people[name], self.app.hats, "web")

    def typed(self, value: Any) -> Any:
        """A value of the script as somebody types it."""
        return demo_script.typed(value, self.today, self.app.zone, {"case": self.cases, "person": self.people})


def build(root: Path, open_app: Callable[[Path, Any], Any], advance: Advance = lambda done, total: None) -> None:
    """Make the demo workspace at ``root``; ``open_app`` is how ``qms.app`` opens one. Raises what ``start.make`` raises."""
    script, today = demo_script.read(), utc_now()
    clock = _Clock(today - timedelta(days=LONG_ENOUGH))
    first = script.persons["qualita"]
    start.make(root, start.Beginning(script.name, script.organisation, first["name"], first["email"], script.password, demo=True), clock)
    app = open_app(root, clock)
    try:
        stage = _Stage(app, clock, today, script)
        _people(stage)
        _year(stage, advance)
        clock.now = today
        app.tick()
    finally:
        app.close()


def _year(stage: _Stage, advance: Advance) -> None:
    """Every act on its day; each day begins as it does in an office, with what fell due meanwhile. Acts follow one another; what is
    recorded of a moment comes after it."""
    acts, day = stage.script.acts, date.min
    for done, act in enumerate(acts):
        advance(done, len(acts))
        opens = demo_script.morning(stage.today, stage.app.zone, int(act["days"]))
        if opens.date() != day:
            day = opens.date()
            stage.clock.now = opens.astimezone(UTC)
            stage.app.tick()
        points = [stage.clock.now + A_WHILE]
        if "at" in act:
            points.append(_moment(stage, act) + SOON_AFTER)
        stage.clock.now = max(points)
        _DEEDS[next(name for name in _DEEDS if name in act)](stage, act, f"{uuid5(NAMESPACE_URL, str(done))}")
    advance(len(acts), len(acts))


def _moment(stage: _Stage, act: Mapping[str, Any]) -> datetime:
    return moments.parse(stage.typed(act["at"]), stage.app.zone).at


def _people(stage: _Stage) -> None:
    script, app = stage.script, stage.app
    with app.writing() as tx:
        trail.append(tx, trail.Act("demo-made", SYSTEM, what={"reason": "Dati di dimostrazione, con persone inventate / demo data"}))
        for kind, names in script.members.items():
            for name in names:
                staff.add_organisation(tx, SYSTEM, slug(name), name, kind)
        known = {person.email: person.id for person in directory.persons(tx.connection)}
        for nick, one in script.persons.items():
            if one["email"] not in known:
                ends = stage.today + timedelta(days=90) if one["kind"] == "auditor" else None
                person = staff.add_person(tx, SYSTEM, one["name"], one["email"], one["kind"], "it", ends)
                known[one["email"]] = person.id
                staff.set_password(tx, SYSTEM, person.id, script.password)
            for hat, organisation in one["hats"]:
                if (hat, organisation) not in directory.person(tx.connection, known[one["email"]]).hats:
                    staff.grant(tx, SYSTEM, app.hats, known[one["email"]], hat, organisation)
            stage.people[nick] = known[one["email"]]


def slug(name: str) -> str:
    """The identifier of an organisation from its name."""
    words = "".join(mark if mark.isalnum() else " " for mark in name.lower()).split()
    return "-".join(words)[:60]


def _import(stage: _Stage, act: Mapping[str, Any], key: str) -> None:
    content = files(__package__).joinpath(demo_script.YEAR, "notices", act["import"]).read_bytes()
    stored = evidence.store(stage.app.settings.evidence, BytesIO(content), act["import"], stage.app.settings.max_evidence_bytes)
    found = reader.read(content, act["import"])
    with stage.app.writing() as tx:
        (taken,) = notices.take_in(tx, stage.app.engine, found, stored, stage.actor(act["by"]), [0])
    stage.cases[act["as"]] = str(taken.case)


def _open(stage: _Stage, act: Mapping[str, Any], key: str) -> None:
    attached = _attached(stage, act)
    with stage.app.writing() as tx:
        in_force = (loaded.definition for loaded in stage.app.engine.definitions.all_in_force(tx.connection))
        receipt = case.open_case(
            tx,
            stage.app.engine,
            next(definition.id for definition in in_force if definition.prefix == act["open"]),
            stage.actor(act["by"]),
            fields=stage.typed(act.get("fields", {})),
            organisations=tuple(act.get("organisations", ())),
            evidence=attached,
            key=key,
        )
    stage.cases[act["as"]] = str(receipt.case)


def _step(stage: _Stage, act: Mapping[str, Any], key: str) -> None:
    """Take a step named by what its button says; ``opens`` names the case that it opens, ``at`` when the fact was."""
    app, by, number = stage.app, stage.actor(act["by"]), stage.cases[act["on"]]
    attached = _attached(stage, act)
    with app.reading() as connection:
        seen = case.show(connection, app.engine, number, by)
        is_document = seen.definition.subject == "document"
        text = control.draft_of_case(connection, number).blob if is_document else None
    fitting = [step for step in seen.definition.steps_in(app.settings.profile) if step.title["it"] == act["step"]]
    step = next((step for step in fitting if seen.state in step.sources), fitting[0])
    proof = signature.prove(app.database, by, stage.script.password) if step.sign else None
    at = _moment(stage, act) if "at" in act else None
    with app.writing(shelf=app.touches_library(step)) as tx:
        receipt = case.take_step(
            tx,
            app.engine,
            number,
            step.name,
            by,
            version=seen.version,
            fields=stage.typed(act.get("fields", {})),
            evidence=attached,
            happened_at=at,
            comment=act.get("comment"),
            proof=proof,
            key=key,
            text_seen=text,
        )
    if "opens" in act:
        with app.reading() as connection:
            said = trail.entry(connection, receipt.position).said["what"]
        stage.cases[act["opens"]] = said["effects"]["open-case"]["number"]


def _link(stage: _Stage, act: Mapping[str, Any], key: str) -> None:
    with stage.app.writing() as tx:
        case.link_case(tx, stage.app.engine, stage.cases[act["on"]], act["link"], stage.cases[act["to"]], stage.actor(act["by"]), key=key)


def _draft(stage: _Stage, act: Mapping[str, Any], key: str) -> None:
    app, by = stage.app, stage.actor(act["by"])
    with app.writing(shelf=True) as tx:
        begun = control.start_draft(
            tx, app.library, key=act["draft"], slug=act["slug"], by=by, open_case=app.open_proposal(by), reason=act["reason"]
        )
    with app.reading() as connection:
        text = control.draft_text(app.library, control.draft(connection, act["draft"], act["slug"]))
    with app.writing(shelf=True) as tx:
        control.save_draft(tx, app.library, act["draft"], act["slug"], text.rstrip("\n") + "\n" + act["add"], {}, by, begun.commit)
    stage.cases[act["as"]] = begun.case


def _confirm(stage: _Stage, act: Mapping[str, Any], key: str) -> None:
    """Open the case in which a document is reviewed and found to need no change."""
    app, by = stage.app, stage.actor(act["by"])
    with app.writing(shelf=True) as tx:
        begun = control.start_proposal(
            tx, app.library, key=act["confirm"], kind="confirmation", by=by, open_case=app.open_proposal(by), reason=act["reason"]
        )
    stage.cases[act["as"]] = begun.case


def _acknowledge(stage: _Stage, act: Mapping[str, Any], key: str) -> None:
    """Somebody confirms every text that waits for them: the signed step of each such case, whatever it is called."""
    app, by = stage.app, stage.actor(act["acknowledge"])
    with app.reading() as connection:
        about = {one.definition.id for one in app.engine.definitions.all_in_force(connection) if one.definition.subject == "acknowledgment"}
        found = [case.cases(connection, app.engine, by, filters=Filters(workflow=workflow), limit=200) for workflow in sorted(about)]
        waiting = [case.show(connection, app.engine, row.number, by) for rows in found for row in rows if not row.is_closed]
    for place, seen in enumerate(waiting):
        if by.person not in seen.fields.values():
            continue
        step = next(step for step in seen.definition.steps_in(app.settings.profile) if step.sign and seen.state in step.sources)
        proof = signature.prove(app.database, by, stage.script.password)
        with app.writing() as tx:
            case.take_step(tx, app.engine, seen.number, step.name, by, version=seen.version, proof=proof, key=f"{key}{place}")


_DEEDS: dict[str, Callable[[_Stage, Mapping[str, Any], str], None]] = {
    "import": _import,
    "open": _open,
    "step": _step,
    "link": _link,
    "draft": _draft,
    "confirm": _confirm,
    "acknowledge": _acknowledge,
}


def _attached(stage: _Stage, act: Mapping[str, Any]) -> list[Attachment]:
    found = []
    for slot, name in stage.typed(act.get("evidence", {})).items():
        content = BytesIO(page(f"{name} - documento di dimostrazione"))
        stored = evidence.store(stage.app.settings.evidence, content, name, stage.app.settings.max_evidence_bytes)
        found.append(evidence.attach(slot, stored))
    return found


def page(words: str) -> bytes:
    """One blank PDF page with a line of plain letters on it."""
    line = words.encode("ascii", "replace").replace(b"(", b"").replace(b")", b"")
    shown = b"BT /F1 14 Tf 72 760 Td (" + line + b") Tj ET"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(shown), shown),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    written, places = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(written))
        written += b"%d 0 obj%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    ending = b"xref\n0 6\n0000000000 65535 f \n" + table + b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(written)
    return written + ending
