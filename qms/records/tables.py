"""The tables behind the trail, and what the database itself does so that nobody rewrites them by accident or from a console.

Every column is sealed, or derived from the sealed text and recomputed by verification, or not here. No foreign key points at the trail
or away from it, so that nothing can cascade into it (ISO 9001, 7.5.3.2).
"""

from sqlalchemy import DDL, BigInteger, Column, Integer, MetaData, String, Table, Text, event

from qms.database import metadata

entry = Table(
    "entry",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("sealed", Text, nullable=False),
    Column("leaf", String(64), nullable=False),
    Column("signature", String(88), nullable=False),
    Column("at", String, nullable=False, index=True),
    Column("happened_at", String),
    Column("event", String, nullable=False, index=True),
    Column("person", String, nullable=False, index=True),
    Column("role", String),
    Column("organisation", String),
    Column("case_number", String),
    Column("case_n", Integer),
    Column("workflow", String),
    Column("definition", String, index=True),
    Column("step", String),
    Column("document_key", String, index=True),
    Column("commit_id", String),
    Column("idempotency_key", String, unique=True),
)
tree_node = Table(
    "tree_node",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", String(64), nullable=False),
)
head = Table(
    "trail_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("origin", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("frontier", Text, nullable=False),
    Column("signature", String(88), nullable=False),
    Column("at", String, nullable=False),
)

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


def _guard(catalogue: MetaData) -> None:
    """What SQLAlchemy cannot say: full text and the triggers. ``qms.migrations`` runs the same statements."""
    for dialect, statements in (("sqlite", SQLITE), ("postgresql", POSTGRESQL)):
        for statement in statements:
            ddl: DDL = DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
            event.listen(catalogue, "after_create", ddl.execute_if(dialect=dialect))


_guard(metadata)
