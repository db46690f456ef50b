"""The directory and one's own account in pages."""

import re

from tests.cast import PASSWORD
from tests.house import House
from tests.web.conftest import AsPerson, sentences, size_of

NEW = {"name": "Bruno Sala", "email": "bruno@example.org", "kind": "staff", "language": "it", "password": "una frase ben lunga 7"}


def test_a_person_is_entered_with_a_hat_and_can_sign_in(as_person: AsPerson) -> None:
    keeper = as_person("system")
    answer = keeper.send("/people/new", {**NEW, "hat": "gare", "organisation": "consorzio"})
    assert answer.status_code == 303, sentences(answer)
    assert "Gare" in keeper.get(answer.headers["location"]).text
    stranger = as_person(None)
    stranger.send("/sign-in", {"email": NEW["email"], "password": NEW["password"]})
    assert "Bruno Sala" in stranger.get("/").text


def test_everything_wrong_with_a_person_is_said_and_the_password_does_not_come_back(house: House, as_person: AsPerson) -> None:
    keeper = as_person("system")
    before = size_of(house)
    answer = keeper.send("/people/new", {**NEW, "name": "", "email": "nessun indirizzo", "kind": "auditor"})
    assert answer.status_code == 422
    assert len(sentences(answer)) == 3
    assert "nessun indirizzo" in answer.text
    assert str(NEW["password"]) not in answer.text
    assert size_of(house) == before


def test_only_keepers_enter_here(as_person: AsPerson) -> None:
    for name, status in (("quality", 200), ("system", 200), ("direction", 403), ("tenders", 403), ("auditor", 403), ("learner", 403)):
        assert as_person(name).get("/people").status_code == status, name
        assert (as_person(name).send("/people/new", NEW).status_code == 403) == (status == 403), name


def test_hats_are_given_and_taken_but_never_to_oneself(house: House, as_person: AsPerson) -> None:
    keeper, person = as_person("system"), house.ids["kennel"]
    hat = {"hat": "gare", "organisation": "canile"}
    assert keeper.send(f"/people/{person}/hats", hat).status_code == 303
    assert keeper.send(f"/people/{person}/hats", hat).status_code == 422
    assert keeper.send(f"/people/{person}/hats/revoked", hat).status_code == 303
    assert keeper.send(f"/people/{person}/hats/revoked", hat).status_code == 404
    assert keeper.send(f"/people/{house.ids['system']}/hats", hat).status_code == 403


def test_a_closed_account_is_shut_at_once(house: House, as_person: AsPerson) -> None:
    member, keeper = as_person("kennel"), as_person("system")
    assert member.get("/").status_code == 200
    assert keeper.send(f"/people/{house.ids['kennel']}/disabled").status_code == 303
    assert member.get("/").status_code == 303
    assert keeper.send(f"/people/{house.ids['system']}/disabled").status_code == 403


def test_an_organisation_is_entered_once(as_person: AsPerson) -> None:
    keeper = as_person("quality")
    given = {"id": "fonte", "name": "Cooperativa La Fonte", "kind": "B"}
    assert keeper.send("/organisations", given).status_code == 303
    again = keeper.send("/organisations", {**given, "name": "Cooperativa Altra"})
    assert again.status_code == 422
    assert "Cooperativa Altra" in again.text
    assert "Cooperativa La Fonte" in keeper.get("/people").text


def test_a_token_is_shown_once_and_can_be_revoked(house: House, as_person: AsPerson) -> None:
    person = as_person("tenders")
    made = person.send("/account/tokens", {"label": "portatile", "days": "30"}).text
    token = re.search(r"qms_[\w-]+", made)
    assert token is not None
    assert token[0] not in person.get("/account").text
    stranger = as_person(None)
    bearer = {"Authorization": f"Bearer {token[0]}"}
    assert stranger.get("/api/v1/me", headers=bearer).json()["name"] == "Marta Conti"
    name = re.search(r"T-[0-9a-f]{8}", person.get("/account").text)
    assert name is not None
    assert as_person("kennel").send("/account/tokens/revoked", {"token": name[0]}).status_code == 404
    assert person.send("/account/tokens/revoked", {"token": name[0]}).status_code == 303
    assert stranger.get("/api/v1/me", headers=bearer).status_code == 401


def test_a_password_changes_only_with_the_present_one(as_person: AsPerson) -> None:
    person, new = as_person("tenders"), "un'altra frase lunga 9"
    given = {"present": PASSWORD, "password": new, "password2": new}
    for wrong in ({"present": "non questa di certo"}, {"password2": "diversa diversa 123"}, {"password": "corta", "password2": "corta"}):
        answer = person.send("/account/password", {**given, **wrong})
        assert answer.status_code == 422, wrong
        assert new not in answer.text
    assert person.send("/account/password", given).headers["location"] == "/sign-in"
    assert person.get("/").status_code == 303
    assert as_person(None).send("/sign-in", {"email": "marta@example.org", "password": new}).status_code == 303
