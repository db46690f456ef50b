"""What belongs to a case beside its fields: evidence, personal values, links, codes; and who sees it at all."""

from datetime import UTC, datetime

import pytest

from qms.errors import Incomplete, NotFound, Refused
from qms.people.signature import Proof
from qms.records import personal, trail
from qms.workflows import file
from qms.workflows.case import EffectContext, Filters, cases, compare, link_case, places_to_act, put_in_force, show, take_step
from tests.workflows.samples import HEAD, KEEPER, MENDER, OTHER, OWN, PRICER, Bench, actor, engine_for, file_of

GOOD = {"cost": "120,50", "grade": "MID"}


def test_a_slot_for_one_file_holds_the_last_and_keeps_the_former(bench: Bench) -> None:
    number = bench.priced()
    bench.step(number, "mend_it", MENDER, comment="x", evidence=[file_of("old", "BILL", "old.pdf")])
    bench.step(number, "give_back", HEAD, proof=Proof("head", bench.store.clock()))
    bench.step(number, "reopen_it", KEEPER)
    bench.step(number, "price_it", PRICER)
    bench.step(number, "mend_it", MENDER, comment="x", evidence=[file_of("new", "BILL", "new.pdf")])
    with bench.store.reading() as connection:
        bills = [one for one in show(connection, bench.engine, number, KEEPER).evidence if one.slot == "BILL"]
        assert [(one.name, one.is_current) for one in bills] == [("old.pdf", False), ("new.pdf", True)]
        assert all(check.passed for check in compare(connection, bench.engine))


def test_two_files_do_not_fit_where_one_belongs(bench: Bench) -> None:
    number = bench.priced()
    with pytest.raises(Refused) as caught:
        bench.step(number, "mend_it", MENDER, comment="x", evidence=[file_of(name, "BILL", "b.pdf") for name in "ab"])
    assert caught.value.codes == ("EVIDENCE_ONE:BILL",)


def test_evidence_must_be_what_it_was_when_the_earlier_step_was_taken(bench: Bench) -> None:
    number = bench.mended()
    bench.step(number, "add_photo", PRICER, evidence=[file_of("one")])
    proof = Proof("head", bench.store.clock())
    with bench.store.writing() as tx:
        assert take_step(tx, bench.engine, number, "give_back", HEAD, version=4, proof=proof, key="a").state == "RETURNED"
    other = bench.mended()
    bench.step(other, "add_photo", PRICER, evidence=[file_of("two")])
    with pytest.raises(Refused) as caught:
        bench.step(other, "give_back", HEAD, proof=proof)
    assert caught.value.codes == ("GUARD:photos_same",)


def test_personal_values_are_shown_but_never_sealed_and_can_be_erased(bench: Bench) -> None:
    number = bench.open(fields={"title": "Lamp", "customer": "Maria Rossi"})
    parts = [{"name": "bulb", "maker": "Gino Bianchi"}]
    bench.step(number, "price_it", PRICER, fields={**GOOD, "customer": "Maria Rossi", "parts": parts}, evidence=[file_of("x")])
    with bench.store.reading() as connection:
        case = show(connection, bench.engine, number, KEEPER)
        sealed = " ".join(entry.sealed for entry in trail.entries(connection, case=number))
        entry = trail.entries(connection, case=number, limit=1)[0]
    assert case.fields["customer"] == "Maria Rossi"
    assert case.fields["parts"] == parts
    assert "Rossi" not in sealed and "Bianchi" not in sealed
    assert "customer" not in entry.said["fields"]
    with bench.store.writing() as tx:
        mark = file.load(tx.connection, number).fields["customer"]
        personal.erase(tx, [mark], KEEPER, "QM", OWN, "Asked by the person")
    with bench.store.reading() as connection:
        assert show(connection, bench.engine, number, KEEPER).fields["customer"] is None
        assert all(check.passed for check in compare(connection, bench.engine))


def test_an_effect_opens_a_case_of_its_own_and_ties_it_to_this_one(bench: Bench) -> None:
    number = bench.open()
    receipt = bench.step(number, "scrap_it", KEEPER)
    assert receipt.what["effects"]["open-case"]["number"] == "DOM-2035-0001"
    with bench.store.reading() as connection:
        parent = show(connection, bench.engine, number, KEEPER)
        child = show(connection, bench.engine, "DOM-2035-0001", KEEPER)
        assert all(check.passed for check in compare(connection, bench.engine))
    assert [(link.name, link.number, link.title) for link in parent.links] == [("queries", "DOM-2035-0001", "Perché buttata: Lamp")]
    assert [link.number for link in child.parents] == [number]
    assert child.file.opened_by == "keeper"


