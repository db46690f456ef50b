"""A small trail for tests: cases, documents, evidence files and personal values, enough for every column to hold something."""

import hashlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from qms.database import Database, Transaction
from qms.people.actor import Actor
from qms.records import checkpoints, evidence, personal, trail
from qms.records.trail import Act, Receipt
from qms.records.verify import Check, Ground, verify_trail

GIULIA = Actor("P-0003", "Giulia Ferri", "it", frozenset({("QM", "consorzio")}), frozenset({("qualita", "consorzio")}), "staff", "web")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def an_act(tx: Transaction, n: int, files: Path | None = None) -> Act:
    """The ``n``-th act: every third belongs to a document, every fourth carries a file and a personal value."""
    step = {"workflow": "w", "definition": "d" * 64, "step": "go", "from": "A", "to": "B", "version": 1}
    pieces: list[Mapping[str, Any]] = []
    fields: dict[str, list[Any]] = {"title": [None, f"Perché è così, numero {n}"]}
    if files is not None and n % 4 == 0:
        kept = evidence.store(files, BytesIO(b"%PDF-1.7 " + str(n).encode()), f"verbale {n}.pdf", 10_000)
        pieces.append({"slot": "REPORT", "sha256": kept.sha256, "size": kept.size, "type": kept.type, "name": personal.hide(tx, kept.name)})
        fields["reporter"] = [None, personal.hide(tx, f"Persona {n}")]
    return Act(
        "step-taken",
        GIULIA,
        "QM",
        "consorzio",
        happened_at=tx.now,
        case={"number": f"NC-2026-{n % 3 + 1:04d}", "n": n // 3 + 1, **step},
        document={"key": "K", "code": "PRO-1", "commit": f"{n:040d}"} if n % 3 == 0 else None,
        fields=fields,
        evidence=pieces,
        comment=f"commento {n}",
        key=f"P-0003:{n}",
    )


def fill(store: Database, count: int, files: Path | None = None, start: int = 0) -> list[Receipt]:
    """Append ``count`` acts, several to a transaction."""
    receipts = []
    done = start
    while done < start + count:
        with store.writing() as tx:
            for n in range(done, min(done + 7, start + count)):
                receipts.append(trail.append(tx, an_act(tx, n, files)))
        done += 7
    return receipts


def ground(store: Database, files: Path, held: Mapping[str, str] | None = None) -> Ground:
    return Ground(store.signer.public, files, held=held or {})


def wrong(store: Database, files: Path, held: Mapping[str, str] | None = None) -> list[Check]:
    """The checks that fail now."""
    with store.reading() as connection:
        return [check for check in verify_trail(connection, ground(store, files, held)) if not check.passed]


def note(store: Database) -> str:
    """The checkpoint as it stands."""
    with store.reading() as connection:
        return trail.note_at_head(connection, store.signer.public)


__all__ = ["GIULIA", "an_act", "checkpoints", "fill", "ground", "note", "sha256", "wrong"]
