"""Guards of the workflows that keep the system itself awake: audits, reviews, objectives, risks, suppliers, competence."""

from typing import Any

from tests.content.rows import Row, When, fields

PAST, TODAY, AHEAD = "2026-03-01", "2026-03-02", "2026-03-03"
OPENED = "2026-02-02T08:00:00.000Z"
TOPICS = ("ACTIONS", "CONTEXT", "SATISFACTION", "OBJECTIVES", "CONTRACTS", "WORK", "NONCONFORMITIES", "AUDITS", "PROVIDERS", "RESOURCES",
          "RISKS", "WAIVERS", "PROPOSALS")  # fmt: skip


def persons(*nicks: str) -> list[dict[str, str]]:
    return [{"person": f"@{nick}"} for nick in nicks]


def found(kind: str, **given: str) -> dict[str, str]:
    return {"kind": kind, "finding": "Registro chiuso due giorni dopo", **given}


def of_quality(*roles: str, **given: Any) -> When:
    return When(fields={"processes": ["TRAINING", "QUALITY"], **given}, roles=roles)


def decided(*kinds: str) -> list[dict[str, str]]:
    return [{"kind": kind, "decision": "Nessuna: bastano quelle in corso"} for kind in kinds]


def with_action(due: str | None, **more: str) -> When:
    row = {"kind": "CHANGE", "decision": "Un tablet per aula", "owner": "@training", "due": due}
    return fields(held_on=TODAY, decisions=[{name: value for name, value in {**row, **more}.items() if value}])


def inputs(*topics: str, finding: str = "Nessuna novità: ultimi dati di gennaio") -> When:
    return fields(breadth="ANNUAL", inputs=[{"topic": topic, "finding": finding} for topic in topics])


NC_FOUND = {"findings": [found("NC_MINOR"), found("STRENGTH")]}
OBSERVED = {"findings": [found("OBSERVATION")]}
AUDITS = (
    Row("visit_ahead", fields(planned_on=PAST), fields(planned_on=TODAY)),
    Row("team_named", fields(team=[]), fields(team=persons("quality"))),
    Row(
        "team_independent",
        fields(audited_owner="@training", team=persons("quality", "tenders"), worked_there=persons("tenders")),
        fields(audited_owner="@training", team=persons("quality", "verifier"), worked_there=persons("tenders")),
    ),
    Row(
        "quality_visited_from_outside",
        of_quality("LEAD_AUDITOR", external_auditor="Ada Neri, consorzio Arno"),
        of_quality("TOP", external_auditor="Ada Neri, consorzio Arno"),
    ),
    Row(
        "visit_was_held",
        fields(held_from="2026-03-02T07:00:00.000Z", held_to="2026-03-02T09:00:00.000Z"),
        fields(held_from="2026-03-02T06:00:00.000Z", held_to="2026-03-02T07:30:00.000Z"),
    ),
    Row("auditor_of_the_team", fields(team=persons("verifier")), fields(team=persons("quality"))),
    Row(
        "each_finding_proved",
        fields(findings=[found("OBSERVATION", evidence="LEZ-2026-0012")]),
        fields(findings=[found("OBSERVATION", evidence="LEZ-2026-0012", criterion="8.5.1"), found("STRENGTH", evidence="visto in aula")]),
    ),
    Row(
        "audited_replies",
        When(fields={"audited_owner": "@training"}, roles=("WORKER",)),
        When(fields={"audited_owner": "@training"}, roles=("WORKER",), nick="training"),
    ),
    Row(
        "of_this_audit",
        When(fields={"audited_owner": "@training"}, roles=("WORKER",), nick="tenders"),
        When(fields={"audited_owner": "@training"}, roles=("WORKER", "LEAD_AUDITOR"), nick="tenders"),
    ),
    Row("action_ahead", fields(action_due=PAST), fields(action_due=TODAY)),
    Row("findings_replied", When(fields=NC_FOUND), When(fields=NC_FOUND, taken={"reply_to_findings": ("training", OPENED, 6)})),
    Row("nc_for_each_finding", When(fields=NC_FOUND), When(fields=NC_FOUND, links={"nonconformities": [("REPORTED", OPENED)]})),
    Row(
        "nc_closed_or_in_hand",
        When(links={"nonconformities": [("CLOSED", OPENED), ("CLASSIFIED", OPENED)]}),
        When(links={"nonconformities": [("CLOSED", OPENED), ("CORRECTING", OPENED)]}),
    ),
    Row("observations_answered", When(fields=OBSERVED), When(fields=OBSERVED, links={"actions": [("PLANNED", OPENED)]})),
    Row("quality_closed_by_direction", of_quality("LEAD_AUDITOR"), of_quality("TOP")),
)
REVIEWS = (
    Row("period_is_one", fields(period_from=TODAY, period_to=PAST), fields(period_from="2025-01-01", period_to="2025-12-31")),
    Row("meeting_ahead", fields(meeting_on=PAST), fields(meeting_on=TODAY)),
    Row("every_input_present", inputs(*(topic for topic in TOPICS if topic != "RISKS")), inputs(*TOPICS)),
    Row("none_is_motivated", inputs(*TOPICS, finding="nessuna novità"), inputs(*TOPICS)),
    Row("direction_was_there", fields(participants=persons("direction")), fields(participants=persons("direction", "quality"))),
    Row("held_not_ahead", fields(held_on=AHEAD), fields(held_on=TODAY)),
    Row(
        "each_kind_decided",
        fields(breadth="ANNUAL", decisions=decided("IMPROVEMENT", "CHANGE")),
        fields(breadth="ANNUAL", decisions=decided("IMPROVEMENT", "CHANGE", "RESOURCES")),
    ),
    Row("decision_has_person_and_day", with_action(None), with_action(AHEAD)),
    Row("action_ahead", fields(action_due=PAST), fields(action_due=TODAY)),
    Row("next_within_term", fields(held_on=PAST, next_on="2027-03-02"), fields(held_on=PAST, next_on="2027-03-01")),
    Row("each_decision_has_action", with_action(AHEAD), When(fields=with_action(AHEAD).fields, links={"actions": [("PLANNED", OPENED)]})),
    Row(
        "actions_closed_or_carried",
        When(links={"actions": [("CLOSED", OPENED), ("PLANNED", OPENED)]}),
        When(links={"actions": [("CLOSED", OPENED), ("DROPPED", OPENED)]}),
    ),
    Row("next_is_planned", fields(breadth="ANNUAL"), When(fields={"breadth": "ANNUAL"}, links={"next_review": [("PLANNED", OPENED)]})),
)


