"""Judges a push before git takes it: only drafts, only one's own document, only a text that is well formed; each refusal a sentence.

Git runs this as its pre-receive hook, in a process of its own and in the quarantine where the pushed objects wait. It knows the database
only through the permit that the door wrote for it. ISO 9001 §7.5.3.1: protection from unintended alteration.
"""

import json
import os
import re
import shlex
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath

from qms.errors import BadContent, NotFound, Problem, Reason, Refused
from qms.library import MAIN, NOTHING, Library
from qms.locale import say, sentence
from qms.procedures import document

DRAFT = re.compile(rf"refs/heads/draft/({document.KEY.pattern})/({document.SLUG.pattern})")
MOST_COMMITS = 500
PLAIN_FILE = "100644"
PERMIT = "QMS_PERMIT"
AREAS = re.compile(rf"procedures/(?:{document.SLUG.pattern}/)?")
"""The folders in which the texts of documents lie."""


@dataclass(frozen=True)
class Permit:
    """What the door tells the hook: who pushes in which language, what is in force, which drafts are closed."""

    library: str
    language: str
    address: str
    """Where a draft is reviewed, with ``{key}`` and ``{slug}``."""
    paths: Mapping[str, str] = field(default_factory=dict)
    """Key → path of the text in force."""
    drafts: Mapping[str, str] = field(default_factory=dict)
    """``KEY/slug`` → path of a draft's text now."""
    closed: tuple[str, ...] = ()
    roles: tuple[str, ...] | None = None

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Permit":
        values = json.loads(path.read_text(encoding="utf-8"))
        roles = values["roles"]
        return cls(**{**values, "closed": tuple(values["closed"]), "roles": tuple(roles) if roles is not None else None})


@dataclass(frozen=True)
class Update:
    """One reference that the push wants to move."""

    old: str
    new: str
    ref: str


class _Judgement(Exception):
    """A push that is not taken, with the reasons."""

    def __init__(self, *reasons: Reason | Problem) -> None:
        super().__init__()
        self.reasons = reasons


def judge(library: Library, permit: Permit, updates: Iterable[Update]) -> list[Reason | Problem]:
    """Every reason not to take this push; empty when it may be taken."""
    found: list[Reason | Problem] = []
    for update in updates:
        try:
            _judge(library, permit, update)
        except _Judgement as judgement:
            found += judgement.reasons
        except BadContent as error:
            found += error.problems
        except Refused as error:
            found += error.reasons
        except NotFound:
            found.append(Reason("PUSH_BROKEN", values={"detail": update.ref}))
    return found


def _judge(library: Library, permit: Permit, update: Update) -> None:
    key, slug = _names(update)
    if update.new == NOTHING:
        raise _Judgement(Reason("PUSH_DELETE", values={"detail": update.ref}))
    if f"{key}/{slug}" in permit.closed:
        raise _Judgement(Reason("PUSH_CLOSED", values={"detail": slug}))
    if update.old != NOTHING and not library.is_ancestor(update.old, update.new):
        raise _Judgement(Reason("PUSH_FORCED", values={"detail": slug}))
    head = library.refs(MAIN).get(MAIN)
    base = library.merge_base(head, update.new) if head is not None else None
    if head is None or base is None:
        raise _Judgement(Reason("PUSH_UNRELATED", values={"detail": slug}))
    path = _own_path(library, permit, key, base, update.new)
    own = {path, *(known for known in (permit.paths.get(key), permit.drafts.get(f"{key}/{slug}")) if known is not None)}
    _only_own_files(library, update, head, own)
    parsed = document.parse(_text(library, update.new, path), path, permit.roles)
    if parsed.front.key != key:
        raise _Judgement(Reason("PUSH_OTHER_KEY", values={"detail": parsed.front.key, "key": key}))
    _pictures(library, update.new, path)


def _names(update: Update) -> tuple[str, str]:
    if update.ref == MAIN:
        raise _Judgement(Reason("PUSH_MAIN"))
    if update.ref.startswith("refs/tags/"):
        raise _Judgement(Reason("PUSH_TAG"))
    shape = DRAFT.fullmatch(update.ref)
    if shape is None:
        raise _Judgement(Reason("PUSH_ELSEWHERE", values={"detail": update.ref[:120]}))
    return shape[1], shape[2]


def _own_path(library: Library, permit: Permit, key: str, base: str, new: str) -> str:
    every = library.changed(base, new, lambda folder: AREAS.fullmatch(folder) is not None)
    changed = [path for path, blob in every.items() if blob is not None and document.PATH.fullmatch(path)]
    known = permit.paths.get(key)
    if not changed and known is not None and library.blob_at(new, known) is not None:
        return known
    if len(changed) != 1:
        raise _Judgement(Reason("PUSH_ONE_DOCUMENT", values={"detail": ", ".join(changed) or "-", "key": key}))
    return changed[0]


