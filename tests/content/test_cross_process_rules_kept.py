"""The rules that hold across all processes, second part: numbers, what closes with what, languages, and what is kept."""

import csv
import io
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from qms.desk import disposal, integrity
from qms.errors import BadContent, Refused
from qms.records import evidence, retention, sampling, trail
from qms.records import integrity as integrity_file
from qms.records.sampling import Damaged
from qms.workflows import case, holds
from qms.workflows import file as files
from qms.workflows.loops import digest_of
from tests.cast import CONSORTIUM
from tests.content.office import ROOT, Office
from tests.content.test_contract_walk import END, FILES
from tests.content.test_course_walk import prepared
from tests.content.test_cross_process_rules import WRONG
from tests.content.test_nonconformity_walk import CONTAINED
from tests.house import House, key
from tests.web.conftest import Browser


@pytest.fixture
def quality(house: House) -> Iterator[Browser]:
    browser = Browser(house, "quality")
    with closing(browser.client):
        yield browser


def reported(house: House) -> str:
    with house.app.writing() as tx:
        return str(case.open_case(tx, house.app.engine, "nonconformity", house.actor("verifier"), fields=WRONG, key=key()).case)


SIGNED = {
    "contract_no": "Convenzione 12",
    "signed_on": "02/03/2026",
    "start_on": "16/03/2026",
    "end_on": "15/03/2028",
    "value_net": "178.400,00",
    "differences": "NONE",
    "cig_exempt_reason": "contributo, non appalto",
    "payment_terms": "sessanta giorni",
    "insurance_until": "31/12/2026",
}
TURNS = {"text": "Turni coperti tutti i giorni", "kind": "EXPLICIT", "check": "registro dei turni"}
PROMISED = {"text": "Apertura al pubblico il sabato", "kind": "EXPLICIT", "check": "registro degli accessi"}


def offered(office: Office, number: str, requirements: list[dict[str, str]], turn: str) -> None:
    """From the review of the requirements to the client's yes."""
    reviewed = {
        "requirements": requirements,
        "review_outcome": "Tutto ciò che si chiede è già nel progetto convalidato.",
        "design_level": "NONE",
        "same_as": number,
        "no_design_reason": "Identico al servizio convalidato del canile.",
    }
    office.take(number, "accept_identical", "tenders_too", reviewed, f"REQ_REVIEW_MINUTES={turn}")
    price = {"price": "178.400,00", "labour_cost": "141.000,00", "safety_cost": "3.100,00", "offer_valid_until": "31/12/2026"}
    office.take(number, "prepare_offer", "tenders", price, f"OFFER={turn}")
    office.take(number, "send_offer", "direction", {"sent_channel": "PEC"}, f"OFFER_SIGNED={turn}", f"SEND_RECEIPT={turn}")
    office.take(number, "offer_accepted", "tenders", {"accepted_on": "02/03/2026", "award_act_ref": "DD 12"}, "AWARD_ACT")


def test_rule_1_what_is_signed_is_what_was_offered_and_reviewed_or_it_is_reviewed_again(office: Office) -> None:
    """Offer = design = contract: three digests of the requirements, and no way round a new review when they differ."""
    about = {"legal_basis": "DIRECT_AWARD", "value_net": "178400.00"}
    number = office.plant("service-contract", "REQ_REVIEW", about, links={"mandates": [("ACCEPTED", "2026-02-01T09:00:00.000Z")]})
    offered(office, number, [TURNS], "primo")
    papers = ("CONTRACT_SIGNED", "INSURANCE", "INTERNAL_ASSIGNMENT")
    another = {**SIGNED, "requirements": [TURNS, PROMISED]}
    refused = office.refused(number, "sign_contract", "direction", another, *papers)
    assert refused == ("GUARD:contract_equals_review",)
    office.take(number, "re_review", "tenders", {"difference_list": "Il contratto chiede anche il sabato."})
    offered(office, number, [TURNS, PROMISED], "secondo")
    assert office.refused(number, "sign_contract", "direction", {**another, "requirements": [TURNS]}, *papers) == refused
    office.take(number, "sign_contract", "direction", another, *papers)
    kept = office.file(number).fields
    assert len({kept[f"requirements_{when}"] for when in ("reviewed", "offered", "signed")}) == 1


