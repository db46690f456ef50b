"""What was approved, bound to its very words: an approval holds for one text and for no other.

Each approving step seals the fingerprint of text and figures. At release every fingerprint given in this round is compared with the text
about to come into force; one changed byte, from whatever door, voids the approval. ISO 9001 §7.5.2 c, §7.5.3.2.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from qms.errors import BadContent, NotFound, Reason, Stale
from qms.library import Library
from qms.procedures import document, drafts, files, register
from qms.procedures.register import Draft
from qms.records import trail

SCHEME = "sha256-text-and-figures/1"
SEND_BACK = "return-draft"
"""The effect after which the approvals given before no longer count."""
COMPARED = ("key", "path", "blob", "sha256", "figures")


@dataclass(frozen=True)
class Text:
    """The text a case is about, as it stands now."""

    draft: Draft
    figures: Mapping[str, str]
    """Path → SHA-256 of the picture."""

    def binding(self, number: int | None) -> dict[str, Any]:
        """What an approval seals; ``number`` is the revision it will be, when it is known."""
        return {
            "key": self.draft.key, "draft": self.draft.slug, "revision": number, "base_revision": self.draft.base_revision,
            "path": self.draft.path, "blob": self.draft.blob, "sha256": self.draft.sha256, "commit": self.draft.tip,
            "figures": dict(self.figures), "scheme": SCHEME,
        }  # fmt: skip


def binding(connection: Connection, library: Library, case_number: str, seen: str | None = None) -> dict[str, Any]:
    """The fingerprint that an approving step seals. ``seen`` is the blob the person's page showed, when the door says it.

    Raises Stale when the text moved on since the page was drawn: nobody approves what they did not see.
    """
    text = current_text(connection, library, case_number)
    if seen is not None and seen != text.draft.blob:
        raise Stale([Reason("STALE", values={"detail": text.draft.slug})])
    return text.binding(register.next_number(connection, text.draft.key) if text.draft.kind == "text" else text.draft.base_revision)


def current_text(connection: Connection, library: Library, case_number: str) -> Text:
    """The text that the case is about, recomputed from the bytes on the shelf. Raises NotFound."""
    draft = register.draft_of_case(connection, case_number)
    content = library.read(draft.blob)
    if sha256(content).hexdigest() != draft.sha256 or library.blob_at(draft.tip, draft.path) != draft.blob:
        raise NotFound("text", draft.blob)
    return Text(draft, figures(library, draft.tip, draft.path))


def figures(library: Library, commit: str, path: str) -> dict[str, str]:
    """The pictures beside a document: path → SHA-256."""
    below = library.tree(commit, document.figures_folder(path))
    return {name: sha256(library.read(blob)).hexdigest() for name, blob in below.items()}


def approvals(connection: Connection, case_number: str) -> dict[str, Mapping[str, Any]]:
    """The approvals given in this round: step → the fingerprint it sealed last."""
    found: dict[str, Mapping[str, Any]] = {}
    for step, _, bound in _given(connection, case_number):
        found.setdefault(step, bound)
    return found


def approvers(connection: Connection, case_number: str) -> set[str]:
    """The persons who approved in this round."""
    return {person for _, person, _ in _given(connection, case_number)}


def _given(connection: Connection, case_number: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for sealed in _entries(connection, case_number):
        if SEND_BACK in (sealed.get("what") or {}).get("effects", {}):
            return
        step, bound = (sealed.get("case") or {}).get("step"), sealed.get("document") or {}
        if step is not None and bound.get("scheme") == SCHEME:
            yield step, sealed["by"]["person"], bound


def voided(connection: Connection, case_number: str, text: Text) -> list[Reason]:
    """One reason for every approval of this round that was given to other words."""
    now = text.binding(None)
    return [
        Reason(f"APPROVAL_VOID:{step}", values={"detail": step})
        for step, bound in approvals(connection, case_number).items()
        if any(bound.get(name) != now[name] for name in COMPARED)
    ]


def file_lacking(connection: Connection, library: Library, draft: Draft) -> list[Reason]:
    """A reason when the text of a draft names a file that nobody handed in for this document."""
    parsed = _parsed(library.read(draft.blob), draft.path, None, None)
    if parsed is None or parsed.file is None or files.is_kept(connection, draft.key, parsed.file.sha256):
        return []
    return [Reason("FILE_NOT_KEPT", "file", {"name": parsed.file.name})]


def facts(
    connection: Connection,
    library: Library,
    case_number: str,
    *,
    checked_types: Collection[str] = (),
    roles: Collection[str] | None = None,
    audiences: Collection[str] | None = None,
) -> dict[str, Any]:
    """What guards may ask about the text of a case, by name after ``draft.``; ``same_text_as`` is a function of a step. Raises NotFound."""
    draft = register.draft_of_case(connection, case_number)
    parsed = _parsed(library.read(draft.blob), draft.path, _frozen(roles), _frozen(audiences))
    current = drafts.current_revision(connection, draft.key)
    brought = register.revision_of_case(connection, case_number)
    became = brought.status if brought is not None else ""
    code = parsed.code if parsed is not None else ""
    return {
        "authors": draft.authors,
        "is_valid": parsed is not None,
        "needs_check": parsed is not None and (parsed.type in checked_types or parsed.approval == "checked"),
        "same_text_as": _same_text(connection, library, case_number),
        "base_is_current": draft.base_revision == current,
        "has_reason": draft.base_revision is None or bool(draft.reason.strip()),
        "code_is_free": register.code_owner(connection, code) in (None, draft.key),
        "is_changed": draft.kind == "text" and (current is None or not _is_in_force(connection, library, draft)),
        "is_withdrawal": draft.kind == "withdrawal",
        "is_confirmation": draft.kind == "confirmation",
        "is_new": draft.base_revision is None,
        "is_superseded": became == "superseded",
        "is_withdrawn": became == "withdrawn",
        "type": parsed.type if parsed is not None else "",
        "review_every": Decimal(parsed.review_every) if parsed is not None else None,
        "next_review": drafts.next_review(connection, draft.key),
    }


def _same_text(connection: Connection, library: Library, case_number: str) -> Callable[[str], bool]:
    def same_text_as(step: str) -> bool:
        bound = approvals(connection, case_number).get(step)
        now = current_text(connection, library, case_number).binding(None)
        return bound is not None and all(bound.get(name) == now[name] for name in COMPARED)

    return same_text_as


def _is_in_force(connection: Connection, library: Library, draft: Draft) -> bool:
    row = register.document(connection, draft.key)
    same = (row.blob, row.path) == (draft.blob, draft.path)
    return same and figures(library, row.commit_id, row.path) == figures(library, draft.tip, draft.path)


@lru_cache(maxsize=256)
def _parsed(content: bytes, path: str, roles: frozenset[str] | None, audiences: frozenset[str] | None) -> document.Front | None:
    try:
        return document.parse(content, path, roles, audiences=audiences).front
    except BadContent:
        return None


def _frozen(names: Collection[str] | None) -> frozenset[str] | None:
    return frozenset(names) if names is not None else None


def _entries(connection: Connection, case_number: str) -> Iterator[Mapping[str, Any]]:
    before: int | None = None
    while True:
        page = trail.entries(connection, case=case_number, before=before, limit=100)
        for found in page:
            yield found.said
        if len(page) < 100:
            return
        before = page[-1].position
