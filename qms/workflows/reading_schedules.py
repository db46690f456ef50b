"""Reads the cases that open by themselves: on which days, and with what in their fields."""

import re
from collections.abc import Mapping
from dataclasses import replace

from qms.workflows.definition import Schedule
from qms.workflows.expression import BUILT_IN, Expression
from qms.workflows.reader import NAME, Reader, near
from qms.workflows.reading_fields import type_of
from qms.workflows.reading_steps import Known
from qms.workflows.step import Step
from qms.workflows.types import fits
from qms.workflows.yaml_file import Node

MOST_MONTHS = 60
DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
OF_THE_DAY = ("today", "happened_at", "recorded_at")
"""What is known before there is a case."""
_DAY = re.compile(r"(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")


def read_schedules(reader: Reader, node: Node | None, known: Known, opening: Step, line: int) -> Mapping[str, Schedule]:
    table = reader.table(node, "scheduled", line)
    found = {name: _schedule(reader, name, inner, known, opening, table.lines[name]) for name, inner in table.entries.items()}
    if found and known.subject is not None:
        reader.wrong(line, "schedule_of_subject")
    return {name: schedule for name, schedule in found.items() if schedule is not None}


def _schedule(reader: Reader, name: str, node: Node, known: Known, opening: Step, line: int) -> Schedule | None:
    table = reader.table(node, name, line)
    entries = table.entries
    if not NAME.fullmatch(name):
        reader.malformed(line, "scheduled", name, NAME)
    reader.keys(table, ("title", "day", "months", "fields"))
    title = reader.text(entries.get("title"), "title", line)
    day = _DAY.fullmatch(written := reader.word(entries.get("day"), "day"))
    months = reader.word(entries.get("months"), "months")
    fields = _fields(reader, entries.get("fields"), known, opening, line)
    if day is None or int(day[2]) > DAYS[int(day[1]) - 1]:
        reader.wrong(line, "schedule_day", day=written)
        return None
    if not re.fullmatch("[1-9][0-9]?", months) or int(months) > MOST_MONTHS:
        reader.wrong(line, "schedule_months", months=months, limit=MOST_MONTHS)
        return None
    return Schedule(name, title, int(day[1]), int(day[2]), int(months), fields, line)


def _fields(reader: Reader, node: Node | None, known: Known, opening: Step, line: int) -> Mapping[str, Expression]:
    """What the case is opened with; all that its opening demands must be there."""
    table = reader.table(node, "fields", line)
    names = replace(known.names, values={name: BUILT_IN[name] for name in OF_THE_DAY}, draft=None, links={})
    found = {}
    for name, inner in table.entries.items():
        field, value = known.fields.get(name), reader.expression(inner, name, names)
        if field is None or field.computed is not None:
            reader.wrong(table.lines[name], "unknown_field", name=name, near=near(name, known.fields))
        elif value is not None and not fits(value.type, type_of(field)):
            reader.wrong(table.lines[name], "schedule_field", name=name)
        elif value is not None:
            found[name] = value
    lacking = [wanted.name for wanted in opening.asks if wanted.required and wanted.name not in table.entries]
    lacking += [wanted.name for wanted in opening.evidence if wanted.required]
    if lacking:
        reader.wrong(line, "schedule_lacks", names=", ".join(lacking))
    return found
