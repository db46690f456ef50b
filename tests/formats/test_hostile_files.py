"""Whatever bytes come in, the answer is a notice or a refusal with its reason: never a stack trace, never a hang."""

import json
import time
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qms.errors import BadContent
from qms.formats import words
from qms.formats.notice import facts, read, to_json
from qms.locale import LANGUAGES, sentence

SAMPLES = Path(__file__).parent / "samples"
CONTENTS = [path.read_bytes() for path in sorted(SAMPLES.glob("*/*")) if path.stat().st_size < 60_000]
CALL = (SAMPLES / "ted-xml-legacy/155912-2021.xml").read_bytes()
TENDER = (SAMPLES / "ocds/ocds-213czf-000-00001-02-tender.json").read_bytes()
LAUGHS = b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'


def zipped(size: int) -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("notice.xml", b" " * size)
    return stream.getvalue()


def codes_of(content: bytes, name: str = "notice.xml") -> set[str]:
    with pytest.raises(BadContent) as refused:
        read(content, name)
    for language in LANGUAGES:
        assert all(sentence(language, problem) for problem in refused.value.problems)
    return {problem.code for problem in refused.value.problems}


HOSTILE = {
    "nothing": (b"", "notice_blank"),
    "blanks": (b" \r\n\t", "notice_blank"),
    "prose": (b"gentile cliente, in allegato l'avviso", "notice_unknown_format"),
    "csv": (b"CIG,CUP\n8414630458,D19E20000110001\n", "notice_unknown_format"),
    "too large": (b"<" + b"a" * (20 * 1024 * 1024), "notice_too_large"),
    "zip": (zipped(1000), "notice_is_archive"),
    "zip bomb": (zipped(100_000_000), "notice_is_archive"),
    "gzip": (b"\x1f\x8b\x08", "notice_is_archive"),
    "pdf": (b"%PDF-1.7", "notice_is_pdf"),
    "signed": (b"0\x82\x1a\x2b", "notice_is_signed"),
    "broken": (CALL[:-40], "notice_not_well_formed"),
    "two roots": (CALL + b"<a/>", "notice_not_well_formed"),
    "laughs": (b"<?xml version='1.0'?>" + LAUGHS + b"<TED_EXPORT>&c;</TED_EXPORT>", "notice_doctype"),
    "laughs in UTF-16": ((LAUGHS + b"<TED_EXPORT>&c;</TED_EXPORT>").decode().encode("utf-16"), "notice_doctype"),
    "entity outside": (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><TED_EXPORT/>', "notice_doctype"),
    "doctype after a comment": (b"<!-- " + b"x" * 100_000 + b" -->" + LAUGHS + b"<a/>", "notice_doctype"),
    "unknown entity": (b"<TED_EXPORT>&prezzo;</TED_EXPORT>", "notice_not_well_formed"),
    "wrong bytes": (b"<?xml version='1.0' encoding='UTF-8'?><TED_EXPORT>\xff\xfe</TED_EXPORT>", "notice_wrong_encoding"),
    "no such encoding": (b"<?xml version='1.0' encoding='klingon'?><TED_EXPORT/>", "notice_wrong_encoding"),
    "deep xml": (b"<a>" * 5000 + b"</a>" * 5000, "notice_too_deep"),
    "other xml": (b"<Invoice/>", "notice_unknown_root"),
    "html": (b"<html><body>avviso</body></html>", "notice_unknown_root"),
    "no form": (b"<TED_EXPORT DOC_ID='1-2020'><TD_DOCUMENT_TYPE CODE='3'/></TED_EXPORT>", "notice_form_missing"),
    "prior information": (CALL.replace(b'TD_DOCUMENT_TYPE CODE="3"', b'TD_DOCUMENT_TYPE CODE="0"'), "notice_type_out_of_scope"),
    "deep json": (b"[" * 100_000, "notice_too_deep"),
    "deep but closed json": (b"[" * 500 + b"]" * 500, "notice_too_deep"),
    "huge number": (b'{"ocid":"a","tag":["tender"],"n":' + b"9" * 5000 + b"}", "notice_huge_number"),
    "huge exponent": (b'{"bando":{"IMPORTO_LOTTO":1e' + b"9" * 50 + b"}}", "notice_huge_number"),
    "not a number": (b'{"bando":{"IMPORTO_LOTTO":NaN}}', "notice_not_a_number"),
    "key twice": (b'{"bando":{"CIG":"a","CIG":"b"}}', "notice_key_twice"),
    "half a character": (b'{"bando":{"CIG":"\\ud800"}}', "notice_wrong_encoding"),
    "broken json": (TENDER[:-10], "notice_not_well_formed"),
    "latin-1 json": ('{"bando":{"OGGETTO_GARA":"attività"}}'.encode("latin-1"), "notice_wrong_encoding"),
    "other json": (b'{"a": 1}', "notice_unknown_format"),
    "empty list": (b"[]", "notice_unknown_format"),
    "planning only": (b'{"releases":[{"ocid":"a","id":"1","tag":["planning"]}]}', "notice_release_out_of_scope"),
    "no release": (b'{"releases":[]}', "notice_unknown_format"),
    "too many lots": (CALL.replace(b"</OBJECT_CONTRACT>", b"<OBJECT_DESCR/>" * 6000 + b"</OBJECT_CONTRACT>"), "notice_too_many_lots"),
    "too many awards": (
        CALL.replace(b"</COMPLEMENTARY_INFO>", b"</COMPLEMENTARY_INFO>" + b"<AWARD_CONTRACT/>" * 6000),
        "notice_too_many_lots",
    ),
    "too many records": (b"[" + b",".join([b'{"bando":{}}'] * 2001) + b"]", "notice_too_many_records"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_with_its_reason_and_in_time(name: str) -> None:
    content, code = HOSTILE[name]
    started = time.monotonic()
    assert codes_of(content) == {code}
    assert time.monotonic() - started < 10


def test_a_form_type_out_of_scope_is_named() -> None:
    content = (SAMPLES / "eforms/cn_24_minimal.xml").read_bytes()
    planning = content.replace(b'listName="competition">cn-standard', b'listName="planning">pin-only')
    with pytest.raises(BadContent) as refused:
        read(planning, "../../etc/passwd")
    (problem,) = refused.value.problems
    assert (problem.path, problem.code, problem.values["found"]) == ("passwd", "notice_type_out_of_scope", "planning pin-only")
    assert "planning pin-only" in sentence("it", problem)


def test_hostile_text_in_a_notice_stays_text() -> None:
    title = "<b>{x}</b> =HYPERLINK(1) \u202egnp.exe \x85 {{7*7}}"
    release = {"ocid": "a", "id": "1", "tag": ["tender"], "tender": {"title": title, "documents": [{"url": "javascript:alert(1)"}]}}
    (notice,) = read(json.dumps(release).encode(), "a.json").records
    assert notice.title == "<b>{x}</b> =HYPERLINK(1) gnp.exe {{7*7}}"
    assert notice.documents_url is None


def test_many_lots_do_not_make_it_slow() -> None:
    lot = '<OBJECT_DESCR ITEM="{0}"><TITLE><P>CIG: 8414630459</P></TITLE><LOT_NO>{0}</LOT_NO></OBJECT_DESCR>'
    body = "".join(lot.format(number) for number in range(3000))
    content = CALL.replace(b"</OBJECT_CONTRACT>", body.encode() + b"</OBJECT_CONTRACT>")
    started = time.monotonic()
    (notice,) = read(content, "many.xml").records
    assert len(notice.doubts) < 600
    assert time.monotonic() - started < 20


def settled(content: bytes) -> None:
    """Read bytes to the end: every value, every sentence."""
    try:
        file = read(content, "fuzz")
    except BadContent as refused:
        assert refused.problems
        return
    json.dumps(to_json(file)).encode()
    for notice in file.records:
        json.dumps(facts(notice))
        for language in LANGUAGES:
            assert all(words.of_doubt(language, doubt) for doubt in notice.doubts)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A sample with pieces cut out, doubled, swapped or overwritten."""
    content = draw(st.sampled_from(CONTENTS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = draw(st.integers(start, min(len(content), start + draw(st.sampled_from((1, 8, 200))))))
        piece = draw(st.one_of(st.binary(max_size=8), st.just(b""), st.just(content[start:end] * 2), st.sampled_from(PIECES)))
        content = content[:start] + piece + content[end:]
    return content


PIECES = (
    b"<",
    b">",
    b'"',
    b"&amp;",
    b"]]>",
    b"{}",
    b"[]",
    b"null",
    b"0",
    b"-1",
    b"9" * 30,
    b"1e30",
    b"2026-03-29",
    b"02:30",
    b"24:00",
    b"CIG: ",
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(mutated())
def test_a_damaged_sample_gives_a_notice_or_a_refusal(content: bytes) -> None:
    settled(content)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def rearranged(draw: st.DrawFn) -> bytes:
    """A JSON sample in which some values are of any other shape."""
    value = json.loads(draw(st.sampled_from([content for content in CONTENTS if content.lstrip()[:1] == b"{"])))
    for _ in range(draw(st.integers(1, 3))):
        node = value
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            inner = node[key]
            if not isinstance(inner, dict | list) or draw(st.integers(0, 3)) == 0:
                node[key] = draw(JSON)
                break
            node = inner
    return json.dumps(value).encode()


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(rearranged())
def test_a_json_sample_with_values_of_any_shape_gives_a_notice_or_a_refusal(content: bytes) -> None:
    settled(content)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_give_a_notice_or_a_refusal(content: bytes) -> None:
    settled(content)
