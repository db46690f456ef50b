"""All files judged together: what cannot be reached, left, taken or kept apart, and what one workflow says of another."""

import pytest

from qms.errors import Problem
from qms.locale import LANGUAGES, sentence
from qms.workflows.check import IDENTIFIERS, Circumstances, check_sources, waiting
from qms.workflows.reading import read_definition
from tests.workflows.samples import FIGURES, LAMP, QUERY

ROLES = ("QM", "WORKER", "COM", "TECH", "TOP")
FULL = {role: frozenset({f"{role}-one", f"{role}-two"}) for role in ROLES}

EFFECTS = {"open-case": {}, "light-up": {"at": "date", "low": "boolean"}}


def check(*sources: str, figures: str = FIGURES, profile: str = "small", **known: object) -> list[Problem]:
    named = {f"w{index}.yaml": source.encode() for index, source in enumerate(sources or (LAMP, QUERY))}
    found = check_sources(named, profile, ("figures.yaml", figures.encode()), Circumstances(**known))  # type: ignore[arg-type]
    for problem in found:
        assert all(sentence(language, problem) for language in LANGUAGES)
    return found


def codes(*sources: str, **known: object) -> list[str]:
    return [problem.code.removeprefix("workflow.") for problem in check(*sources, **known)]  # type: ignore[arg-type]


def test_sound_files_have_no_mistakes() -> None:
    assert codes(roles=ROLES, effects={"open-case": {}}, procedures=["PRO-1"], holders=FULL) == []


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("    to: PRICED\n", "    to: BROKEN\n", "unreachable"),
        ("    from: MENDED\n    to: RETURNED", "    from: PRICED\n    to: RETURNED", "dead_end"),
        ("en: Returned}, kind: settled}", "en: Returned}, kind: final}", "final_left"),
        ("by: [TECH]", "by: [TECK]", "unknown_role"),
        ("by: [TECH]", "by: [ADMIN]", "role_never"),
        ("figure.top_price", "figure.top_prize", "unknown_figure"),
        ("governed_by: PRO-1", "governed_by: PRO-2", "unknown_procedure"),
        ("sets: {round: \"round + 1\"}", "effects: [fly-away]", "unknown_effect"),
        ("sets: {round: \"round + 1\"}", "effects: [{light-up: {when: today}}]", "unknown_argument"),
        ("sets: {round: \"round + 1\"}", "effects: [{light-up: {low: today}}]", "argument_type"),
        ("sets: {round: \"round + 1\"}", "effects: [{light-up: {at: today}, later: x}]", "one_effect"),
        ("prefix: LAMP", "prefix: DOM", "taken"),
        ("id: lamp-repair", "id: lamp-query", "taken"),
        ("workflow: lamp-query", "workflow: lamp-quest", "unknown_workflow"),
        ("fields: {title: \"'Perché buttata: ' + title\"}", "fields: {name: title}", "unknown_field_there"),
        ("fields: {title: \"'Perché buttata: ' + title\"}", "fields: {title: cost}", "field_there"),
        ("fields: {title: \"'Perché buttata: ' + title\"}", "fields: {}", "opening_lacks"),
        ("q.is_closed for q", "q.state == 'ANSWRED' for q", "unknown_state_there"),
        ("asks: [title, deadline_at?, customer?, cig?]", "asks: [title]", "field_unused"),
        ("evidence: [BILL?]", "evidence: []", "slot_unused"),
        ("start: {state: BROKEN}", "start: {step: quick_fix}", "timer_without_start"),
        ("    escalate: [QM, TOP]", "    on_due: {step: reopen_it}", "due_step_by"),
        ("by: [TOP]", "by: [SYS]", "program_cannot"),
        ("    escalate: [QM, TOP]", "    escalate: [QM, {after: \"days(2)\", tell: [BOSS]}]", "unknown_role"),
        ("    escalate: [QM, TOP]", "    escalate: [QM, {after: \"days(2)\", tell: [TOP]}]\n    on_due: nothing", "escalation_without_due"),
        ("    escalate: [QM, TOP]", "    escalate: [QM, {after: today, tell: [TOP]}]", "expression.result"),
        ("    escalate: [QM, TOP]", "    escalate: [QM, {tell: [TOP]}]", "key_missing"),
        ("types: [pdf]", "types: [exe]", "evidence_type"),
    ],
)  # fmt: skip
def test_the_model_is_walked_and_the_names_are_looked_up(old: str, new: str, code: str) -> None:
    source = LAMP.replace(old, new).replace(
        "  reopen_it:", "  quick_fix: {title: {it: x, en: x}, from: BROKEN, to: PRICED, by: [TECH], profile: full}\n  reopen_it:"
    )
    assert old in LAMP
    assert code in codes(source, QUERY, roles=(*ROLES, "ADMIN"), effects=EFFECTS, procedures=["PRO-1"])


