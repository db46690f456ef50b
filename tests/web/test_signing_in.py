"""Signing in and out."""

from tests.cast import CAST, PASSWORD
from tests.house import House
from tests.web.conftest import AsPerson, sentences, title

EMAIL = CAST["quality"].email


def test_a_person_signs_in_and_goes_where_they_were_going(as_person: AsPerson) -> None:
    stranger = as_person(None)
    answer = stranger.get("/records")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Frecords")
    answer = stranger.send("/sign-in", {"email": EMAIL, "password": PASSWORD, "next": "/records"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/records")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert stranger.get("/records").status_code == 200


def test_a_wrong_password_and_an_unknown_address_are_told_the_same_and_the_password_does_not_come_back(as_person: AsPerson) -> None:
    stranger = as_person(None)
    wrong = stranger.send("/sign-in", {"email": EMAIL, "password": "sbagliata-sbagliata"})
    unknown = stranger.send("/sign-in", {"email": "nessuno@example.org", "password": "sbagliata-sbagliata"})
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert sentences(wrong) == sentences(unknown) != []
    assert title(wrong).startswith("Error")
    assert EMAIL in wrong.text
    assert "sbagliata-sbagliata" not in wrong.text


def test_after_failures_even_the_right_password_waits(as_person: AsPerson) -> None:
    stranger = as_person(None)
    for _ in range(6):
        stranger.send("/sign-in", {"email": EMAIL, "password": "sbagliata-sbagliata"})
    assert stranger.send("/sign-in", {"email": EMAIL, "password": PASSWORD}).status_code == 401


def test_signing_out_ends_the_session_for_good(as_person: AsPerson) -> None:
    person = as_person("quality")
    cookie = person.client.cookies["qms"]
    assert person.send("/sign-out").headers["location"] == "/sign-in"
    person.client.cookies.set("qms", cookie)
    assert person.get("/").status_code == 303


def test_signing_in_again_ends_the_session_before(as_person: AsPerson) -> None:
    person = as_person("quality")
    before = person.client.cookies["qms"]
    person.send("/sign-in", {"email": EMAIL, "password": PASSWORD})
    stranger = as_person(None)
    stranger.client.cookies.set("qms", before)
    assert stranger.get("/").status_code == 303


def test_next_leads_only_to_this_very_server(as_person: AsPerson) -> None:
    for evil in ("//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)", "/\tevil", "/\nx"):
        answer = as_person(None).send("/sign-in", {"email": EMAIL, "password": PASSWORD, "next": evil})
        assert answer.headers["location"] == "/", evil


def test_a_form_from_another_site_does_nothing(house: House, as_person: AsPerson) -> None:
    person = as_person("quality")
    for headers in (
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "null"},
    ):
        assert person.send("/account/tokens", {"label": "x"}, headers=headers).status_code == 403
    assert person.client.post("/account/tokens", data={"label": "x"}).status_code == 403
    assert person.client.post("/account/tokens", data={"label": "x", "csrf": as_person("tenders").csrf}).status_code == 403


def test_the_language_is_the_persons_own_choice(as_person: AsPerson) -> None:
    person = as_person("quality")
    assert '<html lang="it">' in person.get("/").text
    assert person.send("/language", {"language": "en", "next": "/cases"}).headers["location"] == "/cases"
    assert '<html lang="en">' in person.get("/").text
    stranger = as_person(None)
    assert '<html lang="it">' in stranger.get("/sign-in", headers={"accept-language": "it-IT,it;q=0.9"}).text
    stranger.send("/language", {"language": "en"})
    assert '<html lang="en">' in stranger.get("/sign-in", headers={"accept-language": "it"}).text
