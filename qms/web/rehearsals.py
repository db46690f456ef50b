"""The rehearsal of a process: of the definition in force from its page, of a new one from its draft, before anybody approves it."""

from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from qms.desk import flows, rehearsal
from qms.errors import NotFound, Problem
from qms.procedures import control
from qms.procedures.control import Draft
from qms.web import pages
from qms.web.call import Call
from qms.web.registry import Permission, Route


@dataclass(frozen=True)
class RehearsalPage:
    """``problems`` stand in the way of playing it at all."""

    told: dict[str, Any] | None
    workflow: str
    draft: Draft | None
    problems: tuple[Problem, ...]


def of_process(call: Call, workflow: str) -> Response:
    """Raises NotFound for a process that is not in force."""
    app = call.app
    with app.reading() as connection:
        sources, figures = rehearsal.in_force(connection, app.engine)
    if workflow not in sources:
        raise NotFound("workflow", workflow[:80])
    found = rehearsal.told(rehearsal.rehearse(app.engine, workflow, sources, figures), call.language, app.hats.roles)
    return pages.draw(
        call, "processes/rehearsal.html", call.t("web.rehearsal.of", title=found["title"]), RehearsalPage(found, workflow, None, ())
    )


def of_draft(call: Call, key: str, slug: str) -> Response:
    """Raises NotFound for a draft whose file is no definition."""
    app = call.app
    with app.reading() as connection:
        draft = control.draft_seen(connection, key, slug, call.by)
        source = flows.source_of(app.library, app.settings.evidence, draft)
        if source is None:
            raise NotFound("rehearsal", slug[:80])
        problems = tuple(flows.problems(connection, app.engine, app.hats.roles, source))
        sources, figures = rehearsal.in_force(connection, app.engine, None if problems else source[1])
    played = None
    if not problems:
        workflow = next(name for name, text in sources.items() if text is source[1])
        played = rehearsal.told(rehearsal.rehearse(app.engine, workflow, sources, figures), call.language, app.hats.roles)
    page = RehearsalPage(played, played["workflow"] if played else "", draft, problems)
    return pages.draw(call, "processes/rehearsal.html", call.t("web.rehearsal.of", title=played["title"] if played else draft.title), page)


ROUTES = (
    Route("GET", "/processes/{workflow}/rehearsal", Permission.READERS, of_process),
    Route("GET", "/documents/{key}/drafts/{slug}/rehearsal", Permission.READERS, of_draft),
)
