"""Reads the CIG records of ANAC's open data: one record is one lot with its codes, its sums, its deadline and its contracting authority.

A procedure of several lots comes as several records with the same tender number, which is kept as the procedure they share.
"""

from collections.abc import Iterator
from dataclasses import replace

from qms.formats.facts import AWARD, CALL, Code, Lot, Notice, Party, Skipped
from qms.formats.gather import Gathering
from qms.formats.nodes import Node, node, nodes, text
from qms.formats.reading import tidy

FORMAT = "anac"

_PROCEDURES = (
    ("ACCORDO QUADRO/CONVENZIONE", "FRAMEWORK"),
    ("AFFIDAMENTO DIRETTO", "DIRECT_AWARD"),
    ("PROCEDURA APERTA", "OPEN"),
    ("PROCEDURA RISTRETTA", "RESTRICTED"),
    ("SISTEMA DINAMICO", "DPS"),
    ("PROCEDURA NEGOZIATA SENZA", "NEGOTIATED_NO_NOTICE"),
    ("PROCEDURA NEGOZIATA PER AFFIDAMENTI SOTTO SOGLIA", "NEGOTIATED_NO_NOTICE"),
)


def is_anac(value: object) -> bool:
    """Whether a JSON value is a CIG record or a list that holds one."""
    if isinstance(value, dict):
        return isinstance(value.get("bando"), dict)
    return isinstance(value, list) and any(is_anac(item) for item in value if isinstance(item, dict))


def read_anac(value: object) -> Iterator[Notice | Skipped]:
    """Every record in the file, those that hold no lot as skipped."""
    for place, item in enumerate(value if isinstance(value, list) else [value], 1):
        if is_anac(item) and isinstance(item, dict):
            yield _notice(item, place)
        else:
            yield Skipped(str(place), "notice_record_unknown")


def _notice(record: Node, place: int) -> Notice:
    tender, authority = node(record, "bando"), node(record, "stazione_appaltante")
    gathering = Gathering()
    raw_cig = text(tender, "CIG")
    lot = _lot(record, tender, raw_cig or str(place), gathering)
    procedure = gathering.text("procedure", text(tender, "TIPO_SCELTA_CONTRAENTE"), "bando/TIPO_SCELTA_CONTRAENTE")
    deadline = gathering.deadline("submission_deadline_at", text(tender, "DATA_SCADENZA_OFFERTA"), None, "bando/DATA_SCADENZA_OFFERTA")
    _note_state(tender, gathering)
    number = gathering.text("procedure_id", text(tender, "NUMERO_GARA"), "bando/NUMERO_GARA")
    title = gathering.text("title", text(tender, "OGGETTO_GARA") or text(tender, "OGGETTO_LOTTO"), "bando/OGGETTO_GARA")
    published = node(record, "pubblicazioni")
    return gathering.finish(
        Notice(
            format=FORMAT,
            record=tidy(raw_cig or str(place))[:40],
            kind=AWARD if record.get("aggiudicazione") else CALL,
            form=tidy(text(tender, "TIPO_CIG") or "")[:40],
            notice_ref=tidy(raw_cig or "")[:40] or None,
            procedure_id=number,
            published_on=gathering.day("published_on", text(published, "DATA_PUBBLICAZIONE"), "pubblicazioni/DATA_PUBBLICAZIONE"),
            title=title,
            language="it",
            buyer=_buyer(authority, gathering),
            procedure=next((code for words, code in _PROCEDURES if words in (procedure or "").upper()), None),
            procedure_raw=procedure,
            value=gathering.amount("value", text(tender, "IMPORTO_COMPLESSIVO_GARA"), "EUR", "bando/IMPORTO_COMPLESSIVO_GARA"),
            deadlines=(deadline,) if deadline and not record.get("aggiudicazione") else (),
            cigs=lot.cigs,
            cups=lot.cups,
            cpvs=lot.cpvs,
            places=lot.places,
            lots=(lot,),
            platform_url=gathering.url("platform_url", text(published, "LINK_SITO_COMMITTENTE"), "pubblicazioni/LINK_SITO_COMMITTENTE"),
        )
    )


