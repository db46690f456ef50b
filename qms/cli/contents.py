"""``qms check``: every mistake in documents, workflows and record forms, as ``file:line: sentence``."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from qms.cli import pages
from qms.cli.call import Call
from qms.cli.common import WrongUse
from qms.cli.mistakes import problem_as_json, problem_line
from qms.desk import contents, rehearsal
from qms.desk.contents import Judgement
from qms.desk.flows import ENDING
from qms.errors import BadContent, NotFound, Problem
from qms.library import MAIN
from qms.people import directory
from qms.procedures import control
from qms.workflows.check import IDENTIFIERS, Circumstances
from qms.workflows.reading import read_definition

MANY = 100_000
FLOWS = "workflows"
FOLDERS = ("procedures", FLOWS, "records")
BY_ENDING = {".yaml": FLOWS, ".yml": FLOWS, ".md": "procedures"}
ENDINGS = {".yaml": ".yaml", ".yml": ".yaml", ".md": ".md"}
BESIDE = ".in-force"
"""Sorts before any name of a file: of two that clash, the new one is told."""


def add_to(root: pages.Section) -> None:
    """Hang the command of this file on the house."""
    root.verb("check", "cli.check")(check)


def check(
    ctx: typer.Context,
    paths: Annotated[list[Path] | None, typer.Argument(help="cli.argument.paths", metavar="cli.shape.paths")] = None,
    rehearse: Annotated[bool, typer.Option("--rehearse", help="cli.option.rehearse")] = False,
) -> None:
    call: Call = ctx.obj
    with call.progress(call.say("cli.check.reading")) as advance:
        if paths:
            places = gathered(paths)
            if not places:
                raise WrongUse("cli.use.nothing_to_check", paths=", ".join(map(str, paths)))
            sources = {name: path.read_bytes() for name, path in places.items()}
            where = {name: str(path) for name, path in places.items()}
            profile, whole = call.app.settings.profile if call.common.workspace else "small", is_whole(paths)
            beside = in_force(call, sources) if call.common.workspace and not whole else {}
            known = around(call, sources) if call.common.workspace else None
            found = alone(contents.judge({**sources, **beside}, profile, known, advance, whole), beside)
        else:
            sources, profile, where = of_library(call), call.app.settings.profile, {}
            found = contents.judge(sources, profile, circumstances(call), advance, whole=True)
    played = rehearsed(call, sources, profile) if rehearse and found.holds else []
    answer(call, found, where, played)
    raise typer.Exit(0 if found.holds else 1)


def rehearsed(call: Call, sources: Mapping[str, bytes], profile: str) -> list[dict[str, Any]]:
    """The workflows among ``sources`` played with invented people, beside those in force when there is a workspace."""
    flows = contents.of_folder(sources, FLOWS, ENDING)
    figures = next((flows.pop(path) for path in list(flows) if path.endswith(f"/{contents.FIGURES}")), None)
    ids = {path: read_definition(content, path, IDENTIFIERS).id for path, content in flows.items()}
    beside: dict[str, bytes] = {}
    if call.common.workspace:
        with call.app.reading() as connection:
            beside, known = call.app.engine.definitions.texts(connection)
            figures = figures or known
    engine = call.app.engine if call.common.workspace else rehearsal.bare_engine(profile)
    together = {**beside, **{ids[path]: content for path, content in flows.items()}}
    with call.progress(call.say("cli.check.rehearsing")) as advance:
        found = []
        for done, id in enumerate(ids.values()):
            found.append(rehearsal.told(rehearsal.rehearse(engine, id, together, figures), call.language))
            advance(done + 1, len(ids))
    return found


def scenes(call: Call, played: Mapping[str, Any]) -> Iterator[Text]:
    """A rehearsal as lines: each step with where it led, then what was refused to whom."""
    yield Text(call.say("cli.check.rehearsal", title=played["title"], workflow=played["workflow"]), style="bold")
    if not played["playable"]:
        yield Text("  " + call.say("cli.check.not_playable"))
    for scene in played["scenes"]:
        step = {"title": scene["title"], "to": scene["to"], "origin": scene["from"]}
        yield Text("  " + call.say("cli.check.scene" if scene["to"] else "cli.check.scene_refused", **step))
        for one in scene["tries"]:
            reasons = " ".join(reason["message"] for reason in one["reasons"])
            if not one["accepted"]:
                yield Text("    · " + call.say(f"cli.check.try_{one['kind']}", person=one["person"], reasons=reasons))
    for step in played["unseen"]:
        yield Text("  " + call.say("cli.check.unseen", title=step["title"]))


def answer(call: Call, found: Judgement, where: dict[str, str], played: list[dict[str, Any]]) -> None:
    """Name the mistakes where the reader keeps the files, then what waits, then what was played, then the count."""
    kinds = {"problems": found.problems, "staffing": found.staffing, "waiting": found.waiting}
    listed = {name: [placed(problem, where) for problem in problems] for name, problems in kinds.items()}
    counts = {"documents": found.documents, "workflows": found.workflows, "forms": found.forms}
    as_json = {name: [problem_as_json(call.language, problem) for problem in problems] for name, problems in listed.items()}
    lines = []
    for name, problems in listed.items():
        if problems and name != "problems":
            lines.append(Text(call.say(f"cli.check.{name}"), style="bold"))
        lines += [Text(problem_line(call.language, problem)) for problem in problems]
    lines += [line for one in played for line in scenes(call, one)]
    verdict = call.say("cli.check.holds", **counts) if found.holds else call.say("cli.check.mistakes", len(found.problems))
    call.answer(
        {"holds": found.holds, **counts, **as_json, **({"rehearsals": played} if played else {})}, *lines, Text(verdict, style="bold")
    )


def placed(problem: Problem, where: dict[str, str]) -> Problem:
    return Problem(where.get(problem.path, problem.path), problem.line, problem.code, problem.values)


def in_force(call: Call, sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """The workflows in force, which a new one is judged beside: those that ``sources`` do not bring themselves, and the figures."""
    flows = contents.of_folder(sources, FLOWS, ENDING)
    own = {name for path, content in flows.items() if (name := _id(path, content))}
    if not own:
        return {}
    with call.app.reading() as connection:
        texts, figures = call.app.engine.definitions.texts(connection)
    found = {"/".join((FLOWS, BESIDE, f"{name}.yaml")): text for name, text in texts.items() if name not in own}
    if figures is not None and not any(path.endswith(f"/{contents.FIGURES}") for path in flows):
        found["/".join((FLOWS, BESIDE, contents.FIGURES))] = figures
    return found


def _id(path: str, content: bytes) -> str | None:
    try:
        return read_definition(content, path, IDENTIFIERS).id
    except BadContent:
        return None


def around(call: Call, sources: Mapping[str, bytes]) -> Circumstances:
    """What the workspace knows, and the procedures that ``sources`` bring."""
    known = circumstances(call)
    brought = {front.key for front in contents.fronts(sources)}
    return replace(known, procedures=[*(known.procedures or ()), *brought])


def alone(found: Judgement, beside: Mapping[str, bytes]) -> Judgement:
    """Of what was found, nothing that was so before: whom it lacks and what waits is told of the files named only."""
    staffing, waiting = (tuple(one for one in those if one.path not in beside) for those in (found.staffing, found.waiting))
    flows = found.workflows - sum(not path.endswith(f"/{contents.FIGURES}") for path in beside)
    return replace(found, staffing=staffing, waiting=waiting, workflows=flows)


def gathered(paths: list[Path]) -> dict[str, Path]:
    """The files named and those in the folders named, by their path from the content folder on: a definition or a document that lies
    elsewhere and is named itself is taken for what its ending says. Raises NotFound."""
    found: dict[str, Path] = {}
    for path in paths:
        if not path.exists():
            raise NotFound("file", str(path))
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            parts = file.absolute().parts
            start = max((place for place, part in enumerate(parts) if part in FOLDERS), default=None)
            if start is not None and file.is_file():
                found["/".join(parts[start:])] = file
            elif file == path and file.suffix in BY_ENDING:
                found["/".join((BY_ENDING[file.suffix], file.with_suffix(ENDINGS[file.suffix]).as_posix()))] = file
    return found


def is_whole(paths: list[Path]) -> bool:
    """Whether the folders named are all that an organisation writes, so that nothing may be missing from them."""
    folders = [path.absolute() for path in paths if path.is_dir()]
    return all(any(folder.name == name or (folder / name).is_dir() for folder in folders) for name in FOLDERS)


def of_library(call: Call) -> dict[str, bytes]:
    """Everything in force: documents and forms from the workspace's library, the processes as cases open under them.

    A process came into force with the library's first texts or, ever since, as the file of a document, which lies elsewhere.
    """
    library = call.app.library
    head = library.refs(MAIN)[MAIN]
    found = {path: library.read(blob) for folder in FOLDERS for path, blob in library.tree(head, folder).items()}
    with call.app.reading() as connection:
        processes, figures = call.app.engine.definitions.texts(connection)
    first = {content: path for path, content in contents.of_folder(found, FLOWS, ENDING).items()}
    named = {f"{id}{ENDING}": source for id, source in processes.items()} | ({contents.FIGURES: figures} if figures else {})
    others = {path: content for path, content in found.items() if path not in first.values()}
    return others | {first.get(source, "/".join((FLOWS, name))): source for name, source in named.items()}


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
    return Circumstances(app.engine.known_effects, app.hats.roles, known, procedures)
