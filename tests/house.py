"""A whole workspace for a test: real folder, real git, real database, the named cast with their hats, and a clock that can be set."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from qms import app as assembly
from qms.app import App
from qms.desk import staff, start
from qms.people import directory, sign_in, signature
from qms.people.actor import SYSTEM, Actor
from qms.people.signature import Proof
from tests.cast import CAST, CONSORTIUM, ORGANISATIONS, PASSWORD

BEGINNING = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@dataclass
class Clock:
    """The house's time: stands still until it is moved."""

    now: datetime = BEGINNING

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **duration: int) -> datetime:
        """Let time go by; returns the new moment."""
        self.now += timedelta(**duration)
        return self.now


@dataclass
class House:
    """An open workspace with its cast. ``ids`` maps a name of the cast to the person's id."""

    app: App
    clock: Clock
    ids: dict[str, str] = field(default_factory=dict)

    def actor(self, name: str, via: str = "web") -> Actor:
        """The person ``name`` as one who acts."""
        if name == "program":
            return SYSTEM
        with self.app.reading() as connection:
            return directory.actor(connection, self.ids[name], self.app.hats, via)

    def proof(self, name: str) -> Proof:
        """A signature of ``name``, by password."""
        return signature.prove(self.app.database, self.actor(name), PASSWORD)

    def token(self, name: str) -> str:
        """A token with which ``name`` acts from outside."""
        with self.app.writing() as tx:
            return staff.issue_token(tx, self.actor(name), "test")[0]

    def session(self, name: str) -> sign_in.Session:
        """A signed-in browser of ``name``."""
        return sign_in.sign_in(self.app.database, CAST[name].email, PASSWORD)


def build(root: Path, database_url: str | None = None) -> None:
    """Make the workspace that every test copies, with the whole cast in it."""
    clock = Clock()
    start.make(
        root,
        start.Beginning("Consorzio di prova", CONSORTIUM, CAST["quality"].name, CAST["quality"].email, PASSWORD, database_url=database_url),
        clock,
    )
    with assembly.opened(root, clock) as app, app.writing() as tx:
        for slug, name, kind in ORGANISATIONS:
            staff.add_organisation(tx, SYSTEM, slug, name, kind)
        hashed = tx.connection.execute(directory.person_table.select()).mappings().one()["password_hash"]
        for member in CAST.values():
            if member is CAST["quality"]:
                continue
            ends = clock.now + timedelta(days=400) if member.kind == "auditor" else None
            person = staff.add_person(tx, SYSTEM, member.name, member.email, member.kind, "it", ends)
            staff.keep_password(tx, SYSTEM, person.id, hashed)
            for hat, organisation in member.hats:
                staff.grant(tx, SYSTEM, app.hats, person.id, hat, organisation)


def copy(template: Path, root: Path, database_url: str | None = None) -> None:
    """Copy a workspace; on PostgreSQL its database was copied before, to ``database_url``."""
    shutil.copytree(template, root)
    if database_url is not None:
        settings = root / "qms.toml"
        kept = [line for line in settings.read_text().splitlines() if not line.startswith("database_url")]
        settings.write_text("\n".join([*kept, f'database_url = "{database_url}"', ""]))


@contextmanager
def opened(template: Path, root: Path, database_url: str | None = None) -> Iterator[House]:
    """A copy of the template, open."""
    copy(template, root, database_url)
    clock = Clock()
    with assembly.opened(root, clock) as app:
        with app.reading() as connection:
            by_email = {person.email: person.id for person in directory.persons(connection)}
        yield House(app, clock, {name: by_email[member.email] for name, member in CAST.items()})


def key() -> str:
    """An idempotency key that nobody else uses."""
    return uuid4().hex
