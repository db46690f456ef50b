"""What every request meets first and every answer passes last."""

import pytest

from qms.web import ROUTES, STATIC, VERBS, create_app, require_permissions
from qms.web.api import PREFIX
from tests.house import House
from tests.web.conftest import AsPerson


def test_every_answer_carries_the_headers_of_safety(as_person: AsPerson) -> None:
    person = as_person("quality")
    for path in ("/", "/nothing", "/api/v1/me", "/api/openapi.json", "/static/qms.css", "/healthz", "/records/1/sealed"):
        headers = person.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert (
            headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == headers["referrer-policy"] == "same-origin"
        )
        assert "permissions-policy" in headers
        assert headers["cache-control"] == ("public, max-age=3600" if path.startswith(STATIC) else "no-store")


def test_no_page_carries_script_or_style_of_its_own(as_person: AsPerson) -> None:
    person = as_person("quality")
    for path in (
        "/",
        "/cases",
        "/documents/PRO-8.2-01",
        "/records",
        "/records/7",
        "/verification",
        "/people",
        "/account",
        "/api",
        "/notices",
    ):
        text = person.get(path).text
        assert text.count("<script") == 1
        assert "<style" not in text
        assert " style=" not in text
        assert " on" not in " ".join(part.split(">")[0] for part in text.split("<input")[1:])


@pytest.mark.parametrize("host", ["evil.example", "qms.evil.example:80", "", "a b", "localhost.evil.example", "127.0.0.1.evil.example"])
def test_a_strange_host_is_turned_away(as_person: AsPerson, host: str) -> None:
    assert as_person(None).get("/healthz", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000", "demo.localhost"])
def test_this_machine_is_known_by_its_own_names(as_person: AsPerson, host: str) -> None:
    assert as_person(None).get("/healthz", headers={"host": host}).status_code == 200


def test_too_much_is_refused_before_it_is_read(as_person: AsPerson) -> None:
    stranger = as_person(None)
    assert stranger.client.post("/sign-in", content=b"", headers={"content-length": "99999999999"}).status_code == 413
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert stranger.client.post("/sign-in", content=iter([b"x" * 600_000] * 3), headers=form).status_code == 413
    assert stranger.client.post("/sign-in", content=b"", headers={"content-length": "-1"}).status_code == 413


def test_an_address_without_a_permission_keeps_the_door_shut(house: House) -> None:
    door = create_app(house.app)

    def forgotten() -> None: ...

    door.add_api_route("/api/v1/forgotten", forgotten)
    with pytest.raises(ValueError, match="/api/v1/forgotten"):
        require_permissions(door)


def test_every_address_of_the_door_is_in_the_registry(house: House) -> None:
    door = create_app(house.app)
    declared = {route.path for route in ROUTES} | {PREFIX + verb.path for verb in VERBS} | {STATIC}
    assert {getattr(address, "path", "") for address in door.routes} == declared


def test_the_program_says_that_it_lives_and_can_work(as_person: AsPerson) -> None:
    stranger = as_person(None)
    assert stranger.get("/healthz").json() == stranger.get("/readyz").json() == {"status": "ok"}


def test_an_address_that_leads_nowhere_says_so_in_the_readers_language(as_person: AsPerson) -> None:
    answer = as_person("quality").get("/niente")
    assert answer.status_code == 404
    assert "Qui non c'è nulla" in answer.text.replace("&#39;", "'")
    assert as_person(None).get("/api/v1/nothing").headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path", ["/cases/%00", "/documents/%00", "/records?case=%00&words=%00", "/cases?text=%00", "/identifiers?kind=CIG&value=%00"]
)
def test_a_null_character_breaks_nothing(as_person: AsPerson, path: str) -> None:
    assert as_person("quality").get(path).status_code < 500
