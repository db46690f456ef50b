"""A workflow as BPMN 2.0 with its diagram (OMG formal/2013-12-09), for modellers and the tools they use.

A state is an exclusive gateway, where somebody decides what comes next; a step is a task between two of them, done by its roles; a final
state is an end. A step that leads where the facts say is a task before a gateway of its own, whose conditions stand on its flows as text.
A step that several must take is a task of several instances. A deadline is a note beside what starts it: BPMN's timers act, ours warn.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from xml.etree.ElementTree import Element, SubElement, indent, register_namespace, tostring

from qms.workflows.definition import OPENING, SYS, Definition, State
from qms.workflows.layout import HEIGHT, Edge, lay_out, wrapped
from qms.workflows.step import Quorum, Step

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
DI = "http://www.omg.org/spec/BPMN/20100524/DI"
DC = "http://www.omg.org/spec/DD/20100524/DC"
WAY = "http://www.omg.org/spec/DD/20100524/DI"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
PREFIXES = {"bpmn": BPMN, "bpmndi": DI, "dc": DC, "di": WAY, "xsi": XSI}
EXPORTER = "qms"
"""Who wrote the file: coming back, its ids hold the names of states and steps."""
STATE, STEP, CHOICE = "state_", "step_", "choice_"
MACHINE = "serviceTask"
"""A step that only the program takes."""
SHAPES = {"startEvent": "event", "endEvent": "event", "exclusiveGateway": "gateway", "userTask": "task", MACHINE: "task"}
SIZES = {"task": (152, 60), "gateway": (50, 50), "event": (36, 36)}
NOTE = (190, 46)
BESIDE = 40
Point = tuple[float, float]
Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class _Node:
    element: str
    name: str
    about: str | None = None
    step: Step | None = None


@dataclass(frozen=True)
class _Drawn:
    """Shapes and labels with x, y, width, height; lines with their points."""

    shapes: Mapping[str, Bounds]
    labels: Mapping[str, Bounds]
    flows: Mapping[tuple[str, str], tuple[Point, ...]]
    lines: Mapping[str, tuple[Point, ...]]


@dataclass
class _Model:
    """A process being put together, its nodes in the order of the drawing."""

    nodes: dict[str, _Node] = field(default_factory=dict)
    flows: list[tuple[str, str, str]] = field(default_factory=list)
    """Source, target, condition."""
    default: dict[str, int] = field(default_factory=dict)
    """Gateway → its flow for when no condition holds."""
    notes: list[tuple[str, str | None, str]] = field(default_factory=list)
    """Id, what it stands beside, text."""

    def of_step(self, step: Step) -> str | None:
        return next((id for id, node in self.nodes.items() if node.step is not None and node.step.name == step.name), None)


def bpmn(definition: Definition, profile: str, language: str) -> bytes:
    """The workflow as BPMN 2.0 XML with its diagram, titles in ``language``."""
    model = _modelled(definition, profile, language)
    written = {"id": "definitions", "targetNamespace": "urn:qms:workflow", "exporter": EXPORTER}
    root = Element(f"{{{BPMN}}}definitions", written)
    process = SubElement(root, f"{{{BPMN}}}process", {"id": "process", "name": definition.title[language], "isExecutable": "false"})
    for id, node in model.nodes.items():
        _write_node(process, model, id, node)
    for index, (source, target, condition) in enumerate(model.flows):
        named = {"name": condition} if condition else {}
        flow = SubElement(process, f"{{{BPMN}}}sequenceFlow", {"id": _flow(index), **named, "sourceRef": source, "targetRef": target})
        if condition:
            SubElement(flow, f"{{{BPMN}}}conditionExpression", {f"{{{XSI}}}type": "bpmn:tFormalExpression"}).text = condition
    for id, _, text in model.notes:
        SubElement(SubElement(process, f"{{{BPMN}}}textAnnotation", {"id": id}), f"{{{BPMN}}}text").text = text
    for id, beside, _ in model.notes:
        if beside is not None:
            SubElement(process, f"{{{BPMN}}}association", {"id": f"{id}_line", "sourceRef": beside, "targetRef": id})
    _draw(root, model)
    for prefix, namespace in PREFIXES.items():
        register_namespace(prefix, namespace)
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'.encode()


def _modelled(definition: Definition, profile: str, language: str) -> _Model:
    model = _Model()
    states = {state.name: state for state in definition.states_in(profile)}
    steps = list(definition.steps_in(profile))
    left = {source for step in steps for source in step.sources}
    model.nodes["start"] = _Node("startEvent", "")
    model.nodes[OPENING] = _Node("userTask", definition.opening.title[language], step=definition.opening)
    model.flows += [("start", OPENING, ""), (OPENING, STATE + definition.initial.name, "")]
    for state in states.values():
        _add_state(model, state, state.kind == "final" or (state.is_end and state.name not in left), language)
        for step in steps:
            for sources in _together(step, states):
                if sources[0] == state.name:
                    _add_step(model, step, sources, language)
    for timer in definition.timers_in(profile):
        started = definition.step(timer.start) if timer.starts_with == "step" else None
        beside = STATE + timer.start if timer.starts_with == "state" else model.of_step(started) if started is not None else None
        due = f"{timer.title[language]}: {timer.due.text}"
        model.notes.append((f"timer_{timer.name}", beside if beside in model.nodes else None, due))
    return model


def _add_state(model: _Model, state: State, ends: bool, language: str) -> None:
    about = state.meaning[language] if state.meaning is not None else None
    model.nodes[STATE + state.name] = _Node("endEvent" if ends else "exclusiveGateway", state.title[language], about)


def _together(step: Step, states: dict[str, State]) -> Iterator[tuple[str, ...]]:
    """The states from which one task leads on: all of them, or each alone when the case stays where it is."""
    sources = tuple(name for name in step.sources if name in states)
    if None in step.targets:
        yield from ((name,) for name in sources)
    elif sources:
        yield sources


def _add_step(model: _Model, step: Step, sources: tuple[str, ...], language: str) -> None:
    id = f"{STEP}{step.name}_{sources[0]}" if None in step.targets and len(step.sources) > 1 else STEP + step.name
    model.nodes[id] = _Node(MACHINE if step.by == (SYS,) else "userTask", step.title[language], step=step)
    model.flows += [(STATE + source, id, "") for source in sources]
    last = STATE + (step.target or sources[0])
    if not step.branches:
        model.flows.append((id, last, ""))
        return
    choice = CHOICE + step.name
    model.nodes[choice] = _Node("exclusiveGateway", "")
    model.flows += [(id, choice, ""), *((choice, STATE + branch.state, branch.when.text) for branch in step.branches)]
    model.default[choice] = len(model.flows)
    model.flows.append((choice, last, ""))


def _flow(index: int) -> str:
    return f"flow_{index}"


def _write_node(process: Element, model: _Model, id: str, node: _Node) -> None:
    """One node, its parts in the order that the standard's schema asks for."""
    given = {"default": _flow(model.default[id])} if id in model.default else {}
    written = SubElement(process, f"{{{BPMN}}}{node.element}", {"id": id, "name": node.name, **given})
    if node.about:
        SubElement(written, f"{{{BPMN}}}documentation").text = node.about
    for index, (_, target, _) in enumerate(model.flows):
        if target == id:
            SubElement(written, f"{{{BPMN}}}incoming").text = _flow(index)
    for index, (source, _, _) in enumerate(model.flows):
        if source == id:
            SubElement(written, f"{{{BPMN}}}outgoing").text = _flow(index)
    for role in node.step.by if node.step is not None and node.element != MACHINE else ():
        owner = SubElement(written, f"{{{BPMN}}}potentialOwner", {"name": role})
        assigned = SubElement(owner, f"{{{BPMN}}}resourceAssignmentExpression")
        SubElement(assigned, f"{{{BPMN}}}formalExpression").text = role
    if node.step is not None and node.step.quorum is not None:
        _write_quorum(written, node.step.quorum)


