"""Opening a case from a page."""

from io import BytesIO

from tests.house import House
from tests.web.conftest import AsPerson, Browser, sentences, size_of, title

NEW = "/cases/new/nonconformity"
GOOD = {
    "field.title": "Registro presenze firmato in anticipo",
    "field.description": "Il registro della lezione risulta firmato la mattina precedente.",
    "field.process": "TRAINING",
    "field.nc_source": "SELF",
}


def opened(person: Browser, **more: str) -> str:
    """Open a nonconformity; returns where the browser is sent."""
    answer = person.send(NEW, {**person.hidden(NEW), **GOOD, **more})
    assert answer.status_code == 303, sentences(answer)
    return str(answer.headers["location"])


def test_a_case_is_opened_and_its_page_says_where_it_stands(as_person: AsPerson) -> None:
    person = as_person("verifier")
    place = opened(person)
    assert place.startswith("/cases/NC-2026-0001?recorded=")
    page = person.get(place).text
    for words in ("Registro presenze firmato in anticipo", "Segnalata", "Elena Sarti", "<svg", "PRO-8.7-01", "Registrato con il numero"):
        assert words in page


def test_everything_missing_is_said_at_once_and_every_word_typed_stays(house: House, as_person: AsPerson) -> None:
    person = as_person("verifier")
    before = size_of(house)
    answer = person.send(NEW, {**person.hidden(NEW), "field.title": "corto", "field.description": "Il fatto, raccontato per esteso <b>."})
    assert answer.status_code == 422
    assert len(sentences(answer)) == 3
    assert title(answer).startswith("Errore:")
    assert 'href="#f-title"' in answer.text
    assert 'value="corto"' in answer.text
    assert "raccontato per esteso &lt;b&gt;." in answer.text
    assert size_of(house) == before


def test_a_file_received_with_a_refused_form_need_not_be_chosen_again(as_person: AsPerson) -> None:
    person = as_person("verifier")
    first = person.hidden(NEW)
    file = {"evidence.REPORT_EVIDENCE": ("prova.txt", BytesIO(b"foglio firme"), "text/plain")}
    refused = person.send(NEW, {**first, "field.title": "x"}, files=file)
    assert "Ricevuto: prova.txt" in refused.text
    from tests.web.conftest import hidden

    answer = person.send(NEW, {**hidden(refused.text), **GOOD})
    page = person.get(answer.headers["location"]).text
    assert "prova.txt" in page
    forged = {**hidden(refused.text), **GOOD, "key": "another"}
    forged["kept"] = forged["kept"].replace("prova.txt", "altro.txt")
    other = person.send(NEW, forged)
    assert "altro.txt" not in person.get(other.headers["location"]).text


def test_sending_the_same_form_twice_opens_one_case(house: House, as_person: AsPerson) -> None:
    person = as_person("verifier")
    form = {**person.hidden(NEW), **GOOD}
    first = person.send(NEW, form)
    before = size_of(house)
    second = person.send(NEW, form)
    assert first.headers["location"] == second.headers["location"]
    assert size_of(house) == before


def test_who_holds_no_role_for_it_is_refused(as_person: AsPerson) -> None:
    for name, status in (("auditor", 403), ("learner", 403), ("system", 403)):
        assert as_person(name).get(NEW).status_code == status
        assert as_person(name).send(NEW, GOOD).status_code == status


def test_a_workflow_that_only_a_draft_opens_is_not_offered(as_person: AsPerson) -> None:
    page = as_person("quality").get("/cases/new").text
    assert "/cases/new/nonconformity" in page
    assert "document-revision" not in page
    assert as_person("quality").get("/cases/new/document-revision").status_code == 404


def test_a_case_of_another_organisation_is_not_there(as_person: AsPerson) -> None:
    place = opened(as_person("verifier")).partition("?")[0]
    assert as_person("tenders").get(place).status_code == 200
    assert as_person("aurora").get(place).status_code == 404
    shared = opened(as_person("verifier"), organisation="aurora").partition("?")[0]
    assert as_person("aurora").get(shared).status_code == 200
    assert as_person("kennel").get(shared).status_code == 404
    assert shared.rpartition("/")[2] in as_person("aurora").get("/cases").text
    assert shared.rpartition("/")[2] not in as_person("kennel").get("/cases").text
