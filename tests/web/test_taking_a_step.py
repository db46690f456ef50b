"""Taking a step of a case from its page."""

from io import BytesIO
from typing import Any

import pytest

from tests.house import House
from tests.web.conftest import AsPerson, Browser, sentences, size_of, title
from tests.web.test_opening_a_case import opened

TREAT = {
    "field.containment": "Sospesa la firma anticipata in tutte le aule.",
    "field.affected_scope": "Un corso, due lezioni",
    "field.impact": "2",
    "field.extent": "2",
    "field.cause_code": "METHOD",
    "field.output_disposition": "CORRECT",
    "field.correction": "Registro rifatto e firmato dai presenti.",
}


def proof() -> dict[str, Any]:
    return {"evidence.CORRECTION_EVIDENCE": ("registro corretto.pdf", BytesIO(b"%PDF-1.4 registro"), "application/pdf")}


@pytest.fixture
def case(as_person: AsPerson) -> str:
    return opened(as_person("verifier")).partition("?")[0]


def treat(person: Browser, case: str, **more: str) -> Any:
    page = f"{case}/steps/treat"
    return person.send(f"{case}/steps", {**person.hidden(page), **TREAT, **more}, files=proof())


def test_a_step_is_taken_and_the_history_tells_it_as_a_sentence(house: House, as_person: AsPerson, case: str) -> None:
    quality = as_person("quality")
    house.clock.pass_(hours=2)
    answer = treat(quality, case, happened_at="02/03/2026 09:40")
    assert answer.status_code == 303, sentences(answer)
    page = quality.get(answer.headers["location"]).text
    for words in ("Lucia Bianchi", "registrato 1 ora dopo", "registro corretto.pdf", "Corretta"):
        assert words in page


def test_a_refused_step_names_everything_and_keeps_every_word(house: House, as_person: AsPerson, case: str) -> None:
    quality = as_person("quality")
    before = size_of(house)
    answer = quality.send(
        f"{case}/steps", {**quality.hidden(f"{case}/steps/treat"), "field.impact": "nove", "comment": "Visto di persona."}
    )
    assert answer.status_code == 422
    assert title(answer).startswith("Errore:")
    assert len(sentences(answer)) >= 7
    assert 'value="nove"' in answer.text
    assert "Visto di persona." in answer.text
    assert size_of(house) == before


def test_the_form_says_that_what_is_there_does_not_do_and_the_process_that_it_is_new_each_time(house: House, as_person: AsPerson) -> None:
    training, quality = as_person("training"), as_person("quality")
    told = {"field.title": "Aula 2: agibilità", "field.area": "VENUES", "field.source_ref": "Delibera, all. B"}
    new = "/cases/new/accreditation-requirement"
    case = training.send(new, {**training.hidden(new), **told}).headers["location"].partition("?")[0]
    page = f"{case}/steps/prove_requirement"
    given = {"field.proof": "Certificato 7/2026", "field.valid_until": "31/12/2026"}
    proofs = {"evidence.PROOF": ("certificato.pdf", BytesIO(b"%PDF-1.4 agibile"), "application/pdf")}
    assert "Ora ne serve uno nuovo" not in quality.get(page).text
    assert quality.send(f"{case}/steps", {**quality.hidden(page), **given}, files=proofs).status_code == 303
    assert "certificato.pdf. Ora ne serve uno nuovo." in quality.get(page).text
    answer = quality.send(f"{case}/steps", {**quality.hidden(page), **given})
    assert (answer.status_code, sentences(answer)) == (422, ["Serve un allegato nuovo, quello di prima non basta: Prova."])
    assert "Prova (nuovo ogni volta)" in quality.get("/processes/accreditation-requirement").text


def test_when_it_happened_must_be_understood_and_not_lie_ahead(as_person: AsPerson, case: str) -> None:
    quality = as_person("quality")
    for written in ("ieri", "29/03/2026 02:30", "31/12/2026 10:00"):
        answer = treat(quality, case, happened_at=written)
        assert answer.status_code == 422
        assert f'value="{written}"' in answer.text
        assert 'href="#f-happened_at"' in answer.text


