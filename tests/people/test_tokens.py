"""Personal tokens: shown once, kept as a hash, ended at will."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from qms.errors import Incomplete, NotFound, NotPermitted
from qms.people import directory, tokens
from tests.people.conftest import NOON, People


def owner(people: People, text: str) -> str:
    with people.database.reading() as connection:
        return tokens.bearer(connection, text, people.clock.now, people.hats, "api").person


def test_a_token_stands_for_its_person_until_its_last_moment(people: People) -> None:
    marta = people.add("marta@example.org")
    with people.database.writing() as tx:
        text, token = tokens.issue(tx, marta, "portatile", 10)
    assert text.startswith("qms_")
    assert token.expires_at == NOON + timedelta(days=10)
    people.clock.now = token.expires_at - timedelta(milliseconds=1)
    assert owner(people, text) == marta
    people.clock.now = token.expires_at
    with pytest.raises(NotPermitted) as refused:
        owner(people, text)
    assert refused.value.codes == ("TOKEN:refused",)


def test_the_text_of_a_token_is_kept_nowhere(people: People) -> None:
    marta = people.add("marta@example.org")
    with people.database.writing() as tx:
        text, _ = tokens.issue(tx, marta, "portatile")
    with people.database.reading() as connection:
        kept = connection.execute(select(tokens.token_table)).one()
    assert not any(text.removeprefix("qms_") in str(value) for value in kept)


def test_a_revoked_token_and_that_of_a_closed_or_ended_account_are_refused(people: People) -> None:
    marta = people.add("marta@example.org")
    anna = people.add("anna@example.org", kind="auditor", ends=NOON + timedelta(hours=1))
    with people.database.writing() as tx:
        first, token = tokens.issue(tx, marta, "uno")
        second, _ = tokens.issue(tx, marta, "due")
        third, _ = tokens.issue(tx, anna, "tre")
        tokens.revoke(tx, marta, token.id)
    with pytest.raises(NotPermitted):
        owner(people, first)
    assert owner(people, second) == marta
    with people.database.writing() as tx:
        directory.disable(tx, marta)
    people.clock.pass_(hours=2)
    for text in (second, third, "qms_nothing", ""):
        with pytest.raises(NotPermitted):
            owner(people, text)


def test_nobody_ends_a_token_that_is_not_theirs_or_ended_already(people: People) -> None:
    marta, lucia = people.add("marta@example.org"), people.add("lucia@example.org")
    with people.database.writing() as tx:
        _, token = tokens.issue(tx, marta, "uno")
    with people.database.writing() as tx, pytest.raises(NotFound):
        tokens.revoke(tx, lucia, token.id)
    with people.database.writing() as tx:
        tokens.revoke(tx, marta, token.id)
    with people.database.writing() as tx, pytest.raises(NotFound):
        tokens.revoke(tx, marta, token.id)
    with people.database.reading() as connection:
        assert [one.revoked_at for one in tokens.of(connection, marta)] == [NOON]


@pytest.mark.parametrize(
    ("label", "days", "codes"), [(" ", 0, ("FIELD_INVALID:label", "FIELD_INVALID:days")), ("uno", 367, ("FIELD_INVALID:days",))]
)
def test_a_token_needs_a_name_and_an_end_within_a_year(people: People, label: str, days: int, codes: tuple[str, ...]) -> None:
    marta = people.add("marta@example.org")
    with people.database.writing() as tx, pytest.raises(Incomplete) as refused:
        tokens.issue(tx, marta, label, days)
    assert refused.value.codes == codes
