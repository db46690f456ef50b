"""An ordinary git client at the library's address: fetch what is in force, push a draft, be refused everything else."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import House
from tests.web.conftest import AsPerson, size_of
from tests.web.live import serving

FILE = "procedures/miglioramento/PRO-8.7-01-non-conformita.md"
BRANCH = "draft/PRO-8.7-01/da-git"


@pytest.fixture
def address(house: House) -> Iterator[str]:
    with serving(house.app) as found:
        yield found


def git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {"HOME": str(folder), "PATH": os.environ["PATH"], "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1"}
    who = ["-c", "user.name=Chiunque", "-c", "user.email=chiunque@example.org"]
    return subprocess.run(["git", *who, *arguments], cwd=folder, env=clean, capture_output=True, text=True, check=False)


def cloned(address: str, token: str, tmp_path: Path) -> Path:
    place = address.replace("://", f"://git:{token}@") + "/library.git"
    done = git(tmp_path, "clone", "-q", place, "clone")
    assert done.returncode == 0, done.stderr
    return tmp_path / "clone"


def changed(clone: Path, branch: str) -> None:
    git(clone, "checkout", "-q", "-b", branch)
    path = clone / FILE
    path.write_text(path.read_text(encoding="utf-8") + "\nUna riga dal proprio editor.\n", encoding="utf-8")
    assert git(clone, "commit", "-qam", "Una riga in più, per prova.").returncode == 0


def test_a_pushed_draft_is_recorded_under_the_name_of_the_token(house: House, as_person: AsPerson, address: str, tmp_path: Path) -> None:
    clone = cloned(address, house.token("quality"), tmp_path)
    changed(clone, BRANCH)
    pushed = git(clone, "push", "origin", BRANCH)
    assert pushed.returncode == 0, pushed.stderr
    assert f"{address}/documents/PRO-8.7-01/drafts/da-git" in pushed.stderr
    quality = as_person("quality")
    assert "Una riga dal proprio editor." in quality.get("/documents/PRO-8.7-01/drafts/da-git").text
    record = quality.get(f"/records/{size_of(house)}").text
    assert "Lucia Bianchi" in record
    assert "Chiunque" not in record


@pytest.mark.parametrize("target", ["main", "refs/tags/rev/PRO-8.7-01/9", "refs/heads/checkpoints"])
def test_a_push_elsewhere_is_refused_with_a_sentence(house: House, address: str, tmp_path: Path, target: str) -> None:
    clone = cloned(address, house.token("quality"), tmp_path)
    changed(clone, BRANCH)
    before = size_of(house)
    refused = git(clone, "push", "origin", f"HEAD:{target}")
    assert refused.returncode != 0
    assert "remote:" in refused.stderr
    assert any(word in refused.stderr for word in ("bozza", "bozze", "sistema"))
    assert size_of(house) == before


def test_who_may_not_read_everything_does_not_clone(house: House, as_person: AsPerson, address: str, tmp_path: Path) -> None:
    place = "/library.git/info/refs?service=git-upload-pack"
    stranger = as_person(None)
    answer = stranger.get(place)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert as_person("quality").get(place).status_code == 401
    assert stranger.get(place, auth=("x", "qms_wrong")).status_code == 401
    for name, status in (("quality", 200), ("auditor", 200), ("tenders", 200), ("kennel", 403), ("learner", 403), ("system", 403)):
        assert stranger.get(place, auth=("x", house.token(name))).status_code == status, name
    push = "/library.git/info/refs?service=git-receive-pack"
    for name, status in (("quality", 200), ("auditor", 403), ("kennel", 403)):
        assert stranger.get(push, auth=("x", house.token(name))).status_code == status, name
    for path in ("/library.git/HEAD", "/library.git/config", "/library.git/objects/info/packs", "/library.git/..%2fqms.toml"):
        assert stranger.get(path, auth=("x", house.token("quality"))).status_code == 404, path
