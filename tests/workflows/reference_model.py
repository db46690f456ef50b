"""What the grammar's reference says of steps, told again without the engine: why somebody may not take one, and where it leads."""

from collections.abc import Collection
from typing import Any

from tests.workflows.random_definitions import BAD, NEW, NUMBERS, OWN, Form, Person, Rule, Step, World

COMPARE = {"<": int.__lt__, "<=": int.__le__, "==": int.__eq__, "!=": int.__ne__, ">=": int.__ge__, ">": int.__gt__}


def value(rule: Rule, fields: dict[str, Any], taken: Collection[str]) -> Any:
    """True, False, or None where it is not known."""
    kind, *rest = rule
    if kind in ("or", "and"):
        found, wins = {value(one, fields, taken) for one in rest}, kind == "or"
        return wins if wins in found else None if None in found else not wins
    if kind == "not":
        inner = value(rest[0], fields, taken)
        return None if inner is None else not inner
    if kind in ("taken", "filled"):
        return rest[0] in (taken if kind == "taken" else fields)
    left, right = (fields.get(one) if isinstance(one, str) else one for one in rest)
    return None if left is None or right is None else COMPARE[kind](left, right)


def reads(rule: Rule) -> set[str]:
    """The fields that a rule looks at."""
    if rule[0] in ("or", "and", "not"):
        return set().union(*(reads(one) for one in rule[1:]))
    return set() if rule[0] == "taken" else {one for one in rule[1:] if isinstance(one, str)}


def within(name: str, given: object) -> bool:
    return not isinstance(given, int) or NUMBERS[name][0] <= given <= NUMBERS[name][1]


class Model:
    """One case. ``agreed``: of a step that several must take, for whom each of them did so far."""

    def __init__(self, world: World, opener: Person, form: Form) -> None:
        self.state, self.version, self.slots = next(iter(world.states)), 0, set[str]()
        self.fields, self.taken = dict[str, Any](), dict[str, set[str]]()
        self.agreed: dict[str, list[set[str]]] = {}
        self.take(opener, world.opening, form)

    def filled(self, step: Step, form: Form) -> tuple[dict[str, Any], list[str]]:
        """The fields after the form, and what is wrong with it."""
        wrong = {name for name, given in form.fields.items() if given == BAD or not within(name, given)}
        sent = {name: None if name in wrong or given == () else given for name, given in form.fields.items() if name in step.asks}
        after = {name: given for name, given in {**self.fields, **sent}.items() if given is not None}
        unread = wrong & step.asks.keys()
        lacking = {name for name, demanded in step.asks.items() if demanded} - after.keys() - unread
        codes = {"FIELD_UNKNOWN": form.fields.keys() - step.asks.keys(), "FIELD_INVALID": unread, "FIELD_REQUIRED": lacking}
        return after, [f"{code}:{name}" for code, names in codes.items() for name in names]

    def standing(self, who: Person, step: Step, fields: dict[str, Any], beyond: Collection[str] = ()) -> list[str]:
        """What speaks against the step, but for what hangs on the fields ``beyond``."""
        found = [] if self.state in step.sources else [f"STATE:{step.name}"]
        if not any((role, OWN) in who.held for role in step.by):
            found.append("ORGANISATION" if {role for role, _ in who.held} & {*step.by} else f"ROLE:{','.join(step.by)}")
        before = [self.taken.get(name, set()).union(*self.agreed.get(name, ())) for name in step.apart_from]
        named = [fields.get(name, ()) for name in step.not_in if name not in beyond]
        if any(who.as_one & set([others] if isinstance(others, str) else others) for others in [*before, *named]):
            found.append(f"SOD:{step.name}_apart")
        if step.quorum is not None and step.quorum[0] not in beyond:
            found += self.quorum(who, step, *step.quorum, fields)
        rules = {code: rule for code, rule in step.guards.items() if not reads(rule) & {*beyond}}
        return found + [f"GUARD:{code}" for code, rule in rules.items() if value(rule, fields, self.taken) is not True]

    def quorum(self, who: Person, step: Step, source: str | None, count: int | None, in_order: bool, fields: dict[str, Any]) -> list[str]:
        agreed = set[str]().union(*self.agreed.get(step.name, ()))
        named = list(dict.fromkeys(fields.get(source or "", ())))
        if who.as_one & agreed:
            return ["QUORUM:already"]
        if source is not None and (who.id not in named or len(named) < (count or 1)):
            return ["QUORUM:too_few" if who.id in named else "QUORUM:not_named"]
        return ["QUORUM:turn"] if in_order and next(one for one in named if one not in agreed) != who.id else []

    def refused(self, who: Person, step: Step, form: Form, version: int) -> list[str]:
        after, found = self.filled(step, form)
        found += self.standing(who, step, after) + (["STALE"] if version != self.version else [])
        lacking = {name for name, demanded in step.slots.items() if demanded} - {*form.slots}
        former = {name for name in lacking & self.slots if step.slots[name] == NEW and not self.agreed.get(step.name)}
        codes = {"EVIDENCE_UNKNOWN": {*form.slots} - step.slots.keys(), "EVIDENCE_NEW": former, "EVIDENCE_MISSING": lacking - self.slots}
        found += [f"{code}:{name}" for code, names in codes.items() for name in names] + (
            ["COMMENT_REQUIRED"] if step.comment and not form.comment else []
        )
        found += [f"SIGNATURE:{form.signature or 'required'}"] if step.sign and form.signature != "fresh" else []
        altered = self.agreed.get(step.name) and (after != self.fields or form.slots)
        return sorted(found + (["QUORUM:altered"] if altered else []))

    def take(self, who: Person, step: Step, form: Form) -> None:
        """The step is taken, against which nothing speaks."""
        self.fields, _ = self.filled(step, form)
        self.slots, self.version = self.slots | {*form.slots}, self.version + 1
        persons = {who.id} if any((role, OWN) in who.own for role in step.by) else {*who.as_one}
        self.agreed = {step.name: [*self.agreed.get(step.name, ()), persons]}
        source, count, _ = step.quorum or (None, 1, False)
        if len(self.agreed[step.name]) < (count or len(set(self.fields.get(source or "", ())))):
            return
        self.state = next((state for rule, state in step.branches if value(rule, self.fields, self.taken)), step.target or self.state)
        self.fields = {name: given for name, given in self.fields.items() if name not in step.clears}
        self.taken[step.name] = self.taken.get(step.name, set()).union(*self.agreed.pop(step.name))
