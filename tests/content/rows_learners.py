"""Guards of enrolments, lessons and certificates."""

from typing import Any

from tests.content.rows import Row, When, fields

EIGHT, NINE, TEN, NOON = (f"2026-03-02T{hour}:00:00.000Z" for hour in ("07", "08", "09", "11"))
NEXT_WEEK = "2026-03-09T08:00:00.000Z"
ISSUED = "2026-02-01T09:00:00.000Z"
WARNED_FRIDAY = {"warn_learner": ("training", "2026-02-20T09:00:00.000Z", 4)}
WARNED_NOW = {"warn_learner": ("training", "2026-02-27T09:00:00.000Z", 4)}

ENROLMENTS = (
    Row("prerequisites_met", fields(prerequisites="NOT_MET"), fields(prerequisites="EXCEPTION")),
    Row(
        "credit_has_its_act",
        fields(prerequisites="CREDIT", credited_units="UF2"),
        When(fields={"prerequisites": "CREDIT", "credited_units": "UF2"}, attached={"CREDIT_ACT": 2}),
    ),
    Row("guardian_consent_if_minor", fields(age_class="MINOR"), When(fields={"age_class": "MINOR"}, attached={"GUARDIAN_CONSENT": 2})),
    Row("notice_read_before_data", fields(privacy_read_at=NEXT_WEEK), fields(privacy_read_at=EIGHT)),
    Row("late_entry_allowed_if_started", fields(entry="LATE"), fields(entry="LATE", late_entry_ref="nota della Regione")),
    Row(
        "exception_decided_above",
        When(fields={"prerequisites": "EXCEPTION"}, roles=("TRAIN_COORD",)),
        When(fields={"prerequisites": "EXCEPTION"}, roles=("TRAIN_COORD", "TRAIN_DIR")),
    ),
    Row("warned_before", When(), When(taken=WARNED_FRIDAY)),
    Row("withdrawn_not_ahead", fields(withdraw_on="2026-03-03"), fields(withdraw_on="2026-03-02")),
    Row("right_of_reply", When(taken=WARNED_NOW), When(taken=WARNED_FRIDAY)),
)


def present(*rows: tuple[str, int, str], **given: Any) -> When:
    table = [{"learner": learner, "minutes": minutes, "signed": signed} for learner, minutes, signed in rows]
    return When(fields={"attendance": table, "lesson_minutes": 240, "learners_expected": 2, **given})


BOTH = (("A-001", 240, "IN_AND_OUT"), ("A-002", 0, "ABSENT"))

LESSONS = (
    Row("lesson_ends_after_start", fields(starts_at=NINE, ends_at=NINE), fields(starts_at=NINE, ends_at=NOON)),
    Row(
        "change_announced_in_time",
        fields(starts_at=NEXT_WEEK, notice_given_at=NEXT_WEEK),
        fields(starts_at=NEXT_WEEK, notice_given_at="2026-03-06T08:00:00.000Z"),
    ),
    Row("opened_around_start", fields(starts_at="2026-03-02T09:00:01.000Z", ends_at=NOON), fields(starts_at=TEN, ends_at=NOON)),
    Row("register_signed", When(), When(attached={"PLATFORM_LOG": 2})),
    Row("every_enrolled_marked", present(BOTH[0]), present(*BOTH)),
    Row("no_learner_twice", present(BOTH[0], BOTH[0]), present(*BOTH)),
    Row("no_learner_minutes_over_session", present(("A-001", 241, "IN_AND_OUT")), present(("A-001", 240, "IN_AND_OUT"))),
    Row("missing_signature_counts_nothing", present(("A-001", 240, "IN_ONLY")), present(("A-001", 0, "IN_ONLY"))),
    Row("ended_after_beginning", fields(actual_start=EIGHT, actual_end=NOON), fields(actual_start=EIGHT, actual_end=NINE)),
    Row(
        "hours_consistent_with_calendar",
        fields(planned_minutes=240, lesson_minutes=200),
        fields(planned_minutes=240, lesson_minutes=200, validation_note="Finita prima per lo sciopero dei treni"),
    ),
)


def due(attended: int, minutes: int = 7200, kind: str = "ATTENDANCE", pct: str = "70", **given: Any) -> When:
    return fields(kind=kind, minutes_attended=attended, minutes_due=minutes, min_attendance_pct=pct, **given)


def replacements(state: str) -> When:
    return When(links={"replacements": [(state, ISSUED)]})


CERTIFICATES = (
    Row("attendance_ok_for_kind", due(5039), due(5040)),
    Row("threshold_not_lowered", due(5040, course_type="HIGHER"), due(5760, pct="80", course_type="HIGHER")),
    Row("attended_within_due", due(7201), due(7200)),
    Row("exam_passed_if_required", fields(kind="PROFIT", outcome="NOT_REQUIRED"), fields(kind="PROFIT", outcome="PASSED")),
    Row("holder_data_confirmed", fields(holder_confirmed_on="2026-03-03"), fields(holder_confirmed_on="2026-03-02")),
    Row(
        "receipt_if_by_hand",
        fields(delivery_channel="BY_HAND"),
        When(fields={"delivery_channel": "BY_HAND"}, attached={"DELIVERY_RECEIPT": 2}),
    ),
    Row(
        "loss_is_stated",
        fields(replace_reason="DUPLICATE"),
        When(fields={"replace_reason": "DUPLICATE"}, attached={"LOSS_STATEMENT": 2}),
    ),
    Row("replacement_is_issued", replacements("SIGNED"), replacements("ISSUED")),
)
