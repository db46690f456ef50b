"""The register of controlled documents and each document's page: what is in force, who answers for it, how it came to be."""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import unescape
from io import StringIO
from typing import Any

from starlette.responses import Response

from qms.database import moment
from qms.desk import acknowledgments
from qms.desk.acknowledgments import Asked
from qms.errors import NotFound
from qms.people import directory
from qms.people.sight import reads_superseded, sees_document, sees_drafts, writes_documents
from qms.procedures import control, document
from qms.procedures.comparison import Line, source
from qms.procedures.control import ControlledFile, Draft, HistoryLine, RegisterRow, Revision
from qms.records import evidence
from qms.web import hands, pages
from qms.web.call import Call
from qms.web.drawing import Told, told
from qms.web.evidence import attachment
from qms.web.hands import Hands
from qms.web.registry import Permission, Route

PAGE = 100
MANY = 100_000
FORMULA = ("=", "+", "-", "@")
KEEPERS = ("QM", "DOC_CTRL")
"""Who keeps the documents, and therefore knows by name who has read them."""
PICTURES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp"}
HEADING = re.compile(r'<h([23]) id="([^"]+)">(.*?)</h\1>', re.DOTALL)
TAG = re.compile(r"<[^>]+>")


@dataclass(frozen=True)
class RegisterPage:
    rows: tuple[RegisterRow, ...]
    owners: Mapping[str, str]
    types: tuple[str, ...]
    filters: Mapping[str, str]
    next: str | None
    may_write: bool


@dataclass(frozen=True)
class Heading:
    level: int
    id: str
    title: str


@dataclass(frozen=True)
class Acknowledged:
    """How many read a revision and said so. ``rows`` (name, and what became of asking) are for those who keep the documents; ``mine`` is
    the reader's own case while it waits."""

    done: int
    asked: int
    rows: tuple[tuple[str, Asked], ...]
    mine: str | None


@dataclass(frozen=True)
class DocumentPage:
    row: RegisterRow
    revision: Revision
    owner: str
    hands: Hands
    roles: Mapping[str, str]
    history: tuple[HistoryLine, ...]
    drafts: tuple[Draft, ...]
    reviews: tuple[Draft, ...]
    html: str
    is_plain: bool
    headings: tuple[Heading, ...]
    governed: tuple[Told, ...]
    is_in_force: bool
    may_write: bool
    former: int | None
    may_compare: bool
    read: Acknowledged | None
    file: ControlledFile | None


@dataclass(frozen=True)
class ComparisonPage:
    row: RegisterRow
    old: int
    new: int
    lines: tuple[Line, ...]
    html: str
    files: tuple[ControlledFile | None, ControlledFile | None]


def show_register(call: Call) -> Response:
    names = ("text", "owner", "type", "clause", "withdrawn", "after")
    filters = {name: call.asked(name)[:100] for name in names}
    with call.app.reading() as connection:
        found = control.register(
            connection,
            in_force_only=not filters["withdrawn"],
            owner=filters["owner"] or None,
            type=filters["type"] or None,
            clause=filters["clause"] or None,
            text=filters["text"] or None,
            after=filters["after"] or None,
            limit=PAGE + 1,
        )
    rows = tuple(row for row in found[:PAGE] if sees_document(call.by, row.distribution))
    following = found[PAGE - 1].code if len(found) > PAGE else None
    page = RegisterPage(rows, roles(call), document.TYPES, filters, following, writes_documents(call.by))
    return pages.draw(call, "documents/register.html", call.t("web.place.documents"), page)


def give_register(call: Call) -> Response:
    """Every document in force that the reader may see, for a spreadsheet: no cell of it is taken for a formula."""
    with call.app.reading() as connection:
        found = control.register(connection, limit=MANY)
    names, at = roles(call), call.app.zone
    heads = ("code", "title", "revision", "in_force_since", "owner", "next_review", "type", "clauses")
    lines = [
        (
            row.code, row.titled(call.language), str(row.revision), moment(row.in_force_since).astimezone(at).date().isoformat(),
            names.get(row.owner, row.owner), row.next_review, row.type, " ".join(row.clauses),
        )
        for row in found
        if sees_document(call.by, row.distribution)
    ]  # fmt: skip
    written = StringIO()
    writer = csv.writer(written, delimiter=";" if call.language == "it" else ",")
    writer.writerow([call.t(f"web.document.{name}") for name in heads])
    writer.writerows([harmless(cell) for cell in line] for line in lines)
    return attachment(written.getvalue().encode("utf-8-sig"), f"{call.t('web.place.documents')}.csv", kind="text/csv")


def harmless(cell: str) -> str:
    """A cell that a spreadsheet shows and never computes."""
    return f"'{cell}" if cell.lstrip().startswith(FORMULA) or cell.startswith(("\t", "\r")) else cell


def show_document(call: Call, key: str) -> Response:
    return _show(call, key, None)


def show_revision(call: Call, key: str, revision: str) -> Response:
    return _show(call, key, whole(revision))


