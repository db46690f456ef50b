"""A workflow in the languages of others: Mermaid for a page of text, BPMN 2.0 with its diagram (OMG formal/2013-12-09) for modellers.

In BPMN a state is an exclusive gateway, where somebody decides what comes next; a step is a task between two of them, a final state an end.
A step that leads where the facts say is a task before a gateway of its own, whose conditions stand on its flows as text.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, SubElement, indent, register_namespace, tostring

from qms.workflows import diagram
from qms.workflows.definition import OPENING, SYS, Definition, State
from qms.workflows.layout import Drawing
from qms.workflows.step import Step

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
DI = "http://www.omg.org/spec/BPMN/20100524/DI"
DC = "http://www.omg.org/spec/DD/20100524/DC"
WAY = "http://www.omg.org/spec/DD/20100524/DI"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
SPREAD = 2.4
"""How much wider than our own drawing, where steps are numbers on lines and not boxes."""
SIZES = {"task": (120, 60), "gateway": (50, 50), "event": (36, 36)}
PREFIXES = {"bpmn": BPMN, "bpmndi": DI, "dc": DC, "di": WAY, "xsi": XSI}


def mermaid(definition: Definition, profile: str, language: str) -> str:
    """The workflow as a Mermaid state diagram, titles in ``language``."""
    lines = ["stateDiagram-v2"]
    for state in definition.states_in(profile):
        lines.append(f'    state "{_quoted(state.title[language])}" as {state.name}')
    lines.append(f"    [*] --> {definition.initial.name}: {_quoted(definition.opening.title[language])}")
    for step in definition.steps_in(profile):
        for source in step.sources:
            lines += [f"    {source} --> {target or source}: {_quoted(step.title[language])}" for target in step.targets]
    lines += [f"    {state.name} --> [*]" for state in definition.states_in(profile) if state.kind == "final"]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A title that Mermaid reads as nothing but words."""
    return "".join(mark if mark.isalnum() or mark in " .,'’()/-–€%?!«»" else " " for mark in " ".join(text.split()))


@dataclass
class _Model:
    """A BPMN process being put together: nodes with their middle, and flows between them."""

    nodes: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    """Id → element, kind of shape, name."""
    places: dict[str, tuple[float, float]] = field(default_factory=dict)
    flows: list[tuple[str, str, str]] = field(default_factory=list)
    """Source, target, condition."""

    def node(self, id: str, element: str, kind: str, name: str, at: tuple[float, float]) -> str:
        self.nodes[id] = (element, kind, name)
        self.places[id] = at
        return id

    def flow(self, source: str, target: str, condition: str = "") -> None:
        self.flows.append((source, target, condition))


def bpmn(definition: Definition, profile: str, language: str) -> bytes:
    """The workflow as BPMN 2.0 XML with its diagram, titles in ``language``."""
    model = _modelled(definition, profile, language, diagram.laid_out(definition, profile, language))
    root = Element(f"{{{BPMN}}}definitions", {"id": "definitions", "targetNamespace": "urn:qms:workflow"})
    process = SubElement(root, f"{{{BPMN}}}process", {"id": "process", "name": definition.title[language], "isExecutable": "false"})
    ids = {index: f"flow_{index}" for index in range(len(model.flows))}
    for id, (element, _, name) in model.nodes.items():
        node = SubElement(process, f"{{{BPMN}}}{element}", {"id": id, "name": name})
        for index, (_, target, _) in enumerate(model.flows):
            if target == id:
                SubElement(node, f"{{{BPMN}}}incoming").text = ids[index]
        for index, (source, _, _) in enumerate(model.flows):
            if source == id:
                SubElement(node, f"{{{BPMN}}}outgoing").text = ids[index]
    for index, (source, target, condition) in enumerate(model.flows):
        flow = SubElement(process, f"{{{BPMN}}}sequenceFlow", {"id": ids[index], "sourceRef": source, "targetRef": target})
        if condition:
            written = SubElement(flow, f"{{{BPMN}}}conditionExpression", {f"{{{XSI}}}type": "bpmn:tFormalExpression"})
            written.text = condition
    _draw(root, model, ids)
    for prefix, namespace in PREFIXES.items():
        register_namespace(prefix, namespace)
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'.encode()


