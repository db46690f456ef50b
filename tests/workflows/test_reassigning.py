"""A person leaves: what waits for them goes to somebody else with a reason, and what they did reads as before."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from qms.database import stamp
from qms.errors import Incomplete, NotFound, NotPermitted, Refused, Stale
from qms.people.actor import SYSTEM
from qms.people.directory import person_table
from qms.records import trail
from qms.workflows import case, reassigning
from tests.workflows.samples import HEAD, JACK, KEEPER, LAMP, MENDER, PRICER, Bench, actor, file_of

WHY = "Marta lascia il consorzio a fine mese."
READING = """
id: lamp-reading
title: {it: Lettura, en: Reading}
prefix: LETT
owner: QM
governed_by: PRO-1
retention: R-QMS
subject: acknowledgment
fields:
  title: {type: text, title: {it: Testo, en: Text}, source: acknowledgment.title}
  reader: {type: person, title: {it: Chi legge, en: Reader}, source: acknowledgment.person}
  text: {type: document, title: {it: Documento, en: Document}, source: acknowledgment.document}
  revision: {type: integer, title: {it: Revisione, en: Revision}, source: acknowledgment.revision}
  mark: {type: text, title: {it: Impronta, en: Mark}, source: acknowledgment.sha256}
states:
  ASKED: {title: {it: Da leggere, en: To be read}, kind: initial}
  READ: {title: {it: Letto, en: Read}, kind: final}
opening: {title: {it: Chiedi, en: Ask}, by: [SYS], asks: [title, reader, text, revision, mark]}
steps:
  read_it: {title: {it: Letto, en: Read}, from: ASKED, to: READ, by: [COM]}
