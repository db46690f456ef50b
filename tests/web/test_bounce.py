"""What must bounce, at the doors themselves: each hostile request is refused in a sentence, and neither a table nor a reference moves."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html.parser import HTMLParser
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from qms.database import metadata
from qms.people import sign_in
from qms.web import ROUTES, VERBS, create_app, doorway
from qms.web.api import PREFIX
from tests.cast import CAST, PASSWORD
from tests.house import House
from tests.web.conftest import AsPerson, Browser, sentences, size_of
from tests.web.test_opening_a_case import GOOD, NEW, opened
from tests.web.test_taking_a_step import TREAT, proof

EMAIL = CAST["quality"].email
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
FOREIGN = "Il modulo non viene da una pagina di questa sessione: ricaricare la pagina e inviare di nuovo."
UNREAD = "Il modulo è mal formato o non è in UTF-8, oppure ha più di 3000 campi, più di 50 file o un testo oltre 1000 kB."
COMING_AND_GOING = ("session", "throttle")
ORIGINS = (
    "http://localhost:81", "https://localhost", "http://localhost.evil.example", "http://localhost@evil.example", "null", "", "file://",
    "http://localhost, http://evil.example",
)  # fmt: skip
ELSEWHERE = (
    "//evil.example", "/\\evil.example", "///evil.example", "https://evil.example", "/\r\nSet-Cookie: x=y", "/\x00", " /x", "javascript:1",
    "/" + "x" * 600,
)  # fmt: skip


def standing(house: House) -> tuple[Mapping[str, int], Mapping[str, str]]:
    """How many rows each table has, and where each reference points."""
    with house.app.reading() as connection:
        rows = {
            name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
            for name, table in metadata.tables.items()
            if name not in COMING_AND_GOING
        }
    return rows, house.app.library.refs()


@contextmanager
def unmoved(house: House) -> Iterator[None]:
    """Nothing is written while the block lasts."""
    before = standing(house)
    yield
    assert standing(house) == before


class Program:
    """A script of one of the cast, who speaks Italian."""

    def __init__(self, house: House, browser: Browser, name: str = "verifier") -> None:
        self.client = browser.client
        self.headers = {"Authorization": f"Bearer {house.token(name)}", "Content-Type": "application/json", "Accept-Language": "it"}

    def post(self, path: str, body: Any, **headers: str) -> Any:
        return self.client.post(PREFIX + path, headers={**self.headers, **headers}, content=body)


def said(answer: Any) -> list[str]:
    return [reason["sentence"] for reason in answer.json()["reasons"]]


# Whose form it is


def test_a_form_needs_the_word_of_this_very_session(house: House, as_person: AsPerson) -> None:
    person, former = as_person("quality"), as_person("quality")
    ended = former.csrf
    assert former.client.post("/sign-in", data={"email": EMAIL, "password": PASSWORD, "csrf": ended}).status_code == 303
    with unmoved(house):
        for word in ("", "x", "è", "\ud800", as_person("quality").csrf, as_person("tenders").csrf):
            content = b"label=x&days=9&csrf=" + word.encode("utf-8", "surrogatepass")
            answer = person.client.post("/account/tokens", content=content, headers=FORM)
            assert (answer.status_code, sentences(answer)) == (403, [FOREIGN]), word
        answer = former.client.post("/account/tokens", data={"label": "x", "days": "9", "csrf": ended})
        assert (answer.status_code, sentences(answer)) == (403, [FOREIGN])


def test_a_form_from_any_other_origin_is_refused(house: House, as_person: AsPerson) -> None:
    person = as_person("quality")
    with unmoved(house):
        for origin in ORIGINS:
            answer = person.send("/account/tokens", {"label": "x", "days": "9"}, headers={"Origin": origin})
            assert (answer.status_code, sentences(answer)) == (403, [FOREIGN]), origin


def test_a_session_somebody_chose_for_another_is_worth_nothing(house: House, as_person: AsPerson) -> None:
    stranger = as_person(None)
    stranger.client.cookies.set("qms", "scelto-da-altri")
    answer = stranger.send("/sign-in", {"email": EMAIL, "password": PASSWORD})
    given = re.search(r"qms=([^;]+)", answer.headers["set-cookie"])
    assert given is not None
    assert given[1] != "scelto-da-altri"
    with house.app.reading() as connection:
        assert sign_in.session(connection, "scelto-da-altri", house.clock(), house.app.hats, "web") is None


def test_over_https_the_cookie_is_of_this_host_alone_and_the_browser_stays_with_https(house: House) -> None:
    with TestClient(create_app(house.app), base_url="https://localhost", follow_redirects=False) as client:
        answer = client.post("/sign-in", data={"email": EMAIL, "password": PASSWORD})
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-qms=")
        assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} <= {part.strip() for part in cookie.split(";")}
        assert "Domain" not in cookie
        assert answer.headers["strict-transport-security"].startswith("max-age=")
        client.cookies.clear()
        plain = {"Cookie": f"qms={cookie.partition('=')[2].partition(';')[0]}"}
        assert client.get("/cases", headers=plain).headers["location"].startswith("/sign-in")


def test_signing_out_leaves_nothing_of_this_house_in_the_browser(as_person: AsPerson) -> None:
    assert as_person("quality").send("/sign-out").headers["clear-site-data"] == '"cache", "storage"'


def test_no_address_given_by_others_leads_out_of_the_house(as_person: AsPerson) -> None:
    person = as_person("quality")
    for evil in ELSEWHERE:
        for answer in (person.get("/sign-in", params={"next": evil}), person.send("/language", {"language": "it", "next": evil})):
            assert answer.headers.get("location", "/") == "/", evil
            assert answer.status_code in (303, 400)
            assert "x=y" not in answer.headers.get("set-cookie", "")


def test_a_forwarded_name_of_the_host_is_not_believed(as_person: AsPerson) -> None:
    evil = {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    person = as_person("quality")
    assert "evil.example" not in person.get("/account", headers=evil).text
    assert as_person(None).get("/cases", headers=evil).headers["location"] == "/sign-in?next=%2Fcases"


# What an address may hold


ADDRESSES = sorted({route.path for route in ROUTES if route.method == "GET" and "{" in route.path and not route.is_for_programs})
VALUES = (
    "..%2f..%2fqms.toml",
    "--output=%2fx",
    "%2e%2e",
    "__class__",
    "%D9%A1",
    "99999999999999999999",
    "%27%20OR%201=1--",
    "%F0%9F%92%A9",
    "%CC%80" * 500,
)


def test_no_part_of_an_address_leads_anywhere_else(house: House, as_person: AsPerson) -> None:
    person = as_person("quality")
    settings = (house.app.settings.root / "qms.toml").read_text(encoding="utf-8").splitlines()[0]
    with unmoved(house):
        for value in VALUES:
            for address in ADDRESSES:
                answer = person.get(re.sub(r"\{[^}]+\}", value, address))
                assert answer.status_code in (404, 422), (address, value)
                assert sentences(answer), (address, value)
                assert settings not in answer.text
    assert not (house.app.settings.library / "x").exists()


def test_only_our_own_style_script_and_pictures_are_static(as_person: AsPerson) -> None:
    stranger = as_person(None)
    for path in ("../pages.py", "..%2fpages.py", "%2e%2e/pages.py", "..\\pages.py", "/etc/passwd", ""):
        answer = stranger.get(f"/static/{path}")
        assert answer.status_code == 404, path
        assert "import" not in answer.text


def test_words_of_a_search_are_words(house: House, as_person: AsPerson) -> None:
    opened(as_person("verifier"))
    person = as_person("quality")
    with unmoved(house):
        for words in ("' OR 1=1 --", "%%", "_____", '"', "* NEAR(", "\\", "a AND b*", "); DROP TABLE entry"):
            for path, name in (("/cases", "text"), ("/records", "words"), ("/documents", "text")):
                answer = person.get(path, params={name: words})
                assert answer.status_code == 200, (path, words)
                assert "NC-2026-0001" not in answer.text, (path, words)


# What a body may hold


def part(name: str, content: str = "x") -> bytes:
    return f"--b\r\nContent-Disposition: form-data; {name}\r\n\r\n{content}\r\n".encode()


UNREADABLE = (
    ("multipart/form-data", b"x"),
    ("application/x-www-form-urlencoded", b"&".join(b"f%d=" % place for place in range(3_100))),
    ("multipart/form-data; boundary=b", b"".join(part(f'name="f{place}"') for place in range(3_100)) + b"--b--\r\n"),
    ("multipart/form-data; boundary=b", part('name="f"; filename="x"') * 60 + b"--b--\r\n"),
    *((f"multipart/form-data; boundary=b; charset={name}", part('name="label"', "\\ud800") + b"--b--\r\n")
      for name in ("unicode_escape", "utf-16", "utf-7", "undefined", "zip")),
)  # fmt: skip


def test_a_form_that_cannot_be_read_is_refused_on_a_page(house: House, as_person: AsPerson) -> None:
    for person in (as_person("quality"), as_person(None)):
        with unmoved(house):
            for kind, content in UNREADABLE:
                answer = person.client.post("/account/tokens", content=content, headers={"Content-Type": kind})
                assert (answer.status_code, sentences(answer)) == (400, [UNREAD]), (kind, content[:60])


def test_a_body_of_another_kind_is_no_form(house: House, as_person: AsPerson) -> None:
    person = as_person("quality")
    for kind in ("application/json", "text/plain", "application/xml", ""):
        with unmoved(house):
            answer = person.client.post(
                "/account/tokens", content=json.dumps({"csrf": person.csrf, "label": "x"}), headers={"Content-Type": kind}
            )
        assert (answer.status_code, sentences(answer)) == (403, [FOREIGN])


def test_a_body_without_a_length_is_counted_as_it_comes(house: House, as_person: AsPerson) -> None:
    too_much = "Troppo grande: qui si accettano al massimo 1000000 byte."
    person = as_person("quality")
    program = Program(house, person, "quality")
    with unmoved(house):
        page = person.client.post("/account/tokens", content=iter([b"label=" + b"x" * 900_000] * 3), headers=FORM)
        assert (page.status_code, sentences(page)) == (413, [too_much])
        honest = person.client.post("/account/tokens", content=b"", headers={"Content-Length": "1000001", "Accept-Language": "it"})
        assert (honest.status_code, honest.text.strip()) == (413, too_much)
        answer = program.post("/documents/PRO-8.7-01/drafts", iter([b'{"slug":"' + b"x" * 900_000] * 3))
        assert (answer.status_code, said(answer)) == (413, [too_much])


def shape(title: str) -> str:
    return '{"workflow": "nonconformity", "fields": {"title": ' + title + "}}"


BODIES: tuple[tuple[str | bytes, str], ...] = (
    (shape("NaN"), "NaN e Infinity non sono numeri."),
    (shape("-Infinity"), "NaN e Infinity non sono numeri."),
    (shape("9" * 5_000), "Un numero ha troppe cifre."),
    (shape('"a", "title": "b"'), "Nel corpo uno stesso nome compare due volte."),
    ('{"workflow": "nonconformity", "workflow": "public-tender"}', "Nel corpo uno stesso nome compare due volte."),
    (shape("[" * 50_000 + "]" * 50_000), "Il corpo ha troppi livelli uno dentro l'altro."),
    (shape("[" * 60 + "]" * 60), "body: un carattere nullo, mezza coppia di caratteri, o troppi livelli."),
    (shape('"\\ud800"'), "body: un carattere nullo, mezza coppia di caratteri, o troppi livelli."),
    (shape('"\\u0000"'), "body: un carattere nullo, mezza coppia di caratteri, o troppi livelli."),
    (shape('"x"').encode("utf-16"), "Il corpo non è in UTF-8."),
    (b"\xff\xfe", "Il corpo non è in UTF-8."),
    ("{", "Il corpo non è JSON ben formato."),
    ("[]", "Il corpo deve essere un oggetto JSON, inviato come application/json."),
    ('{"workflow": "nonconformity", "groups": ["admin"]}', "groups: non è previsto."),
    ('{"workflow": "' + "x" * 61 + '"}', "workflow: al massimo 60 caratteri."),
)
OBJECT = "Il corpo deve essere un oggetto JSON, inviato come application/json."


def test_a_body_has_one_reading_or_none(house: House, as_person: AsPerson) -> None:
    program = Program(house, as_person(None))
    with unmoved(house):
        for body, sentence in BODIES:
            answer = program.post("/cases", body)
            assert (answer.status_code, said(answer)) == (422, [sentence]), body[:80]
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", ""):
            answer = program.post("/cases", shape('"x"'), **{"Content-Type": kind})
            assert (answer.status_code, said(answer)) == (422, [OBJECT]), kind


def test_an_address_is_asked_in_its_own_way_only(as_person: AsPerson) -> None:
    sentence = "A questo indirizzo non si può chiedere in questo modo."
    quality, stranger = as_person("quality"), as_person(None)
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        page = quality.client.request(method, "/cases")
        assert (page.status_code, sentences(page)) == (405, [sentence])
        answer = stranger.client.request(method, f"{PREFIX}/cases", headers={"Accept-Language": "it"})
        assert (answer.status_code, said(answer)) == (405, [sentence])


# What words and files may hold


def test_signs_that_turn_or_bury_a_text_are_refused(house: House, as_person: AsPerson) -> None:
    person = as_person("verifier")
    form = {**person.hidden(NEW), **GOOD}
    with unmoved(house):
        for sign in ("\u202e", "\u2066", "\ufeff", "\U000e0041", "a" + "\u0300" * 40, "\u0007"):
            for field in ("field.title", "field.description"):
                answer = person.send(NEW, {**form, field: f"Registro {sign} firmato in anticipo"})
                assert answer.status_code == 422, (field, sign)
                assert len(sentences(answer)) == 1
                assert sentences(answer)[0].endswith("contiene caratteri non ammessi."), (field, sign)


HOSTILE = (
    "<script>alert(1)</script>",
    "<svg onload=alert(1)>", '"><img src=x onerror=alert(1)>', "{{ 1234*5678 }} {% for a in b %}", "${1234*5678}",
    "'; DROP TABLE entry; --", "=HYPERLINK(\"http://evil.example\")", "</textarea><script>", "javascript:alert(1)",
)  # fmt: skip


class Seen(HTMLParser):
    """What a browser would run or follow on a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts = 0
        self.live: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.live += [
            name
            for name, value in attrs
            if name.startswith("on") or (str(value).strip().lower().startswith("javascript:") and name != "value")
        ]
        self.live += [tag] if tag in ("img", "iframe", "object", "base") and ("src", "x") in attrs else []


