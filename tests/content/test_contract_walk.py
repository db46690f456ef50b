"""What a contract must be able to do besides its straight way, and what it may not."""

from tests.content.office import Office

OPENED = "2026-02-01T09:00:00.000Z"
MEASURED = {"record_results": ("kennel", OPENED, 5), "validate_design": ("tenders", OPENED, 4), "begin_closing": ("tenders", OPENED, 6)}
END = {
    "final_management": "Turni coperti al 99 per cento.",
    "final_recovery": "Tre persone, diciotto punti di autonomia in più.",
    "satisfaction": "4,5",
    "member_evaluation": "86",
    "lessons_learned": "Il telefono del sabato va scritto nei turni.",
}
FILES = ("FINAL_REPORT", "SATISFACTION_RESULT", "RETURN_MINUTES", "EXECUTION_CERTIFICATE_REQUEST")


def test_a_provisional_validation_can_still_be_concluded_while_the_contract_closes(office: Office) -> None:
    number = office.plant("service-contract", "CLOSING", {"validation_mode": "FIRST_PERIOD"}, MEASURED)
    assert office.refused(number, "close_contract", "quality", END, *FILES) == ("GUARD:validation_closed",)
    office.take(number, "close_validation", "quality", {"validation_result": "Convalidato con i dati dei primi mesi."}, "VALIDATION_RECORD")
    office.take(number, "close_contract", "quality", END, *FILES)
    assert office.file(number).state == "CLOSED"


def test_measures_are_recorded_only_with_their_sheet(office: Office) -> None:
    number = office.plant("service-contract", "ACTIVE", {})
    row = {"result": "R1", "period": "2026-02", "indicator": "Turni", "value": "1", "target": "1", "sense": "AT_LEAST"}
    assert office.refused(number, "record_results", "tenders", {"results": [row]}) == ("EVIDENCE_MISSING:MEASURES_SHEET",)
    office.take(number, "record_results", "tenders", {"results": [row]}, "MEASURES_SHEET")


def test_who_scores_a_candidate_does_not_choose_it_and_who_has_an_interest_does_neither(office: Office) -> None:
    about = {
        "member_kind": "B",
        "disadvantaged_share": "38.5",
        "durc_until": "2026-12-31",
        "conflicted": [{"person": office.id("direction"), "reason": "socio"}],
    }
    number = office.plant("member-mandate", "EVALUATED", about, {"evaluate": ("quality", OPENED, 3)})
    chosen = {"ranking": "FIRST", "decision_ref": "CdA 3"}
    assert office.refused(number, "assign", "direction", chosen) == ("SOD:scorer_decides",)
    assert office.refused(number, "assign", office.as_role("TOP", nick="quality"), chosen) == ("SOD:scorer_decides",)


def test_an_action_is_closed_by_who_asked_for_it_and_never_by_its_owner(office: Office) -> None:
    told = {"title": "Montare il secondo lettore", "owner": office.id("training"), "due_on": "20/03/2026", "origin": "MEETING"}
    number = office.open("planned-action", "tenders", told)
    office.take(number, "report_done", "training", {"outcome": "Montato e provato."})
    assert "SOD:owner_closes" in office.refused(number, "seen_done", "training")
    office.take(number, "seen_done", "tenders")
    assert office.file(number).state == "CLOSED"
