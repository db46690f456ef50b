"""Finds rules that can never hold and timers that never start.

For each step and each state it starts from, what may be known there is set against its guards: fields that some step before, or this one,
asks for; steps that lie before; slots that were offered. A finding carries the shortest row of steps to the state where it shows.
"""

from collections.abc import Collection, Iterator, Mapping

from qms.errors import Problem
from qms.workflows.bounds import ANYTHING, EITHER, NOTHING, May, Place, can_hold, given, number, truth
from qms.workflows.definition import OPENING, TITLE, Definition, Field
from qms.workflows.model import Trace, told, traces
from qms.workflows.step import Step


def impossible(definition: Definition, profile: str, filled_from_outside: Collection[str]) -> Iterator[Problem]:
    """Guards and branches that can never be true. ``filled_from_outside``: fields that cases of other workflows fill on opening."""
    steps = list(definition.steps_in(profile))
    found = traces(definition, profile)
    before = _before(definition, steps, found)
    yield from _judged(definition, profile, definition.opening, "", (), frozenset(), filled_from_outside)
    for step in steps:
        problems = []
        sources = [name for name in step.sources if name in found]
        for source in sources:
            earlier = before[source]
            problems.append(list(_judged(definition, profile, step, source, found[source], earlier, filled_from_outside)))
        # From several states a rule may well exclude one; it is wrong when it excludes them all.
        if problems and all(problems):
            yield problems[0][0]
    yield from _timers(definition, profile, frozenset().union(*before.values()), filled_from_outside)


def _judged(
    definition: Definition, profile: str, step: Step, source: str, trace: tuple[str, ...], earlier: frozenset[str], outside: Collection[str]
) -> Iterator[Problem]:
    alone = place = place_of(definition, step, source, earlier, outside)
    values = {"profile": profile, "step": step.name, "state": source or OPENING, "trace": told(definition, (*trace, step.name))}
    passed: list[str] = []
    for guard in (guard for guard in step.guards if guard.that is not None):
        assert guard.that is not None
        if not can_hold(guard.that.text, place):
            code = "guards_never" if can_hold(guard.that.text, alone) else "guard_never"
            yield Problem(definition.path, guard.line, f"workflow.{code}", {**values, "code": guard.code, "others": ", ".join(passed)})
            return
        place = given(guard.that.text, place)
        passed.append(guard.code)
    for branch in step.branches:
        if not can_hold(branch.when.text, place):
            yield Problem(definition.path, branch.when.line, "workflow.branch_never", {**values, "target": branch.state})
            return


def _timers(definition: Definition, profile: str, takeable: frozenset[str], outside: Collection[str]) -> Iterator[Problem]:
    """Timers whose field nobody fills, or whose step nobody comes to."""
    acts = [found for name in takeable if (found := definition.step(name)) is not None]
    filled = {wanted.name for act in acts for wanted in act.asks} | {name for act in acts for name in act.sets} | {*outside}
    for timer in definition.timers_in(profile):
        field = definition.fields.get(timer.start) if timer.starts_with == "field" else None
        given = field is not None and (field.default or field.source or field.computed)
        if (field is not None and not given and field.name not in filled) or (timer.starts_with == "step" and timer.start not in takeable):
            values = {"timer": timer.name, "start": timer.start, "profile": profile}
            yield Problem(definition.path, timer.line, "workflow.timer_never", values)


def _before(definition: Definition, steps: Collection[Step], found: Trace) -> Mapping[str, frozenset[str]]:
    """For each state that can be reached: the steps that may have been taken when a case stands there."""
    before: dict[str, frozenset[str]] = {name: frozenset() for name in found}
    before[definition.initial.name] = frozenset({OPENING})
    moving = True
    while moving:
        moving = False
        for step in steps:
            for source in (name for name in step.sources if name in found):
                for target in {target or source for target in step.targets} & found.keys():
                    more = before[target] | before[source] | {step.name}
                    moving, before[target] = moving or more != before[target], more
    return before


def place_of(definition: Definition, step: Step, source: str, earlier: frozenset[str], outside: Collection[str]) -> Place:
    """What is known at ``step`` taken from ``source`` (empty: on opening) after ``earlier`` steps, before its own rules are asked."""
    acts = [found for name in earlier if (found := definition.step(name)) is not None]
    asked = {wanted.name for act in acts for wanted in act.asks} | {name for act in acts for name in act.sets}
    now = {wanted.name: wanted.required for wanted in step.asks}
    names = {}
    for field in definition.fields.values():
        may_be = field.name in asked or field.name in now or field.name in outside
        may_be = may_be or field.default is not None or field.source is not None or field.computed is not None
        names[field.name] = _may(field, sure=now.get(field.name, field.name == TITLE)) if may_be else NOTHING
    names["state"] = May(False, True, frozenset({source})) if source else ANYTHING
    names["comment"] = May(not step.comment_required, length=number(1))
    offered = {wanted.name for act in acts for wanted in act.evidence}
    attached = {wanted.name: wanted.required for wanted in step.evidence}
    slots = {
        name: truth(True, False) if attached.get(name) else EITHER if name in offered or name in attached else truth(False, True)
        for name in definition.evidence
    }
    return Place(names, earlier, slots)


def _may(field: Field, sure: bool) -> May:
    """Everything a field may hold; ``sure`` when it must be filled."""
    match field.type:
        case "boolean":
            return May(not sure, options=frozenset({True, False}))
        case "choice":
            order = tuple(field.options or {})
            return May(not sure, options=frozenset(order), order=order)
        case "integer" | "decimal" | "money" | "percent" if field.computed is None:
            return number(field.least, field.most, empty=not sure)
        case "text" | "long_text" | "table":
            return May(not sure, length=number(field.least or (0 if field.type == "table" else 1), field.most))
        case _:
            return May(not sure)
