"""Guards of tender questions, amendments, co-design, accreditation, teachers, career guidance and work inclusion."""

from typing import Any

from tests.content.rows import Row, When, fields

BEFORE, LATER = "2026-03-02T07:00:00.000Z", "2026-03-20T09:00:00.000Z"
SOON, PAST, TODAY, LONG_AGO = "2026-03-20", "2026-02-20", "2026-03-02", "2025-01-10"
OPENED = "2026-02-01T09:00:00.000Z"
REASON = "Contratto con un privato: il limite non vale."


def child(link: str, state: str) -> When:
    return When(links={link: [(state, OPENED)]})


QUESTIONS = (
    Row("question_is_ours", fields(asked_by="OTHERS"), fields(asked_by="OURS")),
    Row("before_questions_deadline", fields(questions_deadline_at=BEFORE), fields(questions_deadline_at=LATER)),
    Row(
        "no_offer_content_disclosed",
        fields(question="Il canone di 1.200 euro è compreso?"),
        fields(question="Il canone di noleggio è compreso?"),
    ),
    Row("sent_or_of_others", When(fields={"asked_by": "OURS"}, state="DRAFT"), When(fields={"asked_by": "OTHERS"}, state="DRAFT")),
    Row("answered_not_ahead", fields(answered_at=LATER), fields(answered_at=BEFORE)),
)


def amended(kind: str, initial: str | None = None, before: str | None = None, after: str | None = None, **more: Any) -> When:
    """An amendment with the percentages that the engine reckons."""
    given: dict[str, Any] = {"amendment_kind": kind, "value_initial": initial, "value_before": before, "value_after": after}
    if initial and before and after:
        given["change_pct"] = str((float(after) - float(before)) / float(initial) * 100)
        given["cumulative_pct"] = str((float(after) - float(initial)) / float(initial) * 100)
    return When(fields=given, **more)


FLOOR_MOVED = ("UNFORESEEN", "1386000.00", "1386000.00")
AMENDMENTS = (
    Row("values_told_if_limited", amended("ADDITIONAL", "100000.00"), amended("FORESEEN")),
    Row(
        "design_change_if_design_affected",
        fields(design_effect="CHANGED"),
        When(fields={"design_effect": "CHANGED"}, attached={"DESIGN_CHANGE": 2}),
    ),
    Row("limits_ok_or_motivated", amended(*FLOOR_MOVED, "2079001.00"), amended(*FLOOR_MOVED, "1857266.00")),
    Row(
        "direction_above_warning",
        amended(*FLOOR_MOVED, "1857266.00", roles=("COM",)),
        amended(*FLOOR_MOVED, "1857266.00", roles=("TOP",)),
    ),
    Row("signed_not_ahead", fields(signed_on=SOON), fields(signed_on=TODAY)),
    Row(
        "signed_before_effect",
        fields(signed_on=TODAY, effective_from=PAST),
        fields(signed_on=TODAY, effective_from=TODAY),
    ),
)
LIMITS = (
    ("a lesser change than half is let pass", amended("ADDITIONAL", "100.00", "100.00", "150.00"), False),
    ("more than half is not", amended("ADDITIONAL", "100.00", "100.00", "150.01"), True),
    ("least value counts all amendments together", amended("MINOR_VALUE", "1000.00", "1090.00", "1101.00"), True),
    ("and is let pass up to a tenth", amended("MINOR_VALUE", "1000.00", "1090.00", "1100.00"), False),
    ("but never from the threshold on", amended("MINOR_VALUE", "3000000.00", "3000000.00", "3216000.00"), True),
    ("a fifth less is let pass", amended("FIFTH", "1000.00", "1000.00", "800.00"), False),
    ("more than a fifth less is not", amended("FIFTH", "1000.00", "1000.00", "799.00"), True),
    ("the contract office does not lift a limit", amended("FIFTH", "10.00", "10.00", "13.00", roles=("COM",), comment=REASON), True),
    ("the direction does, and says why", amended("FIFTH", "10.00", "10.00", "13.00", roles=("TOP",), comment=REASON), False),
)
"""What is said of the limits besides the row: what it is about, the case, whether approving it is refused."""

