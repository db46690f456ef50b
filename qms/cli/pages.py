"""The help pages of the command line, in the reader's language: typer knows the commands, this file knows how to say them."""

from collections.abc import Callable
from typing import Any, TypeVar

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from typer.core import TyperCommand, TyperGroup

from qms.cli.call import Call
from qms.cli.common import WrongUse
from qms.locale import knows, say

COMMON = (
    ("--json", "cli.option.json"),
    ("--language it|en", "cli.option.language"),
    ("--workspace, -w DIR", "cli.option.workspace"),
    ("--token-file FILE", "cli.option.token_file"),
    ("--help", "cli.option.help"),
    ("--version", "cli.option.program_version"),
)


Verb = TypeVar("Verb", bound=Callable[..., Any])


class Command(TyperCommand):
    """A command whose help stands in the catalogues under the key given as its help; all that is missing is said at once."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        call: Call = ctx.obj
        empty = {name for name, value in given.items() if not value and value != ""}
        needed = [param for param in self.params if param.required and (param.name not in given or param.name in empty)]
        missing = [spoken(call.language, param) for param in needed]
        if missing and "--help" not in args:
            raise WrongUse("cli.use.missing", option=", ".join(missing), command=ctx.command_path)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        write_page(self, ctx)


class Group(TyperGroup):
    """A group of commands, likewise; a name it does not have is answered with those it has."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        write_page(self, ctx)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and self.get_command(ctx, args[0]) is None:
            raise WrongUse("cli.use.no_command", name=args[0], command=ctx.command_path, known=", ".join(self.list_commands(ctx)))
        return super().resolve_command(ctx, args)


class Section(typer.Typer):
    """A group of commands that know how to write their page."""

    def verb(self, name: str, help_key: str) -> Callable[[Verb], Verb]:
        """Declare a command; ``help_key`` names its page in the catalogues."""
        return self.command(name, cls=Command, help=help_key)


def section(help_key: str) -> Section:
    return Section(cls=Group, help=help_key, add_completion=False, no_args_is_help=True, rich_markup_mode=None)


WIDTH = 100
"""Columns of a help page when it goes into a pipe, such as a pager."""


def write_page(command: Any, ctx: Any) -> None:
    """Print the help page of ``command`` to standard output."""
    call: Call = ctx.obj
    language, out = call.language, Console(file=call.out.file, highlight=False, width=None if call.out.is_terminal else WIDTH)
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    options = [param for param in command.params if param.param_type_name == "option" and not param.hidden and param.name != "help"]
    names = " ".join(shape(language, param) for param in arguments)
    usage = [ctx.command_path, say(language, "cli.page.command") if isinstance(command, TyperGroup) else names]
    if options:
        usage.append(f"[{say(language, 'cli.page.options').upper()}]")
    out.print(Text(f"{say(language, 'cli.page.usage')}: {' '.join(word for word in usage if word)}"))
    out.print(Padding(Text(translated(language, command.help)), (1, 2), expand=False))
    _section(out, "", [(shape(language, param), translated(language, param.help)) for param in arguments])
    _section(out, say(language, "cli.page.options"), [_option(language, param) for param in options])
    if isinstance(command, TyperGroup):
        listed = [(name, command.get_command(ctx, name)) for name in command.list_commands(ctx)]
        lines = [(name, first_sentence(translated(language, item.help))) for name, item in listed if item and not item.hidden]
        _section(out, say(language, "cli.page.commands"), lines)
    _section(out, say(language, "cli.page.common"), [(names, say(language, key)) for names, key in COMMON])
    if ctx.parent is None:
        out.print(Padding(Text(say(language, "cli.page.exit_codes")), (0, 2), expand=False))


def shape(language: str, param: Any) -> str:
    """How an argument is written in a usage line: ``NUMERO``, ``[FILE]…``."""
    name = translated(language, param.metavar) if param.metavar else str(param.name).upper()
    name = f"{name}…" if param.nargs == -1 else name
    return name if param.required else f"[{name}]"


def spoken(language: str, param: Any) -> str:
    """How a parameter is named to the person who forgot it or wrote it badly."""
    if param.param_type_name == "option":
        return str(param.opts[0])
    return translated(language, param.metavar) if param.metavar else str(param.name).upper()


def translated(language: str, text: str | None) -> str:
    return say(language, text) if text and knows(language, text) else text or ""


def first_sentence(text: str) -> str:
    return text.split("\n")[0]


def _option(language: str, param: Any) -> tuple[str, str]:
    names = ", ".join(sorted((*param.opts, *param.secondary_opts), key=len, reverse=True))
    if not getattr(param, "is_bool_flag", False):
        names += f" {translated(language, param.metavar) if param.metavar else str(param.name).upper()}"
    needed = f" {say(language, 'cli.page.required')}" if param.required else ""
    many = f" {say(language, 'cli.page.repeatable')}" if param.multiple else ""
    return names, translated(language, param.help) + needed + many


def _section(out: Console, title: str, lines: list[tuple[str, str]]) -> None:
    if not lines:
        return
    if title:
        out.print(Text(title, style="bold"))
    table = Table.grid(padding=(0, 3))
    for name, text in lines:
        table.add_row(Text(name, no_wrap=True), Text(text))
    out.print(Padding(table, (0, 2, 1, 2), expand=False))
