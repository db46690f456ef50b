"""Who must read a revision is asked when it comes into force, says so in person, and is asked no more when it is superseded."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from qms.desk import acknowledgments, my_work, staff, verification
from qms.desk.acknowledgments import Asked
from qms.errors import NotFound, QmsError, Refused
from qms.people.actor import SYSTEM
from qms.procedures import control
from qms.workflows import case
from tests.house import House, key

CODE = "PRO-8.7-01"
EVERYBODY = {"quality", "direction", "tenders", "tenders_too", "verifier", "training", "quality_too", "kennel", "aurora"}
"""The staff of the cast, the members' contacts among them; nobody from outside, no auditor, no system administrator."""
SUMMARY = {"change_summary": "Si aggiunge chi informa il committente."}


def take(house: House, number: str, step: str, nick: str, fields: dict[str, Any] | None = None, comment: str | None = None) -> None:
    by = house.actor(nick)
    with house.app.reading() as connection:
        definition = case.show(connection, house.app.engine, number, by).definition
    proof = house.proof(nick) if definition.steps[step].sign else None
    with house.app.writing(shelf=house.app.touches_library(definition.steps[step])) as tx:
        seen = case.show(tx.connection, house.app.engine, number, by)
        text = control.draft_of_case(tx.connection, number).blob if definition.steps[step].binds else None
        case.take_step(
            tx, house.app.engine, number, step, by, version=seen.version, fields=fields, comment=comment, proof=proof, key=key(),
            text_seen=text,
        )  # fmt: skip


def refused(house: House, number: str, step: str, nick: str, **given: Any) -> tuple[str, ...]:
    try:
        take(house, number, step, nick, **given)
    except Refused as error:
        return error.codes
    return ()


def propose(house: House, slug: str, acknowledge: str | None = "all") -> str:
    """A draft of the training office that adds a line, and says who must acknowledge it."""
    by = house.actor("training")
    with house.app.writing(shelf=True) as tx:
        opened = control.start_draft(
            tx, house.app.library, key=CODE, slug=slug, by=by, open_case=house.app.open_proposal(by), reason="Richiesta dell'auditor"
        )
        head, _, body = control.draft_text(house.app.library, control.draft(tx.connection, CODE, slug)).partition("\n---\n")
        lines = [line for line in head.split("\n") if not line.startswith("acknowledge:")]
        if acknowledge is not None:
            lines.append(f"acknowledge: {acknowledge}")
        text = "\n".join(lines) + f"\n---\n{body}\nAggiunta {slug}.\n"
        control.save_draft(tx, house.app.library, CODE, slug, text, {}, by, opened.commit)
    take(house, opened.case, "send_to_check", "training", SUMMARY)
    take(house, opened.case, "review_ok", "tenders", {"review_outcome": "Coerente e applicabile"})
    return opened.case


def put_in_force(house: House, slug: str, acknowledge: str | None = "all", minor: str = "false") -> str:
    number = propose(house, slug, acknowledge)
    take(house, number, "approve_now", "direction", {"minor": minor})
    house.clock.pass_(minutes=1)
    return number


def asked(house: House, revision: int) -> dict[str, Asked]:
    """What became of asking, by the name of the cast."""
    names = {id: nick for nick, id in house.ids.items()}
    with house.app.reading() as connection:
        return {names[one.person]: one for one in acknowledgments.standing(connection, house.app.engine, CODE, revision)}


def on_the_desk(house: House, nick: str) -> list[tuple[str, str]]:
    with house.app.reading() as connection:
        found = my_work.waiting(connection, house.app.engine, house.actor(nick), 50)
        return [(one.number, one.state["it"]) for one in found if one.number.startswith("PV-")]


def test_a_revision_that_comes_into_force_asks_each_of_its_readers_once(either_house: House) -> None:
    house = either_house
    put_in_force(house, "prima")
    found = asked(house, 1)
    assert found.keys() == EVERYBODY
    assert {one.state["it"] for one in found.values()} == {"Da leggere"}
    with house.app.reading() as connection:
        shown = case.show(connection, house.app.engine, found["kennel"].number, house.actor("kennel"))
        row = control.document(connection, CODE)
    assert shown.file.title == f"{CODE} rev. 1 – {row.title}"
    assert (shown.fields["document"], shown.fields["revision"], shown.fields["fingerprint"]) == (CODE, 1, row.sha256)
    assert set(shown.file.organisations) == {"consorzio", "canile"}
    house.app.tick()
    assert len(asked(house, 1)) == len(EVERYBODY)


