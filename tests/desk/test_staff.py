"""Acts about people: who may do them, what the trail says, and that nothing beneath it can be changed unnoticed."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import text

from qms.desk import staff
from qms.errors import NotFound, NotPermitted
from qms.people import directory, tokens
from qms.records import trail
from tests.cast import CONSORTIUM, PASSWORD
from tests.house import House


def problems(house: House) -> list[str]:
    with house.app.reading() as connection:
        return [f"{check.values['place']}: {check.values['problem']}" for check in staff.compare(connection) if not check.passed]


def change(house: House, statement: str, **values: str) -> None:
    with house.app.writing() as tx:
        assert tx.connection.execute(text(statement), values).rowcount == 1


@pytest.mark.parametrize("name", ["direction", "tenders", "auditor", "kennel", "learner"])
def test_who_keeps_neither_quality_nor_the_system_does_not_keep_the_directory(house: House, name: str) -> None:
    by, other = house.actor(name), house.ids["training"]
    for act in (
        lambda tx: staff.add_person(tx, by, "Nora", "nora@example.org"),
        lambda tx: staff.add_organisation(tx, by, "nuova", "Nuova", "A"),
        lambda tx: staff.grant(tx, by, house.app.hats, other, "qualita", CONSORTIUM),
        lambda tx: staff.revoke(tx, by, other, "formazione", CONSORTIUM),
        lambda tx: staff.disable(tx, by, other),
        lambda tx: staff.set_password(tx, by, other, "la-mattina-presto"),
        lambda tx: staff.revoke_token(tx, by, "T-1", other),
    ):
        with house.app.writing() as tx, pytest.raises(NotPermitted) as refused:
            act(tx)
        assert refused.value.codes == ("ROLE:ADMIN,QM",)


def test_a_keeper_gives_no_hat_to_themselves_and_does_not_close_their_own_account(house: House) -> None:
    by = house.actor("system")
    with house.app.writing() as tx, pytest.raises(NotPermitted) as refused:
        staff.grant(tx, by, house.app.hats, by.person, "direzione", CONSORTIUM)
    assert refused.value.codes == ("SOD:own_hat",)
    with house.app.writing() as tx, pytest.raises(NotPermitted) as own:
        staff.disable(tx, by, by.person)
    assert own.value.codes == ("SOD:own_account",)


def test_each_act_is_one_entry_that_says_who_did_it_as_what(house: House) -> None:
    by = house.actor("quality")
    with house.app.reading() as connection:
        before = trail.size(connection)
    with house.app.writing() as tx:
        made = staff.add_person(tx, by, "Nora Prati", "nora@example.org")
        staff.set_password(tx, by, made.id, "la-mattina-presto")
        staff.grant(tx, by, house.app.hats, made.id, "gare", CONSORTIUM)
        staff.revoke(tx, by, made.id, "gare", CONSORTIUM)
        staff.disable(tx, by, made.id)
    with house.app.reading() as connection:
        entries = list(trail.upwards(connection, before + 5, first=before + 1))
    assert [entry.event for entry in entries] == ["person-added", "password-set", "hat-granted", "hat-revoked", "person-disabled"]
    assert {(entry.said["by"]["person"], entry.said["by"]["role"]) for entry in entries} == {(by.person, "ADMIN")}
    assert {entry.said["what"]["person"] for entry in entries} == {made.id}
    assert problems(house) == []


def test_addresses_passwords_and_the_names_of_outside_persons_never_reach_the_trail(house: House) -> None:
    by = house.actor("quality")
    with house.app.writing() as tx:
        made = staff.add_person(tx, by, "Allievo Riservato", "riservato@example.org", "outside")
        staff.set_password(tx, by, made.id, "la-mattina-presto")
    plaintext = house.token("tenders")
    with house.app.reading() as connection:
        sealed = "\n".join(entry.sealed for entry in trail.upwards(connection, trail.size(connection)))
        hashes = [str(value) for value in connection.execute(text("SELECT password_hash FROM person")).scalars()]
    for secret in ("@example.org", "Riservato", "mattina", PASSWORD, plaintext, *hashes):
        assert secret not in sealed


def test_what_fails_leaves_no_entry(house: House) -> None:
    with house.app.reading() as connection:
        before = trail.size(connection)
    with pytest.raises(NotFound), house.app.writing() as tx:
        staff.add_organisation(tx, house.actor("quality"), "nuova", "Nuova", "A")
        staff.grant(tx, house.actor("quality"), house.app.hats, house.ids["tenders"], "mago", CONSORTIUM)
    with house.app.reading() as connection:
        assert trail.size(connection) == before
        assert "nuova" not in {one.id for one in directory.organisations(connection)}


def test_a_refused_attempt_is_on_the_trail_with_its_codes(house: House) -> None:
    with house.app.writing() as tx:
        receipt = staff.refused(tx, house.actor("tenders"), "POST /cases/X/steps", ("SOD:author_is_approver",))
    with house.app.reading() as connection:
        said = json.loads(trail.entry(connection, receipt.position).sealed)
    assert said["event"] == "attempt-refused"
    assert said["what"] == {"attempt": "POST /cases/X/steps", "codes": ["SOD:author_is_approver"]}


def test_a_password_given_back_ends_the_tokens_that_others_may_have_made(house: House) -> None:
    kept = house.token("quality")
    lost = house.token("tenders")
    with house.app.writing() as tx:
        staff.set_password(tx, house.actor("quality"), house.ids["tenders"], "una-parola-del-tutto-nuova")
        staff.set_password(tx, house.actor("quality"), house.ids["quality"], "un'altra-parola-nuova")
    with house.app.reading() as connection:
        assert tokens.bearer(connection, kept, house.clock.now, house.app.hats, "cli").person == house.ids["quality"]
        with pytest.raises(NotPermitted):
            tokens.bearer(connection, lost, house.clock.now, house.app.hats, "cli")
    assert problems(house) == []


def test_an_untouched_directory_fits_the_trail(either_house: House) -> None:
    house = either_house
    with house.app.writing() as tx:
        text_, token = staff.issue_token(tx, house.actor("tenders"), "portatile")
        staff.revoke_token(tx, house.actor("tenders"), token.id)
        staff.issue_token(tx, house.actor("tenders"), "altro")
    with house.app.reading() as connection, pytest.raises(NotPermitted):
        tokens.bearer(connection, text_, house.clock.now, house.app.hats, "cli")
    assert problems(house) == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("name", "Altra Persona"),
        ("kind", "admin"),
        ("created_at", "2020-01-01T00:00:00.000Z"),
        ("expires_at", "2099-01-01T00:00:00.000Z"),
        ("disabled_at", "2020-01-01T00:00:00.000Z"),
        ("password_hash", "$argon2id$v=19$m=65536,t=3,p=4$abcd$efgh"),
    ],
)
def test_every_column_of_a_person_that_counts_is_held_against_the_trail(house: House, column: str, value: str) -> None:
    change(house, f"UPDATE person SET {column} = :v WHERE id = :p", v=value, p=house.ids["auditor"])
    assert problems(house) == [f"person {house.ids['auditor']}: {column}"]


def test_persons_hats_organisations_and_tokens_put_in_or_taken_out_beneath_the_program_are_named(house: House) -> None:
    plaintext = house.token("tenders")
    change(house, "DELETE FROM hat_held WHERE person = :p", p=house.ids["direction"])
    change(house, "INSERT INTO hat_held VALUES (:p, 'consorzio', 'direzione')", p=house.ids["tenders"])
    change(house, "UPDATE organisation SET kind = 'A' WHERE id = 'canile'")
    change(house, "UPDATE token SET expires_at = '2099-01-01T00:00:00.000Z' WHERE person = :p", p=house.ids["tenders"])
    change(
        house, "INSERT INTO token (digest, id, person, label, created_at, expires_at) VALUES ('d', 'T-x', :p, 'x', 'a', 'b')", p="P-0001"
    )
    found = problems(house)
    assert f"hat_held {house.ids['direction']}: direzione @ consorzio: missing" in found
    assert f"hat_held {house.ids['tenders']}: direzione @ consorzio: unknown" in found
    assert "organisation canile: kind" in found
    assert "token T-x: unknown" in found
    assert any(problem.endswith(": expires_at") and problem.startswith("token ") for problem in found)
    assert len(found) == 5
    assert plaintext.startswith("qms_")


def test_a_person_given_two_ends_keeps_the_first(house: House) -> None:
    with house.app.writing() as tx:
        staff.disable(tx, house.actor("quality"), house.ids["tenders"])
    house.clock.now += timedelta(days=1)
    with house.app.writing() as tx:
        staff.disable(tx, house.actor("quality"), house.ids["tenders"])
    assert problems(house) == []
