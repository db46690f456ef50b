"""A corrected register shows, on the page of its lesson, the cell that changed with the value before and after."""

import html
import re
from typing import Any

from qms.records.evidence import Attachment
from qms.workflows import case
from tests.house import House, key
from tests.web.conftest import AsPerson

SHEET = Attachment("PAPER_REGISTER", "a" * 64, 3, "application/pdf", "registro.pdf")
LESSON = {
    "title": "UF1 · Assistente familiare", "unit": "UF1", "starts_at": "02/03/2026 09:00", "ends_at": "02/03/2026 13:00",
    "planned_minutes": "240", "learners_expected": "2",
}  # fmt: skip


def register(minutes: str) -> list[dict[str, str]]:
    rows = (("A-001", minutes, "IN_AND_OUT"), ("A-002", "0", "ABSENT"))
    return [{"learner": learner, "minutes": each, "signed": signed} for learner, each, signed in rows]


def take(house: House, number: str, step: str, fields: dict[str, Any], *files: Attachment) -> None:
    by = house.actor("training")
    with house.app.writing() as tx:
        seen = case.show(tx.connection, house.app.engine, number, by)
        case.take_step(tx, house.app.engine, number, step, by, version=seen.version, fields=fields, evidence=files, key=key())


def changes(page: str) -> list[str]:
    return [html.unescape(re.sub(r"<[^>]+>", " ", line)) for line in page.splitlines() if "Presenze, riga" in line]


def test_a_corrected_minute_shows_both_values(as_person: AsPerson, house: House) -> None:
    by = house.actor("training")
    with house.app.writing() as tx:
        opened = case.open_case(
            tx, house.app.engine, "course-session", by, fields={**LESSON, "teacher": house.ids["aurora"]}, key=key()
        )  # fmt: skip
    number = str(opened.case)
    take(house, number, "open_lesson", {})
    house.clock.pass_(hours=5)
    told = {"topic": "Igiene", "actual_end": "02/03/2026 13:00", "lesson_minutes": "240", "learners_expected": "2"}
    take(house, number, "close_lesson", {**told, "attendance": register("239")}, SHEET)
    reason = {"correction_reason": "Il foglio dice 9:00, non 9:01."}
    take(house, number, "correct_register", {**reason, "attendance": register("240")})
    (line,) = changes(as_person("quality").get(f"/cases/{number}").text)
    assert re.search(r"Presenze, riga 1, Minuti.*239.*240", line)
