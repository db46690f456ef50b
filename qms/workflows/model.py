"""Walks a workflow before anybody has to: places that cannot be reached, places that cannot be left, steps that nobody can take.

Each finding carries a trace, the shortest row of steps that shows it.
"""

from collections import deque
from collections.abc import Collection, Iterator, Mapping

from qms.errors import Problem
from qms.workflows.definition import OPENING, SYS, Definition
from qms.workflows.step import Step

Trace = Mapping[str, tuple[str, ...]]
"""For each state that can be reached: the steps that lead there."""


def walk(definition: Definition, profile: str) -> Iterator[Problem]:
    """Everything that is wrong with the states, steps and timers that people of ``profile`` meet."""
    states = {state.name: state for state in definition.states_in(profile)}
    steps = list(definition.steps_in(profile))
    traces = _traces(definition, steps, states)

    def problem(line: int, code: str, **values: object) -> Problem:
        return Problem(definition.path, line, f"workflow.{code}", {"profile": profile, **values})

    yield from _ends(definition, profile, steps, traces)
    for step in steps:
        for name in (*step.sources, *(target for target in step.targets if target is not None)):
            if name not in states:
                yield problem(step.line, "state_of_other_profile", step=step.name, state=name)
        if step.by == (SYS,):
            yield from _by_the_program(definition, step)
    for timer in definition.timers_in(profile):
        missing = timer.starts_with == "state" and timer.start not in states
        if missing or (timer.starts_with == "step" and timer.start not in {OPENING, *(step.name for step in steps)}):
            yield problem(timer.line, "timer_without_start", timer=timer.name, start=timer.start)
        if timer.due_step is not None:
            yield from _due_step(definition, timer.line, timer.due_step)


def _ends(definition: Definition, profile: str, steps: list[Step], traces: Trace) -> Iterator[Problem]:
    leading: dict[str, set[str]] = {}
    leaving = {name for step in steps for name in step.sources if any((target or name) != name for target in step.targets)}
    for step in steps:
        for name in step.sources:
            for target in step.targets:
                leading.setdefault(target or name, set()).add(name)
    saved = {state.name for state in definition.states_in(profile) if state.is_end}
    waiting = list(saved)
    while waiting:
        for name in leading.get(waiting.pop(), ()):
            if name not in saved:
                saved.add(name)
                waiting.append(name)
    for state in definition.states_in(profile):
        values = {"profile": profile, "state": state.name, "trace": " → ".join(traces.get(state.name, ()))}
        if state.name not in traces:
            yield Problem(definition.path, state.line, "workflow.unreachable", values)
        elif state.kind == "final" and state.name in leaving:
            yield Problem(definition.path, state.line, "workflow.final_left", values)
        elif not state.is_end and state.name not in leaving:
            yield Problem(definition.path, state.line, "workflow.dead_end", values)
        elif state.name not in saved:
            yield Problem(definition.path, state.line, "workflow.no_way_out", values)


def _traces(definition: Definition, steps: Collection[Step], states: Collection[str]) -> Trace:
    initial = next((state.name for state in definition.states.values() if state.kind == "initial"), "")
    found: dict[str, tuple[str, ...]] = {initial: (OPENING,)}
    waiting = deque([initial])
    while waiting:
        here = waiting.popleft()
        for step in steps:
            for target in step.targets if here in step.sources else ():
                if target is not None and target in states and target not in found:
                    found[target] = (*found[here], step.name)
                    waiting.append(target)
    return found


def _by_the_program(definition: Definition, step: Step) -> Iterator[Problem]:
    """What the program cannot do by itself: sign, comment, fill in, attach."""
    wants = [*step.asks, *step.evidence]
    if step.sign or step.binds or step.comment_required or any(wanted.required for wanted in wants):
        yield Problem(definition.path, step.line, "workflow.program_cannot", {"step": step.name})


def _due_step(definition: Definition, line: int, name: str) -> Iterator[Problem]:
    step = definition.steps[name]
    if SYS not in step.by:
        yield Problem(definition.path, line, "workflow.due_step_by", {"step": name})
    else:
        yield from _by_the_program(definition, step)


def unsatisfiable(definition: Definition, profile: str, holders: Mapping[str, frozenset[str]]) -> Iterator[Problem]:
    """Steps that nobody can take given who holds which role: no holder at all, or too few persons to keep duties apart."""
    steps = {step.name: step for step in (definition.opening, *definition.steps_in(profile))}
    able = {
        name: frozenset().union(*(holders.get(role, frozenset()) for role in step.by)) for name, step in steps.items() if SYS not in step.by
    }
    for name, step in steps.items():
        if name in able and not able[name]:
            yield Problem(definition.path, step.line, "workflow.nobody", {"step": name, "roles": ", ".join(step.by), "profile": profile})
            continue
        group = [name, *(other for other in step.apart_from if able.get(other))]
        if name in able and len(group) > 1 and not _can_part(group, able, steps):
            values = {"step": name, "others": ", ".join(step.apart_from), "code": step.sod_code, "profile": profile}
            yield Problem(definition.path, step.line, "workflow.too_few_persons", values)


def _can_part(group: list[str], able: Mapping[str, frozenset[str]], steps: Mapping[str, Step]) -> bool:
    """Whether persons can be given to the steps of ``group`` so that those kept apart differ."""

    def apart(one: str, other: str) -> bool:
        return other in steps[one].apart_from or one in steps[other].apart_from

    def place(index: int, given: dict[str, str]) -> bool:
        if index == len(group):
            return True
        name = group[index]
        taken = {person for other, person in given.items() if apart(name, other)}
        return any(place(index + 1, {**given, name: person}) for person in sorted(able[name] - taken)[: len(group) + 1])

    return place(0, {})
