"""A directory with a few persons in it, on each of the two databases."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import as_file, files

import pytest

from qms.database import Database
from qms.people import directory, hats, sign_in
from qms.people.actor import Actor
from qms.people.hats import Hats
from tests.house import Clock

NOON = datetime(2026, 3, 2, 11, 0, tzinfo=UTC)
PASSWORD = "la-mattina-presto"


@dataclass
class People:
    """The store with two organisations and nobody in them; ``add`` enters a person with a password."""

    database: Database
    hats: Hats
    clock: Clock

    def add(self, email: str, *worn: tuple[str, str], kind: str = "staff", ends: datetime | None = None) -> str:
        with self.database.writing() as tx:
            made = directory.add_person(tx, email.partition("@")[0].title(), email, kind, "it", ends)
            sign_in.keep_password(tx, made.id, sign_in.hashed(PASSWORD, email))
            for hat, organisation in worn:
                directory.grant(tx, self.hats, made.id, hat, organisation)
        return made.id

    def actor(self, person: str) -> Actor:
        with self.database.reading() as connection:
            return directory.actor(connection, person, self.hats, "web")


@pytest.fixture
def small() -> Iterator[Hats]:
    with as_file(files("qms.people").joinpath("profiles", "small.yaml")) as path:
        yield hats.load(path)


@pytest.fixture
def people(store: Database, small: Hats) -> People:
    clock = Clock(NOON)
    store.clock = clock
    with store.writing() as tx:
        directory.add_organisation(tx, "consorzio", "Il Consorzio", "consortium")
        directory.add_organisation(tx, "canile", "Il Guado", "B")
    return People(store, small, clock)
