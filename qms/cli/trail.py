"""Verify the trail, take a checkpoint of it out of the building, export it for an auditor."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from qms.cli import inputs, pages
from qms.cli.answers import facts
from qms.cli.call import Call
from qms.cli.common import WrongUse
from qms.desk import verification
from qms.errors import BadContent, NotPermitted, Problem, Reason
from qms.people.sight import reads_superseded
from qms.records import checkpoints, export
from qms.records.export import Choice
from qms.records.seal import read_note
from qms.records.trail import note_at_head
from qms.records.verify import Check

MARKS = {True: ("✓", "green"), False: ("✗", "bold red")}

Held = Annotated[list[Path] | None, typer.Option("--checkpoint", help="cli.option.checkpoint", metavar="cli.shape.file")]


def add_to(root: pages.Section) -> None:
    """Hang the commands of this file on the house."""
    root.verb("verify", "cli.verify")(verify)
    root.verb("checkpoint", "cli.checkpoint")(checkpoint)
    root.verb("export", "cli.export")(export_trail)


def verify(
    ctx: typer.Context,
    record: Annotated[str | None, typer.Argument(help="cli.argument.position", metavar="cli.shape.position")] = None,
    checkpoint: Held = None,
) -> None:
    call: Call = ctx.obj
    app = call.app
    held = checkpoints_in(checkpoint)
    with app.reading() as connection, call.progress(call.say("cli.verify.reading")) as advance:
        if record is None:
            checks = list(verification.everything(connection, app, held, advance))
        else:
            checks = verification.examine(connection, app, position_of(record))
    passed = all(check.passed for check in checks)
    verdict = call.say("cli.verify.passed") if passed else call.say("cli.verify.failed", sum(not check.passed for check in checks))
    lines = [Text.assemble((MARKS[check.passed][0], MARKS[check.passed][1]), f" {sentence(call, check)}") for check in checks]
    told = [{"name": check.name, "passed": check.passed, "place": check.place, "sentence": sentence(call, check)} for check in checks]
    call.answer({"passed": passed, "checks": told}, *lines, Text(verdict, style="bold"))
    raise typer.Exit(0 if passed else 1)


def checkpoint(
    ctx: typer.Context, out: Annotated[Path | None, typer.Option("--out", help="cli.option.out", metavar="cli.shape.file")] = None
) -> None:
    call: Call = ctx.obj
    app = call.app
    checkpoints.publish(app.database, app.library, app.public_key)
    with app.reading() as connection:
        note = note_at_head(connection, app.public_key)
    if out is not None:
        out.write_text(note, encoding="utf-8")
        call.tell("cli.checkpoint.written", file=str(out))
    said = read_note(note)
    call.answer({"origin": said.origin, "size": said.size, "root": said.root, "note": note}, Text(note.rstrip("\n")))


def export_trail(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="cli.argument.file", metavar="cli.shape.file")],
    case: Annotated[str | None, typer.Option("--case", help="cli.option.only_case", metavar="cli.shape.number")] = None,
    first: Annotated[int, typer.Option("--first", help="cli.option.first", metavar="N", min=1)] = 1,
    last: Annotated[int | None, typer.Option("--last", help="cli.option.last", metavar="N", min=1)] = None,
    without_evidence: Annotated[bool, typer.Option("--without-evidence", help="cli.option.without_evidence")] = False,
    checkpoint: Held = None,
) -> None:
    call: Call = ctx.obj
    app, by = call.app, call.who()
    if not reads_superseded(by):
        raise NotPermitted([Reason("ROLE:QM,LEAD_AUDITOR")])
    held = list(checkpoints_in(checkpoint).values())
    if last is not None and last < first:
        raise WrongUse("cli.use.first_after_last", first=str(first), last=str(last))
    beside = file.with_name(f".{file.name}.part")
    try:
        with app.reading() as connection, beside.open("wb") as target, call.progress(call.say("cli.export.writing")) as advance:
            count = export.write(
                connection,
                target,
                public_key=app.public_key,
                evidence_folder=app.settings.evidence,
                library=app.library,
                choice=Choice(case, first, last),
                with_evidence=not without_evidence,
                held=held,
                progress=advance,
            )
        beside.replace(file)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(file)) from error
    finally:
        beside.unlink(missing_ok=True)
    rows = [(call.say("cli.head.file"), str(file)), (call.say("cli.head.records"), str(count))]
    call.answer({"file": file, "records": count}, facts(rows), Text(call.say("cli.export.how")))


def checkpoints_in(paths: list[Path] | None) -> dict[str, str]:
    """The checkpoints that the caller holds, by file. Raises BadContent: a wrong file must not look like a rewritten trail."""
    held = {str(path): inputs.text(path) for path in paths or ()}
    problems = []
    for path, text in held.items():
        try:
            read_note(text)
        except ValueError:
            problems.append(Problem(path, 0, "checkpoint.malformed"))
    if problems:
        raise BadContent(problems)
    return held


def position_of(record: str) -> int:
    """``1042`` or ``#1042`` as a number. Raises WrongUse."""
    digits = record.removeprefix("#")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 18:
        raise WrongUse("cli.use.position", value=record)
    return int(digits)


def sentence(call: Call, check: Check) -> str:
    """A check in the reader's language: what holds, or where it does not."""
    return call.say(f"check.{check.name}" if check.passed else f"check.{check.name}.failed", **{"place": check.place, **check.values})
