"""The auditor's walk in pages: search, open a record, verify it, take the proof home."""

import io
import json
import re
import time
import zipfile

import pytest
from sqlalchemy import event, insert, text

from qms.records import personal, trail
from qms.records.trail import Act
from qms.workflows.tables import case_evidence
from tests.house import House
from tests.web.conftest import AsPerson, size_of
from tests.web.test_opening_a_case import opened


def test_the_register_is_searched_by_words_clause_case_person_and_date(house: House, as_person: AsPerson) -> None:
    place = opened(as_person("verifier")).partition("?")[0]
    number = place.rpartition("/")[2]
    auditor = as_person("auditor")
    for query in (
        "words=presenze",
        "clause=8.7",
        f"case={number}",
        f"person={house.ids['verifier']}",
        "since=02/03/2026&until=2026-03-02&words=registro",
    ):
        assert number in auditor.get(f"/records?{query}").text, query
    for query in (
        "words=inesistente",
        "clause=7.5&words=presenze",
        "case=NC-1999-0001",
        "until=01/03/2026",
        "words=presenze&since=03/03/2026",
    ):
        assert f"/cases/{number}" not in auditor.get(f"/records?{query}").text, query
    assert auditor.get("/records?since=ieri").status_code == 422
    assert auditor.get("/records?before=x").status_code == 422


def test_a_record_shows_its_checks_in_plain_sentences(as_person: AsPerson) -> None:
    page = as_person("auditor").get("/records/7").text
    assert "verificata" in page
    assert page.count('class="mark good"') >= 5
    assert "Dettagli tecnici" in page
    assert not re.search(r"\b(Merkle|blob|hash)\b", page.partition("<details>")[0])


def test_the_data_of_a_record_stand_open_so_that_they_are_printed(as_person: AsPerson) -> None:
    place = opened(as_person("verifier")).partition("?")[0]
    assert "<details open>" not in as_person("auditor").get(place).text
    record = re.findall(r'href="(/records/\d+)"', as_person("auditor").get(place).text)[0]
    assert "<details open><summary>Dati e allegati" in as_person("auditor").get(record).text


def test_a_changed_record_is_shown_as_broken(house: House, as_person: AsPerson) -> None:
    with house.app.writing() as tx:
        tx.connection.execute(text("DROP TRIGGER entry_update"))
        tx.connection.execute(text("UPDATE entry SET event = 'nothing' WHERE position = 7"))
    page = as_person("auditor").get("/records/7").text
    assert "non torna" in page


@pytest.mark.parametrize("text_now", ["", "{", "[]", "{}", '{"v":1}', "7", "null", "a changed text", "[" * 100_000])
def test_a_damaged_record_shows_as_a_failed_check_wherever_it_stands(house: House, as_person: AsPerson, text_now: str) -> None:
    place = opened(as_person("verifier")).partition("?")[0]
    with house.app.reading() as connection:
        position = trail.entries(connection, case=place.rpartition("/")[2], limit=1)[0].position
    with house.app.writing() as tx:
        tx.connection.execute(text("DROP TRIGGER entry_update"))
        tx.connection.execute(text("UPDATE entry SET sealed = :now WHERE position = :position"), {"now": text_now, "position": position})
    auditor = as_person("auditor")
    page = auditor.get(f"/records/{position}")
    assert page.status_code == 200
    assert "non torna" in page.text
    assert 'class="mark bad"' in page.text
    for path in ("/records", place):
        assert "cambiata dopo il sigillo" in auditor.get(path).text, path
    bearer = {"Authorization": f"Bearer {house.token('auditor')}"}
    answer = auditor.get(f"/api/v1/records/{position}", headers=bearer)
    assert answer.status_code == 200
    assert not answer.json()["holds"]
    assert {"position": position, "damaged": True, "sealed": text_now} in auditor.get("/api/v1/records", headers=bearer).json()["records"]


