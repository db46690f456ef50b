"""Random processes, random people, random tries: the engine and a second telling of the grammar agree on every one of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from qms.errors import NotFound, Refused
from qms.people import delegation, directory
from qms.people.actor import Actor
from qms.people.directory import hat_held, person_table
from qms.people.hats import Hat, Hats
from qms.people.signature import Proof
from qms.records import trail
from qms.workflows.case import compare, offers, put_in_force, show
from qms.workflows.check import check_sources
from tests.workflows.random_definitions import HATS, NAMES, OPENING, OWN, Form, Person, World, definition, forms, worlds
from tests.workflows.reference_model import Model
from tests.workflows.samples import KEEPER, Bench, file_of

WORN = Hats({}, {hat: Hat(hat, {}, (hat,), "staff") for hat in HATS}, OWN)
TRIES = 14
EXAMPLES = {True: 100, False: 25}
"""How many processes, on SQLite and elsewhere."""
FIELDS = frozenset({"amount", "other", "who", "panel"})


@dataclass
class Run:
    """One case of one world, and the model of it. ``done``: what was sent with each try that came through, by person and key."""

    bench: Bench
    world: World
    model: Model
    number: str
    never: frozenset[str] = frozenset()
    done: dict[tuple[str, str], tuple[Any, ...]] = field(default_factory=dict)

    def actor(self, who: Person) -> Actor:
        with self.bench.store.reading() as connection:
            return directory.actor(connection, who.id, WORN, "web", self.bench.store.clock())


@pytest.fixture
def town(bench: Bench) -> Bench:
    """A house with the people of the random worlds in it."""
    rows = [{"id": name, "name": name, "email": name, "language": "it", "kind": "staff", "created_at": "2026-01-01"} for name in NAMES]
    with bench.store.writing() as tx:
        tx.connection.execute(insert(person_table), rows)
    return bench


def settle_in(bench: Bench, world: World) -> frozenset[str]:
    """Give everybody the hats of this world, and its process its force. Returns the steps of which the check says that they can never be
    taken: rules drawn at random may shut each other out, and nothing else may be wrong."""
    source = definition(world).encode()
    found = check_sources({"w.yaml": source}, "small")
    assert {problem.code for problem in found} <= {"workflow.guard_never", "workflow.guards_never", "workflow.branch_never"}
    now = bench.store.clock()
    with bench.store.writing() as tx:
        tx.connection.execute(delete(hat_held))
        tx.connection.execute(delete(delegation.delegation_table))
        for who in world.people:
            worn = sorted(one for one in who.own if one[0] in HATS)
            tx.connection.execute(insert(hat_held), [{"person": who.id, "organisation": where, "hat": hat} for hat, where in worn])
            for hat, where in who.lent if who.lender is not None else ():
                if hat in HATS:
                    ends = now + timedelta(days=-1 if who.over else 1)
                    delegation.give(tx, str(who.lender), who.id, hat, where, now - timedelta(days=2), ends)
        put_in_force(tx, source, "w.yaml", KEEPER)
    return frozenset(str(problem.values["step"]) for problem in found if problem.code != "workflow.branch_never")


def raw(form: Form) -> dict[str, object]:
    """The fields as they come from a page."""
    return {name: typed(given) for name, given in form.fields.items()}


def typed(given: Any) -> object:
    if isinstance(given, tuple):
        return [{"who": one} for one in given]
    return "" if given is None else str(given)


def sent(run: Run, who: Person, form: Form, version: int, key: str) -> dict[str, Any]:
    now = run.bench.store.clock()
    proofs = {"fresh": Proof(who.id, now), "expired": Proof(who.id, now - timedelta(minutes=2)), "required": Proof("keeper", now)}
    return {
        "fields": raw(form),
        "evidence": [file_of(f"{run.number} {key} {slot}", slot) for slot in form.slots],
        "comment": "Visto" if form.comment else "  ",
        "proof": proofs.get(form.signature or ""),
        "version": version,
        "key": key,
    }


def known(run: Run, who: Person) -> dict[str, list[str]] | None:
    """What the case page offers, each with what is known against it; None when the case is not for these eyes."""
    by = run.actor(who)
    with run.bench.store.reading() as connection:
        try:
            case = show(connection, run.bench.engine, run.number, by)
        except NotFound:
            return None
        found = offers(connection, run.bench.engine, case, by)
    assert all(one.open is not bool(one.reasons) for one in found)
    return {one.step.name: sorted(reason.code for reason in one.reasons) for one in found}


def sees(who: Person) -> bool:
    """Whether the case is for these eyes: it belongs to the house."""
    return any(where == OWN for _, where in who.held)


def expected(run: Run, who: Person) -> dict[str, list[str]] | None:
    model = run.model
    if not sees(who):
        return None
    here = [step for step in run.world.steps.values() if model.state in step.sources]
    return {step.name: sorted(model.standing(who, step, model.fields, step.asks)) for step in here}


def attempt(run: Run, who: Person, name: str, form: Form, version: int, key: str) -> None:
    """One try by both: refused with the same codes, or taken to the same state; what was sent before under this key is one act."""
    model, step, by = run.model, run.world.steps[name], run.actor(who)
    before, asked = run.done.get((who.id, key)), (name, form, version)
    same = before is not None and before == (name, replace(form, signature=before[1].signature), version)  # how one signs is no part of it
    wrong = [] if same else ["KEY_REUSED"] if before else model.refused(who, step, form, version)
    try:
        receipt = run.bench.step(run.number, name, by, **sent(run, who, form, version, key))
    except NotFound:
        assert not sees(who)
        return
    except Refused as error:
        assert sorted(error.codes) == wrong
        event(f"refused: {error.codes[0].partition(':')[0]}")
        return
    assert (wrong, sees(who), receipt.repeated) == ([], True, before is not None)
    if before is None:
        assert name not in run.never
        model.take(who, step, form)
        run.done[who.id, key] = asked
        event("agreed" if model.agreed else "taken" if step.quorum is None else f"taken by {step.quorum[1]} of {step.quorum[0]}")
        with run.bench.store.reading() as connection:
            told = trail.entry(connection, receipt.position).event
        assert (receipt.state, receipt.version, told) == (model.state, model.version, "step-agreed" if model.agreed else "step-taken")


def stands(run: Run) -> None:
    """The case as it lies there is the model's."""
    with run.bench.store.reading() as connection:
        case = show(connection, run.bench.engine, run.number, KEEPER)
    found = {name: tuple(row["who"] for row in one) if name == "panel" else one for name, one in case.fields.items() if name != "title"}
    assert (case.state, case.version, found) == (run.model.state, run.model.version, run.model.fields)
    assert {one.slot for one in case.evidence} == run.model.slots


