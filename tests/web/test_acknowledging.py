"""A reader finds on the document's page that it is their turn, confirms with a signature, and those who keep documents see who has."""

import re

from qms.procedures import control
from tests.cast import PASSWORD
from tests.desk.test_acknowledgments import CODE, asked, put_in_force
from tests.house import House
from tests.web.conftest import AsPerson, sentences

PAGE = f"/documents/{CODE}"


def test_a_reader_confirms_and_is_counted(as_person: AsPerson, house: House) -> None:
    put_in_force(house, "prima", "[gare, referente]")
    reader = as_person("tenders")
    page = reader.get(PAGE).text
    assert "Presa visione conclusa per 0 persone su 4." in page
    mine = f"/cases/{asked(house, 1)['tenders'].number}"
    assert f'<a href="{mine}">Tocca a te' in page
    assert "Dario Fabbri" not in page.partition('id="read"')[2]
    assert PAGE in reader.get(mine).text
    form = reader.hidden(f"{mine}/steps/acknowledge_text")
    wrong = reader.send(f"{mine}/steps", {**form, "password": "sbagliata"})
    assert wrong.status_code == 401
    answer = reader.send(f"{mine}/steps", {**form, "password": PASSWORD})
    assert answer.status_code == 303, sentences(answer)
    assert "Presa visione conclusa per 1 persone su 4." in reader.get(PAGE).text
    assert "Tocca a te" not in reader.get(PAGE).text


def test_who_keeps_the_documents_sees_who_has_read_and_who_has_not(as_person: AsPerson, house: House) -> None:
    put_in_force(house, "prima", "[gare]")
    section = as_person("quality").get(PAGE).text.partition('id="read"')[2].partition("</section>")[0]
    assert re.findall(r"<tr><td>([^<]+)</td>", section) == ["Dario Fabbri", "Marta Conti"]
    assert section.count("Da leggere") == 2
    english = as_person("direction").get(PAGE, headers={"Accept-Language": "en"}).text
    assert "Presa visione conclusa per 0" in english or "Concluded for 0 of 2" in english


def test_another_does_not_find_the_case(as_person: AsPerson, house: House) -> None:
    put_in_force(house, "prima", "[gare]")
    mine = f"/cases/{asked(house, 1)['tenders'].number}"
    assert as_person("tenders_too").get(mine).status_code == 404
    assert as_person("verifier").get(mine).status_code == 404
    assert as_person("quality").get(mine).status_code == 200


def test_the_old_link_says_that_the_revision_was_superseded(as_person: AsPerson, house: House) -> None:
    put_in_force(house, "prima", "[gare]")
    old = f"/cases/{asked(house, 1)['tenders'].number}"
    reader = as_person("tenders")
    form = reader.hidden(f"{old}/steps/acknowledge_text")
    put_in_force(house, "seconda", "[gare]")
    answer = reader.send(f"{old}/steps", {**form, "password": PASSWORD})
    assert answer.status_code in (409, 422)
    assert any("Questa revisione è stata superata" in line for line in sentences(answer))


def test_a_text_that_nobody_must_acknowledge_has_no_such_section(as_person: AsPerson, house: House) -> None:
    put_in_force(house, "prima", None)
    assert "Presa visione" not in as_person("quality").get(PAGE).text
    with house.app.reading() as connection:
        assert control.document(connection, CODE).revision == 1
