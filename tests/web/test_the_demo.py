"""The demo read page by page, as each of its people and in both languages: nothing untranslated, nothing broken, every clause shown."""

import io
import re
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from starlette.testclient import TestClient

from qms import app as assembly
from qms.app import App
from qms.desk import demo
from qms.locale import LANGUAGES, catalogue, knows
from qms.people import directory, sign_in
from qms.people.actor import SYSTEM
from qms.procedures import control
from qms.web import create_app
from qms.workflows import case
from qms.workflows.definition import Definition

PEOPLE = ("qualita", "direzione", "formazione", "canile", "docente", "auditor")
EACH = 3
"""Pages of one kind that each person opens."""
DOTTED = re.compile(r"[a-z_]+(?:\.[a-z_]+)+")
WRITTEN = {"pre", "code", "script", "style", "textarea", "del", "ins", "blockquote"}
BY_PEOPLE = {"prose", "letter", "compare", "toc", "reading"}


class Page(HTMLParser):
    """The words of a page that the program itself says, and where its links lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self._open: list[tuple[str, bool]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "a" and (told.get("href") or "").startswith("/"):
            self.links.append(str(told["href"]).partition("#")[0])
        if tag not in ("br", "input", "img", "meta", "link", "hr", "path", "circle", "rect", "line", "polyline", "use"):
            aside = tag in WRITTEN or bool(BY_PEOPLE & set((told.get("class") or "").split())) or ("lang" in told and tag != "html")
            self._open.append((tag, aside))
        for name in ("title", "aria-label", "placeholder"):
            self._say(told.get(name))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        self._say(data)

    def _say(self, text: str | None) -> None:
        if text and text.strip() and not any(aside for _, aside in self._open):
            self.words.append(" ".join(text.split()))


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    root = tmp_path_factory.mktemp("demo") / "w"
    demo.build(root, assembly.open)
    with assembly.opened(root) as app:
        yield app


def browser(app: App, name: str, language: str) -> TestClient:
    session = sign_in.sign_in(app.database, f"{name}@example.org", demo.sign_ins()[0].password)
    with app.writing() as tx:
        directory.choose_language(tx, session.person, language)
    client = TestClient(create_app(app), base_url="http://localhost", follow_redirects=False)
    client.cookies.set("qms", session.cookie)
    return client


def kind(path: str) -> str:
    """What pages have in common: their address without what names one thing."""
    return "/".join(re.sub(r".*[0-9].*", "*", part) for part in path.partition("?")[0].split("/"))


def walk(client: TestClient) -> Iterator[tuple[str, Any]]:
    """Every page that a person reaches by links from the first, a few of each kind."""
    waiting, seen, opened = ["/"], {"/"}, dict[str, int]()
    came = {"/": "nowhere"}
    while waiting:
        path = waiting.pop(0)
        if opened.get(kind(path), 0) >= EACH:
            continue
        opened[kind(path)] = opened.get(kind(path), 0) + 1
        answer = client.get(path)
        yield f"{path} from {came[path]}" if answer.status_code >= 400 else path, answer
        if answer.headers.get("content-type", "").startswith("text/html"):
            fresh = [link for link in Page(answer.text).links if link not in seen and not link.startswith(("/exports", "/static"))]
            seen.update(fresh)
            came |= dict.fromkeys(fresh, path)
            waiting += fresh


def sayings(app: App) -> dict[str, set[str]]:
    """By language, whole sentences that only this language has: of the catalogues, and of every workflow in force."""
    found: dict[str, set[str]] = {language: set() for language in LANGUAGES}
    for language in LANGUAGES:
        for message in catalogue(language).values():
            found[language] |= {one for one in ([message] if isinstance(message, str) else message) if "{" not in one}
    with app.reading() as connection:
        for loaded in app.engine.definitions.all_in_force(connection):
            for text in texts(loaded.definition):
                for language in LANGUAGES:
                    found[language].add(text[language])
        written = {row.title for row in control.register(connection)} | {
            row.title for row in case.cases(connection, app.engine, SYSTEM, limit=200)
        }
    shared = {"English", "Italiano", "system"} | (found["it"] & found["en"]) | written
    return {language: {one for one in said - shared if " " in one or one[0].isupper()} for language, said in found.items()}


def texts(definition: Definition) -> Iterator[Any]:
    parts: list[Any] = [definition.states, definition.steps, definition.fields, definition.evidence, definition.timers]
    for part in parts:
        for one in part.values():
            yield one.title
    yield from (state.meaning for state in definition.states.values() if state.meaning)
    yield definition.title


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_says_a_word_in_the_other_language_or_shows_a_key(lived: App, language: str) -> None:
    other = sayings(lived)["en" if language == "it" else "it"]
    wrong: dict[str, set[str]] = {}
    reached = set()
    for name in PEOPLE:
        client = browser(lived, name, language)
        for path, answer in walk(client):
            assert answer.status_code in (200, 303), (name, path)
            if not answer.headers.get("content-type", "").startswith("text/html"):
                continue
            reached.add(kind(path))
            words = Page(answer.text).words
            bad = {key for word in words for key in DOTTED.findall(word) if knows(language, key)} | (set(words) & other)
            if bad:
                wrong[f"{name} {path}"] = bad
        client.close()
    assert wrong == {}, "\n".join(f"{page}: {words}" for page, words in wrong.items())
    assert len(reached) > 35


def test_every_clause_shows_a_document_or_a_process_and_a_record(lived: App) -> None:
    """What the list of clauses in force names is shown to the auditor with what serves it and with evidence of the demo's year."""
    client = browser(lived, "auditor", "it")
    table = client.get("/").text.partition("<tbody>")[2].partition("</tbody>")[0]
    rows = [re.findall(r"<td.*?</td>", row, re.DOTALL) for row in table.split("<tr>")[1:]]
    assert len(rows) > 30
    for clause, documents, processes, newest, _ in rows:
        number = re.sub("<[^>]+>", "", clause).strip()
        if "Non applicabile" in number or "non si applica" in number.lower():
            continue
        assert "<a " in documents or "<a " in processes, number
        assert re.search(r"\d{4}", newest), number
    client.close()


