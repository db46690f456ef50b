"""``qms document``: the register, a text and its history, what changed, and a draft's way from first words to force."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from qms.cli import inputs, pages, proposals, steps
from qms.cli.answers import facts, table
from qms.cli.call import Call
from qms.people.sight import sees_document
from qms.procedures import comparison, control
from qms.workflows import outline
from qms.workflows.outline import Outline

group = pages.section("cli.document")

Name = Annotated[str, typer.Argument(help="cli.argument.document", metavar="cli.shape.document")]
Slug = Annotated[str | None, typer.Option("--draft", help="cli.option.draft", metavar="cli.shape.name")]
Revision = Annotated[int | None, typer.Option("--revision", "-r", help="cli.option.revision", metavar="N", min=0)]
MARKS = {"gone": "-", "come": "+", "same": " ", "gap": "…"}
COLOURS = {"gone": "red", "come": "green", "same": "", "gap": "dim"}


@group.verb("list", "cli.document.list")
def show_register(
    ctx: typer.Context,
    owner: Annotated[str | None, typer.Option("--owner", help="cli.option.owner", metavar="cli.shape.role")] = None,
    clause: Annotated[str | None, typer.Option("--clause", help="cli.option.clause", metavar="cli.shape.clause")] = None,
    text: Annotated[str | None, typer.Option("--text", help="cli.option.title_text", metavar="cli.shape.text")] = None,
    withdrawn: Annotated[bool, typer.Option("--withdrawn", help="cli.option.withdrawn")] = False,
) -> None:
    call: Call = ctx.obj
    by = call.who()
    with call.app.reading() as connection:
        rows = control.register(connection, in_force_only=not withdrawn, owner=owner, clause=clause, text=text, limit=100_000)
    seen = [row for row in rows if sees_document(by, row.distribution)]
    heads = [call.say(f"cli.head.{name}") for name in ("code", "title", "revision", "in_force_since", "owner", "next_review")]
    lines = [
        (row.code, row.titled(call.language), str(row.revision), call.day(row.in_force_since), row.owner, call.day(row.next_review))
        for row in seen
    ]
    call.answer({"documents": seen}, table(heads, lines))


@group.verb("show", "cli.document.show")
def show(ctx: typer.Context, document: Name, revision: Revision = None, draft: Slug = None) -> None:
    call: Call = ctx.obj
    by = call.who()
    with call.app.reading() as connection:
        if draft is not None:
            proposal = proposals.find(call, connection, by, document, draft)
            text = control.draft_text(call.app.library, proposal)
            call.answer({"draft": proposal, "text": text}, Text(text))
            return
        row = control.find(connection, document)
        readable = control.text(connection, call.app.library, row.key, by, revision)
        history = control.history(connection, call.app.library, row.key, by)
        under_way = control.drafts(connection, row.key)
        governed = tuple(governing(call, connection, row.workflows))
    head = facts(
        [
            (call.say("cli.head.code"), f"{row.code} · {row.titled(call.language)}"),
            (call.say("cli.head.revision"), f"{readable.revision.number} · {call.say('cli.revision.' + readable.revision.status)}"),
            (call.say("cli.head.owner"), row.owner),
            (call.say("cli.head.next_review"), call.day(row.next_review)),
            (call.say("cli.head.drafts"), ", ".join(f"{item.slug} ({item.case_number})" for item in under_way) or "–"),
        ]
    )
    lines = [line for one in governed for line in process_lines(call, one)]
    told = {
        "document": row,
        "revision": readable.revision,
        "text": readable.text,
        "history": history,
        "drafts": under_way,
        "processes": governed,
    }
    call.answer(told, head, Text(""), Text(readable.text), *lines)


def governing(call: Call, connection: Any, workflows: Iterable[str]) -> Iterator[Outline]:
    """The processes a document governs, as their definitions in force say them."""
    engine = call.app.engine
    roles = {code: title[call.language] for code, title in call.app.hats.roles.items()}
    figures, today = engine.definitions.figures(connection), call.app.database.clock().astimezone(call.app.zone).date()
    for loaded in engine.definitions.all_in_force(connection):
        if loaded.definition.id in workflows:
            yield outline.outline(loaded.definition, engine.profile, call.language, roles, figures, today)


def process_lines(call: Call, one: Outline) -> Iterator[Text]:
    """A process in lines: its steps with who takes them, its deadlines, the records it keeps."""
    yield Text(f"\n{one.title}", style="bold")
    for step in one.steps:
        way = f"{', '.join(step.sources)} → {step.target}".strip()
        yield Text(f"{step.number or '·'} {step.title}: {way} · {', '.join(step.who) or 'SYS'}")
    for deadline in one.deadlines:
        yield Text(f"{call.say('cli.head.due')} · {deadline.title}: {deadline.due}")
    for record in one.records:
        yield Text(f"{record.code} {record.title}: {', '.join(record.steps)} · {record.retention}")


@group.verb("diff", "cli.document.diff")
def diff(
    ctx: typer.Context,
    document: Name,
    draft: Slug = None,
    revision: Revision = None,
    against: Annotated[int | None, typer.Option("--against", help="cli.option.against", metavar="N", min=0)] = None,
) -> None:
    call: Call = ctx.obj
    by = call.who()
    library = call.app.library
    with call.app.reading() as connection:
        if revision is None:
            proposal = proposals.find(call, connection, by, document, draft)
            key, new = proposal.key, control.draft_text(library, proposal)
        else:
            key = control.find(connection, document).key
            new = control.text(connection, library, key, by, revision).text
        old = proposals.text_in_force(connection, library, key, by, against)
    lines = comparison.source(old, new)
    shown = [Text(f"{MARKS[line.kind]} {line.text}", style=COLOURS[line.kind]) for line in lines]
    call.answer({"lines": lines}, *(shown or [Text(call.say("cli.document.same"))]))


@group.verb("draft", "cli.document.draft")
def write_draft(
    ctx: typer.Context,
    document: Name,
    file: Annotated[Path | None, typer.Option("--file", help="cli.option.text", metavar="cli.shape.file")] = None,
    draft: Slug = None,
    new: Annotated[str | None, typer.Option("--new", help="cli.option.new", metavar="cli.shape.path")] = None,
    reason: Annotated[str, typer.Option("--reason", help="cli.option.reason", metavar="cli.shape.text")] = "",
    key: inputs.Key = None,
) -> None:
    call: Call = ctx.obj
    text = None if file is None else inputs.text(file)
    saved = proposals.write(call, document, draft, text, new, reason, key)
    rows = [(call.say("cli.receipt.case"), saved.case), (call.say("cli.head.commit"), saved.commit)]
    call.answer(saved, facts(rows))


@group.verb("withdraw", "cli.document.withdraw")
def withdraw(
    ctx: typer.Context,
    document: Name,
    reason: Annotated[str, typer.Option("--reason", help="cli.option.reason", metavar="cli.shape.text")],
    key: inputs.Key = None,
) -> None:
    call: Call = ctx.obj
    saved = proposals.propose_withdrawal(call, document, reason, key)
    call.answer(saved, facts([(call.say("cli.receipt.case"), saved.case)]))


def _advance(verb: str) -> Any:
    """A command that takes the one step of a draft's case which does what ``verb`` means, whatever the workflow calls it."""

    def advance(
        ctx: typer.Context,
        document: Name,
        draft: Slug = None,
        field: inputs.Fields = None,
        fields: inputs.FieldsFile = None,
        evidence: inputs.Evidence = None,
        happened_at: inputs.HappenedAt = None,
        comment: inputs.Comment = None,
        key: inputs.Key = None,
    ) -> None:
        call: Call = ctx.obj
        given = inputs.fields(field, fields)
        number, step = proposals.step_that(call, document, draft, verb, given.keys())
        receipt = steps.take(call, number, step, fields=given, evidence=evidence, happened_at=happened_at, comment=comment, key=key)
        steps.answer_receipt(call, receipt)

    return advance


for _verb in proposals.VERBS:
    group.verb(_verb, f"cli.document.{_verb}")(_advance(_verb))


@group.verb("step", "cli.document.step")
def take_step(
    ctx: typer.Context,
    document: Name,
    step: Annotated[str, typer.Argument(help="cli.argument.step", metavar="cli.shape.step")],
    draft: Slug = None,
    field: inputs.Fields = None,
    fields: inputs.FieldsFile = None,
    evidence: inputs.Evidence = None,
    happened_at: inputs.HappenedAt = None,
    comment: inputs.Comment = None,
    key: inputs.Key = None,
) -> None:
    call: Call = ctx.obj
    with call.app.reading() as connection:
        number = proposals.find(call, connection, call.who(), document, draft).case_number
    given = inputs.fields(field, fields)
    receipt = steps.take(call, number, step, fields=given, evidence=evidence, happened_at=happened_at, comment=comment, key=key)
    steps.answer_receipt(call, receipt)
