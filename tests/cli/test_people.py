"""``qms people``: who may keep the directory, and that nobody acts as somebody else."""

from pathlib import Path

import pytest
from sqlalchemy import insert

from qms.people import directory
from qms.people.actor import SYSTEM
from qms.people.directory import hat_held
from qms.records import trail
from qms.workflows.case import open_case, put_in_force
from tests.cli.conftest import AsPerson, Qms
from tests.house import House, key
from tests.workflows.samples import LAMP, QUERY


def test_a_keeper_adds_a_person_with_hats_who_can_act_at_once(as_person: AsPerson, qms: Qms, house: House, password_file: Path) -> None:
    added = as_person("quality")("people", "add", "Nora Prati", "nora@example.org", "--hat", "gare@consorzio", "--json")
    assert added.code == 0
    assert added.json["hats"] == [{"hat": "gare", "organisation": "consorzio"}]
    env = {"QMS_WORKSPACE": str(house.app.settings.root), "QMS_PASSWORD_FILE": str(password_file)}
    token = qms("people", "token", "nora@example.org", "--json", env=env, clock=house.clock)
    assert token.json["token"].startswith("qms_")
    seen = qms("people", "list", "--json", env={**env, "QMS_TOKEN": token.json["token"]}, clock=house.clock)
    assert "Nora Prati" in {person["name"] for person in seen.json["people"]}


def test_everything_wrong_about_a_person_is_said_at_once_and_nothing_is_kept(as_person: AsPerson, house: House) -> None:
    answer = as_person("quality")("people", "add", " ", "nobody", "--kind", "pope", "--json")
    assert answer.code == 3
    assert answer.codes == ["FIELD_INVALID:name", "FIELD_INVALID:email", "FIELD_INVALID:kind"]
    with house.app.reading() as connection:
        assert len(directory.persons(connection)) == len(house.ids)


def test_a_person_with_a_hat_that_does_not_exist_is_not_added_either(as_person: AsPerson, house: House) -> None:
    assert as_person("quality")("people", "add", "Nora Prati", "nora@example.org", "--hat", "mago@consorzio").code == 4
    with house.app.reading() as connection:
        assert len(directory.persons(connection)) == len(house.ids)


def test_who_does_not_keep_the_directory_is_refused(as_person: AsPerson) -> None:
    answer = as_person("tenders")("people", "add", "Nora Prati", "nora@example.org", "--json")
    assert answer.code == 3
    assert answer.codes == ["ROLE:ADMIN,QM"]


def test_addresses_are_shown_to_keepers_only(as_person: AsPerson) -> None:
    assert "example.org" in as_person("quality")("people", "list").out
    assert "example.org" not in as_person("tenders")("people", "list").out
    assert "example.org" not in as_person("tenders")("people", "list", "--json").out


def test_nobody_gives_a_hat_to_themselves_and_the_attempt_is_recorded(as_person: AsPerson, house: House) -> None:
    answer = as_person("quality")("people", "grant", house.ids["quality"], "direzione", "consorzio", "--json")
    assert answer.code == 3
    assert answer.codes == ["SOD:own_hat"]
    with house.app.reading() as connection:
        (attempt,) = trail.entries(connection, event="attempt-refused", limit=5)
    assert attempt.said["what"] == {"attempt": "qms people grant", "codes": ["SOD:own_hat"]}
    assert attempt.said["by"]["person"] == house.ids["quality"]


def test_a_hat_is_granted_and_revoked_by_address_or_id(as_person: AsPerson, house: House) -> None:
    quality = as_person("quality")
    granted = quality("people", "grant", "marta@example.org", "amministrazione", "consorzio", "--json")
    assert {"hat": "amministrazione", "organisation": "consorzio"} in granted.json["hats"]
    revoked = quality("people", "revoke", house.ids["tenders"], "amministrazione", "consorzio", "--json")
    assert {"hat": "amministrazione", "organisation": "consorzio"} not in revoked.json["hats"]


def test_a_disabled_persons_token_is_worth_nothing(as_person: AsPerson, house: House) -> None:
    gone = as_person("tenders")
    assert gone("people", "list").code == 0
    assert as_person("quality")("people", "disable", house.ids["tenders"]).code == 0
    answer = gone("people", "list", "--json")
    assert answer.code == 3
    assert answer.codes == ["TOKEN:refused"]


def test_a_revoked_token_is_worth_nothing(as_person: AsPerson, house: House, qms: Qms) -> None:
    tenders = as_person("tenders")
    made = tenders("people", "token", "marta@example.org", "--json").json
    env = {"QMS_WORKSPACE": str(house.app.settings.root), "QMS_TOKEN": made["token"]}
    assert qms("people", "list", env=env, clock=house.clock).code == 0
    assert tenders("people", "token-revoke", made["id"]).code == 0
    assert qms("people", "list", env=env, clock=house.clock).code == 3


@pytest.mark.parametrize("token", ["", "qms_guess", "x" * 10_000, "'; DROP TABLE token; --"])
def test_a_made_up_token_is_refused(as_person: AsPerson, token: str) -> None:
    answer = as_person("quality")("people", "list", "--json", env={"QMS_TOKEN": token})
    assert answer.code == 3
    assert answer.codes == ["TOKEN:refused" if token else "TOKEN_MISSING"]


