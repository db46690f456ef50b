"""How a process stands is counted from the cases its reader may see, with as many questions for ten cases as for one."""

from sqlalchemy import event

from qms.desk import processes
from qms.desk.processes import ClauseRow, Standing
from qms.procedures import clauses
from qms.workflows import case
from tests.desk.conftest import WRONG, report
from tests.house import House, key

TENDER = "public-tender"


def standing(house: House, name: str, workflow: str = WRONG) -> Standing:
    with house.app.reading() as connection:
        found = processes.standings(connection, house.app.engine, house.actor(name))
    return next(one for one in found if one.definition.id == workflow)


def clause(house: House, name: str, wanted: str) -> ClauseRow:
    with house.app.reading() as connection:
        rows = processes.matrix(connection, house.app.engine, house.actor(name), clauses.in_force(house.app.library), house.clock().date())
    return next(row for row in rows if row.clause.key == wanted)


def test_open_cases_are_counted_by_state_and_only_those_the_reader_may_see(house: House) -> None:
    mine = report(house, "quality", "Registro firmato in anticipo")
    report(house, "quality", "Estintore scaduto in sede")
    found = standing(house, "quality")
    assert [(name, number) for _, name, number in found.states] == [(found.definition.initial.name, 2)]
    assert (found.open, found.late, found.last_closed) == (2, 0, None)
    assert found.newest is not None
    assert mine < found.newest[0]
    assert standing(house, "kennel").open == 0
    assert standing(house, "kennel").newest is None


def test_what_is_late_is_counted(house: House) -> None:
    report(house, "quality", "Registro firmato in anticipo")
    house.clock.pass_(days=60)
    assert standing(house, "quality").late == 1


def test_an_open_finding_is_a_point_of_the_process_it_hangs_on(house: House) -> None:
    wrong = report(house, "quality", "Registro firmato in anticipo")
    with house.app.writing() as tx:
        fields = {"title": "Servizio di canile"}
        tender = case.open_case(tx, house.app.engine, TENDER, house.actor("tenders"), fields=fields, key=key()).case
    assert standing(house, "quality", TENDER).findings == ()
    with house.app.writing() as tx:
        case.link_case(tx, house.app.engine, str(tender), "nonconformities", wrong, house.actor("tenders"), key=key())
    ((number, title, _),) = standing(house, "quality", TENDER).findings
    assert (number, title) == (wrong, "Registro firmato in anticipo")
    assert standing(house, "kennel", TENDER).findings == ()


def test_the_number_of_questions_does_not_grow_with_the_cases(house: House) -> None:
    def questions() -> int:
        asked: list[str] = []

        def note(*seen: object) -> None:
            asked.append(str(seen[2]))

        event.listen(house.app.database.engine, "before_cursor_execute", note)
        standing(house, "quality")
        event.remove(house.app.database.engine, "before_cursor_execute", note)
        return len(asked)

    report(house, "quality", "Registro firmato in anticipo")
    questions()
    few = questions()
    for number in range(12):
        report(house, "quality", f"Registro numero {number} firmato in anticipo")
    assert questions() == few


def test_a_clause_shows_its_documents_processes_and_newest_evidence(house: House) -> None:
    before = clause(house, "auditor", "8.7")
    assert "PRO-8.7-01" in {row.key for row in before.documents}
    assert WRONG in {one.definition.id for one in before.processes}
    assert before.newest is None
    number = report(house, "quality", "Registro firmato in anticipo")
    found = clause(house, "auditor", "8.7")
    assert found.newest == (number, house.clock())
    house.clock.pass_(days=1200)
    later = clause(house, "quality", "8.7")
    assert later.late == 1
    assert "PRO-8.7-01" in {row.key for row in later.due}


def test_a_clause_that_does_not_apply_says_why(house: House) -> None:
    found = clause(house, "auditor", "7.1.5.2")
    assert found.clause.reason is not None
    assert (found.documents, found.processes) == ((), ())


def test_a_reader_of_another_organisation_sees_no_evidence_of_ours(house: House) -> None:
    report(house, "quality", "Registro firmato in anticipo")
    assert clause(house, "kennel", "8.7").newest is None


def test_open_findings_stand_by_age_and_only_those_the_reader_may_see(house: House) -> None:
    first = report(house, "quality", "Registro firmato in anticipo")
    house.clock.pass_(days=3)
    second = report(house, "kennel", "Box senza acqua", "canile")
    with house.app.reading() as connection:
        found = processes.open_findings(connection, house.app.engine, house.actor("quality"), 10)
        assert [one.number for one in found] == [first, second]
        assert [one.number for one in processes.open_findings(connection, house.app.engine, house.actor("kennel"), 10)] == [second]
