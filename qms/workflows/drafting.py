"""Writes the first draft of a workflow as a file that a person goes on with: states, steps and who takes them, the rest as comments.

A draft made of a few answers passes its check; one made of somebody's drawing says on top what is still to be decided.
"""

import json
import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from qms.errors import Incomplete, Reason, Text
from qms.formats.reading import tidy
from qms.locale import LANGUAGES, say
from qms.workflows.check import NEVER
from qms.workflows.reader import ROLE_NAME, WORKFLOW_NAME
from qms.workflows.reading import PREFIX, PROCEDURE
from qms.workflows.yaml_file import AMBIGUOUS

LONGEST_TITLE = 200
LONGEST_STATE = 28
FEWEST_STATES, MOST_STATES = 3, 40
RETENTION = "R-QMS"


@dataclass(frozen=True)
class DraftState:
    name: str
    title: Text
    kind: str
    meaning: Text | None = None


@dataclass(frozen=True)
class DraftStep:
    """``targets``: conditions with a state each, the last one without; none when the case stays where it is."""

    name: str
    title: Text
    sources: tuple[str, ...]
    targets: tuple[tuple[str, str], ...]
    by: tuple[str, ...]
    comment: bool = False
    count: int | None = None


@dataclass(frozen=True)
class Draft:
    id: str
    title: Text
    prefix: str
    owner: str
    governed_by: str
    opening: DraftStep
    states: tuple[DraftState, ...]
    steps: tuple[DraftStep, ...]


@dataclass(frozen=True)
class Answers:
    """What somebody said who starts a workflow; ``states`` are titles in the order of the normal path."""

    id: str = ""
    title: Text = field(default_factory=dict)
    prefix: str = ""
    owner: str = ""
    procedure: str = ""
    states: tuple[Text, ...] = ()


@dataclass(frozen=True)
class House:
    """What is known of where the workflow will live: the roles there are, None when not known; ids and prefixes in use."""

    roles: Collection[str] | None = None
    ids: Collection[str] = ()
    prefixes: Collection[str] = ()


NOWHERE = House()


def objections(answers: Answers, house: House = NOWHERE) -> list[Reason]:
    """Everything that is wrong with ``answers``; ``place`` names the question."""
    found = []
    for place, value, pattern in (
        ("id", answers.id, WORKFLOW_NAME),
        ("prefix", answers.prefix, PREFIX),
        ("owner", answers.owner, ROLE_NAME),
        ("procedure", answers.procedure, PROCEDURE),
    ):
        if not pattern.fullmatch(value):
            found.append(Reason(f"DRAFT:{place}", place, {"value": value}))
    for place, value, used in (("id", answers.id, house.ids), ("prefix", answers.prefix, house.prefixes)):
        if value in used:
            found.append(Reason("DRAFT:taken", place, {"value": value}))
    if ROLE_NAME.fullmatch(answers.owner) and (answers.owner in NEVER or (house.roles is not None and answers.owner not in house.roles)):
        known = ", ".join(sorted(set(house.roles or ()) - NEVER)) or "–"
        found.append(Reason("DRAFT:role", "owner", {"value": answers.owner, "known": known}))
    if any(not _fits(answers.title.get(language, "")) for language in LANGUAGES):
        found.append(Reason("DRAFT:title", "title", {"most": LONGEST_TITLE}))
    for index, title in enumerate(answers.states, 1):
        if any(not _fits(title.get(language, "")) for language in LANGUAGES):
            found.append(Reason("DRAFT:state", "states", {"number": index, "value": " = ".join(title.values()), "most": LONGEST_TITLE}))
    named = [tidy(title.get("it", "")).casefold() for title in answers.states]
    twice = sorted({name for name in named if name and named.count(name) > 1})
    if twice:
        found.append(Reason("DRAFT:twice", "states", {"value": ", ".join(twice)}))
    if not FEWEST_STATES <= len(answers.states) <= MOST_STATES:
        found.append(Reason("DRAFT:states", "states", {"least": FEWEST_STATES, "most": MOST_STATES, "number": len(answers.states)}))
    return found


def _fits(title: str) -> bool:
    return 0 < len(tidy(title)) <= LONGEST_TITLE


def drafted(answers: Answers, house: House = NOWHERE) -> Draft:
    """A straight way through the states, with one step back before the end. Raises Incomplete with every objection."""
    if reasons := objections(answers, house):
        raise Incomplete(reasons)
    taken: set[str] = set()
    names = [unique(state_name(title["en"]) or f"S_{index}", taken, LONGEST_STATE) for index, title in enumerate(answers.states, 1)]
    kinds = ["initial", *["normal"] * (len(names) - 2), "final"]
    states = tuple(DraftState(name, title, kind) for name, title, kind in zip(names, answers.states, kinds, strict=True))
    by = (answers.owner,)
    steps = [
        DraftStep(f"to_{after.name.lower()}", _said("forth", after.title), (before.name,), (("", after.name),), by)
        for before, after in pairwise(states)
    ]
    back = DraftStep(f"back_to_{names[-3].lower()}", _said("back", states[-3].title), (names[-2],), (("", names[-3]),), by, comment=True)
    opening = DraftStep("", _said("open", answers.title), (), (), by)
    return Draft(answers.id, answers.title, answers.prefix, answers.owner, answers.procedure, opening, states, (*steps, back))


