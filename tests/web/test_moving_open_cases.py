"""Who answers for a process sees the open cases that began under an older definition, what would change, and moves some or all."""

import html
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from qms.people.actor import SYSTEM
from qms.records import trail
from qms.web import migration as page_of
from qms.workflows import case, migration
from qms.workflows.case import put_in_force
from tests.house import House, key
from tests.web.conftest import AsPerson, Browser, hidden, sentences, size_of, title
from tests.web.test_deadlines import REPORTED
from tests.web.test_reading_a_process import words

SHIPPED = Path(__file__).parents[2] / "workflows" / "nonconformity.yaml"
PLACE = "/processes/nonconformity/open-cases"
REASON = {"reason": "La nuova procedura vale anche per queste.", "confirm": "yes"}


def opened(house: House, count: int) -> list[str]:
    with house.app.writing() as tx:
        who = house.actor("verifier")
        found = [case.open_case(tx, house.app.engine, "nonconformity", who, fields=REPORTED, key=key()) for _ in range(count)]
    return [str(one.case) for one in found]


def renew(house: House, more: str = "# a later one\n", **changes: str) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    for old, new in changes.items():
        text = re.sub(rf"\b{old}\b", new, text)
    with house.app.writing() as tx:
        put_in_force(tx, (text + more).encode(), "nonconformity.yaml", SYSTEM)


def behind(house: House) -> list[str]:
    with house.app.reading() as connection:
        return migration.behind(connection, house.app.engine, "nonconformity")


def form(browser: Browser, path: str = PLACE) -> tuple[dict[str, Any], list[str]]:
    """The hidden fields of the page's form, and the values of its boxes."""
    text = browser.get(path).text
    fields = {name: value for name, value in hidden(text).items() if name != "csrf"}
    return fields, [html.unescape(value) for value in re.findall(r'name="case" value="([^"]+)"', text)]


def test_chosen_cases_are_moved_with_the_reason_and_the_others_stay(house: House, as_person: AsPerson) -> None:
    first, second, third = opened(house, 3)
    quality = as_person("quality")
    assert PLACE not in quality.get("/processes/nonconformity").text
    renew(house)
    assert f'href="{PLACE}"' in quality.get("/processes/nonconformity").text
    assert "Nulla di ciò che la pratica contiene." in quality.get(PLACE).text
    sent, boxes = form(quality)
    assert [box.partition(" ")[0] for box in boxes] == [first, second, third]
    before = size_of(house)
    answer = quality.send(PLACE, {**sent, **REASON, "scope": "chosen", "case": boxes[:2]})
    assert answer.status_code == 200, sentences(answer)
    assert "2 pratiche spostate." in words(answer.text)
    assert behind(house) == [third]
    assert size_of(house) == before + 2
    with house.app.reading() as connection:
        assert trail.entry(connection, before + 2).said["comment"] == REASON["reason"]
    again = quality.send(PLACE, {**sent, **REASON, "scope": "chosen", "case": boxes[:2]})
    assert "2 pratiche spostate." in words(again.text)
    assert size_of(house) == before + 2
    assert REASON["reason"] in quality.get(f"/cases/{first}").text


def test_all_are_moved_from_whatever_page_and_one_that_cannot_move_says_why(
    house: House, as_person: AsPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_of, "PAGE", 2)
    numbers = opened(house, 5)
    with house.app.writing() as tx:
        fields = {"rejection_reason": "Non è una non conformità: il fatto riguarda un altro fornitore."}
        case.take_step(
            tx, house.app.engine, numbers[1], "propose_rejection", house.actor("quality"), version=1, fields=fields, key=key()
        )  # fmt: skip
    renew(house, REJECTION_PROPOSED="REJECTION_ASKED")
    direction = as_person("direction")
    page = direction.get(PLACE)
    assert "non ha lo stato" in words(page.text)
    assert f"after={numbers[1]}" in page.text
    assert numbers[2] in direction.get(f"{PLACE}?after={numbers[1]}").text
    sent, boxes = form(direction)
    assert len(boxes) == 1
    answer = direction.send(PLACE, {**sent, **REASON, "scope": "all"})
    said = words(answer.text)
    assert "4 pratiche spostate." in said
    assert f"{numbers[1]}: La definizione in vigore non ha lo stato" in said
    assert behind(house) == [numbers[1]]


def test_everything_missing_is_said_at_once_and_what_was_typed_stays(house: House, as_person: AsPerson) -> None:
    opened(house, 1)
    renew(house)
    quality = as_person("quality")
    sent, boxes = form(quality)
    before = size_of(house)
    answer = quality.send(PLACE, sent)
    assert answer.status_code == 422
    assert sentences(answer) == ["Scegliete almeno una pratica.", "Manca il motivo.", "Manca la conferma."]
    assert title(answer).startswith("Errore:")
    again = quality.send(PLACE, {**sent, "case": boxes, "reason": "<b>Perché</b>"})
    assert sentences(again) == ["Manca la conferma."]
    assert "&lt;b&gt;Perché&lt;/b&gt;" in again.text
    assert " checked" in again.text.partition('name="case"')[2].partition("</label>")[0]
    assert quality.send(PLACE, {**sent, **REASON, "case": "NC-2026-0001"}).status_code == 422
    assert size_of(house) == before


def test_a_case_or_definition_that_changed_since_the_page_is_not_moved(house: House, as_person: AsPerson) -> None:
    first, second = opened(house, 2)
    renew(house)
    quality = as_person("quality")
    sent, boxes = form(quality)
    with house.app.writing() as tx:
        fields = {"rejection_reason": "Non è una non conformità: il fatto riguarda un altro fornitore."}
        case.take_step(tx, house.app.engine, first, "propose_rejection", house.actor("quality"), version=1, fields=fields, key=key())
    answer = quality.send(PLACE, {**sent, **REASON, "case": boxes})
    assert "1 pratica spostata." in words(answer.text)
    assert behind(house) == [first]
    renew(house, "# still later\n")
    stale = quality.send(PLACE, {**sent, **REASON, "scope": "all"})
    assert stale.status_code == 409
    assert behind(house) == [first, second]


def test_who_does_not_decide_sees_no_page_and_moves_nothing(house: House, as_person: AsPerson) -> None:
    (number,) = opened(house, 1)
    renew(house)
    sent, boxes = form(as_person("quality"))
    verifier = as_person("verifier")
    assert PLACE not in verifier.get("/processes/nonconformity").text
    assert verifier.get(PLACE).status_code == 404
    before = size_of(house)
    assert verifier.send(PLACE, {**sent, **REASON, "case": boxes}).status_code == 403
    assert size_of(house) == before + 1
    assert behind(house) == [number]
    quality = as_person("quality")
    assert quality.client.post(PLACE, data={**sent, **REASON, "case": boxes}).status_code == 403
    assert behind(house) == [number]


def test_the_page_asks_no_more_for_more_cases(house: House, as_person: AsPerson) -> None:
    quality = as_person("quality")
    opened(house, 1)
    renew(house)
    asked: list[str] = []
    event.listen(house.app.database.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))

    def questions(path: str) -> int:
        quality.get(path)
        asked.clear()
        quality.get(path)
        return len(asked)

    few = [questions(path) for path in (PLACE, "/processes/nonconformity")]
    opened(house, 8)
    renew(house, "# later again\n")
    assert [questions(path) for path in (PLACE, "/processes/nonconformity")] == few
