"""The words by which an entry is found: a folded copy of what its author wrote, searched by SQLite's FTS5 or PostgreSQL's ``tsvector``.

Never a personal value: those are sealed as marks and stand nowhere else but in ``personal``.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, literal_column, select, text
from sqlalchemy.exc import DBAPIError

MOST_TERMS = 12
LONGEST = 500
_WORD = re.compile(r"[^\W_]+")
_write = text("INSERT INTO trail_text (rowid, words) VALUES (:position, :words)")
_between = text("SELECT rowid, words FROM trail_text WHERE rowid BETWEEN :first AND :last")
_beyond = text("SELECT rowid FROM trail_text WHERE rowid < 1 OR rowid > :size ORDER BY rowid LIMIT :limit")


def keep(connection: Connection, position: int, words: str) -> None:
    """Make the entry findable by ``words``."""
    connection.execute(_write, {"position": position, "words": words})


def of(said: Mapping[str, Any]) -> str:
    """What full-text search finds an entry by: what its author wrote and the names it carries; never a personal value."""
    found: list[str] = []

    def gather(value: object) -> None:
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, Mapping):
            if set(value) != {"#", "ref"}:
                gather(list(value.values()))
        elif isinstance(value, (list, tuple)):
            for item in value:
                gather(item)

    case, document = said["case"] or {}, said["document"] or {}
    gather([case.get("number"), document.get("key"), document.get("code"), document.get("title"), said["by"]["name"], said["comment"]])
    gather([pair[1] for pair in said["fields"].values()])
    gather([said["what"].get(name) for name in ("title", "name", "reason")])
    return fold(" ".join(found))


def fold(written: str) -> str:
    """Bare words in lower case without accents, so that both databases part a text alike and find ``qualità`` by ``qualita``."""
    folded = written.casefold()
    if not folded.isascii():
        folded = "".join(mark for mark in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(mark))
    return " ".join(_WORD.findall(folded))


def matching(connection: Connection, wanted: str) -> Any:
    """The positions of the entries that hold all the words of ``wanted``, or words that begin so, as a subquery."""
    terms = fold(wanted[:LONGEST]).split()[:MOST_TERMS] or ["-"]
    position: ColumnElement[int] = literal_column("rowid")
    if connection.dialect.name == "sqlite":
        match = text("trail_text MATCH :words").bindparams(words=" ".join(f'"{term}"*' for term in terms))
    else:
        match = text("vector @@ to_tsquery('italian', :words)").bindparams(words=" & ".join(f"'{term}':*" for term in terms))
    return select(position).select_from(text("trail_text")).where(match)


def between(connection: Connection, first: int, last: int) -> dict[int, str]:
    """The kept copies of these entries; one that the database cannot read is left out."""
    try:
        return dict(tuple(row) for row in connection.execute(_between, {"first": first, "last": last}))
    except DBAPIError:
        if first == last:
            return {}
        middle = (first + last) // 2
        return {**between(connection, first, middle), **between(connection, middle + 1, last)}


def beyond(connection: Connection, size: int, limit: int) -> list[int]:
    """Copies that belong to no entry of a trail of ``size`` entries."""
    return list(connection.execute(_beyond, {"size": size, "limit": limit}).scalars())


def out_of_step(connection: Connection, limit: int) -> list[int]:
    """The entries whose index does not say what their copy says. SQLite's is made anew beside the trail and compared."""
    if connection.dialect.name != "sqlite":
        wrong = text("SELECT rowid FROM trail_text WHERE vector IS DISTINCT FROM to_tsvector('italian', words) ORDER BY rowid LIMIT :limit")
        return list(connection.execute(wrong, {"limit": limit}).scalars())
    for statement in _ANEW:
        connection.exec_driver_sql(statement)
    try:
        return list(connection.execute(_differing, {"limit": limit}).scalars())
    finally:
        for table in ("anew_seen", "anew_kept", "anew"):
            connection.exec_driver_sql(f"DROP TABLE temp.{table}")


_ANEW = (
    'CREATE VIRTUAL TABLE temp.anew USING fts5(words, tokenize = "unicode61 remove_diacritics 2")',
    "INSERT INTO temp.anew (rowid, words) SELECT rowid, words FROM main.trail_text",
    "CREATE VIRTUAL TABLE temp.anew_seen USING fts5vocab('temp', 'anew', 'instance')",
    "CREATE VIRTUAL TABLE temp.anew_kept USING fts5vocab('main', 'trail_text', 'instance')",
)
_differing = text(
    "SELECT DISTINCT doc FROM ("
    "SELECT * FROM (SELECT term, doc, offset FROM temp.anew_seen EXCEPT SELECT term, doc, offset FROM temp.anew_kept) UNION ALL "
    "SELECT * FROM (SELECT term, doc, offset FROM temp.anew_kept EXCEPT SELECT term, doc, offset FROM temp.anew_seen)"
    ") ORDER BY doc LIMIT :limit"
)
