"""The JSON Schema lets through what the reader does, marks what it does not know, and names every key of the grammar."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from qms.workflows import schema
from tests.workflows.samples import LAMP, QUERY
from tests.workflows.test_reckoning import ORDER

SHIPPED = sorted(path for path in (Path(__file__).parents[2] / "workflows").glob("*.yaml") if path.name != "figures.yaml")
KINDS: dict[str, Any] = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}
KNOWN = {
    "$schema", "title", "description", "type", "properties", "required", "additionalProperties", "patternProperties", "enum", "const",
    "anyOf", "items", "pattern", "not", "minProperties", "maxProperties", "minimum",
}  # fmt: skip


def fits(value: Any, rule: dict[str, Any]) -> bool:
    """The part of draft 7 that the schema is written in."""
    assert rule.keys() <= KNOWN, rule.keys() - KNOWN
    kinds = rule.get("type", [])
    if kinds and not any(_is(value, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds)):
        return False
    if "anyOf" in rule and not any(fits(value, one) for one in rule["anyOf"]):
        return False
    if ("enum" in rule and value not in rule["enum"]) or ("const" in rule and value != rule["const"]):
        return False
    if "not" in rule and fits(value, rule["not"]):
        return False
    if isinstance(value, str) and "pattern" in rule and not re.search(rule["pattern"], value):
        return False
    if isinstance(value, int) and value < rule.get("minimum", value):
        return False
    if isinstance(value, list):
        return all(fits(item, rule.get("items", {})) for item in value)
    return _table_fits(value, rule) if isinstance(value, dict) else True


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, KINDS[kind]) and (kind in ("boolean",) or not isinstance(value, bool))


def _table_fits(value: dict[str, Any], rule: dict[str, Any]) -> bool:
    if not set(rule.get("required", ())) <= value.keys() or not rule.get("minProperties", 0) <= len(value) <= rule.get(
        "maxProperties", 999
    ):
        return False
    for key, inner in value.items():
        rules = [one for pattern, one in rule.get("patternProperties", {}).items() if re.search(pattern, key)]
        rules += [rule["properties"][key]] if key in rule.get("properties", {}) else []
        if not rules and rule.get("additionalProperties", True) is False:
            return False
        if not all(fits(inner, one) for one in rules):
            return False
    return True


def parsed(source: str) -> Any:
    return json.loads(json.dumps(YAML(typ="safe").load(source), default=str))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_workflow_fits(path: Path) -> None:
    assert fits(parsed(path.read_text(encoding="utf-8")), schema.schema())


@pytest.mark.parametrize("source", [LAMP, QUERY, ORDER], ids=["lamp", "query", "order"])
def test_the_samples_of_the_tests_fit(source: str) -> None:
    assert fits(parsed(source), schema.schema())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("owner: QM", "ownr: QM"),
        ("prefix: LAMP", "prefix: lamp"),
        ("type: money,", "type: cash,"),
        ("kind: initial", "kind: first"),
        ("asks: [note?]", "ask: [note?]"),
        ("{code: grade_fits, that:", "{code: grade_fits, if:"),
        ("hard: true", "hard: maybe"),
        ("relation: contains", "relation: owns"),
        ("title: {it: Giro, en: Round}", "title: {it: Giro}"),
        ("    to: MENDED\n", "    to: [{state: MENDED}, PRICED]\n"),
        ("start: {state: BROKEN}", "start: {moment: BROKEN}"),
        ("kind: CIG", "kind: COG"),
        ("retention: R-QMS\nparties", "parties"),
    ],
)
def test_what_the_reader_would_not_take_is_marked(old: str, new: str) -> None:
    assert old in LAMP
    assert not fits(parsed(LAMP.replace(old, new, 1)), schema.schema())
