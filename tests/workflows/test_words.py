"""Whatever the engine may say has its sentence in both languages."""

import ast
from collections.abc import Iterator
from pathlib import Path

import qms.workflows
from qms.locale import LANGUAGES, catalogue
from qms.workflows.types import LISTS, OF_FIELD

ROOM = Path(str(qms.workflows.__file__)).parent
PLACES = {
    "wrong": (1, "problem.workflow."),
    "mistake": (0, "problem.expression."),
    "Mistake": (0, "problem.expression."),
    "problem": (1, "problem.workflow."),
    "both": (0, ""),
    "_wrong": (0, "field."),
}


def said() -> Iterator[tuple[str, bool]]:
    """Keys that the room's code names, and whether they are whole."""
    for path in ROOM.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
            place, prefix = PLACES.get(name, (9, ""))
            if len(node.args) <= place:
                continue
            if path.stem == "yaml_file":
                prefix = "problem.yaml."
            word = node.args[place]
            if isinstance(word, ast.Constant) and isinstance(word.value, str):
                yield prefix + word.value, True
            elif isinstance(word, ast.JoinedStr) and isinstance(word.values[0], ast.Constant):
                yield prefix + str(word.values[0].value), False


def test_every_key_has_its_sentence() -> None:
    keys = list(said())
    assert len(keys) > 80
    for language in LANGUAGES:
        known = catalogue(language)
        missing = {key for key, whole in keys if not (key in known if whole else any(name.startswith(key) for name in known))}
        assert missing == set()


def test_every_kind_of_value_has_its_word() -> None:
    names = {kind.name for kind in OF_FIELD.values()} | LISTS | {"boolean", "nothing", "personal", "moment"}
    assert {f"type.{name}" for name in names} <= catalogue("it").keys()
