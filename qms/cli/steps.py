"""Taking a step from the command line: everything said before the password is asked, everything durable before the step is taken."""

from collections.abc import Mapping, Sequence
from typing import Any

from qms.cli import inputs
from qms.cli.answers import facts
from qms.cli.call import Call
from qms.records.trail import Receipt
from qms.workflows import case


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
) -> Receipt:
    """Take ``step`` of case ``number``. Without a ``version`` the case is taken as it stands now. Raises Refused, NotFound."""
    app, by = call.app, call.who()
    with app.reading() as connection:
        seen = case.show(connection, app.engine, number, by)
    definition = seen.definition
    meant = definition.step(step)
    happened = inputs.moment(call, happened_at)
    files = inputs.attachments(call, evidence)
    proof = call.prove(by) if meant is not None and meant.sign is not None else None
    with app.writing(shelf=app.touches_library(definition, step)) as tx:
        return case.take_step(
            tx,
            app.engine,
            number,
            step,
            by,
            version=seen.version if version is None else version,
            fields=fields or {},
            evidence=files,
            happened_at=happened,
            comment=comment,
            proof=proof,
            key=call.key(key),
        )


def answer_receipt(call: Call, receipt: Receipt) -> None:
    """Say what was recorded, and where it stands on the trail."""
    rows = [(call.say("cli.receipt.record"), f"#{receipt.position}"), (call.say("cli.receipt.at"), call.shown(receipt.at))]
    if receipt.case:
        rows.insert(0, (call.say("cli.receipt.case"), receipt.case))
        rows.append((call.say("cli.receipt.state"), receipt.state or ""))
        rows.append((call.say("cli.receipt.version"), str(receipt.version)))
    if receipt.repeated:
        rows.append((call.say("cli.receipt.repeated"), call.say("cli.receipt.repeated_why")))
    rows.append((call.say("cli.receipt.seal"), receipt.leaf))
    call.answer(receipt, facts(rows))
