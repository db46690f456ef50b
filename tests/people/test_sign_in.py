"""Signing in and out: sessions that end, and a delay that grows."""

import hashlib
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta

import pytest
from sqlalchemy import select

from qms.errors import Incomplete, NotPermitted
from qms.people import directory, sign_in
from qms.people.sign_in import Session
from tests.people.conftest import NOON, PASSWORD, People


def refusal(people: People, email: str, password: str, address: str = "") -> str:
    with pytest.raises(NotPermitted) as refused:
        sign_in.sign_in(people.database, email, password, address)
    return refused.value.codes[0]


def found(people: People, cookie: str) -> Session | None:
    with people.database.reading() as connection:
        opened = sign_in.session(connection, cookie, people.clock.now, people.hats, "web")
    if opened is None:
        return None
    session, by = opened
    assert by == people.actor(session.person)
    return session


def test_the_right_password_opens_a_session_of_that_person(people: People) -> None:
    lucia = people.add("lucia@example.org")
    opened = sign_in.sign_in(people.database, " Lucia@Example.org", PASSWORD)
    seen = found(people, opened.cookie)
    assert seen is not None
    assert (seen.person, seen.csrf) == (lucia, opened.csrf)
    assert seen.cookie == ""


def test_the_store_keeps_the_hash_of_the_cookie_and_of_the_password_only(people: People) -> None:
    people.add("lucia@example.org")
    cookie = sign_in.sign_in(people.database, "lucia@example.org", PASSWORD).cookie
    with people.database.reading() as connection:
        session = connection.execute(select(sign_in.session_table)).one()
        person = connection.execute(select(directory.person_table)).one()
    assert session.digest == hashlib.sha256(cookie.encode()).hexdigest()
    assert person.password_hash.startswith("$argon2id$")


def test_every_sign_in_has_a_cookie_and_a_word_for_forms_of_its_own(people: People) -> None:
    people.add("lucia@example.org")
    one, two = (sign_in.sign_in(people.database, "lucia@example.org", PASSWORD) for _ in range(2))
    assert len({one.cookie, two.cookie, one.csrf, two.csrf}) == 4


def test_unknown_address_wrong_password_closed_and_ended_account_answer_the_same(people: People) -> None:
    people.add("lucia@example.org")
    gone = people.add("marta@example.org")
    people.add("anna@example.org", kind="auditor", ends=NOON + timedelta(hours=1))
    with people.database.writing() as tx:
        directory.disable(tx, gone)
        directory.add_person(tx, "Senza", "senza@example.org", "staff")
    people.clock.pass_(hours=2)
    answers = {
        refusal(people, "lucia@example.org", "un-altra-parola"),
        refusal(people, "nessuno@example.org", PASSWORD),
        refusal(people, "marta@example.org", PASSWORD),
        refusal(people, "anna@example.org", PASSWORD),
        refusal(people, "senza@example.org", ""),
    }
    assert answers == {"SIGN_IN:refused"}


def test_after_four_free_failures_the_delay_doubles_up_to_a_quarter_of_an_hour(people: People) -> None:
    people.add("lucia@example.org")
    for _ in range(4):
        assert refusal(people, "lucia@example.org", "sbagliata-davvero") == "SIGN_IN:refused"
    waited = []
    for _ in range(11):
        assert refusal(people, "lucia@example.org", "sbagliata-davvero") == "SIGN_IN:refused"
        with pytest.raises(NotPermitted) as refused:
            sign_in.sign_in(people.database, "lucia@example.org", PASSWORD)
        assert refused.value.codes == ("SIGN_IN:wait",)
        waited.append(int(str(refused.value.reasons[0].values["seconds"])))
        people.clock.pass_(seconds=waited[-1])
    assert waited[:4] == [3, 5, 9, 17]
    assert waited[-1] == 15 * 60 + 1
    assert sign_in.sign_in(people.database, "lucia@example.org", PASSWORD).person == "P-0001"


def test_the_right_password_forgives_the_failures_before_it(people: People) -> None:
    people.add("lucia@example.org")
    for _ in range(3):
        for _ in range(4):
            refusal(people, "lucia@example.org", "sbagliata-davvero")
        assert sign_in.sign_in(people.database, "lucia@example.org", PASSWORD)


def test_failures_of_long_ago_are_forgotten(people: People) -> None:
    people.add("lucia@example.org")
    for _ in range(4):
        refusal(people, "lucia@example.org", "sbagliata-davvero")
    people.clock.pass_(hours=2)
    for _ in range(4):
        assert refusal(people, "lucia@example.org", "sbagliata-davvero") == "SIGN_IN:refused"


