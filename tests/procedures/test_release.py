"""A text comes into force only as it was approved: voiding, races, dates, numbers, withdrawal."""

import threading
from datetime import date

import pytest

from qms.errors import Refused
from qms.procedures import approval, control, drafts, merging, release
from tests.procedures.house import ANNA, BRUNO, CARLA, NINE, OTHER, PATH, PNG, House, words


def test_a_checked_and_approved_text_comes_into_force_and_supersedes_the_former(house: House) -> None:
    case = house.start().case
    house.save("prima", words(body="Testo nuovo.\n"))
    house.check(case)
    before = house.library.tree(house.wanted()["refs/heads/main"])
    made = house.publish(case)
    assert house.row().revision == 1
    assert house.statuses() == {0: "superseded", 1: "in-force"}
    assert "Testo nuovo." in house.in_force()
    after = house.library.tree(house.wanted()["refs/heads/main"])
    assert {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)} == {PATH}
    commit = house.library.commit_at(made["commit"])
    said = commit.trailers
    assert (said["Document"], said["Revision"], said["Case"], said["Approved-By"]) == ("PRO-7.5-01", "1", case, "P-0002, P-0003")
    assert int(said["Trail-Position"]) > 0
    assert len(said["Trail-Root"]) == 64
    assert house.library.tag_target(house.wanted()["refs/tags/rev/PRO-7.5-01/1"]) == made["commit"]
    assert "refs/heads/draft/PRO-7.5-01/prima" not in house.found()
    assert "refs/archive/draft/PRO-7.5-01/prima" in house.found()
    assert made["supersedes"] == {"key": "PRO-7.5-01", "revision": 0, "case": None}


def test_one_byte_changed_after_one_approval_voids_it(house: House) -> None:
    case = house.start().case
    house.save("prima", words(body="Testo nuovo.\n"))
    house.check(case)
    house.save("prima", words(body="Testo nuovo!\n"))
    with pytest.raises(Refused) as refused:
        house.publish(case)
    assert refused.value.codes == ("APPROVAL_VOID:verify",)
    assert house.row().revision == 0
    house.check(case)
    house.publish(case)
    assert "Testo nuovo!" in house.in_force()


def test_a_changed_figure_voids_an_approval(house: House) -> None:
    case = house.start().case
    house.save("prima", words(body="![](PRO-7.5-01-documenti/a.png)\n"), figures={"a.png": PNG})
    house.check(case)
    house.save("prima", words(body="![](PRO-7.5-01-documenti/a.png)\n"), figures={"a.png": PNG + b"1"})
    with pytest.raises(Refused, match="APPROVAL_VOID:verify"):
        house.publish(case)


def test_the_same_words_written_again_keep_their_approvals(house: House) -> None:
    case = house.start().case
    house.save("prima", words(body="Uno.\n"))
    house.check(case)
    house.save("prima", words(body="Due.\n"))
    house.save("prima", words(body="Uno.\n"))
    house.publish(case)
    assert "Uno." in house.in_force()


def test_approvals_before_a_return_no_longer_count(house: House) -> None:
    case = house.start().case
    house.save("prima", words(body="Uno.\n"))
    house.check(case)
    house.take(case, "back", BRUNO, release.send_back, name="return-draft")
    with house.store.reading() as connection:
        assert approval.approvals(connection, case) == {}
    house.save("prima", words(body="Due.\n"))
    house.check(case)
    house.publish(case)
    assert "Due." in house.in_force()


def test_who_approves_a_page_that_moved_on_is_told(house: House) -> None:
    case = house.start().case
    seen = house.draft("prima").blob
    house.save("prima", words(body="Altro.\n"))
    with house.store.reading() as connection, pytest.raises(Refused, match="STALE"):
        approval.binding(connection, house.library, case, seen=seen)


def test_two_drafts_of_one_document_the_first_wins_and_the_other_is_outdated(house: House) -> None:
    one, two = house.start("prima").case, house.start("seconda", by=BRUNO).case
    house.save("prima", words(body="Uno.\n"))
    house.save("seconda", words(body="Due.\n"), by=BRUNO)
    house.publish(one)
    with pytest.raises(Refused) as refused:
        house.publish(two)
    assert refused.value.codes == ("BASE_OUTDATED",)
    assert "Uno." in house.in_force()