def test_only_those_named_are_asked_and_nobody_for_a_text_that_names_none(house: House) -> None:
    put_in_force(house, "nessuno", None)
    assert asked(house, 1) == {}
    put_in_force(house, "alcuni", "[gare, TRAIN_COORD]")
    assert asked(house, 2).keys() == {"tenders", "tenders_too", "training"}


def test_each_acknowledges_for_themselves_with_a_signature_and_sees_no_other(either_house: House) -> None:
    house = either_house
    put_in_force(house, "prima")
    mine = asked(house, 1)["tenders"].number
    assert refused(house, mine, "acknowledge_text", "quality") == ("GUARD:only_the_reader",)
    with house.app.writing() as tx, pytest.raises(Refused, match="SIGNATURE:required"):
        case.take_step(tx, house.app.engine, mine, "acknowledge_text", house.actor("tenders"), version=1, key=key())
    with house.app.reading() as connection, pytest.raises(NotFound):
        case.show(connection, house.app.engine, mine, house.actor("tenders_too"))
    take(house, mine, "acknowledge_text", "tenders")
    assert asked(house, 1)["tenders"].state["it"] == "Confermata"
    take(house, asked(house, 1)["kennel"].number, "acknowledge_text", "kennel")
    assert sum(one.is_closed for one in asked(house, 1).values()) == 2
    with house.app.reading() as connection:
        listed = case.cases(connection, house.app.engine, house.actor("tenders_too"), limit=200)
    assert [row.number for row in listed if row.workflow == "read-acknowledgment"] == [asked(house, 1)["tenders_too"].number]


def test_the_old_revision_can_no_longer_be_acknowledged(either_house: House) -> None:
    house = either_house
    put_in_force(house, "prima")
    put_in_force(house, "seconda")
    first, second = asked(house, 1), asked(house, 2)
    assert all(one.is_lapsed for one in first.values())
    assert not any(one.is_closed for one in second.values())
    assert refused(house, first["kennel"].number, "acknowledge_text", "kennel") == ("STATE:acknowledge_text", "GUARD:revision_superseded")
    take(house, second["kennel"].number, "acknowledge_text", "kennel")


def test_what_was_acknowledged_stays_and_a_minor_revision_asks_only_who_had_not(house: House) -> None:
    put_in_force(house, "prima")
    take(house, asked(house, 1)["kennel"].number, "acknowledge_text", "kennel")
    put_in_force(house, "refuso", minor="true")
    assert asked(house, 2).keys() == EVERYBODY - {"kennel"}
    assert asked(house, 1)["kennel"].state["it"] == "Confermata"
    put_in_force(house, "altro-refuso", minor="true")
    assert asked(house, 3).keys() == EVERYBODY - {"kennel"}
    put_in_force(house, "sostanza")
    assert asked(house, 4).keys() == EVERYBODY


def test_a_text_for_a_later_day_asks_on_that_day(house: House) -> None:
    number = propose(house, "poi")
    take(house, number, "approve_from_date", "direction", {"effective_on": "2026-03-16"})
    house.app.tick()
    assert asked(house, 1) == {}
    house.clock.pass_(days=14)
    house.app.tick()
    assert asked(house, 1).keys() == EVERYBODY


def test_a_new_colleague_is_asked_and_who_leaves_is_asked_no_more(either_house: House) -> None:
    house = either_house
    put_in_force(house, "prima", "[gare]")
    house.app.tick()
    with house.app.writing() as tx:
        new = staff.add_person(tx, SYSTEM, "Ivo Serra", "ivo@example.org")
        staff.grant(tx, SYSTEM, house.app.hats, new.id, "gare", "consorzio")
        staff.disable(tx, SYSTEM, house.ids["tenders_too"])
        staff.revoke(tx, SYSTEM, house.ids["tenders"], "gare", "consorzio")
    house.ids["new"] = new.id
    assert house.app.tick() >= 3
    found = asked(house, 1)
    assert {nick for nick, one in found.items() if one.is_lapsed} == {"tenders", "tenders_too"}
    assert not found["new"].is_closed
    with house.app.writing() as tx:
        staff.grant(tx, SYSTEM, house.app.hats, house.ids["tenders"], "gare", "consorzio")
    house.app.tick()
    with house.app.reading() as connection:
        again = [one for one in acknowledgments.standing(connection, house.app.engine, CODE, 1) if one.person == house.ids["tenders"]]
    assert [one.is_lapsed for one in again] == [True, False]


