"""Ties cases together: one opens, contains or refers to another, and closing rules reach across."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, insert, select

from qms.database import Transaction
from qms.errors import Reason, refusal
from qms.people.actor import Actor
from qms.records.trail import Receipt
from qms.workflows import file as files
from qms.workflows import objections, requests, sealing
from qms.workflows.definition import Definition
from qms.workflows.engine import Engine
from qms.workflows.file import File
from qms.workflows.reader import both
from qms.workflows.tables import case_file, case_link


@dataclass(frozen=True)
class Parent:
    """A case, locked, about to get a link."""

    file: File
    definition: Definition
    name: str
    workflow: str | None
    """Of which workflow the linked cases are; None when the link does not exist."""


def link_case(
    tx: Transaction, engine: Engine, number: str, name: str, child: str, by: Actor, *, key: str, comment: str | None = None
) -> Receipt:
    """Link the case ``child`` to the case ``number`` under the link ``name``. Raises NotFound for cases ``by`` may not see, Refused."""
    parent = hold_parent(tx, engine, number, name, by)
    said = objections.tidy(comment)
    print_ = requests.fingerprint(parent.definition, {}, (), None, said, number, name, child)
    own_key = requests.key_of(by, key)
    if (done := requests.repeated(tx.connection, own_key, print_)) is not None:
        return done
    other = files.load(tx.connection, child)
    seen = files.visible(other, engine.definitions.get(tx.connection, other.definition).definition, by)
    there = select(case_link.c.child).where(case_link.c.parent == number, case_link.c.name == name, case_link.c.child == child)
    reasons = [*_of_role(parent, by), *objections.of_comment(parent.definition.opening, said)]
    reasons = [reason for reason in reasons if reason.kind != "COMMENT_REQUIRED"]
    if not seen or other.workflow != parent.workflow or child == number or tx.connection.execute(there).first() is not None:
        reasons.append(Reason(f"LINK:{name[:40]}", None, {"child": child[:40]}))
    if reasons:
        raise refusal(reasons)
    write(tx, number, name, child)
    return record(tx, parent, child, by, key=own_key, comment=said, print_=print_, written=True)


def hold_parent(tx: Transaction, engine: Engine, number: str, name: str, by: Actor) -> Parent:
    """Lock the case that is to get a link. Raises NotFound when ``by`` may not see it."""
    file = files.load(tx.connection, number, lock=True)
    definition = engine.definitions.get(tx.connection, file.definition).definition
    files.require_visible(file, definition, by)
    link = definition.links.get(name)
    return Parent(file, definition, name, link.workflow if link else None)


def record(
    tx: Transaction,
    parent: Parent,
    child: str,
    by: Actor,
    *,
    key: str | None = None,
    comment: str | None = None,
    print_: str = "",
    written: bool = False,
) -> Receipt:
    """Seal that ``child`` hangs on ``parent``; write the row unless it is ``written``. The version stays: no step was taken. Who agreed to
    a step agreed to the case without it, and is asked again."""
    if not written:
        write(tx, parent.file.number, parent.name, child)
    after = replace(parent.file, n=parent.file.n + 1, changed_at=tx.now, taken=files.without_agreements(parent.file.taken))
    what: Mapping[str, Any] = {"links": [{"name": parent.name, "child": child}], **({"request": print_} if print_ else {})}
    place = by.role_for(parent.definition.takers, after.organisations)
    return sealing.record(tx, parent.file, after, files.LINKED, by, place, comment=comment, what=what, key=key)


def of_parents(connection: Connection, engine: Engine, file: File) -> tuple[list[Reason], dict[str, str]]:
    """Why a case may not be opened again: those that are closed and contain it rest on its being closed too. And which are opened with it:
    their numbers, each with the step."""
    row = case_file.c
    query = select(row.number, row.definition, case_link.c.name).join(case_link, case_link.c.parent == row.number)
    query = query.where(case_link.c.child == file.number, row.closed_at.is_not(None)).order_by(row.number)
    reasons, opened = [], {}
    for number, digest, name in connection.execute(query):
        link = engine.definitions.get(connection, digest).definition.links.get(name)
        if link is not None and link.holds_closed:
            reasons.append(Reason(f"PARENT:{number}", None, {"parent": number}, both("case.parent_closed", number=str(number))))
        elif link is not None and link.reopens is not None:
            opened[str(number)] = link.reopens
    return reasons, opened


def write(tx: Transaction, parent: str, name: str, child: str) -> None:
    tx.connection.execute(insert(case_link), {"parent": parent, "name": name, "child": child})


def _of_role(parent: Parent, by: Actor) -> list[Reason]:
    roles = parent.definition.takers
    if by.role_for(roles, parent.file.organisations) is not None:
        return []
    return [Reason(f"ROLE:{','.join(roles)}")]
