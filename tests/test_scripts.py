"""The first commands a newcomer types: they say in two languages what is missing, and do nothing twice."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOOLS = ("sh", "cat", "cksum", "cut", "date", "dirname", "du", "sed")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A checkout on a machine that has a shell and little else: ``tools`` is its whole path."""
    for name in ("pyproject.toml", "requirements.txt", "bin"):
        source = ROOT / name
        shutil.copytree(source, tmp_path / name) if source.is_dir() else shutil.copy(source, tmp_path)
    (tmp_path / "tools").mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None
        (tmp_path / "tools" / tool).symlink_to(found)
    return tmp_path


def pretend(machine: Path, tool: str, script: str) -> None:
    path = machine / "tools" / tool
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def call(machine: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(machine / "bin/venv"), *words], env={"PATH": str(machine / "tools")}, capture_output=True, text=True, check=False
    )


def test_a_missing_git_is_said(machine: Path) -> None:
    done = call(machine, "requirements.txt")
    assert done.returncode == 1
    assert "git is needed" in done.stderr
    assert "Serve git" in done.stderr


def test_an_old_git_is_said(machine: Path) -> None:
    pretend(machine, "git", "echo git version 2.30.2")
    done = call(machine, "requirements.txt")
    assert done.returncode == 1
    assert "git 2.38 or newer is needed (found 2.30)" in done.stderr


@pytest.mark.parametrize(("script", "found"), [(None, "none"), ("[ $1 = --version ] && echo Python 3.9.2; exit 1", "Python 3.9.2")])
def test_a_missing_or_old_python_is_said(machine: Path, script: str | None, found: str) -> None:
    pretend(machine, "git", "echo git version 2.39.5")
    if script is not None:
        pretend(machine, "python3", script)
    done = call(machine, "requirements.txt")
    assert done.returncode == 1
    assert f"Python 3.11 or newer is needed (found: {found})" in done.stderr
    assert "Serve Python 3.11" in done.stderr
    assert not (machine / ".venv").exists()


@pytest.mark.skipif(not (ROOT / ".venv/qms-requirements-dev.txt").exists(), reason="this checkout's environment was not made by bin/test")
def test_an_environment_that_is_current_is_left_alone() -> None:
    before = (ROOT / ".venv/qms-requirements-dev.txt").stat().st_mtime_ns
    done = subprocess.run(
        [str(ROOT / "bin/venv"), "requirements-dev.txt"], env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert (ROOT / ".venv/qms-requirements-dev.txt").stat().st_mtime_ns == before
