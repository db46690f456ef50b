"""One act on several cases at once: those ticked on a page, each in a transaction of its own, and what became of each."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from qms.database import Transaction
from qms.errors import Incomplete, NotFound, NotPermitted, Reason, Refused
from qms.records.trail import Receipt
from qms.web.call import Call
from qms.web.mistakes import told

MOST = 200
"""Cases of one form; for more it is sent again."""


@dataclass(frozen=True)
class Stays:
    """A case that stays as it was, and why."""

    number: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What became of each case; ``left`` are still to do."""

    done: tuple[tuple[str, Receipt], ...]
    stays: tuple[Stays, ...]
    left: int
    back: str
    """The address of the page for those that are left."""


def ticked(call: Call) -> dict[str, int]:
    """The cases ticked, each with the version that the page showed. Raises Incomplete."""
    found = {}
    for name, value in call.texts():
        number, _, version = value.partition(" ")
        if name == "case" and not (version.isascii() and version.isdigit() and len(version) < 10):
            raise Incomplete([Reason("FIELD_INVALID:case", "case")])
        if name == "case":
            found[number] = int(version)
    return found


def require(call: Call, many: int, own: Iterable[Reason]) -> None:
    """Raise Incomplete for all that the form lacks, in its order: a case at least and not too many, ``own``, the confirmation."""
    reasons = [] if many else [Reason("CHOICE_REQUIRED:cases", "case")]
    if many > MOST:
        reasons.append(Reason("CHOICE_REQUIRED:fewer", "case", {"most": MOST}))
    reasons += own
    if not call.typed("confirm"):
        reasons.append(Reason("CONFIRM_REQUIRED", "confirm"))
    if reasons:
        raise Incomplete(reasons)


def each(
    call: Call, numbers: Iterable[str], act: Callable[[Transaction, str], Receipt]
) -> tuple[tuple[tuple[str, Receipt], ...], tuple[Stays, ...]]:
    """Do ``act`` on every case; one that refuses does not keep the others. What a person may not do is recorded like any attempt."""
    done: list[tuple[str, Receipt]] = []
    stays: list[Stays] = []
    for number in sorted(numbers):
        try:
            with call.app.writing() as tx:
                receipt = act(tx, number)
            done.append((number, receipt))
        except (NotFound, Refused) as error:
            stays.append(Stays(number, tuple(mistake.text for mistake in told(call.language, error, call.app.hats.roles))))
            if isinstance(error, NotPermitted):
                call.app.record_attempt(call.by, f"POST {call.request.url.path}", error)
    return tuple(done), tuple(stays)