def test_a_person_without_the_role_is_refused_and_the_attempt_recorded(house: House, as_person: AsPerson, case: str) -> None:
    shared = opened(as_person("verifier"), organisation="aurora").partition("?")[0]
    member = as_person("aurora")
    form = member.hidden(f"{shared}/steps/propose_rejection")
    before = size_of(house)
    answer = member.send(f"{shared}/steps", {**form, "field.rejection_reason": "Non è successo nulla di simile."})
    assert answer.status_code == 403
    assert "Non è successo nulla di simile." in answer.text
    assert "Serve uno di questi ruoli: Responsabile" in answer.text
    assert size_of(house) == before + 1
    assert "Irma Lenzi" in as_person("quality").get("/records?event=attempt-refused").text
    assert as_person("kennel").send(f"{case}/steps", {"step": "treat"}).status_code == 404
    for name in ("auditor", "learner"):
        assert as_person(name).send(f"{case}/steps", {"step": "treat"}).status_code == 403


def test_a_page_that_moved_on_is_refused_and_comes_back_ready(house: House, as_person: AsPerson, case: str) -> None:
    quality, other = as_person("quality"), as_person("quality_too")
    stale = other.hidden(f"{case}/steps/treat")
    assert treat(quality, case).status_code == 303
    before = size_of(house)
    answer = other.send(f"{case}/steps", {**stale, **TREAT}, files=proof())
    assert answer.status_code == 409
    assert "Sospesa la firma anticipata" in answer.text
    assert size_of(house) == before


def test_the_same_step_sent_twice_records_once(house: House, as_person: AsPerson, case: str) -> None:
    quality = as_person("quality")
    form = {**quality.hidden(f"{case}/steps/treat"), **TREAT}
    first = quality.send(f"{case}/steps", form, files=proof())
    before = size_of(house)
    second = quality.send(f"{case}/steps", form, files=proof())
    assert first.headers["location"] == second.headers["location"]
    assert size_of(house) == before


def test_more_rows_are_added_without_any_script_and_nothing_is_recorded(house: House, as_person: AsPerson, case: str) -> None:
    quality = as_person("quality")
    before = size_of(house)
    answer = quality.send(f"{case}/steps", {**quality.hidden(f"{case}/steps/treat"), **TREAT, "add_row": "causes"})
    assert answer.status_code == 200
    assert "Un corso, due lezioni" in answer.text
    assert size_of(house) == before


def test_evidence_comes_back_only_as_a_download_and_only_to_those_who_see_the_case(as_person: AsPerson, case: str) -> None:
    quality = as_person("quality")
    files = {"evidence.CORRECTION_EVIDENCE": ("../../etc/\r\nprova «1».pdf", BytesIO(b"%PDF-1.4 <script>alert(1)</script>"), "text/html")}
    answer = quality.send(f"{case}/steps", {**quality.hidden(f"{case}/steps/treat"), **TREAT}, files=files)
    page = quality.get(answer.headers["location"]).text
    place = next(part.partition('"')[0] for part in page.split('href="') if part.startswith(f"{case}/evidence/"))
    file = quality.get(place)
    assert file.content == b"%PDF-1.4 <script>alert(1)</script>"
    assert file.headers["content-type"] == "application/octet-stream"
    assert file.headers["content-disposition"].startswith("attachment; ")
    assert "filename*=UTF-8''" in file.headers["content-disposition"]
    assert file.headers["x-content-type-options"] == "nosniff"
    assert as_person("kennel").get(place).status_code == 404
    assert quality.get(f"{case}/evidence/{'0' * 64}").status_code == 404
    assert quality.get(f"{case}/evidence/..%2f..%2fqms.toml").status_code == 404


@pytest.mark.parametrize("where", ["comment", "field.correction", "key"])
def test_a_null_character_is_refused_in_words_and_not_dropped_in_silence(house: House, as_person: AsPerson, case: str, where: str) -> None:
    quality, before = as_person("quality"), size_of(house)
    answer = treat(quality, case, **{where: "Visto\0di persona"})
    assert answer.status_code == 422
    assert sentences(answer)
    assert size_of(house) == before
