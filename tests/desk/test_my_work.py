"""What waits for a person: their turn and nobody else's, soonest deadline first."""

from datetime import timedelta

from sqlalchemy import event, update

from qms.desk import my_work
from qms.workflows import case
from qms.workflows.tables import case_file
from tests.desk.conftest import numbers, report
from tests.house import House, key
from tests.web.conftest import Browser
from tests.workflows.samples import QUERY
from tests.workflows.test_timers import CHAIN


def desk(house: House, name: str) -> my_work.Desk:
    with house.app.reading() as connection:
        return my_work.desk(connection, house.app.engine, house.actor(name), house.clock.now.date())


def test_a_case_waits_for_who_may_take_its_next_step_and_for_nobody_else(either_house: House) -> None:
    house = either_house
    number = report(house, "kennel", "Registro del canile senza firma", "canile")
    (waiting,) = desk(house, "tenders").waiting
    assert waiting.number == number
    assert waiting.title == "Registro del canile senza firma"
    assert waiting.steps
    for name in ("aurora", "auditor", "learner", "system"):
        assert desk(house, name).waiting == ()


def test_a_role_counts_in_the_cases_own_organisations_only(house: House) -> None:
    report(house, "tenders", "Fatto del solo consorzio")
    assert desk(house, "kennel").waiting == ()
    report(house, "tenders", "Fatto anche del canile", "canile")
    assert [one.title for one in desk(house, "kennel").waiting] == ["Fatto anche del canile"]


def test_what_is_due_first_stands_first_and_what_has_no_deadline_last(house: House) -> None:
    first, second, third = (report(house, "training", f"Segnalazione {number}") for number in ("uno", "due", "tre"))
    with house.app.writing() as tx:
        for number, due in ((first, None), (second, "2026-04-02T08:00:00.000Z"), (third, "2026-03-01T08:00:00.000Z")):
            tx.connection.execute(update(case_file).where(case_file.c.number == number).values(next_due=due))
    assert numbers(desk(house, "tenders").waiting) == [third, second, first]


def test_a_step_that_was_left_to_somebody_else_by_what_i_did_does_not_wait_for_me(house: House) -> None:
    number = report(house, "training", "Aula senza uscita libera")
    with house.app.writing() as tx:
        case.take_step(
            tx, house.app.engine, number, "propose_rejection", house.actor("quality"),
            version=1, fields={"rejection_reason": "Le sedie erano state tolte prima della lezione."}, key=key(),
        )  # fmt: skip
    offered = {one.number: {name for name, _ in one.steps} for one in desk(house, "quality").waiting}
    assert "keep_report" not in offered.get(number, set())
    assert "keep_report" in {name for one in desk(house, "verifier").waiting for name, _ in one.steps}


def test_a_full_desk_is_cut_at_a_page_and_says_that_there_is_more(house: House) -> None:
    for number in range(my_work.PAGE + 1):
        report(house, "training", f"Segnalazione numero {number}")
    found = desk(house, "tenders")
    assert len(found.waiting) == my_work.PAGE
    assert found.more


def test_the_desk_asks_the_database_as_often_for_many_cases_as_for_few(house: House) -> None:
    asked: list[str] = []

    def counted() -> int:
        asked.clear()
        desk(house, "tenders")
        return len(asked)

    event.listen(house.app.database.engine, "before_cursor_execute", lambda *seen: asked.append(seen[2]))
    report(house, "training", "La prima segnalazione")
    counted()
    few = counted()
    for number in range(20):
        report(house, "training", f"Segnalazione numero {number}")
    assert counted() == few


def test_those_who_keep_the_documents_see_drafts_and_reviews_and_others_do_not(house: House) -> None:
    house.clock.pass_(days=3 * 365)
    assert len(desk(house, "quality").reviews) >= 5
    assert desk(house, "tenders").reviews == ()
    assert desk(house, "tenders").drafts == ()


def test_who_is_told_of_a_past_deadline_finds_it_on_the_desk_and_goes_on_up_the_chain(either_house: House) -> None:
    house = either_house
    with house.app.writing() as tx:
        for text in (CHAIN, QUERY):
            case.put_in_force(tx, text.replace("PRO-1\n", "PRO-8.7-01\n").encode(), "w.yaml", house.actor("quality"))
        number = case.open_case(tx, house.app.engine, "lamp-repair", house.actor("quality"), fields={"title": "Lampada"}, key=key()).case

    def told(name: str) -> list[str]:
        return [one.number for one in desk(house, name).escalated]

    names = ("quality", "direction", "kennel", "auditor", "learner")
    assert [told(name) for name in names] == [[], [], [], [], []]
    house.clock.now += timedelta(days=4)
    house.app.tick()
    # Quality could scrap it: there it waits, and is not told twice.
    assert [told(name) for name in names] == [[], [], [], [], []]
    assert number in {one.number for one in desk(house, "quality").waiting}
    house.clock.now += timedelta(days=4)
    house.app.tick()
    assert [told(name) for name in names] == [[], [number], [], [], []]
    (late,) = desk(house, "direction").escalated
    assert (late.title, late.timer["it"], late.state["it"]) == ("Lampada", "Preventivo", "Rotta")
    assert late.due_at < house.clock.now
    browser = Browser(house, "direction")
    assert "Scadenze passate segnalate a voi" in browser.get("/").text
    browser.client.close()
    with house.app.writing() as tx:
        case.take_step(tx, house.app.engine, str(number), "scrap_it", house.actor("quality"), version=1, key=key())
    assert told("direction") == []


def test_the_desk_asks_once_for_the_deadlines_a_person_is_told_of(house: House) -> None:
    counts = []
    for many in (1, 12):
        for number in range(many):
            report(house, "training", f"Fatto {many} {number}")
        house.clock.now += timedelta(days=20)
        house.app.tick()
        asked: list[str] = []

        def count(*given: object) -> None:
            asked.append(str(given[2]))  # noqa: B023

        event.listen(house.app.database.engine, "before_cursor_execute", count)
        desk(house, "direction")
        event.remove(house.app.database.engine, "before_cursor_execute", count)
        counts.append(len(asked))
    assert counts[0] == counts[1]
