"""Every guard of the shipped workflows refuses what it is there to refuse, and lets pass what it should."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from qms.errors import Refused
from qms.people.actor import SYSTEM
from qms.workflows.check import IDENTIFIERS
from qms.workflows.definition import OPENING, PROFILES, SYS, Definition
from qms.workflows.reading import read_definition
from qms.workflows.step import Step
from tests.content import (
    rows_actions,
    rows_contracts,
    rows_courses,
    rows_documents,
    rows_learners,
    rows_nonconformities,
    rows_readings,
    rows_social,
    rows_system,
    rows_tenders,
)
from tests.content.office import FACTS, WORKFLOWS, Office, utc
from tests.content.rows import Row, When

DEFINITIONS = {path.stem: read_definition(path.read_bytes(), str(path), IDENTIFIERS) for path in WORKFLOWS if path.stem != "figures"}
TABLES = {
    "document-revision": rows_documents.ROWS,
    "nonconformity": rows_nonconformities.ROWS,
    "corrective-action": rows_actions.ROWS,
    "tender": rows_tenders.ROWS,
    "training-course": rows_courses.ROWS,
    "course-enrolment": rows_learners.ENROLMENTS,
    "course-session": rows_learners.LESSONS,
    "course-certificate": rows_learners.CERTIFICATES,
    "read-acknowledgment": rows_readings.ROWS,
    "service-contract": rows_contracts.CONTRACTS,
    "member-mandate": rows_contracts.MANDATES,
    "customer-complaint": rows_contracts.COMPLAINTS,
    "planned-action": rows_contracts.ACTIONS,
    "internal-audit": rows_system.AUDITS,
    "management-review": rows_system.REVIEWS,
    "quality-objective": rows_system.OBJECTIVES,
    "risk-opportunity": rows_system.RISKS,
    "supplier-evaluation": rows_system.SUPPLIERS,
    "competence-action": rows_system.TRAININGS,
    "tender-question": rows_social.QUESTIONS,
    "contract-amendment": rows_social.AMENDMENTS,
    "co-design": rows_social.CO_DESIGN,
    "accreditation-requirement": rows_social.ACCREDITATION,
    "teacher-profile": rows_social.TEACHERS,
    "career-guidance": rows_social.GUIDANCE,
    "inclusion-plan": rows_social.INCLUSION,
}
Offices = Callable[[str], Office]


def guards() -> Iterator[tuple[str, str, str]]:
    for name, definition in DEFINITIONS.items():
        for step in (definition.opening, *definition.steps.values()):
            yield from ((name, step.name, guard.code) for guard in step.guards if guard.that is not None)


def row_of(workflow: str, step: str, code: str) -> Row:
    rows = [row for row in TABLES[workflow] if row.code == code and row.step in (step, None)]
    assert rows, f"{workflow}: the guard {code} of {step} has no row that shows it refusing"
    return max(rows, key=lambda row: row.step is not None)


def tried(offices: Offices, definition: Definition, step: Step, when: When) -> tuple[str, ...]:
    """The codes with which ``step`` is refused on a case of which ``when`` holds."""
    office = offices(step.profile or PROFILES[0])
    office.draft = {**FACTS, **when.draft}
    fields = {name: named(office, value) for name, value in when.fields.items() if name in definition.fields}
    if step.name == OPENING:
        return refused_to_open(office, definition, step, fields)
    number = office.plant(definition.id, when.state or step.sources[0], fields, when.taken, when.attached, when.links, when.times)
    by = SYSTEM if step.by == (SYS,) else office.as_role(*(when.roles or step.by), nick=when.nick)
    return office.refused(number, step.name, by, comment=when.comment, at=utc(when.at) if when.at else None)


def refused_to_open(office: Office, definition: Definition, step: Step, fields: Mapping[str, Any]) -> tuple[str, ...]:
    """The codes with which such a case is not opened."""
    asked = {wanted.name for wanted in step.asks}
    try:
        office.open(definition.id, office.as_role(*step.by), {name: value for name, value in fields.items() if name in asked})
    except Refused as refused:
        return refused.codes
    return ()


def named(office: Office, value: Any) -> Any:
    """``@tenders`` stands for the person of that name in the cast."""
    if isinstance(value, list):
        return [named(office, row) for row in value]
    if isinstance(value, Mapping):
        return {name: named(office, cell) for name, cell in value.items()}
    return office.id(value[1:]) if isinstance(value, str) and value.startswith("@") else value


@pytest.mark.parametrize(("workflow", "step", "code"), [*guards()])
def test_a_guard_refuses_and_lets_pass(offices: Offices, workflow: str, step: str, code: str) -> None:
    definition, row = DEFINITIONS[workflow], row_of(workflow, step, code)
    chosen = definition.opening if step == OPENING else definition.steps[step]
    assert f"GUARD:{code}" in tried(offices, definition, chosen, row.refuses)
    assert f"GUARD:{code}" not in tried(offices, definition, chosen, row.passes)


@pytest.mark.parametrize(("workflow", "row"), [(name, row) for name, rows in TABLES.items() for row in rows])
def test_a_row_is_about_a_guard_that_exists(workflow: str, row: Row) -> None:
    assert any(row.code == code and row.step in (step, None) for name, step, code in guards() if name == workflow)


@pytest.mark.parametrize(
    "when", [when for _, when in rows_nonconformities.ALSO_REFUSED], ids=[name for name, _ in rows_nonconformities.ALSO_REFUSED]
)
def test_a_grave_nonconformity_closes_only_with_an_effective_corrective_action(offices: Offices, when: When) -> None:
    definition = DEFINITIONS["nonconformity"]
    assert "GUARD:capa_effective_if_required" in tried(offices, definition, definition.steps["close_nc"], when)


@pytest.mark.parametrize(
    ("step", "when"), [row[1:] for row in rows_tenders.ALSO_REFUSED], ids=[row[0] for row in rows_tenders.ALSO_REFUSED]
)
def test_a_weak_score_is_not_decided_by_rank_alone(offices: Offices, step: str, when: When) -> None:
    definition = DEFINITIONS["tender"]
    assert "GUARD:score_ge_threshold_or_top" in tried(offices, definition, definition.steps[step], when)


@pytest.mark.parametrize(
    ("when", "refused"), [(when, True) for _, when in rows_courses.ALSO_REFUSED] + [(when, False) for _, when in rows_courses.ALSO_PASSED],
    ids=[name for name, _ in (*rows_courses.ALSO_REFUSED, *rows_courses.ALSO_PASSED)],
)  # fmt: skip
def test_admission_is_what_the_minutes_give_to_the_minute(offices: Offices, when: When, refused: bool) -> None:
    definition = DEFINITIONS["training-course"]
    for step in ("start_assessment", "skip_assessment", "close_assessment"):
        codes = tried(offices, definition, definition.steps[step], when)
        assert ("GUARD:admission_by_attendance_computed" in codes) is refused


@pytest.mark.parametrize(("when", "refused"), [row[1:] for row in rows_social.LIMITS], ids=[row[0] for row in rows_social.LIMITS])
def test_an_amendment_stays_within_the_limit_of_its_kind(offices: Offices, when: When, refused: bool) -> None:
    definition = DEFINITIONS["contract-amendment"]
    for step in ("approve_change", "sign_and_apply"):
        codes = tried(offices, definition, definition.steps[step], when)
        assert ("GUARD:limits_ok_or_motivated" in codes) is refused


def test_a_project_that_was_reconvened_is_verified_anew(offices: Offices) -> None:
    definition = DEFINITIONS["co-design"]
    assert "GUARD:design_controls_done" in tried(offices, definition, definition.steps["agree_project"], rows_social.OLD_CHECK)


@pytest.mark.parametrize(("when", "met"), [row[1:] for row in rows_system.TARGETS], ids=[row[0] for row in rows_system.TARGETS])
def test_an_objective_is_met_or_missed_by_what_was_counted(offices: Offices, when: When, met: bool) -> None:
    definition = DEFINITIONS["quality-objective"]
    achieve, miss = (tried(offices, definition, definition.steps[step], when) for step in ("achieve", "miss"))
    assert ({"GUARD:target_met", "GUARD:enough_measured"}.isdisjoint(achieve), "GUARD:target_missed" in miss) == (met, met)
