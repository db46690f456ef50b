"""A workflow as a controlled document: the document's file is its definition, approved by its hash like any other file, judged with all
the others before, and in force for new cases from the moment that the revision is (ISO 9001, 4.4.2 and 7.5.3)."""

from collections.abc import Collection, Mapping
from pathlib import Path

from sqlalchemy import Connection

from qms.database import Transaction
from qms.errors import NotFound, Problem, Reason, refusal
from qms.library import Library
from qms.locale import LANGUAGES, say, sentence
from qms.people.actor import Actor
from qms.procedures import control
from qms.procedures.control import Draft
from qms.procedures.files import ControlledFile
from qms.records import evidence
from qms.workflows import check
from qms.workflows.case import put_in_force
from qms.workflows.check import Circumstances
from qms.workflows.engine import Engine

ENDING = ".yaml"
MOST_SAID = 12
Source = tuple[str, bytes]
"""A definition's name and text."""


def is_one(file: ControlledFile | None) -> bool:
    """Whether the file of a document is a definition."""
    return file is not None and file.name.lower().endswith(ENDING)


def source_of(library: Library, folder: Path, draft: Draft) -> Source | None:
    """The definition that a draft brings, None when its file is none. A file that is not there yet is for others to refuse."""
    file = control.file_in(control.draft_text(library, draft), draft.path) if draft.kind == "text" else None
    if file is None or not is_one(file):
        return None
    try:
        return file.name, b"".join(evidence.read(folder, file.sha256))
    except (NotFound, FileNotFoundError):
        return None


def problems(connection: Connection, engine: Engine, roles: Collection[str], source: Source) -> list[Problem]:
    """Everything wrong with a definition, alone and beside those in force."""
    name, text = source
    new, mistakes = check.read_and_judge_roles(text, name, roles)
    if new is None:
        return mistakes
    others = [one.definition for one in engine.definitions.all_in_force(connection) if one.definition.id != new.id]
    known = {one.governed_by for one in others}
    if engine.procedure_in_force(connection, new.governed_by) is not None:
        known.add(new.governed_by)
    figures = engine.definitions.figures(connection)
    around = Circumstances(effects=engine.known_effects, roles=roles, procedures=known)
    found = [*mistakes, *check.check_definitions([*others, new], engine.profile, figures, around)]
    return sorted(check.set_of(found), key=lambda problem: (problem.path != name, problem.line))


def require_sound(connection: Connection, engine: Engine, roles: Collection[str], source: Source | None) -> None:
    """Raises Refused with the mistakes of a definition: none that fails its check is submitted, approved or put in force."""
    found = problems(connection, engine, roles, source) if source is not None else []
    if found:
        said = {language: _told(language, found) for language in LANGUAGES}
        raise refusal([Reason("WORKFLOW_FAULTY", None, {}, said)])


def release(tx: Transaction, source: Source | None, by: Actor) -> Mapping[str, str]:
    """Put a definition in force for new cases; what is sealed of it beside the revision."""
    return {"definition": put_in_force(tx, source[1], source[0], by)} if source is not None else {}


def _told(language: str, found: list[Problem]) -> str:
    lines = [f"{problem.line}: {sentence(language, problem)}" if problem.line else sentence(language, problem) for problem in found]
    more = [say(language, "desk.flow_more", len(lines) - MOST_SAID)] if len(lines) > MOST_SAID else []
    return " ".join([say(language, "desk.flow_faulty"), *lines[:MOST_SAID], *more])
