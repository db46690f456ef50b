"""Small processes and houses that nobody thought of: drawn at random, sound by construction, written down as people would."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

OWN, OTHER, BAD, OPENING, NEW = "own-house", "other-house", "§", "opening", "new"
HATS = ("QM", "COM", "TECH", "TOP")
ROLES = (*HATS, "WORKER")
NUMBERS = {"amount": (1, 8), "other": (0, 9)}
NAMES = ("p0", "p1", "p2", "p3", "p4", "p5")
SLOTS = ("PHOTO", "BILL")
WORDS = {"it": "x", "en": "x"}
Rule = tuple[Any, ...]
"""("or", rule, rule), ("and", …), ("not", rule), ("taken", step), ("filled", field) or (comparison, field or number, field or number)."""


@dataclass(frozen=True)
class Person:
    """``lent``: what this person holds for ``lender``, who is away. ``over``: that was so until yesterday."""

    id: str
    own: frozenset[tuple[str, str]]
    lent: frozenset[tuple[str, str]] = frozenset()
    lender: str | None = None
    over: bool = False

    @property
    def held(self) -> frozenset[tuple[str, str]]:
        return self.own if self.over else self.own | self.lent

    @property
    def as_one(self) -> frozenset[str]:
        """Who counts as this person where duties are kept apart."""
        return frozenset({self.id} if self.lender is None or self.over else {self.id, self.lender})


@dataclass(frozen=True)
class Step:
    """``asks`` and ``slots``: whether each is demanded, of a slot also ``NEW``. ``quorum``: the field that names who, how many, in what
    order."""

    name: str
    by: tuple[str, ...]
    sources: tuple[str, ...] = ()
    branches: tuple[tuple[Rule, str], ...] = ()
    target: str | None = None
    asks: dict[str, bool] = field(default_factory=dict)
    slots: dict[str, bool | str] = field(default_factory=dict)
    guards: dict[str, Rule] = field(default_factory=dict)
    apart_from: tuple[str, ...] = ()
    not_in: tuple[str, ...] = ()
    clears: tuple[str, ...] = ()
    comment: bool = False
    sign: bool = False
    quorum: tuple[str | None, int | None, bool] | None = None


@dataclass(frozen=True)
class Form:
    """What somebody sends. ``signature``: ``fresh``, the code of what is wrong with it, or None. None among the fields empties one."""

    fields: dict[str, Any] = field(default_factory=dict)
    slots: tuple[str, ...] = ()
    comment: bool = False
    signature: str | None = None


@dataclass(frozen=True)
class World:
    """A process and the people of a house."""

    states: dict[str, str]
    opening: Step
    steps: dict[str, Step]
    people: tuple[Person, ...]


places = st.sampled_from([OWN, OWN, OWN, OTHER])


@st.composite
def persons(draw: st.DrawFn) -> tuple[Person, ...]:
    """Three to six, the first at home in the house itself; some stand in for another, or did."""
    hats: list[set[tuple[str, str]]] = []
    for place in range(draw(st.integers(3, 6))):
        worn = draw(st.sets(st.tuples(st.sampled_from(HATS), places), min_size=1, max_size=2))
        hats.append(worn | ({(draw(st.sampled_from(HATS)), OWN)} if place == 0 else set()))
    found = []
    for place, worn in enumerate(hats):
        lender = draw(st.sampled_from([None, *(one for one in range(len(hats)) if one != place)]))
        if lender is None:
            found.append(Person(NAMES[place], unfold(worn)))
            continue
        lent = unfold({draw(st.sampled_from(sorted(hats[lender])))})
        found.append(Person(NAMES[place], unfold(worn), lent, NAMES[lender], draw(st.sampled_from([False, False, True]))))
    return tuple(found)


def unfold(hats: set[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    """Whoever wears a hat anywhere works there."""
    return frozenset(hats | {("WORKER", where) for _, where in hats})


def rules(steps: list[str]) -> st.SearchStrategy[Rule]:
    operands = st.sampled_from([*NUMBERS]) | st.integers(0, 9)
    compared = st.tuples(st.sampled_from(["<", "<=", "==", "!=", ">=", ">"]), st.sampled_from([*NUMBERS]), operands)
    taken = st.tuples(st.just("taken"), st.sampled_from(steps))
    filled = st.tuples(st.just("filled"), st.sampled_from([*NUMBERS, "who"]))
    plain = compared | taken | filled
    joined = st.tuples(st.sampled_from(["or", "and"]), plain, plain)
    return st.one_of(plain, joined, st.tuples(st.just("not"), plain | joined))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """States in a row, a step from each to the next, and further steps from anywhere to anywhere: all are reached and left."""
    names = [f"S{n}" for n in range(draw(st.integers(2, 6)))]
    kinds = {name: draw(st.sampled_from(["normal", "normal", "settled"])) for name in names[1:-1]}
    states = {names[0]: "initial", **kinds, names[-1]: draw(st.sampled_from(["final", "settled"]))}
    left = [name for name, kind in states.items() if kind != "final"]
    count = draw(st.integers(max(2, len(names) - 1), 6))
    steps = [f"step_{n}" for n in range(count)]
    found = {}
    for n, name in enumerate(steps):
        on_the_row = n < len(names) - 1
        sources = (names[n],) if on_the_row else tuple(sorted(draw(st.sets(st.sampled_from(left), min_size=1, max_size=3))))
        target = names[n + 1] if on_the_row else draw(st.none() | st.sampled_from(names))
        found[name] = draw(a_step(name, sources, target, names, steps))
    asks = dict.fromkeys(["amount", "other", "who", "panel"], False)
    return World(states, Step(OPENING, ("WORKER",), asks=asks), found, draw(persons()))


@st.composite
def a_step(draw: st.DrawFn, name: str, sources: tuple[str, ...], target: str | None, states: list[str], steps: list[str]) -> Step:
    others = [OPENING, *(step for step in steps if step != name)]
    quorums = st.sampled_from([None, None, None, (None, 2), (None, 3), (None, 3), ("panel", None), ("panel", 2)])
    quorum = draw(quorums)
    branches = st.lists(st.tuples(rules(steps), st.sampled_from(states)), max_size=2).map(tuple) if target else st.just(())
    return Step(
        name,
        tuple(draw(st.lists(st.sampled_from(ROLES), min_size=1, max_size=4, unique=True))),
        sources,
        draw(branches),
        target,
        draw(st.dictionaries(st.sampled_from([*NUMBERS, "who", "panel"]), st.booleans(), max_size=2)),
        draw(st.dictionaries(st.sampled_from(SLOTS), st.sampled_from([True, False, NEW]), max_size=1)),
        draw(st.dictionaries(st.sampled_from(["rule_a", "rule_b"]), rules(steps), max_size=1)),
        tuple(draw(st.lists(st.sampled_from(others), max_size=2, unique=True))),
        tuple(draw(st.lists(st.sampled_from(["who", "panel"]), max_size=1))),
        tuple(draw(st.lists(st.sampled_from([*NUMBERS]), max_size=1))),
        draw(st.booleans()),
        draw(st.booleans()),
        None if quorum is None else (*quorum, quorum[0] is not None and draw(st.booleans())),
    )


def forms(step: Step, careful: bool, people: tuple[Person, ...]) -> st.SearchStrategy[Form]:
    """What a careful person sends, or anybody."""
    ids = [person.id for person in people]
    good: dict[str, st.SearchStrategy[Any]] = {name: st.integers(low, high) for name, (low, high) in NUMBERS.items()}
    good |= {"who": st.sampled_from(ids), "panel": st.lists(st.sampled_from(ids), min_size=1, max_size=4).map(tuple)}
    if careful:
        asked = st.fixed_dictionaries(
            {name: good[name] for name, demanded in step.asks.items() if demanded},
            optional={name: good[name] for name, demanded in step.asks.items() if not demanded},
        )
        return st.builds(
            Form, asked, st.just(tuple(name for name, demanded in step.slots.items() if demanded)), st.just(True), st.just("fresh")
        )
    wild = {name: good[name] | st.none() | (st.just(()) if name == "panel" else st.just(BAD)) for name in good}
    wild |= {name: wild[name] | st.integers(-2, 11) for name in NUMBERS}
    some = st.fixed_dictionaries({}, optional=wild)
    files = st.lists(st.sampled_from(SLOTS), max_size=2, unique=True).map(tuple)
    return st.builds(Form, some, files, st.booleans(), st.sampled_from([None, "required", "expired", "fresh"]))


def written(rule: Rule) -> str:
    """A rule as an expression."""
    kind, *rest = rule
    if kind in ("or", "and"):
        return f"({f' {kind} '.join(map(written, rest))})"
    if kind == "not":
        return f"not ({written(rest[0])})"
    if kind in ("taken", "filled"):
        return f"taken('{rest[0]}')" if kind == "taken" else f"filled({rest[0]})"
    return f"{rest[0]} {kind} {rest[1]}"


def wanted(asked: Mapping[str, bool | str]) -> list[str]:
    return [f"{name}!" if demanded == NEW else name if demanded else f"{name}?" for name, demanded in asked.items()]


def definition(world: World) -> str:
    """The process as its file: JSON is YAML too."""
    numbers = {name: {"type": "integer", "title": WORDS, "min": str(low), "max": str(high)} for name, (low, high) in NUMBERS.items()}
    person = {"type": "person", "title": WORDS}
    used = {slot for step in world.steps.values() for slot in step.slots}
    return json.dumps(
        {
            "id": "random-process", "title": WORDS, "prefix": "RND", "owner": "QM", "governed_by": "PRO-1", "retention": "R-QMS",
            "fields": {
                "title": {"type": "text", "title": WORDS}, **numbers, "who": person,
                "panel": {"type": "table", "title": WORDS, "columns": {"who": {**person, "required": "true"}}},
            },
            **({"evidence": {slot: {"title": WORDS, "types": ["png"], "many": "true"} for slot in sorted(used)}} if used else {}),
            "states": {name: {"title": WORDS, "kind": kind} for name, kind in world.states.items()},
            "opening": {"title": WORDS, "by": list(world.opening.by), "asks": ["title", *wanted(world.opening.asks)]},
            "steps": {name: step_written(step) for name, step in world.steps.items()},
        },
        ensure_ascii=False,
    )  # fmt: skip


def step_written(step: Step) -> dict[str, Any]:
    branches = [{"when": written(rule), "state": state} for rule, state in step.branches]
    found: dict[str, Any] = {
        "title": WORDS,
        "from": list(step.sources),
        "to": [*branches, step.target] if branches else step.target,
        "by": list(step.by),
        "asks": wanted(step.asks),
        "evidence": wanted(step.slots),
        "guards": [{"code": code, "that": written(rule), "message": WORDS} for code, rule in step.guards.items()],
        "apart_from": list(step.apart_from),
        "not_in": ["panel.who" if name == "panel" else name for name in step.not_in],
        "clears": list(step.clears),
        "comment": "required" if step.comment else "",
        "sign": WORDS if step.sign else None,
        "quorum": quorum_written(*step.quorum) if step.quorum else None,
    }
    return {key: value for key, value in found.items() if value}


def quorum_written(named: str | None, count: int | None, in_order: bool) -> dict[str, str]:
    said = {"of": f"{named}.who" if named else "", "count": str(count or ""), "order": "listed" if in_order else ""}
    return {key: value for key, value in said.items() if value}
