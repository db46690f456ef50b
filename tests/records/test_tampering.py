"""Somebody changes stored rows beneath the program, triggers taken away first: verification names the place, on both databases."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from qms.database import Database
from tests.records.acts import fill, note, wrong

COUNT = 40
POSITIONS = (1, 2, 7, 16, 32, 39, 40)
COPIES = ("at", "happened_at", "event", "person", "role", "organisation", "workflow", "definition", "step", "commit_id", "idempotency_key")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return tmp_path / "evidence"


@pytest.fixture
def filled(store: Database, files: Path) -> Database:
    fill(store, COUNT, files)
    return store


@pytest.fixture
def beneath(filled: Database) -> Iterator[Callable[..., int]]:
    """Run a statement as somebody with the database's own rights would, past every trigger."""
    with filled.engine.begin() as connection:
        for name, table in _triggers(connection, filled.is_sqlite):
            connection.execute(text(f"DROP TRIGGER {name}" if filled.is_sqlite else f"DROP TRIGGER {name} ON {table}"))

    def run(statement: str, **values: Any) -> int:
        with filled.engine.begin() as connection:
            return int(connection.execute(text(statement), values).rowcount)

    yield run


def _triggers(connection: Any, is_sqlite: bool) -> list[tuple[str, str]]:
    query = "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'"
    if not is_sqlite:
        query = "SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal"
    return [tuple(row) for row in connection.execute(text(query))]


def test_an_untouched_trail_passes(filled: Database, files: Path) -> None:
    assert wrong(filled, files, {"mine": note(filled)}) == []


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("column", [*COPIES, "role", "case_number", "case_n", "document_key"])
def test_a_changed_copy_is_named(filled: Database, files: Path, beneath: Callable[..., int], column: str, position: int) -> None:
    value: object = 99 if column == "case_n" else "2020-01-01T00:00:00.000Z" if column in ("at", "happened_at") else "x"
    assert beneath(f"UPDATE entry SET {column} = :value WHERE position = :position", value=value, position=position) == 1
    assert ("columns", f"#{position}", column) in _named(filled, files)
    assert {name for name, _, _ in _named(filled, files)} == {"columns"}


@pytest.mark.parametrize("position", POSITIONS)
def test_a_copy_that_was_emptied_is_named(filled: Database, files: Path, beneath: Callable[..., int], position: int) -> None:
    beneath("UPDATE entry SET role = NULL WHERE position = :position", position=position)
    assert _named(filled, files) == [("columns", f"#{position}", "role")]


@pytest.mark.parametrize("position", POSITIONS)
def test_a_changed_sealed_text_is_the_one_place_named(
    filled: Database, files: Path, beneath: Callable[..., int], position: int
) -> None:
    beneath("UPDATE entry SET sealed = replace(sealed, 'commento', 'kommento') WHERE position = :position", position=position)
    found = _named(filled, files)
    assert {place for _, place, _ in found} == {f"#{position}"}
    assert ("seal", f"#{position}", "sealed") in found


@pytest.mark.parametrize("sealed", ["", "{}", "[]", "null", "{", '{"v":1}', '{"v":1,"evidence":[1]}', "[" * 5000, '{"v":1.0}', '"\\ud800"'])
def test_nonsense_in_place_of_a_seal_is_named_and_nothing_falls(
    filled: Database, files: Path, beneath: Callable[..., int], sealed: str
) -> None:
    beneath("UPDATE entry SET sealed = :sealed WHERE position = 9", sealed=sealed)
    assert {place for _, place, _ in _named(filled, files)} == {"#9"}