def test_hostile_words_stay_words_on_every_page(as_person: AsPerson) -> None:
    person, quality = as_person("verifier"), as_person("quality")
    for hostile in HOSTILE:
        place = opened(person, **{"field.title": f"Prova {hostile}", "field.description": f"Racconto {hostile}", "comment": hostile})
        case, position = place.partition("?")[0], place.rpartition("=")[2]
        refused = person.send(NEW, {**person.hidden(NEW), "field.title": hostile, "field.description": "", "comment": hostile})
        assert refused.status_code == 422
        pages = [quality.get(path).text for path in (place, "/cases", "/records", f"/records/{position}", f"{case}/steps/treat", "/")]
        for text in (*pages, refused.text):
            seen = Seen(text)
            assert (seen.scripts, seen.live) == (1, []), hostile
            assert "7006652" not in text


MARKDOWN = (
    ("<script>alert(1)</script>", "<script"), ("<svg onload=alert(1)>", "<svg"), ("[x](JaVaScRiPt&#58;alert(1))", 'href="j'),
    ("![x](data:image/svg+xml;base64,PHN2Zz4=)", "data:"), ("# a {: onclick=alert(1) }", "onclick="), ("<style>*{}</style>", "<style"),
    ("<iframe src=//evil.example>", "<iframe"), ("<a href='vbscript:x'>y</a>", "vbscript"), ("![x](http://evil.example/p)", "evil.example"),
    ("{{ 1234*5678 }}", "7006652"), ("<math><mtext></form><mglyph><style></math><img src onerror=alert(1)>", "onerror="),
    ("<form action=/x><input name=y>", "<input"), ("[" * 3_000, "<a"), ("> " * 3_000 + "x", "<script"),
)  # fmt: skip


