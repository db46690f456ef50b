"""The demo: people of each kind, work under way, and a trail that verifies and says what it is."""

from pathlib import Path

import pytest

from qms import app as assembly
from qms.desk import demo, my_work, verification
from qms.people import directory, sign_in
from qms.records import trail
from qms.workflows import case


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
    assert kinds == {"staff", "auditor"}


def test_the_nineteen_members_are_there_by_kind(made: Path) -> None:
    with assembly.opened(made) as app, app.reading() as connection:
        kinds = [one.kind for one in directory.organisations(connection)]
    assert {kind: kinds.count(kind) for kind in kinds} == {"consortium": 1, "A": 7, "B": 9, "association": 1, "service": 2}


def test_work_of_each_process_waits_for_somebody(made: Path) -> None:
    with assembly.opened(made) as app, app.reading() as connection:
        people = {person.email.partition("@")[0]: person.id for person in directory.persons(connection)}
        actors = {name: directory.actor(connection, person, app.hats, "web") for name, person in people.items()}
        desks = {name: my_work.desk(connection, app.engine, by, app.database.clock().date()) for name, by in actors.items()}
        prefixes = {row.number.partition("-")[0] for row in case.cases(connection, app.engine, actors["qualita"])}
    assert prefixes == {"GARA", "NC", "REV"}
    assert any(one.to_sign and one.number.startswith("REV") for one in desks["direzione"].waiting)
    assert any(one.number.startswith("GARA") for one in desks["gare"].waiting)
    assert len(desks["qualita"].drafts) == 1
    assert desks["canile"].waiting


def test_the_demo_page_is_a_pdf() -> None:
    page = demo.page("Dichiarazione (prova) àè")
    assert page.startswith(b"%PDF-1.4")
    assert page.endswith(b"%%EOF\n")
