"""The hats people wear: what the workspace's ``roles.yaml`` says of roles, hats and their names.

A small office has six hats, each worth several of the roles that the workflows name; a large one gives every role its own hat. The
workflows are the same in both (ISO 9001, 5.3).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from qms.errors import BadContent, NotFound, Problem, Text

KINDS = ("staff", "auditor", "outside", "admin")
EVERY_STAFF_ROLE = "WORKER"
_ORDER = ("staff", "admin", "auditor", "outside")


@dataclass(frozen=True)
class Hat:
    """One hat: the roles it is worth, and what kind of person wears it."""

    id: str
    title: Text
    roles: tuple[str, ...]
    kind: str


@dataclass(frozen=True)
class Hats:
    """Every role and hat of one workspace; ``house`` is the organisation whose system it is."""

    roles: dict[str, Text]
    hats: dict[str, Hat]
    house: str = ""

    def hat(self, name: str) -> Hat:
        """Raises NotFound for a hat the workspace does not have."""
        if name not in self.hats:
            raise NotFound("hat", name)
        return self.hats[name]

    def unfold(self, worn: Iterable[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """The (role, organisation) pairs that (hat, organisation) pairs are worth. A hat no longer in the file is worth nothing."""
        held: set[tuple[str, str]] = set()
        for name, where in worn:
            hat = self.hats.get(name)
            if hat is None:
                continue
            held.update((role, where) for role in hat.roles)
            if hat.kind == "staff":
                held.add((EVERY_STAFF_ROLE, where))
        return frozenset(held)

    def kind(self, worn: Iterable[str]) -> str:
        """What kind of person wears these hats: staff before the others, ``outside`` when they wear none."""
        kinds = {self.hats[name].kind for name in worn if name in self.hats}
        return next((kind for kind in _ORDER if kind in kinds), "outside")


def load(path: Path, house: str = "") -> Hats:
    """Read ``roles.yaml`` of the organisation ``house``. Raises BadContent with every mistake in it."""
    try:
        table = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (YAMLError, UnicodeDecodeError, OSError) as error:
        raise BadContent([Problem(str(path), 0, "roles.malformed", {"detail": str(error)[:200]})]) from error
    problems: list[Problem] = []

    def wrong(code: str, **values: object) -> None:
        problems.append(Problem(str(path), 0, code, values))

    if not isinstance(table, dict) or not isinstance(table.get("roles"), dict) or not isinstance(table.get("hats"), dict):
        raise BadContent([Problem(str(path), 0, "roles.shape")])
    for code, title in table["roles"].items():
        if not _bilingual(title):
            wrong("roles.title", name=code)
    hats: dict[str, Hat] = {}
    for name, hat in table["hats"].items():
        if not isinstance(hat, dict) or not _bilingual(hat.get("title")) or not isinstance(hat.get("roles"), list):
            wrong("roles.hat", name=name)
            continue
        for role in hat["roles"]:
            if role not in table["roles"]:
                wrong("roles.unknown_role", name=name, role=role)
        if hat.get("kind") not in KINDS:
            wrong("roles.kind", name=name)
        hats[str(name)] = Hat(str(name), dict(hat["title"]), tuple(str(role) for role in hat["roles"]), str(hat.get("kind")))
    if problems:
        raise BadContent(problems)
    return Hats({str(code): dict(title) for code, title in table["roles"].items()}, hats, house)


def _bilingual(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(language), str) for language in ("it", "en"))
