"""Judges everything an organisation writes, together: documents, workflows and record forms, every mistake at once with file and line.

The same judgement for a folder on somebody's disk, for the starter content and for what is in force (ISO 9001, 7.5.2).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace

from qms.desk import coherence
from qms.desk.coherence import Whole
from qms.errors import BadContent, Problem
from qms.procedures import clauses, document
from qms.procedures.clauses import Clauses
from qms.procedures.document import Front
from qms.records import forms, integrity, retention
from qms.workflows import check, reading
from qms.workflows.check import Circumstances
from qms.workflows.definition import Definition

FIGURES = "figures.yaml"
OF_A_LANGUAGE = ("title", "titles", "language", "references")
"""What the head of a translation may say in its own way; all the rest it says as its original does."""


@dataclass(frozen=True)
class Judgement:
    """What was found: mistakes; what the people there are today cannot do; what definitions themselves say is still to come."""

    problems: tuple[Problem, ...]
    staffing: tuple[Problem, ...]
    waiting: tuple[Problem, ...]
    documents: int
    workflows: int
    forms: int

    @property
    def holds(self) -> bool:
        return not self.problems


def judge(
    sources: Mapping[str, bytes],
    profile: str,
    circumstances: Circumstances | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    whole: bool = False,
) -> Judgement:
    """Judge ``sources`` (path → bytes; the path begins with the content folder's name).

    When they are the ``whole`` of an organisation, also whether they fit together, unless some of them cannot be read at all.
    """
    known = circumstances or Circumstances()
    problems: list[Problem] = []
    everything = of_folder(sources, "procedures", ".md")
    texts = {path: content for path, content in everything.items() if document.translation_of(path) is None}
    translations = {path: content for path, content in everything.items() if path not in texts}
    blanks = of_folder(sources, "records", ".md")
    for done, (path, content) in enumerate(texts.items()):
        problems += _of_document(path, content, known)
        progress(done + 1, len(texts) + len(blanks))
    problems += _doubles(texts)
    for path, content in translations.items():
        problems += _of_translation(path, content, texts, known)
    for done, (path, content) in enumerate(blanks.items()):
        problems += _of_form(path, content)
        progress(len(texts) + done + 1, len(texts) + len(blanks))
    flows = of_folder(sources, "workflows", ".yaml")
    figures = next(((path, flows.pop(path)) for path in list(flows) if path.endswith(f"/{FIGURES}")), None)
    mistakes = check.check_sources(flows, profile, figures, replace(known, holders=None))
    staffing = set_apart(check.check_sources(flows, profile, figures, known)) if known.holders is not None else []
    problems += mistakes
    listed, unlisted = _clauses(sources)
    problems += (*unlisted, *_tables(sources))
    read = {path: item for path, content in flows.items() if (item := _definition(path, content)) is not None}
    heads = {path: front for path, content in texts.items() if (front := _front(path, content)) is not None}
    if whole and not unlisted and read.keys() == flows.keys() and heads.keys() == texts.keys():
        problems += coherence.problems(Whole(sources, heads, read, blanks, listed, known.procedures))
    ordered = sorted(set_apart(problems), key=lambda problem: (problem.path, problem.line))
    short = tuple(problem for problem in staffing if problem not in mistakes)
    return Judgement(tuple(ordered), short, tuple(check.waiting(read.values())), len(everything), len(flows), len(blanks))


def fronts(sources: Mapping[str, bytes]) -> list[Front]:
    """The heads of the documents among ``sources`` that can be read."""
    return [front for path, content in of_folder(sources, "procedures", ".md").items() if (front := _front(path, content)) is not None]


def of_folder(sources: Mapping[str, bytes], folder: str, ending: str) -> dict[str, bytes]:
    """Those of ``sources`` that lie in a content folder and have its ending, by path."""
    return {path: content for path, content in sorted(sources.items()) if path.split("/")[0] == folder and path.endswith(ending)}


def set_apart(problems: list[Problem]) -> list[Problem]:
    """Each problem once."""
    return list({str(problem): problem for problem in problems}.values())


def _of_document(path: str, content: bytes, known: Circumstances) -> tuple[Problem, ...]:
    try:
        document.parse(content, path, known.roles)
    except BadContent as error:
        return error.problems
    return ()


def _of_translation(path: str, content: bytes, texts: Mapping[str, bytes], known: Circumstances) -> list[Problem]:
    """What is wrong with a text that stands beside another as its translation: in itself, and where its head says another thing."""
    original, language = document.translation_of(path) or (path, "")
    try:
        front = document.parse(content, original, known.roles).front
    except BadContent as error:
        return [replace(problem, path=path) for problem in error.problems]
    if original not in texts:
        return [Problem(path, 0, "translation.alone", {"other": original})]
    said = _front(original, texts[original])
    differing = [] if front.language == language else ["language"]
    if said is not None:
        differing += [key for key in _alike() if getattr(front, key) != getattr(said, key)]
        differing += ["title"] if said.titles.get(language, front.title) != front.title else []
        differing += ["titles"] if front.titles.get(said.language, said.title) != said.title else []
    return [
        Problem(path, _line(content, key), "translation.differs", {"key": key, "other": language if key == "language" else original})
        for key in differing
    ]


def _alike() -> list[str]:
    return [field.name for field in fields(Front) if field.name not in OF_A_LANGUAGE]


def _line(content: bytes, key: str) -> int:
    """The line where a head says ``key``; its first where it does not."""
    lines = content.decode("utf-8").splitlines()
    return next((number for number, line in enumerate(lines, 1) if line.startswith(f"{key}:")), 1)


def _doubles(texts: Mapping[str, bytes]) -> list[Problem]:
    """Two documents with one key or one code."""
    seen: dict[tuple[str, str], str] = {}
    problems = []
    for path, content in texts.items():
        front = _front(path, content)
        if front is None:
            continue
        for kind, name in (("key", front.key), ("code", front.code)):
            if (kind, name) in seen:
                problems.append(Problem(path, 0, "document.key_twice", {"key": name, "other": seen[kind, name]}))
            seen[kind, name] = path
    return problems


def _front(path: str, content: bytes) -> Front | None:
    try:
        return document.parse(content, path).front
    except BadContent:
        return None


def _clauses(sources: Mapping[str, bytes]) -> tuple[tuple[str, Clauses] | None, tuple[Problem, ...]]:
    """The list of clauses with its path, where there is one, and what is wrong with it."""
    if clauses.PATH not in sources:
        return None, ()
    try:
        return (clauses.PATH, clauses.read(sources[clauses.PATH], clauses.PATH)), ()
    except BadContent as error:
        return None, error.problems


def _tables(sources: Mapping[str, bytes]) -> list[Problem]:
    """What is wrong with the tables that stand beside the forms."""
    problems: list[Problem] = []
    for path, read in ((retention.PATH, retention.terms), (integrity.PATH, integrity.read)):
        try:
            _ = read(sources[path], path) if path in sources else None
        except BadContent as error:
            problems += error.problems
    return problems


def _of_form(path: str, content: bytes) -> list[Problem]:
    try:
        return forms.problems(content.decode("utf-8"), path)
    except UnicodeDecodeError as error:
        return [Problem(path, content[: error.start].count(b"\n") + 1, "yaml.not_utf8")]


def _definition(path: str, content: bytes) -> Definition | None:
    try:
        return reading.read_definition(content, path, check.IDENTIFIERS)
    except BadContent:
        return None
