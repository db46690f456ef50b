"""The page on which who is away lends their hat, and takes it back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from qms.desk import staff
from qms.errors import NotFound
from qms.people import delegation
from tests.cast import CAST
from tests.house import House
from tests.web.conftest import AsPerson, sentences

DAY = timedelta(days=1)


def test_a_substitution_is_recorded_and_ended_from_the_page(house: House, as_person: AsPerson) -> None:
    browser = as_person("tenders")
    hat, where = CAST["tenders"].hats[0]
    form = {"hat": f"{house.ids['tenders']} {hat} {where}", "delegate": house.ids["kennel"]}
    wrong = browser.send("/substitutions", {**form, "from": "domani", "until": "05/03/2026"})
    assert wrong.status_code == 422 and sentences(wrong)
    first, last = (house.clock.now + shift for shift in (timedelta(), 3 * DAY))
    sent = browser.send("/substitutions", {**form, "from": f"{first:%d/%m/%Y}", "until": f"{last:%d/%m/%Y}"})
    assert sent.status_code == 303, sentences(sent)
    page = as_person("kennel").get("/substitutions").text
    assert CAST["tenders"].name in page and "/substitutions/ended" in page
    assert CAST["tenders"].name not in as_person("direction").get("/substitutions").text.partition("<table")[2].partition("</table>")[0]
    with house.app.reading() as connection:
        made = delegation.open_ones(connection, house.clock.now)[0]
    assert made.runs(house.clock.now)
    with pytest.raises(NotFound), house.app.writing() as tx:
        staff.end_delegation(tx, replace(house.actor("direction"), held=frozenset()), made.id)
    assert browser.send("/substitutions/ended", {"delegation": made.id}).status_code == 303
    with house.app.reading() as connection:
        assert delegation.open_ones(connection, house.clock.now) == []
