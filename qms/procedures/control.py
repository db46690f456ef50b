"""Controlled documents, as the doors and the desk know them: write, approve, release, withdraw, look up, compare.

Everything that a document goes through is here by name; the rooms behind it do one thing each. ISO 9001 §7.5.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from qms.errors import BadContent, NotFound
from qms.library import Library
from qms.people.actor import Actor
from qms.people.sight import reads_superseded, sees_document
from qms.procedures import document as texts
from qms.procedures import files
from qms.procedures import register as shelf_register
from qms.procedures.adoption import adopt
from qms.procedures.approval import approvals, binding, facts
from qms.procedures.drafts import (
    NewDocument,
    OpenCase,
    Opening,
    Saved,
    save_draft,
    start_draft,
    start_proposal,
)
from qms.procedures.drafts import seen as draft_seen
from qms.procedures.files import ControlledFile
from qms.procedures.intake import record_push
from qms.procedures.ledger import draft_table, revision_table, targets
from qms.procedures.merging import ThreeWay, merge_draft, three_way
from qms.procedures.rebuilding import compare
from qms.procedures.register import (
    Draft,
    RegisterRow,
    Revision,
    document,
    draft,
    draft_of_case,
    drafts,
    find,
    register,
    reviews,
    revision_of_case,
    revisions,
)
from qms.procedures.release import approve, cancel, confirm, publish, send_back, submit, withdraw
from qms.procedures.settling import Alarm, refs_as_seen, settle

__all__ = [
    "Alarm", "ControlledFile", "Draft", "HistoryLine", "NewDocument", "OpenCase", "Opening", "Readable", "RegisterRow", "Revision",
    "Saved", "ThreeWay", "adopt", "approvals", "approve", "binding", "cancel", "compare", "confirm", "document", "draft", "draft_of_case",
    "draft_seen", "draft_text", "drafts", "due_for_review", "facts", "file_in", "find", "graft_due", "history", "kept_file", "merge_draft",
    "publish", "record_push", "refs_as_seen", "register", "reviews", "revision_of_case", "revisions", "save_draft", "send_back", "settle",
    "start_draft", "start_proposal", "submit", "targets", "text", "three_way", "withdraw",
]  # fmt: skip


@dataclass(frozen=True)
class HistoryLine:
    """One revision in a document's history, and whether the reader may open its text."""

    revision: Revision
    may_read: bool


@dataclass(frozen=True)
class Readable:
    """A text that somebody may read: which revision it is and whether it is the one in force."""

    revision: Revision
    text: str
    is_in_force: bool


def history(connection: Connection, library: Library, key: str, by: Actor) -> list[HistoryLine]:
    """Every revision ``key`` ever had, newest first; who may not read superseded texts sees that they existed. Raises NotFound."""
    lines = [HistoryLine(revision, _may_read(connection, revision, by)) for revision in revisions(connection, key)]
    if not lines or not _sees(connection, key, by):
        raise NotFound("document", key)
    return lines


def text(connection: Connection, library: Library, key: str, by: Actor, number: int | None = None) -> Readable:
    """The text of a revision, of the one in force when no number is given. Raises NotFound also where ``by`` may not read it."""
    if number is None:
        number = document(connection, key).revision
    found = shelf_register.revision(connection, key, number)
    if not _may_read(connection, found, by):
        raise NotFound("revision", f"{key} {number}")
    return Readable(found, library.read(found.blob).decode("utf-8"), found.status == "in-force")


def draft_text(library: Library, found: Draft) -> str:
    """The words of a draft as they stand now."""
    return library.read(found.blob).decode("utf-8")


def file_in(words: str, path: str) -> ControlledFile | None:
    """The file that a text names in its head; None also for a text that is not well formed."""
    try:
        return texts.parse(words, path, placed=False).front.file
    except BadContent:
        return None


def kept_file(connection: Connection, key: str, words: str, path: str) -> ControlledFile:
    """The file that a text of the document ``key`` names, when it was kept. Raises NotFound."""
    return files.require_kept(connection, key, file_in(words, path))


def graft_due(connection: Connection, today: date) -> list[str]:
    """The cases whose approved text comes into force today or should have while nobody was there: the engine takes their step."""
    approved = (revision_table.c.status == "approved") & (revision_table.c.effective_on <= today.isoformat())
    query = select(revision_table.c.case_number).join(draft_table, draft_table.c.case_number == revision_table.c.case_number)
    return list(
        connection.execute(query.where(approved, draft_table.c.status == "approved").order_by(revision_table.c.effective_on)).scalars()
    )


def due_for_review(connection: Connection, until: date, limit: int = 100) -> list[RegisterRow]:
    """Documents in force whose review falls due by ``until``, the most overdue first."""
    return shelf_register.due_for_review(connection, until.isoformat(), limit)


def _may_read(connection: Connection, found: Revision, by: Actor) -> bool:
    if found.status == "in-force":
        return _sees(connection, found.key, by)
    return reads_superseded(by)


def _sees(connection: Connection, key: str, by: Actor) -> bool:
    try:
        return sees_document(by, document(connection, key).distribution)
    except NotFound:
        return reads_superseded(by)
