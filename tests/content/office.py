"""A small office that works by the shipped content: its people, its engine, and a clock that is set by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from qms.app import EFFECTS
from qms.database import Database, moment, stamp
from qms.errors import Refused
from qms.people import directory, hats
from qms.people.actor import SYSTEM, Actor
from qms.people.signature import Proof
from qms.records.evidence import TYPES, Attachment
from qms.records.trail import Receipt
from qms.workflows import case, definitions
from qms.workflows import file as files
from qms.workflows.case import Engine
from qms.workflows.definition import Definition
from qms.workflows.file import File, Procedure
from qms.workflows.scope import Taken
from qms.workflows.tables import case_evidence, case_file, case_link
from tests.cast import CAST, CONSORTIUM, ORGANISATIONS

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / "workflows").glob("*.yaml"))
NINE = datetime(2026, 3, 2, 8, tzinfo=UTC)
FACTS: Mapping[str, Any] = {
    "authors": (), "type": "PRO", "is_valid": True, "needs_check": True, "base_is_current": True, "has_reason": True, "code_is_free": True,
    "is_changed": True, "is_new": False, "is_withdrawal": False, "is_confirmation": False, "is_superseded": False, "is_withdrawn": False,
    "review_every": Decimal(24), "next_review": date(2028, 3, 2), "same_text_as": lambda step: True,
}  # fmt: skip


def small_hats() -> hats.Hats:
    return hats.load(ROOT / "qms/people/profiles/small.yaml")


@dataclass
class Office:
    """People and engine over one store. ``draft`` is what the shelf would say of the text of a document's case."""

    store: Database
    profile: str = "small"
    draft: dict[str, Any] = field(default_factory=lambda: dict(FACTS))
    people: dict[str, Actor] = field(default_factory=dict)
    effects: list[tuple[str, str]] = field(default_factory=list)
    at: datetime = NINE
    _sent: int = 0

    def __post_init__(self) -> None:
        self.store.clock = lambda: self.at
        self.engine: Engine = case.make_engine(
            organisation=CONSORTIUM,
            profile=self.profile,
            zone="Europe/Rome",
            patron_day="07-12",
            procedure_in_force=lambda connection, key: Procedure(key, 0, "0" * 40),
            effects={name: self._effect(name) for name in EFFECTS},
            facts={"draft": lambda connection, number: self.draft},
            clock=lambda: self.at,
        )
        known = small_hats()
        with self.store.writing() as tx:
            directory.add_organisation(tx, CONSORTIUM, "Consorzio", "consortium")
            for id, name, kind in ORGANISATIONS:
                directory.add_organisation(tx, id, name, kind)
            for nick, member in CAST.items():
                if member.kind == "staff":
                    person = directory.add_person(tx, member.name, member.email, member.kind)
                    held = known.unfold(member.hats)
                    self.people[nick] = Actor(person.id, member.name, "it", held, frozenset(member.hats), "staff", "cli")
            for path in WORKFLOWS:
                kind = definitions.FIGURES if path.stem == "figures" else definitions.WORKFLOW
                definitions.put_in_force(tx, self.source(path), path.name, SYSTEM, kind)

    def source(self, path: Path) -> bytes:
        """The text of a workflow as this office has it."""
        return path.read_bytes()

    def _effect(self, name: str) -> case.Effect:
        def effect(context: case.EffectContext) -> Mapping[str, Any]:
            self.effects.append((name, context.step.name))
            return {}

        return effect

    def id(self, nick: str) -> str:
        return self.people[nick].person

    def as_role(self, *roles: str, nick: str = "quality") -> Actor:
        """The person ``nick`` holding just these roles."""
        who = self.people[nick]
        return Actor(who.person, who.name, "it", frozenset((role, CONSORTIUM) for role in roles), frozenset(), "staff", "cli")

    def definition(self, workflow: str) -> Definition:
        with self.store.reading() as connection:
            return case.definition_of(connection, self.engine, workflow)

    def file(self, number: str) -> File:
        with self.store.reading() as connection:
            return files.load(connection, number)

    def link(self, parent: str, name: str, child: str, by: str) -> None:
        self._sent += 1
        with self.store.writing() as tx:
            case.link_case(tx, self.engine, parent, name, child, self.people[by], key=f"k{self._sent}")

    def open(self, workflow: str, by: str | Actor, fields: Mapping[str, object], *evidence: str, at: datetime | None = None) -> str:
        self._sent += 1
        who = self.people[by] if isinstance(by, str) else by
        with self.store.writing() as tx:
            receipt = case.open_case(
                tx, self.engine, workflow, who, fields=fields, evidence=self.attachments(workflow, evidence), happened_at=at,
                key=f"k{self._sent}",
            )  # fmt: skip
        return str(receipt.case)

    def take(
        self,
        number: str,
        step: str,
        by: str | Actor,
        fields: Mapping[str, object] | None = None,
        *evidence: str,
        comment: str | None = None,
        at: datetime | None = None,
    ) -> Receipt:
        """Take a step; each piece of evidence is a slot's name, with ``=text`` behind it when its content matters."""
        self._sent += 1
        who = self.people[by] if isinstance(by, str) else by
        file = self.file(number)
        with self.store.writing() as tx:
            return case.take_step(
                tx, self.engine, number, step, who, version=file.version, fields=fields, happened_at=at, comment=comment,
                evidence=self.attachments(file.workflow, evidence), proof=Proof(who.person, self.at), key=f"k{self._sent}",
            )  # fmt: skip

    def refused(self, number: str, step: str, by: str | Actor, *given: Any, **more: Any) -> tuple[str, ...]:
        """The codes of the refusal, none when the step was taken."""
        try:
            self.take(number, step, by, *given, **more)
        except Refused as refused:
            return refused.codes
        return ()

    def attachments(self, workflow: str, named: Sequence[str]) -> list[Attachment]:
        slots = self.definition(workflow).evidence
        found = []
        for one in named:
            slot, _, text = one.partition("=")
            kind = slots[slot].types[0]
            content = (text or slot).encode()
            found.append(Attachment(slot, sha256(content).hexdigest(), len(content), TYPES[kind], f"{slot.lower()}.{kind}"))
        return found

    def plant(
        self,
        workflow: str,
        state: str,
        fields: Mapping[str, Any],
        taken: Mapping[str, tuple[str, str, int]] | None = None,
        attached: Mapping[str, int] | None = None,
        links: Mapping[str, Sequence[tuple[str, str]]] | None = None,
        times: int = 1,
        organisations: Sequence[str] = (CONSORTIUM,),
    ) -> str:
        """A case as it would lie there after a long life: ``taken`` step → (who, when, entry), ``attached`` slot → entry,
        ``links`` name → (state, opened at) of the linked cases."""
        self._sent += 1
        number = f"X-2026-{self._sent:04d}"
        definition = self.definition(workflow)
        steps = {step: Taken(times, moment(when), (self.id(who),), n) for step, (who, when, n) in (taken or {}).items()}
        with self.store.writing() as tx:
            made = replace(self._made(definition, number, state, fields, steps), organisations=tuple(organisations))
            files.create(tx.connection, made)
            for slot, n in (attached or {}).items():
                row = {"case_number": number, "slot": slot, "sha256": sha256(f"{slot} {n}".encode()).hexdigest(), "n": n}
                tx.connection.execute(insert(case_evidence), {**row, "position": n, "size": 1, "type": "x", "name": "x"})
            for name, children in (links or {}).items():
                for place, (child_state, opened) in enumerate(children):
                    child = self._made(self.definition(definition.links[name].workflow), f"{number}-{place}", child_state, {}, {}, opened)
                    tx.connection.execute(insert(case_file), child.row())
                    tx.connection.execute(insert(case_link), {"parent": number, "name": name, "child": child.number})
        return number

    def _made(
        self,
        definition: Definition,
        number: str,
        state: str,
        fields: Mapping[str, Any],
        taken: Mapping[str, Taken],
        opened: str | None = None,
    ) -> File:
        since = moment(opened) if opened else datetime(2020, 1, 1, tzinfo=UTC)
        return File(
            number=number,
            workflow=definition.id,
            definition=definition.digest,
            procedure=None,
            title="…",
            state=state,
            version=50,
            n=50,
            fields={name: value for name, value in fields.items() if value is not None},
            taken=taken,
            confidentiality=files.confidentiality_of(definition),
            opened_at=since,
            opened_by=self.id("kennel"),
            changed_at=since,
            closed_at=since if definition.states[state].is_end else None,
            next_due=None,
            organisations=(CONSORTIUM,),
        )


def utc(text: str) -> datetime:
    """An instant from ``2026-03-02 09:00`` in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def kept(text: str) -> str:
    """The same as a field keeps it."""
    return stamp(utc(text))
