"""Which entries of the trail a person may see, said as a condition that the database itself applies (ISO 9001, 7.5.3.1)."""

from sqlalchemy import ColumnElement, Connection, or_, select, true

from qms.people.actor import Actor
from qms.records.tables import entry
from qms.workflows import case
from qms.workflows.engine import Engine
from qms.workflows.tables import case_file

READERS_OF_ALL = ("QM", "DOC_CTRL", "TOP", "AUDITOR", "LEAD_AUDITOR")
"""Who also reads entries that belong to no case: documents, persons, the library."""


def entries_of(connection: Connection, engine: Engine, by: Actor) -> ColumnElement[bool]:
    """The condition on ``entry``: entries of cases that ``by`` sees, and for some readers those of no case."""
    if by.kind == "system":
        return true()
    cases = entry.c.case_number.in_(select(case_file.c.number).where(case.seen_by(connection, engine, by)))
    if by.is_examiner or by.keeps(READERS_OF_ALL):
        return or_(cases, entry.c.case_number.is_(None))
    return cases