def measured(*periods: tuple[str, str, str], **given: Any) -> When:
    rows = [{"period": period, "numerator": n, "denominator": d, "source": "lezioni"} for period, n, d in periods]
    wanted = {"how": "PERCENT", "sense": "AT_LEAST", "target": "98", "minimum_observations": "100"}
    return When(fields={**wanted, "measurements": rows, **given})


GOOD = (("2026-01", "60", "60"), ("2026-02", "38", "40"))
WEAK = (("2026-01", "60", "60"), ("2026-02", "37", "40"))
OBJECTIVES = (
    Row("baseline_or_first_action", When(), When(links={"actions": [("PLANNED", OPENED)]})),
    Row("due_ahead", fields(due_on=TODAY), fields(due_on=AHEAD)),
    Row("action_ahead", fields(action_due=PAST), fields(action_due=TODAY)),
    Row(
        "owner_measures",
        When(fields={"owner": "@training"}, roles=("WORKER",)),
        When(fields={"owner": "@training"}, roles=("WORKER",), nick="training"),
    ),
    Row("once_per_period", measured(GOOD[0], GOOD[0]), measured(*GOOD)),
    Row("term_reached", fields(due_on=AHEAD), fields(due_on=TODAY)),
    Row("enough_measured", measured(GOOD[0]), measured(*GOOD)),
    Row("target_met", measured(*WEAK), measured(*GOOD)),
    Row("target_missed", measured(*GOOD), measured(*WEAK)),
)
TARGETS = (
    ("an average at most", measured(("2026", "450", "100"), how="AVERAGE", sense="AT_MOST", target="4.5"), True),
    ("an average too high", measured(("2026", "451", "100"), how="AVERAGE", sense="AT_MOST", target="4.5"), False),
    ("a count at most none", measured(("2026", "0", "100"), how="COUNT", sense="AT_MOST", target="0"), True),
    ("a count of one where none is wanted", measured(("2026", "1", "100"), how="COUNT", sense="AT_MOST", target="0"), False),
    ("a percentage of nothing", measured(("2026", "0", "0")), False),
    ("nothing measured", measured(), False),
)
"""What the measurements say of the target: each either met or missed, never both, and too few cases are never a success."""


