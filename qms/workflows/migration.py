"""Open cases moved from the definition they run under to the one in force: looked at first, done case by case, each with its entry.

New cases get a new definition by themselves; open ones stay where they are until somebody moves them (ISO 9001, 6.3 and 7.5.3).
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from qms.database import Transaction
from qms.errors import Reason, refusal
from qms.people.actor import Actor
from qms.records.trail import Receipt
from qms.workflows import clocks, keeping, objections, requests, sealing
from qms.workflows import file as files
from qms.workflows.clocks import Clock, Move
from qms.workflows.definition import Definition, Field, Timer
from qms.workflows.engine import Engine
from qms.workflows.facts import Facts
from qms.workflows.file import MIGRATED, File, Procedure
from qms.workflows.listing import seen_by
from qms.workflows.reader import both
from qms.workflows.tables import case_evidence, case_file

PAGE = 200


@dataclass(frozen=True)
class Plan:
    """What moving one case would do. ``obstacles`` are why it cannot be moved; fields that go are emptied, their values stay on the
    trail."""

    number: str
    title: str
    version: int
    old: str
    new: str
    state: str
    obstacles: tuple[Reason, ...]
    fields_gone: tuple[str, ...]
    timers_gone: tuple[str, ...]
    timers_new: tuple[str, ...]
    timers_changed: tuple[str, ...]
    """Those with another rule: when they are due, warn or tell. One that runs is reckoned anew from its start."""
    steps_gone: tuple[str, ...]
    steps_new: tuple[str, ...]


def behind(connection: Connection, engine: Engine, workflow: str, after: str = "", limit: int = PAGE) -> list[str]:
    """The numbers of open cases of ``workflow`` that run under another definition than the one in force, in order. Raises NotFound."""
    row = case_file.c
    query = select(row.number).where(*_behind(connection, engine, workflow), row.number > after)
    return [str(one) for one in connection.execute(query.order_by(row.number).limit(limit)).scalars()]


def movers(definition: Definition) -> tuple[str, ...]:
    """The roles that decide for the open cases: the owner of the process, quality and the direction."""
    return tuple(dict.fromkeys((definition.owner, "QM", "TOP")))


def count(connection: Connection, engine: Engine, workflow: str, by: Actor) -> int:
    """How many open cases of ``workflow`` that ``by`` may see are behind. Raises NotFound."""
    query = select(func.count()).select_from(case_file).where(*_behind(connection, engine, workflow), seen_by(connection, engine, by))
    return int(connection.execute(query).scalar_one())


def plans(connection: Connection, engine: Engine, workflow: str, by: Actor, after: str = "", limit: int = PAGE) -> list[Plan]:
    """What ``migrate`` would do with each open case that is behind and that ``by`` may see, in the order of their numbers.

    Raises NotFound for a workflow that is not in force.
    """
    new = engine.definitions.in_force(connection, workflow).definition
    row = case_file.c
    query = files.WHOLE.where(*_behind(connection, engine, workflow), row.number > after, seen_by(connection, engine, by))
    found = [files.from_row(one) for one in connection.execute(query.order_by(row.number).limit(limit))]
    procedure = engine.procedure_in_force(connection, new.governed_by)
    return [
        _plan(connection, engine, file, engine.definitions.get(connection, file.definition).definition, new, procedure, by)
        for file in found
    ]


def plan(connection: Connection, engine: Engine, number: str, by: Actor) -> Plan:
    """What ``migrate`` would do, changing nothing. Raises NotFound for a case ``by`` may not see."""
    file = files.load(connection, number)
    old, new = _definitions(connection, engine, file, by)
    return _plan(connection, engine, file, old, new, engine.procedure_in_force(connection, new.governed_by), by)


def of_reason(reason: str) -> list[Reason]:
    """What is wrong with the reason that somebody gives."""
    said = objections.tidy(reason)
    if said is None:
        return [Reason("REASON_REQUIRED", "reason")]
    return [replace(found, place="reason") for found in objections.of_text_typed(said)]


def migrate(
    tx: Transaction, engine: Engine, number: str, by: Actor, *, key: str, reason: str | None = None, version: int | None = None,
    to: str | None = None,
) -> Receipt:  # fmt: skip
    """Move one case to the definition in force and to the revision of its procedure in force.

    ``version`` and ``to`` are the case and the definition that ``by`` had before them, when they had. For the owner of the process, quality
    or the direction. Raises NotFound, Refused with every obstacle, Stale when what they saw is no more.
    """
    file = files.load(tx.connection, number, lock=True)
    old, new = _definitions(tx.connection, engine, file, by)
    said = objections.tidy(reason)
    own_key, print_ = requests.key_of(by, key), requests.fingerprint(new, {}, (), None, said, number, "migrate", new.digest)
    if (done := requests.repeated(tx.connection, own_key, print_)) is not None:
        return done
    procedure = engine.procedure_in_force(tx.connection, new.governed_by)
    place, found = by.role_for(movers(new), file.organisations), _plan(tx.connection, engine, file, old, new, procedure, by)
    reasons = [*found.obstacles, *(of_reason(reason) if reason is not None else ())]
    if (version is not None and version != file.version) or (to is not None and to != new.digest):
        reasons.append(Reason("STALE"))
    if reasons:
        raise refusal(reasons)
    fields = {name: value for name, value in file.fields.items() if name not in found.fields_gone}
    after = replace(
        file, definition=new.digest, procedure=procedure, n=file.n + 1, version=file.version + 1, changed_at=tx.now, fields=fields,
        taken=files.without_agreements(file.taken),
    )  # fmt: skip
    moved = _clocks(tx, engine, old, new, after, by, found)
    running = {**keeping.running(tx, old, file), **moved}
    dues = [clock.due_at for clock in running.values() if clock.is_running and clock.due_at is not None]
    after = replace(after, confidentiality=files.confidentiality_of(new), next_due=min(dues, default=None))
    files.repin(tx.connection, after)
    keeping.write_codes(tx, new, after)
    rows = {name: clock.row() for name, clock in moved.items()}
    what: dict[str, Any] = {
        "request": print_,
        "migrated": {"from": old.digest, "to": new.digest, "timers_gone": list(found.timers_gone), "steps_gone": list(found.steps_gone)},
        **({"timers": rows} if rows else {}),
    }
    gone = {name: [file.fields[name], None] for name in found.fields_gone}
    return sealing.record(
        tx, file, after, MIGRATED, by, place, clocks=list(rows.values()), fields=gone, comment=said, what=what, key=own_key
    )


def _definitions(connection: Connection, engine: Engine, file: File, by: Actor) -> tuple[Definition, Definition]:
    old = engine.definitions.get(connection, file.definition).definition
    files.require_visible(file, old, by)
    return old, engine.definitions.in_force(connection, file.workflow).definition


def _behind(connection: Connection, engine: Engine, workflow: str) -> tuple[ColumnElement[bool], ...]:
    """Open, and pinned to one of the workflow's other definitions: these are few, and asked for by name an index finds their cases."""
    now = engine.definitions.in_force(connection, workflow).definition.digest
    others = [one.definition.digest for one in engine.definitions.known(connection, workflow) if one.definition.digest != now]
    return case_file.c.definition.in_(others), case_file.c.closed_at.is_(None)


