"""Reads the notices that Tenders Electronic Daily published from 2014 to 2023 (TED_EXPORT R2.0.9): calls, awards, contract changes.

Their namespace differs by release, so names are matched without it. Times carry no zone and are wall clock at the buyer's. The same fact
often stands twice, in the coded data and in the form, and not always the same.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from lxml import etree

from qms.formats.countries import alpha, language_of
from qms.formats.facts import AWARD, CALL, CHANGE, CODESIGN, MODIFICATION, QUALIFICATION, Amount, Deadline, Modification, Notice, Party
from qms.formats.gather import MOST_LOTS, Gathering, publication
from qms.formats.reading import refuse, tidy
from qms.formats.ted_lots import codes, contractors, money, party_at, read_lots, with_outside_codes
from qms.formats.trees import attribute, every, first, local_name, spaced, text

FORMAT = "ted"

_KINDS = dict.fromkeys("3AHC5IMY", CALL) | dict.fromkeys("OQ4", QUALIFICATION) | dict.fromkeys("7JRV", AWARD) | dict.fromkeys("12", CHANGE)
_KINDS |= {"K": MODIFICATION}
_PROCEDURES = {
    "PT_OPEN": "OPEN",
    "PT_RESTRICTED": "RESTRICTED",
    "PT_AWARD_CONTRACT_WITHOUT_CALL": "NEGOTIATED_NO_NOTICE",
    "PT_AWARD_CONTRACT_WITHOUT_PUBLICATION": "NEGOTIATED_NO_NOTICE",
}
_RESERVED = {"RESTRICTED_SHELTERED_WORKSHOP": "res-ws", "RESERVED_ORGANISATIONS_SERVICE_MISSION": "res-pub-ser"}
_CODESIGN = re.compile(r"\bco-?\s?progettazione\b", re.IGNORECASE)


def read_ted(root: etree._Element, path: str) -> Notice:
    """The one notice of a TED_EXPORT file. Raises BadContent for a type out of scope or a file without its form."""
    type_code = attribute(root, ".//{*}TD_DOCUMENT_TYPE", "CODE") or ""
    form = _original_form(root)
    kind = _KINDS.get(type_code)
    if kind is None:
        refuse(path, "notice_type_out_of_scope", found=tidy(text(root, ".//{*}TD_DOCUMENT_TYPE") or type_code)[:80] or "?")
    if form is None:
        refuse(path, "notice_form_missing")
    if max(len(every(form, "{*}OBJECT_CONTRACT/{*}OBJECT_DESCR")), len(every(form, "{*}AWARD_CONTRACT"))) > MOST_LOTS:
        refuse(path, "notice_too_many_lots", most=MOST_LOTS)
    gathering = Gathering(alpha(attribute(root, ".//{*}ISO_COUNTRY", "VALUE")))
    notice = _substance(_identity(root, form, kind, gathering), root, form, gathering)
    return gathering.finish(_parties(notice, root, form, gathering))


def _identity(root: etree._Element, form: etree._Element, kind: str, gathering: Gathering) -> Notice:
    subject = first(form, "{*}OBJECT_CONTRACT")
    title = gathering.text("title", text(subject, "{*}TITLE"), "OBJECT_CONTRACT/TITLE")
    if kind == CALL and title and (words := _CODESIGN.search(title)):
        kind = CODESIGN
        gathering.doubt("kind_from_text", "kind", words[0])
    official = text(root, ".//{*}NOTICE_DATA/{*}NO_DOC_OJS")
    return Notice(
        format=FORMAT,
        record=tidy(root.get("DOC_ID") or "")[:40] or "1",
        kind=kind,
        form=str(form.get("FORM") or local_name(form))[:40],
        notice_ref=publication(root.get("DOC_ID") or official),
        notice_id=gathering.text("notice_id", official, "NOTICE_DATA/NO_DOC_OJS"),
        published_on=gathering.day("published_on", text(root, ".//{*}REF_OJS/{*}DATE_PUB"), "REF_OJS/DATE_PUB"),
        title=title,
        description=gathering.text("description", text(subject, "{*}SHORT_DESCR"), "OBJECT_CONTRACT/SHORT_DESCR"),
        language=language_of(form.get("LG")),
        other_titles=tuple(_other_titles(root, form)),
        earlier_refs=_earlier(root),
    )


def _substance(notice: Notice, root: etree._Element, form: etree._Element, gathering: Gathering) -> Notice:
    cigs, cups = gathering.codes_in(_outside_texts(form), "notice", "FORM_SECTION")
    places = codes(root, ".//{*}PERFORMANCE_NUTS", "NUTS", "place", gathering)
    return replace(
        notice,
        value=_value(root, form, gathering),
        deadlines=tuple(_deadlines(root, form, gathering)),
        cigs=cigs,
        cups=cups,
        cpvs=codes(form, "{*}OBJECT_CONTRACT/{*}CPV_MAIN/{*}CPV_CODE", "CPV", "cpv", gathering),
        places=places or codes(root, ".//{*}ORIGINAL_NUTS", "NUTS", "place", gathering),
        reserved=next((code for name, code in _RESERVED.items() if first(form, f".//{{*}}{name}") is not None), None),
        reserved_execution="yes" if first(form, ".//{*}RESTRICTED_SHELTERED_PROGRAM") is not None else None,
        lots=with_outside_codes(read_lots(form, gathering), cigs, cups),
        modification=_modification(form, gathering),
    )


def _parties(notice: Notice, root: etree._Element, form: etree._Element, gathering: Gathering) -> Notice:
    procedure = next((local_name(found) for found in every(form, "{*}PROCEDURE/*") if local_name(found).startswith("PT_")), None)
    body = first(form, "{*}CONTRACTING_BODY")
    changed = first(form, "{*}MODIFICATIONS_CONTRACT")
    return replace(
        notice,
        buyer=party_at(first(body, "{*}ADDRESS_CONTRACTING_BODY"), "buyer", gathering),
        other_buyers=_buyers_beside(body, gathering),
        winners=tuple(contractors(changed, ".//{*}CONTRACTORS", "winners", gathering)) if changed is not None else (),
        procedure="CODESIGN" if notice.kind == CODESIGN else _PROCEDURES.get(procedure or ""),
        procedure_raw=gathering.text(
            "procedure", procedure or text(root, ".//{*}PR_PROC"), "PROCEDURE" if procedure else "CODIF_DATA/PR_PROC"
        ),
        source_url=gathering.url("source_url", text(root, ".//{*}URI_LIST/{*}URI_DOC"), "URI_LIST/URI_DOC"),
        platform_url=gathering.url("platform_url", text(form, ".//{*}URL_PARTICIPATION"), "URL_PARTICIPATION"),
        documents_url=gathering.url("documents_url", text(form, ".//{*}URL_DOCUMENT"), "URL_DOCUMENT"),
    )


def _original_form(root: etree._Element) -> etree._Element | None:
    """The form in the language it was written in."""
    forms = every(root, "{*}FORM_SECTION/*")
    original = tidy(text(root, ".//{*}LG_ORIG") or "")
    marked = [form for form in forms if form.get("CATEGORY") == "ORIGINAL"] or [form for form in forms if form.get("LG") == original]
    return next(iter(marked or forms), None)


def _other_titles(root: etree._Element, form: etree._Element) -> Iterator[tuple[str, str]]:
    for other in every(root, "{*}FORM_SECTION/*"):
        title = tidy(text(other, "{*}OBJECT_CONTRACT/{*}TITLE") or "")
        if other is not form and title:
            yield language_of(other.get("LG")) or "", title


def _outside_texts(form: etree._Element) -> list[str]:
    """Every text of the form that belongs to no lot and to no award."""
    parts = [part for part in form if local_name(part) not in {"OBJECT_CONTRACT", "AWARD_CONTRACT", "CONTRACTING_BODY"}]
    parts += [part for part in every(form, "{*}OBJECT_CONTRACT/*") if local_name(part) != "OBJECT_DESCR"]
    return [spaced(part) for part in parts]


def _value(root: etree._Element, form: etree._Element, gathering: Gathering) -> Amount | None:
    subject = first(form, "{*}OBJECT_CONTRACT")
    paths = ("{*}VAL_ESTIMATED_TOTAL", "{*}VAL_TOTAL", "{*}VAL_RANGE_TOTAL")
    written = money(subject, paths, "value", gathering)
    coded = money(first(root, ".//{*}NOTICE_DATA/{*}VALUES"), ("{*}VALUE",), "value", gathering)
    if written and coded and written.value != coded.value:
        gathering.doubt("values_differ", "value", f"{written.raw} ({written.place})", f"{coded.raw} (NOTICE_DATA/VALUES)")
        return None
    return written or coded


def _deadlines(root: etree._Element, form: etree._Element, gathering: Gathering) -> Iterator[Deadline]:
    field = "submission_deadline_at"
    coded = gathering.deadline(field, text(root, ".//{*}DT_DATE_FOR_SUBMISSION"), None, "CODIF_DATA/DT_DATE_FOR_SUBMISSION")
    procedure = first(form, "{*}PROCEDURE")
    day, clock = text(procedure, "{*}DATE_RECEIPT_TENDERS"), text(procedure, "{*}TIME_RECEIPT_TENDERS")
    written = gathering.deadline(field, day, clock, "PROCEDURE/DATE_RECEIPT_TENDERS")
    yield from (deadline for deadline in (coded, written) if deadline)


def _buyers_beside(body: etree._Element | None, gathering: Gathering) -> tuple[Party, ...]:
    others = (party_at(address, "other_buyers", gathering) for address in every(body, "{*}ADDRESS_CONTRACTING_BODY_ADDITIONAL"))
    return tuple(party for party in others if party)


def _modification(form: etree._Element, gathering: Gathering) -> Modification | None:
    changed = first(form, "{*}MODIFICATIONS_CONTRACT/{*}INFO_MODIFICATIONS")
    if changed is None:
        return None
    before = money(changed, ("{*}VALUES/{*}VAL_TOTAL_BEFORE", "{*}VAL_TOTAL_BEFORE"), "modification.before", gathering)
    after = money(changed, ("{*}VALUES/{*}VAL_TOTAL_AFTER", "{*}VAL_TOTAL_AFTER"), "modification.after", gathering)
    return Modification(
        before, after, gathering.text("modification.reason", text(changed, "{*}SHORT_DESCR"), "INFO_MODIFICATIONS/SHORT_DESCR")
    )


def _earlier(root: etree._Element) -> tuple[str, ...]:
    """The notices this one goes back to, as publication numbers."""
    written = (*every(root, ".//{*}REF_NOTICE/{*}NO_DOC_OJS"), *every(root, ".//{*}PROCEDURE/{*}NOTICE_NUMBER_OJ"))
    return tuple(dict.fromkeys(ref for found in written if (ref := publication(text(found)))))
