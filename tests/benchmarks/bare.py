"""The yardstick: the smallest durable step one can write with SQLAlchemy Core, and the smallest FastAPI handler that does it.

One transaction reads a row, checks its version, updates it, and inserts an entry with its hash: what any honest trail must do.
Nothing of qms is used here, so that the figures beside it mean something.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, bindparam, create_engine, event, insert, select, update

metadata = MetaData()
row = Table("bare_case", metadata, Column("number", String, primary_key=True), Column("state", String), Column("version", Integer))
line = Table(
    "bare_entry",
    metadata,
    Column("position", Integer, primary_key=True),
    Column("sealed", String),
    Column("leaf", String),
    Column("at", String),
)

_read = select(row.c.state, row.c.version).where(row.c.number == bindparam("n"))
_move = (
    update(row).where(row.c.number == bindparam("n"), row.c.version == bindparam("v")).values(state=bindparam("s"), version=bindparam("w"))
)
_write = insert(line)


def prepare(url: str) -> Engine:
    """An engine with one case in it, as durable as qms is: WAL with full synchronisation on SQLite, the defaults on PostgreSQL."""
    engine = create_engine(url, **({"connect_args": {"check_same_thread": False}} if url.startswith("sqlite") else {}))
    if url.startswith("sqlite"):
        event.listen(engine, "connect", _durable)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(row), {"number": "B-1", "state": "A", "version": 0})
    return engine


def _durable(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def step(engine: Engine) -> int:
    """Take one bare step; returns the new version."""
    with engine.begin() as connection:
        state, version = connection.execute(_read, {"n": "B-1"}).one()
        sealed = json.dumps({"case": "B-1", "from": state, "to": "A", "version": version + 1}, sort_keys=True)
        moved = connection.execute(_move, {"n": "B-1", "v": version, "s": "A", "w": version + 1})
        if moved.rowcount != 1:
            raise RuntimeError("stale")
        leaf = hashlib.sha256(sealed.encode()).hexdigest()
        connection.execute(_write, {"position": version + 1, "sealed": sealed, "leaf": leaf, "at": "2026-11-22T10:00:00.000Z"})
    return int(version) + 1


def handler(engine: Engine) -> Any:
    """A FastAPI application whose only handler takes the bare step, behind one lock so that SQLite's writers do not starve."""
    import threading

    from fastapi import FastAPI

    app, turn = FastAPI(), threading.Lock()

    @app.post("/step")
    def take() -> dict[str, int]:
        with turn:
            return {"version": step(engine)}

    return app


def bare(folder: Path) -> Callable[[], int]:
    """The yardstick on a fresh SQLite file."""
    engine = prepare(f"sqlite:///{folder / 'bare.sqlite3'}")
    return lambda: step(engine)
