"""Somebody changes stored rows beneath the program, triggers taken away first: verification names the place, on both databases."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from qms.database import Database
from qms.records import keys, personal, seal, trail, words
from qms.records.trail import Act
from qms.records.verify import verify_trail
from tests.records.acts import GIULIA, fill, ground, note, wrong
from tests.records.rewriting import cut, rewrite

COUNT = 40
POSITIONS = (1, 2, 7, 16, 32, 39, 40)
COPIES = (
    "at", "happened_at", "event", "person", "role", "organisation", "case_number", "case_n", "workflow", "definition", "step",
    "document_key", "commit_id", "idempotency_key",
)  # fmt: skip
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
Named = list[tuple[str, str, str]]
Tamper = Callable[..., Named]
Statement = str | tuple[str, Mapping[str, Any]]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return tmp_path / "evidence"


@pytest.fixture
def filled(store: Database, files: Path) -> Database:
    fill(store, COUNT, files)
    return store


@pytest.fixture
def tamper(filled: Database, files: Path) -> Iterator[Tamper]:
    """Run statements as somebody with the database's own rights would, past every trigger, verify, and put everything back."""
    with filled.engine.connect() as connection:

        def named(*statements: Statement) -> Named:
            with connection.begin() as transaction:
                without_triggers(connection)
                for one in statements:
                    statement, values = (one, {}) if isinstance(one, str) else one
                    assert connection.execute(text(statement), values).rowcount != 0
                found = _named(list(verify_trail(connection, ground(filled, files))))
                transaction.rollback()
            return found

        yield named


def without_triggers(connection: Connection) -> None:
    query, drop = "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'", "DROP TRIGGER {0}"
    if connection.dialect.name != "sqlite":
        query, drop = "SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal", "DROP TRIGGER {0} ON {1}"
    for row in connection.execute(text(query)).all():
        connection.execute(text(drop.format(*row)))


def test_an_untouched_trail_passes(filled: Database, files: Path) -> None:
    assert wrong(filled, files, {"mine": note(filled)}) == []


def test_verification_while_others_write_raises_no_false_alarm(filled: Database, files: Path) -> None:
    def write(start: int) -> None:
        for n in range(start, start + 20):
            with filled.writing() as tx:
                mark = personal.hide(tx, "x")
                trail.append(tx, Act("noted", GIULIA, fields={"who": [None, mark]}, comment=str(n)))

    with ThreadPoolExecutor(4) as threads:
        writing = [threads.submit(write, start) for start in (100, 200, 300)]
        rounds = 0
        while rounds < 5 or not all(one.done() for one in writing):
            assert wrong(filled, files) == []
            rounds += 1
    assert wrong(filled, files) == []


def test_every_changed_copy_is_named_in_every_row(tamper: Tamper) -> None:
    for column in COPIES:
        value: object = 99 if column == "case_n" else "2020-01-01T00:00:00.000Z" if column in ("at", "happened_at") else "x"
        for position in POSITIONS:
            found = tamper((f"UPDATE entry SET {column} = :value WHERE position = :p", {"value": value, "p": position}))
            assert found == [("columns", f"#{position}", column)]


def test_every_copy_that_was_emptied_is_named(tamper: Tamper) -> None:
    for column in ("happened_at", "role", "organisation", "case_number", "case_n", "workflow", "definition", "step", "idempotency_key"):
        assert tamper(f"UPDATE entry SET {column} = NULL WHERE position = 5") == [("columns", "#5", column)]


def test_a_changed_sealed_text_is_the_one_place_named(tamper: Tamper) -> None:
    for position in POSITIONS:
        found = tamper(f"UPDATE entry SET sealed = replace(sealed, 'commento', 'kommento') WHERE position = {position}")
        assert found == [("seal", f"#{position}", "sealed"), ("words", f"#{position}", "words")]