def test_a_clean_automatic_merge_is_never_in_force_unapproved(house: House) -> None:
    base = words(body="Primo.\n\na\n\nb\n\nc\n\nd\n\ne\n\nUltimo.\n")
    house.save("base", base) if house.start("base") else None
    house.publish(house.draft("base").case_number)
    one, two = house.start("prima").case, house.start("seconda", by=BRUNO).case
    house.save("prima", base.replace("Primo.", "Primo, nuovo."))
    house.save("seconda", base.replace("Ultimo.", "Ultimo, nuovo."), by=BRUNO)
    house.check(two, by=ANNA)
    other = house.start("altra", key="PRO-7.5-02").case
    house.save("altra", words("PRO-7.5-02", body="Altro documento.\n"), key="PRO-7.5-02")
    house.publish(other)
    house.publish(one)
    with house.writing() as tx:
        merged = merging.merge_draft(tx, house.library, "PRO-7.5-01", "seconda", BRUNO, house.draft("seconda").tip)
    assert len(house.library.commit_at(merged.commit).parents) == 2
    assert house.library.changed(house.wanted()["refs/heads/main"], merged.commit).keys() == {PATH}
    with pytest.raises(Refused) as refused:
        house.publish(two)
    assert refused.value.codes == ("APPROVAL_VOID:verify",)
    assert "Ultimo, nuovo." not in house.in_force()
    house.check(two, by=ANNA)
    house.publish(two)
    assert "Primo, nuovo." in house.in_force()
    assert "Ultimo, nuovo." in house.in_force()


def test_where_both_wrote_a_person_writes_the_text(house: House) -> None:
    one, two = house.start("prima").case, house.start("seconda").case
    house.save("prima", words(body="Uno.\n"))
    house.save("seconda", words(body="Due.\n"))
    house.publish(one)
    with house.store.reading() as connection:
        compared = merging.three_way(connection, house.library, "PRO-7.5-01", "seconda")
    assert not compared.is_clean
    assert "<<<<<<<" in compared.merged
    with house.writing() as tx, pytest.raises(Refused, match="MERGE_CONFLICT"):
        merging.merge_draft(tx, house.library, "PRO-7.5-01", "seconda", ANNA, house.draft("seconda").tip)
    house.save("seconda", words(body="Uno e due.\n"), onto_current=True)
    house.publish(two)
    assert "Uno e due." in house.in_force()


