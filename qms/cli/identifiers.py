"""``qms identifier``: is this code well formed? Checking is not looking up: nothing is asked of anybody outside."""

from typing import Annotated

import typer
from rich.text import Text

from qms.cli import pages
from qms.cli.call import Call
from qms.cli.common import WrongUse
from qms.formats import identifiers, words

SHORT = {"CF": "CODICE_FISCALE", "PIVA": "PARTITA_IVA"}

group = pages.section("cli.identifier")


@group.verb("check", "cli.identifier.check")
def check(
    ctx: typer.Context,
    kind: Annotated[str, typer.Argument(help="cli.argument.kind", metavar="cli.shape.kind")],
    value: Annotated[str, typer.Argument(help="cli.argument.value", metavar="cli.shape.value")],
) -> None:
    call: Call = ctx.obj
    wanted = SHORT.get(kind.upper(), kind.upper().replace("-", "_"))
    if wanted not in identifiers.KINDS:
        raise WrongUse("cli.use.identifier_kind", kind=kind, known=", ".join(identifiers.KINDS))
    finding = identifiers.check(wanted, value)
    said = words.of_finding(call.language, finding)
    call.answer({**vars(finding), "is_valid": finding.is_valid, "sentence": said}, Text(said))
    raise typer.Exit(0 if finding.is_valid else 1)
