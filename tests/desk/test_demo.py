"""The demo: people of each kind, work under way, and a trail that verifies and says what it is."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from qms import app as assembly
from qms.desk import demo, my_work, verification
from qms.people import directory, sign_in
from qms.people.actor import Actor
from qms.records import trail
from qms.workflows import case
from qms.workflows.definitions import Loaded
from qms.workflows.engine import Engine


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("demo") / "w"
    demo.build(root, assembly.open)
    return root


def test_the_demo_verifies_and_says_that_it_is_one(made: Path) -> None:
    with assembly.opened(made) as app, app.reading() as connection:
        assert [check for check in verification.everything(connection, app) if not check.passed] == []
        assert len(trail.entries(connection, event="demo-made")) == 1
        assert app.settings.demo


def test_everybody_printed_can_sign_in_and_comes_as_a_kind_of_their_own(made: Path) -> None:
    with assembly.opened(made) as app:
        kinds = set()
        for one in demo.sign_ins():
            person = sign_in.sign_in(app.database, one.email, one.password).person
            with app.reading() as connection:
                kinds.add(directory.actor(connection, person, app.hats, "web").kind)
    assert kinds == {"staff", "auditor", "outside"}


def test_the_nineteen_members_are_there_by_kind(made: Path) -> None:
    with assembly.opened(made) as app, app.reading() as connection:
        kinds = [one.kind for one in directory.organisations(connection)]
    assert {kind: kinds.count(kind) for kind in kinds} == {"consortium": 1, "A": 7, "B": 9, "association": 1, "service": 2}


def test_work_of_each_process_waits_for_somebody(made: Path) -> None:
    with assembly.opened(made) as app, app.reading() as connection:
        people = {person.email.partition("@")[0]: person.id for person in directory.persons(connection)}
        actors = {name: directory.actor(connection, person, app.hats, "web") for name, person in people.items()}
        desks = {name: my_work.desk(connection, app.engine, by, app.database.clock().date()) for name, by in actors.items()}
        numbers = [row.number for page in pages(connection, app.engine, actors["qualita"]) for row in page]
        numbers += [row.number for page in pages(connection, app.engine, actors["formazione"]) for row in page]
    shipped = {loaded.definition.prefix for loaded in in_force(made)}
    assert {number.partition("-")[0] for number in numbers} == shipped
    assert any(one.to_sign and one.number.startswith("REV") for one in desks["direzione"].waiting)
    assert any(one.number.startswith("GARA") for one in desks["gare"].waiting)
    assert any(one.number.startswith("CORSO") for one in desks["direzione"].waiting)
    assert len(desks["qualita"].drafts) == 1
    assert desks["canile"].waiting


def pages(connection: Connection, engine: Engine, by: Actor) -> Iterator[list[case.CaseRow]]:
    before = None
    while page := case.cases(connection, engine, by, before=before, limit=200):
        yield page
        before = page[-1].cursor


def in_force(made: Path) -> list[Loaded]:
    with assembly.opened(made) as app, app.reading() as connection:
        return list(app.engine.definitions.all_in_force(connection))


def test_the_year_is_believable(made: Path) -> None:
    """A contract with its results month by month, an action that failed and worked at the second try, a late but valid recording."""
    with assembly.opened(made) as app, app.reading() as connection:
        quality = directory.actor(connection, directory.persons(connection)[0].id, app.hats, "web")
        rows = [row for page in pages(connection, app.engine, quality) for row in page]
        measuring = {loaded.definition.id: loaded.definition.measures for loaded in in_force(made) if loaded.definition.measures}
        series = []
        for row in rows:
            if row.workflow in measuring:
                shown = case.show(connection, app.engine, row.number, quality)
                assert not any("{" in (one.name or "") or "<" in (one.name or "") for one in shown.evidence)
                table = shown.fields.get(measuring[row.workflow]["table"]) or []
                series.append({entry[measuring[row.workflow]["period"]] for entry in table})
        assert max(map(len, series)) >= 9
        entries = [entry for event in ("step-taken",) for entry in trail.entries(connection, event=event, limit=2000)]
        late = [entry for entry in entries if entry.happened_at and 300 <= (entry.at - entry.happened_at).total_seconds() <= 600]
        assert late
        firsts = trail.entries(connection, event="case-opened", limit=2000)
        assert (firsts[0].at - firsts[-1].at).days > 330


def test_the_demo_page_is_a_pdf() -> None:
    page = demo.page("Dichiarazione (prova) àè")
    assert page.startswith(b"%PDF-1.4")
    assert page.endswith(b"%%EOF\n")
