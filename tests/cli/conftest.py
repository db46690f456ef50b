"""The command line as a test calls it: in this process, with its own environment and no terminal."""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from qms.cli import run


@dataclass(frozen=True)
class Answer:
    """What one command line gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Qms = Callable[..., Answer]


@pytest.fixture
def qms(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Qms:
    """Call ``qms`` with words; ``env`` adds to an environment that holds nothing but the language."""
    monkeypatch.setattr("sys.stdin", io.StringIO())

    def call(*words: str, env: Mapping[str, str] | None = None) -> Answer:
        capsys.readouterr()
        code = run(words, {"QMS_LANGUAGE": "en", **(env or {})})
        printed = capsys.readouterr()
        return Answer(code, printed.out, printed.err)

    return call