def test_a_changed_text_with_its_leaf_recomputed_is_named(filled: Database, tamper: Tamper) -> None:
    for position in POSITIONS:
        with filled.reading() as connection:
            sealed = trail.entry(connection, position).sealed.replace("commento", "kommento")
        values = {"sealed": sealed, "leaf": seal.leaf_hash(sealed.encode()).hex(), "p": position}
        found = tamper(("UPDATE entry SET sealed = :sealed, leaf = :leaf WHERE position = :p", values))
        assert {name for name, place, _ in found if place == f"#{position}"} & {"seal", "signature"}
        assert {place for _, place, _ in found} <= {f"#{position}", f"#{position + 1}"}


@pytest.mark.parametrize("sealed", ["", "{}", "[]", "null", "{", '{"v":1}', '{"v":1,"evidence":[1]}', "[" * 5000, '{"v":1.0}', '"\\ud800"'])
def test_nonsense_in_place_of_a_seal_is_named_and_nothing_falls(tamper: Tamper, sealed: str) -> None:
    found = tamper(("UPDATE entry SET sealed = :sealed WHERE position = 9", {"sealed": sealed}))
    assert ("seal", "#9", "sealed") in found
    assert {place for _, place, _ in found} == {"#9"}


def test_a_changed_leaf_is_the_one_place_named(tamper: Tamper) -> None:
    for position in POSITIONS:
        for leaf in ("upper(leaf)", "'x'", f"'{'00' * 32}'"):
            assert tamper(f"UPDATE entry SET leaf = {leaf} WHERE position = {position}") == [("seal", f"#{position}", "leaf")]


def test_a_changed_signature_is_the_one_place_named(tamper: Tamper) -> None:
    for position in POSITIONS:
        found = tamper(f"UPDATE entry SET signature = '!' || substr(signature, 2) WHERE position = {position}")
        assert found == [("signature", f"#{position}", "signature")]


def test_a_signature_written_another_way_is_named(filled: Database, tamper: Tamper) -> None:
    """The last sign of base64 before the padding holds four bits that no decoder reads."""
    with filled.reading() as connection:
        signature = trail.entry(connection, 5).signature
    other = signature[:-3] + ALPHABET[ALPHABET.index(signature[-3]) | 1] + "=="
    assert other != signature
    assert tamper(("UPDATE entry SET signature = :other WHERE position = 5", {"other": other})) == [("signature", "#5", "signature")]


def test_a_deleted_entry_is_named(tamper: Tamper) -> None:
    for position in POSITIONS:
        assert ("order", f"#{position}", "missing") in tamper(f"DELETE FROM entry WHERE position = {position}")


def test_after_a_deleted_entry_the_others_are_still_checked(tamper: Tamper) -> None:
    found = tamper(
        "DELETE FROM entry WHERE position = 9",
        "UPDATE entry SET sealed = replace(sealed, 'commento', 'kommento') WHERE position = 30",
    )
    assert {("order", "#9", "missing"), ("seal", "#30", "sealed")} <= set(found)
    assert not [one for one in found if one[0] == "signature"]


def test_an_inserted_entry_is_named(tamper: Tamper) -> None:
    columns = "sealed, leaf, signature, at, event, person"
    for position in (0, -4, COUNT + 1, COUNT + 7):
        found = tamper(f"INSERT INTO entry (position, {columns}) SELECT {position}, {columns} FROM entry WHERE position = 3")
        assert found == [("order", f"#{position}", "unknown")]


def test_two_entries_that_changed_places_are_both_named(tamper: Tamper) -> None:
    found = tamper(*(f"UPDATE entry SET position = {new} WHERE position = {old}" for old, new in ((10, -1), (11, 10), (-1, 11))))
    assert {("columns", "#10", "position"), ("columns", "#11", "position")} <= set(found)


def test_a_tail_cut_off_is_named_entry_by_entry(tamper: Tamper) -> None:
    found = tamper("DELETE FROM entry WHERE position > 36")
    assert {("order", f"#{position}", "missing") for position in range(37, 41)} <= set(found)


