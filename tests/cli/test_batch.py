"""``qms case steps``: a table of steps is looked at first, taken row by row, and never twice."""

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from qms.desk import batch
from qms.errors import BadContent
from qms.formats.rows import MOST_ROWS
from qms.records import trail
from qms.workflows import case
from tests.cli.conftest import Answer, AsPerson
from tests.cli.test_cases import REPORT
from tests.house import House, key

CONTAINED = {
    "containment": "Sacchi messi da parte e segnati.",
    "affected_scope": "Tre sacchi; nessun animale ne ha mangiato.",
    "persons_informed": "Responsabile del canile e veterinario.",
}
TREATED = {
    "containment": "Sacchi messi da parte.",
    "affected_scope": "Tre sacchi; nessun animale ne ha mangiato.",
    "impact": "2",
    "extent": "1",
    "cause_code": "METHOD",
    "output_disposition": "CORRECT",
    "correction": "Sostituiti i sacchi con altri in corso di validità.",
}
TREATING = ["number", "step", *TREATED, "CORRECTION_EVIDENCE"]
CLASSIFIED = {
    "process": "CONTRACTS",
    "nc_source": "SERVICE_CHECK",
    "clause": "Capitolato, art. 7",
    "impact": "2",
    "extent": "1",
    "severity": "MINOR",
    "cause_code": "METHOD",
    "similar_search": "Nessun caso simile negli ultimi dodici mesi.",
    "output_disposition": "CORRECT",
}
HEAD = ["number", "step", *CONTAINED, "comment", "happened_at"]


def opened(house: House, count: int) -> list[str]:
    with house.app.writing() as tx:
        who = house.actor("tenders")
        found = [case.open_case(tx, house.app.engine, "nonconformity", who, fields=REPORT, key=key()) for _ in range(count)]
    return [str(receipt.case) for receipt in found]


def row(number: str, step: str = "contain", **cells: str) -> dict[str, str]:
    return {"number": number, "step": step, **CONTAINED, **cells}


def table(path: Path, rows: list[dict[str, str]], head: list[str] | None = None, delimiter: str = ",", start: str = "") -> Path:
    made = io.StringIO(newline="")
    writer = csv.DictWriter(made, head or HEAD, delimiter=delimiter, restval="")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(start + made.getvalue(), encoding="utf-8", newline="")
    return path


def state_of(house: House) -> tuple[int, list[str]]:
    """What there is: the length of the trail and every file kept as evidence."""
    with house.app.reading() as connection:
        size = trail.size(connection)
    return size, sorted(path.name for path in house.app.settings.evidence.rglob("*") if path.is_file())


def outcomes(answer: Answer) -> list[str]:
    return [one["outcome"] for one in answer.json["rows"]]


def codes(answer: Answer) -> list[list[str]]:
    return [[reason["code"] for reason in one["reasons"]] for one in answer.json["rows"]]


def shown(house: House, number: str) -> Mapping[str, Any]:
    with house.app.reading() as connection:
        return case.show(connection, house.app.engine, number, house.actor("quality")).fields


@pytest.fixture
def mixed(house: House, tmp_path: Path) -> Path:
    """A table with rows that pass, one that follows another on the same case, and each kind of row that does not."""
    first, second, third = opened(house, 3)
    (tmp_path / "foto.pdf").write_bytes(b"%PDF-1.7 foto")
    (tmp_path / "foto.exe").write_bytes(b"MZ")
    rows = [
        row(first, happened_at="02/03/2026 09:00"),
        {"number": first, "step": "classify", **CLASSIFIED, "comment": "Dopo un secondo controllo."},
        row(second, containment=""),
        row("NC-2026-9999"),
        row(second, "fly"),
        row(second, happened_at="ieri", REPORT_EVIDENCE="foto.exe"),
        row(third, REPORT_EVIDENCE="foto.pdf"),
        row(third, recorded="x"),
    ]
    return table(tmp_path / "passaggi.csv", rows, [*HEAD, *CLASSIFIED, "REPORT_EVIDENCE", "recorded"])


EXPECTED: list[list[str]] = [
    [],
    [],
    ["FIELD_REQUIRED:containment"],
    ["NOT_FOUND:case"],
    ["NOT_FOUND:step"],
    ["EVIDENCE_TYPE", "FIELD_INVALID:happened_at"],
    ["EVIDENCE_UNKNOWN:REPORT_EVIDENCE"],
    ["FIELD_UNKNOWN:recorded"],
]


def test_looking_first_says_what_taking_then_does_and_records_nothing(house: House, as_person: AsPerson, mixed: Path) -> None:
    quality, before = as_person("quality"), state_of(house)
    seen = quality("case", "steps", str(mixed), "--dry-run", "--json")
    assert state_of(house) == before
    assert (seen.code, codes(seen)) == (1, EXPECTED), seen.out
    done = quality("case", "steps", str(mixed), "--json")
    assert done.code == 1
    assert state_of(house)[0] == before[0] + 2
    without_place = [[{**one, "position": None} for one in answer.json["rows"]] for answer in (seen, done)]
    assert without_place[0] == without_place[1]
    assert [one["line"] for one in done.json["rows"]] == list(range(2, 10))


