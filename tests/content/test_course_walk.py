"""A course from its need to its former learners, with its enrolments, lessons and certificates; and the short ways of a small office."""

from typing import Any

import pytest

from qms.records import trail
from qms.workflows import case
from tests.content.office import Office, kept, utc

TAX_CODE = "SLONDA80A41E715J"
UNITS = [
    {"code": "UF1", "title": "Cura della persona", "outcome": "R1", "hours": "80", "method": "CLASSROOM"},
    {"code": "UF2", "title": "Stage", "outcome": "R2", "hours": "40", "method": "STAGE"},
]
DESIGN = {
    "regional_standard": "Repertorio regionale, scheda 215",
    "learning_outcomes": [
        {"code": "R1", "outcome": "Assiste la persona in casa", "assessment": "prova pratica"},
        {"code": "R2", "outcome": "Lavora in squadra", "assessment": "relazione di stage"},
    ],
    "units": UNITS,
    "hours_total": "120",
    "prerequisites": "Licenza media, italiano A2",
    "assessment_plan": "Prova pratica e colloquio davanti alla commissione.",
    "min_attendance_pct": "70",
    "min_stage_pct": "50",
    "capacity_min": "1",
    "capacity_max": "2",
    "teacher_requirements": "Tre anni di esperienza nella materia.",
    "validation_mode": "FIRST_EDITION",
    "previous_lessons": "Prima edizione: nessuno spunto precedente.",
    "review_outcome": "Unità coerenti con la scheda, ore sufficienti per la pratica.",
}
LEARNER = {
    "learner_name": "Nadia Sole",
    "tax_code": TAX_CODE,
    "birth_date": "01/01/1980",
    "birth_place": "Lucca (LU)",
    "residence": "Lucca",
    "education_level": "UPPER",
    "employment_status": "UNEMPLOYED",
    "age_class": "ADULT",
    "permit": "NOT_NEEDED",
    "privacy_notice_version": "INF rev. 2",
    "privacy_read_at": "02/03/2026 08:30",
    "prerequisites": "MET",
    "prerequisite_basis": "Diploma visto in originale",
}
COURSE, LESSON = "CORSO-2026-0001", "LEZ-2026-0001"


def to_planned(office: Office) -> str:
    need = {"title": "Assistente familiare, 1ª edizione", "course_type": "QUALIFICATION", "design_level": "FULL"}
    number = office.open("training-course", "training", need)
    sources = [{"source": "Centro per l'impiego", "finding": "40 richieste"}, {"source": "Cooperative socie", "finding": "12 posti"}]
    about = {
        "target_group": "Disoccupati della Piana",
        "need_sources": sources,
        "territory": "Piana di Lucca",
        "client_or_call": "Avviso 3/2026",
    }
    office.take(number, "define_needs", "training", about, "NEEDS_REPORT")
    files = ("COURSE_DESIGN", "DESIGN_REVIEW_MINUTES")
    assert office.refused(number, "review_design", "training", DESIGN, *files) == ("SOD:designer_is_reviewer",)
    office.take(number, "review_design", "tenders", DESIGN, *files)
    money = {"funding": "FUNDED", "budget_total": "24.000,00", "call_ref": "DD 12/2026", "call_deadline_at": "10/03/2026 13:00"}
    assert office.refused(number, "approve_project", office.as_role("TOP", nick="tenders"), money, "BUDGET") == (
        "SOD:reviewer_is_approver",
    )
    office.take(number, "approve_project", "direction", money, "BUDGET")
    office.at = utc("2026-03-10 12:05")
    receipt = ("APPLICATION_FORM", "SUBMISSION_RECEIPT")
    assert office.refused(number, "submit_project", "direction", {"submitted_ref": "Prot. 88"}, *receipt) == (
        "GUARD:submitted_before_call_deadline",
    )
    office.take(number, "submit_project", "direction", {"submitted_ref": "Prot. 88"}, *receipt, at=utc("2026-03-10 11:58"))
    act = {"authorisation_act": "DD 99/2026", "project_code": "R2026-7", "cup": "J11B20000500001", "conditions": "Avvio entro giugno"}
    office.take(number, "authorise_project", "training", {**act, "start_within_on": "30/06/2026"}, "AUTHORISATION_ACT", "FUNDING_AGREEMENT")
    row = {"letter": "Incarico 4/2026", "fitness": "fascia B, curriculum del 2 marzo"}
    plan = {
        "planned_start_on": "13/04/2026",
        "planned_end_on": "30/06/2026",
        "hours_in_calendar": "120",
        "venue": "Aula 2, San Vito",
        "venue_title": "ACCREDITED",
        "venue_ref": "Accreditamento LU0123",
        "teachers": [{"person": office.id("aurora"), "unit": unit["code"], **row} for unit in UNITS],
        "coordinator": office.id("training"),
    }
    office.take(number, "plan_course", "training", plan, "CALENDAR", "ASSIGNMENT_LETTERS")
    return number


