"""A library with two adopted procedures, on each of the two databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from qms.database import Database
from qms.library import Library
from qms.procedures import adoption
from tests.procedures.house import BRUNO, NINE, OTHER, PATH, ROME, House, words


@pytest.fixture
def house(store: Database, tmp_path: Path) -> Iterator[House]:
    store.clock = lambda: NINE
    with Library.create(tmp_path / "library.git") as library:
        made = House(store, library)
        starter = {PATH: words().encode(), OTHER: words("PRO-7.5-02", title="Controllo delle registrazioni").encode()}
        with made.writing() as tx:
            adoption.adopt(tx, library, starter, by=BRUNO, zone=ROME, others={"workflows/prova.yaml": b"id: prova\n"})
        yield made
        assert made.found() == made.wanted()
