"""``qms retention``: the closed cases whose term is over, and those of them that stay nevertheless."""

import typer
from rich.console import RenderableType
from rich.text import Text

from qms.cli import inputs, pages
from qms.cli.answers import table
from qms.cli.call import Call
from qms.desk import disposal
from qms.desk.disposal import Kept
from qms.records import retention


def add_to(root: pages.Section) -> None:
    """Hang the command of this file on the house."""
    root.verb("retention", "cli.retention")(show)


def show(ctx: typer.Context, limit: inputs.Limit = 50) -> None:
    """What is over may be proposed for disposal; what stays is told apart, with what keeps it."""
    call: Call = ctx.obj
    app, by = call.app, call.who()
    with app.reading() as connection:
        terms = retention.terms_in_force(app.library)
        found = disposal.over(connection, app.engine, terms, by, app.database.clock(), limit)
    over, stays = [one for one in found if not one.stays], [one for one in found if one.stays]
    heads = [call.say(f"cli.head.{name}") for name in ("number", "title", "class", "over_on")]
    lines: list[RenderableType] = [table(heads, [_row(one) for one in over])] if over else [Text(call.say("cli.retention.none"))]
    if stays:
        lines += [Text(call.say("cli.retention.stays", len(stays)), style="bold")]
        lines += [table([*heads, call.say("cli.head.why")], [(*_row(one), _why(call, one)) for one in stays])]
    call.answer({"over": over, "stays": stays}, *lines, Text(call.say("cli.retention.how")))


def _row(one: Kept) -> tuple[str, str, str, str]:
    return one.number, one.title, ", ".join(one.classes), one.over_on.isoformat()


def _why(call: Call, one: Kept) -> str:
    if one.hold is not None:
        return call.say("cli.retention.held", at=call.shown(one.hold.at), reason=one.hold.reason, position=str(one.hold.position))
    return call.say("cli.retention.open", number=str(one.waits_for))
