"""Random definitions and random people: the engine and a reference model of a hundred lines agree on what is open, what is refused and
with which codes, and where the case then stands; duties stay apart and the trail replays to what the tables say."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from qms.database import Database, Transaction
from qms.errors import Refused
from qms.people.actor import Actor
from qms.people.directory import organisation_table, person_table
from qms.people.signature import Proof
from qms.records import trail
from qms.workflows.case import compare, offers, open_case, put_in_force, show, take_step
from qms.workflows.file import AGREED_TO
from tests.workflows.reference_model import GRADES, Model, Spec, Who
from tests.workflows.samples import KEEPER, OWN, engine_for, file_of

ROLES = ("QM", "COM", "TECH")
PEOPLE = ("ada", "bob", "cleo", "dan")
STATES = ("A", "B", "C", "D")
KINDS = ("initial", "normal", "settled", "final")
STEPS = ("go", "push", "sort", "turn", "stay", "end")
FIELDS = ("amount", "grade", "keeper")
SLOTS = ("PHOTO", "BILL")


@dataclass(frozen=True)
class Rule:
    """A guard or a condition in both tongues, with the fields and slots it reads."""

    code: str
    text: str
    holds: Callable[[Model], bool | None]
    fields: frozenset[str] = frozenset()
    slots: frozenset[str] = frozenset()


def compared(value: Any, test: Callable[[Any], bool]) -> bool | None:
    return None if value is None else test(value)


def either(*parts: bool | None) -> bool | None:
    return True if True in parts else None if None in parts else False


AMOUNT, GRADE = frozenset({"amount"}), frozenset({"grade"})
RULES = [
    Rule("large", "amount > 50", lambda case: compared(case.fields.get("amount"), lambda it: it > 50), AMOUNT),
    Rule("small", "amount <= 50", lambda case: compared(case.fields.get("amount"), lambda it: it <= 50), AMOUNT),
    Rule("told", "amount is not None", lambda case: case.fields.get("amount") is not None, AMOUNT),
    Rule("fine", "grade >= 'MID'", lambda case: compared(case.fields.get("grade"), lambda it: GRADES.index(it) >= 1), GRADE),
    Rule(
        "fine_or_small", "grade == 'HIGH' or not (amount > 50)",
        lambda case: either(
            compared(case.fields.get("grade"), lambda it: it == "HIGH"), compared(case.fields.get("amount"), lambda it: it <= 50)
        ),
        AMOUNT | GRADE,
    ),
    Rule("went", "taken('go')", lambda case: case.times.get("go", 0) > 0),
    Rule("not_twice", "times('push') < 2", lambda case: case.times.get("push", 0) < 2),
    Rule("shown", "attached('PHOTO')", lambda case: "PHOTO" in case.slots, slots=frozenset({"PHOTO"})),
    Rule("silent", "comment is None", lambda case: case.comment is None, frozenset({"comment"})),
    Rule("in_time", "state != 'C'", lambda case: case.state != "C"),
]  # fmt: skip
marks = st.dictionaries(st.sampled_from(FIELDS), st.booleans(), max_size=2)


@st.composite
def step_specs(draw: st.DrawFn) -> Spec:
    """One step: half of all have no more than a way and a role, so that cases get somewhere."""
    plain = draw(st.booleans())
    to = draw(st.sampled_from([None, *STATES]))
    branches = [] if plain or to is None else draw(st.lists(st.tuples(st.sampled_from(RULES), st.sampled_from(STATES)), max_size=2))
    return {
        "from": draw(st.lists(st.sampled_from(STATES[:3]), min_size=1, max_size=3, unique=True)),
        "to": to,
        "branches": branches,
        "by": draw(st.lists(st.sampled_from(ROLES), min_size=1, max_size=2, unique=True)),
        "asks": {} if plain else draw(marks),
        "evidence": {} if plain else draw(st.dictionaries(st.sampled_from(SLOTS), st.booleans(), max_size=1)),
        "comment": not plain and draw(st.integers(0, 3)) == 0,
        "guards": [] if plain else draw(st.lists(st.sampled_from(RULES), max_size=2, unique_by=lambda rule: rule.code)),
        "apart_from": draw(st.lists(st.sampled_from(("opening", *STEPS[:3])), max_size=2, unique=True)),
        "not_in": draw(st.integers(0, 3)) == 0,
        "quorum": draw(st.sampled_from([0, 0, 0, 2, 3])),
        "sign": not plain and draw(st.integers(0, 4)) == 0,
    }


specs = st.fixed_dictionaries({"steps": st.fixed_dictionaries({name: step_specs() for name in STEPS})})
hats = st.dictionaries(st.sampled_from(PEOPLE), st.sets(st.sampled_from(ROLES), min_size=1, max_size=3), min_size=2)
loans = st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE)), max_size=2)
forms = st.fixed_dictionaries(
    {},
    optional={
        "amount": st.sampled_from(["", "5", "50", "51", "100", "101", "molto"]),
        "grade": st.sampled_from(["", *GRADES, "TOP"]),
        "keeper": st.sampled_from(["", *PEOPLE]),
    },
)
acts = st.fixed_dictionaries(
    {
        "who": st.sampled_from(PEOPLE),
        "step": st.sampled_from(STEPS),
        "form": forms,
        "files": st.sets(st.sampled_from(SLOTS), max_size=2),
        "exact": st.integers(0, 3),
        "comment": st.sampled_from([None, None, "Detto."]),
        "signed": st.booleans(),
        "stale": st.integers(0, 9),
        "again": st.integers(0, 9),
    }
)


def written(spec: Spec) -> str:
    """The definition as its file."""
    both = {"it": "x", "en": "x"}
    steps = {}
    for name, step in spec["steps"].items():
        target = (
            [*({"when": rule.text, "state": state} for rule, state in step["branches"]), step["to"]] if step["branches"] else step["to"]
        )
        steps[name] = {
            "title": both, "from": step["from"], "by": step["by"],
            **({"to": target} if target else {}),
            "asks": [key if needed else f"{key}?" for key, needed in step["asks"].items()],
            "evidence": [slot if needed else f"{slot}?" for slot, needed in step["evidence"].items()],
            "guards": [{"code": rule.code, "that": rule.text, "message": both} for rule in step["guards"]],
            "apart_from": [other for other in step["apart_from"] if other != name],
            **({"not_in": ["keeper"]} if step["not_in"] else {}),
            **({"comment": "required"} if step["comment"] else {}),
            **({"quorum": {"count": str(step["quorum"])}} if step["quorum"] else {}),
            **({"sign": both} if step["sign"] else {}),
        }  # fmt: skip
    fields = {
        "title": {"type": "text", "title": both},
        "amount": {"type": "integer", "title": both, "min": "0", "max": "100"},
        "grade": {"type": "choice", "title": both, "options": dict.fromkeys(GRADES, both)},
        "keeper": {"type": "person", "title": both},
    }
    whole = {
        "id": "any-process", "title": both, "prefix": "ANY", "owner": "QM", "governed_by": "PRO-1", "retention": "R-QMS",
        "fields": fields,
        "evidence": {slot: {"title": both, "types": ["png"], "many": "true"} for slot in SLOTS},
        "states": {name: {"title": both, "kind": kind} for name, kind in zip(STATES, KINDS, strict=True)},
        "opening": {"title": both, "by": list(ROLES), "asks": ["title"]},
        "steps": steps,
    }  # fmt: skip
    return json.dumps(whole)


def people(given_: dict[str, set[str]], lent: list[tuple[str, str]]) -> dict[str, Who]:
    roles = {name: frozenset(given_.get(name, ())) for name in PEOPLE}
    # Nobody stands in for another in a role of their own.
    loans = {
        name: {(role, lender) for lender, to in lent if to == name and lender != to for role in roles[lender] - roles[name]}
        for name in PEOPLE
    }
    return {name: Who(name, roles[name], frozenset(loans[name])) for name in PEOPLE}


def as_actor(who: Who) -> Actor:
    lent = frozenset((role, OWN, lender) for role, lender in who.lent)
    held = frozenset((role, OWN) for role in (*who.roles, "WORKER"))
    return Actor(who.name, who.name, "en", held | {(role, where) for role, where, _ in lent}, frozenset(), "staff", "web", OWN, lent)


@given(spec=specs, worn=hats, lent=loans, plan=st.lists(acts, min_size=6, max_size=16))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_the_engine_and_the_model_agree(
    store: Database, spec: Spec, worn: dict[str, set[str]], lent: list[tuple[str, str]], plan: list[Any]
) -> None:
    for name, step in spec["steps"].items():
        step["apart_from"] = [other for other in step["apart_from"] if other != name]
    cast = people(worn, lent)
    engine = engine_for(store)
    with store.writing() as tx:
        settle(tx)
        put_in_force(tx, written(spec).encode(), "any.yaml", KEEPER)
    opener = next(who for who in cast.values() if who.roles)
    with store.writing() as tx:
        number = str(
            open_case(tx, engine, "any-process", as_actor(opener), fields={"title": "Any"}, key=f"open {trail.size(tx.connection)}").case
        )
    model = Model(spec, "A", persons={"opening": {opener.name}}, times={"opening": 1})
    for turn, act in enumerate(plan):
        who, step = cast[act["who"]], spec["steps"][act["step"]]
        with store.reading() as connection:
            case = show(connection, engine, number, as_actor(who))
            open_ = {offer.step.name: offer.open for offer in offers(connection, engine, case, as_actor(who))}
        assert open_ == model.open_to(who)
        # Three acts of four fill in what the step offers and no more, so that cases get on.
        exact = act["exact"] > 0
        form = {key: value for key, value in act["form"].items() if key in step["asks"] or not exact}
        files = {slot for slot in act["files"] if slot in step["evidence"] or not exact} | ({*step["evidence"]} if exact else set())
        comment = act["comment"] or ("Detto." if exact and step["comment"] else None)
        version = model.version - 1 if act["stale"] == 0 else model.version
        proof = Proof(who.name, store.clock()) if act["signed"] or exact else None

        def take(tx: Any) -> Any:
            return take_step(
                tx, engine, number, act["step"], as_actor(who), version=version, fields=form, comment=comment, proof=proof,  # noqa: B023
                evidence=[file_of(f"{number} {turn} {slot}", slot) for slot in sorted(files)], key=f"{number} {turn}",  # noqa: B023
            )  # fmt: skip

        expected = model.take(act["step"], who, version, form, files, comment, proof is not None)
        entries = count(store, number)
        try:
            with store.writing() as tx:
                receipt = take(tx)
            codes: set[str] = set()
        except Refused as refused:
            codes = {reason.code for reason in refused.reasons}
        event("taken" if not codes else "refused")
        assert codes == expected, (act, who)
        assert count(store, number) == entries + (not codes)
        if codes:
            continue
        assert (receipt.state, receipt.version) == (model.state, model.version)
        if act["again"] == 0:
            with store.writing() as tx:
                assert take(tx).repeated
            assert count(store, number) == entries + 1
    judge(store, engine, number, spec)


def settle(tx: Transaction) -> None:
    """The house and its people, once in each database."""
    if tx.connection.execute(person_table.select()).first() is None:
        house = {"kind": "consortium", "tax_code": None}
        tx.connection.execute(insert(organisation_table), {"id": OWN, "name": OWN, **house})
        more = {"language": "it", "kind": "staff", "created_at": "2026-01-01T00:00:00.000Z"}
        tx.connection.execute(insert(person_table), [{"id": name, "name": name, "email": name, **more} for name in PEOPLE])


def count(store: Database, number: str) -> int:
    with store.reading() as connection:
        return len(trail.entries(connection, case=number, limit=100))


def judge(store: Database, engine: Any, number: str, spec: Spec) -> None:
    """From the sealed entries alone: nobody took a step after one that it is to be kept apart from; and the tables are what they tell."""
    done: dict[str, set[str]] = {}
    with store.reading() as connection:
        for entry in sorted(trail.entries(connection, case=number, limit=100), key=lambda entry: entry.position):
            step, by = entry.said["case"]["step"], entry.said["by"]
            names = {by["person"], *([by["on_behalf"]] if by["on_behalf"] else [])}
            for other in spec["steps"].get(step, {"apart_from": []})["apart_from"]:
                assert not names & done.get(other, set())
            if entry.said["event"] != AGREED_TO:
                done.setdefault(step, set()).update(names)
        assert [check for check in compare(connection, engine) if not check.passed] == []