DELEGATE = {"person": "@tenders", "mandate": "Delibera 4/2026, senza impegni di spesa", "until": SOON}


def table(*sessions: dict[str, Any], until: str = SOON) -> When:
    return fields(delegates=[{**DELEGATE, "until": until}], sessions=[{"held_on": TODAY, **row} for row in sessions])


SIGNED_SEAT = {"sat": "@tenders", "minutes_ref": "prot. 12"}
VERIFIED = {"verify_project": ("verifier", OPENED, 4)}
CO_DESIGN = (
    Row("still_in_time", fields(deadline_at=BEFORE), fields(deadline_at=LATER)),
    Row(
        "direction_above_limit",
        When(fields={"own_resources": "10000.01"}, roles=("COM",)),
        When(fields={"own_resources": "10000.01"}, roles=("TOP",)),
    ),
    Row("submitted_in_time", fields(deadline_at=BEFORE), fields(deadline_at=LATER)),
    Row(
        "partners_committed",
        fields(partners=[{"name": "Aurora", "part": "tutor"}]),
        When(fields={"partners": [{"name": "Aurora", "part": "tutor"}]}, attached={"PARTNERSHIP_LETTER": 2}),
    ),
    Row("delegates_have_mandate", table(until=PAST), table(until=TODAY)),
    Row("every_session_has_signed_minutes", table({"sat": "@tenders"}), table(SIGNED_SEAT)),
    Row("delegates_sat", table({**SIGNED_SEAT, "sat": "@kennel"}), table(SIGNED_SEAT, {"minutes_ref": "prot. 13"})),
    Row(
        "design_controls_done",
        When(taken=VERIFIED, attached={"FINAL_PROJECT": 5, "BUDGET": 4}),
        When(taken=VERIFIED, attached={"FINAL_PROJECT": 4, "BUDGET": 4}),
    ),
    Row("dates_in_order", fields(signed_on=SOON, report_due_on="2027-01-31"), fields(signed_on=TODAY, report_due_on="2027-01-31")),
    Row(
        "within_public_resources",
        fields(public_resources="50000.00", public_spent="50000.01"),
        fields(public_resources="50000.00", public_spent="50000.00"),
    ),
    Row(
        "own_share_proved",
        fields(own_resources="8000.00", own_proved="7999.99"),
        When(fields={"own_resources": "8000.00", "own_proved": "7999.99"}, attached={"AUTHORITY_CONSENT": 3}),
    ),
    Row("no_open_nc", child("nonconformities", "REPORTED"), child("nonconformities", "REJECTED")),
    Row("no_open_contract", child("contracts", "ACTIVE"), child("contracts", "CLOSED")),
)
RECONVENED = {"verify_project": ("verifier", OPENED, 4), "reconvene_table": ("tenders", "2026-02-10T09:00:00.000Z", 6)}
OLD_CHECK = When(state="RECONVENED", taken=RECONVENED, attached={"FINAL_PROJECT": 4, "BUDGET": 4})
"""A project reconvened after its verification, with the former files."""

ACCREDITATION = (
    Row("figure_named", fields(area="FIGURES"), fields(area="FIGURES", concerned="@direction")),
    Row("proof_is_valid", fields(valid_until=TODAY), fields(valid_until=SOON)),
    Row(
        "change_communicated",
        fields(changed_on=PAST),
        When(fields={"changed_on": PAST}, taken={"tell_region": ("training", "2026-02-25T09:00:00.000Z", 6)}),
    ),
    Row("no_open_nc", child("nonconformities", "REPORTED"), child("nonconformities", "REJECTED")),
    Row("changed_not_ahead", fields(changed_on=SOON), fields(changed_on=TODAY)),
)


def years(work: str, teaching: str) -> list[dict[str, str]]:
    return [{"subject": "Igiene", "years_work": work, "years_teaching": teaching, "band": "B"}]


def scored(coordinator: str, register: str, updating: str) -> When:
    return fields(score_coordinator=coordinator, score_register=register, score_updating=updating)


