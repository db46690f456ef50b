"""``qms case``: the same verb as page and API, with its receipt, its refusals and its exit codes."""

import json
from pathlib import Path
from typing import Any

import pytest

from qms.cli.inputs import fields
from tests.cli.conftest import Answer, AsPerson, Qms
from tests.house import House

REPORT = {
    "title": "Cibo scaduto nel magazzino del canile",
    "description": "Trovati tre sacchi di crocchette oltre la data di scadenza durante il controllo settimanale.",
    "process": "CONTRACTS",
    "nc_source": "SERVICE_CHECK",
}


def options(case_fields: dict[str, Any]) -> list[str]:
    return [word for name, value in case_fields.items() for word in ("--field", f"{name}={value}")]


def report(qms: Qms, *more: str) -> Answer:
    return qms("case", "open", "nonconformity", *options(REPORT), *more, "--json")


def test_a_case_is_opened_shown_and_listed(as_person: AsPerson) -> None:
    tenders = as_person("tenders")
    opened = report(tenders)
    assert opened.code == 0, opened.out
    assert opened.json["case"] == "NC-2026-0001"
    assert opened.json["at"] == "2026-03-02T08:00:00.000Z"
    shown = tenders("case", "show", "NC-2026-0001", "--json").json
    assert shown["fields"]["title"] == REPORT["title"]
    assert shown["version"] == opened.json["version"]
    assert [row["number"] for row in tenders("case", "list", "--json").json["cases"]] == ["NC-2026-0001"]
    assert REPORT["title"] in tenders("case", "list").out


def test_everything_missing_is_said_at_once_in_the_readers_language(as_person: AsPerson) -> None:
    answer = as_person("tenders")("case", "open", "nonconformity", "--field", "process=NOWHERE", "--json")
    assert answer.code == 3
    assert {"FIELD_REQUIRED:title", "FIELD_REQUIRED:description", "FIELD_REQUIRED:nc_source", "FIELD_INVALID:process"} <= set(answer.codes)
    spoken = as_person("tenders")("case", "open", "nonconformity", "--language", "it")
    assert spoken.code == 3
    assert spoken.err.startswith("Rifiutato, per ")


def test_a_step_moves_the_case_and_gives_its_receipt(as_person: AsPerson) -> None:
    report(as_person("tenders"))
    fields = {"containment": "Sacchi messi da parte e segnati.", "affected_scope": "Tre sacchi, nessun animale ne ha mangiato."}
    fields["persons_informed"] = "Responsabile del canile e veterinario."
    taken = as_person("tenders")("case", "step", "NC-2026-0001", "contain", *options(fields), "--json")
    assert taken.code == 0, taken.out
    assert taken.json["version"] == 2
    assert taken.json["position"] > 0
    assert len(taken.json["leaf"]) == 64


def test_a_stale_version_is_exit_code_5(as_person: AsPerson) -> None:
    report(as_person("tenders"))
    answer = as_person("tenders")("case", "step", "NC-2026-0001", "contain", "--version", "7", "--json")
    assert answer.code == 5
    assert "STALE" in answer.codes


def test_the_same_act_sent_twice_is_recorded_once(as_person: AsPerson) -> None:
    tenders = as_person("tenders")
    first, second = (report(tenders, "--key", "once") for _ in range(2))
    assert first.json["position"] == second.json["position"]
    assert second.json["repeated"]
    assert len(tenders("case", "list", "--json").json["cases"]) == 1


def test_a_step_sent_twice_under_one_key_is_recorded_once(as_person: AsPerson) -> None:
    tenders = as_person("tenders")
    report(tenders)
    fields = {"containment": "Sacchi messi da parte e segnati.", "affected_scope": "Tre sacchi.", "persons_informed": "Il veterinario."}
    words = ("case", "step", "NC-2026-0001", "contain", *options(fields), "--key", "once", "--json")
    first, second = tenders(*words), tenders(*words)
    assert (first.code, second.code) == (0, 0), second.out
    assert second.json["repeated"]
    assert first.json["position"] == second.json["position"]


def test_what_one_may_not_see_is_not_found(as_person: AsPerson) -> None:
    report(as_person("tenders"))
    for name in ("kennel", "learner"):
        answer = as_person(name)("case", "show", "NC-2026-0001", "--json")
        assert answer.code == 4
        assert answer.json["error"]["kind"] == "not_found"


