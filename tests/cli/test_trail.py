"""``qms verify``, ``checkpoint`` and ``export``: yes or no in the exit code, and an export that stands alone."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.cli.conftest import AsPerson, Qms
from tests.house import House


@pytest.fixture
def operator(qms: Qms, house: House) -> Qms:
    """Somebody at the machine itself, without a token."""

    def call(*words: str) -> object:
        return qms(*words, env={"QMS_WORKSPACE": str(house.app.settings.root)}, clock=house.clock)

    return call  # type: ignore[return-value]


def test_an_untouched_trail_holds(operator: Qms) -> None:
    answer = operator("verify", "--json")
    assert answer.code == 0, answer.out
    assert answer.json["passed"]
    assert all(check["sentence"] for check in answer.json["checks"])
    assert operator("verify", "--language", "it").out.rstrip().endswith("Tutto torna.")


def test_a_changed_name_beneath_the_program_is_a_no_that_names_the_place(operator: Qms, house: House) -> None:
    with house.app.database.engine.begin() as connection:
        connection.execute(text("UPDATE person SET name = 'Nessuno' WHERE id = :id"), {"id": house.ids["quality"]})
    answer = operator("verify", "--json")
    assert answer.code == 1
    assert [check["place"] for check in answer.json["checks"] if not check["passed"]] == [f"person {house.ids['quality']}"]


def test_one_record_is_verified_by_its_number(operator: Qms) -> None:
    for number in ("3", "#3"):
        answer = operator("verify", number, "--json")
        assert answer.code == 0
        assert {check["name"] for check in answer.json["checks"]} >= {"seal", "tree"} or answer.json["checks"]
    assert operator("verify", "999999").code == 4
    assert operator("verify", "three").code == 2


def test_a_checkpoint_kept_outside_is_compared(operator: Qms, house: House, tmp_path: Path) -> None:
    kept = tmp_path / "checkpoint.txt"
    assert operator("checkpoint", "--out", str(kept)).code == 0
    assert operator("verify", "--checkpoint", str(kept)).code == 0
    kept.write_text(kept.read_text().replace("qms/consorzio", "qms/another"))
    assert operator("verify", "--checkpoint", str(kept)).code == 1
    assert operator("verify", "--checkpoint", "/nowhere").code == 4


def test_an_export_is_verified_by_what_is_inside_it(as_person: AsPerson, tmp_path: Path) -> None:
    answer = as_person("auditor")("export", str(tmp_path / "trail.zip"), "--json")
    assert answer.code == 0, answer.out
    with zipfile.ZipFile(tmp_path / "trail.zip") as package:
        package.extractall(tmp_path / "out")
    done = subprocess.run(
        [sys.executable, "-I", str(tmp_path / "out/verifica.py"), str(tmp_path / "trail.zip")],
        capture_output=True,
        text=True,
        cwd=tmp_path / "out",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_export_is_for_those_who_read_the_whole_trail(as_person: AsPerson, tmp_path: Path) -> None:
    assert as_person("kennel")("export", str(tmp_path / "trail.zip")).code == 3
    assert not list(tmp_path.glob("*.zip*"))
