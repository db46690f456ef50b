"""A backup made while people work becomes a workspace that verifies, or nothing at all."""

import hashlib
import json
import random
import shutil
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from qms import app as assembly
from qms import migrations, settings
from qms.app import App
from qms.desk import keeping, verification
from qms.errors import BadContent, Incomplete, NotFound
from qms.people import sign_in, tokens
from qms.procedures import control
from qms.records import evidence, trail
from qms.workflows import case
from tests.conftest import fresh_postgresql
from tests.durability.acts import Client
from tests.durability.drills import at_work, drill
from tests.house import House, key

PDF = b"%PDF-1.7 prova"


def assemble(root: Path) -> App:
    return App(settings.load(root))


@pytest.fixture
def worked(either_house: House, tmp_path: Path) -> House:
    """A house in which something of every kind happened."""
    client = Client(either_house.app, either_house.ids, tmp_path / "diary", random.Random(3))
    client.publish()
    client.step()
    client.upload()
    return either_house


def test_what_people_did_while_the_backup_was_made_does_no_harm(either_house: House, tmp_path: Path) -> None:
    chance = random.Random(5)
    with at_work(either_house, tmp_path / "diary"):
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            drill(either_house, tmp_path / name, tmp_path / "diary", chance)


def test_a_restored_workspace_goes_on_where_the_backup_was_made(worked: House, tmp_path: Path) -> None:
    session, token = worked.session("quality"), worked.token("quality")
    made = keeping.backup(worked.app, tmp_path / "copy.zip")
    found, checks = keeping.restore(tmp_path / "copy.zip", tmp_path / "again", assemble)
    assert (found.size, found.root, found.made_at) == (made.size, made.root, worked.clock.now)
    assert len(checks) > 15 and all(check.passed for check in checks)
    with assembly.opened(tmp_path / "again", worked.clock) as app:
        with app.reading() as connection, worked.app.reading() as former:
            assert control.register(connection) == control.register(former)
            assert trail.size(connection) == made.size == trail.size(former) - 1
            assert trail.entries(connection, matching="gestione canile") != []
            assert sign_in.session(connection, session.cookie, worked.clock.now, app.hats, "web") is None
            assert tokens.bearer(connection, token, worked.clock.now, app.hats, "api").person == worked.ids["quality"]
        by = worked.actor("tenders")
        with app.writing() as tx:
            case.open_case(tx, app.engine, "nonconformity", by, fields=FIELDS, key=key())
        with app.reading() as connection:
            assert all(check.passed for check in verification.everything(connection, app))


FIELDS = {
    "title": "Registro incompleto",
    "description": "Mancano due firme nel registro del canile.",
    "process": "TENDERS",
    "nc_source": "SELF",
}


def test_a_backup_says_on_the_trail_that_it_was_made_and_of_which_bytes(worked: House, tmp_path: Path) -> None:
    made = keeping.backup(worked.app, tmp_path / "copy.zip")
    with worked.app.reading() as connection:
        said = trail.entries(connection, event="backup-made")[0].said["what"]
    assert said["sha256"] == hashlib.sha256((tmp_path / "copy.zip").read_bytes()).hexdigest()
    assert (said["size"], said["root"]) == (made.size, made.root)
    assert (tmp_path / "copy.zip").stat().st_mode & 0o077 == 0


def test_a_backup_moves_to_the_other_kind_of_database(worked: House, tmp_path: Path, postgresql_server: str) -> None:
    keeping.backup(worked.app, tmp_path / "copy.zip")
    url = fresh_postgresql(postgresql_server)
    keeping.restore(tmp_path / "copy.zip", tmp_path / "there", assemble, url)
    with assembly.opened(tmp_path / "there") as app:
        assert not app.database.is_sqlite
        with app.reading() as connection:
            assert trail.entries(connection, matching="gestione canile") != []
        keeping.backup(app, tmp_path / "second.zip")
    keeping.restore(tmp_path / "second.zip", tmp_path / "back", assemble)
    with assembly.opened(tmp_path / "back") as app:
        assert app.database.is_sqlite
    with pytest.raises(Incomplete) as caught:
        keeping.restore(tmp_path / "second.zip", tmp_path / "more", assemble, url)
    assert caught.value.codes == ("DATABASE_IN_USE",)
    assert not (tmp_path / "more").exists()


