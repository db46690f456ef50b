"""A workspace with many small cases in it whose steps go to and fro, each an ordinary one: two fields, a guard, a deadline."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from qms import app as assembly
from qms.app import App
from qms.desk import start
from qms.people import directory
from qms.people.actor import SYSTEM, Actor
from qms.workflows import case, definitions

WORKFLOW = "bench-errand"
EMAIL, PASSWORD = "lucia@example.org", "cavallo-batteria-graffetta"
FIELDS: Mapping[str, str] = {"note": "Consegnato al portiere, che ha firmato la ricevuta.", "spent": "12,50"}
STEPS = ("carry", "bring_back")
AT_ONCE = 1000
_keys = count()


@dataclass
class Errands:
    """An open workspace; ``numbers`` are its cases, ``versions`` how far each has come."""

    app: App
    by: Actor
    numbers: list[str]
    versions: dict[str, int]

    def step(self, number: str) -> int:
        """Take the next step of a case, as a door does; returns its new version."""
        version = self.versions[number]
        with self.app.writing() as tx:
            receipt = case.take_step(
                tx, self.app.engine, number, STEPS[(version - 1) % 2], self.by, version=version, fields=FIELDS, key=f"s{next(_keys)}"
            )
        self.versions[number] = int(str(receipt.version))
        return self.versions[number]


def make(root: Path, cases: int, database_url: str | None = None) -> None:
    """A workspace on disk with ``cases`` of them, each opened by the verb and each on the trail."""
    start.make(root, start.Beginning("Consorzio di prova", "consorzio", "Lucia Bianchi", EMAIL, PASSWORD, database_url=database_url))
    with assembly.opened(root) as app:
        source = Path(__file__).with_name("loop.yaml")
        with app.writing() as tx:
            definitions.put_in_force(tx, source.read_bytes(), source.name, SYSTEM)
        by = _first(app)
        for begin in range(0, cases, AT_ONCE):
            with app.writing() as tx:
                for place in range(begin, min(begin + AT_ONCE, cases)):
                    case.open_case(tx, app.engine, WORKFLOW, by, fields={"title": f"Commissione numero {place}"}, key=f"o{place}")


@contextmanager
def opened(root: Path) -> Iterator[Errands]:
    """The workspace, open."""
    with assembly.opened(root) as app:
        by = _first(app)
        versions: dict[str, int] = {}
        before: str | None = None
        with app.reading() as connection:
            while page := case.cases(connection, app.engine, by, before=before, limit=200):
                versions |= {row.number: row.version for row in page if row.workflow == WORKFLOW}
                before = page[-1].cursor
        yield Errands(app, by, sorted(versions), versions)


def _first(app: App) -> Actor:
    with app.reading() as connection:
        return directory.actor(connection, directory.persons(connection)[0].id, app.hats, "api")
