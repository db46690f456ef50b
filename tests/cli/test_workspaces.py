"""``qms init``, ``check``, ``serve``: from an empty folder to a house that stands, and what is said when it cannot."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest

from qms.records import trail
from tests.cli.conftest import Qms
from tests.desk.conftest import report
from tests.house import House
from tests.workflows.samples import LAMP

ROOT = Path(__file__).parents[2]
FIRST = ("--name", "Consorzio di prova", "--person", "Lucia Bianchi", "--email", "lucia@example.org")


def test_a_folder_becomes_a_workspace_that_verifies(qms: Qms, tmp_path: Path, password_file: Path) -> None:
    env = {"QMS_PASSWORD_FILE": str(password_file)}
    made = qms("init", str(tmp_path / "w"), *FIRST, "--json", env=env)
    assert made.code == 0, made.out
    here = ("--workspace", str(tmp_path / "w"))
    token = qms("people", "token", "lucia@example.org", "--json", *here, env=env).json["token"]
    assert len(qms("document", "list", "--json", *here, env={"QMS_TOKEN": token}).json["documents"]) >= 5
    assert qms("check", *here).code == 0
    assert qms("verify", *here).code == 0


@pytest.mark.parametrize(("language", "title"), [("it", "Controllo dei documenti"), ("en", "Control of documents")])
def test_an_organisation_has_the_language_of_its_making(qms: Qms, tmp_path: Path, password_file: Path, language: str, title: str) -> None:
    env = {"QMS_PASSWORD_FILE": str(password_file), "QMS_LANGUAGE": ""}
    made = qms("init", str(tmp_path / "w"), *FIRST, "--language", language, env=env)
    assert made.code == 0, made.out
    here = ("--workspace", str(tmp_path / "w"))
    token = qms("people", "token", "lucia@example.org", "--json", *here, env=env).json["token"]
    assert title in qms("document", "list", *here, env={"QMS_TOKEN": token, "QMS_LANGUAGE": "", "COLUMNS": "200"}).out
    assert qms("check", *here).code == 0


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaa"])
def test_a_weak_password_leaves_nothing_behind(qms: Qms, tmp_path: Path, password: str) -> None:
    (tmp_path / "password").write_text(password)
    answer = qms("init", str(tmp_path / "w"), *FIRST, env={"QMS_PASSWORD_FILE": str(tmp_path / "password")})
    assert answer.code == 3
    assert [path.name for path in tmp_path.iterdir()] == ["password"]


def test_a_folder_that_holds_something_is_left_alone(qms: Qms, tmp_path: Path, password_file: Path) -> None:
    (tmp_path / "w").mkdir()
    (tmp_path / "w/mine.txt").write_text("mine")
    assert qms("init", str(tmp_path / "w"), *FIRST, env={"QMS_PASSWORD_FILE": str(password_file)}).code == 3
    assert [path.name for path in (tmp_path / "w").iterdir()] == ["mine.txt"]


def test_without_a_terminal_or_a_file_no_password_is_taken(qms: Qms, tmp_path: Path) -> None:
    answer = qms("init", str(tmp_path / "w"), *FIRST, "--json")
    assert answer.code == 3
    assert answer.codes == ["PASSWORD_MISSING"]


def test_outside_a_workspace_it_is_said_how_to_make_one(qms: Qms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer = qms("verify", "--language", "it")
    assert answer.code == 4
    assert "qms init" in answer.err


def test_settings_that_are_wrong_are_named_together(qms: Qms, tmp_path: Path) -> None:
    (tmp_path / "qms.toml").write_text('profile = "huge"\nlanguage = "de"\nmax_evidence_bytes = -1\n')
    answer = qms("verify", "--workspace", str(tmp_path), "--json")
    assert answer.code == 6
    assert len(answer.json["error"]["problems"]) == 3


def test_an_unexpected_error_is_a_sentence_with_its_trace_in_a_log(qms: Qms, house: House) -> None:
    root = house.app.settings.root
    (root / "keys/trail.key").write_text("not a key")
    answer = qms("verify", "--workspace", str(root), "--json")
    assert answer.code in (6, 7)
    assert "Traceback" not in answer.out + answer.err


def test_the_starter_content_has_no_mistakes(qms: Qms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer = qms("check", *(str(ROOT / folder) for folder in ("procedures", "workflows", "records")), "--json")
    assert answer.code == 0, answer.out
    assert answer.json["documents"] >= 5
    assert answer.json["workflows"] >= 4
    assert answer.json["waiting"]


def test_every_mistake_is_named_with_file_and_line(qms: Qms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    document = tmp_path / "procedures/qualita/PRO-9.9-01-prova.md"
    document.parent.mkdir(parents=True)
    document.write_text("---\nkey: PRO-9.9-01\ncolour: red\n---\n\n# Prova\n")
    flow = tmp_path / "workflows/prova.yaml"
    flow.parent.mkdir()
    flow.write_text("id: prova\nsteps:\n  vai: {from: A, from: B}\nno: x\n")
    answer = qms("check", str(tmp_path))
    assert answer.code == 1
    assert f"{document}:3: " in answer.out
    assert f"{flow}:3: " in answer.out
    assert f"{flow}:4: " in answer.out


def test_the_server_answers_and_stops_when_told(house: House, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    root = house.app.settings.root
    command = [sys.executable, "-m", "qms", "--workspace", str(root), "serve", "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "QMS_LANGUAGE": "en"}) as server:
        assert server.stderr is not None
        assert f"http://127.0.0.1:{port}" in server.stderr.readline()
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=20) as answer:
            assert answer.status == 200
        taken = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, "QMS_LANGUAGE": "en"}, check=False)
        assert taken.returncode == 2
        assert "is taken" in taken.stderr
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 0


def test_check_of_all_folders_names_what_does_not_fit_together_and_of_one_file_does_not(qms: Qms, tmp_path: Path) -> None:
    for folder in ("procedures", "workflows", "records"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "records" / "REC-NC-99-di-nessuno.md").write_text("# Vuoto\n")
    whole = qms("check", str(tmp_path), env={"QMS_LANGUAGE": "it"})
    assert whole.code == 1
    assert f"{tmp_path}/records/REC-NC-99-di-nessuno.md:1: Nessun processo produce la registrazione REC-NC-99" in whole.out
    assert qms("check", str(tmp_path / "records")).code == 0


def test_a_scheduler_outside_does_once_what_the_server_does_by_itself(qms: Qms, house: House) -> None:
    number = report(house, "kennel", "Registro del canile senza firma", "canile")
    house.clock.now += timedelta(days=30)
    root = str(house.app.settings.root)
    assert json.loads(qms("--workspace", root, "wake", "--json", clock=house.clock).out)["moved"] > 0
    with house.app.reading() as connection:
        rang = [entry.event for entry in trail.entries(connection, case=number, limit=50)]
    assert rang.count("timer-due") > 0
    qms("--workspace", root, "wake", clock=house.clock)
    with house.app.reading() as connection:
        assert [entry.event for entry in trail.entries(connection, case=number, limit=50)].count("timer-due") == rang.count("timer-due")


def test_a_definition_is_checked_wherever_it_lies_and_in_a_workspace_beside_those_in_force(qms: Qms, house: House, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    opened = "description: \"'Si è rotta e non si può riparare.'\", process: \"'QUALITY'\", nc_source: \"'SELF'\"}"
    good = (
        LAMP.replace("PRO-1\n", "PRO-8.7-01\n")
        .replace("figure.top_price", "500")
        .replace("workflow: lamp-query", "workflow: nonconformity")
    )
    good = good.replace("fields: {title: \"'Perché buttata: ' + title\"}", "fields: {title: \"'Buttata: ' + title\", " + opened)
    root = ("--workspace", str(house.app.settings.root))
    for text, alone, beside in (
        (good, "", ""),
        (good.replace("prefix: LAMP", "prefix: NC"), "", "taken"),
        (good.replace("owner: QM", "owner: WIZARD"), "", "unknown_role"),
        (good.replace("PRO-8.7-01", "PRO-99"), "", "unknown_procedure"),
        (good.replace("owner: QM", "owner: QM\nfield: x"), "key_unknown", "key_unknown"),
    ):
        file.write_text(text)
        lonely = qms("check", "--json", str(file)).json
        assert ("workflow.unknown_workflow" in {one["code"] for one in lonely["problems"]}) is (alone == "")
        found = qms(*root, "check", "--json", str(file)).json
        assert {one["code"] for one in found["problems"]} == ({f"workflow.{beside}"} if beside else set())
        assert {one["path"] for one in found["problems"]} <= {str(file)}
        assert found["workflows"] == 1
    assert "mine.yaml" not in qms(*root, "check").out
