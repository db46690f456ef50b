"""``qms import notice``: read without opening, open once, link or keep, and refuse what is no notice."""

from pathlib import Path

import pytest

from tests.cli.conftest import AsPerson, Qms

SAMPLES = Path(__file__).parents[1] / "formats/samples"
CALL = SAMPLES / "eforms/cn_24_minimal.xml"
AWARD = SAMPLES / "ted-xml-legacy/334744-2021.xml"


def test_a_dry_run_prints_field_by_field_and_needs_no_workspace(qms: Qms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer = qms("import", "notice", str(AWARD), "--dry-run", "--json")
    assert answer.code == 0
    (record,) = answer.json["records"]
    assert answer.json["taken"] is None
    assert record["facts"]["value"] == "2070440.00"
    assert record["facts"]["published_on"] == "2021-07-02"
    assert record["facts"]["cig"] == "8414630458"
    assert "Comune di Conegliano" in qms("import", "notice", str(AWARD), "--dry-run").out


def test_a_call_opens_one_case_and_the_same_file_twice_changes_nothing(as_person: AsPerson) -> None:
    tenders = as_person("tenders")
    first = tenders("import", "notice", str(CALL), "--json")
    assert first.code == 0, first.out
    assert first.json["taken"][0]["status"] == "opened"
    second = tenders("import", "notice", str(CALL), "--json")
    assert not second.json["taken"][0]["is_new"]
    assert len(tenders("case", "list", "--json").json["cases"]) == 1


def test_an_award_without_its_call_is_kept_and_says_so(as_person: AsPerson) -> None:
    answer = as_person("tenders")("import", "notice", str(AWARD))
    assert answer.code == 0
    assert "kept, with no case to link it to" in answer.out


def test_what_is_doubtful_is_said(qms: Qms) -> None:
    answer = qms("import", "notice", str(SAMPLES / "eforms/can_25_ITA.xml"), "--dry-run", "--json")
    doubts = answer.json["records"][0]["doubts"]
    assert "code_invalid" in {doubt["code"] for doubt in doubts}
    assert all(doubt["sentence"] for doubt in doubts)


def test_a_file_with_many_notices_asks_which(as_person: AsPerson, qms: Qms) -> None:
    many = SAMPLES / "anac/anac-cig-messina-minimised.json"
    count = len(qms("import", "notice", str(many), "--dry-run", "--json").json["records"])
    assert count > 1
    tenders = as_person("tenders")
    assert tenders("import", "notice", str(many), "--json").codes == ["CHOICE_REQUIRED"]
    assert tenders("import", "notice", str(many), "--choose", str(count + 1), "--json").codes == ["CHOICE_INVALID"]
    taken = tenders("import", "notice", str(many), "--choose", "1", "--json")
    assert taken.code == 0, taken.out
    assert len(taken.json["taken"]) == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"<a/>", b"{}", b"\x00" * 50, b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'],
)
def test_what_is_no_notice_is_refused_with_the_reason(qms: Qms, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file.xml").write_bytes(content)
    answer = qms("import", "notice", str(tmp_path / "file.xml"), "--dry-run", "--json")
    assert answer.code == 6
    assert answer.json["error"]["problems"][0]["sentence"]
    assert "root:" not in answer.out


def test_who_may_open_no_tender_is_refused(as_person: AsPerson) -> None:
    assert as_person("learner")("import", "notice", str(CALL)).code == 3
    assert as_person("kennel")("import", "notice", str(CALL)).code == 3


def test_a_file_that_is_not_there_is_not_found(qms: Qms) -> None:
    assert qms("import", "notice", "/nowhere.xml", "--dry-run").code == 4
