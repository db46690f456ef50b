"""Many at once: exactly one wins, numbers stay without gaps, one request is one act."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from qms.errors import Refused
from qms.records import trail
from qms.records.trail import Receipt
from qms.workflows.case import compare, take_step
from tests.workflows.samples import KEEPER, PRICER, Bench, file_of

CROWD = 16


def together(act: Callable[[int], object]) -> list[object]:
    """What each of a crowd got, who all start at the same moment."""
    gate = threading.Barrier(CROWD)

    def one(index: int) -> object:
        gate.wait()
        try:
            return act(index)
        except Refused as error:
            return error

    with ThreadPoolExecutor(CROWD) as crowd:
        return list(crowd.map(one, range(CROWD)))


def taking(bench: Bench, number: str, key: Callable[[str], str]) -> Callable[[int], object]:
    def act(index: int) -> object:
        with bench.store.writing() as tx:
            return take_step(
                tx, bench.engine, number, "price_it", PRICER, version=1, fields={"cost": "5", "grade": "MID"},
                evidence=[file_of("one")], key=key(str(index)),
            )  # fmt: skip

    return act


def test_of_sixteen_who_take_the_same_step_exactly_one_wins(bench: Bench) -> None:
    for _ in range(3):
        number = bench.open()
        got = together(taking(bench, number, f"{number}-".__add__))
        won = [one for one in got if isinstance(one, Receipt)]
        lost = [one for one in got if isinstance(one, Refused)]
        assert (len(won), len(lost)) == (1, CROWD - 1)
        assert all("STALE" in one.codes for one in lost)
        with bench.store.reading() as connection:
            assert len(trail.entries(connection, case=number)) == 2
    with bench.store.reading() as connection:
        assert all(check.passed for check in compare(connection, bench.engine))


def test_sixteen_sendings_of_one_request_are_one_act(bench: Bench) -> None:
    number = bench.open()
    got = together(taking(bench, number, lambda index: "one"))
    receipts = [one for one in got if isinstance(one, Receipt)]
    assert len(receipts) == CROWD
    assert {one.position for one in receipts} == {receipts[0].position}
    assert sum(not one.repeated for one in receipts) == 1


def test_sixteen_cases_opened_at_once_are_numbered_without_gaps(bench: Bench) -> None:
    got = together(lambda index: bench.open(key=f"o{index}"))
    assert sorted(str(number) for number in got) == [f"LAMP-2035-{index:04d}" for index in range(1, CROWD + 1)]


def test_sixteen_openings_of_one_request_open_one_case(bench: Bench) -> None:
    assert set(together(lambda index: bench.open(key="one"))) == {"LAMP-2035-0001"}
    assert bench.open() == "LAMP-2035-0002"


def test_steps_on_different_cases_that_open_others_do_not_lock_each_other_out(bench: Bench) -> None:
    numbers = [bench.open() for _ in range(CROWD)]

    def act(index: int) -> object:
        if index % 2:
            return bench.open(workflow="lamp-query", key=f"q{index}")
        return bench.step(numbers[index], "scrap_it", KEEPER, version=1, key=f"s{index}")

    got = together(act)
    assert not [one for one in got if isinstance(one, Refused)]
    with bench.store.reading() as connection:
        assert all(check.passed for check in compare(connection, bench.engine))