def _plan(
    connection: Connection, engine: Engine, file: File, old: Definition, new: Definition, procedure: Procedure | None, by: Actor
) -> Plan:
    profile = engine.profile
    obstacles = []
    if by.role_for(movers(new), file.organisations) is None:
        obstacles.append(Reason(f"ROLE:{','.join(movers(new))}"))
    if old.digest == new.digest:
        obstacles.append(Reason("MIGRATION:same", None, {}, both("case.migration_same")))
    if file.is_closed:
        obstacles.append(Reason("MIGRATION:closed", None, {}, both("case.migration_closed")))
    if file.state not in {state.name for state in new.states_in(profile)}:
        state = old.states[file.state].title
        obstacles.append(Reason("MIGRATION:state", None, {"state": state}, both("case.migration_state", state=state)))
    if procedure is None:
        obstacles.append(Reason(f"PROCEDURE:{new.governed_by}"))
    gone = tuple(sorted(name for name in file.fields if _is_gone(old.fields.get(name), new.fields.get(name))))
    obstacles += [*_of_duties(connection, engine, file, old, new, gone, by), *_of_evidence(connection, file, old, new)]
    before, after = ({timer.name for timer in one.timers_in(profile)} for one in (old, new))
    steps_before, steps_after = ({step.name for step in one.steps_in(profile)} for one in (old, new))
    return Plan(
        file.number, file.title, file.version, old.digest, new.digest, file.state, tuple(obstacles),
        gone, tuple(sorted(before - after)), tuple(sorted(after - before)),
        tuple(sorted(name for name in before & after if _rule(old.timers[name]) != _rule(new.timers[name]))),
        tuple(sorted(steps_before - steps_after)), tuple(sorted(steps_after - steps_before)),
    )  # fmt: skip


