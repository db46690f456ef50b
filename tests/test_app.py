"""The assembly: what a workspace does by itself, once, whoever else has it open."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from qms import app as assembly
from qms.errors import BadContent, NotFound
from qms.records import checkpoints, trail
from tests.content.test_shelf_walk import put_in_force
from tests.desk.conftest import report
from tests.house import House


def published(house: House) -> int:
    return max(checkpoints.published(house.app.library), default=0)


def size(house: House) -> int:
    with house.app.reading() as connection:
        return trail.size(connection)


def fired(house: House) -> Iterator[str]:
    with house.app.reading() as connection:
        for entry in trail.upwards(connection, trail.size(connection)):
            if entry.event.startswith("timer-"):
                yield f"{entry.said['case']['number']} {entry.event} {entry.said['what']}"


def test_a_folder_without_a_workspace_is_not_found_and_a_wrong_file_is_named(tmp_path: Path, house: House) -> None:
    with pytest.raises(NotFound):
        assembly.open(tmp_path / "nowhere")
    house.app.settings.roles.write_text("roles: []\n")
    with pytest.raises(BadContent) as refused:
        assembly.open(house.app.settings.root)
    assert [problem.code for problem in refused.value.problems] == ["roles.shape"]


def test_a_checkpoint_leaves_after_a_signed_act_and_otherwise_once_a_day(house: House) -> None:
    house.clock.pass_(days=1)
    house.app.tick()
    assert published(house) == size(house)
    report(house, "training", "Aula senza uscita libera")
    house.app.tick()
    assert published(house) == size(house) - 1
    house.clock.pass_(hours=25)
    house.app.tick()
    before = published(house)
    assert before > size(house) - 3
    put_in_force(house, "firmata")
    house.app.tick()
    assert published(house) == size(house) > before


def test_nothing_due_means_that_nothing_moves(either_house: House) -> None:
    house = either_house
    house.clock.pass_(days=1)
    house.app.tick()
    before = size(house)
    assert house.app.tick() == 0
    assert size(house) == before


def test_a_timer_missed_for_weeks_fires_once_although_two_programs_wake_at_the_same_moment(either_house: House) -> None:
    house = either_house
    for number in range(3):
        report(house, "training", f"Segnalazione numero {number}")
    house.clock.pass_(days=40)
    with assembly.opened(house.app.settings.root, house.clock) as other, ThreadPoolExecutor(4) as pool:
        moved = [turn.result() for turn in [pool.submit(app.tick) for app in (house.app, other, house.app, other)]]
    moved += [house.app.tick() for _ in range(3)]  # a case that the other program held is passed over, its next warning waits for a tick
    once = list(fired(house))
    assert once
    assert len(once) == len(set(once))
    assert sum(moved) >= len(once)
    assert house.app.tick() == 0


def test_two_programs_that_write_to_the_library_take_turns(house: House) -> None:
    order: list[str] = []
    inside, go_on = threading.Event(), threading.Event()
    with assembly.opened(house.app.settings.root, house.clock) as other:

        def first() -> None:
            with house.app.writing(shelf=True):
                inside.set()
                go_on.wait(10)
                order.append("first")

        def second() -> None:
            inside.wait(10)
            go_on.set()
            with other.writing(shelf=True):
                order.append("second")

        threads = [threading.Thread(target=turn) for turn in (first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert order == ["first", "second"]


def test_the_ticker_goes_on_after_an_error_and_stops_with_the_house(house: House, caplog: pytest.LogCaptureFixture) -> None:
    told = threading.Event()
    ticks: list[int] = []

    def broken_clock() -> None:
        ticks.append(1)
        if len(ticks) > 2:
            told.set()
        raise OSError("the disk is full")

    with assembly.opened(house.app.settings.root, house.clock) as other:
        other.database.clock = broken_clock  # type: ignore[assignment]
        other.start_ticker(0.01)
        assert told.wait(10)
        ticker = other._ticker
    assert ticker is not None
    assert not ticker.is_alive()
    assert "the ticker goes on" in caplog.text


def test_a_step_that_publishes_needs_the_library_and_one_that_does_not_does_not(house: House) -> None:
    app = house.app
    with app.reading() as connection:
        about_documents = app.workflow_about(connection, "document")
        others = [one.definition for one in app.engine.definitions.all_in_force(connection) if one.definition.subject != "document"]
        with pytest.raises(NotFound):
            app.workflow_about(connection, "dream")
    assert any(app.touches_library(step) for step in about_documents.steps.values())
    assert not any(app.touches_library(step) for definition in others for step in definition.steps.values())


def test_every_effect_a_shipped_workflow_names_is_known(house: House) -> None:
    with house.app.reading() as connection:
        definitions = [loaded.definition for loaded in house.app.engine.definitions.all_in_force(connection)]
    named = {
        effect.name
        for definition in definitions
        for step in (definition.opening, *definition.steps.values())
        for effect in step.effects
        if not effect.later
    }
    assert "publish-revision" in named
    assert named <= house.app.engine.known_effects.keys()
