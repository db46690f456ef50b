"""A workflow file is read strictly, and every mistake is named with its line."""

import time

import pytest

from qms.errors import BadContent, Problem
from qms.locale import LANGUAGES, sentence
from qms.workflows.check import IDENTIFIERS
from qms.workflows.definition import Definition
from qms.workflows.reading import read_definition
from tests.workflows.samples import LAMP, QUERY


def read(source: str) -> Definition:
    return read_definition(source.encode(), "w.yaml", IDENTIFIERS)


def problems(source: str | bytes) -> list[Problem]:
    with pytest.raises(BadContent) as caught:
        read_definition(source if isinstance(source, bytes) else source.encode(), "w.yaml", IDENTIFIERS)
    for problem in caught.value.problems:
        assert all(sentence(language, problem) for language in LANGUAGES)
    return list(caught.value.problems)


def codes(source: str | bytes) -> set[str]:
    return {problem.code for problem in problems(source)}


def line_of(text: str) -> int:
    return LAMP[: LAMP.index(text)].count("\n") + 1


def test_a_definition_holds_what_its_file_says() -> None:
    found = read(LAMP)
    assert (found.id, found.prefix, found.owner, found.governed_by) == ("lamp-repair", "LAMP", "QM", "PRO-1")
    assert (found.clauses, found.edition, found.default_parties, found.may_add_parties) == (("8.5.1",), "ISO 9001:2015", ("own",), True)
    assert found.initial.name == "BROKEN"
    assert list(found.fields["grade"].options or ()) == ["LOW", "MID", "TOP1"]
    assert [(wanted.name, wanted.required) for wanted in found.opening.asks][:2] == [("title", True), ("deadline_at", False)]
    step = found.steps["mend_it"]
    assert (step.sources, step.target, step.by, step.comment_required) == (("PRICED",), "MENDED", ("TECH",), True)
    assert found.steps["add_photo"].target is None
    assert found.timers["promised"].hard
    query = read(QUERY)
    assert (query.confidentiality, query.allowed_roles) == ("restricted", ("QM", "TOP"))


