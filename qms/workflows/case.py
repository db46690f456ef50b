"""Cases, as every door knows them: open one, take a step, look at one, see what can be done next, list them.

The page, the API, the command line and the timers all come through here; a rule is decided nowhere else. ISO 9001, 4.4 and 8.1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from qms.database import Transaction
from qms.errors import NotFound, Reason, Text
from qms.people.actor import Actor
from qms.people.signature import Proof
from qms.records.evidence import Attachment
from qms.records.trail import Receipt
from qms.workflows import file as files
from qms.workflows import keeping, objections, requests, waivers
from qms.workflows.definition import SYS, Definition
from qms.workflows.definitions import put_in_force
from qms.workflows.engine import Effect, EffectContext, Engine, LibraryNeeded, make_engine
from qms.workflows.facts import Facts
from qms.workflows.file import Procedure
from qms.workflows.links import link_case
from qms.workflows.listing import CaseRow, Filters, cases, places_to_act, seen_by, waits_for
from qms.workflows.machine import Ways
from qms.workflows.opening import open_case, open_from_effect
from qms.workflows.replay import compare
from qms.workflows.step import Step
from qms.workflows.taking import Request, take
from qms.workflows.viewing import Case, show
from qms.workflows.waivers import waive

__all__ = [
    "Case", "CaseRow", "Effect", "EffectContext", "Engine", "Filters", "Offer", "Procedure", "cases", "compare", "definition_of",
    "link_case", "make_engine", "offers", "open_case", "places_to_act", "put_in_force", "seen_by", "show", "take_step", "waits_for",
    "waive",
]  # fmt: skip


@dataclass(frozen=True)
class Offer:
    """A step that leads on from where the case stands. ``is_mine``: the person holds a role for it; ``open``: nothing is known against it
    before the form is filled in."""

    step: Step
    title: Text
    is_mine: bool
    open: bool
    reasons: tuple[Reason, ...]


def take_step(
    tx: Transaction,
    engine: Engine,
    number: str,
    step: str,
    by: Actor,
    *,
    version: int,
    fields: Mapping[str, object] | None = None,
    evidence: Sequence[Attachment] = (),
    happened_at: datetime | None = None,
    comment: str | None = None,
    proof: Proof | None = None,
    key: str,
    text_seen: str | None = None,
) -> Receipt:
    """Take ``step`` on the case ``number`` as seen at ``version``; ``happened_at`` is when the fact was, now when left out.

    ``text_seen`` is the blob that the taker of a binding step had before them; without it the step is refused. Raises NotFound for a case
    ``by`` may not see or a step the workflow does not have, Refused with every reason at once, LibraryNeeded when the transaction lacks it.
    """
    own_key = requests.key_of(by, key)
    file, used, rows = files.load_to_act(tx.connection, number, own_key)
    loaded = engine.definitions.get(tx.connection, file.definition)
    definition = loaded.definition
    files.require_visible(file, definition, by)
    chosen = definition.steps.get(step)
    if chosen is None or chosen.profile not in (None, engine.profile):
        raise NotFound("step", step)
    if engine.touches_library(chosen) and not tx.has_library:
        raise LibraryNeeded(number)
    raw, said = fields or {}, objections.tidy(comment)
    print_ = requests.fingerprint(definition, raw, evidence, happened_at, said, number, step, version)
    done = requests.repeated(tx.connection, own_key, print_) if used else None
    if done is not None:
        return done
    running = keeping.clocks_of(rows)
    request = Request(chosen, by, raw, evidence, happened_at or tx.now, said, proof, own_key, print_, open_from_effect, text_seen, running)
    return take(tx, engine, loaded, file, version, request)


def offers(connection: Connection, engine: Engine, case: Case, by: Actor) -> list[Offer]:
    """What can be done with ``case`` now, what of it by this person, and what is known to be missing before any form is filled in."""
    loaded, now = engine.definitions.get(connection, case.file.definition), engine.clock()
    facts = Facts(engine, connection, loaded.definition, case.file, by, fields=case.file.fields, happened_at=now, recorded_at=now)
    found = []
    for step in loaded.definition.steps_in(engine.profile):
        if loaded.ways.leads(case.file.state, step.name) and step.by != (SYS,):
            found.append(_offer(connection, loaded.definition, loaded.ways, case, step, by, now, facts))
    return found


def _offer(
    connection: Connection, definition: Definition, ways: Ways, case: Case, step: Step, by: Actor, now: datetime, facts: Facts
) -> Offer:
    asked = objections.Asked(definition, step, case.file, by, now)
    reasons = tuple(objections.known_before(asked, ways, facts))
    if any(reason.kind == "SOD" for reason in reasons) and waivers.open_one(connection, case.number, step.name, by) is not None:
        reasons = tuple(reason for reason in reasons if reason.kind != "SOD")
    is_mine = not any(reason.kind in ("ROLE", "ORGANISATION") for reason in reasons)
    return Offer(step, step.title, is_mine, not reasons, reasons)


def definition_of(connection: Connection, engine: Engine, workflow: str) -> Definition:
    """The definition in force of a workflow. Raises NotFound."""
    return engine.definitions.in_force(connection, workflow).definition
