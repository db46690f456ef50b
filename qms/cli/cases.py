"""``qms case``: open a case, take its next step, look at it, list those one may see."""

from typing import Annotated, Any

import typer
from rich.text import Text

from qms.cli import inputs, pages, steps
from qms.cli.answers import facts, table
from qms.cli.call import Call
from qms.cli.common import WrongUse
from qms.cli.mistakes import reason_as_json
from qms.locale import sentence
from qms.people import directory
from qms.workflows import case, holds
from qms.workflows.case import Filters, Offer
from qms.workflows.viewing import Case

group = pages.section("cli.case")

Number = Annotated[str, typer.Argument(help="cli.argument.number", metavar="cli.shape.number")]
Parties = Annotated[
    list[str] | None, typer.Option("--organisation", "-o", help="cli.option.organisations", metavar="cli.shape.organisation")
]
Parent = Annotated[list[str] | None, typer.Option("--parent", help="cli.option.parent", metavar="cli.shape.parent")]
Version = Annotated[int | None, typer.Option("--version", help="cli.option.version", metavar="N")]
Flow = Annotated[str | None, typer.Option("--workflow", help="cli.option.workflow", metavar="cli.shape.workflow")]
Why = Annotated[str, typer.Option("--reason", help="cli.option.hold_reason", metavar="cli.shape.text")]
State = Annotated[str | None, typer.Option("--state", help="cli.option.state", metavar="cli.shape.state")]


@group.verb("open", "cli.case.open")
def open_case(
    ctx: typer.Context,
    workflow: Annotated[str, typer.Argument(help="cli.argument.workflow", metavar="cli.shape.workflow")],
    field: inputs.Fields = None,
    fields: inputs.FieldsFile = None,
    evidence: inputs.Evidence = None,
    organisation: Parties = None,
    parent: Parent = None,
    happened_at: inputs.HappenedAt = None,
    comment: inputs.Comment = None,
    key: inputs.Key = None,
) -> None:
    call: Call = ctx.obj
    app, by = call.app, call.who()
    given = inputs.fields(field, fields)
    happened = inputs.moment(call, happened_at)
    files = inputs.attachments(call, evidence)
    with app.writing() as tx:
        receipt = case.open_case(
            tx,
            app.engine,
            workflow,
            by,
            fields=given,
            organisations=tuple(organisation or ()),
            evidence=files,
            happened_at=happened,
            comment=comment,
            key=call.key(key),
            links_to=inputs.pairs(parent, "--parent"),
        )
    steps.answer_receipt(call, receipt)


@group.verb("step", "cli.case.step")
def take_step(
    ctx: typer.Context,
    number: Number,
    step: Annotated[str, typer.Argument(help="cli.argument.step", metavar="cli.shape.step")],
    field: inputs.Fields = None,
    fields: inputs.FieldsFile = None,
    evidence: inputs.Evidence = None,
    version: Version = None,
    happened_at: inputs.HappenedAt = None,
    comment: inputs.Comment = None,
    key: inputs.Key = None,
) -> None:
    call: Call = ctx.obj
    given = inputs.fields(field, fields)
    receipt = steps.take(
        call, number, step, fields=given, evidence=evidence, version=version, happened_at=happened_at, comment=comment, key=key
    )
    steps.answer_receipt(call, receipt)


@group.verb("show", "cli.case.show")
def show(ctx: typer.Context, number: Number) -> None:
    call: Call = ctx.obj
    app, by = call.app, call.who()
    found = steps.seen(call, number)
    with app.reading() as connection:
        offers = case.offers(connection, app.engine, found, by)
        names = directory.names(connection, [found.file.opened_by])
    mine = [offer for offer in offers if offer.is_mine]
    now, later = [offer for offer in mine if offer.open], [offer for offer in mine if not offer.open]
    call.answer(as_answer(call, found, offers), facts(_head(call, found, names)), Text(""), facts(_fields(call, found)), Text(""))
    if not call.json:
        call.out.print(Text(call.say("cli.case.now" if now else "cli.case.nothing_now"), style="bold"))
        for offer in now:
            call.out.print(Text(f"  {offer.step.name}  {offer.title[call.language]}"))
        if later:
            call.out.print(Text(call.say("cli.case.not_yet"), style="bold"))
        for offer in later:
            call.out.print(Text(f"  {offer.step.name}  {offer.title[call.language]}"))
            for reason in offer.reasons:
                call.out.print(Text(f"      • {sentence(call.language, reason)}  [{reason.code}]"))


