"""Renames everything that the authors of the shipped workflows named: workflow, prefix, fields, columns, options, evidence, states, steps,
guards, timers, links, records.

What stays is the language's own: the field ``title``, roles, figures, kinds of code, and the words that a notice itself uses.
"""

import ast
import json
from collections.abc import Callable, Mapping
from typing import Any

from ruamel.yaml import YAML

OPENING, TITLE = "opening", "title"
TAKES_STEPS = ("taken", "took", "times", "last", "same_text_as")
TAKES_OTHER_WORDS = ("holds", "valid")
Rename = Callable[[str], str]


def low(name: str) -> str:
    """A field, step, guard, timer or link under its new name."""
    return name if name in (OPENING, TITLE) else f"z{name}"


def high(name: str) -> str:
    """A state, slot, option or record under its new name."""
    return f"Z{name}"


def workflow(name: str) -> str:
    return f"z-{name}"


def number(name: str) -> str:
    """A case's number or prefix under the new prefix."""
    return name if name.startswith("Z") else f"Z{name}"


class Renamer:
    """The workflows of one folder, renamed together: they name each other's states and fields."""

    def __init__(self, sources: Mapping[str, bytes]) -> None:
        self.files: dict[str, Any] = {name: YAML(typ="safe", pure=True).load(source) for name, source in sources.items()}
        fields = [field for file in self.files.values() for field in file["fields"].values()]
        columns = [column for field in fields for column in field.get("columns", {}).values()]
        options = [(one.get("source"), name) for one in (*fields, *columns) for name in one.get("options", {})]
        self.words_of_notices = {name for source, name in options if source}
        self.constants = {name for _, name in options} - self.words_of_notices
        self.constants |= {name for file in self.files.values() for name in (*file["states"], *file.get("evidence", {}))}

    def renamed(self, name: str) -> bytes:
        """The file ``name`` with every id renamed. JSON is YAML too."""
        return json.dumps(self._file(self.files[name]), ensure_ascii=False).encode()

    def option(self, name: str) -> str:
        return name if name in self.words_of_notices else high(name)

    def _file(self, file: dict[str, Any]) -> dict[str, Any]:
        parts: dict[str, tuple[Rename, Callable[[Any], Any]]] = {
            "fields": (low, self._field),
            "evidence": (high, lambda slot: slot),
            "states": (high, lambda state: state),
            "steps": (low, self._step),
            "timers": (low, self._timer),
            "scheduled": (low, self._schedule),
            "links": (low, self._link),
            "indicators": (low, self._indicator),
            "records": (high, lambda record: {**record, "steps": [low(one) for one in listed(record["steps"])]}),
        }
        made = {**file, "id": workflow(file["id"]), "prefix": number(file["prefix"]), "opening": self._step(file["opening"])}
        if "measures" in file:
            made["measures"] = {key: low(name) for key, name in file["measures"].items()}
        for key, (rename, change) in parts.items():
            if isinstance(file.get(key), dict):
                made[key] = {rename(name): change(one) for name, one in file[key].items()}
        return made

    def _field(self, field: dict[str, Any]) -> dict[str, Any]:
        made = dict(field)
        if "options" in field:
            made["options"] = {self.option(name): text for name, text in field["options"].items()}
            made |= {"default": self.option(field["default"])} if "default" in field else {}
        if "columns" in field:
            made["columns"] = {low(name): self._field(column) for name, column in field["columns"].items()}
        if "computed" in field:
            made["computed"] = self.rule(field["computed"])
        if "workflow" in field:
            made["workflow"] = workflow(field["workflow"])
        return made

    def _step(self, step: dict[str, Any]) -> dict[str, Any]:
        changes: dict[str, Callable[[Any], Any]] = {
            "from": lambda names: [high(one) for one in listed(names)],
            "to": high,
            "asks": lambda names: [low(one) for one in names],
            "evidence": lambda names: [high(one) for one in names],
            "clears": lambda names: [low(one) for one in names],
            "apart_from": lambda names: [low(one) for one in names],
            "not_in": lambda rules: [self.rule(one) for one in rules],
            "sod_code": low,
            "sets": lambda table: {low(name): self.rule(rule) for name, rule in table.items()},
            "guards": lambda guards: [self._guard(guard) for guard in guards],
            "effects": lambda effects: [self._effect(effect) for effect in effects],
        }
        return {key: changes[key](value) if key in changes else value for key, value in step.items()}

    def _guard(self, guard: dict[str, Any]) -> dict[str, Any]:
        return {**guard, "code": low(guard["code"]), **({"that": self.rule(guard["that"])} if "that" in guard else {})}

    def _effect(self, effect: Any) -> Any:
        if isinstance(effect, str) or "later" in effect:
            return effect
        ((name, told),) = effect.items()
        if name != "open-case":
            return {name: {argument: self.rule(rule) for argument, rule in told.items()}}
        fields = {low(field): self.rule(rule) for field, rule in told["fields"].items()}
        link = {"link": low(told["link"])} if "link" in told else {}
        return {name: {**told, "workflow": workflow(told["workflow"]), "fields": fields, **link}}

    def _link(self, link: dict[str, Any]) -> dict[str, Any]:
        read = {"reads": {low(name): kind for name, kind in link["reads"].items()}} if "reads" in link else {}
        again = {"reopened": {"step": low(link["reopened"]["step"])}} if isinstance(link.get("reopened"), dict) else {}
        return {**link, "workflow": workflow(link["workflow"]), **read, **again}

    def _timer(self, timer: dict[str, Any]) -> dict[str, Any]:
        ((kind, name),) = timer["start"].items()
        made = {**timer, "start": {kind: (high if kind == "state" else low)(name)}, "due": self.rule(timer["due"])}
        made |= {"warn": [self.rule(one) for one in listed(timer["warn"])]} if "warn" in timer else {}
        chain = [one if isinstance(one, str) else {**one, "after": self.rule(one["after"])} for one in listed(timer.get("escalate", []))]
        made |= {"escalate": chain} if "escalate" in timer else {}
        made |= {"until": [low(one) for one in listed(timer["until"])]} if "until" in timer else {}
        if isinstance(timer.get("on_due"), dict):
            made["on_due"] = {"step": low(timer["on_due"]["step"])}
        return made

    def _schedule(self, schedule: dict[str, Any]) -> dict[str, Any]:
        return {**schedule, "fields": {low(name): self.rule(rule) for name, rule in schedule["fields"].items()}}

    def _indicator(self, indicator: dict[str, Any]) -> dict[str, Any]:
        rules = ("value", "group", "at_least", "at_most", "alarm")
        return {key: self.rule(value) if key in rules else value for key, value in indicator.items()}

    def rule(self, written: Any) -> str:
        """An expression with every name in it renamed."""
        return ast.unparse(_Rule(self).visit(ast.parse(str(written), mode="eval")))


