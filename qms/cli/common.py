"""The options that every command takes: in which workspace, in which language, as whom, and whether the answer is for a program.

They may stand anywhere before a ``--``, so that ``qms case list --json`` and ``qms --json case list`` are the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qms import settings
from qms.errors import QmsError
from qms.locale import LANGUAGES

VALUED = {"--language": "language", "--workspace": "workspace", "-w": "workspace", "--token-file": "token_file"}
JSON = "--json"


class WrongUse(Exception):
    """A command line that cannot be understood; ``key`` names the sentence in the catalogues."""

    def __init__(self, key: str, **values: str) -> None:
        super().__init__(key)
        self.key = key
        self.values_said: dict[str, Any] = dict(values)


@dataclass(frozen=True)
class Common:
    """What every command knows before it starts."""

    workspace: Path | None
    language: str
    json: bool
    token_file: Path | None
    environ: Mapping[str, str]
    mistake: WrongUse | None = None


def read(words: Sequence[str], environ: Mapping[str, str]) -> tuple[Common, list[str]]:
    """Take the common options out of a command line; returns them and the words that are left."""
    found: dict[str, str] = {}
    rest: list[str] = []
    mistake: WrongUse | None = None
    json = False
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        name, equals, value = word.partition("=")
        if word == "--":
            rest += [word, *waiting]
            break
        if word == JSON:
            json = True
        elif name in VALUED and equals:
            found[VALUED[name]] = value
        elif word in VALUED and waiting:
            found[VALUED[word]] = waiting.pop(0)
        elif word in VALUED:
            mistake = WrongUse("cli.use.value_missing", option=word)
        else:
            rest.append(word)
    workspace = _workspace(found.get("workspace") or environ.get("QMS_WORKSPACE"))
    asked = found.get("language") or environ.get("QMS_LANGUAGE")
    if asked and asked not in LANGUAGES:
        mistake = WrongUse("cli.use.language", value=asked)
    language = asked if asked in LANGUAGES else _language(workspace, environ)
    token_file = Path(found["token_file"]) if "token_file" in found else None
    return Common(workspace, language or "it", json, token_file, environ, mistake), rest


def _workspace(named: str | None) -> Path | None:
    """The folder named, or the nearest one above the present folder that is a workspace."""
    if named:
        return Path(named)
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / "qms.toml").is_file()), None)


def _language(workspace: Path | None, environ: Mapping[str, str]) -> str:
    """The workspace's own language; outside one, that of the terminal."""
    if workspace:
        try:
            return settings.load(workspace).language
        except (QmsError, OSError):
            pass
    terminal = environ.get("LC_ALL") or environ.get("LC_MESSAGES") or environ.get("LANG") or ""
    return "it" if terminal.startswith("it") else "en"
