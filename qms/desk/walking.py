"""Walks one workflow with invented people: from each state every step is tried by a stranger, with an empty form, by somebody whom the
separation of duties excludes, and then as it should be; where that is accepted the walk goes on from there, and afterwards takes it back.

Rules that invented values cannot fulfil are noted and supposed to hold, so that what comes after them is seen too.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from qms.database import Transaction
from qms.errors import NotFound, QmsError, Reason, Refused
from qms.people.actor import SYSTEM, Actor
from qms.people.signature import Proof
from qms.records.evidence import TYPES, Attachment
from qms.records.trail import Receipt
from qms.workflows import file as files
from qms.workflows.bounds import Place, given, number
from qms.workflows.case import open_case, take_step
from qms.workflows.definition import OPENING, SYS, Definition
from qms.workflows.engine import Engine
from qms.workflows.facts import current_evidence
from qms.workflows.file import File, takers
from qms.workflows.impossible import place_of
from qms.workflows.inventing import TRIES, Around, file_name, invent
from qms.workflows.step import Branch, Guard, Step

HOUSE = "house"
NAMES = ("Anna", "Bruno", "Carla", "Dario", "Elena", "Fabio", "Gina", "Ivo", "Lidia", "Mario", "Nora", "Pino", "Rosa", "Sergio", "Tina")
MOST_ACTS = 800
MOST_VISITS = 3
"""How often the steps of one state are tried, having come there by different ways."""
_COMMENT = "Lorem ipsum dolor sit amet, consectetur adipiscing elit."


@dataclass(frozen=True)
class Try:
    """One attempt: by a ``stranger``, with an ``empty`` form, by the ``same`` person as before, or ``filled`` as it should be."""

    kind: str
    person: str
    reasons: tuple[Reason, ...]

    @property
    def is_accepted(self) -> bool:
        return not self.reasons


@dataclass(frozen=True)
class Scene:
    """A step as it was tried from one state; ``state`` is where it led, None when no attempt was accepted."""

    step: Step
    source: str | None
    state: str | None
    tries: tuple[Try, ...]
    supposed: tuple[Guard, ...] = ()
    """Rules that the invented values do not fulfil; the rehearsal goes on as if they held."""


class _Undo(Exception):
    """Takes an act back after what follows from it was seen."""


@dataclass
class Walk:
    """One rehearsal under way: every act is taken back once all that follows from it was tried."""

    tx: Transaction
    engine: Engine
    definition: Definition
    scenes: dict[str, Scene] = field(default_factory=dict)
    visits: dict[str, int] = field(default_factory=dict)
    supposed: dict[str, tuple[Guard, ...]] = field(default_factory=dict)
    acts: int = 0
    _opening: set[str] = field(default_factory=set)

    def open(self) -> None:
        """Open a case and go wherever it leads."""
        step = self.definition.opening

        def act(by: Actor, form: dict[str, object], attached: list[Attachment], comment: str | None) -> Receipt:
            return open_case(
                self.tx, self.engine, self.definition.id, by, fields=form, evidence=attached, comment=comment, key=self._key(),
                as_found=self.definition.subject is not None,
            )  # fmt: skip

        self._play(step, None, act, None)

    def _explore(self, number: str) -> None:
        file = files.load(self.tx.connection, number)
        self.visits[file.state] = self.visits.get(file.state, 0) + 1
        steps = [step for step in self.definition.steps_in(self.engine.profile) if file.state in step.sources]
        for step in steps:
            if not self._is_done(step):
                self._step(number, step)
        wanting = [step for step in steps if not self._is_done(step)]
        staying = [step for step in steps if step.target is None and not step.branches and self._is_done(step)]
        if wanting and staying:
            with suppress(_Undo), self._undone():
                for step in staying:
                    self._again(number, step)
                for step in wanting:
                    self._step(number, step)
                raise _Undo

    def _is_done(self, step: Step) -> bool:
        """Whether a step was taken, and to every state it may lead to."""
        scene = self.scenes.get(step.name)
        return scene is not None and scene.state is not None and all(target in self.visits for target in step.targets if target is not None)

    def _step(self, number: str, step: Step) -> None:
        def act(by: Actor, form: dict[str, object], attached: list[Attachment], comment: str | None) -> Receipt:
            version = files.load(self.tx.connection, number).version
            return take_step(
                self.tx, self.engine, number, step.name, by, version=version, fields=form, evidence=attached, comment=comment,
                proof=Proof(by.person, self.tx.now), key=self._key(),
            )  # fmt: skip

        file = files.load(self.tx.connection, number)
        missing = [branch for branch in step.branches if branch.state not in self.visits]
        for branch in (None, *missing):
            self._play(step, file, act, branch)

    def _again(self, number: str, step: Step) -> None:
        """Take a step that leaves the case where it is, and keep it."""
        for by, turn in self._ways(step, files.load(self.tx.connection, number)):
            file = files.load(self.tx.connection, number)
            form, attached, comment = self._filled(step, file, None, turn)
            with suppress(QmsError), self._undone():
                take_step(
                    self.tx, self.engine, number, step.name, by, version=file.version, fields=form, evidence=attached, comment=comment,
                    proof=Proof(by.person, self.tx.now), key=self._key(),
                )  # fmt: skip
                return

    def _play(self, step: Step, file: File | None, act: Callable[..., Receipt], branch: Branch | None) -> None:
        """Try a step in every manner; where it is accepted go on from there, then take it back."""
        before = self.scenes.get(step.name)
        tries = [] if before is not None and before.state is not None else list(self._refusals(step, file, act))
        best: tuple[Try, tuple[Any, ...]] | None = None
        for by, turn in self._ways(step, file):
            form = (by, *self._filled(step, file, branch, turn))
            reasons = self._attempt(step, file, act, form, tries)
            if not reasons:
                return
            if best is None or len(reasons) < len(best[0].reasons):
                best = Try("filled", by.name, reasons), form
            if self.acts >= MOST_ACTS:
                break
        if before is not None or best is None:
            return
        refused, form = best
        if all(reason.kind == "GUARD" for reason in refused.reasons):
            self._suppose(step, {reason.code for reason in refused.reasons})
            if not self._attempt(step, file, act, form, [*tries, refused]):
                return
        self.scenes[step.name] = Scene(step, file.state if file else None, None, (*tries, refused))

    def _suppose(self, step: Step, codes: Collection[str]) -> None:
        """Go on as if the rules with these codes held."""
        lifted = tuple(guard for guard in step.guards if f"GUARD:{guard.code}" in codes)
        self.supposed[step.name] = (*self.supposed.get(step.name, ()), *lifted)
        easier = replace(step, guards=tuple(guard for guard in step.guards if guard not in lifted))
        if step.name == OPENING:
            self.definition = replace(self.definition, opening=easier)
        else:
            self.definition = replace(self.definition, steps={**self.definition.steps, step.name: easier})
        self.engine.definitions.read_as(self.definition)

    def _attempt(
        self, step: Step, file: File | None, act: Callable[..., Receipt], given_: tuple[Any, ...], tries: list[Try]
    ) -> tuple[Reason, ...]:
        """One attempt as it should be, with why it was refused; where it is not, the rest of the walk happens within it."""
        self.acts += 1
        with suppress(_Undo):
            try:
                with self._undone():
                    receipt = act(*given_)
                    receipt = self._agreed(step, act, given_, receipt)
                    state = str(receipt.state)
                    if (before := self.scenes.get(step.name)) is None or before.state is None:
                        source = file.state if file is not None else None
                        made = (*tries, Try("filled", given_[0].name, ()))
                        self.scenes[step.name] = Scene(step, source, state, made, self.supposed.get(step.name, ()))
                    self._follow(str(receipt.case), state)
                    raise _Undo
            except Refused as refused:
                return tuple(refused.reasons)
            except NotFound as missing:
                return (_absent(missing),)
        return ()

    def _agreed(self, step: Step, act: Callable[..., Receipt], given_: tuple[Any, ...], receipt: Receipt) -> Receipt:
        """With a step that several must take: everybody else who may, until the case moves."""
        if step.quorum is None:
            return receipt
        first = given_[0]
        for name in NAMES:
            if not self._waits(step, str(receipt.case)):
                break
            with suppress(Refused):
                receipt = act(replace(first, person=name, name=name), {}, [], None)
        return receipt

    def _waits(self, step: Step, number: str) -> bool:
        return files.agreement(step.name) in files.load(self.tx.connection, number).taken

    def _follow(self, number: str, state: str) -> None:
        wanting = any(state in step.sources and not self._is_done(step) for step in self.definition.steps.values())
        if self.acts < MOST_ACTS and self.visits.get(state, 0) < (MOST_VISITS if wanting else 1):
            self._explore(number)

    def _refusals(self, step: Step, file: File | None, act: Callable[..., Receipt]) -> Iterator[Try]:
        """The attempts that should fail, as far as the definition gives cause for them."""
        if step.by == (SYS,):
            return
        form, attached, comment = self._filled(step, file, None, 1)
        stranger = _actor(NAMES[-1], ("-",))
        if (reasons := self._refused(act, stranger, form, attached, comment)) is not None:
            yield Try("stranger", stranger.name, tuple(reason for reason in reasons if reason.kind in ("ROLE", "HIDDEN")) or reasons)
        fresh = self._fresh(step, file)
        wants = step.comment_required or any(wanted.required for wanted in (*step.asks, *step.evidence))
        if wants and (reasons := self._refused(act, fresh, {}, [], None)) is not None:
            yield Try("empty", fresh.name, reasons)
        before = [who for name in step.apart_from for who in sorted(takers(file.taken, name))] if file is not None else []
        if before and (reasons := self._refused(act, _actor(before[0], step.by), form, attached, comment)) is not None:
            duties = tuple(reason for reason in reasons if reason.kind == "SOD")
            yield Try("same", before[0], duties or reasons)

    def _refused(self, act: Callable[..., Receipt], *given_: Any) -> tuple[Reason, ...] | None:
        self.acts += 1
        try:
            with self._undone():
                act(*given_)
                raise _Undo
        except _Undo:
            return None
        except Refused as refused:
            return tuple(refused.reasons)
        except NotFound as missing:
            return (_absent(missing),)

    def _ways(self, step: Step, file: File | None) -> Iterator[tuple[Actor, int]]:
        """Who might take a step, and with which values: somebody new first, then those whom the case names or who acted on it."""
        if step.by == (SYS,):
            yield SYSTEM, 0
            return
        people = [self._fresh(step, file)]
        known = [*_named(file.fields.values()), *(who for name in file.taken for who in sorted(takers(file.taken, name)))] if file else []
        people += [_actor(name, step.by) for name in dict.fromkeys(known) if name in NAMES][:4]
        yield from ((by, turn) for by in people for turn in range(TRIES))

    def _fresh(self, step: Step, file: File | None) -> Actor:
        """Somebody who did nothing on this case and is not named in it."""
        used = {who for name in file.taken for who in takers(file.taken, name)} | set(_named(file.fields.values())) if file else set()
        return _actor(next((name for name in NAMES if name not in used), NAMES[0]), step.by)

    def _filled(
        self, step: Step, file: File | None, branch: Branch | None, turn: int
    ) -> tuple[dict[str, object], list[Attachment], str | None]:
        """A form as it should be, the files that belong to it and a comment."""
        place = self._place(step, file)
        rules = [guard.that.text for guard in step.guards if guard.that is not None] + ([branch.when.text] if branch is not None else [])
        for text in rules * 2:
            place = given(text, place)
        wanted = {one.name: one.required for one in step.asks}
        if step.name == OPENING:
            wanted |= {one.name: True for one in self.definition.fields.values() if one.source is not None}
        around = Around(self.tx.now, self.engine.zone, NAMES[::-1], HOUSE, self._case_of)
        form = invent(self.definition.fields, wanted, place.names, around, turn)
        has = current_evidence(self.tx.connection, file.number) if file is not None else {}
        slots = [one.name for one in step.evidence if (one.required and (one.is_fresh or one.name not in has)) or turn % 3 != 0]
        return form, [self._file(name) for name in slots], _COMMENT if step.comment_required or turn % 2 else None

    def _place(self, step: Step, file: File | None) -> Place:
        earlier = frozenset(file.taken) if file is not None else frozenset[str]()
        place = place_of(self.definition, step, file.state if file is not None else "", earlier, self.definition.fields)
        figures = self.engine.definitions.figures(self.tx.connection)
        day = self.engine.calendar.day(self.tx.now)
        for name in figures.by_name:
            if (value := figures.on(name, day)) is not None:
                place = place.knowing(f"figure.{name}", number(value, value))
        return place

    def _file(self, slot: str) -> Attachment:
        name = file_name(self.definition.evidence[slot])
        content = f"{slot} {self._key()}".encode()
        return Attachment(slot, hashlib.sha256(content).hexdigest(), len(content), TYPES[name.rpartition(".")[2]], name)

    def _case_of(self, workflow: str) -> str | None:
        """A case of another workflow, opened as its form is invented; None when that cannot be or comes back to itself."""
        if workflow in self._opening:
            return None
        self._opening.add(workflow)
        try:
            other = Walk(self.tx, self.engine, self.engine.definitions.in_force(self.tx.connection, workflow).definition)
            other._opening = self._opening
            step = other.definition.opening
            form, attached, comment = other._filled(step, None, None, 1)
            with self._undone():
                by = _actor(NAMES[0], step.by)
                return str(
                    open_case(self.tx, self.engine, workflow, by, fields=form, evidence=attached, comment=comment, key=self._key()).case
                )
        except (NotFound, Refused):
            return None
        finally:
            self._opening.discard(workflow)

    @contextmanager
    def _undone(self) -> Iterator[None]:
        """What fails within is taken back, with whatever rooms remembered of it."""
        before = dict(self.tx.guesses)
        try:
            with self.tx.attempt():
                yield
        except BaseException:
            self.tx.guesses.clear()
            self.tx.guesses.update(before)
            raise

    _keys: int = 0

    def _key(self) -> str:
        self._keys += 1
        return f"{self.definition.id} {self._keys}"


def _actor(name: str, roles: Collection[str]) -> Actor:
    return Actor(name, name, "it", frozenset((role, HOUSE) for role in roles if role != SYS), frozenset(), "staff", "web", HOUSE)


def _named(values: Collection[object]) -> list[str]:
    """The persons that stand in the fields of a case, tables and lists included."""
    found: list[str] = []
    for value in values:
        if isinstance(value, str):
            found += [value] if value in NAMES else []
        elif isinstance(value, (list, tuple)):
            found += _named(value)
        elif isinstance(value, Mapping):
            found += _named(list(value.values()))
    return found


def _absent(missing: NotFound) -> Reason:
    """That somebody does not even see the case, or that the step opens a case of a workflow that is not there."""
    if missing.kind == "workflow":
        return Reason("WORKFLOW_MISSING", None, {"workflow": missing.name})
    return Reason("HIDDEN")