def _modelled(definition: Definition, profile: str, language: str, drawing: Drawing) -> _Model:
    model = _Model()
    states = list(definition.states_in(profile))
    places = {name: (x * SPREAD, y * SPREAD) for name, (x, y) in drawing.places.items()}
    left = {source for step in definition.steps_in(profile) for source in step.sources}
    for state in states:
        ends = state.kind == "final" or (state.is_end and state.name not in left)
        element, kind = ("endEvent", "event") if ends else ("exclusiveGateway", "gateway")
        model.node(_of(state), element, kind, state.title[language], places[state.name])
    x, y = places[definition.initial.name]
    model.node("start", "startEvent", "event", "", (x - 320, y))
    model.node(OPENING, "userTask", "task", definition.opening.title[language], (x - 160, y))
    model.flow("start", OPENING)
    model.flow(OPENING, _of(definition.initial))
    known = {state.name for state in states}
    for number, step in enumerate(definition.steps_in(profile)):
        for sources in _together(step, known):
            _add_step(model, step, sources, language, number)
    return model


def _of(state: State) -> str:
    return f"state_{state.name}"


def _together(step: Step, known: set[str]) -> Iterator[tuple[str, ...]]:
    """The states from which one task leads on: all of them, or each alone when the case stays where it is."""
    sources = tuple(name for name in step.sources if name in known)
    if None in step.targets:
        yield from ((name,) for name in sources)
    elif sources:
        yield sources


def _add_step(model: _Model, step: Step, sources: tuple[str, ...], language: str, number: int) -> None:
    id = f"step_{step.name}" if len(sources) == len(step.sources) else f"step_{step.name}_{sources[0]}"
    targets = [f"state_{name or sources[0]}" for name in step.targets]
    ends = [model.places[f"state_{name}"] for name in sources] + [model.places[name] for name in targets if name in model.places]
    x, y = (sum(axis) / len(ends) for axis in zip(*ends, strict=True))
    x += (number % 3 - 1) * 130 + (180 if len({*ends}) == 1 else 0)
    model.node(id, "serviceTask" if step.by == (SYS,) else "userTask", "task", step.title[language], (x, y))
    for source in sources:
        model.flow(f"state_{source}", id)
    if not step.branches:
        model.flow(id, targets[0])
        return
    choice = model.node(f"choice_{step.name}", "exclusiveGateway", "gateway", "", (x, y + 80))
    model.flow(id, choice)
    for branch in step.branches:
        model.flow(choice, f"state_{branch.state}", branch.when.text)
    model.flow(choice, f"state_{step.target or sources[0]}")


def _draw(root: Element, model: _Model, ids: dict[int, str]) -> None:
    """The diagram: a shape for each node, an edge for each flow."""
    picture = SubElement(root, f"{{{DI}}}BPMNDiagram", {"id": "diagram"})
    plane = SubElement(picture, f"{{{DI}}}BPMNPlane", {"id": "plane", "bpmnElement": "process"})
    least_x = min(x for x, _ in model.places.values()) - 120
    for id, (x, y) in model.places.items():
        width, height = SIZES[model.nodes[id][1]]
        given = {"id": f"{id}_shape", "bpmnElement": id}
        marked = {"isMarkerVisible": "true"} if model.nodes[id][1] == "gateway" else {}
        shape = SubElement(plane, f"{{{DI}}}BPMNShape", {**given, **marked})
        at = {"x": x - least_x - width / 2, "y": y - height / 2, "width": width, "height": height}
        SubElement(shape, f"{{{DC}}}Bounds", {name: f"{value:.0f}" for name, value in at.items()})
    for index, (source, target, _) in enumerate(model.flows):
        edge = SubElement(plane, f"{{{DI}}}BPMNEdge", {"id": f"{ids[index]}_edge", "bpmnElement": ids[index]})
        for name in (source, target):
            x, y = model.places[name]
            SubElement(edge, f"{{{WAY}}}waypoint", {"x": f"{x - least_x:.0f}", "y": f"{y:.0f}"})
