"""From approved text to text in force: numbers, tags, dates, withdrawal and return.

At most one revision of a document is in force at any instant. A release puts exactly the approved words there, changes nothing else on the
shelf, and gives each approval a number that is used once. ISO 9001 §7.5.3.1, §8.5.6.
"""

import json
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import select

from qms.database import Transaction, stamp
from qms.errors import Reason, Refused, refusal
from qms.library import MAIN, Library
from qms.people.actor import Actor
from qms.procedures import approval, document, drafts, ledger, register
from qms.procedures.approval import Text
from qms.procedures.ledger import Change, archive_ref, draft_ref, listed, revision_tag, withdrawn_tag
from qms.procedures.register import Draft, RegisterRow, Revision
from qms.records import seal
from qms.records.tables import head as trail_head


class Numbered(Protocol):
    """A case, as far as this room needs to know one."""

    @property
    def number(self) -> str: ...


class Context(Protocol):
    """What the engine hands to an effect."""

    @property
    def tx(self) -> Transaction: ...
    @property
    def case(self) -> Numbered: ...
    @property
    def by(self) -> Actor: ...
    @property
    def happened_at(self) -> datetime: ...
    @property
    def comment(self) -> str | None: ...
    @property
    def arguments(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class _Release:
    """One approved text on its way."""

    text: Text
    front: document.Front
    number: int
    effective_on: date
    minor: bool
    head: str
    current: RegisterRow | None


def approve(tx: Transaction, library: Library, context: Context, zone: ZoneInfo) -> dict[str, Any]:
    """Give the text its number and tag; nothing comes into force. Is told ``effective_on`` (else today) and ``minor``. Raises Refused."""
    ledger.require_writer(library)
    release = _judge(tx, library, context, zone)
    commit, tag = _commit(tx, library, context, release)
    draft = release.text.draft
    end = drafts.closed(draft, "approved", tx)
    row = _revision_row(release, context, commit, tx)
    change = Change({**end.rows, "revision": [row]}, {**end.refs, revision_tag(draft.key, release.number): (None, tag)})
    return _done(tx, library, change, _named(release, commit))


def publish(tx: Transaction, library: Library, context: Context, zone: ZoneInfo) -> dict[str, Any]:
    """Put the text of this case in force, after approving it when that has not happened. Raises Refused."""
    ledger.require_writer(library)
    draft = register.draft_of_case(tx.connection, context.case.number)
    if draft.status == "approved":
        return _graft(tx, library, context, draft, zone)
    release = _judge(tx, library, context, zone)
    if release.effective_on > _today(tx, zone):
        raise Refused([Reason("NOT_YET", values={"detail": release.effective_on.isoformat()})])
    commit, tag = _commit(tx, library, context, release)
    row = _revision_row(release, context, commit, tx) | {"status": "in-force", "in_force_at": stamp(tx.now)}
    end = drafts.closed(draft, "released", tx)
    rows = _rows_in_force(release.front, draft.path, row, commit, release.current, tx, zone)
    refs = {MAIN: (release.head, commit), revision_tag(draft.key, release.number): (None, tag)}
    return _done(tx, library, Change({**rows, **end.rows}, {**end.refs, **refs}), _named(release, commit), release.current)


def withdraw(tx: Transaction, library: Library, context: Context) -> dict[str, Any]:
    """Take the document of this case out of force; its row stays and its code is never given again. Raises Refused.

    Where another case had put it in force, ``supersedes`` in the answer names that case: it has come to its end too.
    """
    ledger.require_writer(library)
    row = _subject(tx, context)
    draft = register.draft_of_case(tx.connection, context.case.number)
    if draft.kind != "text" and (reasons := approval.voided(tx.connection, draft.case_number, _in_force_text(library, draft, row))):
        raise refusal(reasons)
    tip = ledger.main_head(tx.connection)
    gone = [row.path, *library.tree(tip, document.figures_folder(row.path))]
    trailers = _trailers(tx, context, row.key, row.revision)
    commit = library.commit(tip, dict.fromkeys(gone), f"Withdraw {row.code}", context.by.person, tx.now, trailers)
    tag = library.tag_object(commit, f"withdrawn/{row.key}/{row.revision}", f"{row.code} withdrawn", tx.now)
    ended = {"key": row.key, "number": row.revision, "status": "withdrawn", "ended_at": stamp(tx.now)}
    rows: dict[str, Any] = {"document": [{"key": row.key, "status": "withdrawn", "commit_id": commit}], "revision": [ended]}
    if draft.kind != "text":
        rows |= drafts.closed(draft, "released", tx).rows
    change = Change(rows, {MAIN: (tip, commit), withdrawn_tag(row.key, row.revision): (None, tag)})
    named = {"key": row.key, "code": row.code, "revision": row.revision, "blob": row.blob, "sha256": row.sha256, "commit": commit}
    own = register.revision(tx.connection, row.key, row.revision).case_number == context.case.number
    return _done(tx, library, change, named, None if own else row)


def confirm(tx: Transaction, library: Library, context: Context, zone: ZoneInfo) -> dict[str, Any]:
    """Record a periodic review that changes nothing: only the next due date moves.

    Where another case had put the document in force, ``reviews`` in the answer names that case: its due date has moved too.
    """
    row = _subject(tx, context)
    draft = register.draft_of_case(tx.connection, context.case.number)
    due = months_after(_today(tx, zone), row.review_every).isoformat()
    rows: dict[str, Any] = {"document": [{"key": row.key, "next_review": due}]}
    if draft.kind != "text":
        rows |= drafts.closed(draft, "released", tx).rows
    named = {"key": row.key, "code": row.code, "revision": row.revision, "blob": row.blob, "sha256": row.sha256, "commit": row.commit_id}
    brought = register.revision(tx.connection, row.key, row.revision).case_number
    reviews = {"reviews": {"key": row.key, "revision": row.revision, "case": brought}} if brought != context.case.number else {}
    return {**_done(tx, library, Change(rows, {}), named), "next_review": due, **reviews}


def submit(tx: Transaction, library: Library, context: Context) -> dict[str, Any]:
    """Count the person who submits a text among its authors."""
    draft = register.draft_of_case(tx.connection, context.case.number)
    if lacking := approval.file_lacking(tx.connection, library, draft):
        raise Refused(lacking)
    authors = draft.authors if context.by.person in draft.authors else (*draft.authors, context.by.person)
    rows = {"draft": [{"key": draft.key, "slug": draft.slug, "authors": listed(authors)}]}
    return _done(tx, library, Change(rows, {}), {"key": draft.key, "draft": draft.slug, "blob": draft.blob, "sha256": draft.sha256})


def send_back(tx: Transaction, library: Library, context: Context) -> dict[str, Any]:
    """Return a text to its authors: approvals so far no longer count, and a number already given is kept as cancelled."""
    draft = register.draft_of_case(tx.connection, context.case.number)
    rows: dict[str, Any] = {}
    refs: dict[str, tuple[str | None, str | None]] = {}
    if draft.status == "approved":
        rows = {"draft": [{"key": draft.key, "slug": draft.slug, "status": "open", "changed_at": stamp(tx.now)}]}
        rows |= _cancelled_number(tx, draft)
        refs = {archive_ref(draft.key, draft.slug): (draft.tip, None), draft_ref(draft.key, draft.slug): (None, draft.tip)}
    elif not draft.is_open:
        raise Refused([Reason("DRAFT_CLOSED", values={"detail": draft.slug, "status": draft.status})])
    return _done(tx, library, Change(rows, refs), {"key": draft.key, "draft": draft.slug, "blob": draft.blob})


def cancel(tx: Transaction, library: Library, context: Context) -> dict[str, Any]:
    """Give a proposal up: its history goes to the archive, and a number already given is kept as cancelled."""
    draft = register.draft_of_case(tx.connection, context.case.number)
    if draft.status == "approved":
        ended = {"key": draft.key, "slug": draft.slug, "status": "cancelled", "changed_at": stamp(tx.now)}
        change = Change({"draft": [ended], **_cancelled_number(tx, draft)}, {})
    elif draft.is_open:
        change = drafts.closed(draft, "cancelled", tx)
    else:
        raise Refused([Reason("DRAFT_CLOSED", values={"detail": draft.slug, "status": draft.status})])
    return _done(tx, library, change, {"key": draft.key, "draft": draft.slug, "blob": draft.blob})


def months_after(day: date, months: int) -> date:
    """``day`` some months later, on the month's last day where the same day does not exist."""
    year, month = divmod(day.month - 1 + months, 12)
    return date(day.year + year, month + 1, min(day.day, monthrange(day.year + year, month + 1)[1]))


def _judge(tx: Transaction, library: Library, context: Context, zone: ZoneInfo) -> _Release:
    """Every reason why this text may not be released, at once."""
    text = approval.current_text(tx.connection, library, context.case.number)
    draft = text.draft
    if not draft.is_open or draft.kind != "text":
        raise Refused([Reason("DRAFT_CLOSED", values={"detail": draft.slug, "status": draft.status})])
    front = document.parse(library.read(draft.blob), draft.path).front
    reasons = approval.voided(tx.connection, draft.case_number, text) + approval.file_lacking(tx.connection, library, draft)
    known = approval.facts(tx.connection, library, draft.case_number)
    for name, code in (("base_is_current", "BASE_OUTDATED"), ("code_is_free", "CODE_TAKEN"), ("is_changed", "DRAFT_UNCHANGED")):
        if not known[name]:
            reasons.append(Reason(code, values={"detail": front.code}))
    effective = _effective_on(context, tx, zone)
    if effective < min(_today(tx, zone), context.happened_at.astimezone(zone).date()):
        reasons.append(Reason("EFFECTIVE_PAST", values={"detail": effective.isoformat()}))
    if reasons:
        raise refusal(reasons)
    current = register.document(tx.connection, draft.key) if drafts.current_revision(tx.connection, draft.key) is not None else None
    number = register.next_number(tx.connection, draft.key)
    return _Release(text, front, number, effective, bool(context.arguments.get("minor")), ledger.main_head(tx.connection), current)


def _graft(tx: Transaction, library: Library, context: Context, draft: Draft, zone: ZoneInfo) -> dict[str, Any]:
    """Put a revision in force that was approved for this day."""
    approved = register.revision_of_case(tx.connection, draft.case_number)
    if approved is None or approved.status != "approved":
        raise Refused([Reason("DRAFT_CLOSED", values={"detail": draft.slug, "status": draft.status})])
    text = approval.current_text(tx.connection, library, draft.case_number)
    reasons = approval.voided(tx.connection, draft.case_number, text)
    if draft.base_revision != drafts.current_revision(tx.connection, draft.key):
        reasons.append(Reason("BASE_OUTDATED", values={"detail": approved.code}))
    if date.fromisoformat(approved.effective_on) > _today(tx, zone):
        reasons.append(Reason("NOT_YET", values={"detail": approved.effective_on}))
    if (approved.blob, approved.path) != (draft.blob, draft.path):
        reasons.append(Reason(f"APPROVAL_VOID:{approved.number}", values={"detail": approved.tag}))
    if reasons:
        raise refusal(reasons)
    tip = ledger.main_head(tx.connection)
    current = register.document(tx.connection, draft.key) if draft.base_revision is not None else None
    commit = approved.commit_id
    if library.commit_at(commit).parents != (tip,):
        changes = _changes(library, draft, current)
        trailers = _trailers(tx, context, draft.key, approved.number)
        commit = library.commit(tip, changes, _headline(approved.code, approved.number), context.by.person, tx.now, trailers)
    front = document.parse(library.read(draft.blob), draft.path).front
    row = {"key": draft.key, "number": approved.number, "status": "in-force", "in_force_at": stamp(tx.now)}
    rows = _rows_in_force(front, draft.path, row | {"blob": draft.blob, "sha256": draft.sha256}, commit, current, tx, zone)
    rows["draft"] = [{"key": draft.key, "slug": draft.slug, "status": "released", "changed_at": stamp(tx.now)}]
    named = {**text.binding(approved.number), "code": front.code, "commit": commit, "tag": approved.tag}
    return _done(tx, library, Change(rows, {MAIN: (tip, commit)}), named, current)


def _commit(tx: Transaction, library: Library, context: Context, release: _Release) -> tuple[str, str]:
    draft = release.text.draft
    changes = _changes(library, draft, release.current)
    trailers = _trailers(tx, context, draft.key, release.number)
    headline = _headline(release.front.code, release.number)
    commit = library.commit(release.head, changes, f"{headline}\n\n{draft.reason}".strip(), context.by.person, tx.now, trailers)
    return commit, library.tag_object(commit, f"rev/{draft.key}/{release.number}", headline, tx.now)


def _changes(library: Library, draft: Draft, current: RegisterRow | None) -> dict[str, str | None]:
    """The document's own files and nothing else: what stood in force goes, what was approved comes."""
    old: dict[str, str] = {}
    if current is not None:
        old = {current.path: current.blob, **library.tree(current.commit_id, document.figures_folder(current.path))}
    new = {draft.path: draft.blob, **library.tree(draft.tip, document.figures_folder(draft.path))}
    return {**dict.fromkeys(old), **new}


def _trailers(tx: Transaction, context: Context, key: str, number: int) -> dict[str, str]:
    return {
        "Document": key,
        "Revision": str(number),
        "Case": context.case.number,
        **_latest_seal(tx),
        "Approved-By": ", ".join(sorted({*approval.approvers(tx.connection, context.case.number), context.by.person})),
    }


def _latest_seal(tx: Transaction) -> dict[str, str]:
    """Where the trail stood when the text was released, so that git can bear witness to it."""
    row = tx.connection.execute(select(trail_head.c.size, trail_head.c.frontier)).one()
    root = seal.root_of([bytes.fromhex(part) for part in json.loads(row.frontier)])
    return {"Trail-Position": str(row.size), "Trail-Root": root.hex()}


def _revision_row(release: _Release, context: Context, commit: str, tx: Transaction) -> dict[str, Any]:
    draft = release.text.draft
    made = Revision(
        draft.key, release.number, "approved", draft.case_number, release.front.code, release.front.title, draft.path, draft.blob,
        draft.sha256, commit, f"rev/{draft.key}/{release.number}", release.effective_on.isoformat(), release.minor, draft.reason,
        stamp(tx.now), None, None,
    )  # fmt: skip
    return {**made.__dict__, "minor": int(made.minor)}


def _rows_in_force(
    front: document.Front, path: str, revision: Mapping[str, Any], commit: str, former: RegisterRow | None, tx: Transaction, zone: ZoneInfo
) -> dict[str, Any]:
    """The rows that say so; ``revision`` is the row of the revision with its text."""
    line = RegisterRow(
        front.key, front.code, front.title, front.type, front.language, front.owner, front.clauses, front.distribution, front.workflows,
        front.review_every, path, revision["number"], revision["blob"], revision["sha256"], commit, stamp(tx.now),
        months_after(_today(tx, zone), front.review_every).isoformat(), "in-force", front.titles,
    )  # fmt: skip
    rows: dict[str, Any] = {"document": [register.row_of(line)], "revision": [dict(revision)]}
    rows["document_code"] = [{"code": front.code, "key": front.key}]
    if former is not None:
        rows["revision"].append({"key": front.key, "number": former.revision, "status": "superseded", "ended_at": stamp(tx.now)})
    return rows


def _subject(tx: Transaction, context: Context) -> RegisterRow:
    draft = register.draft_of_case(tx.connection, context.case.number)
    row = register.document(tx.connection, draft.key)
    brought = register.revision_of_case(tx.connection, draft.case_number)
    number = brought.number if draft.kind == "text" and brought is not None else draft.base_revision
    if row.status != "in-force" or row.revision != number:
        raise Refused([Reason("BASE_OUTDATED", values={"detail": row.code})])
    return row


def _in_force_text(library: Library, draft: Draft, row: RegisterRow) -> Text:
    now = replace(draft, path=row.path, tip=row.commit_id, blob=row.blob, sha256=row.sha256)
    return Text(now, approval.figures(library, row.commit_id, row.path))


def _cancelled_number(tx: Transaction, draft: Draft) -> dict[str, Any]:
    approved = register.revision_of_case(tx.connection, draft.case_number)
    if approved is None or approved.status != "approved":
        return {}
    return {"revision": [{"key": draft.key, "number": approved.number, "status": "cancelled", "ended_at": stamp(tx.now)}]}


def _done(tx: Transaction, library: Library, change: Change, named: Mapping[str, Any], former: RegisterRow | None = None) -> dict[str, Any]:
    ledger.write(tx, change)
    ledger.follow(tx, library, change)
    done: dict[str, Any] = {"document": dict(named), "shelf": change.sealed()}
    if "commit" in named:
        done["commit"] = named["commit"]
    if former is not None:
        old = register.revision(tx.connection, former.key, former.revision)
        done["supersedes"] = {"key": former.key, "revision": former.revision, "case": old.case_number}
    return done


def _named(release: _Release, commit: str) -> dict[str, Any]:
    bound = release.text.binding(release.number)
    tag = f"rev/{release.text.draft.key}/{release.number}"
    return {**bound, "code": release.front.code, "commit": commit, "tag": tag, "effective_on": release.effective_on.isoformat()}


def _headline(code: str, number: int) -> str:
    return f"{code} revision {number}"


def _effective_on(context: Context, tx: Transaction, zone: ZoneInfo) -> date:
    value: date | None = context.arguments.get("effective_on")
    return _today(tx, zone) if value is None else value


def _today(tx: Transaction, zone: ZoneInfo) -> date:
    return tx.now.astimezone(zone).date()
