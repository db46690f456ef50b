"""What is known of a case at one moment, as the expressions of its workflow see it; asked of the database only when a rule asks."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, bindparam, select

from qms.database import moment
from qms.errors import NotFound
from qms.formats import identifiers
from qms.people.actor import Actor
from qms.workflows.calendar import Calendar
from qms.workflows.definition import Definition, Field
from qms.workflows.engine import DRAFT, Engine
from qms.workflows.expression import Expression
from qms.workflows.fields import kept, typed
from qms.workflows.figures import Figures
from qms.workflows.file import File
from qms.workflows.scope import Exhausted, Purse, Taken
from qms.workflows.tables import case_evidence, case_file, case_link

Current = Mapping[str, Sequence[tuple[str, int]]]
"""The files in force by slot: hash and the entry of the case that attached each."""

_evidence = select(case_evidence.c.slot, case_evidence.c.sha256, case_evidence.c.n).where(
    case_evidence.c.case_number == bindparam("wanted"), case_evidence.c.superseded.is_(None)
)
_linked = (
    select(case_file.c.number, case_file.c.state, case_file.c.closed_at, case_file.c.opened_at, case_file.c.fields)
    .join(case_link, case_link.c.child == case_file.c.number)
    .where(case_link.c.parent == bindparam("wanted"), case_link.c.name == bindparam("link"))
    .order_by(case_file.c.number)
)
_linked_held = _linked.with_for_update(read=True, of=case_file)
_children_held = (
    select(case_file.c.number)
    .where(case_file.c.number.in_(select(case_link.c.child).where(case_link.c.parent == bindparam("wanted"))))
    .order_by(case_file.c.number)
    .with_for_update(read=True, of=case_file)
)


def current_evidence(connection: Connection, number: str) -> Current:
    """The files attached to a case and not superseded."""
    found: dict[str, list[tuple[str, int]]] = {}
    for slot, sha256, n in connection.execute(_evidence, {"wanted": number}):
        found.setdefault(slot, []).append((sha256, n))
    return found


def hold_linked(connection: Connection, number: str) -> None:
    """Let nobody move the cases that hang on this one until the transaction ends: for who asks of them with the trail's head in hand."""
    connection.execute(_children_held, {"wanted": number})


def _read(fields: Mapping[str, Any], reads: Mapping[str, str]) -> dict[str, object]:
    """Fields of a linked case, whose own definition may be older and not have them all."""
    found = {}
    for name, kind in reads.items():
        try:
            found[name] = typed(Field(name, kind, {}, 0), fields.get(name))
        except (ArithmeticError, TypeError, ValueError):
            found[name] = None
    return found


