"""A library with two adopted procedures, on both databases, and a small stand-in for the engine that takes steps on their cases."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from qms.database import Database, Transaction
from qms.library import Library
from qms.people.actor import Actor
from qms.procedures import approval, drafts, ledger, register, release, settling
from qms.procedures.drafts import Opening, Saved
from qms.procedures.register import Draft, RegisterRow
from qms.records import trail

ROME = ZoneInfo("Europe/Rome")
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
PATH = "procedures/sistema/PRO-7.5-01-documenti.md"
OTHER = "procedures/sistema/PRO-7.5-02-registrazioni.md"
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


def person(number: int, *roles: str, kind: str = "staff") -> Actor:
    return Actor(
        f"P-{number:04}", f"Persona {number}", "it", frozenset((r, "consorzio") for r in roles), frozenset(), kind, "web", "consorzio"
    )


ANNA = person(1, "PROC_OWNER")
BRUNO = person(2, "QM")
CARLA = person(3, "TOP")
DINO = person(4, "WORKER")


def words(key: str = "PRO-7.5-01", body: str = "Si scrive, si approva, si distribuisce.\n", **head: str) -> str:
    values = {
        "key": key, "code": key, "title": "Controllo dei documenti", "type": "PRO", "language": "it", "owner": "QM",
        "clauses": '["7.5.3"]', "approval": "checked", "review_every": "24", "distribution": "all", **head,
    }  # fmt: skip
    lines = "".join(f"{name}: {value}\n" for name, value in values.items())
    return f"---\n{lines}---\n\n# {values['title']}\n\n{body}"


@dataclass
class Case:
    number: str


@dataclass
class Context:
    tx: Transaction
    case: Case
    by: Actor
    comment: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    happened_at: datetime = NINE


@dataclass
class House:
    """Everything a test of documents touches."""

    store: Database
    library: Library
    steps: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        with self.library.writer():
            settling.settle(self.store, self.library)
            with self.store.writing() as tx:
                yield tx

    def open_case(self, tx: Transaction, opening: Opening) -> str:
        number = f"DOC-2026-{len(self.steps) + 1:04}"
        self.steps[number] = 1
        case = {"number": number, "n": 1, "step": "opening", "workflow": "w", "definition": "d", "version": 1}
        trail.append(tx, trail.Act(event="case-opened", by=ANNA, case=case))
        return number

    def start(self, slug: str = "prima", by: Actor = ANNA, **more: Any) -> Saved:
        with self.writing() as tx:
            values = {"key": "PRO-7.5-01", "open_case": self.open_case, "reason": "Aggiornamento", **more}
            return drafts.start_draft(tx, self.library, slug=slug, by=by, **values)

    def save(self, slug: str, text: str, by: Actor = ANNA, tip: str | None = None, key: str = "PRO-7.5-01", **more: Any) -> Saved:
        with self.writing() as tx:
            known = tip or register.draft(tx.connection, key, slug).tip
            return drafts.save_draft(tx, self.library, key, slug, text, more.pop("figures", {}), by, known, **more)

    def take(
        self,
        case: str,
        step: str,
        by: Actor,
        effect: Callable[..., dict[str, Any]] | None = None,
        binds: bool = False,
        name: str = "effect",
        zone: bool = False,
        **more: Any,
    ) -> dict[str, Any]:
        """Take a step as the engine does: bind, run the effect, seal, all in one transaction."""
        with self.writing() as tx:
            bound = approval.binding(tx.connection, self.library, case) if binds else None
            context = Context(tx, Case(case), by, **more)
            made = effect(tx, self.library, context, *((ROME,) if zone else ())) if effect is not None else {}
            self.steps[case] += 1
            about = {"number": case, "n": self.steps[case], "step": step, "workflow": "w", "definition": "d", "version": self.steps[case]}
            document = {**(bound or {}), **made.get("document", {})} or None
            trail.append(
                tx, trail.Act(event="step-taken", by=by, case=about, document=document, what={"effects": {name: made}} if made else {})
            )
            return made

    def check(self, case: str, by: Actor = BRUNO) -> None:
        self.take(case, "verify", by, binds=True)

    def publish(self, case: str, by: Actor = CARLA, binds: bool = True, **more: Any) -> dict[str, Any]:
        return self.take(case, "sign", by, release.publish, binds=binds, name="publish-revision", zone=True, **more)

    def approve(self, case: str, by: Actor = CARLA, **more: Any) -> dict[str, Any]:
        return self.take(case, "sign", by, release.approve, binds=True, name="approve-revision", zone=True, **more)

    def row(self, key: str = "PRO-7.5-01") -> RegisterRow:
        with self.store.reading() as connection:
            return register.document(connection, key)

    def draft(self, slug: str, key: str = "PRO-7.5-01") -> Draft:
        with self.store.reading() as connection:
            return register.draft(connection, key, slug)

    def statuses(self, key: str = "PRO-7.5-01") -> dict[int, str]:
        with self.store.reading() as connection:
            return {one.number: one.status for one in register.revisions(connection, key)}

    def events(self) -> list[str]:
        with self.store.reading() as connection:
            return [one.event for one in trail.entries(connection, limit=1000)]

    def wanted(self) -> dict[str, str]:
        with self.store.reading() as connection:
            return ledger.targets(connection)

    def found(self) -> dict[str, str]:
        return {ref: name for ref, name in self.library.refs().items() if not ref.startswith("refs/qms/")}

    def in_force(self, path: str = PATH) -> str:
        blob = self.library.blob_at(self.library.refs()["refs/heads/main"], path)
        return self.library.read(blob).decode() if blob else ""

    def later(self, **more: float) -> None:
        now = self.store.clock()
        self.store.clock = lambda: now + timedelta(**more)
