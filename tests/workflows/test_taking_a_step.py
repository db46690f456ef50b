"""A step is taken whole or refused with every reason at once; every code has its case here."""

from datetime import timedelta

import pytest

from qms.errors import Incomplete, NotFound, NotPermitted, Refused, Stale
from qms.locale import LANGUAGES, sentence
from qms.people.actor import SYSTEM
from qms.people.signature import Proof
from qms.records import trail
from qms.workflows import file
from qms.workflows.case import offers, open_case, show
from tests.workflows.samples import (
    HEAD,
    JACK,
    KEEPER,
    MENDER,
    OTHER,
    OWN,
    PRICER,
    Bench,
    actor,
    file_of,
)

GOOD = {"cost": "120,50", "grade": "MID"}


def refused(bench: Bench, number: str, step: str, by: object = PRICER, **more: object) -> tuple[str, ...]:
    with pytest.raises(Refused) as caught:
        bench.step(number, step, by, **more)  # type: ignore[arg-type]
    for reason in caught.value.reasons:
        assert all(sentence(language, reason) for language in LANGUAGES)
    return caught.value.codes


def test_a_step_moves_the_case_and_leaves_one_entry(bench: Bench) -> None:
    number = bench.open()
    receipt = bench.step(number, "price_it", PRICER, fields=GOOD, evidence=[file_of("one")], comment="  Seen  ")
    assert (receipt.case, receipt.version, receipt.state, receipt.repeated) == (number, 2, "PRICED", False)
    with bench.store.reading() as connection:
        case = show(connection, bench.engine, number, KEEPER)
        entry = trail.entry(connection, receipt.position)
    assert (case.state, case.version, case.file.n) == ("PRICED", 2, 2)
    assert case.fields == {"title": "Lamp", "cost": "120.50", "grade": "MID", "round": 0}
    said = entry.said
    assert said["fields"] == {"cost": [None, "120.50"], "grade": [None, "MID"]}
    assert (said["comment"], said["by"]["role"], said["by"]["organisation"]) == ("Seen", "COM", OWN)
    assert said["case"]["procedure"] == {"key": "PRO-1", "revision": 3, "blob": "ab" * 20}
    assert (said["case"]["from"], said["case"]["to"], said["case"]["step"], said["case"]["n"]) == ("BROKEN", "PRICED", "price_it", 2)
    assert [one["slot"] for one in said["evidence"]] == ["PHOTO"]
    assert "a.png" not in entry.sealed


def test_every_reason_is_said_at_once(bench: Bench) -> None:
    number = bench.open()
    codes = refused(
        bench,
        number,
        "mend_it",
        actor("nobody", "HR"),
        version=7,
        fields={"note": 5, "strange": "x"},
        evidence=[file_of("x", "BILL", "x.txt"), file_of("y", "NOWHERE")],
        happened_at=bench.store.clock() + timedelta(days=1),
    )
    assert set(codes) == {
        "STALE",
        "STATE:mend_it",
        "ROLE:TECH",
        "FIELD_UNKNOWN:strange",
        "FIELD_INVALID:note",
        "EVIDENCE_TYPE:BILL",
        "EVIDENCE_UNKNOWN:NOWHERE",
        "COMMENT_REQUIRED",
        "HAPPENED:future",
    }


def test_required_fields_and_evidence_are_asked_for(bench: Bench) -> None:
    number = bench.open()
    assert refused(bench, number, "price_it", fields={"cost": ""}) == (
        "FIELD_REQUIRED:cost",
        "FIELD_REQUIRED:grade",
        "EVIDENCE_MISSING:PHOTO",
        "GUARD:not_too_dear",
        "GUARD:grade_fits",
    )