def test_rule_1_requirements_changed_while_designing_are_reviewed_before_they_are_offered(office: Office) -> None:
    about = {"requirements": [TURNS], "requirements_reviewed": digest_of([f"{PROMISED['text']} | {PROMISED['check']}"])}
    number = office.plant("service-contract", "DESIGN_VALIDATED", about, links={"mandates": [("ACCEPTED", "2026-02-01T09:00:00.000Z")]})
    price = {"price": "178.400,00", "labour_cost": "141.000,00", "safety_cost": "3.100,00", "offer_valid_until": "31/12/2026"}
    assert office.refused(number, "prepare_offer", "tenders", price, "OFFER") == ("GUARD:offer_equals_review",)
    office.take(number, "re_review", "tenders", {"difference_list": "In progettazione è caduto il sabato."})
    assert office.file(number).state == "REQ_REVIEW"


def test_rule_9_a_form_says_which_clock_counts_and_what_it_shows(house: House, quality: Browser) -> None:
    house.clock.pass_(minutes=37)
    assert "L&#39;orologio che conta è quello del sistema: 2 mar 2026, 09:37" in quality.get("/cases/new/nonconformity").text


def test_rule_11_numbers_have_no_gaps_and_one_that_was_cancelled_stays_as_cancelled(office: Office) -> None:
    """Certificates and nonconformities; a number is given only within the transaction that opens the case."""
    first = office.open("nonconformity", "tenders", WRONG)
    with pytest.raises(Refused):
        office.open("nonconformity", "tenders", {**WRONG, "title": ""})
    with pytest.raises(RuntimeError), office.store.writing() as tx:
        case.open_case(tx, office.engine, "nonconformity", office.people["tenders"], fields=WRONG, key="lost")
        raise RuntimeError("the program stopped before the end of the transaction")
    second = office.open("nonconformity", "tenders", WRONG)
    office.take(first, "propose_rejection", "quality", {"rejection_reason": "Il fatto non viola alcun requisito."})
    office.take(first, "confirm_rejection", "verifier", comment="Visto il registro: è regolare.")
    assert (first, second, office.open("nonconformity", "tenders", WRONG)) == ("NC-2026-0001", "NC-2026-0002", "NC-2026-0003")
    assert office.file(first).state == "REJECTED"
    cancelled = prepared(office)
    office.take(cancelled, "void_number", "training", {"void_reason": "Predisposto due volte"})
    assert (cancelled, prepared(office)) == ("ATT-2026-0001", "ATT-2026-0002")
    assert office.file(cancelled).state == "VOIDED"


def closed_long_ago(house: House) -> str:
    number = reported(house)
    with house.app.writing() as tx:
        take = partial(case.take_step, tx, house.app.engine, number)
        reason = {"rejection_reason": "Il fatto non viola alcun requisito."}
        take("propose_rejection", house.actor("quality"), version=1, fields=reason, key=key())
        take("confirm_rejection", house.actor("tenders"), version=2, comment="Visto il registro.", key=key())
    house.clock.pass_(days=6 * 366)
    return number


def listed(house: House) -> tuple[list[str], list[str]]:
    """What may be proposed for disposal today, and what stays although its term is over."""
    with house.app.reading() as connection:
        terms = retention.terms_in_force(house.app.library)
        found = disposal.over(connection, house.app.engine, terms, house.actor("quality"), house.clock.now)
    return [one.number for one in found if not one.stays], [one.number for one in found if one.stays]


