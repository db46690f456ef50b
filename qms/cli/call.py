"""One call of the command line: who reads the answer, in which language and form, in which workspace, and as whom it acts.

Nobody can act as somebody else: an act needs the person's token, a signature the person's password, and neither is ever taken from the
command line itself, where every other user of the machine could read it.
"""

import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from qms import app as assembly
from qms.cli import answers
from qms.cli.common import Common, WrongUse
from qms.database import Clock
from qms.errors import NotFound, NotPermitted, Reason
from qms.locale import say
from qms.people import signature, tokens
from qms.people.actor import Actor
from qms.workflows.definition import Field

FOR_PROGRAMS = 2000
"""Columns when nobody looks: a line is never broken for the next program in a pipe."""


class Call:
    """One run of ``qms``. Owns the workspace it opens; close it."""

    def __init__(self, common: Common, clock: Clock) -> None:
        self.common = common
        self.clock = clock
        self.workspace = common.workspace
        self.language = common.language
        self.json = common.json
        self.out = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else FOR_PROGRAMS)
        self.err = Console(file=sys.stderr, highlight=False, width=None if sys.stderr.isatty() else FOR_PROGRAMS)
        self._closing = ExitStack()
        self._app: assembly.App | None = None
        self._by: Actor | None = None

    def say(self, key: str, count: int | None = None, **values: Any) -> str:
        return say(self.language, key, count, **values)

    def answer(self, value: object, *lines: RenderableType) -> None:
        """Print ``value`` as JSON when that was asked for, else the lines made for a person; at once, though a server may follow."""
        if self.json:
            self.out.file.write(answers.as_json(value) + "\n")
        else:
            for line in lines:
                self.out.print(line, markup=False)
        self.out.file.flush()

    def write(self, text: str) -> None:
        """Print a text that another program will read: no line of it is broken, no sign changed."""
        self.out.file.write(text)
        self.out.file.flush()

    def tell(self, key: str, **values: Any) -> None:
        """Say something beside the answer, on standard error."""
        self.err.print(Text(self.say(key, **values)))

    def shown_field(self, field: Field, value: Any) -> str:
        """A field's kept value as a person reads it."""
        if field.options and isinstance(value, str):
            return field.options[value][self.language] if value in field.options else value
        if field.options:
            return ", ".join(field.options[item][self.language] if item in field.options else str(item) for item in value)
        if field.columns:
            cells = ([self.shown_field(column, row.get(name)) for name, column in (field.columns or {}).items()] for row in value)
            return "\n".join(" · ".join(line) for line in cells)
        return answers.shown_text(field.type, value, self.language)

    def shown(self, value: object) -> str:
        return answers.shown(value, self.language)

    def day(self, written: str | None) -> str:
        """A stored instant or date as a day."""
        return self.shown(date.fromisoformat(written[:10]) if written else None)

    @property
    def app(self) -> assembly.App:
        """The workspace, opened at first use. Raises NotFound when there is none here."""
        if self._app is None:
            if self.workspace is None:
                raise NotFound("workspace", str(Path.cwd()))
            self._app = self._closing.enter_context(assembly.opened(self.workspace, self.clock))
        return self._app

    def open_workspace(self, root: Path) -> None:
        """Open a workspace that this call itself made or chose."""
        self.workspace = root
        self._app = self._closing.enter_context(assembly.opened(root, self.clock))

    def close(self) -> None:
        self._closing.close()

    def who(self) -> Actor:
        """The person whose token this is. Raises NotPermitted for a token that is unknown, expired or revoked."""
        if self._by is None:
            plaintext = self._token()
            with self.app.reading() as connection:
                self._by = tokens.bearer(connection, plaintext, self.app.database.clock(), self.app.hats, "cli")
        return self._by

    def prove(self, by: Actor) -> signature.Proof:
        """Ask for the password that stands for a signature. Raises NotPermitted when it is wrong or cannot be asked."""
        return signature.prove(self.app.database, by, self.password("cli.ask.signature"))

    def record_attempt(self, attempt: str, error: NotPermitted) -> None:
        """Put on the trail that somebody known tried what they may not."""
        if self._by is not None:
            self.app.record_attempt(self._by, attempt, error)

    def password(self, question: str) -> str:
        """A password from the file that QMS_PASSWORD_FILE names, else asked at the terminal without showing it."""
        named = self.common.environ.get("QMS_PASSWORD_FILE")
        if named:
            return first_line(Path(named))
        if not sys.stdin.isatty():
            raise NotPermitted([Reason("PASSWORD_MISSING")])
        return getpass.getpass(self.say(question) + " ")

    def new_password(self) -> str:
        """A password that somebody will use from now on; at the terminal it is asked twice. Raises WrongUse when the two differ."""
        first = self.password("cli.ask.password")
        if "QMS_PASSWORD_FILE" not in self.common.environ and first != self.password("cli.ask.again"):
            raise WrongUse("cli.ask.passwords_differ")
        return first

    def key(self, given: str | None) -> str:
        """The idempotency key of an act: the caller's own, or one that nobody else will use."""
        return given or uuid4().hex

    @contextmanager
    def progress(self, title: str) -> Iterator[Any]:
        """A bar on standard error while long work lasts; silent for programs and when standard error is no terminal."""
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self.err,
            transient=True,
            disable=self.json or not self.err.is_terminal,
        )
        with bar:
            task = bar.add_task(title, total=None)

            def advance(done: int, total: int | None = None) -> None:
                bar.update(task, completed=done, total=total)

            yield advance

    def _token(self) -> str:
        if self.common.token_file:
            return first_line(self.common.token_file)
        given = self.common.environ.get("QMS_TOKEN", "").strip()
        if given:
            return given
        if not sys.stdin.isatty():
            raise NotPermitted([Reason("TOKEN_MISSING")])
        return getpass.getpass(self.say("cli.ask.token") + " ").strip()


def first_line(path: Path) -> str:
    """The first line of a small secret file. Raises NotFound when it cannot be read."""
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise NotFound("file", os.fspath(path)) from error