def test_a_field_filled_before_need_not_be_sent_again(bench: Bench) -> None:
    number = bench.priced()
    bench.step(number, "mend_it", MENDER, comment="x")
    with pytest.raises(NotPermitted):
        bench.step(number, "give_back", HEAD)
    bench.step(number, "give_back", HEAD, proof=Proof("head", bench.store.clock()))
    bench.step(number, "reopen_it", KEEPER)
    receipt = bench.step(number, "price_it", PRICER)
    assert receipt.state == "PRICED"


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({"cost": "501", "grade": "MID"}, ("GUARD:not_too_dear",)),
        ({"cost": "100", "grade": "LOW"}, ("GUARD:grade_fits",)),
        ({"cost": "1.234", "grade": "LOW"}, ("FIELD_INVALID:cost", "GUARD:not_too_dear", "GUARD:grade_fits")),
        ({"cost": "-1", "grade": "MID"}, ("FIELD_INVALID:cost", "GUARD:not_too_dear")),
        ({"cost": "1,234", "grade": "MID"}, ("FIELD_INVALID:cost", "GUARD:not_too_dear")),
        ({"cost": False, "grade": "MID"}, ("FIELD_INVALID:cost", "GUARD:not_too_dear")),
        ({"cost": "10", "grade": "NONE"}, ("FIELD_INVALID:grade",)),
        ({"cost": "10", "grade": "MID", "owner_of_it": "ghost"}, ("FIELD_INVALID:owner_of_it",)),
        ({"cost": "10", "grade": "MID", "cig": "1234567890"}, ("FIELD_INVALID:cig",)),
        ({"cost": "10", "grade": "MID", "parts": "x"}, ("FIELD_INVALID:parts",)),
        ({"cost": "10", "grade": "MID", "parts": [{"price": "3"}]}, ("FIELD_REQUIRED:parts.0.name",)),
        (
            {"cost": "10", "grade": "MID", "parts": [{"name": "x", "price": "a", "size": 1}]},
            ("FIELD_INVALID:parts.0.size", "FIELD_INVALID:parts.0.price"),
        ),
        ({"cost": "10", "grade": "MID", "parts": [{"name": str(n)} for n in range(6)]}, ("FIELD_INVALID:parts",)),
    ],
)
def test_wrong_values_and_rules_that_do_not_hold_are_refused(bench: Bench, fields: dict[str, object], codes: tuple[str, ...]) -> None:
    number = bench.open()
    assert refused(bench, number, "price_it", fields=fields, evidence=[file_of("one")]) == codes


def test_a_number_in_force_depends_on_the_day_of_the_fact(bench: Bench) -> None:
    number = bench.open()
    bench.later(days=400)
    assert refused(
        bench,
        number,
        "price_it",
        fields={"cost": "501", "grade": "MID"},
        evidence=[file_of("x")],
        happened_at=bench.store.clock() - timedelta(days=200),
    ) == ("GUARD:not_too_dear",)
    receipt = bench.step(number, "price_it", PRICER, fields={"cost": "501", "grade": "MID"}, evidence=[file_of("x")])
    assert receipt.what["figures"] == {"top_price": "900"}


def test_a_role_is_held_where_the_case_is(bench: Bench) -> None:
    number = bench.open()
    stranger = actor("pricer", "COM", where=OTHER)
    with pytest.raises(NotFound):
        bench.step(number, "price_it", stranger)
    visitor = actor("pricer", "COM", where=OTHER)
    both = type(visitor)("pricer", "P", "it", frozenset({("COM", OTHER), ("HR", OWN)}), frozenset(), "staff", "web")
    assert "ORGANISATION" in refused(bench, number, "price_it", both, fields=GOOD, evidence=[file_of("x")])
    shared = bench.open(organisations=[OTHER])
    assert bench.step(shared, "price_it", stranger, fields=GOOD, evidence=[file_of("x")]).state == "PRICED"


def test_duties_are_apart_by_person_whatever_roles_they_hold(bench: Bench) -> None:
    number = bench.open(JACK)
    bench.step(number, "price_it", JACK, fields=GOOD, evidence=[file_of("x")])
    assert refused(bench, number, "mend_it", JACK, comment="x") == ("SOD:pricer_mends",)
    bench.step(number, "mend_it", MENDER, comment="x")
    bench.step(number, "give_back", JACK, proof=Proof("jack", bench.store.clock()))
    bench.step(number, "reopen_it", KEEPER)
    bench.step(number, "price_it", PRICER)
    assert refused(bench, number, "mend_it", JACK, comment="x") == ("SOD:pricer_mends",)


def test_duties_are_apart_from_persons_that_a_field_names(bench: Bench) -> None:
    number = bench.priced()
    other = bench.open()
    bench.step(other, "price_it", PRICER, fields={**GOOD, "owner_of_it": "mender"}, evidence=[file_of("x")])
    assert refused(bench, other, "mend_it", MENDER, comment="x") == ("SOD:pricer_mends",)
    assert bench.step(number, "mend_it", MENDER, comment="x").state == "MENDED"


