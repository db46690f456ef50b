"""A case that somebody may not see looks at every address as one that is not there: same status, same words, no number, no count."""

import json
import re
from typing import Any

import pytest

from qms.web import ROUTES, VERBS
from qms.web.api import PREFIX
from qms.workflows import case
from tests.house import House, key
from tests.web.conftest import AsPerson, Browser
from tests.web.test_who_may import BODIES, FORMS

TITLE = "O-0147 · Colloqui"
ADDRESSES = sorted(
    (method, path)
    for method, path in [
        *((route.method, route.path) for route in ROUTES),
        *((verb.method, PREFIX + verb.path) for verb in VERBS),
    ]
    if "{number}" in path
)
LISTS = (
    "/", "/cases", "/cases?text=O-0147", "/cases?workflow=career-guidance", "/records", "/records?words=O-0147", "/processes",
    "/processes/career-guidance", "/deadlines", "/indicators", "/clauses",
)  # fmt: skip


def hidden_case(house: House) -> str:
    with house.app.writing() as tx:
        fields = {"title": TITLE, "person_name": "Nadia Sole"}
        opened = case.open_case(tx, house.app.engine, "career-guidance", house.actor("training"), fields=fields, key=key())
    return str(opened.case)


def asked(browser: Browser, token: str, method: str, path: str, number: str) -> tuple[int, str]:
    """How the door answers, with the number itself and what changes with every page left out."""
    place = path.format(number=number, step="take_charge", sha256="ab" * 32)
    if path.startswith(PREFIX):
        body = json.dumps(BODIES.get(path.removeprefix(PREFIX), {})) if method == "POST" else None
        answer = browser.client.request(method, place, headers=bearing(token), content=body)
    elif method == "GET":
        answer = browser.get(place)
    else:
        answer = browser.send(place, {name: value.format(number=number) for name, value in FORMS.get(path, {}).items()})
    return told(answer, number)


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


def told(answer: Any, number: str) -> tuple[int, str]:
    return answer.status_code, re.sub(r'value="[0-9a-f]{32}"', "", answer.text.replace(number, "NUMBER"))


def differences(house: House, browser: Browser, name: str, number: str) -> list[str]:
    """The addresses at which the case ``number`` is answered otherwise than one that is not there."""
    nothing, token = f"{number[:-4]}9999", house.token(name)
    found = [
        f"{method} {path}" for method, path in ADDRESSES
        if asked(browser, token, method, path, number) != asked(browser, token, method, path, nothing)
    ]  # fmt: skip
    for dry_run in (True, False):
        answers = [
            told(browser.client.post(f"{PREFIX}/steps", headers=bearing(token), json={"table": table(one), "dry_run": dry_run}), one)
            for one in (number, nothing)
        ]
        found += [] if answers[0] == answers[1] else [f"steps {dry_run}"]
    if told(browser.get(f"/records?case={number}"), number) != told(browser.get(f"/records?case={nothing}"), nothing):
        found.append("records")
    listed = [(place, browser.get(place)) for place in LISTS]
    listed.append(("api", browser.client.get(f"{PREFIX}/cases", headers=bearing(token))))
    return [*found, *(place for place, answer in listed if number in answer.text or TITLE in answer.text)]


def table(number: str) -> str:
    return f"number,step\n{number},take_charge\n{number},no_such_step\n"


@pytest.mark.parametrize("name", ["tenders", "auditor", "kennel", "system"])
def test_a_hidden_case_is_answered_as_one_that_is_not_there(house: House, as_person: AsPerson, name: str) -> None:
    assert differences(house, as_person(name), name, hidden_case(house)) == []


def test_who_sees_it_is_answered_otherwise(house: House, as_person: AsPerson) -> None:
    assert {"GET /cases/{number}", "steps True", "records", "/cases"} <= set(
        differences(house, as_person("training"), "training", hidden_case(house))
    )
