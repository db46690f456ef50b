"""What a distracted person types, takes away or damages is answered in a sentence that names the place, with nothing half done."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import AsPerson, Qms
from tests.house import House
from tests.workflows.samples import LAMP


def test_all_that_is_missing_is_said_at_once_in_the_words_of_the_help(qms: Qms) -> None:
    answer = qms("init", env={"QMS_LANGUAGE": "it"})
    assert answer.code == 2
    assert answer.err == "Manca CARTELLA, --name, --person, --email. Vedi: qms init --help\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("export", "x.zip", "--first", "due"), "--first vuole un numero intero, non «due»."),
        (("export", "x.zip", "--first", "0"), "--first vuole un numero intero, da 1 in su, non «0»."),
        (("serve", "--port", "99999"), "--port vuole un numero intero fino a 65535, non «99999»."),
        (("identifier", "check", "CIG", "B03F", "C04FF9"), "Di troppo: C04FF9."),
    ],
)
def test_a_wrong_word_is_answered_in_the_language_of_the_reader(qms: Qms, words: tuple[str, ...], said: str) -> None:
    answer = qms(*words, env={"QMS_LANGUAGE": "it"})
    assert answer.code == 2
    assert answer.err.startswith(said)


def test_a_page_of_help_fits_a_pager(qms: Qms) -> None:
    assert max(map(len, qms("case", "step", "--help").out.splitlines())) <= 100


def test_a_check_that_finds_nothing_to_check_does_not_pass(qms: Qms, tmp_path: Path) -> None:
    answer = qms("check", str(tmp_path))
    assert answer.code == 2
    assert str(tmp_path) in answer.err


def test_a_process_is_checked_wherever_its_file_lies(qms: Qms, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "lamp.yaml").write_text(LAMP, encoding="utf-8")
    files = [str(tmp_path / folder / "lamp.yaml") for folder in ("one", "two")]
    assert json.loads(qms("check", files[0], "--json").out)["workflows"] == 1
    answer = qms("check", *files)
    assert answer.code == 1
    assert f"{files[1]}:2: " in answer.out


def test_a_role_that_the_workspace_lacks_is_named_in_files_too(qms: Qms, house: House, tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "procedures/sistema/PRO-7.5-01-controllo-dei-documenti.md").read_text(encoding="utf-8")
    path = tmp_path / "procedures" / "one.md"
    path.parent.mkdir()
    path.write_text(text.replace("owner: DOC_CTRL", "owner: NOBODY"), encoding="utf-8")
    answer = qms("--workspace", str(house.app.settings.root), "check", str(path))
    assert answer.code == 1
    assert "NOBODY" in answer.out


def test_a_wrong_file_is_not_taken_for_a_rewritten_trail(qms: Qms, house: House, tmp_path: Path) -> None:
    wrong = tmp_path / "note.txt"
    wrong.write_text("not a checkpoint\n")
    answer = qms("--workspace", str(house.app.settings.root), "verify", "--checkpoint", str(wrong))
    assert answer.code == 6
    assert str(wrong) in answer.err


def test_an_export_from_after_its_end_is_refused_before_it_begins(as_person: AsPerson, tmp_path: Path) -> None:
    target = tmp_path / "x.zip"
    assert as_person("auditor")("export", str(target), "--first", "3", "--last", "2").code == 2
    assert not target.exists()


def database_gone(root: Path) -> None:
    (root / "qms.sqlite3").unlink()


def database_damaged(root: Path) -> None:
    (root / "qms.sqlite3").write_text("not a database at all")


def library_gone(root: Path) -> None:
    shutil.rmtree(root / "library.git")


def key_gone(root: Path) -> None:
    (root / "keys" / "trail.key").unlink()


def settings_damaged(root: Path) -> None:
    with (root / "qms.toml").open("a") as file:
        file.write("name =\n")


@pytest.mark.parametrize("damage", [database_gone, database_damaged, library_gone, key_gone, settings_damaged])
def test_a_workspace_that_is_damaged_is_a_sentence_and_no_error_of_the_program(
    qms: Qms, tmp_path: Path, password_file: Path, damage: Callable[[Path], None]
) -> None:
    root = tmp_path / "w"
    env = {"QMS_PASSWORD_FILE": str(password_file)}
    assert qms("init", str(root), "--name", "C", "--person", "Anna Bianchi", "--email", "anna@example.org", env=env).code == 0
    damage(root)
    before = sorted(path.name for path in root.iterdir())
    answer = qms("--workspace", str(root), "verify", "--json")
    assert answer.code == 6
    assert answer.json["error"]["kind"] != "unexpected"
    assert [name for name in sorted(path.name for path in root.iterdir()) if "lock" not in name] == [
        name for name in before if "lock" not in name
    ]


def test_a_folder_that_cannot_be_made_is_named(qms: Qms, tmp_path: Path, password_file: Path) -> None:
    (tmp_path / "file").write_text("")
    words = ("init", str(tmp_path / "file" / "w"), "--name", "C", "--person", "A", "--email", "a@example.org")
    answer = qms(*words, env={"QMS_PASSWORD_FILE": str(password_file)})
    assert answer.code == 6
    assert "cannot be used" in answer.err


@pytest.mark.parametrize(("git", "said"), [(None, "was not found"), ("git version 2.20.1", "here is 2.20.1")])
def test_a_machine_without_a_recent_git_is_told_so(tmp_path: Path, password_file: Path, git: str | None, said: str) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    if git:
        (programs / "git").write_text(f"#!/bin/sh\necho {git}\n")
        (programs / "git").chmod(0o755)
    words = ["init", str(tmp_path / "w"), "--name", "C", "--person", "Anna Bianchi", "--email", "anna@example.org"]
    env = {**os.environ, "PATH": str(programs), "QMS_PASSWORD_FILE": str(password_file), "QMS_LANGUAGE": "en"}
    done = subprocess.run([sys.executable, "-m", "qms", *words], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 6
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "w").exists()


def test_every_wrong_setting_is_named_together(tmp_path: Path, qms: Qms) -> None:
    (tmp_path / "qms.toml").write_text('profile = "huge"\ntimezone = "Roma"\nlangauge = "it"\n')
    answer = qms("--workspace", str(tmp_path), "verify", "--json")
    assert [problem["code"] for problem in answer.json["error"]["problems"]] == [
        "settings.profile",
        "settings.timezone",
        "settings.unknown",
    ]
