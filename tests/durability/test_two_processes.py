"""Nothing ran while a due date passed: on return it fires once, whether one process comes back or two at the same moment."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from subprocess import PIPE

import pytest
from sqlalchemy import select

from qms import app as assembly
from qms.database import stamp
from qms.desk.messages import message
from qms.records import trail
from qms.workflows.case import compare
from qms.workflows.tables import timer
from qms.workflows.timers import due_cases
from tests.desk.conftest import report
from tests.house import BEGINNING, House

ROOT = Path(__file__).parents[2]
RETURN = BEGINNING + timedelta(days=40)
"""Weeks after the first deadlines of what was begun."""
Due = tuple[str, str, str]
"""A case, its timer, and when that was due."""


@pytest.fixture
def left_alone(either_house: House) -> set[Due]:
    """A house that was shut with deadlines running: what must be rung of each case, and when it was due."""
    house = either_house
    numbers = {report(house, "training", f"Segnalazione numero {count}") for count in range(3)}
    house.app.tick()
    with house.app.reading() as connection:
        assert due_cases(connection, house.app.engine, BEGINNING) == []
        row = timer.c
        found = connection.execute(select(row.case_number, row.name, row.due_at).where(row.due_at < stamp(RETURN))).all()
    house.app.close()
    assert numbers <= {row.case_number for row in found}
    return {(row.case_number, row.name, row.due_at) for row in found}


def come_back(root: Path, kinds: list[str]) -> None:
    """Processes that all begin at the same moment; servers stop when the schedulers have nothing left to do."""
    command = [sys.executable, "-m", "tests.durability.waking"]
    running = [
        subprocess.Popen([*command, kind, str(root), RETURN.isoformat()], cwd=ROOT, text=True, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        for kind in kinds
    ]
    try:
        for starting in running:
            assert starting.stdout is not None
            assert starting.stdout.readline() == "ready\n"
        for ready in running:
            assert ready.stdin is not None
            ready.stdin.write("begin\n")
            ready.stdin.flush()
        for kind, process in sorted(zip(kinds, running, strict=True), key=lambda one: one[0]):
            _, complaints = process.communicate("stop\n" if kind == "server" else None, timeout=120)
            assert (process.returncode, complaints) == (0, "")
    finally:
        for left in running:
            left.kill()


@pytest.mark.parametrize("kinds", [["scheduler", "scheduler"], ["server", "scheduler"]], ids="-".join)
def test_a_due_date_that_passed_while_nothing_ran_fires_once_on_return(either_house: House, left_alone: set[Due], kinds: list[str]) -> None:
    root = either_house.app.settings.root
    come_back(root, kinds)
    with assembly.opened(root, lambda: RETURN) as app:
        with app.reading() as connection:
            rung = [entry for entry in trail.upwards(connection, trail.size(connection)) if entry.event.startswith("timer-")]
            told = connection.execute(select(message.c.person, message.c.kind, message.c.subject).order_by(message.c.key)).all()
            assert all(check.passed for check in compare(connection, app.engine))
        found = [
            (entry.event, str(entry.said["case"]["number"]), entry.said["what"]["timer"], entry.said["what"]["due_at"]) for entry in rung
        ]
        assert sorted(one[1:] for one in found if one[0] == "timer-due") == sorted(left_alone)
        assert len(found) == len(set(found))
        assert {entry.at for entry in rung} == {RETURN}
        assert len(told) == len(set(told))
        assert app.tick() == 0
