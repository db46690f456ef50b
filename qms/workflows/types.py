"""What kinds of value an expression handles, and which may be compared or reckoned with which."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from qms.errors import QmsError


@dataclass(frozen=True)
class Type:
    """The kind of a value. ``options`` of a choice, in order; ``columns`` of rows; ``literals`` when a text is known as it stands."""

    name: str
    options: tuple[str, ...] | None = None
    columns: Mapping[str, "Type"] | None = field(default=None, compare=False)
    literals: frozenset[str] | None = None
    link: str | None = None
    """For the state of a linked case: the link's name."""


NUMBER, TEXT, BOOLEAN, DATE, MOMENT = Type("number"), Type("text"), Type("boolean"), Type("date"), Type("moment")
DURATION, PERSON, PERSONS, NOTHING, PERSONAL = Type("duration"), Type("person"), Type("persons"), Type("nothing"), Type("personal")
ROLE, ORGANISATION, CASE, DOCUMENT, ROWS = Type("role"), Type("organisation"), Type("case"), Type("document"), Type("rows")

CODES = frozenset({"text", "person", "role", "organisation", "case", "document"})
"""Kinds that are written as text and may be compared with a quoted one."""
ORDERED = frozenset({"number", "date", "moment", "choice", "duration"})
LISTS = frozenset({"rows", "persons", "choices"})

OF_FIELD = {
    "text": TEXT, "long_text": TEXT, "email": TEXT, "url": TEXT, "identifier": TEXT,
    "integer": NUMBER, "decimal": NUMBER, "money": NUMBER, "percent": NUMBER,
    "date": DATE, "datetime": MOMENT, "duration": DURATION, "boolean": BOOLEAN,
    "person": PERSON, "organisation": ORGANISATION, "role": ROLE, "case": CASE, "document": DOCUMENT,
    "choice": Type("choice"), "choices": Type("choices"), "table": ROWS,
}  # fmt: skip
"""The kind of value behind each type of field."""

LINK_ROW: Mapping[str, Type] = {"number": CASE, "state": Type("text"), "is_closed": BOOLEAN, "opened_at": MOMENT, "closed_at": MOMENT}

DRAFT: Mapping[str, Type] = {
    "authors": PERSONS,
    "type": TEXT,
    "is_valid": BOOLEAN,
    "needs_check": BOOLEAN,
    "base_is_current": BOOLEAN,
    "has_reason": BOOLEAN,
    "code_is_free": BOOLEAN,
    "is_withdrawal": BOOLEAN,
    "is_changed": BOOLEAN,
    "is_confirmation": BOOLEAN,
    "is_new": BOOLEAN,
    "is_superseded": BOOLEAN,
    "is_withdrawn": BOOLEAN,
    "review_every": NUMBER,
    "next_review": DATE,
}
"""What may be asked of the draft behind a case whose subject is a document; ``same_text_as('step')`` besides."""


class Mistake(QmsError):
    """An expression that cannot be what its author meant: a catalogue code, values, and the column it concerns."""

    def __init__(self, code: str, column: int = 0, **values: object) -> None:
        super().__init__(f"{code} {values}")
        self.code = code
        self.column = column
        self.values = values


def comparable(left: Type, right: Type, equality: bool) -> bool:
    """Whether ``left`` and ``right`` may stand on the two sides of ``==`` (or, without ``equality``, of ``<``)."""
    names = {left.name, right.name}
    if not equality and not names <= ORDERED | {"text"}:
        return False
    if names == {"date", "moment"}:
        return True
    if "choice" in names:
        return _with_choice(left, right)
    if left.name == right.name:
        return left.name not in LISTS | {"nothing", "personal"} and (equality or left.name in ORDERED)
    return equality and names <= CODES and any(side.literals is not None for side in (left, right))


def _with_choice(left: Type, right: Type) -> bool:
    if left.name == right.name:
        return left.options == right.options
    choice, other = (left, right) if left.name == "choice" else (right, left)
    return other.name == "text" and other.literals is not None and other.literals <= set(choice.options or ())


def strangers(left: Type, right: Type) -> tuple[frozenset[str], tuple[str, ...]] | None:
    """Quoted texts compared with a choice that does not offer them, and what it offers."""
    choice, other = (left, right) if left.name in ("choice", "choices") else (right, left)
    if choice.options is None or other.literals is None or other.literals <= set(choice.options):
        return None
    return frozenset(other.literals - set(choice.options)), choice.options


def joined(left: Type, right: Type) -> Type | None:
    """The kind of ``a if c else b``, or None when the two have nothing in common."""
    if left.name == "nothing":
        return right
    if right.name == "nothing":
        return left
    if left.name == right.name:
        if left.literals is not None and right.literals is not None:
            return replace(left, literals=left.literals | right.literals)
        return replace(left, literals=None) if left.options == right.options else None
    return None


def _among(found: Type, wanted: Type) -> bool:
    """Every option of the one is an option of the other, whose order then counts."""
    return set(found.options or ()) <= set(wanted.options or ())


def fits(found: Type, wanted: Type) -> bool:
    """Whether a value of kind ``found`` may be kept in a field of kind ``wanted``."""
    if found.name == "nothing":
        return True
    if wanted.name == "choice":
        return _among(found, wanted) if found.name == "choice" else comparable(found, wanted, True)
    if wanted.name in LISTS:
        return found.name == wanted.name and _among(found, wanted)
    return found.name == wanted.name or (wanted.name == "text" and found.name in CODES | {"choice"})
