"""``qms workflow new`` and ``import``: a definition begun from a few answers, or from a process that somebody drew."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text as Line

from qms.cli import inputs, workflows
from qms.cli.call import Call
from qms.cli.common import WrongUse
from qms.cli.mistakes import problem_as_json, problem_line
from qms.cli.workflows import ToFile, give
from qms.formats.bpmn import read_bpmn
from qms.locale import sentence
from qms.workflows import drafting, yaml_file
from qms.workflows.drafting import Answers, House
from qms.workflows.from_bpmn import draft_of

group = workflows.group
"""All of ``qms workflow``, these commands among the others."""
QUESTIONS = {
    "id": "--id", "title": "--title-it, --title-en", "prefix": "--prefix", "owner": "--owner", "procedure": "--procedure",
    "states": "--state",
}  # fmt: skip
"""What is asked, in this order, with the options that answer it beforehand."""


@group.verb("new", "cli.workflow.new")
def new(
    ctx: typer.Context,
    id: Annotated[str, typer.Option("--id", help="cli.option.flow_id", metavar="cli.shape.name")] = "",
    title_it: Annotated[str, typer.Option("--title-it", help="cli.option.flow_title_it", metavar="cli.shape.text")] = "",
    title_en: Annotated[str, typer.Option("--title-en", help="cli.option.flow_title_en", metavar="cli.shape.text")] = "",
    prefix: Annotated[str, typer.Option("--prefix", help="cli.option.flow_prefix", metavar="ABC")] = "",
    owner: Annotated[str, typer.Option("--owner", help="cli.option.flow_owner", metavar="cli.shape.role")] = "",
    procedure: Annotated[str, typer.Option("--procedure", help="cli.option.flow_procedure", metavar="cli.shape.name")] = "",
    state: Annotated[list[str] | None, typer.Option("--state", help="cli.option.flow_state", metavar="cli.shape.two_titles")] = None,
    file: ToFile = None,
) -> None:
    call: Call = ctx.obj
    titles = {"it": title_it, "en": title_en} if title_it or title_en else {}
    states = tuple({"it": italian, "en": english} for italian, english in inputs.pairs(state, "--state", "cli.use.two_titles"))
    given = Answers(id, titles, prefix, owner, procedure, states)
    house = _house(call)
    missing = [question for question in QUESTIONS if not getattr(given, question)]
    if missing and not sys.stdin.isatty():
        raise WrongUse("cli.use.missing", option=", ".join(QUESTIONS[name] for name in missing), command="qms workflow new")
    for question in missing:
        given = _asked(call, given, question, house)
    draft = drafting.drafted(given, house)
    give(call, {"workflow": draft.id}, drafting.write(draft, call.language), file)


def _house(call: Call) -> House:
    """What the workspace knows, when there is one."""
    if not call.common.workspace:
        return House()
    with call.app.reading() as connection:
        found = [one.definition for one in call.app.engine.definitions.all_in_force(connection)]
    return House(frozenset(call.app.hats.roles), [one.id for one in found], [one.prefix for one in found])


def _asked(call: Call, given: Answers, question: str, house: House) -> Answers:
    """``given`` with the answer to one question, asked again until it will do."""
    while True:
        match question:
            case "title":
                found = replace(given, title={"it": _line(call, "title_it"), "en": _line(call, "title_en")})
            case "states":
                found = replace(given, states=_states(call))
            case _:
                found = Answers(**{**vars(given), question: _line(call, question)})
        wrong = [reason for reason in drafting.objections(found, house) if reason.place == question]
        if not wrong:
            return found
        for reason in wrong:
            call.err.print(Line(f"  • {sentence(call.language, reason)}"))


def _states(call: Call) -> tuple[dict[str, str], ...]:
    """Italian and English titles, state after state; an empty line ends them."""
    call.tell("cli.ask.flow_states")
    found: list[dict[str, str]] = []
    while italian := _line(call, "state_it", number=len(found) + 1):
        found.append({"it": italian, "en": _line(call, "state_en")})
    return tuple(found)


def _line(call: Call, question: str, **values: Any) -> str:
    call.err.print(Line(call.say(f"cli.ask.flow_{question}", **values) + " "), end="")
    typed = sys.stdin.readline()
    if not typed:
        raise typer.Abort()
    return typed.strip()


@group.verb("import", "cli.workflow.import")
def import_drawing(
    ctx: typer.Context,
    source: Annotated[Path, typer.Argument(help="cli.argument.bpmn", metavar="cli.shape.file")],
    file: ToFile = None,
) -> None:
    call: Call = ctx.obj
    draft, left_out = draft_of(read_bpmn(inputs.content(source), source.name), source.name)
    text = drafting.write(draft, call.language, [sentence(call.language, problem) for problem in left_out])
    yaml_file.read(text.encode(), source.name)
    if not call.json:
        for problem in left_out:
            call.err.print(Line(problem_line(call.language, problem)))
    told = {"workflow": draft.id, "left_out": [problem_as_json(call.language, problem) for problem in left_out]}
    give(call, told, text, file)
