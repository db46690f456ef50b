"""How cases go, told a second time in as few words as possible, from the grammar's documentation and not from the engine.

A definition is the plain mapping that is also written as YAML; rules are pairs of their text and a function that gives True, False or None.
"""

from dataclasses import dataclass, field
from typing import Any

GRADES = ("LOW", "MID", "HIGH")
Spec = dict[str, Any]


@dataclass
class Who:
    """A person: roles of their own, and roles lent by others."""

    name: str
    roles: frozenset[str]
    lent: frozenset[tuple[str, str]] = frozenset()

    def acts_as(self, by: list[str]) -> tuple[str, str | None] | None:
        """The role this person takes a step in, and for whom; what is one's own comes first."""
        own = [(role, None) for role in by if role in self.roles]
        borrowed = [(role, min(who for code, who in self.lent if code == role)) for role in by if role in {code for code, _ in self.lent}]
        return next(iter([*own, *borrowed]), None)

    @property
    def same(self) -> set[str]:
        return {self.name, *(who for _, who in self.lent)}


@dataclass
class Model:
    """One case: where it stands, what it knows, who took what and how often, who agreed so far to a step that wants several."""

    spec: Spec
    state: str
    version: int = 1
    fields: dict[str, Any] = field(default_factory=dict)
    slots: set[str] = field(default_factory=set)
    persons: dict[str, set[str]] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    agreed: dict[str, list[str]] = field(default_factory=dict)
    comment: str | None = None

    def open_to(self, who: Who) -> dict[str, bool]:
        """The steps that lead on from here → whether nothing is known against them before a form is filled in."""
        return {name: not self._before(name, step, who) for name, step in self.spec["steps"].items() if self.state in step["from"]}

    def _before(self, name: str, step: Spec, who: Who) -> set[str]:
        asked, offered = set(step["asks"]), set(step["evidence"])
        settled = [rule for rule in step["guards"] if not rule.fields & {*asked, "comment"} and not rule.slots & offered]
        self.comment = None
        return self._of_person(name, step, who) | {f"GUARD:{rule.code}" for rule in settled if rule.holds(self) is not True}

    def _of_person(self, name: str, step: Spec, who: Who) -> set[str]:
        found = set() if who.acts_as(step["by"]) else {f"ROLE:{','.join(step['by'])}"}
        taken = {person for other in step["apart_from"] for person in self.persons.get(other, set()) | set(self.agreed.get(other, []))}
        if who.same & taken or (step["not_in"] and self.fields.get("keeper") in who.same):
            found.add(f"SOD:{name}_apart")
        if step["quorum"] and who.same & set(self.agreed.get(name, [])):
            found.add("QUORUM:already")
        return found

    def take(self, name: str, who: Who, version: int, form: dict[str, str], files: set[str], comment: str | None, signed: bool) -> set[str]:
        """The codes of every refusal; none when the step is taken."""
        step, codes = self.spec["steps"][name], set()
        before = (dict(self.fields), set(self.slots))
        codes |= {f"FIELD_UNKNOWN:{key}" for key in form if key not in step["asks"]}
        for key in form.keys() & step["asks"].keys():
            self.fields[key], wrong = read(key, form[key])
            codes |= {f"FIELD_INVALID:{key}"} if wrong else set()
        missing = {key for key, needed in step["asks"].items() if needed and self.fields.get(key) is None}
        codes |= {f"FIELD_REQUIRED:{key}" for key in missing if f"FIELD_INVALID:{key}" not in codes}
        codes |= {f"EVIDENCE_MISSING:{slot}" for slot, needed in step["evidence"].items() if needed and slot not in self.slots | files}
        codes |= {f"EVIDENCE_UNKNOWN:{slot}" for slot in files - step["evidence"].keys()}
        altered = bool(files) or any(self.fields.get(key) != before[0].get(key) for key in self.fields)
        self.slots, self.comment = self.slots | files, comment
        codes |= {"STALE"} if version != self.version else set()
        codes |= {f"STATE:{name}"} if self.state not in step["from"] else set()
        codes |= {"COMMENT_REQUIRED"} if step["comment"] and comment is None else set()
        codes |= {"SIGNATURE:required"} if step["sign"] and not signed else set()
        codes |= {"QUORUM:altered"} if step["quorum"] and self.agreed.get(name) and altered else set()
        codes |= self._of_person(name, step, who) | {f"GUARD:{rule.code}" for rule in step["guards"] if rule.holds(self) is not True}
        if codes:
            self.fields, self.slots = before
            return codes
        self._go(name, step, who)
        return set()

    def _go(self, name: str, step: Spec, who: Who) -> None:
        _, lender = who.acts_as(step["by"]) or ("", None)
        names, sofar = [who.name, *([lender] if lender else [])], self.agreed.get(name, [])
        self.version += 1
        if step["quorum"] and len({*sofar, who.name}) < step["quorum"]:
            self.agreed[name] = [*sofar, *names]
            return
        here = next((state for rule, state in step["branches"] if rule.holds(self) is True), step["to"])
        self.persons.setdefault(name, set()).update(names, sofar)
        self.times[name] = self.times.get(name, 0) + 1
        self.agreed = {}
        self.state = here or self.state


def read(key: str, typed: str) -> tuple[Any, bool]:
    """What was typed as a value, and whether it is none."""
    if typed == "":
        return None, False
    if key == "amount":
        return (int(typed), False) if typed.isdigit() and int(typed) <= 100 else (None, True)
    if key == "grade":
        return (typed, False) if typed in GRADES else (None, True)
    return typed, False
