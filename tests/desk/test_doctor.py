"""The doctor names what would stop people tomorrow, and touches nothing."""

import shutil
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from qms.desk import doctor, keeping
from qms.library import Library
from qms.people.actor import SYSTEM
from qms.records import checkpoints, keys, trail
from qms.workflows import case
from tests.house import House, key

REPORTED = {
    "title": "Registro incompleto",
    "description": "Mancano due firme nel registro del canile.",
    "process": "TENDERS",
    "nc_source": "SELF",
}
Room = namedtuple("Room", "total used free")


def failing(house: House) -> list[str]:
    return [finding.name for finding in doctor.examine(house.app) if not finding.holds]


@pytest.fixture
def well(either_house: House, tmp_path: Path) -> House:
    keeping.backup(either_house.app, tmp_path / "copy.zip")
    checkpoints.publish(either_house.app.database, either_house.app.library, either_house.app.public_key)
    return either_house


def test_a_house_in_order_is_well_and_nothing_is_written(well: House) -> None:
    with well.app.reading() as connection:
        before = trail.head(connection)
    assert failing(well) == []
    with well.app.reading() as connection:
        assert trail.head(connection) == before


def test_a_deadline_that_nobody_woke_says_that_the_program_slept(well: House) -> None:
    with well.app.writing() as tx:
        case.open_case(tx, well.app.engine, "nonconformity", well.actor("tenders"), fields=REPORTED, key=key())
    assert failing(well) == []
    well.clock.pass_(days=9)
    assert failing(well) == ["asleep", "checkpoint", "backup"]
    well.app.tick()
    assert failing(well) == ["backup"]


def test_a_backup_grows_old(well: House) -> None:
    well.clock.pass_(days=8)
    assert "backup" in failing(well)


def weaken_the_key(house: House) -> None:
    house.app.settings.key.chmod(0o644)


def exchange_the_public_key(house: House) -> None:
    house.app.settings.public_key.write_text(keys.written(keys.new().public) + "\n")


def sign_the_head_with_another_key(house: House) -> None:
    with house.app.database.engine.begin() as connection:
        connection.execute(text("UPDATE trail_head SET size = size + 1, signature = :s"), {"s": "A" * 86 + "=="})


def move_main_back(house: House) -> None:
    with Library(house.app.settings.library) as library:
        library.drop("refs/heads/main")


def turn_the_clock_back(house: House) -> None:
    with house.app.writing() as tx:
        trail.append(tx, trail.Act("backup-made", SYSTEM, what={}))
    house.clock.pass_(days=-3)


def leave_an_earlier_step(house: House) -> None:
    with house.app.database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))


@pytest.mark.parametrize(
    ("harm", "name"),
    [
        (weaken_the_key, "permissions"),
        (exchange_the_public_key, "key"),
        (move_main_back, "library"),
        (turn_the_clock_back, "clock"),
        (leave_an_earlier_step, "schema"),
    ],
)
def test_each_harm_is_named(well: House, harm: Callable[[House], None], name: str) -> None:
    harm(well)
    assert failing(well) == [name]


def test_a_head_signed_by_another_key_is_named(house: House) -> None:
    sign_the_head_with_another_key(house)
    with house.app.reading() as connection:
        assert not doctor._key(connection, house.app).holds


def test_a_full_disk_and_an_old_git_are_named(well: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Room(10**9, 10**9, 5_000_000))
    monkeypatch.setattr(Library, "git_version", lambda library: (2, 30, 1))
    assert failing(well) == ["git", "disk"]
