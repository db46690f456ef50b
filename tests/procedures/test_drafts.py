"""Drafts in the web editor: who is an author, stale pages, hostile names, the same act twice."""

from dataclasses import replace

import pytest

from qms.errors import BadContent, Incomplete, NotFound, NotPermitted, Refused, Stale
from qms.procedures import approval, control, drafts, release
from qms.procedures.drafts import NewDocument
from tests.procedures.house import ANNA, BRUNO, CARLA, DINO, PATH, PNG, House, person, words


def facts(house: House, case: str) -> dict[str, object]:
    with house.store.reading() as connection:
        return approval.facts(connection, house.library, case, checked_types=("MAN",))


def same_text(house: House, case: str) -> bool:
    with house.store.reading() as connection:
        return bool(approval.facts(connection, house.library, case)["same_text_as"]("verify"))


def test_everyone_who_wrote_or_submitted_is_an_author(house: House) -> None:
    case = house.start(by=ANNA).case
    house.save("prima", words(body="Uno.\n"), by=BRUNO)
    house.take(case, "hand_in", DINO, release.submit, name="submit-draft")
    assert facts(house, case)["authors"] == ("P-0001", "P-0002", "P-0004")


def test_whoever_writes_no_documents_here_saves_none_through_any_door(house: House) -> None:
    house.start()
    for stranger in (DINO, replace(ANNA, held=frozenset({("PROC_OWNER", "canile")})), replace(ANNA, kind="auditor")):
        with pytest.raises(NotPermitted, match="ROLE:"):
            house.save("prima", words(body="Uno.\n"), by=stranger)
        with pytest.raises(NotPermitted, match="ROLE:"):
            house.start("altra", by=stranger)
        with house.store.reading() as connection, pytest.raises(NotFound):
            control.draft_seen(connection, "PRO-7.5-01", "prima", replace(stranger, held=stranger.held - ANNA.held))


def test_a_draft_of_a_document_that_is_not_distributed_to_a_writer_is_not_theirs_to_write_or_read(house: House) -> None:
    case = house.start().case
    house.save("prima", words(body="Uno.\n", distribution="[TOP]"))
    house.check(case)
    house.publish(case)
    house.start("seconda", by=BRUNO)
    with pytest.raises(NotFound):
        house.save("seconda", words(body="Due.\n"), by=ANNA)
    with house.store.reading() as connection, pytest.raises(NotFound):
        control.draft_seen(connection, "PRO-7.5-01", "seconda", ANNA)


def test_a_page_opened_on_an_older_text_is_refused(house: House) -> None:
    tip = house.start().commit
    house.save("prima", words(body="Uno.\n"), tip=tip)
    with pytest.raises(Stale):
        house.save("prima", words(body="Due.\n"), tip=tip)


def test_a_draft_sent_twice_is_saved_once(house: House) -> None:
    tip = house.start().commit
    first = house.save("prima", words(body="Uno.\n"), tip=tip, idempotency="P-0001:a")
    again = house.save("prima", words(body="Uno.\n"), tip=tip, idempotency="P-0001:a")
    assert again.commit == first.commit
    assert again.receipt is not None
    assert again.receipt.repeated
    with pytest.raises(Refused, match="KEY_REUSED"):
        house.save("prima", words(body="Due.\n"), tip=tip, idempotency="P-0001:a")
    assert house.events().count("draft-saved") == 2


def test_a_text_that_is_not_well_formed_is_refused_with_every_problem(house: House) -> None:
    house.start()
    with pytest.raises(BadContent) as bad:
        house.save("prima", words(type="XXX", review_every="0"))
    assert [problem.code for problem in bad.value.problems] == ["document.not_one_of", "document.months"]


def test_a_document_keeps_its_key(house: House) -> None:
    house.start()
    with pytest.raises(Incomplete, match="KEY_CHANGED"):
        house.save("prima", words(key="PRO-7.5-07", code="PRO-7.5-01"))


@pytest.mark.parametrize("slug", ["--output=/x", "../x", ".git/hooks/x", "a/b", "", "x.lock", "A", "a" * 500, "x\n", "à"])
def test_hostile_draft_names_bounce(house: House, slug: str) -> None:
    with pytest.raises(Incomplete, match="SLUG_INVALID"):
        house.start(slug)


@pytest.mark.parametrize("key", ["--output=/x", "../x", ".git/hooks/x", "pro-1", "PRO..1", "PRO-1.lock", "PRO 1", "PRO-1\n"])
def test_hostile_keys_bounce(house: House, key: str) -> None:
    with pytest.raises((Incomplete, NotFound)):
        house.start("prima", key=key)