def enrol(office: Office, number: str, code: str) -> str:
    receipt = office.take(number, "receive_application", "training", {"applicant_code": code})
    assert receipt.what["effects"]["open-case"]["workflow"] == "course-enrolment"
    enrolment = str(receipt.what["effects"]["open-case"]["number"])
    office.take(enrolment, "check_requirements", "training", LEARNER, "APPLICATION", "ID_COPY")
    office.take(enrolment, "enrol_learner", "training", {"entry": "IN_TIME"}, "ENROLMENT_CONTRACT")
    return enrolment


def attendance(first: int, second: int) -> list[dict[str, Any]]:
    rows = (("A-001", first), ("A-002", second))
    return [{"learner": code, "minutes": minutes, "signed": "IN_AND_OUT" if minutes else "ABSENT"} for code, minutes in rows]


def hold_lesson(office: Office, number: str) -> str:
    row = {"lesson_unit": "UF1", "lesson_starts_at": "13/04/2026 09:00", "lesson_ends_at": "13/04/2026 13:00", "lesson_minutes": "240"}
    office.take(number, "add_lesson", "training", {**row, "lesson_teacher": office.id("aurora")})
    fields = office.file(LESSON).fields
    assert (fields["learners_expected"], fields["teacher"], fields["room"]) == (2, office.id("aurora"), "Aula 2, San Vito")
    return LESSON


def close_register(office: Office, lesson: str, first: int, second: int) -> None:
    told = {"topic": "Igiene della persona", "actual_end": "13/04/2026 13:00", "lesson_minutes": "240"}
    office.take(lesson, "close_lesson", "training", {**told, "attendance": attendance(first, second)}, "PAPER_REGISTER")


def to_certifying(office: Office) -> str:
    number = to_planned(office)
    office.at = utc("2026-03-20 09:00")
    told = {
        "publicity_ref": "sito e centri per l'impiego",
        "selection_criteria": "Colloquio e ordine di arrivo",
        "enrol_until": "03/04/2026",
    }
    office.take(number, "open_enrolment", "training", told, "PUBLIC_NOTICE_COURSE", "PRIVACY_NOTICE")
    for code in ("A-001", "A-002"):
        enrol(office, number, code)
    lesson = hold_lesson(office, number)
    files = ("LEARNER_LIST", "START_COMMUNICATION", "STAMPED_REGISTER", "INSURANCE_LEARNERS")
    office.take(number, "ready_to_start", "training", {"start_notice_sent_at": "20/03/2026 09:00"}, *files)
    office.at = utc("2026-04-13 07:05")
    assert office.refused(number, "start_course", "training") == ("GUARD:first_lesson_open",)
    office.take(lesson, "open_lesson", "training")
    office.take(number, "start_course", "training")
    office.at = utc("2026-04-13 12:00")
    close_register(office, lesson, 240, 0)
    done = {"actual_end_at": "13/04/2026 13:00", "hours_delivered": "120"}
    assert office.refused(number, "finish_teaching", "training", done) == ("GUARD:all_sessions_validated_or_cancelled",)
    assert office.refused(lesson, "validate_lesson", "training") == ("SOD:writer_is_validator",)
    assert office.refused(lesson, "validate_lesson", office.as_role("VERIFIER", nick="aurora")) == ("SOD:writer_is_validator",)
    office.take(lesson, "validate_lesson", "tenders")
    office.take(number, "finish_teaching", "training", done)
    boundary = [
        {"learner": "A-001", "due_minutes": "7200", "attended_minutes": "5040", "admission": "ADMITTED"},
        {"learner": "A-002", "due_minutes": "7200", "attended_minutes": "5039", "admission": "ADMITTED"},
    ]
    commission = [
        {"part": "PRESIDENT", "origin": "OUTSIDE", "appointed_by": "DD 101/2026"},
        {"part": "MEMBER", "origin": "AGENCY", "appointed_by": "nota 5"},
    ]
    exam = {"exam_at": "20/04/2026 09:00", "commission": commission}
    codes = office.refused(number, "start_assessment", "training", {**exam, "final_list": boundary}, "ADMISSION_LIST")
    assert codes == ("GUARD:admission_by_attendance_computed",)
    boundary[1]["admission"] = "NOT_ADMITTED"
    office.take(number, "start_assessment", "training", {**exam, "final_list": boundary}, "ADMISSION_LIST")
    office.at = utc("2026-04-20 12:00")
    boundary[0]["outcome"] = "PASSED"
    teacher = office.as_role("EXAM", nick="aurora")
    assert office.refused(number, "close_assessment", teacher, {"final_list": boundary}, "EXAM_MINUTES") == ("SOD:teacher_is_examiner",)
    office.take(number, "close_assessment", "training", {"final_list": boundary}, "EXAM_MINUTES")
    return number


