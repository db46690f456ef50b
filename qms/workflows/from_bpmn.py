"""Makes the draft of a workflow out of a drawn process: what is done becomes a step, where one waits or chooses becomes a state.

A decision is a state, since a case waits there for somebody; a task that follows another directly is waited for in a state of its own.
A decision after one task that only says where to go on becomes that step's conditions. Whatever is lost or assumed is listed. A file
that this program wrote itself gives back the very names of its states and steps.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import product

from qms.errors import BadContent, Problem, Text
from qms.formats.bpmn import END, GATEWAY, MACHINE, MOST_FLOWS, MOST_NODES, PASS, START, TASK, Flow, Node, Process
from qms.locale import LANGUAGES, say
from qms.workflows.bpmn import CHOICE, EXPORTER, STATE, STEP
from qms.workflows.definition import OPENING, SYS
from qms.workflows.drafting import LONGEST_STATE, LONGEST_TITLE, Draft, DraftState, DraftStep, plain, state_name, unique
from qms.workflows.reader import ROLE_NAME

OWNER = "QM"
PROCEDURE = "PRO-0.0-00"
"""A procedure that does not exist: the draft's reader names the true one."""
NAMELESS = "S"
DOES = (TASK, MACHINE)
_OWN_STATE = re.compile(STATE + r"([A-Z][A-Z0-9_]{0,39})")
_OWN_STEP = re.compile(STEP + r"([a-z][a-z0-9_]{0,39}?)(?:_([A-Z][A-Z0-9_]{0,39}))?")


@dataclass
class _Graph:
    """A process being turned: nodes may be put in between, and what is lost or assumed is noted."""

    path: str
    own: bool
    nodes: dict[str, Node]
    flows: list[Flow]
    left_out: list[Problem]
    states: dict[str, DraftState] = field(default_factory=dict)
    """Node where a case waits → its state; a task's own waiting place stands under the task's id."""
    taken: set[str] = field(default_factory=set)

    def note(self, line: int, code: str, **values: object) -> None:
        self.left_out.append(Problem(self.path, line, f"bpmn.{code}", values))

    def out(self, id: str) -> list[Flow]:
        return [flow for flow in self.flows if flow.source == id]

    def into(self, id: str) -> list[Flow]:
        return [flow for flow in self.flows if flow.target == id]


def draft_of(process: Process, path: str) -> tuple[Draft, tuple[Problem, ...]]:
    """The draft, and everything that could not be carried over or was assumed. Raises BadContent for ways beyond number."""
    graph = _Graph(path, process.exporter == EXPORTER, dict(process.nodes), list(process.flows), list(process.left_out))
    _skip_events(graph)
    _complete(graph)
    choices = {id for id in graph.nodes if _is_choice(graph, id)}
    _act_before_ends(graph, choices)
    for flow in graph.flows:
        if (flow.condition or flow.name) and flow.source not in choices:
            graph.note(flow.line, "condition", name=_title(graph.nodes[flow.target]), condition=flow.condition or flow.name)
    _place(graph, choices)
    opening, first = _opening(graph, process)
    steps = _steps(graph, choices, first)
    initial = graph.states.get(first)
    states = [replace(state, kind="initial") if state is initial else state for state in _in_order(graph, first)]
    title = _both(process.name or say("it", "drafting.unnamed"))
    name = re.sub(r"[^a-z0-9]+", "-", plain(title["it"]).lower()).strip("-")[:40].strip("-")
    id = name if re.fullmatch(r"[a-z][a-z0-9-]{1,39}", name) else f"bpmn-{name}"[:40].strip("-")
    prefix = re.sub("[^A-Z]", "", plain(title["it"]).upper())[:4]
    draft = Draft(id, title, prefix if len(prefix) > 1 else "NUOVO", OWNER, PROCEDURE, opening, tuple(states), tuple(steps))
    graph.note(0, "assumed", id=draft.id, prefix=draft.prefix, owner=OWNER)
    graph.note(0, "translate", number=1 + len(states) + len(steps))
    return draft, tuple(graph.left_out)


def _both(text: str) -> Text:
    return dict.fromkeys(LANGUAGES, text[:LONGEST_TITLE])


def _skip_events(graph: _Graph) -> None:
    """Lead each way past events in its middle on to what comes after them, two nodes never joined twice: else ways multiply."""
    for id in [id for id, node in graph.nodes.items() if node.kind == PASS]:
        before, after = graph.into(id), graph.out(id)
        graph.flows = [flow for flow in graph.flows if id not in (flow.source, flow.target)]
        joined = {(flow.source, flow.target) for flow in graph.flows}
        for flow, one in product(before, after):
            if id not in (flow.source, one.target) and (flow.source, one.target) not in joined:
                joined.add((flow.source, one.target))
                graph.flows.append(replace(flow, target=one.target))
        del graph.nodes[id]
        if len(graph.flows) > MOST_FLOWS:
            raise BadContent([Problem(graph.path, 0, "bpmn.too_much", {"nodes": MOST_NODES, "flows": MOST_FLOWS})])