def test_a_signature_is_this_person_s_and_fresh(bench: Bench) -> None:
    number = bench.mended()
    now = bench.store.clock()
    assert refused(bench, number, "give_back", HEAD) == ("SIGNATURE:required",)
    assert refused(bench, number, "give_back", HEAD, proof=Proof("keeper", now)) == ("SIGNATURE:required",)
    assert refused(bench, number, "give_back", HEAD, proof=Proof("head", now - timedelta(seconds=61))) == ("SIGNATURE:expired",)
    receipt = bench.step(number, "give_back", HEAD, proof=Proof("head", now - timedelta(seconds=59)))
    with bench.store.reading() as connection:
        said = trail.entry(connection, receipt.position).said
    assert said["signature"] == {"meaning": "I confirm the return", "method": "password"}


def test_a_fact_may_be_recorded_late_but_not_lie_ahead(bench: Bench) -> None:
    opened = bench.store.clock()
    number = bench.priced(deadline_at="2035-03-02 12:00")
    bench.later(days=3)
    now = bench.store.clock()
    assert refused(bench, number, "mend_it", MENDER, comment="x") == ("GUARD:in_time",)
    assert refused(bench, number, "mend_it", MENDER, comment="x", happened_at=opened - timedelta(seconds=1)) == ("HAPPENED:before_opening",)
    assert "HAPPENED:future" in refused(bench, number, "mend_it", MENDER, comment="x", happened_at=now + timedelta(minutes=3))
    fact = opened + timedelta(hours=1)
    receipt = bench.step(number, "mend_it", MENDER, comment="x", happened_at=fact)
    with bench.store.reading() as connection:
        entry = trail.entry(connection, receipt.position)
    assert (entry.happened_at, entry.at) == (fact, now)


def test_a_clock_that_runs_a_little_ahead_is_forgiven(bench: Bench) -> None:
    number = bench.priced()
    assert bench.step(number, "mend_it", MENDER, comment="x", happened_at=bench.store.clock() + timedelta(minutes=1)).state == "MENDED"


def test_fields_are_set_and_cleared_by_the_step(bench: Bench) -> None:
    number = bench.priced()
    bench.step(number, "mend_it", MENDER, comment="x", fields={"note": "For now"})
    with bench.store.reading() as connection:
        case = show(connection, bench.engine, number, KEEPER)
    assert case.fields["round"] == 1
    assert "note" not in case.fields


def test_a_field_can_be_emptied(bench: Bench) -> None:
    number = bench.open(fields={"title": "Lamp", "customer": "Rossi"})
    bench.step(number, "price_it", PRICER, fields={**GOOD, "customer": ""}, evidence=[file_of("x")])
    with bench.store.reading() as connection:
        assert "customer" not in show(connection, bench.engine, number, KEEPER).fields


def test_a_step_without_target_stays_where_it_is(bench: Bench) -> None:
    number = bench.priced()
    receipt = bench.step(number, "add_photo", PRICER, evidence=[file_of("two")])
    assert (receipt.state, receipt.version) == ("PRICED", 3)


def test_a_stale_page_is_refused_and_changes_nothing(bench: Bench) -> None:
    number = bench.priced()
    with pytest.raises(Stale) as caught:
        bench.step(number, "add_photo", PRICER, version=1, evidence=[file_of("two")])
    assert caught.value.codes == ("STALE",)
    with bench.store.reading() as connection:
        assert file.load(connection, number).version == 2


def test_the_same_request_sent_twice_is_one_act(bench: Bench) -> None:
    number = bench.open()
    first = bench.step(number, "price_it", PRICER, version=1, fields=GOOD, evidence=[file_of("one")], key="same")
    again = bench.step(number, "price_it", PRICER, version=1, fields=GOOD, evidence=[file_of("one")], key="same")
    assert (again.position, again.repeated, again.version) == (first.position, True, 2)
    with pytest.raises(Incomplete) as caught:
        bench.step(number, "price_it", PRICER, version=1, fields={**GOOD, "cost": "1"}, evidence=[file_of("one")], key="same")
    assert caught.value.codes == ("KEY_REUSED",)
    with bench.store.reading() as connection:
        assert len(trail.entries(connection, case=number)) == 2


def test_another_person_s_key_is_another_key(bench: Bench) -> None:
    number = bench.open()
    bench.step(number, "price_it", PRICER, fields=GOOD, evidence=[file_of("one")], key="same")
    assert bench.step(number, "mend_it", MENDER, comment="x", key="same").repeated is False


def test_opening_twice_with_one_key_opens_one_case(bench: Bench) -> None:
    first = bench.open(key="once")
    assert bench.open(key="once") == first
    with pytest.raises(Incomplete) as caught:
        bench.open(key="once", fields={"title": "Another"})
    assert caught.value.codes == ("KEY_REUSED",)