def _lot(record: Node, tender: Node, number: str, gathering: Gathering) -> Lot:
    field = f"lots.{tidy(number)[:40]}"
    cig = gathering.code("CIG", f"{field}.cig", text(tender, "CIG"), "bando/CIG")
    cups = (gathering.code("CUP", f"{field}.cup", text(item, "CUP"), "bando/CUP") for item in nodes(tender, "CUP"))
    cpvs = (gathering.code("CPV", f"{field}.cpv", text(item, "COD_CPV"), "bando/CPV/COD_CPV") for item in _main_first(nodes(tender, "CPV")))
    places = (
        gathering.code("ISTAT", f"{field}.place", text(tender, "LUOGO_ISTAT"), "bando/LUOGO_ISTAT"),
        gathering.code("NUTS", f"{field}.place", text(tender, "LUOGO_NUTS"), "bando/LUOGO_NUTS"),
    )
    lot = Lot(
        number=tidy(number)[:40],
        title=gathering.text(f"{field}.title", text(tender, "OGGETTO_LOTTO"), "bando/OGGETTO_LOTTO"),
        cigs=_present(cig),
        cups=_present(*cups),
        cpvs=_present(*cpvs),
        places=_present(*places),
        amount=gathering.amount(f"{field}.amount", text(tender, "IMPORTO_LOTTO"), "EUR", "bando/IMPORTO_LOTTO"),
        safety_cost=gathering.amount(f"{field}.safety_cost", text(tender, "IMPORTO_SICUREZZA"), "EUR", "bando/IMPORTO_SICUREZZA"),
    )
    awards = nodes(record, "aggiudicazione") or [node(record, "aggiudicazione")]
    amounts = [gathering.amount(f"{field}.awarded", text(award, "IMPORTO_AGGIUDICAZIONE"), "EUR", "aggiudicazione") for award in awards]
    return replace(
        lot,
        awarded=amounts[0] if len(amounts) == 1 else None,
        winners=tuple(_winners(awards, f"{field}.winners", gathering)),
        result=next((outcome for award in awards if (outcome := tidy(text(award, "ESITO") or ""))), None),
    )


def _winners(awards: list[Node], field: str, gathering: Gathering) -> Iterator[Party]:
    """The successful operators, wherever the award lists them."""
    for award in awards:
        for operator in (award, *(item for key in award for item in nodes(award, key))):
            name = text(operator, "DENOMINAZIONE") or text(operator, "RAGIONE_SOCIALE")
            if name and (party := gathering.party(field, name, text(operator, "CODICE_FISCALE"), "IT", "aggiudicazione")):
                yield party


def _note_state(tender: Node, gathering: Gathering) -> None:
    state = tidy(text(tender, "STATO") or "")
    if state.upper() in {"CANCELLATO", "ANNULLATO", "REVOCATO"}:
        gathering.doubt("record_cancelled", "status", state)
    count = tidy(text(tender, "N_LOTTI_COMPONENTI") or "")
    if count.isascii() and count.isdecimal() and len(count) < 6 and int(count) > 1:
        gathering.doubt("lots_elsewhere", "lots", count, lots=int(count), procedure=tidy(text(tender, "NUMERO_GARA") or ""))


def _buyer(authority: Node, gathering: Gathering) -> Party | None:
    name, tax_code = text(authority, "DENOMINAZIONE_AMMINISTRAZIONE_APPALTANTE"), text(authority, "CF_AMMINISTRAZIONE_APPALTANTE")
    return gathering.party("buyer", name, tax_code, "IT", "stazione_appaltante")


def _main_first(classes: list[Node]) -> list[Node]:
    return sorted(classes, key=lambda item: str(item.get("FLAG_PREVALENTE")) not in {"1", "S", "True"})


def _present(*codes: Code | None) -> tuple[Code, ...]:
    return tuple(code for code in codes if code)