def _write_quorum(task: Element, quorum: Quorum) -> None:
    several = SubElement(task, f"{{{BPMN}}}multiInstanceLoopCharacteristics", {"isSequential": "true" if quorum.in_order else "false"})
    number = str(quorum.count) if quorum.count is not None else quorum.of.text if quorum.of is not None else ""
    SubElement(several, f"{{{BPMN}}}loopCardinality").text = number


def _draw(root: Element, model: _Model) -> None:
    """The diagram: a shape for each node and note, an edge for each flow and each line to a note."""
    picture = SubElement(root, f"{{{DI}}}BPMNDiagram", {"id": "diagram"})
    plane = SubElement(picture, f"{{{DI}}}BPMNPlane", {"id": "plane", "bpmnElement": "process"})
    kinds = {id: SHAPES[node.element] for id, node in model.nodes.items()}
    made = _drawn(kinds, [(source, target) for source, target, _ in model.flows], [(id, beside) for id, beside, _ in model.notes])
    for id, place in made.shapes.items():
        marked = {"isMarkerVisible": "true"} if kinds.get(id) == "gateway" else {}
        shape = SubElement(plane, f"{{{DI}}}BPMNShape", {"id": f"{id}_shape", "bpmnElement": id, **marked})
        _bounds(shape, place)
        if id in made.labels and model.nodes[id].name:
            _bounds(SubElement(shape, f"{{{DI}}}BPMNLabel"), made.labels[id])
    lines = [(_flow(index), made.flows[source, target]) for index, (source, target, _) in enumerate(model.flows)]
    lines += [(f"{id}_line", line) for id, line in made.lines.items()]
    for id, points in lines:
        edge = SubElement(plane, f"{{{DI}}}BPMNEdge", {"id": f"{id}_edge", "bpmnElement": id})
        for x, y in points:
            SubElement(edge, f"{{{WAY}}}waypoint", {"x": f"{x:g}", "y": f"{y:g}"})


