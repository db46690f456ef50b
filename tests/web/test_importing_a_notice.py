"""Taking a public notice in from the browser: read first, then choose."""

from pathlib import Path
from typing import Any

import pytest

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


def test_notices_are_for_staff(as_person: AsPerson) -> None:
    for name in ("auditor", "learner", "system"):
        assert as_person(name).get("/notices").status_code == 403
        assert read(as_person(name), CALL).status_code == 403
