"""What the engine itself costs: a step without HTTP, database and disk, cases with long histories, a great many cases, all definitions.

Many cases are one thousand opened by the verb and rows copied from them: what a step could come to notice is how full the tables are.
"""

import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from statistics import median

from ruamel.yaml import YAML
from sqlalchemy import Connection, func, insert, literal, select
from transitions import Machine

from qms.workflows import file as files
from qms.workflows import keeping
from qms.workflows.check import IDENTIFIERS, Circumstances, check_definitions
from qms.workflows.figures import read_figures
from qms.workflows.opening import open_from_effect
from qms.workflows.reading import read_definition, read_file
from qms.workflows.tables import case_file, case_identifier, case_organisation, timer
from qms.workflows.taking import Request, judge, settle
from tests.benchmarks.errands import FIELDS, STEPS, Errands

SHIPPED = sorted((Path(__file__).parents[2] / "workflows").glob("*.yaml"))
LOOPS = 200
ROUNDS = 15


class Lamp:
    """What `transitions` moves in the bare measure."""


def bare_trigger() -> float:
    """Seconds of CPU that one trigger of `transitions` takes."""
    lamp = Lamp()
    ways = [["go", "HERE", "THERE"], ["back", "THERE", "HERE"]]
    Machine(lamp, states=["HERE", "THERE"], transitions=ways, initial="HERE", auto_transitions=False)

    def there_and_back() -> None:
        lamp.go()  # type: ignore[attr-defined]
        lamp.back()  # type: ignore[attr-defined]

    return _cpu(there_and_back) / 2


def step_within(ours: Errands) -> float:
    """Seconds of CPU that the engine takes for a step: form, roles, duties, guards, the way, timers; nothing is saved or sealed."""
    engine, by, number = ours.app.engine, ours.by, ours.numbers[0]
    with ours.app.writing() as tx:
        file, _, rows = files.load_to_act(tx.connection, number, "none")
        loaded = engine.definitions.get(tx.connection, file.definition)
        step = loaded.definition.steps[STEPS[(file.version - 1) % 2]]
        running = keeping.clocks_of(rows)
        request = Request(step, by, FIELDS, (), tx.now, None, None, "k", "p", open_from_effect, None, running)

        def once() -> None:
            judged = judge(tx, engine, loaded, file, file.version, request)
            assert not judged.reasons
            settle(
                tx,
                engine,
                loaded.definition,
                file,
                request,
                judged.form,
                judged.facts,
                loaded.ways.take(file.state, step.name, step.target),
            )

        return _cpu(once)


def load_and_check() -> tuple[float, float]:
    """Seconds of CPU to parse the YAML of all shipped definitions, and to read, type and judge them."""
    sources = {str(path): path.read_bytes() for path in SHIPPED if path.stem != "figures"}
    figures = next(path.read_bytes() for path in SHIPPED if path.stem == "figures")

    def parsed() -> None:
        for source in sources.values():
            YAML(typ="safe", pure=True).load(StringIO(source.decode()))

    def judged() -> None:
        read_file.cache_clear()
        found = [read_definition(source, path, IDENTIFIERS) for path, source in sources.items()]
        list(check_definitions(found, "small", read_figures(figures, "figures.yaml"), Circumstances()))

    return min(_timed(parsed) for _ in range(3)), min(_timed(judged) for _ in range(3))


def lengthen(ours: Errands, number: str, entries: int) -> None:
    """Step a case to and fro until it has so many entries."""
    while ours.versions[number] < entries:
        ours.step(number)


def multiply(ours: Errands, cases: int) -> None:
    """Copy the rows of the cases there are until the tables hold so many, all in other years than the true ones."""
    with ours.app.writing() as tx:
        have = len(ours.numbers)
        for copy in range(1, cases // have):
            _copy(tx.connection, copy)
        tx.connection.exec_driver_sql("ANALYZE")


def _copy(connection: Connection, copy: int) -> None:
    for table, key in ((case_file, "number"), (case_organisation, "case_number"), (case_identifier, "case_number"), (timer, "case_number")):
        columns = [literal(f"X{copy}-").op("||")(column) if column.name == key else column for column in table.columns]
        rows = select(*columns).where(func.substr(table.c[key], 1, 1) != "X")
        connection.execute(insert(table).from_select([column.name for column in table.columns], rows))


def _cpu(act: Callable[[], object]) -> float:
    def many() -> None:
        for _ in range(LOOPS):
            act()

    many()
    return median(_timed(many) for _ in range(ROUNDS)) / LOOPS


def _timed(act: Callable[[], object]) -> float:
    began = time.process_time()
    act()
    return time.process_time() - began
