"""``qms case steps``: many steps from one table saved as CSV, looked at first."""

from pathlib import Path
from typing import IO, Annotated, Any

import typer

from qms.cli import cases
from qms.cli.answers import table
from qms.cli.call import Call
from qms.cli.mistakes import reason_as_json
from qms.desk import batch
from qms.desk.batch import Batch, House, Outcome
from qms.errors import NotFound, NotPermitted
from qms.formats import rows

group = cases.group
"""All of ``qms case``, this command among the others."""
ATTEMPT = "qms case steps"


@group.verb("steps", "cli.case.steps")
def take_steps(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="cli.argument.steps_file", metavar="cli.shape.csv")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="cli.option.steps_dry_run")] = False,
) -> None:
    call: Call = ctx.obj
    app, by = call.app, call.who()
    asked = batch.read(_content(file), file.name, call.language)
    house = House(app.database, app.settings, app.engine, by, lambda name: _beside(file, name))
    found = batch.rehearse(house, asked) if dry_run else _taken(call, house, asked)
    _answer(call, found, dry_run)
    raise typer.Exit(1 if any(one.refused for one in found) else 0)


def _taken(call: Call, house: House, asked: Batch) -> list[Outcome]:
    found = []
    with call.progress(call.say("cli.case.steps.taking")) as advance:
        for one in batch.take(house, asked):
            found.append(one)
            if isinstance(one.refused, NotPermitted):
                call.record_attempt(ATTEMPT, one.refused)
            advance(len(found), len(asked.lines))
    return found


def _answer(call: Call, found: list[Outcome], dry_run: bool) -> None:
    told: list[dict[str, Any]] = []
    lines = []
    for one in found:
        reasons = [reason_as_json(call.language, reason) for reason in (one.refused.reasons if one.refused else ())]
        receipt = one.receipt if not dry_run or one.word == "repeated" else None
        told.append(
            {
                "line": one.line.line, "number": one.line.number, "step": one.line.step, "outcome": one.word,
                "state": one.receipt.state if one.receipt else None, "position": receipt.position if receipt else None, "reasons": reasons,
            }
        )  # fmt: skip
        word = "would" if dry_run and one.word == "taken" else one.word
        said = call.say(f"cli.case.steps.{word}", state=one.state[call.language] if one.state else "–")
        why = [f"  • {item['sentence']}  [{item['code']}]" for item in reasons]
        lines.append((str(one.line.line), one.line.number, one.line.step, "\n".join([said, *why])))
    words = [one.word for one in found]
    counts = {word: words.count(word) for word in ("taken", "repeated", "refused")}
    heads = [call.say(f"cli.head.{name}") for name in ("line", "number", "step", "outcome")]
    tail = call.say(f"cli.case.steps.{'all_would' if dry_run else 'all'}", None, **counts)
    call.answer({"dry_run": dry_run, **counts, "rows": told}, table(heads, lines), tail)


def _content(file: Path) -> bytes:
    """The file, or as much of it as shows that it is too large. Raises NotFound when it cannot be read."""
    try:
        with file.open("rb") as content:
            return content.read(rows.LARGEST + 1)
    except OSError as error:
        raise NotFound("file", str(file)) from error


def _beside(file: Path, name: str) -> IO[bytes]:
    """A file in the folder of the table or below it. Whoever wrote the table must not reach the other files of whoever sends it.

    Raises NotFound for anything else.
    """
    folder = file.resolve().parent
    path = (folder / name).resolve()
    if not path.is_relative_to(folder) or not path.is_file():
        raise NotFound("file", name)
    return path.open("rb")
