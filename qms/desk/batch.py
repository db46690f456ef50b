"""Many steps from one table: a row is one step on one case, judged and recorded by itself, as if somebody had typed it in its form.

Looking first takes every row in one transaction that is given back whole, so that what it says is what the steps themselves say. A row's
key comes from the file and its place in it: the same file sent again, whole or after a cut, records nothing twice (ISO 9001, 7.5.3).
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO

from qms.database import Database, Transaction
from qms.errors import Incomplete, NotFound, Reason, Refused, Text
from qms.formats import moments, names, rows
from qms.formats.reading import tidy
from qms.formats.rows import Row
from qms.formats.values import BadValue
from qms.people.actor import Actor
from qms.records import evidence
from qms.records.evidence import Attachment, Stored
from qms.records.trail import Receipt
from qms.settings import Settings
from qms.workflows import case, requests
from qms.workflows.engine import Engine
from qms.workflows.fields import nested
from qms.workflows.reader import STATE_NAME

NEEDED = ("number", "step")
ALSO = ("comment", "happened_at")
PREFIX = "field."
"""Stands before a field whose name is one of those above; it may stand before any."""
LONGEST_NAME = 60

Open = Callable[[str], IO[bytes]]
"""Opens a file that a cell names. Raises NotFound."""


@dataclass(frozen=True)
class Line:
    """One row as it was read. ``place`` counts the rows from 1, ``line`` is where it begins in the file."""

    place: int
    line: int
    number: str
    step: str
    fields: Mapping[str, object]
    files: Sequence[tuple[str, str]]
    comment: str | None
    happened_at: str | None


@dataclass(frozen=True)
class Batch:
    """A table of steps. ``digest`` is the file's: rows are known again by it."""

    digest: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Outcome:
    """What became of one row, or would: its receipt and the state it leads to, or why it is refused."""

    line: Line
    receipt: Receipt | None = None
    state: Text | None = None
    refused: Refused | None = None

    @property
    def word(self) -> str:
        """``taken``, ``repeated`` when it had been recorded before, or ``refused``."""
        if self.receipt is None:
            return "refused"
        return "repeated" if self.receipt.repeated else "taken"


@dataclass(frozen=True)
class House:
    """Where the steps are taken, by whom, and where the files that rows name are found."""

    database: Database
    settings: Settings
    engine: Engine
    by: Actor
    open_file: Open


def read(content: bytes, name: str, language: str) -> Batch:
    """A table of steps. Raises BadContent with everything that is wrong with the file as a file; what is in its rows is judged later."""
    found = rows.read_rows(content, name, language, NEEDED, (*NEEDED, *ALSO))
    return Batch(hashlib.sha256(content).hexdigest(), tuple(_line(place, row) for place, row in enumerate(found, 1)))


def rehearse(house: House, batch: Batch) -> list[Outcome]:
    """What every row would do, the later ones after the earlier ones; nothing is recorded and no file is kept."""
    found: list[Outcome] = []
    sent = {line.place: _sent(house, line, _judge) for line in batch.lines}
    try:
        with house.database.writing() as tx:

            def one(line: Line) -> tuple[Receipt, Text | None]:
                with tx.attempt():
                    return _take(tx, house, batch, line, sent[line.place])

            found.extend(_outcome(line, one) for line in batch.lines)
            raise _Undone
    except _Undone:
        return found


def take(house: House, batch: Batch) -> Iterator[Outcome]:
    """Take the steps, each in a transaction of its own, in the order of the rows; a row that is refused does not keep the others."""

    def one(line: Line) -> tuple[Receipt, Text | None]:
        sent = _sent(house, line, _keep)
        with house.database.writing() as tx:
            return _take(tx, house, batch, line, sent)

    for line in batch.lines:
        yield _outcome(line, one)


class _Undone(Exception):
    """Gives a transaction back."""


@dataclass(frozen=True)
class _Sent:
    """What comes with a step besides its fields, and what is wrong with it."""

    evidence: Sequence[Attachment]
    happened_at: datetime | None
    reasons: Sequence[Reason]


def _line(place: int, row: Row) -> Line:
    told = dict(row.cells)
    others = [(name, cell) for name, cell in row.cells if name not in (*NEEDED, *ALSO)]
    files = [(name, cell) for name, cell in others if STATE_NAME.fullmatch(name)]
    fields = nested((name.removeprefix(PREFIX), cell) for name, cell in others if not STATE_NAME.fullmatch(name))
    number, step = (tidy(told.get(name, ""))[:LONGEST_NAME] for name in NEEDED)
    return Line(place, row.line, number, step, fields, files, told.get("comment"), told.get("happened_at"))


def _outcome(line: Line, act: Callable[[Line], tuple[Receipt, Text | None]]) -> Outcome:
    try:
        receipt, state = act(line)
    except NotFound as error:
        return Outcome(line, refused=Refused([Reason(f"NOT_FOUND:{error.kind}", None, {"name": error.name[:LONGEST_NAME]})]))
    except Refused as error:
        return Outcome(line, refused=error)
    return Outcome(line, receipt, state)


def _take(tx: Transaction, house: House, batch: Batch, line: Line, sent: _Sent) -> tuple[Receipt, Text | None]:
    """Take one step on the case as it stands now; one that was recorded before is asked for as it stood then, and so is known again."""
    key = f"batch:{batch.digest}:{line.place}"
    seen = case.show(tx.connection, house.engine, line.number, house.by)
    step = seen.definition.steps.get(line.step)
    if step is not None and step.sign is not None:
        raise Incomplete([Reason("BATCH:signed", "step")])
    if step is not None and house.engine.touches_library(step):
        raise Incomplete([Reason("BATCH:text", "step")])
    if step is not None and sent.reasons:
        raise Incomplete(sent.reasons)
    version = requests.version_asked(tx.connection, house.by, key, seen.version)
    receipt = case.take_step(
        tx, house.engine, line.number, line.step, house.by, version=version, fields=line.fields, evidence=sent.evidence,
        happened_at=sent.happened_at, comment=line.comment, key=key,
    )  # fmt: skip
    state = seen.definition.states.get(receipt.state or "")
    return receipt, state.title if state is not None else None


def _sent(house: House, line: Line, receive: Callable[[House, IO[bytes], str], Stored]) -> _Sent:
    """The files and the moment of a row."""
    found: list[Attachment] = []
    reasons: list[Reason] = []
    at = None
    for slot, name in line.files:
        try:
            with house.open_file(name) as content:
                found.append(evidence.attach(slot, receive(house, content, name)))
        except (NotFound, OSError, ValueError):
            reasons.append(Reason("BATCH:file", slot, {"name": names.clean(name)}))
        except Incomplete as error:
            reasons += [Reason(reason.code, slot, reason.values, reason.text) for reason in error.reasons]
    try:
        at = moments.parse(line.happened_at, house.settings.timezone).at if line.happened_at else None
    except BadValue as error:
        reasons.append(Reason("FIELD_INVALID:happened_at", "happened_at", {"why": error.code, **error.values}))
    return _Sent(found, at, reasons)


def _keep(house: House, content: IO[bytes], name: str) -> Stored:
    return evidence.store(house.settings.evidence, content, name, house.settings.max_evidence_bytes)


def _judge(house: House, content: IO[bytes], name: str) -> Stored:
    return evidence.judge(content, name, house.settings.max_evidence_bytes)