def act(run: Run, data: st.DataObject, turn: int) -> None:
    """Somebody looks at the case and tries something: mostly what they may, or what came through before, again."""
    world, model = run.world, run.model
    pairs = [(who, name) for who in world.people for name in world.steps]
    promising = [pair for pair in pairs if model.standing(pair[0], world.steps[pair[1]], model.fields, FIELDS) == []]
    promising = [pair for pair in promising if pair[1] in model.agreed and data.draw(st.booleans())] or promising
    likely = bool(promising) and data.draw(st.integers(0, 3)) > 0
    who, name = data.draw(st.sampled_from(promising if likely else pairs))
    assert known(run, who) == expected(run, who)
    careful = forms(world.steps[name], True, world.people) if name not in model.agreed else st.just(Form({}, (), True, "fresh"))
    form = data.draw(careful if likely and data.draw(st.integers(0, 3)) > 0 else forms(world.steps[name], False, world.people))
    version = model.version + data.draw(st.sampled_from([0] * 8 + [-1, 1]))
    key = f"{run.number}-{turn}"
    if run.done and data.draw(st.integers(0, 5)) == 0:
        (person, key), again = data.draw(st.sampled_from(sorted(run.done.items(), key=lambda one: one[0])))
        who = next(one for one in world.people if one.id == person)
        name, form, version = again if data.draw(st.booleans()) else (name, form, version)
    attempt(run, who, name, form, version, key)


def test_the_engine_does_what_the_grammar_says(town: Bench) -> None:
    @settings(max_examples=EXAMPLES[town.store.is_sqlite], deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(data=st.data())
    def agree(data: st.DataObject) -> None:
        live_through(town, data)

    agree()


def live_through(bench: Bench, data: st.DataObject) -> None:
    """One process, one case of it, and what people try with it."""
    world = data.draw(worlds())
    never = settle_in(bench, world)
    opener = data.draw(st.sampled_from([who for who in world.people if sees(who)]))
    form = data.draw(forms(world.opening, True, world.people))
    run = Run(bench, world, Model(world, opener, form), "", never)
    run.number = bench.open(run.actor(opener), "random-process", fields={"title": "x", **raw(form)})
    for turn in range(data.draw(st.integers(4, TRIES))):
        act(run, data, turn)
        stands(run)
    with bench.store.reading() as connection:
        told = trail.entries(connection, case=run.number, limit=100)
        assert [check for check in compare(connection, bench.engine) if not check.passed] == []
    duties_were_apart(world, [entry.said for entry in reversed(told)])


def duties_were_apart(world: World, told: list[Mapping[str, Any]]) -> None:
    """From the sealed entries alone: nobody, and nobody for whom they stood, took a step that is kept apart from one they had taken; and as
    many different persons took a step as it needs."""
    acts: list[tuple[str, set[str]]] = []
    pending: list[tuple[str, set[str]]] = []
    people, fields = {who.id: who for who in world.people}, dict[str, Any]()
    for said in told:
        name, who = said["case"]["step"], people[said["by"]["person"]]
        persons = {who.id, *([said["what"]["for"]] if said["what"].get("for") else [])}
        fields |= {field: new for field, (_, new) in said["fields"].items() if name == OPENING or field in world.steps[name].asks}
        pending = [one for one in pending if one[0] == name]
        if name != OPENING:
            step = world.steps[name]
            earlier = [done for other, done in [*acts, *pending] if other in step.apart_from]
            earlier += [
                {fields[field]} if field == "who" else {row["who"] for row in fields[field]} for field in step.not_in if fields.get(field)
            ]
            assert not any((who.as_one | persons) & done for done in earlier)
            assert not any((who.as_one | persons) & done for _, done in pending)
        fields |= {field: new for field, (_, new) in said["fields"].items()}
        pending.append((name, persons))
        if said["event"] != "step-agreed":
            quorum = world.steps[name].quorum if name != OPENING else None
            assert len(pending) == 1 if quorum is None else len(pending) == (quorum[1] or len({row["who"] for row in fields["panel"]}))
            acts, pending = acts + pending, []
