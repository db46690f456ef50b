"""Every command explains itself in both languages, and a wrong line is answered in them too."""

from collections.abc import Iterator
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from qms.cli import house
from qms.locale import LANGUAGES, knows
from tests.cli.conftest import Qms


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, command
    if isinstance(command, TyperGroup):
        for name, below in command.commands.items():
            yield from commands(below, (*path, name))


ALL = list(commands(get_command(house())))


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) or "qms" for path, _ in ALL])
def test_every_command_and_every_option_has_its_words_in_both_languages(path: tuple[str, ...], command: Any) -> None:
    for language in LANGUAGES:
        assert knows(language, command.help)
        for param in command.params:
            if param.name != "help":
                assert knows(language, param.help), param.name


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", [path for path, _ in ALL], ids=[" ".join(path) or "qms" for path, _ in ALL])
def test_every_page_of_help_is_printed(qms: Qms, path: tuple[str, ...], language: str) -> None:
    answer = qms(*path, "--help", "--language", language)
    assert answer.code == 0
    assert answer.out.startswith({"it": "Uso: qms", "en": "Usage: qms"}[language])
    assert "cli." not in answer.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["cse"], "“cse” is not a command of qms"),
        (["case", "opn"], "“opn” is not a command of qms case"),
        (["case", "list", "--nope"], "There is no option --nope"),
        (["identifier", "check", "CIG"], "VALUE is missing"),
        (["identifier", "check", "BARCODE", "1"], "There are: CIG"),
        (["case", "list", "--limit", "many"], "--limit takes a whole number, not “many”"),
        (["case", "list", "--limit"], "--limit lacks its value"),
        (["--language", "de", "case"], "“de” is not a language"),
        (["case", "list", "--workspace"], "--workspace lacks its value"),
    ],
)
def test_a_wrong_line_is_exit_code_2_and_one_sentence(qms: Qms, words: list[str], said: str) -> None:
    answer = qms(*words)
    assert answer.code == 2
    assert said in answer.err
    assert answer.out == ""


def test_a_wrong_line_is_said_in_italian_too(qms: Qms) -> None:
    assert "non è un comando" in qms("cse", "--language", "it").err


def test_without_a_command_the_help_is_shown_as_wrong_use(qms: Qms) -> None:
    assert qms("case").code == 2


def test_with_json_even_a_mistake_is_json(qms: Qms) -> None:
    answer = qms("identifier", "check", "BARCODE", "1", "--json")
    assert answer.code == 2
    assert answer.json["error"]["kind"] == "wrong_use"


def test_the_version_is_said(qms: Qms) -> None:
    assert qms("--version").out.startswith("qms ")
    assert qms("--version", "--json").json["version"]
