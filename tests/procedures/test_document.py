"""The head of a document is read strictly and every mistake is named at once, with its line."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qms.errors import BadContent
from qms.locale import sentence
from qms.procedures import document
from tests.procedures.house import PATH, words


def problems(text: str | bytes, path: str = PATH) -> list[tuple[int, str]]:
    with pytest.raises(BadContent) as bad:
        document.parse(text, path, {"QM"})
    for problem in bad.value.problems:
        assert sentence("it", problem)
        assert sentence("en", problem)
    return [(problem.line, problem.code) for problem in bad.value.problems]


def test_a_well_formed_document_is_read() -> None:
    found = document.parse(words(), PATH, {"QM"})
    assert (found.front.key, found.front.review_every, found.front.clauses) == ("PRO-7.5-01", 24, ("7.5.3",))
    assert "Si scrive" in found.body
    assert words().split("\n")[found.body_line - 1 :][1].startswith("# ")


def test_the_template_of_a_new_document_is_well_formed() -> None:
    text = document.template("IST-8.5-01", "IST-8.5-01", 'Il "caso" \\ no', "IST", "it", "QM")
    assert document.parse(text, "procedures/a/IST-8.5-01-x.md").front.title == 'Il "caso" \\ no'


@pytest.mark.parametrize(("code", "clause"), [("IST-8.5-01", "8.5"), ("PRO-10.2-03", "10.2"), ("MOD-3.4-01", "7.5"), ("MOD-99-01", "7.5")])
def test_a_new_document_is_proposed_for_the_clause_that_its_code_names(code: str, clause: str) -> None:
    text = document.template(code, code, "Prova", code[:3], "it", "QM")
    assert document.parse(text, f"procedures/a/{code}-x.md").front.clauses == (clause,)


def test_all_mistakes_are_named_at_once_by_line() -> None:
    text = words(type="XYZ", owner="BOH", clauses="[7.5.3, 4.1]", review_every="9.5", revision="3", colour="red", code="3.10")
    assert problems(text) == [
        (3, "document.quote"), (3, "document.bad_code"), (3, "document.path_code"), (5, "document.not_one_of"),
        (7, "document.unknown_role"),
        (8, "document.quote"), (10, "document.months"), (12, "document.system_decides"), (13, "document.unknown_key"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("head", "code"),
    [
        ("no: 1\n", "front.quote_key"),
        ("key: A\nkey: B\n", "front.duplicate"),
        ("owner: !!python/object/apply:os.system [x]\n", "front.tag"),
        ("a: &a [x]\nb: *a\n", "front.alias"),
        ("a: {b: {c: {d: {e: {f: {g: {h: 1}}}}}}}\n", "front.too_much"),
        ("a: [" + "x, " * 1500 + "]\n", "front.too_much"),
        ("a: [\n", "front.malformed"),
        ("\tkey: x\n", "front.malformed"),
        ("key: " + "x" * 20_000 + "\n", "front.too_long"),
        ("- x\n", "front.not_keys"),
        ("? [a]\n: b\n", "front.key_not_text"),
        ("title: no\n", "document.quote"),
        ("title: 2026-01-01\n", "document.quote"),
        ("title: [a]\n", "document.one_value"),
        ("clauses: x\n", "document.list_wanted"),
        ("distribution: some\n", "document.distribution"),
        ("acknowledge: some\n", "document.acknowledge"),
        ("acknowledge: []\n", "document.missing"),
        ("acknowledge: [Tutti]\n", "document.unknown_role"),
    ],
)
def test_what_other_readers_would_guess_is_refused(head: str, code: str) -> None:
    assert code in [found for _, found in problems(f"---\n{head}---\n\nTesto.\n")]


def test_an_alias_bomb_is_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    began = time.monotonic()
    assert "front.alias" in [code for _, code in problems("---\n" + "\n".join(lines) + "\n---\nx\n")]
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("niente", "document.no_head"),
        ("---\nkey: A\n", "document.head_open"),
        (b"---\n\xff\n---\nx", "document.not_utf8"),
        (words(body="a\x07b\n"), "document.control"),
        (words(body="a\u202eb\n"), "document.control"),
        (words(body=" \n").replace("# Controllo dei documenti", ""), "document.empty"),
        (words(body="x" * 400_000), "document.too_large"),
    ],
)
def test_a_file_that_is_no_document_is_refused(text: str | bytes, code: str) -> None:
    assert code in [found for _, found in problems(text)]


@pytest.mark.parametrize(
    "path",
    [
        "procedures/x.md",
        "procedures/../PRO-7.5-01-a.md",
        "procedures/a/PRO-7.5-01.md",
        "procedures/a/pro-7.5-01-a.md",
        "procedures/a/b/PRO-7.5-01-a.md",
    ],
)
def test_a_document_has_its_place(path: str) -> None:
    assert (0, "document.path") in problems(words(), path)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300))
def test_any_head_is_read_or_refused(head: str) -> None:
    try:
        document.parse(f"---\n{head}\n---\n\nx\n", PATH)
    except BadContent as bad:
        assert bad.problems


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=80))
def test_any_title_survives_the_template(title: str) -> None:
    text = document.template("IST-8.5-01", "IST-8.5-01", title, "IST", "it", "QM")
    assert document.parse(text, "procedures/a/IST-8.5-01-x.md").front.title == title


def test_a_title_in_another_language_is_what_its_readers_see() -> None:
    front = document.parse(words(titles='{en: "Control of documents"}'), PATH, {"QM"}).front
    assert (front.titled("en"), front.titled("it")) == ("Control of documents", "Controllo dei documenti")
    turned = document.parse(words(language="en", title='"Control"', titles='{it: "Controllo"}'), PATH, {"QM"}).front
    assert (turned.titled("en"), turned.titled("it")) == ("Control", "Controllo")


@pytest.mark.parametrize(
    ("titles", "code"),
    [
        ("Control", "document.titles"),
        ('{it: "Controllo"}', "document.not_one_of"),
        ('{de: "Lenkung"}', "document.not_one_of"),
        ("{en: 3}", "document.quote"),
        ('{en: ""}', "document.missing"),
        ("{en: [Control]}", "document.one_value"),
        ('{en: "' + "x" * 201 + '"}', "document.long_title"),
    ],
)
def test_titles_are_read_strictly(titles: str, code: str) -> None:
    assert problems(words(titles=titles)) == [(12, code)]
