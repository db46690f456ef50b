"""Workspaces: make one, serve it, show a demo of one."""

import errno
import shutil
import socket
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from qms import app as assembly
from qms.cli import pages
from qms.cli.answers import table
from qms.cli.call import Call
from qms.cli.common import WrongUse
from qms.desk import demo as demonstration
from qms.desk import start
from qms.desk.start import Beginning

LOCAL = "127.0.0.1"
FIRST_PORT = 8000
PORTS_TRIED = 100
FINISHED = "demo-ready"
"""A file that stands in a demo workspace once it is whole: one that was broken off is made anew."""

Port = Annotated[int, typer.Option("--port", "-p", help="cli.option.port", metavar="N", min=1, max=65535)]


def add_to(root: pages.Section) -> None:
    """Hang the commands of this file on the house."""
    root.verb("init", "cli.init")(init)
    root.verb("serve", "cli.serve")(serve)
    root.verb("wake", "cli.wake")(wake)
    root.verb("demo", "cli.demo")(demo)


def init(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="cli.argument.folder", metavar="cli.shape.folder")],
    name: Annotated[str, typer.Option("--name", help="cli.option.organisation_name", metavar="cli.shape.name")],
    person: Annotated[str, typer.Option("--person", help="cli.option.person_name", metavar="cli.shape.name")],
    email: Annotated[str, typer.Option("--email", help="cli.option.email", metavar="cli.shape.email")],
    organisation: Annotated[
        str, typer.Option("--organisation", help="cli.option.organisation", metavar="cli.shape.organisation")
    ] = "consorzio",
    profile: Annotated[str, typer.Option("--profile", help="cli.option.profile", metavar="small|full")] = "small",
    database: Annotated[str | None, typer.Option("--database", help="cli.option.database", metavar="URL")] = None,
) -> None:
    call: Call = ctx.obj
    password = call.new_password()
    beginning = Beginning(name, organisation, person, email, password, call.language, profile, database_url=database)
    first = start.make(folder, beginning, call.clock)
    told = {"workspace": str(folder.resolve()), "person": first, "email": email}
    call.answer(told, Text(call.say("cli.init.done", folder=str(folder), email=email)))


def serve(
    ctx: typer.Context,
    host: Annotated[str, typer.Option("--host", help="cli.option.host", metavar="HOST")] = LOCAL,
    port: Port = FIRST_PORT,
) -> None:
    call: Call = ctx.obj
    serving = _server(call)
    listening = _listen(host, port)
    if listening is None:
        raise WrongUse("cli.use.port", port=str(port), host=host)
    call.tell("cli.serving", address=f"http://{host}:{port}", workspace=call.app.settings.name)
    _run(serving, listening)


def demo(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="cli.argument.folder", metavar="cli.shape.folder")] = Path("demo"),
    reset: Annotated[bool, typer.Option("--reset", help="cli.option.reset")] = False,
    port: Annotated[int, typer.Option("--port", "-p", help="cli.option.first_port", metavar="N", min=1, max=65535)] = FIRST_PORT,
) -> None:
    call: Call = ctx.obj
    whole = (folder / FINISHED).is_file()
    if folder.exists() and any(folder.iterdir()) and (reset or not whole):
        _throw_away(folder)
        whole = False
    if not whole:
        with call.progress(call.say("cli.demo.making")) as advance:
            demonstration.build(folder, assembly.open, advance)
        (folder / FINISHED).touch()
    found = ((candidate, _listen(LOCAL, candidate)) for candidate in range(port, min(port + PORTS_TRIED, 65536)))
    free = next(((candidate, listening) for candidate, listening in found if listening), None)
    if free is None:
        raise WrongUse("cli.use.port", port=f"{port}–{port + PORTS_TRIED - 1}", host=LOCAL)
    call.open_workspace(folder)
    serving = _server(call)
    address = f"http://{LOCAL}:{free[0]}"
    heads = [call.say(f"cli.head.{name}") for name in ("comes_as", "name", "email", "password")]
    sign_ins = demonstration.sign_ins()
    rows = [(call.shown(one.comes_as), one.name, one.email, one.password) for one in sign_ins]
    call.answer(
        {"address": address, "sign_ins": sign_ins},
        Text(call.say("cli.demo.ready", address=address)),
        table(heads, rows),
        Text(call.say("cli.demo.stop", folder=str(folder))),
    )
    _run(serving, free[1])


def wake(ctx: typer.Context) -> None:
    """For a scheduler outside: what the server's own clock does, once."""
    call: Call = ctx.obj
    moved = call.app.tick()
    call.answer({"moved": moved}, Text(call.say("cli.wake.done", number=moved)))


def _server(call: Call) -> Any:
    """Pages and API over the open workspace: one worker, with the clock of due dates in the same process."""
    import uvicorn  # here, because every other command starts sooner without a server

    from qms import web

    call.app.start_ticker()
    return uvicorn.Server(uvicorn.Config(web.create_app(call.app), log_level="warning", workers=1, server_header=False))


def _run(serving: Any, listening: socket.socket) -> None:
    """Serve until interrupted, which is how a server ends well."""
    try:
        serving.run(sockets=[listening])
    except KeyboardInterrupt:
        return


def _listen(host: str, port: int) -> socket.socket | None:
    """A socket that already listens there, so that nobody takes the port in between; None when it is taken.

    It says that it speaks TCP: only then does asyncio send small answers at once, which otherwise wait 40 ms for the other side.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(128)
    except OSError as error:
        made.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise WrongUse("cli.use.address", host=host, port=str(port)) from error
    return made


def _throw_away(folder: Path) -> None:
    """Delete a demo workspace, and nothing that is not one. Raises WrongUse."""
    settings = folder / "qms.toml"
    if not settings.is_file() or "demo = true" not in settings.read_text(encoding="utf-8"):
        raise WrongUse("cli.use.not_a_demo", folder=str(folder))
    shutil.rmtree(folder)
