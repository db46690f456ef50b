"""Starting a system: whole or not at all."""

import re
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from qms import app as assembly
from qms.desk import start, verification
from qms.desk.start import Beginning
from qms.errors import Incomplete
from qms.people import directory, sign_in
from qms.procedures import clauses, control, document
from qms.records import trail
from qms.settings import load
from tests.conftest import fresh_postgresql
from tests.house import House

PROCEDURE = "procedures/miglioramento/PRO-8.7-01-non-conformita.md"
PASSWORD = "la-mattina-presto"
BEGINNING = Beginning("Consorzio", "consorzio", "Lucia Bianchi", "lucia@example.org", PASSWORD)


def refusal(root: Path, beginning: Beginning) -> tuple[str, ...]:
    with pytest.raises(Incomplete) as refused:
        start.make(root, beginning)
    return refused.value.codes


@pytest.mark.parametrize("profile", ["small", "full"])
def test_a_new_system_holds_the_starter_in_force_and_verifies(tmp_path: Path, profile: str) -> None:
    first = start.make(tmp_path / "w", replace(BEGINNING, profile=profile))
    with assembly.opened(tmp_path / "w") as app, app.reading() as connection:
        by = directory.actor(connection, first, app.hats, "web")
        assert by.holds("QM") and by.holds("DOC_CTRL") and by.holds("ADMIN")
        assert len(app.engine.definitions.all_in_force(connection)) >= 4
        assert [check for check in verification.everything(connection, app) if not check.passed] == []
        events = [entry.event for entry in trail.upwards(connection, trail.size(connection))]
    assert events[:4] == ["workspace-created", "rules-changed", "organisation-added", "person-added"]
    assert events.count("document-adopted") >= 5
    assert sign_in_works(tmp_path / "w")


def sign_in_works(root: Path) -> bool:
    with assembly.opened(root) as app:
        return sign_in.sign_in(app.database, "lucia@example.org", PASSWORD).person == "P-0001"


def test_key_evidence_and_database_are_for_the_owner_alone(tmp_path: Path) -> None:
    start.make(tmp_path / "w", BEGINNING)
    at = load(tmp_path / "w")
    assert stat.S_IMODE(at.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(at.root.stat().st_mode) == 0o700
    assert b"PRIVATE" not in at.public_key.read_bytes()


def test_an_empty_folder_may_be_there_already(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    start.make(tmp_path / "w", BEGINNING)
    assert load(tmp_path / "w").organisation == "consorzio"


def test_a_folder_or_file_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("full", "file"):
        assert refusal(tmp_path / name, BEGINNING) == ("FOLDER_NOT_EMPTY",)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "full", "mine"]


def test_everything_wrong_about_the_beginning_is_said_at_once_and_nothing_is_left(tmp_path: Path) -> None:
    wrong = replace(BEGINNING, organisation="No Spaces", person=" ", email="nobody", password="short")
    codes = refusal(tmp_path / "w", wrong)
    assert codes == ("FIELD_INVALID:id", "PASSWORD:length", "FIELD_INVALID:name", "FIELD_INVALID:email")
    assert refusal(tmp_path / "w", replace(BEGINNING, profile="huge")) == ("FIELD_INVALID:profile",)
    assert list(tmp_path.iterdir()) == []


def test_names_with_quotes_and_other_scripts_come_back_as_written(tmp_path: Path) -> None:
    name = 'Consorzio "L\'Aurora" \\ società — テスト'
    start.make(tmp_path / "w", replace(BEGINNING, name=name))
    assert load(tmp_path / "w").name == name


def test_a_database_that_holds_a_system_is_not_taken_for_another(tmp_path: Path, postgresql_server: str) -> None:
    url = fresh_postgresql(postgresql_server)
    assert refusal(tmp_path / "a", replace(BEGINNING, database_url=url, password="short")) == ("PASSWORD:length",)
    start.make(tmp_path / "a", replace(BEGINNING, database_url=url))
    assert refusal(tmp_path / "b", replace(BEGINNING, database_url=url)) == ("DATABASE_IN_USE",)
    assert sign_in_works(tmp_path / "a")


def test_the_list_of_clauses_travels_with_the_starter(house: House) -> None:
    assert clauses.in_force(house.app.library).edition == "ISO 9001:2015"


def planted() -> dict[str, bytes]:
    """The starter with an English text beside one of its documents."""
    content = {path: text for path, text in start.starter().items() if document.translation_of(path) is None}
    text = content[PROCEDURE].decode().replace("language: it", "language: en")
    text = re.sub("^title: .*\ntitles: .*$", 'title: "Nonconformities"\ntitles: {it: "Non conformità"}', text, flags=re.MULTILINE)
    return {**content, PROCEDURE.replace(".md", ".en.md"): text.encode()}


@pytest.mark.parametrize("language", ["it", "en"])
def test_an_organisation_begins_with_the_texts_of_its_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    content = planted()
    monkeypatch.setattr(start, "starter", lambda: content)
    start.make(tmp_path / "w", replace(BEGINNING, language=language))
    with assembly.opened(tmp_path / "w") as app, app.reading() as connection:
        row = control.document(connection, "PRO-8.7-01")
        assert (row.language, row.path) == (language, PROCEDURE)
        assert (row.titled("it"), row.titled("en")) == ("Non conformità", "Nonconformities")
        other = control.document(connection, "PRO-7.5-01")
        assert (other.language, other.titled("en")) == ("it", "Control of documents")
        assert [found.key for found in control.register(connection, text="nonconformities")] == ["PRO-8.7-01"]
        assert not [path for path in app.library.tree(app.library.refs()["refs/heads/main"], "procedures") if ".en." in path]
        assert [check for check in verification.everything(connection, app) if not check.passed] == []


def test_every_document_of_the_starter_has_a_title_in_both_languages() -> None:
    for path, text in start.starter().items():
        if path.startswith("procedures/") and path.endswith(".md"):
            beside = document.translation_of(path)
            front = document.parse(text, beside[0] if beside else path).front
            assert {front.language, *front.titles} == {"it", "en"}, path
