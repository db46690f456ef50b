"""Whatever is changed in the tables of cases behind the program's back, the trail says otherwise and the place is named."""

import pytest
from sqlalchemy import Boolean, Integer, Table, delete, insert, select, update

from qms.people.signature import Proof
from qms.records.verify import Check
from qms.workflows.case import compare, waive
from qms.workflows.replay import TABLES
from qms.workflows.tables import case_file, case_link, definition_in_force, definition_text, number_series, timer
from tests.workflows.samples import HEAD, KEEPER, MENDER, PRICER, Bench, file_of

OTHERS = (number_series, definition_text, definition_in_force)


@pytest.fixture
def busy(bench: Bench) -> Bench:
    """A house in which every table has rows."""
    parts = [{"name": "x", "cup": "J33D20002160007", "maker": "Gino"}]
    fields = {"cost": "5", "grade": "MID", "parts": parts, "customer": "Rossi"}
    for _ in range(2):
        number = bench.open(fields={"title": "Lamp", "deadline_at": "2035-03-20 12:00"})
        bench.step(number, "price_it", PRICER, fields=fields, evidence=[file_of("one")])
        bench.step(number, "mend_it", MENDER, comment="x", evidence=[file_of("old", "BILL", "b.pdf")])
        child = bench.open(workflow="lamp-query", links_to=[(number, "queries")])
        bench.step(child, "answer_it", KEEPER)
        bench.step(number, "give_back", HEAD, proof=Proof("head", bench.store.clock()))
        why = "Il collega manca e il lavoro non può attendere."
        with bench.store.writing() as tx:
            waive(tx, bench.engine, number, "mend_it", "pricer", HEAD, reason=why, control=why, key=bench.key())
        bench.step(number, "reopen_it", KEEPER)
        bench.step(number, "price_it", PRICER)
        bench.step(number, "mend_it", MENDER, comment="x", evidence=[file_of("new", "BILL", "c.pdf")])
    bench.step(bench.open(), "scrap_it", KEEPER)
    return bench


def failures(bench: Bench) -> list[Check]:
    with bench.store.reading() as connection:
        return [check for check in compare(connection, bench.engine) if not check.passed]


def test_an_honest_house_passes(busy: Bench) -> None:
    assert failures(busy) == []


def test_every_changed_column_is_found(busy: Bench) -> None:
    missed = []
    for table in (*(table for table, _ in TABLES.values()), *OTHERS):
        for column in table.columns:
            with busy.store.writing() as tx:
                row = dict(tx.connection.execute(select(table).order_by(*table.primary_key)).mappings().first() or {})
                changed = _other(column.type, row[column.name])
                same = [key == row[key.name] for key in table.primary_key]
                tx.connection.execute(update(table).where(*same).values({column.name: changed}))
            found = failures(busy)
            if not found or not _names(table, column.name, found):
                missed.append(f"{table.name}.{column.name}")
            with busy.store.writing() as tx:
                key = [one == (changed if one.name == column.name else row[one.name]) for one in table.primary_key]
                tx.connection.execute(update(table).where(*key).values({column.name: row[column.name]}))
    assert missed == []
    assert failures(busy) == []


def _other(kind: object, value: object) -> object:
    if isinstance(kind, Boolean):
        return not value
    if isinstance(kind, Integer):
        return 77 if value is None else int(str(value)) + 1
    return "2031-01-01T00:00:00.000Z" if value is None else str(value) + "x"


def _names(table: Table, column: str, found: list[Check]) -> bool:
    if table in OTHERS:
        return True
    return any(check.values["table"] == table.name for check in found)


def test_every_deleted_row_is_found(busy: Bench) -> None:
    missed = []
    for table in (*(table for table, _ in TABLES.values()), *OTHERS):
        with busy.store.writing() as tx:
            row = dict(tx.connection.execute(select(table).order_by(*table.primary_key)).mappings().first() or {})
            tx.connection.execute(delete(table).where(*(key == row[key.name] for key in table.primary_key)))
        if not failures(busy):
            missed.append(table.name)
        with busy.store.writing() as tx:
            tx.connection.execute(insert(table), row)
    assert missed == []
    assert failures(busy) == []


def test_every_row_put_in_is_found(busy: Bench) -> None:
    for table in (case_link, timer, case_file, number_series, definition_text):
        with busy.store.writing() as tx:
            row = dict(tx.connection.execute(select(table).order_by(*table.primary_key)).mappings().first() or {})
            first = next(iter(table.primary_key)).name
            tx.connection.execute(insert(table), {**row, first: "ZZZ-2035-0001"})
        assert failures(busy), table.name
        with busy.store.writing() as tx:
            tx.connection.execute(delete(table).where(table.c[first] == "ZZZ-2035-0001"))
    assert failures(busy) == []


def test_the_place_is_named_in_words(busy: Bench) -> None:
    with busy.store.writing() as tx:
        tx.connection.execute(update(case_file).where(case_file.c.number == "LAMP-2035-0001").values(state="RETURNED"))
    (found,) = failures(busy)
    assert (found.name, found.place) == ("cases", "LAMP-2035-0001")
    assert found.values == {"place": "LAMP-2035-0001", "table": "case_file", "problem": "state"}
