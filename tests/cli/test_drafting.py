"""``qms workflow new`` and ``import``: by options for scripts, by questions at a terminal, and what a drawing loses is told."""

import io
import shlex
from pathlib import Path

import pytest

from qms.cli import run
from qms.workflows.check import IDENTIFIERS
from qms.workflows.reading import read_definition
from tests.cli.conftest import AsPerson, Qms
from tests.workflows.test_from_bpmn import DRAWN

STATES = ("--state", "Aperto=Open", "--state", "In corso=Under way", "--state", "Chiuso=Closed")
GIVEN = ("--id", "key-loan", "--title-it", "Prestito di chiavi", "--title-en", "Loan of keys", "--prefix", "CHIAVI", "--owner", "QM")
WHOLE = ("workflow", "new", *GIVEN, "--procedure", "PRO-7.1-01", *STATES)


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


def test_a_new_definition_passes_qms_check(qms: Qms, tmp_path: Path) -> None:
    (tmp_path / "workflows").mkdir()
    file = tmp_path / "workflows" / "key-loan.yaml"
    assert qms(*WHOLE, "--file", str(file)).code == 0
    assert qms("check", str(file)).code == 0
    assert qms("workflow", "export", str(file), "--format", "mermaid").out.startswith("stateDiagram-v2")
    again = qms(*WHOLE, "--file", str(file))
    assert (again.code, "is not written over" in again.err) == (2, True)


def test_what_is_missing_is_named_where_nobody_can_be_asked(qms: Qms) -> None:
    answer = qms("workflow", "new", *GIVEN)
    assert answer.code == 2
    assert "--procedure, --state" in answer.err
    half = qms("workflow", "new", "--state", "senza inglese", env={"QMS_LANGUAGE": "it"})
    assert (half.code, "«Titolo italiano=English title», non «senza inglese»" in half.err) == (2, True)


def test_wrong_answers_are_refused_each_with_a_sentence(qms: Qms) -> None:
    answer = qms("workflow", "new", *GIVEN, "--procedure", "boh", "--state", "Uno=One", "--prefix", "x", "--json")
    assert answer.code == 3
    assert answer.codes == ["DRAFT:prefix", "DRAFT:procedure", "DRAFT:states"]
    assert "«boh»" in qms("workflow", "new", *GIVEN, "--procedure", "boh", *STATES, "--language", "it").err


def test_the_roles_of_the_workspace_are_the_ones_that_count(as_person: AsPerson) -> None:
    refused = as_person("quality")(*WHOLE[:-6], *STATES, "--owner", "NOBODY", "--json")
    assert refused.codes == ["DRAFT:role"]
    taken = as_person("quality")(*WHOLE, "--id", "nonconformity", "--json")
    assert taken.codes == ["DRAFT:taken"]


def test_at_a_terminal_one_is_asked_and_asked_again(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    typed = ["key-loan", "Prestito", "Loan", "chiavi", "CHIAVI", "QM", "PRO-7.1-01"]
    typed += ["Aperto", "Open", "", "Aperto", "Open", "In corso", "Under way", "Chiuso", "Closed", ""]
    monkeypatch.setattr("sys.stdin", Terminal("\n".join(typed) + "\n"))
    assert run(["workflow", "new"], {"QMS_LANGUAGE": "it"}) == 0
    printed = capsys.readouterr()
    assert "Il prefisso «chiavi» non va bene" in printed.err
    assert "Gli stati sono 1" in printed.err
    found = read_definition(printed.out.encode(), "d.yaml", IDENTIFIERS)
    assert (found.prefix, list(found.states)) == ("CHIAVI", ["OPEN", "UNDER_WAY", "CLOSED"])


def test_who_stops_answering_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("key-loan\n"))
    assert run(["workflow", "new"], {"QMS_LANGUAGE": "it"}) == 130


def test_a_drawing_becomes_a_draft_and_its_losses_go_beside(qms: Qms, tmp_path: Path) -> None:
    drawn = tmp_path / "reso.bpmn"
    drawn.write_text(DRAWN, encoding="utf-8")
    answer = qms("workflow", "import", str(drawn))
    assert answer.code == 0
    assert read_definition(answer.out.encode(), "d.yaml", IDENTIFIERS).id == "reso-di-merce"
    assert "Ufficio spedizioni" in answer.err
    told = qms("workflow", "import", str(drawn), "--json").json
    assert told["text"] == answer.out
    assert {"bpmn.role", "bpmn.nested"} <= {one["code"] for one in told["left_out"]}
    kept = qms("workflow", "import", str(drawn), "--file", str(tmp_path / "reso.yaml"))
    assert (kept.code, (tmp_path / "reso.yaml").read_text(encoding="utf-8")) == (0, answer.out)


def test_a_file_that_is_no_drawing_is_refused(qms: Qms, tmp_path: Path) -> None:
    other = tmp_path / "other.bpmn"
    other.write_text("<html/>")
    answer = qms("workflow", "import", str(other))
    assert (answer.code, "not a BPMN 2.0 file" in answer.err) == (6, True)
    assert qms("workflow", "import", str(tmp_path / "none.bpmn")).code == 4


def test_the_page_for_people_shows_a_command_that_works(qms: Qms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[2] / "docs" / "workflows.md").read_text(encoding="utf-8")
    (shown,) = [block for block in page.split("\n\n") if block.startswith("    qms workflow new")]
    words = shlex.split(shown.replace("\\\n", " "))
    assert words[0] == "qms"
    assert qms(*words[1:]).code == 0
    written = read_definition((tmp_path / "supplier-complaint.yaml").read_bytes(), "d.yaml", IDENTIFIERS)
    assert list(written.states) == ["WRITTEN", "SENT", "ANSWERED", "CLOSED"]
    assert qms("workflow", "schema", "--file", "qms-workflow.json").code == 0
    assert qms("workflow", "export", "supplier-complaint.yaml", "--format", "bpmn", "--file", "there.bpmn").code == 0
    assert qms("workflow", "import", "there.bpmn", "--json").json["left_out"]