"""


def owned(bench: Bench, by: str = "pricer") -> str:
    number = bench.open()
    fields = {"cost": "120,50", "grade": "MID", "owner_of_it": by}
    bench.step(number, "price_it", PRICER, fields=fields, evidence=[file_of("one")])
    return number


def give(bench: Bench, number: str, by: Any = KEEPER, **more: Any) -> Any:
    with bench.store.writing() as tx:
        return reassigning.reassign(tx, bench.engine, number, "pricer", "mender", by, **{"reason": WHY, "key": bench.key(), **more})


def test_what_waits_goes_to_another_and_the_past_stays(bench: Bench) -> None:
    number, closed = owned(bench), owned(bench)
    bench.step(closed, "scrap_it", KEEPER)
    with bench.store.reading() as connection:
        found = reassigning.tasks(connection, bench.engine, "pricer", KEEPER)
    assert [(one.number, one.fields) for one in found] == [(number, ("owner_of_it",))]
    receipt = give(bench, number)
    with bench.store.reading() as connection:
        seen = case.show(connection, bench.engine, number, KEEPER)
        assert seen.fields["owner_of_it"] == "mender"
        assert seen.file.taken["price_it"].persons == ("pricer",)
        said = trail.entry(connection, receipt.position).said
        assert (said["fields"], said["comment"]) == ({"owner_of_it": ["pricer", "mender"]}, WHY)
        assert reassigning.tasks(connection, bench.engine, "pricer", KEEPER) == []
        assert all(check.passed for check in case.compare(connection, bench.engine))
    with pytest.raises(NotPermitted) as refused:
        bench.step(number, "mend_it", MENDER, comment="Fatto")
    assert refused.value.codes == ("SOD:pricer_mends",)


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"by": MENDER}, NotPermitted, "ROLE:QM,TOP"),
        ({"reason": "  "}, Incomplete, "COMMENT_REQUIRED"),
        ({"reason": "Riga \u202e girata"}, Incomplete, "COMMENT_INVALID"),
    ],
)
def test_who_may_not_and_what_is_not_said_is_refused(bench: Bench, change: dict[str, Any], error: type[Refused], code: str) -> None:
    number = owned(bench)
    with pytest.raises(error) as refused:
        give(bench, number, **change)
    assert code in refused.value.codes


def test_a_closed_case_and_one_that_names_somebody_else_stay_as_they_are(bench: Bench) -> None:
    other, closed = owned(bench, "head"), owned(bench)
    bench.step(closed, "scrap_it", KEEPER)
    for number in (other, closed):
        with pytest.raises(Refused) as refused:
            give(bench, number)
        assert refused.value.codes == ("NOTHING_TO_REASSIGN",)
    with pytest.raises(NotFound):
        give(bench, owned(bench), actor("stranger", "QM", where="elsewhere"))


@pytest.mark.parametrize("how", ["ended", "auditor"])
def test_nothing_is_given_to_somebody_whose_account_has_ended_or_who_only_looks(bench: Bench, how: str) -> None:
    number = owned(bench)
    with bench.store.writing() as tx:
        became = {"expires_at": stamp(tx.now)} if how == "ended" else {"kind": "auditor"}
        tx.connection.execute(update(person_table).where(person_table.c.id == "mender").values(became))
    with pytest.raises(Refused) as refused:
        give(bench, number)
    assert refused.value.codes == ("FIELD_INVALID:new",)


def test_the_same_request_sent_twice_is_one(bench: Bench) -> None:
    number = owned(bench)
    assert give(bench, number, HEAD, key="k").position == give(bench, number, HEAD, key="k").position


def test_a_page_of_tasks_is_full_though_texts_name_the_person_too(bench: Bench) -> None:
    for _ in range(3):
        bench.open(fields={"title": "pricer"})
    numbers = [owned(bench), owned(bench)]
    with bench.store.reading() as connection:
        first = reassigning.tasks(connection, bench.engine, "pricer", KEEPER, limit=1)
        rest = reassigning.tasks(connection, bench.engine, "pricer", KEEPER, after=first[0].number, limit=1)
        none = reassigning.tasks(connection, bench.engine, "pricer", actor("stranger", "QM", where="elsewhere"))
    assert [one.number for one in (*first, *rest, *none)] == numbers


def test_a_case_that_moved_on_since_it_was_seen_is_stale(bench: Bench) -> None:
    number = owned(bench)
    with bench.store.reading() as connection:
        (seen,) = reassigning.tasks(connection, bench.engine, "pricer", KEEPER)
    with pytest.raises(Stale):
        give(bench, number, version=seen.version - 1)
    give(bench, number, version=seen.version)


def test_a_reading_is_asked_of_one_person_and_given_to_nobody_else(bench: Bench) -> None:
    with bench.store.writing() as tx:
        case.put_in_force(tx, READING.encode(), "w.yaml", KEEPER)
    facts = {"title": "x", "reader": "pricer", "text": "PRO-1", "revision": "1", "mark": "ab"}
    number = bench.open(SYSTEM, "lamp-reading", fields=facts)
    with bench.store.reading() as connection:
        assert reassigning.tasks(connection, bench.engine, "pricer", KEEPER) == []
    with pytest.raises(Refused) as refused:
        give(bench, number)
    assert refused.value.codes == ("NOTHING_TO_REASSIGN",)


def test_what_was_agreed_before_a_case_is_given_to_another_is_agreed_anew(bench: Bench) -> None:
    in_turn = LAMP.replace("    by: [COM]\n", "    by: [COM, TECH, TOP]\n    quorum: {of: parts.whose, order: listed}\n").replace(
        "      maker: {", "      whose: {type: person, title: {it: Di chi, en: Whose}}\n      maker: {"
    )
    with bench.store.writing() as tx:
        case.put_in_force(tx, in_turn.encode(), "w.yaml", KEEPER)
    number = bench.open()
    parts = [{"name": "a", "whose": "pricer"}, {"name": "b", "whose": "head"}]
    fields = {"cost": "10", "grade": "MID", "parts": parts}
    assert bench.step(number, "price_it", PRICER, fields=fields, evidence=[file_of("one")]).state == "BROKEN"
    give(bench, number)
    assert bench.step(number, "price_it", MENDER).state == "BROKEN"
    assert bench.step(number, "price_it", HEAD).state == "PRICED"
    with bench.store.reading() as connection:
        assert all(check.passed for check in case.compare(connection, bench.engine))


def test_nobody_gives_away_what_keeps_them_from_a_step(bench: Bench) -> None:
    number = owned(bench, "jack")
    with pytest.raises(NotPermitted) as refused:
        bench.step(number, "mend_it", JACK, comment="Fatto")
    assert refused.value.codes == ("SOD:pricer_mends",)
    stand_in = replace(actor("keeper", "QM", "TECH"), stands_in_for=frozenset({"jack"}))
    for by in (JACK, stand_in):
        with bench.store.writing() as tx, pytest.raises(NotPermitted) as refused:
            reassigning.reassign(tx, bench.engine, number, "jack", "head", by, reason=WHY, key=bench.key())
        assert refused.value.codes == ("SOD:own_duty",)
    with bench.store.writing() as tx:
        reassigning.reassign(tx, bench.engine, number, "jack", "head", KEEPER, reason=WHY, key=bench.key())


@pytest.mark.parametrize(
    ("count", "named", "refuses"),
    [
        ("", ("pricer", "mender"), True),
        (", count: 2", ("pricer", "mender"), True),
        (", count: 2", ("pricer", "mender", "head"), False),
    ],
)
def test_two_whose_agreement_is_needed_do_not_become_one(bench: Bench, count: str, named: tuple[str, ...], refuses: bool) -> None:
    both = LAMP.replace("    by: [COM]\n", f"    by: [COM, TECH]\n    quorum: {{of: parts.whose{count}}}\n").replace(
        "      maker: {", "      whose: {type: person, title: {it: Di chi, en: Whose}}\n      maker: {"
    ).replace("asks: [title, deadline_at?", "asks: [title, parts?, deadline_at?")  # fmt: skip
    with bench.store.writing() as tx:
        case.put_in_force(tx, both.encode(), "w.yaml", KEEPER)
    number = bench.open(fields={"title": "Lamp", "parts": [{"name": one, "whose": one} for one in named]})
    if not refuses:
        give(bench, number)
        return
    with pytest.raises(Incomplete) as refused:
        give(bench, number)
    assert refused.value.codes == ("FIELD_INVALID:new",)
