"""Taking a public notice in from the browser: read first, then choose."""

import hmac
from pathlib import Path
from typing import Any

import pytest

from qms.records import trail
from tests.house import House
from tests.web.conftest import AsPerson, Browser, hidden, sentences, size_of

SAMPLES = Path(__file__).parent.parent / "formats" / "samples"
CALL = SAMPLES / "ocds" / "ocds-213czf-000-00001-02-tender.json"
MANY = SAMPLES / "anac" / "anac-cig-messina-minimised.json"


def read(person: Browser, path: Path) -> Any:
    with path.open("rb") as file:
        return person.send("/notices", files={"file": (path.name, file, "application/octet-stream")})


def test_a_call_is_read_then_taken_in_and_opens_one_case(house: House, as_person: AsPerson) -> None:
    person = as_person("tenders")
    before = size_of(house)
    shown = read(person, CALL)
    assert shown.status_code == 200, sentences(shown)
    assert size_of(house) == before
    form = hidden(shown.text)
    answer = person.send("/notices/taken", form)
    assert answer.status_code == 303, sentences(answer)
    assert answer.headers["location"].startswith("/cases/GARA-2026-0001")
    assert person.get(answer.headers["location"]).status_code == 200
    after = size_of(house)
    assert person.send("/notices/taken", form).status_code == 303
    assert size_of(house) == after
    again = read(person, CALL)
    assert "È già stato preso in carico." in again.text
    assert "GARA-2026-0001" in person.get("/notices").text


def test_of_a_file_with_many_records_a_person_chooses(house: House, as_person: AsPerson) -> None:
    person = as_person("tenders")
    shown = read(person, MANY)
    assert shown.text.count('type="checkbox"') > 1
    none = person.send("/notices/taken", hidden(shown.text))
    assert none.status_code == 422
    assert none.text.count('type="checkbox"') > 1
    answer = person.send("/notices/taken", {**hidden(shown.text), "record": ["0", "1"]})
    assert answer.status_code == 303, sentences(answer)
    assert "GARA-2026-0002" in person.get("/cases").text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.xml", b"<html><body>ciao</body></html>"),
        ("x.xml", b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>"),
        ("x.json", b"{"),
        ("x.json", b"[" * 100_000),
        ("x.bin", b"\x00\x01\x02"),
        ("x.xml", b""),
    ],
)
def test_a_file_that_is_no_notice_is_refused_with_the_reason(house: House, as_person: AsPerson, name: str, content: bytes) -> None:
    person = as_person("tenders")
    before = size_of(house)
    answer = person.send("/notices", files={"file": (name, content, "application/xml")})
    assert answer.status_code == 422
    assert sentences(answer)
    assert "Non si può" not in " ".join(sentences(answer))
    assert size_of(house) == before


def test_a_forged_slip_names_no_file(as_person: AsPerson) -> None:
    person = as_person("tenders")
    slip = hidden(read(person, CALL).text)["kept"]
    assert as_person("tenders_too").send("/notices/taken", {"kept": slip, "record": "0"}).status_code == 422
    assert person.send("/notices/taken", {"kept": "x" + slip, "record": "0"}).status_code == 422


@pytest.mark.parametrize("size", ["-5", "x", "12"])
def test_what_a_page_tells_is_not_enough_to_write_a_slip(house: House, as_person: AsPerson, size: str) -> None:
    """A browser knows its session's word, so no word that the server trusts may be made of that alone."""
    person, before = as_person("tenders"), size_of(house)
    said = f"REPORT_EVIDENCE|{'0' * 64}|{size}|application/pdf|prova.pdf"
    mark = hmac.new(person.csrf.encode(), said.encode(), "sha256").hexdigest()
    report = {"field.title": "T", "field.description": "D", "field.process": "TENDERS", "field.nc_source": "SELF", "kept": f"{mark}|{said}"}
    person.send("/cases/new/nonconformity", report)
    with house.app.reading() as connection:
        assert not any("0" * 64 in str(entry.said["evidence"]) for entry in trail.entries(connection, limit=5))
    assert size_of(house) in (before, before + 1)
    assert person.send("/notices/taken", {"kept": f"{mark}|{said}", "record": "0"}).status_code == 422


def test_notices_are_listed_to_who_may_see_their_cases(as_person: AsPerson) -> None:
    person = as_person("tenders")
    slip = hidden(read(person, CALL).text)["kept"]
    assert person.send("/notices/taken", {"kept": slip, "record": "0"}).status_code == 303
    number = "GARA-2026-0001"
    assert number in person.get("/notices").text
    assert number not in as_person("kennel").get("/notices").text
    assert number not in read(as_person("kennel"), CALL).text


def test_notices_are_for_staff(as_person: AsPerson) -> None:
    for name in ("auditor", "learner", "system"):
        assert as_person(name).get("/notices").status_code == 403
        assert read(as_person(name), CALL).status_code == 403
