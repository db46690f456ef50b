"""The house as it was first built: every table, the trail's full text, and the triggers that let the trail only grow.

A step that has been run somewhere is never changed: what comes later gets a step of its own.
"""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Text, UniqueConstraint

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_APPEND_ONLY = "the trail only grows"
SQLITE = (
    'CREATE VIRTUAL TABLE IF NOT EXISTS trail_text USING fts5(words, tokenize = "unicode61 remove_diacritics 2")',
    "CREATE UNIQUE INDEX IF NOT EXISTS entry_case ON entry (case_number, case_n)",
    "CREATE INDEX IF NOT EXISTS entry_step ON entry (case_number, step, person)",
    *(
        f"CREATE TRIGGER IF NOT EXISTS {table}_{verb.lower()} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY}'); END"
        for table in ("entry", "tree_node")
        for verb in ("UPDATE", "DELETE")
    ),
    f"CREATE TRIGGER IF NOT EXISTS trail_head_delete BEFORE DELETE ON trail_head BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY}'); END",
    "CREATE TRIGGER IF NOT EXISTS trail_head_update BEFORE UPDATE ON trail_head WHEN NEW.size <> OLD.size + 1 OR NEW.origin <> OLD.origin "
    f"BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY}'); END",
)
POSTGRESQL = (
    "CREATE TABLE IF NOT EXISTS trail_text (rowid bigint PRIMARY KEY, words text NOT NULL, "
    "vector tsvector GENERATED ALWAYS AS (to_tsvector('italian', words)) STORED)",
    "CREATE INDEX IF NOT EXISTS trail_text_vector ON trail_text USING gin (vector)",
    "CREATE UNIQUE INDEX IF NOT EXISTS entry_case ON entry (case_number, case_n)",
    "CREATE INDEX IF NOT EXISTS entry_step ON entry (case_number, step, person)",
    f"CREATE OR REPLACE FUNCTION trail_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{_APPEND_ONLY}'; END $$",
    "CREATE OR REPLACE FUNCTION trail_grow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    f"IF NEW.size <> OLD.size + 1 OR NEW.origin <> OLD.origin THEN RAISE EXCEPTION '{_APPEND_ONLY}'; END IF; RETURN NEW; END $$",
    *(
        f"CREATE OR REPLACE TRIGGER {table}_rows BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION trail_refuse()"
        for table in ("entry", "tree_node")
    ),
    *(
        f"CREATE OR REPLACE TRIGGER {table}_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION trail_refuse()"
        for table in ("entry", "tree_node", "trail_head")
    ),
    "CREATE OR REPLACE TRIGGER trail_head_delete BEFORE DELETE ON trail_head FOR EACH ROW EXECUTE FUNCTION trail_refuse()",
    "CREATE OR REPLACE TRIGGER trail_head_update BEFORE UPDATE ON trail_head FOR EACH ROW EXECUTE FUNCTION trail_grow()",
)


def upgrade() -> None:
    """Make everything."""
    _people()
    _people_2()
    _records()
    _records_2()
    _procedures()
    _procedures_2()
    _procedures_3()
    _workflows()
    _workflows_2()
    _workflows_3()
    _desk()
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.get_bind().exec_driver_sql(statement)


def _people() -> None:
    """Persons, organisations, hats, sessions, tokens."""
    op.create_table(
        "person",
        Column("id", String, primary_key=True),
        Column("name", String, nullable=False),
        Column("email", String, nullable=False, unique=True),
        Column("language", String, nullable=False),
        Column("kind", String, nullable=False),
        Column("password_hash", String),
        Column("created_at", String, nullable=False),
        Column("disabled_at", String),
        Column("expires_at", String),
    )
    op.create_table(
        "organisation",
        Column("id", String, primary_key=True),
        Column("name", String, nullable=False),
        Column("kind", String, nullable=False),
        Column("tax_code", String),
    )
    op.create_table(
        "hat_held",
        Column("person", String, nullable=False),
        Column("organisation", String, nullable=False),
        Column("hat", String, nullable=False),
        UniqueConstraint("person", "organisation", "hat"),
    )
    op.create_index("ix_hat_held_person", "hat_held", ["person"])
    op.create_table(
        "session",
        Column("digest", String, primary_key=True),
        Column("person", String, nullable=False),
        Column("csrf", String, nullable=False),
        Column("created_at", String, nullable=False),
        Column("seen_at", String, nullable=False),
        Column("expires_at", String, nullable=False),
    )
    op.create_index("ix_session_person", "session", ["person"])


