"""Somebody leaves: from their page, the open cases that name them go to a colleague, with the reason."""

import html
import re
from typing import Any

import pytest
from sqlalchemy import event

from qms.desk import staff
from qms.people.actor import SYSTEM
from qms.records import trail
from qms.web import reassigning as page_of
from qms.workflows import case
from tests.house import House, key
from tests.web.conftest import AsPerson, Browser, hidden, sentences, size_of
from tests.web.test_reading_a_process import words

REASON = {"reason": "Marta lascia il consorzio a fine mese.", "confirm": "yes"}


def owned(house: House, count: int) -> list[str]:
    fields = {"title": "Rinnovare la polizza", "owner": house.ids["tenders"], "due_on": "2026-04-30", "origin": "MEETING"}
    with house.app.writing() as tx:
        who = house.actor("quality")
        return [str(case.open_case(tx, house.app.engine, "planned-action", who, fields=fields, key=key()).case) for _ in range(count)]


def place(house: House) -> str:
    return f"/people/{house.ids['tenders']}/tasks"


def form(browser: Browser, path: str) -> tuple[dict[str, Any], list[str]]:
    text = browser.get(path).text
    fields = {name: value for name, value in hidden(text).items() if name != "csrf"}
    return fields, [html.unescape(value) for value in re.findall(r'name="case" value="([^"]+)"', text)]


def owner(house: House, number: str) -> str:
    with house.app.reading() as connection:
        return str(case.show(connection, house.app.engine, number, house.actor("quality")).fields["owner"])


def test_the_ticked_cases_go_to_a_colleague_with_the_reason_once(house: House, as_person: AsPerson) -> None:
    first, second = owned(house, 2)
    quality, new = as_person("quality"), house.ids["tenders_too"]
    assert f'href="{place(house)}"' in quality.get(f"/people/{house.ids['tenders']}").text
    sent, boxes = form(quality, place(house))
    assert [box.partition(" ")[0] for box in boxes] == [first, second]
    assert "Rinnovare la polizza Chi" in words(quality.get(place(house)).text)
    before = size_of(house)
    for _ in range(2):
        answer = quality.send(place(house), {**sent, **REASON, "new": new, "case": boxes[:1]})
        assert answer.status_code == 200, sentences(answer)
        assert "1 pratica passata." in words(answer.text)
        assert "Resta 1 pratica" in words(answer.text)
    assert size_of(house) == before + 1
    assert [owner(house, number) for number in (first, second)] == [new, house.ids["tenders"]]
    with house.app.reading() as connection:
        assert trail.entry(connection, before + 1).said["comment"] == REASON["reason"]


def test_everything_missing_is_said_at_once_and_what_was_typed_stays(house: House, as_person: AsPerson) -> None:
    owned(house, 2)
    quality = as_person("quality")
    sent, boxes = form(quality, place(house))
    before = size_of(house)
    answer = quality.send(place(house), sent)
    assert answer.status_code == 422
    missing = ["Scegliete almeno una pratica.", "Scegliete a chi passano: un'altra persona, con l'accesso aperto."]
    assert sentences(answer) == [*missing, "Serve un commento.", "Manca la conferma."]
    with house.app.writing() as tx:
        staff.disable(tx, SYSTEM, house.ids["verifier"])
    for wrong in (house.ids["tenders"], house.ids["verifier"], "P-9999"):
        again = quality.send(place(house), {**sent, **REASON, "new": wrong, "case": boxes[1:]})
        assert sentences(again) == missing[1:]
    assert again.text.count(" checked") == 1
    assert REASON["reason"] in again.text
    assert size_of(house) == before + 1


def test_a_case_that_moved_on_since_the_page_is_not_given(house: House, as_person: AsPerson) -> None:
    first, second = owned(house, 2)
    quality, new = as_person("quality"), house.ids["tenders_too"]
    sent, boxes = form(quality, place(house))
    old, _, version = boxes[0].partition(" ")
    answer = quality.send(place(house), {**sent, **REASON, "new": new, "case": [f"{old} {int(version) + 1}", boxes[1], "NC-2026-9999 1"]})
    said = words(answer.text)
    assert "1 pratica passata. 2 sono rimaste dov'erano." in said
    assert "NC-2026-9999: La pratica NC-2026-9999 non esiste" in said
    assert [owner(house, number) for number in (first, second)] == [house.ids["tenders"], new]


def test_who_may_not_sees_no_page_and_gives_nothing(house: House, as_person: AsPerson) -> None:
    (number,) = owned(house, 1)
    sent, boxes = form(as_person("quality"), place(house))
    verifier = as_person("verifier")
    assert verifier.get(place(house)).status_code == 404
    before = size_of(house)
    answer = verifier.send(place(house), {**sent, **REASON, "new": house.ids["verifier"], "case": boxes})
    assert answer.status_code == 403
    assert size_of(house) == before + 1
    assert as_person("quality").client.post(place(house), data={**sent, **REASON, "case": boxes}).status_code == 403
    assert owner(house, number) == house.ids["tenders"]


def test_pages_follow_each_other_and_ask_no_more_for_more_cases(house: House, as_person: AsPerson, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_of, "PAGE", 2)
    direction = as_person("direction")
    numbers = owned(house, 3)
    asked: list[str] = []
    event.listen(house.app.database.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))

    def questions() -> int:
        direction.get(place(house))
        asked.clear()
        direction.get(place(house))
        return len(asked)

    few = questions()
    assert f"after={numbers[1]}" in direction.get(place(house)).text
    assert numbers[2] in direction.get(f"{place(house)}?after={numbers[1]}").text
    owned(house, 8)
    assert questions() == few
