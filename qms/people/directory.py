"""The directory: persons, organisations, and which hat each person wears where (ISO 9001, 5.3).

These verbs keep the working copy; ``qms.desk.staff`` records each of them on the trail in the same transaction.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    String,
    Table,
    UniqueConstraint,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)  # fmt: skip

from qms.database import Transaction, metadata, moment, stamp
from qms.errors import Incomplete, NotFound, NotPermitted, Reason
from qms.formats import names as writing
from qms.people.actor import Actor
from qms.people.delegation import delegation_table
from qms.people.hats import Hats

ORGANISATION_KINDS = ("consortium", "A", "B", "association", "service")
LANGUAGES = ("it", "en")
MOST_COLLEAGUES = 500
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?")
_EMAIL = re.compile(r"[^@\s<>\"',;]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?\.[A-Za-z]{2,24}")

person_table = Table(
    "person",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("email", String, nullable=False, unique=True),
    Column("language", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("password_hash", String),
    Column("created_at", String, nullable=False),
    Column("disabled_at", String),
    Column("expires_at", String),
)
organisation_table = Table(
    "organisation",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("tax_code", String),
)
hat_held = Table(
    "hat_held",
    metadata,
    Column("person", String, nullable=False, index=True),
    Column("organisation", String, nullable=False),
    Column("hat", String, nullable=False),
    UniqueConstraint("person", "organisation", "hat"),
)

_with_hats = (
    select(person_table, hat_held.c.hat, hat_held.c.organisation)
    .outerjoin(hat_held, hat_held.c.person == person_table.c.id)
    .where(person_table.c.id == bindparam("wanted"))
)
_lent = delegation_table.c
PERSON_WITH_HATS = person_table.outerjoin(hat_held, hat_held.c.person == person_table.c.id).outerjoin(
    delegation_table, and_(_lent.delegate == person_table.c.id, _lent.ended_at.is_(None))
)
ACTOR = (
    person_table.c.id.label("who"), person_table.c.name, person_table.c.language, person_table.c.kind,
    person_table.c.disabled_at, person_table.c.expires_at.label("account_ends"), hat_held.c.hat, hat_held.c.organisation,
    _lent.delegator, _lent.hat.label("lent_hat"), _lent.organisation.label("lent_in"), _lent.starts_at, _lent.ends_at,
)  # fmt: skip
"""For ``actor_of``, a row for each hat, own or lent: sessions and tokens ask for it beside their own row, so a request asks once who
it is."""
_actor = select(*ACTOR).select_from(PERSON_WITH_HATS).where(person_table.c.id == bindparam("wanted"))


@dataclass(frozen=True)
class Person:
    """One person as kept here. ``hats`` pairs hat and organisation."""

    id: str
    name: str
    email: str
    language: str
    kind: str
    created_at: datetime
    disabled_at: datetime | None
    expires_at: datetime | None
    hats: tuple[tuple[str, str], ...] = ()

    def is_here(self, now: datetime) -> bool:
        """Whether this person may still come in."""
        return self.disabled_at is None and (self.expires_at is None or self.expires_at > now)

    def is_colleague(self, now: datetime) -> bool:
        """Whether something can be given to this person to do: an auditor only looks."""
        return self.is_here(now) and self.kind != "auditor"


@dataclass(frozen=True)
class Organisation:
    """The consortium or one of its members; ``kind`` is one of ORGANISATION_KINDS."""

    id: str
    name: str
    kind: str
    tax_code: str | None


def add_organisation(tx: Transaction, id: str, name: str, kind: str, tax_code: str | None = None) -> Organisation:
    """Enter an organisation. Raises Incomplete with everything wrong about it."""
    tx.hold(organisation_table)
    reasons = []
    if not _SLUG.fullmatch(id):
        reasons.append(Reason("FIELD_INVALID:id", "id"))
    elif tx.connection.execute(select(organisation_table.c.id).where(organisation_table.c.id == id)).first():
        reasons.append(Reason("TAKEN:id", "id"))
    if not 1 <= len(name.strip()) <= 200:
        reasons.append(Reason("FIELD_INVALID:name", "name"))
    if kind not in ORGANISATION_KINDS:
        reasons.append(Reason("FIELD_INVALID:kind", "kind"))
    if reasons:
        raise Incomplete(reasons)
    tx.connection.execute(insert(organisation_table), {"id": id, "name": name.strip(), "kind": kind, "tax_code": tax_code or None})
    return Organisation(id, name.strip(), kind, tax_code or None)


def add_person(tx: Transaction, name: str, email: str, kind: str, language: str = "it", expires_at: datetime | None = None) -> Person:
    """Enter a person, without hats and without password. An external auditor's account must end. Raises Incomplete."""
    tx.hold(person_table)
    address = email.strip().lower()
    reasons = []
    if not 1 <= len(name.strip()) <= 120 or any(ord(mark) < 32 for mark in name) or writing.misleads(name):
        reasons.append(Reason("FIELD_INVALID:name", "name"))
    if not _EMAIL.fullmatch(address):
        reasons.append(Reason("FIELD_INVALID:email", "email"))
    elif tx.connection.execute(select(person_table.c.id).where(person_table.c.email == address)).first():
        reasons.append(Reason("TAKEN:email", "email"))
    if language not in LANGUAGES:
        reasons.append(Reason("FIELD_INVALID:language", "language"))
    if kind not in ("staff", "auditor", "outside", "admin"):
        reasons.append(Reason("FIELD_INVALID:kind", "kind"))
    if kind == "auditor" and expires_at is None:
        reasons.append(Reason("FIELD_REQUIRED:expires_at", "expires_at"))
    if expires_at is not None and expires_at <= tx.now:
        reasons.append(Reason("FIELD_INVALID:expires_at", "expires_at"))
    if reasons:
        raise Incomplete(reasons)
    known = tx.connection.execute(select(func.count()).select_from(person_table)).scalar_one()
    row = {
        "id": f"P-{known + 1:04d}",
        "name": name.strip(),
        "email": address,
        "language": language,
        "kind": kind,
        "created_at": stamp(tx.now),
        "expires_at": stamp(expires_at) if expires_at else None,
    }
    tx.connection.execute(insert(person_table), row)
    return person(tx.connection, str(row["id"]))


