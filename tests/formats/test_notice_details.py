"""The facts inside a notice: lots, winners, deadlines with their zone, contract changes, raw readings, and the form a machine gets."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from qms.formats.notice import Notice, facts, read, to_json

SAMPLES = Path(__file__).parent / "samples"


def only(file: str) -> Notice:
    (notice,) = read((SAMPLES / file).read_bytes(), file).records
    return notice


def altered(file: str, *pairs: tuple[str, str]) -> Notice:
    """A sample with some of its text replaced, each replacement asserted to happen."""
    text = (SAMPLES / file).read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    (notice,) = read(text.encode(), file).records
    return notice


def codes(notice: Notice) -> list[str]:
    return [doubt.code for doubt in notice.doubts]


def test_an_award_carries_the_cigs_by_which_its_call_is_found() -> None:
    call, award = only("ted-xml-legacy/565500-2020.xml"), only("ted-xml-legacy/023675-2021.xml")
    assert set(award.outcome.cigs) == set(call.outcome.cigs)
    assert award.outcome.notice_refs == (call.notice_ref,)
    assert not award.outcome.may_open


def test_both_deadlines_of_a_call_are_kept_with_the_place_they_were_read() -> None:
    notice = only("ted-xml-legacy/565500-2020.xml")
    assert [(deadline.local, deadline.zone, deadline.place) for deadline in notice.deadlines] == [
        ("2020-12-21T10:00", "Europe/Rome", "CODIF_DATA/DT_DATE_FOR_SUBMISSION"),
        ("2020-12-14T10:00", "Europe/Rome", "PROCEDURE/DATE_RECEIPT_TENDERS"),
    ]
    doubt = next(doubt for doubt in notice.doubts if doubt.code == "deadlines_differ")
    assert doubt.found == (
        "21/12/2020 10:00 (CODIF_DATA/DT_DATE_FOR_SUBMISSION)",
        "14/12/2020 10:00 (PROCEDURE/DATE_RECEIPT_TENDERS)",
    )


def test_an_offset_that_cannot_be_right_keeps_its_instant_and_shows_both_readings() -> None:
    notice = only("eforms/cn_24_open_accel.xml")
    (deadline,) = notice.deadlines
    assert (to_json(deadline.at), deadline.zone, deadline.raw) == ("2020-05-18T17:00:00.000Z", "+01:00", "2020-05-18+01:00 18:00:00+01:00")
    doubt = next(doubt for doubt in notice.doubts if doubt.code == "offset_not_local")
    assert (doubt.values["written"], doubt.values["local"]) == ("18/05/2020 18:00", "18/05/2020 19:00")


def test_the_right_offset_leaves_no_doubt() -> None:
    notice = altered(
        "eforms/cn_24_open_accel.xml",
        ("<cbc:EndDate>2020-05-18+01:00", "<cbc:EndDate>2020-05-18+02:00"),
        ("18:00:00+01:00", "18:00:00+02:00"),
    )
    assert facts(notice)["submission_deadline_at"] == "2020-05-18T16:00:00.000Z"
    assert "offset_not_local" not in codes(notice)


@pytest.mark.parametrize(
    ("day", "clock", "doubt"),
    [
        ("2021-03-28", "02:30", "moment_gap"),
        ("2021-10-31", "02:30", "moment_twice"),
        ("2021-04-31", "10:00", "date_impossible"),
        ("28 aprile", "10:00", "moment_not_understood"),
        ("2021-01-10", "10:00", "deadline_before_publication"),
    ],
)
def test_a_deadline_on_a_strange_hour_is_flagged(day: str, clock: str, doubt: str) -> None:
    coded = ("20210428 23:59", f"{day.replace('-', '')} {clock}")
    notice = altered("ted-xml-legacy/155912-2021.xml", coded, (">2021-04-28<", f">{day}<"), (">23:59<", f">{clock}<"))
    assert doubt in codes(notice)
    assert ("submission_deadline_at" in facts(notice)) == (doubt == "moment_twice")


def test_a_deadline_without_its_time_is_not_given_one() -> None:
    notice = altered(
        "ted-xml-legacy/155912-2021.xml", ("20210428 23:59", "20210428"), ("<TIME_RECEIPT_TENDERS>23:59</TIME_RECEIPT_TENDERS>", "")
    )
    assert "deadline_without_time" in codes(notice)
    assert [deadline.at for deadline in notice.deadlines] == [None, None]
    assert "submission_deadline_at" not in facts(notice)


def test_the_lots_of_a_call_carry_their_own_codes_and_amounts() -> None:
    lots = facts(only("ted-xml-legacy/565500-2020.xml"))["lots"]
    assert isinstance(lots, list)
    assert [(lot["number"], lot["cig"], lot["base_amount"]) for lot in lots] == [
        ("1", "84866350C1", "3054023.00"),
        ("2", "848663940D", "3085170.00"),
        ("3", "84866415B3", "1070404.00"),
    ]


def test_winners_are_read_with_their_tax_codes() -> None:
    lots = only("ted-xml-legacy/023675-2021.xml").lots
    named = [[(winner.name, winner.tax_code.kept if winner.tax_code else None) for winner in lot.winners] for lot in lots]
    assert named[0] == [("Libera compagnia di arti e mestieri sociali", "11222820158")]
    assert named[1][2] == ("Consorzio cs&l", "02239200963")
    assert [lot.awarded.value for lot in lots if lot.awarded] == [Decimal("3054023.00"), Decimal("3085170.00"), Decimal("1070404.00")]
    (lot,) = only("eforms/can_25_ITA.xml").lots
    assert ([winner.name for winner in lot.winners], lot.result) == (["Trenitalia SpA"], "selec-w")


def test_a_contract_change_shows_what_it_was_worth_before_and_after() -> None:
    notice = only("ted-xml-legacy/494487-2020.xml")
    modification = notice.modification
    assert modification is not None
    assert to_json(modification) == {
        "before": {"raw": "1386000.00", "value": "1386000.00", "currency": "EUR", "place": "VAL_TOTAL_BEFORE"},
        "after": {"raw": "1857266.00", "value": "1857266.00", "currency": "EUR", "place": "VAL_TOTAL_AFTER"},
        "reason": modification.reason,
        "percent": "34.00",
    }
    spelled = next(doubt for doubt in notice.doubts if doubt.code == "winner_two_spellings")
    assert set(spelled.found) == {"C.P.M. Gestioni Termiche srl", "CPM Gestioni Termiche srl"}


def test_a_reserved_lot_is_told_from_one_that_is_not() -> None:
    lots = only("eforms/INVALID_change-cn_24_FRA_comments.xml").lots
    assert [(lot.reserved, lot.reserved_execution) for lot in lots] == [("none", "no"), ("res-ws", "yes")]


def test_a_reservation_of_a_legacy_notice_is_read_from_its_form() -> None:
    notice = altered(
        "ted-xml-legacy/155912-2021.xml", ("<LEFTI>", "<LEFTI><RESTRICTED_SHELTERED_WORKSHOP/><RESTRICTED_SHELTERED_PROGRAM/>")
    )
    assert (notice.reserved, notice.reserved_execution) == ("res-ws", "yes")


def test_a_wrong_check_of_a_cig_in_the_text_is_flagged_and_not_used() -> None:
    notice = altered("ted-xml-legacy/565500-2020.xml", ("CIG: 848663940D", "CIG: 848663940E"))
    doubts = {(doubt.code, doubt.field, doubt.found) for doubt in notice.doubts}
    assert ("code_invalid", "lots.2.cig", ("848663940E",)) in doubts
    assert notice.outcome.cigs == ("84866350C1", "84866415B3")
    lots = facts(notice)["lots"]
    assert isinstance(lots, list)
    assert "cig" not in lots[1]


@pytest.mark.parametrize(
    ("old", "new", "doubt"),
    [
        (">1070404.00<", ">1070405.00<", "totals_differ"),
        ('TYPE="ESTIMATED_TOTAL">7209597.00', 'TYPE="ESTIMATED_TOTAL">7209598.00', "values_differ"),
        ('CODE="85312400"/></CPV_MAIN>', 'CODE="85312499"/></CPV_MAIN>', "code_invalid"),
        ("CIG: 848663940D", "CIG: 84866350C1", "cig_on_two_lots"),
        ("CIG: 848663940D —", "", "lot_without_cig"),
        (">3085170.00<", ">-5<", "amount_negative"),
        (">3085170.00<", ">tre milioni<", "amount_not_a_number"),
        (">3085170.00<", ">3085170.001<", "amount_many_decimals"),
        (">3085170.00<", "><LOW>1</LOW><HIGH>2</HIGH><", "amount_range"),
    ],
)
def test_what_does_not_fit_together_is_flagged(old: str, new: str, doubt: str) -> None:
    assert doubt in codes(altered("ted-xml-legacy/565500-2020.xml", (old, new)))


def test_weights_that_do_not_make_a_hundred_are_flagged() -> None:
    notice = altered("eforms/cn_24_open_accel.xml", ("<efbc:ParameterNumeric>100<", "<efbc:ParameterNumeric>90<"))
    assert "criteria_not_100" in codes(notice)


def test_an_award_with_nothing_to_link_by_says_so() -> None:
    pairs = (
        ("8414630458", "8414630459"),
        ("<NO_DOC_OJS>2017/S 117-235331</NO_DOC_OJS>", ""),
        ("<NOTICE_NUMBER_OJ>2017/S 117-235331</NOTICE_NUMBER_OJ>", ""),
    )
    notice = altered("ted-xml-legacy/334744-2021.xml", *pairs)
    assert (notice.outcome.act, notice.outcome.cigs, notice.outcome.notice_refs) == ("links", (), ())
    assert "nothing_to_link_by" in codes(notice)


def test_the_original_language_is_taken_and_the_others_are_kept() -> None:
    subject = "<OBJECT_CONTRACT><TITLE><P>Nursery service</P></TITLE></OBJECT_CONTRACT>"
    translated = f'<F22_2014 CATEGORY="TRANSLATION" FORM="F22" LG="EN">{subject}</F22_2014>'
    notice = altered("ted-xml-legacy/155912-2021.xml", ("<FORM_SECTION>", "<FORM_SECTION>" + translated))
    assert (notice.title, notice.language, notice.other_titles) == ("Servizio di asilo nido", "it", (("en", "Nursery service"),))


def test_every_fact_keeps_its_raw_reading() -> None:
    notice = only("ted-xml-legacy/023675-2021.xml")
    readings = {(reading.field, reading.raw) for reading in notice.readings}
    assert ("lots.1.winners.tax_code", "P.IVA 11222820158") in readings
    assert ("published_on", "20210118") in readings
    winner = notice.lots[0].winners[0]
    assert winner.tax_code is not None
    assert (winner.tax_code.finding.raw, winner.tax_code.finding.normalised) == ("P.IVA 11222820158", "11222820158")


def test_a_package_may_hold_several_releases_and_says_which_it_skips() -> None:
    package = json.loads((SAMPLES / "ocds/ocds-213czf-000-00001-02-tender.json").read_text())
    planning = {"ocid": "ocds-1", "id": "p", "tag": ["planning"], "planning": {}}
    package["releases"].append(planning)
    file = read(json.dumps(package).encode(), "package.json")
    assert [notice.kind for notice in file.records] == ["call"]
    assert [(skipped.record, skipped.code) for skipped in file.skipped] == [("p", "notice_release_out_of_scope")]


def test_an_italian_release_gives_its_cig_lots_and_winners() -> None:
    release: dict[str, Any] = {
        "ocid": "ocds-hu01ve-8358682",
        "id": "r1",
        "tag": ["award"],
        "date": "2026-05-01T10:00:00Z",
        "parties": [{"id": "s1", "name": "Coop. X", "identifier": {"scheme": "IT-CF", "id": "1234560462"}}],
        "buyer": {"id": "b1", "name": "Comune di Barga"},
        "tender": {
            "id": "8358682",
            "title": None,
            "description": "Servizi educativi",
            "lots": [{"id": "8414630458", "title": "Nido", "value": {"amount": 1.5e5, "currency": "EUR"}}],
            "items": [{"id": "1", "relatedLot": "8414630458", "classification": {"scheme": "CPV", "id": "85312110-3"}}],
        },
        "awards": [
            {
                "id": "a1",
                "status": "active",
                "relatedLots": ["8414630458"],
                "value": {"amount": 140000, "currency": "EUR"},
                "suppliers": [{"id": "s1"}],
            }
        ],
    }
    (notice,) = read(json.dumps(release).encode(), "r.json").records
    (lot,) = notice.lots
    assert notice.outcome.cigs == ("8414630458",)
    assert (lot.amount and lot.amount.value, lot.awarded and lot.awarded.value) == (Decimal("150000.00"), Decimal("140000.00"))
    assert [code.kept for code in lot.cpvs] == ["85312110-3"]
    assert "title_from_description" in codes(notice)
    padded = next(doubt for doubt in notice.doubts if doubt.field == "lots.8414630458.winners.tax_code")
    assert padded.values["suggested"] == "01234560462"


def test_a_record_of_anac_with_an_award_is_linked() -> None:
    records = json.loads((SAMPLES / "anac/anac-cig-messina-minimised.json").read_text())
    award = {
        "IMPORTO_AGGIUDICAZIONE": 1.4e5,
        "ESITO": "AGGIUDICATA",
        "aggiudicatari": [{"DENOMINAZIONE": "Coop. X", "CODICE_FISCALE": "01234560462"}],
    }
    (notice,) = read(json.dumps(records[0] | {"aggiudicazione": [award]}).encode(), "one.json").records
    assert (notice.kind, notice.outcome.act, notice.outcome.cigs) == ("award", "links", ("8989865F45",))
    assert notice.lots[0].winners[0].name == "Coop. X"
    assert notice.lots[0].awarded is not None


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*/*")), ids=lambda path: path.name)
def test_what_was_read_is_plain_json_without_floats(path: Path) -> None:
    if path.suffix == ".csv" or "INVALID_cn" in path.name:
        return
    file = read(path.read_bytes(), path.name)
    text = json.dumps(to_json(file), ensure_ascii=False)
    assert json.loads(text, parse_float=lambda found: pytest.fail(found)) == to_json(file)
    assert read(path.read_bytes(), path.name) == file


def test_the_same_record_twice_in_a_file_is_told_apart_and_flagged() -> None:
    records = json.loads((SAMPLES / "anac/anac-cig-messina-minimised.json").read_text())
    first, second = read(json.dumps([records[0], records[0]]).encode(), "two.json").records
    assert (first.record, second.record) == ("8989865F45", "8989865F45 #2")
    assert (codes(first), codes(second)) == (["deadline_without_time"], ["deadline_without_time", "record_twice"])
