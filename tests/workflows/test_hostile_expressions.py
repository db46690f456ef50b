"""Expressions that try to reach Python, to run for ever, to take all memory or to read what they may not: a corpus, each line the code it
is refused with and the text; and what cannot be refused because of what the case holds, bounded when it runs."""

import time
import tracemalloc
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from qms.database import Database
from qms.errors import BadContent
from qms.workflows.calendar import Duration
from qms.workflows.case import compare, show
from qms.workflows.check import IDENTIFIERS
from qms.workflows.expression import compile_expression
from qms.workflows.reading import read_definition
from qms.workflows.scope import Exhausted
from qms.workflows.types import Mistake
from tests.workflows.samples import KEEPER, LAMP, MENDER, QUERY, Bench, engine_for, furnish
from tests.workflows.test_expression import NAMES, VALUES, Ground, compiled

FILE = Path(__file__).with_name("hostile_expressions.txt")
LINES = [line for line in FILE.read_text(encoding="utf-8").split("\n") if line]
CORPUS = [(text, code) for code, _, text in (line.partition("\t") for line in LINES)]
MADE = [
    ("", "syntax"),
    ("cost\0 > 1", "syntax"),
    ("cost\n> 1", "syntax"),
    ("(cost\n> 1)", "not_allowed"),
    ("(cost\r> 1)", "not_allowed"),
    ("cost > 1 # well\n", "not_allowed"),
    ("(" * 150 + "cost" + ")" * 150 + ".real", "unknown_column"),
    ("(" * 700 + "cost" + ")" * 700, "syntax"),
    ("[" * 90 + "]" * 90, "not_allowed"),
    ("-" * 1_400 + "cost", "too_deep"),
    ("not " * 300 + "done", "too_deep"),
    ("max(cost, " * 30 + "cost" + ")" * 30, "too_deep"),
    ("cost" + " + cost" * 24, "too_deep"),
    ("done" + " and done" * 1_000, "too_long"),
    ("'" + "a" * 1_501 + "'", "too_long"),
    ("1 in (" + "1," * 450 + ")", "too_deep"),
    ("1" * 5_000, "too_long"),
    ("1" * 1_400, "not_allowed"),
    ("title == '" + "e" + "\u0301" * 9 + "'", "not_allowed"),
    (r"title == '\ud800'", "not_allowed"),
    (r"title == 'a\0b'", "not_allowed"),
    (r"title == '\u202eabc'", "not_allowed"),
]


def test_the_corpus_is_large_and_says_nothing_twice() -> None:
    assert len(CORPUS) >= 600
    assert len({text for text, _ in CORPUS}) == len(CORPUS)


@pytest.mark.parametrize(("text", "code"), [*CORPUS, *MADE], ids=range(len(CORPUS) + len(MADE)))
def test_it_is_refused_when_its_file_is_loaded(text: str, code: str) -> None:
    with pytest.raises(Mistake) as caught:
        compile_expression(text, 1, NAMES)
    assert caught.value.code == code


def test_refusing_all_of_them_takes_no_time_and_no_memory() -> None:
    tracemalloc.start()
    began = time.process_time()
    for text, _ in [*CORPUS, *MADE]:
        with pytest.raises(Mistake):
            compile_expression(text, 1, NAMES)
    spent, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert spent < 20
    assert peak < 50_000_000


ROWS = [{"price": Decimal(n), "name": "n" * 300, "maker": None, "good": True} for n in range(500)]
FULL = {**VALUES, "parts": ROWS, "title": "1" * 20_000}
EVERY_PAIR = "all(all({} for q in parts) for p in parts)"
GREEDY = [
    EVERY_PAIR.format("q.good"),
    EVERY_PAIR.format(" and ".join(["cost / 3 * 7 > -1"] * 45)),
    EVERY_PAIR.format(" and ".join(["p.price * q.price * cost >= 0"] * 40)),
    EVERY_PAIR.format(" and ".join(["title != 'x' and lower(lower(title)) != 'x'"] * 20)),
    EVERY_PAIR.format(" and ".join(["p.name + q.name + p.name + q.name != 'b'"] * 20)),
    EVERY_PAIR.format("'zzzzb' not in title"),
    EVERY_PAIR.format("not contains_price(title)"),
    EVERY_PAIR.format("workdays_between(opened_at, opened_at + days(36600)) > 0"),
    EVERY_PAIR.format("start_on + workdays(5000) > start_on"),
    EVERY_PAIR.format("start_on - workdays(5000) < start_on and end_at + workdays(5000) > end_at"),
    "all(not contains_price(title) and not contains_price(title) for p in parts)",
    "sum(sum(q.price for q in parts) for p in parts) > 0",
    "max(min(q.price for q in parts) for p in parts) > 0",
    "count(p for p in parts if any(q.price > 1000 for q in parts)) > 0",
    "any(count(q for q in parts) < 0 for p in parts)",
]


@pytest.mark.parametrize("text", GREEDY, ids=range(len(GREEDY)))
def test_what_would_run_for_ever_is_exhausted_soon(text: str) -> None:
    guard = compiled(text)
    began = time.process_time()
    with pytest.raises(Exhausted):
        guard.value(Ground(FULL))
    assert time.process_time() - began < 5


def test_what_would_run_for_ever_takes_no_memory() -> None:
    tracemalloc.start()
    for text in (GREEDY[0], GREEDY[4], GREEDY[-4], GREEDY[-3]):
        with pytest.raises(Exhausted):
            compiled(text).value(Ground(FULL))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30_000_000


