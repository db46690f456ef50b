"""Many at once: exactly one wins, numbers stay without gaps, one request is one act."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

from qms.errors import Refused
from qms.records import trail
from qms.records.trail import Receipt
from qms.workflows import file, keeping
from qms.workflows.case import compare, link_case, put_in_force, take_step
from qms.workflows.clocks import Clock
from qms.workflows.timers import wake
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


def test_who_waited_for_a_case_sees_its_timers_as_the_other_left_them(bench: Bench) -> None:
    number = bench.open()
    held = threading.Event()
    ring = Clock("planted", bench.store.clock(), None, None, 0, None, None, None, False)

    def hold() -> None:
        with bench.store.writing() as tx:
            found, _, _ = file.load_to_act(tx.connection, number, "")
            held.set()
            time.sleep(0.3)
            assert file.save(tx.connection, replace(found, n=found.n + 1), found.version, [ring.row()])

    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(hold)
        held.wait()
        with bench.store.writing() as tx:
            _, _, rows = file.load_to_act(tx.connection, number, "")
        waiting.result()
    assert keeping.clocks_of(rows)["planted"] == ring


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


BOTH = """
id: {id}
title: {{it: x, en: x}}
prefix: {prefix}
owner: QM
governed_by: PRO-1
retention: R-QMS
fields:
  title: {{type: text, title: {{it: x, en: x}}}}
states:
  OPEN: {{title: {{it: x, en: x}}, kind: initial}}
  DONE: {{title: {{it: x, en: x}}, kind: final}}
opening: {{title: {{it: x, en: x}}, by: [QM], asks: [title]}}
steps:
  open_both:
    title: {{it: x, en: x}}
    from: OPEN
    to: DONE
    by: [QM, SYS]
    guards: [{{code: all_told, that: "all(one.is_closed for one in links.others)", message: {{it: x, en: x}}}}]
    effects:
      - {{open-case: {{workflow: {first}, fields: {{title: title}}}}}}
      - {{open-case: {{workflow: {second}, fields: {{title: title}}}}}}
timers:
  end: {{title: {{it: x, en: x}}, start: {{state: OPEN}}, due: "days(2)", on_due: {{step: open_both}}}}
links:
  others: {{title: {{it: x, en: x}}, workflow: lamp-query}}
"""


def test_who_opens_several_cases_at_once_never_waits_for_ever_for_who_opens_one_of_them(bench: Bench) -> None:
    orders = {"both-ways": ("BOTH", "lamp-query", "lamp-repair"), "ways-both": ("WAYS", "lamp-repair", "lamp-query")}
    with bench.store.writing() as tx:
        for name, (prefix, first, second) in orders.items():
            put_in_force(tx, BOTH.format(id=name, prefix=prefix, first=first, second=second).encode(), "w.yaml", KEEPER)
    for _ in range(3):
        numbers = [bench.open(workflow=list(orders)[index % 2]) for index in range(CROWD)]

        def act(index: int, numbers: list[str] = numbers) -> object:
            match index % 4:
                case 0:
                    return bench.open(workflow="lamp-query")
                case 1:
                    return bench.open()
                case _:
                    return bench.step(numbers[index], "open_both", KEEPER, version=1)

        assert not [one for one in together(act) if isinstance(one, Refused)]
    with bench.store.reading() as connection:
        assert all(check.passed for check in compare(connection, bench.engine))


def test_a_timer_that_takes_a_step_never_waits_for_ever_for_who_moves_a_linked_case(bench: Bench) -> None:
    with bench.store.writing() as tx:
        source = BOTH.format(id="both-ways", prefix="BOTH", first="lamp-query", second="lamp-repair")
        put_in_force(tx, source.encode(), "w.yaml", KEEPER)
    parents = [bench.open(workflow="both-ways") for _ in range(CROWD // 2)]
    children = [bench.open(workflow="lamp-query") for _ in parents]
    for parent, child in zip(parents, children, strict=True):
        with bench.store.writing() as tx:
            link_case(tx, bench.engine, parent, "others", child, KEEPER, key=f"l{parent}")
    bench.later(days=5)

    def act(index: int) -> object:
        half = index // 2
        if index % 2:
            return bench.step(children[half], "answer_it", KEEPER, version=1)
        with bench.store.writing() as tx:
            return wake(tx, bench.engine, tx.now, number=parents[half])

    assert not [one for one in together(act) if isinstance(one, Refused)]
    with bench.store.reading() as connection:
        assert all(check.passed for check in compare(connection, bench.engine))


CROSS = """
id: lamp-pair
title: {it: x, en: x}
prefix: PAIR
owner: QM
governed_by: PRO-1
retention: R-QMS
fields:
  title: {type: text, title: {it: x, en: x}}
states:
  OPEN: {title: {it: x, en: x}, kind: initial}
  DONE: {title: {it: x, en: x}, kind: final}
opening: {title: {it: x, en: x}, by: [QM], asks: [title]}
steps:
  look_across:
    title: {it: x, en: x}
    from: OPEN
    to: DONE
    by: [QM]
    guards: [{code: other_is_there, that: "count(links.other) > 0", message: {it: x, en: x}}]
links:
  other: {title: {it: x, en: x}, workflow: lamp-pair}
"""


def test_of_two_steps_on_cases_linked_crosswise_the_one_in_the_way_is_told_to_look_again(bench: Bench) -> None:
    with bench.store.writing() as tx:
        put_in_force(tx, CROSS.encode(), "w.yaml", KEEPER)
    numbers = [bench.open(workflow="lamp-pair") for _ in range(2)]
    for parent, child in (numbers, reversed(numbers)):
        with bench.store.writing() as tx:
            link_case(tx, bench.engine, parent, "other", child, KEEPER, key=f"l{parent}")
    gate = threading.Barrier(2)

    def act(number: str) -> object:
        try:
            with bench.store.writing() as tx:
                file.load(tx.connection, number, lock=True)
                with suppress(threading.BrokenBarrierError):
                    gate.wait(1)
                return take_step(tx, bench.engine, number, "look_across", KEEPER, version=1, key=number)
        except Refused as error:
            return error

    with ThreadPoolExecutor(2) as pair:
        got = list(pair.map(act, numbers))
    assert any(isinstance(one, Receipt) for one in got)
    assert all(one.codes == ("STALE",) for one in got if isinstance(one, Refused))
    for number, one in zip(numbers, got, strict=True):
        if isinstance(one, Refused):
            bench.step(number, "look_across", KEEPER, version=1)
    with bench.store.reading() as connection:
        assert all(check.passed for check in compare(connection, bench.engine))
