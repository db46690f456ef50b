"""What the model check promises: each fault is refused with the steps that show it, and the mended definition passes."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qms.errors import Problem
from qms.locale import LANGUAGES, sentence
from qms.workflows.bounds import EITHER, May, Place, can_hold, number
from qms.workflows.check import Circumstances, check_sources
from qms.workflows.expression import compile_expression
from qms.workflows.scope import Names, Taken
from qms.workflows.types import BOOLEAN, NUMBER, TEXT, Type
from tests.workflows.test_expression import Ground

LOAN = """
id: tool-loan
title: {it: Prestito, en: Loan}
prefix: TOOL
owner: QM
governed_by: PRO-1
retention: R-QMS
fields:
  title: {type: text, title: {it: Attrezzo, en: Tool}, max: 80}
  worth: {type: money, title: {it: Valore, en: Worth}, min: 0, max: 1000}
  kind: {type: choice, title: {it: Tipo, en: Kind}, options: {HAND: {it: x, en: x}, POWER: {it: x, en: x}, HEAVY: {it: x, en: x}}}
  back_on: {type: date, title: {it: Rientro, en: Back on}}
  remark: {type: text, title: {it: Nota, en: Remark}}
evidence:
  SLIP: {title: {it: Ricevuta, en: Slip}, types: [pdf]}
states:
  ASKED: {title: {it: Chiesto, en: Asked}, kind: initial}
  LENT: {title: {it: Prestato, en: Lent}}
  LOST: {title: {it: Perso, en: Lost}}
  BACK: {title: {it: Reso, en: Back}, kind: final}
  PAID: {title: {it: Pagato, en: Paid}, kind: final}
opening: {title: {it: Chiedi, en: Ask}, by: [WORKER], asks: [title]}
steps:
  lend: {title: {it: Presta, en: Lend}, from: ASKED, to: LENT, by: [QM], asks: [worth, back_on, kind]}
  give_back: {title: {it: Rendi, en: Give back}, from: [LENT, LOST], to: BACK, by: [QM, TOP], evidence: [SLIP?], apart_from: [lend]}
  lose: {title: {it: Segna perso, en: Mark lost}, from: LENT, to: LOST, by: [WORKER], asks: [remark]}
  pay: {title: {it: Paga, en: Pay}, from: LOST, to: PAID, by: [TOP]}
timers:
  late: {title: {it: Rientro, en: Return}, start: {field: back_on}, due: back_on, until: [give_back, lose], escalate: [QM]}
