"""What leaves for other tools can be read by them: every reference meets what it names, every node is drawn, no title breaks out."""

from collections import Counter
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest

from qms.workflows import exports
from qms.workflows.check import IDENTIFIERS
from qms.workflows.definition import Definition
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
    nodes = {str(node.get("id")): node for node in process if not node.tag.endswith("sequenceFlow")}
    for flow in flows.values():
        assert {flow.get("sourceRef"), flow.get("targetRef")} <= nodes.keys()
    for node in nodes.values():
        assert {one.text for one in node} <= flows.keys()
        assert len(list(node)) >= 1, node.get("id")
    drawn = {shape.get("bpmnElement") for shape in parts(root, "BPMNShape", exports.DI)}
    assert drawn == nodes.keys()
    assert {edge.get("bpmnElement") for edge in parts(root, "BPMNEdge", exports.DI)} == flows.keys()
    bounds = [float(one.get(axis) or "-1") for one in parts(root, "Bounds", exports.DC) for axis in ("x", "y", "width", "height")]
    assert min(bounds) >= 0


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
    lines = exports.mermaid(definition, "small", "en").splitlines()
    assert not any(mark in line.partition(": ")[2] for line in lines for mark in ':[<>"&')


def test_mermaid_tells_every_state_and_every_way() -> None:
    lines = exports.mermaid(read(ORDER), "small", "en").splitlines()
    assert lines[0] == "stateDiagram-v2"
    assert "    [*] --> ASKED: Ask" in lines
    assert {"    ASKED --> BIG: Weigh", "    ASKED --> SMALL: Weigh", "    DONE --> [*]"} <= set(lines)
