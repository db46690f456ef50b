"""``qms identifier``: is this CIG, CUP, tax code, IBAN well formed? (DOMAIN calls it checking, not looking up: nothing is asked of anybody.)"""

from typing import Annotated

import typer

from qms.cli import pages
from qms.cli.call import Call
from qms.cli.common import WrongUse
from qms.formats import identifiers

group = pages.section("cli.identifier")


@group.verb("check", "cli.identifier.check")
def check(
    ctx: typer.Context,
    kind: Annotated[str, typer.Argument(help="cli.argument.kind", metavar="cli.shape.kind")],
    value: Annotated[str, typer.Argument(help="cli.argument.value", metavar="cli.shape.value")],
) -> None:
    call: Call = ctx.obj
    known = {name.upper(): name for name in identifiers.KINDS}
    if kind.upper() not in known:
        raise WrongUse("cli.use.identifier_kind", kind=kind, known=", ".join(sorted(identifiers.KINDS)))
    finding = identifiers.check(known[kind.upper()], value)
    call.answer({**vars(finding)}, finding.normalised)
    raise typer.Exit(0 if finding.valid else 1)
