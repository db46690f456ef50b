"""The shelf keeps what it is given: names that cannot do harm, moves that all happen or none, one writer, everything on disk."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qms.errors import NotFound, Stale
from qms.formats import git_objects
from qms.library import Library, LibraryFailed, RefMove, blob_id

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
MAIN = "refs/heads/main"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.create(tmp_path / "library.git") as made:
        yield made


def start(library: Library) -> str:
    text = library.write_blob(b"uno\n")
    first = library.commit(None, {"procedures/a/x.md": text, "workflows/w.yaml": text}, "Primo", "P-0001", AT)
    library.move([RefMove(MAIN, first, None)])
    return first


def git(library: Library, *arguments: str) -> str:
    done = subprocess.run(["git", "--git-dir", str(library.path), *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def test_what_is_written_is_read_and_git_finds_no_fault(library: Library) -> None:
    first = start(library)
    two = library.commit(
        first, {"procedures/a/x.md": None, "procedures/b/y.md": library.write_blob(b"due\n")}, "Secondo", "P-1", AT, {"Key": "x"}
    )
    tag = library.tag_object(two, "rev/X/1", "m", AT)
    library.move([RefMove(MAIN, two, first), RefMove("refs/tags/rev/X/1", tag, None)])
    assert library.tree(two).keys() == {"procedures/b/y.md", "workflows/w.yaml"}
    assert library.tree(two, "procedures").keys() == {"procedures/b/y.md"}
    assert library.blob_at(two, "procedures/a/x.md") is None
    assert library.read(library.blob_at(two, "procedures/b/y.md") or "") == b"due\n"
    assert library.changed(first, two) == {"procedures/a/x.md": None, "procedures/b/y.md": blob_id(b"due\n")}
    assert library.commit_at(two).trailers == {"Key": "x"}
    assert [commit.id for commit in library.log(two)] == [two, first]
    assert library.tag_target(tag) == two
    assert library.is_ancestor(first, two)
    assert not library.is_ancestor(two, first)
    assert git(library, "fsck", "--strict", "--no-dangling") == ""
    assert git(library, "show", f"{two}:procedures/b/y.md") == "due\n"


def test_a_trailer_cannot_be_forged_by_a_reason_or_a_name(library: Library) -> None:
    first = start(library)
    made = library.commit(first, {}, "x\n\nApproved-By: me\n", "A <b@c>\nauthor evil", AT, {"Approved-By": "P-1\nCase: z"})
    assert library.commit_at(made).trailers == {"Approved-By": "P-1 Case: z"}
    assert library.commit_at(made).author == "A b@cauthor evil"


def test_a_reference_that_moved_meanwhile_moves_nothing(library: Library) -> None:
    first = start(library)
    two = library.commit(first, {}, "x", "a", AT)
    library.move([RefMove(MAIN, two, first)])
    with pytest.raises(Stale):
        library.move([RefMove("refs/heads/new", two, None), RefMove(MAIN, first, first)])
    assert library.refs() == {MAIN: two}


@pytest.mark.parametrize(
    "name",
    ["--output=/tmp/x", "HEAD", "main", "a" * 39, "a" * 40 + "\n", "A" * 40, "", "a" * 40 + "^", "@{-1}", ":/x", "a" * 40 + " b"],
)
def test_only_full_object_names_reach_git(library: Library, name: str) -> None:
    for ask in (
        library.read,
        library.commit_at,
        library.tree,
        lambda it: library.is_ancestor(it, it + "x"),
        lambda it: library.merge_tree(it, it),
    ):
        with pytest.raises(ValueError, match="not an object"):
            ask(name)


@pytest.mark.parametrize(
    "ref", ["--output=/x", "HEAD", "refs/heads/../x", "refs/heads/x.lock", "refs/heads/-x", "refs/heads/a b", "refs/heads/a\nb", "x"]
)
def test_only_plain_references_are_moved(library: Library, ref: str) -> None:
    first = start(library)
    with pytest.raises(ValueError, match="not a reference"):
        library.move([RefMove(ref, first, None)])


@pytest.mark.parametrize("path", ["../x", "/x", "a/../b", ".git/hooks/x", "a//b", "-x", "a/.git/x", "a/b/", "a\nb", "a\0b"])
def test_only_plain_paths_are_written(library: Library, path: str) -> None:
    with pytest.raises(ValueError, match="not a path"):
        library.commit(None, {path: library.write_blob(b"x")}, "x", "a", AT)


def test_what_is_not_there_is_not_found(library: Library) -> None:
    with pytest.raises(NotFound):
        library.read("0" * 40)
    with pytest.raises(NotFound):
        library.read(start(library))


def test_the_reader_outlives_a_killed_git(library: Library) -> None:
    blob = library.write_blob(b"uno\n")
    library.read(blob)
    os.kill(library._git._reader.proc.pid, signal.SIGKILL)
    library._git._reader.proc.wait()
    assert library.read(blob) == b"uno\n"


def test_many_threads_read_at_once(library: Library) -> None:
    blobs = library.write_blobs([f"{n}\n".encode() * n for n in range(1, 60)])
    wrong: list[str] = []

    def read() -> None:
        wrong.extend(blob for n, blob in enumerate(blobs, 1) if library.read(blob) != f"{n}\n".encode() * n)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_merge_is_thought_out_without_touching_a_reference(library: Library) -> None:
    base = library.commit(None, {"a.md": library.write_blob(b"1\n2\n3\n4\n5\n")}, "b", "a", AT)
    library.move([RefMove(MAIN, base, None)])
    ours = library.commit(base, {"a.md": library.write_blob(b"uno\n2\n3\n4\n5\n")}, "o", "a", AT)
    theirs = library.commit(base, {"a.md": library.write_blob(b"1\n2\n3\n4\ncinque\n")}, "t", "a", AT)
    clash = library.commit(base, {"a.md": library.write_blob(b"one\n2\n3\n4\n5\n")}, "c", "a", AT)
    clean = library.merge_tree(ours, theirs)
    assert clean.conflicts == ()
    assert library.read(library.tree_blob(clean.tree, "a.md") or "") == b"uno\n2\n3\n4\ncinque\n"
    assert library.merge_tree(ours, clash).conflicts == ("a.md",)
    assert library.merge_base(ours, theirs) == base
    assert library.refs() == {MAIN: base}
    assert "+uno" in library.diff(blob_id(b"1\n2\n3\n4\n5\n"), blob_id(b"uno\n2\n3\n4\n5\n"))


def test_every_commit_of_a_branch_shows_what_it_touched(library: Library) -> None:
    first = start(library)
    blob = library.write_blob(b"x\n")
    two = library.commit(first, {"a.md": blob}, "2", "a", AT)
    three = library.commit(two, {"a.md": None, "b.md": blob}, "3", "a", AT)
    merge = library.commit([three, first], {}, "m", "a", AT)
    assert library.touched(merge, [first]) == {merge: (), three: ("a.md", "b.md"), two: ("a.md",)}


def test_the_machines_own_git_settings_do_not_matter(library: Library, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".gitconfig").write_text("[core]\n\tfsync = none\n[broken\n")
    for name, value in (("HOME", str(tmp_path)), ("GIT_DIR", "/nowhere"), ("GIT_OBJECT_DIRECTORY", "/nowhere"), ("GIT_NAMESPACE", "x")):
        monkeypatch.setenv(name, value)
    assert library.read(library.write_blob(b"uno\n")) == b"uno\n"


def test_a_git_that_fails_is_named(library: Library) -> None:
    shutil.rmtree(library.path / "objects")
    (library.path / "objects").write_text("")
    with pytest.raises(LibraryFailed):
        library.write_blob(b"x")


def test_stale_locks_of_a_killed_git_do_not_stop_the_next_move(library: Library) -> None:
    first = start(library)
    (library.path / f"{MAIN}.lock").write_bytes(b"")
    two = library.commit(first, {}, "x", "a", AT)
    library.move([RefMove(MAIN, two, first)])
    assert library.refs() == {MAIN: two}


HOLDER = """
import sys, time
from pathlib import Path
from subprocess import PIPE
from qms.library import Library
library = Library(Path(sys.argv[1]))
library.exists("0" * 40)
with library.writer():
    child = library._git._start(["cat-file", "--batch"], istream=PIPE, env=library._git._environment)
    print(child.proc.pid, flush=True)
    time.sleep(60)
