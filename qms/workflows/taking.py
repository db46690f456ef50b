"""Takes a step: gathers every objection, and when there is none moves the case, runs the effects and seals the entry, all at once.

On the hot path: about ten statements, none of which grows with the history of the case or the number of cases.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from qms.database import Transaction
from qms.errors import NotFound, Reason, Refused, Stale, refusal
from qms.people.actor import SYSTEM, Actor
from qms.people.signature import Proof
from qms.records import trail
from qms.records.evidence import Attachment
from qms.records.trail import Act, Receipt
from qms.workflows import clocks, forms, keeping, links, objections, privacy, requests, waivers
from qms.workflows import file as files
from qms.workflows.clocks import Clock, Move
from qms.workflows.definition import Definition
from qms.workflows.definitions import Loaded
from qms.workflows.engine import EffectContext, Engine
from qms.workflows.facts import Facts
from qms.workflows.file import AGREED_TO, File, agreement
from qms.workflows.forms import Form
from qms.workflows.objections import is_complete
from qms.workflows.reader import both
from qms.workflows.sealing import sealed_case
from qms.workflows.step import EffectCall, Step

OpenChild = Callable[[EffectContext, EffectCall], Mapping[str, Any]]
"""Opens the case that an effect asks for; returns at least its number."""


@dataclass(frozen=True)
class Request:
    """What somebody wants to do with a case."""

    step: Step
    by: Actor
    fields: Mapping[str, object]
    evidence: Sequence[Attachment]
    happened_at: datetime
    comment: str | None
    proof: Proof | None
    key: str | None
    print_: str
    open_child: OpenChild
    text_seen: str | None = None
    running: Mapping[str, Clock] | None = None
    """The timers as they stand, when they were read with the case."""


@dataclass(frozen=True)
class Outcome:
    """A case after a step, and what has to be written and sealed of it."""

    before: File
    after: File
    form: Form
    facts: Facts
    clocks: Mapping[str, Clock]
    changes: Mapping[str, list[Any]]


@dataclass(frozen=True)
class Judged:
    """A request held against the case: every reason it cannot be, the form and the facts as read, and the waiver that it needs."""

    reasons: tuple[Reason, ...]
    form: Form
    facts: Facts
    waiver: int | None
    opens: Mapping[str, str]
    """The closed cases that are opened with this one, each with the step that does it."""


def judge(tx: Transaction, engine: Engine, loaded: Loaded, file: File, version: int, request: Request) -> Judged:
    """Read the form and ask everything that a step must answer to, at once."""
    step, definition = request.step, loaded.definition
    form = forms.read_form(engine, tx.connection, definition, step, file.fields, request.fields, request.by)
    facts = facts_of(tx, engine, definition, file, request, form.fields)
    asked = objections.Asked(definition, step, file, request.by, tx.now)
    duties = list(objections.of_duties(asked, facts))
    waiver = waivers.open_one(tx.connection, file.number, step.name, request.by) if duties else None
    again = file.is_closed and _opens_again(definition, step, file, facts)
    stays, opens = links.of_parents(tx.connection, engine, file) if again else ([], {})
    reasons = (
        *objections.of_version(file, version),
        *objections.of_state(asked, loaded.ways),
        *objections.of_role(asked, file.organisations),
        *(duties if waiver is None else ()),
        *form.reasons,
        *forms.judge_files(definition, forms.files_asked(step, file), request.evidence, facts.hashes),
        *objections.of_comment(step, request.comment),
        *objections.of_quorum(step, file, request.by, facts, bool(form.changed or request.evidence)),
        *objections.of_guards(step.guards, facts),
        *objections.of_signature(asked, request.proof),
        *(objections.of_text(step, request.text_seen) if engine.binding is not None else ()),
        *objections.of_moment(request.happened_at, tx.now, file.opened_at),
        *stays,
    )
    return Judged(reasons, form, facts, waiver, opens)


def take(tx: Transaction, engine: Engine, loaded: Loaded, file: File, version: int, request: Request) -> Receipt:
    """Take the step or raise Refused with every reason. The case row is locked by the caller."""
    step, definition = request.step, loaded.definition
    judged = judge(tx, engine, loaded, file, version, request)
    if judged.reasons:
        if version != file.version and request.key and (done := requests.repeated(tx.connection, request.key, request.print_)) is not None:
            return done
        raise refusal(judged.reasons)
    form, facts = judged.form, judged.facts
    if not is_complete(step, file, facts):
        return _agree(tx, engine, definition, file, replace(request, step=_agreeing(step)), judged)
    outcome = settle(tx, engine, definition, file, request, form, facts, loaded.ways.take(file.state, step.name, _target(step, facts)))
    if not files.save(tx.connection, outcome.after, file.version, [clock.row() for clock in outcome.clocks.values()]):
        raise Stale([Reason("STALE")])
    receipt = _concluded(tx, engine, definition, outcome, request, "step-taken", judged.waiver)
    for number, name in judged.opens.items():
        _open_with(tx, engine, number, name, request)
    return receipt


def _open_with(tx: Transaction, engine: Engine, number: str, name: str, request: Request) -> None:
    """Take the step that opens a case again with one that hangs on it. Nobody is waited for here, with the trail's head in hand: a case
    that somebody else holds makes the whole act stale."""
    try:
        file = files.load(tx.connection, number, lock=True, skip=True)
    except NotFound:
        raise Stale([Reason("STALE")]) from None
    if not file.is_closed:
        return
    loaded = engine.definitions.get(tx.connection, file.definition)
    own = Request(loaded.definition.steps[name], SYSTEM, {}, (), request.happened_at, None, None, None, "", request.open_child)
    seen = files.visible(file, loaded.definition, request.by)
    try:
        take(tx, engine, loaded, file, file.version, own)
    except Refused as refused:
        why = {"reasons": ", ".join(refused.codes)} if seen else {}
        told = both("case.parent_stays" if seen else "case.parent_hidden", number=number, **why)
        raise refusal([Reason(f"PARENT:{number}", None, {"parent": number}, told)]) from refused


def _target(step: Step, facts: Facts) -> str | None:
    """Where the step leads with what was filled in."""
    return next((branch.state for branch in step.branches if branch.when.holds(facts)), step.target)


def _opens_again(definition: Definition, step: Step, file: File, facts: Facts) -> bool:
    return not definition.states[_target(step, facts) or file.state].is_end


def _agreeing(step: Step) -> Step:
    """A step while it still needs others: what was filled in and attached is kept, and nothing follows yet."""
    return replace(step, branches=(), target=None, sets={}, clears=(), effects=())


def _agree(tx: Transaction, engine: Engine, definition: Definition, file: File, request: Request, judged: Judged) -> Receipt:
    name = agreement(request.step.name)
    outcome = settle(tx, engine, definition, file, request, judged.form, judged.facts, file.state, name)
    if not files.save(tx.connection, outcome.after, file.version, [clock.row() for clock in outcome.clocks.values()]):
        raise Stale([Reason("STALE")])
    return _concluded(tx, engine, definition, outcome, request, AGREED_TO, judged.waiver)


def _concluded(
    tx: Transaction, engine: Engine, definition: Definition, outcome: Outcome, request: Request, event: str, waiver: int | None
) -> Receipt:
    """Seal the act; a waiver that it needed is used up and named."""
    if waiver is None:
        return conclude(tx, engine, definition, outcome, request, event)
    waivers.use(tx, outcome.after, waiver)
    return conclude(tx, engine, definition, outcome, request, event, waived=waiver)


def facts_of(tx: Transaction, engine: Engine, definition: Definition, file: File, request: Request, fields: Mapping[str, Any]) -> Facts:
    """The case as the rules of an act see it, with ``fields`` and the files that come with the request."""
    now: dict[str, list[str]] = {}
    for attachment in request.evidence:
        now.setdefault(attachment.slot, []).append(attachment.sha256)
    return Facts(
        engine,
        tx.connection,
        definition,
        file,
        request.by,
        fields=fields,
        happened_at=request.happened_at,
        recorded_at=tx.now,
        comment=request.comment,
        now=now,
        holding=True,
    )


def settle(
    tx: Transaction,
    engine: Engine,
    definition: Definition,
    file: File,
    request: Request,
    form: Form,
    facts: Facts,
    target: str,
    counts_as: str | None = None,
) -> Outcome:
    """Work out what the case becomes: fields cleared and set, timers moved, everything countable counted. Writes personal values only.

    ``counts_as`` is under which name the step is counted, when it is not its own."""
    step = request.step if counts_as is None else replace(request.step, name=counts_as)
    changed: dict[str, tuple[Any, Any]] = dict(form.changed)
    fields = dict(form.fields)
    for name in step.clears:
        if fields.pop(name, None) is not None:
            changed[name] = (file.fields.get(name), None)
    for name, expression in step.sets.items():
        value = facts.given(definition.fields[name], expression)
        if value != fields.get(name):
            changed[name] = (file.fields.get(name), value)
            fields[name] = value
    for name, (old, new) in changed.items():
        fields[name] = privacy.hide(tx, definition.fields[name], new)
        changed[name] = (old, fields[name])
    fields = {name: value for name, value in fields.items() if value is not None}
    n = file.n + 1
    by = (request.by.person, *lenders(request, file))
    end = definition.states[target].is_end
    after = replace(
        file,
        title=str(fields.get("title") or file.title),
        state=target,
        version=file.version + 1,
        n=n,
        fields=fields,
        taken=files.with_step(file.taken, step.name, by, request.happened_at, n),
        changed_at=tx.now,
        closed_at=(file.closed_at if file.state == target and file.closed_at else request.happened_at) if end else None,
    )
    if definition.computed:
        after = replace(after, fields=_reckoned(tx, engine, definition, after, request, changed))
    running = request.running if request.running is not None else keeping.running(tx, definition, file)
    later = facts_of(tx, engine, definition, after, request, after.fields)
    source = file.state if file.version else None
    move = Move(step, source, target, frozenset(changed), request.happened_at, tx.now)
    moved = clocks.after(definition, engine.profile, running, move, later)
    dues = [clock.due_at for clock in {**running, **moved}.values() if clock.is_running and clock.due_at is not None]
    after = replace(after, next_due=min(dues, default=None))
    return Outcome(file, after, form, facts, moved, {name: list(pair) for name, pair in changed.items() if pair[0] != pair[1]})


def lenders(request: Request, file: File) -> tuple[str, ...]:
    """For whom the step is taken, when it is under a hat that somebody lent."""
    role = request.by.role_for(request.step.by, file.organisations) if request.by.lent else None
    lender = request.by.lender(*role) if role else None
    return (lender,) if lender else ()


def _reckoned(
    tx: Transaction, engine: Engine, definition: Definition, after: File, request: Request, changed: dict[str, tuple[Any, Any]]
) -> dict[str, Any]:
    """The fields of the case with those that are computed; what became different is added to ``changed``."""
    fields = dict(after.fields)
    for name, value in facts_of(tx, engine, definition, after, request, after.fields).reckoned(definition.computed).items():
        if value != fields.get(name):
            changed[name] = (fields.pop(name, None), value)
            if value is not None:
                fields[name] = value
    return fields


def conclude(
    tx: Transaction, engine: Engine, definition: Definition, outcome: Outcome, request: Request, event: str, **what: Any
) -> Receipt:
    """Write codes, run the effects, seal the entry, and write the evidence under its position."""
    file, step = outcome.after, request.step
    keeping.write_codes(tx, definition, file, outcome.changes)
    document = None
    if step.binds and engine.binding is not None:
        document = engine.binding(tx.connection, file.number, request.text_seen)
    effects, links = _run_effects(tx, engine, definition, file, request)
    document = next((value["document"] for value in effects.values() if "document" in value), document)
    before = outcome.facts.evidence if request.evidence else {}
    filed = keeping.file_evidence(tx, definition, file, request.evidence, before)
    role = request.by.role_for(step.by, file.organisations)
    lender = request.by.lender(*role) if role else None
    details: dict[str, Any] = {**what, **({"for": lender} if lender else {}), **({"request": request.print_} if request.print_ else {})}
    optional = {
        "timers": {name: clock.row() for name, clock in outcome.clocks.items()},
        "effects": effects,
        "links": links,
        "superseded": list(filed.superseded),
        "figures": outcome.facts.figures_used,
        "notes": dict(outcome.form.notes),
        "closed": file.is_closed,
    }
    details |= {name: value for name, value in optional.items() if value}
    receipt = trail.append(
        tx,
        Act(
            event=event,
            by=request.by,
            role=role[0] if role else None,
            organisation=role[1] or None if role else None,
            happened_at=request.happened_at,
            case=sealed_case(file, step.name, outcome.before.state if outcome.before.version else None),
            document=document,
            fields=outcome.changes,
            evidence=filed.sealed,
            signature={"meaning": step.sign[request.by.language], "method": "password"} if step.sign else None,
            comment=request.comment,
            what=details,
            key=request.key,
        ),
    )
    keeping.write_evidence(tx, file, filed, receipt.position)
    return receipt


def _run_effects(
    tx: Transaction, engine: Engine, definition: Definition, file: File, request: Request
) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """What each effect returned, by name, and the links to cases that were opened."""
    results: dict[str, Any] = {}
    links: list[dict[str, str]] = []
    context = EffectContext(tx, engine, file, definition, request.step, request.by, file.fields, request.happened_at, request.comment, {})
    for call in request.step.effects:
        if call.name in engine.holds and not call.later:
            engine.holds[call.name](context)
    keeping.hold_series(tx, engine, [], [request.step])
    for call in request.step.effects:
        if call.later:
            continue
        if call.workflow is not None:
            found = request.open_child(context, call)
            if call.link is not None:
                links.append({"name": call.link, "child": str(found["number"])})
        elif call.name in engine.effects:
            facts = facts_of(tx, engine, definition, file, request, file.fields)
            told = {name: expression.value(facts) for name, expression in (call.fields or {}).items()}
            found = engine.effects[call.name](replace(context, arguments=told))
        else:
            raise NotFound("effect", call.name)
        results[call.name if call.name not in results else f"{call.name}.{len(results)}"] = dict(found)
    return results, links