def test_nothing_in_a_markdown_text_runs_or_calls_out(as_person: AsPerson) -> None:
    person = as_person("quality")
    for text, gone in MARKDOWN:
        answer = person.send("/preview", {"text": text})
        assert answer.status_code == 200
        assert gone.lower() not in answer.text.lower()


FILES = (
    ("virus.exe", b"MZ\x90\x00"), ("pagina.html", b"<html>"), ("finto.pdf", b"<html><script>alert(1)</script>"),
    ("finto.png", b"GIF89a<script>"),
    ("vuoto.pdf", b""), ("nota.txt", b"MZ\x90\x00\x03"), ("doppio.pdf.exe", b"%PDF-1.4"), ("senza", b"x"),
)  # fmt: skip


def test_a_file_that_is_not_what_its_name_says_is_refused(house: House, as_person: AsPerson) -> None:
    case = opened(as_person("verifier")).partition("?")[0]
    quality = as_person("quality")
    form = {**quality.hidden(f"{case}/steps/treat"), **TREAT}
    with unmoved(house):
        for name, content in FILES:
            answer = quality.send(
                f"{case}/steps", form, files={"evidence.CORRECTION_EVIDENCE": (name, BytesIO(content), "application/pdf")}
            )
            assert answer.status_code == 422, name
            assert any(name in sentence for sentence in sentences(answer)), name
    assert not list(house.app.settings.evidence.glob("*/*"))
    assert not list(house.app.settings.evidence.glob(".incoming*"))


