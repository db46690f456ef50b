"""Signing in and out: passwords, sessions that can be revoked, and a growing delay after failures (OWASP ASVS 5.0, chapters 6 and 7)."""

import hashlib
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Column, Connection, Integer, String, Table, bindparam, case, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from qms.database import Database, Transaction, metadata, moment, stamp
from qms.errors import Incomplete, NotPermitted, Reason
from qms.people.actor import Actor
from qms.people.directory import ACTOR, PERSON_WITH_HATS, actor_of, person_table
from qms.people.hats import Hats

IDLE = timedelta(hours=8)
ABSOLUTE = timedelta(days=7)
FREE_FAILURES = 4
FREE_OF_ADDRESS = 20
"""An office shares one address: its people mistype more often together than one of them does."""
LONGEST_WAIT = timedelta(minutes=15)
FORGOTTEN = timedelta(hours=1)
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
_opened_by = (
    select(session_table, *ACTOR)
    .select_from(session_table.join(PERSON_WITH_HATS, person_table.c.id == session_table.c.person))
    .where(session_table.c.digest == bindparam("wanted"))
)

_argon2 = PasswordHash((Argon2Hasher(),))
_few_at_once = threading.BoundedSemaphore(2)
_one_made = threading.Lock()
"""Apart from the comparisons: those wait for a writing transaction to count a failure, and a new hash is made within one."""


@dataclass(frozen=True)
class Session:
    """A signed-in browser. ``cookie`` is known to the browser alone and only at sign-in; the store keeps its hash."""

    person: str
    csrf: str
    expires_at: datetime
    cookie: str = ""


def require_good(password: str, email: str) -> None:
    """Raises Incomplete when a password is too short, too long, or easily guessed."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise Incomplete([Reason("PASSWORD:length", "password", {"shortest": SHORTEST_PASSWORD, "longest": LONGEST_PASSWORD})])
    if email.lower() in password.lower() or len(set(password)) < 5:
        raise Incomplete([Reason("PASSWORD:guessable", "password")])


def hashed(password: str, email: str) -> str:
    """The hash that stands for a new password. Raises Incomplete when it is not good."""
    require_good(password, email)
    with _one_made:
        return _argon2.hash(password)


def keep_password(tx: Transaction, person_id: str, hash_: str) -> None:
    """Give a person a password and end every session they had."""
    tx.connection.execute(update(person_table).where(person_table.c.id == person_id).values(password_hash=hash_))
    tx.connection.execute(delete(session_table).where(session_table.c.person == person_id))


def sign_in(database: Database, email: str, password: str, address: str = "") -> Session:
    """Open a session. ``address`` is where the request came from, for the delay only; it is hashed and never kept beside an act.

    An unknown address, a wrong password, a closed or ended account all raise the same NotPermitted (``SIGN_IN:refused``), after the
    same work; too many failures raise ``SIGN_IN:wait`` with the seconds to wait.
    """
    now = database.clock()
    with database.reading() as connection:
        row = connection.execute(select(person_table).where(person_table.c.email == email.strip().lower())).mappings().first()
    person = str(row["id"]) if row else "unknown:" + _digest(email.strip().lower())[:32]
    watched = {person: FREE_FAILURES, **({"address:" + _digest(address)[:32]: FREE_OF_ADDRESS} if address else {})}
    is_open = row is not None and _open(row["disabled_at"], row["expires_at"], now)
    _check(database, watched, password, row["password_hash"] if row else None, now, is_open)
    made = Session(person, secrets.token_urlsafe(32), now + ABSOLUTE, secrets.token_urlsafe(32))
    with database.writing() as tx:
        tx.connection.execute(delete(session_table).where(session_table.c.expires_at < stamp(now)))
        tx.connection.execute(delete(throttle).where(throttle.c.until < stamp(now - ABSOLUTE)))
        tx.connection.execute(
            insert(session_table),
            {
                "digest": _digest(made.cookie),
                "person": person,
                "csrf": made.csrf,
                "created_at": stamp(now),
                "seen_at": stamp(now),
                "expires_at": stamp(made.expires_at),
            },
        )
    return made


def session(connection: Connection, cookie: str, now: datetime, hats: Hats, via: str) -> tuple[Session, Actor] | None:
    """The session that ``cookie`` opens and whose it is, unless it ended, was idle too long, or its person's account closed."""
    rows = connection.execute(_opened_by, {"wanted": _digest(cookie)}).all()
    if not rows:
        return None
    row = rows[0]
    ended = moment(row.expires_at) <= now or moment(row.seen_at) + IDLE <= now or not _open(row.disabled_at, row.account_ends, now)
    return None if ended else (Session(row.person, row.csrf, moment(row.expires_at)), actor_of(rows, hats, via, now))


