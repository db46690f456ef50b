"""``qms workflow``: which definitions are in force, what they look like elsewhere, and open cases moved to a new one."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from qms.cli import pages
from qms.cli.answers import table
from qms.cli.call import Call
from qms.cli.common import WrongUse
from qms.cli.mistakes import reason_as_json
from qms.errors import NotFound, Refused
from qms.locale import sentence
from qms.workflows import case, diagram, exports, migration, schema
from qms.workflows.definition import Definition
from qms.workflows.migration import Plan

FORMATS = ("svg", "mermaid", "bpmn")

group = pages.section("cli.workflow")
Flow = Annotated[str, typer.Argument(help="cli.argument.workflow", metavar="cli.shape.workflow")]


@group.verb("list", "cli.workflow.list")
def show_all(ctx: typer.Context) -> None:
    call: Call = ctx.obj
    app, _ = call.app, call.who()
    with app.reading() as connection:
        found = [one.definition for one in app.engine.definitions.all_in_force(connection)]
        behind = {one.id: len(migration.behind(connection, app.engine, one.id)) for one in found}
    rows = [(one.id, one.title[call.language], one.governed_by, one.digest[:12], str(behind[one.id] or "")) for one in found]
    heads = [call.say(f"cli.head.{name}") for name in ("id", "title", "procedure", "digest", "behind")]
    told = [
        {"id": one.id, "title": one.title, "governed_by": one.governed_by, "digest": one.digest, "behind": behind[one.id]} for one in found
    ]
    call.answer({"workflows": told}, table(heads, rows))


@group.verb("export", "cli.workflow.export")
def export(
    ctx: typer.Context,
    workflow: Flow,
    kind: Annotated[str, typer.Option("--format", help="cli.option.flow_format", metavar="|".join(FORMATS))] = "svg",
    file: Annotated[Path | None, typer.Option("--file", help="cli.option.flow_file", metavar="cli.shape.file")] = None,
) -> None:
    call: Call = ctx.obj
    app, _ = call.app, call.who()
    if kind not in FORMATS:
        raise WrongUse("cli.use.flow_format", value=kind, known=", ".join(FORMATS))
    with app.reading() as connection:
        definition = case.definition_of(connection, app.engine, workflow)
    text = _written(definition, app.engine.profile, call.language, kind)
    if file is None:
        call.answer({"workflow": workflow, "format": kind, "text": text}, Text(text))
        return
    if file.exists():
        raise WrongUse("cli.use.file_exists", file=str(file))
    file.write_text(text, encoding="utf-8")
    call.answer({"workflow": workflow, "format": kind, "file": str(file)}, call.say("cli.workflow.written", file=str(file)))


def _written(definition: Definition, profile: str, language: str, kind: str) -> str:
    if kind == "bpmn":
        return exports.bpmn(definition, profile, language).decode()
    if kind == "mermaid":
        return exports.mermaid(definition, profile, language)
    return diagram.draw(definition, profile, language)


@group.verb("schema", "cli.workflow.schema")
def show_schema(ctx: typer.Context) -> None:
    call: Call = ctx.obj
    found = schema.schema()
    call.answer(found, Text(json.dumps(found, ensure_ascii=False, indent=1)))


@group.verb("migrate", "cli.workflow.migrate")
def migrate(
    ctx: typer.Context,
    workflow: Flow,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="cli.option.migrate_dry_run")] = False,
) -> None:
    """Every open case that is behind, each in a transaction of its own; one that cannot be moved does not keep the others."""
    call: Call = ctx.obj
    app, by = call.app, call.who()
    plans: list[Plan] = []
    refused: dict[str, Refused] = {}
    after = ""
    with call.progress(call.say("cli.workflow.migrating")) as advance:
        while numbers := _behind(call, workflow, after):
            after = numbers[-1]
            for number in numbers:
                try:
                    with app.reading() as connection:
                        found = migration.plan(connection, app.engine, number, by)
                    if not dry_run:
                        with app.writing() as tx:
                            migration.migrate(tx, app.engine, number, by, key=f"migrate:{number}:{found.new}")
                except NotFound:
                    continue
                except Refused as error:
                    refused[number] = error
                plans.append(found)
                advance(len(plans))
    _answer(call, plans, refused, dry_run)
    raise typer.Exit(1 if refused else 0)


def _behind(call: Call, workflow: str, after: str) -> list[str]:
    with call.app.reading() as connection:
        return migration.behind(connection, call.app.engine, workflow, after)


def _answer(call: Call, plans: list[Plan], refused: dict[str, Refused], dry_run: bool) -> None:
    told, rows = [], []
    for one in plans:
        obstacles = refused[one.number].reasons if one.number in refused else one.obstacles
        reasons = [reason_as_json(call.language, reason) for reason in obstacles]
        told.append({**vars(one), "obstacles": reasons, "moved": not dry_run and not obstacles})
        changes = [*(f"- {name}" for name in (*one.fields_gone, *one.timers_gone)), *(f"+ {name}" for name in one.timers_new)]
        words = [sentence(call.language, reason) for reason in obstacles] or changes or ["="]
        rows.append((one.number, one.title, ", ".join(words)))
    heads = [call.say(f"cli.head.{name}") for name in ("number", "title", "changes")]
    done = len(plans) - len(refused)
    tail = call.say("cli.workflow.would_move" if dry_run else "cli.workflow.moved", done=str(done), all=str(len(plans)))
    call.answer({"dry_run": dry_run, "cases": told}, *([table(heads, rows)] if rows else []), tail)
