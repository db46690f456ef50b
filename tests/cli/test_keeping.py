"""``qms backup``, ``restore``, ``upgrade`` and ``doctor``, as whoever looks after the machine types them."""

from pathlib import Path

from sqlalchemy import text

from tests.cli.conftest import Qms
from tests.house import House


def test_a_backup_is_restored_and_the_answer_counts_the_checks(qms: Qms, house: House, tmp_path: Path) -> None:
    here = {"QMS_WORKSPACE": str(house.app.settings.root)}
    file, again = tmp_path / "copy.zip", tmp_path / "again"
    made = qms("backup", str(file), "--json", env=here, clock=house.clock)
    assert made.code == 0, made.err
    restored = qms("restore", str(file), str(again), "--json", clock=house.clock)
    assert restored.code == 0, restored.err
    assert restored.json["root"] == made.json["root"]
    assert restored.json["checks"] > 15
    assert qms("verify", env={"QMS_WORKSPACE": str(again)}, clock=house.clock).code == 0
    assert qms("backup", str(file), "--json", env=here, clock=house.clock).codes == ["FILE_EXISTS"]
    second = qms("restore", str(file), str(again), "--language", "it")
    assert (second.code, "non è vuota" in second.err) == (3, True)


def test_a_file_that_is_no_backup_is_named(qms: Qms, tmp_path: Path) -> None:
    (tmp_path / "copy.zip").write_bytes(b"PK nothing")
    answer = qms("restore", str(tmp_path / "copy.zip"), str(tmp_path / "again"))
    assert answer.code == 6
    assert "no whole backup" in answer.err
    assert qms("restore", str(tmp_path / "none.zip"), str(tmp_path / "again")).code == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.zip"]


def test_an_upgrade_with_nothing_to_do_says_so_and_a_later_workspace_is_refused(qms: Qms, house: House) -> None:
    here = {"QMS_WORKSPACE": str(house.app.settings.root)}
    answer = qms("upgrade", "--json", env=here)
    assert (answer.code, answer.json["backup"]) == (0, None)
    with house.app.database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    refused = qms("upgrade", env=here)
    assert refused.code == 6
    assert "9999" in refused.err
    assert not (house.app.settings.root / "backups").exists()


def test_the_doctor_answers_yes_or_no_by_its_exit_code(qms: Qms, house: House, tmp_path: Path) -> None:
    here = {"QMS_WORKSPACE": str(house.app.settings.root)}
    answer = qms("doctor", "--json", env=here, clock=house.clock)
    assert answer.code == 1
    assert [one["name"] for one in answer.json["findings"] if not one["holds"]] == ["backup"]
    assert all(one["sentence"] for one in answer.json["findings"])
    assert qms("backup", str(tmp_path / "copy.zip"), env=here, clock=house.clock).code == 0
    answer = qms("doctor", "--language", "it", env=here, clock=house.clock)
    assert answer.code == 0
    assert answer.out.rstrip().endswith("Tutto a posto.")
    assert qms("doctor").code == 4
