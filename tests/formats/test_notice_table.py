"""What becomes of every sample file, and which facts come out of it: one row a file, kept by hand."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from qms.errors import BadContent
from qms.formats.notice import Notice, facts, read

SAMPLES = Path(__file__).parent / "samples"


@dataclass(frozen=True)
class Row:
    """One file: what it does, its kind, the facts that must come out as they stand here, the doubts in their order."""

    file: str
    act: str
    kind: str = ""
    facts: dict[str, object] = field(default_factory=dict)
    cigs: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()


LOTS_OF_CERNUSCO = ("84866350C1", "848663940D", "84866415B3")

TABLE = (
    Row(
        "ted-xml-legacy/565500-2020.xml",
        "opens",
        "call",
        {"notice_ref": "565500-2020", "procedure": "OPEN", "value": "7209597.00", "currency": "EUR", "cpv": "85312400-3", "place": "ITC4"},
        LOTS_OF_CERNUSCO,
        ("code_invalid", "deadlines_differ"),
        absent=("submission_deadline_at", "buyer_tax_code", "cig", "reserved"),
        refs=("565500-2020",),
    ),
    Row(
        "ted-xml-legacy/023675-2021.xml",
        "links",
        "award",
        {"value": "7209597.00", "cpv": "85312400-3"},
        LOTS_OF_CERNUSCO,
        ("code_invalid",),
        refs=("565500-2020",),
    ),
    Row(
        "ted-xml-legacy/132983-2016.xml",
        "opens",
        "call",
        {"submission_deadline_at": "2016-06-06T10:00:00.000Z", "value": "294000.00", "cpv": "55410000-7", "place": "ITC45"},
        ("6655296BFD", "66553096B9"),
        ("code_unusual", "code_unusual", "code_unusual", "buyer_tax_code_missing"),
        refs=("132983-2016",),
    ),
    Row(
        "ted-xml-legacy/155912-2021.xml",
        "opens",
        "call",
        {
            "submission_deadline_at": "2021-04-28T21:59:00.000Z",
            "title": "Servizio di asilo nido",
            "buyer_name": "Comune di Cornate d'Adda",
            "value": "1354280.40",
            "cpv": "85312110-3",
        },
        (),
        ("buyer_tax_code_missing", "cig_missing"),
        refs=("155912-2021",),
    ),
    Row(
        "ted-xml-legacy/180927-2020.xml",
        "links",
        "award",
        {"buyer_name": "Comune di Seriate", "value": "1617021.72"},
        ("80991730FF", "809921647A"),
        (),
        refs=("545530-2019",),
    ),
    Row(
        "ted-xml-legacy/309175-2020.xml",
        "opens",
        "qualification",
        {"buyer_name": "Comune di Acireale", "cpv": "85310000-5", "place": "ITG17"},
        (),
        ("buyer_tax_code_missing", "value_missing", "cig_missing", "deadline_missing"),
        absent=("submission_deadline_at", "value"),
        refs=("309175-2020",),
    ),
    Row(
        "ted-xml-legacy/333664-2019.xml",
        "opens",
        "codesign",
        {
            "submission_deadline_at": "2019-07-26T10:00:00.000Z",
            "procedure": "CODESIGN",
            "value": "2354250.00",
            "buyer_name": "Comune di Trapani",
        },
        (),
        ("kind_from_text", "buyer_tax_code_missing", "cig_missing"),
        refs=("333664-2019",),
    ),
    Row(
        "ted-xml-legacy/334744-2021.xml",
        "links",
        "award",
        {"procedure": "NEGOTIATED_NO_NOTICE", "value": "2070440.00", "cig": "8414630458"},
        ("8414630458",),
        (),
        refs=("235331-2017",),
    ),
    Row(
        "ted-xml-legacy/410138-2021.xml",
        "links",
        "award",
        {"value": "883261.40", "cig": "8805303DE4", "cpv": "85300000-2"},
        ("8805303DE4",),
        (),
        refs=("329474-2021",),
    ),
    Row(
        "ted-xml-legacy/494487-2020.xml",
        "links",
        "modification",
        {"buyer_name": "Comune di Castelnuovo di Garfagnana (LU)", "place": "ITI12", "cpv": "50232000-0"},
        (),
        ("before_differs_from_award", "winner_two_spellings"),
        refs=("466143-2018",),
    ),
    Row(
        "eforms/cn_24_open_accel.xml",
        "opens",
        "call",
        {
            "procedure": "OPEN",
            "value": "291934.60",
            "cig": "8266589D09",
            "cup": "D19E20000110001",
            "cpv": "39143100-7",
            "place": "ITI14",
            "reserved": "none",
            "language": "it",
            "version": "01",
            "procedure_id": "2b81ba62-3167-4618-bbfc-98db716e2f38",
        },
        ("8266589D09",),
        ("code_invalid", "offset_not_local"),
        absent=("submission_deadline_at", "buyer_tax_code"),
        refs=("c77a5424-249b-499b-a45b-2265edb941bb",),
    ),
    Row(
        "eforms/cn-social_24.xml",
        "opens",
        "call",
        {"title": "Secure Care Services", "cpv": "85311300-5", "reserved": "none", "reserved_execution": "no"},
        (),
        ("code_placeholder", "offset_not_local", "buyer_not_italian", "buyer_tax_code_missing", "value_missing"),
        absent=("submission_deadline_at",),
        refs=("76c82dad-10b1-4e6a-9326-9312b4bf9baf",),
    ),
    Row(
        "eforms/cn_24_minimal.xml",
        "opens",
        "call",
        {"procedure": "OPEN", "cpv": "72230000-6", "place": "FRD22", "reserved": "none"},
        (),
        ("code_placeholder", "offset_not_local", "buyer_not_italian", "buyer_tax_code_missing", "value_missing"),
        absent=("submission_deadline_at",),
        refs=("f42be27e-09cf-4f0e-a745-63ec689631e6",),
    ),
    Row(
        "eforms/E3_minimal.xml",
        "opens",
        "call",
        {"buyer_name": "Buyer Org", "cpv": "72230000-6"},
        (),
        ("buyer_not_italian", "buyer_tax_code_missing", "value_missing", "deadline_missing"),
        refs=("a03fdc6d-9924-4e99-93cf-39b925bb4826",),
    ),
    Row(
        "eforms/can_25_ITA.xml",
        "links",
        "award",
        {"procedure": "NEGOTIATED_NO_NOTICE", "buyer_name": "Rete Ferroviaria italiana", "cpv": "60210000-3", "place": "ITZZZ"},
        (),
        ("code_invalid", "code_invalid"),
    ),
    Row(
        "eforms/can-modif_24_value.xml",
        "links",
        "modification",
        {"value": "4500000.00", "currency": "EUR", "cpv": "79410000-1"},
        (),
        ("code_placeholder", "buyer_not_italian", "currencies_differ"),
        refs=("342558-2018",),
    ),
    Row(
        "eforms/INVALID_change-cn_24_FRA_comments.xml",
        "links",
        "change",
        {"buyer_name": "Rouen Habitat", "submission_deadline_at": "2019-06-24T16:00:00.000Z"},
        (),
        ("buyer_not_italian", "value_missing", "reserved_differs"),
        absent=("reserved",),
        refs=("da4d46e9-490b-41ff-a2ae-8166d356a619",),
    ),
    Row(
        "ocds/ocds-213czf-000-00001-02-tender.json",
        "opens",
        "call",
        {"submission_deadline_at": "2010-04-01T18:00:00.000Z", "value": "1100000.00", "currency": "GBP", "procedure": "OPEN"},
        (),
        ("code_invalid", "buyer_not_italian"),
        absent=("cpv", "buyer_tax_code"),
        refs=("ocds-213czf-000-00001-02-tender",),
    ),
    Row(
        "ocds/ocds-213czf-000-00001-03-tenderAmendment.json",
        "links",
        "change",
        {"submission_deadline_at": "2010-04-08T18:00:00.000Z", "procedure_id": "ocds-213czf-000-00001"},
        (),
        ("code_invalid", "buyer_not_italian"),
    ),
    Row(
        "ocds/ocds-213czf-000-00001-04-award.json",
        "links",
        "award",
        {"procedure_id": "ocds-213czf-000-00001"},
        (),
        ("code_invalid", "buyer_not_italian"),
        absent=("submission_deadline_at",),
    ),
    Row(
        "ocds/ocds-213czf-000-00001-05-contract.json",
        "links",
        "award",
        {"procedure_id": "ocds-213czf-000-00001", "title": "Award of contract to build new cycle lanes in the centre of town."},
        (),
        ("code_invalid", "buyer_not_italian"),
    ),
)

REFUSED = {
    "eforms/INVALID_cn_24_empty.xml": (
        "notice_missing_notice_id",
        "notice_missing_procedure_id",
        "notice_missing_title",
        "notice_missing_buyer",
        "notice_missing_cpv",
        "notice_missing_lots",
    ),
    "anac/cup-cig-pairs.csv": ("notice_unknown_format",),
}

OF_MANY_RECORDS = {"anac/anac-cig-messina-minimised.json"}


def only(file: str) -> Notice:
    """The one notice of a sample."""
    (notice,) = read((SAMPLES / file).read_bytes(), file).records
    return notice


def test_every_sample_has_its_row() -> None:
    files = {f"{path.parent.name}/{path.name}" for path in SAMPLES.glob("*/*")}
    assert files == {row.file for row in TABLE} | REFUSED.keys() | OF_MANY_RECORDS


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.file)
def test_a_sample_becomes_what_its_row_says(row: Row) -> None:
    notice = only(row.file)
    found = facts(notice)
    assert (notice.outcome.act, notice.kind) == (row.act, row.kind)
    assert {name: found.get(name) for name in row.facts} == row.facts
    assert notice.outcome.cigs == row.cigs
    assert notice.outcome.notice_refs == row.refs
    assert tuple(doubt.code for doubt in notice.doubts) == row.doubts
    assert not set(row.absent) & found.keys()


@pytest.mark.parametrize("file", REFUSED)
def test_a_sample_that_cannot_be_taken_is_refused_with_every_reason(file: str) -> None:
    with pytest.raises(BadContent) as refused:
        read((SAMPLES / file).read_bytes(), file)
    assert tuple(problem.code for problem in refused.value.problems) == REFUSED[file]


def test_the_records_of_anac_are_sixty_calls_with_their_codes() -> None:
    file = read((SAMPLES / "anac/anac-cig-messina-minimised.json").read_bytes(), "anac.json")
    assert (file.format, len(file.records), file.skipped) == ("anac", 60, ())
    assert all(notice.outcome.act == "opens" and len(notice.outcome.cigs) == 1 for notice in file.records)
    assert all(notice.submission_deadline_at is None for notice in file.records)
    assert {doubt.code for notice in file.records for doubt in notice.doubts} == {
        "deadline_without_time",
        "deadline_missing",
        "cpv_missing",
        "lots_elsewhere",
        "record_cancelled",
    }
    first = facts(file.records[0])
    assert first["lots"] == [
        {
            "number": "8989865F45",
            "title": first["title"],
            "cig": "8989865F45",
            "cup": "J47H21006060005",
            "cpv": "45454000-4",
            "base_amount": "148000.00",
        }
    ]
    assert first["buyer_tax_code"] == "80004070837"
    assert facts(file.records[1])["value"] == "13426772.61"
    safety = next(notice for notice in file.records if notice.record == "9180083C22")
    assert facts(safety)["procedure_id"] == "8518897"
    assert len(safety.cups) == 18
    assert "cup" not in facts(safety)