def test_nothing_is_written_over(worked: House, tmp_path: Path) -> None:
    file = tmp_path / "copy.zip"
    keeping.backup(worked.app, file)
    with pytest.raises(Incomplete) as caught:
        keeping.backup(worked.app, file)
    assert caught.value.codes == ("FILE_EXISTS",)
    with pytest.raises(NotFound):
        keeping.backup(worked.app, tmp_path / "nowhere" / "copy.zip")
    with pytest.raises(Incomplete) as caught:
        keeping.restore(file, worked.app.settings.root, assemble)
    assert caught.value.codes == ("FOLDER_NOT_EMPTY",)
    with pytest.raises(NotFound):
        keeping.restore(tmp_path / "none.zip", tmp_path / "again", assemble)


def test_a_failed_backup_leaves_no_file(worked: House, tmp_path: Path) -> None:
    (worked.app.settings.root / "roles.yaml").unlink()
    folder = tmp_path / "copies"
    folder.mkdir()
    with pytest.raises(FileNotFoundError):
        keeping.backup(worked.app, folder / "copy.zip")
    assert list(folder.iterdir()) == []


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-200])


def swap(place: str, change: Callable[[bytes], bytes], honest: bool = False) -> Callable[[Path], None]:
    """Change one member of a backup; ``honest`` also makes its list of contents agree."""

    def tamper(file: Path) -> None:
        made = BytesIO()
        with zipfile.ZipFile(file) as old, zipfile.ZipFile(made, "w") as new:
            content = {name: old.read(name) for name in old.namelist()}
            name = next(one for one in content if one.startswith(place))
            content[name] = change(content[name])
            if honest:
                said = json.loads(content["manifest.json"])
                said["members"][name] = [hashlib.sha256(content[name]).hexdigest(), len(content[name])]
                content["manifest.json"] = json.dumps(said).encode()
            for one, held in content.items():
                new.writestr(one, held)
        file.write_bytes(made.getvalue())

    return tamper


def manifest(**other: object) -> Callable[[bytes], bytes]:
    return lambda content: json.dumps({**json.loads(content), **other}).encode()


def without_evidence(file: Path) -> None:
    made = BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            if not name.startswith("evidence/"):
                new.writestr(name, old.read(name))
    file.write_bytes(made.getvalue())


