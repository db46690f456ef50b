"""A form in a spreadsheet goes through pages like a text: handed in, approved, downloaded, replaced, compared."""

from tests.cast import PASSWORD
from tests.house import House
from tests.web.conftest import AsPerson, Browser, sentences
from tests.web.test_publishing_a_revision import APPROVE, CHECK, SUBMIT, case_of, stepped, written

KEY = "MOD-8.2-01"
PLACE = f"/documents/{KEY}"
FIRST, SECOND = b"PK\x03\x04 first", b"PK\x03\x04 second"
NEW = {
    "title": "Modulo d'offerta", "type": "MOD", "code": KEY, "owner": "QM", "language": "it", "area": "gare", "name": "modulo-offerta",
    "reason": "Serve un modulo.",
}  # fmt: skip


def handed(content: bytes, name: str) -> dict[str, tuple[str, bytes, str]]:
    return {"document_file": (name, content, "application/octet-stream")}


def released(as_person: AsPerson, draft: str) -> None:
    """Submitted, checked and approved by three persons."""
    author = as_person("quality")
    case = case_of(author, draft)
    for browser, step, fields in (
        (author, SUBMIT, {"field.change_summary": "Il modulo ha una colonna in più."}),
        (as_person("quality_too"), CHECK, {"field.review_outcome": "Coerente con gli altri documenti.", "password": PASSWORD}),
        (as_person("direction"), APPROVE, {"password": PASSWORD}),
    ):
        assert f"{draft}/file" in browser.get(f"{case}/steps/{step}").text or step == SUBMIT
        answer = stepped(browser, case, step, **fields)
        assert answer.status_code == 303, sentences(answer)


def test_a_form_in_a_spreadsheet_lives_as_a_document_does(house: House, as_person: AsPerson) -> None:
    author = as_person("quality")
    assert author.send("/documents/new", {**author.hidden("/documents/new"), **NEW}, files=handed(b"MZ", "a.exe")).status_code == 422
    answer = author.send("/documents/new", {**author.hidden("/documents/new"), **NEW}, files=handed(FIRST, "Modulo 1.xlsx"))
    draft = f"{PLACE}/drafts/prima-stesura"
    assert (answer.status_code, answer.headers["location"]) == (303, draft), sentences(answer)
    assert f"{draft}/file" in author.get(draft).text
    assert author.get(f"{draft}/file").content == FIRST
    released(as_person, draft)
    reader = as_person("tenders")
    assert f"{PLACE}/revisions/0/file" in reader.get(PLACE).text
    given = reader.get(f"{PLACE}/revisions/0/file")
    assert given.content == FIRST
    assert given.headers["content-disposition"].startswith('attachment; filename="Modulo 1.xlsx"')
    assert given.headers["x-content-type-options"] == "nosniff"
    second = replaced(author)
    compared = author.get(f"{second}/comparison").text
    assert "Modulo 2.xlsx" in compared and "Modulo 1.xlsx" in compared and "SHA-256" in compared
    released(as_person, second)
    assert reader.get(f"{PLACE}/revisions/1/file").content == SECOND
    assert reader.get(f"{PLACE}/revisions/0/file").status_code == 404
    assert as_person("auditor").get(f"{PLACE}/revisions/0/file").content == FIRST
    assert "Modulo 1.xlsx" in author.get(f"{PLACE}/revisions/1/changes").text


def replaced(author: Browser) -> str:
    """A second revision under way, with another file."""
    start = f"{PLACE}/new-draft"
    assert author.send(start, {**author.hidden(start), "slug": "due", "reason": "Nuova colonna."}).status_code == 303
    draft = f"{PLACE}/drafts/due"
    form = {**author.hidden(draft), "text": written(author, draft), "reason": "Nuova colonna."}
    answer = author.send(draft, form, files=handed(SECOND, "Modulo 2.xlsx"))
    assert answer.status_code == 303, sentences(answer)
    return draft


def test_a_text_that_names_a_file_nobody_handed_in_is_not_submitted(as_person: AsPerson) -> None:
    author = as_person("quality")
    start = "/documents/PRO-8.7-01/new-draft"
    assert author.send(start, {**author.hidden(start), "slug": "prova", "reason": "Prova."}).status_code == 303
    draft = "/documents/PRO-8.7-01/drafts/prova"
    line = f'file: {{name: "Modulo.pdf", sha256: "{"0" * 64}", size: 12}}\nowner:'
    text = written(author, draft).replace("owner:", line, 1)
    assert author.send(draft, {**author.hidden(draft), "text": text, "reason": "Prova."}).status_code == 303
    assert author.get(f"{draft}/file").status_code == 404
    answer = stepped(author, case_of(author, draft), SUBMIT, **{"field.change_summary": "Il modulo ha una colonna in più."})
    assert answer.status_code == 422
    assert "Modulo.pdf" in answer.text
