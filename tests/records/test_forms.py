"""A record form is foreign text: it shows what was sealed, cannot reach further, and cannot grow without end."""

import pytest

from qms.errors import BadContent
from qms.locale import LANGUAGES, sentence
from qms.records import forms

VALUES = {"case": {"number": "GARA-2026-0001"}, "rows": [{"name": "a", "amount": "1234.50"}], "a": [1], "b": [1, 2], "nothing": None}


def test_a_form_shows_values_in_the_readers_manner() -> None:
    form = "# {{ case.number }}\n{% for r in rows %}\n| {{ r.name }} | {{ r.amount | money }} |\n{% endfor %}\n{{ at | date }}"
    values = VALUES | {"at": "2026-11-22T23:30:00.000Z"}
    assert forms.render(form, values, "it") == "# GARA-2026-0001\n| a | 1.234,50\xa0€ |\n23 novembre 2026"
    assert forms.render("{{ at | moment }}", values, "it") == "23 novembre 2026, 00&#58;30"
    assert "€1,234.50 |\n23 November 2026" in forms.render(form, values, "en")


MARKUP = [
    "<script>alert(1)</script>", "[x](javascript:alert(1))", "**b**", "| a |", "# x", "- x", "1. x", "12. x", "`x`", "a\n\nb", "{{ case }}",
    "&lt;", "---", "~~x~~", "http://x.it", "x\u202ey",
]  # fmt: skip


@pytest.mark.parametrize("value", MARKUP)
def test_no_value_becomes_markup(value: str) -> None:
    shown = forms.render("{{ v }}", {"v": value}, "it")
    assert not set(shown) & set("<>[]*|`\n{}_~:\u202e")
    assert not shown.startswith(("#", "-", "1. ", "12. "))


def test_a_personal_value_that_was_not_revealed_shows_as_hidden() -> None:
    assert forms.render("{{ v }}", {"v": {"#": "ab", "ref": "cd"}}, "it") == "•••"


def test_line_breaks_stay_where_a_form_asks_for_them() -> None:
    assert forms.render("{{ v | lines }}", {"v": "a\n<b>"}, "it") == "a<br>&#60;b&#62;"


def test_what_is_missing_is_said_unless_the_form_foresees_it() -> None:
    assert forms.render("{{ case.x | default('n.d.') }} {{ nothing }}", VALUES, "it") == "n.d. —"
    with pytest.raises(BadContent, match=r"form\.unknown_value"):
        forms.render("{{ case.x }}", VALUES, "it")


FORBIDDEN = [
    "{{ cycler.__init__.__globals__ }}", "{{ range(10**9) }}", "{% set x = 'a' %}", "{% for a in b recursive %}{% endfor %}",
    "{% macro a() %}{% endmacro %}", "{% include 'x' %}", "{% extends 'x' %}", "{% import 'x' as y %}", "{{ 'a' * 10**9 }}",
    "{{ case.keys() }}", "{% for", "{{ a | center(99999999) }}", "{{ a | map('x') }}", "{{ a ~ b }}", "{{ ''.__class__ }}",
    "{% for x in a %}{% for y in b %}{% for z in b %}{% endfor %}{% endfor %}{% endfor %}", "{{ a[1:2] }}", "{{ '%9d' % 1 }}",
    "{{ 9 ** 9 }}", "{% block x %}{% endblock %}", "{% filter upper %}x{% endfilter %}", "{{ [1] }}", "{{ {'a': 1} }}",
    "{% if a is sameas b %}{% endif %}", "{{" + "(" * 3000, "{{ a + b }}", "x" * 200_000,
]  # fmt: skip


@pytest.mark.parametrize("form", FORBIDDEN, ids=lambda form: form[:30])
def test_what_a_form_may_not_use_is_named_with_its_line_before_it_is_used(form: str) -> None:
    found = forms.problems("\n" + form, "records/x.md")
    assert found
    assert all(problem.line == 2 or problem.code in ("form.too_long", "form.malformed") for problem in found)
    assert all(sentence(language, problem) for problem in found for language in LANGUAGES)
    with pytest.raises(BadContent):
        forms.render("\n" + form, VALUES, "it")


LATE = ["{{ ''['__class__'] }}", "{{ b['append'] }}", "{{ b.append }}", "{{ 'x' | money }}", "{% for x in 'abc' %}x{% endfor %}"]


@pytest.mark.parametrize("form", LATE)
def test_what_only_shows_when_filled_in_is_refused_then(form: str) -> None:
    with pytest.raises(BadContent):
        forms.render(form, VALUES, "it")


@pytest.mark.parametrize("body", ["", "{{ x }}" * 50])
def test_neither_rows_nor_text_grow_without_end(body: str) -> None:
    form = "{% for x in v %}{% for y in v %}" + body + "{% endfor %}{% endfor %}"
    with pytest.raises(BadContent):
        forms.render(form, {"v": ["text"] * 5000}, "it")
