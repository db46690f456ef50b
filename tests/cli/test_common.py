"""The options every command takes may stand anywhere, and the language is found before the first word is said."""

from pathlib import Path

import pytest

from qms.cli.common import read


@pytest.mark.parametrize(
    "words",
    [
        ["--json", "--workspace", "w", "case", "list"],
        ["case", "--json", "list", "-w", "w"],
        ["case", "list", "--workspace=w", "--json"],
    ],
)
def test_common_options_stand_before_between_or_after_the_command(words: list[str]) -> None:
    common, rest = read(words, {})
    assert (common.json, common.workspace, rest) == (True, Path("w"), ["case", "list"])


def test_what_follows_two_dashes_is_left_alone() -> None:
    common, rest = read(["identifier", "check", "CIG", "--", "--json"], {})
    assert not common.json
    assert rest == ["identifier", "check", "CIG", "--", "--json"]


@pytest.mark.parametrize(
    ("words", "environ", "language"),
    [
        (["--language", "en"], {"QMS_LANGUAGE": "it", "LANG": "it_IT.UTF-8"}, "en"),
        ([], {"QMS_LANGUAGE": "it", "LANG": "en_GB.UTF-8"}, "it"),
        ([], {"LANG": "it_IT.UTF-8"}, "it"),
        ([], {"LC_ALL": "C.UTF-8"}, "en"),
    ],
)
def test_language_is_the_option_then_the_environment_then_the_terminal(
    words: list[str], environ: dict[str, str], language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert read(words, environ)[0].language == language


def test_the_workspaces_own_language_stands_above_the_terminals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "qms.toml").write_text('language = "it"\n')
    (tmp_path / "deep/er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep/er")
    common, _ = read([], {"LANG": "en_GB.UTF-8"})
    assert (common.workspace, common.language) == (tmp_path, "it")


@pytest.mark.parametrize("words", [["--language", "de"], ["--workspace"]])
def test_a_common_option_used_wrongly_is_said_after_the_language_is_known(words: list[str]) -> None:
    common, _ = read(words, {"LANG": "it_IT"})
    assert common.mistake is not None
    assert common.language == "it"
