"""Every address × every kind of person × own and other organisation, against a table that is kept by hand in ``who_may.csv``.

The cases, drafts and records asked for belong to the consortium: Teo (another cooperative's) is the stranger among staff. A cell says
``in`` or the status that turns the person away (``303`` to the sign-in page). Rows of an address that a table does not know, or no longer
has, fail; so does the table when any one permission, or any one check of organisation, distribution or history, is taken out.
"""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import true

from qms.desk import staff
from qms.people import invitations
from qms.people.actor import SYSTEM
from qms.records import trail
from qms.web import ROUTES, VERBS, registry
from qms.web.api import PREFIX
from tests import house as house_of
from tests.cast import PASSWORD
from tests.house import House
from tests.web.conftest import AsPerson, Browser, sentences
from tests.web.test_opening_a_case import opened
from tests.web.test_publishing_a_revision import case_of, stepped, written
from tests.web.test_taking_a_step import treat

TABLE = Path(__file__).with_name("who_may.csv")
PERSONS = ("nobody", "quality", "direction", "tenders", "kennel", "auditor", "system", "learner")
TURNED_AWAY = (401, 403, 404)
KEY = "PRO-8.7-01"
BODIES: dict[str, Any] = {
    "/cases": {"workflow": "nonconformity"},
    "/cases/{number}/steps": {"step": "classify", "version": 0},
    "/steps": {"table": "number,step\nNC-2026-0001,classify\n"},
    "/cases/{number}/waivers": {"step": "-", "person": "-", "reason": "", "control": ""},
    "/substitutions": {"delegate": "-", "hat": "-", "organisation": "-", "first_day": "", "last_day": ""},
    "/substitutions/{delegation}/ended": {},
    "/documents/{key}/drafts": {"slug": "-"},
    "/documents/{key}/drafts/{slug}": {"text": "", "tip": ""},
    "/documents/{key}/proposals": {"kind": "withdrawal", "reason": ""},
    "/notices": {"name": "x", "content": ""},
    "/workflows/check": {"source": "a: ["},
}

FORMS: dict[str, dict[str, str]] = {
    "/cases/{number}/steps": {"step": "classify", "version": "0"},
    "/cases/{number}/links": {"link": "none", "child": "{number}"},
    "/people/{person}/hats": {"hat": "gare", "organisation": "aurora"},
    "/people/{person}/hats/revoked": {"hat": "referente", "organisation": "aurora"},
    "/documents/{key}/drafts/{slug}/preview": {"text": "x"},
}
"""What is sent to the addresses of acts so that they get past their first question."""
ENDS_SESSION = ("/sign-out", "/sign-in")

Ask = Callable[[str, str, str], int]


def table() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def addresses() -> set[tuple[str, str]]:
    return {(route.method, route.path) for route in ROUTES} | {(verb.method, PREFIX + verb.path) for verb in VERBS}


@dataclass(frozen=True)
class Office:
    """A workspace with one of each thing that addresses name, made once and copied for each test."""

    root: Path
    samples: Mapping[str, str]


