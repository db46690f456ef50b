"""The rules that hold across all processes, on the shipped workflows: who may write, what time may do, what stays, what is never lost."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from qms.desk import notices, staff
from qms.errors import NotFound, Refused
from qms.people import directory, sign_in
from qms.records import trail
from qms.records.trail import Receipt
from qms.workflows import case, reassigning, timers
from qms.workflows import file as files
from qms.workflows.check import Circumstances, check_sources
from qms.workflows.definition import SYS
from tests.cast import CAST, CONSORTIUM, PASSWORD
from tests.content.office import ROOT, Office, utc
from tests.content.test_guards import DEFINITIONS
from tests.desk.test_notices import CALL, passed, size, take
from tests.house import House, key

MEMBERS = (CONSORTIUM, "canile", "aurora")
WRONG = {
    "title": "Registro presenze firmato in anticipo",
    "description": "Il registro del 2 marzo riportava le firme delle 13 già alle 11.",
    "process": "TRAINING",
    "nc_source": "SELF",
}
TOLD = {"title": "Montare il secondo lettore", "due_on": "20/03/2026", "origin": "MEETING"}


def wake(office: Office) -> None:
    """Let everything ring that is due."""
    rang = 1
    while rang:
        with office.store.writing() as tx:
            rang = timers.wake(tx, office.engine, tx.now)


def test_rule_2_only_the_member_with_an_accepted_mandate_on_that_day_writes_the_measures(office: Office) -> None:
    """Mandated executor. The list of the staff is handed in by the contract manager; invoices are kept outside this system."""
    contract = office.plant("service-contract", "ACTIVE", {}, organisations=MEMBERS)
    for state, member in (("ACCEPTED", "canile"), ("REVOKED", "aurora")):
        about = {"member": member, "signed_on": "2026-02-15"}
        office.link(contract, "mandates", office.plant("member-mandate", state, about, organisations=(CONSORTIUM, member)), "tenders")
    row = {"result": "R1", "period": "2026-02", "indicator": "Turni", "value": "1", "target": "1", "sense": "AT_LEAST"}
    given = ({"results": [row]}, "MEASURES_SHEET")
    assert office.refused(contract, "record_results", "aurora", *given) == ("GUARD:writer_is_mandated",)
    assert office.refused(contract, "record_results", "kennel", *given, at=utc("2026-02-14 09:00")) == ("GUARD:writer_is_mandated",)
    office.take(contract, "record_results", "kennel", *given, at=utc("2026-02-28 09:00"))
    office.take(contract, "record_results", "tenders", given[0], "MEASURES_SHEET=marzo")


BY_TIME = {
    ("accreditation-requirement", "flag_expiry"),
    ("customer-complaint", "note_silence"),
    ("inclusion-plan", "open_review"),
    ("supplier-evaluation", "expire"),
    ("teacher-profile", "expire_listing"),
}
"""What time alone may do in the shipped processes: let something lapse, or say that nobody answered or that a review has come."""


def test_rule_3_time_alone_only_lets_things_lapse_and_never_approves() -> None:
    by_time = {(name, timer.due_step) for name, one in DEFINITIONS.items() for timer in one.timers.values() if timer.due_step}
    assert by_time == BY_TIME
    by_program = {(name, step.name) for name, one in DEFINITIONS.items() for step in one.steps.values() if SYS in step.by}
    for name, chosen in sorted(by_time | by_program, key=str):
        step = DEFINITIONS[name].steps[str(chosen)]
        assert not (step.sign or step.binds or step.quorum or step.apart_from), f"{name}.{chosen} is an approval"


@pytest.mark.parametrize(
    ("approving", "code"),
    [
        ("by: [QM, SYS]\n    sign: {it: Approvo, en: I approve}", "workflow.program_cannot"),
        ("by: [QM, SYS]\n    comment: required", "workflow.program_cannot"),
        ("by: [QM]", "workflow.due_step_by"),
    ],
    ids=["signed", "with a reason", "of a person"],
)
def test_rule_3_a_definition_whose_timer_approves_is_refused(approving: str, code: str) -> None:
    path = ROOT / "workflows/supplier-evaluation.yaml"
    before, step, after = path.read_text().partition("  expire:\n")
    changed = before + step + after.replace("by: [SYS]", approving, 1)
    figures = ((ROOT / "workflows/figures.yaml").name, (ROOT / "workflows/figures.yaml").read_bytes())
    found = check_sources({path.name: changed.encode()}, "small", figures, Circumstances())
    assert code in {problem.code for problem in found}


def test_rule_4_what_was_done_late_keeps_how_late_it_was(office: Office) -> None:
    """Overdue does not disappear: neither while the case goes on nor once it is closed."""
    number = office.open("planned-action", "tenders", {**TOLD, "owner": office.id("training")})
    office.at = utc("2026-03-22 08:00")
    wake(office)
    office.take(number, "report_done", "training", {"outcome": "Montato e provato."})
    office.take(number, "seen_done", "tenders")
    with office.store.reading() as connection:
        seen = case.show(connection, office.engine, number, office.people["tenders"])
        assert seen.file.is_closed
        late = [running.clock.late_seconds for running in seen.timers if running.clock.late_seconds]
        assert len(late) == 1
        assert late[0] >= 33 * 3600
        assert [entry.event for entry in trail.entries(connection, case=number, event="timer-due")] == ["timer-due"]
        assert all(check.passed for check in case.compare(connection, office.engine))


def test_rule_5_a_lent_hat_counts_between_its_days_in_its_scope_and_lender_and_borrower_are_one(house: House) -> None:
    """Delegation: dates, scope, and the same person where duties are kept apart."""
    hat, where = CAST["quality"].hats[0]
    ends = house.clock.now + timedelta(days=5)
    with house.app.writing() as tx:
        staff.delegate(tx, house.actor("quality"), house.app.hats, house.ids["quality"], house.ids["training"], hat, where, tx.now, ends)
        opened = case.open_case(tx, house.app.engine, "nonconformity", house.actor("quality"), fields=WRONG, key=key())
    reason = {"rejection_reason": "Il fatto non viola alcun requisito della procedura."}

    def codes() -> tuple[str, ...]:
        try:
            with house.app.writing() as tx:
                by = directory.actor(tx.connection, house.ids["training"], house.app.hats, "web", tx.now)
                version = files.load(tx.connection, str(opened.case)).version
                step = (str(opened.case), "propose_rejection", by)
                case.take_step(tx, house.app.engine, *step, version=version, fields=reason, key=key())
        except Refused as refused:
            return refused.codes
        return ()

    assert codes() == ("SOD:reporter_is_judge",)
    house.clock.now = ends + timedelta(seconds=1)
    assert "ROLE:QM,TOP" in codes()
    house.clock.now = ends - timedelta(days=1)
    with house.app.reading() as connection:
        by = directory.actor(connection, house.ids["training"], house.app.hats, "web", house.clock.now)
    assert by.holds("QM", [where])
    assert not by.holds("QM", ["canile"])
    assert not by.holds("TOP")


def test_rule_6_who_was_revoked_stays_the_author_and_their_tasks_go_to_another_with_a_reason(house: House) -> None:
    engine, quality = house.app.engine, house.actor("quality")
    with house.app.writing() as tx:
        told = {**TOLD, "owner": house.ids["training"]}
        done = case.open_case(tx, engine, "nonconformity", house.actor("training"), fields=WRONG, key=key())
        open_task = str(case.open_case(tx, engine, "planned-action", house.actor("tenders"), fields=told, key=key()).case)
    with house.app.writing() as tx:
        staff.disable(tx, quality, house.ids["training"])
    with pytest.raises(Refused) as refused, house.app.writing() as tx:
        reassigning.reassign(tx, engine, open_task, house.ids["training"], house.ids["verifier"], quality, reason=" ", key=key())
    assert refused.value.codes == ("COMMENT_REQUIRED",)
    with house.app.writing() as tx:
        why = "Sara ha lasciato il consorzio."
        receipt = reassigning.reassign(tx, engine, open_task, house.ids["training"], house.ids["verifier"], quality, reason=why, key=key())
    with house.app.reading() as connection:
        assert reassigning.tasks(connection, engine, house.ids["training"], quality) == []
        assert trail.entry(connection, receipt.position).said["comment"] == why
        assert case.show(connection, engine, open_task, quality).file.fields["owner"] == house.ids["verifier"]
        author = trail.entry(connection, done.position).said["by"]
        assert (author["person"], author["name"]) == (house.ids["training"], CAST["training"].name)
        assert case.show(connection, engine, str(done.case), quality).file.taken["opening"].persons == (house.ids["training"],)


def test_rule_7_of_two_who_approve_at_once_one_is_told_that_the_page_is_old(office: Office) -> None:
    """Concurrent approval: the version is the lock; nothing is overwritten silently."""
    about = {"member": "canile", "member_kind": "B", "disadvantaged_share": "38.5", "durc_until": "2026-12-31"}
    number = office.plant("member-mandate", "EVALUATED", about, {"evaluate": ("quality", "2026-02-01T09:00:00.000Z", 3)})
    gate, version = threading.Barrier(2), office.file(number).version
    top = [office.as_role("TOP", nick=nick) for nick in ("direction", "tenders")]

    def approve(index: int) -> Receipt | tuple[str, ...]:
        gate.wait()
        try:
            with office.store.writing() as tx:
                chosen = {"ranking": "FIRST", "decision_ref": f"CdA {index}"}
                return case.take_step(tx, office.engine, number, "assign", top[index], version=version, fields=chosen, key=f"a{index}")
        except Refused as refused:
            return refused.codes

    with ThreadPoolExecutor(2) as both:
        got = list(both.map(approve, range(2)))
    assert sorted(type(one).__name__ for one in got) == ["Receipt", "tuple"]
    (won,) = [index for index, one in enumerate(got) if isinstance(one, Receipt)]
    lost = got[1 - won]
    assert isinstance(lost, tuple)
    assert "STALE" in lost
    assert office.file(number).fields["decision_ref"] == f"CdA {won}"


def test_rule_8_the_same_file_twice_is_one_and_a_notice_that_changed_is_a_new_version_of_it(either_house: House) -> None:
    """Idempotent import."""
    house = either_house
    (first,) = take(house, CALL)
    before = size(house)
    (again,) = take(house, CALL, by=house.actor("tenders_too"))
    assert (again.case, again.is_new, size(house)) == (first.case, False, before)
    (newer,) = take(house, CALL, content=CALL.read_bytes() + b"\n<!-- corrected -->\n")
    assert (newer.case, newer.is_new) == (first.case, True)
    with house.app.reading() as connection:
        kept = notices.notices(connection, house.app.engine, house.actor("tenders"), case_number=str(first.case))
    assert len({row["sha256"] for row in kept}) == 2
    assert passed(house)


def test_rule_9_the_servers_clock_judges_and_a_fact_may_not_lie_ahead_of_it(office: Office) -> None:
    """Clock skew: what a browser's clock says counts for nothing but the fact it states, and the day after tomorrow is no fact."""
    about = {"member": CONSORTIUM, "service_kind": "SUPPORT", "answer_by": "2026-03-02T07:59:00.000Z"}
    number = office.plant("member-mandate", "CALL", about)
    coop = office.as_role("COOP", nick="kennel")
    early = utc("2026-03-02 07:00")
    assert "GUARD:before_call_deadline" in office.refused(number, "apply", coop, at=early)
    assert "HAPPENED:future" in office.refused(number, "apply", coop, at=office.at + timedelta(hours=2))
    with office.store.reading() as connection:
        assert trail.entries(connection, case=number) == []


def test_rule_10_a_member_sees_only_its_own_mandates(office: Office) -> None:
    """Read access of member cooperatives."""
    numbers = {
        member: office.plant("member-mandate", "CALL", {"member": member, "answer_by": "2026-03-20T09:00:00.000Z"}, organisations=(member,))
        for member in ("canile", "aurora")
    }
    with office.store.reading() as connection:
        assert case.show(connection, office.engine, numbers["canile"], office.people["kennel"])
        with pytest.raises(NotFound):
            case.show(connection, office.engine, numbers["aurora"], office.people["kennel"])


def test_rule_10_the_account_of_a_guest_must_end_and_ends_by_itself(house: House) -> None:
    with pytest.raises(Refused), house.app.writing() as tx:
        staff.add_person(tx, house.actor("quality"), "Ugo Visita", "ugo@example.org", "auditor", "it", None)
    sign_in.sign_in(house.app.database, CAST["auditor"].email, PASSWORD)
    house.clock.pass_(days=401)
    with pytest.raises(Refused):
        sign_in.sign_in(house.app.database, CAST["auditor"].email, PASSWORD)
