"""The register of documents: which revision is in force, since when, who owns it, when it is due for review.

Auditors ask for this list first (ISO 9001 §7.5.3). Its tables are working copies: every act that changes a row seals the row's new values
in its entry on the trail, so that ``compare`` can rebuild the register from the trail and name whatever differs.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from qms.errors import NotFound
from qms.procedures.ledger import LISTS, document_code_table, document_table, draft_ref, draft_table, listed, revision_table


@dataclass(frozen=True)
class RegisterRow:
    """One line of the register. ``in_force_since`` is an instant, ``next_review`` a date."""

    key: str
    code: str
    title: str
    type: str
    language: str
    owner: str
    clauses: tuple[str, ...]
    distribution: tuple[str, ...]
    workflows: tuple[str, ...]
    review_every: int
    path: str
    revision: int
    blob: str
    sha256: str
    commit_id: str
    in_force_since: str
    next_review: str
    status: str
    titles: Mapping[str, str] = field(default_factory=dict)
    """The title in other languages, by language."""

    def titled(self, language: str) -> str:
        """The title that a reader of ``language`` sees."""
        return self.titles.get(language, self.title)


@dataclass(frozen=True)
class Revision:
    """One revision of one document, whatever became of it."""

    key: str
    number: int
    status: str
    case_number: str | None
    code: str
    title: str
    path: str
    blob: str
    sha256: str
    commit_id: str
    tag: str
    effective_on: str
    minor: bool
    reason: str
    approved_at: str
    in_force_at: str | None
    ended_at: str | None


@dataclass(frozen=True)
class Draft:
    """One proposal: a text under way, or the wish to withdraw a document (``kind`` "withdrawal")."""

    key: str
    slug: str
    kind: str
    status: str
    case_number: str
    title: str
    path: str
    tip: str
    blob: str
    sha256: str
    base_revision: int | None
    authors: tuple[str, ...]
    reason: str
    changed_at: str

    @property
    def ref(self) -> str:
        return draft_ref(self.key, self.slug)

    @property
    def is_open(self) -> bool:
        return self.status == "open"


def register(
    connection: Connection,
    *,
    in_force_only: bool = True,
    owner: str | None = None,
    type: str | None = None,
    clause: str | None = None,
    text: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> list[RegisterRow]:
    """The register by code, in pages: ``after`` is the last code of the page before."""
    query = select(document_table).order_by(document_table.c.code).limit(limit)
    if in_force_only:
        query = query.where(document_table.c.status == "in-force")
    if owner:
        query = query.where(document_table.c.owner == owner)
    if type:
        query = query.where(document_table.c.type == type)
    if clause:
        query = query.where(document_table.c.clauses.contains(f'"{clause}', autoescape=True))
    for word in (text or "").split():
        part = _stem(word)
        query = query.where(
            document_table.c.title.icontains(part, autoescape=True)
            | document_table.c.code.icontains(part, autoescape=True)
            | document_table.c.titles.icontains(part, autoescape=True)
        )
    if after:
        query = query.where(document_table.c.code > after)
    return [_line(row) for row in connection.execute(query)]


def _stem(word: str) -> str:
    """A word without its last vowel, in which Italian keeps number and gender: ``gara`` finds ``Gare``."""
    return word[:-1] if len(word) > 3 and word[-1] in "aeiouàèéìòù" else word


def due_for_review(connection: Connection, until: str, limit: int) -> list[RegisterRow]:
    """Documents in force whose next review is not after the day ``until``, the most overdue first."""
    here = document_table.c
    due = select(document_table).where(here.status == "in-force", here.next_review <= until)
    return [_line(row) for row in connection.execute(due.order_by(here.next_review, here.code).limit(limit))]


def document(connection: Connection, key: str) -> RegisterRow:
    """The register's line of ``key``, in force or withdrawn. Raises NotFound."""
    row = connection.execute(_DOCUMENT, {"k": key}).first()
    if row is None:
        raise NotFound("document", key)
    return _line(row)


def find(connection: Connection, name: str) -> RegisterRow:
    """The document of a key or of any code it ever had. Raises NotFound."""
    key = connection.execute(select(document_code_table.c.key).where(document_code_table.c.code == name)).scalar()
    return document(connection, key if key is not None and not _has(connection, name) else name)


