"""Notices taken in: opened once, linked by CIG, kept unlinked, and never guessed."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import text

from qms.desk import notices
from qms.desk.notices import Taken
from qms.errors import Incomplete, NotPermitted
from qms.formats import notice as reader
from qms.formats.facts import NoticeFile
from qms.people.actor import Actor
from qms.records import evidence, trail
from qms.records.evidence import Stored
from qms.workflows import case
from tests.desk.conftest import report
from tests.house import House

SAMPLES = Path(__file__).parents[1] / "formats/samples"
CALL = SAMPLES / "eforms/cn_24_minimal.xml"
TRAP = SAMPLES / "ted-xml-legacy/565500-2020.xml"
AWARD = SAMPLES / "ted-xml-legacy/334744-2021.xml"
TENDER = SAMPLES / "ocds/ocds-213czf-000-00001-02-tender.json"
AMENDMENT = SAMPLES / "ocds/ocds-213czf-000-00001-03-tenderAmendment.json"
OCDS_AWARD = SAMPLES / "ocds/ocds-213czf-000-00001-04-award.json"
MANY = SAMPLES / "anac/anac-cig-messina-minimised.json"


def read(house: House, path: Path, content: bytes | None = None) -> tuple[NoticeFile, Stored]:
    found = content if content is not None else path.read_bytes()
    return reader.read(found, path.name), evidence.store(house.app.settings.evidence, BytesIO(found), path.name, 20_000_000)


def take(
    house: House, path: Path, chosen: Sequence[int] | None = None, by: Actor | None = None, content: bytes | None = None
) -> list[Taken]:
    file, stored = read(house, path, content)
    with house.app.writing() as tx:
        return notices.take_in(tx, house.app.engine, file, stored, by or house.actor("tenders"), chosen)


def size(house: House) -> int:
    with house.app.reading() as connection:
        return trail.size(connection)


def passed(house: House) -> bool:
    with house.app.reading() as connection:
        return all(check.passed for check in notices.compare(connection))


def test_a_call_opens_a_case_filled_with_its_facts_and_the_file_as_evidence(either_house: House) -> None:
    house = either_house
    (taken,) = take(house, TRAP)
    assert taken.status == "opened"
    assert taken.is_new
    with house.app.reading() as connection:
        seen = case.show(connection, house.app.engine, str(taken.case), house.actor("tenders"))
    assert seen.file.fields["buyer_name"]
    assert seen.file.fields["doubts"]
    assert passed(house)


def test_two_deadlines_are_a_doubt_and_no_deadline_is_filled_in(house: House) -> None:
    (taken,) = take(house, TRAP)
    with house.app.reading() as connection:
        seen = case.show(connection, house.app.engine, str(taken.case), house.actor("tenders"))
    assert seen.file.fields.get("submission_deadline_at") is None
    (doubt, *_) = [row for row in seen.file.fields["doubts"] if "deadline" in row["field"]]
    assert " | " in doubt["found"]


def test_the_same_file_twice_changes_nothing(either_house: House) -> None:
    house = either_house
    first, before = take(house, CALL), size(house)
    second = take(house, CALL, by=house.actor("tenders_too"))
    assert size(house) == before
    assert [(one.case, one.is_new) for one in second] == [(first[0].case, False)]


def test_the_same_file_sent_by_many_at_once_opens_one_case(either_house: House) -> None:
    house = either_house
    file, stored = read(house, CALL)
    actors = [house.actor(name) for name in ("tenders", "tenders_too")] * 4

    def send(by: Actor) -> Taken:
        with house.app.writing() as tx:
            return notices.take_in(tx, house.app.engine, file, stored, by)[0]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(send, actors))
    assert len({one.case for one in found}) == 1
    assert [one.is_new for one in found].count(True) == 1


def test_a_second_copy_of_the_notice_in_another_file_finds_the_case_of_the_first(house: House) -> None:
    (first,) = take(house, CALL)
    (second,) = take(house, CALL, content=CALL.read_bytes() + b"\n<!-- copy -->\n")
    assert (second.case, second.status, second.is_new) == (first.case, "known", True)
    assert passed(house)


def test_an_award_without_its_call_is_kept_unlinked_and_listed(house: House) -> None:
    (taken,) = take(house, AWARD)
    assert (taken.status, taken.case) == ("unlinked", None)
    with house.app.reading() as connection:
        (row,) = notices.notices(connection, house.app.engine, house.actor("tenders"), status="unlinked")
    assert row["title"] == taken.title
    assert passed(house)


def test_an_award_finds_its_call_by_cig(house: House) -> None:
    file, _ = read(house, AWARD)
    number = opened_with_cig(house, file.records[0].all_cigs[0])
    (taken,) = take(house, AWARD)
    assert (taken.status, taken.case) == ("linked", number)
    with house.app.reading() as connection:
        assert [row["kind"] for row in notices.notices(connection, house.app.engine, house.actor("tenders"), case_number=number)] == [
            file.records[0].kind,
            "call",
        ]


def opened_with_cig(house: House, cig: str) -> str:
    """A tender found elsewhere whose sheet names ``cig``."""
    (taken,) = take(house, CALL)
    with house.app.writing() as tx:
        tx.connection.execute(
            text("INSERT INTO case_identifier (case_number, field, kind, value) VALUES (:n, 'lots.cig', 'CIG', :v)"),
            {"n": taken.case, "v": cig},
        )
    return str(taken.case)


def test_an_award_whose_cig_stands_in_two_cases_is_left_for_a_person(house: House) -> None:
    file, _ = read(house, AWARD)
    opened_with_cig(house, file.records[0].all_cigs[0])
    other, cig = take(house, TRAP)[0].case, file.records[0].all_cigs[0]
    with house.app.writing() as tx:
        tx.connection.execute(
            text("INSERT INTO case_identifier (case_number, field, kind, value) VALUES (:n, 'lots.cig', 'CIG', :v)"), {"n": other, "v": cig}
        )
    assert take(house, AWARD)[0].status == "unlinked"


def test_releases_of_one_procedure_come_together_in_one_case(house: House) -> None:
    (opened,) = take(house, TENDER)
    assert opened.status == "opened"
    for path in (AMENDMENT, OCDS_AWARD):
        (taken,) = take(house, path)
        assert taken.case == opened.case, path.name
    assert passed(house)


def test_what_would_become_of_a_file_is_told_without_changing_anything(house: House) -> None:
    before = size(house)
    with house.app.reading() as connection:
        fates = {
            path.name: [one.status for one in notices.foreseen(connection, house.app.engine, read(house, path)[0], house.actor("tenders"))]
            for path in (CALL, AWARD)
        }
    assert fates == {CALL.name: ["opened"], AWARD.name: ["unlinked"]}
    assert size(house) == before


def test_a_file_with_many_records_asks_which_and_opens_those_only(house: House) -> None:
    file, _ = read(house, MANY)
    count = len(file.records)
    with pytest.raises(Incomplete) as refused:
        take(house, MANY)
    assert refused.value.codes == ("CHOICE_REQUIRED",)
    for wrong in ([], [-1], [count]):
        with pytest.raises(Incomplete) as invalid:
            take(house, MANY, wrong)
        assert invalid.value.codes == ("CHOICE_INVALID",)
    taken = take(house, MANY, [1, 0, 1])
    assert [one.record for one in taken] == [file.records[0].record, file.records[1].record]
    assert [one.is_new for one in take(house, MANY, [0, 1])] == [False, False]


def test_the_choice_is_all_or_nothing(house: House) -> None:
    before = size(house)
    file, stored = read(house, MANY)
    with pytest.raises(Incomplete), house.app.writing() as tx:
        notices.take_in(tx, house.app.engine, file, stored, house.actor("tenders"), [0])
        notices.take_in(tx, house.app.engine, file, stored, house.actor("tenders"), [len(file.records)])
    assert size(house) == before


@pytest.mark.parametrize("name", ["kennel", "learner", "auditor", "system", "training"])
def test_who_may_open_no_tender_takes_no_notice_in(house: House, name: str) -> None:
    before = size(house)
    for path in (CALL, AWARD):
        with pytest.raises(NotPermitted):
            take(house, path, by=house.actor(name))
    assert size(house) == before


def test_a_row_changed_beneath_the_program_is_named(house: House) -> None:
    take(house, AWARD)
    with house.app.writing() as tx:
        tx.connection.execute(text("UPDATE notice SET status = 'linked'"))
    with house.app.reading() as connection:
        (check,) = notices.compare(connection)
    assert not check.passed
    assert check.values["problem"] == "status"


def test_a_nonconformity_with_the_same_code_is_not_taken_for_the_tender(house: House) -> None:
    file, _ = read(house, AWARD)
    number = report(house, "tenders", "Una segnalazione con un CIG")
    with house.app.writing() as tx:
        tx.connection.execute(
            text("INSERT INTO case_identifier (case_number, field, kind, value) VALUES (:n, 'x', 'CIG', :v)"),
            {"n": number, "v": file.records[0].all_cigs[0]},
        )
    assert take(house, AWARD)[0].status == "unlinked"
