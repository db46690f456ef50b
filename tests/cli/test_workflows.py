"""``qms workflow``: definitions listed and exported, open cases moved to a new one, looked at first."""

import json
import shutil
from pathlib import Path
from xml.etree.ElementTree import fromstring

from qms.app import EFFECTS
from qms.locale import LANGUAGES, knows
from qms.people.actor import SYSTEM
from qms.records import trail
from qms.workflows.case import put_in_force
from qms.workflows.reading_steps import OPEN_CASE
from tests.cli.conftest import AsPerson, Qms
from tests.cli.test_cases import report
from tests.house import House

SHIPPED = Path(__file__).parents[2] / "workflows" / "nonconformity.yaml"


def renewed(house: House, tail: bytes = b"\n# a later one\n") -> None:
    with house.app.writing() as tx:
        put_in_force(tx, SHIPPED.read_bytes() + tail, "nonconformity.yaml", SYSTEM)


def test_definitions_are_listed_with_what_is_behind(house: House, as_person: AsPerson) -> None:
    quality = as_person("quality")
    assert report(as_person("tenders")).code == 0
    renewed(house)
    rows = {row["id"]: row for row in quality("workflow", "list", "--json").json["workflows"]}
    assert rows["nonconformity"]["behind"] == 1
    assert all(row["behind"] == 0 for id, row in rows.items() if id != "nonconformity")
    assert "nonconformity" in quality("workflow", "list").out


def test_open_cases_are_looked_at_then_moved(house: House, as_person: AsPerson) -> None:
    quality = as_person("quality")
    for _ in range(2):
        assert report(as_person("tenders")).code == 0
    renewed(house)
    seen = quality("workflow", "migrate", "nonconformity", "--dry-run", "--json")
    assert (seen.code, [one["moved"] for one in seen.json["cases"]]) == (0, [False, False])
    done = quality("workflow", "migrate", "nonconformity", "--json")
    assert (done.code, [one["moved"] for one in done.json["cases"]]) == (0, [True, True])
    assert quality("workflow", "migrate", "nonconformity", "--json").json["cases"] == []


def test_a_definition_put_back_in_force_takes_its_cases_along_each_time(house: House, as_person: AsPerson) -> None:
    quality, number = as_person("quality"), report(as_person("tenders")).json["case"]
    here = []
    for change in (b"# newer\n", b"", b"# newer\n"):
        renewed(house, change)
        assert [one["moved"] for one in quality("workflow", "migrate", "nonconformity", "--json").json["cases"]] == [True]
        here.append(quality("case", "show", number, "--json").json["definition"])
    assert here[0] == here[2] != here[1]


def test_the_processes_in_force_are_checked_wherever_they_came_from(house: House, as_person: AsPerson) -> None:
    quality = as_person("quality")
    assert quality("check", "--json").json["holds"]
    renewed(house)
    text = SHIPPED.read_text(encoding="utf-8").replace("id: nonconformity", "id: lost-tool").replace("prefix: NC", "prefix: PERSO")
    with house.app.writing() as tx:
        put_in_force(tx, text.encode(), "lost-tool.yaml", SYSTEM)
    found = quality("check", "--json").json
    assert [(one["path"], one["code"]) for one in found["problems"]] == [("workflows/lost-tool.yaml", "fit.not_named")]
    assert found["workflows"] == len(quality("workflow", "list", "--json").json["workflows"])


def test_who_does_not_own_the_process_moves_nothing(house: House, as_person: AsPerson) -> None:
    assert report(as_person("tenders")).code == 0
    renewed(house)
    for words in ((), ("--dry-run",)):
        refused = as_person("verifier")("workflow", "migrate", "nonconformity", *words, "--json")
        assert refused.code == 1
        assert [reason["code"] for one in refused.json["cases"] for reason in one["obstacles"]] == ["ROLE:QM,TOP"]


