"""The scadenzario and the Monday sheet as pages."""

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
