"""Guards of tenders."""

from typing import Any

from tests.content.rows import Row, When, fields

DEADLINE = "2026-03-16T11:00:00.000Z"
PAST, SOON = "2026-03-02T07:59:00.000Z", "2026-03-02T08:01:00.000Z"
CIG = "7947686DF4"
OFFER_FILES = ("TECHNICAL_OFFER", "ECONOMIC_OFFER", "DGUE", "INTEGRATIVE_DECL")
CRITERIA = ("FIT", "TERRITORY", "REFERENCES", "EXECUTOR", "SUSTAINABILITY", "SOCIAL", "COMPETITION", "RISK", "EFFORT")
WEIGHTS = ("15", "10", "10", "15", "20", "10", "5", "10", "5")
KNOCK_OUTS = ("REQUIREMENT", "EXECUTOR", "EXCLUSION_GROUND", "LABOUR_COST", "CONFLICT")


def at(name: str, moment: str, **given: Any) -> When:
    return When(fields={name: moment, "submission_deadline_at": DEADLINE, **given})


def lots(*amounts: str, **given: Any) -> dict[str, Any]:
    return {"lots": [{"lot": str(n), "base_amount": amount, **given} for n, amount in enumerate(amounts, 1)]}


def weights(*points: str) -> When:
    return fields(award_criteria=[{"kind": "quality", "name": "x", "weight": each} for each in points])


def sheet(*points: str) -> When:
    return fields(go_sheet=[{"criterion": name, "weight": each, "score": "3"} for name, each in zip(CRITERIA, points, strict=False)])


def knock_outs(*names: str, outcome: str = "CLEAR") -> dict[str, Any]:
    return {"knock_outs": [{"check": name, "outcome": outcome, "basis": "letto il disciplinare"} for name in names]}


def shares(*rows: tuple[str, str]) -> When:
    partners = [{"name": "x", "share": share, "role": role} for share, role in rows]
    return fields(participation_form="RTI_TO_BE", partners=partners)


def decided(score: str, role: str, comment: str | None = None) -> When:
    return When(fields={"go_score": score}, roles=(role,), comment=comment)


def offer(price: str, base: str = "100000.00", **given: Any) -> When:
    row = {"lot": "1", "price": price, "labour_cost": "60000.00", "own_safety_cost": "500.00", **given}
    return fields(offer=[row], lots=[{"lot": "1", "base_amount": base, "labour_cost": "60000.00"}])


def guarantee(until: str) -> When:
    given = {"fee_amount": "0.00", "guarantee_amount": "2000.00", "guarantee_until": until, "submission_deadline_at": DEADLINE}
    return When(fields=given, attached={"PROVISIONAL_GUARANTEE": 5})


def checked(n: int, *, signed: bool = False) -> When:
    """The offer's files were attached by entry ``n``; checked by entry 10, signed by entry 12."""
    taken = {"check_passed": ("verifier", "2026-02-20T09:00:00.000Z", 10)}
    if signed:
        taken["check_ok_and_sign"] = ("direction", "2026-02-21T09:00:00.000Z", 12)
    return When(taken=taken, attached=dict.fromkeys(OFFER_FILES, n))


def rescue(due: str, note: str | None = None) -> When:
    return fields(rescue_due_at=due, rescue_term_note=note)


def certain(moment: str) -> When:
    return at("rescue_items", DEADLINE, rescue_items=[{"item": "Garanzia", "kind": "GUARANTEE", "dated_at": moment}])


def challenge(suspension: str) -> When:
    return fields(challenges=[{"claimant": "Altra", "notified_on": "2026-02-01", "suspension": suspension}])


CHECK_BEFORE = {"check_passed": ("verifier", "2026-02-18T09:00:00.000Z", 8), "request_check": ("tenders", "2026-02-19T09:00:00.000Z", 9)}
CHECK_AFTER = {**CHECK_BEFORE, "check_passed": ("verifier", "2026-02-20T09:00:00.000Z", 10)}
SIGNED = {"check_ok_and_sign": ("direction", "2026-03-01T09:00:00.000Z", 12)}
LAST_CHECK = {"check_passed": ("verifier", PAST, 10)}
BIG, SMALL = lots("40000.01"), lots("40000.00")
MANDATORY = {"site_visit": "MANDATORY"}
OWN_CHECK = {"check_passed": ("direction", PAST, 10)}

