"""Every code is judged as the table of vectors says; what is one slip away from right is suggested, never put right in silence."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from qms.formats import tables, taxpayers, words
from qms.formats.free_text import find_codes
from qms.formats.identifiers import KINDS, check, normalise
from qms.locale import LANGUAGES

VECTORS = list(csv.DictReader((Path(__file__).parent / "samples" / "identifiers.csv").read_text(encoding="utf-8").splitlines()))


@pytest.mark.parametrize("row", VECTORS, ids=lambda row: f"{row['kind']}:{row['value']}")
def test_every_row_of_the_vectors_gives_its_verdict(row: dict[str, str]) -> None:
    finding = check(row["kind"], row["value"])
    assert finding.verdict == row["expected"]
    assert finding.raw == row["value"]
    assert (finding.normalised is None) == (row["expected"] == "invalid")


@pytest.mark.parametrize(
    ("kind", "raw", "reason", "suggested"),
    [
        ("CIG", "841463O458", "pattern", ["8414630458"]),
        ("CIG", "84I4630458", "pattern", ["8414630458"]),
        ("CIG", "841463045", "length", []),
        ("CIG", "84146304588", "length", []),
        ("CIG", "W12345678A", "pattern", []),
        ("CIG", "B03FC04FFO", "pattern", []),
        ("CIG", "IN CORSO", "placeholder", []),
        ("CIG", "D19E20000110001", "is_a_cup", ["D19E20000110001"]),
        ("CUP", "8414630458", "is_a_cig", ["8414630458"]),
        ("CUP", "D19E2000011O001", "pattern", ["D19E20000110001"]),
        ("CPV", "85312310-4", "wrong_check", ["85312310-5", "85312300-2"]),
        ("CPV", "85312399", "not_in_vocabulary", ["85312300-2"]),
        ("CPV", "45233130.0", "spreadsheet_number", ["45233130-9"]),
        ("CPV", "8531230-0", "pattern", []),
        ("PARTITA_IVA", "1234560462", "length", ["01234560462"]),
        ("PARTITA_IVA", "01234560463", "wrong_check", []),
        ("PARTITA_IVA", "01234561015", "unknown_office", []),
        ("PARTITA_IVA", "ATU12345678", "other_country", []),
        ("PARTITA_IVA", "prot. nr. 55143_2020", "pattern", []),
        ("CODICE_FISCALE", "RSSMRA85M01H501R", "wrong_check", []),
        ("CODICE_FISCALE", "1234560462", "length", ["01234560462"]),
        ("IBAN", "IT60X0542811101000000123457", "wrong_check", []),
        ("IBAN", "IT60", "pattern", []),
        ("ISTAT", "046999", "not_in_table", []),
        ("ISTAT", "Lucca", "pattern", []),
        ("NUTS", "ITX99", "not_in_table", []),
    ],
)
def test_a_wrong_code_says_why_and_what_may_have_been_meant(kind: str, raw: str, reason: str, suggested: list[str]) -> None:
    finding = check(kind, raw)
    assert (finding.verdict, finding.reason) == ("invalid", reason)
    assert [suggestion.value for suggestion in finding.suggestions] == suggested
    assert all(check(suggestion.kind, suggestion.value).is_valid for suggestion in finding.suggestions)
    assert all(words.of_finding(language, finding) for language in LANGUAGES)


@pytest.mark.parametrize(
    ("kind", "raw", "kept"),
    [
        ("CIG", "c.i.g.: 84146 30458", "8414630458"),
        ("CIG", "CIG n. 8414630458", "8414630458"),
        ("CIG", "Z003187AAC", "Z003187AAC"),
        ("CUP", "CUP\u00a0D19E20000110001", "D19E20000110001"),
        ("PARTITA_IVA", "P.IVA 11222820158", "11222820158"),
        ("PARTITA_IVA", "P.IVA: 01341140182", "01341140182"),
        ("PARTITA_IVA", "80004070837", "80004070837"),
        ("CODICE_FISCALE", "C.F./P.IVA 00743110157", "00743110157"),
        ("CODICE_FISCALE", "rssmra85m0mh50ma", "RSSMRA85M0MH50MA"),
        ("CPV", "85210000-3", "85210000-3"),
        ("IBAN", "IT60 X054 2811 1010 0000 0123 456", "IT60X0542811101000000123456"),
        ("IBAN", "DE89370400440532013000", "DE89370400440532013000"),
        ("ISTAT", "046017", "046017"),
        ("ISTAT", "019083048", "083048"),
        ("NUTS", "ITI12", "ITI12"),
        ("NUTS", "ITC4", "ITC4"),
        ("NUTS", "ITC45", "ITC45"),
        ("NUTS", "FRD22", "FRD22"),
    ],
)
def test_a_code_is_brought_to_one_written_form(kind: str, raw: str, kept: str) -> None:
    finding = check(kind, raw)
    assert finding.is_valid
    assert finding.normalised == kept
    assert finding.raw == raw


def test_the_whole_cpv_vocabulary_is_carried_with_its_printed_digits() -> None:
    assert len(tables.cpv_digits()) == 9454
    assert all(check("CPV", f"{code}-{digit}").verdict == "valid" for code, digit in tables.cpv_digits().items())
    assert len(tables.municipalities()) == 33


def first_series(number: int) -> str:
    return f"{number:07d}{number * 211 % 4091:03X}"


def second_series(letter: int, number: int) -> str:
    return f"{chr(ord('A') + letter - 1)}{number:06X}{(number + letter) * 211 % 4091:03X}"


def smart(letter: str, number: int) -> str:
    return f"{letter}{number * 211 % 251:02X}{number:07X}"


CIGS = st.one_of(
    st.builds(first_series, st.integers(1, 9_999_999)),
    st.builds(second_series, st.integers(1, 21), st.integers(1, 0xFFFFFF)),
    st.builds(smart, st.sampled_from("XYZ"), st.integers(1, 0xFFFFFFF)),
)


@given(CIGS)
def test_every_cig_built_by_the_rule_is_valid(cig: str) -> None:
    assert check("CIG", cig).verdict == "valid"
    assert check("CIG", f" cig: {cig.lower()} ").normalised == cig


@given(CIGS, st.data())
def test_a_changed_check_of_a_cig_is_found(cig: str, data: st.DataObject) -> None:
    place = data.draw(st.sampled_from((1, 2) if cig[0] in "XYZ" else (7, 8, 9)))
    other = data.draw(st.sampled_from("0123456789ABCDEF").filter(lambda character: character != cig[place]))
    assert check("CIG", cig[:place] + other + cig[place + 1 :]).reason == "wrong_check"


@given(st.integers(1, 9_999_999), st.integers(1, 100))
def test_a_changed_digit_of_a_vat_number_is_found(number: int, office: int) -> None:
    body = f"{number:07d}{office:03d}"
    right = body + luhn.calc_check_digit(body)
    assert check("PARTITA_IVA", right).verdict == "valid"
    wrong = right[:10] + str((int(right[10]) + 1) % 10)
    assert check("PARTITA_IVA", wrong).reason == "wrong_check"


@given(st.sampled_from(sorted(tables.cpv_digits())), st.integers(1, 9))
def test_a_changed_cpv_digit_is_found_and_the_printed_one_suggested(code: str, step: int) -> None:
    official = tables.cpv_digits()[code]
    finding = check("CPV", f"{code}-{(int(official) + step) % 10}")
    assert finding.reason == "wrong_check"
    assert finding.suggestions[0].value == f"{code}-{official}"


@given(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
def test_only_one_control_letter_fits_a_tax_code(letter: str) -> None:
    body = "RSSMRA85M01H501"
    assert check("CODICE_FISCALE", body + letter).is_valid == (letter == taxpayers.control_letter(body))


@given(st.sampled_from(KINDS), st.text(max_size=120))
def test_normalising_twice_changes_nothing_and_no_text_is_too_strange(kind: str, raw: str) -> None:
    assert normalise(kind, normalise(kind, raw)) == normalise(kind, raw)
    finding = check(kind, raw)
    assert finding.raw == raw
    assert words.of_finding("it", finding)
    if finding.normalised is not None:
        again = check(kind, finding.normalised)
        assert (again.normalised, again.is_valid) == (finding.normalised, True)


def test_codes_are_found_in_running_text() -> None:
    text = (
        "f) il CIG (Codice identificativo di gara) attribuito al presente procedimento dall’ANAC è: 8266589D09; "
        "g) il codice unico di progetto (CUP) attribuito al presente procedimento è: D19E20000110001. Tel. 0680982269."
    )
    assert [(finding.kind, finding.normalised) for finding in find_codes(text)] == [("CIG", "8266589D09"), ("CUP", "D19E20000110001")]


def test_a_wrong_code_behind_its_label_is_reported_and_a_bare_number_is_not() -> None:
    found = find_codes("CIG: 8414630459 — tel. 8414630459, prot. 8414630458")
    assert [(finding.raw, finding.reason) for finding in found if not finding.is_valid] == [("8414630459", "wrong_check")]
    assert find_codes("telefono 8414630458") == ()
    assert find_codes("ai sensi della disciplina CIG in deroga per i lavoratori") == ()
    assert find_codes("CIG esente")[0].reason == "placeholder"


def test_a_cup_behind_the_label_of_a_cig_is_taken_for_what_it_is() -> None:
    assert [(finding.kind, finding.is_valid) for finding in find_codes("CIG D19E20000110001")] == [("CUP", True)]


def test_several_codes_behind_one_label_are_all_found() -> None:
    text = "CIG 84866350C1, 8414630458 e 84866415B3"
    assert [finding.normalised for finding in find_codes(text)] == ["84866350C1", "8414630458", "84866415B3"]
