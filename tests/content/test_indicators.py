"""What the shipped processes measure of themselves: what their procedures promise, reckoned from cases as they lie there after a year."""

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from qms.procedures import document
from qms.workflows.indicators import measure
from tests.cast import CONSORTIUM
from tests.content.office import Office, utc
from tests.content.test_content import PROCEDURES
from tests.content.test_guards import DEFINITIONS

Planted = tuple[str, dict[str, Any]]
TEXTS = {(front := document.parse(path.read_bytes(), path.name).front).key: path.read_text(encoding="utf-8") for path in PROCEDURES}
MEASURED = [(name, indicator) for name, definition in DEFINITIONS.items() for indicator in definition.indicators]
SESSIONS = [{"held_on": "2019-10-01", "sat": "x", "minutes_ref": "12"}, {"held_on": "2019-11-01", "sat": None, "minutes_ref": "13"}]

CASES: list[tuple[str, list[Planted], dict[str, str | None]]] = [
    (
        "competence-action",
        [("CLOSED", {"title": "x"})] * 4 + [("CANCELLED", {"title": "x"})],
        {"gaps_filled": "80", "judged_at_work": None},
    ),
    (
        "customer-complaint",
        [("CLOSED", {"founded": "FULLY"}), ("CLOSED", {"founded": "NONE"}), ("NOT_ADMISSIBLE", {})],
        {"answered_in_time": "100", "founded_share": "50"},
    ),
    (
        "career-guidance",
        [("CLOSED", {"outcome": "WORK"})] * 3 + [("CLOSED", {"outcome": "SEARCHING"})] * 2 + [("DROPPED", {})],
        {"taken_in_time": "100", "satisfied": None, "good_outcome": "60"},
    ),
    (
        "course-enrolment",
        [("COMPLETED", {"entry": "REGULAR"})] * 4 + [("WITHDRAWN", {"entry": "REGULAR"}), ("WITHDRAWN", {}), ("NOT_ADMITTED", {})],
        {"left_early": "20"},
    ),
    (
        "course-certificate",
        [("ISSUED", {"issued_on": "2020-01-01"})] * 9
        + [("REPLACED", {"issued_on": "2020-01-01", "replace_reason": "WRONG_DATA"}), ("VOIDED", {})],
        {"replaced_by_error": "10"},
    ),
    (
        "service-contract",
        [
            ("CLOSED", {"satisfaction": "4.5", "end_reason": "RENEWED"}),
            ("CLOSED", {"satisfaction": "3.5", "end_reason": "TERM"}),
            ("CLOSED", {"end_reason": "EARLY"}),
            ("LOST", {}),
        ],
        {"client_satisfied": "4", "renewed": "50"},
    ),
    (
        "co-design",
        [
            ("CLOSED", {"own_resources": "8000.00", "own_proved": "7600.00", "sessions": SESSIONS}),
            ("CLOSED", {"own_resources": "2000.00", "own_proved": "2400.00", "sessions": SESSIONS[:1]}),
            ("NOT_ADMITTED", {"own_resources": "9000.00"}),
        ],
        {"own_share": "100", "at_the_table": "66.67", "minutes_signed": "100"},
    ),
    (
        "training-course",
        [
            ("CLOSED", {"hours_delivered": 98, "hours_in_calendar": 100, "questionnaires": 12, "satisfaction_mean": "4.5"}),
            ("CLOSED", {"hours_delivered": 40, "hours_in_calendar": 50, "questionnaires": 4, "contacted": 4, "placed": 3}),
            ("CLOSED", {"hours_delivered": 10, "hours_in_calendar": 10, "questionnaires": 4, "satisfaction_mean": "2.5"}),
            ("CANCELLED", {"hours_in_calendar": 90}),
        ],
        {"hours_given": "92.5", "learners_satisfied": "4", "placed_after_six_months": None},
    ),
]


@pytest.mark.parametrize(("workflow", "planted", "expected"), CASES, ids=[name for name, *_ in CASES])
def test_a_year_is_measured(
    offices: Callable[[str], Office], workflow: str, planted: list[Planted], expected: dict[str, str | None]
) -> None:
    small = offices("small")
    for state, fields in planted:
        small.plant(workflow, state, fields)
    small.at = utc("2021-02-01 09:00")
    reader = replace(small.people["quality"], house=CONSORTIUM)
    with small.store.reading() as connection:
        found = measure(connection, small.engine, DEFINITIONS[workflow], reader)
    values = {one.indicator.name: next(each.value for each in one.readings if each.period.code in ("2020", "2020-T1")) for one in found}
    assert {name: None if value is None else round(value, 2) for name, value in values.items()} == {
        name: None if value is None else Decimal(value) for name, value in expected.items()
    }


@pytest.mark.parametrize(("name", "indicator"), MEASURED)
def test_a_procedure_names_what_its_process_measures_with_the_same_target(name: str, indicator: str) -> None:
    one = DEFINITIONS[name].indicators[indicator]
    line = re.search(rf"^\| {re.escape(one.title['it'])} \| .* \| (.*) \|$", TEXTS[DEFINITIONS[name].governed_by], re.MULTILINE)
    assert line is not None, one.title["it"]
    expected = {"tutti": "100", "tutte": "100", "nessuna": "0"}.get(line[1]) or "".join(re.findall(r"[0-9]", line[1])) or None
    assert (one.target.text if one.target is not None else None) == expected
    assert one.target is None or one.at_least == (line[1].startswith(("almeno", "tutt")))
