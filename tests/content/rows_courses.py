"""Guards of courses."""

from typing import Any

from tests.content.rows import Row, When, fields

DAY = "2026-03-02T07:00:00.000Z"
LATER = "2026-03-03T08:00:00.000Z"
OPENED = "2026-02-01T09:00:00.000Z"
UNIT = {"code": "UF1", "title": "Basi", "outcome": "R1", "hours": 80, "method": "CLASSROOM"}
STAGE = {"code": "UF2", "title": "Stage", "outcome": "R2", "hours": 40, "method": "STAGE"}
TEACHER = {"person": "@verifier", "unit": "UF1", "letter": "12/2026", "fitness": "fascia B"}
TAUGHT = {"person": "@verifier", "unit": "UF2", "letter": "13/2026", "fitness": "fascia B"}
FUNDED = {"funding": "FUNDED"}
EXAMINED = {"close_assessment": ("verifier", OPENED, 9)}
PLANNED = {"plan_course": ("training", OPENED, 5)}


def attended(minutes: int, admission: str, due: int = 7200, outcome: str | None = None) -> dict[str, Any]:
    row = {"learner": "A-001", "due_minutes": due, "attended_minutes": minutes, "admission": admission}
    return {**row, "outcome": outcome} if outcome else row


def listed(*rows: dict[str, Any], **given: Any) -> When:
    """A final list where 70 % is wanted."""
    return When(fields={"min_attendance_pct": "70", "final_list": list(rows), **given})


def outcomes(assessment: str, *units: dict[str, Any]) -> When:
    row = {"code": "R1", "outcome": "Sa assistere a casa", "assessment": assessment}
    return fields(learning_outcomes=[{name: value for name, value in row.items() if value}], units=list(units))


def enrolled(*states: str, attached: dict[str, int] | None = None, **given: Any) -> When:
    return When(
        fields={"capacity_min": 2, "capacity_max": 3, **given}, links={"enrolments": [(s, OPENED) for s in states]}, attached=attached or {}
    )


def lessons(*states: str) -> When:
    return When(links={"sessions": [(state, OPENED) for state in states]})


def member(part: str, origin: str) -> dict[str, str]:
    return {"part": part, "origin": origin, "appointed_by": "decreto 4"}


def certificates(*states: str, taken: dict[str, tuple[str, str, int]] | None = None) -> When:
    rows = [attended(7200, "ADMITTED", outcome="PASSED"), {**attended(5040, "ADMITTED", outcome="FAILED"), "learner": "A-002"}]
    return When(fields={"final_list": rows}, links={"certificates": [(state, OPENED) for state in states]}, taken=taken or {})


def lesson(starts: str, ends: str) -> When:
    return fields(lesson_starts_at=starts, lesson_ends_at=ends)


FIVE_DAYS_BEFORE, FOUR_DAYS_BEFORE = "2026-03-08T22:00:00.000Z", "2026-03-10T08:00:00.000Z"
ENTITLED = {"certificate_learner": "A-001", "certificate_kind": "PROFIT"}

