"""The verifier that travels, attacked: bent proofs, forged roots, old checkpoints, rewritten trails, broken files."""

import ast
import base64
import hashlib
import json
import random
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qms.database import Database
from qms.errors import NotFound
from qms.library import MAIN, Library, RefMove, blob_id
from qms.records import checkpoints, export, keys, offline, seal, trail
from qms.records.export import Choice
from qms.records.offline.checks import Finding, included, verify
from qms.records.offline.clone import Clone
from qms.records.offline.door import main
from qms.records.offline.package import Export, Unreadable
from qms.records.trail import Act
from tests.records.acts import GIULIA, fill, note
from tests.records.rewriting import cut, rewrite

TEXT = b"# Procedura\n\nTesto approvato.\n"
PATH = "procedures/PRO-1.md"


@dataclass(frozen=True)
class Kept:
    """A trail with its library and files, and what an auditor holds of it."""

    store: Database
    library: Library
    files: Path
    held: str

    def export(self, choice: Choice = export.EVERYTHING, **given: Any) -> bytes:
        target, given = BytesIO(), {"evidence_folder": self.files, "library": self.library, **given}
        with self.store.reading() as connection:
            export.write(connection, target, public_key=self.store.signer.public, choice=choice, **given)
        return target.getvalue()


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    made = Library.create(tmp_path / "library.git")
    yield made
    made.close()


@pytest.fixture
def kept(store: Database, library: Library, tmp_path: Path) -> Kept:
    files = tmp_path / "evidence"
    fill(store, 12, files)
    checkpoints.publish(store, library, store.signer.public)
    held = note(store)
    commit = library.commit(None, {PATH: blob_id(TEXT)}, "Release", "qms", store.clock(), blobs=[TEXT])
    tag = library.tag_object(commit, "rev/PRO/1", "PRO-1 revision 1", store.clock())
    library.move([RefMove(MAIN, commit, None), RefMove("refs/tags/rev/PRO/1", tag, None)])
    named = {"key": "PRO", "code": "PRO-1", "revision": 1, "path": PATH, "commit": commit, "tag": "rev/PRO/1"}
    with store.writing() as tx:
        named |= {"blob": blob_id(TEXT), "sha256": hashlib.sha256(TEXT).hexdigest()}
        trail.append(tx, Act("document-adopted", GIULIA, document=named))
    fill(store, 9, files, start=12)
    checkpoints.publish(store, library, store.signer.public)
    return Kept(store, library, files, held)


def unpacked(content: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(BytesIO(content)) as package:
        package.extractall(folder)
    return folder


def named(folder: Path, held: str | None = None, key: bytes | None = None, clone: Path | None = None) -> dict[str, bool | None]:
    return {one.name: one.passed for one in findings(folder, held, key, clone)}


def findings(folder: Path, held: str | None = None, key: bytes | None = None, clone: Path | None = None) -> list[Finding]:
    return verify(Export(folder), [("mine", held)] if held is not None else [], key, Clone(clone) if clone else None)


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "trail.jsonl").read_text("utf-8").splitlines()]


def write(folder: Path, changed: list[dict[str, Any]]) -> None:
    (folder / "trail.jsonl").write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in changed), "utf-8")


ALL_PASSED = dict.fromkeys(("key", "checkpoint", "seal", "order", "tree", "published", "held", "evidence", "git"), True)


def test_a_whole_export_passes_every_check(kept: Kept, tmp_path: Path) -> None:
    folder = unpacked(kept.export(), tmp_path / "out")
    assert named(folder, kept.held, kept.store.signer.public, kept.library.path) == ALL_PASSED
    assert {path.name for path in folder.iterdir()} == {"trail.jsonl", "evidence", "verifica.py", "LEGGIMI.txt", "README.txt"}


def test_what_was_not_given_is_left_open_and_not_passed(kept: Kept, tmp_path: Path) -> None:
    found = named(unpacked(kept.export(with_evidence=False), tmp_path / "out"))
    assert {name for name, passed in found.items() if passed is None} == {"key", "held", "evidence", "git"}
    assert False not in found.values()