def grant(tx: Transaction, hats: Hats, person_id: str, hat: str, organisation_id: str) -> None:
    """Put ``hat`` on a person in one organisation. An auditor wears an auditor's hat only, and nobody else wears that."""
    tx.hold(hat_held)
    who, worn = person(tx.connection, person_id), hats.hat(hat)
    organisation(tx.connection, organisation_id)
    if (who.kind == "auditor") != (worn.kind == "auditor"):
        raise Incomplete([Reason("HAT_KIND", "hat")])
    if (hat, organisation_id) in who.hats:
        raise Incomplete([Reason("TAKEN:hat", "hat")])
    tx.connection.execute(insert(hat_held), {"person": person_id, "organisation": organisation_id, "hat": hat})


def revoke(tx: Transaction, person_id: str, hat: str, organisation_id: str) -> None:
    """Take a hat off. Raises NotFound when it was not worn."""
    gone = tx.connection.execute(
        delete(hat_held).where(hat_held.c.person == person_id, hat_held.c.hat == hat, hat_held.c.organisation == organisation_id)
    )
    if gone.rowcount != 1:
        raise NotFound("hat", hat)


def disable(tx: Transaction, person_id: str) -> None:
    """Close an account for good; the person stays in history by id and name as they were."""
    person(tx.connection, person_id)
    tx.connection.execute(
        update(person_table).where(person_table.c.id == person_id, person_table.c.disabled_at.is_(None)).values(disabled_at=stamp(tx.now))
    )


def choose_language(tx: Transaction, person_id: str, language: str) -> None:
    """Set the language a person reads and is written to in."""
    if language not in LANGUAGES:
        raise Incomplete([Reason("FIELD_INVALID:language", "language")])
    tx.connection.execute(update(person_table).where(person_table.c.id == person_id).values(language=language))


def person(connection: Connection, person_id: str) -> Person:
    """One person. Raises NotFound."""
    rows = connection.execute(_with_hats, {"wanted": person_id}).mappings().all()
    if not rows:
        raise NotFound("person", person_id)
    return _person(dict(rows[0]), sorted((str(row["hat"]), str(row["organisation"])) for row in rows if row["hat"] is not None))


def is_colleague(connection: Connection, person_id: str, now: datetime) -> bool:
    """Whether there is such a person, and something can be given to them."""
    try:
        return person(connection, person_id).is_colleague(now)
    except NotFound:
        return False


def colleagues(connection: Connection, now: datetime) -> tuple[Person, ...]:
    """Whom something can be given to and who wear a hat, in the order they were entered."""
    return tuple(one for one in persons(connection, limit=MOST_COLLEAGUES) if one.is_colleague(now) and one.hats)


def wearing(connection: Connection, hats: Collection[str], organisations: Collection[str], now: datetime) -> list[str]:
    """Who wears one of the hats in one of the organisations, their own or lent, and may come in."""
    own = select(hat_held.c.person).where(hat_held.c.hat.in_(hats), hat_held.c.organisation.in_(organisations))
    runs = (_lent.ended_at.is_(None), _lent.starts_at <= stamp(now), _lent.ends_at >= stamp(now))
    lent = select(_lent.delegate).where(_lent.hat.in_(hats), _lent.organisation.in_(organisations), *runs)
    person = person_table.c
    query = select(person.id).where(or_(person.id.in_(own), person.id.in_(lent)), reached(now)).order_by(person.id)
    return [str(one) for one in connection.execute(query).scalars()]


