"""The trail grows by one entry for every act, gapless whoever writes at once, and the database itself refuses to take anything back."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from qms.database import Database
from qms.errors import NotFound, TrailBroken
from qms.people.actor import SYSTEM, Actor
from qms.records import keys, personal, seal, trail
from qms.records.trail import Act
from tests.records.acts import GIULIA, an_act, fill, note, wrong


def test_an_act_becomes_an_entry_whose_receipt_verifies(store: Database) -> None:
    receipt = fill(store, 1)[0]
    with store.reading() as connection:
        found = trail.entry(connection, 1)
    assert (receipt.position, receipt.size, receipt.case, receipt.state) == (1, 1, "NC-2026-0001", "B")
    assert receipt.leaf == seal.leaf_hash(found.sealed.encode()).hex() == receipt.root
    said = seal.read_note(receipt.note)
    assert keys.verifies(store.signer.public, said.body.encode(), said.signatures[0][2])
    assert (said.size, said.root.hex(), said.origin) == (1, receipt.root, "qms/test")


def test_what_is_sealed_says_who_what_when_and_why(store: Database) -> None:
    store.clock = lambda: datetime(2027, 5, 22, 10, 0, 0, 123000, UTC)
    with store.writing() as tx:
        signature = {"meaning": "x", "method": "password"}
        trail.append(tx, replace(an_act(tx, 0), happened_at=datetime(2026, 11, 21, 9, 30, tzinfo=UTC), signature=signature))
    with store.reading() as connection:
        found = trail.entry(connection, 1)
    assert found.at == datetime(2027, 5, 22, 10, 0, 0, 123000, UTC)
    assert found.happened_at == datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
    assert found.said["by"] == {
        "person": "P-0003", "name": "Giulia Ferri", "role": "QM", "organisation": "consorzio", "on_behalf": None, "via": "web",
    }  # fmt: skip
    assert found.said["fields"] == {"title": [None, "Perché è così, numero 0"]}
    assert (found.said["comment"], found.said["key"], found.said["v"]) == ("commento 0", "P-0003:0", 1)


@pytest.mark.parametrize("kind", ["outside", "learner"])
def test_only_people_of_the_house_are_named(store: Database, kind: str) -> None:
    learner = Actor("P-0090", "Mario Rossi", "it", frozenset(), frozenset(), kind, "web")
    with store.writing() as tx:
        trail.append(tx, Act("acknowledged", learner))
    with store.reading() as connection:
        found = trail.entry(connection, 1)
    assert "Rossi" not in found.sealed
    assert found.said["by"]["person"] == "P-0090"


def test_the_same_act_sent_twice_is_found_again(store: Database) -> None:
    first = fill(store, 5)[2]
    with store.reading() as connection:
        again = trail.already(connection, "P-0003:2", store.signer.public)
        assert trail.already(connection, "P-0003:99") is None
    assert again == replace(first, repeated=True)
    with pytest.raises(IntegrityError), store.writing() as tx:
        trail.append(tx, an_act(tx, 2))
    with store.reading() as connection:
        assert trail.size(connection) == 5


def test_a_transaction_that_fails_leaves_neither_entry_nor_gap(store: Database, tmp_path: Path) -> None:
    fill(store, 3)
    with pytest.raises(ZeroDivisionError), store.writing() as tx:
        trail.append(tx, an_act(tx, 3))
        raise ZeroDivisionError
    assert fill(store, 1, start=3)[0].position == 4
    assert wrong(store, tmp_path) == []


def test_without_a_beginning_there_is_no_trail(store: Database) -> None:
    with pytest.raises(TrailBroken), store.writing() as tx:
        tx.connection.execute(text("DROP TRIGGER trail_head_delete" + ("" if store.is_sqlite else " ON trail_head")))
        tx.connection.execute(text("DELETE FROM trail_head"))
        trail.append(tx, an_act(tx, 0))


def test_sixteen_writers_at_once_leave_no_gap(store: Database, tmp_path: Path) -> None:
    def write(thread: int) -> list[int]:
        positions = []
        for n in range(10):
            with store.writing() as tx:
                act = Act("noted", GIULIA, comment=f"{thread} {n}", key=f"{thread}:{n}")
                positions.append(trail.append(tx, act).position)
        return positions

    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(write, range(16)))
    assert sorted(position for positions in found for position in positions) == list(range(1, 161))
    assert all(positions == sorted(positions) for positions in found)
    assert wrong(store, tmp_path) == []


REFUSED = [
    "UPDATE entry SET comment = 'x'",
    "UPDATE entry SET role = 'TOP' WHERE position = 2",
    "DELETE FROM entry",
    "DELETE FROM entry WHERE position = 3",
    "UPDATE tree_node SET hash = 'x'",
    "DELETE FROM tree_node WHERE level = 1",
    "DELETE FROM trail_head",
    "UPDATE trail_head SET size = 1",
    "UPDATE trail_head SET origin = 'x', size = size + 1",
]
SQLITE_REFUSED = [
    "INSERT OR REPLACE INTO entry SELECT * FROM entry WHERE position = 2",
    "REPLACE INTO tree_node VALUES (1, 0, 'x')",
    "INSERT OR REPLACE INTO trail_head SELECT * FROM trail_head",
]
POSTGRESQL_REFUSED = [
    "TRUNCATE entry",
    "TRUNCATE tree_node, trail_head",
    "INSERT INTO tree_node VALUES (1, 0, 'x') ON CONFLICT (level, idx) DO UPDATE SET hash = 'x'",
]


def test_the_database_refuses_to_take_anything_back(store: Database) -> None:
    fill(store, 4)
    statements = [one.replace("comment = 'x'", "event = 'x'") for one in REFUSED]
    for statement in statements + (SQLITE_REFUSED if store.is_sqlite else POSTGRESQL_REFUSED):
        with pytest.raises(DBAPIError, match="the trail only grows"), store.engine.begin() as connection:
            connection.execute(text(statement))
    with store.reading() as connection:
        assert trail.size(connection) == 4


def asked_of(store: Database) -> list[str]:
    """The first word of every statement that the store is asked from now on."""
    words: list[str] = []

    def note(*given: Any) -> None:
        if not str(given[2]).startswith(("BEGIN", "PRAGMA")):
            words.append(str(given[2]).split()[0])

    event.listen(store.engine, "before_cursor_execute", note)
    return words


def test_an_append_takes_few_statements_and_does_not_read_the_head_it_moved_itself(store: Database) -> None:
    fill(store, 4)
    words = asked_of(store)
    with store.writing() as tx:
        trail.append(tx, an_act(tx, 4))
        trail.append(tx, an_act(tx, 5))
    each = ["UPDATE", "INSERT", "INSERT", "INSERT"]
    assert words == ([*each[:2], *each[3:], *each] if store.is_sqlite else ["WITH", "WITH"])


def test_the_head_is_read_again_when_another_program_moved_it(store: Database, tmp_path: Path) -> None:
    fill(store, 5)
    other = Database(store.engine.url.render_as_string(hide_password=False), tmp_path / "lock", store.signer)
    fill(other, 1, start=5)
    other.close()
    words = asked_of(store)
    assert fill(store, 1, start=6)[0].position == 7
    assert words[1] == "SELECT"
    assert wrong(store, tmp_path) == []


def test_the_head_is_read_again_after_part_of_a_transaction_went_back(store: Database, tmp_path: Path) -> None:
    fill(store, 5)
    with store.writing() as tx:
        with pytest.raises(RuntimeError), tx.attempt():
            trail.append(tx, an_act(tx, 5))
            raise RuntimeError
        assert trail.append(tx, an_act(tx, 5)).position == 6
    with pytest.raises(RuntimeError), store.writing() as tx:
        trail.append(tx, an_act(tx, 6))
        raise RuntimeError
    assert fill(store, 1, start=6)[0].position == 7
    assert wrong(store, tmp_path) == []


def found_by(store: Database, **filters: Any) -> list[int]:
    with store.reading() as connection:
        return [one.position for one in trail.entries(connection, **filters)]


def test_entries_are_found_by_case_person_event_document_definition_and_day(store: Database) -> None:
    day = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
    for n in range(6):
        store.clock = (lambda at: lambda: at)(day + timedelta(days=n))
        with store.writing() as tx:
            act = an_act(tx, n)
            due = replace(act, by=SYSTEM, event="timer-due", case={**(act.case or {}), "definition": "e" * 64})
            trail.append(tx, act if n < 5 else due)
    assert found_by(store) == [6, 5, 4, 3, 2, 1]
    assert found_by(store, case="NC-2026-0001") == [4, 1]
    assert found_by(store, person="system") == [6]
    assert found_by(store, event="timer-due") == [6]
    assert found_by(store, document="K") == [4, 1]
    assert found_by(store, definitions=["e" * 64]) == [6]
    assert found_by(store, definitions=[]) == []
    assert found_by(store, since=date(2027, 3, 2), until=date(2027, 3, 3)) == [3, 2]
    assert found_by(store, before=4, limit=2) == [3, 2]


@pytest.mark.parametrize("wanted", ["perche", "PERCHÉ", "cosi numero", "commento", "comm", "NC-2026-0002"])
def test_words_are_found_without_regard_to_accents_and_capitals(store: Database, wanted: str) -> None:
    fill(store, 3)
    assert 2 in found_by(store, matching=wanted)


HOSTILE = ['"', "' OR 1=1 --", "NEAR(", "AND", "*", "^x", "-", "\x00", "{x} : y", "(" * 500, "'; DROP TABLE x", "è\u0301" * 99]


@pytest.mark.parametrize("wanted", HOSTILE)
def test_no_search_is_taken_for_an_instruction(store: Database, wanted: str) -> None:
    fill(store, 3)
    assert found_by(store, matching=wanted) == []


def test_personal_values_are_neither_sealed_nor_searched_and_can_be_erased(store: Database, tmp_path: Path) -> None:
    with store.writing() as tx:
        mark = personal.hide(tx, "Codice segreto di Anna")
        other = personal.hide(tx, "Codice segreto di Anna")
        trail.append(tx, Act("noted", GIULIA, fields={"who": [None, mark], "also": [None, other]}, comment="nota"))
    assert mark["#"] != other["#"]
    with store.reading() as connection:
        assert "Anna" not in trail.entry(connection, 1).sealed
        assert personal.behind(connection, mark) == {mark["ref"]: "Codice segreto di Anna"}
    assert found_by(store, matching="segreto") == []
    with store.writing() as tx:
        personal.erase(tx, [mark], GIULIA, "QM", "consorzio", "richiesta dell'interessata")
    with store.reading() as connection:
        assert personal.behind(connection, mark, other) == {other["ref"]: "Codice segreto di Anna"}
    assert wrong(store, tmp_path) == []


def test_time_never_runs_backwards_on_the_trail(store: Database) -> None:
    fill(store, 1)
    store.clock = lambda: datetime(2020, 1, 1, tzinfo=UTC)
    fill(store, 1, start=1)
    with store.reading() as connection:
        assert trail.entry(connection, 2).at == trail.entry(connection, 1).at


def test_an_entry_that_is_not_there_is_not_found(store: Database) -> None:
    with pytest.raises(NotFound), store.reading() as connection:
        trail.entry(connection, 1)


def test_the_head_says_what_the_last_checkpoint_says(store: Database) -> None:
    fill(store, 9)
    with store.reading() as connection:
        size, root = trail.head(connection)
    said = seal.read_note(note(store))
    assert (size, root) == (9, said.root.hex()) == (said.size, root)
