"""Acts about persons and organisations, each with its entry on the trail in the same transaction (ISO 9001, 5.3 and 7.2).

Addresses, passwords and tokens never reach the trail; who was given which hat, where and by whom, does.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from qms.database import Transaction, stamp
from qms.errors import Incomplete, NotFound, NotPermitted, Reason
from qms.people import delegation, directory, sign_in, tokens
from qms.people.actor import Actor
from qms.people.delegation import Delegation
from qms.people.directory import Organisation, Person
from qms.people.hats import Hats
from qms.people.tokens import Token
from qms.records import trail
from qms.records.trail import Receipt
from qms.records.verify import Check

KEEPERS = ("ADMIN", "QM")
"""Who keeps the directory."""
EVENTS = (
    "organisation-added",
    "person-added",
    "person-disabled",
    "password-set",
    "hat-granted",
    "hat-revoked",
    "token-issued",
    "token-revoked",
    "delegation-given",
    "delegation-ended",
)


def may_keep(by: Actor) -> bool:
    """Whether this person may enter persons and organisations and give hats."""
    return by.kind == "system" or by.keeps(KEEPERS)


def add_organisation(tx: Transaction, by: Actor, id: str, name: str, kind: str, tax_code: str | None = None) -> Organisation:
    """Enter an organisation. Raises NotPermitted, Incomplete."""
    _require_keeper(by)
    made = directory.add_organisation(tx, id, name, kind, tax_code)
    _record(tx, by, "organisation-added", organisation=made.id, name=made.name, kind=made.kind, tax_code=made.tax_code)
    return made


def add_person(
    tx: Transaction, by: Actor, name: str, email: str, kind: str = "staff", language: str = "it", expires_at: datetime | None = None
) -> Person:
    """Enter a person. Raises NotPermitted, Incomplete. The name is sealed for those who act here, never for outside persons."""
    _require_keeper(by)
    made = directory.add_person(tx, name, email, kind, language, expires_at)
    _record(
        tx,
        by,
        "person-added",
        person=made.id,
        kind=made.kind,
        name=made.name if kind != "outside" else None,
        created_at=stamp(made.created_at),
        expires_at=stamp(made.expires_at) if made.expires_at else None,
    )
    return made


def grant(tx: Transaction, by: Actor, hats: Hats, person: str, hat: str, organisation: str) -> None:
    """Put a hat on a person. Nobody gives one to themselves, nor to whom they stand in for (``SOD:own_hat``)."""
    _require_keeper(by)
    if person in by.same:
        raise NotPermitted([Reason("SOD:own_hat", "hat")])
    directory.grant(tx, hats, person, hat, organisation)
    _record(tx, by, "hat-granted", person=person, hat=hat, organisation=organisation)


def revoke(tx: Transaction, by: Actor, person: str, hat: str, organisation: str) -> None:
    """Take a hat off a person."""
    _require_keeper(by)
    tx.hold(delegation.delegation_table)
    directory.revoke(tx, person, hat, organisation)
    _end_delegations(tx, by, person, hat, organisation)
    _record(tx, by, "hat-revoked", person=person, hat=hat, organisation=organisation)


def disable(tx: Transaction, by: Actor, person: str) -> None:
    """Close a person's account; what they did stays under their name."""
    _require_keeper(by)
    if by.person == person:
        raise NotPermitted([Reason("SOD:own_account", "person")])
    tx.hold(delegation.delegation_table)
    directory.disable(tx, person)
    _end_delegations(tx, by, person)
    _record(tx, by, "person-disabled", person=person, disabled_at=stamp(tx.now))


def set_password(tx: Transaction, by: Actor, person: str, password: str) -> None:
    """Give a password: one's own, or, as keeper, somebody else's first or forgotten one; the trail shows who gave it."""
    keep_password(tx, by, person, sign_in.hashed(password, directory.person(tx.connection, person).email))
    if by.person != person:
        end_tokens(tx, by, person)


def keep_password(tx: Transaction, by: Actor, person: str, hashed: str) -> None:
    """Give a password by its hash. What is sealed is a digest of that salted hash: enough to notice a hash put in beneath the program."""
    if by.person != person:
        _require_keeper(by)
    sign_in.keep_password(tx, person, hashed)
    _record(tx, by, "password-set", person=person, digest=_digest(hashed))


def issue_token(tx: Transaction, by: Actor, label: str, days: int = 90) -> tuple[str, Token]:
    """Make a token for oneself; its text is returned once and kept nowhere."""
    text, token = tokens.issue(tx, by.person, label, days)
    span = {"created_at": stamp(token.created_at), "expires_at": stamp(token.expires_at)}
    _record(tx, by, "token-issued", person=by.person, token=token.id, digest=tokens.digest(text), **span)
    return text, token


