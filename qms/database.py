"""The store of who did what and when: reading and writing transactions on SQLite or PostgreSQL.

One writer at a time per SQLite file. Many connections that write busy-wait and starve each other, so writers queue here in the order
they came; below SQLite 3.51.3 (a bug can lose a commit when the write-ahead log resets under another process) they also hold the
workspace's file lock, so that server, command line and git door take turns.
"""

import fcntl
import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, MetaData, Table, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from qms.errors import Incomplete, Reason, Stale

metadata = MetaData()
"""Every room hangs its tables here; ``qms.migrations`` makes them."""

Clock = Callable[[], datetime]
WAL_RESET_MENDED = (3, 51, 3)
POOL: dict[str, Any] = {"pool_size": 16, "max_overflow": 16, "hide_parameters": True}
"""What a person wrote never stands in the message of a failed statement: logs hold no personal data."""
CROSSED = frozenset({"40P01", "40001"})
"""What PostgreSQL says to one of two transactions that wait for each other."""


def utc_now() -> datetime:
    """Now, in UTC, to the millisecond: the resolution that is sealed."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def stamp(moment: datetime) -> str:
    """The text of an instant in every table and seal: UTC, milliseconds, ``2026-11-22T10:00:00.000Z``; it sorts as time does."""
    if moment.tzinfo is None:
        raise ValueError("an instant needs its zone")
    return (moment if moment.tzinfo is UTC else moment.astimezone(UTC)).isoformat(timespec="milliseconds")[:-6] + "Z"


def moment(text: str) -> datetime:
    """The instant that ``stamp`` wrote."""
    return datetime.fromisoformat(text)


class Signer(Protocol):
    """Whoever signs the trail's root: see ``qms.records.keys``."""

    @property
    def public(self) -> bytes: ...

    def sign(self, message: bytes) -> bytes: ...


@dataclass
class Transaction:
    """One writing transaction: its connection, the moment it stands for, and what must follow its commit.

    ``after_commit`` holds projections (moving git refs): each must be safe to lose and to repeat, since a crash may come before it.
    ``has_library`` says that the library's lock was taken first. ``guesses`` are what rooms remember of the last transaction that was
    committed through this ``Database``: another may have come since, so each must be checked as it is used.
    """

    connection: Connection
    now: datetime
    signer: Signer
    after_commit: list[Callable[[], None]] = field(default_factory=list)
    has_library: bool = False
    guesses: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Part of the transaction that may fail alone: what it wrote goes back, and so do the projections it asked for."""
        before = len(self.after_commit)
        try:
            with self.connection.begin_nested():
                yield
        except BaseException:
            del self.after_commit[before:]
            raise

    def hold(self, table: Table) -> None:
        """Let nobody else write to ``table`` until the end: what was looked up must still be so when it is written. SQLite has one writer
        anyhow."""
        if self.connection.dialect.name == "postgresql":
            self.connection.execute(text(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE"))


class Database:
    """The engine of one workspace. Owns its connections; close it."""

    def __init__(self, url: str, lock: Path, signer: Signer, clock: Clock = utc_now) -> None:
        self.clock = clock
        self.signer = signer
        self.is_sqlite = url.startswith("sqlite")
        self._turns = _Turns()
        self._handle: int | None = None
        self._guesses: dict[str, Any] = {}
        self._lock = lock if self.is_sqlite and sqlite3.sqlite_version_info < WAL_RESET_MENDED else None
        if self.is_sqlite:
            self.engine = create_engine(url, connect_args={"check_same_thread": False}, **POOL)
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        else:
            self.engine = create_engine(url, **POOL)
        event.listen(self.engine, "before_cursor_execute", _refuse_null)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view that writes nothing: whatever is committed meanwhile, it stays what it was at the first question.

        Raises Incomplete (``TEXT_UNWRITABLE``) for a text that no store takes.
        """
        with _told(), self.engine.connect() as connection:
            if self.is_sqlite:
                yield connection
                return
            # Ended by commit: after a rollback psycopg forgets every statement it had prepared.
            with connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True).begin():
                yield connection

    @contextmanager
    def asking(self) -> Iterator[Connection]:
        """For one question alone: its answer agrees with itself, and nothing is spent on beginning and ending a transaction around it."""
        with _told(), self.engine.connect() as connection:
            yield connection.execution_options(**{"once": True} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"})

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """One transaction: all of it or, on any exception, none of it. The callbacks of ``after_commit`` run once it is durable.

        Raises Incomplete (``TEXT_UNWRITABLE``) for a text that no store takes, Stale when another act stood crosswise in the way.
        """
        with _told(), self._turns if self.is_sqlite else nullcontext(), self._file_lock():
            with self.engine.connect() as connection:
                if self.is_sqlite:
                    connection = connection.execution_options(writing=True)
                with connection.begin():
                    transaction = Transaction(connection, self.clock(), self.signer, guesses=dict(self._guesses))
                    yield transaction
                self._guesses = transaction.guesses
            for follow in transaction.after_commit:
                follow()

    @contextmanager
    def _file_lock(self) -> Iterator[None]:
        """Hold the file lock; to be entered in turn only, since all threads share one handle."""
        if self._lock is None:
            yield
            return
        if self._handle is None:
            self._handle = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._handle, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give every connection back. The last one to leave checkpoints the log, so this too waits for the file lock."""
        with self._turns, self._file_lock():
            self.engine.dispose()
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


class _Turns:
    """A lock that serves in the order of asking: a plain lock lets a lucky thread in twice and the slowest wait for long."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._taken = False

    def __enter__(self) -> None:
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        mine.acquire()

    def __exit__(self, *_: object) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False


@contextmanager
def _told() -> Iterator[None]:
    """What only the drivers notice, in the house's own words, whichever door it came through."""
    try:
        yield
    except UnicodeEncodeError as error:
        raise Incomplete([Reason("TEXT_UNWRITABLE")]) from error
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in CROSSED:
            raise Stale([Reason("STALE")]) from error
        raise


def _refuse_null(connection: Connection, cursor: object, statement: str, parameters: Any, context: object, many: bool) -> None:
    """PostgreSQL takes no null character in a text. SQLite would: then what one house may write, another could not."""
    for row in parameters if many else (parameters,):
        for value in row.values() if isinstance(row, dict) else row:
            if isinstance(value, str) and "\0" in value:
                raise Incomplete([Reason("TEXT_UNWRITABLE")])


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "recursive_triggers=ON",
        "trusted_schema=OFF",
        "busy_timeout=15000",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get("once"):
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writing") else "BEGIN")
