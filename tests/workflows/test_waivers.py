"""The direction lets one person take one step once, with a reason and a control; nobody lets themselves, and the trail tells it."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from qms.errors import Incomplete, NotFound, NotPermitted, Refused
from qms.people.actor import Actor
from qms.records import trail
from qms.workflows import case
from qms.workflows.tables import case_waiver
from tests.workflows.samples import HEAD, JACK, KEEPER, MENDER, OWN, PRICER, Bench, actor, file_of

WHY = {"reason": "Il collega è in malattia da due settimane.", "control": "La Qualità riguarda il lavoro il giorno dopo."}


def waive(bench: Bench, number: str, step: str = "mend_it", person: str = "jack", by: Actor = HEAD, **more: Any) -> Any:
    with bench.store.writing() as tx:
        return case.waive(tx, bench.engine, number, step, person, by, **{**WHY, "key": bench.key(), **more})


def priced_by_jack(bench: Bench) -> str:
    number = bench.open()
    bench.step(number, "price_it", JACK, fields={"cost": "120,50", "grade": "MID"}, evidence=[file_of("one")])
    return number


def is_borne_out(bench: Bench) -> bool:
    with bench.store.reading() as connection:
        return all(check.passed for check in case.compare(connection, bench.engine))


def test_a_waiver_lets_one_person_take_one_step_once(bench: Bench) -> None:
    number = priced_by_jack(bench)
    with pytest.raises(NotPermitted) as refused:
        bench.step(number, "mend_it", JACK, comment="Fatto")
    assert refused.value.codes == ("SOD:pricer_mends",)
    waive(bench, number)
    with bench.store.reading() as connection:
        seen = case.show(connection, bench.engine, number, JACK)
        assert next(one for one in case.offers(connection, bench.engine, seen, JACK) if one.step.name == "mend_it").open
    assert bench.step(number, "mend_it", JACK, comment="Fatto").state == "MENDED"
    assert is_borne_out(bench)
    bench.step(number, "give_back", HEAD, proof=proof(bench, HEAD))
    bench.step(number, "reopen_it", KEEPER)
    bench.step(number, "price_it", PRICER, fields={"cost": "100", "grade": "MID"})
    with pytest.raises(NotPermitted):
        bench.step(number, "mend_it", JACK, comment="Fatto")
    assert is_borne_out(bench)


def proof(bench: Bench, by: Actor) -> Any:
    from qms.people.signature import Proof

    return Proof(by.person, bench.store.clock())


def test_it_is_for_that_person_and_that_case(bench: Bench) -> None:
    number, other = priced_by_jack(bench), priced_by_jack(bench)
    waive(bench, number, person="mender")
    for one in (number, other):
        with pytest.raises(NotPermitted):
            bench.step(one, "mend_it", JACK, comment="Fatto")
    assert bench.step(number, "mend_it", MENDER, comment="Fatto").state == "MENDED"
    with bench.store.reading() as connection:
        assert connection.execute(case_waiver.select()).one().used is None


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"by": KEEPER}, NotPermitted, "ROLE:TOP"),
        ({"by": JACK}, NotPermitted, "SOD:own_waiver"),
        ({"person": "nobody-of-that-name"}, Incomplete, "FIELD_INVALID:person"),
        ({"reason": "perché sì"}, Incomplete, "FIELD_INVALID:reason"),
        ({"control": ""}, Incomplete, "FIELD_INVALID:control"),
        ({"control": "Riguardato \u202e domani da qualcuno"}, Incomplete, "COMMENT_INVALID"),
    ],
)
def test_who_may_not_and_what_is_not_said_is_refused(bench: Bench, change: dict[str, Any], error: type[Refused], code: str) -> None:
    number = priced_by_jack(bench)
    with pytest.raises(error) as refused:
        waive(bench, number, **change)
    assert code in refused.value.codes


def test_a_step_without_duties_and_a_case_that_is_not_theirs_are_not_there(bench: Bench) -> None:
    number = priced_by_jack(bench)
    with pytest.raises(NotFound):
        waive(bench, number, step="reopen_it")
    with pytest.raises(NotFound):
        waive(bench, number, by=actor("stranger", "TOP", where="elsewhere"))


def test_the_same_waiver_sent_twice_is_one(bench: Bench) -> None:
    number = priced_by_jack(bench)
    first, second = waive(bench, number, key="k"), waive(bench, number, key="k")
    assert (first.position, second.repeated) == (second.position, True)


def test_a_waiver_put_in_or_opened_again_beneath_the_program_is_found(bench: Bench) -> None:
    number = priced_by_jack(bench)
    waive(bench, number)
    bench.step(number, "mend_it", JACK, comment="Fatto")
    with bench.store.writing() as tx:
        tx.connection.execute(update(case_waiver).values(used=None))
    assert not is_borne_out(bench)


def test_nobody_waives_for_whoever_stands_in_for_them(bench: Bench) -> None:
    number = priced_by_jack(bench)
    lent = frozenset({("TECH", OWN, "jack")})
    stand_in = replace(actor("mender", "TECH", "COM"), lent=lent, stands_in_for=frozenset({"jack"}))
    waive(bench, number, person="mender", by=JACK)
    with pytest.raises(NotPermitted) as refused:
        bench.step(number, "mend_it", stand_in, comment="Fatto")
    assert refused.value.codes == ("SOD:pricer_mends",)
    waive(bench, number, person="mender", by=HEAD)
    assert bench.step(number, "mend_it", stand_in, comment="Fatto").state == "MENDED"
    assert is_borne_out(bench)


def test_a_waiver_given_under_a_lent_hat_says_for_whom(bench: Bench) -> None:
    number = priced_by_jack(bench)
    stand_in = replace(actor("keeper", "TOP"), lent=frozenset({("TOP", OWN, "head")}), stands_in_for=frozenset({"head"}))
    receipt = waive(bench, number, by=stand_in)
    with bench.store.reading() as connection:
        assert trail.entry(connection, receipt.position).said["what"]["for"] == "head"
    assert is_borne_out(bench)
