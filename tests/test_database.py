"""The store: a part of a transaction that fails alone leaves nothing behind, neither rows nor what was to follow them."""

import pytest
from sqlalchemy import select

from qms.database import Database
from qms.people import directory
from qms.people.directory import organisation_table


def test_a_part_that_fails_takes_its_rows_and_its_projections_back(store: Database) -> None:
    followed: list[str] = []
    with store.writing() as tx:
        tx.after_commit.append(lambda: followed.append("before"))
        with pytest.raises(ZeroDivisionError), tx.attempt():
            directory.add_organisation(tx, "uno", "Uno", "B")
            tx.after_commit.append(lambda: followed.append("failed"))
            raise ZeroDivisionError
        with tx.attempt():
            directory.add_organisation(tx, "due", "Due", "B")
            tx.after_commit.append(lambda: followed.append("after"))
    assert followed == ["before", "after"]
    with store.reading() as connection:
        assert list(connection.execute(select(organisation_table.c.id)).scalars()) == ["due"]
