"""The clauses of the standard an organisation measures itself by, with short titles of its own and what does not apply and why.

The list is content, not program: an edition of the standard ends, the list changes, old records keep the clauses they were made under
(ISO 9001, 4.3). The standard's own sentences are nobody's to copy and stand nowhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from qms.errors import BadContent, Problem, Text
from qms.library import MAIN, Library
from qms.locale import LANGUAGES
from qms.procedures import front
from qms.procedures.document import CLAUSE
from qms.procedures.front import Heads, Value, Word

PATH = "procedures/clauses.yaml"
LONGEST_TITLE = 120
LONGEST_REASON = 600


@dataclass(frozen=True)
class Clause:
    """One clause; ``reason`` says why it does not apply, None when it does."""

    key: str
    title: Text
    reason: Text | None
    line: int

    @property
    def applies(self) -> bool:
        return self.reason is None


@dataclass(frozen=True)
class Clauses:
    """All of them by key, in the standard's order."""

    edition: str
    by_key: Mapping[str, Clause]


NO_CLAUSES = Clauses("", {})


def in_force(library: Library) -> Clauses:
    """The list in the library's present state; an empty one where the organisation keeps none."""
    head = library.refs(MAIN).get(MAIN)
    blob = library.blob_at(head, PATH) if head is not None else None
    return read(library.read(blob), PATH) if blob is not None else NO_CLAUSES


def serves(named: str, clause: str) -> bool:
    """Whether what names ``named`` serves ``clause``: the same, or a finer one."""
    return named == clause or named.startswith(clause + ".")


def order(clause: str) -> list[int]:
    """By which clauses are put in the standard's order."""
    return [int(part) for part in clause.split(".") if part.isdigit()]


def read(source: bytes, path: str) -> Clauses:
    """Raises BadContent with every mistake in the list."""
    try:
        text = source.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadContent([Problem(path, source[: error.start].count(b"\n") + 1, "document.not_utf8")]) from error
    heads, problems = front.read(text, path, 1)
    reader = _Reader(path, problems)
    reader.keys(heads, ("edition", "clauses"), ("not_applicable",))
    edition = reader.word(heads.entries.get("edition"), "edition", heads.line)
    titles = reader.texts(heads, "clauses", LONGEST_TITLE)
    reasons = reader.texts(heads, "not_applicable", LONGEST_REASON) if "not_applicable" in heads.entries else {}
    for key in reasons.keys() - titles.keys():
        reader.wrong(reasons[key][1], "unlisted", key=key)
    if problems:
        raise BadContent({str(problem): problem for problem in problems}.values())
    found = {key: Clause(key, title, reasons[key][0] if key in reasons else None, line) for key, (title, line) in titles.items()}
    return Clauses(edition, dict(sorted(found.items(), key=lambda item: order(item[0]))))


@dataclass(frozen=True)
class _Reader:
    """Takes the list apart and keeps what is wrong with each line."""

    path: str
    problems: list[Problem]

    def wrong(self, line: int, code: str, **values: object) -> None:
        self.problems.append(Problem(self.path, line, f"clauses.{code}", values))

    def keys(self, heads: Heads, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
        for key in heads.entries:
            if key not in required and key not in optional:
                self.wrong(heads.lines[key], "unknown_key", key=key, known=", ".join((*required, *optional)))
        for key in required:
            if key not in heads.entries and not self.problems:
                self.wrong(heads.line, "missing", key=key)

    def word(self, value: Value | None, key: str, line: int) -> str:
        if value is None:
            return ""
        if not isinstance(value, Word) or not value.text.strip():
            self.wrong(value.line if not isinstance(value, Heads) else line, "missing", key=key)
            return ""
        return value.text

    def texts(self, heads: Heads, key: str, most: int) -> dict[str, tuple[Text, int]]:
        """Clause → its text in every language and its line."""
        table = heads.entries.get(key)
        if table is None:
            return {}
        if not isinstance(table, Heads) or not table.entries:
            self.wrong(heads.lines[key], "missing", key=key)
            return {}
        found = {}
        for clause, value in table.entries.items():
            line = table.lines[clause]
            if CLAUSE.fullmatch(clause) is None:
                self.wrong(line, "key", key=clause)
            found[clause] = (self._text(value, clause, line, most), line)
        return found

    def _text(self, value: Value, clause: str, line: int, most: int) -> Text:
        if not isinstance(value, Heads):
            self.wrong(line, "languages", key=clause)
            return {}
        self.keys(value, LANGUAGES)
        text = {language: self.word(value.entries.get(language), language, line) for language in LANGUAGES}
        if any(len(words) > most for words in text.values()):
            self.wrong(line, "too_long", key=clause, limit=most)
        return text
