"""What the shipped processes ask of people, counted: the page that shows it is true, and small never asks more than full."""

from qms.workflows.definition import Definition
from qms.workflows.paths import Path, paths
from tests.content.office import ROOT
from tests.content.test_guards import DEFINITIONS

PAGE = ROOT / "docs" / "paths.md"


def told(path: Path | None) -> str:
    return f"{path.acts} / {path.fields} / {path.files}" if path is not None else "–"


def row(definition: Definition) -> str:
    """The way to the first end that is named, in both profiles."""
    small, full = ({path.end.name: path for path in paths(definition, profile)} for profile in ("small", "full"))
    end = next(state for state in definition.states.values() if state.name in small)
    return f"| {definition.title['en']} | {end.title['en']} | {told(small[end.name])} | {told(full.get(end.name))} |"


def test_the_page_says_what_the_definitions_ask() -> None:
    rows = [row(DEFINITIONS[name]) for name in sorted(DEFINITIONS)]
    found = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ") and "---" not in line][1:]
    assert found == rows, "\n".join(rows)


def test_the_small_profile_asks_no_more_acts_than_the_full_one() -> None:
    for definition in DEFINITIONS.values():
        full = {path.end.name: path for path in paths(definition, "full")}
        for path in paths(definition, "small"):
            if path.end.name in full:
                assert path.acts <= full[path.end.name].acts, (definition.id, path.end.name)
                assert path.fields <= full[path.end.name].fields, (definition.id, path.end.name)