def test_who_would_free_themselves_moves_nothing_and_the_attempt_is_recorded(house: House, as_person: AsPerson) -> None:
    quality = as_person("quality")
    assert report(quality).code == 0
    text = "\n".join(line for line in SHIPPED.read_text(encoding="utf-8").splitlines() if "apart_from: [opening" not in line)
    with house.app.writing() as tx:
        put_in_force(tx, text.encode(), "nonconformity.yaml", SYSTEM)
    refused = quality("workflow", "migrate", "nonconformity", "--json")
    assert [reason["code"] for one in refused.json["cases"] for reason in one["obstacles"]] == ["SOD:own_duty"]
    with house.app.reading() as connection:
        (attempt,) = trail.entries(connection, event="attempt-refused", limit=5)
    assert attempt.said["what"] == {"attempt": "qms workflow migrate", "codes": ["SOD:own_duty"]}


def test_a_definition_is_written_in_every_form_and_nothing_is_written_over(as_person: AsPerson, tmp_path: Path) -> None:
    quality = as_person("quality")
    for kind, start in (("svg", "<svg"), ("mermaid", "stateDiagram-v2"), ("bpmn", "<?xml")):
        assert quality("workflow", "export", "nonconformity", "--format", kind, "--json").json["text"].startswith(start)
    file = tmp_path / "nc.bpmn"
    assert quality("workflow", "export", "nonconformity", "--format", "bpmn", "--file", str(file)).code == 0
    assert file.read_text(encoding="utf-8").startswith("<?xml")
    assert quality("workflow", "export", "nonconformity", "--file", str(file)).code == 2
    assert quality("workflow", "export", "nonconformity", "--format", "visio").code == 2
    assert quality("workflow", "export", "nothing-of-that-name").code != 0


def test_a_file_is_exported_without_a_workspace_and_not_a_line_of_it_is_broken(qms: Qms) -> None:
    drawing = qms("workflow", "export", str(SHIPPED), "--format", "svg")
    assert (drawing.code, drawing.out.count("\n")) == (0, 1)
    assert fromstring(drawing.out).tag.endswith("svg")
    assert qms("workflow", "export", str(SHIPPED), "--format", "bpmn", "--json").json["workflow"] == SHIPPED.stem
    assert qms("workflow", "export", "nowhere.yaml").code == 4


def test_a_file_that_cannot_be_read_is_not_exported(qms: Qms, tmp_path: Path) -> None:
    spoilt = tmp_path / "spoilt.yaml"
    spoilt.write_text(SHIPPED.read_text(encoding="utf-8").replace("prefix:", "prefisso:"), encoding="utf-8")
    answer = qms("workflow", "export", str(spoilt))
    assert answer.code == 6
    assert "prefisso" in answer.err


def test_a_definition_is_played_beside_those_in_force_before_anybody_hands_it_in(qms: Qms, house: House, tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs/workflows.md").read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]
    file = tmp_path / "supplier-complaint.yaml"
    file.write_text(text, encoding="utf-8")
    folder = tmp_path / "workflows"
    folder.mkdir()
    shutil.copy(file, folder)
    answer = qms("--workspace", str(house.app.settings.root), "check", str(folder), "--rehearse", env={"QMS_LANGUAGE": "it"})
    assert answer.code == 0, answer.out
    assert "Prova generale: Reclamo a un fornitore (supplier-complaint)" in answer.out
    assert "senza i ruoli: rifiutato." in answer.out and "✓" in answer.out and "non ci si è arrivati" not in answer.out
    alone = json.loads(qms("check", str(folder), "--rehearse", "--json").out)
    assert [one["workflow"] for one in alone["rehearsals"]] == ["supplier-complaint"]
    file.write_text(text.replace("kind: initial", "kind: final"), encoding="utf-8")
    shutil.copy(file, folder)
    assert "rehearsals" not in json.loads(qms("check", str(folder), "--rehearse", "--json").out)


def test_every_effect_that_a_step_may_name_is_told_in_both_languages(qms: Qms) -> None:
    told = {one["effect"]: one for one in qms("workflow", "effects", "--json").json["effects"]}
    assert told.keys() == {OPEN_CASE, *EFFECTS}
    assert all(told[name]["arguments"] == dict(taken) for name, taken in EFFECTS.items())
    for language in LANGUAGES:
        assert all(knows(language, f"cli.effect.{name}") for name in told)
