"""The tables of cases: working copies of what the trail says, so that nothing has to replay history to know the present.

``compare`` proves from the trail that every column is what the entries make it.
"""

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text

from qms.database import metadata

case_file = Table(
    "case_file",
    metadata,
    Column("number", String, primary_key=True),
    Column("workflow", String, nullable=False),
    Column("definition", String, nullable=False),
    Column("procedure_key", String),
    Column("procedure_revision", Integer),
    Column("procedure_blob", String),
    Column("title", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("n", Integer, nullable=False),
    Column("fields", Text, nullable=False),
    Column("taken", Text, nullable=False),
    Column("confidentiality", String, nullable=False),
    Column("opened_at", String, nullable=False),
    Column("opened_by", String, nullable=False),
    Column("changed_at", String, nullable=False),
    Column("closed_at", String),
    Column("next_due", String),
    Index("case_file_changed", "changed_at", "number"),
    Index("case_file_state", "workflow", "state", "changed_at"),
    Index("case_file_due", "next_due"),
    Index("case_file_definition", "definition", "closed_at", "number"),
    Index("case_file_opened", "workflow", "opened_at"),
)
"""``version`` counts steps, ``n`` every entry of the case. ``fields``: canonical JSON, personal values as marks. ``taken``: per step how
often, when last and by whom, which separation of duties needs."""

case_organisation = Table(
    "case_organisation",
    metadata,
    Column("case_number", String, primary_key=True),
    Column("organisation", String, primary_key=True),
    Index("case_organisation_by_organisation", "organisation", "case_number"),
)

case_link = Table(
    "case_link",
    metadata,
    Column("parent", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("child", String, primary_key=True),
    Index("case_link_child", "child"),
)

case_identifier = Table(
    "case_identifier",
    metadata,
    Column("case_number", String, primary_key=True),
    Column("field", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("value", String, primary_key=True),
    Index("case_identifier_value", "kind", "value"),
)
"""Codes under which a case can be found. ``field`` is ``lots.cig`` for a column."""

PERSON, DOCUMENT = "person", "document"
"""The kinds under which a case is found that is one person's to read, and the document it is about."""

case_evidence = Table(
    "case_evidence",
    metadata,
    Column("case_number", String, primary_key=True),
    Column("slot", String, primary_key=True),
    Column("sha256", String, primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("type", String, nullable=False),
    Column("name", Text, nullable=False),
    Column("superseded", Integer),
)
"""``n`` is the entry of the case that attached the file, ``superseded`` the one that put another in its place."""

case_waiver = Table(
    "case_waiver",
    metadata,
    Column("case_number", String, primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("step", String, nullable=False),
    Column("person", String, nullable=False),
    Column("used", Integer),
)
"""``n`` is the entry of the case that lets ``person`` take ``step``, ``used`` the one that did."""

timer = Table(
    "timer",
    metadata,
    Column("case_number", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("started_at", String, nullable=False),
    Column("due_at", String),
    Column("next_at", String),
    Column("warned", Integer, nullable=False),
    Column("due_fired_at", String),
    Column("done_at", String),
    Column("late_seconds", Integer),
    Column("hard", Boolean, nullable=False),
    Index("timer_next", "next_at"),
    Index("timer_past", "due_fired_at", "done_at"),
)

number_series = Table(
    "number_series",
    metadata,
    Column("prefix", String, primary_key=True),
    Column("year", Integer, primary_key=True),
    Column("last", Integer, nullable=False),
)

definition_text = Table(
    "definition",
    metadata,
    Column("digest", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("id", String, nullable=False),
    Column("source", Text, nullable=False),
    Column("at", String, nullable=False),
)
"""Every definition ever in force, as written. ``kind`` is ``workflow`` or ``figures``."""

definition_in_force = Table(
    "definition_in_force",
    metadata,
    Column("kind", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("digest", String, nullable=False),
)
