"""Idle cases cost no memory, and a case's history and the number of cases no questions: what a step asks of the store stays the same."""

import gc

from sqlalchemy import event

from qms.workflows.facts import Facts
from qms.workflows.file import File
from qms.workflows.taking import Outcome
from qms.workflows.viewing import Case, show
from tests.workflows.samples import KEEPER, MENDER, PRICER, Bench, file_of


def test_no_case_is_kept_in_memory_after_its_act(bench: Bench) -> None:
    for _ in range(3):
        bench.mended()
    gc.collect()
    assert [one for one in gc.get_objects() if isinstance(one, (File, Facts, Outcome, Case))] == []


def test_a_step_asks_the_same_of_a_long_history_as_of_a_short_one(bench: Bench) -> None:
    first, short, long = bench.priced(), bench.priced(), bench.priced()
    for turn in range(60):
        bench.step(long, "add_photo", PRICER, evidence=[file_of(f"{turn}")])
    asked: list[str] = []
    event.listen(bench.store.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    counts = []
    for number in (first, short, long):
        asked.clear()
        bench.step(number, "mend_it", MENDER, comment="Done")
        # A node of the trail's tree is written with every other entry.
        counts.append(len([statement for statement in asked if "tree_node" not in statement]))
    assert counts[1] == counts[2] < 20


def test_a_case_with_many_persons_and_links_asks_no_more_to_be_seen_than_one_with_few(bench: Bench) -> None:
    asked: list[str] = []
    event.listen(bench.store.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    counts = []
    for many in (1, 5):
        parts = [{"name": f"{place}", "maker": f"Maker {place}"} for place in range(many)]
        number = bench.open()
        bench.step(number, "price_it", PRICER, fields={"cost": "10", "grade": "MID", "parts": parts}, evidence=[file_of("x")])
        for _ in range(many):
            bench.open(workflow="lamp-query", links_to=[(number, "queries")])
        with bench.store.reading() as connection:
            asked.clear()
            seen = show(connection, bench.engine, number, KEEPER)
        assert [part["maker"] for part in seen.fields["parts"]] == [part["maker"] for part in parts]
        assert [one.title for one in seen.links] == ["Lamp"] * many
        counts.append(len(asked))
    assert counts[0] == counts[1]
