"""What a public notice says, as values: who buys, what, for how much, until when; each fact with its raw reading and where it stood.

Nothing here is decided for the reader. Where two places of a notice disagree, or a reading cannot be right, both readings are kept and a
doubt names them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as default
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import TypeVar

from qms.formats.finding import Finding

CALL, AWARD, MODIFICATION, CHANGE, QUALIFICATION, CODESIGN = "call", "award", "modification", "change", "qualification", "codesign"
OPENING_KINDS = frozenset({CALL, QUALIFICATION, CODESIGN})
OPENS, LINKS = "opens", "links"
UNSURE_DEADLINE = frozenset({"offset_not_local", "offsets_differ", "deadlines_differ", "deadline_before_publication"})

T = TypeVar("T")

_EMPTY: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True)
class Reading:
    """One text of the file as it stood there: which fact it became, the raw characters, the place in the file."""

    field: str
    raw: str
    place: str


@dataclass(frozen=True)
class Code:
    """An identifier with what its check found and where it was read."""

    finding: Finding
    place: str

    @property
    def kept(self) -> str | None:
        """The code in its written form when it is usable, else None."""
        return self.finding.normalised if self.finding.is_valid else None


@dataclass(frozen=True)
class Amount:
    """A sum of money; the currency is None when the file does not say it."""

    raw: str
    value: Decimal
    currency: str | None
    place: str


@dataclass(frozen=True)
class Deadline:
    """A time limit: the instant when it could be fixed, the day at least when it could not, the zone or offset it was read in.

    ``local`` is what a clock on the wall at the buyer's shows at that instant.
    """

    raw: str
    at: datetime | None
    day: date | None
    zone: str
    local: str | None
    place: str


@dataclass(frozen=True)
class Party:
    """A buyer or an economic operator as the notice names it."""

    name: str
    tax_code: Code | None
    country: str | None
    place: str


@dataclass(frozen=True)
class Criterion:
    """One award criterion: quality, price or cost, with its weight when given in numbers."""

    kind: str
    name: str
    weight: Decimal | None
    unit: str | None
    raw: str


@dataclass(frozen=True)
class Lot:
    """One lot of a procedure, or its award."""

    number: str
    title: str | None = None
    cigs: tuple[Code, ...] = ()
    cups: tuple[Code, ...] = ()
    cpvs: tuple[Code, ...] = ()
    places: tuple[Code, ...] = ()
    amount: Amount | None = None
    safety_cost: Amount | None = None
    awarded: Amount | None = None
    reserved: str | None = None
    reserved_execution: str | None = None
    deadlines: tuple[Deadline, ...] = ()
    criteria: tuple[Criterion, ...] = ()
    winners: tuple[Party, ...] = ()
    result: str | None = None


@dataclass(frozen=True)
class Modification:
    """What a contract was worth before and after a change, and the reason given."""

    before: Amount | None
    after: Amount | None
    reason: str | None

    @property
    def percent(self) -> Decimal | None:
        """The growth in hundredths, two decimals; None where the two sums cannot be compared."""
        if self.before is None or self.after is None or not self.before.value or self.before.currency != self.after.currency:
            return None
        return ((self.after.value - self.before.value) * 100 / self.before.value).quantize(Decimal("0.01"))


@dataclass(frozen=True)
class Doubt:
    """Something a person must look at: a stable code (``formats.doubt.<code>``), the fact concerned, and every reading found."""

    code: str
    field: str
    found: tuple[str, ...] = ()
    values: Mapping[str, object] = default(default_factory=lambda: _EMPTY)


@dataclass(frozen=True)
class Outcome:
    """What a notice is good for: it opens a case, or it belongs to one that these codes find.

    ``may_open`` tells a change notice that repeats the whole call, and so can open a case when there is none to link.
    """

    act: str
    may_open: bool
    cigs: tuple[str, ...]
    procedure_ids: tuple[str, ...]
    notice_refs: tuple[str, ...]


@dataclass(frozen=True)
class Notice:
    """One notice, release or record with everything that was read from it."""

    format: str
    record: str
    kind: str
    form: str
    notice_ref: str | None = None
    notice_id: str | None = None
    version: str | None = None
    procedure_id: str | None = None
    published_on: date | None = None
    title: str | None = None
    description: str | None = None
    language: str | None = None
    other_titles: tuple[tuple[str, str], ...] = ()
    buyer: Party | None = None
    other_buyers: tuple[Party, ...] = ()
    procedure: str | None = None
    procedure_raw: str | None = None
    value: Amount | None = None
    deadlines: tuple[Deadline, ...] = ()
    cigs: tuple[Code, ...] = ()
    cups: tuple[Code, ...] = ()
    cpvs: tuple[Code, ...] = ()
    places: tuple[Code, ...] = ()
    reserved: str | None = None
    reserved_execution: str | None = None
    criteria: tuple[Criterion, ...] = ()
    lots: tuple[Lot, ...] = ()
    winners: tuple[Party, ...] = ()
    modification: Modification | None = None
    change_reason: str | None = None
    earlier_refs: tuple[str, ...] = ()
    source_url: str | None = None
    platform_url: str | None = None
    documents_url: str | None = None
    readings: tuple[Reading, ...] = ()
    doubts: tuple[Doubt, ...] = ()

    @property
    def buyer_name(self) -> str | None:
        return self.buyer.name if self.buyer else None

    @property
    def buyer_tax_code(self) -> str | None:
        return self.buyer.tax_code.kept if self.buyer and self.buyer.tax_code else None

    @property
    def submission_deadline_at(self) -> datetime | None:
        """The one instant that every place of the notice agrees on and that its own offset does not make doubtful, else None."""
        if any(doubt.code in UNSURE_DEADLINE for doubt in self.doubts):
            return None
        return one_of(deadline.at for deadline in self.deadlines)

    @property
    def all_cigs(self) -> tuple[str, ...]:
        """Every usable CIG of the notice and its lots, each once."""
        return kept(code for codes in (self.cigs, *(lot.cigs for lot in self.lots)) for code in codes)

    @property
    def outcome(self) -> Outcome:
        """Whether this opens a case or is to be linked, and by what."""
        opens = self.kind in OPENING_KINDS
        ids = (self.procedure_id,) if self.procedure_id else ()
        refs = self.earlier_refs if not opens else tuple(dict.fromkeys(ref for ref in (self.notice_ref, *self.earlier_refs) if ref))
        return Outcome(OPENS if opens else LINKS, opens or self.kind == CHANGE, self.all_cigs, ids, refs)


@dataclass(frozen=True)
class Skipped:
    """A record of a file that holds no notice the program can use, and why."""

    record: str
    code: str


@dataclass(frozen=True)
class NoticeFile:
    """A file with its format, its SHA-256 and the notices in it, in their order."""

    format: str
    sha256: str
    name: str
    records: tuple[Notice, ...]
    skipped: tuple[Skipped, ...] = ()


def kept(codes: Iterable[Code]) -> tuple[str, ...]:
    """The usable codes in their written form, each once, in their order."""
    return tuple(dict.fromkeys(code.kept for code in codes if code.kept))


def one_of(found: Iterable[T | None]) -> T | None:
    """The value when all that were found are the same one, else None; places that say nothing make it None too."""
    values = set(found)
    return values.pop() if len(values) == 1 else None