def test_an_address_that_tries_many_accounts_waits_too_and_its_own_account_does_not_help_it(people: People) -> None:
    people.add("lucia@example.org")
    for number in range(21):
        assert refusal(people, f"p{number}@example.org", PASSWORD, "192.0.2.7") == "SIGN_IN:refused"
        if number == 10:
            sign_in.sign_in(people.database, "lucia@example.org", PASSWORD, "192.0.2.7")
    assert refusal(people, "lucia@example.org", PASSWORD, "192.0.2.7") == "SIGN_IN:wait"
    assert sign_in.sign_in(people.database, "lucia@example.org", PASSWORD, "192.0.2.8")
    with people.database.reading() as connection:
        assert not any("192.0.2" in name for name in connection.execute(select(sign_in.throttle.c.name)).scalars())


def test_guesses_sent_all_at_once_are_counted_before_the_next_one_is_tried(people: People) -> None:
    people.add("lucia@example.org")
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda number: refusal(people, "lucia@example.org", f"prova-numero-{number}"), range(12)))
    assert answers.count("SIGN_IN:refused") <= 6
    with people.database.reading() as connection:
        assert connection.execute(select(sign_in.throttle.c.failures)).scalar_one() == answers.count("SIGN_IN:refused")


def test_a_session_ends_when_idle_when_old_when_left_and_when_the_account_is_closed(people: People) -> None:
    lucia = people.add("lucia@example.org")
    idle = sign_in.sign_in(people.database, "lucia@example.org", PASSWORD)
    people.clock.pass_(hours=8)
    assert found(people, idle.cookie) is None
    kept = sign_in.sign_in(people.database, "lucia@example.org", PASSWORD)
    for _ in range(24):
        assert found(people, kept.cookie)
        people.clock.pass_(hours=7)
        with people.database.writing() as tx:
            sign_in.seen(tx, kept.cookie)
    assert found(people, kept.cookie) is None
    left = sign_in.sign_in(people.database, "lucia@example.org", PASSWORD)
    with people.database.writing() as tx:
        sign_in.sign_out(tx, left.cookie)
    assert found(people, left.cookie) is None
    last = sign_in.sign_in(people.database, "lucia@example.org", PASSWORD)
    with people.database.writing() as tx:
        directory.disable(tx, lucia)
    assert found(people, last.cookie) is None


def test_an_auditors_session_ends_with_the_account(people: People) -> None:
    people.add("anna@example.org", kind="auditor", ends=NOON + timedelta(hours=1))
    opened = sign_in.sign_in(people.database, "anna@example.org", PASSWORD)
    people.clock.pass_(minutes=61)
    assert found(people, opened.cookie) is None


def test_a_new_password_ends_every_session_and_the_old_one_is_worth_nothing(people: People) -> None:
    lucia = people.add("lucia@example.org")
    before = sign_in.sign_in(people.database, "lucia@example.org", PASSWORD)
    with people.database.writing() as tx:
        sign_in.keep_password(tx, lucia, sign_in.hashed("la-sera-molto-tardi", "lucia@example.org"))
    assert found(people, before.cookie) is None
    assert refusal(people, "lucia@example.org", PASSWORD) == "SIGN_IN:refused"
    assert sign_in.sign_in(people.database, "lucia@example.org", "la-sera-molto-tardi")


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("corta", "PASSWORD:length"),
        ("x" * 257, "PASSWORD:length"),
        ("abababababab", "PASSWORD:guessable"),
        ("lucia@example.org-2026", "PASSWORD:guessable"),
        ("LUCIA@EXAMPLE.ORG", "PASSWORD:guessable"),
    ],
)
def test_a_password_that_is_short_long_or_guessable_is_refused(password: str, code: str) -> None:
    with pytest.raises(Incomplete) as refused:
        sign_in.hashed(password, "lucia@example.org")
    assert refused.value.codes == (code,)


def test_a_password_may_hold_any_letter_and_its_end_counts(people: People) -> None:
    lucia = people.add("lucia@example.org")
    long = "perché no? È così: " + "ab" * 100
    with people.database.writing() as tx:
        sign_in.keep_password(tx, lucia, sign_in.hashed(long, "lucia@example.org"))
    assert sign_in.sign_in(people.database, "lucia@example.org", long)
    assert refusal(people, "lucia@example.org", long[:-1]) == "SIGN_IN:refused"


def test_a_password_given_within_a_transaction_never_waits_for_wrong_ones_to_be_counted(people: People) -> None:
    people.add("lucia@example.org")
    with ThreadPoolExecutor(4) as crowd:
        with people.database.writing():
            guesses = [crowd.submit(refusal, people, "lucia@example.org", "sbagliata-del-tutto") for _ in range(2)]
            wait(guesses, timeout=1)
            made = crowd.submit(sign_in.hashed, PASSWORD, "lucia@example.org").result(timeout=10)
        assert made.startswith("$argon2id$")
        assert {guess.result(timeout=10) for guess in guesses} == {"SIGN_IN:refused"}
