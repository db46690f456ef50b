"""What a person hands to an act on the command line: fields as ``name=value``, evidence as ``SLOT=path``, the moment it happened."""

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from qms.cli.call import Call
from qms.cli.common import WrongUse
from qms.errors import Incomplete, NotFound, Reason
from qms.formats import moments
from qms.formats.values import BadValue
from qms.records import evidence
from qms.records.evidence import Attachment
from qms.workflows.fields import nested

Fields = Annotated[list[str] | None, typer.Option("--field", "-f", help="cli.option.field", metavar="cli.shape.field")]
FieldsFile = Annotated[Path | None, typer.Option("--fields", help="cli.option.fields", metavar="cli.shape.file")]
Evidence = Annotated[list[str] | None, typer.Option("--evidence", "-e", help="cli.option.evidence", metavar="cli.shape.evidence")]
HappenedAt = Annotated[str | None, typer.Option("--happened-at", help="cli.option.happened_at", metavar="cli.shape.moment")]
Comment = Annotated[str | None, typer.Option("--comment", help="cli.option.comment", metavar="cli.shape.text")]
Key = Annotated[str | None, typer.Option("--key", help="cli.option.key", metavar="cli.shape.text")]
Limit = Annotated[int, typer.Option("--limit", help="cli.option.limit", metavar="N", min=1, max=500)]


def pairs(words: Sequence[str] | None, option: str, otherwise: str = "cli.use.pair") -> list[tuple[str, str]]:
    """``name=value`` taken apart. Raises WrongUse, with the sentence ``otherwise``, for a word without its equals sign."""
    found = []
    for word in words or ():
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise WrongUse(otherwise, option=option, value=word)
        found.append((name, value))
    return found


def fields(words: Sequence[str] | None, file: Path | None) -> dict[str, Any]:
    """The fields of a form: those of the JSON file (``-`` is standard input), then each ``name=value``, which wins.

    ``name=@path`` takes the text of a file, ``lots.0.cig=…`` is a cell of a table, a name said twice a list.
    Raises WrongUse when the file is not a JSON object.
    """
    found: dict[str, Any] = {}
    if file is not None:
        try:
            found = json.loads(text(file), parse_float=str)
        except ValueError as error:
            raise WrongUse("cli.use.json", file=str(file), detail=str(error)) from error
        if not isinstance(found, dict):
            raise WrongUse("cli.use.json", file=str(file), detail="{}")
    typed = ((name, text(Path(value[1:])) if value.startswith("@") else value) for name, value in pairs(words, "--field"))
    return {**found, **nested(typed)}


def attachments(call: Call, words: Sequence[str] | None) -> list[Attachment]:
    """Put each ``SLOT=path`` durably into the workspace's store of evidence, before the act that names it. Raises Incomplete, NotFound."""
    settings = call.app.settings
    found = []
    for slot, name in pairs(words, "--evidence"):
        try:
            with Path(name).open("rb") as content:
                stored = evidence.store(settings.evidence, content, name, settings.max_evidence_bytes)
        except OSError as error:
            raise NotFound("file", name) from error
        found.append(evidence.attach(slot, stored))
    return found


def moment(call: Call, written: str | None) -> datetime | None:
    """When it happened, as typed. Raises Incomplete when it is no moment, or one that the clock never showed."""
    if written is None:
        return None
    try:
        return moments.parse(written, call.app.settings.timezone).at
    except BadValue as error:
        raise Incomplete([Reason("FIELD_INVALID:happened_at", "happened_at", {"why": error.code, **error.values})]) from error


def text(path: Path) -> str:
    """The text of a file that the person named; ``-`` is standard input. Raises NotFound when it cannot be read."""
    if str(path) == "-":
        return sys.stdin.read()
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotFound("file", str(path)) from error


def content(path: Path) -> bytes:
    """The bytes of a file that the person named. Raises NotFound when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound("file", str(path)) from error