def _show(call: Call, key: str, number: int | None) -> Response:
    app, by = call.app, call.by
    with app.reading() as connection:
        row = control.find(connection, key)
        found = control.text(connection, app.library, row.key, by, number)
        history = tuple(control.history(connection, app.library, row.key, by))
        drafts = tuple(control.drafts(connection, row.key)) if sees_drafts(by) else ()
        reviews = tuple(control.reviews(connection, row.key))
        signed = hands.of_revision(connection, found.revision)
        governed = tuple(told(call, connection, workflow) for workflow in row.workflows)
        read = acknowledged(call, connection, found.revision)
    read_text = document.parse(found.text, found.revision.path, placed=False)
    revision = replace(found.revision, title=read_text.front.titled(call.language))
    shown = app.renderer.document(revision.blob, read_text.body, f"/documents/{row.key}/revisions/{revision.number}/figures")
    former = next((line.revision.number for line in history if line.revision.number < revision.number and line.revision.in_force_at), None)
    page = DocumentPage(
        row, revision, roles(call).get(row.owner, row.owner), signed, roles(call), history, drafts, reviews, shown.html, shown.is_plain,
        headings(shown.html), tuple(one for one in governed if one is not None), found.is_in_force, writes_documents(by), former,
        reads_superseded(by), read, read_text.front.file,
    )  # fmt: skip
    return pages.draw(call, "documents/document.html", f"{revision.code} {revision.title}", page)


def acknowledged(call: Call, connection: Any, revision: Revision) -> Acknowledged | None:
    """Who has read and understood this revision, as far as the reader may know; None when nobody was asked."""
    asked = [one for one in acknowledgments.standing(connection, call.app.engine, revision.key, revision.number) if not one.is_lapsed]
    if not asked:
        return None
    keeps = call.by.keeps(KEEPERS)
    names = directory.names(connection, [one.person for one in asked]) if keeps else {}
    rows = sorted(((names.get(one.person, one.person), one) for one in asked), key=lambda row: row[0]) if keeps else []
    mine = next((one.number for one in asked if one.person == call.by.person and not one.is_closed), None)
    return Acknowledged(sum(one.is_closed for one in asked), len(asked), tuple(rows), mine)


def compare_revision(call: Call, key: str, revision: str) -> Response:
    """What a revision changed, against the one before it."""
    app, by = call.app, call.by
    with app.reading() as connection:
        row = control.find(connection, key)
        new = control.text(connection, app.library, row.key, by, whole(revision))
        before = [one.number for one in control.revisions(connection, row.key) if one.number < new.revision.number and one.in_force_at]
        if not before:
            raise NotFound("revision", f"{key} {revision}")
        old = control.text(connection, app.library, row.key, by, before[0])
    lines = tuple(source(old.text, new.text))
    bodies = [document.parse(one.text, one.revision.path, placed=False).body for one in (old, new)]
    marked = app.renderer.comparison(old.revision.blob, new.revision.blob, *bodies)
    files = control.file_in(old.text, old.revision.path), control.file_in(new.text, new.revision.path)
    page = ComparisonPage(row, old.revision.number, new.revision.number, lines, marked.html, files)
    return pages.draw(call, "documents/comparison.html", call.t("web.document.changes_of", code=row.code, number=revision), page)


def show_file(call: Call, key: str, revision: str) -> Response:
    """The file that a revision is, for those who may read its text."""
    app, by = call.app, call.by
    with app.reading() as connection:
        row = control.find(connection, key)
        found = control.text(connection, app.library, row.key, by, whole(revision))
        file = control.kept_file(connection, row.key, found.text, found.revision.path)
    return given_back(call, file)


def given_back(call: Call, file: ControlledFile) -> Response:
    """The file of a document, always as a download."""
    return attachment(evidence.read(call.app.settings.evidence, file.sha256), file.name, file.size)


def show_figure(call: Call, key: str, revision: str, name: str) -> Response:
    """One picture of a revision, for those who may read its text."""
    app, by = call.app, call.by
    with app.reading() as connection:
        row = control.find(connection, key)
        found = control.text(connection, app.library, row.key, by, whole(revision)).revision
    return figure(call, found.commit_id, found.path, name)


def figure(call: Call, commit: str, path: str, name: str) -> Response:
    """A picture that lies beside a document at ``commit``."""
    ending = name.rpartition(".")[2].lower()
    if document.FIGURE.fullmatch(name) is None or ending not in PICTURES:
        raise NotFound("figure", name[:80])
    blob = call.app.library.blob_at(commit, f"{document.figures_folder(path)}/{name}")
    if blob is None:
        raise NotFound("figure", name)
    return Response(call.app.library.read(blob), media_type=PICTURES[ending])


def roles(call: Call) -> dict[str, str]:
    """Role code → its title."""
    return {code: title[call.language] for code, title in call.app.hats.roles.items()}


def whole(number: str) -> int:
    """A revision's number in an address. Raises NotFound for anything else."""
    if not number.isascii() or not number.isdigit() or len(number) > 9:
        raise NotFound("revision", number[:40])
    return int(number)


def headings(html: str) -> tuple[Heading, ...]:
    """The table of contents of a rendered text."""
    return tuple(Heading(int(level), name, unescape(TAG.sub("", title))) for level, name, title in HEADING.findall(html))


ROUTES = (
    Route("GET", "/documents", Permission.READERS, show_register),
    Route("GET", "/documents/register.csv", Permission.READERS, give_register),
    Route("GET", "/documents/{key}", Permission.READERS, show_document),
    Route("GET", "/documents/{key}/revisions/{revision}", Permission.READERS, show_revision),
    Route("GET", "/documents/{key}/revisions/{revision}/changes", Permission.READERS, compare_revision),
    Route("GET", "/documents/{key}/revisions/{revision}/file", Permission.READERS, show_file),
    Route("GET", "/documents/{key}/revisions/{revision}/figures/{name}", Permission.READERS, show_figure),
)
