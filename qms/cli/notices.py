"""``qms import notice``: a public notice in, field by field; a case opened, or the case found that it belongs to."""

from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any

import typer
from babel.numbers import format_currency
from rich.console import RenderableType
from rich.text import Text

from qms.cli import pages
from qms.cli.answers import facts, table
from qms.cli.call import Call
from qms.database import moment
from qms.desk import notices
from qms.desk.notices import Taken
from qms.errors import NotFound
from qms.formats import notice as reader
from qms.formats import words
from qms.formats.facts import Notice, NoticeFile
from qms.records import evidence

AMOUNTS = frozenset({"value", "base_amount", "safety_cost"})
UNSHOWN = frozenset({"kind", "currency"})
"""What the heading or another line already says."""

group = pages.section("cli.import")


@group.callback()
def start() -> None:
    """Keeps the group a group while it has one command."""


@group.verb("notice", "cli.import.notice")
def notice(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="cli.argument.file", metavar="cli.shape.file")],
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="cli.option.dry_run")] = False,
    choose: Annotated[list[int] | None, typer.Option("--choose", help="cli.option.choose", metavar="N", min=1)] = None,
) -> None:
    call: Call = ctx.obj
    try:
        content = file.read_bytes()
    except OSError as error:
        raise NotFound("file", str(file)) from error
    found = reader.read(content, file.name)
    taken = None if dry_run else take_in(call, found, content, choose)
    told = {
        "format": found.format,
        "sha256": found.sha256,
        "dry_run": dry_run,
        "taken": None if taken is None else [asdict(one) for one in taken],
        "records": [record_as_json(call, place, one) for place, one in enumerate(found.records, 1)],
        "skipped": [{"record": one.record, "code": one.code, "sentence": call.say(f"problem.{one.code}")} for one in found.skipped],
    }
    call.answer(told, *(shown_taken(call, taken) if taken is not None else shown_file(call, found)))


def take_in(call: Call, found: NoticeFile, content: bytes, choose: Sequence[int] | None) -> list[Taken]:
    """Open, link or keep what was chosen; the file itself is kept as evidence first."""
    app, by = call.app, call.who()
    chosen = [place - 1 for place in choose] if choose else None
    stored = evidence.store(app.settings.evidence, BytesIO(content), found.name, app.settings.max_evidence_bytes)
    if chosen is None and len(found.records) > 1:
        call.tell("cli.notice.choose")
    with app.writing() as tx:
        return notices.take_in(tx, app.engine, found, stored, by, chosen, call.language)


def record_as_json(call: Call, place: int, one: Notice) -> dict[str, Any]:
    doubts = [
        {"code": doubt.code, "field": doubt.field, "found": doubt.found, "sentence": words.of_doubt(call.language, doubt)}
        for doubt in one.doubts
    ]
    read = reader.to_json(one)
    return {"number": place, "facts": reader.facts(one), **(read if isinstance(read, dict) else {}), "doubts": doubts}


def shown_taken(call: Call, taken: Sequence[Taken]) -> list[RenderableType]:
    heads = [call.say(f"cli.head.{name}") for name in ("notice", "title", "fate", "number")]
    rows = [
        (one.record, one.title or "–", call.say(f"cli.notice.{one.status}" if one.is_new else "cli.notice.known"), one.case or "–")
        for one in taken
    ]
    return [table(heads, rows)]


def shown_file(call: Call, found: NoticeFile) -> list[RenderableType]:
    """What was read, one notice after the other, with what is doubtful."""
    shown: list[RenderableType] = []
    for place, one in enumerate(found.records, 1):
        title = call.say("cli.notice.head", number=place, of=len(found.records), kind=call.say(f"formats.kind.{one.kind}"))
        read = reader.facts(one)
        currency = str(read.get("currency") or "")
        said = [(name, _value(call, name, value, currency)) for name, value in read.items() if name not in UNSHOWN]
        rows = [(words.of_field(call.language, name), value) for name, value in said]
        shown += [Text(title, style="bold"), facts(rows)]
        shown += [Text(f"  ? {words.of_doubt(call.language, doubt)}") for doubt in one.doubts]
        shown.append(Text(""))
    return shown + [Text(f"{one.record}: {call.say(f'problem.{one.code}')}") for one in found.skipped]


def _value(call: Call, name: str, value: Any, currency: str) -> str:
    """A fact as a person reads it: the hour of the office, not UTC, and an amount with its currency."""
    if isinstance(value, list):
        lines = (" · ".join(_value(call, *cell, currency) for cell in row.items()) if isinstance(row, dict) else str(row) for row in value)
        return "\n".join(lines)
    if value and name.endswith("_at"):
        return call.shown(moment(value))
    if value and name == "published_on":
        return call.day(value)
    if value and name in AMOUNTS and currency:
        return format_currency(Decimal(value), currency, locale=call.language)
    return call.shown(value)
