"""Messages as pages show them, and the link by which a person chooses a password, from invitation to the first sign-in."""

from qms.desk import messages
from qms.people import sign_in
from tests.cast import CAST
from tests.house import House
from tests.web.conftest import AsPerson, sentences

NEW = "erba-canile-ventaglio-7"


def test_an_invitation_is_shown_once_to_who_made_it_and_opens_once(house: House, as_person: AsPerson) -> None:
    person = house.ids["kennel"]
    shown = as_person("quality").send(f"/people/{person}/invitation", {})
    link = shown.text.partition("/invitation/")[2].partition("<")[0]
    assert shown.status_code == 200 and link
    stranger = as_person(None)
    assert CAST["kennel"].name in stranger.get(f"/invitation/{link}").text
    refused = stranger.send(f"/invitation/{link}", {"password": "corta", "password2": "corta"})
    assert refused.status_code == 422 and sentences(refused)
    differing = stranger.send(f"/invitation/{link}", {"password": NEW, "password2": NEW + "x"})
    assert differing.status_code == 422
    done = stranger.send(f"/invitation/{link}", {"password": NEW, "password2": NEW})
    assert (done.status_code, done.headers["location"]) == (303, "/sign-in")
    assert sign_in.sign_in(house.app.database, CAST["kennel"].email, NEW).person == person
    again = stranger.get(f"/invitation/{link}")
    assert again.status_code == 404
    assert "non vale più" in again.text


def test_who_forgot_is_answered_alike_whoever_they_are(house: House, as_person: AsPerson) -> None:
    answers = [as_person(None).send("/way-back", {"email": email}) for email in (CAST["kennel"].email, "nessuno@example.org")]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert "Qualità" in answers[0].text
    assert answers[0].text.replace(CAST["kennel"].email, "?") == answers[1].text.replace("nessuno@example.org", "?")


def test_a_person_reads_what_they_were_told_and_chooses_the_hour(house: House, as_person: AsPerson) -> None:
    with house.app.writing() as tx:
        messages.put(tx, house.app.settings, "k", house.ids["quality"], messages.MORNING, "Una pratica aspetta voi", "NC-2026-0001")
    quality = as_person("quality")
    assert "Una pratica aspetta voi" in quality.get("/messages").text
    assert "Una pratica aspetta voi" not in as_person("tenders").get("/messages").text
    assert quality.send("/messages/hour", {"hour": "09:00"}).status_code == 303
    assert '<option value="09:00" selected>' in quality.get("/messages").text
    assert quality.send("/messages/hour", {"hour": "03:17"}).status_code == 422
