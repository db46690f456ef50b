"""Opens a case: gives it the next number of its series, pins it to the workflow and procedure in force, and seals its first entry.

Numbers have no gaps: they are given inside the transaction that opens the case, and go back with it when that fails.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select

from qms.database import Transaction
from qms.errors import Reason, refusal
from qms.people.actor import SYSTEM, Actor
from qms.people.directory import organisation_table
from qms.records.evidence import Attachment
from qms.records.trail import Receipt
from qms.workflows import file as files
from qms.workflows import forms, keeping, links, objections, requests
from qms.workflows.definition import TITLE, Definition
from qms.workflows.engine import EffectContext, Engine
from qms.workflows.facts import Facts
from qms.workflows.file import File
from qms.workflows.forms import Form
from qms.workflows.reader import both
from qms.workflows.recurring import Schedule
from qms.workflows.step import EffectCall, Step
from qms.workflows.taking import Outcome, Request, conclude, facts_of, settle

OWN = "own"


def open_case(
    tx: Transaction,
    engine: Engine,
    workflow: str,
    by: Actor,
    *,
    title: str | None = None,
    fields: Mapping[str, object] | None = None,
    organisations: Sequence[str] = (),
    evidence: Sequence[Attachment] = (),
    happened_at: datetime | None = None,
    comment: str | None = None,
    key: str,
    links_to: Sequence[tuple[str, str]] = (),
    as_found: bool = False,
) -> Receipt:
    """Open a case of ``workflow``. ``links_to`` are (parent's number, name of the link); ``as_found`` keeps codes that fail their check.

    Raises Refused with every reason, NotFound for an unknown workflow or a parent that ``by`` may not see.
    """
    definition = engine.definitions.in_force(tx.connection, workflow).definition
    step = definition.opening
    raw = {**(fields or {}), **({TITLE: title} if title is not None else {})}
    said = objections.tidy(comment)
    print_ = requests.fingerprint(definition, raw, evidence, happened_at, said, workflow, sorted(organisations), sorted(links_to))
    own_key = requests.key_of(by, key)
    if (done := requests.repeated(tx.connection, own_key, print_)) is not None:
        return done
    parents = [links.hold_parent(tx, engine, number, name, by) for number, name in sorted(links_to)]
    keeping.hold_series(tx, engine, [definition])
    if (done := requests.repeated(tx.connection, own_key, print_)) is not None:
        return done
    form = forms.read_form(engine, tx.connection, definition, step, {}, raw, by, as_found)
    happened = happened_at or tx.now
    request = Request(step, by, raw, evidence, happened, said, None, own_key, print_, open_from_effect)
    parties = _parties(engine, definition, organisations)
    file = _blank(tx, engine, definition, parties, request)
    facts = facts_of(tx, engine, definition, file, request, form.fields)
    reasons = [
        *_of_parties(tx.connection, engine, definition, organisations, parties),
        *objections.of_role(objections.Asked(definition, step, file, by, tx.now), parties),
        *_of_procedure(definition, file),
        *form.reasons,
        *forms.judge_files(definition, step.evidence, evidence, lambda slot: ()),
        *objections.of_comment(step, said),
        *objections.of_guards(step.guards, facts),
        *objections.of_moment(happened, tx.now, None),
        *(Reason(f"LINK:{parent.name}") for parent in parents if parent.workflow != workflow),
    ]
    if reasons:
        raise refusal(reasons)
    receipt = _open(tx, engine, definition, file, request, form, facts)
    for parent in parents:
        links.record(tx, parent, str(receipt.case), by)
    return receipt


def open_from_effect(context: EffectContext, call: EffectCall) -> Mapping[str, Any]:
    """Open the case that a step's effect asks for, in the name of whoever took the step. Raises Refused when the fields will not do."""
    tx, engine = context.tx, context.engine
    definition = engine.definitions.in_force(tx.connection, str(call.workflow)).definition
    parent = Facts(
        engine, tx.connection, context.definition, context.case, context.by,
        fields=context.fields, happened_at=context.happened_at, recorded_at=tx.now, comment=context.comment,
    )  # fmt: skip
    values = {name: _cut(definition, name, parent.given(definition.fields[name], given)) for name, given in (call.fields or {}).items()}
    keeping.hold_series(tx, engine, [definition])
    request = Request(definition.opening, context.by, {}, (), context.happened_at, None, None, None, "", open_from_effect)
    opened_by = {"number": context.case.number, "name": call.link}
    receipt = _open_with(tx, engine, definition, context.case.organisations, request, values, parent=opened_by)
    if call.link is not None:
        links.write(tx, context.case.number, call.link, str(receipt.case))
    return {"number": receipt.case, "workflow": definition.id}


def open_scheduled(tx: Transaction, engine: Engine, definition: Definition, schedule: Schedule, day: date) -> Receipt | None:
    """Open the case that was due on ``day``; None when that was done. Raises Refused when it cannot be opened."""
    key = requests.key_of(SYSTEM, f"schedule:{definition.id}:{schedule.name}:{day.isoformat()}")
    if requests.is_used(tx.connection, key):
        return None
    keeping.hold_series(tx, engine, [definition])
    # Whoever held the series before may have been the other process that opens it.
    if requests.is_used(tx.connection, key):
        return None
    request = Request(definition.opening, SYSTEM, {}, (), tx.now, None, None, key, "", open_from_effect)
    parties = _parties(engine, definition, ())
    facts = facts_of(tx, engine, definition, _blank(tx, engine, definition, parties, request), request, {})
    values = {name: _cut(definition, name, facts.given(definition.fields[name], given)) for name, given in schedule.fields.items()}
    return _open_with(tx, engine, definition, parties, request, values, scheduled={"name": schedule.name, "day": day.isoformat()})


def _open_with(
    tx: Transaction,
    engine: Engine,
    definition: Definition,
    parties: Sequence[str],
    request: Request,
    values: Mapping[str, Any],
    **what: Any,
) -> Receipt:
    """Open a case whose fields the program fills. Raises Refused when something that its opening demands is not there."""
    step = definition.opening
    defaults = forms.read_form(engine, tx.connection, definition, _asking_nothing(step), {}, {}, request.by)
    fields = {**defaults.fields, **{name: value for name, value in values.items() if value is not None}}
    form = Form(fields, {name: (None, value) for name, value in fields.items()}, {}, ())
    file = _blank(tx, engine, definition, parties, request)
    missing = [wanted.name for wanted in step.asks if wanted.required and fields.get(wanted.name) is None]
    reasons = [
        Reason(f"FIELD_REQUIRED:{name}", None, {}, both("case.field_required", title=definition.fields[name].title)) for name in missing
    ]
    reasons += _of_procedure(definition, file)
    if reasons:
        raise refusal(reasons)
    return _open(tx, engine, definition, file, request, form, facts_of(tx, engine, definition, file, request, form.fields), **what)


def _asking_nothing(step: Step) -> Step:
    return replace(step, asks=())


def _open(
    tx: Transaction, engine: Engine, definition: Definition, file: File, request: Request, form: Form, facts: Facts, **what: Any
) -> Receipt:
    file = replace(file, number=keeping.next_number(tx, engine, definition))
    outcome: Outcome = settle(tx, engine, definition, file, request, form, facts, definition.initial.name)
    files.create(tx.connection, outcome.after, [clock.row() for clock in outcome.clocks.values()])
    parties = list(outcome.after.organisations)
    return conclude(
        tx, engine, definition, outcome, request, "case-opened", organisations=parties, title=outcome.after.title,
        **{name: value for name, value in what.items() if value},
    )  # fmt: skip


def _blank(tx: Transaction, engine: Engine, definition: Definition, parties: Sequence[str], request: Request) -> File:
    """The case before anything of it is written."""
    return File(
        number="",
        workflow=definition.id,
        definition=definition.digest,
        procedure=engine.procedure_in_force(tx.connection, definition.governed_by),
        title="",
        state=definition.initial.name,
        version=0,
        n=0,
        fields={},
        taken={},
        confidentiality=files.confidentiality_of(definition),
        opened_at=request.happened_at,
        opened_by=request.by.person,
        changed_at=tx.now,
        closed_at=None,
        next_due=None,
        organisations=tuple(sorted(set(parties))),
    )


def _parties(engine: Engine, definition: Definition, named: Sequence[str]) -> list[str]:
    default = [engine.organisation if name == OWN else name for name in definition.default_parties]
    return sorted({*default, *named})


def _of_parties(
    connection: Connection, engine: Engine, definition: Definition, named: Sequence[str], parties: Sequence[str]
) -> list[Reason]:
    default = _parties(engine, definition, ())
    unknown = set(named) - set(connection.execute(select(organisation_table.c.id)).scalars()) if named else set()
    foreign = set(parties) - set(default) if not definition.may_add_parties else set()
    strange = sorted(unknown | foreign)
    return [Reason(f"PARTIES:{','.join(strange)[:200]}", "organisations")] if strange else []


def _of_procedure(definition: Definition, file: File) -> list[Reason]:
    return [] if file.procedure is not None else [Reason(f"PROCEDURE:{definition.governed_by}")]


def _cut(definition: Definition, name: str, value: Any) -> Any:
    """A text put together by an expression, cut where the field ends."""
    field = definition.fields[name]
    if isinstance(value, str) and field.type == "text":
        return value[: int(min(field.most or 300, 300))]
    return value
