"""A document that is a file lives as a text does: approved by its hash, kept, found again or missed by name."""

from io import BytesIO
from pathlib import Path

import pytest

from qms.errors import BadContent, Incomplete, NotFound, Refused
from qms.locale import LANGUAGES, sentence
from qms.procedures import control, document, files, release
from qms.procedures.drafts import NewDocument
from qms.records import checkpoints, evidence, verify
from qms.records.evidence import Stored
from qms.records.verify import Ground
from tests.procedures.house import ANNA, BRUNO, CARLA, PATH, House, words

PDF, LATER = b"%PDF-1.7 first", b"%PDF-1.7 second"
HASH = "0" * 64


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "evidence"


def kept(folder: Path, content: bytes = PDF, name: str = "Modulo offerta.pdf") -> Stored:
    return evidence.store(folder, BytesIO(content), name, 1_000_000)


def named(house: House, number: int | None = None) -> str:
    """The hash of the file of the revision that somebody reads."""
    with house.store.reading() as connection:
        found = control.text(connection, house.library, "PRO-7.5-01", BRUNO, number)
        return control.kept_file(connection, "PRO-7.5-01", found.text, found.revision.path).sha256


def broken(house: House, folder: Path) -> list[str]:
    with house.store.reading() as connection:
        ground = Ground(house.store.signer.public, folder, checkpoints.texts(house.library), {})
        return [check.name for check in verify.verify_trail(connection, ground) if not check.passed]


def test_a_file_comes_into_force_and_its_next_revision_supersedes_it(house: House, folder: Path) -> None:
    first, second = kept(folder), kept(folder, LATER, "Modulo 2.pdf")
    case = house.start().case
    house.save("prima", words(), file=first)
    house.check(case)
    house.publish(case)
    assert named(house) == first.sha256
    case = house.start("seconda").case
    house.save("seconda", words(), file=second)
    house.check(case)
    house.publish(case)
    assert (named(house), named(house, 1)) == (second.sha256, first.sha256)
    assert broken(house, folder) == []


def test_another_file_voids_the_approval_of_the_former(house: House, folder: Path) -> None:
    case = house.start().case
    house.save("prima", words(), file=kept(folder))
    house.check(case)
    house.save("prima", words(), file=kept(folder, LATER))
    with pytest.raises(Refused, match="APPROVAL_VOID:verify"):
        house.publish(case)


def test_a_file_that_was_never_handed_in_is_refused_at_submission_and_at_release(house: House) -> None:
    case = house.start().case
    house.save("prima", words(file=f'{{name: "Modulo.pdf", sha256: "{HASH}", size: 12}}'))
    for by, effect, zone in ((ANNA, release.submit, False), (CARLA, release.publish, True)):
        with pytest.raises(Refused) as refused:
            house.take(case, "step", by, effect, zone=zone)
        assert "FILE_NOT_KEPT" in refused.value.codes
        for language in LANGUAGES:
            assert "Modulo.pdf" in sentence(language, next(one for one in refused.value.reasons if one.code == "FILE_NOT_KEPT"))


def test_the_file_of_another_document_is_not_given_back(house: House, folder: Path) -> None:
    stored = kept(folder)
    house.start(key="PRO-7.5-02")
    house.save("prima", words("PRO-7.5-02"), key="PRO-7.5-02", file=stored)
    text = files.written_into(words(), stored)
    house.start()
    house.save("prima", text)
    with house.store.reading() as connection, pytest.raises(NotFound):
        control.kept_file(connection, "PRO-7.5-01", text, PATH)


def test_a_new_document_may_begin_as_a_file(house: House, folder: Path) -> None:
    new = NewDocument("MOD-8.2-01", "Modulo", "MOD", "it", "QM", "gare", "modulo")
    stored = kept(folder, b"PK\x03\x04sheet", "Modulo.xlsx")
    house.start(key="MOD-8.2-01", new=new, file=stored)
    draft = house.draft("prima", "MOD-8.2-01")
    with house.store.reading() as connection:
        found = control.kept_file(connection, "MOD-8.2-01", control.draft_text(house.library, draft), draft.path)
    assert (found.name, found.sha256, found.size) == ("Modulo.xlsx", stored.sha256, stored.size)


@pytest.mark.parametrize("content", [b"%PDF-1.7 other", None])
def test_a_file_that_somebody_changed_or_took_away_is_named(house: House, folder: Path, content: bytes | None) -> None:
    stored = kept(folder)
    house.start()
    house.save("prima", words(), file=stored)
    path = evidence.path_of(folder, stored.sha256)
    path.unlink() if content is None else path.write_bytes(content)
    assert broken(house, folder) == ["evidence"]


def test_a_file_of_a_type_that_is_not_kept_is_refused(folder: Path) -> None:
    with pytest.raises(Incomplete, match="EVIDENCE_TYPE"):
        kept(folder, b"MZ", "programma.exe")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("Modulo.pdf", "document.file_keys"),
        ('{name: "Modulo.pdf"}', "document.file_keys"),
        (f'{{name: "../Modulo.pdf", sha256: "{HASH}", size: 1}}', "document.file_name"),
        (f'{{name: "Modulo.exe", sha256: "{HASH}", size: 1}}', "document.file_name"),
        ('{name: "Modulo.pdf", sha256: "abc", size: 1}', "document.file_sha256"),
        (f'{{name: "Modulo.pdf", sha256: "{HASH}", size: 0}}', "document.file_size"),
    ],
)
def test_what_a_head_says_of_a_file_is_read_strictly(said: str, code: str) -> None:
    with pytest.raises(BadContent) as bad:
        document.parse(words(file=said), PATH)
    assert [problem.code for problem in bad.value.problems] == [code]
    for language in LANGUAGES:
        assert sentence(language, bad.value.problems[0])


def test_a_file_takes_the_place_of_the_one_named_before() -> None:
    stored = Stored(HASH, 12, "application/pdf", "L'offerta.pdf")
    text = files.written_into(words(file="\n  name: Vecchio.pdf\n  size: 1"), stored)
    assert text.count("file:") == 1 and "Vecchio" not in text
    front = document.parse(text, PATH).front
    assert front.file is not None and front.file.size == 12
    assert files.written_into(text, stored) == text
    assert files.written_into("no head", stored) == "no head"
