"""Guards of corrective actions."""

from typing import Any

from tests.content.rows import Row, When, fields

DAY = "2026-03-02T07:00:00.000Z"
LATER = "2026-03-03T08:00:00.000Z"
AGAIN = {"judged_ineffective": ("verifier", DAY, 10)}
CATEGORIES = ("PEOPLE", "METHOD", "INFORMATION", "EQUIPMENT", "ENVIRONMENT", "MEASUREMENT", "MANAGEMENT", "CLIENT", "MEMBER")
QUALITY = {"process": "QUALITY"}


def causes(*rows: tuple[str, str, str, str]) -> dict[str, Any]:
    names = ("code", "statement", "why_allowed", "evidence")
    return {"causes": [{name: value for name, value in zip(names, row, strict=True) if value} for row in rows]}


def action(number: str = "A1", **given: str) -> dict[str, str]:
    row = {"number": number, "cause": "C1", "kind": "METHOD", "action": "Cambia", "owner": "@tenders", "due": "2026-04-01", **given}
    return {name: value for name, value in row.items() if value}


def actions(*rows: dict[str, str], **given: Any) -> When:
    return When(fields={**causes(("C1", "Manca il controllo", "", "verbale")), "actions": list(rows), **given})


def measured(value: str, observations: int = 40, **given: Any) -> When:
    wanted = {"comparison": "AT_MOST", "target": "0", "minimum_observations": 40, "checker": "@quality", "check_due_at": DAY}
    return When(fields={**wanted, "measured_value": value, "observations": observations, **given})


def ishikawa(*names: str) -> When:
    return When(fields={"severity": "MAJOR", "ishikawa": [{"category": name, "finding": "non incide"} for name in names]})


def looked(day: str) -> When:
    return fields(extension=[{"place": "Altri corsi", "by_whom": "P-0001", "looked_on": day, "finding": "assente"}])


CRITERION = {"metric": "registri corretti", "comparison": "AT_MOST", "target": "0"}
PLANNED = {"propose_plan": ("tenders", "2026-02-20T09:00:00.000Z", 4), "causes_done": ("tenders", "2026-02-10T09:00:00.000Z", 3)}
STALE_PLAN = {**PLANNED, "causes_done": ("tenders", "2026-02-25T09:00:00.000Z", 5)}
DONE = {"number": "A1", "done_on": "2026-03-01", "evidence": "verbale 3"}

ROWS = (
    Row(
        "at_least_3_whys_or_justified", fields(method="FIVE_WHYS", whys=[{"why": "1"}]), fields(method="FIVE_WHYS", whys=[{"why": "1"}] * 3)
    ),
    Row(
        "last_why_not_person",
        fields(**causes(("C1", "Errore umano del tutor", "", "verbale"))),
        fields(**causes(("C1", "Errore umano del tutor", "il registro si firma dopo, senza controllo", "verbale"))),
    ),
    Row("each_cause_has_evidence", fields(**causes(("C1", "x", "", ""))), fields(**causes(("C1", "x", "", "verbale 12")))),
    Row("ishikawa_categories_considered_if_major", ishikawa(*CATEGORIES[:8]), ishikawa(*CATEGORIES)),
    Row("horizontal_extension_checked", looked("2026-03-03"), looked("2026-03-02")),
    Row(
        "cause_codes_differ",
        fields(**causes(("C1", "x", "", ""), ("C1", "y", "", ""))),
        fields(**causes(("C1", "x", "", ""), ("C2", "y", "", ""))),
    ),
    Row("plan_is_written", When(fields={"actions": [action()]}, taken=STALE_PLAN), When(fields={"actions": [action()]}, taken=PLANNED)),
    Row("every_root_cause_has_action", actions(action(cause="C2")), actions(action())),
    Row("each_action_has_owner_and_due", actions(action(due="")), actions(action())),
    Row("action_codes_differ", actions(action(), action()), actions(action(), action("A2"))),
    Row("not_only_training", actions(action(kind="TRAINING")), actions(action(kind="TRAINING"), action("A2"))),
    Row("criterion_is_measurable", fields(**CRITERION), fields(**CRITERION, minimum_observations=40)),
    Row("wait_long_enough", fields(severity="MAJOR", check_after_days=89), fields(severity="MAJOR", check_after_days=90)),
    Row("checker_not_owner", actions(action(), checker="@tenders"), actions(action(), checker="@verifier")),
    Row(
        "top_if_cost_above_limit",
        When(fields={"actions": [action(cost="3000.00"), action("A2", cost="2000.01")]}, roles=("QM",)),
        When(fields={"actions": [action(cost="3000.00"), action("A2", cost="2000.00")]}, roles=("QM",)),
    ),
    Row("top_from_second_cycle", When(fields={"cycle": 2}, roles=("QM",)), When(fields={"cycle": 2}, roles=("TOP",))),
    Row("direction_judges_quality", When(fields=QUALITY, roles=("QM",)), When(fields=QUALITY, roles=("TOP",))),
    Row(
        "max_postponements_else_top",
        When(taken={"replan": ("tenders", DAY, 2)}, times=2, roles=("PROC_OWNER",)),
        When(taken={"replan": ("tenders", DAY, 2)}, times=1, roles=("PROC_OWNER",)),
    ),
    Row("all_actions_done_with_evidence", actions(action(), action("A2"), done=[DONE]), actions(action(), done=[DONE])),
    Row("check_not_before_due", measured("0", check_due_at=LATER), measured("0")),
    Row("data_are_insufficient", measured("0"), measured("0", 39)),
    Row("extended_once", fields(checks_extended=1), fields(checks_extended=0)),
    Row("only_when_critical", fields(severity="MAJOR", second_checks=0), fields(severity="CRITICAL", second_checks=0)),
    Row("actor_is_named_checker", measured("0", checker="@direction"), measured("0")),
    Row("enough_observations", measured("0", 39), measured("0")),
    Row("criterion_met", measured("2"), measured("0")),
    Row("critical_checked_twice", fields(severity="CRITICAL", second_checks=0), fields(severity="CRITICAL", second_checks=1)),
    Row("criterion_not_met", measured("0"), measured("0", recurrence_case="NC-2026-0003")),
)
