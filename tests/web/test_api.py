"""The JSON API: the same verbs with a token, exact types, every reason at once."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cast import PASSWORD
from tests.house import House
from tests.web.conftest import AsPerson, Browser, size_of
from tests.web.test_importing_a_notice import CALL
from tests.web.test_opening_a_case import GOOD
from tests.web.test_taking_a_step import TREAT

ROOT = Path(__file__).parents[2]
FIELDS = {name.removeprefix("field."): value for name, value in GOOD.items()}
TREATED = {name.removeprefix("field."): value for name, value in TREAT.items()}


class Program:
    """A script with a person's token."""

    def __init__(self, house: House, browser: Browser, name: str) -> None:
        self.client = browser.client
        self.headers = {"Authorization": f"Bearer {house.token(name)}"}

    def get(self, path: str, **values: Any) -> Any:
        return self.client.get("/api/v1" + path, headers=self.headers, **values)

    def post(self, path: str, body: Any) -> Any:
        headers = {**self.headers, "Content-Type": "application/json"}
        return self.client.post("/api/v1" + path, headers=headers, content=json.dumps(body))


@pytest.fixture
def program(house: House, as_person: AsPerson) -> Any:
    return lambda name: Program(house, as_person(None), name)


def codes(answer: Any) -> list[str]:
    return [reason["code"] for reason in answer.json()["reasons"]]


def test_a_case_is_opened_and_stepped_once_however_often_it_is_sent(house: House, program: Any) -> None:
    opening = {"workflow": "nonconformity", "fields": FIELDS, "key": "abc"}
    first = program("verifier").post("/cases", opening)
    assert first.status_code == 201, first.text
    number = first.json()["case"]
    assert program("verifier").post("/cases", opening).json()["repeated"] is True
    quality = program("quality")
    shown = quality.get(f"/cases/{number}").json()
    assert any(offer["step"] == "treat" and offer["open"] for offer in shown["offers"])
    file = {"slot": "CORRECTION_EVIDENCE", "name": "r.pdf", "content": base64.b64encode(b"%PDF-1.4 x").decode()}
    step = {
        "step": "treat",
        "version": shown["version"],
        "fields": TREATED,
        "evidence": [file],
        "key": "k1",
        "happened_at": "2026-03-02T09:00:00+01:00",
    }
    taken = quality.post(f"/cases/{number}/steps", step)
    assert taken.status_code == 201, taken.text
    before = size_of(house)
    assert quality.post(f"/cases/{number}/steps", step).json()["position"] == taken.json()["position"]
    assert size_of(house) == before
    stale = quality.post(f"/cases/{number}/steps", {**step, "key": "k2"})
    assert stale.status_code in (409, 422)
    assert number in {row["number"] for row in quality.get("/cases").json()["cases"]}


def test_a_refusal_is_a_problem_document_with_every_reason(program: Any) -> None:
    answer = program("verifier").post("/cases", {"workflow": "nonconformity", "fields": {"title": "x"}})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert codes(answer) == ["FIELD_INVALID:title", "FIELD_REQUIRED:description", "FIELD_REQUIRED:process", "FIELD_REQUIRED:nc_source"]
    assert all(reason["sentence"] for reason in answer.json()["reasons"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": False},
        {"version": "1"},
        {"version": 1.5},
        {"version": -1},
        {"groups": ["admin"]},
        {"step": None},
        {"fields": []},
        {"fields": {"title": "\x00"}},
        {"comment": "\ud800"},
    ],
)
def test_a_value_of_another_type_is_not_taken_for_it(program: Any, wrong: dict[str, Any]) -> None:
    answer = program("quality").post("/cases/NC-2026-0001/steps", {"step": "treat", "version": 1, **wrong})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert codes(answer)[0].startswith("INVALID:")


