"""The shape of the database, in numbered steps that only go forward; sealed bytes are never touched."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from qms.database import Database
from qms.errors import BadContent, Problem

HERE = Path(__file__).parent


def prepare(database: Database) -> None:
    """Bring a database, empty or of an earlier release, to the shape this release knows; all of it or nothing.

    Raises BadContent when a later release shaped it, or it cannot be used at all.
    """
    with _usable(), database.writing() as tx:
        climb(tx.connection)


def climb(connection: Connection, to: str | None = None) -> None:
    """The same within somebody's own transaction; ``to`` an earlier step for rows that an earlier release wrote. Raises BadContent."""
    for step in (of(connection), to):
        if step is not None:
            require_known(step)
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    command.upgrade(config, to or "head")


def of(connection: Connection) -> str | None:
    """The step a database has reached; None when nothing is in it."""
    return MigrationContext.configure(connection).get_current_revision()


def require_newest(database: Database) -> None:
    """Refuse to work on a database of another release, or on none. Raises BadContent."""
    require_there(database)
    with _usable(), database.reading() as connection:
        found = of(connection)
    if found != newest():
        raise _misfit(found or "")


def require_there(database: Database) -> None:
    """Raise BadContent when the file of a SQLite database is missing, which SQLite would make anew, and empty."""
    file = database.engine.url.database
    if database.is_sqlite and file and not Path(file).exists():
        raise BadContent([Problem(file, 0, "database.missing")])


def require_known(step: str) -> None:
    """Raise BadContent for a step that only a later release knows."""
    if step not in _steps():
        raise _misfit(step)


def newest() -> str:
    """The number of the newest step."""
    return _steps()[0]


@contextmanager
def _usable() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        said = str(error.orig).strip().split("\n")[0]
        raise BadContent([Problem("qms.toml", 0, "database.unusable", {"detail": said})]) from error


def _steps() -> tuple[str, ...]:
    """Every step, newest first."""
    return tuple(step.revision for step in ScriptDirectory(str(HERE)).walk_revisions())


def _misfit(found: str) -> BadContent:
    return BadContent([Problem("qms.toml", 0, "database.release", {"found": found or "-", "known": newest()})])
