"""What the program tells a person outside the pages: each message once, kept here, and sent by mail where a mail server is set.

Without a mail server nothing fails: a person reads their messages in the program, and whoever keeps the directory hands a link over.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Connection, Index, Integer, RowMapping, String, Table, Text, insert, select, update

from qms.database import Database, Transaction, metadata, moment, stamp
from qms.desk import staff
from qms.errors import Incomplete, NotFound, NotPermitted, Reason
from qms.locale import say
from qms.people import directory, invitations
from qms.people.actor import Actor
from qms.people.directory import Person
from qms.records import trail
from qms.settings import Settings

MORNING, DEADLINE, LINK = "morning", "deadline", "link"
USUAL_HOUR = "07:30"
GIVEN_UP = timedelta(days=2)
CLAIM = timedelta(minutes=10)
AGAIN = timedelta(minutes=10)
"""Somebody who asks twice for a way back in gets one message."""
PAGE = 50

message = Table(
    "message",
    metadata,
    Column("key", String(160), primary_key=True),
    Column("person", String, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("made_at", String, nullable=False),
    Column("next_at", String, index=True),
    Column("tries", Integer, nullable=False),
    Column("sent_at", String),
    Column("problem", Text),
    Index("message_of", "person", "made_at"),
)
"""``next_at`` is when to try to send it; None once it is sent, given up, or when there was no mail server."""
choice = Table(
    "message_choice",
    metadata,
    Column("person", String, primary_key=True),
    Column("hour", String(5)),
    Column("told_on", String(10)),
)
"""At which hour (``HH:MM``) a person wants the morning message, empty for never; and the last day it was thought of."""


@dataclass(frozen=True)
class Message:
    """One message as kept. ``body`` of one with a link is empty once it was sent: what opens an account does not stay here."""

    key: str
    person: str
    kind: str
    subject: str
    body: str
    made_at: datetime
    sent_at: datetime | None
    problem: str | None


def put(tx: Transaction, settings: Settings, key: str, person: str, kind: str, subject: str, body: str) -> bool:
    """Keep a message, to be sent when there is a mail server. Returns False when it was there already."""
    if tx.connection.execute(select(message.c.key).where(message.c.key == key)).first():
        return False
    tx.connection.execute(
        insert(message),
        {
            "key": key,
            "person": person,
            "kind": kind,
            "subject": " ".join(subject.split())[:200],
            "body": body,
            "made_at": stamp(tx.now),
            "next_at": stamp(tx.now) if settings.mail else None,
            "tries": 0,
        },
    )
    return True


def invite(tx: Transaction, settings: Settings, by: Actor, person: str) -> str | None:
    """Send somebody a link to choose a password. Without a mail server the link is returned, to be handed over: it is shown this once.

    Raises NotPermitted, NotFound, Incomplete for a closed account.
    """
    if not staff.may_keep(by):
        raise NotPermitted([Reason("ROLE:ADMIN,QM")])
    to = directory.person(tx.connection, person)
    if to.disabled_at is not None:
        raise Incomplete([Reason("ACCOUNT_CLOSED", "person")])
    trail.append(tx, trail.Act("invitation-made", by, what={"person": person}))
    return _send_link(tx, settings, to, "invitation", f"{LINK}:{person}:{stamp(tx.now)}")


def offer_way_back(tx: Transaction, settings: Settings, email: str) -> None:
    """The same for who asks at the door with an address: only by mail, once in ten minutes, and nobody is told whether it is known."""
    found = directory.by_email(tx.connection, email)
    if settings.mail is None or found is None or found.disabled_at is not None or (found.expires_at and found.expires_at <= tx.now):
        return
    key = f"{LINK}:{found.id}:{int(tx.now.timestamp() // AGAIN.total_seconds())}"
    if not tx.connection.execute(select(message.c.key).where(message.c.key == key)).first():
        _send_link(tx, settings, found, "way_back", key)


def _send_link(tx: Transaction, settings: Settings, to: Person, words: str, key: str) -> str | None:
    address = f"{settings.address}/invitation/{invitations.make(tx, to.id)}"
    if settings.mail is None:
        return address
    values: dict[str, Any] = {"name": to.name, "house": settings.name, "address": address, "days": invitations.LASTS.days}
    subject, body = (say(to.language, f"desk.{words}.{part}", None, **values) for part in ("subject", "body"))
    put(tx, settings, key, to.id, LINK, subject, body)
    return None


def choose_password(tx: Transaction, secret: str, by: Actor, hashed: str) -> None:
    """Use a link: ``by``, whose it is, gets the password that ``hashed`` stands for. Raises NotFound."""
    if invitations.use(tx, secret) != by.person:
        raise NotFound("invitation", "")
    staff.keep_password(tx, by, by.person, hashed)
    staff.end_tokens(tx, by, by.person)


def hour_of(connection: Connection, person: str) -> str:
    """When a person wants the morning message; empty for never."""
    found = connection.execute(select(choice.c.hour).where(choice.c.person == person)).scalar()
    return USUAL_HOUR if found is None else str(found)


def choose_hour(tx: Transaction, person: str, hour: str) -> None:
    """Choose when. Raises Incomplete for what is neither ``HH:MM`` on the half hour nor empty."""
    if hour and (len(hour) != 5 or hour not in hours()):
        raise Incomplete([Reason("FIELD_INVALID:hour", "hour")])
    changed = tx.connection.execute(update(choice).where(choice.c.person == person).values(hour=hour))
    if changed.rowcount == 0:
        tx.connection.execute(insert(choice), {"person": person, "hour": hour, "told_on": None})


def hours() -> tuple[str, ...]:
    """The hours to choose from."""
    return tuple(f"{hour:02d}:{minute:02d}" for hour in range(5, 13) for minute in (0, 30))


def of(connection: Connection, person: str, before: str | None = None, limit: int = PAGE) -> list[Message]:
    """A person's own messages, newest first, without those that open an account."""
    query = select(message).where(message.c.person == person, message.c.kind != LINK).order_by(message.c.made_at.desc(), message.c.key)
    if before is not None:
        query = query.where(message.c.made_at < before)
    return [_message(row) for row in connection.execute(query.limit(limit)).mappings()]


