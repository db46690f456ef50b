"""Signing in and out: passwords, sessions that can be revoked, and a growing delay after failures (OWASP ASVS 5.0, chapters 6 and 7)."""

import hashlib
import secrets
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Column, Connection, Integer, String, Table, delete, insert, select, update

from qms.database import Database, Transaction, metadata, moment, stamp
from qms.errors import Incomplete, NotPermitted, Reason
from qms.people.directory import person_table

IDLE = timedelta(hours=8)
ABSOLUTE = timedelta(days=7)
FREE_FAILURES = 4
LONGEST_WAIT = timedelta(minutes=15)
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 256

session_table = Table(
    "session",
    metadata,
    Column("digest", String, primary_key=True),
    Column("person", String, nullable=False, index=True),
    Column("csrf", String, nullable=False),
    Column("created_at", String, nullable=False),
    Column("seen_at", String, nullable=False),
    Column("expires_at", String, nullable=False),
)
throttle = Table(
    "throttle",
    metadata,
    Column("name", String, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("until", String, nullable=False),
)

_argon2 = PasswordHash((Argon2Hasher(),))
_few_at_once = threading.BoundedSemaphore(2)


@dataclass(frozen=True)
class Session:
    """A signed-in browser. ``cookie`` is known to the browser alone and only at sign-in; the store keeps its hash."""

    person: str
    csrf: str
    expires_at: datetime
    cookie: str = ""


def set_password(tx: Transaction, person_id: str, password: str) -> None:
    """Give a person a password and end every session they had. Raises Incomplete when it is too short, too long or their own address."""
    email = tx.connection.execute(select(person_table.c.email).where(person_table.c.id == person_id)).scalar_one()
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise Incomplete([Reason("PASSWORD:length", "password", {"shortest": SHORTEST_PASSWORD, "longest": LONGEST_PASSWORD})])
    if email.lower() in password.lower() or len(set(password)) < 5:
        raise Incomplete([Reason("PASSWORD:guessable", "password")])
    with _few_at_once:
        hashed = _argon2.hash(password)
    tx.connection.execute(update(person_table).where(person_table.c.id == person_id).values(password_hash=hashed))
    tx.connection.execute(delete(session_table).where(session_table.c.person == person_id))


def sign_in(database: Database, email: str, password: str, address: str = "") -> Session:
    """Open a session. ``address`` is where the request came from, for the delay only; it is hashed and never kept beside an act.

    An unknown address, a wrong password, a closed or ended account all raise the same NotPermitted (``SIGN_IN:refused``), after the
    same work; too many failures raise ``SIGN_IN:wait`` with the seconds to wait.
    """
    now = database.clock()
    with database.reading() as connection:
        row = connection.execute(select(person_table).where(person_table.c.email == email.strip().lower())).mappings().first()
    name = str(row["id"]) if row else "unknown:" + _digest(email.strip().lower())[:32]
    throttled = [name, *(["address:" + _digest(address)[:32]] if address else [])]
    _await(database, throttled, now)
    right = _right(password, str(row["password_hash"]) if row and row["password_hash"] else None)
    if not right or row is None or not _open(row["disabled_at"], row["expires_at"], now):
        _failed(database, throttled, now)
        raise NotPermitted([Reason("SIGN_IN:refused")])
    cookie, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    with database.writing() as tx:
        tx.connection.execute(delete(throttle).where(throttle.c.name.in_(throttled)))
        tx.connection.execute(delete(session_table).where(session_table.c.expires_at < stamp(now)))
        ends = now + ABSOLUTE
        tx.connection.execute(
            insert(session_table),
            {
                "digest": _digest(cookie),
                "person": name,
                "csrf": csrf,
                "created_at": stamp(now),
                "seen_at": stamp(now),
                "expires_at": stamp(ends),
            },
        )
    return Session(name, csrf, ends, cookie)


def session(connection: Connection, cookie: str, now: datetime) -> Session | None:
    """The session that ``cookie`` opens, unless it ended, was idle too long, or its person's account closed."""
    row = connection.execute(
        select(session_table, person_table.c.disabled_at, person_table.c.expires_at.label("account_ends"))
        .join(person_table, person_table.c.id == session_table.c.person)
        .where(session_table.c.digest == _digest(cookie))
    ).first()
    if (
        row is None
        or moment(row.expires_at) <= now
        or moment(row.seen_at) + IDLE <= now
        or not _open(row.disabled_at, row.account_ends, now)
    ):
        return None
    return Session(row.person, row.csrf, moment(row.expires_at))


def seen(tx: Transaction, cookie: str) -> None:
    """Note that a session is in use; doors call it at most every few minutes."""
    tx.connection.execute(update(session_table).where(session_table.c.digest == _digest(cookie)).values(seen_at=stamp(tx.now)))


def sign_out(tx: Transaction, cookie: str) -> None:
    """End a session."""
    tx.connection.execute(delete(session_table).where(session_table.c.digest == _digest(cookie)))


def check_password(database: Database, person_id: str, password: str, now: datetime) -> None:
    """Check a signed-in person's password again. Raises NotPermitted (``SIGN_IN:refused``, ``SIGN_IN:wait``)."""
    _await(database, [person_id], now)
    with database.reading() as connection:
        hashed = connection.execute(select(person_table.c.password_hash).where(person_table.c.id == person_id)).scalar()
    if not _right(password, hashed):
        _failed(database, [person_id], now)
        raise NotPermitted([Reason("SIGN_IN:refused")])


def _right(password: str, hashed: str | None) -> bool:
    with _few_at_once:
        right = _argon2.verify(password[: LONGEST_PASSWORD + 1], hashed or _nobody())
    return right and hashed is not None


@cache
def _nobody() -> str:
    return _argon2.hash(secrets.token_hex(16))


def _open(disabled_at: str | None, expires_at: str | None, now: datetime) -> bool:
    return disabled_at is None and (expires_at is None or moment(expires_at) > now)


def _await(database: Database, names: list[str], now: datetime) -> None:
    with database.reading() as connection:
        ends = [moment(until) for until in connection.execute(select(throttle.c.until).where(throttle.c.name.in_(names))).scalars()]
    wait = max((until - now for until in ends), default=timedelta())
    if wait > timedelta():
        raise NotPermitted([Reason("SIGN_IN:wait", None, {"seconds": int(wait.total_seconds()) + 1})])


def _failed(database: Database, names: list[str], now: datetime) -> None:
    with database.writing() as tx:
        for name in names:
            failures = (tx.connection.execute(select(throttle.c.failures).where(throttle.c.name == name)).scalar() or 0) + 1
            wait = min(timedelta(seconds=2 ** min(failures - FREE_FAILURES, 12)), LONGEST_WAIT) if failures > FREE_FAILURES else timedelta()
            tx.connection.execute(delete(throttle).where(throttle.c.name == name))
            tx.connection.execute(insert(throttle), {"name": name, "failures": failures, "until": stamp(now + wait)})


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
