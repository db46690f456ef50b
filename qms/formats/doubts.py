"""What does not fit together in a notice once all of it was read: two deadlines, sums that do not add up, one firm under two spellings.

Each doubt is written down beside the facts; none is resolved here, for only a person can know which reading is the right one.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from qms.formats.facts import (
    AWARD,
    CHANGE,
    LINKS,
    MODIFICATION,
    OPENING_KINDS,
    Amount,
    Criterion,
    Deadline,
    Doubt,
    Lot,
    Notice,
    Party,
)

PERCENT_UNITS = frozenset({"per-exa", "percent"})


def judged(notice: Notice) -> Notice:
    """The same notice with the doubts that arise from comparing its parts."""
    found = (*notice.doubts, *(doubt for judge in _JUDGES for doubt in judge(notice)))
    return replace(notice, doubts=tuple({(doubt.code, doubt.field, doubt.found): doubt for doubt in found}.values()))


def folded(name: str) -> str:
    """A name without case, accents, blanks and signs, to compare spellings: ``C.P.M. Gestioni`` and ``CPM gestioni`` are the same."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(character for character in plain if character.isalnum())


def _missing(notice: Notice) -> Iterator[Doubt]:
    if not notice.title:
        yield Doubt("title_missing", "title")
    if not notice.buyer_name:
        yield Doubt("buyer_missing", "buyer_name")
    elif notice.buyer and notice.buyer.country not in {"IT", None}:
        yield Doubt("buyer_not_italian", "buyer_name", (notice.buyer.name,), {"country": notice.buyer.country})
    if notice.outcome.act == LINKS and not notice.outcome.may_open:
        if not any((notice.outcome.cigs, notice.outcome.procedure_ids, notice.outcome.notice_refs)):
            yield Doubt("nothing_to_link_by", "cig")
        return
    if notice.buyer and notice.buyer.name and not notice.buyer.tax_code:
        yield Doubt("buyer_tax_code_missing", "buyer_tax_code")
    if not any((notice.cpvs, *(lot.cpvs for lot in notice.lots))):
        yield Doubt("cpv_missing", "cpv")
    if notice.value is None and not any(lot.amount for lot in notice.lots):
        yield Doubt("value_missing", "value")
    yield from _missing_cigs(notice)


def _missing_cigs(notice: Notice) -> Iterator[Doubt]:
    if notice.buyer and notice.buyer.country not in {"IT", None}:
        return
    without = tuple(lot.number for lot in notice.lots if not lot.cigs)
    if not notice.all_cigs:
        yield Doubt("cig_missing", "cig")
    elif without and len(notice.lots) > 1:
        yield Doubt("lot_without_cig", "lots", without)


def _cigs_shared(notice: Notice) -> Iterator[Doubt]:
    holders: dict[str, list[str]] = {}
    for lot in notice.lots:
        for cig in {code.kept for code in lot.cigs if code.kept}:
            holders.setdefault(cig, []).append(lot.number)
    for cig, numbers in holders.items():
        if len(numbers) > 1:
            yield Doubt("cig_on_two_lots", "lots", tuple(numbers), {"cig": cig})


def _deadlines(notice: Notice) -> Iterator[Doubt]:
    if notice.kind in OPENING_KINDS | {CHANGE} and not notice.deadlines:
        yield Doubt("deadline_missing", "submission_deadline_at")
    if len({deadline.at or deadline.day for deadline in notice.deadlines}) > 1:
        found = tuple(dict.fromkeys(f"{_shown(deadline)} ({deadline.place})" for deadline in notice.deadlines))
        yield Doubt("deadlines_differ", "submission_deadline_at", found)
    published = notice.published_on
    for deadline in notice.deadlines:
        if published and deadline.day and deadline.day < published:
            yield Doubt("deadline_before_publication", "submission_deadline_at", (deadline.raw,), {"published": published.isoformat()})


def _shown(deadline: Deadline) -> str:
    return f"{datetime.fromisoformat(deadline.local):%d/%m/%Y %H:%M}" if deadline.local else deadline.raw


