"""The shape of the database, in numbered steps that only go forward; sealed bytes are never touched."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from qms.database import Database
from qms.errors import BadContent, Problem

HERE = Path(__file__).parent


def prepare(database: Database) -> None:
    """Bring a database, empty or of an earlier release, to the shape this release knows; all of it or nothing.

    Raises BadContent when a later release shaped it.
    """
    with database.writing() as tx:
        found = MigrationContext.configure(tx.connection).get_current_revision()
        if found is not None and found not in _steps():
            raise _misfit(found)
        config = Config(attributes={"connection": tx.connection})
        config.set_main_option("script_location", str(HERE).replace("%", "%%"))
        command.upgrade(config, "head")


def require_newest(database: Database) -> None:
    """Refuse to work on a database of another release. Raises BadContent."""
    with database.reading() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found != newest():
        raise _misfit(found or "")


def newest() -> str:
    """The number of the newest step."""
    return _steps()[0]


def _steps() -> tuple[str, ...]:
    """Every step, newest first."""
    return tuple(step.revision for step in ScriptDirectory(str(HERE)).walk_revisions())


def _misfit(found: str) -> BadContent:
    return BadContent([Problem("qms.toml", 0, "database.release", {"found": found or "-", "known": newest()})])
