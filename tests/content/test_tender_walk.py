"""A real notice goes from its file to the contract, through every step, the clock inside its window; and what goes wrong on the way."""

from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from qms.desk import notices
from qms.formats import notice
from qms.records import evidence
from tests.content.office import ROOT, Office, utc
from tests.content.rows_tenders import CRITERIA, KNOCK_OUTS, WEIGHTS

CALL = ROOT / "tests/formats/samples/ted-xml-legacy/565500-2020.xml"
RULES = ("TENDER_RULES", "SPECIFICATIONS")
FILES = ("DGUE", "INTEGRATIVE_DECL", "TECHNICAL_OFFER", "ECONOMIC_OFFER", "PROVISIONAL_GUARANTEE", "FEE_RECEIPT")
SHEET = {
    "knock_outs": [{"check": name, "outcome": "CLEAR", "basis": "disciplinare, art. 7"} for name in KNOCK_OUTS],
    "go_sheet": [{"criterion": name, "weight": weight, "score": "4"} for name, weight in zip(CRITERIA, WEIGHTS, strict=True)],
    "participation_form": "CONSORTIUM_SELF",
    "estimated_effort_days": "18",
}
SUMMARY = "Équipe stabili, tutor per ogni famiglia e coordinamento con i servizi sociali del distretto, senza turni spezzati."


def at(office: Office, text: str) -> datetime:
    office.at = utc(text)
    return office.at


def take_in(office: Office, folder: Path) -> str:
    """Import the notice as the upload page does."""
    content = CALL.read_bytes()
    stored = evidence.store(folder, BytesIO(content), CALL.name, 1_000_000)
    with office.store.writing() as tx:
        (taken,) = notices.take_in(tx, office.engine, notice.read(content, CALL.name), stored, office.people["tenders"])
    assert taken.case is not None
    return taken.case


def screening(office: Office, number: str, **changed: Any) -> dict[str, Any]:
    known = office.file(number).fields
    doubts = [{**doubt, "settled": "Vale il 14 dicembre: così il disciplinare, pag. 3"} for doubt in known["doubts"]]
    return {
        "buyer_tax_code": "11222820158",
        "submission_deadline_at": "14/12/2020 10:00",
        "questions_deadline_at": "04/12/2020 12:00",
        "site_visit": "NONE",
        "reserved": "none",
        "award_criteria": [{"kind": "quality", "name": "Progetto", "weight": "80"}, {"kind": "price", "name": "Prezzo", "weight": "20"}],
        "fee_amount": "200,00",
        "guarantee_amount": "61.080,46",
        "page_limit": "40",
        "requirement_list": [{"requirement": "Servizi analoghi per 3.000.000 euro nel triennio", "place": "art. 7.3"}],
        "doubts": doubts,
        **changed,
    }


def offer(office: Office, number: str) -> dict[str, Any]:
    row = {"lot": "1", "price": "2.990.000,00", "labour_cost": "2.400.000,00", "own_safety_cost": "12.000,00"}
    known = office.file(number).fields["requirement_list"]
    return {
        "requirement_list": [{**row, "covered_by": "elenco servizi, pag. 2"} for row in known],
        "checklist": [{"document": "ISO 9001", "whose": "Consorzio", "valid_until": "30/06/2021"}],
        "technical_summary": SUMMARY,
        "technical_pages": "38",
        "offer": [row],
        "guarantee_until": "30/06/2021",
        "clarifications": [{"question": "Subappalto?", "answer": "No", "impact": "nulla"}],
    }


def to_screened(office: Office, folder: Path) -> str:
    at(office, "2020-11-25 09:00")
    number = take_in(office, folder)
    office.take(number, "screen", "tenders", screening(office, number), *RULES)
    return number


def to_ready(office: Office, folder: Path) -> str:
    number = to_screened(office, folder)
    at(office, "2020-11-26 09:00")
    office.take(number, "fill_go_sheet", "tenders", SHEET)
    at(office, "2020-11-27 09:00")
    office.take(number, "go", "direction", {"go_decision_ref": "CdA 14/2020"}, "GO_NOGO_SHEET")
    team = [{"person": office.id("tenders"), "task": "regia"}, {"person": office.id("tenders_too"), "task": "progetto"}]
    milestones = [{"what": "documenti completi", "due": "04/12/2020"}]
    office.take(number, "start_preparation", "tenders", {"team": team, "internal_milestones": milestones})
    at(office, "2020-12-09 09:00")
    office.take(number, "request_check", "tenders", offer(office, number), *FILES)
    at(office, "2020-12-10 09:00")
    office.take(number, "check_passed", "verifier", {"check_minutes_ref": "V 7/2020"}, "CHECK_LIST_SIGNED")
    at(office, "2020-12-10 15:00")
    office.take(number, "check_ok_and_sign", "direction", {"confirmed_total": "2.990.000,00"})
    return number