def _people_2() -> None:
    """Persons, organisations, hats, sessions, tokens."""
    op.create_table(
        "throttle",
        Column("name", String, primary_key=True),
        Column("failures", Integer, nullable=False),
        Column("until", String, nullable=False),
    )
    op.create_table(
        "token",
        Column("digest", String, primary_key=True),
        Column("id", String, nullable=False, unique=True),
        Column("person", String, nullable=False),
        Column("label", String, nullable=False),
        Column("created_at", String, nullable=False),
        Column("expires_at", String, nullable=False),
        Column("revoked_at", String),
    )
    op.create_index("ix_token_person", "token", ["person"])


def _records() -> None:
    """The trail, its tree and head, and personal values."""
    op.create_table(
        "entry",
        Column("position", BigInteger, primary_key=True, autoincrement=False),
        Column("sealed", Text, nullable=False),
        Column("leaf", String(64), nullable=False),
        Column("signature", String(88), nullable=False),
        Column("at", String, nullable=False),
        Column("happened_at", String),
        Column("event", String, nullable=False),
        Column("person", String, nullable=False),
        Column("role", String),
        Column("organisation", String),
        Column("case_number", String),
        Column("case_n", Integer),
        Column("workflow", String),
        Column("definition", String),
        Column("step", String),
        Column("document_key", String),
        Column("commit_id", String),
        Column("idempotency_key", String, unique=True),
    )
    op.create_index("ix_entry_at", "entry", ["at"])
    op.create_index("ix_entry_definition", "entry", ["definition"])
    op.create_index("ix_entry_document_key", "entry", ["document_key"])
    op.create_index("ix_entry_event", "entry", ["event"])
    op.create_index("ix_entry_person", "entry", ["person"])
    op.create_table(
        "tree_node",
        Column("level", Integer, primary_key=True, autoincrement=False),
        Column("idx", BigInteger, primary_key=True, autoincrement=False),
        Column("hash", String(64), nullable=False),
    )


def _records_2() -> None:
    """The trail, its tree and head, and personal values."""
    op.create_table(
        "trail_head",
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("origin", String, nullable=False),
        Column("size", BigInteger, nullable=False),
        Column("frontier", Text, nullable=False),
        Column("signature", String(88), nullable=False),
        Column("at", String, nullable=False),
    )
    op.create_table(
        "personal_value",
        Column("ref", String, primary_key=True),
        Column("salt", String, nullable=False),
        Column("value", String, nullable=False),
    )


def _procedures() -> None:
    """Documents, revisions, drafts, and where every reference stands."""
    op.create_table(
        "document",
        Column("key", String(80), primary_key=True),
        Column("code", String(40), nullable=False),
        Column("title", Text, nullable=False),
        Column("type", String(3), nullable=False),
        Column("language", String(2), nullable=False),
        Column("owner", String(40), nullable=False),
        Column("clauses", Text, nullable=False),
        Column("distribution", Text, nullable=False),
        Column("workflows", Text, nullable=False),
        Column("review_every", Integer, nullable=False),
        Column("path", Text, nullable=False),
        Column("revision", Integer, nullable=False),
        Column("blob", String(40), nullable=False),
        Column("sha256", String(64), nullable=False),
        Column("commit_id", String(40), nullable=False),
        Column("in_force_since", String(24), nullable=False),
        Column("next_review", String(10), nullable=False),
        Column("status", String(16), nullable=False),
    )