def test_rule_12_what_is_under_hold_is_not_disposed_of_however_long_its_term_is_over(either_house: House) -> None:
    """Legal hold beats retention."""
    house = either_house
    number, engine = closed_long_ago(house), house.app.engine
    assert listed(house) == ([number], [])
    for name, reason, code in (("tenders", "Ricorso al TAR", "ROLE:QM,TOP"), ("quality", " ", "COMMENT_REQUIRED")):
        with pytest.raises(Refused) as refused, house.app.writing() as tx:
            holds.place(tx, engine, number, house.actor(name), reason=reason, key=key())
        assert refused.value.codes == (code,)
    with house.app.writing() as tx:
        placed = holds.place(tx, engine, number, house.actor("direction"), reason="Ricorso al TAR, R.G. 412/2026", key="one")
        assert holds.place(tx, engine, number, house.actor("direction"), reason="Ricorso al TAR, R.G. 412/2026", key="one").repeated
    assert listed(house) == ([], [number])
    with house.app.reading() as connection:
        assert trail.entry(connection, placed.position).said["comment"] == "Ricorso al TAR, R.G. 412/2026"
        assert all(check.passed for check in case.compare(connection, engine))
    with pytest.raises(Refused) as refused, house.app.writing() as tx:
        holds.place(tx, engine, number, house.actor("quality"), reason="Ancora", key=key())
    assert refused.value.codes == ("HOLD_STANDS",)
    with house.app.writing() as tx:
        holds.lift(tx, engine, number, house.actor("quality"), reason="Sentenza passata in giudicato.", key=key())
    assert listed(house) == ([number], [])
    with pytest.raises(Refused) as refused, house.app.writing() as tx:
        holds.lift(tx, engine, number, house.actor("quality"), reason="Ancora", key=key())
    assert refused.value.codes == ("HOLD_NONE",)


def test_rule_12_a_hold_is_placed_shown_and_lifted_on_the_page_of_the_case(house: House, quality: Browser) -> None:
    place = f"/cases/{reported(house)}"
    assert quality.send(f"{place}/hold", {**quality.hidden(f"{place}/hold"), "reason": ""}).status_code == 422
    answer = quality.send(f"{place}/hold", {**quality.hidden(f"{place}/hold"), "reason": "Richiesta scritta del legale"})
    assert answer.status_code == 303
    page = quality.get(place).text
    assert "Sotto vincolo di conservazione dal" in page
    assert page.count("Richiesta scritta del legale") == 2
    assert quality.send(f"{place}/hold/lifted", {**quality.hidden(f"{place}/hold"), "reason": "Non serve più"}).status_code == 303
    assert "Sotto vincolo di conservazione dal" not in quality.get(place).text


def test_rule_12_what_is_tied_to_an_open_case_stays_too(office: Office) -> None:
    contract = office.plant("service-contract", "CLOSED", {})
    wrong = office.plant("nonconformity", "CONTAINED", {})
    office.link(contract, "nonconformities", wrong, "tenders")
    with office.store.reading() as connection:
        months = {"R-QMS": 72, "R-CONTRACT": 60}
        actor = replace(office.people["quality"], house=CONSORTIUM)
        (kept,) = disposal.over(connection, office.engine, months, actor, office.at)
        assert (kept.number, kept.waits_for, kept.stays) == (contract, wrong, True)
        assert disposal.over(connection, office.engine, {**months, "R-CONTRACT": None}, actor, office.at) == []


def test_rule_13_a_contract_closes_with_an_open_nonconformity_only_once_quality_transferred_it(office: Office) -> None:
    """Closure cascade."""
    contract = office.plant("service-contract", "CLOSING", {}, {"begin_closing": ("tenders", "2026-02-01T09:00:00.000Z", 6)})
    office.take(contract, "report_problem", "tenders", {"problem_title": "Turno scoperto il sabato", "problem_fact": WRONG["description"]})
    wrong = "NC-2026-0001"
    assert office.refused(contract, "close_contract", "quality", END, *FILES) == ("GUARD:no_open_nc",)
    office.take(wrong, "contain", "tenders", CONTAINED)
    to_member = {"transferred_to": "MEMBER", "transferred_member": "canile"}
    assert office.refused(wrong, "transfer_nc", "tenders", to_member, comment="La segue il canile.") == ("ROLE:QM",)
    assert office.refused(wrong, "transfer_nc", "quality", to_member) == ("COMMENT_REQUIRED",)
    assert office.refused(wrong, "transfer_nc", "quality", {"transferred_to": "MEMBER"}, comment="x y z") == ("GUARD:transfer_says_where",)
    office.take(wrong, "transfer_nc", "quality", to_member, comment="Il turno resta scoperto nel nuovo contratto della socia.")
    office.take(contract, "close_contract", "quality", END, *FILES)
    assert (office.file(contract).state, office.file(wrong).state) == ("CLOSED", "CONTAINED")
    assert office.file(wrong).closed_at is None


