"""A document shows what its processes demand, taken from their definitions; a process has one page, for those who may see its cases."""

import html
import re
from datetime import UTC, datetime

from qms.people.actor import SYSTEM
from qms.workflows.case import open_case, put_in_force
from tests.house import House
from tests.web.conftest import AsPerson
from tests.web.test_opening_a_case import opened
from tests.workflows.samples import LAMP, QUERY
from tests.workflows.test_schedules import SCHEDULED

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


def test_a_process_has_one_page_with_its_documents_clauses_and_standing(as_person: AsPerson) -> None:
    number = opened(as_person("quality")).partition("?")[0].rpartition("/")[2]
    page = as_person("auditor").get("/processes/nonconformity")
    assert page.status_code == 200
    for address in ("/documents/PRO-8.7-01", "/records?clause=8.7", f"/cases/{number}", "/processes/corrective-action"):
        assert f'href="{address}"' in page.text, address
    assert "Segnalata: 1" in words(page.text)
    assert "Rapporto di non conformità" in words(page.text)


def test_a_member_cooperative_counts_only_what_it_may_see(as_person: AsPerson) -> None:
    number = opened(as_person("quality")).partition("?")[0].rpartition("/")[2]
    page = as_person("kennel").get("/processes/nonconformity")
    assert page.status_code == 200
    assert number not in page.text
    assert "Segnalata: 1" not in words(page.text)


def test_a_process_that_is_not_there_is_not_found(as_person: AsPerson) -> None:
    assert as_person("quality").get("/processes/nothing").status_code == 404


def test_every_process_stands_in_the_list(as_person: AsPerson, house: House) -> None:
    page = as_person("quality").get("/processes").text
    with house.app.reading() as connection:
        for loaded in house.app.engine.definitions.all_in_force(connection):
            assert f'href="/processes/{loaded.definition.id}"' in page


def test_the_auditor_sees_each_clause_with_its_evidence_and_never_that_it_is_covered(as_person: AsPerson) -> None:
    opened(as_person("quality"))
    page = words(as_person("auditor").get("/").text)
    assert "8.7 Ciò che non è conforme" in page
    assert "7.1.5.2 Taratura degli strumenti Non si applica." in page
    assert "2 mar 2026" in page
    assert "coperto" not in page.replace("Nessun punto è detto «coperto»", "")


def test_what_opens_by_itself_is_told_with_its_next_day(house: House, as_person: AsPerson) -> None:
    text = SCHEDULED.replace("PRO-1\n", "PRO-8.7-01\n").replace("months: 1\n", "months: 12\n")
    with house.app.writing() as tx:
        for source in (text, QUERY):
            put_in_force(tx, source.encode(), "w.yaml", SYSTEM)
    page = as_person("auditor").get("/processes/lamp-repair").text
    assert "Si apre da sé" in page and "31 mar 2026" in page
    house.clock.now = datetime(2026, 3, 31, 6, 0, tzinfo=UTC)
    house.app.tick()
    assert "Giro" in as_person("quality").get("/cases?workflow=lamp-repair").text
    assert "31 mar 2027" in as_person("auditor").get("/processes/lamp-repair").text


def test_a_process_shows_what_it_measures_and_an_alarm_stands_on_the_direction_s_sheet(house: House, as_person: AsPerson) -> None:
    one = """
indicators:
  bad:
    title: {it: "<b>Lampade</b>", en: Lamps}
    of: opened
    every: month
    value: "count(cases)"
    at_most: "0"
    alarm: "0"
  hidden: {title: {it: Nascosto, en: Hidden}, of: opened, every: month, value: "count(cases)", floor: 2}
"""
    with house.app.writing() as tx:
        put_in_force(tx, LAMP.replace("PRO-1\n", "PRO-8.7-01\n").encode() + one.encode(), "w.yaml", SYSTEM)
        put_in_force(tx, QUERY.replace("PRO-1\n", "PRO-8.7-01\n").encode(), "w.yaml", SYSTEM)
    with house.app.writing() as tx:
        open_case(tx, house.app.engine, "lamp-repair", house.actor("quality"), fields={"title": "Lampada rossa"}, key="k")
    house.clock.pass_(days=40)
    pages = {nick: words(as_person(nick).get("/processes/lamp-repair").text) for nick in ("direction", "auditor", "kennel")}
    assert all("&lt;b&gt;" in as_person(nick).get("/processes/lamp-repair").text for nick in ("direction", "auditor"))
    for nick in ("direction", "auditor"):
        assert "mar 2026: 1" in pages[nick] and "su 1 pratica" in pages[nick] and "in allarme" in pages[nick]
        assert "meno di 2: non si mostra" in pages[nick]
    assert "mar 2026" not in pages["kennel"]
    assert "in allarme" in words(as_person("direction").get("/monday").text)
    assert "Lampade" in words(as_person("direction").get("/indicators").text)
    assert "Lampade" not in words(as_person("kennel").get("/indicators").text)
    answer = as_person(None).client.get(
        "/api/v1/workflows/lamp-repair/indicators", headers={"Authorization": f"Bearer {house.token('direction')}"}
    )
    found = answer.json()["indicators"]
    march = next(one for one in found[0]["readings"] if one["period"] == "2026-03")
    assert (march["value"], march["group"], march["stands"], found[0]["name"]) == ("1", 1, "alarm", "bad")
    assert {(one["known"], one["group"]) for one in found[1]["readings"]} == {("running", None), ("few", None)}