@group.verb("list", "cli.case.list")
def show_all(
    ctx: typer.Context,
    workflow: Flow = None,
    state: State = None,
    open_only: Annotated[bool, typer.Option("--open", help="cli.option.open_only")] = False,
    identifier: Annotated[str | None, typer.Option("--identifier", help="cli.option.identifier", metavar="cli.shape.identifier")] = None,
    before: Annotated[str | None, typer.Option("--before", help="cli.option.before", metavar="cli.shape.cursor")] = None,
    limit: inputs.Limit = 50,
) -> None:
    call: Call = ctx.obj
    app, by = call.app, call.who()
    kind, equals, value = (identifier or "").partition("=")
    if identifier and not equals:
        raise WrongUse("cli.use.pair", option="--identifier", value=identifier)
    filters = Filters(workflow, [state] if state else None, False if open_only else None, identifier=(kind, value) if identifier else None)
    with app.reading() as connection:
        rows = case.cases(connection, app.engine, by, filters=filters, before=before, limit=limit)
        definitions = {row.definition: app.engine.definitions.get(connection, row.definition).definition for row in rows}
    heads = [call.say(f"cli.head.{name}") for name in ("number", "title", "state", "due", "opened")]
    lines = [
        (
            row.number,
            row.title,
            definitions[row.definition].states[row.state].title[call.language],
            *map(call.shown, (row.next_due, row.opened_at)),
        )
        for row in rows
    ]
    more = rows[-1].cursor if len(rows) == limit else None
    tail = [Text(call.say("cli.case.more", cursor=more))] if more else []
    call.answer({"cases": rows, "before": more}, table(heads, lines) if rows else Text(call.say("cli.case.none")), *tail)


@group.verb("hold", "cli.case.hold")
def hold(ctx: typer.Context, number: Number, reason: Why = "", key: inputs.Key = None) -> None:
    call: Call = ctx.obj
    app, by = call.app, call.who()
    with app.writing() as tx:
        receipt = holds.place(tx, app.engine, number, by, reason=reason, key=call.key(key))
    steps.answer_receipt(call, receipt)


@group.verb("release", "cli.case.release")
def release(ctx: typer.Context, number: Number, reason: Why = "", key: inputs.Key = None) -> None:
    call: Call = ctx.obj
    app, by = call.app, call.who()
    with app.writing() as tx:
        receipt = holds.lift(tx, app.engine, number, by, reason=reason, key=call.key(key))
    steps.answer_receipt(call, receipt)


def as_answer(call: Call, found: Case, offers: list[Offer]) -> dict[str, Any]:
    """A case for a program: what it is, where it stands, what can be done now."""
    told = {name: value for name, value in vars(found.file).items() if name != "taken"}
    return {
        **told,
        "fields": found.fields,
        "is_closed": found.file.is_closed,
        "evidence": found.evidence,
        "timers": [
            {"name": item.timer.name, "due_at": item.clock.due_at, "late_seconds": item.late_by, "hard": item.timer.hard}
            for item in found.timers
        ],
        "links": found.links,
        "parents": found.parents,
        "steps": [
            {
                "step": offer.step.name,
                "title": offer.title,
                "is_mine": offer.is_mine,
                "open": offer.open,
                "asks": offer.step.asks,
                "evidence": offer.step.evidence,
                "signed": offer.step.sign is not None,
                "reasons": [reason_as_json(call.language, reason) for reason in offer.reasons],
            }
            for offer in offers
        ],
    }


def _head(call: Call, found: Case, names: dict[str, str]) -> list[tuple[str, str]]:
    state = found.definition.states[found.state]
    opener = names.get(found.file.opened_by, found.file.opened_by)
    return [
        (found.number, found.file.title),
        (call.say("cli.head.workflow"), found.definition.title[call.language]),
        (call.say("cli.head.state"), state.title[call.language] + (f" — {state.meaning[call.language]}" if state.meaning else "")),
        (call.say("cli.head.opened"), f"{call.shown(found.file.opened_at)} · {opener}"),
        (call.say("cli.head.due"), call.shown(found.file.next_due)),
        (call.say("cli.receipt.version"), str(found.version)),
    ]


def _fields(call: Call, found: Case) -> list[tuple[str, str]]:
    rows = [
        (field.title[call.language], call.shown_field(field, found.fields[name]))
        for name, field in found.definition.fields.items()
        if found.fields.get(name) is not None
    ]
    slots = found.definition.evidence  # a case that was moved to another definition may hold files of slots that are gone
    titles = {name: slot.title[call.language] for name, slot in slots.items()}
    rows += [(titles.get(item.slot, item.slot), item.name or item.sha256[:12]) for item in found.evidence]
    return rows + [(link.name, f"{link.number} {link.title or ''}") for link in (*found.links, *found.parents)]