def test_two_releases_racing_put_exactly_one_in_force(house: House) -> None:
    cases = [house.start(slug).case for slug in ("prima", "seconda", "terza", "quarta")]
    for slug in ("prima", "seconda", "terza", "quarta"):
        house.save(slug, words(body=f"{slug}.\n"))
    outcomes: list[str] = []

    def run(case: str) -> None:
        try:
            house.publish(case)
            outcomes.append("released")
        except Refused as refused:
            outcomes.append(",".join(refused.codes))

    threads = [threading.Thread(target=run, args=(case,)) for case in cases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["BASE_OUTDATED"] * 3 + ["released"]
    assert list(house.statuses().values()).count("in-force") == 1


def test_an_approval_for_a_later_day_leaves_what_is_in_force_until_then(house: House) -> None:
    case = house.start().case
    house.save("prima", words(body="Da domani.\n"))
    made = house.approve(case, arguments={"effective_on": date(2026, 3, 4)})
    assert house.statuses() == {0: "in-force", 1: "approved"}
    assert "Da domani." not in house.in_force()
    assert house.library.tag_target(house.wanted()["refs/tags/rev/PRO-7.5-01/1"]) == made["commit"]
    with pytest.raises(Refused, match="NOT_YET"):
        house.publish(case, binds=False)
    house.later(days=9)
    with house.store.reading() as connection:
        assert control.graft_due(connection, date(2026, 3, 11)) == [case]
    grafted = house.publish(case, binds=False)
    assert grafted["commit"] == made["commit"]
    assert "Da domani." in house.in_force()
    with house.store.reading() as connection:
        assert control.graft_due(connection, date(2026, 3, 11)) == []
    with pytest.raises(Refused, match="DRAFT_CLOSED"):
        house.publish(case, binds=False)


def test_a_revision_grafted_later_keeps_what_others_released_meanwhile(house: House) -> None:
    case = house.start().case
    house.save("prima", words(body="Da domani.\n"))
    made = house.approve(case, arguments={"effective_on": date(2026, 3, 3)})
    other = house.start("altra", key="PRO-7.5-02").case
    house.save("altra", words("PRO-7.5-02", body="Altro documento.\n"), key="PRO-7.5-02")
    house.publish(other)
    house.later(days=2)
    grafted = house.publish(case, binds=False)
    assert grafted["commit"] != made["commit"]
    assert "Da domani." in house.in_force()
    assert "Altro documento." in house.in_force(OTHER)


def test_a_revision_whose_base_changed_before_its_day_stops_and_asks(house: House) -> None:
    late, soon = house.start("tardi").case, house.start("presto").case
    house.save("tardi", words(body="Tardi.\n"))
    house.save("presto", words(body="Presto.\n"))
    house.approve(late, arguments={"effective_on": date(2026, 3, 4)})
    house.publish(soon)
    house.later(days=3)
    with pytest.raises(Refused, match="BASE_OUTDATED"):
        house.publish(late, binds=False)
    assert house.statuses() == {0: "superseded", 1: "approved", 2: "in-force"}


def test_a_returned_number_is_consumed_and_kept_as_cancelled(house: House) -> None:
    case = house.start().case
    house.save("prima", words(body="Uno.\n"))
    house.approve(case, arguments={"effective_on": date(2026, 3, 4)})
    house.take(case, "back", BRUNO, release.send_back, name="return-draft")
    assert house.draft("prima").is_open
    house.save("prima", words(body="Due.\n"))
    house.publish(case)
    assert house.statuses() == {0: "superseded", 1: "cancelled", 2: "in-force"}
    assert "refs/tags/rev/PRO-7.5-01/1" in house.found()


def test_a_cancelled_draft_stays_in_the_archive_and_can_no_longer_be_written(house: House) -> None:
    case = house.start().case
    tip = house.save("prima", words(body="Uno.\n")).commit
    house.take(case, "drop", ANNA, release.cancel, name="cancel-draft")
    assert house.found()["refs/archive/draft/PRO-7.5-01/prima"] == tip
    with pytest.raises(Refused, match="DRAFT_CLOSED"):
        house.save("prima", words(body="Due.\n"))
    with pytest.raises(Refused, match="DRAFT_EXISTS"):
        house.start("prima")


def test_a_withdrawn_document_leaves_main_but_not_the_register_and_its_code_is_not_free(house: House) -> None:
    with house.writing() as tx:
        case = drafts.start_proposal(
            tx, house.library, key="PRO-7.5-01", kind="withdrawal", by=ANNA, open_case=house.open_case, reason="Non serve più"
        ).case
    house.take(case, "sign", CARLA, release.withdraw, binds=True, name="withdraw-document")
    assert house.in_force() == ""
    assert house.row().status == "withdrawn"
    assert "refs/tags/withdrawn/PRO-7.5-01/0" in house.found()
    new = drafts.NewDocument("PRO-7.5-01", "Altro", "PRO", "it", "QM", "sistema", "altro")
    with pytest.raises(Refused) as refused:
        house.start("nuova", key="PRO-7.5-09", new=new)
    assert refused.value.codes == ("CODE_TAKEN",)


def test_a_withdrawal_names_the_case_that_had_put_the_text_in_force(house: House) -> None:
    case = house.start().case
    house.save("prima", words(body="Uno.\n"))
    house.publish(case)
    with house.writing() as tx:
        away = drafts.start_proposal(
            tx, house.library, key="PRO-7.5-01", kind="withdrawal", by=ANNA, open_case=house.open_case, reason="Non serve più"
        ).case
    made = house.take(away, "sign", CARLA, release.withdraw, name="withdraw-document")
    assert made["supersedes"] == {"key": "PRO-7.5-01", "revision": 1, "case": case}
    with house.store.reading() as connection:
        assert approval.facts(connection, house.library, case)["is_withdrawn"]


def test_a_withdrawal_by_the_texts_own_case_ends_only_that_case(house: House) -> None:
    case = house.start().case
    house.save("prima", words(body="Uno.\n"))
    house.publish(case)
    assert "supersedes" not in house.take(case, "away", BRUNO, release.withdraw, name="withdraw-document")
    assert house.row().status == "withdrawn"


def test_a_withdrawal_signed_for_one_revision_does_not_withdraw_the_next(house: House) -> None:
    with house.writing() as tx:
        away = drafts.start_proposal(
            tx, house.library, key="PRO-7.5-01", kind="withdrawal", by=ANNA, open_case=house.open_case, reason="Non serve più"
        ).case
    house.check(away)
    case = house.start().case
    house.save("prima", words(body="Uno.\n"))
    house.publish(case)
    with pytest.raises(Refused, match="BASE_OUTDATED"):
        house.take(away, "sign", CARLA, release.withdraw, binds=True, name="withdraw-document")


def test_a_review_without_change_moves_only_the_due_date(house: House) -> None:
    with house.writing() as tx:
        case = drafts.start_proposal(
            tx, house.library, key="PRO-7.5-01", kind="confirmation", by=ANNA, open_case=house.open_case, reason="Riesame"
        ).case
    house.later(days=365)
    main = house.wanted()["refs/heads/main"]
    made = house.take(case, "review", BRUNO, release.confirm, name="confirm-review", zone=True)
    assert made["next_review"] == house.row().next_review == "2029-03-02"
    assert house.wanted()["refs/heads/main"] == main
    assert house.statuses() == {0: "in-force"}


def test_a_change_of_code_is_a_revision_and_the_old_code_still_finds_the_document(house: House) -> None:
    case = house.start().case
    house.save("prima", words(code="PRO-7.5-09", body="Nuovo codice.\n"))
    house.publish(case)
    assert house.row().code == "PRO-7.5-09"
    assert house.in_force() == ""
    assert "Nuovo codice." in house.in_force("procedures/sistema/PRO-7.5-09-documenti.md")
    with house.store.reading() as connection:
        assert control.find(connection, "PRO-7.5-01").key == control.find(connection, "PRO-7.5-09").key == "PRO-7.5-01"


def test_a_new_document_starts_from_revision_zero(house: House) -> None:
    new = drafts.NewDocument("IST-8.5-01", "Aula", "IST", "it", "QM", "formazione", "aula")
    case = house.start("nuova", key="IST-8.5-01", new=new).case
    house.save("nuova", words("IST-8.5-01", type="IST", title="Aula"), key="IST-8.5-01")
    house.publish(case)
    assert house.row("IST-8.5-01").revision == 0


def test_a_text_that_changes_nothing_and_a_day_that_is_past_are_both_named(house: House) -> None:
    case = house.start().case
    with pytest.raises(Refused) as refused:
        house.publish(case, arguments={"effective_on": date(2026, 3, 1)})
    assert set(refused.value.codes) == {"DRAFT_UNCHANGED", "EFFECTIVE_PAST"}


def test_an_approval_recorded_late_is_not_refused_for_being_late(house: House) -> None:
    case = house.start().case
    house.save("prima", words(body="Uno.\n"))
    house.later(days=2)
    house.publish(case, arguments={"effective_on": date(2026, 3, 2)})
    assert house.row().in_force_since == "2026-03-04T09:00:00.000Z"


def test_a_case_knows_what_became_of_its_revision(house: House) -> None:
    one, two = house.start("prima").case, house.start("seconda")
    house.save("prima", words(body="Uno.\n"))
    house.publish(one)
    three = house.start("terza").case
    house.save("terza", words(body="Tre.\n"))
    made = house.publish(three)
    assert made["supersedes"] == {"key": "PRO-7.5-01", "revision": 1, "case": one}
    with house.store.reading() as connection:
        known = {case: approval.facts(connection, house.library, case) for case in (one, two.case, three)}
    assert [known[case]["is_superseded"] for case in (one, two.case, three)] == [True, False, False]
    assert known[three]["review_every"] == 24


def test_the_day_of_effect_is_counted_in_rome(house: House) -> None:
    house.store.clock = lambda: NINE.replace(hour=23, minute=30)
    case = house.start().case
    house.save("prima", words(body="Uno.\n"))
    house.publish(case, arguments={"effective_on": date(2026, 3, 3)})
    assert house.row().next_review == "2028-03-03"


@pytest.mark.parametrize(
    ("day", "months", "due"), [((2026, 1, 31), 1, "2026-02-28"), ((2024, 1, 31), 1, "2024-02-29"), ((2026, 12, 5), 24, "2028-12-05")]
)
def test_months_end_on_the_last_day_there_is(day: tuple[int, int, int], months: int, due: str) -> None:
    assert release.months_after(date(*day), months).isoformat() == due
