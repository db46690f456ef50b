"""The quality manager's walk in pages: write a draft, submit it, have it approved and signed by another, and see it in force."""

import html
import re
from typing import Any

import pytest

from tests.cast import PASSWORD
from tests.house import House
from tests.web.conftest import AsPerson, Browser, sentences, size_of

KEY = "PRO-8.7-01"
DRAFT = f"/documents/{KEY}/drafts/prova"
SUBMIT, CHECK, APPROVE = "send_to_check", "review_ok", "approve_now"


@pytest.fixture
def author(as_person: AsPerson) -> Browser:
    """Quality, with a draft just opened."""
    browser = as_person("quality")
    place = f"/documents/{KEY}/new-draft"
    answer = browser.send(place, {**browser.hidden(place), "slug": "prova", "reason": "Chiarita la segnalazione."})
    assert (answer.status_code, answer.headers["location"]) == (303, DRAFT), sentences(answer)
    return browser


def text_of(browser: Browser) -> str:
    return written(browser, DRAFT)


def written(browser: Browser, place: str) -> str:
    """What stands in the editor."""
    found = re.search(r'<textarea class="text"[^>]*>(.*?)</textarea>', browser.get(place).text, re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


def saved(browser: Browser, text: str, **more: str) -> Any:
    return browser.send(DRAFT, {**browser.hidden(DRAFT), "text": text, "reason": "Chiarita la segnalazione.", **more})


def case_of(browser: Browser, place: str = DRAFT) -> str:
    page = browser.get(place).text
    return str(page[page.index("/cases/REV-") :]).partition('"')[0]


def stepped(browser: Browser, case: str, step: str, **fields: str) -> Any:
    return browser.send(f"{case}/steps", {**browser.hidden(f"{case}/steps/{step}"), **fields})


def submitted(author: Browser, checker: Browser) -> str:
    """A text written by one and checked by another, ready to be approved."""
    assert saved(author, text_of(author) + "\nUn capoverso nuovo.\n").status_code == 303
    case = case_of(author)
    answer = stepped(author, case, SUBMIT, **{"field.change_summary": "Chiarita la segnalazione."})
    assert answer.status_code == 303, sentences(answer)
    answer = stepped(checker, case, CHECK, password=PASSWORD, **{"field.review_outcome": "Coerente con gli altri documenti."})
    assert answer.status_code == 303, sentences(answer)
    return case


def test_a_revision_goes_from_draft_to_force_and_its_page_names_the_hands(as_person: AsPerson, author: Browser) -> None:
    case = submitted(author, as_person("quality_too"))
    direction = as_person("direction")
    shown = direction.get(f"{case}/steps/{APPROVE}").text
    assert "Un capoverso nuovo." in shown
    assert "Approvo questo testo" in shown
    answer = stepped(direction, case, APPROVE, password=PASSWORD)
    assert answer.status_code == 303, sentences(answer)
    page = as_person("tenders").get(f"/documents/{KEY}").text
    for words in ("Un capoverso nuovo.", "Lucia Bianchi", "Renzo Galli", "Piero Neri", "Chiarita la segnalazione.", "in vigore"):
        assert words in page
    assert f"/documents/{KEY}/revisions/0" in author.get(f"/documents/{KEY}").text
    assert "Firmato:" in direction.get(case).text


def test_the_superseded_text_is_for_those_who_keep_the_system(as_person: AsPerson, author: Browser) -> None:
    case = submitted(author, as_person("quality_too"))
    assert stepped(as_person("direction"), case, APPROVE, password=PASSWORD).status_code == 303
    old = f"/documents/{KEY}/revisions/0"
    for name, status in (("quality", 200), ("auditor", 200), ("tenders", 404), ("kennel", 404), ("learner", 403)):
        assert as_person(name).get(old).status_code == status, name
    assert "Un capoverso nuovo." not in author.get(old).text
    changes = author.get(f"/documents/{KEY}/revisions/1/changes").text
    assert "Un capoverso nuovo." in changes
    assert as_person("tenders").get(f"/documents/{KEY}/revisions/1/changes").status_code == 404


def test_an_author_may_not_approve_their_own_revision_and_the_attempt_is_recorded(
    house: House, as_person: AsPerson, author: Browser
) -> None:
    case = submitted(author, as_person("quality_too"))
    before = size_of(house)
    answer = stepped(author, case, APPROVE, password=PASSWORD, comment="Va bene così.", groups="admin")
    assert answer.status_code == 403
    assert "Va bene così." in answer.text
    assert PASSWORD not in answer.text
    assert size_of(house) == before + 1
    assert "attempt-refused" in author.get(f"/records/{before + 1}").text


def test_a_wrong_password_signs_nothing_and_is_recorded(house: House, as_person: AsPerson, author: Browser) -> None:
    case = submitted(author, as_person("quality_too"))
    direction = as_person("direction")
    before = size_of(house)
    wrong = stepped(direction, case, APPROVE, password="non è questa password", comment="Letto tutto.")
    assert wrong.status_code == 401
    assert "non è questa password" not in wrong.text
    assert "Letto tutto." in wrong.text
    assert 'href="#f-password"' in wrong.text
    assert size_of(house) == before + 1
    assert stepped(direction, case, APPROVE).status_code == 401
    assert stepped(direction, case, APPROVE, password=PASSWORD).status_code == 303


def test_the_approval_is_for_the_text_that_was_shown(as_person: AsPerson, author: Browser) -> None:
    case = submitted(author, as_person("quality_too"))
    direction = as_person("direction")
    form = direction.hidden(f"{case}/steps/{APPROVE}")
    assert saved(author, text_of(author) + "\nUna parola in più.\n").status_code == 303
    answer = direction.send(f"{case}/steps", {**form, "password": PASSWORD})
    assert answer.status_code in (409, 422)
    assert "Una parola in più." in direction.get(f"{case}/steps/{APPROVE}").text
    assert "Una parola in più." not in as_person("tenders").get(f"/documents/{KEY}").text


def test_the_same_approval_sent_twice_releases_once(house: House, as_person: AsPerson, author: Browser) -> None:
    case = submitted(author, as_person("quality_too"))
    direction = as_person("direction")
    form = {**direction.hidden(f"{case}/steps/{APPROVE}"), "password": PASSWORD}
    first = direction.send(f"{case}/steps", form)
    before = size_of(house)
    second = direction.send(f"{case}/steps", form)
    assert first.headers["location"] == second.headers["location"]
    assert size_of(house) == before


def test_a_text_with_mistakes_comes_back_whole_with_each_line_named(house: House, author: Browser) -> None:
    text = text_of(author).replace("type: PRO", "type: XXX").replace("review_every:", "revisione: 4\nreview_every:") + "\nParole mie.\n"
    before = size_of(house)
    answer = saved(author, text)
    assert answer.status_code == 422
    assert len(sentences(answer)) >= 2
    assert all("Riga" in sentence for sentence in sentences(answer))
    assert "Parole mie." in answer.text
    assert "type: XXX" in answer.text
    assert size_of(house) == before


def test_two_who_edit_one_draft_do_not_overwrite_each_other(as_person: AsPerson, author: Browser) -> None:
    other = as_person("quality_too")
    form = other.hidden(DRAFT)
    assert saved(author, text_of(author) + "\nPrima.\n").status_code == 303
    answer = other.send(DRAFT, {**form, "text": text_of(other) + "\nSeconda.\n"})
    assert answer.status_code == 409
    assert "Seconda." in answer.text


def test_an_address_that_somebody_sent_fills_in_no_form_and_shows_no_text(as_person: AsPerson, author: Browser) -> None:
    saved(author, text_of(author).replace("# ", "# Vero "))
    asked = {"text": "---\na: b\n---\n# Contraffatto", "reason": "Contraffatto", "key": "Contraffatto", "comment": "Contraffatto"}
    for name in ("direction", "auditor", "quality"):
        reader = as_person(name)
        for page in (reader.get(DRAFT, params=asked).text, reader.get(DRAFT).text):
            assert not re.search('[>"]Contraffatto|# Contraffatto', page)
    assert '"Contraffatto' not in author.get("/documents/PRO-8.7-01/new-draft", params=asked).text


def test_a_preview_shows_the_text_and_saves_nothing(house: House, author: Browser) -> None:
    before = size_of(house)
    text = text_of(author) + "\n## Titolo nuovo\n\n<svg onload=alert(1)> [x](JaVaScRiPt&#58;alert(1))\n"
    answer = author.send(f"{DRAFT}/preview", {**author.hidden(DRAFT), "text": text})
    assert answer.status_code == 200
    assert ">Titolo nuovo</h2>" in answer.text
    assert "<svg onload" not in answer.text.partition('id="preview"')[2]
    alone = author.send("/preview", {"text": text}).text
    assert ">Titolo nuovo</h2>" in alone
    assert "javascript" not in alone.lower()
    assert "onload" not in alone.replace("&lt;svg onload", "")
    assert size_of(house) == before


def test_who_does_not_write_drafts_neither_opens_nor_sees_them(as_person: AsPerson, author: Browser) -> None:
    for name in ("kennel", "learner", "system"):
        person = as_person(name)
        assert person.get(DRAFT).status_code in (403, 404)
        assert person.send(DRAFT, {"text": "x"}).status_code in (403, 404)
        assert person.get(f"/documents/{KEY}/new-draft").status_code == 403
    auditor = as_person("auditor")
    assert auditor.get(DRAFT).status_code == 200
    assert auditor.send(DRAFT, {"text": "x"}).status_code == 403


def test_a_withdrawal_is_proposed_by_one_and_signed_by_another(as_person: AsPerson) -> None:
    place = "/documents/PRO-7.5-02/proposals/withdrawal"
    quality = as_person("quality")
    empty = quality.send(place, {**quality.hidden(place), "reason": ""})
    assert empty.status_code == 422
    case = quality.send(place, {**quality.hidden(place), "reason": "Sostituita dal manuale."}).headers["location"]
    own = stepped(
        quality, case, "sign_proposed_withdrawal", password=PASSWORD, **{"field.withdrawal_reason": "Sostituita dal manuale nuovo."}
    )
    assert own.status_code == 403
    answer = stepped(
        as_person("direction"),
        case,
        "sign_proposed_withdrawal",
        password=PASSWORD,
        **{"field.withdrawal_reason": "Sostituita dal manuale nuovo."},
    )
    assert answer.status_code == 303, sentences(answer)
    assert "PRO-7.5-02" not in quality.get("/documents").text
    assert "ritirata" in quality.get("/documents?withdrawn=yes").text


def test_a_new_document_is_drafted_from_a_template(as_person: AsPerson) -> None:
    quality = as_person("quality")
    form = {
        **quality.hidden("/documents/new"),
        "title": "Acquisti",
        "type": "PRO",
        "code": "PRO-8.4-03",
        "owner": "PURCH",
        "language": "it",
    }
    missing = quality.send("/documents/new", form)
    assert missing.status_code == 422
    assert 'value="Acquisti"' in missing.text
    answer = quality.send("/documents/new", {**form, "area": "acquisti", "name": "acquisti", "reason": "Serve."})
    assert answer.status_code == 303, sentences(answer)
    assert "PRO-8.4-03" in quality.get(answer.headers["location"]).text


@pytest.mark.parametrize("name", ["--output=/x", "../x", ".git/hooks/x", "0%00", "-1", "9" * 40])
def test_a_revision_that_is_no_number_is_not_there(as_person: AsPerson, name: str) -> None:
    assert as_person("quality").get(f"/documents/{KEY}/revisions/{name}").status_code in (400, 404)
