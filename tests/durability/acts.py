"""A client that works and writes down each act that was answered, so that a killed process can be asked for all of them."""

import io
import json
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from qms.app import App
from qms.people import directory
from qms.people.actor import Actor
from qms.people.signature import Proof
from qms.procedures import control
from qms.records import evidence
from qms.records.trail import Receipt
from qms.workflows import case

DOCUMENT = "PRO-7.5-02"


@dataclass
class Client:
    """One client of one process. ``diary`` receives a line for each act after its answer, flushed to disk."""

    app: App
    people: dict[str, str]
    diary: Path
    chance: random.Random

    def work(self, kinds: tuple[str, ...], times: int) -> None:
        for _ in range(times):
            getattr(self, self.chance.choice(kinds))()

    def step(self) -> None:
        """Report a nonconformity and contain it."""
        reported = self._report()
        who, key = self._who("tenders"), uuid4().hex
        with self.app.writing() as tx:
            done = case.take_step(
                tx, self.app.engine, str(reported.case), "contain", who, version=reported.version or 0, fields=CONTAINED, key=key
            )
        self._answered(who, key, done)

    def upload(self) -> None:
        """Record a tender with its notice attached."""
        who, key = self._who("tenders"), uuid4().hex
        content = io.BytesIO(b"%PDF-1.7 " + self.chance.randbytes(5000))
        stored = evidence.store(self.app.settings.evidence, content, "avviso.pdf", 1_000_000)
        with self.app.writing() as tx:
            done = case.open_case(
                tx,
                self.app.engine,
                "public-tender",
                who,
                fields={"title": "Gestione del canile"},
                evidence=[evidence.attach("TENDER_NOTICE", stored)],
                key=key,
            )
        self._answered(who, key, done, sha256=stored.sha256)

    def publish(self, before_approval: Callable[[], None] = lambda: None) -> None:
        """Bring a new revision of a procedure in force: draft, text, submission, check, approval."""
        who, slug = self._who("quality"), uuid4().hex[:12]
        key = uuid4().hex
        with self.app.writing(shelf=True) as tx:
            saved = control.start_draft(
                tx,
                self.app.library,
                key=DOCUMENT,
                slug=slug,
                by=who,
                open_case=self.app.open_proposal(who),
                reason="Il termine di conservazione è cambiato.",
                idempotency=f"{who.person}:{key}",
            )
        if saved.receipt is not None:
            self._answered(who, key, saved.receipt)
        with self.app.reading() as connection:
            draft = control.draft(connection, DOCUMENT, slug)
        text = control.draft_text(self.app.library, draft) + f"\nNota {slug}.\n"
        key = uuid4().hex
        with self.app.writing(shelf=True) as tx:
            saved = control.save_draft(tx, self.app.library, DOCUMENT, slug, text, {}, who, saved.commit, idempotency=f"{who.person}:{key}")
        if saved.receipt is not None:
            self._answered(who, key, saved.receipt)
        version = self._take(saved.case, "send_to_check", who, 1, {"change_summary": "Precisato il termine di conservazione."})
        outcome = {"review_outcome": "Coerente con le altre procedure."}
        version = self._take(saved.case, "review_ok", self._who("quality_too"), version, outcome, signed=True)
        before_approval()
        self._take(saved.case, "approve_now", self._who("direction"), version, {}, signed=True, slug=slug)

    def _take(
        self, number: str, step: str, who: Actor, version: int, fields: dict[str, str], signed: bool = False, slug: str | None = None
    ) -> int:
        key = uuid4().hex
        proof = Proof(who.person, self.app.database.clock()) if signed else None
        with self.app.writing(shelf=True) as tx:
            text = control.draft_of_case(tx.connection, number).blob
            done = case.take_step(
                tx, self.app.engine, number, step, who, version=version, fields=fields, proof=proof, key=key, text_seen=text
            )
        self._answered(who, key, done, slug=slug)
        return done.version or 0

    def _report(self) -> Receipt:
        who, key = self._who("tenders"), uuid4().hex
        with self.app.writing() as tx:
            done = case.open_case(tx, self.app.engine, "nonconformity", who, fields=REPORTED, key=key)
        self._answered(who, key, done)
        return done

    def _who(self, name: str) -> Actor:
        with self.app.reading() as connection:
            return directory.actor(connection, self.people[name], self.app.hats, "api")

    def _answered(self, who: Actor, key: str, receipt: Receipt, **more: str | None) -> None:
        line = json.dumps({"key": f"{who.person}:{key}", "position": receipt.position, "leaf": receipt.leaf, **more})
        with self.diary.open("a") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())


REPORTED = {
    "title": "Registro incompleto",
    "description": "Mancano due firme nel registro giornaliero del canile.",
    "process": "TENDERS",
    "nc_source": "SELF",
}
CONTAINED = {
    "containment": "Firme raccolte e turno avvisato.",
    "affected_scope": "Registro del 2 marzo, turno del mattino.",
    "persons_informed": "Referente del canile.",
}