def certify(office: Office, number: str, learner: str = "A-001") -> str:
    receipt = office.take(number, "prepare_certificate", "training", {"certificate_learner": learner, "certificate_kind": "QUALIFICATION"})
    return str(receipt.what["effects"]["open-case"]["number"])


HOLDER = {name: LEARNER[name] for name in ("birth_date", "birth_place")} | {
    "holder_name": "Nadia Sole", "holder_tax_code": TAX_CODE, "holder_confirmed_on": "20/04/2026",
}  # fmt: skip


def issue(office: Office, certificate: str) -> None:
    office.take(certificate, "check_certificate", "training", HOLDER, "CERTIFICATE_DRAFT")
    assert office.refused(certificate, "sign_certificate", office.as_role("LEGAL_REP", nick="training"), {}, "SIGNED_CERTIFICATE") == (
        "SOD:checker_is_signer",
    )
    office.take(certificate, "sign_certificate", "direction", {}, "SIGNED_CERTIFICATE")
    office.take(certificate, "issue_to_holder", "training", {"delivery_channel": "DIGITAL"})


def test_a_course_goes_from_its_need_to_its_former_learners(office: Office) -> None:
    number = to_certifying(office)
    assert number == COURSE
    survey = {"questionnaires": "2"}
    assert office.refused(number, "certificates_done", "training", survey, "SURVEY_RESULTS") == ("GUARD:all_due_certificates_issued",)
    assert office.refused(
        number, "prepare_certificate", "training", {"certificate_learner": "A-002", "certificate_kind": "QUALIFICATION"}
    ) == ("GUARD:learner_is_entitled",)
    issue(office, certify(office, number))
    office.take(number, "certificates_done", "training", survey, "SURVEY_RESULTS")
    end = {
        "learners_started": "2",
        "kpi_values": [{"indicator": "Successo", "value": "1", "target": "0,85"}],
        "lessons_learned": "Lo stage va concordato prima con le cooperative.",
        "report_ref": "Prot. 301",
        "documents_returned_on": "20/04/2026",
    }
    files = ("FINAL_COURSE_REPORT", "COST_REPORT", "SURVEY_RESULTS", "TEACHER_EVALUATIONS")
    codes = office.refused(number, "close_course", office.as_role("TRAIN_DIR", nick="training"), end, *files)
    assert codes == ("SOD:office_closes_own_file", "GUARD:enrolments_concluded")
    for enrolment in ("ISCR-2026-0001", "ISCR-2026-0002"):
        office.take(enrolment, "complete_path", "training", comment="Corso concluso.")
    office.take(number, "close_course", "quality", end, *files)
    office.at = utc("2026-10-21 09:00")
    office.take(number, "record_followup", "training", {"contacted": "2", "placed": "1"}, comment="Una assunta in cooperativa.")
    assert office.file(number).state == "CLOSED"
    with office.store.reading() as connection:
        due = {one.timer.name: one.clock.due_at for one in case.show(connection, office.engine, number, office.people["training"]).timers}
    assert due["followup_again"] == utc("2027-04-21 21:59").replace(second=59)


