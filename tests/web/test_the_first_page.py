"""The first page says what to do today and folds away what has time; reviews that are overdue are marked wherever they stand."""

from datetime import timedelta

from qms.workflows import case
from tests.house import House, key
from tests.web.conftest import AsPerson

FOLDED = "altra pratica, con scadenza oltre i sessanta giorni"
OVERDUE = '<span class="late">da riesaminare</span>'


def test_what_falls_due_in_more_than_sixty_days_is_folded_away(house: House, as_person: AsPerson) -> None:
    numbers = []
    for days in (10, 90):
        due = (house.clock.now + timedelta(days=days)).strftime("%d/%m/%Y")
        asked = {"title": f"Rifare la targhetta {days}", "owner": house.ids["tenders"], "due_on": due, "origin": "IDEA"}
        with house.app.writing() as tx:
            opened = case.open_case(tx, house.app.engine, "planned-action", house.actor("quality"), fields=asked, key=key())
        numbers.append(str(opened.case))
    today, folded = as_person("tenders").get("/").text.split("<details>", 1)
    assert numbers[0] in today and numbers[1] not in today
    assert FOLDED in folded and numbers[1] in folded.partition("</details>")[0]


def test_a_review_that_is_overdue_is_marked_on_the_desk_in_the_register_and_on_the_document(house: House, as_person: AsPerson) -> None:
    quality = as_person("quality")
    pages = ("/", "/documents", "/documents/POL-5.2-01")
    assert not any(OVERDUE in quality.get(page).text for page in pages)
    house.clock.pass_(days=366)
    quality = as_person("quality")
    assert all(OVERDUE in quality.get(page).text for page in pages)