def _complete(graph: _Graph) -> None:
    """Give every task an end and one way out; two at once become a choice between them."""
    for node in [node for node in graph.nodes.values() if node.kind in DOES]:
        out = graph.out(node.id)
        if len(out) > 1:
            graph.note(node.line, "several_ways", name=_title(node))
            between = Node(f"{node.id} after", GATEWAY, say("it", "drafting.after", title=_title(node)), node.line)
            graph.nodes[between.id] = between
            graph.flows = [replace(flow, source=between.id) if flow.source == node.id else flow for flow in graph.flows]
            graph.flows.append(Flow(node.id, between.id, "", "", False, node.line))
        elif not out:
            end = Node(f"{node.id} end", END, "", node.line)
            graph.nodes[end.id] = end
            graph.flows.append(Flow(node.id, end.id, "", "", False, node.line))
            graph.note(node.line, "no_way_out", name=_title(node))


def _is_choice(graph: _Graph, id: str) -> bool:
    """Whether a decision only says, after one task, where that task leads."""
    before, after = graph.into(id), graph.out(id)
    if graph.nodes[id].kind != GATEWAY or len(before) != 1 or not after:
        return False
    leads = graph.nodes[before[0].source].kind in DOES and all(graph.nodes[flow.target].kind in (GATEWAY, END) for flow in after)
    return leads and (id.startswith(CHOICE) if graph.own else len(after) > 1 and any(flow.condition for flow in after))


def _act_before_ends(graph: _Graph, choices: set[str]) -> None:
    """Where a decision leads to an end with nothing to do between, put the act of ending it."""
    for index, flow in enumerate(list(graph.flows)):
        source, target = graph.nodes[flow.source], graph.nodes[flow.target]
        if source.kind == GATEWAY and source.id not in choices and target.kind == END:
            name = flow.name or say("it", "drafting.conclude", title=_title(target))
            act = Node(f"{flow.source} {flow.target} {index}", TASK, name, flow.line)
            graph.nodes[act.id] = act
            graph.flows[index] = replace(flow, target=act.id, name="")
            graph.flows.append(Flow(act.id, target.id, "", "", False, flow.line))
            graph.note(flow.line, "act_added", name=act.name)


def _title(node: Node) -> str:
    return node.name or say("it", f"drafting.node_{node.kind if node.kind in (GATEWAY, START, END) else TASK}")


def _place(graph: _Graph, choices: set[str]) -> None:
    """Where a case waits: at decisions and ends, and before a task that follows a task or the start."""
    for node in list(graph.nodes.values()):
        if node.kind in (GATEWAY, END) and node.id not in choices and (node.kind == END or graph.out(node.id) or graph.into(node.id)):
            dead = node.kind == GATEWAY and not graph.out(node.id)
            if dead:
                graph.note(node.line, "dead_end", name=_title(node))
            _add_state(graph, node, _title(node), "final" if node.kind == END or dead else "normal")
        elif node.kind in DOES:
            before = {graph.nodes[flow.source].kind for flow in graph.into(node.id)}
            if not before:
                graph.note(node.line, "never_reached", name=_title(node))
            if not before or before - {GATEWAY}:
                _add_state(graph, node, say("it", "drafting.waiting", title=_title(node)), "normal")


def _add_state(graph: _Graph, node: Node, title: str, kind: str) -> None:
    own = _OWN_STATE.fullmatch(node.id) if graph.own else None
    name = unique(own[1], graph.taken, 40) if own else unique(state_name(title) or NAMELESS, graph.taken, LONGEST_STATE)
    graph.states[node.id] = DraftState(name, _both(title), kind, _both(node.about) if node.about and node.kind == GATEWAY else None)


def _opening(graph: _Graph, process: Process) -> tuple[DraftStep, str]:
    """The step that opens a case, and the node where the case then waits."""
    starts = [node for node in graph.nodes.values() if node.kind == START]
    for other in starts[1:]:
        graph.note(other.line, "other_start", name=_title(other))
    first = next((flow.target for start in starts[:1] for flow in graph.out(start.id)), "")
    title = (starts[0].name if starts else "") or say("it", "drafting.open", title=process.name or say("it", "drafting.unnamed"))
    opener = graph.nodes.get(first)
    if graph.own and first == OPENING and opener is not None:
        title, first = opener.name, next((flow.target for flow in graph.out(OPENING)), "")
        graph.states.pop(OPENING, None)
        return DraftStep("", _both(title), (), (), _roles(graph, opener)), first
    if first not in graph.states:
        first = next(iter(graph.states), "")
    by = next((_roles(graph, node) for node in graph.nodes.values() if node.id == first and node.kind == TASK), (OWNER,))
    return DraftStep("", _both(title), (), (), by), first


