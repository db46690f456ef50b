"""Read and understood: one case for each person and revision, asked when a revision comes into force and gone when it is no longer.

Who must read is said by the document itself: those of its readers whom its head names under ``acknowledge``. An acknowledgment belongs to
the very text; a newer revision asks anew, unless it is minor and the person acknowledged the one before (ISO 9001, 7.3 and 7.5.3).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, tuple_

from qms.database import Database, Transaction, moment
from qms.errors import Text
from qms.library import Library
from qms.people import directory
from qms.people.actor import SYSTEM, Actor
from qms.people.directory import Person
from qms.people.hats import Hats
from qms.procedures import control, document
from qms.procedures.control import RegisterRow
from qms.procedures.document import Front
from qms.records import trail
from qms.workflows import case, keeping
from qms.workflows import file as files
from qms.workflows.definition import ACKNOWLEDGED, OPENING, READER, SYS, Definition
from qms.workflows.engine import EffectContext, Engine
from qms.workflows.file import File
from qms.workflows.tables import DOCUMENT, case_file, case_identifier

SUBJECT = "acknowledgment"
EVERYBODY = "all"
MANY = 10_000
TITLE, _, KEY, REVISION, SHA256 = ACKNOWLEDGED

_about = select(case_identifier.c.case_number).where(case_identifier.c.kind == DOCUMENT, case_identifier.c.value == bindparam("key"))
_asked = files.WHOLE.where(case_file.c.number.in_(_about)).order_by(case_file.c.number)
_held = select(case_file.c.number).where(case_file.c.number.in_(_about), case_file.c.closed_at.is_(None)).order_by(case_file.c.number)


@dataclass(frozen=True)
class Asked:
    """What became of asking one person to read one revision. ``at`` is when it ended; ``is_lapsed``: it need no longer be read."""

    number: str
    person: str
    revision: int
    state: Text
    is_closed: bool
    is_lapsed: bool
    at: datetime | None


@dataclass(frozen=True)
class Unread:
    """A document that ``number`` persons were asked to read and have not acknowledged; ``since`` the first of them was asked."""

    key: str
    number: int
    since: datetime


@dataclass(frozen=True)
class Needed:
    """What is to be done about one document: whom to ask, and which cases are no longer about anything."""

    row: RegisterRow
    ask: tuple[Person, ...]
    lapse: tuple[File, ...]


class Readers:
    """Who must read what. Remembers each text's head, which never changes, and how much of the trail it has looked at."""

    def __init__(self, library: Library, hats: Hats) -> None:
        self._library, self._hats = library, hats
        self._heads: dict[str, Front] = {}
        self._looked_at = -1

    def hold(self, context: EffectContext) -> None:
        """Take what ``ask`` will need: the cases that may lapse, then the series of numbers."""
        definition = self._definition(context.tx.connection, context.engine)
        if definition is not None:
            _hold(context.tx, context.engine, definition, control.draft_of_case(context.tx.connection, context.case.number).key)

    def ask(self, context: EffectContext) -> dict[str, Any]:
        """Ask for the acknowledgment of the text that this case has just put in force; what was asked before lapses."""
        key = control.draft_of_case(context.tx.connection, context.case.number).key
        return self._settle(context.tx, context.engine, key)

    def keep(self, database: Database, engine: Engine) -> int:
        """Ask whom nobody asked yet (a new colleague, a new hat), let lapse what nobody need read any more; returns how many moved."""
        with database.reading() as connection:
            size = trail.size(connection)
            if size == self._looked_at or self._definition(connection, engine) is None:
                return 0
            keys = [needed.row.key for needed in self._all_needed(connection, engine, database.clock())]
        moved = 0
        for key in keys:
            with database.writing() as tx:
                definition = self._definition(tx.connection, engine)
                if definition is not None:
                    _hold(tx, engine, definition, key)
                    moved += sum(len(numbers) for numbers in self._settle(tx, engine, key).values())
        self._looked_at = size
        return moved

    def head(self, blob: str) -> Front:
        """The head of a text in the library."""
        if blob not in self._heads:
            self._heads[blob] = document.parse(self._library.read(blob), blob[:12], placed=False).front
        return self._heads[blob]

    def _definition(self, connection: Connection, engine: Engine) -> Definition | None:
        """The workflow in force for acknowledgments, once the procedure that governs it is."""
        for loaded in engine.definitions.all_in_force(connection):
            found = loaded.definition
            if found.subject == SUBJECT and engine.procedure_in_force(connection, found.governed_by) is not None:
                return found
        return None

    def _all_needed(self, connection: Connection, engine: Engine, now: datetime) -> Iterator[Needed]:
        people = directory.persons(connection, limit=MANY)
        asked = select(case_identifier.c.value).where(case_identifier.c.kind == DOCUMENT).distinct()
        known = set(connection.execute(asked).scalars())
        for row in control.register(connection, in_force_only=False, limit=MANY):
            if row.key in known or (row.status == "in-force" and self.head(row.blob).acknowledge):
                needed = self._needed(connection, engine, row, people, now)
                if needed.ask or needed.lapse:
                    yield needed

    def _needed(self, connection: Connection, engine: Engine, row: RegisterRow, people: Sequence[Person], now: datetime) -> Needed:
        there = list(_files(connection, row.key))
        readers = self._readers(row, people, now)
        since = _since(connection, row)
        settled, lapse = set(), []
        for file in there:
            definition = engine.definitions.get(connection, file.definition).definition
            person, revision = _of(file, definition, READER), _of(file, definition, REVISION)
            if not file.is_closed and (revision != row.revision or person not in readers):
                lapse.append(file)
            elif not _is_lapsed(file, definition) and since <= revision <= row.revision:
                settled.add(person)
        return Needed(row, tuple(one for id, one in readers.items() if id not in settled), tuple(lapse))

    def _readers(self, row: RegisterRow, people: Sequence[Person], now: datetime) -> dict[str, Person]:
        """Who must read the text in force of ``row``: active persons of the staff, named both as readers and to acknowledge."""
        if row.status != "in-force":
            return {}
        wanted = self.head(row.blob).acknowledge
        return {one.id: one for one in people if one.is_here(now) and self._is_named(one, row.distribution) and self._is_named(one, wanted)}

    def _is_named(self, person: Person, audience: Collection[str]) -> bool:
        worn = {hat for hat, _ in person.hats}
        if self._hats.kind(worn) != "staff":
            return False
        roles = {role for role, _ in self._hats.unfold(person.hats)}
        return EVERYBODY in audience or bool((roles | worn) & set(audience))

    def _settle(self, tx: Transaction, engine: Engine, key: str) -> dict[str, Any]:
        definition = self._definition(tx.connection, engine)
        if definition is None:
            return {}
        row = control.document(tx.connection, key)
        needed = self._needed(tx.connection, engine, row, directory.persons(tx.connection, limit=MANY), tx.now)
        lapsed = [file.number for file in needed.lapse if _lapse(tx, engine, file)]
        return {"lapsed": lapsed, "asked": [_open(tx, engine, definition, row, person) for person in needed.ask]}


