"""Somebody is away and another wears their hat: from one day to another, in their name, and as one person where duties are kept apart."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from qms.database import stamp
from qms.desk import staff
from qms.errors import Incomplete, NotPermitted, Refused
from qms.people import delegation, directory, tokens
from qms.people.actor import Actor
from qms.people.delegation import Delegation
from qms.records import trail
from qms.workflows import case
from qms.workflows import file as files
from tests.cast import CAST
from tests.house import House

DAY = timedelta(days=1)
BEHIND_ME = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))")


def lend(house: House, delegator: str, to: str, by: str | None = None, days: int = 5, start: datetime | None = None) -> Delegation:
    hat, where = CAST[delegator].hats[0]
    begins = start or house.clock.now - DAY
    with house.app.writing() as tx:
        return staff.delegate(
            tx, house.actor(by or delegator), house.app.hats, house.ids[delegator], house.ids[to], hat, where, begins, begins + days * DAY
        )


def now(house: House, name: str) -> Actor:
    with house.app.reading() as connection:
        return directory.actor(connection, house.ids[name], house.app.hats, "web", house.clock.now)


def codes(refused: pytest.ExceptionInfo[Any]) -> tuple[str, ...]:
    return tuple(refused.value.codes)


def test_a_lent_hat_counts_from_its_first_moment_to_its_last(either_house: House) -> None:
    house = either_house
    made = lend(house, "quality", "tenders", start=house.clock.now + DAY)
    assert not now(house, "tenders").holds("QM")
    house.clock.now = made.starts_at
    assert now(house, "tenders").holds("QM", [house.app.settings.organisation])
    assert now(house, "tenders").lender("QM", house.app.settings.organisation) == house.ids["quality"]
    house.clock.now = made.ends_at + timedelta(seconds=1)
    assert not now(house, "tenders").holds("QM")


def test_a_token_acts_under_the_lent_hat_too(house: House) -> None:
    text = house.token("tenders")
    lend(house, "quality", "tenders")
    with house.app.reading() as connection:
        assert tokens.bearer(connection, text, house.clock.now, house.app.hats, "cli").holds("QM")


def test_one_s_own_hat_comes_before_a_lent_one(house: House) -> None:
    lend(house, "quality", "tenders")
    by, here = now(house, "tenders"), house.app.settings.organisation
    own = next(role for role, where in house.actor("tenders").held if where == here and role != "WORKER")
    assert by.role_for(["QM", own], [here]) == (own, here)


def test_both_count_as_one_though_the_lent_hat_is_one_s_own_too(house: House) -> None:
    lend(house, "quality", "quality_too")
    by = now(house, "quality_too")
    assert by.same == {house.ids["quality"], house.ids["quality_too"]}
    assert by.lender("QM", house.app.settings.organisation) is None


def test_what_is_done_under_a_lent_hat_says_for_whom_and_both_count_as_one(either_house: House) -> None:
    house = either_house
    fields = {"title": "Registro incompleto", "description": "Mancano due firme nel registro.", "process": "TENDERS", "nc_source": "SELF"}
    with house.app.writing() as tx:
        number = str(case.open_case(tx, house.app.engine, "nonconformity", house.actor("quality"), fields=fields, key="a").case)
    lend(house, "quality", "training")
    lend(house, "quality_too", "verifier")
    reason = {"rejection_reason": "Il fatto non viola alcun requisito della procedura."}

    def take(name: str, step: str, given: dict[str, str]) -> Any:
        with house.app.writing() as tx:
            version = files.load(tx.connection, number).version
            return case.take_step(tx, house.app.engine, number, step, now(house, name), version=version, fields=given, key=f"{name}{step}")

    with pytest.raises(Refused) as refused:
        take("training", "propose_rejection", reason)
    assert codes(refused) == ("SOD:reporter_is_judge",)
    with house.app.reading() as connection:
        said = trail.entry(connection, take("verifier", "propose_rejection", reason).position).said
        assert said["what"]["for"] == house.ids["quality_too"]
        file = files.load(connection, number)
    with house.app.reading() as connection:
        file = files.load(connection, number)
        assert set(file.taken["propose_rejection"].persons) == {house.ids["verifier"], house.ids["quality_too"]}
        assert all(check.passed for check in case.compare(connection, house.app.engine))
        assert all(check.passed for check in staff.compare(connection))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"to": "quality"}, "FIELD_INVALID:delegate"),
        ({"to": "auditor"}, "FIELD_INVALID:delegate"),
        ({"days": 0}, "FIELD_INVALID:ends_at"),
        ({"days": 400}, "FIELD_INVALID:ends_at"),
    ],
)
def test_a_substitution_that_cannot_be_is_refused(house: House, change: dict[str, Any], code: str) -> None:
    with pytest.raises(Incomplete) as refused:
        lend(house, "quality", **{"to": "tenders", **change})
    assert codes(refused) == (code,)


def test_nobody_lends_or_wears_a_hat_beyond_the_end_of_an_account(house: House) -> None:
    def ends(name: str, at: datetime) -> None:
        with house.app.writing() as tx:
            who = directory.person_table.c.id == house.ids[name]
            tx.connection.execute(update(directory.person_table).where(who).values(expires_at=stamp(at)))

    ends("direction", house.clock.now + 3 * DAY)
    with pytest.raises(Incomplete) as refused:
        lend(house, "direction", "tenders", days=5)
    assert codes(refused) == ("FIELD_INVALID:ends_at",)
    assert lend(house, "direction", "tenders", days=2).hat
    ends("direction", house.clock.now)
    ends("tenders", house.clock.now)
    with pytest.raises(Incomplete) as refused:
        lend(house, "direction", "tenders", by="quality")
    assert set(codes(refused)) == {"FIELD_INVALID:delegate", "FIELD_INVALID:hat", "FIELD_INVALID:ends_at"}


@pytest.mark.parametrize("leaves", [False, True])
def test_a_hat_taken_off_while_it_is_being_lent_is_not_lent(either_house: House, leaves: bool) -> None:
    house, (hat, where) = either_house, CAST["tenders"].hats[0]
    begins = house.clock.now - DAY

    def take_off() -> None:
        with house.app.writing() as tx:
            if leaves:
                staff.disable(tx, house.actor("quality"), house.ids["tenders"])
            else:
                staff.revoke(tx, house.actor("quality"), house.ids["tenders"], hat, where)

    with ThreadPoolExecutor(1) as other:
        with house.app.writing() as tx:
            lender, to = house.actor("tenders"), house.ids["kennel"]
            staff.delegate(tx, lender, house.app.hats, lender.person, to, hat, where, begins, begins + 5 * DAY)
            waiting = other.submit(take_off)
            if not house.app.database.is_sqlite:  # where there is only ever one who writes
                while not tx.connection.execute(BEHIND_ME).scalar_one():
                    assert not waiting.done()
        waiting.result()
    with house.app.reading() as connection:
        assert delegation.open_ones(connection, house.clock.now) == []
        assert all(check.passed for check in staff.compare(connection))


def test_nobody_is_given_a_hat_by_whoever_stands_in_for_them(house: House) -> None:
    lend(house, "quality", "training")
    stand_in, (hat, where) = now(house, "training"), CAST["direction"].hats[0]
    begins = house.clock.now
    with house.app.writing() as tx:
        with pytest.raises(NotPermitted) as refused:
            staff.grant(tx, stand_in, house.app.hats, house.ids["quality"], hat, where)
        assert codes(refused) == ("SOD:own_hat",)
        with pytest.raises(NotPermitted) as refused:
            staff.delegate(tx, stand_in, house.app.hats, house.ids["direction"], house.ids["quality"], hat, where, begins, begins + DAY)
        assert codes(refused) == ("SOD:own_hat",)
        staff.grant(tx, stand_in, house.app.hats, house.ids["tenders"], hat, where)


def test_what_a_keeper_does_for_another_says_so(house: House) -> None:
    lend(house, "quality", "training")
    with house.app.writing() as tx:
        hat, where = CAST["tenders"].hats[0]
        staff.revoke(tx, now(house, "training"), house.ids["tenders"], hat, where)
    with house.app.reading() as connection:
        (entry,) = trail.entries(connection, event="hat-revoked")
        assert entry.said["what"]["for"] == house.ids["quality"]
        assert all(check.passed for check in staff.compare(connection))


def test_nobody_lends_another_s_hat_nor_takes_one(house: House) -> None:
    with pytest.raises(NotPermitted):
        lend(house, "quality", "kennel", by="tenders")
    with pytest.raises(NotPermitted) as refused:
        lend(house, "direction", "quality", by="quality")
    assert codes(refused) == ("SOD:own_hat",)
    assert lend(house, "direction", "tenders", by="quality").delegate == house.ids["tenders"]


def test_a_hat_taken_off_or_an_account_closed_ends_what_was_lent(house: House) -> None:
    lend(house, "tenders", "kennel")
    lend(house, "direction", "kennel")
    hat, where = CAST["tenders"].hats[0]
    with house.app.writing() as tx:
        staff.revoke(tx, house.actor("quality"), house.ids["tenders"], hat, where)
        assert len(delegation.open_ones(tx.connection, house.clock.now)) == 1
        staff.disable(tx, house.actor("quality"), house.ids["kennel"])
        assert delegation.open_ones(tx.connection, house.clock.now) == []
        assert all(check.passed for check in staff.compare(tx.connection))


def test_a_delegation_changed_beneath_the_program_is_named(house: House) -> None:
    made = lend(house, "tenders", "kennel")
    with house.app.writing() as tx:
        tx.connection.execute(update(delegation.delegation_table).values(ends_at="2099-01-01T00:00:00.000Z"))
    with house.app.reading() as connection:
        wrong = [check for check in staff.compare(connection) if not check.passed]
    assert [check.place for check in wrong] == [f"delegation {made.id}"]
