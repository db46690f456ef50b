"""What a workflow says: the values that one file in ``workflows/`` becomes.

Its grammar stands in ``docs/grammar.md``; ``reading`` reads it, ``check`` judges the whole set of files.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from qms.errors import Text
from qms.workflows.expression import Expression
from qms.workflows.recurring import Indicator, Schedule
from qms.workflows.step import Step

OPENING = "opening"
MEASURED = {
    "result": "choice", "period": "text", "indicator": "text", "value": "decimal", "target": "decimal", "alarm": "decimal",
    "sense": "choice",
}  # fmt: skip
"""What a row of measured results says, with the type of its column."""
PROFILES = ("small", "full")
SUBJECTS = ("document", "notice", "acknowledgment")
READER = "acknowledgment.person"
"""The source of the field that holds whom a case is about: that person sees it, whatever its confidentiality."""
ACKNOWLEDGED = ("acknowledgment.title", READER, "acknowledgment.document", "acknowledgment.revision", "acknowledgment.sha256")
"""What the program knows of a text that somebody is to read: each must fill a field."""
SYS = "SYS"
LONGEST = {"text": 300, "long_text": 20_000}
"""How many letters a text may have, by its type."""
MOST_ROWS = 500
TITLE = "title"
"""The one field name the program knows: it names the case in every list."""


@dataclass(frozen=True)
class Field:
    """One thing a case knows. ``least`` and ``most`` bound a number, a length or the rows of a table, by type."""

    name: str
    type: str
    title: Text
    line: int
    help: Text | None = None
    unit: str | None = None
    least: Decimal | None = None
    most: Decimal | None = None
    pattern: str | None = None
    default: str | None = None
    personal: bool = False
    required: bool = False
    options: Mapping[str, Text] | None = None
    kind: str | None = None
    workflow: str | None = None
    columns: Mapping[str, "Field"] | None = None
    source: str | None = None
    computed: Expression | None = None


@dataclass(frozen=True)
class Slot:
    """A place for evidence: which files it takes, and whether more than one."""

    name: str
    title: Text
    types: tuple[str, ...]
    many: bool
    personal: tuple[str, ...] = ()  # when it names persons: the roles that open it, an auditor never among them


@dataclass(frozen=True)
class State:
    name: str
    title: Text
    meaning: Text | None
    kind: str
    profile: str | None
    line: int

    @property
    def is_end(self) -> bool:
        return self.kind in ("settled", "final")


@dataclass(frozen=True)
class Escalation:
    """Who else is told when a timer is still undone so long after it was due."""

    after: Expression
    tell: tuple[str, ...]


@dataclass(frozen=True)
class Timer:
    """A clock that a step, a state or a field starts, and others stop."""

    name: str
    title: Text
    starts_with: str
    """``step``, ``state`` or ``field``."""
    start: str
    due: Expression
    warn: tuple[Expression, ...]
    until: tuple[str, ...]
    escalate: tuple[str, ...]
    chain: tuple[Escalation, ...]
    """In their order; only of timers that do something when they are due."""
    hard: bool
    on_due: str
    """``nothing``, ``flag`` or ``step``."""
    due_step: str | None
    profile: str | None
    line: int


@dataclass(frozen=True)
class Link:
    name: str
    title: Text
    workflow: str
    relation: str
    line: int
    reads: Mapping[str, str] = field(default_factory=dict)
    """Fields of the linked cases that expressions may read → their types."""
    holds_closed: bool = False
    """Whether a linked case stays closed as long as this one is; or else ``reopens``, the step that opens this one with it."""
    reopens: str | None = None


@dataclass(frozen=True)
class RecordForm:
    """A document that is made when one of ``steps`` is taken."""

    code: str
    title: Text
    steps: tuple[str, ...]
    retention: str


@dataclass(frozen=True)
class Definition:
    """One workflow, read and typed. ``digest`` is the SHA-256 of its file, to which its cases are pinned."""

    digest: str
    path: str
    id: str
    title: Text
    prefix: str
    owner: str
    governed_by: str
    clauses: tuple[str, ...]
    edition: str
    retention: str
    confidentiality: str
    """``normal``, ``restricted`` or ``personal``."""
    allowed_roles: tuple[str, ...]
    subject: str | None
    default_parties: tuple[str, ...]
    may_add_parties: bool
    fields: Mapping[str, Field]
    evidence: Mapping[str, Slot]
    states: Mapping[str, State]
    opening: Step
    steps: Mapping[str, Step]
    timers: Mapping[str, Timer]
    links: Mapping[str, Link]
    scheduled: Mapping[str, Schedule]
    records: Mapping[str, RecordForm]
    indicators: Mapping[str, Indicator]
    measures: Mapping[str, str] | None
    """``table``: the field whose rows are measured results; each of MEASURED: its column there."""
    computed: tuple[str, ...]
    """The computed fields, each after those that it builds on."""
    later: tuple[tuple[int, str], ...]
    """What waits for something that does not exist yet: line and words."""
    lines: Mapping[str, int]
    """Where each key of the file itself stands."""

    @property
    def initial(self) -> State:
        return next(state for state in self.states.values() if state.kind == "initial")

    def filled_by(self, source: str) -> str | None:
        """The field that the program fills with the fact ``source``."""
        return next((one.name for one in self.fields.values() if one.source == source), None)

    def step(self, name: str) -> Step | None:
        """The step, the opening included."""
        return self.opening if name == OPENING else self.steps.get(name)

    def steps_in(self, profile: str) -> Iterator[Step]:
        """The steps people of ``profile`` meet, without the opening."""
        return (step for step in self.steps.values() if step.profile in (None, profile))

    def states_in(self, profile: str) -> Iterator[State]:
        return (state for state in self.states.values() if state.profile in (None, profile))

    def timers_in(self, profile: str) -> Iterator[Timer]:
        return (timer for timer in self.timers.values() if timer.profile in (None, profile))

    @property
    def takers(self) -> tuple[str, ...]:
        """Every role that opens its cases or takes a step in them."""
        return tuple(dict.fromkeys(role for step in (self.opening, *self.steps.values()) for role in step.by))

    def expressions(self) -> Iterator[Expression]:
        """Every expression of the file."""
        yield from (one.computed for one in self.fields.values() if one.computed is not None)
        for step in (self.opening, *self.steps.values()):
            yield from (guard.that for guard in step.guards if guard.that is not None)
            yield from step.not_in
            yield from (branch.when for branch in step.branches)
            if step.quorum is not None and step.quorum.of is not None:
                yield step.quorum.of
            yield from step.sets.values()
            for effect in step.effects:
                yield from (effect.fields or {}).values()
        for schedule in self.scheduled.values():
            yield from schedule.fields.values()
        for timer in self.timers.values():
            yield timer.due
            yield from timer.warn
            yield from (link.after for link in timer.chain)
        for indicator in self.indicators.values():
            yield from indicator.expressions()
