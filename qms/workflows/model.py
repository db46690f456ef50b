"""Walks a workflow before anybody has to: places that cannot be reached, places that cannot be left, steps that nobody can take.

Each finding carries a trace, the shortest row of steps that shows it.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from qms.errors import Problem, Text
from qms.locale import LANGUAGES
from qms.workflows.definition import OPENING, SYS, Definition
from qms.workflows.step import Step

Trace = Mapping[str, tuple[str, ...]]
"""For each state that can be reached: the steps that lead there."""


def walk(definition: Definition, profile: str) -> Iterator[Problem]:
    """Everything that is wrong with the states, steps and timers that people of ``profile`` meet."""
    states = {state.name: state for state in definition.states_in(profile)}
    steps = list(definition.steps_in(profile))
    known = traces(definition, profile)

    def problem(line: int, code: str, **values: object) -> Problem:
        return Problem(definition.path, line, f"workflow.{code}", {"profile": profile, **values})

    yield from _ends(definition, profile, steps, known)
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


def told(definition: Definition, trace: Iterable[str]) -> Text:
    """A row of steps by their titles, as the buttons say them."""
    titles = [found.title for name in trace if (found := definition.step(name)) is not None]
    return {language: " → ".join(f"«{title[language]}»" for title in titles) for language in LANGUAGES}


def _ends(definition: Definition, profile: str, steps: list[Step], known: Trace) -> Iterator[Problem]:
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
        values = {"profile": profile, "state": state.name, "trace": told(definition, known.get(state.name, ()))}
        if state.name not in known:
            # Nothing leads here: the trace tells what would, from places that nobody comes to either.
            ways = [f"{name}: {step.name}" for step in steps for name in step.sources if state.name in step.targets]
            code = "unreachable_from" if ways else "unreachable"
            yield Problem(definition.path, state.line, f"workflow.{code}", {**values, "trace": ", ".join(ways)})
        elif state.kind == "final" and state.name in leaving:
            yield Problem(definition.path, state.line, "workflow.final_left", values)
        elif not state.is_end and state.name not in leaving:
            yield Problem(definition.path, state.line, "workflow.dead_end", values)
        elif state.name not in saved:
            yield Problem(definition.path, state.line, "workflow.no_way_out", values)


def traces(definition: Definition, profile: str) -> Trace:
    """The shortest row of steps to each state that people of ``profile`` can reach."""
    steps = list(definition.steps_in(profile))
    states = {state.name for state in definition.states_in(profile)}
    found: dict[str, tuple[str, ...]] = {definition.initial.name: (OPENING,)}
    waiting = deque([definition.initial.name])
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
    """Steps that nobody can take given who holds which role: no holder at all, or too few persons to keep duties apart or to be as many
    as a step wants."""
    steps = {step.name: step for step in (definition.opening, *definition.steps_in(profile))}
    known = traces(definition, profile)
    able = {
        name: frozenset().union(*(holders.get(role, frozenset()) for role in step.by)) for name, step in steps.items() if SYS not in step.by
    }
    for name, step in steps.items():
        way = next((known[source] for source in step.sources if source in known), ())
        values = {"step": name, "profile": profile, "trace": told(definition, (*way, name))}
        many = _many(step)
        if name in able and not able[name]:
            yield Problem(definition.path, step.line, "workflow.nobody", {**values, "roles": ", ".join(step.by)})
        elif name in able and len(able[name]) < many:
            found = {"count": many, "found": len(able[name]), "roles": ", ".join(step.by)}
            yield Problem(definition.path, step.line, "workflow.too_few_agree", {**values, **found})
        elif name in able and step.apart_from:
            others = [other for other in step.apart_from if able.get(other)]
            group = [one for one in (name, *others) for _ in range(_many(steps[one]))]
            if not _can_part(group, able, steps):
                more = {"others": ", ".join(step.apart_from), "code": step.sod_code}
                yield Problem(definition.path, step.line, "workflow.too_few_persons", {**values, **more})


def _many(step: Step) -> int:
    """How many different persons a step wants, as far as its definition tells."""
    return step.quorum.count or 1 if step.quorum is not None else 1


def _can_part(group: list[str], able: Mapping[str, frozenset[str]], steps: Mapping[str, Step]) -> bool:
    """Whether persons can be given to the steps of ``group`` so that those kept apart differ; a step that stands there twice wants two."""

    def apart(one: str, other: str) -> bool:
        return one == other or other in steps[one].apart_from or one in steps[other].apart_from

    def place(given: tuple[str, ...]) -> bool:
        if len(given) == len(group):
            return True
        name = group[len(given)]
        taken = {person for other, person in zip(group, given, strict=False) if apart(name, other)}
        return any(place((*given, person)) for person in sorted(able[name] - taken)[: len(group) + 1])

    return place(())
