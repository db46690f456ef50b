"""The command line as a test calls it: in this process, with its own environment, the house's clock and no terminal."""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from qms.cli import run
from qms.database import Clock, utc_now
from tests.cast import PASSWORD
from tests.house import House


@dataclass(frozen=True)
class Answer:
    """What one command line gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def codes(self) -> list[str]:
        """The codes of a refusal, from an answer in JSON."""
        return [reason["code"] for reason in self.json["error"]["reasons"]]


Qms = Callable[..., Answer]
AsPerson = Callable[[str], Qms]


@pytest.fixture
def qms(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Qms:
    """Call ``qms`` with words; ``env`` adds to an environment that holds nothing but the language."""

    def call(*words: str, env: Mapping[str, str] | None = None, clock: Clock = utc_now, typed: str = "") -> Answer:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        capsys.readouterr()
        code = run(words, {"QMS_LANGUAGE": "en", **(env or {})}, clock)
        printed = capsys.readouterr()
        return Answer(code, printed.out, printed.err)

    return call


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\n")
    return path


@pytest.fixture
def as_person(qms: Qms, house: House, password_file: Path) -> AsPerson:
    """The command line in the hands of a person of the cast, with a token of theirs and the file with their password."""

    def person(name: str) -> Qms:
        env = {
            "QMS_WORKSPACE": str(house.app.settings.root),
            "QMS_TOKEN": house.token(name),
            "QMS_PASSWORD_FILE": str(password_file),
        }

        def call(*words: str, **more: Any) -> Answer:
            return qms(*words, env={**env, **more.pop("env", {})}, clock=house.clock, **more)

        return call

    return person
