"""Mail that people read: one message a morning when something waits, one at once for a legal deadline, each of them once."""

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select, update

from qms.database import stamp
from qms.desk import messages, post, staff
from qms.errors import Incomplete, NotFound, NotPermitted
from qms.people import invitations, sign_in
from qms.people.actor import SYSTEM
from qms.people.directory import actor, person_table
from qms.records import trail
from qms.settings import Mail
from qms.workflows import case
from tests.cast import CAST, PASSWORD
from tests.house import House, key

NEW = "erba-canile-ventaglio-7"
REPORTED = {
    "title": "Registro incompleto",
    "description": "Mancano due firme nel registro del canile.",
    "process": "TENDERS",
    "nc_source": "SELF",
}
MORNING = datetime(2026, 3, 3, 6, 45, tzinfo=UTC)


class Box:
    """A mail server that keeps what it is given, or refuses it."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.refuses = False

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:
        if self.refuses:
            return "451 later"
        letter = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(letter, EmailMessage)
        self.letters.append(letter)
        return "250 kept"

    def links(self) -> list[EmailMessage]:
        """Those letters that open an account."""
        return [letter for letter in self.letters if "/invitation/" in letter.get_content()]

    def to(self, name: str) -> list[EmailMessage]:
        return [letter for letter in self.letters if letter["To"] == CAST[name].email]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def box() -> Iterator[tuple[Box, int]]:
    found, port = Box(), free_port()
    controller = Controller(found, hostname="127.0.0.1", port=port, ready_timeout=30)
    controller.start()
    yield found, port
    controller.stop()


@pytest.fixture
def mailing(either_house: House, box: tuple[Box, int]) -> House:
    """A house with a mail server."""
    mail = Mail("127.0.0.1", box[1], "none", "", "qms@example.org")
    either_house.app.settings = replace(either_house.app.settings, mail=mail, address="https://qms.example.org")
    return either_house


# Besides what a test reports, each of the staff has the acknowledgment of one procedure waiting.


def report(house: House, name: str = "verifier") -> str:
    with house.app.writing() as tx:
        return str(case.open_case(tx, house.app.engine, "nonconformity", house.actor(name), fields=REPORTED, key=key()).case)


def kept(house: House) -> list[Any]:
    with house.app.reading() as connection:
        return list(connection.execute(select(messages.message)).all())


def at_the_desk(house: House, now: datetime) -> None:
    house.clock.now = now
    house.app.tick()


def test_a_morning_message_comes_once_with_what_waits_and_only_when_something_does(mailing: House, box: tuple[Box, int]) -> None:
    number = report(mailing)
    at_the_desk(mailing, datetime(2026, 3, 3, 6, 29, tzinfo=UTC))
    assert box[0].letters == []
    at_the_desk(mailing, datetime(2026, 3, 3, 6, 31, tzinfo=UTC))
    letter = box[0].to("quality")[0]
    assert letter["Subject"] == "2 pratiche aspettano voi"
    assert number in letter.get_content() and f"https://qms.example.org/cases/{number}" in letter.get_content()
    assert CAST["quality"].name in letter.get_content()
    at_the_desk(mailing, datetime(2026, 3, 3, 9, 0, tzinfo=UTC))
    assert len(box[0].to("quality")) == 1
    assert all(number not in other.get_content() for other in box[0].to("kennel"))
    assert all(row.kind == messages.MORNING for row in kept(mailing))


def test_what_is_late_is_said_in_the_subject(mailing: House, box: tuple[Box, int]) -> None:
    report(mailing)
    at_the_desk(mailing, datetime(2026, 3, 16, 6, 45, tzinfo=UTC))
    assert box[0].to("quality")[0]["Subject"] == "2 pratiche aspettano voi, una in ritardo"
    assert "In ritardo" in box[0].to("quality")[0].get_content()


def test_nobody_is_written_to_on_a_day_off(mailing: House, box: tuple[Box, int]) -> None:
    report(mailing)
    for day in (datetime(2026, 3, 7, 9, 0, tzinfo=UTC), datetime(2026, 3, 8, 9, 0, tzinfo=UTC)):
        at_the_desk(mailing, day)
    assert box[0].letters == []


def test_a_person_chooses_hour_and_language_or_never(mailing: House, box: tuple[Box, int]) -> None:
    report(mailing)
    with mailing.app.writing() as tx:
        messages.choose_hour(tx, mailing.ids["quality"], "09:00")
        messages.choose_hour(tx, mailing.ids["quality_too"], "")
    at_the_desk(mailing, MORNING)
    assert box[0].to("quality") == box[0].to("quality_too") == []
    at_the_desk(mailing, datetime(2026, 3, 3, 8, 0, tzinfo=UTC))
    assert len(box[0].to("quality")) == 1
    with pytest.raises(Incomplete), mailing.app.writing() as tx:
        messages.choose_hour(tx, mailing.ids["quality"], "25:00")
    with mailing.app.reading() as connection:
        assert messages.hour_of(connection, mailing.ids["quality"]) == "09:00"
        assert messages.hour_of(connection, mailing.ids["quality_too"]) == ""
        assert messages.hour_of(connection, mailing.ids["kennel"]) == "07:30"


def test_ten_people_in_one_day_get_at_most_one_message_each_outside_hard_deadlines(mailing: House, box: tuple[Box, int]) -> None:
    for _ in range(12):
        report(mailing)
    for hour in range(5, 20):
        at_the_desk(mailing, datetime(2026, 3, 10, hour, 40, tzinfo=UTC))
    assert len(box[0].letters) > 3
    assert max(Counter(letter["To"] for letter in box[0].letters).values()) == 1


def tender(house: House) -> str:
    with house.app.writing() as tx:
        opened = case.open_case(
            tx, house.app.engine, "public-tender", house.actor("tenders"), fields={"title": "Canile di Pontetetto"}, key=key()
        )
    return str(opened.case)


def test_a_hard_deadline_is_told_at_once_to_those_it_concerns_and_no_other_is(mailing: House, box: tuple[Box, int]) -> None:
    number = tender(mailing)
    with mailing.app.reading() as connection:
        hard = {
            name
            for name, timer in case.show(connection, mailing.app.engine, number, mailing.actor("tenders")).definition.timers.items()
            if timer.hard
        }
    assert hard
    at_the_desk(mailing, mailing.clock.now)
    with mailing.app.writing() as tx:
        ring(tx, mailing, number, sorted(hard)[0], 1)
        ring(tx, mailing, number, "screening", 2)
    mailing.app.tick()
    mailing.app.tick()
    told = [row for row in kept(mailing) if row.kind == messages.DEADLINE]
    assert {row.person for row in told} >= {mailing.ids["tenders"]}
    assert len(told) == len({row.person for row in told})
    assert mailing.ids["kennel"] not in {row.person for row in told}
    assert any(number in letter["Subject"] for letter in box[0].to("tenders"))


def test_who_stands_in_is_told_of_a_hard_deadline_and_whose_account_has_ended_is_not(mailing: House, box: tuple[Box, int]) -> None:
    number = tender(mailing)
    at_the_desk(mailing, mailing.clock.now)
    box[0].letters.clear()
    with mailing.app.reading() as connection:
        timers = case.show(connection, mailing.app.engine, number, mailing.actor("tenders")).definition.timers
    hard, (hat, where) = sorted(name for name, timer in timers.items() if timer.hard), CAST["tenders"].hats[0]
    with mailing.app.writing() as tx:
        lender, to = mailing.actor("tenders"), mailing.ids["kennel"]
        staff.delegate(tx, lender, mailing.app.hats, lender.person, to, hat, where, tx.now, tx.now + timedelta(days=1))
        ended = update(person_table).where(person_table.c.id == mailing.ids["tenders_too"]).values(expires_at=stamp(tx.now))
        tx.connection.execute(ended)
        messages.put(tx, mailing.app.settings, "k", mailing.ids["tenders_too"], messages.MORNING, "Uno", "testo")
        ring(tx, mailing, number, hard[0], 1)
    mailing.app.tick()
    told = {row.person for row in kept(mailing) if row.kind == messages.DEADLINE}
    assert told >= {mailing.ids["tenders"], to}
    assert mailing.ids["tenders_too"] not in told
    assert box[0].to("tenders_too") == []
    assert any(number in letter["Subject"] for letter in box[0].to("kennel"))


def ring(tx: Any, house: House, number: str, timer: str, after: int) -> None:
    """An entry as the timers write it."""
    from qms.people.actor import SYSTEM
    from qms.workflows import file as files

    file = files.load(tx.connection, number)
    said = {
        "number": number,
        "n": file.n + after,
        "workflow": file.workflow,
        "definition": file.definition,
        "step": None,
        "from": file.state,
        "to": file.state,
        "version": file.version,
        "procedure": None,
    }
    what = {"timer": timer, "due_at": "2026-03-05T10:00:00.000Z", "escalate": [], "timers": {}}
    trail.append(tx, trail.Act("timer-warned", SYSTEM, happened_at=tx.now, case=said, what=what))


def test_a_server_that_is_away_loses_nothing(mailing: House, box: tuple[Box, int]) -> None:
    report(mailing)
    box[0].refuses = True
    at_the_desk(mailing, MORNING)
    assert box[0].letters == []
    with mailing.app.reading() as connection:
        assert messages.of(connection, mailing.ids["quality"])[0].problem
    box[0].refuses = False
    mailing.app.tick()
    assert box[0].letters == []
    for minutes in (5, 10, 20):
        at_the_desk(mailing, MORNING.replace(minute=MORNING.minute + minutes - 5 if minutes == 5 else 59))
    assert len(box[0].to("quality")) == 1


def test_whose_account_was_closed_gets_no_letter_that_still_waited(mailing: House, box: tuple[Box, int]) -> None:
    report(mailing)
    box[0].refuses = True
    at_the_desk(mailing, MORNING)
    with mailing.app.writing() as tx:
        staff.disable(tx, SYSTEM, mailing.ids["tenders"])
    box[0].refuses = False
    at_the_desk(mailing, MORNING.replace(minute=59))
    assert box[0].letters
    assert box[0].to("tenders") == []


def test_a_server_that_is_away_costs_one_try_however_many_wait(mailing: House) -> None:
    tries: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            with suppress(OSError):
                while True:
                    listener.accept()[0].close()
                    tries.append(1)

        threading.Thread(target=hang_up, daemon=True).start()
        mail = Mail("127.0.0.1", int(listener.getsockname()[1]), "none", "", "qms@example.org")
        mailing.app.settings = replace(mailing.app.settings, mail=mail)
        report(mailing)
        at_the_desk(mailing, MORNING)
        listener.shutdown(socket.SHUT_RDWR)
    assert len(kept(mailing)) > 2
    assert len(tries) == 1


def test_without_a_mail_server_messages_are_read_in_the_program(either_house: House) -> None:
    report(either_house)
    at_the_desk(either_house, MORNING)
    with either_house.app.reading() as connection:
        found = messages.of(connection, either_house.ids["quality"])
    assert [one.subject for one in found] == ["2 pratiche aspettano voi"]
    assert post.deliver(either_house.app.database, either_house.app.settings) == 0


def test_an_invitation_opens_once_and_stays_nowhere(mailing: House, box: tuple[Box, int]) -> None:
    with mailing.app.writing() as tx:
        assert messages.invite(tx, mailing.app.settings, mailing.actor("quality"), mailing.ids["kennel"]) is None
    mailing.app.tick()
    (letter,) = box[0].links()
    assert letter["To"] == CAST["kennel"].email
    text = letter.get_content()
    secret = text.partition("/invitation/")[2].split()[0]
    assert all(secret not in str(row) for row in kept(mailing))
    with mailing.app.reading() as connection:
        by = actor(connection, mailing.ids["kennel"], mailing.app.hats, "web")
    hashed = sign_in.hashed(NEW, CAST["kennel"].email)
    with mailing.app.writing() as tx:
        messages.choose_password(tx, secret, by, hashed)
    assert sign_in.sign_in(mailing.app.database, CAST["kennel"].email, NEW).person == by.person
    with pytest.raises(NotPermitted):
        sign_in.sign_in(mailing.app.database, CAST["kennel"].email, PASSWORD)
    with pytest.raises(NotFound), mailing.app.writing() as tx:
        messages.choose_password(tx, secret, by, hashed)
    with mailing.app.reading() as connection:
        entries = [trail.entries(connection, event=event, limit=1)[0] for event in ("password-set", "invitation-made")]
    assert [entry.said["by"]["person"] for entry in entries] == [by.person, mailing.ids["quality"]]
    assert all(secret not in entry.sealed for entry in entries)


def test_a_link_ends_with_time_with_a_newer_one_and_with_the_account(either_house: House) -> None:
    house = either_house
    by, person = house.actor("quality"), house.ids["kennel"]
    with house.app.writing() as tx:
        first = messages.invite(tx, house.app.settings, by, person)
        second = messages.invite(tx, house.app.settings, by, person)
    assert first and second

    def works(link: str) -> bool:
        now = house.clock.now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        with house.app.reading() as connection:
            try:
                return invitations.whose(connection, link.rpartition("/")[2], now) == person
            except NotFound:
                return False

    assert (works(first), works(second)) == (False, True)
    house.clock.pass_(days=3)
    assert not works(second)
    with pytest.raises(NotPermitted), house.app.writing() as tx:
        messages.invite(tx, house.app.settings, house.actor("tenders"), person)


def test_who_forgot_gets_one_link_in_ten_minutes_and_a_stranger_none(mailing: House, box: tuple[Box, int]) -> None:
    for email in (CAST["kennel"].email, CAST["kennel"].email.upper(), "nobody@example.org"):
        with mailing.app.writing() as tx:
            messages.offer_way_back(tx, mailing.app.settings, email)
    mailing.app.tick()
    assert [letter["To"] for letter in box[0].links()] == [CAST["kennel"].email]
    mailing.clock.pass_(minutes=11)
    with mailing.app.writing() as tx:
        messages.offer_way_back(tx, mailing.app.settings, CAST["kennel"].email)
    mailing.app.tick()
    assert len(box[0].links()) == 2


def test_a_title_cannot_write_a_header(mailing: House, box: tuple[Box, int]) -> None:
    with mailing.app.writing() as tx:
        messages.put(tx, mailing.app.settings, "k", mailing.ids["quality"], "morning", "Uno\r\nBcc: tutti@example.org", "testo")
    mailing.app.tick()
    assert box[0].letters[0]["Bcc"] is None
    assert box[0].letters[0]["Subject"] == "Uno Bcc: tutti@example.org"