def _said(key: str, title: Text) -> Text:
    return {language: say(language, f"drafting.{key}", title=tidy(title[language])) for language in LANGUAGES}


def state_name(title: str) -> str:
    """``In valutazione!`` → ``IN_VALUTAZIONE``; empty when nothing of the title can stand in a name."""
    found = re.sub(r"[^A-Z0-9]+", "_", plain(title).upper()).strip("_")
    return (found if not found[:1].isdigit() else f"S_{found}")[:LONGEST_STATE].rstrip("_")


def plain(text: str) -> str:
    """``text`` in the letters of ASCII, accents dropped."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def unique(name: str, taken: set[str], longest: int) -> str:
    """``name``, with a number when it is ``taken`` already; it is taken from then on."""
    found, number = name[:longest], 1
    while found in taken:
        number += 1
        found = f"{name[: longest - len(str(number)) - 1]}_{number}"
    taken.add(found)
    return found


def write(draft: Draft, language: str, remarks: Sequence[str] = ()) -> str:
    """The file, its comments in ``language``; ``remarks`` stand on top."""
    return "\n".join(_lines(draft, language, remarks)) + "\n"


def _lines(draft: Draft, language: str, remarks: Sequence[str]) -> Iterator[str]:
    def comment(key: str) -> Iterator[str]:
        yield from (f"# {line}".rstrip() for line in say(language, f"drafting.{key}").splitlines())

    yield from comment("head")
    yield from (f"#   - {tidy(remark)}" for remark in remarks)
    yield ""
    yield from (f"id: {draft.id}", f"title: {_both(draft.title)}", f"prefix: {draft.prefix}", f"owner: {draft.owner}")
    yield f"governed_by: {draft.governed_by}"
    yield from (*comment("clauses"), f"retention: {RETENTION}", "", *comment("fields"), "fields:")
    yield f"  title: {{type: text, title: {_both(_word('subject'))}, max: 200}}"
    yield f"  description: {{type: long_text, title: {_both(_word('description'))}}}"
    yield from ("", *comment("evidence"), "", *comment("states"), "states:" if draft.states else "states: {}")
    for state in draft.states:
        meaning = f", meaning: {_both(state.meaning)}" if state.meaning is not None else ""
        kind = f", kind: {state.kind}" if state.kind != "normal" else ""
        yield f"  {_name(state.name)}: {{title: {_both(state.title)}{meaning}{kind}}}"
    yield from ("", *comment("opening"), "opening:", f"  title: {_both(draft.opening.title)}")
    yield from (f"  by: {_list(draft.opening.by)}", "  asks: [title, description?]", "", *comment("steps"))
    yield "steps:" if draft.steps else "steps: {}"
    for step in draft.steps:
        yield from _step(step)
    yield from ("", *comment("timers"))


def _word(key: str) -> Text:
    return {language: say(language, f"drafting.{key}") for language in LANGUAGES}


def _step(step: DraftStep) -> Iterator[str]:
    yield f"  {_name(step.name)}:"
    yield f"    title: {_both(step.title)}"
    yield f"    from: {_list([_name(name) for name in step.sources])}"
    *branches, last = step.targets or (("", ""),)
    if branches:
        written = [f"{{when: {_quoted(condition)}, state: {_name(state)}}}" for condition, state in branches]
        yield f"    to: {_list((*written, _name(last[1])))}"
    elif last[1]:
        yield f"    to: {_name(last[1])}"
    if step.count is not None:
        yield f"    quorum: {{count: {step.count}}}"
    yield f"    by: {_list(step.by)}"
    if step.comment:
        yield "    comment: required"


def _list(words: Sequence[str]) -> str:
    return f"[{', '.join(words)}]"


def _name(name: str) -> str:
    """A name as it may stand in a file: one that YAML takes for yes or no is quoted."""
    return json.dumps(name) if name.lower() in AMBIGUOUS else name


def _both(text: Text) -> str:
    return "{" + ", ".join(f"{language}: {_quoted(text[language])}" for language in LANGUAGES) + "}"


def _quoted(text: str) -> str:
    """A text in double quotes, as YAML and JSON write it alike."""
    return json.dumps(tidy(text), ensure_ascii=False)