def test_everything_is_verified_in_the_background_and_the_page_says_how_it_ended(as_person: AsPerson) -> None:
    auditor = as_person("auditor")
    assert auditor.send("/verification").status_code == 303
    for _ in range(600):
        page = auditor.get("/verification").text
        if "http-equiv" not in page:
            break
        time.sleep(0.05)
    assert "Tutto torna" in page
    for words in ("taglia la coda", "non lo scopre", "firme elettroniche semplici"):
        assert words in page


def test_an_auditor_takes_checkpoint_receipt_verifier_and_export_home(house: House, as_person: AsPerson) -> None:
    auditor = as_person("auditor")
    note = auditor.get("/checkpoint")
    assert note.headers["content-disposition"].startswith("attachment")
    assert str(size_of(house)) in note.text
    assert auditor.get("/records/7/receipt").text.startswith("c2sp.org/tlog-proof@v1")
    assert auditor.get("/records/7/sealed").json()["position"] == 7
    compile(auditor.get("/verifier").text, "verifica.py", "exec")
    with zipfile.ZipFile(io.BytesIO(auditor.get("/exports").content)) as package:
        assert "trail.jsonl" in package.namelist()


def test_one_case_is_exported_by_whoever_sees_it_and_the_whole_by_few(as_person: AsPerson) -> None:
    number = opened(as_person("verifier")).partition("?")[0].rpartition("/")[2]
    assert as_person("tenders").get(f"/exports/{number}").status_code == 200
    assert as_person("kennel").get(f"/exports/{number}").status_code == 404
    for name, status in (("auditor", 200), ("quality", 200), ("direction", 200), ("tenders", 403), ("kennel", 403), ("system", 403)):
        assert as_person(name).get("/exports").status_code == status, name


def test_records_of_other_organisations_are_not_there(as_person: AsPerson) -> None:
    opened(as_person("verifier"))
    quality = as_person("quality")
    position = re.search(r'/records/(\d+)">#', quality.get("/records?words=presenze").text)
    assert position is not None
    for path in (f"/records/{position[1]}", f"/records/{position[1]}/receipt", f"/records/{position[1]}/sealed"):
        assert quality.get(path).status_code == 200
        assert as_person("kennel").get(path).status_code == 404
    assert "Nessuna registrazione corrisponde." in as_person("kennel").get("/records?words=presenze").text


@pytest.mark.parametrize("position", ["0", "x", "-1", "1.5", "99999999999999999999", "999999"])
def test_a_record_that_is_none_is_not_found(as_person: AsPerson, position: str) -> None:
    assert as_person("auditor").get(f"/records/{position}").status_code in (404, 422)


def test_the_register_and_a_case_ask_the_database_as_often_for_many_files_as_for_few(house: House, as_person: AsPerson) -> None:
    place = opened(as_person("verifier")).partition("?")[0]
    number = place.rpartition("/")[2]
    auditor = as_person("auditor")
    asked: list[str] = []
    event.listen(house.app.database.engine, "before_cursor_execute", lambda *seen: asked.append(seen[2]))

    def counted(address: str) -> int:
        auditor.get(address)
        asked.clear()
        assert auditor.get(address).status_code == 200
        return len(asked)

    def attach(n: int) -> None:
        with house.app.writing() as tx:
            case = trail.entries(tx.connection, case=number, limit=1)[0].said["case"]
            mark = personal.hide(tx, f"foto-{n}.jpg")
            piece = {"slot": "PHOTO", "sha256": f"{n}" * 64, "size": 1, "type": "image/jpeg", "name": mark}
            sealed = Act("evidence-added", house.actor("verifier"), case={**case, "n": case["n"] + 1}, evidence=[piece])
            position = trail.append(tx, sealed).position
            row = {"case_number": number, **piece, "n": case["n"] + 1, "position": position, "name": json.dumps(mark)}
            tx.connection.execute(insert(case_evidence), row)

    attach(0)
    few = [counted(address) for address in ("/records", place)]
    for n in range(1, 6):
        attach(n)
    assert "foto-5.jpg" in auditor.get(place).text
    assert [counted(address) for address in ("/records", place)] == few