def test_a_dead_end_comes_with_the_steps_that_lead_there() -> None:
    found = check(LAMP.replace("    from: MENDED\n    to: RETURNED", "    from: PRICED\n    to: RETURNED"), QUERY)
    (dead,) = [problem for problem in found if problem.code == "workflow.dead_end"]
    assert sentence("it", dead).endswith("Ci si arriva così: «Accetta» → «Fai il preventivo» → «Ripara».")


def test_a_loop_without_an_end_is_found() -> None:
    source = LAMP.replace("    to: RETURNED", "    to: BROKEN").replace(
        "from: [BROKEN, PRICED]\n    to: SCRAPPED", "from: [BROKEN]\n    to: PRICED"
    )
    assert {"no_way_out", "unreachable"} <= set(codes(source, QUERY))


def test_roles_that_nobody_holds_and_duties_that_too_few_could_part_are_found() -> None:
    nobody = {**FULL, "TECH": frozenset[str]()}
    assert codes(holders=nobody) == ["nobody"]
    alone = {role: frozenset({"only"}) for role in ROLES}
    assert codes(holders=alone) == ["too_few_persons"]
    two = {role: frozenset({"one", "two"}) for role in ROLES}
    assert codes(holders=two) == []
    apart = LAMP.replace("    sign: {it: Confermo", "    apart_from: [price_it, mend_it]\n    sign: {it: Confermo")
    assert codes(apart, QUERY, holders=two) == ["too_few_persons"]


def test_each_profile_is_walked_by_itself() -> None:
    source = LAMP.replace("    to: PRICED\n", "    to: PRICED\n    profile: full\n")
    assert "unreachable" in codes(source, QUERY, profile="small")
    assert codes(source, QUERY, profile="full") == []


def test_a_rule_that_its_own_taker_ticks_is_no_rule() -> None:
    source = LAMP.replace("  note: {type: long_text", "  checked: {type: boolean, title: {it: x, en: x}}\n  note: {type: long_text")
    source = source.replace("asks: [note?]", "asks: [note?, checked]").replace(
        'that: "deadline_at is None or happened_at <= deadline_at"', "that: checked"
    )
    assert codes(source, QUERY) == ["guard_ticked"]


def test_only_a_step_that_binds_has_a_text_to_compare_with() -> None:
    source = QUERY.replace("retention: R-QMS", "retention: R-QMS\nsubject: document")
    guard = "guards: [{code: same, that: \"draft.same_text_as('answer_it')\", message: {it: x, en: x}}]"
    source = source.replace("to: ANSWERED, by: [QM]}", f"to: ANSWERED, by: [QM], {guard}}}")
    assert codes(LAMP, source) == ["same_text"]
    assert codes(LAMP, source.replace("by: [QM], guards", "by: [QM], binds: true, guards")) == []


def test_openings_that_open_each_other_without_end_are_found() -> None:
    source = QUERY.replace("asks: [title]}", "asks: [title], effects: [{open-case: {workflow: lamp-query, fields: {title: title}}}]}")
    assert codes(LAMP, source) == ["endless"]


def test_mistakes_of_all_files_come_together() -> None:
    assert {problem.path for problem in check("id: x", "a: [", figures="a: {b: c}")} == {"w0.yaml", "w1.yaml", "figures.yaml"}


def test_figures_must_follow_one_another() -> None:
    assert "figure_overlap" in codes(figures=FIGURES.replace("until: 2035-12-31", "until: 2036-01-01"))
    assert "expected_date" in codes(figures=FIGURES.replace("2020-01-01", "2020-13-01"))
    assert "expected_number" in codes(figures=FIGURES.replace("500", "5OO"))


def test_what_waits_is_listed() -> None:
    guard = '{code: skilled, later: "registry of skills", message: {it: x, en: x}}'
    source = LAMP.replace("guards:\n      - {code: in_time", f"guards:\n      - {guard}\n      - {{code: in_time")
    found = waiting([read_definition(source.encode(), "w.yaml", IDENTIFIERS)])
    assert [problem.values["what"] for problem in found] == ["skilled: registry of skills"]
    assert "skilled" in sentence("en", found[0])