# Whose case, whose key, whose account


def test_the_key_of_one_person_opens_nothing_to_another(house: House, as_person: AsPerson) -> None:
    case = opened(as_person("verifier")).partition("?")[0]
    quality = as_person("quality")
    form = {**quality.hidden(f"{case}/steps/treat"), **TREAT}
    assert quality.send(f"{case}/steps", form, files=proof()).status_code == 303
    other = as_person("quality_too")
    with unmoved(house):
        answer = other.send(f"{case}/steps", {**form, "csrf": other.csrf}, files=proof())
    assert answer.status_code == 409
    with unmoved(house):
        again = quality.send(f"{case}/steps", form, files=proof())
    assert again.status_code == 303


def test_what_another_organisation_has_cannot_be_told_from_what_is_not_there(house: House, as_person: AsPerson) -> None:
    opened(as_person("verifier"))
    position = size_of(house)
    stranger, token = as_person("kennel"), house.token("kennel")
    bearer = {"Authorization": f"Bearer {token}"}
    pairs = (
        ("/cases/{}", "NC-2026-0001", "NC-2026-0099"), ("/exports/{}", "NC-2026-0001", "NC-2026-0099"),
        ("/cases/{}/steps/treat", "NC-2026-0001", "NC-2026-0099"), (f"/cases/{{}}/evidence/{'0' * 64}", "NC-2026-0001", "NC-2026-0099"),
        ("/records/{}", str(position), "99999"), ("/records/{}/sealed", str(position), "99999"),
        ("/records/{}/receipt", str(position), "99999"),
        (PREFIX + "/cases/{}", "NC-2026-0001", "NC-2026-0099"), (PREFIX + "/records/{}", str(position), "99999"),
    )  # fmt: skip
    for path, there, nowhere in pairs:
        answers = [stranger.get(path.format(name), headers=bearer if path.startswith(PREFIX) else {}) for name in (there, nowhere)]
        assert [answer.status_code for answer in answers] == [404, 404], path
        assert answers[0].text.replace(there, "?").replace(nowhere, "?") == answers[1].text.replace(nowhere, "?").replace(there, "?"), path
    assert "NC-2026-0001" not in stranger.get("/cases?text=NC-2026-0001").text.partition("<main")[2].replace('value="NC-2026-0001"', "")
    assert stranger.get(PREFIX + "/cases", headers=bearer).json()["cases"] == []


