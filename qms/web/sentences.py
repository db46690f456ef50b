"""The history of a case or a system as sentences: who did what, as what, when it happened and when it was recorded, with which seal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from qms.errors import NotFound
from qms.locale import knows
from qms.people import directory
from qms.people.sight import reads_personal
from qms.records import personal
from qms.records.trail import Entry
from qms.web.call import Call
from qms.web.fields import Shown
from qms.web.words import Words
from qms.workflows.definition import Definition, Field
from qms.workflows.viewing import opens

LATE_RECORDING = timedelta(minutes=15)
MOST_SHOWN = 200
MOST_CELLS = 20

PERSONS = ("person", "for", "delegator")
"""Where an entry names persons besides who acted."""


@dataclass(frozen=True)
class Change:
    """One field that an act filled or changed."""

    title: str
    old: Any
    new: Any


@dataclass(frozen=True)
class Line:
    """One entry of the trail as a person reads it."""

    position: int
    at: Any
    happened_at: Any
    recorded_late: str | None
    text: str
    case: str | None
    document: str | None
    comment: str | None
    signed: str | None
    changes: tuple[Change, ...]
    files: tuple[tuple[str, str, str, bool], ...]
    """Slot, hash, name, and whether the reader may open it."""
    move: tuple[str, str] | None


class Teller:
    """Tells entries to one reader; definitions and names are looked up once."""

    def __init__(self, call: Call, connection: Any) -> None:
        self.call, self.connection = call, connection
        self.words = Words(call.language, call.app.zone, call.app.database.clock(), call.app.hats.roles)
        self.shown = Shown(connection, self.words, call.app.hats.roles)
        self._names: dict[str, str] = {}
        self._houses: dict[str, str] | None = None
        self._values: dict[str, str] = {}

    def lines(self, entries: Sequence[Entry], *, with_changes: bool = False) -> tuple[Line, ...]:
        """A sentence for each entry."""
        persons = {entry.said["by"]["person"] for entry in entries if entry.said["by"]["name"] is None}
        persons |= {str(entry.said["what"][key]) for entry in entries for key in PERSONS if entry.said["what"].get(key)}
        self._names |= directory.names(self.connection, list(persons))
        self._values |= personal.behind(self.connection, [part for entry in entries for part in self._readable(entry, with_changes)])
        return tuple(self._line(entry, with_changes) for entry in entries)

    def _readable(self, entry: Entry, with_changes: bool) -> Iterator[Any]:
        """The parts of an entry whose personal values the reader may know."""
        definition = self._definition((entry.said["case"] or {}).get("definition"))
        yield [piece for piece in entry.said["evidence"] if self._opens(definition, piece)]
        if with_changes and reads_personal(self.call.by):
            yield entry.said["fields"]

    def _line(self, entry: Entry, with_changes: bool) -> Line:
        said = entry.said
        case, document = said["case"] or {}, said["document"] or {}
        definition = self._definition(case.get("definition"))
        late = entry.at - entry.happened_at if entry.happened_at else timedelta()
        return Line(
            entry.position,
            entry.at,
            entry.happened_at if late >= timedelta(minutes=1) else None,
            self.words.span(late) if late >= LATE_RECORDING else None,
            self._sentence(entry, definition),
            case.get("number"),
            document.get("key"),
            said["comment"],
            said["signature"]["meaning"] if said["signature"] else None,
            tuple(self._changes(said, definition)) if with_changes and definition else (),
            tuple(
                (piece["slot"], piece["sha256"], self._plain(piece["name"]) if is_open else self.words.t("web.withheld"), is_open)
                for piece in said["evidence"]
                for is_open in [self._opens(definition, piece)]
            ),
            self._move(case, definition),
        )

    def _for(self, what: dict[str, Any]) -> str:
        """On whose behalf, when the hat was lent."""
        lender = what.get("for")
        return f" {self.words.t('web.event.for', name=self._names.get(str(lender), lender))}" if lender else ""

    def _opens(self, definition: Definition | None, piece: Any) -> bool:
        return definition is None or opens(definition, str(piece.get("slot")), self.call.by)

    def _sentence(self, entry: Entry, definition: Definition | None) -> str:
        said, words = entry.said, self.words
        if entry.is_damaged:
            return words.t("web.event.damaged")
        case, document, what, by = said["case"] or {}, said["document"] or {}, said["what"], said["by"]
        step = definition.step(str(case.get("step"))) if definition and case.get("step") else None
        state = definition.states.get(str(case.get("to"))) if definition else None
        values = {
            "who": by["name"] or self._names.get(by["person"], by["person"]),
            "role": self._role(by) + self._for(what),
            "step": step.title[words.language] if step else "",
            "state": state.title[words.language] if state else "",
            "case": case.get("number") or "",
            "document": " ".join(str(part) for part in (document.get("code") or document.get("key"), document.get("title")) if part),
            "revision": document.get("revision", ""),
            "delegator": self._names.get(str(what.get("delegator")), what.get("delegator") or ""),
            "person": self._names.get(str(what.get("person")), what.get("person") or ""),
            "what": self._what(what),
            "timer": self._timer(what, definition),
            "links": ", ".join(str(link.get("child")) for link in what.get("links", []) if isinstance(link, dict)),
        }
        key = f"web.event.{entry.event}"
        if knows(words.language, key):
            return words.t(key, **values)
        return words.t("web.event", event=entry.event, who=values["who"], role=values["role"], what=values["what"])

    def _what(self, what: dict[str, Any]) -> str:
        hat = self.call.app.hats.hats.get(str(what.get("hat")))
        said = {
            **what,
            "hat": hat.title[self.words.language] if hat else what.get("hat"),
            "organisation": self._house(what.get("organisation")),
        }
        names = ("hat", "organisation", "title", "attempt") if what.get("organisation") else ("name", "title", "attempt")
        return ", ".join(str(said[name]) for name in names if said.get(name))[:MOST_SHOWN]

    def _house(self, name: Any) -> Any:
        if self._houses is None:
            self._houses = {one.id: one.name for one in directory.organisations(self.connection)}
        return self._houses.get(str(name), name)

    def _role(self, by: dict[str, Any]) -> str:
        if not by.get("role"):
            return ""
        return self.words.t("web.event.as", role=self.words.two(self.shown.roles.get(by["role"], by["role"])))

    def _timer(self, what: dict[str, Any], definition: Definition | None) -> str:
        name = what.get("timer")
        timer = definition.timers.get(str(name)) if definition and name else None
        return timer.title[self.words.language] if timer else str(name or "")

    def _move(self, case: dict[str, Any], definition: Definition | None) -> tuple[str, str] | None:
        if definition is None or not case.get("from") or case.get("from") == case.get("to"):
            return None
        states = [definition.states.get(str(case[name])) for name in ("from", "to")]
        titles = [state.title[self.words.language] if state else "?" for state in states]
        return titles[0], titles[1]

    def _changes(self, said: Any, definition: Definition) -> list[Change]:
        found = []
        for name, (old, new) in said["fields"].items():
            field = definition.fields.get(name)
            if field is None:
                continue
            if field.columns is not None:
                found += self._table_changes(field, old or [], new or [])
            else:
                found.append(Change(field.title[self.words.language], self._shown(field, old), self._shown(field, new)))
        return found

    def _table_changes(self, field: Field, old: Any, new: Any) -> list[Change]:
        """Which cells changed, when the rows are as many as before; else how many rows there were and are."""
        title = field.title[self.words.language]
        cells = [
            (number, column, before.get(name), after.get(name))
            for number, (before, after) in enumerate(zip(old, new, strict=False), 1)
            for name, column in (field.columns or {}).items()
            if before.get(name) != after.get(name)
        ]
        if len(old) != len(new) or len(cells) > MOST_CELLS:
            return [Change(title, *(self.words.t("web.field.rows", len(rows)) if rows else "–" for rows in (old, new)))]
        return [
            Change(
                self.words.t("web.field.cell", title=title, row=number, column=column.title[self.words.language]),
                self._shown(column, before),
                self._shown(column, after),
            )
            for number, column, before, after in cells
        ]

    def _shown(self, field: Any, stored: Any) -> Any:
        if personal.is_mark(stored):
            return self._values.get(stored["ref"], self._unknown())
        return self.shown.value(field, stored)

    def _plain(self, mark: Any) -> str:
        if not personal.is_mark(mark):
            return str(mark or "")
        return self._values.get(mark["ref"], "") or self._unknown()

    def _unknown(self) -> str:
        return self.words.t("web.erased" if reads_personal(self.call.by) else "web.withheld")

    def _definition(self, digest: str | None) -> Definition | None:
        if digest is None:
            return None
        try:
            return self.call.app.engine.definitions.get(self.connection, digest).definition
        except NotFound:
            return None
