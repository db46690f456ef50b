"""A process is told from its definition: whatever the definition says of steps, deadlines and records stands in the outline, in words."""

from datetime import date
from pathlib import Path

import pytest

from qms.locale import LANGUAGES
from qms.workflows import outline
from qms.workflows.definition import PROFILES, Definition
from qms.workflows.definitions import IDENTIFIERS
from qms.workflows.figures import read_figures
from qms.workflows.outline import Outline
from qms.workflows.reading import read_definition

SHELF = Path(__file__).parents[2] / "workflows"
FIGURES = read_figures((SHELF / "figures.yaml").read_bytes(), "figures.yaml")
EVERY = [read_definition(path.read_bytes(), path.name, IDENTIFIERS) for path in sorted(SHELF.glob("*.yaml")) if path.name != "figures.yaml"]
DAY = date(2026, 3, 2)


def told(definition: Definition, language: str = "it", profile: str = "small") -> Outline:
    return outline.outline(definition, profile, language, {"TENDER": "Ufficio gare"}, FIGURES, DAY)


def of(name: str) -> Definition:
    return next(one for one in EVERY if one.id == name)


@pytest.mark.parametrize("definition", EVERY, ids=lambda one: one.id)
@pytest.mark.parametrize("profile", PROFILES)
def test_nothing_of_a_definition_is_left_out(definition: Definition, profile: str) -> None:
    for language in LANGUAGES:
        found = told(definition, language, profile)
        assert [step.name for step in found.steps] == ["opening", *(step.name for step in definition.steps_in(profile))]
        assert [one.title for one in found.deadlines] == [timer.title[language] for timer in definition.timers_in(profile)]
        assert {one.code for one in found.records} <= definition.records.keys()
        assert all(one.due for one in found.deadlines)


def test_deadlines_are_said_in_words_with_the_number_in_force() -> None:
    found = {one.title: one for one in told(of("nonconformity")).deadlines}
    contain = next(one for one in found.values() if "oppure" in one.due)
    assert contain.due.startswith("24 ore oppure ")
    assert "giorni lavorativi" in contain.due
    days = {one.due for one in found.values()}
    assert any(" dal passaggio «" in words or " dallo stato «" in words for words in days)


def test_a_deadline_that_a_field_holds_is_said_by_the_name_of_the_field() -> None:
    deadlines = told(of("public-tender")).deadlines
    assert any(one.due.startswith("«") for one in deadlines)
    assert any(one.due.startswith("3 giorni lavorativi prima di «") for one in deadlines)
    assert any(one.is_legal for one in deadlines)


def test_steps_say_who_takes_them_what_they_ask_and_whether_they_are_signed() -> None:
    treat = next(step for step in told(of("nonconformity")).steps if step.name == "treat")
    assert "Ufficio gare" in treat.who
    assert treat.asked > 0
    approving = next(step for step in told(of("document-revision")).steps if step.signature)
    assert approving.number > 0
