"""The system looking at itself, from opening to end in the small office: audits, reviews, objectives, risks, suppliers, competence."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from qms.workflows import timers
from qms.workflows.tables import case_link
from tests.content.office import Office, utc
from tests.content.rows_system import TOPICS

Offices = Callable[[str], Office]


@pytest.fixture
def small(offices: Offices) -> Office:
    """The small office on SQLite, its clock back at the beginning."""
    found = offices("small")
    found.at = utc("2026-03-02 08:00")
    return found


def children(office: Office, number: str, link: str) -> list[str]:
    """Numbers of the cases that hang on ``number`` under ``link``, in order of opening."""
    wanted = select(case_link.c.child).where(case_link.c.parent == number, case_link.c.name == link).order_by(case_link.c.child)
    with office.store.reading() as connection:
        return list(connection.execute(wanted).scalars())


def people(office: Office, *nicks: str) -> list[dict[str, str]]:
    return [{"person": office.id(nick)} for nick in nicks]


def audit(office: Office, *processes: str, owner: str = "training") -> str:
    about = {"title": "Registri delle lezioni, aula di Lucca", "processes": list(processes), "audited_owner": office.id(owner)}
    return office.open("internal-audit", "quality", {**about, "planned_on": "2026-03-16"})


def visit(**changed: Any) -> dict[str, Any]:
    row = {"kind": "NC_MINOR", "finding": "Registro chiuso due giorni dopo", "criterion": "PRO-8.5-02", "evidence": "LEZ-2026-0012"}
    return {
        "held_from": "2026-03-16 09:00",
        "held_to": "2026-03-16 12:00",
        "interviewed": "Tutor, coordinatore, due allievi",
        "findings": [row, {**row, "kind": "OBSERVATION", "finding": "Una copia sola della chiave"}],
        "conclusion": "I registri ci sono e tornano; la chiusura ritarda quando il tutor è solo.",
        **changed,
    }


CRITERIA = {"criteria": "Come si chiudono i registri: PRO-8.5-02, aula di Lucca e segreteria."}
NONCONFORMITY = {
    "nc_title": "Registro chiuso due giorni dopo",
    "nc_fact": "LEZ-2026-0012 chiusa il 12 marzo invece del 10.",
    "nc_process": "TRAINING",
}


def test_an_audit_is_planned_held_answered_and_closed_when_its_findings_are_in_hand(office: Office) -> None:
    number = audit(office, "TRAINING")
    team = {**CRITERIA, "team": people(office, "quality"), "worked_there": people(office, "tenders")}
    office.take(number, "notify", "quality", team, "AUDIT_PLAN")
    office.at = utc("2026-03-17 09:00")
    office.take(number, "report", "quality", visit(), "AUDIT_REPORT")
    assert office.refused(number, "close_audit", "quality") == (
        "GUARD:findings_replied", "GUARD:nc_for_each_finding", "GUARD:observations_answered",
    )  # fmt: skip
    office.take(number, "reply_to_findings", "training", {"reply": "Da aprile un secondo tutor il giovedì."})
    office.take(number, "open_nonconformity", "training", NONCONFORMITY)
    key = {"action_what": "Fare la seconda chiave dell'aula", "action_owner": office.id("tenders"), "action_due": "2026-04-01"}
    office.take(number, "open_action", "training", key)
    assert office.refused(number, "close_audit", "quality") == ("GUARD:nc_closed_or_in_hand",)
    (finding,) = children(office, number, "nonconformities")
    assert office.file(finding).fields["nc_source"] == "INTERNAL_AUDIT"
    treated = {"containment": "Registro chiuso", "affected_scope": "Una lezione", "impact": "2", "extent": "2", "cause_code": "METHOD"}
    office.take(
        finding, "treat", "training", {**treated, "output_disposition": "CORRECT", "correction": "Chiuso e firmato"}, "CORRECTION_EVIDENCE"
    )  # fmt: skip
    office.take(number, "close_audit", "quality")
    assert office.file(number).state == "CLOSED"


def test_nobody_audits_what_they_answer_for_or_worked_on(small: Office) -> None:
    number = audit(small, "TRAINING")
    team = {**CRITERIA, "team": people(small, "training"), "worked_there": people(small, "tenders")}
    codes = small.refused(number, "notify", small.as_role("LEAD_AUDITOR", nick="training"), team, "AUDIT_PLAN")
    assert codes == ("SOD:auditor_audits_own_work", "GUARD:team_independent")
    small.take(number, "notify", "quality", {**team, "team": people(small, "quality")}, "AUDIT_PLAN")
    small.at = utc("2026-03-17 09:00")
    worked = small.as_role("LEAD_AUDITOR", nick="tenders")
    assert small.refused(number, "report", worked, visit(), "AUDIT_REPORT") == (
        "SOD:auditor_audits_own_work", "GUARD:auditor_of_the_team",
    )  # fmt: skip


def test_the_quality_office_is_audited_from_outside_and_recorded_by_the_direction(small: Office) -> None:
    number = audit(small, "QUALITY", owner="quality_too")
    outside = {**CRITERIA, "external_auditor": "Ada Neri, consorzio Arno"}
    assert small.refused(number, "notify", "quality", outside, "AUDIT_PLAN") == ("GUARD:quality_visited_from_outside",)
    small.take(number, "notify", "direction", outside, "AUDIT_PLAN")
    small.at = utc("2026-03-17 09:00")
    strength = {"kind": "STRENGTH", "finding": "Nessun documento superato in giro", "evidence": "registro del 16 marzo"}
    small.take(number, "report", "direction", visit(findings=[strength]), "AUDIT_REPORT")
    assert small.refused(number, "close_audit", "quality") == ("GUARD:quality_closed_by_direction",)
    small.take(number, "close_audit", "direction")


def test_an_audit_of_the_full_office_passes_through_preparation_and_visit(offices: Offices) -> None:
    office = offices("full")
    number = audit(office, "TRAINING")
    office.take(number, "notify", "quality", {**CRITERIA, "team": people(office, "quality")}, "AUDIT_PLAN")
    office.take(number, "prepare", "quality", {}, "CHECKLIST")
    office.at = utc("2026-03-17 09:00")
    held = visit(findings=[{"kind": "STRENGTH", "finding": "Registri in ordine", "evidence": "visti in venti lezioni"}])
    conclusion = held.pop("conclusion")
    office.take(number, "execute", "quality", held)
    office.take(number, "issue_report", "quality", {"conclusion": conclusion}, "AUDIT_REPORT")
    office.take(number, "close_audit", "quality")
    assert office.file(number).state == "CLOSED"


YEAR = {
    "title": "Riesame annuale 2025",
    "period_from": "2025-01-01",
    "period_to": "2025-12-31",
    "meeting_on": "2026-03-16",
    "breadth": "ANNUAL",
}


def decisions(office: Office) -> dict[str, Any]:
    none = "Nessuna: bastano quelle in corso"
    return {
        "held_on": "2026-03-16",
        "participants": people(office, "direction", "quality", "training"),
        "decisions": [
            {"kind": "IMPROVEMENT", "decision": "Un tablet per aula", "owner": office.id("training"), "due": "2026-05-31"},
            {"kind": "CHANGE", "decision": none},
            {"kind": "RESOURCES", "decision": "Milleduecento euro per i tablet"},
        ],
        "judgement": "Il sistema è adatto e funziona; i registri chiudono ancora tardi.",
    }


def test_a_review_gathers_every_input_decides_and_sets_the_next_before_it_closes(small: Office) -> None:
    office = small
    number = office.open("management-review", "quality", YEAR)
    rows = [{"topic": topic, "finding": "Nessuna novità: ultimi dati di gennaio"} for topic in TOPICS]
    assert office.refused(number, "inputs_ready", "quality", {"inputs": rows[:-3]}, "INPUT_PACK") == ("GUARD:every_input_present",)
    office.take(number, "inputs_ready", "quality", {"inputs": rows}, "INPUT_PACK")
    office.at = utc("2026-03-17 09:00")
    office.take(number, "write_minutes", "quality", decisions(office), "REVIEW_MINUTES")
    assert office.refused(number, "approve_minutes", office.as_role("TOP")) == ("SOD:preparer_decides",)
    assert office.refused(number, "approve_minutes", office.as_role("TOP", nick="verifier")) == ("GUARD:direction_was_there",)
    office.take(number, "approve_minutes", "direction")
    tablets = {"action_what": "Comprare un tablet per aula", "action_owner": office.id("training"), "action_due": "2026-05-31"}
    office.take(number, "open_action", "quality", tablets)
    assert office.refused(number, "close_review", "quality") == ("GUARD:actions_closed_or_carried", "GUARD:next_is_planned")
    office.take(number, "plan_next", "quality", {"next_on": "2027-03-10"})
    (action,) = children(office, number, "actions")
    carried = {"carried_over": [{"action": action, "reason": "La gara dei tablet slitta a maggio"}]}
    office.take(number, "close_review", "quality", carried)
    (following,) = children(office, number, "next_review")
    assert office.file(following).fields["meeting_on"] == "2027-03-10"
    assert office.file(number).state == "CLOSED"


def test_a_short_review_on_one_subject_needs_neither_every_input_nor_a_next_one(small: Office) -> None:
    office = small
    number = office.open("management-review", "quality", {**YEAR, "title": "Dopo la perdita della quota", "breadth": "SHORT"})
    only = [{"topic": "CONTRACTS", "finding": "La quota del canile è scesa al 29 per cento"}]
    office.take(number, "inputs_ready", "quality", {"inputs": only}, "INPUT_PACK")
    office.at = utc("2026-03-17 09:00")
    row = {"kind": "CHANGE", "decision": "Nessun nuovo mandato fino a settembre"}
    office.take(number, "write_minutes", "quality", {**decisions(office), "decisions": [row]}, "REVIEW_MINUTES")
    office.take(number, "return_minutes", "direction", comment="Manca da quando.")
    again = {"judgement": "La misura basta, se la media risale entro settembre."}
    assert office.refused(number, "write_minutes", "quality", again) == ("EVIDENCE_NEW:REVIEW_MINUTES",)
    office.take(number, "write_minutes", "quality", again, "REVIEW_MINUTES=con la data")
    office.take(number, "approve_minutes", "direction")
    office.take(number, "close_review", "quality")
    assert office.file(number).state == "CLOSED"


def objective(office: Office, **changed: Any) -> str:
    wanted = {
        "title": "I registri si chiudono il giorno stesso",
        "indicator": "Lezioni chiuse nel giorno su lezioni tenute",
        "how": "PERCENT",
        "sense": "AT_LEAST",
        "baseline": "91",
        "target": "98",
        "minimum_observations": "100",
        "every": "MONTH",
        "due_on": "2026-04-30",
        "owner": office.id("training"),
    }
    return office.open("quality-objective", "training", {**wanted, **changed})


def month(period: str, numerator: str, denominator: str) -> dict[str, str]:
    return {"period": period, "numerator": numerator, "denominator": denominator, "source": "lezioni del mese"}


RESOURCES = {"resources": "Due ore di istruzione ai docenti, un tablet per aula"}


def test_an_objective_is_achieved_when_its_measurements_say_so_and_another_person_declares_it(small: Office) -> None:
    office = small
    number = objective(office)
    assert office.refused(number, "adopt_objective", office.as_role("TOP", nick="training"), RESOURCES) == ("SOD:owner_approves",)
    office.take(number, "adopt_objective", "direction", RESOURCES)
    assert office.file(number).fields["next_measure_on"] == "2026-04-12"
    office.at = utc("2026-05-04 09:00")
    rows = [month("2026-03", "60", "60"), month("2026-04", "37", "40")]
    office.take(number, "measure", "training", {"measurements": rows})
    assert office.refused(number, "achieve", "quality") == ("GUARD:target_met",)
    office.take(number, "measure", "training", {"measurements": [rows[0], month("2026-04", "38", "40")]})
    assert office.refused(number, "achieve", office.as_role("QM", nick="training")) == ("SOD:owner_judges",)
    cause = {"miss_cause": "Mancava un tutor il giovedì, per tutto marzo."}
    assert office.refused(number, "miss", "quality", cause) == ("GUARD:target_missed",)
    office.take(number, "achieve", "quality")
    found = office.file(number)
    assert (found.state, found.fields["total"], found.fields["observed"]) == ("ACHIEVED", "98", "100")


def test_an_objective_without_baseline_begins_with_an_action_and_may_be_missed(small: Office) -> None:
    office = small
    number = objective(office, baseline=None, owner=office.id("quality"))
    assert office.refused(number, "adopt_objective", "direction", RESOURCES) == ("GUARD:baseline_or_first_action",)
    first = {"action_what": "Contare le lezioni per tre mesi", "action_owner": office.id("training"), "action_due": "2026-04-30"}
    office.take(number, "open_action", "training", first)
    office.take(number, "adopt_objective", "direction", RESOURCES)
    office.at = utc("2026-05-04 09:00")
    cause = {"miss_cause": "Nessuno ha contato: il foglio non era pronto."}
    assert office.refused(number, "miss", "quality", cause) == ("SOD:owner_judges",)
    office.take(number, "miss", "direction", cause)
    assert office.file(number).state == "NOT_ACHIEVED"


RISK = {
    "title": "Una socia resta senza DURC",
    "kind": "RISK",
    "process": "CONTRACTS",
    "description": "La socia non paga una rata, il DURC scade, il pagamento si ferma e gli stipendi slittano.",
}


def assessed(office: Office, probability: str, impact: str) -> dict[str, str]:
    given = {"owner": office.id("tenders"), "controls": "Scadenzario guardato ogni lunedì"}
    return {**given, "probability": probability, "impact": impact}


def test_a_high_risk_is_treated_assessed_again_accepted_reread_and_closed_by_another(small: Office) -> None:
    office = small
    number = office.open("risk-opportunity", "verifier", RISK)
    office.take(number, "assess", "tenders", assessed(office, "4", "4"))
    early = office.refused(number, "accept_now", "direction", comment="Accettiamo e lo teniamo d'occhio.")
    assert early == ("GUARD:treated_if_high",)
    reminder = {"action_what": "Avviso trenta giorni prima", "action_owner": office.id("tenders"), "action_due": "2026-03-20"}
    office.take(number, "treat", "tenders", {"strategy": "REDUCE", **reminder})
    office.take(number, "assess", "tenders", assessed(office, "3", "4"))
    why = "Resta un caso l'anno, e la socia lo sa."
    assert office.refused(number, "accept_now", "tenders", comment=why) == ("GUARD:treatment_done",)
    (action,) = children(office, number, "actions")
    office.take(action, "report_done", "tenders", {"outcome": "L'avviso parte da sé"})
    office.take(action, "seen_done", "quality")
    office.take(number, "accept_now", "tenders", comment=why)
    found = office.file(number).fields
    assert (found["level_before"], found["level"], found["next_review_on"]) == (16, 12, "2026-09-02")
    office.at = utc("2026-08-31 09:00")
    office.take(number, "reread", "tenders", {"review_note": "Nessun DURC scaduto in sei mesi; due rinnovati in ritardo."})
    assert office.file(number).fields["next_review_on"] == "2027-02-28"
    over = {"close_ground": "CAUSE_GONE"}
    for nick in ("tenders", "verifier"):
        refused = office.refused(number, "close_risk", office.as_role("QM", nick=nick), over, comment="La socia è uscita.")
        assert refused == ("SOD:assessor_closes",)
    office.take(number, "close_risk", "quality", over, comment="La socia è uscita dal consorzio.")


def test_what_stays_very_high_is_accepted_by_a_direction_that_did_not_assess_it(small: Office) -> None:
    office = small
    number = office.open("risk-opportunity", "verifier", RISK)
    office.take(number, "assess", "tenders", assessed(office, "5", "5"))
    insurance = {"action_what": "Chiedere una fideiussione", "action_owner": office.id("tenders"), "action_due": "2026-03-20"}
    office.take(number, "treat", "tenders", {"strategy": "SHARE", **insurance})
    (action,) = children(office, number, "actions")
    office.take(action, "drop", "quality", comment="La banca non la concede.")
    office.take(number, "assess", "tenders", assessed(office, "5", "4"))
    why = "Nessuna banca lo copre: pagheremo noi gli stipendi per un mese."
    both = office.as_role("TOP", "PROC_OWNER", nick="tenders")
    assert office.refused(number, "accept_now", both, comment=why) == ("GUARD:direction_accepts_high",)
    office.take(number, "accept_now", "direction", comment=why)
    assert office.file(number).state == "MONITORED"


SUPPLIER = {"title": "Aule & Cose srl", "tax_code": "01234560462", "category": "PREMISES", "criticality": "CRITICAL", "handles_data": "no"}
POINTS = {"score_quality": "36", "score_punctuality": "16", "score_documents": "20", "score_price": "6", "score_cooperation": "8"}


def test_an_ordinary_supplier_enters_with_a_quotation(small: Office) -> None:
    number = small.open("supplier-evaluation", "verifier", {**SUPPLIER, "criticality": "ORDINARY"})
    small.take(number, "admit", "verifier", {}, "SUPPLIER_FILE")
    assert small.file(number).fields["valid_until"] == "2027-03-02"


def test_a_supplier_is_qualified_runs_out_by_itself_comes_back_with_reserve_and_leaves(office: Office) -> None:
    number = office.open("supplier-evaluation", "verifier", SUPPLIER)
    page = {**POINTS, "used_by": office.id("training")}
    friend = {"interests": [{"person": office.id("verifier"), "reason": "Il fratello ne è socio"}]}
    assert office.refused(number, "qualify", "verifier", {**page, **friend}, "SUPPLIER_FILE") == ("SOD:interested_qualifies",)
    assert office.refused(number, "qualify", "verifier", {**page, "used_by": office.id("verifier")}, "SUPPLIER_FILE") == (
        "GUARD:judged_with_user",
    )
    office.take(number, "qualify", "tenders", {**page, **friend}, "SUPPLIER_FILE")
    assert office.file(number).fields["score"] == 86
    office.at = utc("2027-03-03 09:00")
    for _ in range(4):
        with office.store.writing() as tx:
            timers.wake(tx, office.engine, tx.now)
    assert office.file(number).state == "EXPIRED"
    low = {**page, "score_quality": "10", "improvement": "Riscaldamento acceso mezz'ora prima", "review_on": "2027-06-30"}
    office.take(number, "put_under_reserve", "tenders", low)
    fault = {"nc_title": "Aula chiusa alle nove", "nc_fact": "Il 4 marzo l'aula era chiusa fino alle 9:40."}
    office.take(number, "open_nonconformity", "training", fault)
    assert office.refused(number, "qualify", "tenders", page) == ("EVIDENCE_NEW:SUPPLIER_FILE", "GUARD:no_open_nc")
    assert office.refused(number, "leave", "tenders", comment="Ora abbiamo un'aula nostra.") == ("GUARD:nothing_pending",)
    (fact,) = children(office, number, "nonconformities")
    office.take(fact, "propose_rejection", "quality", {"rejection_reason": "L'orario concordato era le dieci, lo dice l'ordine."})
    office.take(fact, "confirm_rejection", "verifier", comment="Confermo, visto l'ordine.")
    office.take(number, "leave", "tenders", comment="Ora abbiamo un'aula nostra.")
    assert office.file(number).state == "LEFT"


def training(office: Office, *nicks: str) -> str:
    wanted = {
        "title": "Chiudere un registro senza errori",
        "reason": "PROBLEM",
        "participants": [{"person": office.id(nick), "level": "1"} for nick in nicks],
        "goal_level": "2",
        "method": "COURSE",
        "evaluation_method": "Tre registri chiusi da soli",
        "evaluate_after_days": "30",
    }
    return office.open("competence-action", "training", wanted)


def levels(office: Office, **of: str) -> dict[str, Any]:
    rows = [{"person": office.id(nick), "level": level} for nick, level in of.items()]
    return {"results": rows, "seen_work": "LEZ-2026-0020, 0021 e 0022, in aula"}


def test_a_training_that_did_not_work_is_repeated_another_way_and_judged_by_who_was_not_there(small: Office) -> None:
    office = small
    number = training(office, "training", "tenders")
    planned = {"method": "COURSE", "planned_on": "2026-03-10"}
    proposer = office.as_role("TOP", nick="training")
    assert office.refused(number, "approve_training", proposer, planned) == ("SOD:proposer_approves",)
    office.take(number, "approve_training", "verifier", planned)
    office.at = utc("2026-03-11 09:00")
    office.take(number, "done", "verifier", {"held_on": "2026-03-10"}, "ATTENDANCE_PROOF")
    assert office.refused(number, "effective_now", "quality", levels(office, training="2", tenders="2")) == ("GUARD:time_to_practise",)
    office.at = utc("2026-04-10 09:00")
    assert office.refused(number, "effective_now", "tenders", levels(office, training="2", tenders="2")) == ("SOD:self_evaluation",)
    office.take(number, "not_effective", "quality", levels(office, training="2", tenders="1"), comment="Uno sbaglia ancora i minuti.")
    assert office.refused(number, "approve_training", "direction", {"method": "COURSE", "planned_on": "2026-04-20"}) == (
        "GUARD:another_way",
    )
    office.take(number, "approve_training", "direction", {"method": "SHADOWING", "planned_on": "2026-04-20"})
    office.at = utc("2026-05-25 09:00")
    assert office.refused(number, "done", "verifier", {"held_on": "2026-04-20"}, "ATTENDANCE_PROOF") == ("EVIDENCE_NEW:ATTENDANCE_PROOF",)
    office.take(number, "done", "verifier", {"held_on": "2026-04-20"}, "ATTENDANCE_PROOF=affiancamento")
    office.take(number, "effective_now", "quality", levels(office, training="2", tenders="3"))
    assert office.file(number).state == "CLOSED"


def test_what_expires_stays_in_sight_until_it_is_renewed(small: Office) -> None:
    office = small
    number = training(office, "tenders")
    office.take(number, "approve_training", "verifier", {"method": "COURSE", "planned_on": "2026-03-10"})
    office.at = utc("2026-04-10 09:00")
    office.take(number, "done", "verifier", {"held_on": "2026-03-10", "valid_until": "2029-03-10"}, "ATTENDANCE_PROOF")
    assert office.refused(number, "effective_now", "quality", levels(office, tenders="2")) == ("GUARD:nothing_expires",)
    office.take(number, "effective_until", "quality", levels(office, tenders="2"))
    assert office.file(number).next_due is not None
    office.at = utc("2029-01-15 09:00")
    office.take(number, "renew", "verifier")
    (following,) = children(office, number, "renewals")
    again = office.file(following)
    assert (again.state, again.fields["reason"], again.fields["participants"]) == (
        "PROPOSED",
        "EXPIRY",
        office.file(number).fields["results"],
    )
