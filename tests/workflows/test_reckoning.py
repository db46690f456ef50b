"""Fields that are computed, cases read across links, steps that lead where the facts say, and steps that several must take."""

from datetime import UTC, datetime

import pytest

from qms.database import Database
from qms.errors import BadContent, Refused
from qms.people.actor import Actor
from qms.workflows.case import compare, offers, show
from qms.workflows.check import IDENTIFIERS, check_sources
from qms.workflows.reading import read_definition
from tests.workflows.samples import HEAD, JACK, KEEPER, MENDER, OWN, PRICER, Bench, actor, engine_for, furnish

ORDER = """
id: paint-order
title: {it: Ordine di vernice, en: Paint order}
prefix: VERN
owner: QM
governed_by: PRO-1
retention: R-QMS
fields:
  title: {type: text, title: {it: Ordine, en: Order}}
  litres: {type: decimal, title: {it: Litri, en: Litres}, default: "0"}
  price: {type: money, title: {it: Prezzo, en: Price}, default: "0"}
  amount: {type: money, title: {it: Importo, en: Amount}, computed: "litres * price"}
  with_tax: {type: money, title: {it: Con IVA, en: With tax}, computed: "amount * 1.22"}
  spent: {type: money, title: {it: Speso, en: Spent}, computed: "sum(one.amount for one in links.parts if one.is_closed)"}
  judges:
    type: table
    title: {it: Giudici, en: Judges}
    columns: {who: {type: person, title: {it: Chi, en: Who}}}
states:
  ASKED: {title: {it: Chiesto, en: Asked}, kind: initial}
  BIG: {title: {it: Grande, en: Big}}
  SMALL: {title: {it: Piccolo, en: Small}}
  DONE: {title: {it: Fatto, en: Done}, kind: final}
opening: {title: {it: Chiedi, en: Ask}, by: [QM, COM], asks: [title, litres, price, judges?]}
steps:
  weigh:
    title: {it: Pesa, en: Weigh}
    from: ASKED
    to: [{when: "with_tax >= 122", state: BIG}, {when: "spent > 50", state: BIG}, SMALL]
    by: [QM]
    asks: [litres]
  settle_two:
    title: {it: Chiudi in due, en: Close by two}
    from: SMALL
    to: DONE
    by: [QM, TOP, COM, TECH]
    asks: [price?]
    quorum: {count: 2}
    apart_from: [weigh]
  haggle:
    title: {it: Tratta, en: Haggle}
    from: SMALL
    by: [QM]
    asks: [price]
  settle_all:
    title: {it: Chiudi tutti, en: Close by all}
    from: BIG
    to: DONE
    by: [QM, TOP, COM, TECH]
    quorum: {of: judges.who, order: listed}
    sign: {it: Confermo, en: I confirm}
  back:
    title: {it: Torna, en: Back}
    from: [SMALL, BIG]
    to: ASKED
    by: [QM]
links:
  parts: {title: {it: Parti, en: Parts}, workflow: paint-order, reads: {amount: money}}
"""


@pytest.fixture
def bench(store: Database) -> Bench:
    store.clock = lambda: datetime(2035, 3, 1, 9, 0, tzinfo=UTC)
    engine = engine_for(store)
    furnish(store, engine, ORDER)
    return Bench(store, engine)


def order(bench: Bench, litres: str = "2", price: str = "10", by: Actor = KEEPER, **fields: object) -> str:
    return bench.open(by, "paint-order", fields={"title": "Blu", "litres": litres, "price": price, **fields})


def fields_of(bench: Bench, number: str) -> dict[str, object]:
    with bench.store.reading() as connection:
        return dict(show(connection, bench.engine, number, KEEPER).fields)


def state_of(bench: Bench, number: str) -> str:
    with bench.store.reading() as connection:
        return show(connection, bench.engine, number, KEEPER).state


def is_borne_out(bench: Bench) -> bool:
    with bench.store.reading() as connection:
        return all(check.passed for check in compare(connection, bench.engine))


def codes(bench: Bench, number: str, step: str, by: Actor) -> tuple[str, ...]:
    with pytest.raises(Refused) as caught:
        bench.step(number, step, by)
    return caught.value.codes