def at_level(level: int, *roles: str, **more: Any) -> When:
    return When(fields={"level": level}, roles=roles or ("PROC_OWNER",), **more)


TREATED = {"treat": ("training", OPENED, 3)}
RISKS = (
    Row("strategy_fits", fields(kind="OPPORTUNITY", strategy="REDUCE"), fields(kind="OPPORTUNITY", strategy="PURSUE")),
    Row("action_ahead", fields(action_due=PAST), fields(action_due=TODAY)),
    Row("direction_accepts_high", at_level(15), at_level(14)),
    Row("treated_if_high", at_level(12), at_level(12, taken=TREATED)),
    Row("reason_if_middle", at_level(8, comment="va bene"), at_level(8, comment="Costerebbe più del danno.")),
    Row("treatment_done", When(links={"actions": [("DONE", OPENED)]}), When(links={"actions": [("CLOSED", OPENED)]})),
    Row("direction_rereads_high", at_level(15), at_level(15, "TOP")),
    Row("merged_is_named", fields(close_ground="MERGED"), fields(close_ground="MERGED", merged_into="RO-2026-0002")),
)


def scored(quality: int, used_by: str = "@tenders") -> When:
    """A critical supplier with thirty points besides those for its quality."""
    rest = {"score_punctuality": 10, "score_documents": 10, "score_price": 5, "score_cooperation": 5}
    return fields(criticality="CRITICAL", used_by=used_by, score_quality=quality, **rest)


def supplied(*states: str) -> When:
    return When(links={"nonconformities": [(state, OPENED) for state in states]})


SUPPLIERS = (
    Row("ordinary_only", fields(criticality="CRITICAL"), fields(criticality="ORDINARY")),
    Row("durc_if_due", fields(category="TRANSPORT", durc_until=PAST), fields(category="TRANSPORT", durc_until=TODAY)),
    Row(
        "data_agreement_if_due",
        fields(handles_data=True),
        When(fields={"handles_data": True}, attached={"DATA_AGREEMENT": 2}),
    ),
    Row("no_open_nc", supplied("CLOSED", "CORRECTED"), supplied("CLOSED", "REJECTED")),
    Row("enough_points", scored(39), scored(40)),
    Row("points_for_reserve", scored(19), scored(20)),
    Row("judged_with_user", scored(40, used_by="@quality"), scored(40)),
    Row("review_soon", fields(review_on="2027-03-03"), fields(review_on="2027-03-02")),
    Row("nothing_pending", supplied("CORRECTED"), supplied("CLOSED")),
)


def seen(*levels: tuple[str, int], **given: Any) -> When:
    group = [{"person": f"@{nick}", "level": 0} for nick in ("tenders", "training")]
    return fields(participants=group, goal_level=2, results=[{"person": f"@{nick}", "level": level} for nick, level in levels], **given)


TRAININGS = (
    Row("another_way", fields(method="COURSE", failed_method="COURSE"), fields(method="SHADOWING", failed_method="COURSE")),
    Row(
        "direction_if_costly",
        When(fields={"cost": "1000.01"}, roles=("HR",)),
        When(fields={"cost": "1000.00"}, roles=("HR",)),
    ),
    Row("held_not_ahead", fields(held_on=AHEAD), fields(held_on=TODAY)),
    Row("expiry_after", fields(held_on=TODAY, valid_until=TODAY), fields(held_on=TODAY, valid_until="2031-03-02")),
    Row("goal_met", seen(("tenders", 3)), seen(("tenders", 3), ("training", 2))),
    Row("time_to_practise", fields(held_on=PAST, evaluate_after_days=2), fields(held_on=PAST, evaluate_after_days=1)),
    Row("nothing_expires", fields(valid_until=AHEAD), fields(valid_until=None)),
    Row("something_expires", fields(valid_until=None), fields(valid_until=AHEAD)),
    Row("goal_missed", seen(("tenders", 3), ("training", 2)), seen(("tenders", 3), ("training", 1))),
)
