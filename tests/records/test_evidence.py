"""Evidence files are on disk before anybody names them, kept once under the hash of their content, and only of types that are let in."""

import hashlib
import os
from io import BytesIO
from pathlib import Path

import pytest

from qms.errors import Incomplete, NotFound
from qms.records import evidence

LIMIT = 1_000_000
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"


def test_a_file_is_kept_under_its_hash_and_read_back(tmp_path: Path) -> None:
    kept = evidence.store(tmp_path, BytesIO(PDF * 20_000), "Verbale di gara.PDF", LIMIT)
    assert (kept.size, kept.type, kept.name) == (len(PDF) * 20_000, "application/pdf", "Verbale di gara.PDF")
    assert kept.sha256 == hashlib.sha256(PDF * 20_000).hexdigest()
    assert b"".join(evidence.read(tmp_path, kept.sha256)) == PDF * 20_000
    assert evidence.intact(tmp_path, kept.sha256)


def test_the_same_file_twice_is_one_file(tmp_path: Path) -> None:
    first, second = (evidence.store(tmp_path, BytesIO(PDF), name, LIMIT) for name in ("a.pdf", "b.pdf"))
    assert first.sha256 == second.sha256
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_nobody_else_may_read_what_was_kept(tmp_path: Path) -> None:
    kept = evidence.store(tmp_path / "evidence", BytesIO(PDF), "a.pdf", LIMIT)
    assert (tmp_path / "evidence").stat().st_mode & 0o077 == 0
    assert evidence.path_of(tmp_path / "evidence", kept.sha256).parent.stat().st_mode & 0o077 == 0


def test_the_file_is_flushed_before_its_name_and_the_name_before_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash between any two of these leaves at most a file that nobody names."""
    steps: list[str] = []
    flush, rename = os.fsync, Path.rename

    def flushed(handle: int) -> None:
        steps.append(f"fsync {'folder' if os.path.isdir(f'/proc/self/fd/{handle}') else 'file'}")  # noqa: PTH112
        flush(handle)

    def renamed(self: Path, target: Path) -> Path:
        steps.append("rename")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "rename", renamed)
    evidence.store(tmp_path, BytesIO(PDF), "a.pdf", LIMIT)
    assert steps == ["fsync file", "rename", "fsync folder", "fsync folder"]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.exe", b"MZ\x90\0", "EVIDENCE_TYPE"),
        ("a", PDF, "EVIDENCE_TYPE"),
        ("", PDF, "EVIDENCE_TYPE"),
        ("a.html", b"<html>", "EVIDENCE_TYPE"),
        ("a.pdf", b"GIF89a<html><script>", "EVIDENCE_TYPE"),
        ("a.png", PDF, "EVIDENCE_TYPE"),
        ("a.docx", PDF, "EVIDENCE_TYPE"),
        ("a.txt", b"\x7fELF\x02\x01\x01\0" + bytes(100), "EVIDENCE_TYPE"),
        ("a.pdf.", b"", "EVIDENCE_EMPTY"),
        ("a.pdf", b"", "EVIDENCE_EMPTY"),
        ("a.pdf", PDF + bytes(LIMIT), "EVIDENCE_TOO_LARGE"),
    ],
)
def test_what_is_not_let_in_is_refused_and_leaves_nothing(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    with pytest.raises(Incomplete) as refused:
        evidence.store(tmp_path, BytesIO(content), name, LIMIT)
    assert refused.value.codes == (code,)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\x\\bando.txt", "bando.txt"),
        ("a\r\nSet-Cookie: x=1.txt", "a Set-Cookie: x=1.txt"),
        ("\u202etxt.fdp.txt", "txt.fdp.txt"),
        ('a"b.txt', "a'b.txt"),
        ("a" * 400 + ".txt", "a" * 146 + ".txt"),
    ],
)
def test_a_hostile_name_is_made_harmless(tmp_path: Path, name: str, kept: str) -> None:
    assert evidence.store(tmp_path, BytesIO(b"ciao"), name, LIMIT).name == kept


@pytest.mark.parametrize("content", [b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"])
def test_a_picture_that_could_run_is_kept_as_it_is_and_typed_for_download(tmp_path: Path, content: bytes) -> None:
    kept = evidence.store(tmp_path, BytesIO(content), "logo.svg", LIMIT)
    assert kept.type == "image/svg+xml"
    assert b"".join(evidence.read(tmp_path, kept.sha256)) == content


@pytest.mark.parametrize("sha256", ["", "../x", "0" * 63, "0" * 65, "G" * 64, "../" + "0" * 61, "A" * 64, "0" * 64])
def test_what_is_not_here_or_is_no_hash_is_not_found(tmp_path: Path, sha256: str) -> None:
    with pytest.raises(NotFound):
        evidence.read(tmp_path, sha256)


def test_a_changed_file_no_longer_counts_as_intact(tmp_path: Path) -> None:
    kept = evidence.store(tmp_path, BytesIO(PDF), "a.pdf", LIMIT)
    evidence.path_of(tmp_path, kept.sha256).write_bytes(PDF + b" ")
    assert not evidence.intact(tmp_path, kept.sha256)