def test_a_case_is_not_closed_while_what_it_contains_is_open(bench: Bench) -> None:
    number = bench.mended()
    child = bench.open(workflow="lamp-query", links_to=[(number, "queries")])
    proof = Proof("head", bench.store.clock())
    with pytest.raises(Refused) as caught:
        bench.step(number, "give_back", HEAD, proof=proof)
    assert caught.value.codes == ("GUARD:queries_closed",)
    bench.step(child, "answer_it", KEEPER)
    assert bench.step(number, "give_back", HEAD, proof=proof).state == "RETURNED"
    with bench.store.reading() as connection:
        assert all(check.passed for check in compare(connection, bench.engine))


def test_cases_are_linked_once_and_only_to_their_kind(bench: Bench) -> None:
    number, other = bench.open(), bench.open(workflow="lamp-query")

    def link(child: str, name: str = "queries", key: str = "k") -> None:
        with bench.store.writing() as tx:
            link_case(tx, bench.engine, number, name, child, KEEPER, key=key)

    link(other)
    link(other)
    for child, name in ((other, "queries"), (number, "queries"), (other, "strangers")):
        with pytest.raises(Incomplete) as caught:
            link(child, name, f"{child}{name}")
        assert caught.value.codes == (f"LINK:{name}",)
    with bench.store.reading() as connection:
        assert len(trail.entries(connection, case=number)) == 2
        assert file.load(connection, number).version == 1
        assert all(check.passed for check in compare(connection, bench.engine))


def test_a_case_is_found_by_its_codes(bench: Bench) -> None:
    number = bench.open(fields={"title": "x"})
    parts = [{"name": "x", "cup": "J33D20002160007"}]
    bench.step(number, "price_it", PRICER, fields={**GOOD, "parts": parts}, evidence=[file_of("x")])
    with bench.store.reading() as connection:
        found = cases(connection, bench.engine, KEEPER, filters=Filters(identifier=("CUP", "J33D20002160007")))
        assert [row.number for row in found] == [number]
        assert all(check.passed for check in compare(connection, bench.engine))
    bench.step(number, "mend_it", MENDER, comment="x")


def test_who_may_not_see_a_case_does_not_learn_that_it_exists(bench: Bench) -> None:
    number = bench.open(workflow="lamp-query")
    for stranger in (PRICER, actor("x", "QM", where=OTHER), actor("x", "QM", kind="outside"), actor("x", "ADMIN", kind="admin")):
        with bench.store.reading() as connection, pytest.raises(NotFound):
            show(connection, bench.engine, number, stranger)
        with pytest.raises(NotFound):
            bench.step(number, "answer_it", stranger, version=1)
        with bench.store.reading() as connection:
            assert cases(connection, bench.engine, stranger) == []
    with bench.store.reading() as connection:
        assert [row.number for row in cases(connection, bench.engine, KEEPER)] == [number]


def test_a_linked_case_that_is_not_for_the_reader_shows_only_its_number(bench: Bench) -> None:
    number = bench.open()
    bench.step(number, "scrap_it", KEEPER)
    with bench.store.reading() as connection:
        (link,) = show(connection, bench.engine, number, PRICER).links
    assert (link.number, link.title, link.state) == ("DOM-2035-0001", None, None)


def test_lists_go_page_by_page_and_follow_their_filters(bench: Bench) -> None:
    numbers = []
    for index in range(5):
        numbers.append(bench.open(fields={"title": f"Lamp {index}"}, organisations=[OTHER] if index % 2 else []))
        bench.later(minutes=1)
    bench.step(numbers[0], "scrap_it", KEEPER)
    engine = bench.engine
    with bench.store.reading() as connection:
        first = cases(connection, engine, KEEPER, limit=4)
        rest = cases(connection, engine, KEEPER, limit=4, before=first[-1].cursor)
        seen = [row.number for row in (*first, *rest)]
        assert sorted(seen) == sorted([*numbers, "DOM-2035-0001"])
        assert len(seen) == len(set(seen))

        def found(**filters: object) -> list[str]:
            return sorted(row.number for row in cases(connection, engine, KEEPER, filters=Filters(**filters)))  # type: ignore[arg-type]

        assert found(closed=True) == [numbers[0]]
        assert found(states=["BROKEN"]) == numbers[1:]
        assert found(organisation=OTHER) == [numbers[1], numbers[3]]
        assert found(title="LAMP 3") == [numbers[3]]
        assert found(title="%") == []
        assert found(workflow="lamp-query") == ["DOM-2035-0001"]
        assert found(parent=numbers[0]) == ["DOM-2035-0001"]
        assert found(opened_by="head") == []
        assert found(due_before=datetime(2035, 3, 10, tzinfo=UTC)) == numbers[1:]
        pricing = places_to_act(connection, engine, PRICER)
        assert {state for _, state in pricing} == {"BROKEN", "PRICED", "MENDED"}
        mine = cases(connection, engine, PRICER, filters=Filters(places=pricing))
        assert sorted(row.number for row in mine) == numbers[1:]