"""


def test_the_writers_lock_outlives_a_killed_parent_until_its_git_ends(library: Library) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(library.path)], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": "."}
    )
    assert holder.stdout is not None
    child = int(holder.stdout.readline())
    got = threading.Event()

    def wait() -> None:
        with library.writer():
            got.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    copy = os.dup(holder.stdout.fileno())
    os.kill(child, signal.SIGSTOP)
    holder.kill()
    holder.wait()
    assert not got.wait(0.2)
    os.kill(child, signal.SIGKILL)
    waiting.join(10)
    assert got.is_set()
    os.close(copy)
    holder.stdout.close()


def test_the_lock_is_taken_again_by_its_own_thread_only(library: Library) -> None:
    with library.writer(), library.writer():
        assert library.is_writer
        seen: list[bool] = []
        thread = threading.Thread(target=lambda: seen.append(library.is_writer))
        thread.start()
        thread.join()
        assert seen == [False]
    assert not library.is_writer


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_objects_and_their_folders_are_on_disk_before_a_reference_moves(tmp_path: Path) -> None:
    script = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from qms.library import Library, RefMove
library = Library.create(Path(sys.argv[1]))
at = datetime(2026, 3, 2, tzinfo=UTC)
made = library.commit(None, {"a/b.md": library.write_blob(b"uno")}, "x", "a", at)
tag = library.tag_object(made, "t", "m", at)
print(made, tag)
library.move([RefMove("refs/heads/main", made, None)])
library.close()
"""
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-y", "-e", "trace=fsync,fdatasync,link,linkat,rename,renameat,renameat2", "-o", str(trace)]
    done = subprocess.run(
        [*command, sys.executable, "-c", script, str(tmp_path / "library.git")],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": "."},
    )  # fmt: skip
    if done.returncode != 0 and "ptrace" in done.stderr:
        pytest.skip("tracing is not permitted here")
    assert done.returncode == 0, done.stderr
    lines = trace.read_text().splitlines()
    moved = next(n for n, line in enumerate(lines) if "rename" in line and "heads/main" in line)
    before = [line for line in lines[:moved] if "sync(" in line]
    files = [line for line in before if re.search(r"objects/[0-9a-f]{2}/tmp_obj", line)]
    folders = {found[1] for line in before if (found := re.search(r"objects/([0-9a-f]{2})>", line))}
    assert len(files) == 5
    assert {name[:2] for name in done.stdout.split()} <= folders
    assert any("objects>" in line for line in before)
    assert any("heads/main.lock" in line for line in before)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.lists(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,6}(\.[a-z]{1,3})?", fullmatch=True), min_size=1, max_size=3).map(tuple),
        st.binary(max_size=40),
        max_size=8,
    )
)
def test_any_folder_of_files_is_written_as_git_writes_it(library: Library, wanted: dict[tuple[str, ...], bytes]) -> None:
    files = {path: content for path, content in wanted.items() if not any(path[:n] in wanted for n in range(1, len(path)))}
    changes = {"/".join(path): blob_id(content) for path, content in files.items()}
    made = library.commit(None, changes, "x", "a", AT, blobs=list(files.values()))
    assert library.tree(made) == changes
    listed = git(library, "ls-tree", "-r", "--format=%(objectname) %(path)", made).splitlines()
    assert {path: name for name, _, path in (line.partition(" ") for line in listed)} == changes
    assert git_objects.parse_tree(git_objects.format_tree(library._entries(library.commit_at(made).tree))) == library._entries(
        library.commit_at(made).tree
    )
