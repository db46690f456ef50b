"""Whatever people try in whatever order: only ways of the definition are gone, each act is one entry, and the tables stay provable."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qms.errors import Refused
from qms.people.signature import Proof
from qms.records import trail
from qms.workflows.case import compare, show
from qms.workflows.timers import wake
from tests.workflows.samples import HEAD, JACK, KEEPER, MENDER, PRICER, Bench, file_of

PEOPLE = [KEEPER, PRICER, MENDER, HEAD, JACK]
WAYS = {
    ("BROKEN", "price_it"): "PRICED", ("PRICED", "mend_it"): "MENDED", ("PRICED", "add_photo"): "PRICED", ("MENDED", "add_photo"): "MENDED",
    ("MENDED", "give_back"): "RETURNED", ("RETURNED", "reopen_it"): "BROKEN", ("BROKEN", "scrap_it"): "SCRAPPED",
    ("PRICED", "scrap_it"): "SCRAPPED",
}  # fmt: skip
STEPS = sorted({step for _, step in WAYS})
acts = st.tuples(
    st.sampled_from([*STEPS, "wait"]),
    st.sampled_from(PEOPLE),
    st.booleans(),
    st.sampled_from(["", "5", "120,50", "700"]),
    st.integers(-1, 1),
)


@given(plan=st.lists(acts, min_size=3, max_size=14))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_sequence_of_acts_leads_astray(bench: Bench, plan: list[tuple[str, object, bool, str, int]]) -> None:
    number = bench.open(JACK, fields={"title": "Lamp", "deadline_at": "2035-12-01 12:00"})
    state, version, entries = "BROKEN", 1, 1
    for step, by, complete, cost, shift in plan:
        bench.later(hours=7)
        if step == "wait":
            bench.later(days=3)
            with bench.store.writing() as tx:
                wake(tx, bench.engine, tx.now, number=number)
            entries = count(bench, number)
            continue
        more = {
            "fields": {"cost": cost, "grade": "MID"} if step == "price_it" else {},
            "evidence": [file_of(cost, "PHOTO")] if step in ("price_it", "add_photo") and complete else [],
            "comment": "x" if complete else None,
            "proof": Proof(by.person, bench.store.clock()) if complete else None,  # type: ignore[attr-defined]
        }
        try:
            receipt = bench.step(number, step, by, version + shift if shift > 0 else None, **more)  # type: ignore[arg-type]
        except Refused as error:
            assert error.reasons
            assert count(bench, number) == entries
            continue
        assert shift <= 0
        assert receipt.state == WAYS[state, step]
        state, version, entries = str(receipt.state), version + 1, entries + 1
        assert (receipt.version, count(bench, number)) == (version, entries)
    with bench.store.reading() as connection:
        case = show(connection, bench.engine, number, KEEPER)
        assert (case.state, case.version) == (state, version)
        assert [check for check in compare(connection, bench.engine) if not check.passed] == []


def count(bench: Bench, number: str) -> int:
    with bench.store.reading() as connection:
        return len(trail.entries(connection, case=number, limit=100))
