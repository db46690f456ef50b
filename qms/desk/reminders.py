"""Reminders: one message each working morning with what waits for a person, and one at once when a legal deadline comes near.

Everything else that falls due waits for the morning, so that nobody learns to overlook the program's mail.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from babel.dates import format_datetime
from sqlalchemy import BigInteger, Column, Connection, Integer, Table, insert, or_, select, update

from qms.database import Database, Transaction, metadata, moment
from qms.desk import messages, my_work
from qms.desk.my_work import Escalated, Waiting
from qms.errors import NotFound
from qms.locale import say
from qms.people import directory
from qms.people.actor import Actor
from qms.people.directory import person_table
from qms.people.hats import EVERY_STAFF_ROLE, Hats
from qms.records import trail
from qms.records.trail import Entry
from qms.settings import Settings
from qms.workflows import file as files
from qms.workflows.engine import Engine

MOST = 30
"""Cases named in one message; the rest are counted."""
SOON = timedelta(days=7)
AT_ONCE = 50
RINGS = ("timer-warned", "timer-due", "timer-escalated")

mark = Table(
    "message_mark",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
)
"""Up to which entry of the trail deadlines have been told of."""


@dataclass(frozen=True)
class House:
    """What reminders are made from."""

    database: Database
    settings: Settings
    engine: Engine
    hats: Hats


def remind(house: House) -> int:
    """Write every message that is due to be written now; returns how many. Safe to repeat, and for two processes at once."""
    with house.database.writing() as tx:
        messages.forget_links(tx)
        made = _deadlines(tx, house)
    with house.database.reading() as connection:
        due = _to_tell(connection, house)
    for person in due:
        with house.database.writing() as tx:
            made += _morning(tx, house, person)
    return made


def _to_tell(connection: Connection, house: House) -> list[str]:
    """Persons whose hour has come today and who were not thought of yet; nobody on a day off."""
    now = house.database.clock().astimezone(house.engine.calendar.zone)
    if not house.engine.calendar.is_workday(now.date()):
        return []
    person, chosen = person_table.c, messages.choice.c
    hour = f"{now:%H:%M}"
    usual = hour >= messages.USUAL_HOUR
    found = connection.execute(
        select(person.id)
        .outerjoin(messages.choice, chosen.person == person.id)
        .where(person.kind == "staff", directory.reached(house.database.clock()))
        .where(or_(chosen.told_on.is_(None), chosen.told_on < now.date().isoformat()))
        .where(or_(chosen.hour.is_(None) if usual else chosen.hour == "-", (chosen.hour != "") & (chosen.hour <= hour)))
        .order_by(person.id)
        .limit(AT_ONCE)
    )
    return [str(one) for one in found.scalars()]


def _morning(tx: Transaction, house: House, person: str) -> int:
    """The message of the day for one person, unless nothing waits; either way the person has been thought of."""
    today = house.engine.calendar.day(tx.now)
    values = {"told_on": today.isoformat()}
    changed = tx.connection.execute(update(messages.choice).where(messages.choice.c.person == person).values(values))
    if changed.rowcount == 0:
        tx.connection.execute(insert(messages.choice), {"person": person, "hour": None, **values})
    by = directory.actor(tx.connection, person, house.hats, "system", tx.now)
    found = list(my_work.waiting(tx.connection, house.engine, by, MOST + 1))
    told = my_work.escalated(tx.connection, house.engine, by, MOST, {one.number for one in found})
    if not found and not told:
        return 0
    late = sum(1 for one in found if one.due_at is not None and one.due_at < tx.now)
    subject = say(by.language, "desk.morning.subject", len(found[:MOST]) + len(told))
    if late:
        subject += say(by.language, "desk.morning.late_count", late)
    body = "\n".join(_lines(house, by, found, told, tx.now))
    return int(messages.put(tx, house.settings, f"{messages.MORNING}:{today}:{person}", person, messages.MORNING, subject, body))


def _lines(house: House, by: Actor, found: list[Waiting], told: list[Escalated], now: datetime) -> Iterator[str]:
    yield say(by.language, "desk.morning.greeting", name=by.name)
    parts = (
        ("late", [one for one in found[:MOST] if one.due_at is not None and one.due_at < now]),
        ("soon", [one for one in found[:MOST] if one.due_at is not None and now <= one.due_at <= now + SOON]),
        ("later", [one for one in found[:MOST] if one.due_at is None or one.due_at > now + SOON]),
    )
    for name, cases in parts:
        if cases:
            yield ""
            yield say(by.language, f"desk.morning.{name}")
        for one in cases:
            yield f"- {one.number} · {one.title}"
            steps = ", ".join(title[by.language] for _, title in one.steps)
            yield "  " + (say(by.language, "desk.morning.by", steps=steps, at=_at(house, by, one.due_at)) if one.due_at else steps)
            yield f"  {house.settings.address}/cases/{one.number}"
    if len(found) > MOST:
        yield ""
        yield say(by.language, "desk.morning.more", count=MOST)
    if told:
        yield ""
        yield say(by.language, "desk.morning.escalated")
    for late in told:
        yield f"- {late.number} · {late.title}"
        yield "  " + say(by.language, "desk.morning.was_due", timer=late.timer[by.language], at=_at(house, by, late.due_at))
        yield f"  {house.settings.address}/cases/{late.number}"
    yield ""
    yield say(by.language, "desk.morning.end", address=f"{house.settings.address}/account")


def _deadlines(tx: Transaction, house: House) -> int:
    """Tell of hard deadlines that rang since the last time; the first time begins with what comes next."""
    size = trail.size(tx.connection)
    told = tx.connection.execute(select(mark.c.position).with_for_update()).scalar()
    if told is None:
        tx.connection.execute(insert(mark), {"id": 1, "position": size})
        return 0
    made = 0
    if size > told:
        for event in RINGS:
            for entry in _since(tx.connection, event, int(told)):
                made += _tell(tx, house, entry)
        tx.connection.execute(update(mark).values(position=size))
    return made


def _since(connection: Connection, event: str, position: int) -> Iterator[Entry]:
    before: int | None = None
    while page := [entry for entry in trail.entries(connection, event=event, before=before, limit=AT_ONCE) if entry.position > position]:
        yield from page
        before = page[-1].position


def _tell(tx: Transaction, house: House, entry: Entry) -> int:
    """Tell those who may act on the case now, and those it escalates to, when the deadline that rang is a hard one."""
    number, ringing = str(entry.said["case"]["number"]), entry.said["what"]
    file = files.load(tx.connection, number)
    definition = house.engine.definitions.get(tx.connection, file.definition).definition
    timer = definition.timers.get(ringing["timer"])
    if timer is None or not timer.hard or file.is_closed:
        return 0
    acting = {role for step in definition.steps_in(house.engine.profile) if file.state in step.sources for role in step.by}
    wanted = {*timer.escalate, *ringing["escalate"], *acting} - {EVERY_STAFF_ROLE}
    worn = [hat.id for hat in house.hats.hats.values() if wanted & set(hat.roles)]
    made = 0
    for person in directory.wearing(tx.connection, worn, file.organisations, tx.now):
        try:
            by = directory.actor(tx.connection, person, house.hats, "system", tx.now)
            files.require_visible(file, definition, by)
        except NotFound:
            continue
        words = {
            "number": number,
            "title": file.title,
            "timer": timer.title[by.language],
            "at": _at(house, by, moment(ringing["due_at"])) if ringing["due_at"] else "",
            "address": f"{house.settings.address}/cases/{number}",
            "name": by.name,
        }
        kind = "near" if entry.event == "timer-warned" else "past"
        subject, body = (say(by.language, f"desk.deadline.{kind}.{part}", None, **words) for part in ("subject", "body"))
        made += messages.put(tx, house.settings, f"{messages.DEADLINE}:{entry.position}:{person}", person, messages.DEADLINE, subject, body)
    return made


def _at(house: House, by: Actor, at: datetime) -> str:
    return format_datetime(at, "d MMM y, HH:mm", tzinfo=house.engine.calendar.zone, locale=by.language)