def codes(connection: Connection, key: str) -> list[str]:
    """Every code the document ever had."""
    query = select(document_code_table.c.code).where(document_code_table.c.key == key).order_by(document_code_table.c.code)
    return list(connection.execute(query).scalars())


def code_owner(connection: Connection, code: str) -> str | None:
    """The key of the document that has or had ``code``."""
    found = connection.execute(select(document_code_table.c.key).where(document_code_table.c.code == code)).scalar()
    return str(found) if found is not None else None


def revisions(connection: Connection, key: str) -> list[Revision]:
    """Every revision of ``key``, newest first."""
    query = select(revision_table).where(revision_table.c.key == key).order_by(revision_table.c.number.desc())
    return [_revision(row) for row in connection.execute(query)]


def revision(connection: Connection, key: str, number: int) -> Revision:
    """One revision. Raises NotFound."""
    row = connection.execute(select(revision_table).where(revision_table.c.key == key, revision_table.c.number == number)).first()
    if row is None:
        raise NotFound("revision", f"{key} {number}")
    return _revision(row)


def revision_of_case(connection: Connection, case_number: str) -> Revision | None:
    """The latest revision that a case brought forth."""
    query = select(revision_table).where(revision_table.c.case_number == case_number).order_by(revision_table.c.number.desc()).limit(1)
    row = connection.execute(query).first()
    return _revision(row) if row is not None else None


def drafts(connection: Connection, key: str | None = None, *, open_only: bool = True) -> list[Draft]:
    """Drafts under way, of one document or all."""
    query = select(draft_table).order_by(draft_table.c.key, draft_table.c.slug)
    if key is not None:
        query = query.where(draft_table.c.key == key)
    if open_only:
        query = query.where(draft_table.c.status.in_(("open", "approved")))
    return [_draft(row) for row in connection.execute(query)]


def reviews(connection: Connection, key: str) -> list[Draft]:
    """Periodic reviews that confirmed ``key`` as it stood, newest first."""
    query = select(draft_table).where(draft_table.c.key == key, draft_table.c.kind == "confirmation", draft_table.c.status == "released")
    return [_draft(row) for row in connection.execute(query.order_by(draft_table.c.changed_at.desc()))]


def draft(connection: Connection, key: str, slug: str) -> Draft:
    """One draft. Raises NotFound."""
    row = connection.execute(select(draft_table).where(draft_table.c.key == key, draft_table.c.slug == slug)).first()
    if row is None:
        raise NotFound("draft", f"{key}/{slug}")
    return _draft(row)


def draft_of_case(connection: Connection, case_number: str) -> Draft:
    """The draft that a case is about. Raises NotFound."""
    row = connection.execute(_DRAFT_OF_CASE, {"n": case_number}).first()
    if row is None:
        raise NotFound("draft", case_number)
    return _draft(row)


def next_number(connection: Connection, key: str) -> int:
    """The number the next approval takes: numbers of cancelled revisions are not given again."""
    query = select(revision_table.c.number).where(revision_table.c.key == key).order_by(revision_table.c.number.desc()).limit(1)
    last = connection.execute(query).scalar()
    return 0 if last is None else int(last) + 1


_DOCUMENT = select(document_table).where(document_table.c.key == bindparam("k"))
_DRAFT_OF_CASE = select(draft_table).where(draft_table.c.case_number == bindparam("n"))


def row_of(line: RegisterRow) -> dict[str, Any]:
    """A line of the register as its row."""
    row = {name: listed(value) if name in LISTS else value for name, value in line.__dict__.items()}
    return {**row, "titles": json.dumps(line.titles, ensure_ascii=False, sort_keys=True) if line.titles else None}


def _has(connection: Connection, key: str) -> bool:
    return connection.execute(_DOCUMENT, {"k": key}).first() is not None


def _plain(row: Row[Any]) -> dict[str, Any]:
    return {name: tuple(json.loads(value)) if name in LISTS else value for name, value in row._mapping.items()}


def _line(row: Row[Any]) -> RegisterRow:
    values = _plain(row)
    return RegisterRow(**{**values, "titles": json.loads(values["titles"] or "{}")})


def _revision(row: Row[Any]) -> Revision:
    values = _plain(row)
    return Revision(**{**values, "minor": bool(values["minor"])})


def _draft(row: Row[Any]) -> Draft:
    return Draft(**_plain(row))
