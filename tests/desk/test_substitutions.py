"""Somebody is away and another wears their hat: from one day to another, in their name, and as one person where duties are kept apart."""

from datetime import datetime, timedelta
from typing import Any

import pytest

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
    from sqlalchemy import update

    made = lend(house, "tenders", "kennel")
    with house.app.writing() as tx:
        tx.connection.execute(update(delegation.delegation_table).values(ends_at="2099-01-01T00:00:00.000Z"))
    with house.app.reading() as connection:
        wrong = [check for check in staff.compare(connection) if not check.passed]
    assert [check.place for check in wrong] == [f"delegation {made.id}"]
