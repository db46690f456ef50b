"""Kills working processes with SIGKILL at each point of the order of writes, and checks what is found afterwards.

Each round: a fresh process opens the workspace, works, and dies at one chosen point (the house's functions are wrapped in the dying
process alone). A second process opens the workspace again. Then every act the first one had answered must be there once, everything must
verify, and no reference may have been found where nobody put it. Run whole with ``python -m tests.durability.kills --kills 300``.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from qms import app as assembly
from qms.app import App
from qms.database import Database
from qms.desk import verification
from qms.library import Library, RefMove
from qms.people import directory
from qms.procedures import control, ledger, settling
from qms.records import evidence
from qms.records.tables import entry
from tests.cast import CAST
from tests.durability.acts import Client

WORK = ("publish", "step", "upload")
POINTS: dict[str, tuple[str, tuple[str, ...], int]] = {
    "1 evidence written, not yet in its place": ("evidence-before", ("upload",), 6),
    "1 evidence in its place, folder not flushed": ("evidence-after", ("upload",), 6),
    "2 the writer's lock taken": ("lock", ("publish",), 12),
    "3 before rolling references forward": ("settle-before", WORK, 12),
    "3 after rolling references forward": ("settle-after", WORK, 12),
    "4 objects written, nothing decided": ("objects", ("publish",), 8),
    "5 just before the commit": ("commit-before", WORK, 12),
    "5 just after the commit": ("commit-after", WORK, 12),
    "6 before the references move": ("move-before", ("publish",), 4),
    "6 references moved, not answered": ("move-after", ("publish",), 4),
    "7 while starting again": ("start", ("publish",), 1),
}
"""For each point: how it is wrapped, what the client does, and how many passages there are to choose from."""
KILLED_PER_WORKSPACE = 12


@dataclass
class Tally:
    """What a run found: kills by point, and every violation."""

    kills: Counter[str] = field(default_factory=Counter)
    answered: int = 0
    violations: list[str] = field(default_factory=list)


class Fuse:
    """Kills its process at the n-th passage."""

    def __init__(self, passages: int) -> None:
        self.left = passages

    def pass_(self) -> None:
        self.left -= 1
        if self.left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def wire(point: str, fuse: Fuse) -> None:
    """Wrap the function of ``point`` in this process, which is about to die."""

    def around(owner: Any, name: str, before: bool = False, after: bool = False) -> None:
        real: Callable[..., Any] = getattr(owner, name)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if before:
                fuse.pass_()
            found = real(*args, **kwargs)
            if after:
                fuse.pass_()
            return found

        setattr(owner, name, wrapped)

    kind, _, when = point.partition("-")
    target: dict[str, tuple[Any, str]] = {
        "evidence": (evidence, "_flush_folder"),
        "settle": (control, "settle"),
        "objects": (Library, "commit"),
        "move": (Library, "move"),
        "start": (settling, "_project"),
    }
    if kind == "lock":
        _die_within_lock(fuse)
    elif kind == "commit":
        _die_at_commit(fuse, when)
    elif point == "evidence-before":
        around(evidence, "_received", after=True)
    else:
        around(*target[kind], before=when == "before" or kind == "start", after=when != "before" and kind != "start")


def _die_within_lock(fuse: Fuse) -> None:
    real = Library.writer

    @contextmanager
    def writer(self: Library) -> Iterator[None]:
        with real(self):
            fuse.pass_()
            yield

    setattr(Library, "writer", writer)  # noqa: B010


def _die_at_commit(fuse: Fuse, when: str) -> None:
    real = Database.__init__

    def begin(self: Database, *args: Any, **kwargs: Any) -> None:
        real(self, *args, **kwargs)
        commit = self.engine.dialect.do_commit

        def do_commit(connection: Any) -> None:
            if when == "before":
                fuse.pass_()
            commit(connection)
            if when == "after":
                fuse.pass_()

        setattr(self.engine.dialect, "do_commit", do_commit)  # noqa: B010

    setattr(Database, "__init__", begin)  # noqa: B010


def plant_references_first() -> None:
    """The naive order of writes: references move before the database has decided."""

    def follow(tx: Any, library: Library, change: ledger.Change) -> None:
        moves = [RefMove(ref, new, old) for ref, (old, new) in change.refs.items()]
        library.move(moves)

    for room in _users_of("follow"):
        room.follow = follow


def _users_of(name: str) -> list[Any]:
    return [
        room for room in list(sys.modules.values()) if getattr(room, "__name__", "").startswith("qms.procedures") and hasattr(room, name)
    ]


def plant_answer_first() -> None:
    """The naive answer: the client is told before the transaction is committed."""
    real = Client._answered

    def writing(self: App, shelf: bool = False) -> Any:
        return _eager(self, shelf)

    @contextmanager
    def _eager(app: App, shelf: bool) -> Iterator[Any]:
        with real_writing(app, shelf) as tx:
            yield tx
            last = tx.connection.execute(select(entry).order_by(entry.c.position.desc()).limit(1)).mappings().one()
            if last["idempotency_key"] and last["person"] != "system" and client:
                line = {"key": last["idempotency_key"], "position": last["position"], "leaf": last["leaf"]}
                with client[0].diary.open("a") as file:
                    file.write(json.dumps(line) + "\n")

    def made(self: Client, *args: Any, **kwargs: Any) -> None:
        real(self, *args, **kwargs)

    client: list[Client] = []
    real_writing = App.writing
    first = Client.__init__

    def begin(self: Client, *args: Any, **kwargs: Any) -> None:
        first(self, *args, **kwargs)
        client.append(self)

    setattr(Client, "__init__", begin)  # noqa: B010
    setattr(Client, "_answered", made)  # noqa: B010
    setattr(App, "writing", writing)  # noqa: B010


PLANTS: dict[str, Callable[[], None]] = {"references-first": plant_references_first, "answer-first": plant_answer_first}


def in_child(work: Callable[[], None]) -> int:
    """Run ``work`` in a process of its own; returns its wait status."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        os._exit(code)
    return os.waitpid(child, 0)[1]