@pytest.mark.parametrize("position", POSITIONS)
def test_a_changed_text_with_its_leaf_recomputed_is_named(
    filled: Database, files: Path, beneath: Callable[..., int], position: int
) -> None:
    from qms.records import seal

    with filled.reading() as connection:
        sealed = str(connection.execute(text("SELECT sealed FROM entry WHERE position = :p"), {"p": position}).scalar_one())
    sealed = sealed.replace("commento", "kommento")
    leaf = seal.leaf_hash(sealed.encode()).hex()
    beneath("UPDATE entry SET sealed = :sealed, leaf = :leaf WHERE position = :position", sealed=sealed, leaf=leaf, position=position)
    found = _named(filled, files)
    assert any(name in ("signature", "seal") and place.startswith(f"#{position}") for name, place, _ in found)
    assert {place for _, place, _ in found} <= {f"#{position}", f"#{position + 1}"}


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("leaf", ["00" * 32, "x", "upper"])
def test_a_changed_leaf_is_the_one_place_named(
    filled: Database, files: Path, beneath: Callable[..., int], position: int, leaf: str
) -> None:
    given = "upper(leaf)" if leaf == "upper" else ":leaf"
    beneath(f"UPDATE entry SET leaf = {given} WHERE position = :position", leaf=leaf, position=position)
    assert _named(filled, files) == [("seal", f"#{position}", "leaf")]


@pytest.mark.parametrize("position", POSITIONS)
def test_a_changed_signature_is_the_one_place_named(filled: Database, files: Path, beneath: Callable[..., int], position: int) -> None:
    beneath("UPDATE entry SET signature = 'AA' || substr(signature, 3) WHERE position = :position", position=position)
    assert ("signature", f"#{position}", "signature") in _named(filled, files)


def test_a_signature_written_another_way_is_named(filled: Database, files: Path, beneath: Callable[..., int]) -> None:
    """The last sign of base64 before the padding holds four bits that no decoder reads."""
    with filled.reading() as connection:
        signature = str(connection.execute(text("SELECT signature FROM entry WHERE position = 5")).scalar_one())
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = signature[:-3] + alphabet[alphabet.index(signature[-3]) | 1] + "=="
    assert other != signature
    beneath("UPDATE entry SET signature = :other WHERE position = 5", other=other)
    assert _named(filled, files) == [("signature", "#5", "signature")]


@pytest.mark.parametrize("position", POSITIONS)
def test_a_deleted_entry_is_named(filled: Database, files: Path, beneath: Callable[..., int], position: int) -> None:
    beneath("DELETE FROM entry WHERE position = :position", position=position)
    assert ("order", f"#{position}", "missing") in _named(filled, files)


def test_after_a_deleted_entry_the_others_are_still_checked(filled: Database, files: Path, beneath: Callable[..., int]) -> None:
    beneath("DELETE FROM entry WHERE position = 9")
    beneath("UPDATE entry SET sealed = replace(sealed, 'commento', 'kommento') WHERE position = 30")
    found = _named(filled, files)
    assert ("order", "#9", "missing") in found
    assert ("seal", "#30", "sealed") in found
    assert not [one for one in found if one[0] == "signature"]


@pytest.mark.parametrize("position", [0, -4, COUNT + 1, COUNT + 7])
def test_an_inserted_entry_is_named(filled: Database, files: Path, beneath: Callable[..., int], position: int) -> None:
    columns = "sealed, leaf, signature, at, event, person"
    beneath(f"INSERT INTO entry (position, {columns}) SELECT :position, {columns} FROM entry WHERE position = 3", position=position)
    assert ("order", f"#{position}", "unknown") in _named(filled, files)


def test_two_entries_that_changed_places_are_both_named(filled: Database, files: Path, beneath: Callable[..., int]) -> None:
    for old, new in ((10, -1), (11, 10), (-1, 11)):
        beneath("UPDATE entry SET position = :new WHERE position = :old", old=old, new=new)
    found = _named(filled, files)
    assert ("columns", "#10", "position") in found
    assert ("columns", "#11", "position") in found


def test_a_tail_cut_off_is_named_entry_by_entry(filled: Database, files: Path, beneath: Callable[..., int]) -> None:
    beneath("DELETE FROM entry WHERE position > 36")
    assert {("order", f"#{position}", "missing") for position in range(37, 41)} <= set(_named(filled, files))


