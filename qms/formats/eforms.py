"""Reads eForms, the notices of Tenders Electronic Daily since 2023: calls, social-service calls, awards, contract and notice changes.

A file may be valid against its schema and still say nothing; what is missing is named. CIG and CUP have no field of their own and are
looked for in the texts. Times carry an offset, which publishers get wrong in summer: the instant is kept, both readings are shown.
"""

from collections.abc import Iterator
from dataclasses import replace

from lxml import etree

from qms.errors import BadContent, Problem
from qms.formats import names
from qms.formats.countries import language_of
from qms.formats.eforms_lots import NAMES, Parties, money, project_codes, read_lots, requirement
from qms.formats.facts import AWARD, CALL, CHANGE, MODIFICATION, OPENING_KINDS, QUALIFICATION, Amount, Modification, Notice, Party, one_of
from qms.formats.gather import MOST_LOTS, Gathering, publication
from qms.formats.reading import refuse, tidy
from qms.formats.ted_lots import with_outside_codes
from qms.formats.trees import every, first, joined, spaced, text

FORMAT = "eforms"
ROOTS = frozenset(
    f"{{urn:oasis:names:specification:ubl:schema:xsd:{name}-2}}{name}"
    for name in ("ContractNotice", "ContractAwardNotice", "PriorInformationNotice")
) | {"{http://data.europa.eu/p27/eforms-business-registration-information-notice/1}BusinessRegistrationInformationNotice"}

_KINDS = {"competition": CALL, "result": AWARD, "dir-awa-pre": AWARD, "cont-modif": MODIFICATION}
_PROCEDURES = {"open": "OPEN", "restricted": "RESTRICTED", "neg-wo-call": "NEGOTIATED_NO_NOTICE"}


def read_eforms(root: etree._Element, path: str) -> Notice:
    """The one notice of an eForms file. Raises BadContent for a form type out of scope or a notice without any business content."""
    kind = _kind(root, path)
    _demand_content(root, path)
    counted = ("cac:ProcurementProjectLot", ".//efac:NoticeResult/efac:LotTender", ".//efac:NoticeResult/efac:TenderingParty/efac:Tenderer")
    if max(len(every(root, part, NAMES)) for part in counted) > MOST_LOTS:
        refuse(path, "notice_too_many_lots", most=MOST_LOTS)
    companies = {
        identifier: company
        for company in every(root, ".//efac:Organizations/efac:Organization/efac:Company", NAMES)
        if (identifier := text(company, "cac:PartyIdentification/cbc:ID", NAMES))
    }
    buyers = [joined(found) for found in every(root, "cac:ContractingParty/cac:Party/cac:PartyIdentification/cbc:ID", NAMES)]
    gathering = Gathering(None)
    parties = _parties(companies, gathering)
    named = tuple(party for identifier in buyers if (party := parties(identifier, "buyer")))
    gathering.country = named[0].country if named else None
    notice = replace(_identity(root, kind, gathering), buyer=next(iter(named), None), other_buyers=named[1:])
    return gathering.finish(_substance(notice, root, gathering, parties))


def _kind(root: etree._Element, path: str) -> str:
    code = first(root, "cbc:NoticeTypeCode", NAMES)
    form, group = tidy(text(code) or ""), code.get("listName") if code is not None else None
    kind = _KINDS.get(str(group))
    if kind is None:
        refuse(path, "notice_type_out_of_scope", found=" ".join(part for part in (group, form) if part)[:80] or "?")
    if first(root, ".//efac:Changes/efbc:ChangedNoticeIdentifier", NAMES) is not None and kind == CALL:
        return CHANGE
    return QUALIFICATION if form.startswith("qu-sy") else kind


def _demand_content(root: etree._Element, path: str) -> None:
    """Refuse a notice that fits the schema and says nothing, naming everything that is missing."""
    project = first(root, "cac:ProcurementProject", NAMES)
    wanted = {
        "notice_id": text(root, "cbc:ID", NAMES),
        "procedure_id": text(root, "cbc:ContractFolderID", NAMES),
        "title": text(project, "cbc:Name", NAMES),
        "buyer": text(root, "cac:ContractingParty/cac:Party/cac:PartyIdentification/cbc:ID", NAMES),
        "cpv": text(project, "cac:MainCommodityClassification/cbc:ItemClassificationCode", NAMES),
        "lots": text(root, "cac:ProcurementProjectLot", NAMES),
    }
    missing = [name for name, written in wanted.items() if not tidy(written or "")]
    if {"title", "buyer"} <= set(missing):
        raise BadContent(Problem(names.clean(path), 0, f"notice_missing_{name}") for name in missing)


def _parties(companies: dict[str, etree._Element], gathering: Gathering) -> Parties:
    known: dict[tuple[str | None, str], Party | None] = {}

    def party(identifier: str | None, field: str) -> Party | None:
        company = companies.get(identifier or "")
        if company is None:
            if identifier:
                gathering.doubt("organisation_unknown", field, identifier)
            return None
        if (identifier, field) not in known:
            name, tax_code = text(company, "cac:PartyName/cbc:Name", NAMES), text(company, "cac:PartyLegalEntity/cbc:CompanyID", NAMES)
            country = text(company, "cac:PostalAddress/cac:Country/cbc:IdentificationCode", NAMES)
            known[identifier, field] = gathering.party(field, name, tax_code, country, f"Organization {tidy(identifier or '')[:40]}")
        return known[identifier, field]

    return party