def _only_own_files(library: Library, update: Update, head: str, own: set[str]) -> None:
    known = [head] if update.old == NOTHING else [head, update.old]
    folders = tuple(f"{document.figures_folder(path)}/" for path in own)
    opened = _folders([*library.tree(head), *own]) | set(folders)
    touched = library.touched(update.new, known, opened.__contains__, MOST_COMMITS)
    if len(touched) > MOST_COMMITS:
        raise _Judgement(Reason("PUSH_TOO_MUCH", values={"detail": str(MOST_COMMITS)}))
    foreign = {path for paths in touched.values() for path in paths if path not in own and path.rpartition("/")[0] + "/" not in folders}
    if foreign:
        raise _Judgement(Reason("PUSH_OTHER_FILES", values={"detail": ", ".join(sorted(foreign)[:5])}))
    modes = library.modes(update.new)
    odd = [path for path, mode in modes.items() if mode != PLAIN_FILE and (path in own or path.startswith(folders))]
    if odd:
        raise _Judgement(Reason("PUSH_MODE", values={"detail": ", ".join(odd[:5])}))


def _folders(paths: Iterable[str]) -> set[str]:
    """Every folder above ``paths``."""
    return {f"{folder}/" for path in paths for folder in map(str, PurePosixPath(path).parents) if folder != "."}


def _text(library: Library, new: str, path: str) -> bytes:
    """The draft's text, its bytes counted before they are read: a push of kilobytes can unpack to gigabytes."""
    blob = library.blob_at(new, path)
    if blob is None:
        raise NotFound("text", path)
    document.check_size(path, library.sizes([blob]).get(blob, 0))
    return library.read(blob)


def _pictures(library: Library, new: str, path: str) -> None:
    folder = document.figures_folder(path)
    found = {name.removeprefix(f"{folder}/"): blob for name, blob in library.tree(new, folder).items()}
    sizes = library.sizes(found.values())
    document.check_figures({name: sizes.get(blob, 0) for name, blob in found.items()})
    for name, blob in found.items():
        document.check_figure(name, library.read(blob))


def install(hooks: Path, library: Path) -> None:
    """Write the hook into the folder ``hooks``, for the Python and the program that run now."""
    hooks.mkdir(parents=True, exist_ok=True)
    source = Path(__file__).parent.parent.parent
    script = f"#!/bin/sh\nPYTHONPATH={shlex.quote(str(source))} exec {shlex.quote(sys.executable)} -m qms.procedures.hook\n"
    made = hooks / "pre-receive"
    if not made.is_file() or made.read_text(encoding="utf-8") != script:
        made.write_text(script, encoding="utf-8")
        made.chmod(0o755)


def main(lines: Iterable[str]) -> Iterator[str]:
    """Answer to git: what to print; the last word is whether the push is taken."""
    permit = Permit.read(Path(os.environ[PERMIT]))
    updates = [Update(*line.split()) for line in lines]
    with Library(Path(permit.library), quarantine=True) as library:
        reasons = judge(library, permit, updates)
    if reasons:
        yield say(permit.language, "push.refused")
        yield from (_told(permit.language, reason) for reason in reasons)
        yield ""
        return
    for update in updates:
        key, slug = _names(update)
        yield say(permit.language, "push.taken", document=key, slug=slug, address=permit.address.format(key=key, slug=slug))
    yield "taken"


def _told(language: str, reason: Reason | Problem) -> str:
    """One line for the terminal of whoever pushes: names of files can carry signs that move its cursor, and bytes that are no text."""
    place = f"{reason.path}:{reason.line}: " if isinstance(reason, Problem) else ""
    return "".join(sign if sign.isprintable() else "?" for sign in place + sentence(language, reason))


def answer(lines: Iterable[str]) -> Iterator[str]:
    """Like ``main``, but a mistake of this program is a sentence too; its trace goes to the door's log by way of the permit."""
    slip = Path(os.environ[PERMIT])
    language = Permit.read(slip).language
    try:
        yield from main(lines)
    except Exception:
        slip.write_text(traceback.format_exc(), encoding="utf-8", errors="replace")
        yield from (say(language, "push.failed"), "")


if __name__ == "__main__":
    *said, verdict = answer(sys.stdin)
    sys.stderr.write("".join(f"{line}\n" for line in said))
    sys.exit(0 if verdict else 1)