def test_an_effect_does_its_work_in_the_same_transaction_and_what_it_says_is_sealed(bench: Bench) -> None:
    seen: list[EffectContext] = []

    def ring_bell(context: EffectContext) -> dict[str, object]:
        seen.append(context)
        if context.fields["title"] == "Broken bell":
            raise Refused(())
        return {"rang": True, "document": {"key": "PRO-9", "commit": "c" * 40}}

    bench.engine = engine_for(bench.store, ring_bell=ring_bell)
    bell = BELL
    with bench.store.writing() as tx:
        put_in_force(tx, bell.encode(), "w.yaml", KEEPER)
    number = bench.open(workflow="bell-flow", fields={"title": "Good bell"})
    receipt = bench.step(number, "ring_it", KEEPER)
    assert (seen[0].case.number, seen[0].case.state, seen[0].by.person) == (number, "RUNG", "keeper")
    with bench.store.reading() as connection:
        said = trail.entry(connection, receipt.position).said
    assert said["what"]["effects"] == {"ring-bell": {"rang": True, "document": {"key": "PRO-9", "commit": "c" * 40}}}
    assert said["document"]["key"] == "PRO-9"
    other = bench.open(workflow="bell-flow", fields={"title": "Broken bell"})
    with pytest.raises(Refused):
        bench.step(other, "ring_it", KEEPER)
    with bench.store.reading() as connection:
        assert file.load(connection, other).version == 1


def test_a_binding_step_seals_the_text_that_the_page_showed(bench: Bench) -> None:
    asked: list[str | None] = []

    def binding(connection: object, number: str, seen: str | None) -> dict[str, object]:
        asked.append(seen)
        return {"key": "PRO-9", "blob": "b" * 40, "sha256": "c" * 64}

    def facts(connection: object, number: str) -> dict[str, object]:
        return {"authors": ("keeper",), "is_valid": True, "same_text_as": lambda step: step == "ring_it"}

    bench.engine = engine_for(bench.store, {"draft": facts}, binding)
    with bench.store.writing() as tx:
        put_in_force(tx, TEXT.encode(), "w.yaml", KEEPER)
    number = bench.open(workflow="text-flow", fields={"title": "A text"})
    with pytest.raises(Refused) as caught:
        bench.step(number, "bless_it", KEEPER, text_seen="b" * 40)
    assert caught.value.codes == ("SOD:bless_it_apart",)
    with pytest.raises(Refused) as caught:
        bench.step(number, "bless_it", HEAD_AND_KEEPER)
    assert caught.value.codes == ("TEXT_UNSEEN",)
    assert asked == []
    receipt = bench.step(number, "bless_it", HEAD_AND_KEEPER, text_seen="b" * 40)
    assert asked == ["b" * 40]
    with bench.store.reading() as connection:
        assert trail.entry(connection, receipt.position).said["document"]["sha256"] == "c" * 64


HEAD_AND_KEEPER = actor("head", "QM", where=OWN)
BELL = """
id: bell-flow
title: {it: x, en: x}
prefix: BELL
owner: QM
governed_by: PRO-1
retention: R-QMS
fields:
  title: {type: text, title: {it: x, en: x}}
states:
  STILL: {title: {it: x, en: x}, kind: initial}
  RUNG: {title: {it: x, en: x}, kind: final}
opening: {title: {it: x, en: x}, by: [QM], asks: [title]}
steps:
  ring_it: {title: {it: x, en: x}, from: STILL, to: RUNG, by: [QM], effects: [ring-bell, {later: ring-twice}]}
"""
TEXT = """
id: text-flow
title: {it: x, en: x}
prefix: TEXT
owner: QM
governed_by: PRO-1
retention: R-QMS
subject: document
fields:
  title: {type: text, title: {it: x, en: x}}
states:
  RAW: {title: {it: x, en: x}, kind: initial}
  BLESSED: {title: {it: x, en: x}, kind: final}
opening: {title: {it: x, en: x}, by: [QM], asks: [title]}
steps:
  bless_it:
    title: {it: x, en: x}
    from: RAW
    to: BLESSED
    by: [QM]
    binds: true
    not_in: [draft.authors]
    guards: [{code: valid, that: "draft.is_valid and draft.needs_check is None", message: {it: x, en: x}}]
"""
