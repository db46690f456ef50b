"""Everything an entry will name is on disk before the transaction that names it commits; references move only afterwards."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import house

ROOT = Path(__file__).parents[2]
CALLS = "trace=fsync,fdatasync,rename,renameat,renameat2,link,linkat,access,faccessat,faccessat2"


@pytest.fixture(scope="module")
def trace(template: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The system calls of one upload and one release, in the order they were made."""
    strace = shutil.which("strace")
    if strace is None:
        assert os.environ.get("QMS_REQUIRE_STRACE") != "1", "strace is demanded and not installed"
        pytest.skip("strace is not installed: the order of fsync is not traced")
    folder = tmp_path_factory.mktemp("traced")
    house.copy(template, folder / "house")
    command = [
        strace,
        "-f",
        "-y",
        "-e",
        CALLS,
        "-o",
        str(folder / "calls"),
        sys.executable,
        "-m",
        "tests.durability.traced",
        str(folder / "house"),
    ]
    subprocess.run(command, cwd=ROOT, check=True, timeout=300)
    return (folder / "calls").read_text(encoding="utf-8", errors="replace").splitlines()


def between(trace: list[str], name: str) -> list[str]:
    first = next(place for place, line in enumerate(trace) if f"/mark/{name}-begins" in line)
    last = next(place for place, line in enumerate(trace) if f"/mark/{name}-ends" in line)
    return trace[first:last]


def places(lines: list[str], pattern: str) -> list[int]:
    return [place for place, line in enumerate(lines) if re.search(pattern, line)]


def test_evidence_and_its_folder_are_flushed_before_the_commit(trace: list[str]) -> None:
    lines = between(trace, "upload")
    commit = places(lines, r"f(data)?sync\(\d+<[^>]*qms\.sqlite3-wal>")[-1]
    written = places(lines, r"fsync\(\d+<[^>]*/evidence/\.incoming-")
    placed = places(lines, r"rename[^(]*\(.*\.incoming-")
    folder = places(lines, r"fsync\(\d+<[^>]*/evidence(/[0-9a-f]{2})?>")
    assert written and placed and folder
    assert written[0] < placed[0] < folder[-1] < commit


def test_objects_and_their_folders_are_flushed_before_the_commit_and_references_move_after_it(trace: list[str]) -> None:
    lines = between(trace, "release")
    commits = places(lines, r"f(data)?sync\(\d+<[^>]*qms\.sqlite3-wal>")
    objects = places(lines, r"fsync\(\d+<[^>]*/library\.git/objects/([0-9a-f]{2}/tmp_obj|pack/)")
    folders = places(lines, r"fsync\(\d+<[^>]*/library\.git/objects(/[0-9a-f]{2})?>")
    moved = places(lines, r"rename[^(]*\(.*refs/heads/main\.lock")
    assert objects and folders and moved
    assert max(objects) < commits[0]
    assert max(folders) < commits[0]
    assert commits[0] < min(moved)