def test_a_token_may_come_from_a_file(as_person: AsPerson, house: House, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(house.token("quality") + "\n")
    answer = as_person("quality")("people", "list", "--token-file", str(tmp_path / "token"), env={"QMS_TOKEN": ""})
    assert answer.code == 0


def test_a_token_needs_the_password_of_its_own_person(as_person: AsPerson, password_file: Path) -> None:
    password_file.write_text("una-password-sbagliata\n")
    answer = as_person("quality")("people", "token", "marta@example.org", "--json")
    assert answer.code == 3
    assert answer.codes == ["SIGN_IN:refused"]


def test_a_new_password_needs_the_present_one_even_with_a_token(as_person: AsPerson, password_file: Path) -> None:
    password_file.write_text("una-password-sbagliata\n")
    assert as_person("tenders")("people", "password", "--json").codes == ["SIGNATURE:wrong_password"]


def test_organisations_are_added_by_keepers_and_listed(as_person: AsPerson) -> None:
    added = as_person("quality")("people", "organisation-add", "faro", "Cooperativa Il Faro", "--kind", "A")
    assert added.code == 0
    assert "Cooperativa Il Faro" in as_person("tenders")("people", "organisations").out
    assert as_person("tenders")("people", "organisation-add", "x", "X", "--kind", "A").code == 3


def test_hats_and_ones_own_tokens_are_listed(as_person: AsPerson) -> None:
    tenders = as_person("tenders")
    hats = {hat["id"]: hat["roles"] for hat in tenders("people", "roles", "--json").json["hats"]}
    assert "TENDER" in hats["gare"]
    shown = tenders("people", "roles", "--language", "it").out
    assert [" ".join(line.split()) for line in shown.splitlines()].count("WORKER Addetto") == 1
    listed = tenders("people", "tokens", "--json")
    assert len(listed.json["tokens"]) == 1
    assert "qms_" not in listed.out


def test_an_auditors_account_needs_its_end(as_person: AsPerson) -> None:
    quality = as_person("quality")
    answer = quality("people", "add", "Ugo Esterno", "ugo@example.org", "--kind", "auditor", "--json")
    assert answer.codes == ["FIELD_REQUIRED:expires_at"]
    answer = quality("people", "add", "Ugo Esterno", "ugo@example.org", "--kind", "auditor", "--expires", "31/12/2026", "--json")
    assert answer.json["expires_at"] == "2026-12-31T22:59:59.000Z"


def test_what_waits_for_one_who_leaves_is_given_to_another_with_the_reason(as_person: AsPerson, house: House) -> None:
    quality, leaver, successor = as_person("quality"), house.ids["tenders"], house.ids["training"]
    fields = {"title": "Ordinare i registri dell'anno", "owner": leaver, "due_on": "2026-04-01", "origin": "MEETING"}
    opened = quality("case", "open", "planned-action", *(word for pair in fields.items() for word in ("--field", "=".join(pair))), "--json")
    assert opened.code == 0, opened.out
    words = ("people", "reassign", "marta@example.org", successor)
    assert [one["number"] for one in quality(*words, "--dry-run", "--json").json["cases"]] == [opened.json["case"]]
    assert quality(*words, "--json").codes == ["COMMENT_REQUIRED"]
    done = quality(*words, "--reason", "Marta cambia lavoro.", "--json")
    assert (done.code, done.json["cases"][0]["fields"]) == (0, ["owner"])
    assert quality("case", "show", opened.json["case"], "--json").json["fields"]["owner"] == successor
    assert quality(*words, "--reason", "Ancora.", "--json").json["cases"] == []


def test_one_case_that_cannot_be_given_does_not_keep_the_others(as_person: AsPerson, house: House) -> None:
    quality, leaver, successor = as_person("quality"), house.ids["tenders"], house.ids["training"]
    there = (
        LAMP.replace("PRO-1\n", "PRO-8.7-01\n")
        .replace("[own], add: true", "[aurora]")
        .replace("asks: [title,", "asks: [title, owner_of_it?,")
    )
    opened = []
    with house.app.writing() as tx:
        tx.connection.execute(insert(hat_held), {"person": house.ids["quality"], "organisation": "aurora", "hat": "referente"})
        for source in (there, QUERY.replace("PRO-1\n", "PRO-8.7-01\n")):
            put_in_force(tx, source.encode(), "w.yaml", SYSTEM)
    for workflow, nick, fields in (
        ("lamp-repair", "aurora", {"title": "Lampada", "owner_of_it": leaver}),
        ("planned-action", "quality", {"title": "Ordinare i registri", "owner": leaver, "due_on": "2026-04-01", "origin": "MEETING"}),
    ):
        with house.app.writing() as tx:
            opened.append(str(open_case(tx, house.app.engine, workflow, house.actor(nick), fields=fields, key=key()).case))
    done = quality("people", "reassign", leaver, successor, "--reason", "Cambia lavoro.", "--json")
    obstacles = {one["number"]: [reason["code"].partition(":")[0] for reason in one["obstacles"]] for one in done.json["cases"]}
    assert (done.code, obstacles) == (1, {opened[0]: ["ROLE"], opened[1]: []})
    assert quality("case", "show", opened[1], "--json").json["fields"]["owner"] == successor
    again = quality("people", "reassign", leaver, successor, "--reason", "Cambia lavoro.", "--json")
    assert (again.code, again.codes[0].partition(":")[0]) == (3, "ROLE")
    with house.app.reading() as connection:
        attempts = [one.said["what"]["attempt"] for one in trail.entries(connection, event="attempt-refused", limit=5)]
    assert attempts == ["qms people reassign"] * 2
