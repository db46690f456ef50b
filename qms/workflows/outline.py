"""What a process is, told from its definition and never typed a second time: steps, who takes them, deadlines, evidence, records.

A procedure explains why; what must be done, by whom and by when stands in one place only, so the two cannot drift apart (ISO 9001, 4.4).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from qms.workflows import diagram
from qms.workflows.definition import OPENING, SYS, Definition
from qms.workflows.figures import Figures
from qms.workflows.step import Step, Wanted
from qms.workflows.telling import Teller


@dataclass(frozen=True)
class StepLine:
    """One step: what, from where to where, by whom, and what it asks. ``number`` is the one on the diagram, 0 for the opening."""

    number: int
    name: str
    title: str
    sources: tuple[str, ...]
    target: str
    who: tuple[str, ...]
    asked: int
    offered: int
    evidence: tuple[tuple[str, Wanted], ...]
    """Titles of its slots, each with whether a file is demanded."""
    signature: str | None
    """With what meaning it is signed, None when it is not."""


@dataclass(frozen=True)
class Deadline:
    title: str
    due: str
    warnings: tuple[str, ...]
    escalate: tuple[str, ...]
    chain: tuple[tuple[str, tuple[str, ...]], ...]
    """How long after it was due, and who is told then."""
    is_legal: bool


@dataclass(frozen=True)
class Record:
    code: str
    title: str
    steps: tuple[str, ...]
    retention: str


@dataclass(frozen=True)
class Outline:
    """One process in the words of one reader."""

    id: str
    title: str
    owner: str
    clauses: tuple[str, ...]
    steps: tuple[StepLine, ...]
    deadlines: tuple[Deadline, ...]
    records: tuple[Record, ...]
    roles: tuple[str, ...]
    """Titles of all who take a step."""


def outline(definition: Definition, profile: str, language: str, roles: Mapping[str, str], figures: Figures, day: date) -> Outline:
    """Tell ``definition``; ``roles`` are titles by role code, ``figures`` count as they are on ``day``."""
    opened = _step(definition, language, roles, 0, definition.opening, (), definition.initial.title[language])
    taken = tuple(
        _step(definition, language, roles, line.number, line.step, line.sources, line.target)
        for line in diagram.steps(definition, profile, language)
    )
    return Outline(
        definition.id, definition.title[language], roles.get(definition.owner, definition.owner), definition.clauses, (opened, *taken),
        _deadlines(definition, profile, Teller(definition, figures, day, language), roles), _records(definition, profile, language),
        tuple(dict.fromkeys(name for line in (opened, *taken) for name in line.who)),
    )  # fmt: skip


def _step(
    definition: Definition, language: str, roles: Mapping[str, str], number: int, step: Step, sources: tuple[str, ...], target: str
) -> StepLine:
    slots = tuple((definition.evidence[wanted.name].title[language], wanted) for wanted in step.evidence)
    asked = sum(wanted.required for wanted in step.asks)
    who = tuple(roles.get(role, role) for role in step.by if role != SYS)
    signature = step.sign[language] if step.sign is not None else None
    return StepLine(number, step.name, step.title[language], sources, target, who, asked, len(step.asks) - asked, slots, signature)


def _deadlines(definition: Definition, profile: str, teller: Teller, roles: Mapping[str, str]) -> tuple[Deadline, ...]:
    return tuple(
        Deadline(
            timer.title[teller.language],
            teller.due(timer),
            tuple(teller.length(one) for one in timer.warn),
            tuple(roles.get(role, role) for role in timer.escalate),
            tuple((teller.length(link.after), tuple(roles.get(role, role) for role in link.tell)) for link in timer.chain),
            timer.hard,
        )
        for timer in definition.timers_in(profile)
    )


def _records(definition: Definition, profile: str, language: str) -> tuple[Record, ...]:
    """The records that some step of ``profile`` makes."""
    titles = {step.name: step.title[language] for step in definition.steps_in(profile)}
    titles[OPENING] = definition.opening.title[language]
    found = []
    for record in definition.records.values():
        steps = tuple(titles[name] for name in record.steps if name in titles)
        if steps:
            found.append(Record(record.code, record.title[language], steps, record.retention))
    return tuple(found)
