"""The three walks of the house in a real browser, in Italian: once with JavaScript and once without."""

from typing import Any

import pytest

from tests.cast import PASSWORD
from tests.journeys.conftest import Visit

SCRIPT = pytest.mark.parametrize("script", [True, False], ids=["with-javascript", "without-javascript"])
PDF = {"name": "registro corretto.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 registro"}


def reported(page: Any) -> None:
    """A member of staff reports a nonconformity."""
    page.get_by_role("link", name="Apri una pratica").click()
    page.get_by_role("link", name="Non conformità").click()
    page.get_by_label("Che cosa non va").fill("Registro presenze firmato in anticipo")
    page.get_by_label("Il fatto e la prova").fill("Il registro della lezione risulta firmato la mattina precedente.")
    page.get_by_label("Processo").select_option(label="Formazione")
    page.get_by_label("Come è emersa").select_option(label="Segnalata da chi lavora")
    page.locator("main button.primary").click()
    page.get_by_text("Registrato con il numero").wait_for()


@SCRIPT
def test_staff_advance_a_step(visit: Visit, script: bool) -> None:
    reported(visit("verifier", java_script_enabled=script).page)
    visitor = visit("quality", java_script_enabled=script)
    page = visitor.page
    page.get_by_role("link", name="NC-2026-0001").first.click()
    assert page.locator(".drawing svg .is-current").count() == 1
    page.get_by_role("heading", name="Che cosa posso fare ora").wait_for()
    page.get_by_role("link", name="Tratta come minore", exact=True).click()
    page.get_by_label("Azione immediata").fill("Sospesa la firma anticipata in tutte le aule.")
    page.get_by_role("button", name="Tratta come minore").last.click()
    page.get_by_role("alert").wait_for()
    assert page.title().startswith("Errore:")
    assert page.get_by_label("Azione immediata").input_value() == "Sospesa la firma anticipata in tutte le aule."
    page.get_by_role("link", name="Che cosa è coinvolto: da compilare.").click()
    page.get_by_label("Che cosa è coinvolto").fill("Un corso, due lezioni")
    page.get_by_label("Impatto (1–4)").fill("2")
    page.get_by_label("Estensione e ripetizione (1–4)").fill("2")
    page.get_by_label("Causa presunta").select_option(label="Metodo di lavoro")
    page.get_by_label("Che cosa si fa di ciò che non è conforme").select_option(label="Si corregge")
    page.get_by_label("Correzione", exact=True).fill("Registro rifatto e firmato dai presenti.")
    page.get_by_label("Prova della correzione").set_input_files(files=[PDF])
    page.get_by_role("button", name="Tratta come minore").last.click()
    page.get_by_text("Registrato con il numero").wait_for()
    assert "Corretta" in page.locator("main p .mark").first.inner_text()
    with page.expect_download() as download:
        page.get_by_role("link", name="registro corretto.pdf").first.click()
    assert download.value.suggested_filename == "registro corretto.pdf"
    assert visitor.complaints == [] or script is False or all("422" in one for one in visitor.complaints)


@SCRIPT
def test_the_quality_manager_puts_a_revision_in_force(visit: Visit, script: bool) -> None:
    page = visit("quality", java_script_enabled=script).page
    page.get_by_role("link", name="Documenti").first.click()
    page.get_by_role("link", name="PRO-8.7-01").click()
    page.get_by_role("link", name="Proponi una nuova revisione").click()
    page.get_by_label("Nome della bozza").fill("prova")
    page.get_by_label("Motivo della modifica").fill("Chiarita la segnalazione.")
    page.get_by_role("button", name="Proponi una nuova revisione").click()
    text = page.get_by_label("Testo", exact=True)
    text.fill(text.input_value() + "\n## 9. Una sezione nuova\n\nChi vede segnala.\n")
    page.get_by_role("button", name="Anteprima").click()
    page.locator("#preview").get_by_role("heading", name="9. Una sezione nuova").wait_for()
    page.get_by_role("button", name="Salva la bozza").click()
    page.get_by_text("Registrato con il numero").wait_for()
    page.get_by_role("link", name="Confronta con il testo in vigore").first.click()
    assert page.locator(".compare .come").count() >= 3
    page.go_back()
    page.get_by_role("link", name="Vai alla pratica per inviarla").click()
    case = page.url
    step(page, "Invia alla verifica", {"Che cosa cambia": "Chiarita la segnalazione."})
    checker = visit("quality_too", java_script_enabled=script).page
    checker.goto(case)
    step(checker, "Verificato", {"Esito della verifica": "Coerente con gli altri documenti."}, sign=True)
    direction = visit("direction", java_script_enabled=script).page
    direction.get_by_role("link", name="Approva, in vigore da subito", exact=True).click()
    direction.get_by_role("heading", name="Il testo che si approva").wait_for()
    assert "Approvo questo testo" in direction.locator(".signature").inner_text()
    direction.get_by_label("Password").fill(PASSWORD)
    direction.get_by_role("button", name="Approva, in vigore da subito").last.click()
    direction.get_by_text("Registrato con il numero").wait_for()
    direction.goto("/documents/PRO-8.7-01")
    head = direction.locator(".sheet-head").inner_text()
    for name in ("Lucia Bianchi", "Renzo Galli", "Piero Neri"):
        assert name in head
    direction.get_by_role("heading", name="9. Una sezione nuova").wait_for()


@SCRIPT
def test_an_auditor_verifies_a_record(visit: Visit, script: bool) -> None:
    reported(visit("verifier", java_script_enabled=script).page)
    page = visit("auditor", java_script_enabled=script).page
    page.get_by_label("Cerca nel registro degli eventi").fill("presenze")
    page.get_by_role("button", name="Cerca").click()
    page.locator("table.register a").first.click()
    page.get_by_role("heading", name="Che cosa è stato controllato adesso").wait_for()
    assert page.locator(".checks .mark.good").count() >= 6
    assert page.locator(".checks .mark.bad").count() == 0
    with page.expect_download() as download:
        page.get_by_role("link", name="Ricevuta verificabile").click()
    assert download.value.suggested_filename.endswith(".tlog-proof")
    page.get_by_role("link", name="Verifica", exact=True).click()
    page.get_by_role("button", name="Verifica tutto adesso").click()
    page.get_by_text("Tutto torna").wait_for(timeout=60_000)
    page.get_by_role("cell", name="non lo scopre").first.wait_for()


def step(page: Any, title: str, fields: dict[str, str], sign: bool = False) -> None:
    """Take a step from the page of a case."""
    page.get_by_role("link", name=title, exact=True).click()
    for label, value in fields.items():
        page.get_by_label(label).fill(value)
    if sign:
        page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name=title).last.click()
    page.get_by_text("Registrato con il numero").wait_for()
