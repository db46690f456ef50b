"""What leaves for other tools can be read by them: every reference meets what it names, every node is drawn, no title breaks out."""

import itertools
from collections import Counter
from importlib.resources import files
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest
from lxml import etree

from qms.workflows import bpmn as exports
from qms.workflows.check import IDENTIFIERS
from qms.workflows.definition import Definition
from qms.workflows.diagram import mermaid
from qms.workflows.reading import read_definition
from tests.workflows.samples import LAMP
from tests.workflows.test_reckoning import ORDER

SHIPPED = sorted(path for path in (Path(__file__).parents[2] / "workflows").glob("*.yaml") if path.name != "figures.yaml")
HOSTILE = '<script>alert(1)</script> ]]> & --> x: [*] "'


def read(source: str) -> Definition:
    return read_definition(source.encode(), "w.yaml", IDENTIFIERS)


def parts(root: Element, name: str, namespace: str = exports.BPMN) -> list[Element]:
    return list(root.iter(f"{{{namespace}}}{name}"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
@pytest.mark.parametrize("profile", ["small", "full"])
def test_every_reference_meets_what_it_names_and_every_node_is_drawn(path: Path, profile: str) -> None:
    definition = read_definition(path.read_bytes(), path.name, IDENTIFIERS)
    root = fromstring(exports.bpmn(definition, profile, "it"))
    ids = [element.get("id") for element in root.iter() if element.get("id") is not None]
    assert max(Counter(ids).values()) == 1
    flows = {str(flow.get("id")): flow for flow in parts(root, "sequenceFlow")}
    (process,) = parts(root, "process")
    aside = ("sequenceFlow", "textAnnotation", "association")
    nodes = {str(node.get("id")): node for node in process if not node.tag.endswith(aside)}
    for flow in flows.values():
        assert {flow.get("sourceRef"), flow.get("targetRef")} <= nodes.keys()
    for node in nodes.values():
        led = {one.text for one in node if one.tag.endswith(("incoming", "outgoing"))}
        assert led
        assert led <= flows.keys()
    drawn = {shape.get("bpmnElement") for shape in parts(root, "BPMNShape", exports.DI)}
    assert drawn == nodes.keys() | {note.get("id") for note in parts(root, "textAnnotation")}
    lines = flows.keys() | {line.get("id") for line in parts(root, "association")}
    assert {edge.get("bpmnElement") for edge in parts(root, "BPMNEdge", exports.DI)} == lines
    bounds = [float(one.get(axis) or "-1") for one in parts(root, "Bounds", exports.DC) for axis in ("x", "y", "width", "height")]
    assert min(bounds) >= 0


@pytest.fixture(scope="module")
def standard() -> etree.XMLSchema:
    """The OMG's own schema, as the development dependency SpiffWorkflow carries it."""
    return etree.XMLSchema(etree.parse(str(files("SpiffWorkflow").joinpath("bpmn/parser/schema/BPMN20.xsd"))))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
@pytest.mark.parametrize("profile", ["small", "full"])
def test_every_export_is_valid_against_the_schema_of_the_standard(standard: etree.XMLSchema, path: Path, profile: str) -> None:
    definition = read_definition(path.read_bytes(), path.name, IDENTIFIERS)
    for language in ("it", "en"):
        assert standard.validate(etree.fromstring(exports.bpmn(definition, profile, language))), standard.error_log


def test_an_export_with_every_part_is_valid_and_a_planted_fault_is_not(standard: etree.XMLSchema) -> None:
    for source in (ORDER, LAMP.replace("en: Price it}", f"en: '{HOSTILE}'}}")):
        assert standard.validate(etree.fromstring(exports.bpmn(read(source), "small", "en"))), standard.error_log
    spoilt = exports.bpmn(read(LAMP), "small", "en").replace(b"sourceRef=", b"comesFrom=")
    assert not standard.validate(etree.fromstring(spoilt))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_no_shape_lies_on_another_and_every_line_ends_at_its_shapes(path: Path) -> None:
    root = fromstring(exports.bpmn(read_definition(path.read_bytes(), path.name, IDENTIFIERS), "small", "it"))
    boxes = {}
    for shape in parts(root, "BPMNShape", exports.DI):
        bounds = shape.find(f"{{{exports.DC}}}Bounds")
        assert bounds is not None
        boxes[str(shape.get("bpmnElement"))] = tuple(float(bounds.get(name, "0")) for name in ("x", "y", "width", "height"))
    for (x, y, width, height), (ox, oy, other_width, other_height) in itertools.combinations(boxes.values(), 2):
        assert x + width <= ox or ox + other_width <= x or y + height <= oy or oy + other_height <= y
    flows = {str(flow.get("id")): flow for flow in parts(root, "sequenceFlow")}
    for edge in parts(root, "BPMNEdge", exports.DI):
        flow = flows.get(str(edge.get("bpmnElement")))
        points = [(float(one.get("x", "0")), float(one.get("y", "0"))) for one in parts(edge, "waypoint", exports.WAY)]
        for end, (px, py) in (("sourceRef", points[0]), ("targetRef", points[-1])) if flow is not None else ():
            x, y, width, height = boxes[str(flow.get(end))] if flow is not None else (0, 0, 0, 0)
            assert x - 1 <= px <= x + width + 1
            assert y - 1 <= py <= y + height + 1


def test_who_may_take_a_step_how_many_and_until_when_stands_in_the_model() -> None:
    root = fromstring(exports.bpmn(read(LAMP), "small", "en"))
    owners = {task.get("name"): [one.get("name") for one in parts(task, "potentialOwner")] for task in parts(root, "userTask")}
    assert owners["Price it"] == ["COM"]
    assert owners["Take in"] == ["QM", "WORKER"]
    assert [one.text for one in parts(root, "text")] == ["Pricing: workdays(2)", "Promise: deadline_at"]
    order = fromstring(exports.bpmn(read(ORDER), "small", "en"))
    assert {one.text for one in parts(order, "loopCardinality")} == {"2", "judges.who"}
    assert len([one for one in parts(order, "exclusiveGateway") if one.get("default")]) == 1


def test_states_and_steps_keep_their_names_and_conditions_stand_as_text() -> None:
    root = fromstring(exports.bpmn(read(ORDER), "small", "en"))
    assert {one.get("name") for one in parts(root, "userTask")} == {"Ask", "Weigh", "Close by two", "Haggle", "Close by all", "Back"}
    assert [one.get("name") for one in parts(root, "endEvent")] == ["Done"]
    assert [one.text for one in parts(root, "conditionExpression")] == ["with_tax >= 122", "spent > 50"]
    lamp = fromstring(exports.bpmn(read(LAMP), "small", "it"))
    stays = [one for one in parts(lamp, "userTask") if one.get("name") == "Aggiungi foto"]
    assert len(stays) == 2


def test_a_hostile_title_stays_a_title() -> None:
    definition = read(LAMP.replace("en: Price it}", f"en: '{HOSTILE}'}}"))
    root = fromstring(exports.bpmn(definition, "small", "en"))
    assert HOSTILE in {one.get("name") for one in parts(root, "userTask")}
    lines = mermaid(definition, "small", "en").splitlines()
    assert not any(mark in line.partition(": ")[2] for line in lines for mark in ':[<>"&')


def test_mermaid_tells_every_state_and_every_way() -> None:
    lines = mermaid(read(ORDER), "small", "en").splitlines()
    assert lines[0] == "stateDiagram-v2"
    assert "    [*] --> ASKED: Ask" in lines
    assert {"    ASKED --> BIG: Weigh", "    ASKED --> SMALL: Weigh", "    DONE --> [*]"} <= set(lines)
