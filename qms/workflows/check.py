"""Judges all workflow files together, before any of them may be put in force: every mistake at once, with file and line."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from qms.errors import BadContent, Problem, Text
from qms.formats.identifiers import KINDS
from qms.records.evidence import TYPES
from qms.workflows.definition import OPENING, SYS, Definition
from qms.workflows.expression import Expression
from qms.workflows.figures import NO_FIGURES, Figures, read_figures
from qms.workflows.impossible import impossible
from qms.workflows.model import unsatisfiable, walk
from qms.workflows.reader import near
from qms.workflows.reading import read_file
from qms.workflows.reading_fields import type_of
from qms.workflows.step import EffectCall
from qms.workflows.types import fits

IDENTIFIERS = frozenset(KINDS)
READS = "GUEST"
"""The external auditor: may be let in to see, never to act."""
NEVER = frozenset({"ADMIN", READS})
"""Roles that take no step in any process (DOMAIN §0.2)."""


@dataclass(frozen=True)
class Circumstances:
    """What is known of the house when files are checked; None where it is not, and then nothing is said about it."""

    effects: Mapping[str, Mapping[str, str]] | None = None
    """Effect → argument → type."""
    roles: Collection[str] | None = None
    holders: Mapping[str, frozenset[str]] | None = None
    """Role → persons who hold it."""
    procedures: Collection[str] | None = None


def check_sources(
    sources: Mapping[str, bytes], profile: str, figures: tuple[str, bytes] | None = None, circumstances: Circumstances | None = None
) -> list[Problem]:
    """Every mistake in ``sources`` (path → bytes) and in the figures beside them (path and bytes)."""
    problems: list[Problem] = []
    numbers = NO_FIGURES
    if figures is not None:
        try:
            numbers = read_figures(figures[1], figures[0])
        except BadContent as error:
            problems += error.problems
    found: list[Definition] = []
    for path, source in sources.items():
        definition, mistakes = read_and_judge_roles(source, path, circumstances.roles if circumstances else None)
        found += [definition] if definition is not None else []
        problems += mistakes
    problems += check_definitions(found, profile, numbers, circumstances or Circumstances(), len(found) == len(sources))
    return sorted(set_of(problems), key=lambda problem: (problem.path, problem.line, problem.code))


def read_and_judge_roles(source: bytes, path: str, roles: Collection[str] | None) -> tuple[Definition | None, list[Problem]]:
    """One file read, None when it cannot be, with all its mistakes; roles that do not exist among them, when it is known which there are.

    They are looked up here because a name that nobody has must not hide the others that are wrong.
    """
    try:
        found = read_file(source, path, IDENTIFIERS)
    except BadContent as error:
        return None, list(error.problems)
    mistakes = list(found.problems)
    if roles is not None:
        strange = [word for word in found.named_roles if word.text not in (*roles, SYS)]
        mistakes = [one for one in mistakes if one.code != "workflow.role_malformed"]
        mistakes += [
            Problem(path, word.line, "workflow.unknown_role", {"name": word.text, "near": near_role(word.text, roles)}) for word in strange
        ]
    return (None if found.problems else found.definition), mistakes


def near_role(name: str, roles: Collection[str]) -> Text:
    """The role that ``name`` may mean: it resembles its code, or is its title, which is what people call it."""
    titles = {title.casefold(): code for code, titles in roles.items() for title in titles.values()} if isinstance(roles, Mapping) else {}
    return near(titles.get(name.casefold(), name.upper()), roles)


def set_of(problems: Iterable[Problem]) -> list[Problem]:
    """Each problem once."""
    return list({(problem.path, problem.line, problem.code, str(problem.values)): problem for problem in problems}.values())


def check_definitions(
    definitions: Collection[Definition], profile: str, figures: Figures, circumstances: Circumstances, whole: bool = True
) -> Iterator[Problem]:
    """Judge definitions that could be read. Unless they are the ``whole`` set, nothing is said of workflows that are not among them."""
    by_id = {definition.id: definition for definition in definitions}
    yield from _doubles(definitions)
    for definition in definitions:
        yield from walk(definition, profile)
        yield from _names(definition, figures, circumstances)
        yield from _unused(definition)
        yield from _ticked(definition)
        yield from _others(definition, by_id, whole)
        yield from impossible(definition, profile, _filled_from_outside(definition, definitions, whole))
        if circumstances.holders is not None:
            yield from unsatisfiable(definition, profile, circumstances.holders)
    yield from _endless(by_id)


def waiting(definitions: Iterable[Definition]) -> list[Problem]:
    """What the definitions themselves say comes later: not mistakes, but nobody may be told that it holds."""
    return [Problem(found.path, line, "workflow.later", {"what": what}) for found in definitions for line, what in found.later]


def _doubles(definitions: Iterable[Definition]) -> Iterator[Problem]:
    seen: dict[tuple[str, str], str] = {}
    for definition in definitions:
        for kind, name in (("id", definition.id), ("prefix", definition.prefix)):
            if (kind, name) in seen:
                yield Problem(
                    definition.path, definition.lines[kind], "workflow.taken", {"key": kind, "name": name, "other": seen[kind, name]}
                )
            seen[kind, name] = definition.path


def _names(definition: Definition, figures: Figures, circumstances: Circumstances) -> Iterator[Problem]:
    def problem(line: int, code: str, name: str, known: Collection[str]) -> Problem:
        return Problem(definition.path, line, f"workflow.{code}", {"name": name, "near": near(name, known)})

    roles = circumstances.roles
    for line, role, never in _roles(definition):
        if role in never:
            yield problem(line, "role_never", role, ())
    for expression in definition.expressions():
        for role in sorted(expression.uses.roles - {*roles, SYS}) if roles is not None else ():
            yield Problem(definition.path, expression.line, "workflow.unknown_role", {"name": role, "near": near_role(role, roles or ())})
        for name in sorted(expression.uses.figures - figures.by_name.keys()):
            yield problem(expression.line, "unknown_figure", name, figures.by_name)
        for name in sorted(expression.uses.bound):
            if (step := definition.step(name)) is None or not step.binds:
                yield Problem(definition.path, expression.line, "workflow.same_text", {"step": name})
    effects, procedures = circumstances.effects, circumstances.procedures
    for step in (definition.opening, *definition.steps.values()):
        for effect in step.effects:
            if effects is None or effect.later or effect.workflow is not None:
                continue
            if effect.name not in effects:
                yield problem(effect.line, "unknown_effect", effect.name, effects)
                continue
            taken = effects[effect.name]
            for name, expression in (effect.fields or {}).items():
                if name not in taken:
                    yield problem(expression.line, "unknown_argument", name, taken)
                elif expression.type.name != taken[name]:
                    values = {"name": name, "expected": taken[name], "found": expression.type.name}
                    yield Problem(definition.path, expression.line, "workflow.argument_type", values)
    if procedures is not None and definition.governed_by not in procedures:
        yield problem(definition.lines["governed_by"], "unknown_procedure", definition.governed_by, procedures)


def _roles(definition: Definition) -> Iterator[tuple[int, str, frozenset[str]]]:
    """Where a role is named, and which roles may not be named there."""
    yield definition.lines["owner"], definition.owner, NEVER
    yield from ((1, role, NEVER - {READS}) for role in definition.allowed_roles)
    yield from ((1, role, NEVER) for slot in definition.evidence.values() for role in slot.personal)
    for step in (definition.opening, *definition.steps.values()):
        yield from ((step.line, role, NEVER) for role in step.by)
    for timer in definition.timers.values():
        told = (*timer.escalate, *(role for link in timer.chain for role in link.tell))
        yield from ((timer.line, role, NEVER) for role in told)
    for expression in definition.expressions():
        yield from ((expression.line, role, NEVER) for role in sorted(expression.uses.roles))


def _unused(definition: Definition) -> Iterator[Problem]:
    """Fields and slots that no step asks for, and kinds of file that nobody could attach."""
    steps = (definition.opening, *definition.steps.values())
    asked = {wanted.name for step in steps for wanted in step.asks} | {name for step in steps for name in step.sets}
    for field in definition.fields.values():
        if field.name not in asked and field.source is None and field.default is None and field.computed is None:
            yield Problem(definition.path, field.line, "workflow.field_unused", {"name": field.name})
    offered = {wanted.name for step in steps for wanted in step.evidence}
    for slot in definition.evidence.values():
        if slot.name not in offered:
            yield Problem(definition.path, 0, "workflow.slot_unused", {"name": slot.name})
        for ending in set(slot.types) - TYPES.keys():
            yield Problem(definition.path, 0, "workflow.evidence_type", {"name": ending, "near": near(ending, TYPES)})


def _ticked(definition: Definition) -> Iterator[Problem]:
    """Guards that only read a yes or no which their own taker ticks: they protect nothing (ENGINE)."""
    for step in (definition.opening, *definition.steps.values()):
        asked = {wanted.name for wanted in step.asks if definition.fields[wanted.name].type == "boolean"}
        for guard in step.guards:
            if guard.that is not None and _only_reads(guard.that, asked):
                yield Problem(definition.path, guard.line, "workflow.guard_ticked", {"code": guard.code, "step": step.name})


def _only_reads(expression: Expression, asked: Collection[str]) -> bool:
    uses = expression.uses
    beyond = (uses.figures, uses.links, uses.slots, uses.steps, uses.roles, uses.drafts)
    return len(uses.values) == 1 and uses.values <= set(asked) and not any(beyond)


def _others(definition: Definition, by_id: Mapping[str, Definition], whole: bool) -> Iterator[Problem]:
    """What a definition says of other workflows: that they exist, and have the states and fields it names."""
    named = [(link.line, link.workflow) for link in definition.links.values()]
    named += [(field.line, field.workflow) for field in definition.fields.values() if field.workflow is not None]
    calls = [effect for step in (definition.opening, *definition.steps.values()) for effect in step.effects if effect.workflow]
    named += [(call.line, call.workflow or "") for call in calls]
    for line, workflow in named:
        if whole and workflow not in by_id:
            yield Problem(definition.path, line, "workflow.unknown_workflow", {"name": workflow, "near": near(workflow, by_id)})
    for tie in definition.links.values():
        there = by_id.get(tie.workflow)
        for name, kind in tie.reads.items():
            read = there.fields.get(name) if there is not None else None
            if there is not None and (read is None or read.type != kind or read.personal):
                yield Problem(definition.path, tie.line, "workflow.read_there", {"name": name, "workflow": tie.workflow, "type": kind})
    for expression in definition.expressions():
        for link, state in sorted(expression.uses.link_states):
            other = by_id.get(definition.links[link].workflow)
            if other is not None and state not in other.states:
                values = {"name": state, "workflow": other.id, "near": near(state, other.states)}
                yield Problem(definition.path, expression.line, "workflow.unknown_state_there", values)
    for call in calls:
        child = by_id.get(call.workflow or "")
        if child is not None:
            yield from _opening_fits(definition, call, child)


def _opening_fits(definition: Definition, call: EffectCall, child: Definition) -> Iterator[Problem]:
    given = call.fields or {}
    for name, expression in given.items():
        field = child.fields.get(name)
        if field is None:
            values: dict[str, object] = {"name": name, "workflow": child.id, "near": near(name, child.fields)}
            yield Problem(definition.path, call.line, "workflow.unknown_field_there", values)
        elif not fits(expression.type, type_of(field)):
            yield Problem(definition.path, call.line, "workflow.field_there", {"name": name, "workflow": child.id})
    missing = [wanted.name for wanted in child.opening.asks if wanted.required and wanted.name not in given]
    missing += [wanted.name for wanted in child.opening.evidence if wanted.required]
    if missing:
        yield Problem(definition.path, call.line, "workflow.opening_lacks", {"names": ", ".join(missing), "workflow": child.id})


def _filled_from_outside(definition: Definition, definitions: Iterable[Definition], whole: bool) -> frozenset[str]:
    """The fields that other workflows may fill when they open its cases: any, when not all of them are known."""
    if not whole:
        return frozenset(definition.fields)
    steps = (step for other in definitions for step in (other.opening, *other.steps.values()))
    calls = (effect for step in steps for effect in step.effects if effect.workflow == definition.id)
    return frozenset(name for call in calls for name in call.fields or {})


def _endless(by_id: Mapping[str, Definition]) -> Iterator[Problem]:
    """Openings that open cases whose openings come back to the first."""
    for start in by_id.values():
        seen: set[str] = set()
        waiting: list[tuple[str, ...]] = [(start.id,)]
        while waiting:
            trail = waiting.pop()
            opened = [effect.workflow for effect in by_id[trail[-1]].opening.effects if effect.workflow in by_id]
            if start.id in opened:
                trace = f" → {OPENING} ".join((*trail, start.id))
                yield Problem(start.path, start.opening.line, "workflow.endless", {"trace": trace})
                break
            waiting += [(*trail, name) for name in opened if name is not None and name not in seen]
            seen.update(name for name in opened if name is not None)