def test_without_a_token_or_with_a_wrong_one_nothing_is_told(as_person: AsPerson) -> None:
    stranger = as_person(None)
    signed_in = as_person("quality")
    for headers in ({}, {"Authorization": "Bearer qms_wrong"}, {"Authorization": "Basic eA=="}, {"Authorization": "Bearer "}):
        for browser in (stranger, signed_in):
            answer = browser.get("/api/v1/me", headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"


def test_a_signature_over_the_api_needs_the_password_too(house: House, program: Any) -> None:
    started = program("quality").post("/documents/PRO-8.7-01/proposals", {"kind": "withdrawal", "reason": "Non serve più a nessuno."})
    assert started.status_code == 201, started.text
    number = started.json()["case"]
    step = {"step": "sign_proposed_withdrawal", "version": 1, "fields": {"withdrawal_reason": "Sostituita dal manuale nuovo."}}
    direction = program("direction")
    assert direction.post(f"/cases/{number}/steps", step).status_code == 401
    wrong = direction.post(f"/cases/{number}/steps", {**step, "password": "non è questa password"})
    assert (wrong.status_code, codes(wrong)) == (401, ["SIGNATURE:wrong_password"])
    assert program("quality").post(f"/cases/{number}/steps", {**step, "password": PASSWORD}).status_code == 403
    signed = direction.post(f"/cases/{number}/steps", {**step, "password": PASSWORD})
    assert signed.status_code == 201, signed.text


def test_documents_and_drafts_over_the_api(program: Any) -> None:
    quality = program("quality")
    assert {row["code"] for row in quality.get("/documents").json()["documents"]} >= {"PRO-7.5-01", "PRO-8.2-01"}
    shown = quality.get("/documents/PRO-8.7-01").json()
    assert quality.post("/documents/PRO-8.7-01/drafts", {"slug": "api", "reason": "Prova."}).status_code == 201
    draft = quality.get("/documents/PRO-8.7-01/drafts/api").json()
    saved = quality.post("/documents/PRO-8.7-01/drafts/api", {"text": shown["text"] + "\nAltro.\n", "tip": draft["draft"]["tip"]})
    assert saved.status_code == 201, saved.text
    stale = quality.post("/documents/PRO-8.7-01/drafts/api", {"text": shown["text"] + "\nBis.\n", "tip": draft["draft"]["tip"]})
    assert (stale.status_code, codes(stale)) == (409, ["STALE"])
    bad = quality.post("/documents/PRO-8.7-01/drafts/api", {"text": "niente testa", "tip": saved.json()["tip"]})
    assert bad.status_code == 422
    assert program("kennel").post("/documents/PRO-8.7-01/drafts", {"slug": "mio"}).status_code == 403


def test_the_trail_is_read_and_verified_over_the_api(house: House, program: Any) -> None:
    auditor = program("auditor")
    page = auditor.get("/records", params={"limit": 5}).json()
    assert [record["position"] for record in page["records"]] == list(range(size_of(house), size_of(house) - 5, -1))
    assert auditor.get("/records", params={"before": page["next"], "limit": 1}).json()["records"][0]["position"] == page["next"] - 1
    record = auditor.get("/records/7").json()
    assert record["holds"] is True
    assert all(check["sentence"] for check in record["checks"])
    assert auditor.get("/records/7/receipt").text.startswith("c2sp.org/tlog-proof@v1")
    assert auditor.get("/records", params={"limit": "true"}).status_code == 422


def test_a_notice_is_read_without_opening_anything_unless_it_is_said(house: House, program: Any) -> None:
    body = {"name": CALL.name, "content": base64.b64encode(CALL.read_bytes()).decode()}
    tenders = program("tenders")
    before = size_of(house)
    dry = tenders.post("/notices", body)
    assert dry.status_code == 200, dry.text
    assert (dry.json()["taken"][0]["status"], size_of(house)) == ("opened", before)
    wet = tenders.post("/notices", {**body, "dry_run": False}).json()
    assert wet["taken"][0]["case"] == "GARA-2026-0001"
    assert tenders.post("/notices", {**body, "dry_run": False}).json()["taken"][0]["is_new"] is False
    assert tenders.post("/notices", {**body, "content": "***"}).status_code == 422


def test_identifiers_and_who_i_am(program: Any) -> None:
    me = program("auditor").get("/me").json()
    assert (me["name"], me["kind"]) == ("Anna Verdi", "auditor")
    found = program("kennel").get("/identifiers/CPV", params={"value": "85312310-5"}).json()
    assert found["is_valid"] is True
    assert program("kennel").get("/identifiers/NOTHING", params={"value": "1"}).status_code == 404


def test_the_api_is_described_by_openapi_and_a_page_that_loads_nothing_from_outside(as_person: AsPerson) -> None:
    stranger = as_person(None)
    described = stranger.get("/api/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    assert "/api/v1/cases/{number}/steps" in described["paths"]
    assert not any(path.startswith("/cases") for path in described["paths"])
    page = stranger.get("/api").text
    assert "/api/v1/cases/{number}/steps" in page
    assert "http://" not in page.replace("http://localhost", "").replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in page


def test_a_definition_is_judged_and_played_without_handing_it_in(house: House, program: Any) -> None:
    quality, auditor = program("quality"), program("auditor")
    before = size_of(house)
    text = (ROOT / "workflows" / "planned-action.yaml").read_text(encoding="utf-8")
    sound = quality.post("/workflows/check", {"source": text}).json()
    assert (sound["holds"], sound["problems"]) == (True, [])
    assert sound["rehearsal"]["workflow"] == "planned-action"
    assert any(
        one["code"].startswith("ROLE:") for scene in sound["rehearsal"]["scenes"] for tried in scene["tries"] for one in tried["reasons"]
    )
    faulty = quality.post("/workflows/check", {"source": text.replace("    to: DONE\n", "    to: NOWHERE\n", 1)}).json()
    assert faulty["holds"] is False and faulty["rehearsal"] is None
    assert all(problem["line"] and problem["message"] for problem in faulty["problems"])
    assert quality.post("/workflows/check", {"source": "a: ["}).json()["holds"] is False
    assert quality.post("/workflows/check", {"source": "x" * 300_000}).status_code == 422
    played = auditor.get("/workflows/nonconformity/rehearsal").json()
    assert played["playable"] and played["unseen"] == []
    assert auditor.get("/workflows/no-such/rehearsal").status_code == 404
    assert size_of(house) == before


def test_a_table_of_steps_is_looked_at_then_taken_once(house: House, program: Any) -> None:
    tenders = program("verifier")
    numbers = [tenders.post("/cases", {"workflow": "nonconformity", "fields": FIELDS}).json()["case"] for _ in range(2)]
    names = ["number", "step", *TREATED, "CORRECTION_EVIDENCE"]
    rows = [[number, "treat", *TREATED.values(), file] for number, file in zip(numbers, ("r.pdf", "altro.pdf"), strict=True)]
    text = "\ufeff" + "".join(";".join(f'"{cell}"' for cell in row) + "\r\n" for row in [names, *rows])
    files = [{"name": "r.pdf", "content": base64.b64encode(b"%PDF-1.4 x").decode()}]
    quality = program("quality")
    before = size_of(house)
    seen = quality.post("/steps", {"table": text, "files": files}).json()
    assert [one["outcome"] for one in seen["rows"]] == ["taken", "refused"], seen
    assert [reason["code"] for reason in seen["rows"][1]["reasons"]] == ["BATCH:file"]
    assert size_of(house) == before
    done = quality.post("/steps", {"table": text, "files": files, "dry_run": False}).json()
    assert [done["taken"], done["refused"]] == [1, 1]
    again = quality.post("/steps", {"table": text, "files": files, "dry_run": False}).json()
    assert [again["repeated"], again["rows"][0]["position"]] == [1, done["rows"][0]["position"]]
    assert size_of(house) == before + 1


def test_a_table_that_is_none_is_refused_with_every_line(program: Any) -> None:
    answer = program("quality").post("/steps", {"table": "numero;step\nx;y;z\n"})
    assert answer.status_code == 422
    assert len(answer.json()["reasons"]) == 2, answer.text


def test_a_waiver_of_the_direction_lets_one_person_take_one_step(house: House, program: Any) -> None:
    number = program("quality").post("/cases", {"workflow": "nonconformity", "fields": FIELDS}).json()["case"]
    step = {"step": "propose_rejection", "version": 1, "fields": {"rejection_reason": "Il fatto riguarda un altro fornitore, non noi."}}
    quality, direction = program("quality"), program("direction")
    assert any(code.startswith("SOD:") for code in codes(quality.post(f"/cases/{number}/steps", step)))
    place = f"/cases/{number}/waivers"
    assert quality.get(place).status_code == 404
    seen = direction.get(place).json()
    assert "propose_rejection" in {one["step"] for one in seen["steps"]}
    assert house.ids["quality"] in {one["person"] for one in seen["people"]}
    why = {"reason": "Il secondo addetto è in malattia fino a venerdì.", "control": "La Direzione rilegge la pratica il giorno dopo."}
    waiver = {"step": "propose_rejection", "person": house.ids["quality"], **why, "key": "w"}
    assert codes(quality.post(place, {**waiver, "person": house.ids["tenders"]})) == ["ROLE:TOP"]
    assert codes(direction.post(place, {**waiver, "person": "nessuno", "reason": "sì", "key": "x"})) == [
        "FIELD_INVALID:person", "FIELD_INVALID:reason",
    ]  # fmt: skip
    assert codes(direction.post(place, {**waiver, "person": house.ids["direction"], "key": "y"})) == ["SOD:own_waiver"]
    given = direction.post(place, waiver)
    assert given.status_code == 201, given.text
    before = size_of(house)
    assert direction.post(place, waiver).json()["position"] == given.json()["position"]
    assert size_of(house) == before
    assert quality.post(f"/cases/{number}/steps", step).status_code == 201


def test_a_hat_is_lent_once_however_often_it_is_sent_and_taken_back(house: House, program: Any) -> None:
    tenders, kennel = program("tenders"), program("kennel")
    lending = {"delegate": house.ids["tenders_too"], "hat": "gare", "organisation": "consorzio"}
    wrong = tenders.post("/substitutions", {**lending, "first_day": "domani", "last_day": "31/02/2026"})
    assert (wrong.status_code, codes(wrong)) == (422, ["FIELD_INVALID:first_day", "FIELD_INVALID:last_day"])
    lending |= {"first_day": "2026-03-02", "last_day": "05/03/2026"}
    assert kennel.post("/substitutions", {**lending, "delegator": house.ids["tenders"]}).status_code == 403
    made = tenders.post("/substitutions", lending)
    assert made.status_code == 201, made.text
    assert (made.json()["starts_at"], made.json()["ends_at"]) == ("2026-03-01T23:00:00.000Z", "2026-03-05T22:59:59.000Z")
    before = size_of(house)
    assert tenders.post("/substitutions", lending).json() == made.json()
    assert size_of(house) == before
    listed = {
        name: program(name).get("/substitutions").json()["substitutions"] for name in ("tenders", "tenders_too", "direction", "quality")
    }
    assert listed == {"tenders": [made.json()], "tenders_too": [made.json()], "direction": [], "quality": [made.json()]}
    place = f"/substitutions/{made.json()['id']}/ended"
    assert kennel.post(place, {}).status_code == 404
    assert tenders.post(place, {}).json() == {"ended": made.json()["id"]}
    assert tenders.post(place, {}).status_code == 404
    assert tenders.get("/substitutions").json()["substitutions"] == []