def test_rule_14_people_read_their_language_programs_read_codes_and_both_can_be_exported(house: House, quality: Browser) -> None:
    number = reported(house)
    page = quality.get(f"/cases/{number}").text
    assert "Segnalata" in page
    assert "REPORTED" not in page
    answer = quality.client.get(f"/api/v1/cases/{number}", headers={"Authorization": f"Bearer {house.token('quality')}"}).json()
    assert (answer["state"], answer["fields"]["nc_source"]) == ("REPORTED", "SELF")
    words = csv.DictReader(io.StringIO(quality.get("/deadlines.csv").content.decode("utf-8-sig")), delimiter=";")
    assert any("Azione immediata" in row.values() for row in words)
    package = zipfile.ZipFile(io.BytesIO(quality.get(f"/exports/{number}").content))
    sealed = package.read("trail.jsonl").decode()
    assert "REPORTED" in sealed
    assert "Segnalata" not in sealed
    quality.send("/language", {"language": "en"})
    assert "Reported" in quality.get(f"/cases/{number}").text


def attached(house: House, *contents: str) -> list[Path]:
    """Files kept with reports, in that order; where each lies."""
    folder, places = house.app.settings.evidence, []
    for content in contents:
        stored = evidence.store(folder, io.BytesIO(content.encode()), "prova.txt", 1000)
        file = [evidence.attach("REPORT_EVIDENCE", stored)]
        with house.app.writing() as tx:
            case.open_case(tx, house.app.engine, "nonconformity", house.actor("verifier"), fields=WRONG, evidence=file, key=key())
        places.append(evidence.path_of(folder, stored.sha256))
    return places


def alarms(house: House) -> list[tuple[str, str]]:
    """What was opened by the program: the fact that makes it critical, and its title."""
    with house.app.reading() as connection:
        found = [
            files.load(connection, str(one.said["case"]["number"]))
            for one in trail.entries(connection, person="system", event="case-opened")
        ]
    return [(str(one.fields["critical_fact"]), one.title) for one in found if "critical_fact" in one.fields]


def test_rule_15_each_night_a_part_of_the_files_is_hashed_again_and_damage_is_a_critical_nonconformity(either_house: House) -> None:
    """Evidence integrity: every file comes round, one that is lost as well as one that changed; each is reported once."""
    house = either_house
    sound, changed, lost = attached(house, "uno", "due", "tre")
    nights = []
    changed.write_text("un altro testo")
    lost.unlink()
    for _ in range(5):
        house.clock.pass_(days=1)
        integrity.keep(house.app, most_files=2)
        assert integrity.keep(house.app, most_files=2) == 0
        with house.app.reading() as connection:
            newest = sampling.last(connection)
        assert newest is not None
        nights.append((newest.said["what"]["files"], len(newest.said["what"]["damaged"])))
    assert nights == [(2, 1), (2, 1), (2, 2), (2, 1), (2, 1)]
    found = alarms(house)
    assert [fact for fact, _ in found] == ["RECORD_DAMAGED"] * 2
    assert all(title.startswith("Allegato alterato o perduto: registrazione #") for _, title in found)
    with house.app.reading() as connection:
        assert all(check.passed for check in case.compare(connection, house.app.engine))
    assert sound.read_text() == "uno"


def test_rule_15_the_program_looks_by_itself_at_night_only(house: House) -> None:
    attached(house, "uno")[0].write_text("altro")
    house.clock.pass_(hours=16, minutes=59)
    house.app.tick()
    assert alarms(house) == []
    house.clock.pass_(minutes=1)
    house.app.tick()
    assert len(alarms(house)) == 1
    house.clock.pass_(hours=1)
    house.app.tick()
    house.app.tick()
    assert len(alarms(house)) == 1


def test_rule_15_what_is_opened_is_said_by_the_organisation_and_nothing_else_is_guessed() -> None:
    source = (ROOT / integrity_file.PATH).read_bytes()
    alarm = integrity_file.read(source, integrity_file.PATH)
    about = alarm.about(Damaged(7, None, "ab" * 32))
    assert (alarm.workflow, about["title"]) == ("nonconformity", "Allegato alterato o perduto: registrazione #7")
    for wrong in (b"", b"workflow: x", b"workflow: x\nfields: {title: 3}", b"workflow: x\nfields: {}\nmore: y", b"\xff"):
        with pytest.raises(BadContent):
            integrity_file.read(wrong, integrity_file.PATH)
