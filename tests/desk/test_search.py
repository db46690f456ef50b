"""The register of events, searched: only what the reader may see, found by what they remember."""

from datetime import UTC, date, datetime

import pytest

from qms.desk import search, staff
from qms.desk.search import Filters
from qms.errors import NotFound
from tests.cast import CONSORTIUM
from tests.desk.conftest import report
from tests.house import House


def found(house: House, name: str, **filters: object) -> list[int]:
    with house.app.reading() as connection:
        page = search.trail_page(connection, house.app.engine, house.actor(name), Filters(**filters))  # type: ignore[arg-type]
    return [entry.position for entry in page.entries]


def events(house: House, name: str, **filters: object) -> set[str]:
    with house.app.reading() as connection:
        page = search.trail_page(connection, house.app.engine, house.actor(name), Filters(**filters), limit=500)  # type: ignore[arg-type]
    return {entry.event for entry in page.entries}


def test_each_sees_the_entries_of_their_cases_and_keepers_those_of_none(either_house: House) -> None:
    house = either_house
    report(house, "tenders", "Fatto del solo consorzio")
    report(house, "kennel", "Fatto del canile soltanto", "canile")
    assert events(house, "tenders") == {"case-opened"}
    assert len(found(house, "kennel")) == 1
    assert found(house, "aurora") == found(house, "learner") == found(house, "system") == []
    for reader in ("quality", "direction", "auditor"):
        assert {"workspace-created", "hat-granted", "case-opened"} <= events(house, reader)


def test_words_are_found_whatever_their_case_and_accents(either_house: House) -> None:
    house = either_house
    number = report(house, "training", "La perché l'uscita è ostruita")
    report(house, "training", "Tutt'altra faccenda")
    for words in ("ostruita", "OSTRUITA", "uscita ostruita"):
        assert [entry_case(house, position) for position in found(house, "quality", words=words)] == [number]
    assert found(house, "quality", words="introvabile") == []


def entry_case(house: House, position: int) -> str:
    with house.app.reading() as connection:
        return str(search.record(connection, house.app.engine, house.actor("quality"), position).said["case"]["number"])


@pytest.mark.parametrize("words", ['"', "*", "NEAR(", "a AND", "' OR 1=1 --", "%", "(((", "-", ":", "l'uscita", "é" * 300])
def test_no_words_break_the_search(either_house: House, words: str) -> None:
    assert isinstance(found(either_house, "quality", words=words), list)


def test_a_clause_finds_cases_and_documents_that_serve_it_and_its_parts(house: House) -> None:
    number = report(house, "training", "Aula senza uscita libera")
    (opened,) = found(house, "training", case=number)
    for clause in ("10.2", "10", "8.7"):
        assert opened in found(house, "quality", clause=clause)
    assert opened not in found(house, "quality", clause="7.5")
    assert "document-adopted" in events(house, "quality", clause="7.5")
    assert found(house, "quality", clause="1") == []
    with house.app.reading() as connection:
        assert "10.2" in search.clauses(connection, house.app.engine)


def test_person_event_and_case_narrow_the_search_together(house: House) -> None:
    number = report(house, "training", "Aula senza uscita libera")
    report(house, "tenders", "Un'altra segnalazione")
    assert len(found(house, "quality", person=house.ids["training"])) == 1
    assert found(house, "quality", person=house.ids["training"], case=number) == found(house, "quality", case=number)
    assert found(house, "quality", person=house.ids["tenders"], case=number) == []
    assert events(house, "quality", event="hat-granted") == {"hat-granted"}


def test_days_are_those_of_the_office_not_of_greenwich(house: House) -> None:
    house.clock.now = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    number = report(house, "training", "Segnalata alle mezza di notte")
    (position,) = found(house, "quality", case=number)
    second = date(2026, 7, 2)
    assert found(house, "quality", since=second) == [position]
    assert found(house, "quality", since=second, until=second) == [position]
    assert position not in found(house, "quality", until=date(2026, 7, 1))
    assert position in found(house, "quality", since=date.min, until=date.max)


def test_pages_follow_each_other_without_gap_or_double(house: House) -> None:
    by, seen, before = house.actor("quality"), [], None
    with house.app.reading() as connection:
        while True:
            page = search.trail_page(connection, house.app.engine, by, Filters(), before, 7)
            seen += [entry.position for entry in page.entries]
            if page.older is None:
                break
            before = page.older
    assert seen == list(range(len(seen), 0, -1))


def test_a_record_of_a_case_one_does_not_see_looks_as_if_it_were_not_there(house: House) -> None:
    number = report(house, "tenders", "Fatto del solo consorzio")
    (position,) = found(house, "quality", case=number)
    with house.app.reading() as connection:
        assert search.record(connection, house.app.engine, house.actor("tenders"), position).position == position
        for position_, name in ((position, "kennel"), (1, "tenders"), (10**9, "quality")):
            with pytest.raises(NotFound):
                search.record(connection, house.app.engine, house.actor(name), position_)


def test_a_member_who_loses_the_hat_loses_the_sight(house: House) -> None:
    report(house, "kennel", "Fatto del canile soltanto", "canile")
    assert found(house, "kennel") != []
    with house.app.writing() as tx:
        staff.revoke(tx, house.actor("quality"), house.ids["kennel"], "referente", "canile")
        staff.grant(tx, house.actor("quality"), house.app.hats, house.ids["kennel"], "allievo", CONSORTIUM)
    assert found(house, "kennel") == []