def test_a_computed_field_follows_what_was_filled_in_and_is_sealed_as_it_was(bench: Bench) -> None:
    number = order(bench)
    assert fields_of(bench, number) | {"amount": "20.00", "with_tax": "24.40", "spent": "0.00"} == fields_of(bench, number)
    bench.step(number, "weigh", KEEPER, fields={"litres": "3"})
    assert (fields_of(bench, number)["amount"], fields_of(bench, number)["with_tax"]) == ("30.00", "36.60")
    assert is_borne_out(bench)


def test_nobody_types_a_computed_field(bench: Bench) -> None:
    with pytest.raises(Refused) as caught:
        order(bench, amount="1")
    assert "FIELD_UNKNOWN:amount" in caught.value.codes


def test_the_fields_of_linked_cases_are_read_as_they_are_now(bench: Bench) -> None:
    from qms.workflows.case import link_case

    whole = order(bench)
    for litres in ("3", "4"):
        part = order(bench, litres)
        with bench.store.writing() as tx:
            link_case(tx, bench.engine, whole, "parts", part, KEEPER, key=part)
        if litres == "4":
            bench.step(part, "weigh", KEEPER, fields={"litres": "6"})
            bench.step(part, "settle_two", HEAD)
            bench.step(part, "settle_two", PRICER)
    assert fields_of(bench, whole)["spent"] == "60.00"
    bench.step(whole, "weigh", KEEPER)
    assert state_of(bench, whole) == "BIG"
    assert is_borne_out(bench)


@pytest.mark.parametrize(("litres", "state"), [("10", "BIG"), ("9.9", "SMALL")])
def test_a_step_leads_where_what_was_filled_in_says(bench: Bench, litres: str, state: str) -> None:
    number = order(bench, "1")
    assert bench.step(number, "weigh", KEEPER, fields={"litres": litres}).state == state
    assert state_of(bench, number) == state


def test_a_step_that_two_must_take_moves_the_case_with_the_second(bench: Bench) -> None:
    number = order(bench)
    bench.step(number, "weigh", KEEPER)
    assert codes(bench, number, "settle_two", KEEPER) == ("SOD:settle_two_apart",)
    assert bench.step(number, "settle_two", PRICER).state == "SMALL"
    assert codes(bench, number, "settle_two", PRICER) == ("QUORUM:already",)
    assert bench.step(number, "settle_two", MENDER).state == "DONE"
    with bench.store.reading() as connection:
        taken = show(connection, bench.engine, number, KEEPER).file.taken
    assert set(taken["settle_two"].persons) == {"pricer", "mender"}
    assert "settle_two~" not in taken
    assert is_borne_out(bench)


def test_agreements_are_void_when_the_case_moves_on_another_way(bench: Bench) -> None:
    number = order(bench)
    bench.step(number, "weigh", KEEPER)
    bench.step(number, "settle_two", PRICER)
    bench.step(number, "back", KEEPER)
    bench.step(number, "weigh", KEEPER)
    assert bench.step(number, "settle_two", PRICER).state == "SMALL"
    assert is_borne_out(bench)


def test_nobody_alters_what_another_agreed_to_and_another_step_voids_it(bench: Bench) -> None:
    number = order(bench)
    bench.step(number, "weigh", KEEPER)
    bench.step(number, "settle_two", PRICER, fields={"price": "11"})
    with pytest.raises(Refused) as refused:
        bench.step(number, "settle_two", MENDER, fields={"price": "12"})
    assert refused.value.codes == ("QUORUM:altered",)
    bench.step(number, "haggle", KEEPER, fields={"price": "12"})
    assert bench.step(number, "settle_two", MENDER).state == "SMALL"
    assert bench.step(number, "settle_two", PRICER).state == "DONE"
    assert is_borne_out(bench)