def test_the_same_file_again_records_nothing_twice(house: House, as_person: AsPerson, mixed: Path) -> None:
    quality = as_person("quality")
    first = quality("case", "steps", str(mixed), "--json").json["rows"]
    before = state_of(house)
    for words in ((), ("--dry-run",)):
        again = quality("case", "steps", str(mixed), *words, "--json")
        assert outcomes(again)[:2] == ["repeated", "repeated"]
        assert [one["position"] for one in again.json["rows"][:2]] == [one["position"] for one in first[:2]]
    assert state_of(house)[0] == before[0]


def test_a_run_that_was_cut_goes_on_where_it_ended(house: House, as_person: AsPerson, tmp_path: Path) -> None:
    file = table(tmp_path / "passaggi.csv", [row(number) for number in opened(house, 4)])
    before = state_of(house)[0]
    cut = taking(house, file)
    assert [next(cut).word, next(cut).word] == ["taken", "taken"]
    cut.close()
    assert state_of(house)[0] == before + 2
    quality = as_person("quality")
    before = state_of(house)[0]
    rest = quality("case", "steps", str(file), "--json")
    assert (rest.code, outcomes(rest)) == (0, ["repeated", "repeated", "taken", "taken"])
    assert state_of(house)[0] == before + 2


def taking(house: House, file: Path) -> Any:
    app = house.app
    at_work = batch.House(app.database, app.settings, app.engine, house.actor("quality"), lambda name: io.BytesIO(b""))
    taken: Iterator[batch.Outcome] = batch.take(at_work, batch.read(file.read_bytes(), file.name, "en"))
    return taken


def test_a_row_whose_attachment_changed_is_refused_as_another_act(house: House, as_person: AsPerson, tmp_path: Path) -> None:
    (number,) = opened(house, 1)
    (tmp_path / "foto.pdf").write_bytes(b"%PDF-1.7 una")
    file = table(tmp_path / "passaggi.csv", [{"number": number, "step": "treat", **TREATED, "CORRECTION_EVIDENCE": "foto.pdf"}], TREATING)
    verifier = as_person("tenders")
    assert outcomes(verifier("case", "steps", str(file), "--json")) == ["taken"]
    (tmp_path / "foto.pdf").write_bytes(b"%PDF-1.7 altra")
    assert codes(verifier("case", "steps", str(file), "--json")) == [["KEY_REUSED"]]


@pytest.mark.parametrize(("delimiter", "start"), [(";", "\ufeff"), (",", "\ufeff"), ("\t", ""), (";", "")])
def test_tables_are_read_as_spreadsheets_write_them(house: House, as_person: AsPerson, tmp_path: Path, delimiter: str, start: str) -> None:
    (number,) = opened(house, 1)
    said = 'Primo: "da parte";\nsecondo, segnati.'
    file = table(tmp_path / "passaggi.csv", [row(number, containment=said), {}, {}], delimiter=delimiter, start=start)
    for language in ("it", "en"):
        answer = as_person("quality")("case", "steps", str(file), "--json", "--language", language)
        assert answer.code == 0, answer.out
    assert shown(house, number)["containment"] == said


def test_a_line_is_where_its_row_begins(house: House, as_person: AsPerson, tmp_path: Path) -> None:
    (number,) = opened(house, 1)
    rows = [row(number, containment="Su due\nrighe, anzi\ntre."), row("NC-2026-9999"), row("NC-2026-9998")]
    answer = as_person("quality")("case", "steps", str(table(tmp_path / "passaggi.csv", rows)), "--dry-run")
    assert answer.code == 1
    assert [line.split()[:2] for line in answer.out.splitlines() if "NC-2026-999" in line and "•" not in line] == [
        ["5", "NC-2026-9999"],
        ["6", "NC-2026-9998"],
    ]
    assert "[NOT_FOUND:case]" in answer.out
    assert "Nothing was recorded" in answer.out


def test_a_case_of_another_organisation_is_as_if_it_were_not_there(house: House, as_person: AsPerson, tmp_path: Path) -> None:
    file = table(tmp_path / "passaggi.csv", [row(opened(house, 1)[0]), row("NC-2026-9999")])
    for words in ((), ("--dry-run",)):
        assert codes(as_person("kennel")("case", "steps", str(file), *words, "--json")) == [["NOT_FOUND:case"]] * 2


