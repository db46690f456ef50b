"""Reads a process that somebody drew in BPMN 2.0 (OMG formal/2013-12-09): its tasks, decisions, ends and the ways between them.

What a drawing can say and a workflow cannot is named in the list of what was left out, never dropped in silence.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lxml import etree

from qms.errors import BadContent, Problem
from qms.formats import names
from qms.formats.reading import LARGEST, read_xml, tidy
from qms.formats.trees import joined, local_name

MODEL = "http://www.omg.org/spec/BPMN/20100524/MODEL"
MOST_BYTES = 2_000_000
MOST_NODES = 200
MOST_FLOWS = 600
LONGEST = 200
LONGEST_CONDITION = 1_000
TASK, MACHINE, GATEWAY, START, END, PASS = "task", "machine", "gateway", "start", "end", "pass"
KINDS = {
    "task": TASK, "userTask": TASK, "manualTask": TASK, "sendTask": TASK, "receiveTask": TASK,
    "serviceTask": MACHINE, "scriptTask": MACHINE, "businessRuleTask": MACHINE,
    "callActivity": TASK, "subProcess": TASK, "transaction": TASK, "adHocSubProcess": TASK,
    "exclusiveGateway": GATEWAY, "inclusiveGateway": GATEWAY, "parallelGateway": GATEWAY,
    "complexGateway": GATEWAY, "eventBasedGateway": GATEWAY,
    "startEvent": START, "endEvent": END, "intermediateCatchEvent": PASS, "intermediateThrowEvent": PASS, "boundaryEvent": PASS,
}  # fmt: skip
NESTED = frozenset({"callActivity", "subProcess", "transaction", "adHocSubProcess"})
CARRIED = frozenset(
    {"incoming", "outgoing", "documentation", "potentialOwner", "performer", "humanPerformer", "multiInstanceLoopCharacteristics"}
)
KNOWN = frozenset({"sequenceFlow", "laneSet", "documentation"})


@dataclass(frozen=True)
class Node:
    """A task, decision, start, end, or an event that is passed through."""

    id: str
    kind: str
    name: str
    line: int
    roles: tuple[str, ...] = ()
    """Who does it: performers named on it, else the lane it lies in."""
    count: str | None = None
    """How often it is done side by side or one after the other."""
    about: str = ""


@dataclass(frozen=True)
class Flow:
    source: str
    target: str
    name: str
    condition: str
    is_default: bool
    line: int


@dataclass(frozen=True)
class Process:
    """One process as it was drawn. ``left_out`` names what it says beyond this."""

    name: str
    exporter: str
    nodes: Mapping[str, Node]
    flows: tuple[Flow, ...]
    left_out: tuple[Problem, ...]


@dataclass
class _Reading:
    path: str
    left_out: list[Problem] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)

    def leave(self, element: etree._Element, code: str, **values: object) -> None:
        said = {"name": called(element), **values}
        self.left_out.append(Problem(self.path, line_of(element), f"bpmn.{code}", said))


def read_bpmn(content: bytes, path: str) -> Process:
    """The process in a BPMN file: of several the first that has nodes. Raises BadContent for what is no such file or does harm."""
    path = names.clean(path)
    if len(content) > min(MOST_BYTES, LARGEST):
        raise BadContent([Problem(path, 0, "notice_too_large", {"most": MOST_BYTES // 1_000_000})])
    if not content.strip():
        raise BadContent([Problem(path, 0, "notice_blank")])
    root = read_xml(content, path)
    if root.tag != _tag("definitions"):
        raise BadContent([Problem(path, line_of(root), "bpmn.root")])
    reading = _Reading(path)
    processes = [one for one in root.findall(_tag("process")) if any(local_name(part) in KINDS for part in one)]
    if not processes:
        raise BadContent([Problem(path, line_of(root), "bpmn.empty")])
    process = processes[0]
    for other in processes[1:]:
        reading.leave(other, "other_process")
    nodes = {str(part.get("id")): part for part in process if _is(part, *KINDS) and part.get("id")}
    flows = [part for part in process if _is(part, "sequenceFlow")]
    if len(nodes) > MOST_NODES or len(flows) > MOST_FLOWS:
        raise BadContent([Problem(path, line_of(process), "bpmn.too_much", {"nodes": MOST_NODES, "flows": MOST_FLOWS})])
    lanes = _lanes(process)
    read = {id: _node(reading, part, lanes.get(id, ())) for id, part in nodes.items()}
    ways = tuple(_flows(reading, flows, read, nodes))
    _rest(reading, root, process)
    name = _cut(process.get("name")) or _participant(root, process)
    return Process(name, _cut(root.get("exporter")), read, ways, tuple(reading.left_out))


def called(element: etree._Element) -> str:
    """How an element is named to a person: by its name, else by its id."""
    return _cut(element.get("name")) or _cut(element.get("id")) or local_name(element)


def line_of(element: etree._Element) -> int:
    return element.sourceline if isinstance(element.sourceline, int) else 0


def _tag(name: str) -> str:
    return f"{{{MODEL}}}{name}"


def _is(element: etree._Element, *wanted: str) -> bool:
    return element.tag in {_tag(name) for name in wanted}


def _cut(text: str | None) -> str:
    return tidy(text or "")[:LONGEST].strip()


def _lanes(process: etree._Element) -> Mapping[str, tuple[str, ...]]:
    """Node → the lane it lies in; of nested lanes the innermost."""
    found: dict[str, tuple[str, ...]] = {}
    for lane in process.iter(_tag("lane")):
        for member in lane.findall(_tag("flowNodeRef")):
            if _cut(lane.get("name")):
                found[tidy(joined(member))] = (_cut(lane.get("name")),)
    return found


def _node(reading: _Reading, element: etree._Element, lane: tuple[str, ...]) -> Node:
    tag = local_name(element)
    kind = KINDS[tag]
    if tag in NESTED:
        reading.leave(element, "nested")
    elif kind == GATEWAY and tag != "exclusiveGateway":
        reading.leave(element, "gateway", kind=tag)
    elif kind == PASS:
        reading.leave(element, "event", kind=_event(element))
    elif kind in (START, END) and _event(element) not in ("", "terminate"):
        reading.leave(element, "event_kind", kind=_event(element))
    count = None
    for part in element:
        if _is(part, "multiInstanceLoopCharacteristics"):
            count = _cut(joined(cardinality)) if (cardinality := part.find(_tag("loopCardinality"))) is not None else "?"
        elif isinstance(part.tag, str) and local_name(part) not in CARRIED and not local_name(part).endswith("EventDefinition"):
            reading.others[local_name(part)] += tag not in NESTED or local_name(part) not in {*KINDS, *KNOWN}
    owners = [part for part in element if _is(part, "potentialOwner", "performer", "humanPerformer")]
    roles = tuple(dict.fromkeys(role for owner in owners if (role := _cut(owner.get("name")) or _cut(joined(owner)))))
    about = element.find(_tag("documentation"))
    told = _cut(joined(about)) if about is not None else ""
    return Node(str(element.get("id")), kind, _cut(element.get("name")), line_of(element), roles or lane, count, told)


def _event(element: etree._Element) -> str:
    """What an event waits for or says: ``timer``, ``message``, …"""
    return next((local_name(part).removesuffix("EventDefinition") for part in element if str(part.tag).endswith("EventDefinition")), "")


def _flows(
    reading: _Reading, flows: list[etree._Element], nodes: Mapping[str, Node], elements: Mapping[str, etree._Element]
) -> Iterator[Flow]:
    for flow in flows:
        source, target = str(flow.get("sourceRef")), str(flow.get("targetRef"))
        if source not in nodes or target not in nodes or nodes[source].kind == END or nodes[target].kind == START:
            reading.leave(flow, "loose_flow")
            continue
        if _is(elements[source], "boundaryEvent"):
            reading.leave(flow, "boundary_flow", event=called(elements[source]))
            continue
        condition = flow.find(_tag("conditionExpression"))
        written = tidy(joined(condition))[:LONGEST_CONDITION] if condition is not None else ""
        default = elements[source].get("default") == flow.get("id") and flow.get("id") is not None
        yield Flow(source, target, _cut(flow.get("name")), written, default, line_of(flow))


def _rest(reading: _Reading, root: etree._Element, process: etree._Element) -> None:
    """Count what else there is, by kind: notes, data, messages, extensions of the tool that drew it."""
    for part in process:
        if not _is(part, *KINDS, *KNOWN):
            reading.others[local_name(part)] += 1
    for collaboration in root.findall(_tag("collaboration")):
        for part in collaboration:
            reading.others[local_name(part)] += not _is(part, "participant")
    for name, count in sorted(reading.others.items()):
        if count:
            reading.left_out.append(Problem(reading.path, 0, "bpmn.others", {"kind": name, "number": count}))


def _participant(root: etree._Element, process: etree._Element) -> str:
    """The name of the pool that stands for a process without a name of its own."""
    pools = root.iter(_tag("participant"))
    return next((_cut(pool.get("name")) for pool in pools if pool.get("processRef") == process.get("id")), "")
