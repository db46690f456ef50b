"""The page for who writes a first process is true: its procedure and its file, as printed, come into force and are walked in pages."""

import re
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from qms.records import trail
from tests.cast import PASSWORD
from tests.house import House
from tests.web.conftest import AsPerson, Browser, sentences
from tests.web.test_a_document_that_is_a_file import handed
from tests.web.test_publishing_a_revision import APPROVE, CHECK, SUBMIT, case_of, stepped

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("first-workflow.md", "primo-processo.md")
REPORT = {
    "field.title": "Carta sbagliata", "field.supplier": "Cartiera", "field.found_on": "2026-03-01",
    "field.facts": "Consegnata carta A3 invece di A4.",
}  # fmt: skip
HANDS = {"Anna": "quality", "Bruno": "quality_too", "Carla": "tenders", "Dario": "direction"}
"""Who of the cast is whom on the page."""


def block(kind: str, page: str = PAGES[0]) -> str:
    """The one block of ``kind`` on a page."""
    (found,) = re.findall(rf"```{kind}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    return str(found)


@pytest.fixture
def people(as_person: AsPerson) -> dict[str, Browser]:
    return {name: as_person(member) for name, member in HANDS.items()}


def drafted(author: Browser, code: str, kind: str, short: str, **files: Any) -> str:
    """A new document's draft, as sections 2 and 5 say."""
    asked = {"title": f"Reclami: {short}", "type": kind, "code": code, "owner": "QM", "language": "it", "area": "commesse", "name": short}
    answer = author.send("/documents/new", {**author.hidden("/documents/new"), **asked, "reason": "Nuovo."}, **files)
    assert answer.status_code == 303, sentences(answer)
    return str(answer.headers["location"])


def released(people: dict[str, Browser], draft: str) -> None:
    """The three hands: Anna sends, Bruno checks, Dario approves."""
    number = case_of(people["Anna"], draft)
    for name, step, fields in (
        ("Anna", SUBMIT, {"field.change_summary": "Si reclama per iscritto."}),
        ("Bruno", CHECK, {"field.review_outcome": "Corretto e applicabile.", "password": PASSWORD}),
        ("Dario", APPROVE, {"password": PASSWORD}),
    ):
        answer = stepped(people[name], number, step, **fields)
        assert answer.status_code == 303, (name, sentences(answer))


def in_force(people: dict[str, Browser]) -> None:
    anna = people["Anna"]
    procedure = drafted(anna, "PRO-8.4-03", "PRO", "reclami-ai-fornitori")
    assert anna.send(procedure, {**anna.hidden(procedure), "text": block("markdown"), "reason": "Nuova."}).status_code == 303
    released(people, procedure)
    file = handed(block("yaml").encode(), "supplier-claim.yaml")
    released(people, drafted(anna, "IST-8.4-01", "IST", "processo-reclamo-a-fornitore", files=file))


def acted(browser: Browser, place: str, step: str, slot: str = "", **fields: str) -> Any:
    """A step in its form, with a PDF where ``slot`` names one."""
    form = {**browser.hidden(f"{place}/steps/{step}"), **fields}
    name = f"{step}-{browser.name}.pdf"
    files = {f"evidence.{slot}": (name, BytesIO(b"%PDF-1.4 " + name.encode()), "application/pdf")} if slot else None
    return browser.send(f"{place}/steps", form, files=files)


def opened(browser: Browser) -> str:
    new = "/cases/new/supplier-claim"
    proof = {"evidence.PROOF": ("bolla.pdf", BytesIO(b"%PDF-1.4 bolla"), "application/pdf")}
    answer = browser.send(new, {**browser.hidden(new), **REPORT}, files=proof)
    assert answer.status_code == 303, sentences(answer)
    return str(answer.headers["location"]).partition("?")[0]


def approved(people: dict[str, Browser], place: str, for_quality: str) -> None:
    examined = acted(people["Anna"], place, "examine", **{"field.assessment": "È fondato.", "field.request": "Sostituzione."})
    assert examined.status_code == 303, sentences(examined)
    for name, step in ((for_quality, "approve_for_quality"), ("Dario", "approve_for_direction")):
        answer = acted(people[name], place, step, password=PASSWORD)
        assert answer.status_code == 303, (name, sentences(answer))


def test_both_languages_print_the_same_files() -> None:
    for kind in ("yaml", "markdown"):
        assert block(kind, PAGES[0]) == block(kind, PAGES[1])


def test_the_page_takes_one_from_nothing_to_a_closed_case(people: dict[str, Browser]) -> None:
    in_force(people)
    place = opened(people["Carla"])
    assert place.endswith("/RECFOR-2026-0001")
    approved(people, place, "Anna")
    for verdict, state in (("NOT_EFFECTIVE", "Da inviare"), ("EFFECTIVE", "Chiuso")):
        assert acted(people["Anna"], place, "send_claim", "LETTER").status_code == 303
        assert "16 mar 2026" in people["Anna"].get(place).text
        unanswered = acted(people["Carla"], place, "record_answer", "ANSWER")
        assert (unanswered.status_code, sentences(unanswered)) == (422, ["Risposta del fornitore: da compilare."])
        assert acted(people["Carla"], place, "record_answer", "ANSWER", **{"field.answer": "Provvediamo."}).status_code == 303
        judged = acted(people["Anna"], place, "judge_answer", comment="Visto.", **{"field.verdict": verdict})
        assert judged.status_code == 303, sentences(judged)
        assert state in people["Carla"].get(place).text


def test_who_reported_approves_nothing(people: dict[str, Browser]) -> None:
    in_force(people)
    place = opened(people["Anna"])
    assert acted(people["Anna"], place, "examine", **{"field.assessment": "È fondato.", "field.request": "Reso."}).status_code == 303
    refused = acted(people["Anna"], place, "approve_for_quality", password=PASSWORD)
    assert refused.status_code == 403
    assert "Separazione dei compiti" in refused.text
    assert acted(people["Bruno"], place, "approve_for_quality", password=PASSWORD).status_code == 303
    assert acted(people["Dario"], place, "approve_for_direction", password=PASSWORD).status_code == 303


def test_a_silent_supplier_is_told_to_quality_and_then_to_the_direction(house: House, people: dict[str, Browser]) -> None:
    in_force(people)
    place = opened(people["Carla"])
    approved(people, place, "Anna")
    assert acted(people["Anna"], place, "send_claim", "LETTER").status_code == 303
    told: list[tuple[int, str, Any]] = []
    for _ in range(17):
        house.clock.pass_(days=1)
        house.app.tick()
        with house.app.reading() as connection:
            entries = trail.entries(connection, case=place.rpartition("/")[2], limit=50)
        rung = [one for one in reversed(entries) if one.event.startswith("timer-")][len(told) :]
        told += [(house.clock.now.day, one.event, one.said["what"].get("escalate")) for one in rung]
    assert told == [(13, "timer-warned", []), (17, "timer-due", ["QM"]), (18, "timer-escalated", ["TOP"])]