class _Rule(ast.NodeTransformer):
    OWN = frozenset(
        {"state", "happened_at", "recorded_at", "opened_at", "today", "comment", "actor", "figure", "links", "draft", "cases"}
        | {"True", "False"}
    )
    OF_LINKED = frozenset({"state", "is_closed", "number", "opened_at", "closed_at", "late"})

    def __init__(self, renamer: Renamer) -> None:
        self.renamer = renamer
        self.rows: dict[str, bool] = {}
        """Name of a loop → whether its rows are linked cases."""

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.AST:
        for loop in node.generators:
            if isinstance(loop.target, ast.Name):
                of_cases = isinstance(loop.iter, ast.Name) and loop.iter.id == "cases"
                self.rows[loop.target.id] = isinstance(loop.iter, ast.Attribute) or of_cases
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
        if name in TAKES_OTHER_WORDS:
            node.args = [node.args[0], *(self.visit(one) for one in node.args[1:])]
        elif name in TAKES_STEPS:
            node.args = [self._step(node.args[0])]
        elif name == "evidence_unchanged_since":
            node.args = [self._step(node.args[0]), *(self.visit(one) for one in node.args[1:])]
        else:
            node.args = [self.visit(one) for one in node.args]
        return node

    def _step(self, node: ast.expr) -> ast.expr:
        assert isinstance(node, ast.Constant)
        return ast.Constant(low(str(node.value)))

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name):
            base = node.value.id
            if base == "links" or (base in self.rows and not (self.rows[base] and node.attr in self.OF_LINKED)):
                node.attr = low(node.attr)
            elif base not in self.rows and base not in self.OWN:
                node.value.id, node.attr = low(base), low(node.attr)
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id not in self.OWN and node.id not in self.rows:
            node.id = low(node.id)
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        about = ast.unparse(node.left)
        late = node.comparators[0]
        if isinstance(late, ast.Attribute) and late.attr == "late" and isinstance(node.left, ast.Constant):
            node.left = ast.Constant(low(str(node.left.value)))
            return node
        return node if about == "draft.type" else self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant(high(str(node.value))) if node.value in self.renamer.constants else node


def listed(names: Any) -> list[Any]:
    return names if isinstance(names, list) else [names]