def test_who_may_not_is_refused_and_tried_on_the_trail_but_not_when_only_looking(house: House, as_person: AsPerson, tmp_path: Path) -> None:
    file = table(tmp_path / "passaggi.csv", [row(opened(house, 1)[0])])
    auditor = as_person("auditor")
    before = state_of(house)[0]
    assert codes(auditor("case", "steps", str(file), "--dry-run", "--json"))[0][0].startswith("ROLE:")
    assert state_of(house)[0] == before
    assert codes(auditor("case", "steps", str(file), "--json"))[0][0].startswith("ROLE:")
    assert state_of(house)[0] == before + 1


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("numero,passaggio\nNC-2026-0001,contain\n", [(1, "rows_head_missing"), (1, "rows_head_missing")]),
        ("number,step,step,due date\nNC-2026-0001,contain\n", [(1, "rows_head_name"), (1, "rows_head_twice"), (2, "rows_cells")]),
        ("number,step\nNC-2026-0001,contain,x\n\nNC-2026-0001\n", [(2, "rows_cells"), (4, "rows_cells")]),
        ('number,step\nNC-2026-0001,"contain\n', [(2, "rows_quotes")]),
        ('number,step\nNC-2026-0001,"contain"x\n', [(2, "rows_quotes")]),
        ("number,step\n", [(0, "rows_none")]),
        ("", [(0, "rows_none"), (1, "rows_head_missing"), (1, "rows_head_missing")]),
        ("number,step\nNC-2026-0001,è\n".encode("cp1252"), [(2, "rows_not_utf8")]),
        ("number,step\n".encode("utf-16"), [(1, "rows_not_utf8")]),
        ("number,step\n" + "a,b\n" * (MOST_ROWS + 1), [(MOST_ROWS + 2, "rows_too_many")]),
        ("number,step" + ",x" * 300 + "\n" + "a,b" + ",c" * 300, [(1, "rows_head_wide")]),
        ("number,step,x\na,b," + "x" * 200_000, [(2, "rows_quotes")]),
        (b"x" * (2 * 1024 * 1024 + 1), [(0, "rows_too_large")]),
    ],
)
def test_a_table_that_is_none_is_refused_with_all_that_is_wrong(text: str | bytes, problems: list[tuple[int, str]]) -> None:
    content = text.encode() if isinstance(text, str) else text
    with pytest.raises(BadContent) as refused:
        batch.read(content, "passaggi.csv", "it")
    assert sorted((one.line, one.code) for one in refused.value.problems) == problems


def test_a_spoilt_table_is_exit_code_6_with_file_and_line(as_person: AsPerson, tmp_path: Path) -> None:
    (tmp_path / "passaggi.csv").write_text("number;passo\nNC-2026-0001;contain;x\n", encoding="utf-8")
    answer = as_person("quality")("case", "steps", str(tmp_path / "passaggi.csv"), "--language", "it")
    assert answer.code == 6
    assert "passaggi.csv:1: Nell'intestazione manca la colonna «step»." in answer.err
    assert as_person("quality")("case", "steps", str(tmp_path / "nessuno.csv")).code == 4


def test_an_attachment_comes_from_beside_the_table_and_from_nowhere_else(house: House, as_person: AsPerson, tmp_path: Path) -> None:
    (number,) = opened(house, 1)
    folder = tmp_path / "cartella"
    (folder / "prove").mkdir(parents=True)
    (tmp_path / "fuori.pdf").write_bytes(b"%PDF-1.7 di altri")
    (folder / "prove" / "foto.pdf").write_bytes(b"%PDF-1.7 foto")
    (folder / "rimando.pdf").symlink_to(tmp_path / "fuori.pdf")
    names = ["../fuori.pdf", str(tmp_path / "fuori.pdf"), "rimando.pdf", "prove", "manca.pdf", "a\0b.pdf", "prove/foto.pdf"]
    rows = [{"number": number, "step": "treat", **TREATED, "CORRECTION_EVIDENCE": name} for name in names]
    before = state_of(house)[1]
    answer = as_person("tenders")("case", "steps", str(table(folder / "passaggi.csv", rows, TREATING)), "--json")
    assert codes(answer) == [["BATCH:file"]] * 6 + [[]], answer.out
    assert len(state_of(house)[1]) == len(before) + 1


def test_what_is_signed_or_concerns_a_text_is_taken_one_by_one(house: House, as_person: AsPerson, tmp_path: Path) -> None:
    proposed = as_person("quality")("document", "withdraw", "PRO-8.7-01", "--reason", "Non serve più a nessuno.", "--json").json
    rows = [row(proposed["case"], step) for step in ("sign_proposed_withdrawal", "give_up")]
    file = table(tmp_path / "passaggi.csv", rows)
    for words in ((), ("--dry-run",)):
        answer = as_person("quality_too")("case", "steps", str(file), *words, "--json")
        assert codes(answer) == [["BATCH:signed"], ["BATCH:text"]]


def test_a_hostile_cell_is_shown_as_text(as_person: AsPerson, tmp_path: Path) -> None:
    file = table(tmp_path / "passaggi.csv", [row("=cmd|' /C calc'!A0\x1b[2J\u202e", "[bold]x[/bold]"), row("x" * 5_000)])
    answer = as_person("quality")("case", "steps", str(file), "--dry-run")
    assert answer.code == 1
    assert "\x1b" not in answer.out
    assert "\u202e" not in answer.out
    assert "[bold]x[/bold]" in answer.out
    assert "x" * 100 not in answer.out