def _procedures_2() -> None:
    """Documents, revisions, drafts, and where every reference stands."""
    op.create_table(
        "revision",
        Column("key", String(80), primary_key=True),
        Column("number", Integer, primary_key=True),
        Column("status", String(16), nullable=False),
        Column("case_number", String(40)),
        Column("code", String(40), nullable=False),
        Column("title", Text, nullable=False),
        Column("path", Text, nullable=False),
        Column("blob", String(40), nullable=False),
        Column("sha256", String(64), nullable=False),
        Column("commit_id", String(40), nullable=False),
        Column("tag", Text, nullable=False),
        Column("effective_on", String(10), nullable=False),
        Column("minor", Integer, nullable=False),
        Column("reason", Text, nullable=False),
        Column("approved_at", String(24), nullable=False),
        Column("in_force_at", String(24)),
        Column("ended_at", String(24)),
    )
    op.create_index("ix_revision_case_number", "revision", ["case_number"])
    op.create_table(
        "draft",
        Column("key", String(80), primary_key=True),
        Column("slug", String(80), primary_key=True),
        Column("kind", String(16), nullable=False),
        Column("status", String(16), nullable=False),
        Column("case_number", String(40), nullable=False, unique=True),
        Column("title", Text, nullable=False),
        Column("path", Text, nullable=False),
        Column("tip", String(40), nullable=False),
        Column("blob", String(40), nullable=False),
        Column("sha256", String(64), nullable=False),
        Column("base_revision", Integer),
        Column("authors", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("changed_at", String(24), nullable=False),
    )


def _procedures_3() -> None:
    """Documents, revisions, drafts, and where every reference stands."""
    op.create_table(
        "document_code",
        Column("code", String(40), primary_key=True),
        Column("key", String(80), nullable=False),
    )
    op.create_index("ix_document_code_key", "document_code", ["key"])
    op.create_table(
        "git_ref",
        Column("ref", Text, primary_key=True),
        Column("target", String(40), nullable=False),
    )


def _workflows() -> None:
    """Cases and what hangs on them; definitions."""
    op.create_table(
        "case_file",
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
    )
    op.create_index("case_file_changed", "case_file", ["changed_at", "number"])
    op.create_index("case_file_due", "case_file", ["next_due"])
    op.create_index("case_file_state", "case_file", ["workflow", "state", "changed_at"])
    op.create_table(
        "case_organisation",
        Column("case_number", String, primary_key=True),
        Column("organisation", String, primary_key=True),
    )
    op.create_index("case_organisation_by_organisation", "case_organisation", ["organisation", "case_number"])
    op.create_table(
        "case_link",
        Column("parent", String, primary_key=True),
        Column("name", String, primary_key=True),
        Column("child", String, primary_key=True),
    )
    op.create_index("case_link_child", "case_link", ["child"])


def _workflows_2() -> None:
    """Cases and what hangs on them; definitions."""
    op.create_table(
        "case_identifier",
        Column("case_number", String, primary_key=True),
        Column("field", String, primary_key=True),
        Column("kind", String, primary_key=True),
        Column("value", String, primary_key=True),
    )
    op.create_index("case_identifier_value", "case_identifier", ["kind", "value"])
    op.create_table(
        "case_evidence",
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
    op.create_table(
        "timer",
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
    )
    op.create_index("timer_next", "timer", ["next_at"])
    op.create_table(
        "number_series",
        Column("prefix", String, primary_key=True),
        Column("year", Integer, primary_key=True),
        Column("last", Integer, nullable=False),
    )


def _workflows_3() -> None:
    """Cases and what hangs on them; definitions."""
    op.create_table(
        "definition",
        Column("digest", String, primary_key=True),
        Column("kind", String, nullable=False),
        Column("id", String, nullable=False),
        Column("source", Text, nullable=False),
        Column("at", String, nullable=False),
    )
    op.create_table(
        "definition_in_force",
        Column("kind", String, primary_key=True),
        Column("id", String, primary_key=True),
        Column("digest", String, nullable=False),
    )


def _desk() -> None:
    """Notices taken in."""
    op.create_table(
        "notice",
        Column("sha256", String(64), primary_key=True),
        Column("record", String(120), primary_key=True),
        Column("kind", String(20), nullable=False),
        Column("ref", String),
        Column("version", String),
        Column("procedure_id", String),
        Column("title", Text),
        Column("cigs", Text, nullable=False),
        Column("case_number", String),
        Column("status", String(12), nullable=False),
        Column("position", Integer, nullable=False),
    )
    op.create_index("ix_notice_case_number", "notice", ["case_number"])
    op.create_index("ix_notice_procedure_id", "notice", ["procedure_id"])
    op.create_index("ix_notice_ref", "notice", ["ref"])
