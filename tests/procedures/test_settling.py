"""The database decides and references follow: after a crash, after a foreign hand, and when the register is compared with the trail."""

import threading
from typing import Any

import pytest
from sqlalchemy import text

from qms.errors import Stale
from qms.library import RefMove
from qms.procedures import register, settling
from qms.procedures.ledger import TABLES
from qms.procedures.rebuilding import compare
from qms.records import trail
from qms.records.verify import Check
from tests.procedures.house import ANNA, CARLA, PATH, House, words

MAIN = "refs/heads/main"


def settle(house: House) -> list[settling.Alarm]:
    with house.library.writer():
        return settling.settle(house.store, house.library)


def failed(house: House) -> list[Check]:
    with house.store.reading() as connection:
        refs = settling.refs_as_seen(connection, house.library)
        return [check for check in compare(connection, house.library, refs) if not check.passed]


def released(house: House) -> str:
    case = house.start().case
    house.save("prima", words(body="Uno.\n"))
    house.publish(case)
    return case


def test_references_left_behind_by_a_crash_are_rolled_forward(house: House) -> None:
    before = house.found()
    case = house.start().case
    house.save("prima", words(body="Uno.\n"))
    draft = house.found()
    house.publish(case)
    for ref, name in house.found().items():
        if ref not in draft:
            house.library.drop(ref)
        elif draft[ref] != name:
            house.library.force(ref, draft[ref])
    house.library.force("refs/heads/draft/PRO-7.5-01/prima", draft["refs/heads/draft/PRO-7.5-01/prima"])
    assert house.found() == draft != before
    assert settle(house) == []
    assert house.found() == house.wanted()
    assert failed(house) == []


def test_a_torn_reference_and_a_stale_lock_are_mended(house: House) -> None:
    released(house)
    (house.library.path / MAIN).write_bytes(b"")
    (house.library.path / f"{MAIN}.lock").write_bytes(b"")
    (house.library.path / "packed-refs.lock").write_bytes(b"")
    assert settle(house) == []
    assert house.found() == house.wanted()


def test_a_foreign_commit_on_main_is_put_aside_with_an_alarm_and_the_service_goes_on(house: House) -> None:
    head = house.found()[MAIN]
    foreign = house.library.commit(head, {PATH: house.library.write_blob(b"altro\n")}, "x", "Mallory", house.store.clock())
    house.library.force(MAIN, foreign)
    [alarm] = settle(house)
    assert (alarm.ref, alarm.found, alarm.wanted) == (MAIN, foreign, head)
    assert house.library.refs()["refs/qms/quarantine/1"] == foreign
    assert house.found()[MAIN] == head
    assert house.events()[0] == "library-alarm"
    assert settle(house) == []
    released(house)


def test_a_tag_moved_or_made_from_outside_is_an_alarm(house: House) -> None:
    tag = "refs/tags/rev/PRO-7.5-01/0"
    own, other = house.found()[tag], house.found()["refs/tags/rev/PRO-7.5-02/0"]
    house.library.force(tag, other)
    house.library.force("refs/tags/rev/PRO-7.5-01/7", other)
    assert len(settle(house)) == 2
    assert house.found()[tag] == own
    assert house.found() == house.wanted()


def test_a_draft_that_was_pushed_but_never_recorded_is_put_aside(house: House) -> None:
    tip = house.start().commit
    ref = "refs/heads/draft/PRO-7.5-01/prima"
    pushed = house.library.commit(tip, {PATH: house.library.write_blob(words(body="Mai.\n").encode())}, "x", "a", house.store.clock())
    house.library.force(ref, pushed)
    [alarm] = settle(house)
    assert alarm.found == pushed
    assert house.found()[ref] == tip


def test_checkpoints_are_nobody_elses_business(house: House) -> None:
    house.library.force("refs/heads/checkpoints", house.found()[MAIN])
    assert settle(house) == []
    house.library.drop("refs/heads/checkpoints")


def test_writers_who_saw_the_same_tip_lose_nothing(house: House) -> None:
    house.start()
    done: list[str] = []

    def write(number: int) -> None:
        for turn in range(5):
            while True:
                try:
                    tip = house.draft("prima").tip
                    done.append(house.save("prima", words(body=f"{number} {turn}\n"), tip=tip).commit)
                    break
                except Stale:
                    continue

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tip = house.draft("prima").tip
    behind = {commit.id for commit in house.library.log(tip)}
    assert len(set(done)) == 20
    assert set(done) <= behind


def test_references_move_all_or_none(house: House) -> None:
    head = house.found()[MAIN]
    other = house.library.commit(head, {PATH: None}, "x", "a", house.store.clock())
    with pytest.raises(Stale):
        house.library.move([RefMove("refs/heads/draft/PRO-7.5-01/neu", other, None), RefMove(MAIN, other, other)])
    assert house.found()[MAIN] == head
    assert "refs/heads/draft/PRO-7.5-01/neu" not in house.found()


def test_the_register_rebuilt_from_the_trail_agrees(house: House) -> None:
    released(house)
    house.start("seconda")
    house.start("terza", by=CARLA)
    assert failed(house) == []


CELLS = [(table.name, column.name) for table in TABLES.values() for column in table.columns if not column.primary_key]


@pytest.mark.parametrize(("table", "column"), CELLS)
def test_every_changed_cell_is_named(house: House, table: str, column: str) -> None:
    released(house)
    house.start("seconda")
    kind = TABLES[table].columns[column].type.python_type
    forged: Any = 99 if kind is int else "x"
    with house.store.writing() as tx:
        key = next(iter(TABLES[table].primary_key)).name
        first = tx.connection.execute(text(f"SELECT min({key}) FROM {table}")).scalar()
        where = f"{key} = :k" + (" AND slug = 'prima'" if table == "draft" else " AND number = 0" if table == "revision" else "")
        tx.connection.execute(text(f"UPDATE {table} SET {column} = :v WHERE {where}"), {"v": forged, "k": first})
    assert any(check.place.endswith(f".{column}") and check.place.startswith(table) for check in failed(house))


@pytest.mark.parametrize("table", [*TABLES, "git_ref"])
def test_every_lost_row_is_named(house: House, table: str) -> None:
    released(house)
    with house.store.writing() as tx:
        tx.connection.execute(text(f"DELETE FROM {table}"))
    assert failed(house) != []
    with house.store.writing() as tx:
        if table == "git_ref":
            for ref, name in house.found().items():
                tx.connection.execute(text("INSERT INTO git_ref VALUES (:r, :t)"), {"r": ref, "t": name})


def test_a_text_swapped_in_git_is_named(house: House) -> None:
    released(house)
    blob = house.row().blob
    file = house.library.path / "objects" / blob[:2] / blob[2:]
    file.chmod(0o644)
    other = house.library.write_blob(b"altro\n")
    file.write_bytes((house.library.path / "objects" / other[:2] / other[2:]).read_bytes())
    house.library.close()
    assert [check.name for check in failed(house)] == ["texts"]


def test_every_act_on_the_shelf_is_on_the_trail_under_who_did_it(house: House) -> None:
    released(house)
    with house.store.reading() as connection:
        found = trail.entries(connection, document="PRO-7.5-01", limit=100)
        assert {(one.event, one.said["by"]["person"]) for one in found} == {
            ("document-adopted", "P-0002"), ("draft-saved", ANNA.person), ("step-taken", CARLA.person),
        }  # fmt: skip
        assert register.drafts(connection) == []