def _bounds(parent: Element, place: tuple[float, float, float, float]) -> None:
    SubElement(parent, f"{{{DC}}}Bounds", dict(zip(("x", "y", "width", "height"), (f"{value:g}" for value in place), strict=True)))


def _drawn(kinds: Mapping[str, str], flows: Sequence[tuple[str, str]], notes: Sequence[tuple[str, str | None]]) -> _Drawn:
    """Place nodes (id → kind) in rows along their ``flows``; ``notes`` (id, what it stands beside) stand in a column to the right."""
    nodes = [State(id, {}, None, "normal", None, 0) for id in kinds]
    edges = [Edge(source, target, (), False) for source, target in dict.fromkeys(flows)]
    made = lay_out(nodes, {id: wrapped(id) for id in kinds}, edges, ())
    shapes, labels = {}, {}
    for id, (x, y) in made.places.items():
        width, height = SIZES[kinds[id]]
        shapes[id] = (x - width / 2, y - height / 2, float(width), float(height))
        if kinds[id] != "task":
            labels[id] = (x + width / 2 + 4, y - 28, 96.0, 28.0)
    ways = {}
    for (source, target), route in made.routes.items():
        first, *between, last = _points(route.d)
        start, end = made.places[source], made.places[target]
        ways[source, target] = (*_leave(kinds[source], start, first, 1), *between, *reversed(_leave(kinds[target], end, last, -1)))
    lines, x, y = {}, float(made.width + BESIDE), 0.0
    for id, beside in sorted(notes, key=lambda note: made.places[note[1]][1] if note[1] is not None else 0):
        at = made.places[beside][1] if beside is not None else 0.0
        y = max(y, at - NOTE[1] / 2, 0.0)
        shapes[id] = (x, y, float(NOTE[0]), float(NOTE[1]))
        if beside is not None:
            left, top, wide, high = shapes[beside]
            lines[id] = ((left + wide, top + high / 2), (x, y + NOTE[1] / 2))
        y += NOTE[1] + 12
    return _Drawn(shapes, labels, ways, lines)


def _points(d: str) -> list[Point]:
    """The corners of a route: of a curve its two ends."""
    found: list[Point] = []
    for letter, rest in re.findall(r"([MCVH])([^MCVH]*)", d):
        numbers = [float(number) for number in rest.split()]
        x, y = found[-1] if found else (0.0, 0.0)
        found.append((numbers[0], y) if letter == "H" else (x, numbers[0]) if letter == "V" else (numbers[-2], numbers[-1]))
    return found


def _leave(kind: str, middle: Point, port: Point, way: int) -> list[Point]:
    """From the edge of a shape to where its line leaves the row: downward with ``way`` 1, upward with -1."""
    (x, y), aside = middle, port[0] - middle[0]
    border = (port[0], y + way * HEIGHT / 2)
    if kind == "task":
        reach = min(max(aside, -SIZES[kind][0] / 2), SIZES[kind][0] / 2)
        return [(x + reach, y + way * SIZES[kind][1] / 2), border]
    half = SIZES[kind][0] / 2
    if abs(aside) > half - 2:
        return [(x + (half if aside > 0 else -half), y), (port[0], y), border]
    depth = half - abs(aside) if kind == "gateway" else sqrt(half * half - aside * aside)
    return [(port[0], y + way * depth), border]