def test_a_course_on_the_market_with_a_given_programme_takes_the_short_way(office: Office) -> None:
    number = office.open(
        "training-course", "training", {"title": "Alimentaristi, aggiornamento", "course_type": "MARKET", "design_level": "NONE"}
    )
    given = {name: DESIGN[name] for name in ("regional_standard", "prerequisites", "capacity_min", "capacity_max")}
    programme = {
        **given, "target_group": "Addetti alle mense", "territory": "Lucca", "client_or_call": "catalogo", "units": UNITS[:1],
        "hours_total": "80", "min_attendance_pct": "0", "funding": "MARKET", "budget_total": "900,00",
    }  # fmt: skip
    office.take(number, "adopt_programme", "direction", programme, "COURSE_DESIGN")
    office.take(number, "authorise_market", "direction", {"price_list_ref": "Listino 2026"})
    assert office.file(number).state == "AUTHORISED"
    office.take(number, "cancel_course", "direction", comment="Troppo pochi interessati.")
    assert office.file(number).state == "CANCELLED"


def test_a_repeat_edition_is_reviewed_and_approved_in_one(office: Office) -> None:
    first = to_planned(office)
    again = {
        "title": "Assistente familiare, 2ª edizione",
        "course_type": "QUALIFICATION",
        "design_level": "LIGHT",
        "previous_edition": first,
    }
    number = office.open("training-course", "training", again)
    about = {"target_group": "Disoccupati della Piana", "territory": "Piana di Lucca", "client_or_call": "Avviso 3/2026"}
    office.take(number, "define_needs", "training", about, "CLIENT_REQUEST")
    names = ("units", "hours_total", "min_attendance_pct", "capacity_min", "capacity_max")
    light = {
        **{name: DESIGN[name] for name in names},
        "previous_lessons": "Più pratica nella UF1.",
        "funding": "MARKET",
        "budget_total": "9.000,00",
    }
    assert office.refused(number, "review_light", office.as_role("TRAIN_DIR", nick="training"), light, "COURSE_DESIGN") == (
        "SOD:designer_is_reviewer",
    )
    office.take(number, "review_light", "direction", light, "COURSE_DESIGN")
    assert office.file(number).state == "APPROVED"


def test_a_register_typed_late_from_paper_is_accepted_and_marked(office: Office) -> None:
    number = to_planned(office)
    lesson = hold_lesson_without_learners(office, number)
    office.at = utc("2026-04-15 09:00")
    told = {"topic": "Igiene della persona", "actual_start": "13/04/2026 09:00", "actual_end": "13/04/2026 13:00", "lesson_minutes": "240"}
    rows = {"learners_expected": "2", "attendance": attendance(240, 0)}
    assert office.refused(lesson, "type_paper_register", "training", {**told, **rows}) == ("EVIDENCE_MISSING:PAPER_REGISTER",)
    office.take(lesson, "type_paper_register", "training", {**told, **rows}, "PAPER_REGISTER", at=utc("2026-04-13 11:00"))
    file = office.file(lesson)
    assert (file.state, file.fields["typed_late"]) == ("CLOSED", True)


def hold_lesson_without_learners(office: Office, number: str) -> str:
    row = {"lesson_unit": "UF1", "lesson_starts_at": "13/04/2026 09:00", "lesson_ends_at": "13/04/2026 13:00", "lesson_minutes": "240"}
    receipt = office.take(number, "add_lesson", "training", {**row, "lesson_teacher": office.id("aurora")})
    return str(receipt.what["effects"]["open-case"]["number"])


