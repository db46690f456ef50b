"""A controlled document as its author writes it: a head that says what it is, and a body that says how we work.

The head holds what an author decides. What the system decides (revision number, status, approvers, dates) is refused there: it stands on
the trail, and a text that claimed to be approved would be a lie that travels with every copy. ISO 9001 §7.5.2.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from qms.errors import BadContent, Incomplete, Problem, Reason
from qms.procedures import files, front
from qms.procedures.files import ControlledFile
from qms.procedures.front import Heads, Value, Word, Words

TYPES = ("POL", "MAN", "PRO", "IST", "MOD", "PIA", "ORG", "EXT")
LANGUAGES = ("it", "en")
ROUTES = ("single", "checked")
LIMIT = 300_000
FIGURE_LIMIT = 2_000_000
MOST_FIGURES = 30
KEY = re.compile(r"[A-Z][A-Z0-9]{0,9}(?:[.-][A-Z0-9]{1,9}){0,6}")
CODE = re.compile(rf"(?:{'|'.join(TYPES)})-[0-9]{{1,2}}(?:\.[0-9]{{1,2}}){{0,3}}-[0-9]{{2,3}}")
SLUG = re.compile(r"[a-z0-9]{1,40}(?:-[a-z0-9]{1,40}){0,9}")
PATH = re.compile(rf"procedures/(?P<area>{SLUG.pattern})/(?P<code>{CODE.pattern})-(?P<slug>{SLUG.pattern})\.md")
FIGURE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}\.(?:png|jpg|jpeg|webp)")
MAGIC = {"png": b"\x89PNG\r\n\x1a\n", "jpg": b"\xff\xd8\xff", "jpeg": b"\xff\xd8\xff", "webp": b"RIFF"}
TRANSLATION = re.compile(rf"(?P<original>procedures/.+)\.(?P<language>{'|'.join(LANGUAGES)})\.md")
CLAUSE = re.compile(r"(?:[4-9]|10)(?:\.[0-9]{1,2}){0,3}")
ROLE = re.compile(r"[A-Z][A-Z_]{1,30}")
NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x85\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")
SYSTEM_DECIDES = frozenset(
    {
        "revision",
        "status",
        "state",
        "version",
        "approved_by",
        "approved_at",
        "approver",
        "effective",
        "effective_on",
        "date",
        "author",
        "authors",
    }
)
REQUIRED = ("key", "code", "title", "type", "language", "owner", "clauses", "approval", "review_every", "distribution")
OPTIONAL = ("titles", "file", "workflows", "references", "acknowledge")


@dataclass(frozen=True)
class Front:
    """What the author decides. ``review_every`` in months; ``distribution`` is ("all",) or role codes."""

    key: str
    code: str
    title: str
    type: str
    language: str
    owner: str
    clauses: tuple[str, ...]
    approval: str
    review_every: int
    distribution: tuple[str, ...]
    workflows: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    acknowledge: tuple[str, ...] = ()
    """Which of its readers declare that they read and understood it: ("all",), or roles and hats."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """Its title in other languages than its own, by language."""
    file: ControlledFile | None = None
    """The file that the document is, where it is not its own text."""

    def titled(self, language: str) -> str:
        """The title that a reader of ``language`` sees."""
        return self.titles.get(language, self.title)


@dataclass(frozen=True)
class Document:
    """One text that is well formed. ``body_line`` is the line of the file where the body begins."""

    front: Front
    body: str
    body_line: int


def parse(
    text: str | bytes, path: str, roles: Collection[str] | None = None, *, audiences: Collection[str] | None = None, placed: bool = True
) -> Document:
    """Read one document. Raises BadContent with every problem.

    ``roles`` are the role codes that may own it, ``audiences`` the roles and hats that may read it (any, when None: then hats are taken on
    trust). A text that has no place on the shelf yet is not ``placed``: its code need not agree with its path.
    """
    words, problems = _decode(text, path)
    head, first_line, body, body_line = _split(words, path, problems)
    heads, found = front.read(head, path, first_line) if first_line else (Heads(), [])
    problems += found
    fields = _Fields(heads, path, problems)
    result = fields.front(roles, audiences)
    if placed:
        _check_path(result, path, fields)
    _check_code(result, fields)
    if first_line and not body.strip():
        problems.append(Problem(path, body_line, "document.empty"))
    if problems:
        raise BadContent({str(problem): problem for problem in problems}.values())
    return Document(result, body, body_line)


def translation_of(path: str) -> tuple[str, str] | None:
    """For a text that stands beside another as its translation (``x.en.md``): the other's path and the language, else None."""
    shape = TRANSLATION.fullmatch(path)
    return (f"{shape['original']}.md", shape["language"]) if shape is not None else None


def figures_folder(path: str) -> str:
    """The folder beside a document that holds its pictures."""
    return path.removesuffix(".md")


def path_for(path: str, code: str) -> str:
    """Where the document at ``path`` stands when its code is ``code``: area and name stay."""
    shape = PATH.fullmatch(path)
    return f"procedures/{shape['area']}/{code}-{shape['slug']}.md" if shape is not None else path


