"""What the tests of the desk do first: report that something is wrong."""

from collections.abc import Sequence

from qms.workflows import case
from tests.house import House, key

WRONG = "nonconformity"


def report(house: House, name: str, title: str, *organisations: str) -> str:
    """A nonconformity reported by ``name``; returns its number."""
    fields = {"title": title, "description": "Un fatto raccontato per esteso.", "process": "TRAINING", "nc_source": "SELF"}
    with house.app.writing() as tx:
        receipt = case.open_case(tx, house.app.engine, WRONG, house.actor(name), fields=fields, organisations=organisations, key=key())
    return str(receipt.case)


def numbers(found: Sequence[object]) -> list[str]:
    """The numbers of what was found, in its order."""
    return [str(vars(one)["number"]) for one in found]
