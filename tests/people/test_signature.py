"""A signature: the person's password at the moment of the act, good for one minute."""

from datetime import timedelta

import pytest

from qms.errors import NotPermitted
from qms.people import directory, signature
from tests.people.conftest import PASSWORD, People


def test_a_proof_is_of_one_person_and_lasts_a_minute(people: People) -> None:
    lucia, marta = people.actor(people.add("lucia@example.org")), people.actor(people.add("marta@example.org"))
    proof = signature.prove(people.database, lucia, PASSWORD)
    assert proof.holds_for(lucia, people.clock.now)
    assert not proof.holds_for(marta, people.clock.now)
    assert not proof.holds_for(lucia, people.clock.now + timedelta(seconds=61))


def test_a_wrong_password_signs_nothing_and_makes_the_next_try_wait(people: People) -> None:
    lucia = people.actor(people.add("lucia@example.org"))
    codes: list[str] = []
    for _ in range(6):
        with pytest.raises(NotPermitted) as refused:
            signature.prove(people.database, lucia, "non-questa-parola")
        codes += refused.value.codes
    assert codes == [*["SIGNATURE:wrong_password"] * 5, "SIGNATURE:wait"]
    with pytest.raises(NotPermitted) as waiting:
        signature.prove(people.database, lucia, PASSWORD)
    assert waiting.value.codes == ("SIGNATURE:wait",)
    people.clock.pass_(seconds=3)
    assert signature.prove(people.database, lucia, PASSWORD)


def test_who_has_no_password_cannot_sign(people: People) -> None:
    with people.database.writing() as tx:
        person = directory.add_person(tx, "Senza", "senza@example.org", "staff")
    with pytest.raises(NotPermitted):
        signature.prove(people.database, people.actor(person.id), "")
