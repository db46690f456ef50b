"""No workflow is known to the program: the shipped ones, with everything in them renamed, are checked, opened and walked to their ends."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from qms.app import EFFECTS
from qms.database import Database
from qms.people.actor import Actor
from qms.records.evidence import Attachment
from qms.records.trail import Receipt
from qms.workflows.case import EffectContext
from qms.workflows.check import IDENTIFIERS, Circumstances, check_sources
from qms.workflows.definition import Definition, Field
from qms.workflows.file import File
from qms.workflows.reading import read_definition
from tests.content import test_document_walk as documents
from tests.content import test_nonconformity_walk as nonconformities
from tests.content import test_tender_walk as tenders
from tests.content.office import WORKFLOWS, Office, small_hats
from tests.workflows import renaming
from tests.workflows.renaming import Renamer, high, low

FIGURES = next(path for path in WORKFLOWS if path.stem == "figures")
SOURCES = {path.name: path.read_bytes() for path in WORKFLOWS if path != FIGURES}


@cache
def renamer() -> Renamer:
    return Renamer(SOURCES)


@cache
def renamed(name: str) -> bytes:
    return renamer().renamed(name)


def names(found: Definition) -> set[str]:
    """Everything that the author of a workflow named, but the title and the words that notices use."""
    fields = {name: field for name, field in found.fields.items() if name != "title"}
    columns = {f"{name}.{column}": one for name, field in fields.items() for column, one in (field.columns or {}).items()}
    options = {option for field in (*fields.values(), *columns.values()) for option in field.options or () if field.source is None}
    steps = (found.opening, *found.steps.values())
    guards = {guard.code for step in steps for guard in step.guards} | {step.sod_code for step in found.steps.values()}
    parts = (fields, columns, found.evidence, found.states, found.steps, found.timers, found.links, found.records)
    return {found.id, found.prefix, *guards, *(options - renamer().words_of_notices), *(name for part in parts for name in part)}


class Renamed(Office):
    """An office that works by the renamed workflows, asked and answering in the names of the shipped ones."""

    def source(self, path: Path) -> bytes:
        return path.read_bytes() if path == FIGURES else renamed(path.name)

    def _effect(self, name: str) -> Any:
        def effect(context: EffectContext) -> Mapping[str, Any]:
            self.effects.append((name, context.step.name.removeprefix("z")))
            return {}

        return effect

    def file(self, number: str) -> File:
        found = super().file(renaming.number(number))
        fields = self.definition(found.workflow).fields
        shown = {name.removeprefix("z"): plain(fields[name], value) for name, value in found.fields.items()}
        return replace(found, state=found.state.removeprefix("Z"), fields=shown)

    def open(self, workflow: str, by: str | Actor, fields: Mapping[str, object], *evidence: str, **more: Any) -> str:
        return super().open(renaming.workflow(workflow), by, self._given(renaming.workflow(workflow), fields), *map(high, evidence), **more)

    def take(self, number: str, step: str, by: str | Actor, fields: Any = None, *evidence: str, **more: Any) -> Receipt:
        given = self._given(self.file(number).workflow, fields or {})
        return super().take(renaming.number(number), low(step), by, given, *map(high, evidence), **more)

    def refused(self, number: str, step: str, by: str | Actor, *given: Any, **more: Any) -> tuple[str, ...]:
        return tuple(re.sub(r":[zZ]", ":", code) for code in super().refused(number, step, by, *given, **more))

    def attachments(self, workflow: str, named: Any) -> list[Attachment]:
        return [replace(one, name=one.name.removeprefix("z")) for one in super().attachments(workflow, named)]

    def _given(self, name: str, fields: Mapping[str, object]) -> dict[str, object]:
        known = self.definition(name).fields
        return {low(field): told(known[low(field)], value) for field, value in fields.items()}


def told(field: Field, value: Any) -> Any:
    """A value as the renamed field takes it."""
    if isinstance(value, list):
        if field.columns is None:
            return [told(field, one) for one in value]
        return [{low(name): told(field.columns[low(name)], cell) for name, cell in row.items()} for row in value]
    return high(value) if field.options and high(str(value)) in field.options else value


def plain(field: Field, value: Any) -> Any:
    """The same the other way."""
    if isinstance(value, list):
        if field.columns is None:
            return [plain(field, one) for one in value]
        return [{name.removeprefix("z"): plain(field.columns[name], cell) for name, cell in row.items()} for row in value]
    return value.removeprefix("Z") if field.options and isinstance(value, str) else value


@pytest.fixture
def office(store: Database) -> Renamed:
    return Renamed(store)


def test_every_name_an_author_gave_is_another_one() -> None:
    for name, source in SOURCES.items():
        before, after = (names(read_definition(text, name, IDENTIFIERS)) for text in (source, renamed(name)))
        assert len(before) == len(after) > 30
        assert not before & after


@pytest.mark.parametrize("profile", ["small", "full"])
def test_the_renamed_workflows_pass_the_check(profile: str) -> None:
    circumstances = Circumstances(effects={**EFFECTS, "open-case": {}}, roles=small_hats().roles)
    sources = {name: renamed(name) for name in SOURCES}
    assert check_sources(sources, profile, (FIGURES.name, FIGURES.read_bytes()), circumstances) == []


WALKS: tuple[Callable[[Office], None], ...] = (
    documents.test_a_procedure_is_checked_approved_and_in_force,
    documents.test_a_later_day_is_awaited_and_nobody_hastens_it,
    documents.test_who_proposes_a_withdrawal_does_not_sign_it,
    nonconformities.test_a_minor_nonconformity_is_treated_on_one_page_and_closed_by_another,
    nonconformities.test_a_major_one_closes_only_after_a_corrective_action_that_worked_at_the_second_try,
    nonconformities.test_a_report_is_rejected_by_two_and_judged_again_by_a_third,
)


@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: walk.__name__.removeprefix("test_"))
def test_a_walk_through_the_shipped_workflow_is_the_same_through_the_renamed(office: Renamed, walk: Callable[[Office], None]) -> None:
    walk(office)


def test_a_notice_goes_from_import_to_contract_under_other_names(office: Renamed, tmp_path: Path) -> None:
    tenders.test_a_notice_goes_from_import_to_contract(office, tmp_path)
    assert office.file("GARA-2020-0001").workflow.startswith(renaming.workflow(""))


def test_a_missed_deadline_opens_its_nonconformity_under_other_names(office: Renamed, tmp_path: Path) -> None:
    tenders.test_a_missed_deadline_opens_a_critical_nonconformity(office, tmp_path)
