"""A definition of a process is a controlled document: drafted, judged, approved by others, in force for new cases and on the trail."""

from pathlib import Path

import pytest

from qms.records import trail
from qms.workflows import case
from tests.cast import PASSWORD
from tests.house import House
from tests.web.conftest import AsPerson, Browser, sentences
from tests.web.test_a_document_that_is_a_file import handed
from tests.web.test_publishing_a_revision import APPROVE, CHECK, SUBMIT, case_of, stepped

SHIPPED = Path(__file__).parents[2] / "workflows" / "planned-action.yaml"
KEY = "IST-10.1-09"
NEW = {
    "title": "Definizione del processo azioni", "type": "IST", "code": KEY, "owner": "QM", "language": "it", "area": "miglioramento",
    "name": "processo-azioni", "reason": "Serve una data sempre.",
}  # fmt: skip
CHANGE = {"field.change_summary": "Il termine si avvisa prima."}


def changed() -> bytes:
    text = SHIPPED.read_text(encoding="utf-8")
    newer = text.replace('title: {it: "', 'title: {it: "Nuova: ', 1)
    assert newer != text
    return newer.encode()


def drafted(author: Browser, content: bytes) -> str:
    answer = author.send("/documents/new", {**author.hidden("/documents/new"), **NEW}, files=handed(content, "planned-action.yaml"))
    assert answer.status_code == 303, sentences(answer)
    return str(answer.headers["location"])


def test_a_definition_is_in_force_for_new_cases_once_it_is_approved(house: House, as_person: AsPerson) -> None:
    author = as_person("quality")
    draft = drafted(author, changed())
    number = case_of(author, draft)
    with house.app.reading() as connection:
        before = case.definition_of(connection, house.app.engine, "planned-action").digest
    for browser, step, fields in (
        (author, SUBMIT, CHANGE),
        (as_person("quality_too"), CHECK, {"field.review_outcome": "Coerente con la procedura.", "password": PASSWORD}),
    ):
        answer = stepped(browser, number, step, **fields)
        assert answer.status_code == 303, sentences(answer)
    with house.app.reading() as connection:
        assert case.definition_of(connection, house.app.engine, "planned-action").digest == before
    answer = stepped(as_person("direction"), number, APPROVE, password=PASSWORD)
    assert answer.status_code == 303, sentences(answer)
    with house.app.reading() as connection:
        now = case.definition_of(connection, house.app.engine, "planned-action")
        assert now.digest != before and now.title["it"].startswith("Nuova: ")
        (last,) = trail.entries(connection, case=number.rpartition("/")[2], limit=1)
        assert last.said["what"]["effects"]["publish-revision"]["definition"] == now.digest
        assert [one.said["what"]["digest"] for one in trail.entries(connection, event="definition-in-force", limit=1)] == [now.digest]
    assert "Nuova: " in as_person("tenders").get("/cases/new").text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    to: DONE\n", "    to: NOWHERE\n"),
        ("governed_by: ", "governed_by: PRO-99-99 #"),
        ("prefix: ", "prefix: NC #"),
    ],
)
def test_a_definition_that_fails_its_check_is_not_even_submitted(house: House, as_person: AsPerson, old: str, new: str) -> None:
    author = as_person("quality")
    text = SHIPPED.read_text(encoding="utf-8")
    assert old in text
    draft = drafted(author, text.replace(old, new, 1).encode())
    assert "riga" in author.get(draft).text.lower()
    answer = stepped(author, case_of(author, draft), SUBMIT, **CHANGE)
    assert answer.status_code == 422
    assert any("non supera il controllo" in one for one in sentences(answer))


def test_who_is_to_approve_sees_it_played_with_invented_people_first(house: House, as_person: AsPerson) -> None:
    author = as_person("quality")
    draft = drafted(author, changed())
    assert f'href="{draft}/rehearsal"' in author.get(draft).text
    number = case_of(author, draft)
    stepped(author, number, SUBMIT, **CHANGE)
    with house.app.reading() as connection:
        before = trail.size(connection)
    checker = as_person("quality_too")
    assert f'href="{draft}/rehearsal"' in checker.get(f"{number}/steps/{CHECK}").text
    page = checker.get(f"{draft}/rehearsal")
    assert page.status_code == 200
    assert "Prova generale: Nuova: " in page.text
    assert "senza i ruoli: rifiutato" in page.text and "ROLE:" in page.text and "FIELD_REQUIRED:" in page.text
    with house.app.reading() as connection:
        assert trail.size(connection) == before
    in_force = as_person("auditor").get("/processes/planned-action/rehearsal")
    assert "Prova generale: " in in_force.text and "Nuova: " not in in_force.text


def test_a_faulty_draft_is_not_played_and_tells_why(house: House, as_person: AsPerson) -> None:
    author = as_person("quality")
    draft = drafted(author, SHIPPED.read_bytes().replace(b"    to: DONE\n", b"    to: NOWHERE\n", 1))
    page = author.get(f"{draft}/rehearsal")
    assert "NOWHERE" in page.text and "senza i ruoli" not in page.text
    assert author.get("/documents/PRO-4/drafts/none/rehearsal").status_code == 404
    assert author.get("/processes/no-such/rehearsal").status_code == 404