def test_every_changed_node_of_the_tree_is_named(tamper: Tamper) -> None:
    for change in ("hash = upper(hash)", "hash = substr(hash, 3) || '00'", "level = 9", "idx = 900", "level = 0"):
        for level, index in ((1, 0), (1, 19), (2, 3), (3, 1), (4, 0), (5, 0)):
            found = tamper(f"UPDATE tree_node SET {change} WHERE level = {level} AND idx = {index}")
            assert {name for name, _, _ in found} == {"tree"}
            assert ("tree", f"#{(index + 1) << level}", f"{level}/{index}") in found


def test_a_lost_and_an_added_node_are_named(tamper: Tamper) -> None:
    found = tamper("DELETE FROM tree_node WHERE level = 2 AND idx = 4", "INSERT INTO tree_node (level, idx, hash) VALUES (3, 77, 'x')")
    assert found == [("tree", "tree_node 3/77", "unknown"), ("tree", "#20", "2/4")]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("id = 2", "id"),
        ("size = size - 1", "signature"),
        ("size = size + 1", "signature"),
        ("origin = 'other'", "signature"),
        ("frontier = replace(frontier, 'a', 'b')", "frontier"),
        ("frontier = frontier || ' '", "frontier"),
        ("signature = 'x'", "signature"),
        ("at = '2020-01-01T00:00:00.000Z'", "at"),
    ],
)
def test_a_changed_head_is_named(tamper: Tamper, change: str, problem: str) -> None:
    assert ("head", "trail_head", problem) in tamper(f"UPDATE trail_head SET {change}")


def test_a_second_and_a_lost_head_are_named(tamper: Tamper) -> None:
    doubled = "INSERT INTO trail_head SELECT 2, origin, size, frontier, signature, at FROM trail_head"
    assert ("head", "trail_head", "id 2") in tamper(doubled)
    assert tamper("DELETE FROM trail_head") == [("head", "trail_head", "missing")]


def test_every_changed_column_of_a_personal_value_is_named(filled: Database, tamper: Tamper) -> None:
    with filled.reading() as connection:
        refs = list(connection.execute(text("SELECT ref FROM personal_value ORDER BY ref LIMIT 6")).scalars())
    for column in ("value", "salt", "ref"):
        for ref in refs:
            found = tamper((f"UPDATE personal_value SET {column} = substr({column}, 3) || 'f0' WHERE ref = :ref", {"ref": ref}))
            assert {name for name, _, _ in found} == {"personal"}
            assert {problem for _, place, problem in found if place.startswith("#")} == {"missing" if column == "ref" else "changed"}
            assert ("unknown" in {problem for _, _, problem in found}) == (column == "ref")


def test_a_personal_value_lost_or_slipped_in_is_named(tamper: Tamper) -> None:
    found = tamper("INSERT INTO personal_value (ref, salt, value) VALUES ('x', '00', 'y')")
    assert found == [("personal", "personal_value x", "unknown")]
    assert {(name, problem) for name, _, problem in tamper("DELETE FROM personal_value")} == {("personal", "missing")}


def test_a_changed_search_copy_is_named(tamper: Tamper) -> None:
    for position in POSITIONS:
        found = tamper(f"UPDATE trail_text SET words = 'altro' WHERE rowid = {position}")
        assert found == [("words", f"#{position}", "words")]


def test_a_lost_a_moved_and_an_added_search_copy_are_named(tamper: Tamper) -> None:
    found = tamper(
        "DELETE FROM trail_text WHERE rowid = 4",
        "UPDATE trail_text SET rowid = 900 WHERE rowid = 8",
        "INSERT INTO trail_text (rowid, words) VALUES (0, 'x')",
    )
    expected = {("words", "#4", "words"), ("words", "#8", "words"), ("words", "#900", "unknown"), ("words", "#0", "unknown")}
    assert set(found) == expected


