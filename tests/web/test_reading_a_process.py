"""A document shows what its processes demand, taken from their definitions; a process has one page, for those who may see its cases."""

import html
import re

from tests.house import House
from tests.web.conftest import AsPerson

DOCUMENT = "/documents/PRO-8.7-01"


def words(text: str) -> str:
    """What a page says, without its markup."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", text)))


def test_a_document_shows_the_steps_deadlines_and_records_of_what_it_governs(as_person: AsPerson, house: House) -> None:
    page = as_person("quality").get(DOCUMENT)
    assert page.status_code == 200
    with house.app.reading() as connection:
        definition = house.app.engine.definitions.in_force(connection, "nonconformity").definition
    said = words(page.text[page.text.index('id="governs"') :])
    for step in definition.steps_in("small"):
        assert step.title["it"] in said
    for timer in definition.timers_in("small"):
        assert timer.title["it"] in said
    assert "REC-NC-01 Rapporto di non conformità" in said
    assert "6 anni da: chiusura" in said
    assert house.app.hats.roles["TENDER"]["it"] in said


def test_what_a_process_demands_is_printed_with_its_document(as_person: AsPerson) -> None:
    page = as_person("quality").get(DOCUMENT).text
    section = page[: page.index('id="governs"')].rsplit("<section", 1)[1]
    assert "no-print" not in section


def test_a_document_that_governs_nothing_shows_no_process(as_person: AsPerson) -> None:
    assert 'id="governs"' not in as_person("quality").get("/documents/PRO-7.5-02").text
