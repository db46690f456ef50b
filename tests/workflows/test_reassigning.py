"""A person leaves: what waits for them goes to somebody else with a reason, and what they did reads as before."""

from typing import Any

import pytest

from qms.errors import Incomplete, NotFound, NotPermitted, Refused
from qms.records import trail
from qms.workflows import case, reassigning
from tests.workflows.samples import HEAD, KEEPER, MENDER, PRICER, Bench, actor, file_of

WHY = "Marta lascia il consorzio a fine mese."


def owned(bench: Bench, by: str = "pricer") -> str:
    number = bench.open()
    fields = {"cost": "120,50", "grade": "MID", "owner_of_it": by}
    bench.step(number, "price_it", PRICER, fields=fields, evidence=[file_of("one")])
    return number


def give(bench: Bench, number: str, by: Any = KEEPER, **more: Any) -> Any:
    with bench.store.writing() as tx:
        return reassigning.reassign(tx, bench.engine, number, "pricer", "mender", by, **{"reason": WHY, "key": bench.key(), **more})


def test_what_waits_goes_to_another_and_the_past_stays(bench: Bench) -> None:
    number, closed = owned(bench), owned(bench)
    bench.step(closed, "scrap_it", KEEPER)
    with bench.store.reading() as connection:
        found = reassigning.tasks(connection, bench.engine, "pricer", KEEPER)
    assert [(one.number, one.fields) for one in found] == [(number, ("owner_of_it",))]
    receipt = give(bench, number)
    with bench.store.reading() as connection:
        seen = case.show(connection, bench.engine, number, KEEPER)
        assert seen.fields["owner_of_it"] == "mender"
        assert seen.file.taken["price_it"].persons == ("pricer",)
        said = trail.entry(connection, receipt.position).said
        assert (said["fields"], said["comment"]) == ({"owner_of_it": ["pricer", "mender"]}, WHY)
        assert reassigning.tasks(connection, bench.engine, "pricer", KEEPER) == []
        assert all(check.passed for check in case.compare(connection, bench.engine))
    with pytest.raises(NotPermitted) as refused:
        bench.step(number, "mend_it", MENDER, comment="Fatto")
    assert refused.value.codes == ("SOD:pricer_mends",)


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"by": MENDER}, NotPermitted, "ROLE:QM,TOP"),
        ({"reason": "  "}, Incomplete, "COMMENT_REQUIRED"),
        ({"reason": "Riga \u202e girata"}, Incomplete, "COMMENT_INVALID"),
    ],
)
def test_who_may_not_and_what_is_not_said_is_refused(bench: Bench, change: dict[str, Any], error: type[Refused], code: str) -> None:
    number = owned(bench)
    with pytest.raises(error) as refused:
        give(bench, number, **change)
    assert code in refused.value.codes


def test_a_closed_case_and_one_that_names_somebody_else_stay_as_they_are(bench: Bench) -> None:
    other, closed = owned(bench, "head"), owned(bench)
    bench.step(closed, "scrap_it", KEEPER)
    for number in (other, closed):
        with pytest.raises(Refused) as refused:
            give(bench, number)
        assert refused.value.codes == ("NOTHING_TO_REASSIGN",)
    with pytest.raises(NotFound):
        give(bench, owned(bench), actor("stranger", "QM", where="elsewhere"))


def test_the_same_request_sent_twice_is_one(bench: Bench) -> None:
    number = owned(bench)
    assert give(bench, number, HEAD, key="k").position == give(bench, number, HEAD, key="k").position
