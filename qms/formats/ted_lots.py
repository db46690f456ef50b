"""The lots of a legacy TED notice: what each is, its codes, what it is worth, its criteria, and who won it."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from lxml import etree

from qms.formats import amounts
from qms.formats.facts import Amount, Code, Criterion, Lot, Party, kept, one_of
from qms.formats.gather import Gathering
from qms.formats.reading import tidy
from qms.formats.trees import attribute, every, first, joined, local_name, spaced, text
from qms.formats.values import BadValue

_CRITERIA = {"AC_QUALITY": "quality", "AC_PRICE": "price", "AC_COST": "cost"}


def read_lots(form: etree._Element, gathering: Gathering) -> tuple[Lot, ...]:
    """The lots of a form with their awards, in the order of the form."""
    lots: dict[str, Lot] = {}
    for place, described in enumerate(every(form, "{*}OBJECT_CONTRACT/{*}OBJECT_DESCR"), 1):
        number = gathering.lot_number(text(described, "{*}LOT_NO") or described.get("ITEM"), place, lots)
        lots[number] = _described(described, number, gathering)
    for award in every(form, "{*}AWARD_CONTRACT"):
        for number in _awarded_numbers(award, lots):
            lots[number] = _with_award(lots.get(number, Lot(number)), award, gathering)
    return tuple(lots.values())


def with_outside_codes(lots: tuple[Lot, ...], cigs: tuple[Code, ...], cups: tuple[Code, ...]) -> tuple[Lot, ...]:
    """A single lot takes the codes that stand in the notice around it; several lots never do, for nobody could say which is whose."""
    if len(lots) != 1:
        return lots
    only = lots[0]
    takes = not only.cigs and len(kept(cigs)) == 1
    return (replace(only, cigs=cigs if takes else only.cigs, cups=only.cups or cups),)


def money(parent: etree._Element | None, paths: tuple[str, ...], field: str, gathering: Gathering) -> Amount | None:
    """The amount at the first of ``paths``; a range of two amounts is a doubt, not a value."""
    for path in paths:
        found = first(parent, path)
        if found is None:
            continue
        if (low := text(found, "{*}LOW")) is not None:
            gathering.doubt("amount_range", field, tidy(low), tidy(text(found, "{*}HIGH") or ""))
            return None
        return gathering.amount(field, joined(found), found.get("CURRENCY"), local_name(found))
    return None


def contractors(parent: etree._Element, path: str, field: str, gathering: Gathering) -> Iterator[Party]:
    """The economic operators named under ``path``."""
    for address in every(parent, f"{path}/{{*}}CONTRACTOR/{{*}}ADDRESS_CONTRACTOR"):
        if party := party_at(address, field, gathering):
            yield party


def party_at(address: etree._Element | None, field: str, gathering: Gathering) -> Party | None:
    """The organisation of one address block."""
    if address is None:
        return None
    name, tax_code = text(address, "{*}OFFICIALNAME"), text(address, "{*}NATIONALID")
    return gathering.party(field, name, tax_code, attribute(address, "{*}COUNTRY", "VALUE"), local_name(address))


def codes(parent: etree._Element | None, path: str, kind: str, field: str, gathering: Gathering) -> tuple[Code, ...]:
    """The codes in the CODE attributes at ``path``, each once."""
    raws = dict.fromkeys(str(found.get("CODE")) for found in every(parent, path) if found.get("CODE"))
    found = (gathering.code(kind, field, raw, path.replace("{*}", "")) for raw in raws)
    return tuple(code for code in found if code)


def criteria(parent: etree._Element | None, gathering: Gathering) -> tuple[Criterion, ...]:
    """The award criteria with the weights that are numbers."""
    awards = first(parent, "{*}AC")
    found: list[Criterion] = []
    for block in every(awards if awards is not None else parent, "*"):
        kind = _CRITERIA.get(local_name(block))
        if kind is None:
            continue
        weight = text(block, "{*}AC_WEIGHTING")
        raw = " ".join(part for part in (text(block, "{*}AC_CRITERION"), weight) if part)
        gathering.text("criteria", raw, local_name(block))
        found.append(
            Criterion(kind, tidy(text(block, "{*}AC_CRITERION") or ""), _weight(weight), "percent" if "%" in (weight or "") else None, raw)
        )
    return tuple(found)


def _described(described: etree._Element, number: str, gathering: Gathering) -> Lot:
    field = f"lots.{number}"
    cigs, cups = gathering.codes_in([spaced(described)], field, "OBJECT_DESCR")
    return Lot(
        number=number,
        title=gathering.text(f"{field}.title", text(described, "{*}TITLE"), "OBJECT_DESCR/TITLE"),
        cigs=cigs,
        cups=cups,
        cpvs=codes(described, "{*}CPV_ADDITIONAL/{*}CPV_CODE", "CPV", f"{field}.cpv", gathering),
        places=codes(described, "{*}NUTS", "NUTS", f"{field}.place", gathering),
        amount=money(described, ("{*}VAL_OBJECT",), f"{field}.amount", gathering),
        criteria=criteria(described, gathering),
    )


def _awarded_numbers(award: etree._Element, lots: dict[str, Lot]) -> list[str]:
    written = tidy(text(award, "{*}LOT_NO") or "")
    if written in lots:
        return [written]
    several = [part.strip() for part in written.replace(";", ",").split(",") if part.strip() in lots]
    if several:
        return several
    if len(lots) == 1:
        return list(lots)
    return [(written or award.get("ITEM") or "?")[:40]]


def _with_award(lot: Lot, award: etree._Element, gathering: Gathering) -> Lot:
    field = f"lots.{lot.number}"
    cigs, cups = gathering.codes_in([spaced(award)], field, "AWARD_CONTRACT")
    awarded = first(award, "{*}AWARDED_CONTRACT")
    amount = money(awarded, ("{*}VALUES/{*}VAL_TOTAL", "{*}VAL_TOTAL", "{*}VALUES/{*}VAL_RANGE_TOTAL"), f"{field}.awarded", gathering)
    if lot.awarded and amount and lot.awarded.value != amount.value:
        gathering.doubt("several_awards", field, lot.awarded.raw, amount.raw)
    known = {code.finding.raw for code in (*lot.cigs, *lot.cups)}
    winners = contractors(awarded, "{*}CONTRACTORS", f"{field}.winners", gathering) if awarded is not None else ()
    return replace(
        lot,
        title=lot.title or gathering.text(f"{field}.title", text(award, "{*}TITLE"), "AWARD_CONTRACT/TITLE"),
        cigs=(*lot.cigs, *(code for code in cigs if code.finding.raw not in known)),
        cups=(*lot.cups, *(code for code in cups if code.finding.raw not in known)),
        awarded=one_of([lot.awarded or amount, amount or lot.awarded]),
        winners=(*lot.winners, *winners),
        result="awarded" if awarded is not None else "no_award",
    )


def _weight(written: str | None) -> Decimal | None:
    try:
        return amounts.parse((written or "").replace("%", "")) if written else None
    except BadValue:
        return None