def test_an_auditor_changes_nothing_at_any_address(house: House, as_person: AsPerson) -> None:
    case = opened(as_person("verifier")).rpartition("/")[2].partition("?")[0]
    auditor, headers = as_person("auditor"), {"Authorization": f"Bearer {house.token('auditor')}", "Content-Type": "application/json"}
    anyone = ("/sign-in", "/language", "/way-back", "/invitation/{secret}")
    own = (*anyone, "/sign-out", "/account/password", "/account/tokens", "/account/tokens/revoked", "/verification")
    names = {
        "number": case,
        "key": "PRO-8.7-01",
        "workflow": "nonconformity",
        "person": house.ids["kennel"],
        "kind": "withdrawal",
        "slug": "x",
        "delegation": "1",
    }
    posts = [route.path for route in ROUTES if route.method == "POST" and route.path not in own and not route.is_for_programs]
    with unmoved(house):
        for path in posts:
            assert auditor.send(path.format_map(names), {**TREAT, "step": "treat", "version": "1"}).status_code == 403, path
        for verb in VERBS:
            if verb.method == "POST":
                answer = auditor.client.post(PREFIX + verb.path.format_map(names), content="{}", headers=headers)
                assert answer.status_code in (403, 422), verb.path


def test_an_account_that_ends_while_its_pages_are_open_acts_no_more(house: House, as_person: AsPerson) -> None:
    case = opened(as_person("verifier")).partition("?")[0]
    quality, token = as_person("quality_too"), house.token("quality_too")
    form = {**quality.hidden(f"{case}/steps/treat"), **TREAT}
    closed = as_person("quality").send(f"/people/{house.ids['quality_too']}/disabled")
    assert closed.status_code == 303
    with unmoved(house):
        answer = quality.send(f"{case}/steps", form, files=proof())
        assert (answer.status_code, sentences(answer)) == (401, ["Per questa pagina bisogna entrare: la sessione può essere scaduta."])
        program = quality.client.get(PREFIX + "/me", headers={"Authorization": f"Bearer {token}", "Accept-Language": "it"})
        assert program.status_code == 401
        assert quality.client.get("/library.git/info/refs?service=git-upload-pack", auth=("x", token)).status_code == 401


