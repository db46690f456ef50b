"""``qms document``: a text from draft to force and out of it, every verb found by what a step does."""

from pathlib import Path

import pytest

from tests.cli.conftest import Answer, AsPerson, Qms
from tests.house import House

CODE = "PRO-8.7-01"


@pytest.fixture
def new_text(house: House, tmp_path: Path) -> Path:
    """The text in force with one more paragraph, in a file."""
    library = house.app.library
    head = library.refs("refs/heads/main")["refs/heads/main"]
    path = next(path for path in library.tree(head, "procedures") if CODE in path)
    content = library.read(library.blob_at(head, path) or "").decode()
    file = tmp_path / "draft.md"
    file.write_text(content + "\n## Aggiunta\n\nIl magazzino del canile si controlla ogni lunedì.\n")
    return file


def submitted(author: Qms, new_text: Path) -> Answer:
    drafted = author("document", "draft", CODE, "--file", str(new_text), "--reason", "Controllo settimanale del magazzino", "--json")
    assert drafted.code == 0, drafted.out
    summary = "change_summary=Il magazzino del canile si controlla ogni lunedì."
    return author("document", "submit", CODE, "--field", summary, "--json")


def test_a_draft_is_written_submitted_checked_approved_and_in_force(as_person: AsPerson, new_text: Path) -> None:
    author, quality, direction = as_person("tenders"), as_person("quality"), as_person("direction")
    assert submitted(author, new_text).code == 0
    changed = quality("document", "diff", CODE)
    assert "+ Il magazzino del canile si controlla ogni lunedì." in changed.out
    assert direction("document", "approve", CODE, "--json").codes == ["NO_SUCH_STEP:approve"]
    checked = quality("document", "check", CODE, "--field", "review_outcome=Coerente con gli altri documenti.", "--json")
    assert checked.code == 0, checked.out
    approved = direction("document", "approve", CODE, "--json")
    assert approved.code == 0, approved.out
    shown = direction("document", "show", CODE, "--json").json
    assert shown["document"]["revision"] == 1
    assert "ogni lunedì" in shown["text"]
    former = quality("document", "show", CODE, "--revision", "0", "--json").json
    assert "ogni lunedì" not in former["text"]


def test_an_author_may_not_approve_their_own_text(as_person: AsPerson, new_text: Path) -> None:
    author = as_person("quality")
    assert submitted(author, new_text).code == 0
    for verb in ("check", "approve"):
        answer = author("document", verb, CODE, "--json")
        assert answer.code == 3
        assert any(code.startswith(("SOD:", "NO_SUCH_STEP:")) for code in answer.codes), answer.codes


def test_what_is_signed_is_said_before_the_password_is_asked(as_person: AsPerson, new_text: Path, password_file: Path) -> None:
    submitted(as_person("tenders"), new_text)
    password_file.write_text("una-password-sbagliata\n")
    answers = [as_person("quality")("document", verb, CODE, "--language", "it") for verb in ("check", "approve")]
    signed = next(answer for answer in answers if "Firmate" in answer.err)
    assert signed.code == 3
    assert "password" in signed.err


def test_a_text_with_mistakes_is_refused_with_all_of_them_and_their_lines(as_person: AsPerson, tmp_path: Path) -> None:
    (tmp_path / "bad.md").write_text("---\nkey: PRO-8.7-01\nstatus: in force\n---\n\n# Testo\n")
    answer = as_person("tenders")("document", "draft", CODE, "--file", str(tmp_path / "bad.md"), "--json")
    assert answer.code == 6
    assert len(answer.json["error"]["problems"]) > 1
    assert all(problem["sentence"] for problem in answer.json["error"]["problems"])


def test_a_withdrawal_is_proposed_by_one_and_signed_by_another(as_person: AsPerson) -> None:
    quality, direction = as_person("quality"), as_person("direction")
    proposed = quality("document", "withdraw", CODE, "--reason", "Sostituita dal manuale, capitolo 9.", "--json")
    assert proposed.code == 0, proposed.out
    field = "withdrawal_reason=Sostituita dal manuale, capitolo 9."
    own = quality("document", "approve", CODE, "--field", field, "--json")
    assert own.code == 3
    signed = direction("document", "approve", CODE, "--field", field, "--json")
    assert signed.code == 0, signed.out
    assert CODE not in {row["code"] for row in direction("document", "list", "--json").json["documents"]}
    assert CODE in {row["code"] for row in direction("document", "list", "--withdrawn", "--json").json["documents"]}


def test_who_may_not_read_superseded_texts_does_not(as_person: AsPerson) -> None:
    assert as_person("tenders")("document", "show", CODE).code == 0
    assert as_person("learner")("document", "show", CODE).code == 4
    assert as_person("learner")("document", "list", "--json").json["documents"] == []


def test_a_document_or_draft_that_does_not_exist_is_not_found(as_person: AsPerson) -> None:
    for words in (("show", "PRO-1.1-99"), ("diff", CODE), ("submit", CODE), ("show", CODE, "--draft", "nobody")):
        assert as_person("quality")("document", *words).code == 4


def test_a_new_document_starts_from_its_file(as_person: AsPerson, house: House, new_text: Path) -> None:
    text = new_text.read_text().replace(CODE, "IST-8.7-02").replace("type: PRO", "type: IST").replace('"Non conformità"', '"Magazzino"')
    new_text.write_text(text)
    quality = as_person("quality")
    path = "procedures/qualita/IST-8.7-02-magazzino.md"
    made = quality("document", "draft", "IST-8.7-02", "--file", str(new_text), "--new", path, "--reason", "Serve", "--json")
    assert made.code == 0, made.out
    assert "Magazzino" in quality("document", "show", "IST-8.7-02", "--draft", house.ids["quality"].lower()).out