class Facts:
    """One case, one person, one moment. ``fields`` are those after the form was filled in; ``now`` the files attached with it."""

    def __init__(
        self,
        engine: Engine,
        connection: Connection,
        definition: Definition,
        file: File,
        by: Actor,
        *,
        fields: Mapping[str, Any],
        happened_at: datetime,
        recorded_at: datetime,
        comment: str | None = None,
        now: Mapping[str, Sequence[str]] | None = None,
        holding: bool = False,
    ) -> None:
        self.purse = Purse()
        self.fields = fields
        self.figures_used: dict[str, str] = {}
        self._engine, self._connection, self._definition, self._file, self._by = engine, connection, definition, file, by
        self._now = now or {}
        self._holding = holding
        self._happened_at = happened_at
        self._typed: dict[str, object] = {
            "happened_at": happened_at,
            "recorded_at": recorded_at,
            "opened_at": file.opened_at,
            "comment": comment,
            "actor": by.person,
            "state": file.state,
        }
        self._evidence: Current | None = None
        self._figures: Figures | None = None
        self._draft: Mapping[str, Any] | None = None
        self._links: dict[str, Sequence[Mapping[str, object]]] = {}

    @property
    def calendar(self) -> Calendar:
        return self._engine.calendar

    @property
    def actor(self) -> str:
        return self._by.person

    @property
    def evidence(self) -> Current:
        """The files in force before this act."""
        if self._evidence is None:
            self._evidence = current_evidence(self._connection, self._file.number) if self._file.n else {}
        return self._evidence

    def hashes(self, slot: str) -> Collection[str]:
        """Of the files in force in a slot before this act."""
        return {sha256 for sha256, _ in self.evidence.get(slot, ())}

    def read(self, name: str) -> object:
        if name in self._typed:
            return self._typed[name]
        if name == "today":
            value: object = self.calendar.day(self._happened_at)
        elif (computed := self._definition.fields[name].computed) is not None:
            value = self._computed(computed)
        else:
            value = typed(self._definition.fields[name], self.fields.get(name))
        self._typed[name] = value
        return value

    def _computed(self, expression: Expression) -> object:
        """A computed field's value now, out of the same purse: whoever asks for many of them pays for all."""
        here = self.purse
        self.purse = Purse(fuel=here.fuel)
        try:
            return expression.run(self)
        finally:
            here.fuel, self.purse = self.purse.fuel, here

    def reckoned(self, names: Iterable[str]) -> dict[str, Any]:
        """Computed fields in their kept form; None for what takes more than any rule needs."""
        found: dict[str, Any] = {}
        for name in names:
            self.purse = Purse()
            try:
                found[name] = kept(self._definition.fields[name], self.read(name))
            except (Exhausted, ArithmeticError):
                found[name] = None
        return found

    def given(self, field: Field, expression: Expression) -> Any:
        """The kept form of what an expression gives a field; None for what takes more than any rule needs, or is too large to keep."""
        try:
            return kept(field, expression.value(self))
        except (Exhausted, ArithmeticError):
            return None

    def figure(self, name: str) -> Decimal | None:
        self._figures = self._figures or self._engine.definitions.figures(self._connection)
        value = self._figures.on(name, self.calendar.day(self._happened_at))
        if value is not None:
            self.figures_used[name] = str(value)
        return value

    def draft(self, fact: str) -> object:
        value = self._subject().get(fact)
        return list(value) if isinstance(value, (tuple, set, frozenset)) else value

    def same_text_as(self, step: str) -> bool:
        compare, asked = self._subject().get("same_text_as"), f"same_text_as {step}"
        if asked not in self._typed:
            self._typed[asked] = compare is not None and bool(compare(step))
        return self._typed[asked] is True

    def linked(self, name: str) -> Sequence[Mapping[str, object]]:
        if name not in self._links:
            query = _linked_held if self._holding else _linked
            rows = self._connection.execute(query, {"wanted": self._file.number, "link": name})
            reads = self._definition.links[name].reads
            self._links[name] = [
                {
                    "number": number,
                    "state": state,
                    "is_closed": closed is not None,
                    "opened_at": moment(opened),
                    "closed_at": moment(closed) if closed is not None else None,
                    **(_read(json.loads(fields), reads) if reads else {}),
                }
                for number, state, closed, opened, fields in rows
            ]
        return self._links[name]

    def attached(self, slot: str) -> bool:
        return bool(self._now.get(slot)) or slot in self.evidence

    def unchanged_since(self, step: str, slots: tuple[str, ...]) -> bool:
        taken = self.taken(step)
        if taken is None:
            return False
        for slot in slots:
            if any(n > taken.n for _, n in self.evidence.get(slot, ())) or set(self._now.get(slot, ())) - {*self.hashes(slot)}:
                return False
        return True

    def taken(self, step: str) -> Taken | None:
        return self._file.taken.get(step)

    def holds(self, role: str, organisation: str | None = None) -> bool:
        """Whether the actor has a role in one of the case's organisations, or in that very one."""
        return self._by.holds(role, self._file.organisations if organisation is None else [organisation])

    def is_valid(self, kind: str, text: str) -> bool:
        return identifiers.check(kind, text).is_valid

    def _subject(self) -> Mapping[str, Any]:
        if self._draft is None:
            provider = self._engine.facts.get(DRAFT)
            try:
                self._draft = provider(self._connection, self._file.number) if provider else {}
            except NotFound:
                self._draft = {}
        return self._draft