def seen(tx: Transaction, cookie: str) -> None:
    """Note that a session is in use; doors call it at most every few minutes."""
    tx.connection.execute(update(session_table).where(session_table.c.digest == _digest(cookie)).values(seen_at=stamp(tx.now)))


def sign_out(tx: Transaction, cookie: str) -> None:
    """End a session."""
    tx.connection.execute(delete(session_table).where(session_table.c.digest == _digest(cookie)))


def check_password(database: Database, person_id: str, password: str, now: datetime) -> None:
    """Check a signed-in person's password again. Raises NotPermitted (``SIGN_IN:refused``, ``SIGN_IN:wait``)."""
    with database.reading() as connection:
        kept = connection.execute(select(person_table.c.password_hash).where(person_table.c.id == person_id)).scalar()
    _check(database, {person_id: FREE_FAILURES}, password, kept, now)


def _check(database: Database, watched: Mapping[str, int], password: str, kept: str | None, now: datetime, is_open: bool = True) -> None:
    """Compare, and count a failure before the next comparison begins: guesses sent all at once wait for each other."""
    with _few_at_once:
        failed_before = _await(database, list(watched), now)
        right = _argon2.verify(password[: LONGEST_PASSWORD + 1].encode("utf-8", "surrogatepass"), kept or _nobody())
        if not (right and kept is not None and is_open):
            _count_failure(database, watched, now)
            raise NotPermitted([Reason("SIGN_IN:refused")])
    own = [name for name in failed_before if not name.startswith("address:")]
    if own:
        with database.writing() as tx:
            tx.connection.execute(delete(throttle).where(throttle.c.name.in_(own)))


@cache
def _nobody() -> str:
    return _argon2.hash(secrets.token_hex(16))


def _open(disabled_at: str | None, expires_at: str | None, now: datetime) -> bool:
    return disabled_at is None and (expires_at is None or moment(expires_at) > now)


def _await(database: Database, names: list[str], now: datetime) -> list[str]:
    """Which of ``names`` failed lately. Raises NotPermitted while one of them has to wait."""
    with database.reading() as connection:
        found = connection.execute(select(throttle).where(throttle.c.name.in_(names))).all()
    wait = max((moment(row.until) - now for row in found), default=timedelta())
    if wait > timedelta():
        raise NotPermitted([Reason("SIGN_IN:wait", None, {"seconds": int(wait.total_seconds()) + 1})])
    return [row.name for row in found]


def _count_failure(database: Database, watched: Mapping[str, int], now: datetime) -> None:
    with database.writing() as tx:
        enter = insert_sqlite(throttle) if database.is_sqlite else insert_postgresql(throttle)
        for name, free in sorted(watched.items()):
            row = {"name": name, "failures": 0, "until": stamp(now)}
            tx.connection.execute(enter.values(row).on_conflict_do_nothing())
            more = case((throttle.c.until < stamp(now - FORGOTTEN), 1), else_=throttle.c.failures + 1)
            mine = update(throttle).where(throttle.c.name == name)
            failures = tx.connection.execute(mine.values(failures=more).returning(throttle.c.failures)).scalar_one()
            tx.connection.execute(mine.values(until=stamp(now + _wait(failures - free))))


def _wait(too_many: int) -> timedelta:
    return min(timedelta(seconds=2 ** min(too_many, 12)), LONGEST_WAIT) if too_many > 0 else timedelta()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
