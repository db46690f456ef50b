"""A house with two small workflows in force, its clock standing still on a Thursday morning."""

from datetime import UTC, datetime

import pytest

from qms.database import Database
from tests.workflows.samples import Bench, engine_for, furnish

MORNING = datetime(2035, 3, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def bench(store: Database) -> Bench:
    store.clock = lambda: MORNING
    engine = engine_for(store)
    furnish(store, engine)
    return Bench(store, engine)
