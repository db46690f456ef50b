"""Two drafts of one document: the first release wins, the other takes the new text in and is approved again.

A merge that git finds clean may still make a procedure that contradicts itself, and nobody has read it. So it is only ever a new draft.
"""

from dataclasses import dataclass

from sqlalchemy import Connection

from qms.database import Transaction
from qms.errors import Reason, Refused
from qms.library import Library
from qms.people.actor import Actor
from qms.procedures import ledger, register
from qms.procedures.drafts import Saved, save_draft


@dataclass(frozen=True)
class ThreeWay:
    """Two texts that grew from one: ``merged`` holds git's proposal, with its marks where both wrote."""

    base: str
    current: str
    proposed: str
    merged: str
    is_clean: bool
    tree: str


def three_way(connection: Connection, library: Library, key: str, slug: str) -> ThreeWay:
    """Compare a draft whose base is outdated with what is in force, from the text both grew from. Raises NotFound."""
    draft, row = register.draft(connection, key, slug), register.document(connection, key)
    head = ledger.main_head(connection)
    base = library.merge_base(head, draft.tip)
    with library.writer():
        merge = library.merge_tree(head, draft.tip)
    merged = library.tree_blob(merge.tree, draft.path)
    base_blob = library.blob_at(base, row.path) if base is not None else None

    def text(blob: str | None) -> str:
        return library.read(blob).decode("utf-8", "replace") if blob is not None else ""

    clean = not merge.conflicts and merged is not None and draft.path == row.path
    return ThreeWay(text(base_blob), text(row.blob), text(draft.blob), text(merged or draft.blob), clean, merge.tree)


def merge_draft(
    tx: Transaction, library: Library, key: str, slug: str, by: Actor, base_tip: str, *, idempotency: str | None = None
) -> Saved:
    """Take the revision in force into the draft where git can do so alone. Nobody has approved the outcome: approvals start again.

    Raises Refused MERGE_CONFLICT where both wrote in the same place: then a person writes the text, with ``save_draft(onto_current=True)``.
    """
    ledger.require_writer(library)
    compared = three_way(tx.connection, library, key, slug)
    if not compared.is_clean:
        raise Refused([Reason("MERGE_CONFLICT", values={"detail": slug})])
    return save_draft(tx, library, key, slug, compared.merged, {}, by, base_tip, onto_current=True, idempotency=idempotency)
