"""The shipped workflow with the real library behind it: what becomes of a case whose text is superseded or withdrawn by another."""

from typing import Any

from qms.people.signature import Proof
from qms.procedures import control
from qms.records import trail
from qms.workflows import case
from tests.house import House, key

CODE = "PRO-8.7-01"
SUMMARY = {"change_summary": "Si aggiunge chi informa il committente."}


def take(house: House, number: str, step: str, nick: str, fields: dict[str, Any] | None = None) -> None:
    by = house.actor(nick)
    with house.app.writing(shelf=True) as tx:
        seen = case.show(tx.connection, house.app.engine, number, by)
        proof = Proof(by.person, house.clock.now)
        text = control.draft_of_case(tx.connection, number).blob
        case.take_step(
            tx, house.app.engine, number, step, by, version=seen.version, fields=fields, proof=proof, key=key(), text_seen=text
        )  # fmt: skip


def propose(house: House, slug: str) -> str:
    """A draft by the training office that adds a line to the procedure of nonconformities."""
    by = house.actor("training")
    with house.app.writing(shelf=True) as tx:
        opened = control.start_draft(
            tx, house.app.library, key=CODE, slug=slug, by=by, open_case=house.app.open_proposal(by), reason="Richiesta dell'auditor"
        )
        text = control.draft_text(house.app.library, control.draft(tx.connection, CODE, slug))
        control.save_draft(tx, house.app.library, CODE, slug, f"{text}\nAggiunta {slug}.\n", {}, by, opened.commit)
    return opened.case


def put_in_force(house: House, slug: str) -> str:
    number = propose(house, slug)
    take(house, number, "send_to_check", "training", SUMMARY)
    take(house, number, "review_ok", "tenders", {"review_outcome": "Coerente e applicabile"})
    take(house, number, "approve_now", "direction")
    house.clock.pass_(minutes=1)
    return number


def state(house: House, number: str) -> str:
    with house.app.reading() as connection:
        return case.show(connection, house.app.engine, number, house.actor("quality")).state


def test_a_newer_revision_supersedes_the_case_of_the_former(house: House) -> None:
    first = put_in_force(house, "prima")
    assert state(house, first) == "IN_FORCE"
    second = put_in_force(house, "seconda")
    assert (state(house, first), state(house, second)) == ("SUPERSEDED", "IN_FORCE")


def test_a_text_approved_for_a_later_day_comes_into_force_by_itself_on_that_day(house: House) -> None:
    number = propose(house, "poi")
    take(house, number, "send_to_check", "training", SUMMARY)
    take(house, number, "review_ok", "tenders", {"review_outcome": "Coerente e applicabile"})
    take(house, number, "approve_from_date", "direction", {"effective_on": "2026-03-16"})
    house.clock.pass_(days=13)
    house.app.tick()
    assert state(house, number) == "APPROVED"
    house.clock.pass_(hours=16)
    house.app.tick()
    assert state(house, number) == "IN_FORCE"


def test_a_withdrawal_proposed_by_one_and_signed_by_another_ends_the_case_of_the_text(house: House) -> None:
    brought = put_in_force(house, "prima")
    by = house.actor("quality")
    with house.app.writing(shelf=True) as tx:
        opened = control.start_proposal(
            tx, house.app.library, key=CODE, kind="withdrawal", by=by, open_case=house.app.open_proposal(by), reason="Assorbita dal manuale"
        )
    take(house, opened.case, "sign_proposed_withdrawal", "direction", {"withdrawal_reason": "Assorbita dal manuale, capitolo 8."})
    assert (state(house, opened.case), state(house, brought)) == ("WITHDRAWN", "WITHDRAWN")


def test_a_periodic_review_without_change_confirms_the_text(house: House) -> None:
    by = house.actor("training")
    with house.app.writing(shelf=True) as tx:
        opened = control.start_proposal(
            tx, house.app.library, key=CODE, kind="confirmation", by=by, open_case=house.app.open_proposal(by), reason="Riesame biennale"
        )
    house.clock.pass_(days=30)
    take(house, opened.case, "confirm_without_change", "quality", {"review_note": "Riletta con i responsabili: resta."})
    assert state(house, opened.case) == "CONFIRMED"
    with house.app.reading() as connection:
        assert control.document(connection, CODE).next_review == "2028-04-01"


def test_a_confirmation_by_a_case_of_its_own_moves_the_review_of_the_case_that_brought_the_text(house: House) -> None:
    brought = put_in_force(house, "prima")
    by = house.actor("training")
    house.clock.pass_(days=700)
    with house.app.writing(shelf=True) as tx:
        opened = control.start_proposal(
            tx, house.app.library, key=CODE, kind="confirmation", by=by, open_case=house.app.open_proposal(by), reason="Riesame biennale"
        )
    take(house, opened.case, "confirm_without_change", "quality", {"review_note": "Riletta con i responsabili: resta."})
    with house.app.reading() as connection:
        seen, row = case.show(connection, house.app.engine, brought, by), control.document(connection, CODE)
    assert seen.state == "IN_FORCE"
    assert seen.fields["next_review_on"] == row.next_review
    due = {one.clock.name: one.clock.due_at for one in seen.timers}["periodic_review"]
    assert due is not None
    assert due.date().isoformat() == row.next_review
    house.clock.pass_(days=60)
    house.app.tick()
    with house.app.reading() as connection:
        assert not trail.entries(connection, case=brought, event="timer-due")
