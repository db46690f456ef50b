"""Open cases that began under an older definition of their process: what moving each would change, and who decides moves some or all."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import uuid4

from starlette.responses import Response

from qms.errors import NotFound, NotPermitted, Reason, Stale, Text
from qms.web import pages, several
from qms.web.call import Call
from qms.web.registry import Permission, Route
from qms.web.several import MOST, Stays
from qms.workflows import case, migration
from qms.workflows.definition import Definition
from qms.workflows.migration import Plan

PAGE = 50
EVERY = "all"


@dataclass(frozen=True)
class PlanRow:
    """A case with what would change, in words; ``reasons`` are why it cannot be moved."""

    number: str
    title: str
    version: int
    state: str
    changes: tuple[tuple[str, str], ...]
    """Pairs of what happens (a key of the catalogue) and the titles it happens to."""
    reasons: tuple[str, ...]
    is_chosen: bool


@dataclass(frozen=True)
class MigrationPage:
    definition: Definition
    rows: tuple[PlanRow, ...]
    count: int
    after: str
    next: str | None
    most: int
    key: str
    reason: str
    is_every: bool


@dataclass(frozen=True)
class MovedPage:
    definition: Definition
    outcome: several.Outcome


def decides(call: Call, definition: Definition) -> bool:
    """Whether whoever asks may decide for open cases of this process somewhere."""
    return any(call.by.holds(role) for role in migration.movers(definition))


def ask(call: Call, workflow: str) -> Response:
    """The cases, a page of them, and the form. Raises NotFound for who does not decide."""
    app = call.app
    after = call.asked("after")[:60]
    with app.reading() as connection:
        definition = case.definition_of(connection, app.engine, workflow)
        if not decides(call, definition):
            raise NotFound("migration", workflow[:80])
        found = migration.plans(connection, app.engine, workflow, call.by, after, PAGE + 1)
        count = migration.count(connection, app.engine, workflow, call.by)
        olds = {one.old: app.engine.definitions.get(connection, one.old).definition for one in found}
    chosen = {value for name, value in call.texts() if name == "case"}
    rows = tuple(_row(call, one, olds[one.old], definition, chosen) for one in found[:PAGE])
    following = found[PAGE - 1].number if len(found) > PAGE else None
    key, is_every = call.typed("key") or uuid4().hex, call.typed("scope") == EVERY
    page = MigrationPage(definition, rows, count, after, following, MOST, key, call.typed("reason"), is_every)
    return pages.draw(call, "processes/migration.html", call.t("web.migration.title"), page)


def move(call: Call, workflow: str) -> Response:
    """Move the chosen cases, each in a transaction of its own: one that cannot be moved does not keep the others."""
    app = call.app
    with app.reading() as connection:
        definition = case.definition_of(connection, app.engine, workflow)
    if not decides(call, definition):
        raise NotPermitted([Reason(f"ROLE:{','.join(migration.movers(definition))}")])
    if call.typed("definition") != definition.digest:
        raise Stale([Reason("STALE")])
    is_every = call.typed("scope") == EVERY
    chosen = {} if is_every else several.ticked(call)
    several.require(call, 1 if is_every else len(chosen), migration.of_reason(call.typed("reason")))
    stuck: tuple[Stays, ...] = ()
    if is_every:
        chosen, stuck = _every(call, workflow)
    key, reason, digest = call.typed("key")[:60] or uuid4().hex, call.typed("reason"), definition.digest
    done, stays = several.each(
        call, chosen,
        lambda tx, number: migration.migrate(
            tx, app.engine, number, call.by, key=f"{key}:{number}", reason=reason, version=chosen[number], to=digest
        ),
    )  # fmt: skip
    with app.reading() as connection:
        left = migration.count(connection, app.engine, workflow, call.by)
    page = MovedPage(definition, several.Outcome(done, (*stays, *stuck), left, f"/processes/{workflow}/open-cases"))
    return pages.draw(call, "processes/moved.html", call.t("web.migration.done"), page)


def _every(call: Call, workflow: str) -> tuple[dict[str, int], tuple[Stays, ...]]:
    """The first cases that can be moved, and those met on the way that cannot, with the reasons."""
    words = pages.words_of(call)
    chosen: dict[str, int] = {}
    stuck: list[Stays] = []
    after = ""
    with call.app.reading() as connection:
        while len(chosen) < MOST and (found := migration.plans(connection, call.app.engine, workflow, call.by, after)):
            after = found[-1].number
            chosen |= {one.number: one.version for one in found if not one.obstacles}
            stuck += [Stays(one.number, tuple(words.tell(reason) for reason in one.obstacles)) for one in found if one.obstacles]
    return dict(sorted(chosen.items())[:MOST]), tuple(stuck[:MOST])


def _row(call: Call, one: Plan, old: Definition, new: Definition, chosen: Iterable[str]) -> PlanRow:
    words = pages.words_of(call)

    def titles(names: Iterable[str], title: Callable[[str], Text | None]) -> str:
        return ", ".join(words.two(title(name)) or name for name in names)

    changes = (
        ("fields_gone", titles(one.fields_gone, lambda name: old.fields[name].title if name in old.fields else None)),
        ("timers_gone", titles(one.timers_gone, lambda name: old.timers[name].title)),
        ("timers_new", titles(one.timers_new, lambda name: new.timers[name].title)),
        ("timers_changed", titles(one.timers_changed, lambda name: new.timers[name].title)),
        ("steps_gone", titles(one.steps_gone, lambda name: old.steps[name].title)),
        ("steps_new", titles(one.steps_new, lambda name: new.steps[name].title)),
    )
    return PlanRow(
        one.number, one.title, one.version, words.two(old.states[one.state].title), tuple(pair for pair in changes if pair[1]),
        tuple(words.tell(reason) for reason in one.obstacles), f"{one.number} {one.version}" in chosen,
    )  # fmt: skip


ROUTES = (
    Route("GET", "/processes/{workflow}/open-cases", Permission.STAFF, ask),
    Route("POST", "/processes/{workflow}/open-cases", Permission.STAFF, move, again=ask),
)
