"""Killed processes lose nothing that was answered; a naive order of writes is caught by the same rounds."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import house
from tests.conftest import fresh_postgresql
from tests.durability.kills import PLANTS, POINTS, run

Copy = Callable[[Path], None]


@pytest.fixture(params=["sqlite", "postgresql"])
def copy(request: pytest.FixtureRequest) -> Copy:
    """How a round gets a fresh workspace, on each of the two databases in turn."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("template")
        return lambda root: house.copy(template, root)
    root_of, name = request.getfixturevalue("postgresql_template")
    server: str = request.getfixturevalue("postgresql_server")
    return lambda root: house.copy(root_of, root, fresh_postgresql(server, name))


def test_every_answered_act_is_there_once_after_a_kill_at_each_point(copy: Copy, tmp_path: Path) -> None:
    tally = run(copy, tmp_path, kills=len(POINTS))
    assert tally.violations == []
    assert all(tally.kills[point] for point in POINTS)
    assert tally.answered > len(POINTS)


@pytest.mark.parametrize("plant", sorted(PLANTS))
def test_a_naive_order_of_writes_is_caught(template: Path, tmp_path: Path, plant: str) -> None:
    points = ["5 just before the commit"]
    tally = run(lambda root: house.copy(template, root), tmp_path, kills=24, plant=plant, points=points)
    assert tally.violations