ROWS = (
    Row("need_is_shown", fields(need_sources=[{"source": "CPI", "finding": "40 richieste"}]), When(attached={"CLIENT_REQUEST": 2})),
    Row("design_is_asked", fields(design_level="NONE"), fields(design_level="LIGHT")),
    Row("needs_report_for_new_design", fields(design_level="FULL"), When(fields={"design_level": "FULL"}, attached={"NEEDS_REPORT": 2})),
    Row("programme_is_given", fields(design_level="LIGHT"), fields(design_level="NONE")),
    Row("sum_unit_hours_eq_total", fields(units=[UNIT, STAGE], hours_total=119), fields(units=[UNIT, STAGE], hours_total=120)),
    Row(
        "threshold_not_lowered",
        fields(course_type="SAFETY", min_attendance_pct="89.99"),
        fields(course_type="SAFETY", min_attendance_pct="90"),
    ),
    Row("capacity_in_order", fields(capacity_min=9, capacity_max=8), fields(capacity_min=8, capacity_max=8)),
    Row("every_outcome_has_unit_and_assessment", outcomes("", UNIT), outcomes("prova pratica", UNIT)),
    Row("regional_standard_named", fields(course_type="QUALIFICATION"), fields(course_type="MARKET")),
    Row("stage_threshold_not_lowered", fields(units=[STAGE]), fields(units=[STAGE], min_stage_pct="50")),
    Row(
        "is_repeat_edition",
        fields(design_level="LIGHT"),
        fields(design_level="LIGHT", previous_edition="CORSO-2025-0001"),
    ),
    Row("call_named_if_funded", fields(**FUNDED, call_ref="DD 12/2026"), fields(**FUNDED, call_ref="DD 12/2026", call_deadline_at=DAY)),
    Row("submitted_before_call_deadline", fields(call_deadline_at=DAY), fields(call_deadline_at=LATER)),
    Row("cup_if_funded", fields(**FUNDED, cup="J11B20000500001"), fields(funding="RECOGNISED")),
    Row("not_to_be_submitted", fields(**FUNDED), fields(funding="MARKET")),
    Row(
        "dates_in_order",
        fields(planned_start_on="2026-04-02", planned_end_on="2026-04-01"),
        fields(planned_start_on="2026-04-02", planned_end_on="2026-04-02"),
    ),
    Row(
        "starts_within_term",
        fields(planned_start_on="2026-04-02", start_within_on="2026-04-01"),
        fields(planned_start_on="2026-04-01", start_within_on="2026-04-01"),
    ),
    Row("hours_in_calendar_eq_design", fields(hours_total=120, hours_in_calendar=118), fields(hours_total=120, hours_in_calendar=120)),
    Row("every_unit_has_teacher", fields(units=[UNIT, STAGE], teachers=[TEACHER]), fields(units=[UNIT, STAGE], teachers=[TEACHER, TAUGHT])),
    Row("venue_accredited_or_authorised", fields(**FUNDED, venue_title="NOT_ACCREDITED"), fields(**FUNDED, venue_title="OCCASIONAL")),
    Row("public_notice_if_public", fields(**FUNDED), When(fields=FUNDED, attached={"PUBLIC_NOTICE_COURSE": 2})),
    Row(
        "enrolment_ends_before_start",
        fields(enrol_until="2026-03-17", planned_start_on="2026-03-16"),
        fields(enrol_until="2026-03-16", planned_start_on="2026-03-16"),
    ),
    Row("unit_of_the_design", fields(units=[UNIT], lesson_unit="UF9"), fields(units=[UNIT], lesson_unit="UF1")),
    Row(
        "teacher_assigned_to_unit",
        fields(teachers=[TEACHER], lesson_unit="UF1", lesson_teacher="@kennel"),
        fields(teachers=[TEACHER], lesson_unit="UF1", lesson_teacher="@verifier"),
    ),
    Row("lesson_ends_after_start", lesson(LATER, LATER), lesson(DAY, "2026-03-02T11:00:00.000Z")),
    Row("enrolled_ge_min", enrolled("ENROLLED", "WITHDRAWN"), enrolled("ENROLLED", "ENROLLED")),
    Row("enrolled_le_max", enrolled(*["ENROLLED"] * 4), enrolled(*["ENROLLED"] * 3, "WAITLIST")),
    Row(
        "selection_minutes_if_more_applicants",
        enrolled(*["ENROLLED"] * 3, "NOT_ADMITTED"),
        enrolled(*["ENROLLED"] * 3, "NOT_ADMITTED", attached={"SELECTION_MINUTES": 2}),
    ),
    Row(
        "start_notice_in_time",
        fields(**FUNDED, planned_start_on="2026-03-16", start_notice_sent_at=FOUR_DAYS_BEFORE),
        fields(**FUNDED, planned_start_on="2026-03-16", start_notice_sent_at=FIVE_DAYS_BEFORE),
    ),
    Row("register_stamped", fields(**FUNDED), When(fields=FUNDED, attached={"STAMPED_REGISTER": 2})),
    Row("first_lesson_open", lessons("SCHEDULED", "CANCELLED"), lessons("SCHEDULED", "OPENED")),
    Row("all_sessions_validated_or_cancelled", lessons("VALIDATED", "CLOSED"), lessons("VALIDATED", "CANCELLED")),
    Row(
        "hours_delivered_eq_due",
        fields(hours_total=120, hours_delivered=118),
        fields(hours_total=120, hours_delivered=118, variation_ref="nota 7 della Regione"),
    ),
    Row("admission_by_attendance_computed", listed(attended(5039, "ADMITTED")), listed(attended(5040, "ADMITTED"))),
    Row("attended_within_due", listed(attended(7201, "ADMITTED")), listed(attended(7200, "ADMITTED"))),
    Row(
        "commission_appointed",
        fields(commission=[member("PRESIDENT", "AGENCY"), member("MEMBER", "TEACHER")]),
        fields(commission=[member("PRESIDENT", "OUTSIDE"), member("MEMBER", "TEACHER")]),
    ),
    Row(
        "president_is_no_teacher",
        fields(commission=[member("PRESIDENT", "TEACHER")]),
        fields(commission=[member("PRESIDENT", "AGENCY")]),
    ),
    Row("every_admitted_has_result", listed(attended(5040, "ADMITTED")), listed(attended(5040, "ADMITTED", outcome="FAILED"))),
    Row("only_admitted_have_result", listed(attended(5039, "NOT_ADMITTED", outcome="PASSED")), listed(attended(5039, "NOT_ADMITTED"))),
    Row("course_type_without_final_exam", fields(course_type="QUALIFICATION"), fields(course_type="MARKET")),
    Row("learner_in_final_list", listed(attended(9, "ADMITTED"), certificate_learner="A-002"), listed(attended(9, "ADMITTED"), **ENTITLED)),
    Row(
        "learner_is_entitled",
        When(fields={**ENTITLED, "final_list": [attended(5040, "ADMITTED", outcome="FAILED")]}, taken=EXAMINED),
        When(fields={**ENTITLED, "final_list": [attended(5040, "ADMITTED", outcome="PASSED")]}, taken=EXAMINED),
    ),
    Row("all_due_certificates_issued", certificates("ISSUED"), certificates("ISSUED", taken=EXAMINED)),
    Row("no_certificate_under_way", certificates("ISSUED", "CHECKED"), certificates("ISSUED", "VOIDED")),
    Row(
        "mean_only_with_five_answers", fields(questionnaires=4, satisfaction_mean="4.5"), fields(questionnaires=5, satisfaction_mean="4.5")
    ),
    Row("no_open_nc", When(links={"nonconformities": [("CORRECTED", OPENED)]}), When(links={"nonconformities": [("CLOSED", OPENED)]})),
    Row(
        "report_sent_if_funded",
        fields(**FUNDED, report_ref="prot. 3"),
        When(fields={**FUNDED, "report_ref": "prot. 3"}, attached={"COST_REPORT": 2}),
    ),
    Row("enrolments_concluded", enrolled("ENROLLED"), enrolled("COMPLETED", "WITHDRAWN")),
    Row("learner_documents_returned", fields(**FUNDED), fields(**FUNDED, documents_returned_on="2026-03-01")),
    Row("placed_within_contacted", fields(contacted=3, placed=4), fields(contacted=4, placed=4)),
)

ALSO_REFUSED = (
    ("a learner above the threshold left out", listed(attended(5040, "NOT_ADMITTED"))),
    ("69.99 %, of which a minute is missing", listed(attended(6999, "ADMITTED", due=10000))),
    ("credit of ten hours: 63 of 90 are needed, 62:59 are there", listed(attended(3779, "ADMITTED", due=5400))),
    ("an empty list", listed()),
)
"""Further final lists that are not what the minutes give."""
ALSO_PASSED = (
    ("credit of ten hours: 63 of 90", listed(attended(3780, "ADMITTED", due=5400))),
    ("one in, one out", listed(attended(5040, "ADMITTED"), {**attended(5039, "NOT_ADMITTED"), "learner": "A-002"})),
)
