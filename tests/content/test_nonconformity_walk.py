"""Nonconformities on the short and on the full way, with the corrective action that must prove effective before one may close."""

from datetime import timedelta
from typing import Any

import pytest

from qms.workflows import timers
from tests.content.office import Office, utc
from tests.content.rows_actions import CATEGORIES

REPORT = {
    "title": "Registro presenze firmato in anticipo",
    "description": "Il registro del 2 marzo riportava le firme delle 13 già alle 11.",
    "process": "TRAINING",
    "nc_source": "SELF",
}
CONTAINED = {
    "containment": "Registro ritirato e lezione verbalizzata",
    "affected_scope": "Una lezione del corso OSS",
    "persons_informed": "Direzione del corso",
}
JUDGED = {
    "clause": "8.5.1",
    "impact": "3",
    "extent": "3",
    "severity": "MAJOR",
    "cause_code": "METHOD",
    "similar_search": "Pratiche chiuse negli ultimi dodici mesi, formazione: nessuna",
    "output_disposition": "CORRECT",
}
TREATED = {
    "containment": "Registro ritirato",
    "affected_scope": "Una lezione",
    "impact": "2",
    "extent": "2",
    "cause_code": "METHOD",
    "output_disposition": "CORRECT",
    "correction": "Lezione verbalizzata dal tutor",
}
CLOSED = {"verification_note": "Visti registro e verbale della lezione", "closure_note": "Corretta e verificata."}


def to_corrected(office: Office, report: dict[str, Any], judge: str = "quality") -> str:
    number = office.open("nonconformity", "tenders", report)
    office.take(number, "contain", "training", CONTAINED)
    office.take(number, "classify", judge, {**JUDGED, "process": report["process"], "nc_source": report["nc_source"]})
    due = {"correction": "Verbale della lezione", "correction_owner": office.id("training"), "correction_due": "09/03/2026"}
    office.take(number, "correct", "training", due)
    office.take(number, "corrected", "training", {}, "CORRECTION_EVIDENCE")
    return number


def analysis(office: Office, **changed: Any) -> dict[str, Any]:
    return {
        "method": "BOTH",
        "team": [{"person": office.id("training")}, {"person": office.id("tenders")}],
        "whys": [{"why": f"perché {n}"} for n in (1, 2, 3)],
        "ishikawa": [{"category": name, "finding": "non incide"} for name in CATEGORIES],
        "causes": [{"code": "C1", "statement": "Il registro resta in aula", "evidence": "sopralluogo del 3 marzo"}],
        "extension": [{"place": "Altri corsi", "by_whom": office.id("training"), "looked_on": "2026-03-02", "finding": "uguale in due"}],
        **changed,
    }


def plan(office: Office, **changed: Any) -> dict[str, Any]:
    row = {"number": "A1", "cause": "C1", "kind": "METHOD", "action": "Registro consegnato a fine lezione"}
    return {
        "actions": [{**row, "owner": office.id("tenders_too"), "due": "2026-04-10"}],
        "metric": "registri corretti dopo 24 ore",
        "comparison": "AT_MOST",
        "target": "0",
        "minimum_observations": "40",
        "check_after_days": "90",
        "checker": office.id("verifier"),
        **changed,
    }


def carry_out(office: Office, number: str, approver: str, sheet: str) -> None:
    """From the analysis of causes to the wait for the check; takes the clock to the day the check falls due."""
    office.take(number, "causes_done", "training", analysis(office), f"CAUSE_ANALYSIS_SHEET={sheet}")
    office.take(number, "propose_plan", "training", plan(office))
    office.take(number, "approve_plan", approver)
    office.take(number, "start_actions", "training")
    done = [{"number": "A1", "done_on": office.at.date().isoformat(), "evidence": "ordine di servizio 3"}]
    office.take(number, "implemented", "training", {"done": done}, f"ACTION_EVIDENCE={sheet}")
    office.take(number, "verify_implementation", "quality", {"implementation_check_note": "Visto in due aule su due"})


def test_a_minor_nonconformity_is_treated_on_one_page_and_closed_by_another(office: Office) -> None:
    number = office.open("nonconformity", "tenders", REPORT)
    office.take(number, "treat", "training", TREATED, "CORRECTION_EVIDENCE")
    assert office.file(number).fields["severity"] == "MINOR"
    assert "SOD:corrector_is_closer" in office.refused(number, "close_nc", office.as_role("QM", nick="training"), CLOSED)
    assert office.refused(number, "close_nc", office.as_role("QM", nick="tenders"), CLOSED) == ("SOD:corrector_is_closer",)
    office.take(number, "close_nc", "quality", CLOSED)
    assert office.file(number).state == "CLOSED"