@pytest.mark.parametrize("choice", [Choice(case="NC-2026-0002"), Choice(first=5, last=9), Choice(first=20)], ids=str)
def test_a_part_passes_by_its_proofs(kept: Kept, tmp_path: Path, choice: Choice) -> None:
    folder = unpacked(kept.export(choice, held=[kept.held]), tmp_path / "out")
    found = named(folder, kept.held, kept.store.signer.public, kept.library.path)
    assert False not in found.values()
    assert found["tree"] is found["held"] is found["published"] is True


def test_an_empty_choice_is_not_found(kept: Kept) -> None:
    with pytest.raises(NotFound):
        kept.export(Choice(case="NC-2026-9999"))


def test_pages_of_the_export_lead_from_one_to_the_next(kept: Kept) -> None:
    after, seen = 0, []
    while after is not None:
        with kept.store.reading() as connection:
            page = export.page(connection, public_key=kept.store.signer.public, after=after, limit=8)
        said = seal.read_note(page["checkpoint"])
        for row in page["entries"]:
            seen.append(row["position"])
            path = [base64.b64decode(step) for step in row["proof"]]
            assert seal.root_from_inclusion(row["position"] - 1, said.size, seal.leaf_hash(row["sealed"].encode()), path) == said.root
        after = page["next"]
    assert seen == list(range(1, 23))


def test_no_personal_value_and_no_file_name_leaves_with_an_export(kept: Kept) -> None:
    with zipfile.ZipFile(BytesIO(kept.export())) as package:
        said = package.read("trail.jsonl").decode()
    assert "Persona 4" not in said
    assert "verbale" not in said


Change = Callable[[list[dict[str, Any]]], object]


def _sealed(position: int, old: str, new: str) -> Change:
    return lambda all_lines: all_lines[position].update(sealed=all_lines[position]["sealed"].replace(old, new))


def _swap(one: int, other: int) -> Change:
    def swap(all_lines: list[dict[str, Any]]) -> None:
        all_lines[one], all_lines[other] = all_lines[other], all_lines[one]

    return swap


