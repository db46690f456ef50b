"""Guards of nonconformities."""

from tests.content.rows import Row, When, fields

QUALITY = {"process": "QUALITY", "severity": "MAJOR"}
CLOSED = {"close_nc": ("quality", "2025-01-10T09:00:00.000Z", 20)}
ACTIONS = "corrective_actions"
RECENT, LONG_AGO = "2026-01-10T09:00:00.000Z", "2024-01-10T09:00:00.000Z"


def actions(*states: tuple[str, str], **given: str) -> When:
    return When(fields={"severity": "MAJOR", **given}, links={ACTIONS: states})


ROWS = (
    Row("minor_by_matrix", fields(impact=2, extent=3), fields(impact=1, extent=4)),
    Row("nothing_forces_more", fields(major_fact="PENALTY"), fields()),
    Row("no_concession_in_short", fields(output_disposition="CONCESSION"), fields(output_disposition="CORRECT")),
    Row("direction_judges_quality", When(fields=QUALITY, roles=("QM",)), When(fields=QUALITY, roles=("TOP",))),
    Row("direction_judges_quality", When(fields=QUALITY, roles=("QM",)), When(fields=QUALITY, roles=("AUDITOR",)), step="reopen"),
    Row("appeal_once", When(taken={"appeal_rejection": ("kennel", RECENT, 5)}), When()),
    Row("severity_ge_matrix", fields(impact=3, extent=4, severity="MAJOR"), fields(impact=2, extent=3, severity="MAJOR")),
    Row("critical_fact_is_critical", fields(critical_fact="DANGER", severity="MAJOR"), fields(critical_fact="DANGER", severity="CRITICAL")),
    Row("major_fact_is_major", fields(major_fact="EXCLUSION", severity="MINOR"), fields(major_fact="EXCLUSION", severity="MAJOR")),
    Row("reopened_is_not_minor", fields(reopen_count=1, severity="MINOR"), fields(reopen_count=0, severity="MINOR")),
    Row(
        "concession_complete",
        fields(output_disposition="CONCESSION", concession_by="P-0001", concession_limit="un lotto", concession_until="2026-03-01"),
        fields(output_disposition="CONCESSION", concession_by="P-0001", concession_limit="un lotto", concession_until="2026-03-31"),
    ),
    Row(
        "concession_by_another",
        fields(output_disposition="CONCESSION", concession_by="@quality"),
        fields(output_disposition="CONCESSION", concession_by="@direction"),
    ),
    Row("correction_due_ahead", fields(correction_due="2026-03-01"), fields(correction_due="2026-03-02")),
    Row(
        "correction_evidence_is_new",
        When(taken=CLOSED, attached={"CORRECTION_EVIDENCE": 10}),
        When(taken=CLOSED, attached={"CORRECTION_EVIDENCE": 30}),
    ),
    Row("capa_required_by_rule_or_choice", fields(severity="MINOR", capa_reason="boh"), fields(severity="MAJOR")),
    Row("not_the_quality_office", When(fields=QUALITY, roles=("AUDITOR", "QM")), When(fields=QUALITY, roles=("VERIFIER",))),
    Row(
        "correction_verified",
        When(fields={"corrected_at": RECENT}),
        When(fields={"corrected_at": RECENT}, attached={"CORRECTION_EVIDENCE": 10}),
    ),
    Row("capa_effective_if_required", actions(("ABANDONED", RECENT)), actions(("ABANDONED", RECENT), ("CLOSED", RECENT))),
    Row(
        "customer_informed_if_due",
        When(fields={"output_disposition": "INFORM_CUSTOMER", "customer_informed_at": RECENT}),
        When(fields={"output_disposition": "INFORM_CUSTOMER", "customer_informed_at": RECENT}, attached={"CUSTOMER_NOTICE": 10}),
    ),
    Row("independent_opinion_heard", When(fields=QUALITY), When(fields=QUALITY, taken={"independent_look": ("verifier", RECENT, 9)})),
    Row(
        "transfer_says_where",
        fields(transferred_to="MEMBER"),
        fields(transferred_to="MEMBER", transferred_member="canile"),
    ),
    Row("reopen_ground_proved", fields(reopen_ground="NEW_EVIDENCE"), fields(reopen_ground="RECURRENCE", recurrence_case="NC-2026-0009")),
    Row(
        "recurrence_within_term",
        When(fields={"reopen_ground": "RECURRENCE"}, taken=CLOSED),
        When(fields={"reopen_ground": "RECURRENCE"}, taken=CLOSED, at="2025-12-01 09:00"),
    ),
)

ALSO_REFUSED = (
    ("no corrective action at all", actions()),
    ("one still under way", actions(("CLOSED", RECENT), ("IMPLEMENTING", RECENT))),
    ("only one from before the reopening", actions(("CLOSED", LONG_AGO), reopened_at=RECENT)),
)
"""Further cases in which a nonconformity may not be closed for want of an effective corrective action."""