def test_all_whom_a_field_names_take_a_step_each_in_their_turn(bench: Bench) -> None:
    from qms.people.signature import Proof

    number = order(bench, "20", judges=[{"who": "head"}, {"who": "pricer"}])
    bench.step(number, "weigh", KEEPER)
    proofs = {one.person: Proof(one.person, bench.store.clock()) for one in (HEAD, PRICER, MENDER)}
    for by, expected in ((PRICER, "QUORUM:turn"), (MENDER, "QUORUM:not_named")):
        with pytest.raises(Refused) as caught:
            bench.step(number, "settle_all", by, proof=proofs[by.person])
        assert caught.value.codes == (expected,)
    assert bench.step(number, "settle_all", HEAD, proof=proofs["head"]).state == "BIG"
    with bench.store.reading() as connection:
        case = show(connection, bench.engine, number, PRICER)
        offer = next(one for one in offers(connection, bench.engine, case, HEAD) if one.step.name == "settle_all")
    assert [reason.code for reason in offer.reasons] == ["QUORUM:already"]
    assert bench.step(number, "settle_all", PRICER, proof=proofs["pricer"]).state == "DONE"
    assert is_borne_out(bench)


def test_who_agreed_counts_for_the_separation_of_duties_before_the_step_is_complete(bench: Bench) -> None:
    source = ORDER.replace("    by: [QM]\nlinks", "    by: [QM]\n    apart_from: [settle_two]\nlinks")
    assert source != ORDER
    with bench.store.writing() as tx:
        from qms.workflows.case import put_in_force

        put_in_force(tx, source.encode(), "w.yaml", KEEPER)
    number = order(bench)
    bench.step(number, "weigh", KEEPER)
    bench.step(number, "settle_two", JACK)
    assert codes(bench, number, "back", JACK) == ("SOD:back_apart",)
    assert bench.step(number, "back", actor("other", "QM", where=OWN)).state == "ASKED"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('computed: "litres * price"', 'computed: "with_tax * 2"', "workflow.computed_circle"),
        ('computed: "litres * price"', 'computed: "title"', "expression.result"),
        ('computed: "amount * 1.22"', "computed: \"amount * 1.22 if actor == 'x' else 1\"", "workflow.computed_of_act"),
        ("asks: [litres]", "asks: [litres, amount]", "workflow.computed_touched"),
        ("    asks: [litres]\n", "    clears: [amount]\n", "workflow.computed_touched"),
        ("    asks: [litres]\n", '    sets: {amount: "1"}\n', "workflow.cannot_be_set"),
        ("reads: {amount: money}", "reads: {state: text}", "workflow.reserved"),
        ("reads: {amount: money}", "reads: {amount: table}", "workflow.value"),
        ("{count: 2}", "{count: 1}", "workflow.quorum"),
        ("{count: 2}", "{order: listed}", "workflow.quorum"),
        ("{of: judges.who, order: listed}", "{of: title}", "expression.result"),
        ("state: BIG}, SMALL]", "state: BIG}]", "workflow.last_target"),
        ("state: BIG}, SMALL]", "state: HUGE}, SMALL]", "workflow.unknown_state"),
        ('"with_tax >= 122"', '"with_tax"', "expression.result"),
    ],
)
def test_what_cannot_be_meant_is_named(old: str, new: str, code: str) -> None:
    assert old in ORDER
    with pytest.raises(BadContent) as caught:
        read_definition(ORDER.replace(old, new).encode(), "w.yaml", IDENTIFIERS)
    assert code in {problem.code for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("reads: {amount: money}", "reads: {amount: decimal}", {"workflow.read_there"}),
        ("reads: {amount: money}", "reads: {amount: money, gone: money}", {"workflow.read_there"}),
        ("state: BIG}, SMALL]", "state: SMALL}, SMALL]", set()),
        ('[{when: "with_tax >= 122", state: BIG}, {when: "spent > 50", state: BIG}, SMALL]', "SMALL", {"workflow.unreachable"}),
        ("from: BIG\n    to: DONE", 'from: BIG\n    to: [{when: "amount > 1", state: DONE}, ASKED]', set()),
    ],
)
def test_the_check_walks_every_branch_and_reads_the_other_workflow(old: str, new: str, expected: set[str]) -> None:
    assert old in ORDER
    found = check_sources({"w.yaml": ORDER.replace(old, new).encode()}, "small")
    assert {problem.code for problem in found} == expected