def delegate(
    tx: Transaction, by: Actor, hats: Hats, delegator: str, to: str, hat: str, organisation: str, starts_at: datetime, ends_at: datetime
) -> Delegation:
    """Lend a hat for some days: one's own, or, as keeper, that of somebody who is away. The same one sent twice is one. Raises
    NotPermitted, Incomplete with everything wrong, NotFound."""
    if by.person != delegator:
        _require_keeper(by)
        if to in by.same:
            raise NotPermitted([Reason("SOD:own_hat", "hat")])
    tx.hold(delegation.delegation_table)
    lender, borrower = directory.person(tx.connection, delegator), directory.person(tx.connection, to)
    wrong = {
        "delegate": delegator == to or not borrower.is_here(tx.now) or hats.kind(name for name, _ in borrower.hats) != "staff",
        "hat": (hat, organisation) not in lender.hats or not lender.is_here(tx.now) or hats.hat(hat).kind != "staff",
        "ends_at": ends_at <= max(starts_at, tx.now) or ends_at - starts_at > delegation.LONGEST or not lender.is_here(ends_at),
    }
    if any(wrong.values()):
        raise Incomplete([Reason(f"FIELD_INVALID:{name}", name) for name, is_wrong in wrong.items() if is_wrong])
    for one in delegation.open_ones(tx.connection, tx.now, delegator):
        if (one.delegator, one.delegate, one.hat, one.organisation, one.starts_at, one.ends_at) == (
            delegator, to, hat, organisation, starts_at, ends_at,
        ):  # fmt: skip
            return one
    made = delegation.give(tx, delegator, to, hat, organisation, starts_at, ends_at)
    _record(tx, by, "delegation-given", person=to, delegator=delegator, delegation=made.row(), hat=hat, organisation=organisation)
    return made


def substitutions(connection: Connection, by: Actor, now: datetime) -> list[Delegation]:
    """What is lent now and later: by or to ``by``, or by anybody for those who keep the directory."""
    return delegation.open_ones(connection, now, None if may_keep(by) else by.person)


def end_delegation(tx: Transaction, by: Actor, id: str) -> None:
    """Take back a hat that is lent: whose it is, who has it, or a keeper. Raises NotFound also when it is none of theirs."""
    found = delegation.one(tx.connection, id)
    if by.person not in (found.delegator, found.delegate) and not may_keep(by):
        raise NotFound("delegation", id[:40])
    ended = delegation.end(tx, id)
    _record(tx, by, "delegation-ended", person=ended.delegate, delegator=ended.delegator, delegation=ended.row())


def _end_delegations(tx: Transaction, by: Actor, person: str, hat: str | None = None, organisation: str | None = None) -> None:
    """Nobody lends what is no longer theirs."""
    for one in delegation.open_ones(tx.connection, tx.now, person):
        if hat is None or (one.delegator, one.hat, one.organisation) == (person, hat, organisation):
            ended = delegation.end(tx, one.id)
            _record(tx, by, "delegation-ended", person=ended.delegate, delegator=ended.delegator, delegation=ended.row())


def end_tokens(tx: Transaction, by: Actor, person: str) -> None:
    """End every token of a person whose password somebody had to give back: whoever knew the old one may have made them."""
    for token in tokens.of(tx.connection, person):
        if token.revoked_at is None and token.expires_at > tx.now:
            revoke_token(tx, by, token.id, person)


def revoke_token(tx: Transaction, by: Actor, token: str, person: str | None = None) -> None:
    """End a token: one's own, or, as keeper, anybody's."""
    owner = person or by.person
    if owner != by.person:
        _require_keeper(by)
    tokens.revoke(tx, owner, token)
    _record(tx, by, "token-revoked", person=owner, token=token, revoked_at=stamp(tx.now))


def refused(tx: Transaction, by: Actor, attempt: str, codes: tuple[str, ...]) -> Receipt:
    """Record that a person tried what they may not: signing with a wrong password, approving their own text."""
    return _record(tx, by, "attempt-refused", attempt=attempt, codes=list(codes))


def _require_keeper(by: Actor) -> None:
    if not may_keep(by):
        raise NotPermitted([Reason("ROLE:" + ",".join(KEEPERS))])


def _record(tx: Transaction, by: Actor, event: str, **what: Any) -> Receipt:
    place = by.role_for(KEEPERS, by.organisations)
    role, organisation = place if place else (None, None)
    if lender := by.lender(role, organisation):
        what = {**what, "for": lender}
    return trail.append(tx, trail.Act(event, by, role, organisation, what=what))


def _digest(hashed: str | None) -> str | None:
    return hashlib.sha256(hashed.encode()).hexdigest() if hashed is not None else None


