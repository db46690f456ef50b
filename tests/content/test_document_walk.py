"""A document's revision through the shipped workflow: who may check and approve what, and which effect each step asks for.

What the effects do to the library is tested in tests/procedures; here they are only noted down.
"""

from tests.content.office import Office, utc

SUMMARY = {"change_summary": "Il registro si consegna a fine lezione."}


def drafted(office: Office, **facts: object) -> str:
    number = office.open("document-revision", "training", {"title": "Controllo dei registri"})
    office.draft |= {"authors": (office.id("training"),), **facts}
    return number


def test_a_procedure_is_checked_approved_and_in_force(office: Office) -> None:
    number = drafted(office)
    office.take(number, "send_to_check", "training", SUMMARY)
    assert office.refused(number, "review_ok", "training", {"review_outcome": "Va bene così"}) == ("SOD:author_is_checker",)
    office.take(number, "review_ok", "tenders", {"review_outcome": "Coerente e applicabile"})
    assert office.refused(number, "approve_now", office.as_role("QM", nick="tenders")) == ("SOD:author_is_approver",)
    assert office.refused(number, "approve_now", office.as_role("QM", nick="training")) == ("SOD:author_is_approver",)
    office.take(number, "approve_now", "direction")
    file = office.file(number)
    assert (file.state, file.fields["effective_on"], file.fields["next_review_on"]) == ("IN_FORCE", "2026-03-02", "2028-03-02")
    asked = ("ask-acknowledgments", "approve_now")
    assert office.effects == [("submit-draft", "send_to_check"), ("publish-revision", "approve_now"), asked]


def test_a_form_needs_one_approval_only(office: Office) -> None:
    number = drafted(office, type="MOD", needs_check=False)
    assert office.refused(number, "send_to_check", "training", SUMMARY) == ("GUARD:check_is_asked",)
    office.take(number, "send_to_approval", "training", SUMMARY)
    office.take(number, "approve_now", "quality")
    assert office.file(number).state == "IN_FORCE"


def test_a_later_day_is_awaited_and_nobody_hastens_it(office: Office) -> None:
    number = drafted(office)
    office.take(number, "send_to_check", "training", SUMMARY)
    office.take(number, "review_ok", "tenders", {"review_outcome": "Coerente e applicabile"})
    office.take(number, "approve_from_date", "direction", {"effective_on": "16/03/2026"})
    office.at = utc("2026-03-15 22:59")
    assert office.refused(number, "enter_into_force", "quality") == ("GUARD:effective_day_has_come",)
    office.at = utc("2026-03-15 23:00")
    office.take(number, "enter_into_force", "quality")
    put_in_force = [("publish-revision", "enter_into_force"), ("ask-acknowledgments", "enter_into_force")]
    assert office.effects[1:] == [("approve-revision", "approve_from_date"), *put_in_force]


def test_who_proposes_a_withdrawal_does_not_sign_it(office: Office) -> None:
    number = drafted(office, needs_check=False)
    office.take(number, "send_to_approval", "training", SUMMARY)
    office.take(number, "approve_now", "direction")
    office.take(number, "propose_to_withdraw", "quality", {"withdrawal_reason": "Assorbita dal manuale, capitolo 7."})
    assert office.refused(number, "sign_withdrawal", "quality") == ("SOD:proposer_is_signer",)
    office.take(number, "sign_withdrawal", "direction")
    assert office.file(number).state == "WITHDRAWN"
    assert office.effects[-1] == ("withdraw-document", "sign_withdrawal")


def test_an_emergency_change_is_reviewed_afterwards_by_another(office: Office) -> None:
    number = drafted(office)
    reason = {**SUMMARY, "emergency_reason": "Da oggi il finanziatore rifiuta i registri firmati in aula prima della fine."}
    assert office.refused(number, "approve_emergency", office.as_role("QM", nick="training"), reason) == ("SOD:author_is_approver",)
    office.take(number, "approve_emergency", "direction", reason)
    note = {"review_note": "La modifica ha retto per due settimane: resta."}
    assert office.refused(number, "review_emergency", "direction", note) == ("SOD:judge_of_own_decision",)
    office.take(number, "review_emergency", "quality", note)
    assert office.refused(number, "review_emergency", "quality_too", note) == ("GUARD:emergency_not_yet_reviewed",)


def test_a_text_sent_back_is_checked_anew(office: Office) -> None:
    number = drafted(office)
    office.take(number, "send_to_check", "training", SUMMARY)
    office.take(number, "review_ok", "tenders", {"review_outcome": "Coerente e applicabile"})
    office.take(number, "return_to_authors", "direction", comment="Manca il caso degli stage.")
    file = office.file(number)
    assert file.state == "DRAFT"
    assert "review_outcome" not in file.fields
    assert office.effects[-1] == ("return-draft", "return_to_authors")
