"""What one step of a workflow says: who may take it, what it asks, which rules hold, where it leads and what follows."""

from collections.abc import Mapping
from dataclasses import dataclass

from qms.errors import Text
from qms.workflows.expression import Expression


@dataclass(frozen=True)
class Wanted:
    """A field or slot that a step asks for, or merely offers."""

    name: str
    required: bool
    is_fresh: bool = False
    """A file that must come with this very act: one from an earlier round does not do."""


@dataclass(frozen=True)
class Guard:
    """A rule that must hold; with ``later`` it waits for something that does not exist yet and is not evaluated."""

    code: str
    message: Text
    that: Expression | None
    later: str | None
    line: int


@dataclass(frozen=True)
class EffectCall:
    """A named effect with what it is told: ``fields`` of the case it opens, or its arguments; ``later`` when it is only announced."""

    name: str
    later: bool
    line: int
    workflow: str | None = None
    link: str | None = None
    fields: Mapping[str, Expression] | None = None


@dataclass(frozen=True)
class Branch:
    """Where a step leads when a condition holds."""

    when: Expression
    state: str


@dataclass(frozen=True)
class Quorum:
    """How many must take a step before it moves the case: ``count`` of those whom ``of`` names, all of them when None."""

    of: Expression | None
    count: int | None
    in_order: bool


@dataclass(frozen=True)
class Step:
    """One way a case moves on; the opening is a step from nowhere."""

    name: str
    title: Text
    sources: tuple[str, ...]
    branches: tuple[Branch, ...]
    target: str | None
    """Where it leads when no branch does; None: the case stays."""
    quorum: Quorum | None
    by: tuple[str, ...]
    asks: tuple[Wanted, ...]
    evidence: tuple[Wanted, ...]
    comment_required: bool
    guards: tuple[Guard, ...]
    apart_from: tuple[str, ...]
    not_in: tuple[Expression, ...]
    sod_code: str
    binds: bool
    sign: Text | None
    clears: tuple[str, ...]
    sets: Mapping[str, Expression]
    effects: tuple[EffectCall, ...]
    profile: str | None
    line: int

    @property
    def targets(self) -> tuple[str | None, ...]:
        """Every state it may lead to, None for the one where it was taken."""
        return tuple(dict.fromkeys((*(branch.state for branch in self.branches), self.target)))