"""
PEOPLE = {role: frozenset({f"{role} 1", f"{role} 2"}) for role in ("QM", "WORKER", "TOP")}
ALONE = {**PEOPLE, "QM": frozenset({"Ada"}), "TOP": frozenset({"Ada"})}
LEND = "asks: [worth, back_on, kind]"


def rule(text: str, code: str = "wise") -> str:
    return f'{{code: {code}, that: "{text}", message: {{it: x, en: x}}}}'


def with_rules(*rules: str, after: str = LEND) -> tuple[tuple[str, str], ...]:
    return ((after, f"{after}, guards: [{', '.join(rules)}]"),)


def changed(changes: tuple[tuple[str, str], ...]) -> str:
    found = LOAN
    for old, new in changes:
        assert old in found
        found = found.replace(old, new)
    return found


def judged(*changes: tuple[str, str], holders: Mapping[str, frozenset[str]] = PEOPLE) -> list[Problem]:
    return check_sources({"w.yaml": changed(changes).encode()}, "small", circumstances=Circumstances(holders=holders))


FAULTS = {
    "a state that nothing leads to": (
        "unreachable", (("from: LENT, to: LOST", "from: LENT"),), "", PEOPLE,
        (),
    ),
    "a state whose ways all come from such a state": (
        "unreachable_from", (("from: LENT, to: LOST", "from: LENT"),), "LOST: pay", PEOPLE,
        (),
    ),
    "a state that is never left": (
        "dead_end", (("from: LOST, to: PAID", "from: LENT, to: PAID"), ("from: [LENT, LOST], to: BACK", "from: LENT, to: BACK")),
        "«Chiedi» → «Presta» → «Segna perso»", PEOPLE,
        (("from: LOST, to: PAID", "from: [LENT, LOST], to: PAID"),),
    ),
    "states one goes round in": (
        "no_way_out", (("from: LOST, to: PAID", "from: LOST, to: LENT"), ("from: [LENT, LOST], to: BACK", "from: LENT, to: LOST")),
        "«Chiedi» → «Presta»", PEOPLE,
        (("from: [LENT, LOST], to: BACK", "from: LENT, to: BACK"),),
    ),
    "a step whose roles nobody holds": (
        "nobody", (), "«Chiedi» → «Presta» → «Segna perso» → «Paga»", {**PEOPLE, "TOP": frozenset[str]()},
        (("by: [TOP]}", "by: [QM]}"),),
    ),
    "duties that those who are there cannot part": (
        "too_few_persons", (), "«Chiedi» → «Presta» → «Rendi»", ALONE,
        (("by: [QM, TOP]", "by: [QM, WORKER]"),),
    ),
    "more who must agree than there are": (
        "too_few_agree", ((LEND, f"{LEND}, quorum: {{count: 3}}"),), "«Chiedi» → «Presta»", PEOPLE,
        ((LEND, f"{LEND}, quorum: {{count: 2}}"), ("by: [QM, TOP]", "by: [TOP]")),
    ),
    "as many as must agree, but nobody left to part from them": (
        "too_few_persons", ((LEND, f"{LEND}, quorum: {{count: 2}}"), ("by: [QM, TOP]", "by: [QM]")),
        "«Chiedi» → «Presta» → «Rendi»", PEOPLE,
        ((LEND, f"{LEND}, quorum: {{count: 2}}"), ("by: [QM, TOP]", "by: [TOP]")),
    ),
    "a number beyond what its field takes": (
        "guard_never", with_rules(rule("worth > 1000")), "«Chiedi» → «Presta»", PEOPLE,
        with_rules(rule("worth >= 1000")),
    ),
    "two bounds that leave nothing between": (
        "guard_never", with_rules(rule("worth < 10 and 10 <= worth")), "«Presta»", PEOPLE,
        with_rules(rule("worth < 10 or 10 <= worth")),
    ),
    "rules that shut each other out": (
        "guards_never", with_rules(rule("kind >= 'POWER'", "strong"), rule("kind not in ['HEAVY'] and kind != 'POWER'")),
        "«Presta»", PEOPLE,
        with_rules(rule("kind >= 'POWER'", "strong"), rule("kind not in ['HEAVY']")),
    ),
    "a state that the step does not start from": (
        "guard_never", with_rules(rule("state == 'LOST'")), "«Presta»", PEOPLE,
        with_rules(rule("state != 'LOST'")),
    ),
    "a step that only comes afterwards": (
        "guard_never", with_rules(rule("taken('lose')")), "«Presta»", PEOPLE,
        with_rules(rule("taken('lose') or taken('opening')")),
    ),
    "a field that nobody could have filled yet": (
        "guard_never", with_rules(rule("filled(remark)")), "«Presta»", PEOPLE,
        with_rules(rule("not filled(remark)")),
    ),
    "a comparison with what is not filled": (
        "guard_never", with_rules(rule("lower(remark) == 'x'")), "«Presta»", PEOPLE,
        (*with_rules(rule("lower(remark) == 'x'")), (LEND, "asks: [worth, back_on, kind, remark?]")),
    ),
    "a text longer than its field": (
        "guard_never", with_rules(rule("length(title) > 80")), "«Presta»", PEOPLE,
        with_rules(rule("length(title) > 79")),
    ),
    "a file that nobody could have attached": (
        "guard_never", with_rules(rule("attached('SLIP')")), "«Presta»", PEOPLE,
        (*with_rules(rule("attached('SLIP')")), (LEND, f"{LEND}, evidence: [SLIP]")),
    ),
    "a way whose condition cannot be": (
        "branch_never", (("to: LENT, by: [QM]", "to: [{when: \"worth < 0\", state: LOST}, LENT], by: [QM]"),),
        "«Chiedi» → «Presta»", PEOPLE,
        (("to: LENT, by: [QM]", "to: [{when: \"worth <= 0\", state: LOST}, LENT], by: [QM]"),),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_found_with_its_trace_and_the_mended_one_passes(name: str) -> None:
    code, wrong, trace, holders, mended = FAULTS[name]
    found = [problem for problem in judged(*wrong, holders=holders) if problem.code == f"workflow.{code}"]
    assert found, [problem.code for problem in judged(*wrong, holders=holders)]
    assert any(trace in str(problem.values.get("trace", "")) for problem in found)
    for problem in found:
        assert all(sentence(language, problem) and "{" not in sentence(language, problem) for language in LANGUAGES)
    assert [problem.code for problem in judged(*mended, holders=holders)] == []


def test_a_timer_whose_field_or_step_nobody_comes_to_is_found() -> None:
    alone = LOAN.replace(LEND, "asks: [worth, kind]").encode()
    codes = {problem.code for problem in check_sources({"w.yaml": alone}, "small")}
    assert codes == {"workflow.timer_never", "workflow.field_unused"}
    opener = (
        "id: tool-fair\ntitle: {it: x, en: x}\nprefix: FAIR\nowner: QM\ngoverned_by: PRO-1\nretention: R-QMS\n"
        "fields: {title: {type: text, title: {it: x, en: x}}, day: {type: date, title: {it: x, en: x}}}\n"
        "states: {ON: {title: {it: x, en: x}, kind: initial}, OVER: {title: {it: x, en: x}, kind: final}}\n"
        "opening: {title: {it: x, en: x}, by: [QM], asks: [title, day]}\n"
        "steps: {end: {title: {it: x, en: x}, from: ON, to: OVER, by: [QM], effects: [EFFECT]}}\n"
    ).replace("EFFECT", "{open-case: {workflow: tool-loan, fields: {title: title, back_on: day}}}")
    filled = check_sources({"w.yaml": alone, "o.yaml": opener.encode()}, "small")
    assert "workflow.timer_never" not in {problem.code for problem in filled}


def test_openings_that_come_round_over_several_workflows_are_found() -> None:
    frame = LOAN.replace("asks: [title]}", "asks: [title], effects: [EFFECTS]}")
    call = "{open-case: {workflow: NAME, fields: {title: title}}}"

    def opening(id: str, prefix: str, *others: str) -> bytes:
        calls = ", ".join(call.replace("NAME", name) for name in others)
        return frame.replace("tool-loan", id).replace("prefix: TOOL", f"prefix: {prefix}").replace("EFFECTS", calls).encode()

    files = {"a": opening("loan-a", "LA"), "b": opening("loan-b", "LB", "loan-a", "loan-c"), "c": opening("loan-c", "LC", "loan-a")}
    assert check_sources(files, "small") == []
    files["a"] = opening("loan-a", "LA", "loan-c")
    traces = [str(problem.values["trace"]) for problem in check_sources(files, "small") if problem.code == "workflow.endless"]
    assert traces == ["loan-a → opening loan-c → opening loan-a", "loan-c → opening loan-a → opening loan-c"]


GRADES = ("LOW", "MID", "HIGH")
NAMES = Names(
    {"n": NUMBER, "m": NUMBER, "on": BOOLEAN, "grade": Type("choice", options=GRADES), "word": TEXT},
    None, {}, frozenset({"opening", "sign_it"}), frozenset({"PHOTO", "BILL"}), frozenset(),
)  # fmt: skip
PLACES = Place(
    {
        "n": number(0, 10, empty=True), "m": number(0, 10), "on": May(options=frozenset({True, False})),
        "grade": May(options=frozenset(GRADES), order=GRADES), "word": May(length=number(1, 5)),
    },
    frozenset({"sign_it"}), {"PHOTO": EITHER, "BILL": May(False, True, frozenset({False}))},
)  # fmt: skip
numbers = st.one_of(st.sampled_from(["n", "m", "length(word)", "times('sign_it')", "times('opening')"]), st.integers(0, 12).map(str))
sums = st.one_of(numbers, st.tuples(numbers, st.sampled_from(["+", "-", "*"]), numbers).map(lambda three: f"({' '.join(three)})"))
signs = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
leaves = st.one_of(
    st.tuples(sums, signs, sums).map(" ".join),
    st.tuples(sums, signs, sums, signs, sums).map(" ".join),
    st.tuples(st.just("grade"), signs, st.sampled_from([f"'{grade}'" for grade in GRADES])).map(" ".join),
    st.sampled_from(["grade in ['LOW', 'MID']", "grade not in ['LOW']", "on", "n is None", "n is not None", "filled(word)", "on is None"]),
    st.sampled_from(["attached('PHOTO')", "attached('BILL')", "taken('sign_it')", "taken('opening')", "word == 'abc'", "on == True"]),
)
rules = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda three: f"({' '.join(three)})"),
        inner.map(lambda one: f"(not ({one}))"),
        st.tuples(inner, inner, inner).map(lambda three: f"({three[0]} if {three[1]} else {three[2]})"),
    ),
    max_leaves=6,
)
values = st.fixed_dictionaries(
    {
        "n": st.none() | st.integers(0, 10).map(Decimal), "m": st.integers(0, 10).map(Decimal), "on": st.sampled_from([None, True, False]),
        "grade": st.sampled_from([None, *GRADES]), "word": st.sampled_from([None, "a", "abc", "abcde"]),
    }
)  # fmt: skip


@given(text=rules, values=values)
@example(text="n < m and m < n", values={"n": Decimal(1), "m": Decimal(2), "on": None, "grade": None, "word": None})
@settings(max_examples=1500, deadline=None)
def test_what_holds_for_one_case_is_never_called_impossible(text: str, values: dict[str, Any]) -> None:
    class Case(Ground):
        def taken(self, step: str) -> Taken | None:
            return super().taken(step) if values["on"] else None

    found = compile_expression(text, 1, NAMES, BOOLEAN)
    if found.holds(Case(values)):
        assert can_hold(text, PLACES)