@pytest.mark.parametrize("change", ["hash = upper(hash)", "hash = substr(hash, 3) || '00'", "level = 9", "idx = 900", "level = 0"])
@pytest.mark.parametrize("node", [(1, 0), (1, 19), (2, 3), (3, 1), (4, 0), (5, 0)])
def test_a_changed_node_of_the_tree_is_named(
    filled: Database, files: Path, beneath: Callable[..., int], change: str, node: tuple[int, int]
) -> None:
    assert beneath(f"UPDATE tree_node SET {change} WHERE level = :level AND idx = :idx", level=node[0], idx=node[1]) == 1
    found = _named(filled, files)
    assert {name for name, _, _ in found} == {"tree"}
    assert ("tree", f"#{(node[1] + 1) << node[0]}", f"{node[0]}/{node[1]}") in found


def test_a_lost_and_an_added_node_are_named(filled: Database, files: Path, beneath: Callable[..., int]) -> None:
    beneath("DELETE FROM tree_node WHERE level = 2 AND idx = 4")
    beneath("INSERT INTO tree_node (level, idx, hash) VALUES (3, 77, 'x')")
    assert _named(filled, files) == [("tree", "tree_node 3/77", "unknown"), ("tree", "#20", "2/4")]


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
def test_a_changed_head_is_named(filled: Database, files: Path, beneath: Callable[..., int], change: str, problem: str) -> None:
    beneath(f"UPDATE trail_head SET {change}")
    assert ("head", "trail_head", problem) in _named(filled, files)


def test_a_second_and_a_lost_head_are_named(filled: Database, files: Path, beneath: Callable[..., int]) -> None:
    beneath("INSERT INTO trail_head SELECT 2, origin, size, frontier, signature, at FROM trail_head")
    assert ("head", "trail_head", "id 2") in _named(filled, files)
    beneath("DELETE FROM trail_head")
    assert _named(filled, files) == [("head", "trail_head", "missing")]


@pytest.mark.parametrize("column", ["value", "salt", "ref"])
def test_a_changed_personal_value_is_named(filled: Database, files: Path, beneath: Callable[..., int], column: str) -> None:
    with filled.reading() as connection:
        refs = list(connection.execute(text("SELECT ref FROM personal_value ORDER BY ref LIMIT 3")).scalars())
    for ref in refs:
        beneath(f"UPDATE personal_value SET {column} = substr({column}, 2) || 'f0' WHERE ref = :ref", ref=ref)
    found = _named(filled, files)
    assert len([one for one in found if one[1].startswith("#")]) == 3
    assert {problem for _, place, problem in found if place.startswith("#")} == {"missing" if column == "ref" else "changed"}
    if column == "ref":
        assert len([one for one in found if one[2] == "unknown"]) == 3


def test_a_personal_value_lost_or_slipped_in_is_named(filled: Database, files: Path, beneath: Callable[..., int]) -> None:
    beneath("INSERT INTO personal_value (ref, salt, value) VALUES ('x', '00', 'y')")
    assert _named(filled, files) == [("personal", "personal_value x", "unknown")]
    beneath("DELETE FROM personal_value")
    assert {name for name, _, problem in _named(filled, files) if problem == "missing"} == {"personal"}


@pytest.mark.parametrize("position", POSITIONS)
def test_a_changed_search_copy_is_named(filled: Database, files: Path, beneath: Callable[..., int], position: int) -> None:
    beneath("UPDATE trail_text SET words = 'altro' WHERE rowid = :position", position=position)
    assert _named(filled, files) == [("words", f"#{position}", "words")]


def test_a_lost_moved_and_added_search_copy_is_named(filled: Database, files: Path, beneath: Callable[..., int]) -> None:
    beneath("DELETE FROM trail_text WHERE rowid = 4")
    beneath("UPDATE trail_text SET rowid = 900 WHERE rowid = 8")
    beneath("INSERT INTO trail_text (rowid, words) VALUES (0, 'x')")
    found = _named(filled, files)
    assert {("words", "#4", "words"), ("words", "#8", "words"), ("words", "#900", "unknown"), ("words", "#0", "unknown")} <= set(found)


