"""Checkpoints leave the building: on the library's branch, and as receipts that verify alone."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from qms.database import Database
from qms.errors import BadContent, NotFound, TrailBroken
from qms.library import Library
from qms.records import checkpoints, keys, seal, trail
from qms.records.verify import Ground, verify_entry, verify_trail
from tests.records.acts import fill, ground, note
from tests.records.rewriting import cut, rewrite


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    made = Library.create(tmp_path / "library.git")
    yield made
    made.close()


def test_a_checkpoint_is_published_once_for_each_length(store: Database, library: Library) -> None:
    fill(store, 5)
    first = checkpoints.publish(store, library, store.signer.public)
    assert first == note(store)
    assert checkpoints.publish(store, library, store.signer.public) is None
    fill(store, 3, start=5)
    checkpoints.publish(store, library, store.signer.public)
    assert [size for size, _ in checkpoints.latest(library)] == [8, 5]
    assert checkpoints.latest(library, 1) == [(8, note(store))]
    assert len(library.log(library.refs()[checkpoints.BRANCH])) == 2


def test_a_trail_that_no_longer_continues_what_was_published_is_not_published(store: Database, library: Library) -> None:
    fill(store, 6)
    checkpoints.publish(store, library, store.signer.public)
    rewrite(store, 3, "commento", "kommento")
    fill(store, 1, start=6)
    with pytest.raises(TrailBroken):
        checkpoints.publish(store, library, store.signer.public)


def test_a_trail_cut_short_is_not_published(store: Database, library: Library) -> None:
    fill(store, 6)
    checkpoints.publish(store, library, store.signer.public)
    cut(store, 4)
    with pytest.raises(TrailBroken):
        checkpoints.publish(store, library, store.signer.public)


def test_verification_compares_with_what_was_published(store: Database, library: Library, tmp_path: Path) -> None:
    for start in (0, 5, 10):
        fill(store, 5, start=start)
        checkpoints.publish(store, library, store.signer.public)
    published = checkpoints.texts(library)
    assert len(published) == 3
    here = Ground(store.signer.public, tmp_path, published)
    with store.reading() as connection:
        assert [check for check in verify_trail(connection, here) if not check.passed] == []
    rewrite(store, 8, "commento", "kommento")
    with store.reading() as connection:
        found = [(check.name, check.place) for check in verify_trail(connection, here) if not check.passed]
        one = {check.name: check.passed for check in verify_entry(connection, 8, here)}
    assert found == [("checkpoint", place) for place in sorted(published)[1:]]
    assert one["checkpoint"] is False
    assert one["seal"] is True


def test_one_entry_verifies_whatever_the_length_of_the_trail(store: Database, tmp_path: Path) -> None:
    fill(store, 30, tmp_path)
    with store.reading() as connection:
        for position in (1, 13, 30):
            checks = verify_entry(connection, position, ground(store, tmp_path))
            assert [check.name for check in checks] == ["seal", "columns", "neighbours", "checkpoint", "personal", "evidence"]
            assert all(check.passed for check in checks)
        with pytest.raises(NotFound):
            verify_entry(connection, 31, ground(store, tmp_path))


def test_a_receipt_verifies_alone(store: Database) -> None:
    fill(store, 11)
    with store.reading() as connection:
        text = checkpoints.proof(connection, 4, store.signer.public)
        leaf = seal.leaf_hash(trail.entry(connection, 4).sealed.encode())
    head, _, rest = text.partition("\n\n")
    first, index, *steps = head.split("\n")
    said = seal.read_note(rest)
    assert (first, index, rest) == ("c2sp.org/tlog-proof@v1", "index 3", note(store))
    assert seal.root_from_inclusion(3, said.size, leaf, [base64.b64decode(step) for step in steps]) == said.root


def test_consistency_with_a_checkpoint_held_is_shown_or_denied(store: Database) -> None:
    fill(store, 7)
    held = note(store)
    fill(store, 6, start=7)
    with store.reading() as connection:
        assert checkpoints.agrees(connection, held, store.signer.public)
    rewrite(store, 2, "commento", "kommento")
    with store.reading() as connection:
        assert not checkpoints.agrees(connection, held, store.signer.public)


def test_only_checkpoints_of_this_trail_count(store: Database) -> None:
    fill(store, 2)
    true, other = seal.read_note(note(store)), keys.new()
    forged = seal.note(true.body, true.origin, other.public, other.sign(true.body.encode()))
    with pytest.raises(BadContent) as refused:
        checkpoints.roots({"a": forged, "b": "nonsense"}, store.signer.public)
    assert [problem.code for problem in refused.value.problems] == ["checkpoint.signature", "checkpoint.malformed"]
    assert checkpoints.roots({"a": note(store)}, store.signer.public) == {2: true.root}