@pytest.mark.parametrize("name", ["../x.png", ".git/hooks/x.png", "-x.png", "x.svg", "x.png\n", "a/b.png", "x.html"])
def test_hostile_figure_names_bounce(house: House, name: str) -> None:
    house.start()
    with pytest.raises(BadContent):
        house.save("prima", words(), figures={name: PNG})


def test_a_page_with_a_picture_name_is_not_a_picture(house: House) -> None:
    house.start()
    with pytest.raises(BadContent, match=r"figure\.kind"):
        house.save("prima", words(), figures={"x.png": b"GIF89a<script>"})


@pytest.mark.parametrize("area", ["..", "a/b", "", "--x", ".git"])
def test_hostile_areas_bounce(house: House, area: str) -> None:
    with pytest.raises(Incomplete, match="PATH_INVALID"):
        house.start("nuova", key="IST-8.5-01", new=NewDocument("IST-8.5-01", "t", "IST", "it", "QM", area, "aula"))


def test_a_key_in_use_is_not_given_to_a_new_document(house: House) -> None:
    with pytest.raises(Incomplete) as refused:
        house.start("nuova", new=NewDocument("PRO-7.5-01", "t", "PRO", "it", "QM", "sistema", "altro"))
    assert refused.value.codes == ("KEY_TAKEN",)


def test_what_guards_may_ask_of_a_draft(house: House) -> None:
    case = house.start(reason="").case
    known = facts(house, case)
    assert {name: known[name] for name in ("is_valid", "needs_check", "base_is_current", "has_reason", "code_is_free", "is_changed")} == {
        "is_valid": True, "needs_check": True, "base_is_current": True, "has_reason": False, "code_is_free": True, "is_changed": False,
    }  # fmt: skip
    assert not same_text(house, case)
    house.check(case)
    assert same_text(house, case)
    house.save("prima", words(approval="single", type="MAN", code="MAN-7.5-01"), reason="Perché sì")
    after = facts(house, case)
    assert (after["needs_check"], after["has_reason"], after["type"]) == (True, True, "MAN")


def test_who_may_not_read_superseded_texts_sees_that_they_existed(house: House) -> None:
    case = house.start().case
    house.save("prima", words(body="Uno.\n"))
    house.publish(case)
    with house.store.reading() as connection:
        assert [line.may_read for line in control.history(connection, house.library, "PRO-7.5-01", DINO)] == [True, False]
        assert [line.may_read for line in control.history(connection, house.library, "PRO-7.5-01", BRUNO)] == [True, True]
        assert "Uno." in control.text(connection, house.library, "PRO-7.5-01", DINO).text
        assert "si distribuisce" in control.text(connection, house.library, "PRO-7.5-01", BRUNO, 0).text
        with pytest.raises(NotFound):
            control.text(connection, house.library, "PRO-7.5-01", DINO, 0)


def test_a_document_is_read_by_those_it_is_distributed_to(house: House) -> None:
    case = house.start().case
    house.save("prima", words(distribution="[HR]"))
    house.publish(case)
    with house.store.reading() as connection:
        assert control.text(connection, house.library, "PRO-7.5-01", person(9, "HR")).is_in_force
        with pytest.raises(NotFound):
            control.text(connection, house.library, "PRO-7.5-01", DINO)
        with pytest.raises(NotFound):
            control.history(connection, house.library, "PRO-7.5-01", DINO)


def test_the_register_is_searched_and_paged(house: House) -> None:
    with house.store.reading() as connection:
        assert [row.key for row in control.register(connection)] == ["PRO-7.5-01", "PRO-7.5-02"]
        assert [row.key for row in control.register(connection, text="REGISTRAZIONI")] == ["PRO-7.5-02"]
        assert [row.key for row in control.register(connection, after="PRO-7.5-01", limit=1)] == ["PRO-7.5-02"]
        assert control.register(connection, owner="HR") == []
        assert len(control.register(connection, clause="7.5")) == 2
        assert control.register(connection, text="100%") == []


def test_without_the_writers_lock_nothing_is_written(house: House) -> None:
    with house.store.writing() as tx, pytest.raises(RuntimeError):
        drafts.save_draft(tx, house.library, "PRO-7.5-01", "prima", words(), {}, CARLA, "0" * 40)


def test_line_ends_of_a_browser_become_plain(house: House) -> None:
    house.start()
    house.save("prima", words(body="Uno.\n").replace("\n", "\r\n"))
    assert b"\r" not in house.library.read(house.draft("prima").blob)
    assert house.draft("prima").path == PATH