def _identity(root: etree._Element, kind: str, gathering: Gathering) -> Notice:
    project = first(root, "cac:ProcurementProject", NAMES)
    notice_id = gathering.text("notice_id", text(root, "cbc:ID", NAMES), "ID")
    publication_id = text(root, ".//efac:Publication/efbc:NoticePublicationID", NAMES)
    earlier = every(root, ".//efbc:ChangedNoticeIdentifier", NAMES)
    procedure = gathering.text("procedure", text(root, "cac:TenderingProcess/cbc:ProcedureCode", NAMES), "TenderingProcess/ProcedureCode")
    return Notice(
        format=FORMAT,
        record=(notice_id or "1")[:80],
        kind=kind,
        form=(
            tidy(text(root, ".//efac:NoticeSubType/cbc:SubTypeCode", NAMES) or "") or tidy(text(root, "cbc:NoticeTypeCode", NAMES) or "")
        )[:40],
        notice_ref=publication(publication_id) or (notice_id[:100] if notice_id else None),
        notice_id=notice_id,
        version=gathering.text("version", text(root, "cbc:VersionID", NAMES), "VersionID"),
        procedure_id=gathering.text("procedure_id", text(root, "cbc:ContractFolderID", NAMES), "ContractFolderID"),
        published_on=gathering.day("published_on", text(root, "cbc:IssueDate", NAMES), "IssueDate"),
        title=gathering.text("title", text(project, "cbc:Name", NAMES), "ProcurementProject/Name"),
        description=gathering.text("description", text(project, "cbc:Description", NAMES), "ProcurementProject/Description"),
        language=language_of(text(root, "cbc:NoticeLanguageCode", NAMES)),
        other_titles=tuple(_other_titles(root, project)),
        procedure=_PROCEDURES.get(procedure or ""),
        procedure_raw=procedure,
        change_reason=gathering.text(
            "change_reason", text(root, ".//efac:Changes//efbc:ReasonDescription", NAMES), "Changes/ReasonDescription"
        ),
        earlier_refs=tuple(dict.fromkeys(ref for found in earlier if (ref := publication(joined(found))))),
    )


def _substance(notice: Notice, root: etree._Element, gathering: Gathering, parties: Parties) -> Notice:
    project = first(root, "cac:ProcurementProject", NAMES)
    lots = read_lots(root, gathering, parties)
    cigs, cups = gathering.codes_in([spaced(part) for part in every(root, "cac:ProcurementProject", NAMES)], "notice", "ProcurementProject")
    cpvs, places = project_codes(project, "", gathering)
    opens = notice.kind in OPENING_KINDS | {CHANGE}
    recipient = "cac:ProcurementProjectLot/cac:TenderingTerms/cac:TenderRecipientParty/cbc:EndpointID"
    documents = (
        "cac:ProcurementProjectLot/cac:TenderingTerms/cac:CallForTendersDocumentReference/cac:Attachment/cac:ExternalReference/cbc:URI"
    )
    return replace(
        notice,
        value=_value(root, project, gathering),
        deadlines=tuple(deadline for lot in lots for deadline in lot.deadlines) if opens else (),
        cigs=cigs,
        cups=cups,
        cpvs=cpvs,
        places=places,
        lots=with_outside_codes(lots, cigs, cups),
        reserved=one_of(lot.reserved for lot in lots)
        or requirement(root, "cac:TenderingTerms//cbc:TendererRequirementTypeCode", "reserved-procurement"),
        reserved_execution=one_of(lot.reserved_execution for lot in lots),
        modification=_modification(root, gathering),
        platform_url=gathering.url("platform_url", text(root, recipient, NAMES), "TenderRecipientParty/EndpointID"),
        documents_url=gathering.url("documents_url", text(root, documents, NAMES), "CallForTendersDocumentReference/URI"),
    )


def _other_titles(root: etree._Element, project: etree._Element | None) -> Iterator[tuple[str, str]]:
    """The title in the languages beside the notice's own."""
    own = tidy(text(root, "cbc:NoticeLanguageCode", NAMES) or "")
    for name in every(project, "cbc:Name", NAMES):
        language = str(name.get("languageID") or "")
        if language != own and (title := tidy(joined(name))):
            yield language_of(language) or "", title


def _value(root: etree._Element, project: etree._Element | None, gathering: Gathering) -> Amount | None:
    estimated = money(project, "cac:RequestedTenderTotal/cbc:EstimatedOverallContractAmount", "value", gathering)
    return estimated or money(root, ".//efac:NoticeResult/cbc:TotalAmount", "value", gathering)


def _modification(root: etree._Element, gathering: Gathering) -> Modification | None:
    """The changed contract; eForms says what it is worth afterwards, not before."""
    changed = first(root, ".//efac:ContractModification", NAMES)
    if changed is None:
        return None
    after = money(root, ".//efac:NoticeResult/cbc:TotalAmount", "modification.after", gathering)
    reason = text(changed, "efac:Change/efbc:ChangeDescription", NAMES) or text(changed, ".//efbc:ReasonDescription", NAMES)
    return Modification(None, after, gathering.text("modification.reason", reason, "ContractModification"))
