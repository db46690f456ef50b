"""Assembly: the one place where the rooms of the house are joined.

A workflow file names effects and facts; here those names meet the rooms that do them. The doors get one ``App`` and open their
transactions on it where the reader can see them.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from qms import migrations
from qms import settings as configuration
from qms.database import Clock, Database, Transaction, utc_now
from qms.desk import acknowledgments, flows, integrity, post, reminders, rules, staff
from qms.errors import NotFound, NotPermitted, QmsError, Refused
from qms.library import Library
from qms.people import hats as hat_file
from qms.people.actor import SYSTEM, Actor
from qms.procedures import control
from qms.procedures.render import Renderer
from qms.records import checkpoints, keys, trail
from qms.settings import Settings
from qms.workflows import case, schedules, timers
from qms.workflows.definition import SYS, Definition
from qms.workflows.engine import Effect, EffectContext, Engine, LibraryNeeded, make_engine
from qms.workflows.file import Procedure
from qms.workflows.step import Step

TICK_SECONDS = 20.0
MANY = 200
A_DAY = timedelta(days=1)
RELEASE = {"effective_on": "date", "minor": "boolean"}
LIBRARY_EFFECTS: Mapping[str, Mapping[str, str]] = {
    "approve-revision": RELEASE, "publish-revision": RELEASE, "withdraw-document": {}, "confirm-review": {}, "submit-draft": {},
    "return-draft": {}, "cancel-draft": {},
}  # fmt: skip
"""Effects that write to the library, with what a workflow may tell each and of which type: a step with one of them needs the writer's
lock before its transaction begins."""
EFFECTS: Mapping[str, Mapping[str, str]] = {**LIBRARY_EFFECTS, "ask-acknowledgments": {}}
"""Every effect a workflow may name besides opening a case, with what it may be told."""
ATTEMPTS = frozenset({"SOD", "SIGNATURE", "ROLE", "ORGANISATION"})
"""The kinds of refusal that are recorded, through whichever door they came."""
_log = logging.getLogger(__name__)
Done = TypeVar("Done")


class App:
    """One workspace, open. Owns its database, its library and its renderer; close it."""

    def __init__(self, settings: Settings, clock: Clock = utc_now) -> None:
        self.settings = settings
        self.key = keys.load(settings.key)
        self.hats = hat_file.load(settings.roles, settings.organisation)
        self.database = Database(settings.database_url, settings.lock, self.key, clock)
        self.library = Library(settings.library)
        self.renderer = Renderer()
        self.zone = ZoneInfo(settings.timezone)
        self.schedules = schedules.Schedules()
        self.acknowledgments = acknowledgments.Readers(self.library, self.hats)
        self.engine = self._engine()
        self._stop = threading.Event()
        self._ticker: threading.Thread | None = None

    @property
    def public_key(self) -> bytes:
        """The public half of the key that signs the trail."""
        return self.key.public

    def reading(self) -> AbstractContextManager[Connection]:
        """A consistent view of the database."""
        return self.database.reading()

    @contextmanager
    def writing(self, shelf: bool = False) -> Iterator[Transaction]:
        """One writing transaction. With ``shelf`` the library's writer lock is taken first, always in this order, so that two acts that
        need both can never wait for each other; references left behind by a crash are brought forward before it begins."""
        if not shelf:
            with self.database.writing() as tx:
                yield tx
            return
        with self.library.writer():
            control.settle(self.database, self.library)
            with self.database.writing() as tx:
                tx.has_library = True
                yield tx

    def acting(self, verb: Callable[[Transaction], Done]) -> Done:
        """One verb in a writing transaction; a verb that turns out to need the library begins anew with its lock taken first."""
        try:
            with self.writing() as tx:
                return verb(tx)
        except LibraryNeeded:
            with self.writing(shelf=True) as tx:
                return verb(tx)

    def touches_library(self, step: Step) -> bool:
        """Whether taking ``step`` needs ``writing(shelf=True)``."""
        return step.binds or any(effect.name in LIBRARY_EFFECTS for effect in step.effects)

    def workflow_about(self, connection: Connection, subject: str) -> Definition:
        """The workflow in force whose cases the program itself opens for ``subject``. Raises NotFound."""
        for loaded in self.engine.definitions.all_in_force(connection):
            if loaded.definition.subject == subject:
                return loaded.definition
        raise NotFound("workflow", subject)

    def open_proposal(self, by: Actor, key: str | None = None) -> control.OpenCase:
        """How a draft or a proposal gets its case: handed to the procedures room, which knows no workflow."""

        def open_case(tx: Transaction, opening: control.Opening) -> str:
            definition = self.workflow_about(tx.connection, "document")
            about = {"title": opening.title[:200]}
            own = f"{key or tx.now.isoformat()}:{opening.key}:{opening.slug}"
            receipt = case.open_case(tx, self.engine, definition.id, by, fields=about, key=own)
            return str(receipt.case)

        return open_case

    def record_attempt(self, by: Actor, attempt: str, error: NotPermitted) -> None:
        """Put on the trail that somebody known tried what they may not: approving their own text, signing with a wrong password."""
        if any(reason.kind in ATTEMPTS for reason in error.reasons):
            with self.writing() as tx:
                staff.refused(tx, by, attempt[:300], error.codes)

    def settle(self) -> list[control.Alarm]:
        """Bring the library to where the database says it is; at start-up."""
        with self.library.writer():
            return control.settle(self.database, self.library)

    def tick(self) -> int:
        """Wake what is due: timers, texts whose day has come or that somebody is to read, the night's look at the
        kept files, the day's checkpoint; says how many moved."""
        moved = self._ring()
        moved += self._graft()
        moved += self.schedules.wake(self.database, self.engine)
        moved += self.acknowledgments.keep(self.database, self.engine)
        moved += reminders.remind(reminders.House(self.database, self.settings, self.engine, self.hats))
        moved += integrity.keep(self)
        if self._is_checkpoint_due() and checkpoints.publish(self.database, self.library, self.key.public):
            moved += 1
        return moved + post.deliver(self.database, self.settings)

    def _ring(self) -> int:
        """Wake the timers that are due, each case in a transaction of its own: one that fails does not keep the others asleep."""
        with self.reading() as connection:
            due = timers.due_cases(connection, self.engine, self.database.clock(), MANY)
        moved = 0
        for waiting in due:
            shelf = any(self.touches_library(step) for step in waiting.steps)
            try:
                with self.writing(shelf=shelf) as tx:
                    moved += timers.wake(tx, self.engine, tx.now, number=waiting.number)
            except QmsError as error:
                _log.warning("the timers of %s are not woken: %s", waiting.number, error)
        return moved

    def _graft(self) -> int:
        today = self.database.clock().astimezone(self.zone).date()
        with self.reading() as connection:
            due = control.graft_due(connection, today)
        moved = 0
        for number in due:
            try:
                with self.writing(shelf=True) as tx:
                    moved += self.advance(tx, number)
            except Refused as error:
                _log.warning("%s is not put in force: %s", number, error)
        return moved

    def advance(self, tx: Transaction, number: str) -> int:
        """Take the one step that the program itself may take on a case now, if there is one; returns 1 when it did."""
        seen = case.show(tx.connection, self.engine, number, SYSTEM)
        for step in seen.definition.steps_in(self.engine.profile):
            if SYS not in step.by or seen.state not in step.sources:
                continue
            try:
                with tx.attempt():
                    own = f"{number}:{seen.version}:{step.name}"
                    case.take_step(tx, self.engine, number, step.name, SYSTEM, version=seen.version, key=own)
            except Refused:
                continue
            return 1
        return 0

    def _is_checkpoint_due(self) -> bool:
        """Daily, and after every entry that somebody signed: checkpoints must leave before anybody could want to rewrite."""
        with self.reading() as connection:
            newest = trail.entries(connection, limit=MANY)
        if not newest:
            return False
        left = next((size for size, _ in checkpoints.latest(self.library, 1)), 0)
        since = [entry for entry in newest if entry.position > left]
        return len(since) == MANY or any(entry.said["signature"] or self.database.clock() - entry.at >= A_DAY for entry in since)

    def start_ticker(self, seconds: float = TICK_SECONDS) -> None:
        """Wake things in the background until the app is closed."""

        def run() -> None:
            while not self._stop.wait(seconds):
                try:
                    self.tick()
                except Exception:
                    _log.exception("the ticker goes on")

        self._ticker = threading.Thread(target=run, name="ticker", daemon=True)
        self._ticker.start()

    def close(self) -> None:
        """Stop the ticker and give everything back."""
        self._stop.set()
        if self._ticker is not None:
            self._ticker.join()
        self.renderer.close()
        self.library.close()
        self.database.close()

    def _engine(self) -> Engine:
        settings, library = self.settings, self.library
        roles = frozenset(self.hats.roles)
        audiences = roles | frozenset(self.hats.hats)
        return make_engine(
            organisation=settings.organisation,
            profile=settings.profile,
            zone=settings.timezone,
            patron_day=settings.patron_day,
            procedure_in_force=_procedure_in_force,
            effects=self._effects(),
            arguments=EFFECTS,
            facts={
                "draft": lambda connection, number: control.facts(
                    connection, library, number, checked_types=settings.checked_types, roles=roles, audiences=audiences
                )
            },
            binding=lambda connection, number, seen: control.binding(connection, library, number, seen),
            holds={"ask-acknowledgments": self.acknowledgments.hold},
            clock=lambda: self.database.clock(),
            touches_library=self.touches_library,
        )

    def _effects(self) -> dict[str, Effect]:
        """What workflows may have done by the other rooms, by name."""
        settings, library, zone = self.settings, self.library, self.zone

        def sound(context: EffectContext) -> flows.Source | None:
            draft = control.draft_of_case(context.tx.connection, context.case.number)
            source = flows.source_of(library, settings.evidence, draft)
            flows.require_sound(context.tx.connection, self.engine, self.hats.roles, source)
            return source

        def publish(context: EffectContext) -> Mapping[str, Any]:
            source = sound(context)
            done = {**control.publish(context.tx, library, context, zone), **flows.release(context.tx, source, context.by)}
            return self._told(context.tx, done, "supersedes")

        def approve(context: EffectContext) -> Mapping[str, Any]:
            sound(context)
            return control.approve(context.tx, library, context, zone)

        def submit(context: EffectContext) -> Mapping[str, Any]:
            sound(context)
            return control.submit(context.tx, library, context)

        def withdraw(context: EffectContext) -> Mapping[str, Any]:
            done = control.withdraw(context.tx, library, context)
            return self._told(context.tx, done, "supersedes")

        def confirm(context: EffectContext) -> Mapping[str, Any]:
            return self._told(context.tx, control.confirm(context.tx, library, context, zone), "reviews")

        return {
            "approve-revision": approve,
            "publish-revision": publish,
            "withdraw-document": withdraw,
            "confirm-review": confirm,
            "submit-draft": submit,
            "return-draft": lambda context: control.send_back(context.tx, library, context),
            "cancel-draft": lambda context: control.cancel(context.tx, library, context),
            "ask-acknowledgments": self.acknowledgments.ask,
        }

    def _told(self, tx: Transaction, done: Mapping[str, Any], whom: str) -> Mapping[str, Any]:
        """What an effect did, once the other case that it concerns has taken the step that follows from it."""
        other = (done.get(whom) or {}).get("case")
        if other is not None:
            self.advance(tx, other)
        return done


def _procedure_in_force(connection: Connection, key: str) -> Procedure | None:
    try:
        row = control.document(connection, key)
    except NotFound:
        return None
    return Procedure(key, row.revision, row.blob) if row.status == "in-force" else None


def open(root: Path, clock: Clock = utc_now) -> App:
    """Open the workspace at ``root``. Raises NotFound, BadContent."""
    app = App(configuration.load(root), clock)
    try:
        migrations.require_newest(app.database)
        rules.keep(app.database, app.settings, app.hats)
        app.settle()
    except QmsError:
        app.close()
        raise
    return app


@contextmanager
def opened(root: Path, clock: Clock = utc_now) -> Iterator[App]:
    """The workspace at ``root`` while the block lasts."""
    app = open(root, clock)
    try:
        yield app
    finally:
        app.close()