def test_two_readings_of_one_text_are_one_definition() -> None:
    assert read(LAMP).digest == read(LAMP).digest != read(LAMP + "# x\n").digest


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("prefix: LAMP", "prefix: lamp", "workflow.name_malformed"),
        ("prefix: LAMP", "prefx: LAMP", "workflow.key_unknown"),
        ("governed_by: PRO-1\n", "", "workflow.key_missing"),
        ("title: {it: Giro, en: Round}", "title: {it: Giro}", "workflow.text_language"),
        ("title: {it: Giro, en: Round}", "title: {it: Giro, tondo, en: Round}", "workflow.comma"),
        ("type: integer", "type: intger", "workflow.value"),
        ("type: integer", "type: computed", "workflow.value"),
        ("title: {it: Nota, en: Note}}", "title: {it: Nota, en: Note}, computed: cost}", "expression.result"),
        ("  note: {type", "  state: {type", "workflow.reserved"),
        ("max: 80", "max: eighty", "workflow.expected_number"),
        ("kind: CIG", "kind: CIGG", "workflow.value"),
        ("max: 5", "max: 5000", "workflow.bounds_length"),
        ("max: 80", "max: -5", "workflow.bounds_length"),
        ("max: 80", "max: 1.5", "workflow.bounds_length"),
        ("max: 80", "min: 2000000000", "workflow.bounds_length"),
        ("name: {type: text", "name: {type: table", "workflow.table_in_table"),
        ("kind: initial", "kind: final", "workflow.one_initial"),
        ("kind: final", "kind: finale", "workflow.value"),
        ("from: BROKEN", "from: BROKN", "workflow.unknown_state"),
        ("to: PRICED", "to: [PRICED, MENDED]", "workflow.expected_mapping"),
        ("asks: [cost, grade", "asks: [costs, grade", "workflow.unknown_field"),
        ("asks: [cost, grade", "asks: [cost, cost, grade", "workflow.twice"),
        ("evidence: [BILL?]", "evidence: [BIL?]", "workflow.unknown_slot"),
        ("apart_from: [price_it]", "apart_from: [priceit]", "workflow.unknown_step"),
        ("comment: required", "comment: yes", "workflow.value"),
        ("by: [COM]", "by: []", "workflow.empty"),
        ("by: [COM]", "by: [no]", "yaml.quote"),
        ("by: [COM]", "by: {a: b}", "workflow.expected_list"),
        ("code: in_time", "code: In-Time", "workflow.name_malformed"),
        ("cost <= figure.top_price", "cost <=", "expression.syntax"),
        ("cost <= figure.top_price", "cost + 1", "expression.result"),
        ("sets: {round: ", "sets: {cost2: ", "workflow.unknown_field"),
        ("sets: {round: ", "sets: {customer: ", "workflow.cannot_be_set"),
        ("\"round + 1\"", "\"title\"", "expression.result"),
        ("not_in: [owner_of_it]", "not_in: [title]", "expression.result"),
        ("clears: [note]", "clears: [nota]", "workflow.unknown_field"),
        ("link: queries,", "link: querys,", "workflow.unknown_link"),
        ("workflow: lamp-query, link", "workflow: lamp-repair, link", "workflow.link_workflow"),
        ("start: {state: BROKEN}", "start: {state: BROKEN, step: price_it}", "workflow.timer_start"),
        ("start: {state: BROKEN}", "start: {field: cost}", "workflow.timer_field"),
        ("due: \"workdays(2)\"", "due: \"cost\"", "expression.result"),
        ("warn: [\"days(1)\"]", "warn: [\"cost\"]", "expression.result"),
        ("until: [mend_it]", "until: [mendit]", "workflow.unknown_step"),
        ("hard: true", "hard: yes", "workflow.value"),
        ("relation: contains", "relation: owns", "workflow.value"),
        ("sign: {it", "binds: true\n    sign: {it", "workflow.binds_without_document"),
        ("personal: true}", "personal: true, source: notice.x}", "workflow.source_without_notice"),
        ("retention: R-QMS", "retention: R-QMS\nsubject: acknowledgment", "workflow.sources_missing"),
        ("type: money, title: {it: Costo, en: Cost}", "type: integer, personal: true, title: {it: C, en: C}", "workflow.personal_kind"),
        ("max: 80", "pattern: '(a+)+'", "workflow.pattern_slow"),
        ("max: 80", "pattern: '(a|a)*b'", "workflow.pattern_slow"),
        ("max: 80", f"pattern: '{'a?' * 40}{'a' * 40}'", "workflow.pattern_slow"),
        ("max: 80", f"pattern: '{'[ab]{0,300}' * 4}[bc]'", "workflow.pattern_slow"),
        ("max: 80", f"pattern: '{'(a|aa)' * 25}[bc]'", "workflow.pattern_slow"),
        ("max: 80", r"pattern: '\\*\\*\\*\\*[bc]'", "workflow.pattern_slow"),
        ("max: 80", "pattern: '[a-z]{400000000}'", "workflow.pattern_slow"),
        ("max: 80", "pattern: '[a-z]{99999999999}'", "workflow.pattern_slow"),
        ("max: 80", "pattern: '['", "workflow.pattern_malformed"),
        ("max: 80", "min: 90, max: 80", "workflow.bounds"),
        ("steps: [give_back]", "steps: [giveback]", "workflow.unknown_step"),
        ("parties: {default: [own], add: true}", "parties: {default: []}", "workflow.empty"),
        ("retention: R-QMS\nparties", "retention: R-QMS\nconfidentiality: {secret: [QM]}\nparties", "workflow.key_unknown"),
        ("  title: {type: text", "  titel: {type: text", "workflow.title_field"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(old: str, new: str, code: str) -> None:
    source = LAMP.replace(old, new, 1)
    assert source != LAMP
    found = problems(source)
    assert any(problem.code == code for problem in found), found
    assert all(problem.line > 0 for problem in found)
    if "\n" not in new:
        assert any(abs(problem.line - line_of(old)) <= 1 for problem in found) or code.endswith(("missing", "initial", "title_field"))


def test_all_mistakes_are_named_at_once() -> None:
    source = (
        LAMP.replace("prefix: LAMP", "prefix: lamp")
        .replace("kind: CIG", "kind: CIGG")
        .replace("in_time", "In")
        .replace("round + 1", "round +")
    )
    assert {"workflow.name_malformed", "workflow.value", "expression.syntax"} <= codes(source)
    assert len(problems(source)) >= 4


def test_a_near_name_is_suggested() -> None:
    (found,) = [one for one in problems(LAMP.replace("asks: [cost, grade", "asks: [csot, grade")) if one.code == "workflow.unknown_field"]
    assert "cost" in sentence("it", found)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("a: &x [1]\nb: *x\n", "yaml.alias"),
        ("a: {<<: {b: c}}\n", "yaml.alias"),
        ("a: !!python/object/apply:os.system [ls]\n", "yaml.tag"),
        ("a: 1\na: 2\n", "yaml.duplicate"),
        ("no: 1\n", "yaml.quote"),
        ("on: 1\n", "yaml.quote"),
        ("[a, b]: 1\n", "yaml.key_not_a_word"),
        ("- a\n", "yaml.not_a_mapping"),
        ("", "yaml.not_a_mapping"),
        ("a: 1\n---\nb: 1\n", "yaml.many_documents"),
        ("a: [1\n", "yaml.brackets"),
        ("a: '\n", "yaml.malformed"),
        ("\ta: 1\n", "yaml.tab"),
        ("a: " + "[" * 40 + "]" * 40, "yaml.too_deep"),
        ("a: [" + "1," * 30_000 + "1]", "yaml.too_many"),
        ("a: " + "x" * 300_000, "yaml.too_large"),
        (b"a: \xff\xfe\n", "yaml.not_utf8"),
        (b"a: \x00\n", "yaml.sign"),
        ('a: "\\0"\n', "yaml.sign"),
        ('a: "\\ud83d\\ude00"\n', "yaml.sign"),
        ('a: "\\x0b"\n', "yaml.sign"),
        ('a: "\\ufffe"\n', "yaml.sign"),
        ('"\\e": a\n', "yaml.sign"),
        ('a: "\\u202eb"\n', "yaml.misleads"),
        ("a: \u202eb\n", "yaml.misleads"),
        ('a: b\nc: "\\U00110000"\n', "yaml.malformed"),
    ],
)  # fmt: skip
def test_yaml_that_means_something_else_than_it_says_is_refused(source: str | bytes, code: str) -> None:
    assert code in codes(source)


@pytest.mark.parametrize("last", [b'c: "\\0"', b"c: \x07", b'c: "\\U00110000"', b"c: \xe2\x80\xae"])
def test_a_sign_that_cannot_stand_in_a_file_is_named_with_its_line(last: bytes) -> None:
    assert [problem.line for problem in problems(b"a: b\nb: c\n" + last)] == [3]


def test_bombs_are_refused_before_they_go_off() -> None:
    bomb = "a: &a [x, x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20))
    for source in (bomb, "[" * 100_000, "{a: " * 50_000, "a: " + "- " * 50_000):
        begun = time.perf_counter()
        assert problems(source)
        assert time.perf_counter() - begun < 5


def test_a_number_stays_what_was_typed() -> None:
    assert read(LAMP.replace('edition: "ISO 9001:2015"', "edition: 3.10")).edition == "3.10"