def compare(connection: Connection) -> Iterator[Check]:
    """Hats held, organisations, the standing of persons, their passwords and tokens, recomputed from the trail; each difference named."""
    hats: Counter[tuple[str, str, str]] = Counter()
    people: dict[str, dict[str, Any]] = {}
    houses: dict[str, Mapping[str, Any]] = {}
    issued: dict[str, dict[str, Any]] = {}
    lent: dict[str, Any] = {}
    for entry in _about_people(connection):
        what = entry.said["what"]
        match entry.event:
            case "hat-granted":
                hats[what["person"], what["organisation"], what["hat"]] += 1
            case "hat-revoked":
                hats[what["person"], what["organisation"], what["hat"]] -= 1
            case "person-added":
                people[what["person"]] = {**what, "disabled_at": None, "digest": None}
            case "person-disabled":
                people[what["person"]]["disabled_at"] = people[what["person"]]["disabled_at"] or what["disabled_at"]
            case "password-set":
                people[what["person"]]["digest"] = what["digest"]
            case "organisation-added":
                houses[what["organisation"]] = what
            case "delegation-given" | "delegation-ended":
                lent[what["delegation"]["id"]] = what["delegation"]
            case "token-issued":
                issued[what["token"]] = {**what, "revoked_at": None}
            case "token-revoked":
                issued[what["token"]]["revoked_at"] = what["revoked_at"]
    problems = [
        *_hats(connection, hats),
        *_persons(connection, people),
        *_organisations(connection, houses),
        *_tokens(connection, issued),
        *_delegations(connection, lent),
    ]
    yield from (Check("people", False, place, {"place": place, "problem": problem}) for place, problem in problems)
    if not problems:
        yield Check("people", True, "", {"count": len(people)})


def _about_people(connection: Connection) -> list[trail.Entry]:
    """Every entry about persons and organisations, oldest first."""
    found: list[trail.Entry] = []
    for event in EVENTS:
        before: int | None = None
        while page := trail.entries(connection, event=event, before=before, limit=500):
            found += page
            before = page[-1].position
    return sorted(found, key=lambda entry: entry.position)


def _hats(connection: Connection, wanted: Counter[tuple[str, str, str]]) -> Iterator[tuple[str, str]]:
    table = directory.hat_held.c
    found = {tuple(row) for row in connection.execute(select(table.person, table.organisation, table.hat))}
    expected = {held for held, times in wanted.items() if times > 0}
    for person, organisation, hat in sorted(found - expected):
        yield f"hat_held {person}", f"{hat} @ {organisation}: unknown"
    for person, organisation, hat in sorted(expected - found):
        yield f"hat_held {person}", f"{hat} @ {organisation}: missing"


def _persons(connection: Connection, wanted: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    found = {row.id: row for row in connection.execute(select(directory.person_table))}
    for person in sorted(found.keys() ^ wanted.keys()):
        yield f"person {person}", "unknown" if person in found else "missing"
    for person in sorted(found.keys() & wanted.keys()):
        row, said = found[person], wanted[person]
        for column in ("kind", "name", "created_at", "expires_at", "disabled_at"):
            if getattr(row, column) != said[column] and not (column == "name" and said["name"] is None):
                yield f"person {person}", column
        if _digest(row.password_hash) != said["digest"]:
            yield f"person {person}", "password_hash"


def _organisations(connection: Connection, wanted: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    found = {row.id: row for row in connection.execute(select(directory.organisation_table))}
    for name in sorted(found.keys() ^ wanted.keys()):
        yield f"organisation {name}", "unknown" if name in found else "missing"
    for name in sorted(found.keys() & wanted.keys()):
        for column in ("name", "kind", "tax_code"):
            if getattr(found[name], column) != wanted[name][column]:
                yield f"organisation {name}", column


def _delegations(connection: Connection, wanted: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    found = {one.id: one.row() for one in delegation.every(connection)}
    for name in sorted(found.keys() | wanted.keys()):
        if name not in found or name not in wanted:
            yield f"delegation {name}", "unknown" if name in found else "missing"
        else:
            yield from ((f"delegation {name}", column) for column in found[name] if found[name][column] != wanted[name].get(column))


def _tokens(connection: Connection, wanted: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    found = {row.id: row for row in connection.execute(select(tokens.token_table))}
    for token in sorted(found.keys() ^ wanted.keys()):
        yield f"token {token}", "unknown" if token in found else "missing"
    for token in sorted(found.keys() & wanted.keys()):
        for column in ("person", "digest", "created_at", "expires_at", "revoked_at"):
            if getattr(found[token], column) != wanted[token][column]:
                yield f"token {token}", column