def test_a_minute_is_corrected_with_a_reason_validated_by_another_and_both_values_stay(office: Office) -> None:
    number = to_planned(office)
    lesson = hold_lesson_without_learners(office, number)
    office.at = utc("2026-04-13 07:05")
    office.take(lesson, "open_lesson", "training")
    office.at = utc("2026-04-13 11:30")
    told = {"topic": "Igiene", "actual_end": "13/04/2026 13:00", "lesson_minutes": "240", "learners_expected": "2"}
    office.take(lesson, "close_lesson", "training", {**told, "attendance": attendance(239, 0)}, "PAPER_REGISTER")
    office.take(lesson, "validate_lesson", "tenders")
    fixed = {"attendance": attendance(240, 0)}
    coordinator = office.as_role("TRAIN_COORD", "TRAIN_DIR", nick="kennel")
    assert office.refused(lesson, "correct_register", coordinator, fixed) == ("FIELD_REQUIRED:correction_reason",)
    reason = {"correction_reason": "Entrata letta male: il foglio dice 9:00, non 9:01."}
    receipt = office.take(lesson, "correct_register", coordinator, {**fixed, **reason})
    with office.store.reading() as connection:
        old, new = trail.entry(connection, receipt.position).said["fields"]["attendance"]
    assert (old[0]["minutes"], new[0]["minutes"]) == (239, 240)
    assert office.file(lesson).state == "CLOSED"
    assert office.refused(lesson, "validate_lesson", coordinator) == ("SOD:writer_is_validator",)
    office.take(lesson, "validate_lesson", "tenders_too")
    assert office.file(lesson).state == "VALIDATED"


def prepared(office: Office, attended: str = "5040", **changed: str) -> str:
    """A certificate of a course of 120 hours, of which 70 % are wanted."""
    about = {
        "title": "A-001 · Assistente familiare",
        "learner_code": "A-001",
        "course_title": "Assistente familiare",
        "course_type": "QUALIFICATION",
        "kind": "ATTENDANCE",
        "teachers": [{"person": office.id("aurora")}],
        "hours_total": "120",
        "min_attendance_pct": "70",
        "minutes_due": "7200",
        "minutes_attended": attended,
        "outcome": "NOT_REQUIRED",
    }
    office.at = utc("2026-04-20 09:00")
    return office.open("course-certificate", "training", {**about, **changed})


def test_a_teacher_neither_clears_nor_certifies_their_own_learners(office: Office) -> None:
    certificate = prepared(office)
    teacher = office.as_role("TRAIN_COORD", nick="aurora")
    assert office.refused(certificate, "check_certificate", teacher, HOLDER, "CERTIFICATE_DRAFT") == ("SOD:teacher_clears_own_learners",)
    signer = office.as_role("TRAIN_DIR", nick="aurora")
    office.take(certificate, "check_certificate", "training", HOLDER, "CERTIFICATE_DRAFT")
    assert office.refused(certificate, "sign_certificate", signer, {}, "SIGNED_CERTIFICATE") == ("SOD:checker_is_signer",)


@pytest.mark.parametrize(("attended", "codes"), [("5040", ()), ("5039", ("GUARD:attendance_ok_for_kind",))])
def test_seventy_per_cent_is_seventy_per_cent_to_the_minute(office: Office, attended: str, codes: tuple[str, ...]) -> None:
    assert office.refused(prepared(office, attended), "check_certificate", "training", HOLDER, "CERTIFICATE_DRAFT") == codes


def test_who_did_not_reach_the_threshold_still_gets_a_statement_of_learning(office: Office) -> None:
    certificate = prepared(office, "5039", kind="LEARNING_STATEMENT")
    issue(office, certificate)
    assert office.file(certificate).state == "ISSUED"


def test_a_certificate_is_replaced_by_another_and_one_without_right_is_revoked(office: Office) -> None:
    first = prepared(office)
    issue(office, first)
    office.take(first, "prepare_replacement", "training", {"replace_reason": "WRONG_DATA"}, comment="Luogo di nascita sbagliato.")
    assert office.refused(first, "replace_certificate", "direction") == ("GUARD:replacement_is_issued",)
    second = "ATT-2026-0002"
    assert office.file(second).fields["minutes_attended"] == 5040
    issue(office, second)
    office.take(first, "replace_certificate", "direction")
    ground = {"revoke_ground": "WITHOUT_RIGHT", "revoke_reason": "Il registro di due lezioni risulta firmato in anticipo."}
    office.take(second, "revoke_certificate", "direction", ground, "REVOCATION_ACT")
    assert [office.file(one).state for one in (first, second)] == ["REPLACED", "REVOKED"]
    assert office.file("NC-2026-0001").fields["critical_fact"] == "CERTIFICATE_WITHOUT_RIGHT"