# What goes wrong


def test_a_mistake_of_the_program_shows_no_trace_and_logs_no_words(
    as_person: AsPerson, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("segreto del magazzino")

    person = as_person("quality")
    monkeypatch.setattr("qms.web.pages.draw", fails)
    answer = person.get("/")
    assert answer.status_code == 500
    assert "segreto" not in answer.text
    assert "Traceback" not in answer.text
    assert "annotato con il riferimento" in answer.text
    assert answer.headers["content-security-policy"] == doorway.POLICY
    assert answer.headers["cache-control"] == "no-store"
    assert "segreto del magazzino" in caplog.text
    assert person.client.cookies["qms"] not in caplog.text


def test_a_refusal_carries_the_headers_of_safety_too(as_person: AsPerson) -> None:
    for person in (as_person(None), as_person("quality")):
        for path in ("/nothing", "/cases/%00", "/cases/x", "/api/v1/nothing", "/records/x", "/library.git/HEAD", "/static/nothing"):
            for answer in (person.get(path), person.client.request("PUT", path), person.get(path, headers={"Host": "evil.example"})):
                assert answer.status_code >= 300
                assert answer.headers["content-security-policy"] == doorway.POLICY
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert answer.headers["referrer-policy"] == "same-origin"
                assert answer.headers["cache-control"] == "no-store"
                assert "server" not in answer.headers
                assert "Traceback" not in answer.text


def test_a_verification_that_fails_names_its_reference_and_not_what_it_read(as_person: AsPerson, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("SELECT segreto FROM entry")

    monkeypatch.setattr("qms.desk.verification.everything", fails)
    person = as_person("quality")
    assert person.send("/verification").status_code == 303
    until = time.monotonic() + 20
    while "annotato con il riferimento" not in (text := person.get("/verification").text) and time.monotonic() < until:
        time.sleep(0.02)
    assert "annotato con il riferimento" in text
    assert "segreto" not in text


def test_a_comment_that_would_read_as_another_is_refused(house: House, as_person: AsPerson) -> None:
    person = as_person("verifier")
    form = {**person.hidden(NEW), **GOOD}
    with unmoved(house):
        for sign in ("\u202e", "\u2067", "e" + "\u0301" * 30):
            answer = person.send(NEW, {**form, "comment": f"Visto {sign} da me"})
            assert sentences(answer) == ["Il commento è troppo lungo o contiene caratteri non ammessi."]
    assert person.send(NEW, {**form, "comment": "Su due righe,\r\ncome le manda un browser."}).status_code == 303