def forget_links(tx: Transaction) -> None:
    """Empty the bodies of links that no longer work."""
    row = message.c
    old = stamp(tx.now - invitations.LASTS)
    tx.connection.execute(update(message).where(row.kind == LINK, row.made_at < old, row.body != "").values(body="", next_at=None))


@contextmanager
def claimed(database: Database) -> Iterator[tuple[Message, str] | None]:
    """The next message that wants sending, with its address, kept from every other process meanwhile; None when there is none.

    Left in peace the message counts as sent; with an exception it is tried again, later each time, and given up after two days.
    """
    with database.writing() as tx:
        found = _claim(tx)
    if found is None:
        yield None
        return
    try:
        yield found
    except OSError as error:
        with database.writing() as tx:
            _failed(tx, found[0], f"{type(error).__name__}: {error}"[:300])
        return
    with database.writing() as tx:
        values = {"sent_at": stamp(tx.now), "next_at": None, "problem": None}
        hidden = {"body": ""} if found[0].kind == LINK else {}
        tx.connection.execute(update(message).where(message.c.key == found[0].key).values(**values, **hidden))


def _claim(tx: Transaction) -> tuple[Message, str] | None:
    row = message.c
    reached = select(directory.person_table.c.id).where(directory.reached(tx.now))
    due = select(message).where(row.next_at <= stamp(tx.now), row.person.in_(reached))
    query = due.order_by(row.next_at).limit(1).with_for_update(skip_locked=True)
    found = tx.connection.execute(query).mappings().first()
    if found is None:
        return None
    tx.connection.execute(update(message).where(row.key == found["key"]).values(next_at=stamp(tx.now + CLAIM)))
    return _message(found), directory.person(tx.connection, found["person"]).email


def _failed(tx: Transaction, one: Message, problem: str) -> None:
    row = message.c
    tries = int(tx.connection.execute(select(row.tries).where(row.key == one.key)).scalar_one()) + 1
    given_up = tx.now - one.made_at > GIVEN_UP
    next_at = None if given_up else stamp(tx.now + timedelta(minutes=min(2**tries, 240)))
    tx.connection.execute(update(message).where(row.key == one.key).values(tries=tries, next_at=next_at, problem=problem))


def _message(row: RowMapping) -> Message:
    sent = moment(row["sent_at"]) if row["sent_at"] else None
    return Message(row["key"], row["person"], row["kind"], row["subject"], row["body"], moment(row["made_at"]), sent, row["problem"])