CHANGES: dict[str, tuple[Change, str]] = {
    "one word": (_sealed(5, "commento", "kommento"), "tree"),
    "one bit of a hash": (_sealed(5, '"definition":"d', '"definition":"c'), "tree"),
    "position within": (_sealed(5, '"position":5', '"position":6'), "order"),
    "a space": (_sealed(5, '{"at"', '{ "at"'), "seal"),
    "a key twice": (_sealed(5, '"v":1', '"v":1,"v":1'), "seal"),
    "another version": (_sealed(5, '"v":1', '"v":2'), "seal"),
    "not JSON": (lambda all_lines: all_lines[5].update(sealed="{"), "seal"),
    "a line lost": (lambda all_lines: all_lines.pop(5), "order"),
    "the last lost": (lambda all_lines: all_lines.pop(), "tree"),
    "a line doubled": (lambda all_lines: all_lines.insert(5, all_lines[5]), "order"),
    "a line added": (lambda all_lines: all_lines.append(all_lines[5] | {"position": 23}), "tree"),
    "two exchanged": (_swap(5, 6), "order"),
    "renumbered": (lambda all_lines: all_lines[5].update(position=6), "order"),
    "nothing left": (lambda all_lines: all_lines.__delitem__(slice(1, None)), "tree"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_of_a_whole_export_is_found(kept: Kept, tmp_path: Path, change: str) -> None:
    folder = unpacked(kept.export(), tmp_path / "out")
    changed = lines(folder)
    CHANGES[change][0](changed)
    write(folder, changed)
    found = named(folder)
    assert found[CHANGES[change][1]] is False
    assert found["tree"] is False or change == "renumbered"


HEADERS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "root": (lambda head: head.update(checkpoint=_bent_root(head["checkpoint"])), "checkpoint"),
    "size": (lambda head: head.update(checkpoint=head["checkpoint"].replace("\n22\n", "\n21\n")), "checkpoint"),
    "origin": (lambda head: head.update(origin="other"), "checkpoint"),
    "unsigned": (lambda head: head.update(checkpoint=head["checkpoint"].partition("\n\n")[0] + "\n\n— qms/test AAAAAGFi\n"), "checkpoint"),
    "older checkpoint": (lambda head: head.update(checkpoint=head["checkpoints"][0]["note"]), "tree"),
    "bent published": (lambda head: head["checkpoints"][0].update(note=_bent_root(head["checkpoints"][0]["note"])), "published"),
}


def _bent_root(text: str) -> str:
    parts = text.split("\n")
    parts[2] = base64.b64encode(hashlib.sha256(b"forged").digest()).decode()
    return "\n".join(parts)


@pytest.mark.parametrize("change", HEADERS)
def test_every_forged_checkpoint_is_found(kept: Kept, tmp_path: Path, change: str) -> None:
    folder = unpacked(kept.export(), tmp_path / "out")
    changed = lines(folder)
    HEADERS[change][0](changed[0])
    write(folder, changed)
    assert named(folder)[HEADERS[change][1]] is False


def test_two_thousand_bent_proofs_are_all_found(kept: Kept, tmp_path: Path) -> None:
    folder = unpacked(kept.export(Choice(first=1, last=22), held=[kept.held]), tmp_path / "out")
    whole, chance, bent = lines(folder), random.Random(7), 0
    found = Export(folder)
    head, size = seal.read_note(whole[0]["checkpoint"]), 22
    while bent < 2000:
        row = chance.choice(whole[1:])
        path = [base64.b64decode(step) for step in row["proof"]]
        changed, position = _bent(path, chance), row["position"]
        if chance.random() < 0.2:
            changed, position = path, chance.randint(1, size)
        if (changed, position) == (path, row["position"]):
            continue
        bent += 1
        line = {"position": position, "sealed": row["sealed"], "proof": [base64.b64encode(step).decode() for step in changed]}
        assert not included(line, position, head, seal.leaf_hash(row["sealed"].encode()))
    assert found.note.size == size


def _bent(path: list[bytes], chance: random.Random) -> list[bytes]:
    path, kind, where = list(path), chance.randint(0, 4), chance.randrange(len(path))
    if kind == 0:
        step = bytearray(path[where])
        step[chance.randrange(32)] ^= 1 << chance.randrange(8)
        path[where] = bytes(step)
    elif kind == 1:
        del path[where]
    elif kind == 2:
        path.insert(where, path[where])
    elif kind == 3:
        path.insert(where, chance.randbytes(32))
    else:
        other = chance.randrange(len(path))
        path[where], path[other] = path[other], path[where]
    return path


def test_a_trail_rewritten_with_the_true_key_is_found_only_by_a_checkpoint_kept_outside(kept: Kept, tmp_path: Path) -> None:
    rewrite(kept.store, 3, "commento", "kommento")
    alone = replace_library(kept, tmp_path)
    folder = unpacked(alone.export(), tmp_path / "out")
    assert False not in named(folder).values()
    assert named(folder, kept.held)["held"] is False
    assert named(folder, clone=kept.library.path)["published"] is False


def replace_library(kept: Kept, tmp_path: Path) -> Kept:
    """The forger also makes the branch of checkpoints anew."""
    made = Library.create(tmp_path / "forged.git")
    checkpoints.publish(kept.store, made, kept.store.signer.public)
    return Kept(kept.store, made, kept.files, kept.held)


def test_a_trail_rewritten_with_a_new_key_is_found_by_the_key_and_by_the_checkpoint(kept: Kept, tmp_path: Path) -> None:
    true, forger = kept.store.signer.public, keys.new()
    rewrite(kept.store, 3, "commento", "kommento", forger)
    kept.store.signer = forger
    folder = unpacked(replace_library(kept, tmp_path).export(), tmp_path / "out")
    assert False not in named(folder).values()
    assert named(folder, key=true)["key"] is False
    assert named(folder, kept.held)["held"] is False


def test_a_trail_cut_short_is_found_by_a_later_checkpoint(kept: Kept, tmp_path: Path) -> None:
    later = note(kept.store)
    cut(kept.store, 15)
    folder = unpacked(replace_library(kept, tmp_path).export(), tmp_path / "out")
    assert False not in named(folder, kept.held).values()
    assert named(folder, later)["held"] is False


def test_a_part_without_proof_for_the_checkpoint_held_does_not_pass_it(kept: Kept, tmp_path: Path) -> None:
    folder = unpacked(kept.export(Choice(first=5, last=9)), tmp_path / "out")
    changed = lines(folder)
    changed[0]["checkpoints"] = []
    write(folder, changed)
    assert [one.problems for one in findings(folder, kept.held) if one.name == "held"] == [("proof?",)]


def test_a_changed_and_a_missing_evidence_file_are_found(kept: Kept, tmp_path: Path) -> None:
    folder = unpacked(kept.export(), tmp_path / "out")
    one, other, *_ = sorted((folder / "evidence").iterdir())
    one.write_bytes(one.read_bytes() + b" ")
    assert named(folder)["evidence"] is False
    one.write_bytes(one.read_bytes()[:-1])
    assert named(folder)["evidence"] is True
    other.unlink()
    assert named(folder)["evidence"] is False


def test_every_change_in_the_clone_is_found(kept: Kept, tmp_path: Path) -> None:
    folder, bare = unpacked(kept.export(), tmp_path / "out"), kept.library.path
    tagged = kept.library.refs("refs/tags")["refs/tags/rev/PRO/1"]
    other = kept.library.commit(None, {PATH: blob_id(b"x")}, "Other", "qms", kept.store.clock(), blobs=[b"x"])
    kept.library.force("refs/tags/rev/PRO/1", other)
    assert named(folder, clone=bare)["git"] is False
    kept.library.force("refs/tags/rev/PRO/1", tagged)
    assert named(folder, clone=bare)["git"] is True
    blob = bare / "objects" / blob_id(TEXT)[:2] / blob_id(TEXT)[2:]
    whole = blob.read_bytes()
    blob.chmod(0o600)
    for content in (b"", whole[:10], zlib.compress(b"blob 5\0other"), b"garbage"):
        blob.write_bytes(content)
        assert named(folder, clone=bare)["git"] is False
    blob.unlink()
    assert named(folder, clone=bare)["git"] is False


def test_an_ordinary_clone_serves_as_well_packed_or_not(kept: Kept, tmp_path: Path) -> None:
    folder, clone = unpacked(kept.export(), tmp_path / "out"), tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(kept.library.path), str(clone)], check=True)
    subprocess.run(["git", "-C", str(clone), "gc", "--quiet"], check=True)
    assert named(folder, clone=clone)["git"] is True
    assert named(folder, clone=clone)["published"] is True