def check_size(path: str, size: int) -> None:
    """Raises BadContent for a text of more bytes than a document may have."""
    if size > LIMIT:
        raise BadContent([Problem(path, 0, "document.too_large", {"limit": LIMIT // 1000, "size": size // 1000})])


def check_figures(sizes: Mapping[str, int]) -> None:
    """Judge the pictures of a text by name and bytes, before one is read. Raises Incomplete for too many, BadContent.

    Two names that differ in their capitals only are one file on many machines: who clones there would read another picture.
    """
    if len(sizes) > MOST_FIGURES:
        raise Incomplete([Reason("FIGURES", values={"detail": str(MOST_FIGURES)})])
    alike = Counter(name.lower() for name in sizes)
    problems = [Problem(name[:80], 0, "figure.alike") for name in sizes if alike[name.lower()] > 1]
    problems += [_figure_too_large(name) for name, size in sizes.items() if size > FIGURE_LIMIT]
    if problems:
        raise BadContent(problems)


def check_figure(name: str, content: bytes) -> None:
    """Raises BadContent when a picture has no plain name, is too large or is not the kind its name says."""
    problems = []
    if FIGURE.fullmatch(name) is None:
        problems.append(Problem(name[:80], 0, "figure.name"))
    if len(content) > FIGURE_LIMIT:
        problems.append(_figure_too_large(name))
    kind = name.rpartition(".")[2]
    if not problems and not content.startswith(MAGIC[kind]):
        problems.append(Problem(name, 0, "figure.kind", {"kind": kind}))
    if problems:
        raise BadContent(problems)


def _figure_too_large(name: str) -> Problem:
    return Problem(name[:80], 0, "figure.too_large", {"limit": FIGURE_LIMIT // 1_000_000})


def template(key: str, code: str, title: str, kind: str, language: str, owner: str) -> str:
    """The text a new document starts from. Codes are made of the clause they serve: it is proposed, and a code without one names none but
    that of documents themselves."""
    quoted = title.replace("\\", "\\\\").replace('"', '\\"')
    numbers = code.split("-")[1]
    clause = numbers if CLAUSE.fullmatch(numbers) else "7.5"
    return (
        f'---\nkey: {key}\ncode: {code}\ntitle: "{quoted}"\ntype: {kind}\nlanguage: {language}\nowner: {owner}\nclauses: ["{clause}"]\n'
        f"approval: checked\nreview_every: 24\ndistribution: all\nworkflows: []\nreferences: []\n---\n\n# {title}\n"
    )


def _decode(text: str | bytes, path: str) -> tuple[str, list[Problem]]:
    content = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    check_size(path, len(content))
    try:
        words = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadContent([Problem(path, line, "document.not_utf8")]) from error
    problems = [
        Problem(path, number, "document.control", {"character": f"U+{ord(found.group()):04X}"})
        for number, line in enumerate(words.split("\n"), 1)
        if (found := CONTROL.search(line)) is not None
    ]
    return words.replace("\r\n", "\n"), problems


def _split(text: str, path: str, problems: list[Problem]) -> tuple[str, int, str, int]:
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        problems.append(Problem(path, 1, "document.no_head"))
        return "", 0, text, 1
    for number, line in enumerate(lines[1:], 1):
        if line.rstrip() == "---":
            return "\n".join(lines[1:number]) + "\n", 2, "\n".join(lines[number + 1 :]), number + 2
    problems.append(Problem(path, 1, "document.head_open"))
    return "", 0, "", 1


def _check_path(found: Front, path: str, fields: "_Fields") -> None:
    shape = PATH.fullmatch(path)
    if shape is None:
        if PurePosixPath(path).parts[:1] == ("procedures",):
            fields.problems.append(Problem(path, 0, "document.path"))
    elif found.code and shape["code"] != found.code:
        fields.report("code", "document.path_code", value=found.code, expected=shape["code"])


def _check_code(found: Front, fields: "_Fields") -> None:
    if CODE.fullmatch(found.code) and found.type in TYPES and not found.code.startswith(f"{found.type}-"):
        fields.report("code", "document.code_type", value=found.code, type=found.type)


class _Fields:
    """Takes the head apart, key by key, and keeps what is wrong with each."""

    def __init__(self, heads: Heads, path: str, problems: list[Problem]) -> None:
        self.heads = heads
        self.path = path
        self.problems = problems
        self._silent = bool(problems) and not heads.entries

    def front(self, roles: Collection[str] | None, audiences: Collection[str] | None) -> Front:
        self._keys()
        return Front(
            key=self._shaped("key", KEY),
            code=self._shaped("code", CODE),
            title=self._title(),
            type=self._one_of("type", TYPES),
            language=self._one_of("language", LANGUAGES),
            owner=self._role("owner", self._text("owner"), roles),
            clauses=self._shapes("clauses", CLAUSE, 1),
            approval=self._one_of("approval", ROUTES),
            review_every=self._months(),
            distribution=self._audience("distribution", roles, audiences),
            workflows=self._shapes("workflows", NAME, 0),
            references=self._shapes("references", None, 0),
            acknowledge=self._audience("acknowledge", roles, audiences) if "acknowledge" in self.heads.entries else (),
            titles=self._titles(),
            file=self._file(),
        )

    def report(self, key: str, code: str, **values: object) -> None:
        self.problems.append(Problem(self.path, self.heads.lines.get(key, self.heads.line), code, {"key": key, **values}))

    def _keys(self) -> None:
        if self._silent:
            return
        for key in self.heads.entries:
            if key in SYSTEM_DECIDES:
                self.report(key, "document.system_decides")
            elif key not in REQUIRED and key not in OPTIONAL:
                self.report(key, "document.unknown_key", known=", ".join((*REQUIRED, *OPTIONAL)))
        for key in REQUIRED:
            if key not in self.heads.entries:
                self.report(key, "document.missing")

    def _word(self, key: str, value: Value | None, *, number: bool = False) -> str:
        if value is None:
            return ""
        if not isinstance(value, Word):
            self.report(key, "document.one_value")
            return ""
        if value.text == "":
            self.problems.append(Problem(self.path, value.line, "document.missing", {"key": key}))
        elif value.is_ambiguous and not number:
            self.problems.append(Problem(self.path, value.line, "document.quote", {"key": key, "value": value.text}))
        return value.text

    def _text(self, key: str) -> str:
        return self._word(key, self.heads.entries.get(key))

    def _shaped(self, key: str, pattern: re.Pattern[str]) -> str:
        text = self._text(key)
        if text and pattern.fullmatch(text) is None:
            self.report(key, f"document.bad_{key}", value=text)
        return text

    def _title(self) -> str:
        title = self._text("title")
        if len(title) > 200 or "\n" in title:
            self.report("title", "document.long_title", limit=200)
        return title

    def _titles(self) -> dict[str, str]:
        value = self.heads.entries.get("titles")
        if value is None:
            return {}
        if not isinstance(value, Heads):
            self.report("titles", "document.titles")
            return {}
        own = self.heads.entries.get("language")
        others = [language for language in LANGUAGES if not isinstance(own, Word) or language != own.text]
        titles = {language: self._word("titles", item) for language, item in value.entries.items()}
        for language, title in titles.items():
            if language not in others:
                self.report("titles", "document.not_one_of", value=language, allowed=", ".join(others))
            elif len(title) > 200 or "\n" in title:
                self.report("titles", "document.long_title", limit=200)
        return titles

    def _file(self) -> ControlledFile | None:
        value = self.heads.entries.get("file")
        if value is None:
            return None
        if not isinstance(value, Heads) or value.entries.keys() != set(files.KEYS):
            self.report("file", "document.file_keys")
            return None
        said = {key: self._word("file", item, number=key == "size") for key, item in value.entries.items()}
        for key, text in said.items():
            if text and files.wrong(key, text):
                self.report("file", f"document.file_{key}", value=text[:80])
        return ControlledFile(said["name"], said["sha256"], int(said["size"]) if not files.wrong("size", said["size"]) else 0)

    def _one_of(self, key: str, allowed: tuple[str, ...]) -> str:
        text = self._text(key)
        if text and text not in allowed:
            self.report(key, "document.not_one_of", value=text, allowed=", ".join(allowed))
        return text

    def _role(self, key: str, code: str, roles: Collection[str] | None) -> str:
        if code and (ROLE.fullmatch(code) is None or (roles is not None and code not in roles)):
            self.report(key, "document.unknown_role", value=code)
        return code

    def _months(self) -> int:
        text = self._word("review_every", self.heads.entries.get("review_every"), number=True)
        if re.fullmatch(r"[1-9][0-9]?", text) is None or int(text) > 60:
            if text:
                self.report("review_every", "document.months", value=text)
            return 0
        return int(text)

    def _list(self, key: str) -> list[str]:
        value = self.heads.entries.get(key)
        if value is None:
            return []
        if not isinstance(value, Words):
            self.report(key, "document.list_wanted")
            return []
        return [text for item in value.items if (text := self._word(key, item))]

    def _shapes(self, key: str, pattern: re.Pattern[str] | None, least: int) -> tuple[str, ...]:
        items = self._list(key)
        for item in items:
            if len(item) > 200 or (pattern is not None and pattern.fullmatch(item) is None):
                self.report(key, "document.bad_item", value=item[:80])
        if len(items) != len(set(items)):
            self.report(key, "document.repeated")
        if len(items) < least and isinstance(self.heads.entries.get(key), Words):
            self.report(key, "document.missing")
        return tuple(items)

    def _audience(self, key: str, roles: Collection[str] | None, audiences: Collection[str] | None) -> tuple[str, ...]:
        value = self.heads.entries.get(key)
        if isinstance(value, Word):
            if self._word(key, value) not in ("", "all"):
                self.report(key, f"document.{key}", value=value.text)
            return ("all",)
        items = self._list(key)
        if isinstance(value, Words) and not items:
            self.report(key, "document.missing")
        for item in items:
            known = audiences if audiences is not None else roles if ROLE.fullmatch(item) else None
            if (ROLE.fullmatch(item) is None and NAME.fullmatch(item) is None) or (known is not None and item not in known):
                self.report(key, "document.unknown_role", value=item)
        return tuple(items)