def round_(root: Path, point: str, passages: int, seed: int, plant: str | None, tally: Tally) -> None:
    """One process killed at one point, then what is left examined."""
    kind, kinds, _ = POINTS[point]
    diary = root.parent / f"{root.name}.diary"

    def work() -> None:
        if plant:
            PLANTS[plant]()
        wire("move-before" if kind == "start" else kind, Fuse(passages))
        _labour(root, diary, kinds, seed)

    killed = os.WIFSIGNALED(in_child(work))
    if kind == "start" and killed:
        killed = os.WIFSIGNALED(in_child(lambda: _start(root)))
    tally.kills[point] += killed
    found = root.parent / f"{root.name}.found"
    found.unlink(missing_ok=True)
    if in_child(lambda: examine(root, diary, found)) != 0:
        tally.violations.append(f"{point}: the examination itself failed")
    tally.violations += [f"{point}: {line}" for line in (found.read_text().splitlines() if found.exists() else [])]
    tally.answered += len(diary.read_text().splitlines()) if diary.exists() else 0


def _start(root: Path) -> None:
    wire("start", Fuse(1))
    with assembly.opened(root):
        pass


def _labour(root: Path, diary: Path, kinds: tuple[str, ...], seed: int) -> None:
    with assembly.opened(root) as app:
        with app.reading() as connection:
            by_email = {person.email: person.id for person in directory.persons(connection)}
        people = {name: by_email[member.email] for name, member in CAST.items()}
        Client(app, people, diary, random.Random(seed)).work(kinds, 40)


def examine(root: Path, diary: Path, found: Path) -> None:
    """Open the workspace again and write every violation to ``found``."""
    wrong = []
    with assembly.opened(root) as app, app.reading() as connection:
        wrong += [f"{check.name} {dict(check.values)}" for check in verification.everything(connection, app) if not check.passed]
        alarms = connection.execute(select(entry.c.position).where(entry.c.event == "library-alarm")).scalars().all()
        wrong += [f"alarm #{position}" for position in alarms]
        answered = [json.loads(line) for line in diary.read_text().splitlines()] if diary.exists() else []
        for act in answered:
            rows = connection.execute(select(entry.c.position, entry.c.leaf).where(entry.c.idempotency_key == act["key"])).all()
            if [tuple(row) for row in rows] != [(act["position"], act["leaf"])]:
                wrong.append(f"answered act {act['key']} is not there once: {rows}")
            if act.get("sha256") and not evidence.intact(app.settings.evidence, act["sha256"]):
                wrong.append(f"evidence {act['sha256']} is lost")
    found.write_text("\n".join(wrong))


def run(
    copy: Callable[[Path], None], folder: Path, kills: int, seed: int = 1, plant: str | None = None, points: list[str] | None = None
) -> Tally:
    """Kill ``kills`` processes, the points in turn; ``copy`` makes a fresh workspace at a path."""
    chance, tally, names = random.Random(seed), Tally(), points or list(POINTS)
    done = tried = 0
    root = folder / "w0"
    while done < kills and tried < kills * 3:
        if tried % KILLED_PER_WORKSPACE == 0:
            shutil.rmtree(root, ignore_errors=True)
            root = folder / f"w{tried}"
            copy(root)
        point = names[tried % len(names)]
        tried += 1
        before = sum(tally.kills.values())
        round_(root, point, chance.randint(1, POINTS[point][2]), chance.random().__hash__(), plant, tally)
        done += sum(tally.kills.values()) - before
        if tally.violations and plant:
            return tally
    return tally


def main() -> int:
    """The long run from the command line."""
    from tests import house
    from tests.conftest import address_of, fresh_postgresql, start_postgresql

    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plant", choices=sorted(PLANTS))
    parser.add_argument("--postgresql", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if given.postgresql:
            server = start_postgresql(folder / "pg")
            address = address_of(server)
            url = fresh_postgresql(address)
            house.build(folder / "template", url)
            database = url.rpartition("?")[0].rpartition("/")[2]

            def copy(root: Path) -> None:
                house.copy(folder / "template", root, fresh_postgresql(address, database))
        else:
            house.build(folder / "template")

            def copy(root: Path) -> None:
                house.copy(folder / "template", root)

        tally = run(copy, folder, given.kills, given.seed, given.plant)
        for point, count in sorted(tally.kills.items()):
            sys.stdout.write(f"{count:5}  {point}\n")
        sys.stdout.write(f"{sum(tally.kills.values())} kills, {len(tally.violations)} violations\n")
        sys.stdout.write("".join(f"  {line}\n" for line in tally.violations[:20]))
    return 1 if tally.violations else 0


if __name__ == "__main__":
    sys.exit(main())
