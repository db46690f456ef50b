"""Waivers: the direction lets one person take one step, once, on one case, although duties should be kept apart; with its reason and what
compensates for it, on the trail (ISO 9001, 5.3 and 7.5.3)."""

from dataclasses import replace

from sqlalchemy import Connection, and_, bindparam, insert, select, update

from qms.database import Transaction
from qms.errors import NotFound, Reason, refusal
from qms.people import directory
from qms.people.actor import Actor
from qms.records.tables import entry
from qms.records.trail import Receipt
from qms.workflows import file as files
from qms.workflows import objections, requests, sealing
from qms.workflows.engine import Engine
from qms.workflows.file import WAIVED, File
from qms.workflows.reader import both
from qms.workflows.step import Step
from qms.workflows.tables import case_waiver

WAIVES = "TOP"
"""The role whose act a waiver is (ENGINE: the top role)."""
SHORTEST = 20
LONGEST = 2_000

_open = (
    select(case_waiver.c.n)
    .join(entry, and_(entry.c.case_number == case_waiver.c.case_number, entry.c.case_n == case_waiver.c.n))
    .where(
        case_waiver.c.case_number == bindparam("wanted"),
        case_waiver.c.step == bindparam("of_step"),
        case_waiver.c.person == bindparam("whose"),
        case_waiver.c.used.is_(None),
        entry.c.person.not_in(bindparam("same", expanding=True)),
    )
    .order_by(case_waiver.c.n)
    .limit(1)
)


def keeps_apart(step: Step) -> bool:
    """Whether a step has duties that could be waived."""
    return bool(step.apart_from or step.not_in)


def waive(
    tx: Transaction, engine: Engine, number: str, step: str, person: str, by: Actor, *, reason: str, control: str, key: str
) -> Receipt:
    """Let ``person`` take ``step`` on the case ``number`` once, whatever they did before. ``control`` is what compensates for it.

    Raises NotFound for a case ``by`` may not see or a step without duties to keep apart, Refused with every reason: without the role, for
    oneself or whom one stands in for, without reason or control.
    """
    file = files.load(tx.connection, number, lock=True)
    definition = engine.definitions.get(tx.connection, file.definition).definition
    files.require_visible(file, definition, by)
    chosen = definition.steps.get(step)
    if chosen is None or not keeps_apart(chosen):
        raise NotFound("step", step[:80])
    told = {"reason": (reason or "").strip(), "control": (control or "").strip()}
    print_ = requests.fingerprint(definition, {}, (), None, None, number, step, person, sorted(told.items()))
    own_key = requests.key_of(by, key)
    if (done := requests.repeated(tx.connection, own_key, print_)) is not None:
        return done
    place = by.role_for([WAIVES], file.organisations)
    reasons = [] if place is not None else [Reason(f"ROLE:{WAIVES}")]
    if person in by.same:
        reasons.append(Reason("SOD:own_waiver", "person", {}, both("case.waiver_own")))
    if not directory.is_colleague(tx.connection, person, tx.now):
        reasons.append(Reason("FIELD_INVALID:person", "person"))
    for name, text in told.items():
        if not SHORTEST <= len(text) <= LONGEST:
            reasons.append(Reason(f"FIELD_INVALID:{name}", name, {}, both("case.waiver_text", least=str(SHORTEST))))
        else:
            reasons += [replace(found, place=name) for found in objections.of_text_typed(text)]
    if reasons:
        raise refusal(reasons)
    after = replace(file, n=file.n + 1, changed_at=tx.now)
    tx.connection.execute(insert(case_waiver), {"case_number": number, "n": after.n, "step": step, "person": person})
    what = {"waiver": {"step": step, "person": person, **told}, "person": person, "request": print_}
    return sealing.record(tx, file, after, WAIVED, by, place, what=what, key=own_key)


def open_one(connection: Connection, number: str, step: str, by: Actor) -> int | None:
    """The entry of the case that lets ``by`` take ``step``, None when there is none that is still open. What somebody waived for whoever
    stands in for them now would be a waiver of their own."""
    asked = {"wanted": number, "of_step": step, "whose": by.person, "same": sorted(by.same)}
    found = connection.execute(_open, asked).scalar()
    return int(found) if found is not None else None


def use(tx: Transaction, file: File, waiver: int) -> None:
    """It counts once."""
    row = case_waiver.c
    tx.connection.execute(update(case_waiver).where(row.case_number == file.number, row.n == waiver).values(used=file.n))
