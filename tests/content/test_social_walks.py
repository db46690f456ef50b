"""Questions, amendments, co-design, accreditation, teachers, guidance and work inclusion, each from its opening to its end."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from qms.errors import Refused
from qms.people import sight
from qms.people.actor import Actor
from qms.workflows import timers
from tests.content.conftest import _sqlite
from tests.content.office import Office, utc
from tests.content.rows_social import AREAS

PERSON = "Nadia Sole"


@pytest.fixture
def office(tmp_path: Path) -> Any:
    """The small office on SQLite: what is walked here is content, and the store has its own tests."""
    made = Office(_sqlite(tmp_path))
    yield made
    made.store.close()


@pytest.fixture
def full(tmp_path: Path) -> Any:
    """The same people in the full profile."""
    folder = tmp_path / "full"
    folder.mkdir()
    made = Office(_sqlite(folder), "full")
    yield made
    made.store.close()


def at(office: Office, text: str) -> None:
    office.at = utc(text)


def opened_by(receipt: Any) -> str:
    return str(receipt.what["effects"]["open-case"]["number"])


def ring(office: Office) -> None:
    """Let every timer that is due do its work."""
    while True:
        with office.store.writing() as tx:
            if not timers.wake(tx, office.engine, tx.now):
                return


def trail_of(office: Office) -> str:
    """Everything the trail keeps, as one text."""
    with office.store.reading() as connection:
        return "\n".join(str(tuple(row)) for row in connection.exec_driver_sql("select * from entry"))


def test_a_question_opened_from_its_tender_is_reread_by_another_and_closed_before_the_check(office: Office) -> None:
    deadlines = {"questions_deadline_at": "2026-03-10T11:00:00.000Z", "submission_deadline_at": "2026-03-20T11:00:00.000Z"}
    tender = office.plant("public-tender", "PREPARING", deadlines)
    asked = {"question_title": "Pulizie: clausola sociale", "question_text": "L'elenco del personale uscente comprende chi è in congedo?"}
    number = opened_by(office.take(tender, "ask_question", "tenders", asked))
    assert office.file(number).fields["questions_deadline_at"] == deadlines["questions_deadline_at"]
    assert "GUARD:own_questions_closed" in office.refused(tender, "request_check", "tenders")
    assert office.refused(number, "send_question", "tenders") == ("SOD:writer_sends",)
    assert office.refused(number, "assess_answer", "tenders", answer("nulla")) == ("GUARD:sent_or_of_others",)
    office.take(number, "send_question", "verifier", {"reread_note": "Tolto il nome della socia."})
    office.take(number, "assess_answer", "tenders", answer("Relazione, par. 4: due persone in più nel subentro."))
    assert office.file(number).state == "ASSESSED"
    assert "GUARD:own_questions_closed" not in office.refused(tender, "request_check", "tenders")


def test_what_others_asked_takes_two_acts(office: Office) -> None:
    told = {"title": "Sopralluogo: data", "asked_by": "OTHERS", "question": "È possibile un secondo sopralluogo?"}
    number = office.open("tender-question", "tenders", told)
    office.take(number, "assess_answer", "tenders", answer("nulla"))
    assert office.file(number).state == "ASSESSED"


def answer(impact: str) -> dict[str, str]:
    return {"answer": "Sì, si veda l'allegato 3.", "answered_at": "02/03/2026 08:30", "impact": impact}


CHANGE = {
    "change_title": "Canile: apertura la domenica",
    "change_asked_by": "CLIENT",
    "change_text": "Oggi da lunedì a sabato; anche la domenica.",
}
IMPACT = {
    "amendment_kind": "UNFORESEEN",
    "value_initial": "180.000,00",
    "value_before": "180.000,00",
    "value_after": "200.000,00",
    "impact_service": "un turno in più",
    "impact_inclusion": "sei ore in più, stesso tutor",
    "impact_people": "un riposo che si sposta",
    "impact_risk": "nessuno",
    "design_effect": "SAME",
}


def test_an_amendment_goes_from_the_contract_and_back_in_three_acts(office: Office) -> None:
    contract = office.plant("service-contract", "ACTIVE", {"value_net": "180000.00", "end_on": "2027-12-31"})
    carried = {"value_net": "200.000,00", "end_on": "31/12/2027"}
    number = opened_by(office.take(contract, "propose_change", "tenders", CHANGE))
    assert office.refused(contract, "apply_amendment", "tenders", carried) == ("GUARD:effective_amendment_waits",)
    office.take(number, "assess_change", "tenders", IMPACT)
    assert Decimal(office.file(number).fields["change_pct"]).quantize(Decimal("0.01")) == Decimal("11.11")
    signed = {"signed_on": "02/03/2026", "effective_from": "01/03/2026"}
    same = office.as_role("LEGAL_REP", "TOP", nick="tenders")
    assert set(office.refused(number, "sign_and_apply", same, signed, "AMENDMENT_SIGNED")) == {
        "SOD:assessor_approves",
        "GUARD:signed_before_effect",
    }
    office.take(number, "sign_and_apply", "direction", {**signed, "effective_from": "08/03/2026"}, "AMENDMENT_SIGNED")
    assert office.file(number).state == "EFFECTIVE"
    office.take(contract, "apply_amendment", "tenders", carried)
    assert office.refused(contract, "apply_amendment", "tenders", carried) == ("GUARD:effective_amendment_waits",)
    assert office.file(contract).fields["value_net"] == "200000.00"


def test_a_larger_office_approves_agrees_and_puts_an_amendment_in_force_apart(full: Office) -> None:
    told = {"title": "Canile: apertura la domenica", "asked_by": "CLIENT", "change": "Oggi da lunedì a sabato; anche la domenica."}
    number = full.open("contract-amendment", "tenders", told)
    full.take(number, "assess_change", "tenders", IMPACT)
    assert full.refused(number, "approve_change", "tenders") == ("SOD:assessor_approves",)
    full.take(number, "approve_change", "tenders_too")
    full.take(number, "agree_change", "direction", {"signed_on": "02/03/2026"}, "AMENDMENT_SIGNED")
    full.take(number, "take_effect", "tenders", {"effective_from": "08/03/2026"})
    assert full.file(number).state == "EFFECTIVE"


NOTICE = {
    "title": "Sportello lavoro di comunità",
    "authority": "Comune di Lucca",
    "notice_ref": "DD 41/2026",
    "deadline_at": "16/03/2026 12:00",
}
PROMISE = {"public_resources": "50.000,00", "own_resources": "8.000,00", "eligibility": "Sezione imprese sociali; statuto, art. 4"}


def delegate(office: Office) -> dict[str, str]:
    return {"person": office.id("tenders"), "mandate": "Delibera 4/2026, senza impegni di spesa", "until": "31/12/2026"}


def to_applied(office: Office) -> str:
    number = office.open("co-design", "tenders", NOTICE, "PUBLIC_NOTICE")
    assert office.refused(number, "decide_go", "tenders", PROMISE) == ("SOD:finder_decides",)
    office.take(number, "decide_go", "tenders_too", PROMISE)
    at(office, "2026-03-16 11:30")
    files = ("APPLICATION", "PROJECT_PROPOSAL", "RESOURCES_STATEMENT", "SUBMISSION_RECEIPT")
    assert office.refused(number, "submit_application", "direction", {}, *files) == ("GUARD:submitted_in_time",)
    office.take(number, "submit_application", "direction", {}, *files, at=utc("2026-03-16 10:58"))
    return number


def to_agreed(office: Office, number: str) -> None:
    at(office, "2026-04-20 09:00")
    found = {"verification": "Ogni bisogno dell'avviso ha risposta e costo."}
    assert office.refused(number, "verify_project", "tenders", found, "FINAL_PROJECT", "BUDGET") == ("SOD:delegate_verifies",)
    office.take(number, "verify_project", "verifier", found, "FINAL_PROJECT", "BUDGET")
    seat = {"sessions": [{"held_on": "10/04/2026", "sat": office.id("tenders"), "minutes_ref": "prot. 12"}]}
    changed = ("TABLE_MINUTES", "FINAL_PROJECT=un altro progetto")
    assert office.refused(number, "agree_project", "tenders_too", seat, *changed) == ("GUARD:design_controls_done",)
    office.take(number, "agree_project", "tenders_too", seat, "TABLE_MINUTES")


def test_a_co_design_goes_from_notice_to_closing(office: Office) -> None:
    number = to_applied(office)
    office.take(number, "admit_to_table", "tenders", {"admission_ref": "DD 60/2026", "delegates": [delegate(office)]}, "DELEGATION")
    to_agreed(office, number)
    signed = {"signed_on": "20/04/2026", "report_due_on": "31/01/2027"}
    for nick in ("tenders", "tenders_too"):
        assert office.refused(number, "sign_and_start", office.as_role("LEGAL_REP", nick=nick), signed, "AGREEMENT") == (
            "SOD:negotiator_signs",
        )
    office.take(number, "sign_and_start", "direction", signed, "AGREEMENT")
    at(office, "2027-01-20 09:00")
    costs, files = {"public_spent": "49.000,00", "own_proved": "7.900,00"}, ("COST_REPORT", "ACTIVITY_REPORT")
    assert office.refused(number, "report_results", "verifier", costs, *files) == ("GUARD:own_share_proved",)
    office.take(number, "report_results", "verifier", {**costs, "own_proved": "8.100,00"}, *files)
    end = {"satisfaction": "4", "lessons_learned": "I volontari vanno contati ogni settimana."}
    reporter = office.as_role("QM", nick="verifier")
    assert office.refused(number, "close_project", reporter, end, "SATISFACTION_RESULT") == ("SOD:reporter_closes",)
    office.take(number, "close_project", "quality", end, "SATISFACTION_RESULT")
    assert office.file(number).state == "CLOSED"


def test_a_larger_office_opens_the_table_and_starts_the_work_apart(full: Office) -> None:
    number = to_applied(full)
    full.take(number, "record_admission", "tenders", {"admission_ref": "DD 60/2026"}, "ADMISSION_ACT")
    full.take(number, "open_table", "tenders", {"delegates": [delegate(full)]}, "DELEGATION")
    to_agreed(full, number)
    full.take(number, "sign_agreement", "direction", {"signed_on": "20/04/2026", "report_due_on": "31/01/2027"}, "AGREEMENT")
    full.take(number, "start_project", "tenders", {}, "STARTUP_CHECKLIST")
    assert full.file(number).state == "RUNNING"
    full.take(number, "reconvene_table", "tenders", {"reconvene_reason": "Le domande sono il doppio del previsto."})
    assert "GUARD:design_controls_done" in full.refused(number, "agree_project", "tenders_too", {}, "TABLE_MINUTES")


def test_a_requirement_is_proved_by_another_falls_due_and_is_proved_again(office: Office) -> None:
    told = {"title": "Direttore: aggiornamento annuale", "area": "FIGURES", "source_ref": "Delibera, all. A, punto 4"}
    assert "GUARD:figure_named" in refused_opening(office, "accreditation-requirement", "training", told)
    number = office.open("accreditation-requirement", "training", {**told, "concerned": office.id("training")})
    proof = {"proof": "Attestato 7/2026 del 20 febbraio", "valid_until": "31/12/2026"}
    assert office.refused(number, "prove_requirement", "training", proof, "PROOF") == ("SOD:concerned_proves",)
    office.take(number, "prove_requirement", "quality", proof, "PROOF")
    assert office.file(number).state == "MET"
    at(office, "2026-11-02 09:00")
    ring(office)
    assert office.file(number).state == "AT_RISK"
    again = {**proof, "valid_until": "31/12/2027"}
    assert office.refused(number, "prove_requirement", "quality", again) == ("EVIDENCE_NEW:PROOF",)
    office.take(number, "prove_requirement", "quality", again, "PROOF=l'attestato nuovo")
    assert office.file(number).state == "MET"


def test_a_requirement_that_is_lost_opens_a_critical_nonconformity_and_is_told_to_the_region(office: Office) -> None:
    told = {"title": "Aula 2: certificato di agibilità", "area": "VENUES", "source_ref": "Delibera, all. B"}
    number = office.open("accreditation-requirement", "training", told)
    lost = {"failure": "L'agibilità è scaduta il 28 febbraio e il Comune non la rinnova."}
    child = opened_by(office.take(number, "fail_requirement", "training", lost))
    assert office.file(child).fields["critical_fact"] == "LEGAL_THRESHOLD"
    office.take(number, "tell_region", "training", {"region_ref": "prot. 91/2026"}, "REGION_NOTICE")
    proof = {"proof": "Agibilità 14/2026 del Comune", "valid_until": "31/12/2027"}
    assert office.refused(number, "prove_requirement", "quality", proof, "PROOF") == ("GUARD:no_open_nc",)


def test_who_recorded_a_requirement_does_not_say_alone_that_it_does_not_apply(office: Office) -> None:
    told = {"title": "Laboratorio di cucina", "area": "VENUES", "source_ref": "Delibera, all. B"}
    number = office.open("accreditation-requirement", "training", told)
    assert office.refused(number, "exclude_requirement", "training", comment="Nessun corso di cucina.") == ("SOD:recorder_excludes",)
    office.take(number, "exclude_requirement", "quality", comment="Nessun corso di cucina in programma.")
    assert office.file(number).state == "NOT_APPLICABLE"


def test_a_teacher_is_listed_rated_renewed_and_taken_off(office: Office) -> None:
    number = office.open("teacher-profile", "training", {"title": "D-014 · Igiene", "candidate_name": PERSON})
    subjects = [{"subject": "Igiene della persona", "years_work": "6", "years_teaching": "2", "band": "B"}]
    about = {"cv_dated_on": "10/02/2026", "subjects": subjects, "interview_note": "Spiega con casi veri, corregge le prove in aula."}
    office.take(number, "evaluate_teacher", "training", about, "CV_DATED_SIGNED")
    teacher = {"teacher": office.id("aurora")}
    assert office.refused(number, "qualify_teacher", "training", teacher) == ("SOD:evaluator_qualifies",)
    assert office.refused(number, "qualify_teacher", "direction", {"teacher": office.id("direction")}) == ("SOD:evaluator_qualifies",)
    office.take(number, "qualify_teacher", "direction", teacher)
    assert office.file(number).fields["valid_until"] == "2028-03-02"
    at(office, "2028-01-20 09:00")
    score = {"answers": "3", "score_coordinator": "80", "score_register": "90", "score_updating": "60"}
    office.take(number, "rate_teacher", "training", score, "SCORE_SHEET")
    assert office.file(number).fields["score"] == "80"
    fresh = {"cv_dated_on": "15/01/2028"}
    rater = office.as_role("TRAIN_DIR", nick="training")
    assert office.refused(number, "renew_teacher", rater, fresh, "CV_DATED_SIGNED=2029") == ("SOD:evaluator_qualifies",)
    assert office.refused(number, "renew_teacher", "direction", fresh, "CV_DATED_SIGNED") == ("EVIDENCE_NEW:CV_DATED_SIGNED",)
    office.take(number, "renew_teacher", "direction", fresh, "CV_DATED_SIGNED=2029")
    heard = {"heard_on": "19/01/2028"}
    assert office.refused(number, "suspend_teacher", "training", heard, comment="Tre lezioni mancate.") == ("SOD:evaluator_suspends",)
    office.take(number, "suspend_teacher", "direction", heard, comment="Tre lezioni mancate senza avviso.")
    office.take(number, "remove_teacher", "direction", comment="Non insegna più.")
    assert office.file(number).state == "REMOVED"
    assert PERSON not in trail_of(office)


def test_a_listing_that_nobody_renews_expires_by_itself(office: Office) -> None:
    number = office.open("teacher-profile", "training", {"title": "D-015 · Cucina", "candidate_name": PERSON})
    subjects = [{"subject": "Cucina", "years_work": "1", "years_teaching": "1", "band": "C"}]
    about = {"cv_dated_on": "10/02/2026", "subjects": subjects, "interview_note": "Due anni in mensa scolastica."}
    office.take(number, "evaluate_teacher", "training", about, "CV_DATED_SIGNED")
    teacher = {"teacher": office.id("kennel")}
    assert office.refused(number, "qualify_teacher", "direction", teacher) == ("GUARD:criteria_met_for_subjects",)
    office.take(number, "qualify_teacher", "direction", teacher, comment="Il bando ammette due anni fra pratica e aula.")
    at(office, "2028-03-03 09:00")
    ring(office)
    assert office.file(number).state == "EXPIRED"


def guided(office: Office, counsellor: str) -> str:
    number = office.open("career-guidance", "training", {"title": "O-014 · Bilancio delle competenze", "person_name": PERSON})
    office.take(number, "take_charge", "training", {"counsellor": office.id(counsellor)})
    at(office, "2026-03-20 09:00")
    plan = {
        "need": "Vorrei capire se posso lavorare in cucina.",
        "privacy_notice_version": "INF rev. 2",
        "privacy_read_at": "09/03/2026 09:00",
        "meetings": [
            {"held_on": "09/03/2026", "minutes": "60", "topic": "STORY", "until_next": "portare le buste paga"},
            {"held_on": "18/03/2026", "minutes": "50", "topic": "CHOICE"},
        ],
        "roads": [{"kind": "OUR_COURSE", "what": "Aiuto cuoco"}],
        "plan_steps": "So cucinare per venti; voglio un lavoro in mensa entro l'estate.",
    }
    assert office.refused(number, "agree_plan", "training", plan, "ACTION_PLAN_SIGNED") == ("GUARD:not_only_our_courses",)
    roads = [*plan["roads"], {"kind": "WORK", "what": "Mensa di San Vito"}]
    office.take(number, "agree_plan", "training", {**plan, "roads": roads}, "ACTION_PLAN_SIGNED")
    return number


def test_a_path_is_guided_in_four_acts_and_its_outcome_confirmed_by_another(office: Office) -> None:
    number = guided(office, "training")
    at(office, "2026-06-20 09:00")
    office.take(number, "record_contact", "training", {"contact_result": "ON_TRACK"})
    assert office.refused(number, "close_path", "training", {"outcome": "SEARCHING"}) == (
        "SOD:counsellor_confirms",
        "GUARD:waited_or_settled",
    )
    office.take(number, "close_path", "direction", {"outcome": "WORK", "satisfaction": "5"})
    assert office.file(number).state == "CLOSED"
    told = trail_of(office)
    assert not any(words in told for words in (PERSON, "Vorrei capire", "San Vito", "buste paga", "So cucinare"))


def test_only_those_who_guide_see_a_path(office: Office) -> None:
    number = guided(office, "aurora")
    file, definition = office.file(number), office.definition("career-guidance")
    seen = {nick for nick in office.people if sees(office.people[nick], file.organisations, definition.allowed_roles)}
    assert seen == {"training", "direction", "quality", "quality_too"}
    assert office.refused(number, "close_path", "training", {"outcome": "STUDY"}) == ()


def sees(actor: Actor, organisations: tuple[str, ...], roles: Any) -> bool:
    return sight.sees_case(actor, organisations, "personal", roles)


def sheet(grade: int) -> list[dict[str, Any]]:
    return [{"area": area, "grade": grade, "fact": "ha chiuso da solo i box 4–8"} for area in AREAS]


def social(office: Office, nick: str = "kennel") -> Actor:
    return office.as_role("SOCIAL", nick=nick)


def included(office: Office) -> str:
    """A person whose plan is agreed; the tutor is Aurora, who holds the lead's role too."""
    lead = social(office)
    assert "FIELD_INVALID:title" in refused_opening(office, "inclusion-plan", lead, {"title": PERSON, "referred_by": "SERVICE"})
    number = office.open("inclusion-plan", lead, {"title": "P-2026-014", "referred_by": "SERVICE"})
    proof = {"proof_issuer": "Azienda USL", "proof_protocol": "prot. 55/R", "proof_valid_until": "31/12/2027"}
    proof["privacy_notice_version"] = "INF rev. 2"
    assert office.refused(number, "check_eligibility", lead, proof, comment="Ha visto lo psichiatra.") == ("GUARD:no_health_words",)
    office.take(number, "check_eligibility", lead, proof)
    goals = [{"objective": "arrivare puntuale", "shows": "timbrature"}, {"objective": "usare la lancia", "shows": "box puliti"}]
    plan = {"tutor": office.id("aurora"), "tutor_hours": "6", "objectives": goals, "baseline": sheet(1), "plan_signed_on": "02/03/2026"}
    told = {**plan, "service_told_on": "02/03/2026"}
    assert office.refused(number, "agree_plan", lead, plan, "PLAN_SIGNED") == ("GUARD:referring_service_informed",)
    assert office.refused(number, "agree_plan", social(office, "aurora"), told, "PLAN_SIGNED") == ("SOD:tutor_confirms",)
    office.take(number, "agree_plan", lead, told, "PLAN_SIGNED")
    work = {"employed_from": "01/03/2026", "contract_kind": "FIXED_TERM", "weekly_hours": "20"}
    assert office.refused(number, "start_work", lead, work, "SAFETY_TRAINING_PROOF") == ("GUARD:plan_before_start",)
    office.take(number, "start_work", lead, {**work, "employed_from": "09/03/2026"}, "SAFETY_TRAINING_PROOF")
    return number


