"""What an author writes can neither run nor hang, and a table keeps its columns."""

import time
from collections.abc import Iterator

import pytest

from qms.procedures import comparison
from qms.procedures.render import Renderer, to_html


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    with Renderer() as made:
        yield made


@pytest.mark.parametrize(
    "text",
    [
        "<svg onload=alert(1)>", "<script>alert(1)</script>", "[x](JaVaScRiPt&#58;alert(1))", "[x](javascript:alert(1))",
        '<a href="&#106;avascript:alert(1)">x</a>', "x\n{: onclick=alert(1) }", "# x {: onclick=alert(1) style=color:red }",
        '<img src=x onerror=alert(1)>', "![x](javascript:alert(1))", "<iframe src=//evil></iframe>",
        "<form action=/x><button>a</button></form>",
        "<style>*{display:none}</style>", '<p style="position:fixed">x</p>', "<math><mi xlink:href='data:x'>x</mi></math>",
        "[x](data:text/html;base64,PHNjcmlwdD4=)", "[x](vbscript:x)", "<base href=//evil>", "<meta http-equiv=refresh content=0>",
        "![x](https://evil.example/x.png)", "[x](//evil.example)", "[x](\\\\evil.example)", "<object data=x></object>",
    ],
)  # fmt: skip
def test_nothing_in_a_text_runs_or_calls_out(text: str) -> None:
    html = to_html(text, "/figures").lower()
    for trace in (
        "onload",
        "onclick",
        "onerror",
        "javascript",
        "vbscript",
        "<script",
        "<svg",
        "<iframe",
        "style",
        "<form",
        "data:",
        "evil",
        "<meta",
    ):
        assert trace not in html.replace(">alert(1)<", "")


def test_columns_are_aligned_by_class() -> None:
    html = to_html("| a | b |\n|:-:|--:|\n| 1 | 2 |\n")
    assert '<th class="align-center">a</th>' in html
    assert '<td class="align-right">2</td>' in html


def test_only_known_classes_and_own_anchors_stay() -> None:
    html = to_html("# Titolo {: #evil .fixed .align-right }\n\n[x](#s-titolo)\n\nnota[^1]\n\n[^1]: la nota\n")
    assert 'id="evil"' not in html
    assert "fixed" not in html
    assert 'href="#s-titolo"' in html
    assert 'id="fn:1"' in html


def test_pictures_come_from_the_documents_own_folder() -> None:
    html = to_html("![flusso](PRO-7.5-01-documenti/flow.png)", "/documents/PRO-7.5-01/figures")
    assert 'src="/documents/PRO-7.5-01/figures/flow.png"' in html


@pytest.mark.parametrize("text", ["[" * 8192, "![" * 4096, "[a](b" * 2000, "*" * 8192, "<" * 8192, "`" * 8191, "| " * 4096 + "\n|-|-|"])
def test_a_slow_text_is_rendered_in_time_or_shown_plain(renderer: Renderer, text: str) -> None:
    began = time.monotonic()
    made = renderer.preview(text)
    assert time.monotonic() - began < 20
    assert made.html
    assert renderer.preview("ciao").html == "<p>ciao</p>"


def test_a_text_is_rendered_once_for_its_blob(renderer: Renderer) -> None:
    first = renderer.document("a" * 40, "# Uno\n")
    assert renderer.document("a" * 40, "# Due\n") is first


def test_what_changed_is_marked_and_still_clean(renderer: Renderer) -> None:
    html = renderer.comparison("a", "b", "uno due\n", "uno tre <script>x</script>\n").html
    assert "<del>" in html
    assert "<ins>" in html
    assert "script" not in html


def test_a_comparison_shows_lines_gone_and_come_with_their_numbers() -> None:
    old = "".join(f"riga {n}\n" for n in range(20))
    lines = comparison.source(old, old.replace("riga 10\n", "riga dieci\n"), context=1)
    assert [(line.kind, line.old, line.new) for line in lines] == [
        ("gap", None, None), ("same", 10, 10), ("gone", 11, None), ("come", None, 11), ("same", 12, 12), ("gap", None, None),
    ]  # fmt: skip
    assert comparison.source(old, old) == []


def test_very_long_texts_are_still_compared() -> None:
    old = "".join(f"riga {n}\n" for n in range(9000))
    lines = comparison.source(old, old.replace("riga 4000\n", "x\n"))
    assert [(line.kind, line.text) for line in lines] == [("gone", "riga 4000"), ("come", "x")]
