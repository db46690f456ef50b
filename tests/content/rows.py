"""The form of one row of the tables of guards: a case for which the guard refuses, and one for which it does not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class When:
    """What is true of a case when a step is tried on it.

    ``taken`` steps were taken ``times`` times. ``roles`` are those of who tries (those the step asks for, when left out), ``nick`` the
    person; ``draft`` changes the facts of a document's text.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    taken: Mapping[str, tuple[str, str, int]] = field(default_factory=dict)
    times: int = 1
    attached: Mapping[str, int] = field(default_factory=dict)
    links: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    draft: Mapping[str, Any] = field(default_factory=dict)
    state: str | None = None
    roles: tuple[str, ...] = ()
    nick: str = "quality"
    comment: str | None = None
    at: str | None = None


@dataclass(frozen=True)
class Row:
    """One guard, by its code; by its step too where two steps use one code for different rules."""

    code: str
    refuses: When
    passes: When
    step: str | None = None


def fields(**given: Any) -> When:
    return When(fields=given)


def draft(**given: Any) -> When:
    return When(draft=given)
