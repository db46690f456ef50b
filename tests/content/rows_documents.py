"""Guards of the revision of documents."""

from tests.content.rows import Row, When, draft, fields

BEFORE = {"approve_emergency": ("direction", "2026-02-01T09:00:00.000Z", 3)}
AFTER = {"review_emergency": ("quality", "2026-02-10T09:00:00.000Z", 4)}

ROWS = (
    Row("text_is_proposed", draft(is_withdrawal=True), draft()),
    Row("text_is_valid", draft(is_valid=False), draft()),
    Row("code_is_free", draft(code_is_free=False), draft()),
    Row("change_has_reason", draft(has_reason=False), draft()),
    Row("base_is_current", draft(base_is_current=False), draft()),
    Row("text_differs", draft(is_changed=False), draft()),
    Row("check_is_asked", draft(needs_check=False), draft(needs_check=True)),
    Row("check_not_asked", draft(needs_check=True), draft(needs_check=False)),
    Row("checked_text_is_this", draft(same_text_as=lambda step: False), draft(same_text_as=lambda step: step == "review_ok")),
    Row("approver_allowed_for_type", When(draft={"type": "POL"}, roles=("QM",)), When(draft={"type": "POL"}, roles=("TOP",))),
    Row("effective_on_ahead", fields(effective_on="2026-03-02"), fields(effective_on="2026-03-03")),
    Row("effective_day_has_come", fields(effective_on="2026-03-03"), fields(effective_on="2026-03-02")),
    Row("emergency_not_yet_reviewed", When(taken={**BEFORE, **AFTER}), When(taken=BEFORE)),
    Row("review_has_moved", fields(next_review_on="2028-03-02"), fields(next_review_on="2028-03-01")),
    Row("is_external", draft(type="PRO"), draft(type="EXT")),
    Row("confirmation_is_proposed", draft(), draft(is_confirmation=True)),
    Row("withdrawal_is_proposed", draft(), draft(is_withdrawal=True)),
    Row("newer_revision_in_force", draft(), draft(is_superseded=True)),
    Row("document_was_withdrawn", draft(), draft(is_withdrawn=True)),
)
