"""The arithmetic of the seal against simpler models of itself and against published vectors."""

import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from qms.records import keys, seal
from qms.records.offline.curve import ORDER, signature_fits

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),
    max_leaves=20,
)


@given(plain)
def test_canonical_text_reads_back_as_what_was_written_and_has_one_form(value: Any) -> None:
    written = seal.canonical(value)
    assert json.loads(written) == value
    assert seal.canonical(json.loads(written)) == written
    assert "\n" not in written


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers(), min_size=2))
def test_the_order_in_which_keys_came_leaves_no_trace(value: dict[str, int]) -> None:
    assert seal.canonical(dict(reversed(value.items()))) == seal.canonical(value)


@pytest.mark.parametrize("value", [1.0, float("nan"), {"a": [0.5]}, {1: "a"}, {"a": b"x"}, object(), {"a": {1, 2}}])
def test_what_has_no_single_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        seal.canonical(value)


def test_tuples_seal_as_lists() -> None:
    assert seal.canonical({"a": (1, 2)}) == '{"a":[1,2]}'


def naive_root(leaves: list[bytes]) -> bytes:
    """RFC 9162, 2.1.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def grown(leaves: list[bytes]) -> tuple[list[bytes], dict[tuple[int, int], bytes]]:
    frontier: list[bytes] = []
    nodes = {}
    for index, leaf in enumerate(leaves):
        frontier, completed = seal.extend(frontier, index, leaf)
        nodes[0, index] = leaf
        nodes.update({(level, at): one for level, at, one in completed})
    return frontier, nodes


sizes = st.integers(1, 130)


def some_leaves(count: int) -> list[bytes]:
    return [seal.leaf_hash(str(n).encode()) for n in range(count)]


@given(st.integers(0, 130))
def test_the_tree_grown_leaf_by_leaf_has_the_root_of_the_definition(count: int) -> None:
    leaves = some_leaves(count)
    frontier, nodes = grown(leaves)
    assert seal.root_of(frontier) == naive_root(leaves)
    assert len(nodes) - count == (count - count.bit_count() if count else 0)


@given(sizes, st.data())
def test_every_leaf_proves_its_place_and_no_other(count: int, data: st.DataObject) -> None:
    leaves = some_leaves(count)
    frontier, nodes = grown(leaves)
    index, other = data.draw(st.integers(0, count - 1)), data.draw(st.integers(0, count - 1))
    path = seal.inclusion_proof(index, count, lambda level, at: nodes[level, at])
    assert seal.root_from_inclusion(index, count, leaves[index], path) == seal.root_of(frontier)
    if other != index:
        assert _root_or_none(other, count, leaves[index], path) != seal.root_of(frontier)
        assert _root_or_none(index, count, leaves[other], path) != seal.root_of(frontier)


def _root_or_none(index: int, size: int, leaf: bytes, path: list[bytes]) -> bytes | None:
    try:
        return seal.root_from_inclusion(index, size, leaf, path)
    except ValueError:
        return None


@given(sizes, st.data())
def test_every_older_tree_is_shown_to_be_a_beginning(count: int, data: st.DataObject) -> None:
    leaves = some_leaves(count)
    _, nodes = grown(leaves)
    old = data.draw(st.integers(1, count))
    path = seal.consistency_proof(old, count, lambda level, at: nodes[level, at])
    assert seal.consistent(old, naive_root(leaves[:old]), count, naive_root(leaves), path)
    changed = [*leaves[: old - 1], seal.leaf_hash(b"other")]
    assert not seal.consistent(old, naive_root(changed), count, naive_root(leaves), path)


def mutations(draw: Any, path: list[bytes]) -> list[bytes]:
    """One thing about a proof changed: a bit, a step lost, doubled, added, or two exchanged."""
    kind = draw(st.sampled_from(["bit", "lose", "double", "add", "swap"])) if path else "add"
    where = draw(st.integers(0, max(len(path) - 1, 0)))
    if kind == "bit":
        bit = draw(st.integers(0, 255))
        step = (int.from_bytes(path[where], "big") ^ 1 << bit).to_bytes(32, "big")
        return [*path[:where], step, *path[where + 1 :]]
    if kind == "lose":
        return path[:where] + path[where + 1 :]
    if kind == "double":
        return [*path[: where + 1], *path[where:]]
    if kind == "swap" and len(path) > 1:
        other = (where + 1) % len(path)
        path = list(path)
        path[where], path[other] = path[other], path[where]
        return path
    return [*path[:where], draw(st.binary(min_size=32, max_size=32)), *path[where:]]


@settings(max_examples=1500, deadline=None)
@given(st.integers(2, 40), st.data())
def test_no_mutated_proof_passes(count: int, data: st.DataObject) -> None:
    leaves = some_leaves(count)
    _, nodes = grown(leaves)
    root, index, old = naive_root(leaves), data.draw(st.integers(0, count - 1)), data.draw(st.integers(1, count))
    path = seal.inclusion_proof(index, count, lambda level, at: nodes[level, at])
    bent = mutations(data.draw, path)
    assert bent == path or _root_or_none(index, count, leaves[index], bent) != root
    path = seal.consistency_proof(old, count, lambda level, at: nodes[level, at])
    bent = mutations(data.draw, path)
    assert bent == path or not seal.consistent(old, naive_root(leaves[:old]), count, root, bent)
    older = data.draw(st.integers(1, count))
    assert older == old or not seal.consistent(older, naive_root(leaves[:old]), count, root, path)


def test_the_published_tree_of_certificate_transparency_gives_its_published_root() -> None:
    entries = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    leaves = [seal.leaf_hash(bytes.fromhex(one)) for one in entries]
    assert naive_root(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    assert seal.root_of(grown(leaves)[0]) == naive_root(leaves)


VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("public", "message", "signature"), VECTORS)
def test_published_signatures_fit_and_nothing_beside_them(public: str, message: str, signature: str) -> None:
    key, said, made = bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature)
    assert signature_fits(key, said, made)
    assert not signature_fits(key, said + b"\0", made)
    assert not signature_fits(key, said, made[:-1])
    assert not signature_fits(key[:-1], said, made)
    for place in range(64):
        assert not signature_fits(key, said, made[:place] + bytes([made[place] ^ 1]) + made[place + 1 :])


def test_a_signature_has_one_form_only() -> None:
    key, said, made = (bytes.fromhex(one) for one in VECTORS[1])
    number = int.from_bytes(made[32:], "little") + ORDER
    assert not signature_fits(key, said, made[:32] + number.to_bytes(32, "little"))


@pytest.mark.parametrize(
    "key",
    [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ],
)
def test_keys_of_small_order_or_of_a_second_form_sign_nothing(key: str) -> None:
    """Under such keys the signature "neutral point, zero" would fit every message, or a fraction of them."""
    neutral = bytes([1]) + bytes(31)
    assert not any(signature_fits(bytes.fromhex(key), str(n).encode(), neutral + bytes(32)) for n in range(32))


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_plain_python_and_the_package_agree_on_signatures(said: bytes, other: bytes) -> None:
    key = Ed25519PrivateKey.generate()
    public, made = key.public_key().public_bytes_raw(), key.sign(said)
    assert signature_fits(public, said, made)
    assert signature_fits(public, other, made) == keys.verifies(public, other, made) == (said == other)


def test_a_checkpoint_reads_back_and_takes_further_signature_lines() -> None:
    key = keys.new()
    body = seal.note_body("qms/test", 12, hashlib.sha256(b"x").digest())
    text = seal.note(body, "qms/test", key.public, key.sign(body.encode()))
    found = seal.read_note(text)
    assert (found.origin, found.size, found.root, found.body) == ("qms/test", 12, hashlib.sha256(b"x").digest(), body)
    assert found.signatures[0][1] == seal.key_id("qms/test", key.public)
    more = text + "— witness.example AAAAAGFi\n"
    assert [name for name, _, _ in seal.read_note(more).signatures] == ["qms/test", "witness.example"]


@given(st.text(max_size=200))
def test_no_text_makes_the_reading_of_a_checkpoint_fall(text: str) -> None:
    for candidate in (text, f"qms\n1\n{text}\n\n— qms AAAA\n", f"qms\n{text}\n{'A' * 43}=\n\n— qms AAAAAAA=\n"):
        try:
            seal.read_note(candidate)
        except ValueError:
            continue