def test_an_unknown_step_or_case_is_not_found(bench: Bench) -> None:
    number = bench.open()
    with pytest.raises(NotFound):
        bench.step(number, "fly", PRICER)
    with pytest.raises(NotFound):
        bench.step("LAMP-2035-0099", "price_it", PRICER, version=1)


def test_numbers_follow_without_gaps_and_begin_anew_each_year(bench: Bench) -> None:
    assert [bench.open() for _ in range(2)] == ["LAMP-2035-0001", "LAMP-2035-0002"]
    with pytest.raises(Refused):
        bench.open(fields={})
    assert bench.open() == "LAMP-2035-0003"
    bench.later(days=305, hours=14, minutes=30)
    assert bench.store.clock().year == 2035
    assert bench.open() == "LAMP-2036-0001"


def test_opening_refuses_with_every_reason(bench: Bench) -> None:
    with pytest.raises(NotPermitted) as caught:
        bench.open(HEAD, fields={"cost": "1"}, organisations=["nowhere"], evidence=[file_of("x")])
    assert set(caught.value.codes) == {
        "ROLE:QM,WORKER",
        "PARTIES:nowhere",
        "FIELD_UNKNOWN:cost",
        "FIELD_REQUIRED:title",
        "EVIDENCE_UNKNOWN:PHOTO",
    }


def test_only_some_workflows_let_others_take_part(bench: Bench) -> None:
    with pytest.raises(Refused) as caught:
        bench.open(workflow="lamp-query", organisations=[OTHER])
    assert caught.value.codes == (f"PARTIES:{OTHER}",)


def test_no_case_is_opened_while_its_procedure_is_not_in_force(bench: Bench) -> None:
    from dataclasses import replace

    bench.engine = replace(bench.engine, procedure_in_force=lambda connection, key: None)
    with pytest.raises(Refused) as caught:
        bench.open()
    assert caught.value.codes == ("PROCEDURE:PRO-1",)


def test_the_program_takes_only_its_own_steps(bench: Bench) -> None:
    number = bench.open()
    assert "ROLE:COM" in refused(bench, number, "price_it", SYSTEM, fields=GOOD, evidence=[file_of("x")])
    assert bench.step(number, "scrap_it", SYSTEM).state == "SCRAPPED"


def test_the_offers_say_what_is_known_before_the_form_is_filled(bench: Bench) -> None:
    number = bench.open(JACK)
    bench.step(number, "price_it", JACK, fields=GOOD, evidence=[file_of("x")])
    with bench.store.reading() as connection:
        case = show(connection, bench.engine, number, KEEPER)
        mine = {offer.step.name: offer for offer in offers(connection, bench.engine, case, JACK)}
        theirs = {offer.step.name: offer for offer in offers(connection, bench.engine, case, MENDER)}
    assert set(mine) == {"mend_it", "add_photo", "scrap_it"}
    assert [reason.code for reason in mine["mend_it"].reasons] == ["SOD:pricer_mends"]
    assert (mine["mend_it"].is_mine, mine["mend_it"].open) == (True, False)
    assert (theirs["mend_it"].open, theirs["scrap_it"].is_mine) == (True, False)


def test_a_case_keeps_the_definition_it_was_opened_under(bench: Bench) -> None:
    from qms.workflows.case import put_in_force
    from tests.workflows.samples import LAMP

    number = bench.open()
    changed = LAMP.replace("cost <= figure.top_price", "cost <= 1")
    with bench.store.writing() as tx:
        put_in_force(tx, changed.encode(), "w.yaml", KEEPER)
    assert bench.step(number, "price_it", PRICER, fields=GOOD, evidence=[file_of("x")]).state == "PRICED"
    younger = bench.open()
    assert refused(bench, younger, "price_it", fields=GOOD, evidence=[file_of("x")]) == ("GUARD:not_too_dear",)


def test_codes_that_fail_their_check_are_kept_when_a_file_brought_them(bench: Bench) -> None:
    with pytest.raises(Refused):
        bench.open(fields={"title": "x", "cig": "123"})
    with bench.store.writing() as tx:
        receipt = open_case(tx, bench.engine, "lamp-repair", KEEPER, fields={"title": "x", "cig": "123"}, key="k", as_found=True)
    with bench.store.reading() as connection:
        assert show(connection, bench.engine, str(receipt.case), KEEPER).fields["cig"] == "123"
