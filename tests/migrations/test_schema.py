"""The numbered steps make exactly the tables that the rooms declare, on both databases."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

import qms
from qms import app as assembly
from qms import migrations
from qms.database import Database, metadata
from qms.errors import BadContent
from qms.records import keys
from tests.conftest import fresh_postgresql
from tests.house import House

ROOMS = ("people", "records", "procedures", "workflows", "desk")
for found in walk_packages(qms.__path__, "qms."):
    if found.name.split(".")[1] in ROOMS:
        import_module(found.name)

BESIDE_THE_METADATA = ("trail_text", "alembic_version", "entry_case", "entry_step")
"""What only the database's own language can say."""


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'qms.sqlite3'}"
    if request.param == "postgresql":
        url = fresh_postgresql(request.getfixturevalue("postgresql_server"))
    database = Database(url, tmp_path / "lock", keys.new())
    yield database
    database.close()


def ours(_item: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
    return not (kind in ("table", "index") and str(name).startswith(BESIDE_THE_METADATA))


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
    return list(compare_metadata(context, metadata))


def guards(connection: Connection) -> list[tuple[str, ...]]:
    """Triggers, functions and indexes as the database describes them."""
    if connection.dialect.name == "sqlite":
        query = (
            "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL "
            "AND (type = 'trigger' OR name LIKE 'trail_text' OR name LIKE 'entry_%')"
        )
    else:
        query = (
            "SELECT 'trigger', tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal "
            "UNION ALL SELECT 'function', proname, pg_get_functiondef(oid) FROM pg_proc WHERE proname LIKE 'trail_%' "
            "UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE tablename IN ('entry', 'trail_text')"
        )
    return sorted(tuple(str(value) for value in row) for row in connection.execute(text(query)))


def test_the_steps_make_the_tables_that_the_rooms_declare(empty: Database) -> None:
    migrations.prepare(empty)
    with empty.reading() as connection:
        assert differences(connection) == []


def test_a_column_that_no_step_makes_would_be_noticed(empty: Database) -> None:
    migrations.prepare(empty)
    with empty.writing() as tx:
        tx.connection.execute(text("ALTER TABLE person DROP COLUMN kind"))
    with empty.reading() as connection:
        assert len(differences(connection)) == 1


def test_the_steps_guard_the_trail_as_the_records_room_says(empty: Database, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    migrations.prepare(empty)
    with empty.reading() as connection:
        stepped = guards(connection)
    url = f"sqlite:///{tmp_path / 'other.sqlite3'}"
    if not empty.is_sqlite:
        url = fresh_postgresql(request.getfixturevalue("postgresql_server"))
    declared = Database(url, tmp_path / "lock", keys.new())
    metadata.create_all(declared.engine)
    with declared.reading() as connection:
        assert stepped == guards(connection)
    declared.close()
    assert len(stepped) > 6


def test_preparing_twice_changes_nothing(empty: Database) -> None:
    migrations.prepare(empty)
    migrations.prepare(empty)
    migrations.require_newest(empty)


def test_a_step_that_fails_leaves_an_empty_database(empty: Database) -> None:
    with empty.writing() as tx:
        tx.connection.execute(text("CREATE TABLE notice (x integer)"))
    with pytest.raises(Exception, match="notice"):
        migrations.prepare(empty)
    with empty.reading() as connection, pytest.raises(Exception, match="person"):
        connection.execute(text("SELECT * FROM person"))


def test_a_workspace_of_a_later_release_is_refused(house: House) -> None:
    with house.app.writing() as tx:
        tx.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(BadContent) as refused:
        assembly.open(house.app.settings.root, house.clock)
    assert [problem.code for problem in refused.value.problems] == ["database.release"]
    with pytest.raises(BadContent):
        migrations.prepare(house.app.database)
