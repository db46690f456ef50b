"""``qms check``: every mistake in documents, workflows and record forms, as ``file:line: sentence``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from qms.cli import pages
from qms.cli.call import Call
from qms.cli.common import WrongUse
from qms.cli.mistakes import problem_as_json, problem_line
from qms.desk import contents
from qms.desk.contents import Judgement
from qms.errors import NotFound, Problem
from qms.library import MAIN
from qms.people import directory
from qms.procedures import control
from qms.workflows.check import Circumstances

MANY = 100_000
FOLDERS = ("procedures", "workflows", "records")


def add_to(root: pages.Section) -> None:
    """Hang the command of this file on the house."""
    root.verb("check", "cli.check")(check)


def check(
    ctx: typer.Context,
    paths: Annotated[list[Path] | None, typer.Argument(help="cli.argument.paths", metavar="cli.shape.paths")] = None,
) -> None:
    call: Call = ctx.obj
    with call.progress(call.say("cli.check.reading")) as advance:
        if paths:
            places = gathered(paths)
            if not places:
                raise WrongUse("cli.use.nothing_to_check", paths=", ".join(map(str, paths)))
            sources = {name: path.read_bytes() for name, path in places.items()}
            known = Circumstances(roles=frozenset(call.app.hats.roles)) if call.common.workspace else None
            profile = call.app.settings.profile if call.common.workspace else "small"
            found = contents.judge(sources, profile, known, advance, whole=is_whole(paths))
            where = {name: str(path) for name, path in places.items()}
        else:
            found = contents.judge(of_library(call), call.app.settings.profile, circumstances(call), advance, whole=True)
            where = {}
    answer(call, found, where)
    raise typer.Exit(0 if found.holds else 1)


def answer(call: Call, found: Judgement, where: dict[str, str]) -> None:
    """Name the mistakes where the reader keeps the files, then what waits, then the count."""
    kinds = {"problems": found.problems, "staffing": found.staffing, "waiting": found.waiting}
    listed = {name: [placed(problem, where) for problem in problems] for name, problems in kinds.items()}
    counts = {"documents": found.documents, "workflows": found.workflows, "forms": found.forms}
    as_json = {name: [problem_as_json(call.language, problem) for problem in problems] for name, problems in listed.items()}
    lines = []
    for name, problems in listed.items():
        if problems and name != "problems":
            lines.append(Text(call.say(f"cli.check.{name}"), style="bold"))
        lines += [Text(problem_line(call.language, problem)) for problem in problems]
    verdict = call.say("cli.check.holds", **counts) if found.holds else call.say("cli.check.mistakes", len(found.problems))
    call.answer({"holds": found.holds, **counts, **as_json}, *lines, Text(verdict, style="bold"))


def placed(problem: Problem, where: dict[str, str]) -> Problem:
    return Problem(where.get(problem.path, problem.path), problem.line, problem.code, problem.values)


def gathered(paths: list[Path]) -> dict[str, Path]:
    """The files named and those in the folders named, by their path from the content folder on. Raises NotFound."""
    found: dict[str, Path] = {}
    for path in paths:
        if not path.exists():
            raise NotFound("file", str(path))
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            parts = file.absolute().parts
            start = max((place for place, part in enumerate(parts) if part in FOLDERS), default=None)
            if start is not None and file.is_file():
                found["/".join(parts[start:])] = file
    return found


def is_whole(paths: list[Path]) -> bool:
    """Whether the folders named are all that an organisation writes, so that nothing may be missing from them."""
    folders = [path.absolute() for path in paths if path.is_dir()]
    return all(any(folder.name == name or (folder / name).is_dir() for folder in folders) for name in FOLDERS)


def of_library(call: Call) -> dict[str, bytes]:
    """Everything in force, from the workspace's library."""
    library = call.app.library
    head = library.refs(MAIN)[MAIN]
    return {path: library.read(blob) for folder in FOLDERS for path, blob in library.tree(head, folder).items()}


def circumstances(call: Call) -> Circumstances:
    """What this workspace knows: which effects there are, which roles, who holds them, which procedures are in force."""
    app = call.app
    with app.reading() as connection:
        people = directory.persons(connection, limit=MANY)
        procedures = [row.key for row in control.register(connection, limit=MANY)]
    holders: dict[str, set[str]] = {}
    for person in people:
        for role, _ in app.hats.unfold(person.hats) if person.disabled_at is None else ():
            holders.setdefault(role, set()).add(person.id)
    known = {role: frozenset(names) for role, names in holders.items()}
    return Circumstances(app.engine.known_effects, frozenset(app.hats.roles), known, procedures)
