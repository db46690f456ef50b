"""The shape of the database, in numbered steps that only go forward; sealed bytes are never touched."""

from importlib import import_module

from qms.database import Database, metadata

ROOMS = (
    "people.directory",
    "people.sign_in",
    "people.tokens",
    "records.tables",
    "records.personal",
    "procedures.ledger",
    "workflows.tables",
    "desk.notices",
)


def prepare(database: Database) -> None:
    """Make every table of an empty database."""
    for room in ROOMS:
        import_module(f"qms.{room}")
    metadata.create_all(database.engine)