def test_a_person_grows_under_a_plan_that_shows_no_name_and_no_reason(office: Office) -> None:
    number = included(office)
    at(office, "2026-06-05 09:00")
    seen = {"scores": sheet(2), "decisions": "Provare la consegna dei pasti da solo.", "tutor_hours": "4"}
    assert office.refused(number, "review_plan", social(office, "aurora"), seen, "REVIEW_SHEET") == ("SOD:tutor_confirms",)
    office.take(number, "review_plan", social(office), seen, "REVIEW_SHEET")
    assert office.file(number).fields["autonomy_growth"] == "25.00"
    at(office, "2026-09-03 09:00")
    end = {"scores": sheet(3), "outcome": "MEMBER", "ended_on": "03/09/2026"}
    tutor = social(office, "aurora")
    assert office.refused(number, "complete_plan", tutor, end, "REVIEW_SHEET=finale") == ("SOD:tutor_confirms",)
    office.take(number, "complete_plan", social(office), end, "REVIEW_SHEET=finale")
    assert office.file(number).state == "COMPLETED"
    told = trail_of(office)
    assert "P-2026-014" in told
    assert not any(words in told for words in ("Azienda USL", "55/R", "puntuale", "box 4", "consegna dei pasti"))


def test_only_the_lead_and_data_protection_see_a_plan(office: Office) -> None:
    number = included(office)
    roles = office.definition("inclusion-plan").allowed_roles
    seen = {nick for nick in office.people if sees(office.people[nick], (*office.file(number).organisations, "canile"), roles)}
    assert seen == {"quality", "quality_too", "kennel"}


def test_a_larger_office_is_called_to_each_review_by_the_program(full: Office) -> None:
    number = included(full)
    at(full, "2026-06-02 09:00")
    ring(full)
    assert full.file(number).state == "UNDER_REVIEW"
    seen = {"scores": sheet(2), "decisions": "Provare la consegna dei pasti da solo.", "tutor_hours": "4"}
    assert full.refused(number, "close_review", social(full, "aurora"), seen, "REVIEW_SHEET") == ("SOD:tutor_confirms",)
    full.take(number, "close_review", social(full), seen, "REVIEW_SHEET")
    full.take(number, "move_on", social(full), {"destination": "ORDINARY", "ended_on": "02/06/2026"})
    assert full.file(number).state == "TRANSITIONED"


def refused_opening(office: Office, workflow: str, by: str | Actor, fields: dict[str, Any]) -> tuple[str, ...]:
    """The codes with which such a case is not opened."""
    with pytest.raises(Refused) as refused:
        office.open(workflow, by, fields)
    return refused.value.codes