def flip(file: Path) -> None:
    """One bit of a packed member, as a bad disk would."""
    content = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as archive:
        place = archive.getinfo("library.pack").header_offset + 200
    content[place] ^= 0x55
    file.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("tamper", "code"),
    [
        (cut, "backup.damaged"),
        (swap("tables/case", lambda content: content + b" "), "backup.damaged"),
        (swap("keys/trail.pub", lambda content: content[::-1]), "backup.damaged"),
        (without_evidence, "backup.damaged"),
        (swap("manifest.json", manifest(format=99)), "backup.format"),
        (swap("manifest.json", manifest(schema="9999")), "database.release"),
        (swap("manifest.json", manifest(refs="gone")), "backup.damaged"),
        (swap("manifest.json", manifest(size=3)), "backup.damaged"),
        (swap("tables/entry", lambda content: content.replace(b"canile", b"gattile"), honest=True), "backup.fails"),
        (swap("evidence/", lambda content: content + b"x", honest=True), "backup.damaged"),
        (swap("evidence/", lambda content: content + b"x" * 9_000_000), "backup.damaged"),
        (swap("tables/entry", lambda content: b"[]\n" + content, honest=True), "backup.damaged"),
        (swap("tables/entry", lambda content: content + content, honest=True), "backup.damaged"),
        (swap("tables/trail_head", lambda content: b"", honest=True), "backup.damaged"),
        (swap("keys/trail.pub", lambda content: b"A" * 43 + b"=\n", honest=True), "backup.damaged"),
        (swap("qms.toml", lambda content: b'"database_url" = "sqlite:////tmp/elsewhere.db"\n' + content, honest=True), "backup.damaged"),
        (swap("qms.toml", lambda content: b"\xff" + content, honest=True), "backup.damaged"),
        (flip, "backup.damaged"),
        (swap("tables/hat_held", lambda content: content.replace(b"gare", b"direzione"), honest=True), "backup.fails"),
    ],
    ids=[
        "cut",
        "row",
        "key",
        "evidence-gone",
        "format",
        "later-release",
        "manifest",
        "trail-cut",
        "sealed-text",
        "evidence",
        "longer",
        "row-of-another-kind",
        "row-twice",
        "no-head",
        "another-key",
        "another-database",
        "no-text",
        "bit",
        "hat",
    ],
)
def test_a_backup_that_was_touched_is_refused_and_leaves_nothing(
    house: House, tmp_path: Path, tamper: Callable[[Path], None], code: str
) -> None:
    Client(house.app, house.ids, tmp_path / "diary", random.Random(3)).upload()
    file = tmp_path / "copy.zip"
    keeping.backup(house.app, file)
    tamper(file)
    with pytest.raises(BadContent) as caught:
        keeping.restore(file, tmp_path / "out" / "again", assemble)
    assert {problem.code for problem in caught.value.problems} == {code}
    assert list((tmp_path / "out").iterdir()) == []


def test_evidence_comes_back_byte_for_byte(house: House, tmp_path: Path) -> None:
    stored = evidence.store(house.app.settings.evidence, BytesIO(PDF), "a.pdf", 1000)
    keeping.backup(house.app, tmp_path / "copy.zip")
    keeping.restore(tmp_path / "copy.zip", tmp_path / "again", assemble)
    assert b"".join(evidence.read(tmp_path / "again" / "evidence", stored.sha256)) == PDF


def test_a_workspace_with_mail_is_restored_to_another_database(house: House, tmp_path: Path, postgresql_server: str) -> None:
    toml = house.app.settings.root / "qms.toml"
    toml.write_text(toml.read_text() + '\n[mail]\nhost = "smtp.example.org"\nsender = "qms@example.org"\nsecurity = "none"\n')
    keeping.backup(house.app, tmp_path / "copy.zip")
    address = fresh_postgresql(postgresql_server)
    _, checks = keeping.restore(tmp_path / "copy.zip", tmp_path / "again", assemble, address)
    assert all(check.passed for check in checks)
    found = settings.load(tmp_path / "again")
    assert found.database_url == address
    assert found.mail is not None and found.mail.host == "smtp.example.org"


def test_the_restored_key_is_its_owners_alone(house: House, tmp_path: Path) -> None:
    keeping.backup(house.app, tmp_path / "copy.zip")
    keeping.restore(tmp_path / "copy.zip", tmp_path / "again", assemble)
    assert (tmp_path / "again" / "keys" / "trail.key").stat().st_mode & 0o077 == 0
    assert (tmp_path / "again").stat().st_mode & 0o077 == 0


def test_a_backup_from_the_first_release_is_restored_and_brought_forward(tmp_path: Path) -> None:
    """The file was written by the program as it was at step 0001."""
    shutil.copy(Path(__file__).with_name("first-release.zip"), tmp_path / "copy.zip")
    keeping.restore(tmp_path / "copy.zip", tmp_path / "again", assemble)
    with assembly.opened(tmp_path / "again") as app, app.reading() as connection:
        assert migrations.of(connection) == migrations.newest()
        assert all(check.passed for check in verification.everything(connection, app))