def test_an_index_that_no_longer_says_what_the_copy_says_is_named(filled: Database, files: Path, beneath: Callable[..., int]) -> None:
    if filled.is_sqlite:
        beneath("UPDATE trail_text SET words = 'altro' WHERE rowid = 6")
        beneath("UPDATE trail_text_content SET c0 = (SELECT c0 FROM trail_text_content WHERE id = 6) WHERE id = 6")
        with filled.reading() as connection:
            from qms.records import trail, words

            kept = words.of(trail.entry(connection, 6).said)
        beneath("UPDATE trail_text_content SET c0 = :kept WHERE id = 6", kept=kept)
    else:
        beneath("ALTER TABLE trail_text ALTER COLUMN vector DROP EXPRESSION")
        beneath("UPDATE trail_text SET vector = to_tsvector('italian', 'altro') WHERE rowid = 6")
    assert _named(filled, files) == [("words", "#6", "index")]


def test_a_changed_lost_or_swapped_evidence_file_is_named(filled: Database, files: Path) -> None:
    kept = sorted(path for path in files.rglob("*") if path.is_file())
    kept[0].write_bytes(b"other")
    kept[1].unlink()
    first, second = kept[2].read_bytes(), kept[3].read_bytes()
    kept[2].write_bytes(second)
    kept[3].write_bytes(first)
    found = _named(filled, files)
    assert {problem for name, _, problem in found if name == "evidence"} == {path.name for path in kept[:4]}
    assert len(found) == 4


def test_bytes_that_the_database_itself_cannot_read_are_named(filled: Database, files: Path, beneath: Callable[..., int]) -> None:
    if not filled.is_sqlite:
        with pytest.raises(DBAPIError):
            beneath(r"UPDATE entry SET comment = E'\xff'")
        return
    beneath("UPDATE entry SET sealed = CAST(X'ff00ff' AS TEXT) WHERE position = 12")
    beneath("UPDATE entry SET leaf = X'00' WHERE position = 14")
    beneath("UPDATE entry SET position = 'abc' WHERE position = 20")
    found = _named(filled, files)
    assert ("seal", "#12", "sealed") in found
    assert ("seal", "#14", "leaf") in found
    assert ("order", "#20", "missing") in found
    assert ("order", "abc", "unknown") in found


def test_a_checkpoint_kept_elsewhere_finds_what_was_rewritten_with_the_key(filled: Database, files: Path, tmp_path: Path) -> None:
    from tests.records.rewriting import rewrite

    mine = note(filled)
    rewrite(filled, 20, "commento", "kommento")
    assert wrong(filled, files) == []
    assert _named(filled, files, {"mine": mine}) == [("held", "mine", "root 40")]


def test_an_older_state_put_back_whole_is_found_by_a_checkpoint_kept_elsewhere(filled: Database, files: Path) -> None:
    from tests.records.rewriting import cut

    mine = note(filled)
    cut(filled, 30)
    assert [one for one in _named(filled, files) if one[0] != "personal"] == []
    assert ("held", "mine", "40 > 30") in _named(filled, files, {"mine": mine})


@pytest.mark.parametrize("held", ["", "nonsense", "qms/test\n1\nAAAA\n\n— qms/test AAAA\n"])
def test_a_text_that_is_no_checkpoint_does_not_pass_for_one(filled: Database, files: Path, held: str) -> None:
    assert [one.name for one in wrong(filled, files, {"mine": held})] == ["held"]


def test_a_checkpoint_signed_by_another_key_is_refused(filled: Database, files: Path) -> None:
    from qms.records import keys, seal

    true, other = seal.read_note(note(filled)), keys.new()
    forged = seal.note(true.body, true.origin, other.public, other.sign(true.body.encode()))
    assert _named(filled, files, {"mine": forged}) == [("held", "mine", "signature")]


def _named(store: Database, files: Path, held: dict[str, str] | None = None) -> list[tuple[str, str, str]]:
    return [(check.name, check.place, str(check.values["problem"])) for check in wrong(store, files, held)]