def test_a_grave_one_may_not_take_the_short_way(office: Office) -> None:
    number = office.open("nonconformity", "tenders", {**REPORT, "critical_fact": "REGISTER_FALSIFIED"})
    codes = office.refused(number, "treat", "training", {**TREATED, "impact": "4", "extent": "3"}, "CORRECTION_EVIDENCE")
    assert codes == ("GUARD:minor_by_matrix", "GUARD:nothing_forces_more")


def test_a_major_one_closes_only_after_a_corrective_action_that_worked_at_the_second_try(office: Office) -> None:
    number = to_corrected(office, REPORT)
    assert office.refused(number, "close_nc", "quality", CLOSED) == ("GUARD:capa_effective_if_required",)
    office.take(number, "open_action", "quality")
    action = "AC-2026-0001"
    assert office.file(action).fields["severity"] == "MAJOR"
    carry_out(office, action, "quality", "primo")
    first = {"measured_value": "2", "observations": "41"}
    assert "GUARD:check_not_before_due" in office.refused(action, "judged_effective", "verifier", first, "EFFECTIVENESS_EVIDENCE")
    office.at = utc("2026-06-01 09:00")
    codes = office.refused(action, "judged_effective", "verifier", first, "EFFECTIVENESS_EVIDENCE")
    assert codes == ("GUARD:criterion_met",)
    office.take(action, "judged_ineffective", "verifier", first, "EFFECTIVENESS_EVIDENCE", comment="Due registri corretti tardi.")
    assert office.file(action).fields["cycle"] == 2
    assert office.refused(number, "close_nc", "quality", CLOSED) == ("GUARD:capa_effective_if_required",)
    again = office.refused(action, "causes_done", "training", analysis(office), "CAUSE_ANALYSIS_SHEET=primo")
    assert again == ("EVIDENCE_NEW:CAUSE_ANALYSIS_SHEET",)
    carry_out_again(office, action)
    office.at = utc("2026-09-10 09:00")
    found = {"measured_value": "0", "observations": "44"}
    office.take(action, "judged_effective", "verifier", found, "EFFECTIVENESS_EVIDENCE=secondo")
    office.take(action, "close_action", "quality", {"knowledge": "Il registro va dove va il docente."})
    office.take(number, "close_nc", "quality", CLOSED)
    assert office.file(number).state == "CLOSED"


def carry_out_again(office: Office, action: str) -> None:
    office.take(action, "causes_done", "training", analysis(office), "CAUSE_ANALYSIS_SHEET=secondo")
    office.take(action, "propose_plan", "training", plan(office))
    assert office.refused(action, "approve_plan", "quality") == ("GUARD:top_from_second_cycle",)
    office.take(action, "approve_plan", "direction")
    office.take(action, "start_actions", "training")
    done = [{"number": "A1", "done_on": "2026-06-01", "evidence": "ordine di servizio 9"}]
    office.take(action, "implemented", "training", {"done": done}, "ACTION_EVIDENCE=secondo")
    office.take(action, "verify_implementation", "quality", {"implementation_check_note": "Visto in tre aule su tre"})


def test_who_checks_effectiveness_neither_planned_nor_owns_an_action(office: Office) -> None:
    number = to_corrected(office, REPORT)
    office.take(number, "open_action", "quality")
    action = "AC-2026-0001"
    carry_out(office, action, "quality", "primo")
    office.at = utc("2026-06-01 09:00")
    found = {"measured_value": "0", "observations": "44"}
    for nick in ("training", "tenders_too"):
        codes = office.refused(action, "judged_effective", office.as_role("VERIFIER", nick=nick), found, "EFFECTIVENESS_EVIDENCE")
        assert codes == ("SOD:actor_is_checker", "GUARD:actor_is_named_checker")


def test_an_abandoned_corrective_action_does_not_let_a_major_one_close(office: Office) -> None:
    number = to_corrected(office, REPORT)
    office.take(number, "open_action", "quality")
    risk = {"residual_risk": "Può ripetersi nei due corsi in chiusura; lo sorveglia il direttore fino a giugno."}
    office.take("AC-2026-0001", "abandon", "direction", risk, comment="I corsi finiscono fra un mese.")
    assert office.refused(number, "close_nc", "quality", CLOSED) == ("GUARD:capa_effective_if_required",)
    remaining = office.file("RO-2026-0001")
    assert (remaining.fields["description"], remaining.state) == (risk["residual_risk"], "IDENTIFIED")