ROWS = (
    Row(
        "doubts_settled",
        fields(doubts=[{"code": "x", "found": "14 / 21"}]),
        fields(doubts=[{"code": "x", "settled": "vale il 14, dal disciplinare"}]),
    ),
    Row("deadline_ahead", fields(submission_deadline_at=PAST), fields(submission_deadline_at=SOON)),
    Row("questions_before_submission", at("questions_deadline_at", DEADLINE), at("questions_deadline_at", SOON)),
    Row("opening_after_submission", at("opening_at", DEADLINE), at("opening_at", "2026-03-16T11:00:01.000Z")),
    Row("weights_sum_100", weights("70", "29.99"), weights("70", "30")),
    Row("base_amount_positive", fields(**lots("100.00", "0.00")), fields(**lots("100.00", "0.01"))),
    Row("site_visit_has_deadline", fields(**MANDATORY), fields(**MANDATORY, site_visit_deadline_at=SOON)),
    Row("lots_differ", fields(lots=[{"lot": "1"}, {"lot": "1"}]), fields(lots=[{"lot": "1"}, {"lot": "2"}])),
    Row("sheet_is_whole", sheet(*WEIGHTS[:8]), sheet(*WEIGHTS)),
    Row("knock_outs_considered", fields(**knock_outs(*KNOCK_OUTS[:4])), fields(**knock_outs(*KNOCK_OUTS))),
    Row(
        "executors_for_members",
        fields(participation_form="CONSORTIUM_FOR_MEMBERS"),
        fields(participation_form="CONSORTIUM_FOR_MEMBERS", executors=[{"member": "canile", "part": "tutto"}]),
    ),
    Row("shares_sum_100", shares(("60", "LEAD"), ("30", "PARTNER")), shares(("60", "LEAD"), ("40", "PARTNER"))),
    Row("sheet_is_filled", fields(), fields(go_score="72")),
    Row("knock_outs_examined", fields(**knock_outs(*KNOCK_OUTS[:4])), fields(**knock_outs(*KNOCK_OUTS))),
    Row("no_knock_out", fields(**knock_outs(*KNOCK_OUTS, outcome="BLOCKS")), fields(**knock_outs(*KNOCK_OUTS))),
    Row("site_visit_possible", fields(**MANDATORY, site_visit_deadline_at=PAST), fields(**MANDATORY, site_visit_deadline_at=SOON)),
    Row(
        "score_ge_threshold_or_top",
        decided("59", "COM", "vale la pena per il territorio"),
        decided("59", "TOP", "vale la pena per il territorio"),
    ),
    Row(
        "deadline_allows_min_days",
        at("x", "", submission_deadline_at="2026-03-11T11:00:00.000Z"),
        at("x", "", submission_deadline_at="2026-03-12T11:00:00.000Z"),
    ),
    Row(
        "top_if_value_above_limit",
        When(fields=lots("300000.00", "200000.01"), roles=("COM",)),
        When(fields=lots("300000.00", "200000.00"), roles=("COM",)),
    ),
    Row(
        "milestones_before_deadline",
        at("internal_milestones", DEADLINE, internal_milestones=[{"what": "firma", "due": "2026-03-16"}]),
        at("internal_milestones", DEADLINE, internal_milestones=[{"what": "firma", "due": "2026-03-15"}]),
    ),
    Row(
        "requirement_coverage_100",
        fields(requirement_list=[{"requirement": "x"}]),
        fields(requirement_list=[{"requirement": "x", "covered_by": "pag. 4"}]),
    ),
    Row(
        "all_mandatory_slots_filled",
        fields(site_visit="NONE", reserved="res-ws", participation_form="SINGLE"),
        When(fields={"site_visit": "NONE", "reserved": "res-ws", "participation_form": "SINGLE"}, attached={"DISADVANTAGED_SHARE_DECL": 5}),
    ),
    Row(
        "executors_declarations_present",
        fields(participation_form="CONSORTIUM_FOR_MEMBERS"),
        When(fields={"participation_form": "CONSORTIUM_FOR_MEMBERS"}, attached={"EXECUTOR_DGUE": 5}),
    ),
    Row(
        "docs_valid_on_deadline",
        at("checklist", DEADLINE, checklist=[{"document": "ISO 9001", "valid_until": "2026-03-15"}]),
        at("checklist", DEADLINE, checklist=[{"document": "ISO 9001", "valid_until": "2026-03-16"}]),
    ),
    Row(
        "no_price_in_technical",
        fields(technical_summary="Con un ribasso del 4% offriamo"),
        fields(technical_summary="Offriamo 4 operatori"),
    ),
    Row("page_limits_ok", fields(page_limit=30, technical_pages=31), fields(page_limit=30, technical_pages=30)),
    Row("price_within_base", offer("100000.01"), offer("100000.00")),
    Row("labour_cost_ok", offer("90000.00", labour_cost="59999.99"), offer("90000.00")),
    Row(
        "questions_answers_considered",
        fields(clarifications=[{"question": "x", "answer": "y"}]),
        fields(clarifications=[{"question": "x", "answer": "y", "impact": "nulla"}]),
    ),
    Row("own_questions_closed", When(links={"questions": [("ANSWERED", PAST)]}), When(links={"questions": [("ASSESSED", PAST)]})),
    Row("cig_valid_or_exempt", fields(**lots("1.00", cig="7947686DF5")), fields(**lots("1.00", cig=CIG))),
    Row("fee_and_guarantee_if_due", guarantee("2026-09-11"), guarantee("2026-09-12")),
    Row("verifier_signed", When(taken=CHECK_BEFORE), When(taken=CHECK_AFTER)),
    Row("check_holds_for_these_files", checked(11), checked(10)),
    Row(
        "total_is_the_offer",
        fields(offer=[{"lot": "1", "price": "10.00"}, {"lot": "2", "price": "5.00"}], confirmed_total="15.01"),
        fields(offer=[{"lot": "1", "price": "10.00"}, {"lot": "2", "price": "5.00"}], confirmed_total="15.00"),
    ),
    Row(
        "three_persons_above_limit",
        When(fields=BIG, taken=OWN_CHECK, nick="direction"),
        When(fields=SMALL, taken=OWN_CHECK, nick="direction"),
    ),
    Row(
        "submitted_at_on_receipt_before_deadline",
        When(fields={"submission_deadline_at": DEADLINE}, at="2026-03-16 11:00:01"),
        When(fields={"submission_deadline_at": DEADLINE}, at="2026-03-16 11:00:00"),
    ),
    Row("submitted_after_signature", When(taken=SIGNED, at="2026-03-01 08:59"), When(taken=SIGNED, at="2026-03-01 09:00")),
    Row("uploaded_hashes_equal_checked_hashes", checked(11, signed=True), checked(10, signed=True)),
    Row("deadline_has_passed", fields(submission_deadline_at=SOON), fields(submission_deadline_at=PAST)),
    Row("rescue_due_ahead", rescue(PAST), rescue(SOON)),
    Row("rescue_term_usual_or_noted", rescue("2026-03-05T08:00:00.000Z"), rescue("2026-03-05T08:00:00.000Z", "tre giorni, come da nota")),
    Row("before_rescue_due", rescue(PAST), rescue(SOON)),
    Row("dated_before_submission_if_required", certain("2026-03-16T11:00:01.000Z"), certain(DEADLINE)),
    Row("anomaly_due_ahead", fields(anomaly_due_at=PAST), fields(anomaly_due_at=SOON)),
    Row("before_anomaly_due", fields(anomaly_due_at=PAST), fields(anomaly_due_at=SOON)),
    Row(
        "communicated_after_opening",
        fields(opening_at=PAST, award_communicated_at=SOON),
        fields(opening_at="2026-02-01T09:00:00.000Z", award_communicated_at=PAST),
    ),
    Row(
        "exemption_proved",
        fields(standstill_exemption="UNDER_THRESHOLD"),
        When(fields={"standstill_exemption": "UNDER_THRESHOLD"}, attached={"STANDSTILL_NOTE": 5}),
    ),
    Row("standstill_due", fields(award_communicated_at=PAST, standstill_exemption="SINGLE_BIDDER"), fields(award_communicated_at=PAST)),
    Row("standstill_elapsed_or_exempt", fields(standstill_until=SOON), fields(standstill_until=PAST)),
    Row("no_suspensive_appeal", challenge("PENDING"), challenge("REFUSED")),
    Row(
        "within_appeal_term_if_claimant",
        When(fields={"side": "CLAIMANT", "award_communicated_at": "2026-01-31T07:00:00.000Z"}, state="LOST"),
        When(fields={"side": "CLAIMANT", "award_communicated_at": "2026-01-31T09:00:00.000Z"}, state="LOST"),
    ),
    Row(
        "gap_known_when_ranked",
        When(taken={"record_ranking": ("tenders", PAST, 9)}, state="LOST"),
        When(fields={"score_gap": [{"criterion": "x", "gap": "4"}]}, taken={"record_ranking": ("tenders", PAST, 9)}, state="LOST"),
    ),
)

ALSO_REFUSED = (
    ("below the floor even for the direction", "go", decided("49", "TOP", "vale la pena per il territorio")),
    ("the direction without a reason", "go", decided("59", "TOP")),
)
"""Further scores at which nobody may decide to take part."""