def reached(now: datetime) -> ColumnElement[bool]:
    """That a person may still come in: whoever may not is told nothing any more."""
    person = person_table.c
    return and_(person.disabled_at.is_(None), or_(person.expires_at.is_(None), person.expires_at > stamp(now)))


def by_email(connection: Connection, email: str) -> Person | None:
    """Whose address this is."""
    found = connection.execute(select(person_table.c.id).where(person_table.c.email == email.strip().lower())).scalar()
    return person(connection, found) if found is not None else None


def persons(connection: Connection, after: str = "", limit: int = 100) -> list[Person]:
    """A page of persons in the order they were entered."""
    rows = (
        connection.execute(select(person_table).where(person_table.c.id > after).order_by(person_table.c.id).limit(limit)).mappings().all()
    )
    worn: dict[str, list[tuple[str, str]]] = {}
    for who, hat, where in connection.execute(
        select(hat_held.c.person, hat_held.c.hat, hat_held.c.organisation).where(hat_held.c.person.in_([row["id"] for row in rows]))
    ):
        worn.setdefault(who, []).append((hat, where))
    return [_person(dict(row), sorted(worn.get(row["id"], []))) for row in rows]


def closing(connection: Connection, since: str, until: str, limit: int) -> list[tuple[str, str, str]]:
    """Id and name of those whose account closes by itself in that time, and when, the first to close first."""
    who = person_table.c
    query = select(who.id, who.name, who.expires_at).where(who.disabled_at.is_(None), who.expires_at.between(since, until))
    return [(id, name, str(at)) for id, name, at in connection.execute(query.order_by(who.expires_at, who.id).limit(limit))]


def organisation(connection: Connection, organisation_id: str) -> Organisation:
    """One organisation. Raises NotFound."""
    row = connection.execute(select(organisation_table).where(organisation_table.c.id == organisation_id)).mappings().first()
    if row is None:
        raise NotFound("organisation", organisation_id)
    return Organisation(**dict(row))


def organisations(connection: Connection) -> list[Organisation]:
    """Every organisation, the consortium first, then by name. A consortium has tens of members, not thousands."""
    rows = connection.execute(select(organisation_table)).mappings().all()
    return sorted((Organisation(**dict(row)) for row in rows), key=lambda one: (one.kind != "consortium", one.name))


def actor(connection: Connection, person_id: str, hats: Hats, via: str, now: datetime | None = None) -> Actor:
    """The person as someone who may act; hats lent to them count when it is told which moment is ``now``. Raises NotFound, or
    NotPermitted when the account is closed.

    The expiry of an account is checked where sessions and tokens are read, which know the moment.
    """
    rows = connection.execute(_actor, {"wanted": person_id}).all()
    if not rows:
        raise NotFound("person", person_id)
    if rows[0].disabled_at is not None:
        raise NotPermitted([Reason("SIGN_IN:disabled")])
    return actor_of(rows, hats, via, now)


def actor_of(rows: Sequence[Any], hats: Hats, via: str, now: datetime | None) -> Actor:
    """The person that the rows of ``ACTOR`` tell of, with what others lent them for ``now``."""
    who = rows[0]
    worn = frozenset((row.hat, row.organisation) for row in rows if row.hat is not None)
    kind = who.kind if who.kind == "auditor" else hats.kind(name for name, _ in worn)
    held = hats.unfold(worn)
    if now is None or kind != "staff" or all(row.lent_hat is None for row in rows):
        return Actor(who.who, who.name, who.language, held, worn, kind, via, hats.house)
    running = [row for row in rows if row.lent_hat is not None and row.starts_at <= stamp(now) <= row.ends_at]
    lent = frozenset(
        (role, where, str(row.delegator)) for row in running for role, where in hats.unfold([(row.lent_hat, row.lent_in)]) - held
    )
    roles = held | {(role, where) for role, where, _ in lent}
    stands_in_for = frozenset(str(row.delegator) for row in running)
    return Actor(who.who, who.name, who.language, roles, worn, kind, via, hats.house, lent, stands_in_for)


def names(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    """Display names by id, for pages."""
    rows = connection.execute(select(person_table.c.id, person_table.c.name).where(person_table.c.id.in_(set(ids))))
    return {str(row.id): str(row.name) for row in rows}


def _person(row: dict[str, str | None], worn: list[tuple[str, str]]) -> Person:
    return Person(
        str(row["id"]),
        str(row["name"]),
        str(row["email"]),
        str(row["language"]),
        str(row["kind"]),
        moment(str(row["created_at"])),
        moment(row["disabled_at"]) if row["disabled_at"] else None,
        moment(row["expires_at"]) if row["expires_at"] else None,
        tuple(worn),
    )
