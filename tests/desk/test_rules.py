"""The rules kept in files: a change made behind the program's back is on the trail at its next start."""

from collections.abc import Mapping
from typing import Any

from qms import app as assembly
from qms.records import trail
from tests.house import House


def recorded(house: House) -> list[Mapping[str, Any]]:
    with house.app.reading() as connection:
        return [entry.said["what"] for entry in trail.entries(connection, event="rules-changed")]


def start_again(house: House) -> None:
    with assembly.opened(house.app.settings.root, house.clock):
        pass


def test_starting_again_with_the_same_rules_records_nothing(either_house: House) -> None:
    before = recorded(either_house)
    assert len(before) == 1
    start_again(either_house)
    assert recorded(either_house) == before


def test_a_role_slipped_into_a_hat_is_on_the_trail_at_the_next_start_once(house: House) -> None:
    path = house.app.settings.roles
    path.write_text(path.read_text().replace("roles: [TENDER, COM,", "roles: [TOP, TENDER, COM,"))
    start_again(house)
    start_again(house)
    new, old = recorded(house)
    assert "TOP" in new["hats"]["gare"]["roles"]
    assert "TOP" not in old["hats"]["gare"]["roles"]
    assert new["settings"] == old["settings"]


def test_a_setting_that_steps_obey_is_on_the_trail_too(house: House) -> None:
    path = house.app.settings.root / "qms.toml"
    path.write_text(path.read_text().replace('checked_types = ["POL", "MAN"]', "checked_types = []"))
    start_again(house)
    assert recorded(house)[0]["settings"]["checked_types"] == []


def test_a_comment_in_the_file_changes_no_rule(house: House) -> None:
    path = house.app.settings.roles
    path.write_text("# letto da Gino\n" + path.read_text())
    start_again(house)
    assert len(recorded(house)) == 1
