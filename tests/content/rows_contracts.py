"""Guards of contracts, mandates, complaints and plain actions."""

from typing import Any

from qms.workflows.loops import digest_of
from tests.content.rows import Row, When, fields

BEFORE, LATER = "2026-03-02T07:00:00.000Z", "2026-03-20T09:00:00.000Z"
SOON, PAST, TODAY = "2026-03-20", "2026-02-20", "2026-03-02"
OPENED = "2026-02-01T09:00:00.000Z"


def requirement(**given: Any) -> dict[str, Any]:
    return {"text": "Turni coperti", "kind": "EXPLICIT", "check": "registro", **given}


def measured(*rows: tuple[str, str]) -> When:
    about = {"result": "R1", "value": "1", "target": "1", "sense": "AT_LEAST"}
    return fields(results=[{**about, "period": period, "indicator": indicator} for period, indicator in rows])


SAME, OTHER = digest_of(["Turni coperti | registro"]), digest_of(["Turni coperti | rapporto"])
REVIEWED = fields(requirements=[requirement()], requirements_reviewed=SAME, requirements_offered=SAME)
PROVISIONAL = {"validation_mode": "FIRST_PERIOD"}
MEASURED = {"record_results": ("kennel", OPENED, 5)}
CONTRACTS = (
    Row(
        "art5_below_threshold",
        fields(legal_basis="AGREEMENT_ART5", value_net="216000.00"),
        fields(legal_basis="AGREEMENT_ART5", value_net="215999.99"),
    ),
    Row(
        "direction_above_limit",
        When(fields={"value_net": "500000.01"}, roles=("COM",)),
        When(fields={"value_net": "500000.01"}, roles=("TOP",)),
    ),
    Row("design_is_full", fields(design_level="LIGHT"), fields(design_level="FULL")),
    Row("design_is_light", fields(design_level="FULL"), fields(design_level="LIGHT")),
    Row("design_is_none", fields(design_level="LIGHT"), fields(design_level="NONE")),
    Row(
        "every_point_settled",
        fields(requirements=[requirement(kind="IMPLIED")]),
        fields(requirements=[requirement(kind="IMPLIED", settled="confermato")]),
    ),
    Row(
        "every_requirement_traced",
        fields(requirements=[requirement(output="piano, par. 2")]),
        fields(requirements=[requirement(output="piano, par. 2", acceptance="99 %")]),
    ),
    Row(
        "price_covers_labour",
        fields(price="100.00", labour_cost="99.00", safety_cost="1.01"),
        fields(price="100.00", labour_cost="99.00", safety_cost="1.00"),
    ),
    Row("mandate_accepted", When(links={"mandates": [("ASSIGNED", OPENED)]}), When(links={"mandates": [("ACCEPTED", OPENED)]})),
    Row("before_deadline", fields(offer_deadline_at=BEFORE), fields(offer_deadline_at=LATER)),
    Row(
        "offer_unchanged",
        When(taken={"prepare_offer": ("tenders", OPENED, 3)}, attached={"OFFER": 4}),
        When(taken={"prepare_offer": ("tenders", OPENED, 3)}, attached={"OFFER": 3}),
    ),
    Row("offer_equals_review", fields(requirements=[requirement()], requirements_reviewed=OTHER), REVIEWED),
    Row("contract_equals_review", fields(requirements=[requirement()], requirements_offered=OTHER, requirements_reviewed=OTHER), REVIEWED),
    Row("contract_equals_offer", fields(differences="REVIEWED"), fields(differences="NONE")),
    Row(
        "cig_valid_or_exempt",
        fields(legal_basis="DIRECT_AWARD"),
        fields(legal_basis="DIRECT_AWARD", cig_exempt_reason="contributo, non appalto"),
    ),
    Row("executor_is_mandated", When(links={"mandates": [("REVOKED", OPENED)]}), When(links={"mandates": [("ACCEPTED", OPENED)]})),
    Row("dates_in_order", fields(start_on=SOON, end_on=SOON), fields(start_on=TODAY, end_on=SOON)),
    Row("baseline_known", When(), fields(baseline=[{"indicator": "Turni", "baseline": "1", "target": "1"}])),
    Row("once_per_period", measured(("2026-02", "Turni"), ("2026-02", "Turni")), measured(("2026-01", "Turni"), ("2026-02", "Turni"))),
    Row("writer_is_mandated", When(roles=("SVC",)), When(roles=("COM",))),
    Row("effective_amendment_waits", When(links={"amendments": [("AGREED", OPENED)]}), When(links={"amendments": [("EFFECTIVE", OPENED)]})),
    Row("no_open_amendment", When(links={"amendments": [("ASSESSED", OPENED)]}), When(links={"amendments": [("REJECTED", OPENED)]})),
    Row(
        "amendments_applied",
        When(links={"amendments": [("EFFECTIVE", OPENED)]}),
        When(links={"amendments": [("EFFECTIVE", OPENED)]}, taken={"apply_amendment": ("tenders", OPENED, 8)}),
    ),
    Row("was_provisional", fields(validation_mode="PILOT"), When(fields=PROVISIONAL, taken=MEASURED)),
    Row("results_are_there", When(fields=PROVISIONAL), When(fields=PROVISIONAL, taken=MEASURED)),
    Row("end_reached_or_agreed", fields(end_on=SOON, end_reason="TERM"), fields(end_on=SOON, end_reason="EARLY")),
    Row("no_open_nc", When(links={"nonconformities": [("REPORTED", OPENED)]}), When(links={"nonconformities": [("REJECTED", OPENED)]})),
    Row("no_open_complaint", When(links={"complaints": [("ANSWERED", OPENED)]}), When(links={"complaints": [("CLOSED", OPENED)]})),
    Row("validation_closed", fields(**PROVISIONAL), When(fields=PROVISIONAL, taken={"close_validation": ("quality", OPENED, 6)})),
)
MANDATES = (
    Row("answer_by_ahead", fields(answer_by=BEFORE), fields(answer_by=LATER)),
    Row("durc_still_valid", fields(durc_until="2026-03-01"), fields(durc_until=TODAY)),
    Row("own_cooperative", fields(member="aurora"), fields(member="consorzio")),
    Row(
        "member_kind_matches_service",
        fields(service_kind="OTHER", member_kind="A"),
        fields(service_kind="OTHER", member_kind="B"),
    ),
    Row("before_call_deadline", fields(answer_by=BEFORE), fields(answer_by=LATER)),
    Row("share_told_if_b", fields(member_kind="B"), fields(member_kind="B", disadvantaged_share="31")),
    Row("durc_valid", fields(durc_until="2026-03-01"), fields(durc_until=TODAY)),
    Row(
        "disadvantaged_share_ok_if_b",
        fields(member_kind="B", disadvantaged_share="29.9"),
        fields(member_kind="B", disadvantaged_share="30"),
    ),
    Row(
        "highest_score_or_motivated",
        fields(ranking="OTHER"),
        When(fields={"ranking": "OTHER"}, comment="La prima ha già due commesse in avvio."),
    ),
    Row("signed_not_ahead", fields(signed_on=SOON), fields(signed_on=TODAY)),
)
CONTESTED_ONCE = {"answer_complaint": ("quality", OPENED, 4)}
COMPLAINTS = (
    Row("received_not_ahead", fields(received_at=LATER), fields(received_at=BEFORE)),
    Row(
        "promise_within_term",
        fields(received_at=BEFORE, answer_promised_on="2026-04-02"),
        fields(received_at=BEFORE, answer_promised_on="2026-04-01"),
    ),
    Row(
        "direction_judges_quality",
        When(fields={"process": "QUALITY"}, roles=("QM",)),
        When(fields={"process": "QUALITY"}, roles=("TOP",)),
    ),
    Row(
        "investigator_not_complained_about",
        fields(complained_about="@kennel", investigator="@kennel"),
        fields(complained_about="@kennel", investigator="@tenders"),
    ),
    Row(
        "nc_linked_if_founded",
        fields(founded="PARTLY"),
        When(fields={"founded": "PARTLY"}, links={"nonconformities": [("REPORTED", OPENED)]}),
    ),
    Row(
        "contested_answered_by_another",
        When(state="CONTESTED", taken=CONTESTED_ONCE, roles=("QM",)),
        When(state="CONTESTED", taken=CONTESTED_ONCE, roles=("QM",), nick="quality_too"),
    ),
    Row(
        "second_time_direction",
        When(taken={"contest_answer": ("quality", OPENED, 5)}, times=2, roles=("QM",)),
        When(taken={"contest_answer": ("quality", OPENED, 5)}, times=2, roles=("TOP",)),
    ),
    Row("called_if_silent", When(state="NO_REPLY"), When(state="NO_REPLY", fields={"call_note": "Richiamato due volte."})),
    Row("no_open_nc", When(links={"nonconformities": [("REPORTED", OPENED)]}), When(links={"nonconformities": [("REJECTED", OPENED)]})),
)
ASKED = {"opening": ("quality", OPENED, 1)}
ACTIONS = (
    Row("due_ahead", fields(due_on=PAST), fields(due_on=TODAY)),
    Row("new_date_ahead", fields(due_on=PAST), fields(due_on=TODAY)),
    Row("owner_reports", When(fields={"owner": "@kennel"}, roles=("WORKER",)), When(fields={"owner": "@quality"}, roles=("WORKER",))),
    Row(
        "asker_looks",
        When(taken={"opening": ("kennel", OPENED, 1)}, roles=("WORKER",)),
        When(taken=ASKED, roles=("WORKER",)),
    ),
    Row(
        "first_by_asker_then_direction",
        When(fields={"postponed": 1}, taken=ASKED, roles=("WORKER",)),
        When(fields={"postponed": 0}, taken=ASKED, roles=("WORKER",)),
    ),
    Row(
        "asker_or_owner_hands_over",
        When(fields={"owner": "@kennel"}, taken={"opening": ("kennel", OPENED, 1)}, roles=("WORKER",)),
        When(fields={"owner": "@quality"}, taken={"opening": ("kennel", OPENED, 1)}, roles=("WORKER",)),
    ),
    Row("asker_drops", When(taken={"opening": ("kennel", OPENED, 1)}, roles=("WORKER",)), When(taken=ASKED, roles=("WORKER",))),
)
