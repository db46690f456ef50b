"""Where a workspace lies and how it is set: the file ``qms.toml`` that ``qms init`` writes, and a few environment variables."""

import os
import re
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from zoneinfo import available_timezones

from qms.errors import BadContent, NotFound, Problem


@dataclass(frozen=True)
class Mail:
    """The mail server messages go out by. Its password is never here: see ``qms.desk.post``."""

    host: str
    port: int
    security: str
    """``starttls``, ``tls``, or ``none`` for a server on the same machine."""
    user: str
    sender: str


SECURITIES = ("starttls", "tls", "none")


@dataclass(frozen=True)
class Settings:
    """One workspace. Every path below is absolute; nothing else of the house knows where things lie."""

    root: Path
    name: str
    organisation: str
    """Identifier of the organisation whose system this is (the consortium)."""
    profile: str
    """``small`` or ``full``: which hats people wear, and which steps of the definitions they meet."""
    language: str
    """Default language of people and pages, ``it`` or ``en``."""
    database_url: str
    timezone: str
    patron_day: str
    """Local holiday as ``MM-DD``: Lucca keeps 07-12, San Paolino."""
    checked_types: tuple[str, ...]
    """Document types that need a separate check between author and approver."""
    demo: bool
    max_evidence_bytes: int
    mail: Mail | None = None
    address: str = "http://127.0.0.1:8000"
    """Where people find the pages: what links in messages begin with."""
    hosts: tuple[str, ...] = ()
    """Names under which the pages answer, besides plain addresses and localhost: what a browser is made to believe is not enough."""

    @property
    def library(self) -> Path:
        return self.root / "library.git"

    @property
    def evidence(self) -> Path:
        return self.root / "evidence"

    @property
    def key(self) -> Path:
        return self.root / "keys" / "trail.key"

    @property
    def public_key(self) -> Path:
        return self.root / "keys" / "trail.pub"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def roles(self) -> Path:
        return self.root / "roles.yaml"


def load(root: Path) -> Settings:
    """Read the workspace at ``root``. Raises NotFound when there is none, BadContent when its file is not well formed."""
    path = root.resolve() / "qms.toml"
    if not path.is_file():
        raise NotFound("workspace", str(root))
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        place = re.search(r"line (\d+)", str(error))
        raise BadContent([Problem(str(path), int(place[1]) if place else 0, "toml.malformed")]) from error
    return _settings(path, table)


def _settings(path: Path, table: dict[str, object]) -> Settings:
    def word(key: str, default: str) -> str:
        value = table.get(key, default)
        if not isinstance(value, str) or not value:
            problems.append(Problem(str(path), 0, "settings.word", {"key": key}))
            return default
        return value

    problems: list[Problem] = []
    root = path.parent
    types = table.get("checked_types", ["POL", "MAN"])
    limit = table.get("max_evidence_bytes", 20_000_000)
    if not isinstance(types, list) or not all(isinstance(item, str) for item in types):
        problems.append(Problem(str(path), 0, "settings.list", {"key": "checked_types"}))
        types = []
    if not isinstance(limit, int) or isinstance(limit, bool) or limit <= 0:
        problems.append(Problem(str(path), 0, "settings.number", {"key": "max_evidence_bytes"}))
        limit = 20_000_000
    hosts = table.get("hosts", [])
    if not isinstance(hosts, list) or not all(isinstance(item, str) for item in hosts):
        problems.append(Problem(str(path), 0, "settings.list", {"key": "hosts"}))
        hosts = []
    mail = _mail(path, table.get("mail"), problems)
    settings = Settings(
        root=root,
        name=word("name", "qms"),
        organisation=word("organisation", "consorzio"),
        profile=word("profile", "small"),
        language=word("language", "it"),
        database_url=os.environ.get("QMS_DATABASE_URL", word("database_url", f"sqlite:///{root / 'qms.sqlite3'}")),
        timezone=word("timezone", "Europe/Rome"),
        patron_day=word("patron_day", "07-12"),
        checked_types=tuple(types),
        demo=bool(table.get("demo", False)),
        max_evidence_bytes=limit,
        hosts=tuple(hosts),
        mail=mail,
        address=word("address", "http://127.0.0.1:8000").rstrip("/"),
    )
    if settings.profile not in ("small", "full"):
        problems.append(Problem(str(path), 0, "settings.profile", {"value": settings.profile}))
    if settings.language not in ("it", "en"):
        problems.append(Problem(str(path), 0, "settings.language", {"value": settings.language}))
    if settings.timezone not in available_timezones():
        problems.append(Problem(str(path), 0, "settings.timezone", {"value": settings.timezone}))
    known = sorted({field.name for field in fields(Settings)} - {"root"})
    problems += [Problem(str(path), 0, "settings.unknown", {"key": key, "known": ", ".join(known)}) for key in table if key not in known]
    if problems:
        raise BadContent(problems)
    return settings


def _mail(path: Path, said: object, problems: list[Problem]) -> Mail | None:
    if said is None:
        return None
    table = said if isinstance(said, dict) else {}
    words = {name: table.get(name, other) for name, other in (("host", None), ("sender", None), ("security", "starttls"), ("user", ""))}
    port = table.get("port", 587)
    wrong = [name for name, value in words.items() if not isinstance(value, str) or "\n" in value or (not value and name != "user")]
    wrong += [name for name in table if name not in (*words, "port")]
    if not isinstance(port, int) or isinstance(port, bool) or not 0 < port < 65536:
        wrong.append("port")
    if words["security"] not in SECURITIES and "security" not in wrong:
        wrong.append("security")
    if wrong:
        problems.extend(Problem(str(path), 0, "settings.mail", {"key": name}) for name in wrong)
        return None
    return Mail(str(words["host"]), port, str(words["security"]), str(words["user"]), str(words["sender"]))
