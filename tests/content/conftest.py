"""Offices for the tests of the shipped content: a quick one on SQLite, and one on each database."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qms.database import Database, metadata
from qms.records import keys, trail
from tests.content.office import Office


def _sqlite(folder: Path) -> Database:
    import qms.app  # noqa: F401  (imports every room, so that every table is known)

    database = Database(f"sqlite:///{folder / 'qms.sqlite3'}", folder / "lock", keys.new())
    prepare: Any = metadata.create_all
    prepare(database.engine)
    with database.writing() as tx:
        trail.begin(tx, "qms/content")
    return database


@pytest.fixture(scope="module")
def offices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Office]]:
    """The office of a profile, made once per file of tests."""
    made: dict[str, Office] = {}

    def office_of(profile: str) -> Office:
        if profile not in made:
            made[profile] = Office(_sqlite(tmp_path_factory.mktemp(profile)), profile)
        return made[profile]

    yield office_of
    for office in made.values():
        office.store.close()


@pytest.fixture
def office(store: Database) -> Office:
    """The small office on each of the two databases."""
    return Office(store)
