"""Taking a step from the command line: what is signed is said before the password is asked, what is attached is durable before the step."""

from collections.abc import Mapping, Sequence
from typing import Any

from qms.cli import inputs
from qms.cli.answers import facts
from qms.cli.call import Call
from qms.errors import NotFound
from qms.procedures import control
from qms.records.trail import Receipt
from qms.workflows import case, requests
from qms.workflows.viewing import Case


def seen(call: Call, number: str) -> Case:
    """The case as it stands, for the eyes of whoever calls. Raises NotFound."""
    app = call.app
    with app.reading() as connection:
        return case.show(connection, app.engine, number, call.who())


def take(
    call: Call,
    number: str,
    step: str,
    *,
    fields: Mapping[str, Any] | None = None,
    evidence: Sequence[str] | None = None,
    version: int | None = None,
    happened_at: str | None = None,
    comment: str | None = None,
    key: str | None = None,
    text_seen: str | None = None,
) -> Receipt:
    """Take ``step`` of case ``number``. Without a ``version`` the case is taken as it stands now, without ``text_seen`` the text likewise.

    Raises Refused, NotFound.
    """
    app, by = call.app, call.who()
    found = seen(call, number)
    chosen = found.definition.steps.get(step)
    happened = inputs.moment(call, happened_at)
    files = inputs.attachments(call, evidence)
    if chosen is not None and chosen.binds and text_seen is None:
        text_seen = _present_text(call, number)
    proof = None
    if chosen is not None and chosen.sign is not None:
        call.tell("cli.sign.meaning", meaning=chosen.sign[call.language], title=found.file.title, text=text_seen or "–")
        proof = call.prove(by)
    own_key = call.key(key)
    with app.writing(shelf=chosen is not None and app.touches_library(chosen)) as tx:
        return case.take_step(
            tx,
            app.engine,
            number,
            step,
            by,
            version=requests.version_asked(tx.connection, by, own_key, found.version) if version is None else version,
            fields=fields or {},
            evidence=files,
            happened_at=happened,
            comment=comment,
            proof=proof,
            key=own_key,
            text_seen=text_seen,
        )


def answer_receipt(call: Call, receipt: Receipt) -> None:
    """Say what was recorded, and where it stands on the trail."""
    rows = [(call.say("cli.receipt.record"), f"#{receipt.position}"), (call.say("cli.receipt.at"), call.shown(receipt.at))]
    if receipt.case:
        rows.insert(0, (call.say("cli.receipt.case"), receipt.case))
        rows.append((call.say("cli.receipt.state"), state_title(call, receipt.case, receipt.state)))
        rows.append((call.say("cli.receipt.version"), str(receipt.version)))
    if receipt.repeated:
        rows.append((call.say("cli.receipt.repeated"), call.say("cli.receipt.repeated_why")))
    rows.append((call.say("cli.receipt.seal"), receipt.leaf))
    call.answer(receipt, facts(rows))


def state_title(call: Call, number: str, state: str | None) -> str:
    """A state in the reader's words, as the definition of its case has them."""
    titles = seen(call, number).definition.states
    return titles[state].title[call.language] if state is not None and state in titles else str(state)


def _present_text(call: Call, number: str) -> str | None:
    with call.app.reading() as connection:
        try:
            return control.draft_of_case(connection, number).blob
        except NotFound:
            return None
