"""What can go wrong, as one tree, so that every door answers the same mistake in the same way.

    QmsError
    ├── NotFound              the thing named does not exist, or is not for this person's eyes
    ├── Refused               the act was understood and is not allowed; carries every reason at once
    │   ├── NotPermitted      because of who asks (role, organisation, separation of duties, signature)
    │   ├── Stale             because the page or the text moved on since it was read
    │   └── Incomplete        because fields, evidence or facts are missing or wrong
    ├── BadContent            a document, a workflow or a file from outside is not well formed
    └── TrailBroken           stored history does not agree with itself

Rooms raise; one table in ``qms.web`` and one in ``qms.cli`` translate. No status code stands here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Text = Mapping[str, str]
"""A sentence in every language of the house: ``{"it": …, "en": …}``."""


class QmsError(Exception):
    """Anything the program refuses or finds broken, with words a person can act on."""


@dataclass(frozen=True)
class Reason:
    """One unmet requirement.

    ``code`` is stable (``FIELD_REQUIRED:deadline_at``, ``SOD:author_is_approver``, ``STALE``). The sentence comes from ``text`` when
    the workflow's own author wrote it, else from the catalogues under ``refusal.<code before the colon>`` with ``values``.
    ``place`` names the field or evidence slot that a page should link to.
    """

    code: str
    place: str | None = None
    values: Mapping[str, object] = field(default_factory=dict)
    text: Text | None = None

    @property
    def kind(self) -> str:
        """The part of the code before the colon."""
        return self.code.partition(":")[0]


class NotFound(QmsError):
    """What was asked for does not exist here, or must look as if it did not."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"{kind} {name} not found")
        self.kind = kind
        self.name = name


class Refused(QmsError):
    """An act that is not allowed, with all its reasons at once."""

    def __init__(self, reasons: Iterable[Reason]) -> None:
        self.reasons = tuple(reasons)
        super().__init__(", ".join(reason.code for reason in self.reasons))

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(reason.code for reason in self.reasons)


class NotPermitted(Refused):
    """Refused because of who asks."""


class Stale(Refused):
    """Refused because something changed since the page was drawn."""


class Incomplete(Refused):
    """Refused because of what is missing or wrong in what was sent."""


PERSONAL_KINDS = frozenset({"ROLE", "SOD", "QUORUM", "ORGANISATION", "SIGNATURE", "CONFIDENTIAL"})


def refusal(reasons: Iterable[Reason]) -> Refused:
    """Choose the branch of the tree that fits a list of reasons: who asks outweighs staleness, staleness outweighs content."""
    found = tuple(reasons)
    kinds = {reason.kind for reason in found}
    if kinds & PERSONAL_KINDS:
        return NotPermitted(found)
    if "STALE" in kinds:
        return Stale(found)
    return Incomplete(found)


@dataclass(frozen=True)
class Problem:
    """One mistake in a file: where (1-based line, 0 when the whole file is meant) and what, as a catalogue key with values."""

    path: str
    line: int
    code: str
    values: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.code} {dict(self.values)}"


class BadContent(QmsError):
    """A text or file that cannot be taken as it is; carries every problem found, in the order of lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.path, p.line)))
        super().__init__("; ".join(str(problem) for problem in self.problems))


class TrailBroken(QmsError):
    """Stored history contradicts itself at ``position`` (0 when the head itself is meant)."""

    def __init__(self, position: int, problem: str) -> None:
        super().__init__(f"#{position}: {problem}")
        self.position = position
        self.problem = problem