def test_an_auditor_reads_and_takes_no_step(as_person: AsPerson) -> None:
    report(as_person("tenders"))
    auditor = as_person("auditor")
    assert auditor("case", "show", "NC-2026-0001").code == 0
    assert auditor("case", "step", "NC-2026-0001", "contain").code == 3


def test_a_step_or_workflow_that_does_not_exist_is_not_found(as_person: AsPerson) -> None:
    report(as_person("tenders"))
    assert as_person("tenders")("case", "step", "NC-2026-0001", "fly").code == 4
    assert as_person("tenders")("case", "open", "fly").code == 4
    assert as_person("tenders")("case", "show", "NC-2026-9999").code == 4


def test_fields_may_come_from_a_json_file_and_a_word_on_the_line_wins(as_person: AsPerson, tmp_path: Path) -> None:
    (tmp_path / "fields.json").write_text(json.dumps(REPORT))
    (tmp_path / "long.txt").write_text("Un testo lungo, preso da un file:\ncon due righe.")
    tenders = as_person("tenders")
    words = ("--fields", str(tmp_path / "fields.json"), "--field", "title=Altro titolo", "--field", f"description=@{tmp_path}/long.txt")
    assert tenders("case", "open", "nonconformity", *words).code == 0
    shown = tenders("case", "show", "NC-2026-0001", "--json").json
    assert shown["fields"]["title"] == "Altro titolo"
    assert "due righe" in shown["fields"]["description"]


def test_evidence_is_kept_with_the_case(as_person: AsPerson, tmp_path: Path) -> None:
    (tmp_path / "foto.pdf").write_bytes(b"%PDF-1.7 foto")
    tenders = as_person("tenders")
    opened = report(tenders, "--evidence", f"REPORT_EVIDENCE={tmp_path}/foto.pdf")
    assert opened.code == 0, opened.out
    assert [item["name"] for item in tenders("case", "show", "NC-2026-0001", "--json").json["evidence"]] == ["foto.pdf"]


def test_what_happened_stands_beside_what_was_recorded(as_person: AsPerson, house: House) -> None:
    tenders = as_person("tenders")
    report(tenders, "--happened-at", "27/02/2026 17:30")
    assert tenders("case", "show", "NC-2026-0001", "--json").json["opened_at"] == "2026-02-27T16:30:00.000Z"


@pytest.mark.parametrize(
    ("written", "code"),
    [("29/03/2026 02:30", "FIELD_INVALID:happened_at"), ("ieri", "FIELD_INVALID:happened_at"), ("2030-01-01 10:00", "HAPPENED:future")],
)
def test_a_moment_that_cannot_be_is_refused(as_person: AsPerson, written: str, code: str) -> None:
    assert code in report(as_person("tenders"), "--happened-at", written).codes


@pytest.mark.parametrize(
    "words", [["--field", "title"], ["--evidence", "x"], ["--fields", "/nowhere.json"], ["--evidence", "A=/nowhere.pdf"]]
)
def test_input_that_cannot_be_read_is_named(as_person: AsPerson, words: list[str]) -> None:
    answer = as_person("tenders")("case", "open", "nonconformity", *words)
    assert answer.code in (2, 4)
    assert answer.err


def test_a_list_goes_on_where_it_ended(as_person: AsPerson, house: House) -> None:
    tenders = as_person("tenders")
    for _ in range(3):
        house.clock.pass_(minutes=1)
        assert report(tenders).code == 0
    first = tenders("case", "list", "--limit", "2", "--json").json
    rest = tenders("case", "list", "--limit", "2", "--before", first["before"], "--json").json
    assert [row["number"] for row in (*first["cases"], *rest["cases"])] == ["NC-2026-0003", "NC-2026-0002", "NC-2026-0001"]
    assert rest["before"] is None


def test_a_tables_cells_are_typed_by_their_place() -> None:
    typed = ["title=Gara", "lots.0.cig=A1B2C3D4E5", "lots.0.amount=1.000,00", "lots.1.cig=B1B2C3D4E5", "tags=a", "tags=b"]
    assert fields(typed, None) == {
        "title": "Gara",
        "lots": [{"cig": "A1B2C3D4E5", "amount": "1.000,00"}, {"cig": "B1B2C3D4E5"}],
        "tags": ["a", "b"],
    }
