"""A look at the workspace and at the machine under it: what would stop people tomorrow, said today. It changes nothing.

Each finding is one sentence that holds or does not.
"""

import os
import platform
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection, text

from qms import migrations
from qms.desk import keeping
from qms.procedures import control
from qms.records import checkpoints, keys, trail
from qms.settings import Settings
from qms.workflows import timers
from qms.workflows.engine import Engine

OLDEST_GIT = (2, 38)
LEAST_FREE = 1_000_000_000
SLACK = timedelta(minutes=1)
ASLEEP = timedelta(hours=1)
"""A deadline that nobody woke for so long says that the program was not running."""
CHECKPOINT_AGE = timedelta(days=2)
BACKUP_AGE = timedelta(days=7)
MANY = 1000


class Whole(keeping.Whole, Protocol):
    """What the doctor needs of the assembled program."""

    @property
    def engine(self) -> Engine: ...


@dataclass(frozen=True)
class Finding:
    """One thing looked at: ``doctor.<name>`` in the catalogue, ``doctor.<name>.failed`` when it does not hold."""

    name: str
    holds: bool
    values: dict[str, object] = field(default_factory=dict)


def examine(whole: Whole) -> Iterator[Finding]:
    """Everything there is to look at, the machine first. What needs the newest tables is left out when they are not there."""
    settings, database = whole.settings, whole.database
    yield Finding("python", True, {"version": platform.python_version()})
    git = whole.library.git_version()
    yield Finding("git", git >= OLDEST_GIT, {"version": ".".join(map(str, git)), "least": ".".join(map(str, OLDEST_GIT))})
    free = shutil.disk_usage(settings.root).free
    yield Finding("disk", free >= LEAST_FREE, {"free": free // 1_000_000, "least": LEAST_FREE // 1_000_000})
    yield _permissions(settings)
    with database.reading() as connection:
        yield _product(connection)
        found = migrations.of(connection) or "-"
        yield Finding("schema", found == migrations.newest(), {"found": found, "known": migrations.newest()})
        if found == migrations.newest():
            yield from _contents(connection, whole, database.clock())


def _permissions(settings: Settings) -> Finding:
    """Nobody but the owner reads the key, and the owner may write where work is kept."""
    wrong = [str(path) for path in (settings.root, settings.evidence, settings.library) if not os.access(path, os.W_OK | os.X_OK)]
    wrong += [str(settings.key)] if stat.S_IMODE(settings.key.stat().st_mode) & 0o077 else []
    return Finding("permissions", not wrong, {"places": ", ".join(wrong)})


def _product(connection: Connection) -> Finding:
    name = connection.dialect.name
    version = connection.execute(text("SELECT sqlite_version()" if name == "sqlite" else "SHOW server_version")).scalar_one()
    return Finding("database", True, {"product": {"sqlite": "SQLite"}.get(name, "PostgreSQL"), "version": version})


def _contents(connection: Connection, whole: Whole, now: datetime) -> Iterator[Finding]:
    size, _ = trail.head(connection)
    yield _key(connection, whole)
    newest = trail.entry(connection, size).at
    yield Finding("clock", newest <= now + SLACK, {"at": newest})
    wanted, found = control.targets(connection), whole.library.refs()
    behind = sorted(ref for ref, target in wanted.items() if found.get(ref) != target)
    yield Finding("library", not behind, {"places": ", ".join(behind[:5])})
    late = timers.due_cases(connection, whole.engine, now - ASLEEP, MANY)
    yield Finding("asleep", not late, {"count": len(late), "case": late[0].number if late else ""})
    yield _checkpoint(connection, whole, size, now)
    made = next(iter(trail.entries(connection, event=keeping.EVENT, limit=1)), None)
    yield Finding("backup", made is not None and now - made.at <= BACKUP_AGE, {"at": made.at if made else None})


def _key(connection: Connection, whole: Whole) -> Finding:
    """The key that signs is the one whose public half lies beside it, and the one that signed the trail's head."""
    settings = whole.settings
    kept = settings.public_key.read_text("ascii", "replace").strip() if settings.public_key.is_file() else ""
    holds = kept == keys.written(whole.public_key) and checkpoints.agrees(
        connection, trail.note_at_head(connection, whole.public_key), whole.public_key
    )
    return Finding("key", holds)


def _checkpoint(connection: Connection, whole: Whole, size: int, now: datetime) -> Finding:
    """Entries that no checkpoint holds yet must be young."""
    left = next((count for count, _ in checkpoints.latest(whole.library, 1)), 0)
    oldest = trail.entry(connection, left + 1).at if left < size else None
    return Finding("checkpoint", oldest is None or now - oldest <= CHECKPOINT_AGE, {"at": oldest, "since": size - left})
