"""The example of docs/workflows.md runs as the page says: checked, opened, sent, answered, closed by two."""

import re
from pathlib import Path
from typing import Any

import pytest

from qms.errors import Refused
from qms.people.signature import Proof
from qms.workflows import case
from qms.workflows.case import put_in_force
from qms.workflows.check import check_sources
from tests.house import House, key
from tests.workflows.samples import file_of

PAGE = Path(__file__).parents[2] / "docs" / "workflows.md"
WORKFLOW = "supplier-complaint"


def source() -> bytes:
    (found,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return str(found).encode()


@pytest.fixture
def written(house: House) -> House:
    with house.app.writing() as tx:
        put_in_force(tx, source(), f"{WORKFLOW}.yaml", house.actor("program"))
    return house


def take(house: House, number: str, name: str, step: str, *slots: str, **fields: Any) -> str:
    comment = fields.pop("comment", None)
    with house.app.writing() as tx:
        by = house.actor(name)
        seen = case.show(tx.connection, house.app.engine, number, by)
        files = [file_of(f"{step}{seen.version}", slot, "a.pdf") for slot in slots]
        done = case.take_step(
            tx, house.app.engine, number, step, by, version=seen.version, fields=fields, evidence=files, comment=comment,
            proof=Proof(by.person, house.clock.now), key=key(),
        )  # fmt: skip
        return str(done.state)


@pytest.mark.parametrize("profile", ["small", "full"])
def test_it_passes_its_check(profile: str) -> None:
    assert check_sources({f"{WORKFLOW}.yaml": source()}, profile) == []


def test_it_runs_as_the_page_says(written: House) -> None:
    house = written
    fields = {
        "title": "Crocchette scadute", "supplier": "Mangimi del Serchio", "fact": "Tre sacchi consegnati oltre la data di scadenza.",
        "items": [{"what": "Tre sacchi", "amount": "120,00"}, {"what": "Trasporto", "amount": "15,50"}],
    }  # fmt: skip
    with house.app.writing() as tx:
        number = str(case.open_case(tx, house.app.engine, WORKFLOW, house.actor("quality"), fields=fields, key=key()).case)
    with house.app.reading() as connection:
        assert case.show(connection, house.app.engine, number, house.actor("quality")).fields["disputed"] == "135.50"
    assert take(house, number, "quality", "send_letter", "LETTER") == "SENT"
    with house.app.reading() as connection:
        (timer,) = case.show(connection, house.app.engine, number, house.actor("quality")).timers
    assert timer.clock.is_running and timer.clock.due_at is not None
    assert take(house, number, "tenders", "record_answer", "ANSWER", answer="Ci scusiamo.") == "ANSWERED"
    assert take(house, number, "quality", "insist", "LETTER", comment="Manca la nota di credito.") == "SENT"
    assert take(house, number, "tenders", "record_answer", "ANSWER", answer="Nota di credito allegata.", credited="135,50") == "ANSWERED"
    with pytest.raises(Refused) as refused:
        take(house, number, "quality", "close_complaint")
    assert refused.value.codes == ("SOD:writer_closes",)
    assert take(house, number, "quality_too", "close_complaint") == "ANSWERED"
    assert take(house, number, "direction", "close_complaint") == "CLOSED"


def test_what_is_disputed_wants_what_was_credited(written: House) -> None:
    house = written
    fields = {
        "title": "Mancano pezzi", "supplier": "Ferramenta", "fact": "Consegnati otto pezzi su dieci ordinati.",
        "items": [{"what": "Due pezzi", "amount": "40,00"}],
    }  # fmt: skip
    with house.app.writing() as tx:
        number = str(case.open_case(tx, house.app.engine, WORKFLOW, house.actor("tenders"), fields=fields, key=key()).case)
    take(house, number, "quality", "send_letter", "LETTER")
    take(house, number, "quality", "record_answer", "ANSWER", answer="Vedremo.")
    with pytest.raises(Refused) as refused:
        take(house, number, "quality", "close_complaint")
    assert refused.value.codes == ("GUARD:credited_if_disputed",)
