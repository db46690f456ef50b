"""Judges whether documents, workflows, record forms and clauses fit together: each may be faultless and yet name what is not there.

Asked of a whole set only; of one file alone nothing could be said (ISO 9001, 4.4 and 7.5.3).
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from qms.errors import BadContent, Problem
from qms.procedures import clauses
from qms.procedures.clauses import Clauses
from qms.procedures.document import Front
from qms.records import integrity
from qms.workflows.definition import SYS, Definition
from qms.workflows.reader import near

FORM = re.compile(r"REC-[A-Z]+-[0-9]{2}")


@dataclass(frozen=True)
class Whole:
    """Everything an organisation writes, read: heads of documents, workflows and forms by path, and the clauses with theirs."""

    sources: Mapping[str, bytes]
    fronts: Mapping[str, Front]
    definitions: Mapping[str, Definition]
    forms: Collection[str]
    clauses: tuple[str, Clauses] | None
    procedures: Collection[str] | None = None
    """Keys of the documents in force, where they are known: then it was judged before whether a workflow's procedure is among them."""


def problems(whole: Whole) -> list[Problem]:
    """Whatever does not fit together, each where it stands."""
    return [*_governing(whole), *_governed(whole), *_records(whole), *_clauses(whole), *_alarm(whole)]


def _governing(whole: Whole) -> Iterator[Problem]:
    """Workflows whose procedure is missing or does not know of them."""
    named: dict[str, set[str]] = {}
    for front in whole.fronts.values():
        named.setdefault(front.key, set()).update(front.workflows)
    for path, definition in whole.definitions.items():
        key = definition.governed_by
        line = _line(whole, path, "governed_by")
        if key not in named and whole.procedures is None:
            yield Problem(path, line, "fit.no_procedure", {"name": key, "near": near(key, named)})
        elif key in named and definition.id not in named[key]:
            yield Problem(path, line, "fit.not_named", {"name": key, "workflow": definition.id})


def _governed(whole: Whole) -> Iterator[Problem]:
    """Documents that name a workflow nobody wrote."""
    known = {definition.id for definition in whole.definitions.values()}
    for path, front in whole.fronts.items():
        for name in front.workflows:
            if name not in known:
                yield Problem(path, _line(whole, path, "workflows"), "fit.no_workflow", {"name": name, "near": near(name, known)})


def _records(whole: Whole) -> Iterator[Problem]:
    """Records without a form, and forms that no workflow fills in."""
    coded = {found[0]: path for path in whole.forms if (found := FORM.match(PurePosixPath(path).name)) is not None}
    made = set()
    for path, definition in whole.definitions.items():
        for code in definition.records:
            made.add(code)
            if code not in coded:
                yield Problem(path, _line(whole, path, code), "fit.no_form", {"name": code, "near": near(code, coded)})
    for code, path in coded.items():
        if code not in made:
            yield Problem(path, 1, "fit.no_record", {"name": code})


def _clauses(whole: Whole) -> Iterator[Problem]:
    """Clauses that nothing serves, and what names a clause that is not in the list."""
    if whole.clauses is None:
        return
    listed, known = whole.clauses
    naming = [(path, front.clauses) for path, front in whole.fronts.items()]
    naming += [(path, definition.clauses) for path, definition in whole.definitions.items()]
    for path, names in naming:
        for name in names:
            if name not in known.by_key:
                yield Problem(path, _line(whole, path, "clauses"), "fit.no_clause", {"name": name, "edition": known.edition})
    for clause in known.by_key.values():
        if clause.applies and not any(clauses.serves(name, clause.key) for _, names in naming for name in names):
            yield Problem(listed, clause.line, "fit.clause_alone", {"name": clause.key, "title": clause.title})


def _alarm(whole: Whole) -> Iterator[Problem]:
    """The case about a damaged file: nobody is there at night to see that it cannot be opened."""
    if integrity.PATH not in whole.sources:
        return
    try:
        alarm = integrity.read(whole.sources[integrity.PATH], integrity.PATH)
    except BadContent:
        return
    by_id = {definition.id: definition for definition in whole.definitions.values()}
    found = by_id.get(alarm.workflow)
    if found is None:
        line, values = _line(whole, integrity.PATH, "workflow"), {"name": alarm.workflow, "near": near(alarm.workflow, by_id)}
        yield Problem(integrity.PATH, line, "fit.no_workflow", values)
        return
    asked = {wanted.name for wanted in found.opening.asks}
    for name in alarm.fields.keys() - asked:
        line, values = _line(whole, integrity.PATH, name), {"name": name, "workflow": found.id, "near": near(name, asked)}
        yield Problem(integrity.PATH, line, "workflow.unknown_field_there", values)
    missing = [wanted.name for wanted in found.opening.asks if wanted.required and wanted.name not in alarm.fields]
    if missing:
        line, values = _line(whole, integrity.PATH, "fields"), {"names": ", ".join(missing), "workflow": found.id}
        yield Problem(integrity.PATH, line, "workflow.opening_lacks", values)
    if SYS not in found.opening.by:
        yield Problem(integrity.PATH, _line(whole, integrity.PATH, "workflow"), "fit.not_by_program", {"workflow": found.id})


def _line(whole: Whole, path: str, key: str) -> int:
    """The line of a file where ``key`` is written as a key."""
    found = re.search(rf"^ *[\"']?{re.escape(key)}[\"']? *:".encode(), whole.sources[path], re.MULTILINE)
    return whole.sources[path].count(b"\n", 0, found.start()) + 1 if found is not None else 1
