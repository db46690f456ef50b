"""Takes single values out of a workflow file and keeps a list of everything that is wrong with it, so that all is reported at once."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches

from qms.errors import Problem, Text
from qms.locale import LANGUAGES, say
from qms.workflows.expression import Expression, compile_expression
from qms.workflows.scope import Names
from qms.workflows.types import Mistake, Type
from qms.workflows.yaml_file import Items, Node, Table, Word

STATE_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,39}")
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
WORKFLOW_NAME = re.compile(r"[a-z][a-z0-9-]{1,39}")
ROLE_NAME = re.compile(r"[A-Z][A-Z_]{1,29}")
LONGEST_TEXT = 2_000
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,10})?")


def both(key: str, **values: str | Text) -> Text:
    """A sentence of the catalogues in both languages; values that are themselves in two languages take each its own."""
    return {language: say(language, key, None, **{name: _in(language, value) for name, value in values.items()}) for language in LANGUAGES}


def _in(language: str, value: str | Text) -> str:
    return value if isinstance(value, str) else value[language]


def near(name: str, known: Iterable[str]) -> Text:
    """«Forse …?» with the known name that resembles ``name`` most, or nothing."""
    found = get_close_matches(name, sorted(set(known)), 1, 0.6)
    return both("workflow.perhaps", name=found[0]) if found else dict.fromkeys(LANGUAGES, "")


@dataclass
class Reader:
    """One file being read. Every method notes what is wrong and gives something harmless back, so that reading goes on."""

    path: str
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, line: int, code: str, **values: object) -> None:
        self.problems.append(Problem(self.path, line, f"workflow.{code}", values))

    def keys(self, table: Table, required: Collection[str], optional: Collection[str] = ()) -> None:
        """Note unknown and missing keys of ``table``."""
        known = {*required, *optional}
        for key, line in table.lines.items():
            if key not in known:
                self.wrong(line, "key_unknown", key=key, near=near(key, known))
        for key in required:
            if key not in table.entries:
                self.wrong(table.line, "key_missing", key=key)

    def table(self, node: Node | None, key: str, line: int) -> Table:
        if isinstance(node, Table):
            return node
        if node is not None and not (isinstance(node, Word) and node.plain and node.text == ""):
            self.wrong(node.line, "expected_mapping", key=key)
        return Table({}, {}, node.line if node else line)

    def word(self, node: Node | None, key: str) -> str:
        """A text as typed; a bare ``no`` must be quoted."""
        if node is None:
            return ""
        if not isinstance(node, Word):
            self.wrong(node.line, "expected_word", key=key)
            return ""
        if node.ambiguous:
            self.problems.append(Problem(self.path, node.line, "yaml.quote", {"word": node.text}))
        if len(node.text) > LONGEST_TEXT:
            self.wrong(node.line, "text_too_long", key=key, limit=LONGEST_TEXT)
        return node.text

    def name(self, node: Node | None, key: str, pattern: re.Pattern[str]) -> str:
        found = self.word(node, key)
        if found and not pattern.fullmatch(found):
            self.wrong(node.line if node else 0, "name_malformed", key=key, name=found, pattern=pattern.pattern)
        return found

    def one_of(self, node: Node | None, key: str, allowed: Collection[str], default: str) -> str:
        if node is None:
            return default
        if not isinstance(node, Word) or node.text not in allowed:
            found = node.text if isinstance(node, Word) else "…"
            self.wrong(node.line, "value", key=key, value=found, allowed=", ".join(allowed), near=near(found, allowed))
            return default
        return node.text

    def truth(self, node: Node | None, key: str, default: bool = False) -> bool:
        return self.one_of(node, key, ("true", "false"), "true" if default else "false") == "true"

    def number(self, node: Node | None, key: str) -> Decimal | None:
        if node is None:
            return None
        if not isinstance(node, Word) or not _NUMBER.fullmatch(node.text):
            self.wrong(node.line, "expected_number", key=key)
            return None
        return Decimal(node.text)

    def text(self, node: Node | None, key: str, line: int) -> Text:
        """A sentence in every language."""
        if node is None:
            return dict.fromkeys(LANGUAGES, "")
        table = self.table(node, key, line)
        for language, at in table.lines.items():
            inner = table.entries[language]
            if language not in LANGUAGES and isinstance(inner, Word) and not inner.text:
                self.wrong(at, "comma", key=key)
            elif language not in LANGUAGES:
                self.wrong(at, "key_unknown", key=language, near=near(language, LANGUAGES))
        found = {}
        for language in LANGUAGES:
            written = table.entries.get(language)
            found[language] = written.text.strip() if isinstance(written, Word) else ""
            if not found[language]:
                self.wrong(table.line, "text_language", key=key, language=language)
            elif len(found[language]) > LONGEST_TEXT:
                self.wrong(table.line, "text_too_long", key=key, limit=LONGEST_TEXT)
        return found

    def words(self, node: Node | None, key: str) -> tuple[Word, ...]:
        """A list of names; one name alone stands for a list of one."""
        if node is None:
            return ()
        if isinstance(node, Word):
            return (node,) if self.word(node, key) else ()
        if isinstance(node, Table):
            self.wrong(node.line, "expected_list", key=key)
            return ()
        return tuple(item for item in node.items if isinstance(item, Word) and self.word(item, key)) if self._all_words(node, key) else ()

    def _all_words(self, node: Items, key: str) -> bool:
        strange = [item for item in node.items if not isinstance(item, Word)]
        for item in strange:
            self.wrong(item.line, "expected_word", key=key)
        return not strange

    def items(self, node: Node | None, key: str) -> tuple[Node, ...]:
        if node is None:
            return ()
        if not isinstance(node, Items):
            self.wrong(node.line, "expected_list", key=key)
            return ()
        return node.items

    def known(self, words: Iterable[Word], kind: str, known: Collection[str]) -> tuple[str, ...]:
        """Names that must exist, each once: ``kind`` is step, state, field, slot or link."""
        found: list[str] = []
        for word in words:
            if word.text not in known:
                self.wrong(word.line, f"unknown_{kind}", name=word.text, near=near(word.text, known))
            elif word.text in found:
                self.wrong(word.line, "twice", name=word.text)
            else:
                found.append(word.text)
        return tuple(found)

    def roles(self, node: Node | None, key: str) -> tuple[str, ...]:
        words = self.words(node, key)
        for word in words:
            if not ROLE_NAME.fullmatch(word.text):
                self.wrong(word.line, "name_malformed", key=key, name=word.text, pattern=ROLE_NAME.pattern)
        return tuple(word.text for word in words)

    def expression(self, node: Node | None, key: str, names: Names, *wanted: Type) -> Expression | None:
        """An expression of one of the kinds ``wanted`` (any when none is named)."""
        text = self.word(node, key)
        if node is None or not text:
            return None
        try:
            found = compile_expression(" ".join(text.split()), node.line, names)
            if wanted and not any(found.type.name == kind.name for kind in wanted):
                raise Mistake("result", expected=wanted[0].name, found=found.type.name)
        except Mistake as mistake:
            self.mistake(node.line, text, mistake)
            return None
        return found

    def mistake(self, line: int, text: str, mistake: Mistake) -> None:
        """Note what is wrong with an expression, its kinds of value in words."""
        values: dict[str, object] = {key: value for key, value in mistake.values.items() if key != "known"}
        for key in ("expected", "found", "left", "right"):
            if isinstance(values.get(key), str):
                values[key] = both(f"type.{values[key]}")
        known = mistake.values.get("known")
        if isinstance(known, (Mapping, Collection)):
            values["near"] = near(str(mistake.values.get("name", mistake.values.get("value", ""))), [str(name) for name in known])
            values["known"] = ", ".join(str(name) for name in known)[:300]
        problem = Problem(self.path, line, f"expression.{mistake.code}", {**values, "text": text, "column": mistake.column})
        self.problems.append(problem)
