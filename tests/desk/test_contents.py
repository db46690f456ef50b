"""A set of content that does not fit together is told so, each fault in its place; one file judged alone is not asked about the rest."""

import re
from collections.abc import Mapping
from functools import cache

import pytest

from qms.desk import contents, start
from qms.locale import LANGUAGES, sentence
from qms.procedures import clauses
from qms.records import integrity, retention

PROCEDURE = "procedures/miglioramento/PRO-8.7-01-non-conformita.md"
FLOW = "workflows/nonconformity.yaml"
FORM = "records/REC-NC-01-rapporto-di-non-conformita.md"


@cache
def shipped() -> Mapping[str, bytes]:
    return start.speaking(start.starter(), "it")


def found(sources: Mapping[str, bytes], whole: bool = True) -> list[tuple[str, str, str]]:
    """What is wrong: file, the text of its line, code."""
    told = []
    for problem in contents.judge(sources, "small", whole=whole).problems:
        assert all(str(problem.values.get("name", "")) in sentence(language, problem) for language in LANGUAGES)
        line = sources[problem.path].decode().splitlines()[problem.line - 1] if problem.line else ""
        told.append((problem.path, line.strip(), problem.code))
    return told


def changed(path: str, old: str, new: str) -> dict[str, bytes]:
    text = shipped()[path].decode()
    assert old in text
    return {**shipped(), path: text.replace(old, new).encode()}


def without(path: str) -> dict[str, bytes]:
    return {name: content for name, content in shipped().items() if name != path}


def test_the_shipped_content_fits_together() -> None:
    assert found(start.starter()) == []


def test_a_workflow_whose_procedure_is_missing_is_named() -> None:
    assert (FLOW, "governed_by: PRO-8.7-01", "fit.no_procedure") in found(without(PROCEDURE))


def test_a_workflow_that_its_procedure_does_not_name_is_named() -> None:
    told = found(changed(PROCEDURE, "workflows: [nonconformity]", "workflows: []"))
    assert told == [(FLOW, "governed_by: PRO-8.7-01", "fit.not_named")]


def test_a_procedure_that_names_a_missing_workflow_is_named() -> None:
    told = found(changed(PROCEDURE, "workflows: [nonconformity]", "workflows: [nonconformity, not-written]"))
    assert told == [(PROCEDURE, "workflows: [nonconformity, not-written]", "fit.no_workflow")]


def test_a_record_without_a_form_is_named() -> None:
    ((path, line, code),) = found(without(FORM))
    assert (path, code) == (FLOW, "fit.no_form")
    assert line.startswith("REC-NC-01:")


def test_a_form_that_nobody_fills_in_is_named() -> None:
    stray = "records/REC-NC-99-di-nessuno.md"
    assert [(path, code) for path, _, code in found({**shipped(), stray: b"# Vuoto\n"})] == [(stray, "fit.no_record")]


def test_a_clause_that_nothing_serves_is_named_unless_it_does_not_apply() -> None:
    listed = changed(clauses.PATH, '  "10.1":', '  "8.9": {it: "Nuovo", en: "New"}\n  "10.1":')
    assert found(listed) == [(clauses.PATH, '"8.9": {it: "Nuovo", en: "New"}', "fit.clause_alone")]
    text = listed[clauses.PATH].decode()
    excused = text.replace("not_applicable:\n", 'not_applicable:\n  "8.9": {it: "Perché no", en: "Because"}\n')
    assert found({**listed, clauses.PATH: excused.encode()}) == []


@pytest.mark.parametrize(("path", "line"), [(PROCEDURE, 'clauses: ["8.7", "10.2", "9.1.3"]'), (FLOW, 'clauses: ["8.7", "10.2", "9.1.3"]')])
def test_a_clause_that_is_not_in_the_list_is_named(path: str, line: str) -> None:
    wrong = line.replace('"9.1.3"', '"9.1.3", "9.4"')
    assert found(changed(path, line, wrong)) == [(path, wrong, "fit.no_clause")]


def test_a_mistake_in_the_list_of_clauses_is_named_and_the_rest_is_not_judged_by_it() -> None:
    ((path, _, code),) = found(changed(clauses.PATH, '"4.1": {it: "Il contesto, anche climatico", ', '"4.1": {'))
    assert (path, code) == (clauses.PATH, "clauses.missing")


@pytest.mark.parametrize("path", [PROCEDURE, FLOW, FORM, clauses.PATH])
def test_one_file_judged_alone_does_not_complain_about_the_rest(path: str) -> None:
    assert [one for one in found({path: shipped()[path]}, whole=False) if one[2].startswith("fit.")] == []


ENGLISH = PROCEDURE.replace(".md", ".en.md")


def translated(old: str = "language: it", new: str = "language: en") -> dict[str, bytes]:
    """The shipped content with an English text beside a procedure, which says one thing more in another way."""
    text = shipped()[PROCEDURE].decode().replace("language: it", "language: en")
    text = re.sub("^title: .*\ntitles: .*$", 'title: "Nonconformities"\ntitles: {it: "Non conformità"}', text, flags=re.MULTILINE)
    return {**shipped(), ENGLISH: text.replace(old, new).encode()}


def test_a_translation_is_no_second_document() -> None:
    assert found(translated()) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("owner: QM", "owner: TOP"),
        ("workflows: [nonconformity]", "workflows: []"),
        ("review_every: 24", "review_every: 12"),
        ('title: "Nonconformities"', 'title: "Other"'),
        ('titles: {it: "Non conformità"}', 'titles: {it: "Altro"}'),
    ],
)
def test_a_translation_that_says_another_thing_is_named(old: str, new: str) -> None:
    told = found(translated(old, new))
    assert (ENGLISH, new, "translation.differs") in told


def test_a_translation_of_nothing_is_named() -> None:
    sources = translated()
    del sources[PROCEDURE]
    assert (ENGLISH, "", "translation.alone") in found(sources)


def test_mistakes_in_a_translation_are_named_in_its_own_file() -> None:
    assert (ENGLISH, "owner: NOBODY AT ALL", "document.unknown_role") in found(translated("owner: QM", "owner: NOBODY AT ALL"))


@pytest.mark.parametrize(
    ("line", "wrong", "code"),
    [
        ("workflow: nonconformity", "workflow: nonconformidad", "fit.no_workflow"),
        ("  process: QUALITY", "  proces: QUALITY", "workflow.unknown_field_there"),
        ("workflow: nonconformity", "workflow: service-contract", "fit.not_by_program"),
        ("workflow: nonconformity", "workflow: [nonconformity]", "integrity.malformed"),
    ],
)
def test_the_case_about_a_damaged_file_could_be_opened_at_night(line: str, wrong: str, code: str) -> None:
    assert code in [code for path, _, code in found(changed(integrity.PATH, line, wrong)) if path == integrity.PATH]


def test_the_table_of_terms_is_judged_with_the_rest() -> None:
    assert [(path, code) for path, _, code in found({**shipped(), retention.PATH: b"classes: 3"})] == [
        (retention.PATH, "retention.malformed")
    ]