def test_the_shipped_file_stands_alone_and_says_the_same(kept: Kept, tmp_path: Path) -> None:
    package = tmp_path / "registro.zip"
    package.write_bytes(kept.export())
    folder = unpacked(kept.export(), tmp_path / "out")
    held = tmp_path / "punto.txt"
    held.write_text(kept.held, "utf-8")
    key = base64.b64encode(kept.store.signer.public).decode()
    given = ["--checkpoint", str(held), "--key", key, "--git", str(kept.library.path)]
    for where, cwd in ((str(package), tmp_path), (None, folder)):
        command = [sys.executable, "-I", "-S", str(folder / "verifica.py"), *([where] if where else []), *given]
        done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"}, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert "nessuna alterazione trovata" in done.stdout
    changed = lines(folder)
    CHANGES["one word"][0](changed)
    write(folder, changed)
    command = [sys.executable, "-I", "-S", str(folder / "verifica.py"), "--lang", "en", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert {one["name"]: one["passed"] for one in json.loads(done.stdout)}["tree"] is False


def test_the_shipped_file_needs_only_the_standard_library_and_names_nothing_twice() -> None:
    tree = ast.parse(offline.joined())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names
    defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    defined += [target.id for node in tree.body if isinstance(node, ast.Assign) for target in node.targets if isinstance(target, ast.Name)]
    assert len(defined) == len(set(defined))
    assert "qms." not in [str(node.module)[:4] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]


BROKEN = [
    "", "\n", "null\n", "[]\n", "{}\n", "{", '{"v":1}\n', "\x00\x01", "[" * 100_000, '{"v":1e400}', '{"v":' + "9" * 5000 + "}",
    '{"v":1,"origin":"o","public_key":"!","checkpoint":"","whole":true,"checkpoints":[],"with_evidence":false}\n',
    '{"v":1,"origin":"o","public_key":"","checkpoint":"","whole":true,"checkpoints":[],"with_evidence":false}\n',
    '{"v":true,"origin":"o","public_key":"","checkpoint":"","whole":1,"checkpoints":[],"with_evidence":false}\n',
]  # fmt: skip


@pytest.mark.parametrize("content", BROKEN, ids=lambda content: content[:20])
def test_what_is_no_export_is_said_without_a_stack_trace(tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "trail.jsonl").write_text(content, "utf-8")
    assert main([str(tmp_path)]) == 2
    assert "non è un pacchetto del registro" in capsys.readouterr().err


@pytest.mark.parametrize("given", [["/none"], ["{0}", "--git", "/none"], ["{0}", "--checkpoint", "/none"], ["{0}", "--key", "é"]])
def test_what_is_not_there_is_said_without_a_stack_trace(kept: Kept, tmp_path: Path, given: list[str]) -> None:
    folder = unpacked(kept.export(), tmp_path / "out")
    assert main([one.format(folder) for one in given]) == 2


def test_a_damaged_zip_never_ends_in_a_stack_trace(kept: Kept, tmp_path: Path) -> None:
    whole, chance, place = kept.export(), random.Random(3), tmp_path / "x.zip"
    for _ in range(60):
        content = bytearray(whole)
        for _ in range(chance.choice([1, 1, 5])):
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        place.write_bytes(bytes(content[: chance.choice([len(content), chance.randrange(len(content))])]))
        assert main([str(place)]) in (0, 1, 2)


INNER = st.sampled_from(["case", "n", "evidence", "document", "blob", "v", "x"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(INNER, inner),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from(["v", "position", "case", "evidence", "document", "by", "fields"]), anything), anything, anything)
def test_no_sealed_nonsense_makes_the_verifier_fall(tmp_path_factory: pytest.TempPathFactory, said: Any, proof: Any, position: Any) -> None:
    folder = tmp_path_factory.mktemp("export", numbered=True)
    key = keys.new()
    body = seal.note_body("qms/test", 1, bytes(32))
    text = seal.note(body, "qms/test", key.public, key.sign(body.encode()))
    header = {"v": 1, "origin": "qms/test", "public_key": base64.b64encode(key.public).decode(), "checkpoint": text}
    sealed = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for whole in (True, False):
        head = header | {"whole": whole, "checkpoints": [], "with_evidence": True}
        write(folder, [head, {"sealed": sealed, "position": position, "proof": proof}])
        try:
            assert named(folder)["tree"] is False
        except (Unreadable, ValueError):
            assert type(position) is not int or sealed >= "\ud800"


def test_a_bomb_is_read_without_filling_the_memory(tmp_path: Path) -> None:
    place = tmp_path / "bomb.zip"
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as package, package.open("trail.jsonl", "w") as file:
        for _ in range(100):
            file.write(bytes(1_000_000))
    assert main([str(place)]) == 2
