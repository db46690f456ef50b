"""``qms workflow``: which definitions are in force, what they look like elsewhere, and open cases moved to a new one."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from qms.app import EFFECTS
from qms.cli import inputs, pages
from qms.cli.answers import table
from qms.cli.call import Call
from qms.cli.common import WrongUse
from qms.cli.mistakes import reason_as_json
from qms.errors import NotFound, NotPermitted, Refused
from qms.locale import sentence
from qms.workflows import case, diagram, migration, schema
from qms.workflows.bpmn import bpmn
from qms.workflows.check import IDENTIFIERS
from qms.workflows.definition import PROFILES, Definition
from qms.workflows.migration import Plan
from qms.workflows.paths import paths
from qms.workflows.reading import read_definition
from qms.workflows.reading_steps import OPEN_CASE

FORMATS = ("svg", "mermaid", "bpmn")
ENDINGS = (".yaml", ".yml")

group = pages.section("cli.workflow")
Flow = Annotated[str, typer.Argument(help="cli.argument.workflow", metavar="cli.shape.workflow")]
ToFile = Annotated[Path | None, typer.Option("--file", help="cli.option.flow_file", metavar="cli.shape.file")]


@group.verb("list", "cli.workflow.list")
def show_all(ctx: typer.Context) -> None:
    call: Call = ctx.obj
    app, by = call.app, call.who()
    with app.reading() as connection:
        found = [one.definition for one in app.engine.definitions.all_in_force(connection)]
        behind = {one.id: migration.count(connection, app.engine, one.id, by) for one in found}
    rows = [(one.id, one.title[call.language], one.governed_by, one.digest[:12], str(behind[one.id] or "")) for one in found]
    heads = [call.say(f"cli.head.{name}") for name in ("id", "title", "procedure", "digest", "behind")]
    told = [
        {"id": one.id, "title": one.title, "governed_by": one.governed_by, "digest": one.digest, "behind": behind[one.id]} for one in found
    ]
    call.answer({"workflows": told}, table(heads, rows))


@group.verb("paths", "cli.workflow.paths")
def show_paths(
    ctx: typer.Context, workflow: Annotated[str, typer.Argument(help="cli.argument.workflow", metavar="cli.shape.workflow")] = ""
) -> None:
    call: Call = ctx.obj
    app, _ = call.app, call.who()
    with app.reading() as connection:
        found = [one.definition for one in app.engine.definitions.all_in_force(connection) if workflow in ("", one.definition.id)]
    if not found:
        raise NotFound("workflow", workflow[:80])
    names = ("workflow", "profile", "end", "acts", "fields", "files")
    rows = [
        (one.id, profile, path.end.title[call.language], path.acts, path.fields, path.files)
        for one in found
        for profile in PROFILES
        for path in paths(one, profile)
    ]
    shown = table([call.say(f"cli.head.{name}") for name in names], [tuple(map(str, row)) for row in rows])
    call.answer({"paths": [dict(zip(names, row, strict=True)) for row in rows]}, shown)


@group.verb("export", "cli.workflow.export")
def export(
    ctx: typer.Context,
    workflow: Annotated[str, typer.Argument(help="cli.argument.workflow_or_file", metavar="cli.shape.workflow")],
    kind: Annotated[str, typer.Option("--format", help="cli.option.flow_format", metavar="|".join(FORMATS))] = "svg",
    file: ToFile = None,
) -> None:
    call: Call = ctx.obj
    if kind not in FORMATS:
        raise WrongUse("cli.use.flow_format", value=kind, known=", ".join(FORMATS))
    if workflow.endswith(ENDINGS):
        definition = read_definition(inputs.content(Path(workflow)), workflow, IDENTIFIERS)
        profile = call.app.settings.profile if call.common.workspace else PROFILES[0]
    else:
        app, _ = call.app, call.who()
        profile = app.engine.profile
        with app.reading() as connection:
            definition = case.definition_of(connection, app.engine, workflow)
    give(call, {"workflow": definition.id, "format": kind}, _written(definition, profile, call.language, kind), file)


def give(call: Call, told: dict[str, Any], text: str, file: Path | None) -> None:
    """Answer with a text for other programs: in ``file``, which must be new, or on the screen, not a sign changed."""
    if file is not None:
        try:
            with file.open("x", encoding="utf-8") as new:
                new.write(text)
        except FileExistsError as error:
            raise WrongUse("cli.use.file_exists", file=str(file)) from error
        call.answer({**told, "file": str(file)}, call.say("cli.workflow.written", file=str(file)))
    elif call.json:
        call.answer({**told, "text": text})
    else:
        call.write(text)


def _written(definition: Definition, profile: str, language: str, kind: str) -> str:
    if kind == "bpmn":
        return bpmn(definition, profile, language).decode()
    if kind == "mermaid":
        return diagram.mermaid(definition, profile, language)
    return diagram.draw(definition, profile, language) + "\n"


@group.verb("schema", "cli.workflow.schema")
def show_schema(ctx: typer.Context, file: ToFile = None) -> None:
    call: Call = ctx.obj
    found = schema.schema(EFFECTS)
    if call.json and file is None:
        call.answer(found)
    else:
        give(call, {}, json.dumps(found, ensure_ascii=False, indent=1) + "\n", file)


@group.verb("effects", "cli.workflow.effects")
def show_effects(ctx: typer.Context) -> None:
    """What a step may bring about beside moving its case: names to put under ``effects``."""
    call: Call = ctx.obj
    every = {OPEN_CASE: {"workflow": "", "link": "", "fields": ""}, **EFFECTS}
    told = [{"effect": name, "arguments": dict(taken), "does": call.say(f"cli.effect.{name}")} for name, taken in every.items()]
    rows = [
        (name, ", ".join(f"{one}: {kind}" if kind else one for one, kind in taken.items()), call.say(f"cli.effect.{name}"))
        for name, taken in every.items()
    ]
    call.answer({"effects": told}, table([call.say(f"cli.head.{name}") for name in ("effect", "arguments", "does")], rows))


@group.verb("migrate", "cli.workflow.migrate")
def migrate(
    ctx: typer.Context,
    workflow: Flow,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="cli.option.migrate_dry_run")] = False,
    reason: Annotated[str | None, typer.Option("--reason", help="cli.option.migrate_reason", metavar="cli.shape.text")] = None,
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
                            own_key = f"migrate:{number}:{found.version}:{found.new}"
                            migration.migrate(tx, app.engine, number, by, key=own_key, reason=reason)
                except NotFound:
                    continue
                except Refused as error:
                    refused[number] = error
                    if isinstance(error, NotPermitted):
                        call.record_attempt("qms workflow migrate", error)
                plans.append(found)
                advance(len(plans))
    stays = _answer(call, plans, refused, dry_run)
    raise typer.Exit(1 if stays else 0)


def _behind(call: Call, workflow: str, after: str) -> list[str]:
    with call.app.reading() as connection:
        return migration.behind(connection, call.app.engine, workflow, after)


def _answer(call: Call, plans: list[Plan], refused: dict[str, Refused], dry_run: bool) -> int:
    """Say it; returns how many cases stay where they are."""
    told, rows, stays = [], [], 0
    for one in plans:
        obstacles = refused[one.number].reasons if one.number in refused else one.obstacles
        reasons = [reason_as_json(call.language, reason) for reason in obstacles]
        stays += bool(reasons)
        told.append({**vars(one), "obstacles": reasons, "moved": not dry_run and not obstacles})
        changes = [
            *(f"- {name}" for name in (*one.fields_gone, *one.timers_gone)),
            *(f"+ {name}" for name in one.timers_new),
            *(f"~ {name}" for name in one.timers_changed),
        ]
        words = [sentence(call.language, reason) for reason in obstacles] or changes or ["="]
        rows.append((one.number, one.title, ", ".join(words)))
    heads = [call.say(f"cli.head.{name}") for name in ("number", "title", "changes")]
    tail = call.say("cli.workflow.would_move" if dry_run else "cli.workflow.moved", done=str(len(plans) - stays), all=str(len(plans)))
    call.answer({"dry_run": dry_run, "cases": told}, *([table(heads, rows)] if rows else []), tail)
    return stays
