"""The lots of an eForms notice and their results: what is asked for, until when, for whom it is reserved, and who won."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from lxml import etree

from qms.formats import amounts
from qms.formats.facts import Amount, Code, Criterion, Deadline, Lot, Party, one_of
from qms.formats.gather import Gathering
from qms.formats.reading import tidy
from qms.formats.trees import attribute, every, first, joined, spaced, text
from qms.formats.values import BadValue

NAMES = {
    "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
    "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
    "ext": "urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2",
    "efac": "http://data.europa.eu/p27/eforms-ubl-extension-aggregate-components/1",
    "efbc": "http://data.europa.eu/p27/eforms-ubl-extension-basic-components/1",
    "efext": "http://data.europa.eu/p27/eforms-ubl-extensions/1",
}
Parties = Callable[[str | None, str], Party | None]


@dataclass(frozen=True)
class _Results:
    """The results of a notice: by lot its outcomes and its tenders, by tendering party the organisations in it."""

    of_lot: dict[str, list[etree._Element]]
    tenders: dict[str, list[etree._Element]]
    tenderers: dict[str, list[str]]

    def winning(self, lot: str) -> list[etree._Element]:
        """The tenders that a result of the lot names; losing ones may stand in the same notice."""
        named = {name for result in self.of_lot.get(lot, ()) for name in _texts(result, "efac:LotTender/cbc:ID")}
        return [tender for tender in self.tenders.get(lot, ()) if tidy(text(tender, "cbc:ID", NAMES) or "") in named]


_PERIODS = (
    "cac:TenderSubmissionDeadlinePeriod",
    "cac:ParticipationRequestReceptionPeriod",
    "cac:InterestExpressionReceptionPeriod",
)


def read_lots(root: etree._Element, gathering: Gathering, parties: Parties) -> tuple[Lot, ...]:
    """The lots of a notice with their results; ``parties`` gives the organisation behind a reference."""
    lots: dict[str, Lot] = {}
    results = _results(root)
    for place, described in enumerate(every(root, "cac:ProcurementProjectLot", NAMES), 1):
        identifier = first(described, "cbc:ID", NAMES)
        if identifier is not None and identifier.get("schemeName") == "LotsGroup":
            continue
        number = gathering.lot_number(text(identifier), place, lots)
        lots[number] = _described(described, number, results, gathering, parties)
    return tuple(lots.values())


def money(parent: etree._Element | None, path: str, field: str, gathering: Gathering) -> Amount | None:
    """The amount at ``path`` with its currency."""
    found = first(parent, path, NAMES)
    return None if found is None else gathering.amount(field, joined(found), found.get("currencyID"), path.rpartition("/")[2])


def codes(parent: etree._Element | None, paths: tuple[str, ...], kind: str, field: str, gathering: Gathering) -> tuple[Code, ...]:
    """The codes at ``paths``, each once."""
    raws = dict.fromkeys(tidy(joined(found)) for path in paths for found in every(parent, path, NAMES))
    found = (gathering.code(kind, field, raw, paths[0].rpartition("/")[2]) for raw in raws)
    return tuple(code for code in found if code)


def project_codes(project: etree._Element | None, field: str, gathering: Gathering) -> tuple[tuple[Code, ...], tuple[Code, ...]]:
    """The CPV codes and the places of a project, of the notice or of one lot."""
    classes = ("cac:MainCommodityClassification", "cac:AdditionalCommodityClassification")
    cpvs = codes(project, tuple(f"{name}/cbc:ItemClassificationCode" for name in classes), "CPV", f"{field}cpv", gathering)
    places = codes(project, ("cac:RealizedLocation//cbc:CountrySubentityCode",), "NUTS", f"{field}place", gathering)
    return cpvs, places


def requirement(element: etree._Element, path: str, list_name: str) -> str | None:
    """The code of one requirement, told by the name of its code list; several that differ give None."""
    found = [joined(code).strip() for code in every(element, path, NAMES) if code.get("listName") == list_name]
    return one_of(found)


def _described(described: etree._Element, number: str, results: _Results, gathering: Gathering, parties: Parties) -> Lot:
    field = f"lots.{number}"
    project = first(described, "cac:ProcurementProject", NAMES)
    cigs, cups = gathering.codes_in([spaced(described)], field, "ProcurementProjectLot")
    cpvs, places = project_codes(project, f"{field}.", gathering)
    tenders = results.winning(number)
    awarded = [money(tender, "cac:LegalMonetaryTotal/cbc:PayableAmount", f"{field}.awarded", gathering) for tender in tenders]
    return Lot(
        number=number,
        title=gathering.text(f"{field}.title", text(project, "cbc:Name", NAMES), "ProcurementProjectLot/Name"),
        cigs=cigs,
        cups=cups,
        cpvs=cpvs,
        places=places,
        amount=money(project, "cac:RequestedTenderTotal/cbc:EstimatedOverallContractAmount", f"{field}.amount", gathering),
        awarded=one_of(awarded) if awarded else None,
        reserved=requirement(described, ".//cbc:TendererRequirementTypeCode", "reserved-procurement"),
        reserved_execution=requirement(described, ".//cbc:ExecutionRequirementCode", "reserved-execution"),
        deadlines=tuple(_deadlines(described, number, gathering)),
        criteria=tuple(_criteria(described, field, gathering)),
        winners=tuple(_winners(results, tenders, f"{field}.winners", parties)),
        result=next(
            (code for result in results.of_lot.get(number, ()) if (code := tidy(text(result, "cbc:TenderResultCode", NAMES) or ""))), None
        ),
    )


def _results(root: etree._Element) -> _Results:
    """Sort the results of a notice by lot, once for all lots."""
    found = _Results({}, {}, {})
    for result in every(root, ".//efac:NoticeResult/efac:LotResult", NAMES):
        for lot in _texts(result, "efac:TenderLot/cbc:ID"):
            found.of_lot.setdefault(lot, []).append(result)
    for tender in every(root, ".//efac:NoticeResult/efac:LotTender", NAMES):
        for lot in _texts(tender, "efac:TenderLot/cbc:ID"):
            found.tenders.setdefault(lot, []).append(tender)
    for party in every(root, ".//efac:NoticeResult/efac:TenderingParty", NAMES):
        found.tenderers.setdefault(tidy(text(party, "cbc:ID", NAMES) or ""), []).extend(_texts(party, "efac:Tenderer/cbc:ID"))
    return found


def _texts(element: etree._Element, path: str) -> list[str]:
    return [tidy(joined(found)) for found in every(element, path, NAMES)]


def _winners(results: _Results, tenders: list[etree._Element], field: str, parties: Parties) -> Iterator[Party]:
    for identifier in dict.fromkeys(name for tender in tenders for name in _texts(tender, "efac:TenderingParty/cbc:ID")):
        for organisation in results.tenderers.get(identifier, ()):
            if named := parties(organisation, field):
                yield named


def _deadlines(described: etree._Element, number: str, gathering: Gathering) -> Iterator[Deadline]:
    process = first(described, "cac:TenderingProcess", NAMES)
    for path in _PERIODS:
        period = first(process, path, NAMES)
        if period is None:
            continue
        day, clock = text(period, "cbc:EndDate", NAMES), text(period, "cbc:EndTime", NAMES)
        if deadline := gathering.deadline("submission_deadline_at", day, clock, f"{number} {path.removeprefix('cac:')}"):
            yield deadline


def _criteria(described: etree._Element, field: str, gathering: Gathering) -> Iterator[Criterion]:
    for criterion in every(described, "cac:TenderingTerms/cac:AwardingTerms/cac:AwardingCriterion", NAMES):
        parts = every(criterion, "cac:SubordinateAwardingCriterion", NAMES) or [criterion]
        for part in parts:
            kind = tidy(text(part, "cbc:AwardingCriterionTypeCode", NAMES) or "")[:20]
            name = tidy(text(part, "cbc:Name", NAMES) or text(part, "cbc:Description", NAMES) or "")[:500]
            written, unit = _weight(part)
            if kind or name:
                raw = gathering.text(f"{field}.criteria", " ".join(word for word in (kind, name, written) if word), "AwardingCriterion")
                yield Criterion(kind, name, _number(written), unit, raw or "")


def _weight(part: etree._Element) -> tuple[str | None, str | None]:
    for parameter in every(part, "ext:UBLExtensions//efac:AwardCriterionParameter", NAMES):
        if attribute(parameter, "efbc:ParameterCode", "listName", NAMES) in {"number-weight", None}:
            return text(parameter, "efbc:ParameterNumeric", NAMES), text(parameter, "efbc:ParameterCode", NAMES)
    return None, None


def _number(written: str | None) -> Decimal | None:
    try:
        return amounts.plain(written) if written else None
    except BadValue:
        return None