def test_a_withdrawn_text_need_not_be_read(house: House) -> None:
    number = put_in_force(house, "prima")
    take(house, number, "propose_to_withdraw", "quality", {"withdrawal_reason": "Assorbita dal manuale, capitolo 8."})
    take(house, number, "sign_withdrawal", "direction")
    house.app.tick()
    assert all(one.is_lapsed for one in asked(house, 1).values())


def test_it_waits_on_the_readers_desk_and_a_question_on_that_of_who_keeps_documents(house: House) -> None:
    put_in_force(house, "prima", "[gare]")
    number = asked(house, 1)["tenders"].number
    assert on_the_desk(house, "tenders") == [(number, "Da leggere")]
    assert on_the_desk(house, "quality") == []
    take(house, number, "ask_explanation", "tenders", {"question": "Chi avvisa il committente di sera?"})
    assert on_the_desk(house, "quality") == [(number, "Letta, con una domanda")]
    take(house, number, "answer_question", "quality", {"answer": "Il referente di turno."})
    assert on_the_desk(house, "tenders") == [(number, "Da leggere")]
    with house.app.reading() as connection:
        mine = case.places_to_act(connection, house.app.engine, house.actor("quality"))
        rows = case.cases(connection, house.app.engine, house.actor("quality"), filters=case.Filters(places=mine), limit=200)
    assert [row.number for row in rows if row.number.startswith("PV-")] == []


def test_nobody_exempts_themselves_and_paper_is_recorded_by_another(house: House) -> None:
    put_in_force(house, "prima", "[qualita, referente]")
    found = asked(house, 1)
    own = refused(house, found["quality"].number, "exempt_reader", "quality", comment="Non mi serve.")
    assert own == ("SOD:own_exemption",)
    take(house, found["quality"].number, "exempt_reader", "quality_too", comment="L'ha scritta lei.")
    codes = refused(house, found["kennel"].number, "acknowledge_on_paper", "quality", fields={"paper_reason": "Non usa il computer."})
    assert codes == ("EVIDENCE_MISSING:PAPER_SIGNATURE",)


def test_the_reminder_is_counted_in_working_days(house: House) -> None:
    put_in_force(house, "prima", "[gare]")
    with house.app.reading() as connection:
        (clock,) = case.show(connection, house.app.engine, asked(house, 1)["tenders"].number, house.actor("quality")).timers
    assert clock.clock.due_at is not None
    assert clock.clock.due_at.isoformat() == "2026-03-16T22:59:59+00:00"
    house.clock.pass_(days=15)
    house.app.tick()
    assert len(asked(house, 1)) == 2


def test_the_trail_bears_out_every_row(either_house: House) -> None:
    house = either_house
    put_in_force(house, "prima")
    take(house, asked(house, 1)["kennel"].number, "acknowledge_text", "kennel")
    put_in_force(house, "seconda", "[gare]")
    with house.app.reading() as connection:
        failed = [check for check in verification.everything(connection, house.app) if not check.passed]
    assert failed == []


def test_a_publication_and_an_acknowledgment_at_once_do_not_wait_for_each_other(either_house: House) -> None:
    house = either_house
    put_in_force(house, "prima")
    number = propose(house, "seconda")
    waiting = [(one.number, "acknowledge_text", nick) for nick, one in asked(house, 1).items() if nick in ("kennel", "aurora", "verifier")]
    together = Barrier(len(waiting) + 1)

    def act(what: tuple[str, str, str]) -> bool:
        together.wait()
        try:
            take(house, *what)
        except QmsError:
            return False
        return True

    with ThreadPoolExecutor(len(waiting) + 1) as threads:
        done = list(threads.map(act, [(number, "approve_now", "direction"), *waiting]))
    assert done[0]
    for (_, _, nick), acknowledged in zip(waiting, done[1:], strict=True):
        assert asked(house, 1)[nick].is_lapsed is not acknowledged
    assert asked(house, 2).keys() == EVERYBODY


def test_the_quality_office_counts_what_is_not_acknowledged_yet(house: House) -> None:
    put_in_force(house, "conta")
    mine = asked(house, 1)["tenders"].number
    engine = house.app.engine

    def counted(nick: str) -> list[tuple[str, int]]:
        with house.app.reading() as connection:
            return [(one.key, one.number) for one in acknowledgments.unread(connection, engine, house.actor(nick), 10)]

    assert counted("quality") == [(CODE, len(EVERYBODY))]
    take(house, mine, "acknowledge_text", "tenders")
    assert counted("quality") == [(CODE, len(EVERYBODY) - 1)]
