"""``qms case``: open a case, take its next step, look at it, list those one may see."""

from typing import Annotated, Any

import typer

from qms.cli import inputs, pages
from qms.cli.answers import facts, table
from qms.cli.call import Call
from qms.records.trail import Receipt
from qms.workflows import case

group = pages.section("cli.case")

Number = Annotated[str, typer.Argument(help="cli.argument.number", metavar="cli.shape.number")]
Opened = Annotated[list[str] | None, typer.Option("--organisation", "-o", help="cli.option.organisations", metavar="cli.shape.organisation")]
Version = Annotated[int | None, typer.Option("--version", help="cli.option.version", metavar="N")]


@group.verb("open", "cli.case.open")
def open_case(
    ctx: typer.Context,
    workflow: Annotated[str, typer.Argument(help="cli.argument.workflow", metavar="cli.shape.workflow")],
    field: inputs.Fields = None,
    fields: inputs.FieldsFile = None,
    evidence: inputs.Evidence = None,
    organisation: Opened = None,
    happened_at: inputs.HappenedAt = None,
    comment: inputs.Comment = None,
    key: inputs.Key = None,
) -> None:
    call: Call = ctx.obj
    by = call.who()
    given = inputs.fields(field, fields)
    files = inputs.attachments(call, evidence)
    happened = inputs.moment(call, happened_at)
    with call.app.writing() as tx:
        receipt = case.open_case(
            tx,
            call.app.engine,
            workflow,
            by,
            fields=given,
            organisations=tuple(organisation or ()),
            evidence=files,
            happened_at=happened,
            comment=comment,
            key=call.key(key),
        )
    answer_receipt(call, receipt)


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
    receipt = steps.take(
        call,
        number,
        step,
        fields=inputs.fields(field, fields),
        evidence=evidence,
        version=version,
        happened_at=happened_at,
        comment=comment,
        key=key,
    )
    answer_receipt(call, receipt)
