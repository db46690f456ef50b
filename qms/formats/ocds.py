"""Reads releases of the Open Contracting Data Standard 1.1, alone or in a package, as ANAC and other authorities publish them.

Each release is one record. Identifiers in such files have often been through a spreadsheet (``45233130.0``): they are flagged, not mended.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from qms.formats.facts import AWARD, CALL, CHANGE, MODIFICATION, Amount, Code, Criterion, Lot, Notice, Party, Skipped
from qms.formats.gather import MOST_LOTS, Gathering
from qms.formats.identifiers import check
from qms.formats.nodes import Node, node, nodes, text
from qms.formats.reading import tidy

FORMAT = "ocds"

_KINDS = {
    "contractAmendment": MODIFICATION,
    "contractUpdate": MODIFICATION,
    "contract": AWARD,
    "award": AWARD,
    "awardUpdate": AWARD,
    "tenderAmendment": CHANGE,
    "tenderUpdate": CHANGE,
    "tenderCancellation": CHANGE,
    "tender": CALL,
}
_PROCEDURES = {"open": "OPEN", "direct": "DIRECT_AWARD"}
_SCHEME = re.compile(r"([A-Z]{2})-.*")
ITALIAN_OCID = "ocds-hu01ve-"


def is_ocds(value: object) -> bool:
    """Whether a JSON value is a release, a release package or a record package."""
    if not isinstance(value, dict):
        return False
    return bool({"releases", "records"} & value.keys()) or ("ocid" in value and bool({"tag", "tender", "awards"} & value.keys()))


def read_ocds(value: Node) -> Iterator[Notice | Skipped]:
    """Every release in the file, those without a notice as skipped."""
    for place, release in enumerate(_releases(value), 1):
        record = tidy(text(release, "id") or text(release, "ocid") or str(place))[:100]
        kind = _kind(release)
        if kind is None:
            yield Skipped(record, "notice_release_out_of_scope")
        elif max(len(nodes(node(release, "tender"), "lots")), len(nodes(release, "awards"))) > MOST_LOTS:
            yield Skipped(record, "notice_release_too_large")
        else:
            yield _notice(release, record, kind)


def _releases(value: Node) -> list[Node]:
    if "releases" in value:
        return nodes(value, "releases")
    if "records" not in value:
        return [value]
    found: list[Node] = []
    for record in nodes(value, "records"):
        compiled = record.get("compiledRelease")
        found.extend([compiled] if isinstance(compiled, dict) else nodes(record, "releases"))
    return found


def _kind(release: Node) -> str | None:
    named = _tags(release)
    kind = next((kind for tag, kind in _KINDS.items() if tag in named), None)
    if kind is None and (not named or "compiled" in named):
        return AWARD if nodes(release, "awards") else CALL if node(release, "tender") else None
    return kind


def _notice(release: Node, record: str, kind: str) -> Notice:
    tender = node(release, "tender")
    parties = {text(party, "id"): party for party in nodes(release, "parties")}
    gathering = Gathering("IT" if (text(release, "ocid") or "").startswith(ITALIAN_OCID) else None)
    buyer = _party(node(release, "buyer") or node(tender, "procuringEntity"), parties, "buyer", gathering)
    gathering.country = gathering.country or (buyer.country if buyer else None)
    notice = replace(_identity(release, tender, record, kind, gathering), buyer=buyer)
    deadline = gathering.deadline(
        "submission_deadline_at", text(node(tender, "tenderPeriod"), "endDate"), None, "tender/tenderPeriod/endDate"
    )
    method = gathering.text("procedure", text(tender, "procurementMethod"), "tender/procurementMethod")
    cigs, cups = gathering.codes_in([text(tender, "title"), text(tender, "description")], "notice", "tender")
    documents = (gathering.url("documents_url", text(item, "url"), "tender/documents/url") for item in nodes(tender, "documents"))
    return gathering.finish(
        replace(
            notice,
            procedure=_PROCEDURES.get(method or ""),
            procedure_raw=method,
            value=_amount(node(tender, "value"), "value", "tender/value", gathering),
            deadlines=(deadline,) if deadline and kind in {CALL, CHANGE} else (),
            cigs=(*_cigs(tender, gathering), *cigs),
            cups=cups,
            cpvs=(cpvs := tuple(_cpvs(tender, "cpv", gathering))),
            criteria=tuple(_criteria(tender, gathering)),
            lots=tuple(_lots(release, tender, cpvs, parties, gathering)),
            documents_url=next((url for url in documents if url), None),
        )
    )


def _identity(release: Node, tender: Node, record: str, kind: str, gathering: Gathering) -> Notice:
    title = gathering.text("title", text(tender, "title") or _first_title(release), "tender/title")
    if title is None and (title := gathering.text("title", text(tender, "description"), "tender/description")):
        gathering.doubt("title_from_description", "title", title)
    if (status := text(tender, "status")) in {"cancelled", "withdrawn", "unsuccessful"}:
        gathering.doubt("record_cancelled", "status", status or "")
    reasons = (tidy(text(item, "rationale") or text(item, "description") or "") for item in nodes(tender, "amendments"))
    return Notice(
        format=FORMAT,
        record=record,
        kind=kind,
        form=", ".join(_tags(release))[:40],
        notice_ref=record,
        notice_id=gathering.text("notice_id", text(release, "id"), "id"),
        procedure_id=gathering.text("procedure_id", text(release, "ocid"), "ocid"),
        published_on=gathering.day("published_on", (text(release, "date") or "")[:10], "date"),
        title=title,
        description=gathering.text("description", text(tender, "description"), "tender/description"),
        language=tidy(text(release, "language") or "").lower()[:8] or None,
        change_reason="; ".join(reason for reason in reasons if reason) or None,
    )


def _tags(release: Node) -> list[str]:
    tags = release.get("tag")
    return [str(tag) for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


def _lots(release: Node, tender: Node, cpvs: tuple[Code, ...], parties: Mapping[str | None, Node], gathering: Gathering) -> Iterator[Lot]:
    """The lots of the extension, else the whole tender as one; awards join the lot they name."""
    awards, items = nodes(release, "awards"), _by_lot(nodes(tender, "items"))
    described = nodes(tender, "lots") or [{**tender, "id": "1"}]
    taken: set[str] = set()
    by_lot = _by_related(awards)
    for place, lot in enumerate(described, 1):
        number = gathering.lot_number(text(lot, "id"), place, taken)
        taken.add(number)
        field = f"lots.{number}"
        own = awards if len(described) == 1 else by_lot.get(number, [])
        sums = (_amount(node(award, "value"), f"{field}.awarded", "awards/value", gathering) for award in own)
        amounts = [amount for amount in sums if amount]
        suppliers = (_party(item, parties, f"{field}.winners", gathering) for award in own for item in nodes(award, "suppliers"))
        found = cpvs if len(described) == 1 and cpvs else _lot_cpvs(lot, items.get(number, []), own, f"{field}.cpv", gathering)
        cigs = tuple(_cigs(lot, gathering))
        if len({amount.value for amount in amounts}) > 1:
            gathering.doubt("several_awards", field, *(amount.raw for amount in amounts))
        yield Lot(
            number=number,
            title=gathering.text(
                f"{field}.title", text(lot, "title") or next((t for a in own if (t := text(a, "title"))), None), "lots/title"
            ),
            cigs=cigs,
            cpvs=tuple({code.finding.raw: code for code in found}.values()),
            amount=_amount(node(lot, "value"), f"{field}.amount", "lots/value", gathering),
            awarded=amounts[0] if len({amount.value for amount in amounts}) == 1 else None,
            winners=tuple(party for party in suppliers if party),
            result=next((status for award in own if (status := tidy(text(award, "status") or ""))), None),
        )


def _lot_cpvs(lot: Node, items: list[Node], own: list[Node], field: str, gathering: Gathering) -> tuple[Code, ...]:
    """The codes of the items that name the lot, of the lot itself and of its awards."""
    return tuple(code for source in (lot, {"items": items}, *own) for code in _cpvs(source, field, gathering))


def _by_lot(items: list[Node]) -> dict[str, list[Node]]:
    found: dict[str, list[Node]] = {}
    for item in items:
        found.setdefault(tidy(text(item, "relatedLot") or ""), []).append(item)
    return found


def _by_related(awards: list[Node]) -> dict[str, list[Node]]:
    found: dict[str, list[Node]] = {}
    for award in awards:
        related = award.get("relatedLots")
        for number in related if isinstance(related, list) else ():
            if isinstance(number, str):
                found.setdefault(tidy(number), []).append(award)
    return found


def _party(named: Node, parties: Mapping[str | None, Node], field: str, gathering: Gathering) -> Party | None:
    full = parties.get(text(named, "id"), named)
    identifier = node(full, "identifier")
    scheme = _SCHEME.fullmatch(text(identifier, "scheme") or "")
    country = text(node(full, "address"), "country") or (scheme[1] if scheme else None) or gathering.country
    return gathering.party(field, text(full, "name") or text(named, "name"), text(identifier, "id"), country, field)


def _cigs(named: Node, gathering: Gathering) -> Iterator[Code]:
    """A tender or lot whose very id is a CIG, as ANAC writes it; other ids are no mistake."""
    written = text(named, "id") or ""
    if len(written) == 10 and (finding := check("CIG", written)).is_valid:
        yield gathering.found(finding, "cig", "id")


def _cpvs(bought: Node, field: str, gathering: Gathering) -> Iterator[Code]:
    seen: set[str] = set()
    for item in nodes(bought, "items"):
        for classification in (node(item, "classification"), *nodes(item, "additionalClassifications")):
            written = text(classification, "id")
            if written and (text(classification, "scheme") or "").upper() == "CPV" and written not in seen:
                seen.add(written)
                if code := gathering.code("CPV", field, written, "items/classification"):
                    yield code


def _criteria(tender: Node, gathering: Gathering) -> Iterator[Criterion]:
    kind, detail = text(tender, "awardCriteria"), text(tender, "awardCriteriaDetails")
    raw = gathering.text("criteria", ": ".join(part for part in (kind, detail) if part), "tender/awardCriteria")
    if raw:
        yield Criterion(tidy(kind or "")[:20], tidy(detail or ""), None, None, raw)


def _amount(value: Node, field: str, place: str, gathering: Gathering) -> Amount | None:
    return gathering.amount(field, text(value, "amount"), text(value, "currency"), place)


def _first_title(release: Node) -> str | None:
    return next((title for name in ("awards", "contracts") for item in nodes(release, name) if (title := text(item, "title"))), None)
