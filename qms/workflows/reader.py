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
from qms.workflows.types import DURATION, Mistake, Type
from qms.workflows.yaml_file import Items, Node, Table, Word

STATE_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,39}")
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
WORKFLOW_NAME = re.compile(r"[a-z][a-z0-9-]{1,39}")
ROLE_NAME = re.compile(r"[A-Z][A-Z_]{1,29}")
LONGEST_TEXT = 2_000
_CLASSES = re.compile(r"\[(?P<first>[^]]*)\](\[(?P<rest>[^]]*)\])?\{[0-9,]+\}")
_ASSIGNED = re.compile(r"(?<![=<>!])=(?!=)")
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,10})?")


def both(key: str, **values: str | Text) -> Text:
    """A sentence of the catalogues in both languages; values that are themselves in two languages take each its own."""
    return {language: say(language, key, None, **{name: _in(language, value) for name, value in values.items()}) for language in LANGUAGES}


def _in(language: str, value: str | Text) -> str:
    return value if isinstance(value, str) else value[language]


def near(name: str, known: Iterable[str]) -> Text:
    """«Forse …?» with the known name that resembles ``name`` most, or nothing."""
    found = get_close_matches(name, sorted(set(known)), 1, 0.61)
    return both("workflow.perhaps", name=found[0]) if found else dict.fromkeys(LANGUAGES, "")


def form_of(pattern: re.Pattern[str]) -> Text:
    """What may stand in a name, in words: nobody who writes a process reads regular expressions. A rule that is no list of signs stays."""
    found = _CLASSES.fullmatch(pattern.pattern)
    if found is None:
        return dict.fromkeys(LANGUAGES, pattern.pattern)
    signs = found["rest"] or found["first"]
    letters = "letters" if "A-Za-z" in signs else "upper" if "A-Z" in signs else "lower"
    kinds = [both(f"workflow.form.{name}") for name in (letters, *(["digits"] if "0-9" in signs else []))]
    marks = [dict.fromkeys(LANGUAGES, f"«{mark}»") for mark in "_.-" if mark in re.sub("[A-Za-z0-9]-[A-Za-z0-9]", "", signs)]
    said = {language: ", ".join(one[language] for one in (*kinds, *marks)) for language in LANGUAGES}
    return both("workflow.form.letter_first", signs=said) if "0-9" in signs and "0-9" not in found["first"] else said


@dataclass
class Reader:
    """One file being read. Every method notes what is wrong and gives something harmless back, so that reading goes on."""

    path: str
    problems: list[Problem] = field(default_factory=list)
    named_roles: list[Word] = field(default_factory=list)
    """Where roles are named: which there are is for the workspace to say."""

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
            self.malformed(node.line if node else 0, key, found, pattern)
        return found

    def malformed(self, line: int, key: str, name: str, pattern: re.Pattern[str]) -> None:
        """Note a name that may not be written so, and say how it may."""
        self.wrong(line, "name_malformed", key=key, name=name, form=form_of(pattern))

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
        if not isinstance(node, Table):
            self.wrong(node.line, "text_languages", key=key)
            return dict.fromkeys(LANGUAGES, "")
        table = node
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

    def role(self, node: Node | None, key: str) -> str:
        """One role."""
        return next(iter(self.roles(node, key)), "") if isinstance(node, Word) else self.word(node, key)

    def roles(self, node: Node | None, key: str) -> tuple[str, ...]:
        words = self.words(node, key)
        self.named_roles += words
        for word in words:
            if not ROLE_NAME.fullmatch(word.text):
                self.wrong(word.line, "role_malformed", name=word.text)
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
            self.mistake(node.line, text, mistake, wanted)
            return None
        return found

    def mistake(self, line: int, text: str, mistake: Mistake, wanted: Collection[Type] = ()) -> None:
        """Note what is wrong with an expression of one of the kinds ``wanted``, in words."""
        values: dict[str, object] = {key: value for key, value in mistake.values.items() if key != "known"}
        for key in ("expected", "found", "left", "right"):
            if isinstance(values.get(key), str):
                values[key] = both(f"type.{values[key]}")
        known = mistake.values.get("known")
        if isinstance(known, (Mapping, Collection)):
            values["near"] = near(str(mistake.values.get("name", mistake.values.get("value", ""))), [str(name) for name in known])
            values["known"] = ", ".join(str(name) for name in known)[:300]
        equals = mistake.code == "syntax" and _ASSIGNED.search(text)
        lasting = mistake.code in ("syntax", "result") and any(kind.name == DURATION.name for kind in wanted)
        said = "equals" if equals else "duration" if lasting else None
        hint = both(f"workflow.hint.{said}") if said else dict.fromkeys(LANGUAGES, "")
        values |= {"text": text, "column": mistake.column, "hint": hint}
        self.problems.append(Problem(self.path, line, f"expression.{mistake.code}", values))