def test_an_auditor_traces_a_certificate_to_the_design_of_its_course_and_meets_no_person(lived: App) -> None:
    client = browser(lived, "auditor", "it")
    number = next(link for link in Page(client.get("/cases?workflow=course-certificate").text).links if link.startswith("/cases/ATT-"))
    certificate = client.get(number)
    course = next(link for link in Page(certificate.text).links if link.startswith("/cases/CORSO-"))
    assert "Progettazione" in client.get(course).text
    people = browser(lived, "formazione", "it")
    told = people.get(number).text
    person = re.search(r"Nome e cognome dell&#39;intestatario.*?</dt>\s*<dd>(.*?)</dd>", told, re.DOTALL)
    files = re.findall(rf'href="({number}/evidence/[0-9a-f]+)"', told)
    assert person is not None and files
    assert people.get(files[0]).status_code == 200
    record = next(link for link in Page(certificate.text).links if link.startswith("/records/"))
    for text in (certificate.text, client.get(record).text, str(client.get(record).headers)):
        assert person[1] not in text
    assert "mark good" in client.get(record).text and "mark bad" not in client.get(record).text
    assert client.get(files[0]).status_code == 403
    package = zipfile.ZipFile(io.BytesIO(client.get(number.replace("/cases", "/exports")).content))
    assert not any(name.startswith("evidence/") for name in package.namelist())
    assert any(
        name.startswith("evidence/")
        for name in zipfile.ZipFile(io.BytesIO(people.get(number.replace("/cases", "/exports")).content)).namelist()
    )
    client.close()
    people.close()


def test_files_that_name_learners_are_opened_by_who_holds_the_course_and_by_nobody_else(lived: App) -> None:
    who = {name: browser(lived, name, "it") for name in ("formazione", "auditor", "gare")}
    number = next(link for link in Page(who["auditor"].get("/cases?workflow=course-session").text).links if link.startswith("/cases/LEZ-"))
    files = re.findall(rf'href="({number}/evidence/[0-9a-f]+)"', who["formazione"].get(number).text)
    assert files
    assert who["formazione"].get(files[0]).status_code == 200
    for name in ("auditor", "gare"):
        assert files[0] not in who[name].get(number).text
        assert who[name].get(files[0]).status_code == 403
        package = zipfile.ZipFile(io.BytesIO(who[name].get(number.replace("/cases", "/exports")).content))
        assert not any(files[0].rpartition("/")[2] in one for one in package.namelist())
    whole = zipfile.ZipFile(io.BytesIO(who["auditor"].get("/exports").content)).namelist()
    assert any(one.startswith("evidence/") for one in whole)
    assert not any(files[0].rpartition("/")[2] in one for one in whole)
    for one in who.values():
        one.close()
