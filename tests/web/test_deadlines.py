"""The scadenzario and the Monday sheet as pages."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import event

from qms.web.words import Words
from qms.workflows import case
from tests.house import House, key
from tests.web.conftest import AsPerson

REPORTED = {
    "title": "Registro incompleto",
    "description": "Mancano due firme nel registro del canile.",
    "process": "TENDERS",
    "nc_source": "SELF",
}


def test_the_pages_show_them_and_the_table_runs_nothing(house: House, as_person: AsPerson) -> None:
    with house.app.writing() as tx:
        hostile = {**REPORTED, "title": "=HYPERLINK(1) registro"}
        case.open_case(tx, house.app.engine, "nonconformity", house.actor("verifier"), fields=hostile, key=key())
    quality = as_person("quality")
    assert "NC-2026-0001" in quality.get("/deadlines").text
    table = quality.get("/deadlines.csv")
    assert "'=HYPERLINK" in table.text and ";=HYPERLINK" not in table.text
    assert table.headers["content-disposition"].startswith("attachment")
    assert quality.get("/deadlines?days=17").status_code == 422
    assert "NC-2026-0001" in quality.get("/monday").text


def test_it_is_chosen_by_kind_and_the_end_of_accounts_is_for_those_who_keep_them(house: House, as_person: AsPerson) -> None:
    house.clock.pass_(days=60)
    quality, tenders = as_person("quality"), as_person("tenders")
    auditor = f"/people/{house.ids['auditor']}"
    assert auditor in quality.get("/deadlines?days=365&kind=account").text
    assert auditor not in quality.get("/deadlines?days=365&kind=review").text
    assert auditor not in tenders.get("/deadlines?days=365&kind=account").text
    assert quality.get("/deadlines?kind=unknown").status_code == 422
    assert quality.get("/deadlines?after=1%202%203").status_code == 200


def test_a_small_line_of_values_says_them_in_words_as_well() -> None:
    words = Words("it", ZoneInfo("Europe/Rome"), datetime(2026, 11, 23, tzinfo=UTC))
    drawn = words.spark([("2026-09", Decimal("0.5")), ("2026-10", Decimal("1"))], Decimal("0.75"))
    assert 'aria-label="2026-09: 0,5; 2026-10: 1"' in drawn
    assert 'points="4.0,20.0 92.0,4.0"' in drawn
    assert 'y1="12.0"' in drawn
    assert "&lt;b&gt;" in words.spark([("<b>", Decimal(1))], Decimal(1))


def test_the_monday_sheet_and_the_desk_ask_no_more_for_more_cases(house: House, as_person: AsPerson) -> None:
    quality = as_person("quality")
    asked: list[str] = []
    event.listen(house.app.database.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))

    def questions(path: str) -> int:
        quality.get(path)
        asked.clear()
        quality.get(path)
        return len(asked)

    def reported(count: int) -> None:
        for _ in range(count):
            with house.app.writing() as tx:
                case.open_case(tx, house.app.engine, "nonconformity", house.actor("verifier"), fields=REPORTED, key=key())

    reported(1)
    few = [questions(path) for path in ("/", "/monday", "/deadlines")]
    reported(8)
    assert [questions(path) for path in ("/", "/monday", "/deadlines")] == few