@pytest.mark.parametrize(
    "text", ["1" * 20_000, "1 " * 10_000, "1,." * 6_666, "€ " * 10_000, "sconto" * 3_333, "1%" * 10_000, "1" * 9_999 + "x%"]
)
def test_looking_for_a_price_goes_through_a_text_once(text: str) -> None:
    began = time.process_time()
    compiled("contains_price(title)").value(Ground({**VALUES, "title": text}))
    assert time.process_time() - began < 0.3


@pytest.mark.parametrize(
    "text", ["sconto 3", "3 % di ribasso", "1.234,50. % di sconto", "ribasso del 12,5 %", "12,5% sul prezzo, ribasso", "EUR 5", "5 €"]
)
def test_prices_are_still_found(text: str) -> None:
    assert compiled("contains_price(title)").holds(Ground({"title": text}))


LAST = {"start_on": date(9999, 12, 31), "today": date(9999, 12, 31), "end_at": datetime(9999, 12, 31, 22, 59, tzinfo=UTC)}
FIRST = {"start_on": date(1, 1, 1), "today": date(1, 1, 1), "end_at": datetime(1, 1, 1, 0, 30, tzinfo=UTC)}
BEYOND = [
    "end_at + hours(1) > today", "days_between(end_at + hours(1), today) > 0", "workdays_between(today, end_at + hours(1)) > 0",
    "start_of(start_on) > end_at", "start_on + days(1) > today", "start_on - workdays(1) < today", "end_at + months(1) > today",
    "end_at - hours(3) < today", "start_of(start_on - days(1)) < end_at", "max(start_of(start_on), end_at) > today",
    "start_on + days(cost * cost * cost * cost * cost * cost * cost * cost) > today", "today + months(-1) > today",
    "cost * 999999999999999 * 999999999999999 * 999999999999999 * 999999999999999 * 999999999999999 > 0", "-(cost / 0) > 0",
    "days(0.5) > days(0)", "today + days(1000000) > today",
]  # fmt: skip


@pytest.mark.parametrize("values", [LAST, FIRST], ids=["last", "first"])
@pytest.mark.parametrize("text", BEYOND)
def test_what_lies_beyond_days_and_numbers_is_unknown_and_never_raises(text: str, values: dict[str, Any]) -> None:
    assert compiled(text).value(Ground({**VALUES, **values})) in (True, False, None)


def test_no_duration_is_longer_than_can_be_counted() -> None:
    assert compiled("months(1200)").value(Ground()) == Duration(1200, "m")
    assert compiled("months(1201)").value(Ground()) is None


def lamp(old: str, new: str) -> str:
    assert old in LAMP
    return LAMP.replace(old, new)


@pytest.mark.parametrize("that", ["cost < 100 or cοst > 5", "ﬁlled(cost)", "cost > 5 # or rather not", "customer == 'x'", "cost.real > 1"])
def test_a_file_with_one_of_them_names_its_line(that: str) -> None:
    source = lamp('that: "cost <= figure.top_price"', f'that: "{that}"')
    with pytest.raises(BadContent) as caught:
        read_definition(source.encode(), "w.yaml", IDENTIFIERS)
    wanted = next(n for n, line in enumerate(source.split("\n"), 1) if that in line)
    assert [(problem.line, problem.code.partition(".")[0]) for problem in caught.value.problems] == [(wanted, "expression")]


@pytest.mark.parametrize(
    "what",
    [
        "length(note) + " + EVERY_PAIR.format("not contains_price(note)").join(["1 if ", " else 2"]),
        "cost * 999999999999999 * 999999999999999",
    ],
    ids=["endless", "too large"],
)
def test_a_field_set_to_what_cannot_be_had_is_empty_and_the_step_is_taken(store: Database, what: str) -> None:
    store.clock = lambda: datetime(2035, 3, 1, 9, 0, tzinfo=UTC)
    engine = engine_for(store)
    source = lamp("    sets: {round", f'    sets: {{cost: "{what}", round')
    source = source.replace("max: 5", "max: 500").replace("asks: [note?]", "asks: [note?, parts?]")
    furnish(store, engine, source, QUERY)
    bench = Bench(store, engine)
    number = bench.priced()
    rows = [{"name": str(n)} for n in range(500)]
    bench.step(number, "mend_it", MENDER, comment="x", fields={"note": "n" * 20_000, "parts": rows})
    with store.reading() as connection:
        case = show(connection, engine, number, KEEPER)
        assert (case.state, case.file.fields.get("cost"), case.file.fields["round"]) == ("MENDED", None, 1)
        assert [check for check in compare(connection, engine) if not check.passed] == []


def test_a_warning_that_lies_before_all_days_or_takes_for_ever_is_left_out(store: Database) -> None:
    store.clock = lambda: datetime(2035, 3, 1, 9, 0, tzinfo=UTC)
    engine = engine_for(store)
    far = 'due: "deadline_at' + " - months(1200)" * 20 + '"'
    source = lamp('due: "deadline_at"', far).replace('warn: ["days(2)", "hours(4)"]', 'warn: ["months(1200)", "hours(4)"]')
    furnish(store, engine, source, QUERY)
    bench = Bench(store, engine)
    number = bench.priced(deadline_at="2035-03-20 12:00")
    with store.reading() as connection:
        clocks = {running.timer.name: running.clock for running in show(connection, engine, number, KEEPER).timers}
    assert clocks["promised"].due_at == datetime(35, 3, 20, 11, 10, 4, tzinfo=UTC)
