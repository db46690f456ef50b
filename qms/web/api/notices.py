"""Public notices over the API: read a file field by field, and when it is said so, open or link what was chosen."""

import base64
import binascii
from io import BytesIO
from typing import Any

from pydantic import Field

from qms.desk import notices
from qms.errors import Incomplete, Reason
from qms.formats import notice as reader
from qms.formats import words
from qms.formats.facts import NoticeFile
from qms.records import evidence
from qms.web.api.asking import Asking, Caller, Shape, plain
from qms.web.registry import Permission, Verb


class NoticeSent(Shape):
    """A file in base64. ``chosen`` are the places of its records from 0; needed when there are several."""

    name: str = Field(max_length=300)
    content: str
    dry_run: bool = True
    chosen: list[int] | None = Field(default=None, max_length=50)


def import_notice(caller: Asking, body: NoticeSent) -> dict[str, Any]:
    try:
        content = base64.b64decode(body.content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Incomplete([Reason("FIELD_INVALID:content", "content")]) from error
    found = reader.read(content, body.name)
    return {
        "format": found.format,
        "sha256": found.sha256,
        "dry_run": body.dry_run,
        "records": [_record(caller, place, one) for place, one in enumerate(found.records)],
        "skipped": plain(found.skipped),
        "taken": plain(_foreseen(caller, found) if body.dry_run else _taken(caller, found, content, body.chosen)),
    }


def _foreseen(caller: Caller, found: NoticeFile) -> list[notices.Taken]:
    with caller.app.reading() as connection:
        return notices.foreseen(connection, caller.app.engine, found, caller.by)


def _taken(caller: Caller, found: NoticeFile, content: bytes, chosen: list[int] | None) -> list[notices.Taken]:
    app = caller.app
    stored = evidence.store(app.settings.evidence, BytesIO(content), found.name, app.settings.max_evidence_bytes)
    with app.writing() as tx:
        return notices.take_in(tx, app.engine, found, stored, caller.by, chosen, caller.language)


def _record(caller: Caller, place: int, one: reader.Notice) -> dict[str, Any]:
    doubts = [{"code": doubt.code, "field": doubt.field, "sentence": words.of_doubt(caller.language, doubt)} for doubt in one.doubts]
    return {"place": place, "record": one.record, "kind": one.kind, "facts": plain(reader.facts(one)), "doubts": doubts}


VERBS = (Verb("POST", "/notices", Permission.STAFF, import_notice, "notices", takes_files=True),)