def test_on_the_quality_offices_own_work_the_direction_decides_after_an_independent_look(office: Office) -> None:
    report = {**REPORT, "process": "QUALITY"}
    number = office.open("nonconformity", "tenders", report)
    office.take(number, "contain", "training", CONTAINED)
    judged = {**JUDGED, "process": "QUALITY", "nc_source": "SELF"}
    assert office.refused(number, "classify", "quality", judged) == ("GUARD:direction_judges_quality",)
    office.take(number, "classify", "direction", judged)
    office.take(number, "open_action", "direction")
    assert "GUARD:independent_opinion_heard" in office.refused(number, "close_nc", "direction", CLOSED)
    note = {"independent_note": "Ho visto i registri di audit: mancano due verbali."}
    assert office.refused(number, "independent_look", "quality", note) == ("GUARD:not_the_quality_office",)
    office.take(number, "independent_look", "verifier", note)
    assert "GUARD:independent_opinion_heard" not in office.refused(number, "close_nc", "direction", CLOSED)


def test_a_report_is_rejected_by_two_and_judged_again_by_a_third(office: Office) -> None:
    number = office.open("nonconformity", "tenders", REPORT)
    office.take(number, "propose_rejection", "quality", {"rejection_reason": "La firma anticipata è ammessa dal finanziatore."})
    assert office.refused(number, "confirm_rejection", "quality", comment="sì") == ("SOD:rejecter_is_second",)
    office.take(number, "confirm_rejection", "verifier", comment="Confermo, visto l'avviso.")
    assert office.file(number).is_closed
    office.take(number, "appeal_rejection", "tenders", {"appeal_reason": "L'avviso lo ammette solo per gli stage."})
    outcome = {"appeal_outcome": "L'avviso vale solo per gli stage: è una non conformità."}
    assert office.refused(number, "uphold_appeal", "verifier", outcome) == ("SOD:judge_of_own_decision",)
    office.take(number, "uphold_appeal", "direction", outcome)
    assert office.file(number).state == "REPORTED"


def test_a_recurrence_reopens_one_step_graver_and_needs_new_proof(office: Office) -> None:
    number = office.open("nonconformity", "tenders", REPORT)
    office.take(number, "treat", "training", TREATED, "CORRECTION_EVIDENCE")
    office.take(number, "close_nc", "quality", CLOSED)
    office.at = utc("2026-08-03 09:00")
    twin = office.open("nonconformity", "tenders", REPORT)
    ground = {"reopen_ground": "RECURRENCE", "recurrence_case": twin, "reopen_reason": "Stesso corso, stesso docente, cinque mesi dopo."}
    office.take(number, "reopen", "quality", ground)
    fields = office.file(number).fields
    assert (fields["severity"], fields["reopen_count"]) == ("MAJOR", 1)
    assert "corrected_at" not in fields
    office.take(number, "contain", "training", CONTAINED)
    codes = office.refused(number, "classify", "quality", {**JUDGED, "impact": "1", "extent": "1", "severity": "MINOR"})
    assert codes == ("GUARD:reopened_is_not_minor",)


@pytest.mark.parametrize(
    ("fact", "due"),
    [
        ({"critical_fact": "DANGER"}, "2026-03-03T08:00:00.000Z"),
        ({"major_fact": "PENALTY"}, "2026-03-05T22:59:59.000Z"),
        ({}, "2026-03-09T22:59:59.000Z"),
    ],
    ids=["critical: 24 hours", "major: 3 working days", "minor: 5 working days"],
)
def test_the_time_to_contain_follows_what_was_reported(office: Office, fact: dict[str, str], due: str) -> None:
    number = office.open("nonconformity", "tenders", {**REPORT, **fact})
    next_due = office.file(number).next_due
    assert next_due == utc(due[:19].replace("T", " "))
    office.at = utc("2026-03-10 09:00")
    with office.store.writing() as tx:
        assert timers.wake(tx, office.engine, tx.now) > 0
    with office.store.writing() as tx:
        # Of what has been due for more than three days the direction is told too, once.
        assert timers.wake(tx, office.engine, tx.now) == (office.at > next_due + timedelta(days=5))
    with office.store.writing() as tx:
        assert timers.wake(tx, office.engine, tx.now) == 0