def test_a_number_of_the_register_is_never_given_twice_and_stays_when_cancelled(office: Office) -> None:
    first = prepared(office)
    office.take(first, "void_number", "training", {"void_reason": "Predisposto due volte"})
    assert (first, prepared(office)) == ("ATT-2026-0001", "ATT-2026-0002")
    assert office.file(first).state == "VOIDED"


def test_a_learner_is_named_only_to_those_who_follow_learners(office: Office) -> None:
    number = to_planned(office)
    office.at = utc("2026-03-20 09:00")
    told = {"publicity_ref": "sito", "selection_criteria": "Ordine di arrivo", "enrol_until": "03/04/2026"}
    office.take(number, "open_enrolment", "training", told, "PUBLIC_NOTICE_COURSE", "PRIVACY_NOTICE")
    enrolment = enrol(office, number, "A-001")
    assert office.file(enrolment).title == "A-001 · Assistente familiare, 1ª edizione"
    assert "Nadia" not in str(office.file(enrolment).fields)
    with office.store.reading() as connection:
        assert case.show(connection, office.engine, enrolment, office.people["training"]).fields["learner_name"] == "Nadia Sole"
        (seen,) = case.show(connection, office.engine, number, office.people["tenders"]).links
        assert (seen.number, seen.title) == (enrolment, None)
        sealed = connection.exec_driver_sql("SELECT sealed FROM entry").scalars().all()
    assert not any("Nadia" in entry or TAX_CODE in entry for entry in sealed)


def test_a_learner_is_excluded_only_after_a_warning_and_time_to_answer(office: Office) -> None:
    number = to_planned(office)
    office.at = utc("2026-03-20 09:00")
    told = {"publicity_ref": "sito", "selection_criteria": "Ordine di arrivo", "enrol_until": "03/04/2026"}
    office.take(number, "open_enrolment", "training", told, "PUBLIC_NOTICE_COURSE", "PRIVACY_NOTICE")
    enrolment = enrol(office, number, "A-001")
    reason = {"exclusion_reason": "Assenze oltre il limite del regolamento"}
    assert office.refused(enrolment, "exclude_learner", "direction", reason, "EXCLUSION_LETTER") == (
        "GUARD:warned_before",
        "GUARD:right_of_reply",
    )
    office.take(enrolment, "warn_learner", "training", {"warning_text": "Ventidue ore di assenza su quaranta"}, "WARNING_LETTER")
    assert office.refused(enrolment, "exclude_learner", "direction", reason, "EXCLUSION_LETTER") == ("GUARD:right_of_reply",)
    office.at = utc("2026-03-27 09:00")
    same = office.as_role("TRAIN_DIR", nick="training")
    assert office.refused(enrolment, "exclude_learner", same, reason, "EXCLUSION_LETTER") == ("SOD:checker_is_excluder",)
    office.take(enrolment, "exclude_learner", "direction", reason, "EXCLUSION_LETTER")
    assert office.file(enrolment).state == "EXCLUDED"


def test_applications_beyond_the_seats_wait_or_are_refused(office: Office) -> None:
    about = {"title": "A-009 · Cuoco", "learner_code": "A-009"}
    number = office.open("course-enrolment", "training", about)
    office.take(number, "ask_documents", "training", {"missing_list": "Documento di identità"})
    office.take(number, "check_requirements", "training", LEARNER, "APPLICATION", "ID_COPY", at=utc("2026-03-02 08:00"))
    office.take(number, "put_on_waitlist", "training", {"rank": "16"})
    office.take(
        number, "refuse_application", "training", {"rejection_reason": "RANKING"}, comment="Comunicato con l'esito della selezione."
    )
    assert office.file(number).state == "NOT_ADMITTED"


def test_a_lesson_moves_with_notice_and_a_cancelled_one_stays_in_the_calendar(office: Office) -> None:
    number = to_planned(office)
    lesson = hold_lesson_without_learners(office, number)
    moved = {"starts_at": "14/04/2026 09:00", "ends_at": "14/04/2026 13:00", "notice_given_at": "10/03/2026 13:00"}
    office.take(lesson, "move_lesson", "training", moved, comment="Aula occupata.")
    assert office.file(lesson).fields["starts_at"] == kept("2026-04-14 07:00")
    office.take(lesson, "cancel_lesson", "training", {"recovery_on": "20/04/2026"}, comment="Docente malato.")
    assert office.file(lesson).state == "CANCELLED"
