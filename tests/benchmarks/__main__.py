"""Measures what a step costs and prints the table that stands in the README. Ratios within one run count, not milliseconds.

Both sides of a ratio take turns, one step each, so that whatever else the machine does falls on both; medians are compared.

    bin/bench [--steps 500] [--cases 1000000] [--entries 10000] [--folder DIR]
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median, quantiles

from tests.benchmarks import bare, clients, engine, errands, growth
from tests.benchmarks.serve import serving
from tests.conftest import address_of, fresh_postgresql, start_postgresql

CROWD = 8
ROUNDS = 10
WARM = 30
Line = tuple[str, str, str, str, str]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--steps", type=int, default=500)
    asked.add_argument("--cases", type=int, default=1_000_000)
    asked.add_argument("--entries", type=int, default=10_000)
    asked.add_argument("--folder", type=Path, default=None, help="where to work; on a real disk")
    given = asked.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="qms-bench-", dir=given.folder))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    print("| what | measured against | the step | ratio | bound |\n|---|---|---|---|---|")
    try:
        for measure in (in_process, on_postgresql, through_http, within_the_engine, with_long_histories, with_many_cases):
            for line in measure(folder, given):
                print("| " + " | ".join(line) + " |", flush=True)
        print("\n| page | demo, p50 | p95 | a hundred times, p50 | p95 | growth |\n|---|---|---|---|---|---|")
        for row in growth.growth(folder):
            print("| " + " | ".join(row) + " |" if len(row) > 1 else f"\n{row[0]}", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def in_process(folder: Path, given: argparse.Namespace) -> Iterator[Line]:
    """The verb beside the bare transaction, on SQLite."""
    errands.make(folder / "small", 100)
    with errands.opened(folder / "small") as ours:
        yield _ratio("`take_step` in process, SQLite", bare.bare(folder), _going_round(ours), 3 * given.steps, 3)


def on_postgresql(folder: Path, given: argparse.Namespace) -> Iterator[Line]:
    """The same on PostgreSQL, both over the same socket."""
    server = start_postgresql(folder / "pg")
    try:
        errands.make(folder / "other", 100, fresh_postgresql(address_of(server)))
        plain = bare.prepare(fresh_postgresql(address_of(server)))
        with errands.opened(folder / "other") as ours:
            yield _ratio("`take_step` in process, PostgreSQL", lambda: bare.step(plain), _going_round(ours), 3 * given.steps, 3)
        plain.dispose()
    finally:
        server.cleanup()


def through_http(folder: Path, given: argparse.Namespace) -> Iterator[Line]:
    """A step by API and by form beside a minimal handler; then eight programs beside one."""
    with errands.opened(folder / "small") as ours:
        token, session = clients.credentials(ours.app, ours.by)
        numbers, versions = list(ours.numbers), dict(ours.versions)
    (folder / "bare").mkdir()
    with serving("bare", folder / "bare") as plain, serving("qms", folder / "small") as port:
        for name, client in (
            ("a step through HTTP, JSON API", clients.program(port, token, numbers[0], versions[numbers[0]])),
            ("a step through HTTP, page's form", clients.browser(port, session, numbers[1], versions[numbers[1]])),
        ):
            yield _ratio(name, clients.bare(plain), client, given.steps, 2)
        crowd = [clients.program(port, token, number, versions[number]) for number in numbers[2 : 2 + CROWD]]
        yield from _crowd(crowd, given.steps)


def within_the_engine(folder: Path, given: argparse.Namespace) -> Iterator[Line]:
    """The engine's own part of a step, in CPU, beside a trigger of `transitions`; and reading all definitions beside parsing their YAML."""
    with errands.opened(folder / "small") as ours:
        trigger, step = engine.bare_trigger(), engine.step_within(ours)
    ratio = f"{step / trigger:.1f}"
    yield "the engine's part of a step (CPU), a trigger of `transitions`", _us(trigger), _us(step), ratio, "≤ 150 µs"
    parsed, judged = engine.load_and_check()
    yield "all definitions read and checked, their YAML parsed", _ms(parsed), _ms(judged), f"{judged / parsed:.2f}", ""


def with_long_histories(folder: Path, given: argparse.Namespace) -> Iterator[Line]:
    """A case with a long history beside one with a short one, in the same workspace."""
    with errands.opened(folder / "small") as ours:
        long, short = ours.numbers[0], list(ours.numbers[1:])
        engine.lengthen(ours, long, given.entries)
        place = 0

        def of_short() -> object:
            nonlocal place
            place += 1
            return ours.step(short[place % len(short)])

        what = f"a case with {given.entries:,} entries against 10"
        yield _ratio(what, of_short, lambda: ours.step(long), 2 * given.steps, 1.1)


def with_many_cases(folder: Path, given: argparse.Namespace) -> Iterator[Line]:
    """The verb in a workspace with many cases beside one with a hundred."""
    began = time.perf_counter()
    errands.make(folder / "large", 1000)
    with errands.opened(folder / "small") as few, errands.opened(folder / "large") as many:
        engine.multiply(many, given.cases)
        print(f"{given.cases} cases in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        yield _ratio(f"{given.cases:,} cases against 100", _going_round(few), _going_round(many), 2 * given.steps, 1.3)


def _going_round(ours: errands.Errands) -> Callable[[], object]:
    """Each time the next step of another case, scattered over all there are."""
    place = 0

    def step() -> object:
        nonlocal place
        place = (place + 61_803) % len(ours.numbers)
        return ours.step(ours.numbers[place])

    return step


def _ratio(what: str, base: Callable[[], object], ours: Callable[[], object], steps: int, bound: float) -> Line:
    for _ in range(WARM):
        base()
        ours()
    pairs = [(_timed(base), _timed(ours)) for _ in range(steps)]
    first, second = median(one for one, _ in pairs), median(other for _, other in pairs)
    return what, _ms(first), _ms(second), f"{second / first:.2f}", f"≤ {bound:g}"


def _crowd(crowd: Sequence[clients.Step], steps: int) -> Iterator[Line]:
    """One client and many, in turns; many must not be slower together, and nobody among them waits for long."""
    alone: list[float] = []
    together: list[float] = []
    waits: list[float] = []
    with ThreadPoolExecutor(len(crowd)) as pool:
        list(pool.map(lambda step: [step() for _ in range(WARM)], crowd))
        for _ in range(ROUNDS):
            began = time.perf_counter()
            for _ in range(steps // ROUNDS):
                crowd[0]()
            alone.append(steps // ROUNDS / (time.perf_counter() - began))
            began = time.perf_counter()
            taken = list(pool.map(lambda step: [_timed(step) for _ in range(steps // ROUNDS)], crowd))
            together.append(len(crowd) * (steps // ROUNDS) / (time.perf_counter() - began))
            waits += [wait for mine in taken for wait in mine]
    gain = median(many / one for one, many in zip(alone, together, strict=True))
    yield f"{len(crowd)} clients: steps a second", f"{median(alone):.0f}", f"{median(together):.0f}", f"{gain:.2f}", "≥ 1"
    half, last = median(waits), quantiles(waits, n=100)[98]
    yield f"{len(crowd)} clients: p99 against p50", _ms(half), _ms(last), f"{last / half:.2f}", "≤ 5"


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _us(seconds: float) -> str:
    return f"{seconds * 1_000_000:.0f} µs"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"


if __name__ == "__main__":
    main()
