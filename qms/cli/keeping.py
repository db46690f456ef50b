"""Keep a workspace: back it up, restore it, bring it to this release, look whether it is well."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from qms import app as assembly
from qms import migrations, settings
from qms.app import App
from qms.cli import pages
from qms.cli.answers import facts
from qms.cli.call import Call
from qms.cli.trail import MARKS
from qms.desk import doctor as examination
from qms.desk import keeping, upgrade
from qms.desk.keeping import Kept
from qms.errors import NotFound

File = Annotated[Path, typer.Argument(help="cli.argument.backup", metavar="cli.shape.file")]


def add_to(root: pages.Section) -> None:
    """Hang the commands of this file on the house."""
    root.verb("backup", "cli.backup")(backup)
    root.verb("restore", "cli.restore")(restore)
    root.verb("upgrade", "cli.upgrade")(upgrade_workspace)
    root.verb("doctor", "cli.doctor")(doctor)


def backup(ctx: typer.Context, file: File) -> None:
    call: Call = ctx.obj
    with call.progress(call.say("cli.backup.writing")) as advance:
        made = keeping.backup(call.app, file, advance)
    call.answer(_told(made, file), _table(call, made, file), Text(call.say("cli.backup.done")))


def restore(
    ctx: typer.Context,
    file: File,
    folder: Annotated[Path, typer.Argument(help="cli.argument.folder", metavar="cli.shape.folder")],
    database: Annotated[str | None, typer.Option("--database", help="cli.option.database", metavar="URL")] = None,
) -> None:
    call: Call = ctx.obj
    with call.progress(call.say("cli.restore.reading")) as advance:
        found, checks = keeping.restore(file, folder, lambda root: App(settings.load(root), call.clock), database, advance)
    told = {**_told(found, file), "workspace": str(folder.resolve()), "checks": len(checks)}
    call.answer(told, _table(call, found, file), Text(call.say("cli.restore.done", len(checks), folder=str(folder))))


def upgrade_workspace(
    ctx: typer.Context, backup: Annotated[Path | None, typer.Option("--backup", help="cli.option.backup", metavar="cli.shape.file")] = None
) -> None:
    call: Call = ctx.obj
    app = _unopened(call)
    try:
        with call.progress(call.say("cli.backup.writing")) as advance:
            done = upgrade.upgrade(app, backup, advance)
    finally:
        app.close()
    told = {"from": done.before, "to": migrations.newest(), "backup": done.backup}
    if done.backup is None:
        call.answer(told, Text(call.say("cli.upgrade.nothing", step=migrations.newest())))
    else:
        call.answer(told, Text(call.say("cli.upgrade.done", before=done.before, after=migrations.newest(), file=str(done.backup))))


def doctor(ctx: typer.Context) -> None:
    call: Call = ctx.obj
    app = _unopened(call)
    try:
        findings = list(examination.examine(app))
    finally:
        app.close()
    holds = all(finding.holds for finding in findings)
    said = [call.say(f"doctor.{one.name}" if one.holds else f"doctor.{one.name}.failed", **_shown(call, one.values)) for one in findings]
    lines = [
        Text.assemble((MARKS[one.holds][0], MARKS[one.holds][1]), f" {sentence}") for one, sentence in zip(findings, said, strict=True)
    ]
    verdict = call.say("cli.doctor.well") if holds else call.say("cli.doctor.unwell", sum(not one.holds for one in findings))
    told = [{"name": one.name, "holds": one.holds, "sentence": sentence} for one, sentence in zip(findings, said, strict=True)]
    call.answer({"holds": holds, "findings": told}, *lines, Text(verdict, style="bold"))
    raise typer.Exit(0 if holds else 1)


def _unopened(call: Call) -> App:
    """The workspace without the question whether it is of this release. Raises NotFound."""
    if call.workspace is None:
        raise NotFound("workspace", str(Path.cwd()))
    return assembly.App(settings.load(call.workspace), call.clock)


def _told(made: Kept, file: Path) -> dict[str, Any]:
    return {"file": file, "made_at": made.made_at, "records": made.size, "root": made.root, "bytes": made.bytes}


def _table(call: Call, made: Kept, file: Path) -> Any:
    named = {"file": str(file), "made_at": call.shown(made.made_at), "records": str(made.size), "bytes": f"{made.bytes / 1_000_000:.1f} MB"}
    return facts([(call.say(f"cli.head.{name}"), value) for name, value in named.items()])


def _shown(call: Call, values: dict[str, object]) -> dict[str, Any]:
    return {name: value if isinstance(value, (str, int)) else call.shown(value) for name, value in values.items()}
