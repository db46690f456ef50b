"""Says in words when something is due: the rule of a deadline as a person would read it out, with the numbers in force.

What a rule says beyond the usual shapes is shown as it is written, never guessed at.
"""

import ast
from dataclasses import dataclass
from datetime import date

from qms.locale import say
from qms.workflows.definition import Definition, Timer
from qms.workflows.expression import Expression
from qms.workflows.figures import Figures

SPANS = ("days", "workdays", "hours", "months")
ENDS = ("min", "max")


@dataclass(frozen=True)
class Teller:
    """Tells the deadlines of one definition to one reader, with the figures as they are on ``day``."""

    definition: Definition
    figures: Figures
    day: date
    language: str

    def due(self, timer: Timer) -> str:
        """``10 giorni lavorativi dal passaggio «Segnala»``."""
        tree = _tree(timer.due)
        words = self._told(tree)
        if timer.due.type.name == "duration":
            words = self._say(f"from_{timer.starts_with}", length=words, start=self._start(timer))
        return self._conditional(words, tree)

    def length(self, expression: Expression) -> str:
        """How long, or when, in words."""
        tree = _tree(expression)
        return self._conditional(self._told(tree), tree)

    def _start(self, timer: Timer) -> str:
        if timer.starts_with == "field":
            return self.definition.fields[timer.start].title[self.language]
        if timer.starts_with == "state":
            return self.definition.states[timer.start].title[self.language]
        step = self.definition.step(timer.start)
        return step.title[self.language] if step is not None else timer.start

    def _told(self, node: ast.expr) -> str:
        found = None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1:
            found = self._span(node) if node.func.id in SPANS else self._end(node) if node.func.id in ENDS else None
        elif isinstance(node, ast.Name) and node.id in self.definition.fields:
            found = self._say("named", name=self.definition.fields[node.id].title[self.language])
        elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
            found = self._say(
                "after" if isinstance(node.op, ast.Add) else "before", length=self._told(node.right), start=self._told(node.left)
            )
        elif isinstance(node, ast.IfExp):
            found = self._say("or").join(self._told(one) for one in _branches(node))
        return found if found is not None else self._say("rule", rule=ast.unparse(node))

    def _conditional(self, words: str, node: ast.expr) -> str:
        """``words`` with what is to be said when they do not hold for every case."""
        if not isinstance(node, ast.IfExp):
            return words
        return self._say("either" if len(_branches(node)) > 1 else "sometimes", length=words)

    def _span(self, call: ast.Call) -> str | None:
        amount, unit = call.args[0], call.func.id if isinstance(call.func, ast.Name) else ""
        value: object = None
        if isinstance(amount, ast.Constant):
            value = amount.value
        elif isinstance(amount, ast.Attribute) and isinstance(amount.value, ast.Name) and amount.value.id == "figure":
            value = self.figures.on(amount.attr, self.day)
        return say(self.language, f"deadline.{unit}", int(str(value))) if str(value).isdigit() else None

    def _end(self, call: ast.Call) -> str | None:
        """The first or last of a column's dates."""
        inner = call.args[0]
        if not isinstance(call.func, ast.Name) or not isinstance(inner, ast.GeneratorExp) or not isinstance(inner.elt, ast.Attribute):
            return None
        rows = inner.generators[0].iter
        table = self.definition.fields.get(rows.id) if isinstance(rows, ast.Name) else None
        column = (table.columns or {}).get(inner.elt.attr) if table is not None else None
        if table is None or column is None:
            return None
        key = "first" if call.func.id == "min" else "last"
        return self._say(key, column=column.title[self.language], table=table.title[self.language])

    def _say(self, key: str, **values: object) -> str:
        return say(self.language, f"deadline.{key}", None, **values)


def _tree(expression: Expression) -> ast.expr:
    return ast.parse(expression.text, mode="eval").body


def _branches(node: ast.expr) -> list[ast.expr]:
    """What a choice may give, without nothing."""
    if isinstance(node, ast.IfExp):
        return [*_branches(node.body), *_branches(node.orelse)]
    return [] if isinstance(node, ast.Constant) and node.value is None else [node]