def test_a_notice_goes_from_import_to_contract(office: Office, tmp_path: Path) -> None:
    number = to_ready(office, tmp_path)
    at(office, "2020-12-11 15:00")
    office.take(number, "submit_offer", "tenders", {"platform_receipt_no": "SINTEL 991"}, "PLATFORM_RECEIPT")
    at(office, "2020-12-15 09:00")
    office.take(number, "open_session", "tenders", {"opening_at": "15/12/2020 09:30"})
    asked = {"rescue_due_at": "23/12/2020 12:00", "rescue_items": [{"item": "Patto di integrità", "kind": "DECLARATION"}]}
    office.take(number, "rescue_requested", "tenders", asked, "RESCUE_REQUEST")
    at(office, "2020-12-18 09:00")
    office.take(number, "rescue_answered", "tenders", {}, "RESCUE_ANSWER", "RESCUE_RECEIPT")
    office.take(number, "admit", "tenders", {"admission_act_ref": "verbale 1"})
    at(office, "2021-01-20 09:00")
    scores = [{"criterion": "Progetto", "ours": "74", "best": "74"}, {"criterion": "Prezzo", "ours": "18", "best": "20"}]
    office.take(number, "record_ranking", "tenders", {"our_rank": "1", "scores": scores})
    office.take(number, "anomaly_requested", "tenders", {"anomaly_due_at": "05/02/2021 12:00"})
    at(office, "2021-02-02 09:00")
    office.take(number, "anomaly_answered", "tenders", {}, "PRICE_JUSTIFICATION")
    office.take(number, "award_proposed", "tenders", {"proposal_ref": "verbale 4"})
    at(office, "2021-02-10 09:00")
    award = {"award_act_ref": "det. 88", "award_communicated_at": "10/02/2021 09:00", "award_amount": "2.990.000,00"}
    office.take(number, "record_award", "tenders", award, "AWARD_ACT")
    at(office, "2021-02-20 09:00")
    office.take(number, "award_effective", "tenders", {}, "EFFECTIVENESS_NOTE")
    office.take(number, "enter_standstill", "tenders")
    assert office.file(number).fields["standstill_until"] == "2021-03-17T08:00:00.000Z"
    heard = [{"claimant": "Altra cooperativa", "notified_on": "2021-03-01", "suspension": "PENDING"}]
    at(office, "2021-03-01 09:00")
    office.take(number, "note_challenge", "tenders", {"challenges": heard}, "CHALLENGE_ACT")
    assert office.refused(number, "to_contract", "tenders_too", {}, "FINAL_GUARANTEE") == (
        "GUARD:standstill_elapsed_or_exempt",
        "GUARD:no_suspensive_appeal",
    )
    at(office, "2021-03-18 09:00")
    office.take(number, "note_challenge", "tenders", {"challenges": [{**heard[0], "suspension": "REFUSED"}]}, "CHALLENGE_ACT=2")
    office.take(number, "to_contract", "tenders_too", {}, "FINAL_GUARANTEE")
    assert office.file(number).state == "TO_CONTRACT"


def test_two_deadlines_hold_the_screening_until_a_person_chooses(office: Office, tmp_path: Path) -> None:
    at(office, "2020-11-25 09:00")
    number = take_in(office, tmp_path)
    given = screening(office, number, submission_deadline_at="", doubts=office.file(number).fields["doubts"])
    codes = office.refused(number, "screen", "tenders", given, *RULES)
    assert {"FIELD_REQUIRED:submission_deadline_at", "GUARD:doubts_settled"} <= set(codes)


@pytest.mark.parametrize(
    ("uploaded", "recorded", "codes"),
    [
        ("2020-12-14 08:58", "2020-12-14 09:05", ()),
        ("2020-12-14 09:00", "2020-12-16 09:00", ()),
        ("2020-12-14 09:00:01", "2020-12-14 09:05", ("GUARD:submitted_at_on_receipt_before_deadline",)),
    ],
    ids=["in time, recorded seven minutes late", "to the second, recorded days late", "one second late"],
)
def test_the_moment_on_the_receipt_counts(office: Office, tmp_path: Path, uploaded: str, recorded: str, codes: tuple[str, ...]) -> None:
    number = to_ready(office, tmp_path)
    at(office, recorded)
    given = {"platform_receipt_no": "SINTEL 991"}
    assert office.refused(number, "submit_offer", "tenders", given, "PLATFORM_RECEIPT", at=utc(uploaded)) == codes