def test_an_index_that_no_longer_says_what_the_copy_says_is_named(filled: Database, tamper: Tamper) -> None:
    with filled.reading() as connection:
        kept = words.of(trail.entry(connection, 6).said)
    if filled.is_sqlite:
        swapped: list[Statement] = ["UPDATE trail_text SET words = 'altro' WHERE rowid = 6"]
        swapped.append(("UPDATE trail_text_content SET c0 = :kept WHERE id = 6", {"kept": kept}))
    else:
        swapped = ["ALTER TABLE trail_text ALTER COLUMN vector DROP EXPRESSION"]
        swapped.append("UPDATE trail_text SET vector = to_tsvector('italian', 'altro') WHERE rowid = 6")
    assert tamper(*swapped) == [("words", "#6", "index")]


def test_a_changed_a_lost_and_a_swapped_evidence_file_are_named(filled: Database, files: Path) -> None:
    kept = sorted(path for path in files.rglob("*") if path.is_file())
    kept[0].write_bytes(b"other")
    kept[1].unlink()
    first, second = kept[2].read_bytes(), kept[3].read_bytes()
    kept[2].write_bytes(second)
    kept[3].write_bytes(first)
    found = wrong(filled, files)
    assert {str(check.values["problem"]) for check in found if check.name == "evidence"} == {path.name for path in kept[:4]}
    assert len(found) == 4


def test_bytes_that_sqlite_itself_cannot_read_are_named(filled: Database, tamper: Tamper) -> None:
    if not filled.is_sqlite:
        pytest.skip("PostgreSQL keeps text in UTF-8 and columns in their type")
    found = tamper(
        "UPDATE entry SET sealed = CAST(X'ff00ff' AS TEXT) WHERE position = 12",
        "UPDATE entry SET leaf = X'00' WHERE position = 14",
        "UPDATE entry SET position = 'abc' WHERE position = 20",
    )
    expected = {("seal", "#12", "sealed"), ("seal", "#14", "leaf"), ("order", "#20", "missing"), ("order", "abc", "unknown")}
    assert expected <= set(found)


def test_a_checkpoint_kept_elsewhere_finds_what_was_rewritten_with_the_key(filled: Database, files: Path) -> None:
    mine = note(filled)
    rewrite(filled, 20, "commento", "kommento")
    assert wrong(filled, files) == []
    assert _named(wrong(filled, files, {"mine": mine})) == [("held", "mine", "root 40")]


def test_a_rewriting_with_another_key_is_found_without_a_checkpoint(filled: Database, files: Path) -> None:
    rewrite(filled, 20, "commento", "kommento", keys.new())
    assert _named(wrong(filled, files)) == [("signature", "#1–#40", "signature"), ("head", "trail_head", "signature")]


def test_an_older_state_put_back_whole_is_found_by_a_checkpoint_kept_elsewhere(filled: Database, files: Path) -> None:
    mine = note(filled)
    cut(filled, 30)
    assert ("held", "mine", "40 > 30") in _named(wrong(filled, files, {"mine": mine}))


@pytest.mark.parametrize("held", ["", "nonsense", "qms/test\n1\nAAAA\n\n— qms/test AAAA\n"])
def test_a_text_that_is_no_checkpoint_does_not_pass_for_one(filled: Database, files: Path, held: str) -> None:
    assert [one.name for one in wrong(filled, files, {"mine": held})] == ["held"]


def test_a_checkpoint_signed_by_another_key_is_refused(filled: Database, files: Path) -> None:
    true, other = seal.read_note(note(filled)), keys.new()
    forged = seal.note(true.body, true.origin, other.public, other.sign(true.body.encode()))
    assert _named(wrong(filled, files, {"mine": forged})) == [("held", "mine", "signature")]


def _named(checks: list[Any]) -> Named:
    return [(check.name, check.place, str(check.values["problem"])) for check in checks if not check.passed]
