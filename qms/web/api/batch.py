"""Many steps at once over the API: the same table as on the command line, its attachments beside it in the request."""

import base64
import binascii
from io import BytesIO
from typing import IO, Any

from pydantic import Field

from qms.desk import batch
from qms.desk.batch import House, Outcome
from qms.errors import NotFound, NotPermitted
from qms.web.api.asking import Asking, Caller, Shape
from qms.web.registry import Permission, Verb
from qms.web.words import tell


class File(Shape):
    """A file that cells of the table name: its bytes in base64."""

    name: str = Field(max_length=300)
    content: str


class Table(Shape):
    """The text of the CSV file: a row is a step, its columns are described with `qms case steps --help`."""

    name: str = Field(default="steps.csv", max_length=300)
    table: str
    files: list[File] = Field(default=[], max_length=500)
    dry_run: bool = True


def take_steps(caller: Asking, body: Table) -> dict[str, Any]:
    app = caller.app
    asked = batch.read(body.table.encode(), body.name, caller.language)
    files = {one.name: one.content for one in body.files}
    house = House(app.database, app.settings, app.engine, caller.by, lambda name: _file(files, name))
    found = batch.rehearse(house, asked) if body.dry_run else _taken(caller, house, asked)
    words = [one.word for one in found]
    counts = {word: words.count(word) for word in ("taken", "repeated", "refused")}
    return {"dry_run": body.dry_run, **counts, "rows": [_row(caller, one, body.dry_run) for one in found]}


def _taken(caller: Caller, house: House, asked: batch.Batch) -> list[Outcome]:
    found = []
    for one in batch.take(house, asked):
        found.append(one)
        if isinstance(one.refused, NotPermitted):
            caller.app.record_attempt(caller.by, f"POST {caller.request.url.path}", one.refused)
    return found


def _row(caller: Caller, one: Outcome, dry_run: bool) -> dict[str, Any]:
    reasons = one.refused.reasons if one.refused else ()
    return {
        "line": one.line.line,
        "number": one.line.number,
        "step": one.line.step,
        "outcome": one.word,
        "state": one.receipt.state if one.receipt else None,
        "position": one.receipt.position if one.receipt and (not dry_run or one.word == "repeated") else None,
        "reasons": [{"code": reason.code, "sentence": tell(caller.language, reason), "place": reason.place} for reason in reasons],
    }


def _file(files: dict[str, str], name: str) -> IO[bytes]:
    """Raises NotFound for a file that did not come along, or not in base64."""
    try:
        return BytesIO(base64.b64decode(files[name], validate=True))
    except (KeyError, binascii.Error, ValueError) as error:
        raise NotFound("file", name) from error


VERBS = (Verb("POST", "/steps", Permission.STAFF, take_steps, "cases", takes_files=True),)
