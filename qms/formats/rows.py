"""A table that somebody typed in a spreadsheet and saved as CSV: its rows as names and texts, or everything that is wrong with it.

Excel writes semicolons where the comma stands in numbers, puts a mark before the first letter and leaves empty rows at the end; all of
that is taken as it comes. Nothing is repaired: a row with a cell too many, or a text in another encoding, would read as what it is not.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qms.errors import BadContent, Problem
from qms.formats import names

LARGEST = 2 * 1024 * 1024
MOST_ROWS = 500
MOST_COLUMNS = 200
DELIMITERS = {"it": ";", "en": ","}
"""What stands between two cells in the spreadsheets of each language."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,59}(?:\.[A-Za-z0-9_]{1,60}){0,2}")


@dataclass(frozen=True)
class Row:
    """One row: the line of the file it begins on, and its cells that hold something, as (name, text) in the order of the columns."""

    line: int
    cells: tuple[tuple[str, str], ...]


def read_rows(content: bytes, path: str, language: str, needed: Sequence[str], once: Sequence[str]) -> list[Row]:
    """The rows below a head that has every name in ``needed``, and none in ``once`` twice. Raises BadContent with all that is wrong."""
    path = names.clean(path)
    if len(content) > LARGEST:
        raise BadContent([Problem(path, 0, "rows_too_large", {"most": LARGEST // 1024 // 1024})])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadContent([Problem(path, content.count(b"\n", 0, error.start) + 1, "rows_not_utf8")]) from error
    head, rows = _records(text, path, _delimiter(text, language))
    problems = _of_head(path, head, needed, once)
    for line, cells in rows:
        if len(cells) < len(head) or any(cells[len(head) :]):
            problems.append(Problem(path, line, "rows_cells", {"found": len(cells), "wanted": len(head)}))
    if not rows:
        problems.append(Problem(path, 0, "rows_none"))
    if problems:
        raise BadContent(problems)
    return [Row(line, tuple((name, cell) for name, cell in zip(head, cells, strict=False) if cell)) for line, cells in rows]


def _delimiter(text: str, language: str) -> str:
    """That of the language, unless another stands more often in the head: names hold none of them, so nothing is guessed."""
    first = text.lstrip("\r\n").splitlines()[0] if text.strip() else ""
    return max((DELIMITERS[language], ";", ",", "\t"), key=first.count)


def _records(text: str, path: str, delimiter: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The head, and each row that is not empty with the line it begins on."""
    head: list[str] = []
    rows: list[tuple[int, list[str]]] = []
    for line, cells in _lines(text, path, delimiter):
        if not any(cells):
            continue
        if not head:
            head = cells
            while not head[-1]:
                head.pop()
        elif len(rows) == MOST_ROWS:
            raise BadContent([Problem(path, line, "rows_too_many", {"most": MOST_ROWS})])
        else:
            rows.append((line, cells))
    return head, rows


def _lines(text: str, path: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    before = 0
    try:
        for cells in reader:
            yield before + 1, [cell.strip() for cell in cells]
            before = reader.line_num
    except csv.Error as error:
        raise BadContent([Problem(path, before + 1, "rows_quotes")]) from error


def _of_head(path: str, head: Sequence[str], needed: Sequence[str], once: Sequence[str]) -> list[Problem]:
    problems = [Problem(path, 1, "rows_head_missing", {"name": name}) for name in needed if name not in head]
    problems += [Problem(path, 1, "rows_head_twice", {"name": name}) for name, count in Counter(head).items() if name in once and count > 1]
    wrong = [name for name in head[:MOST_COLUMNS] if not _NAME.fullmatch(name)]
    problems += [Problem(path, 1, "rows_head_name", {"name": name[:60], "column": head.index(name) + 1}) for name in dict.fromkeys(wrong)]
    if len(head) > MOST_COLUMNS:
        problems.append(Problem(path, 1, "rows_head_wide", {"most": MOST_COLUMNS}))
    return problems
