"""Duties over the API: what the direction may waive on a case, and who wears whose hat while somebody is away."""

from typing import Annotated, Any
from uuid import uuid4

from fastapi import Path
from pydantic import Field

from qms.desk import staff
from qms.errors import NotFound
from qms.people.delegation import Delegation
from qms.web.api.asking import Asking, Recorded, Shape, plain, recorded
from qms.web.registry import Permission, Verb
from qms.web.substitutions import days
from qms.web.waivers import choices
from qms.workflows import case

Id = Annotated[str, Path(max_length=40)]


class Waiver(Shape):
    """One step that one person may take once although duties are kept apart, why, and what compensates for it."""

    step: str = Field(max_length=60)
    person: str = Field(max_length=80)
    reason: str = Field(max_length=5_000)
    control: str = Field(max_length=5_000)
    key: str | None = Field(default=None, max_length=100)


class Lending(Shape):
    """A hat lent from the beginning of one day to the end of another; one's own when no ``delegator`` is named."""

    delegator: str | None = Field(default=None, max_length=80)
    delegate: str = Field(max_length=80)
    hat: str = Field(max_length=60)
    organisation: str = Field(max_length=80)
    first_day: str = Field(max_length=60)
    last_day: str = Field(max_length=60)


def show_waivable(caller: Asking, number: str) -> dict[str, Any]:
    found = choices(caller.app, number, caller.by)
    if not found.is_for(caller.by):
        raise NotFound("waiver", number)
    return {
        "steps": [{"step": step.name, "title": step.title[caller.language]} for step in found.steps],
        "people": [{"person": one.id, "name": one.name} for one in found.people],
    }


def waive(caller: Asking, number: str, body: Waiver) -> Recorded:
    app, by = caller.app, caller.by
    with app.writing() as tx:
        receipt = case.waive(
            tx, app.engine, number, body.step, body.person, by, reason=body.reason, control=body.control, key=body.key or uuid4().hex
        )
    return recorded(receipt)


def list_substitutions(caller: Asking) -> dict[str, Any]:
    app = caller.app
    with app.reading() as connection:
        return {"substitutions": [_told(one) for one in staff.substitutions(connection, caller.by, app.database.clock())]}


def lend(caller: Asking, body: Lending) -> dict[str, Any]:
    """The same hat lent twice for the same days is lent once."""
    app, by = caller.app, caller.by
    starts, ends = days({"first_day": body.first_day, "last_day": body.last_day}, app.zone)
    with app.writing() as tx:
        return _told(
            staff.delegate(tx, by, app.hats, body.delegator or by.person, body.delegate, body.hat, body.organisation, starts, ends)
        )


def end_substitution(caller: Asking, delegation: Id) -> dict[str, Any]:
    with caller.app.writing() as tx:
        staff.end_delegation(tx, caller.by, delegation)
    return {"ended": delegation}


def _told(one: Delegation) -> dict[str, Any]:
    told: dict[str, Any] = plain(one)
    return told


VERBS = (
    Verb("GET", "/cases/{number}/waivers", Permission.STAFF, show_waivable, "duties"),
    Verb("POST", "/cases/{number}/waivers", Permission.STAFF, waive, "duties", status=201),
    Verb("GET", "/substitutions", Permission.STAFF, list_substitutions, "duties"),
    Verb("POST", "/substitutions", Permission.STAFF, lend, "duties", status=201),
    Verb("POST", "/substitutions/{delegation}/ended", Permission.STAFF, end_substitution, "duties"),
)