RATED = {"rate_teacher": ("training", "2025-06-01T09:00:00.000Z", 4)}
TEACHERS = (
    Row("cv_not_older", fields(cv_dated_on=LONG_AGO), fields(cv_dated_on=PAST)),
    Row("criteria_met_for_subjects", fields(subjects=years("2.9", "0")), fields(subjects=years("0", "3"))),
    Row("enough_answers", fields(score_learners="90", answers=4), fields(score_learners="90", answers=5)),
    Row("learners_part_used", fields(answers=5), fields(answers=4)),
    Row("rated_within_year", When(), When(taken=RATED)),
    Row("score_is_enough", scored("69.9", "70", "70"), scored("70", "70", "70")),
    Row("no_open_nc", child("nonconformities", "REPORTED"), child("nonconformities", "REJECTED")),
    Row("still_within_term", fields(valid_until=PAST), fields(valid_until=TODAY)),
    Row("teacher_was_heard", fields(heard_on="2025-12-01"), fields(heard_on=PAST)),
    Row("no_open_course", child("courses", "RUNNING"), child("courses", "CLOSED")),
)


def met(*days: str, **given: Any) -> When:
    return fields(meetings=[{"held_on": day, "minutes": 60, "topic": "STORY"} for day in days], **given)


HALF_YEAR = {"agree_plan": ("training", "2025-08-01T09:00:00.000Z", 4)}
ONE_MONTH = {"agree_plan": ("training", OPENED, 4)}
GUIDANCE = (
    Row("notice_read_before_data", met(PAST, privacy_read_at=BEFORE), met(TODAY, privacy_read_at=BEFORE)),
    Row("meetings_not_ahead", met(SOON), met(TODAY)),
    Row("two_meetings_or_motivated", met(TODAY), met(TODAY, few_meetings_reason="Servizio di un solo incontro.")),
    Row("not_only_our_courses", fields(roads=[{"kind": "OUR_COURSE"}]), fields(roads=[{"kind": "OUR_COURSE"}, {"kind": "WORK"}])),
    Row(
        "silence_after_two_tries",
        When(fields={"outcome": "NO_ANSWER"}, taken={"record_contact": ("training", OPENED, 6)}),
        When(fields={"outcome": "NO_ANSWER"}, taken={"record_contact": ("training", OPENED, 6)}, times=2),
    ),
    Row(
        "waited_or_settled",
        When(fields={"outcome": "SEARCHING"}, taken=ONE_MONTH),
        When(fields={"outcome": "SEARCHING"}, taken=HALF_YEAR),
    ),
    Row("no_open_complaint", child("complaints", "ANSWERED"), child("complaints", "CLOSED")),
)
AREAS = ("REGULARITY", "TASKS", "QUALITY", "RELATIONS", "SAFETY", "SELF")


def grades(name: str, *areas: str) -> When:
    return When(fields={name: [{"area": area, "grade": 2} for area in areas]})


TWICE = ("TASKS", "TASKS", *AREAS[2:])
INCLUSION = (
    Row("proof_is_valid", fields(proof_valid_until=PAST), fields(proof_valid_until=TODAY)),
    Row("no_health_words", When(comment="Visto il certificato di invalidità."), When(comment="Visto il documento dell'ente.")),
    Row("six_areas_once", grades("baseline", *TWICE), grades("baseline", *AREAS), step="agree_plan"),
    Row("six_areas_once", grades("scores", *TWICE), grades("scores", *AREAS)),
    Row("signed_not_ahead", fields(plan_signed_on=SOON), fields(plan_signed_on=TODAY)),
    Row("referring_service_informed", fields(referred_by="SERVICE"), fields(referred_by="SERVICE", service_told_on=TODAY)),
    Row("plan_before_start", fields(plan_signed_on=TODAY, employed_from=PAST), fields(plan_signed_on=TODAY, employed_from=SOON)),
    Row(
        "proof_valid_at_start",
        fields(proof_valid_until=TODAY, employed_from=SOON),
        fields(proof_valid_until=SOON, employed_from=SOON),
    ),
    Row("contract_not_over", child("contracts", "CLOSED"), child("contracts", "ACTIVE")),
    Row("end_not_ahead", fields(employed_from=PAST, ended_on=SOON), fields(employed_from=PAST, ended_on=TODAY)),
    Row("no_open_action", child("actions", "PLANNED"), child("actions", "DROPPED")),
)