def standing(connection: Connection, engine: Engine, key: str, revision: int) -> list[Asked]:
    """Who was asked to read this revision, and what became of it."""
    found = []
    for file in _files(connection, key):
        definition = engine.definitions.get(connection, file.definition).definition
        if _of(file, definition, REVISION) == revision:
            found.append(_told(file, definition))
    return found


def unread(connection: Connection, engine: Engine, by: Actor, limit: int) -> list[Unread]:
    """Documents that somebody has still to acknowledge, of what ``by`` may see, the longest asked first."""
    places = {
        (one.id, state.name)
        for one in (loaded.definition for loaded in engine.definitions.known(connection))
        if one.subject == SUBJECT
        for state in one.states.values()
        if not state.is_end
    }
    row, code = case_file.c, case_identifier.c
    since = func.min(row.opened_at)
    query = (
        select(code.value, func.count(), since)
        .select_from(case_file.join(case_identifier, code.case_number == row.number))
        .where(tuple_(row.workflow, row.state).in_(sorted(places)), code.kind == DOCUMENT, case.seen_by(connection, engine, by))
        .group_by(code.value)
        .order_by(since, code.value)
        .limit(limit)
    )
    return [Unread(key, number, moment(asked)) for key, number, asked in connection.execute(query)] if places else []


def _told(file: File, definition: Definition) -> Asked:
    person = str(_of(file, definition, READER))
    state = definition.states[file.state].title
    revision = int(_of(file, definition, REVISION))
    return Asked(file.number, person, revision, state, file.is_closed, _is_lapsed(file, definition), file.closed_at)


def _hold(tx: Transaction, engine: Engine, definition: Definition, key: str) -> None:
    tx.connection.execute(_held.with_for_update(of=case_file), {"key": key}).all()
    keeping.hold_series(tx, engine, [definition])


def _files(connection: Connection, key: str) -> Iterator[File]:
    return (files.from_row(row) for row in connection.execute(_asked, {"key": key}))


def _of(file: File, definition: Definition, source: str) -> Any:
    return file.fields.get(definition.filled_by(source) or "")


def _since(connection: Connection, row: RegisterRow) -> int:
    """The oldest revision whose acknowledgment still counts: the text in force, or the one it changed in minor things only."""
    for revision in control.revisions(connection, row.key):
        if revision.in_force_at is not None and revision.number <= row.revision and not revision.minor:
            return revision.number
    return row.revision


def _is_lapsed(file: File, definition: Definition) -> bool:
    """Whether the program itself ended the case."""
    return any((step := definition.step(name)) is not None and step.by == (SYS,) for name in file.taken if name != OPENING)


def _lapse(tx: Transaction, engine: Engine, file: File) -> bool:
    definition = engine.definitions.get(tx.connection, file.definition).definition
    own = f"{file.number}:{file.version}"
    for step in definition.steps_in(engine.profile):
        if step.by == (SYS,) and file.state in step.sources:
            case.take_step(tx, engine, file.number, step.name, SYSTEM, version=file.version, key=f"{own}:{step.name}")
            return True
    return False


def _open(tx: Transaction, engine: Engine, definition: Definition, row: RegisterRow, person: Person) -> str:
    facts = {
        TITLE: f"{row.code} rev. {row.revision} – {row.title}"[:300],
        READER: person.id,
        KEY: row.key,
        REVISION: row.revision,
        SHA256: row.sha256,
    }
    fields = {definition.filled_by(source) or source: value for source, value in facts.items()}
    elsewhere = {organisation for _, organisation in person.hats}
    others = () if engine.organisation in elsewhere else sorted(elsewhere)
    before = sum(1 for file in _files(tx.connection, row.key) if _of(file, definition, READER) == person.id)
    key = f"{SUBJECT}:{row.key}:{row.revision}:{person.id}:{before}"
    receipt = case.open_case(tx, engine, definition.id, SYSTEM, fields=fields, organisations=others, key=key)
    return str(receipt.case)