def _of_duties(
    connection: Connection, engine: Engine, file: File, old: Definition, new: Definition, gone: Collection[str], by: Actor
) -> Iterator[Reason]:
    """Who moves a case does not thereby become free to take a step of it: one that both definitions have, or, where such a step is no more,
    a new one, which may be the same by another name."""
    now = engine.clock()
    after = replace(file, fields={name: value for name, value in file.fields.items() if name not in gone})
    was, will = (
        objections.kept_from(
            one, case, by, Facts(engine, connection, one, case, by, fields=case.fields, happened_at=now, recorded_at=now), now
        )
        for one, case in ((old, file), (new, after))
    )
    freed = {name for name in was - will if name in new.steps}
    fresh = new.steps.keys() - old.steps.keys()
    yield from objections.of_own_duty(new, freed | (set() if was <= new.steps.keys() or fresh & will else fresh))


def _of_evidence(connection: Connection, file: File, old: Definition, new: Definition) -> Iterator[Reason]:
    """Files that name persons stay closed to all others: a case that has some does not move to where their slot says so no longer."""
    opened = [name for name in old.evidence if _is_private(old, name) and not _is_private(new, name)]
    if not opened:
        return
    row = case_evidence.c
    query = select(row.slot).distinct().where(row.case_number == file.number, row.slot.in_(opened)).order_by(row.slot)
    for slot in connection.execute(query).scalars():
        title = old.evidence[slot].title
        yield Reason("MIGRATION:evidence", None, {"slot": title}, both("case.migration_evidence", slot=title))


def _is_private(definition: Definition, slot: str) -> bool:
    there = definition.evidence.get(slot)
    return definition.confidentiality == "personal" or (there is not None and bool(there.personal))


def _is_gone(old: Field | None, new: Field | None) -> bool:
    """Whether a value kept under ``old`` means nothing under ``new``: no such field, another type, or no longer as private."""
    if old is None or new is None or (old.type, old.kind, old.personal) != (new.type, new.kind, new.personal):
        return True
    if old.options is not None and not set(old.options) <= set(new.options or ()):
        return True
    columns, others = old.columns or {}, new.columns or {}
    return any(_is_gone(column, others.get(name)) for name, column in columns.items())


def _rule(timer: Timer) -> tuple[object, ...]:
    """By what a running timer goes on."""
    chain = tuple((link.after.text, link.tell) for link in timer.chain)
    return (
        timer.due.text,
        tuple(one.text for one in timer.warn),
        chain,
        timer.escalate,
        timer.hard,
        timer.on_due,
        timer.due_step,
        timer.until,
    )


def _clocks(tx: Transaction, engine: Engine, old: Definition, new: Definition, file: File, by: Actor, found: Plan) -> dict[str, Clock]:
    """Timers that end because the new definition has none of the name, or go on by another rule; of its own, those that start with the
    state the case is in, and those that start from a field which is filled, unless what they wait for was done."""
    facts = Facts(engine, tx.connection, new, file, by, fields=file.fields, happened_at=tx.now, recorded_at=tx.now)
    moved = {}
    for name, clock in keeping.running(tx, old, file).items():
        if clock.is_running and name in found.timers_gone:
            moved[name] = replace(clock, done_at=tx.now, next_at=None)
        elif clock.is_running and name in found.timers_changed:
            moved[name] = clocks.renewed(new.timers[name], clock, facts, tx.now)
    move = Move(new.opening, None, file.state, frozenset(file.fields), tx.now, tx.now)
    fresh = [new.timers[name] for name in found.timers_new]
    fresh = [one for one in fresh if one.starts_with == "state" or (one.starts_with == "field" and not file.taken.keys() & set(one.until))]
    return {**moved, **clocks.after(replace(new, timers={one.name: one for one in fresh}), engine.profile, {}, move, facts)}
