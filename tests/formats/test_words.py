"""Every code of this room has its sentence in both languages."""

import re
from pathlib import Path

import pytest

import qms.formats
from qms.formats import amounts, moments, words
from qms.formats.identifiers import KINDS, check
from qms.formats.notice import facts, read
from qms.formats.values import BadValue
from qms.locale import LANGUAGES, catalogue, knows

SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in sorted(Path(qms.formats.__file__).parent.glob("*.py")))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_in_the_source_has_its_sentence(language: str) -> None:
    doubts = set(re.findall(r'[dD]oubt\(\s*"([a-z_0-9]+)"', SOURCE))
    values = set(re.findall(r'BadValue\(\s*"([a-z_]+)"', SOURCE))
    skipped = set(re.findall(r'Skipped\([^"]*"(notice_[a-z_]+)"', SOURCE))
    assert len(skipped) == 3
    assert not any("{" in str(catalogue(language)[f"problem.{code}"]) for code in skipped)
    refusals = set(re.findall(r'refuse\([a-z]+, "(notice_[a-z_]+)"', SOURCE)) | set(re.findall(r': "(notice_is_[a-z]+)"', SOURCE))
    assert len(doubts) > 20
    assert len(values) > 5
    assert len(refusals) > 10
    keys = {f"formats.doubt.{code}" for code in doubts | (values - {"moment_without_time"})}
    keys |= {f"formats.value.{code}" for code in values} | {f"problem.{code}" for code in refusals}
    keys |= {f"formats.identifier_kind.{kind}" for kind in KINDS}
    assert not {key for key in keys if not knows(language, key)}


def test_both_languages_have_the_same_keys_and_values() -> None:
    italian, english = (
        {key: message for key, message in catalogue(language).items() if key.startswith(("formats.", "problem.notice_"))}
        for language in LANGUAGES
    )
    assert italian.keys() == english.keys()
    for key, message in italian.items():
        assert set(re.findall(r"\{(\w+)", str(message))) == set(re.findall(r"\{(\w+)", str(english[key]))), key


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("raw", ["", "CIG 8414630458", "8414630459", "841463O458", "D19E20000110001", "IN ATTESA", "0000000000", "x" * 200])
def test_a_finding_speaks_in_a_sentence(language: str, raw: str) -> None:
    for kind in KINDS:
        assert words.of_finding(language, check(kind, raw))


def test_an_ambiguous_amount_is_asked_about_with_both_readings() -> None:
    with pytest.raises(BadValue) as refused:
        amounts.parse("€ 1.234")
    assert "1234,00" in words.of_value("it", refused.value)
    assert "1.234" in words.of_value("en", refused.value)
    with pytest.raises(BadValue) as refused:
        moments.parse("2026-03-29 02:30")
    assert "ora legale" in words.of_value("it", refused.value)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fact_that_comes_out_of_a_notice_has_a_name(language: str) -> None:
    for file in ("ted-xml-legacy/565500-2020.xml", "eforms/cn_24_open_accel.xml", "anac/anac-cig-messina-minimised.json"):
        content = (Path(__file__).parent / "samples" / file).read_bytes()
        for notice in read(content, file).records:
            found = facts(notice)
            lots = found["lots"]
            assert isinstance(lots, list)
            names = found.keys() | {name for lot in lots for name in lot}
            assert not {name for name in names if not knows(language, f"formats.field.{name}")}
