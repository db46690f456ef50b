"""Verification across the rooms: what is whole says so, and what was changed is named."""

import pytest
from sqlalchemy import text

from qms.desk import verification
from qms.errors import NotFound
from qms.locale import LANGUAGES, say
from qms.procedures import control
from qms.records import trail
from qms.records.verify import Check
from tests.desk.conftest import report
from tests.house import House


def failed(house: House) -> list[Check]:
    with house.app.reading() as connection:
        return [check for check in verification.everything(connection, house.app) if not check.passed]


def examine(house: House, position: int) -> dict[str, bool]:
    with house.app.reading() as connection:
        checks = verification.examine(connection, house.app, position)
    for check in checks:
        key = f"check.{check.name}" + ("" if check.passed else ".failed")
        assert all(say(language, key, **check.values) for language in LANGUAGES)
    return {check.name: check.passed for check in checks}


def last(house: House, event: str) -> int:
    with house.app.reading() as connection:
        return trail.entries(connection, event=event, limit=1)[0].position


def change(house: House, statement: str) -> None:
    with house.app.writing() as tx:
        assert tx.connection.execute(text(statement)).rowcount > 0


def test_a_house_at_work_verifies_whole_and_each_check_has_a_sentence(either_house: House) -> None:
    house = either_house
    report(house, "training", "Aula senza uscita libera")
    house.app.tick()
    with house.app.reading() as connection:
        checks = list(verification.everything(connection, house.app))
    assert all(check.passed for check in checks), checks
    assert {"people", "notices", "definition", "text"} - {check.name for check in checks} == {"definition", "text"}
    assert all(say(language, f"check.{check.name}", **check.values) for language in LANGUAGES for check in checks)


def test_progress_is_told_up_to_the_last_entry(house: House) -> None:
    told: list[tuple[int, int]] = []
    with house.app.reading() as connection:
        list(verification.everything(connection, house.app, progress=lambda done, total: told.append((done, total))))
    assert told[-1][0] == told[-1][1] > 0


def test_one_record_of_a_case_names_its_definition_and_one_of_a_document_its_text(house: House) -> None:
    report(house, "training", "Aula senza uscita libera")
    opened, adopted = examine(house, last(house, "case-opened")), examine(house, last(house, "document-adopted"))
    assert opened["definition"]
    assert adopted["text"]
    assert all(opened.values()) and all(adopted.values())


def test_a_record_that_is_not_there_is_not_found(house: House) -> None:
    with house.app.reading() as connection, pytest.raises(NotFound):
        verification.examine(connection, house.app, 10**6)


def test_a_changed_definition_fails_the_records_of_its_cases(house: House) -> None:
    report(house, "training", "Aula senza uscita libera")
    position = last(house, "case-opened")
    house.app.engine.definitions._loaded.clear()
    change(house, "UPDATE definition SET source = REPLACE(source, 'PROC_OWNER', 'WORKER')")
    assert not examine(house, position)["definition"]
    assert failed(house)


def test_a_damaged_trail_is_named_and_the_other_rooms_are_still_asked(house: House) -> None:
    with house.app.writing() as tx:
        tx.connection.execute(text("DROP TRIGGER entry_update"))
        tx.connection.execute(text("UPDATE entry SET sealed = '{}' WHERE event = 'person-added'"))
        tx.connection.execute(text("UPDATE organisation SET name = 'Altro' WHERE id = 'canile'"))
    found = failed(house)
    assert {"replay"} <= {check.name for check in found}
    assert any(check.place.startswith("#") for check in found)


def test_a_working_copy_of_each_room_that_was_changed_is_named(house: House) -> None:
    report(house, "training", "Aula senza uscita libera")
    change(house, "UPDATE organisation SET name = 'Altro' WHERE id = 'canile'")
    change(house, "UPDATE case_file SET title = 'Un altro fatto'")
    change(house, "UPDATE document SET title = 'Un altro titolo' WHERE key = 'PRO-8.7-01'")
    places = " ".join(str(check.values.get("place", check.place)) for check in failed(house))
    assert "organisation canile" in places
    assert "PRO-8.7-01" in places
    assert "NC-2026-0001" in places


def test_what_is_written_while_the_whole_is_verified_is_no_discrepancy(either_house: House) -> None:
    house = either_house
    by = house.actor("quality")
    with house.app.reading() as connection:
        checks = verification.everything(connection, house.app)
        found = [next(checks)]
        with house.app.writing(shelf=True) as tx:
            control.start_draft(
                tx, house.app.library, key="PRO-8.7-01", slug="meanwhile", by=by, open_case=house.app.open_proposal(by), reason="Prova"
            )
        found += checks
    assert [check for check in found if not check.passed] == []
    assert failed(house) == []
