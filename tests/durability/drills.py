"""Restore drills: back a workspace up while two clients work in it, restore it elsewhere, and ask for everything it answered before.

    python -m tests.durability.drills --drills 40 [--postgresql]

Each drill also begins a restore in a process of its own and kills it at a random moment: what is left must not look like a workspace.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qms import settings
from qms.app import App
from qms.desk import keeping
from qms.desk.keeping import Kept
from tests import house as house_of
from tests.conftest import address_of, fresh_postgresql, start_postgresql
from tests.durability.acts import Client
from tests.house import House


@contextmanager
def at_work(house: House, diary: Path) -> Iterator[None]:
    """Two clients that step and upload until the block ends; one of them also publishes revisions."""
    over = threading.Event()
    failures: list[BaseException] = []

    def work(place: int) -> None:
        client = Client(house.app, house.ids, diary.with_suffix(f".{place}"), random.Random(place))
        kinds = ("step", "upload", "publish") if place else ("step", "upload")
        try:
            while not over.is_set():
                client.work(kinds, 1)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]


def drill(house: House, folder: Path, diary: Path, chance: random.Random) -> Kept:
    """One drill. Raises AssertionError when something answered before the backup is not in the restored workspace."""
    answered = [json.loads(line) for path in diary.parent.glob(f"{diary.stem}.*") for line in path.read_text().splitlines()]
    file = folder / "copy.zip"
    made = keeping.backup(house.app, file)
    broken_off(file, folder / "broken", chance)
    restored, checks = keeping.restore(file, folder / "restored", assemble)
    assert (restored.size, restored.root) == (made.size, made.root)
    assert all(check.passed for check in checks)
    app = assemble(folder / "restored")
    try:
        app.settle()
        with app.reading() as connection:
            kept: dict[int, str] = {row[0]: row[1] for row in connection.exec_driver_sql("SELECT position, leaf FROM entry")}
    finally:
        app.close()
    assert all(kept.get(act["position"]) == act["leaf"] for act in answered)
    return made


def assemble(root: Path) -> App:
    """The program over a workspace that nobody else has open."""
    return App(settings.load(root))


def broken_off(file: Path, folder: Path, chance: random.Random) -> None:
    """Kill a restore somewhere on its way: the folder asked for must not be there, or be whole."""
    child = subprocess.Popen([sys.executable, "-m", "tests.durability.drills", "--restore", str(file), str(folder)])
    time.sleep(chance.uniform(0.2, 2.0))
    child.send_signal(signal.SIGKILL)
    child.wait()
    if folder.exists():
        app = assemble(folder)
        app.close()


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--drills", type=int, default=40)
    asked.add_argument("--postgresql", action="store_true")
    asked.add_argument("--restore", nargs=2, type=Path)
    given = asked.parse_args()
    if given.restore:
        file, folder = given.restore
        keeping.restore(file, folder, assemble)
        return
    with tempfile.TemporaryDirectory(prefix="qms-drills-") as name:
        os.environ.setdefault("XDG_RUNTIME_DIR", name)
        server = start_postgresql(Path(name) / "pg") if given.postgresql else None
        _drills(Path(name), given.drills, address_of(server) if server else None)
        if server:
            server.cleanup()


def _drills(folder: Path, drills: int, server: str | None) -> None:
    house_of.build(folder / "template", fresh_postgresql(server) if server else None)
    url = None
    if server:
        name = settings.load(folder / "template").database_url.rpartition("?")[0].rpartition("/")[2]
        url = fresh_postgresql(server, name)
    chance = random.Random(1)
    with house_of.opened(folder / "template", folder / "house", url) as house, at_work(house, folder / "diary"):
        for number in range(drills):
            here = folder / f"drill-{number}"
            here.mkdir()
            made = drill(house, here, folder / "diary", chance)
            sys.stdout.write(f"drill {number + 1}: {made.size} entries, {made.bytes} bytes, whole\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