def test_a_late_submission_without_a_receipt_is_refused(office: Office, tmp_path: Path) -> None:
    number = to_ready(office, tmp_path)
    at(office, "2020-12-16 09:00")
    given = {"platform_receipt_no": "SINTEL 991"}
    assert office.refused(number, "submit_offer", "tenders", given, at=utc("2020-12-14 08:58")) == ("EVIDENCE_MISSING:PLATFORM_RECEIPT",)


def test_a_missed_deadline_opens_a_critical_nonconformity(office: Office, tmp_path: Path) -> None:
    number = to_ready(office, tmp_path)
    at(office, "2020-12-14 09:30")
    reason = {"missed_reason": "La piattaforma era ferma e il caricamento è partito alle 9:58."}
    office.take(number, "record_missed_deadline", "tenders", reason)
    opened = office.file("NC-2020-0001")
    assert opened.fields["critical_fact"] == "DEADLINE_MISSED"
    assert opened.state == "REPORTED"


def test_a_file_changed_after_the_check_may_not_be_signed_or_submitted(office: Office, tmp_path: Path) -> None:
    number = to_ready(office, tmp_path)
    office.take(number, "reopen", "tenders", comment="Il DGUE era del modello vecchio.")
    office.take(number, "request_check", "tenders", offer(office, number), "DGUE=nuovo")
    codes = office.refused(number, "check_ok_and_sign", "direction", {"confirmed_total": "2.990.000,00"})
    assert {"GUARD:verifier_signed", "GUARD:check_holds_for_these_files"} <= set(codes)


def test_preparer_checker_and_signer_are_three_persons(office: Office, tmp_path: Path) -> None:
    number = to_screened(office, tmp_path)
    office.take(number, "fill_go_sheet", "tenders", SHEET)
    at(office, "2020-11-27 09:00")
    office.take(number, "go", "direction", {"go_decision_ref": "CdA 14/2020"}, "GO_NOGO_SHEET")
    team = [{"person": office.id("tenders_too"), "task": "progetto"}]
    office.take(number, "start_preparation", "tenders", {"team": team, "internal_milestones": [{"what": "x", "due": "04/12/2020"}]})
    office.take(number, "request_check", "tenders", offer(office, number), *FILES)
    for preparer in ("tenders", "tenders_too"):
        codes = office.refused(number, "check_passed", preparer, {"check_minutes_ref": "V 7"}, "CHECK_LIST_SIGNED")
        assert codes == ("SOD:preparer_is_checker",)


def test_who_fills_in_the_sheet_does_not_decide(office: Office, tmp_path: Path) -> None:
    number = to_screened(office, tmp_path)
    office.take(number, "fill_go_sheet", "tenders", SHEET)
    at(office, "2020-11-27 09:00")
    codes = office.refused(number, "go", "tenders", {"go_decision_ref": "x"}, "GO_NOGO_SHEET")
    assert codes == ("SOD:assessor_is_decider", "GUARD:top_if_value_above_limit")


def test_an_exclusion_opens_a_major_nonconformity_and_lessons_close_the_file(office: Office, tmp_path: Path) -> None:
    number = to_ready(office, tmp_path)
    at(office, "2020-12-11 15:00")
    office.take(number, "submit_offer", "tenders", {"platform_receipt_no": "SINTEL 991"}, "PLATFORM_RECEIPT")
    at(office, "2020-12-16 09:00")
    office.take(number, "open_session", "tenders", {"opening_at": "15/12/2020 09:30"})
    told = {"exclusion_reason": "Firma digitale scaduta sul DGUE.", "notified_at": "16/12/2020 08:00"}
    office.take(number, "exclude", "tenders", told, "EXCLUSION_ACT")
    assert office.file("NC-2020-0001").fields["major_fact"] == "EXCLUSION"
    learnt = {
        "lessons_causes": "Nessuno controllava la scadenza delle firme.",
        "improvements": "La scadenza entra nella lista di controllo.",
    }
    office.take(number, "lessons", "tenders", learnt, "LESSONS_SHEET")
    assert office.file(number).state == "LESSONS_DONE"