@pytest.fixture(scope="module")
def office(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Office:
    root = tmp_path_factory.mktemp("office") / "house"
    with house_of.opened(template, root) as house:
        samples = prepared(house)
    return Office(root, samples)


@pytest.fixture
def ask(office: Office, tmp_path: Path) -> Iterator[Ask]:
    """How a person (by name) is answered at an address."""
    with house_of.opened(office.root, tmp_path / "house") as house:
        browsers: dict[str, Browser] = {}
        tokens: dict[str, str] = {}

        def answer(name: str, method: str, path: str) -> int:
            if name not in browsers:
                browsers[name] = Browser(house, None if name == "nobody" else name)
                tokens[name] = "" if name == "nobody" else house.token(name)
            git = "info/refs?service=git-upload-pack" if method == "GET" else "git-receive-pack"
            place = path.replace("{path:path}", git).format_map(office.samples)
            done = asked(browsers[name], tokens[name], method, path, place, office.samples)
            if path in ENDS_SESSION:
                browsers.pop(name).client.close()
            return (
                303
                if done.headers.get("location", "").startswith("/sign-in?")
                else 200
                if done.status_code == 303
                else int(done.status_code)
            )

        yield answer
        for browser in browsers.values():
            browser.client.close()


def asked(browser: Browser, token: str, method: str, path: str, place: str, samples: Mapping[str, str]) -> Any:
    if path.startswith("/library.git"):
        return browser.client.request(method, place, auth=("x", token))
    if path.startswith(PREFIX):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"} if token else {}
        body = json.dumps(BODIES[path.removeprefix(PREFIX)]) if method == "POST" else None
        return browser.client.request(method, place, headers=headers, content=body)
    if method == "GET":
        return browser.get(place)
    return browser.send(place, {name: value.format_map(samples) for name, value in FORMS.get(path, {}).items()})


def prepared(house: House) -> dict[str, str]:
    """What the braces of an address stand for: a case, a draft, a record, a file, a person, all of the consortium."""
    browsers = {name: Browser(house, name) for name in ("quality", "quality_too", "direction", "verifier")}
    quality = browsers["quality"]
    start = f"/documents/{KEY}/new-draft"
    for slug in ("prima", "prova"):
        assert quality.send(start, {**quality.hidden(start), "slug": slug, "reason": "Chiarito."}).status_code == 303
        place = f"/documents/{KEY}/drafts/{slug}"
        form = {**quality.hidden(place), "text": written(quality, place) + f"\n{slug} ![schema](uno.png)\n", "reason": "Chiarito."}
        files = {
            "figures": ("uno.png", b"\x89PNG\r\n\x1a\n" + bytes(40), "image/png"),
            "document_file": ("Modulo.pdf", b"%PDF-1.7 " + slug.encode(), "application/pdf"),
        }
        saved = quality.send(place, form, files=files)
        assert saved.status_code == 303, sentences(saved)
        if slug == "prima":
            approved(browsers, place)
    case = opened(browsers["verifier"]).partition("?")[0]
    position = treat(quality, case).headers["location"].rpartition("=")[2]
    sha256 = quality.get(case).text.partition(f"{case}/evidence/")[2].partition('"')[0]
    for browser in browsers.values():
        browser.client.close()
    with house.app.writing() as tx:
        secret = invitations.make(tx, house.ids["kennel"])
    return {
        "secret": secret,
        "number": case.rpartition("/")[2], "step": "classify", "workflow": "nonconformity", "key": KEY, "slug": "prova", "revision": "1",
        "name": "uno.png", "position": position, "sha256": sha256, "person": house.ids["aurora"], "kind": "withdrawal",
        "delegation": "D-00000000",
    }  # fmt: skip


def approved(browsers: Mapping[str, Browser], place: str) -> None:
    case = case_of(browsers["quality"], place)
    steps = (
        ("quality", "send_to_check", {"field.change_summary": "Chiarita la segnalazione."}),
        ("quality_too", "review_ok", {"field.review_outcome": "Coerente con gli altri documenti.", "password": PASSWORD}),
        ("direction", "approve_now", {"password": PASSWORD}),
    )
    for name, step, fields in steps:
        answer = stepped(browsers[name], case, step, **fields)
        assert answer.status_code == 303, sentences(answer)


def verdict(status: int) -> str:
    return str(status) if status in (303, *TURNED_AWAY) else "in"


def faults(ask: Ask, rows: list[dict[str, str]], persons: tuple[str, ...] = PERSONS) -> list[str]:
    found = []
    for row in rows:
        for name in persons:
            seen = verdict(ask(name, row["method"], row["path"]))
            if seen != row[name]:
                found.append(f"{row['method']} {row['path']} {name}: {seen}, the table says {row[name]}")
    return found


def test_every_address_stands_once_in_the_table_and_nothing_else_does() -> None:
    rows = [(row["method"], row["path"]) for row in table()]
    assert len(rows) == len(set(rows))
    assert set(rows) == addresses()


@pytest.mark.parametrize("name", PERSONS)
def test_everybody_is_answered_as_the_table_says(ask: Ask, name: str) -> None:
    assert faults(ask, table(), (name,)) == []


@pytest.mark.parametrize("permission", [one for one in registry.Permission if one is not registry.Permission.ANYONE])
def test_a_permission_taken_out_is_noticed(ask: Ask, monkeypatch: pytest.MonkeyPatch, permission: registry.Permission) -> None:
    monkeypatch.setattr(registry.Permission, "admits", lambda self, by: True if self is permission else admits(self, by))
    paths = {(one.method, one.path) for one in ROUTES if one.permission is permission}
    paths |= {(one.method, PREFIX + one.path) for one in VERBS if one.permission is permission}
    rows = [row for row in table() if (row["method"], row["path"]) in paths and row["method"] == "GET"]
    assert faults(ask, rows)


admits = registry.Permission.admits


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("qms.workflows.file.sees_case", True),
        ("qms.desk.seen.entries_of", true()),
        ("qms.procedures.control.reads_superseded", True),
        ("qms.procedures.drafts.sees_drafts", True),
    ],
)
def test_a_check_of_organisation_or_history_taken_out_is_noticed(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, place: str, says: object
) -> None:
    monkeypatch.setattr(place, lambda *_: says)
    rows = [row for row in table() if row["method"] == "GET" and row["kennel"] == "404"]
    assert faults(ask, rows, ("kennel",))


def test_quality_of_a_member_organisation_keeps_nothing_of_the_houses_own(house: House, as_person: AsPerson) -> None:
    with house.app.writing() as tx:
        for hat in ("qualita", "direzione"):
            staff.grant(tx, SYSTEM, house.app.hats, house.ids["kennel"], hat, "canile")
    kennel = as_person("kennel")
    for path in ("/people", "/exports", "/documents/new", f"/documents/{KEY}/new-draft"):
        assert kennel.get(path).status_code == 403, path
    assert kennel.send("/organisations", {"id": "x", "name": "X", "kind": "B"}).status_code == 403
    assert "/cases/" not in kennel.get("/records").text
    with house.app.reading() as connection:
        newest = trail.size(connection)
    assert kennel.get(f"/records/{newest}").status_code == 404
