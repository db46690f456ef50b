"""What the engine of cases is assembled from: the house it works in, and what other rooms do for it under agreed names.

``qms.app`` makes one ``Engine``. A workflow can name an effect or a fact only if it stands here; there is no other way from a workflow file
into the program.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from qms.database import Clock, Transaction, utc_now
from qms.people.actor import Actor
from qms.workflows.calendar import Calendar
from qms.workflows.definition import Definition
from qms.workflows.definitions import Definitions
from qms.workflows.file import File, Procedure
from qms.workflows.reading_steps import OPEN_CASE
from qms.workflows.step import Step

DRAFT = "draft"

Effect = Callable[["EffectContext"], Mapping[str, Any]]
"""Does something of another room in the same transaction; what it returns is sealed. Raises Refused to stop the step."""

FactProvider = Callable[[Connection, str], Mapping[str, Any]]
"""Facts by name about the subject of a case. Raises NotFound when it has none: then nothing is known of it."""

Hold = Callable[["EffectContext"], None]
"""Takes what an effect will need before the first entry of its transaction takes the trail's head: else two acts could wait for ever."""

Binding = Callable[[Connection, str, str | None], Mapping[str, Any]]
"""The fingerprint that a binding step seals, given the case and the blob the person's page showed. Raises Stale."""


class LibraryNeeded(Exception):
    """A step that writes to the library was asked for in a transaction that began without the library's lock; nothing is written."""


@dataclass(frozen=True)
class Engine:
    """One per workspace; shared by all threads."""

    organisation: str
    profile: str
    calendar: Calendar
    definitions: Definitions
    procedure_in_force: Callable[[Connection, str], Procedure | None]
    effects: Mapping[str, Effect]
    arguments: Mapping[str, Mapping[str, str]]
    """What a workflow may tell an effect: effect → argument → type."""
    facts: Mapping[str, FactProvider]
    binding: Binding | None = None
    holds: Mapping[str, Hold] = field(default_factory=dict)
    clock: Clock = utc_now
    """For looking, not for acting: an act has the moment of its transaction."""
    touches_library: Callable[[Step], bool] = lambda _: False
    """Whether a step may only be taken in a transaction that holds the library."""

    @property
    def zone(self) -> ZoneInfo:
        return self.calendar.zone

    @property
    def known_effects(self) -> Mapping[str, Mapping[str, str]]:
        """Every effect a workflow may name, with its arguments."""
        return {OPEN_CASE: {}, **{name: self.arguments.get(name, {}) for name in self.effects}}


def make_engine(
    *,
    organisation: str,
    profile: str,
    zone: str,
    patron_day: str,
    procedure_in_force: Callable[[Connection, str], Procedure | None],
    effects: Mapping[str, Effect] | None = None,
    arguments: Mapping[str, Mapping[str, str]] | None = None,
    facts: Mapping[str, FactProvider] | None = None,
    binding: Binding | None = None,
    holds: Mapping[str, Hold] | None = None,
    clock: Clock = utc_now,
    touches_library: Callable[[Step], bool] = lambda _: False,
) -> Engine:
    """Assemble an engine."""
    calendar = Calendar(ZoneInfo(zone), patron_day)
    return Engine(
        organisation,
        profile,
        calendar,
        Definitions(profile),
        procedure_in_force,
        effects or {},
        arguments or {},
        facts or {},
        binding,
        holds or {},
        clock,
        touches_library,
    )


@dataclass(frozen=True)
class EffectContext:
    """What an effect gets to see: the case as it stands after the step, its fields in their kept form."""

    tx: Transaction
    engine: Engine
    case: File
    definition: Definition
    step: Step
    by: Actor
    fields: Mapping[str, Any]
    happened_at: datetime
    comment: str | None
    arguments: Mapping[str, Any]
    """What the workflow told the effect, as expressions gave it."""
