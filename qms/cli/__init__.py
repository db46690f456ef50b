"""The command line: the same verbs as the pages, for people at a terminal and for scripts. ``qms --help`` lists what it can do."""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from typer import Abort
from typer.exceptions import TyperException
from typer.main import get_command

from qms import __version__
from qms.cli import batch, contents, disposal, documents, drafting, identifiers, keeping, notices, pages, people, trail, workspaces
from qms.cli.call import Call
from qms.cli.common import WrongUse, read
from qms.cli.mistakes import explain
from qms.database import Clock, utc_now
from qms.errors import NotPermitted

USE = {
    "MissingParameter": "cli.use.missing",
    "NoSuchOption": "cli.use.no_option",
    "BadParameter": "cli.use.bad_value",
    "BadOptionUsage": "cli.use.value_missing",
}
NUMBERS = {
    "int_parsing": "cli.use.whole_number",
    "greater_than_equal": "cli.use.number_from",
    "less_than_equal": "cli.use.number_up_to",
}
TOO_MUCH = re.compile(r"Got unexpected extra arguments? ?\(?s?\)? ?\((.*)\)")
"""How typer says, in English only, what is said here in the reader's language."""
GROUPS = {
    "people": people.group,
    "case": batch.group,
    "document": documents.group,
    "import": notices.group,
    "identifier": identifiers.group,
    "workflow": drafting.group,
}


def main() -> None:
    sys.exit(run(sys.argv[1:], os.environ))


def run(words: Sequence[str], environ: Mapping[str, str], clock: Clock = utc_now) -> int:
    """Carry out one command line; returns its exit code (see ``qms.cli.mistakes``). Only tests give another ``clock``."""
    common, rest = read(words, environ)
    call = Call(common, clock)
    try:
        if common.mistake:
            raise common.mistake
        if rest == ["--version"]:
            call.answer({"version": __version__}, f"qms {__version__}")
            return 0
        done = get_command(house()).main(args=rest, prog_name="qms", standalone_mode=False, obj=call)
        sys.stdout.flush()
        return done if isinstance(done, int) else 0
    except Abort:
        return explain(KeyboardInterrupt(), call)
    except TyperException as error:
        return explain(wrong_use(error, call.language), call) if type(error).__name__ != "NoArgsIsHelpError" else 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Exception, KeyboardInterrupt) as error:
        if isinstance(error, NotPermitted):
            call.record_attempt(" ".join(["qms", *(rest[:2] if rest[0] in GROUPS else rest[:1])]), error)
        return explain(error, call)
    finally:
        call.close()


def house() -> pages.Section:
    """Every command, by group."""
    root = pages.section("cli.root")
    for commands in (workspaces, contents, trail, keeping, disposal):
        commands.add_to(root)
    for name, group in GROUPS.items():
        root.add_typer(group, name=name)
    return root


def wrong_use(error: TyperException, language: str) -> WrongUse:
    """What typer objects to, in the house's words."""
    place = getattr(error, "ctx", None)
    command = place.command_path if place else "qms"
    param = getattr(error, "param", None)
    named = getattr(error, "option_name", None) or (pages.spoken(language, param) if param else "")
    found: list[dict[str, Any]] = getattr(error.__cause__, "errors", list)()
    if found and found[0]["type"] in NUMBERS:
        bound = next(iter(found[0].get("ctx", {}).values()), "")
        return WrongUse(NUMBERS[found[0]["type"]], option=named, command=command, value=str(found[0]["input"]), bound=str(bound))
    if extra := TOO_MUCH.match(error.message):
        return WrongUse("cli.use.too_much", words=extra[1], command=command)
    return WrongUse(USE.get(type(error).__name__, "cli.use.wrong"), option=named, command=command, detail=error.message)
