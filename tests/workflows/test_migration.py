"""A new definition for new cases; open ones move when somebody moves them, one by one, and every one shows under which it ran."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from qms.database import Database
from qms.errors import NotFound, NotPermitted, Refused, Stale
from qms.people.actor import Actor
from qms.records import trail
from qms.workflows import case, migration
from qms.workflows.case import put_in_force
from tests.workflows.samples import HEAD, JACK, KEEPER, LAMP, MENDER, PRICER, QUERY, Bench, actor, engine_for, file_of, furnish

COUNT = 1_000
NEWER = (
    LAMP.replace("  note: {type: long_text, title: {it: Nota, en: Note}}\n", "")
    .replace("    asks: [note?]\n", "")
    .replace("    clears: [note]\n", "")
    .replace("  pricing:\n", "  quick_pricing:\n")
    .replace("from: [BROKEN, PRICED]\n    to: SCRAPPED", "from: [BROKEN, PRICED, MENDED]\n    to: SCRAPPED")
    .replace("  cost: {type: money,", "  cost: {type: decimal,")
)
BY_TWO = LAMP.replace("    by: [COM]\n", "    by: [COM, TECH]\n    quorum: {count: 2}\n")


@pytest.fixture
def bench(store: Database) -> Bench:
    store.clock = lambda: datetime(2035, 3, 1, 9, 0, tzinfo=UTC)
    engine = engine_for(store)
    furnish(store, engine, LAMP, QUERY)
    return Bench(store, engine)


def renew(bench: Bench, source: str = NEWER) -> None:
    assert source != LAMP
    with bench.store.writing() as tx:
        put_in_force(tx, source.encode(), "w.yaml", KEEPER)


def move(bench: Bench, number: str, by: Actor = KEEPER, key: str | None = None) -> object:
    with bench.store.writing() as tx:
        return migration.migrate(tx, bench.engine, number, by, key=key or bench.key())


def digest(bench: Bench, number: str) -> str:
    with bench.store.reading() as connection:
        return case.show(connection, bench.engine, number, KEEPER).definition.digest


def is_borne_out(bench: Bench) -> bool:
    with bench.store.reading() as connection:
        return all(check.passed for check in case.compare(connection, bench.engine))


def test_what_was_agreed_to_under_the_old_definition_is_agreed_anew_under_the_new(bench: Bench) -> None:
    renew(bench, BY_TWO)
    number = bench.open()
    photo = [file_of("one")]
    assert bench.step(number, "price_it", PRICER, fields={"cost": "10", "grade": "MID"}, evidence=photo).state == "BROKEN"
    renew(bench, BY_TWO.replace("it: Riparazione di lampade", "it: Lampade"))
    move(bench, number)
    assert bench.step(number, "price_it", MENDER).state == "BROKEN"
    assert bench.step(number, "price_it", PRICER).state == "PRICED"
    assert is_borne_out(bench)


def test_a_case_stays_with_its_definition_until_it_is_moved(bench: Bench) -> None:
    number = bench.priced()
    before = digest(bench, number)
    renew(bench)
    new = bench.open()
    assert digest(bench, number) == before != digest(bench, new)
    with bench.store.reading() as connection:
        assert migration.behind(connection, bench.engine, "lamp-repair") == [number]
        seen = migration.plan(connection, bench.engine, number, KEEPER)
    assert (seen.fields_gone, seen.timers_gone, seen.timers_new) == (("cost",), ("pricing",), ("quick_pricing",))
    assert seen.obstacles == ()
    move(bench, number)
    assert digest(bench, number) == digest(bench, new)
    with bench.store.reading() as connection:
        moved = case.show(connection, bench.engine, number, KEEPER)
    assert (moved.state, "cost" in moved.fields) == ("PRICED", False)
    bench.step(number, "mend_it", MENDER, comment="Fatto")
    bench.step(number, "scrap_it", KEEPER)
    assert is_borne_out(bench)


def test_timers_of_the_new_definition_start_and_those_it_lacks_end(bench: Bench) -> None:
    number = bench.open()
    renew(bench)
    move(bench, number)
    with bench.store.reading() as connection:
        running = {one.timer.name: one.clock for one in case.show(connection, bench.engine, number, KEEPER).timers}
    assert running["quick_pricing"].is_running
    assert is_borne_out(bench)


def test_a_deadline_by_another_rule_is_told_and_reckoned_anew_from_its_start(bench: Bench) -> None:
    number = bench.open()
    bench.later(days=1)
    other = LAMP.replace('due: "workdays(2)"\n    warn: ["days(1)"]', 'due: "workdays(5)"\n    warn: ["days(2)"]')
    renew(bench, other)
    with bench.store.reading() as connection:
        assert migration.plan(connection, bench.engine, number, KEEPER).timers_changed == ("pricing",)
        before = case.show(connection, bench.engine, number, KEEPER).timers[0].clock
    move(bench, number)
    with bench.store.reading() as connection:
        after = case.show(connection, bench.engine, number, KEEPER).timers[0].clock
    assert (before.due_at, after.started_at) == (datetime(2035, 3, 5, 22, 59, 59, tzinfo=UTC), before.started_at)
    assert after.due_at == datetime(2035, 3, 8, 22, 59, 59, tzinfo=UTC)
    assert after.next_at == datetime(2035, 3, 6, 22, 59, 59, tzinfo=UTC)
    assert is_borne_out(bench)


@pytest.mark.parametrize(("until", "runs"), [("mend_it", True), ("price_it", False)])
def test_a_deadline_that_the_new_definition_counts_from_a_field_runs_at_once(bench: Bench, until: str, runs: bool) -> None:
    number = bench.priced(deadline_at="2035-03-09T12:00:00Z")
    timer = f"  agreed: {{title: {{it: x, en: x}}, start: {{field: deadline_at}}, due: deadline_at, until: [{until}], hard: true}}\n"
    renew(bench, LAMP.replace("links:\n", timer + "links:\n"))
    move(bench, number)
    with bench.store.reading() as connection:
        clocks = {one.timer.name: one.clock for one in case.show(connection, bench.engine, number, KEEPER).timers}
    assert ("agreed" in clocks) == runs
    assert not runs or clocks["agreed"].next_at == datetime(2035, 3, 9, 12, tzinfo=UTC)
    assert is_borne_out(bench)


def test_no_case_moves_under_a_procedure_that_is_not_in_force(bench: Bench) -> None:
    number = bench.open()
    renew(bench)
    bench.engine = replace(bench.engine, procedure_in_force=lambda connection, key: None)
    with bench.store.reading() as connection:
        (seen,) = migration.plans(connection, bench.engine, "lamp-repair", KEEPER)
    assert [reason.code for reason in seen.obstacles] == ["PROCEDURE:PRO-1"]
    with pytest.raises(Refused) as refused:
        move(bench, number)
    assert refused.value.codes == ("PROCEDURE:PRO-1",)


def test_a_page_that_was_open_while_the_case_moved_is_stale(bench: Bench) -> None:
    number = bench.open()
    renew(bench)
    move(bench, number)
    with pytest.raises(Stale):
        bench.step(number, "scrap_it", KEEPER, version=1)


@pytest.mark.parametrize(
    ("by", "change", "code"),
    [
        (MENDER, "renewed", "ROLE:QM,TOP"),
        (KEEPER, "same", "MIGRATION:same"),
        (KEEPER, "closed", "MIGRATION:closed"),
        (KEEPER, "state", "MIGRATION:state"),
    ],
)
def test_what_cannot_move_says_why(bench: Bench, by: Actor, change: str, code: str) -> None:
    number = bench.priced()
    if change == "closed":
        bench.step(number, "scrap_it", KEEPER)
    if change == "state":
        renew(bench, LAMP.replace("PRICED", "QUOTED"))
    elif change != "same":
        renew(bench)
    with pytest.raises(Refused) as refused:
        move(bench, number, by)
    assert code in refused.value.codes
    assert isinstance(refused.value, NotPermitted) == code.startswith("ROLE")


@pytest.mark.parametrize(
    "forgetful",
    [
        LAMP.replace("    apart_from: [price_it]\n", ""),
        LAMP.replace("  price_it:\n", "  quote_it:\n").replace("{step: price_it}", "{step: quote_it}").replace("[price_it]", "[quote_it]"),
        LAMP.replace("  mend_it:\n", "  fix_it:\n").replace("    apart_from: [price_it]\n", "").replace("[mend_it]", "[fix_it]")
        .replace("'mend_it'", "'fix_it'"),
    ],
)  # fmt: skip
def test_nobody_moves_a_case_to_a_definition_that_forgets_what_they_did(bench: Bench, forgetful: str) -> None:
    number = bench.open()
    bench.step(number, "price_it", JACK, fields={"cost": "120,50", "grade": "MID"}, evidence=[file_of("one")])
    renew(bench, forgetful)
    with pytest.raises(NotPermitted) as refused:
        move(bench, number, JACK)
    assert refused.value.codes == ("SOD:own_duty",)
    with bench.store.reading() as connection:
        (seen,) = migration.plans(connection, bench.engine, "lamp-repair", JACK)
    assert [reason.code for reason in seen.obstacles] == ["SOD:own_duty"]
    move(bench, number, KEEPER)
    assert is_borne_out(bench)


def test_nobody_moves_a_case_to_a_definition_that_forgets_whom_it_names(bench: Bench) -> None:
    number = bench.open()
    fields = {"cost": "120,50", "grade": "MID", "owner_of_it": "jack"}
    bench.step(number, "price_it", PRICER, fields=fields, evidence=[file_of("one")])
    renew(bench, LAMP.replace("owner_of_it: {type: person,", "owner_of_it: {type: text,").replace("    not_in: [owner_of_it]\n", ""))
    with pytest.raises(NotPermitted) as refused:
        move(bench, number, JACK)
    assert refused.value.codes == ("SOD:own_duty",)
    move(bench, number, KEEPER)


@pytest.mark.parametrize("slot", ["BILL: {title: {it: Fattura, en: Bill}, types: [pdf]}", "INVOICE: {title: {it: x, en: x}, types: [pdf]}"])
def test_files_about_persons_are_not_opened_to_everybody_by_moving_their_case(bench: Bench, slot: str) -> None:
    bill = "BILL: {title: {it: Fattura, en: Bill}, types: [pdf]}"
    closed = LAMP.replace(bill, bill.replace("[pdf]", "[pdf], personal: [TECH]"))
    renew(bench, closed)
    number, other = bench.priced(), bench.priced()
    bench.step(number, "mend_it", MENDER, comment="Fatto", evidence=[file_of("bill", "BILL", "bill.pdf")])
    renew(bench, LAMP.replace(bill, slot).replace("[BILL?]", f"[{slot.partition(':')[0]}?]").replace("en: Lamp}", "en: A lamp}"))
    with pytest.raises(Refused) as refused:
        move(bench, number)
    assert refused.value.codes == ("MIGRATION:evidence",)
    move(bench, other)
    renew(bench, closed.replace("personal: [TECH]", "personal: [COM]"))
    move(bench, number)


def test_a_case_that_is_not_theirs_is_not_there(bench: Bench) -> None:
    number = bench.open()
    renew(bench)
    with pytest.raises(NotFound):
        move(bench, number, actor("stranger", "QM", where="elsewhere"))


def test_the_same_move_sent_twice_is_one(bench: Bench) -> None:
    number = bench.open()
    renew(bench)
    first, second = move(bench, number, HEAD, "k"), move(bench, number, HEAD, "k")
    assert first.position == second.position  # type: ignore[attr-defined]


def test_a_reason_is_sealed_with_the_move_and_an_empty_one_is_refused(bench: Bench) -> None:
    number = bench.open()
    renew(bench)
    with pytest.raises(Refused) as refused, bench.store.writing() as tx:
        migration.migrate(tx, bench.engine, number, KEEPER, key=bench.key(), reason="  ")
    assert refused.value.codes == ("REASON_REQUIRED",)
    with bench.store.writing() as tx:
        receipt = migration.migrate(tx, bench.engine, number, KEEPER, key=bench.key(), reason=" I prezzi cambiano subito.\r\n")
    with bench.store.reading() as connection:
        assert trail.entry(connection, receipt.position).said["comment"] == "I prezzi cambiano subito."
    assert is_borne_out(bench)


def test_what_somebody_saw_must_still_be_so_when_they_move_it(bench: Bench) -> None:
    number = bench.open()
    renew(bench)
    with bench.store.reading() as connection:
        seen = migration.plan(connection, bench.engine, number, KEEPER)
    for wrong in ({"version": seen.version + 1, "to": seen.new}, {"version": seen.version, "to": seen.old}):
        with pytest.raises(Stale), bench.store.writing() as tx:
            migration.migrate(tx, bench.engine, number, KEEPER, key=bench.key(), **wrong)  # type: ignore[arg-type]
    with bench.store.writing() as tx:
        migration.migrate(tx, bench.engine, number, KEEPER, key=bench.key(), version=seen.version, to=seen.new)


def test_a_page_of_plans_is_one_question_and_says_what_moving_says(bench: Bench) -> None:
    numbers = [bench.open() for _ in range(5)]
    renew(bench)
    with bench.store.reading() as connection:
        first = migration.plans(connection, bench.engine, "lamp-repair", KEEPER, limit=2)
        rest = migration.plans(connection, bench.engine, "lamp-repair", KEEPER, after=first[-1].number)
        assert [one.number for one in (*first, *rest)] == numbers
        assert first[0] == migration.plan(connection, bench.engine, numbers[0], KEEPER)
        assert migration.count(connection, bench.engine, "lamp-repair", KEEPER) == 5
        stranger = actor("stranger", "QM", where="elsewhere")
        assert migration.plans(connection, bench.engine, "lamp-repair", stranger) == []
        assert migration.count(connection, bench.engine, "lamp-repair", stranger) == 0
        (mended, *_) = migration.plans(connection, bench.engine, "lamp-repair", MENDER)
        assert [reason.code for reason in mended.obstacles] == ["ROLE:QM,TOP"]


def test_of_a_thousand_cases_half_are_moved_and_each_shows_under_which_it_runs(bench: Bench) -> None:
    numbers = [bench.open() for _ in range(COUNT)]
    old = digest(bench, numbers[0])
    renew(bench)
    for number in numbers[::2]:
        move(bench, number)
    with bench.store.reading() as connection:
        left = [
            one
            for start in range(0, COUNT, 200)
            for one in migration.behind(connection, bench.engine, "lamp-repair", numbers[start - 1] if start else "")
        ]
        assert sorted(set(left)) == numbers[1::2]
    assert {digest(bench, number) == old for number in numbers[1::2]} == {True}
    assert {digest(bench, number) == old for number in numbers[::2]} == {False}
    assert is_borne_out(bench)
