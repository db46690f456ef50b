"""Clients that take steps through HTTP, each over one connection that stays open: the bare handler's, a program's, a browser's."""

import json
from collections.abc import Callable
from http.client import HTTPConnection
from itertools import count
from urllib.parse import urlencode

from qms.app import App
from qms.desk import staff
from qms.people import sign_in
from qms.people.actor import Actor
from tests.benchmarks.errands import EMAIL, FIELDS, PASSWORD, STEPS

Step = Callable[[], None]
_keys = count()


def bare(port: int) -> Step:
    """The smallest request there is."""
    line = HTTPConnection("127.0.0.1", port)
    return lambda: _send(line, "/step", b"{}", {"Content-Type": "application/json"}, 200)


def program(port: int, token: str, number: str, version: int) -> Step:
    """A program with a personal token that takes the next step of one case each time."""
    line, steps = HTTPConnection("127.0.0.1", port), count(version)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}

    def step() -> None:
        seen = next(steps)
        body = {"step": STEPS[(seen - 1) % 2], "version": seen, "fields": dict(FIELDS), "key": f"p{next(_keys)}"}
        _send(line, f"/api/v1/cases/{number}/steps", json.dumps(body).encode(), headers, 201)

    return step


def browser(port: int, session: sign_in.Session, number: str, version: int) -> Step:
    """A signed-in browser that sends the form of the next step of one case each time."""
    line, steps = HTTPConnection("127.0.0.1", port), count(version)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"qms={session.cookie}"}

    def step() -> None:
        seen = next(steps)
        typed = {f"field.{name}": value for name, value in FIELDS.items()}
        body = {"csrf": session.csrf, "step": STEPS[(seen - 1) % 2], "version": seen, "key": f"b{next(_keys)}", **typed}
        _send(line, f"/cases/{number}/steps", urlencode(body).encode(), headers, 303)

    return step


def credentials(app: App, by: Actor) -> tuple[str, sign_in.Session]:
    """A token and a session of the person who takes the steps."""
    with app.writing() as tx:
        token, _ = staff.issue_token(tx, by, "bench")
    return token, sign_in.sign_in(app.database, EMAIL, PASSWORD)


def _send(line: HTTPConnection, path: str, body: bytes, headers: dict[str, str], expected: int) -> None:
    line.request("POST", path, body, headers)
    answer = line.getresponse()
    content = answer.read()
    if answer.status != expected:
        raise RuntimeError(f"{path}: {answer.status} {content[:500]!r}")
