"""Starting a system: a folder with an empty trail, a library that holds the starter content, and the first persons.

All or nothing: the workspace is made in a folder beside the one asked for and moved there when it is whole.
"""

import shutil
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from secrets import token_hex
from zoneinfo import ZoneInfo

from sqlalchemy import select

from qms import migrations, settings
from qms.database import Clock, Database, Transaction, utc_now
from qms.desk import contents, rules, staff
from qms.errors import BadContent, Incomplete, Reason
from qms.library import Library
from qms.people import hats as hat_file
from qms.people import sign_in
from qms.people.actor import SYSTEM
from qms.people.hats import Hats
from qms.procedures import control, document
from qms.records import keys, trail
from qms.records.tables import head
from qms.settings import Settings
from qms.workflows import definitions
from qms.workflows.check import Circumstances

FOLDERS = ("procedures", "workflows", "records")
FIGURES = "/".join((FOLDERS[1], "figures.yaml"))
FIRST_HATS = {"small": ("qualita", "sistemista"), "full": ("QM", "DOC_CTRL", "ADMIN")}


@dataclass(frozen=True)
class Beginning:
    """What must be known to start: whose system it is, and the first person, who keeps quality and the directory."""

    name: str
    organisation: str
    person: str
    email: str
    password: str
    language: str = "it"
    profile: str = "small"
    patron_day: str = "07-12"
    demo: bool = False
    database_url: str | None = None


def make(root: Path, beginning: Beginning, clock: Clock = utc_now) -> str:
    """Make the workspace ``root``; returns the first person's id.

    Raises Incomplete when the folder is not empty or something asked for is wrong, BadContent when the starter content is not well formed.
    """
    root = root.resolve()
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise Incomplete([Reason("FOLDER_NOT_EMPTY", "folder", {"folder": str(root)})])
    root.parent.mkdir(parents=True, exist_ok=True)
    beside = root.parent / f".{root.name}-{token_hex(4)}"
    beside.mkdir(mode=0o700)
    try:
        person = _fill(beside, beginning, clock)
        if root.exists():
            root.rmdir()
        beside.rename(root)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return person


def starter() -> dict[str, bytes]:
    """The starter content that travels with the program: path → bytes."""
    packed = files("qms").joinpath("starter")
    home = Path(str(packed)) if packed.is_dir() else Path(str(files("qms"))).parent
    return {
        path.relative_to(home).as_posix(): path.read_bytes()
        for folder in FOLDERS
        for path in sorted((home / folder).rglob("*"))
        if path.is_file() and not path.name.startswith((".", "__"))
    }


def speaking(content: Mapping[str, bytes], language: str) -> dict[str, bytes]:
    """``content`` as an organisation of ``language`` begins with it: each translated document in that language, and no text twice."""
    chosen = {path: text for path, text in content.items() if document.translation_of(path) is None}
    for path, text in content.items():
        beside = document.translation_of(path)
        if beside is not None and beside[1] == language:
            chosen[beside[0]] = text
    return chosen


def _fill(folder: Path, beginning: Beginning, clock: Clock) -> str:
    if beginning.profile not in FIRST_HATS:
        raise Incomplete([Reason("FIELD_INVALID:profile", "profile")])
    (folder / "qms.toml").write_text(_toml(beginning), encoding="utf-8")
    profile = files("qms.people").joinpath("profiles", f"{beginning.profile}.yaml")
    (folder / "roles.yaml").write_bytes(profile.read_bytes())
    (folder / "evidence").mkdir(mode=0o700)
    at = settings.load(folder)
    keys.make(at.key, at.public_key)
    hats = hat_file.load(at.roles, at.organisation)
    content = speaking(starter(), beginning.language)
    _judge(content, at, hats)
    database = Database(at.database_url, at.lock, keys.load(at.key), clock)
    library = Library.create(at.library)
    try:
        migrations.prepare(database)
        with library.writer(), database.writing() as tx:
            return _first_entries(tx, library, at, hats, beginning, content)
    finally:
        library.close()
        database.close()


def _judge(content: Mapping[str, bytes], at: Settings, hats: Hats) -> None:
    judgement = contents.judge(content, at.profile, Circumstances(roles=frozenset(hats.roles)), whole=True)
    if not judgement.holds:
        raise BadContent(judgement.problems)


def _first_entries(tx: Transaction, library: Library, at: Settings, hats: Hats, beginning: Beginning, content: Mapping[str, bytes]) -> str:
    if tx.connection.execute(select(head.c.id)).first():
        raise Incomplete([Reason("DATABASE_IN_USE", "database_url")])
    trail.begin(tx, f"qms/{at.organisation}/{token_hex(4)}")
    trail.append(
        tx,
        trail.Act(
            "workspace-created", SYSTEM, what={"name": at.name, "organisation": at.organisation, "profile": at.profile, "demo": at.demo}
        ),
    )
    rules.record(tx, at, hats)
    first = _first_person(tx, at, hats, beginning)
    documents = {path: text for path, text in content.items() if _is_in(path, FOLDERS[0]) and path.endswith(".md")}
    others = {path: text for path, text in content.items() if path not in documents}
    control.adopt(tx, library, documents, by=SYSTEM, zone=ZoneInfo(at.timezone), others=others, roles=frozenset(hats.roles))
    for path, text in sorted(content.items()):
        if path == FIGURES:
            definitions.put_in_force(tx, text, path, SYSTEM, definitions.FIGURES)
        elif _is_in(path, FOLDERS[1]) and path.endswith(".yaml"):
            definitions.put_in_force(tx, text, path, SYSTEM)
    return first


def _first_person(tx: Transaction, at: Settings, hats: Hats, beginning: Beginning) -> str:
    """Enter the organisation and the person who keeps quality and the directory; whatever is wrong about them is said at once."""
    reasons: list[Reason] = []
    with _gathering(reasons):
        staff.add_organisation(tx, SYSTEM, at.organisation, beginning.name, "consortium")
    with _gathering(reasons):
        sign_in.require_good(beginning.password, beginning.email)
    with _gathering(reasons):
        first = staff.add_person(tx, SYSTEM, beginning.person, beginning.email, "staff", beginning.language)
    if reasons:
        raise Incomplete(reasons)
    for hat in FIRST_HATS[at.profile]:
        staff.grant(tx, SYSTEM, hats, first.id, hat, at.organisation)
    staff.set_password(tx, SYSTEM, first.id, beginning.password)
    return first.id


@contextmanager
def _gathering(reasons: list[Reason]) -> Iterator[None]:
    try:
        yield
    except Incomplete as refused:
        reasons.extend(refused.reasons)


def _is_in(path: str, folder: str) -> bool:
    return path.split("/")[0] == folder


def _toml(beginning: Beginning) -> str:
    def quoted(value: str) -> str:
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'

    lines = [
        f"name = {quoted(beginning.name)}",
        f"organisation = {quoted(beginning.organisation)}",
        f"profile = {quoted(beginning.profile)}",
        f"language = {quoted(beginning.language)}",
        'timezone = "Europe/Rome"',
        f"patron_day = {quoted(beginning.patron_day)}",
        'checked_types = ["POL", "MAN"]',
        "max_evidence_bytes = 20000000",
        f"demo = {'true' if beginning.demo else 'false'}",
    ]
    if beginning.database_url:
        lines.append(f"database_url = {quoted(beginning.database_url)}")
    text = "\n".join(lines) + "\n"
    tomllib.loads(text)
    return text