def _steps(graph: _Graph, choices: set[str], first: str) -> list[DraftStep]:
    steps: dict[str, DraftStep] = {}
    taken: set[str] = {OPENING}
    for node in graph.nodes.values():
        if node.kind not in DOES or (graph.own and node.id == OPENING):
            continue
        sources = _sources(graph, node.id, choices)
        targets = _targets(graph, node, choices)
        own = _OWN_STEP.fullmatch(node.id) if graph.own else None
        if own is not None and own[1] in steps:
            steps[own[1]] = replace(steps[own[1]], sources=(*steps[own[1]].sources, *sources))
            continue
        if (own is not None and own[2] is not None) or (own is not None and [("", source) for source in sources] == list(targets)):
            targets = ()
        name = own[1] if own else unique(_step_name(_title(node)), taken, 40)
        by = (SYS,) if node.kind == MACHINE else _roles(graph, node)
        if node.kind == MACHINE and not graph.own:
            graph.note(node.line, "machine", name=_title(node))
        steps[name] = DraftStep(name, _both(_title(node)), sources, targets, by, count=_count(graph, node))
    return [step for step in steps.values() if step.sources]


def _step_name(title: str) -> str:
    found = re.sub(r"[^a-z0-9]+", "_", plain(title).lower()).strip("_")
    return (found if found[:1].isalpha() else f"s_{found}")[:40].rstrip("_")


def _sources(graph: _Graph, id: str, choices: set[str]) -> tuple[str, ...]:
    """The states from which a task may be begun: those right before it, and those that lead there by decisions alone."""
    found, waiting = [id] if id in graph.states else [], [id]
    while waiting:
        for flow in graph.into(waiting.pop()):
            before = flow.source
            if graph.nodes[before].kind == GATEWAY and before not in choices and before not in found:
                found.append(before)
                waiting.append(before)
    order = {key: index for index, key in enumerate(graph.states)}
    return tuple(graph.states[key].name for key in sorted(found, key=lambda key: order[key]))


def _targets(graph: _Graph, node: Node, choices: set[str]) -> tuple[tuple[str, str], ...]:
    (way,) = graph.out(node.id)
    if way.target not in choices:
        return (("", graph.states[way.target].name),)
    ways = graph.out(way.target)
    last = next((flow for flow in ways if flow.is_default), None) or next((flow for flow in ways if not flow.condition), ways[-1])
    if not graph.own:
        graph.note(way.line, "conditions", name=_title(node))
    branches = [(flow.condition or flow.name, graph.states[flow.target].name) for flow in ways if flow is not last]
    return (*branches, ("", graph.states[last.target].name))


def _roles(graph: _Graph, node: Node) -> tuple[str, ...]:
    """Codes of who does it; a lane's name is turned into one, and said."""
    found = []
    for role in node.roles:
        code = role if ROLE_NAME.fullmatch(role) else re.sub("[^A-Z]+", "_", plain(role).upper()).strip("_")[:30].rstrip("_")
        if code != role:
            values = {"lane": role, "role": code if ROLE_NAME.fullmatch(code) else OWNER}
            problem = Problem(graph.path, 0, "bpmn.role", values)
            graph.left_out += [problem] if problem not in graph.left_out else []
        found.append(code if ROLE_NAME.fullmatch(code) else OWNER)
    if not found:
        problem = Problem(graph.path, 0, "bpmn.nobody", {"role": OWNER})
        graph.left_out += [problem] if problem not in graph.left_out else []
    return tuple(dict.fromkeys(found)) or (OWNER,)


def _count(graph: _Graph, node: Node) -> int | None:
    """How many must take it, when the drawing gives a number that a workflow takes."""
    if node.count is None:
        return None
    if node.count.isascii() and node.count.isdigit() and 2 <= int(node.count) <= 20:
        return int(node.count)
    graph.note(node.line, "count", name=_title(node), count=node.count)
    return None


def _in_order(graph: _Graph, first: str) -> Iterator[DraftState]:
    """States as one comes to them, the ends last."""
    if first in graph.states:
        yield graph.states[first]
    rest = [state for id, state in graph.states.items() if id != first]
    yield from (state for state in rest if state.kind != "final")
    yield from (state for state in rest if state.kind == "final")
