"""The store: a part of a transaction that fails alone leaves nothing behind, neither rows nor what was to follow them."""

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from qms.database import Database
from qms.errors import Incomplete
from qms.locale import LANGUAGES, say
from qms.people import directory
from qms.people.actor import SYSTEM
from qms.people.directory import organisation_table
from qms.records import trail


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


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"])
def test_a_text_that_one_store_does_not_take_is_refused_by_both_in_words(store: Database, text: str) -> None:
    with pytest.raises(Incomplete) as refused, store.writing() as tx:
        directory.add_organisation(tx, "uno", text, "B")
    assert refused.value.codes == ("TEXT_UNWRITABLE",)
    with pytest.raises(Incomplete), store.reading() as connection:
        directory.person(connection, text)
    with pytest.raises(Incomplete), store.writing() as tx:
        trail.append(tx, trail.Act("workspace-created", SYSTEM, comment="\ud800"))
    with store.reading() as connection:
        assert connection.execute(select(organisation_table.c.id)).first() is None
    assert all(say(language, "refusal.TEXT_UNWRITABLE") for language in LANGUAGES)


def test_what_a_person_wrote_does_not_stand_in_the_message_of_a_failed_statement(store: Database) -> None:
    row = {"id": "uno", "name": "Ditta Segreta", "kind": "B"}
    with pytest.raises(IntegrityError) as failed, store.writing() as tx:
        tx.connection.execute(insert(organisation_table), row)
        tx.connection.execute(insert(organisation_table), row)
    assert "Ditta Segreta" not in str(failed.value)