def _sums(notice: Notice) -> Iterator[Doubt]:
    part: Callable[[Lot], Amount | None] = (lambda lot: lot.awarded) if notice.kind == AWARD else (lambda lot: lot.amount)
    parts = [part(lot) for lot in notice.lots]
    whole = not any(doubt.code == "lots_elsewhere" for doubt in notice.doubts)
    if notice.value and parts and all(parts) and whole and notice.kind != MODIFICATION:
        sums = [amount.value for amount in parts if amount]
        if sum(sums, Decimal(0)) != notice.value.value:
            shown = (notice.value.raw, *(amount.raw for amount in parts if amount))
            yield Doubt("totals_differ", "value", shown, {"total": str(notice.value.value), "sum": str(sum(sums, Decimal(0)))})
    currencies = tuple(dict.fromkeys(amount.currency for amount in _amounts(notice) if amount.currency))
    if len(currencies) > 1:
        yield Doubt("currencies_differ", "value", currencies)
    modification = notice.modification
    for lot in notice.lots:
        before = modification.before if modification else None
        if before and lot.awarded and before.value != lot.awarded.value:
            yield Doubt("before_differs_from_award", "modification", (before.raw, lot.awarded.raw))


def _amounts(notice: Notice) -> Iterator[Amount]:
    modification = (notice.modification.before, notice.modification.after) if notice.modification else ()
    lots = (amount for lot in notice.lots for amount in (lot.amount, lot.safety_cost, lot.awarded))
    yield from (amount for amount in (notice.value, *modification, *lots) if amount)


def _weights(notice: Notice) -> Iterator[Doubt]:
    for field, criteria in (("criteria", notice.criteria), *((f"lots.{lot.number}.criteria", lot.criteria) for lot in notice.lots)):
        total = _percent_total(criteria)
        if total is not None and total != 100:
            yield Doubt("criteria_not_100", field, tuple(criterion.raw for criterion in criteria), {"total": str(total)})


def _percent_total(criteria: tuple[Criterion, ...]) -> Decimal | None:
    weights = [criterion.weight for criterion in criteria if criterion.unit in PERCENT_UNITS and criterion.weight is not None]
    return sum(weights, Decimal(0)) if criteria and len(weights) == len(criteria) else None


def _reservations(notice: Notice) -> Iterator[Doubt]:
    said = tuple(dict.fromkeys(lot.reserved or "" for lot in notice.lots))
    if len(said) > 1:
        yield Doubt("reserved_differs", "reserved", tuple(f"{lot.number}: {lot.reserved or '—'}" for lot in notice.lots))


def _spellings(notice: Notice) -> Iterator[Doubt]:
    parties = [*notice.winners, *(winner for lot in notice.lots for winner in lot.winners)]
    for code, named in _grouped(parties, lambda party: party.tax_code.kept if party.tax_code else None):
        if len(names := tuple(dict.fromkeys(party.name for party in named))) > 1:
            yield Doubt("winner_two_spellings", "winners", names, {"tax_code": code})
    for _, named in _grouped(parties, lambda party: folded(party.name)):
        codes = tuple(dict.fromkeys(party.tax_code.kept for party in named if party.tax_code and party.tax_code.kept))
        names = tuple(dict.fromkeys(party.name for party in named))
        if len(codes) > 1:
            yield Doubt("winner_two_tax_codes", "winners", names, {"tax_codes": ", ".join(codes)})
        elif len(names) > 1:
            yield Doubt("winner_two_spellings", "winners", names, {"tax_code": codes[0] if codes else ""})


def _grouped(parties: Iterable[Party], key: Callable[[Party], str | None]) -> Iterator[tuple[str, list[Party]]]:
    groups: dict[str, list[Party]] = {}
    for party in parties:
        if named := key(party):
            groups.setdefault(named, []).append(party)
    yield from groups.items()


_JUDGES: tuple[Callable[[Notice], Iterator[Doubt]], ...] = (
    _missing,
    _deadlines,
    _cigs_shared,
    _sums,
    _weights,
    _reservations,
    _spellings,
)
