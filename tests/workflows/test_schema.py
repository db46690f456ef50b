"""The JSON Schema lets through what the reader does, marks what it does not know, and names every key of the grammar."""

import ast
import json
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from ruamel.yaml import YAML

from qms.app import EFFECTS
from qms.workflows import reading, reading_fields, reading_steps, schema
from qms.workflows.drafting import drafted, write
from qms.workflows.functions import FUNCTIONS
from qms.workflows.types import DRAFT
from tests.workflows.samples import LAMP, QUERY
from tests.workflows.test_drafting import GOOD
from tests.workflows.test_reckoning import ORDER

NEWER = "https://json-schema.org/draft/2020-12/schema"
SHIPPED = sorted(path for path in (Path(__file__).parents[2] / "workflows").glob("*.yaml") if path.name != "figures.yaml")
SCHEMA = schema.schema()
VALIDATORS = (jsonschema_rs.Draft7Validator(SCHEMA), jsonschema_rs.Draft202012Validator({**SCHEMA, "$schema": NEWER}))
"""Editors read draft 7, other tools 2020-12: what the schema is written in means the same in both."""


def fits(value: Any) -> bool:
    first, second = (validator.is_valid(value) for validator in VALIDATORS)
    assert first is second
    return bool(first)


def parsed(source: str) -> Any:
    return json.loads(json.dumps(YAML(typ="safe").load(source), default=str))


def test_it_is_a_schema() -> None:
    assert jsonschema_rs.meta.is_valid(SCHEMA)


def test_a_definition_begun_from_answers_fits() -> None:
    assert fits(parsed(write(drafted(GOOD), "it")))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_workflow_fits(path: Path) -> None:
    assert fits(parsed(path.read_text(encoding="utf-8")))


def test_with_the_effects_known_only_theirs_are_taken() -> None:
    validator = jsonschema_rs.Draft7Validator(schema.schema(EFFECTS))
    assert all(validator.is_valid(parsed(path.read_text(encoding="utf-8"))) for path in SHIPPED)
    scrap = LAMP.replace("    effects:\n      - {open-case", "    effects:\n      - EFFECT\n      - {open-case")
    for effect, good in (
        ("cancel-draft", True), ("{publish-revision: {minor: 'false'}}", True), ("cancel-drafts", False), ("{cancel-draft: {}}", False),
        ("{publish-revision: {major: 'true'}}", False),
    ):  # fmt: skip
        assert validator.is_valid(parsed(scrap.replace("EFFECT", effect))) is good


@pytest.mark.parametrize("source", [LAMP, QUERY, ORDER], ids=["lamp", "query", "order"])
def test_the_samples_of_the_tests_fit(source: str) -> None:
    assert fits(parsed(source))


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
    assert not fits(parsed(LAMP.replace(old, new, 1)))


def mappings(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in a parsed file a mapping stands."""
    if isinstance(value, dict):
        yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from mappings(inner, (*path, key))


@pytest.mark.parametrize("source", [LAMP, ORDER, *SHIPPED], ids=["lamp", "order", *(path.stem for path in SHIPPED)])
def test_an_unknown_key_is_marked_wherever_it_is_planted(source: str | Path) -> None:
    whole = parsed(source if isinstance(source, str) else source.read_text(encoding="utf-8"))
    missed = []
    for path in mappings(whole):
        planted = deepcopy(whole)
        place = planted
        for key in path:
            place = place[key]
        place["§ nowhere in the grammar"] = "x"
        if fits(planted):
            missed.append(path)
    assert missed == []


def offered() -> set[str]:
    """Every key of the schema."""
    found: set[str] = set()
    waiting: list[Any] = [SCHEMA]
    while waiting:
        here = waiting.pop()
        if isinstance(here, dict):
            found |= set(here["properties"]) if isinstance(here.get("properties"), dict) else set()
        waiting += here.values() if isinstance(here, dict) else here if isinstance(here, list) else []
    return found


def test_every_key_that_the_reader_takes_is_one_of_the_schema() -> None:
    taken: set[str] = set()
    for module in (reading, reading_fields, reading_steps):
        for call in ast.walk(ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "keys":
                constants = [node for argument in call.args for node in ast.walk(argument) if isinstance(node, ast.Constant)]
                taken |= {node.value for node in constants if isinstance(node.value, str)}
    assert {"reads", "restricted", "when", "order"} <= taken
    assert taken <= offered()


def test_the_page_of_the_grammar_names_every_key_type_fact_and_function_and_no_other_in_its_examples() -> None:
    page = (Path(__file__).parents[2] / "docs" / "grammar.md").read_text(encoding="utf-8")
    fences = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    told = " ".join([*fences, *re.findall(r"`([^`\n]+)`", page)])
    words = set(re.findall(r"[a-z][a-z0-9_-]*", told))
    assert offered() - words == set()
    assert set(reading_fields.TYPES) - words == set()
    assert set(DRAFT) - words == set()
    assert {name for name in FUNCTIONS if f"{name}(" not in told} == set()
    keys = {key for fence in fences for key in YAML(typ="safe").load(fence)}
    assert keys == {*reading.REQUIRED, *reading.OPTIONAL}
