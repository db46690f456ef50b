"""The directory: who there is, and what they wear where."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from qms.errors import Incomplete, NotFound, NotPermitted
from qms.people import directory
from qms.people.actor import SYSTEM
from tests.people.conftest import NOON, People


def test_persons_are_numbered_as_they_come_and_found_with_their_hats(people: People) -> None:
    first = people.add("lucia@example.org", ("qualita", "consorzio"))
    second = people.add("teo@example.org", ("referente", "canile"))
    assert (first, second) == ("P-0001", "P-0002")
    with people.database.reading() as connection:
        assert [person.hats for person in directory.persons(connection)] == [(("qualita", "consorzio"),), (("referente", "canile"),)]
        assert directory.names(connection, [first, "P-9999"]) == {first: "Lucia"}
        assert [one.id for one in directory.organisations(connection)] == ["consorzio", "canile"]


def test_a_page_of_persons_goes_on_where_the_last_one_ended(people: People) -> None:
    ids = [people.add(f"p{number}@example.org") for number in range(3)]
    with people.database.reading() as connection:
        page = directory.persons(connection, limit=2)
        assert [person.id for person in page] == ids[:2]
        assert [person.id for person in directory.persons(connection, after=page[-1].id)] == ids[2:]


def test_everything_wrong_about_a_person_is_said_at_once(people: People) -> None:
    with people.database.writing() as tx, pytest.raises(Incomplete) as refused:
        directory.add_person(tx, "A\nB", "nobody", "pope", "fr", NOON - timedelta(days=1))
    assert refused.value.codes == (
        "FIELD_INVALID:name",
        "FIELD_INVALID:email",
        "FIELD_INVALID:language",
        "FIELD_INVALID:kind",
        "FIELD_INVALID:expires_at",
    )


def test_an_address_belongs_to_one_person_however_it_is_written(people: People) -> None:
    people.add("lucia@example.org")
    with people.database.writing() as tx, pytest.raises(Incomplete) as refused:
        directory.add_person(tx, "Altra", " LUCIA@Example.org ", "staff")
    assert refused.value.codes == ("TAKEN:email",)


def test_an_auditors_account_must_end(people: People) -> None:
    with people.database.writing() as tx, pytest.raises(Incomplete) as refused:
        directory.add_person(tx, "Anna", "anna@example.org", "auditor")
    assert refused.value.codes == ("FIELD_REQUIRED:expires_at",)


def test_everything_wrong_about_an_organisation_is_said_at_once(people: People) -> None:
    with people.database.writing() as tx, pytest.raises(Incomplete) as refused:
        directory.add_organisation(tx, "../etc", " ", "cooperative")
    assert refused.value.codes == ("FIELD_INVALID:id", "FIELD_INVALID:name", "FIELD_INVALID:kind")
    with people.database.writing() as tx, pytest.raises(Incomplete) as taken:
        directory.add_organisation(tx, "canile", "Un altro", "A")
    assert taken.value.codes == ("TAKEN:id",)


def test_an_auditor_wears_an_auditors_hat_only_and_nobody_else_does(people: People) -> None:
    auditor = people.add("anna@example.org", ("auditor", "consorzio"), kind="auditor", ends=NOON + timedelta(days=9))
    staff = people.add("marta@example.org")
    for person, hat in ((auditor, "qualita"), (staff, "auditor")):
        with people.database.writing() as tx, pytest.raises(Incomplete) as refused:
            directory.grant(tx, people.hats, person, hat, "consorzio")
        assert refused.value.codes == ("HAT_KIND",)


def test_the_same_hat_is_not_given_twice_nor_taken_when_it_is_not_worn(people: People) -> None:
    marta = people.add("marta@example.org", ("gare", "consorzio"))
    with people.database.writing() as tx, pytest.raises(Incomplete):
        directory.grant(tx, people.hats, marta, "gare", "consorzio")
    with people.database.writing() as tx, pytest.raises(NotFound):
        directory.revoke(tx, marta, "gare", "canile")
    with people.database.writing() as tx:
        directory.revoke(tx, marta, "gare", "consorzio")
    assert people.actor(marta).held == frozenset()


def test_a_hat_in_an_organisation_nobody_knows_is_refused(people: People) -> None:
    marta = people.add("marta@example.org")
    with people.database.writing() as tx, pytest.raises(NotFound):
        directory.grant(tx, people.hats, marta, "gare", "altrove")


def test_a_closed_account_does_not_act_and_stays_in_history(people: People) -> None:
    marta = people.add("marta@example.org", ("gare", "consorzio"))
    with people.database.writing() as tx:
        directory.disable(tx, marta)
    with pytest.raises(NotPermitted):
        people.actor(marta)
    with people.database.reading() as connection:
        assert directory.person(connection, marta).disabled_at == NOON


def test_an_actor_is_asked_for_a_role_in_the_order_a_step_names_them(people: People) -> None:
    actor = people.actor(people.add("marta@example.org", ("gare", "consorzio"), ("referente", "canile")))
    assert actor.role_for(["QM", "TENDER"], ["consorzio"]) == ("TENDER", "consorzio")
    assert actor.role_for(["COOP"], ["consorzio"]) is None
    assert actor.role_for(["WORKER"], ["canile", "consorzio"]) == ("WORKER", "canile")
    assert actor.organisations == {"consorzio", "canile"}


def test_the_program_holds_its_own_role_and_no_other() -> None:
    assert SYSTEM.role_for(["QM", "SYS"], ["consorzio"]) == ("SYS", "")
    assert SYSTEM.role_for(["QM"], ["consorzio"]) is None


def test_people_entered_at_the_same_moment_get_numbers_of_their_own(people: People) -> None:
    def enter(number: int) -> str:
        with people.database.writing() as tx:
            return directory.add_person(tx, "Uno", f"p{number}@example.org", "staff").id

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(enter, range(24)))
    assert len(set(made)) == 24


def test_one_address_entered_twice_at_the_same_moment_is_refused_once(people: People) -> None:
    def enter(_: int) -> tuple[str, ...]:
        try:
            with people.database.writing() as tx:
                directory.add_person(tx, "Uno", "one@example.org", "staff")
        except Incomplete as refused:
            return refused.codes
        return ()

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(enter, range(8)))
    assert answers == [(), *[("TAKEN:email",)] * 7]
