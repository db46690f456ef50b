"""How long each class of record is kept, as the table of the organisation says it (ISO 9001, 7.5.3.2 d)."""

from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from qms.errors import BadContent, Problem
from qms.library import MAIN, Library
from qms.locale import say

PATH = "records/retention.yaml"
FOR_EVER = None
"""The term of what is never disposed of."""
LEAST, MOST = 1, 1200
"""Months a term may have: nothing is thrown away on the day its case ends, and what is to outlast everybody is permanent."""


def in_force(library: Library, language: str) -> dict[str, str]:
    """Class → how long and from when, from the library's present state; nothing where the organisation keeps no table."""
    source = _source(library)
    return told(source, PATH, language) if source is not None else {}


def terms_in_force(library: Library) -> dict[str, int | None]:
    """Class → months, from the library's present state; a class that is not in it has no term."""
    source = _source(library)
    return terms(source, PATH) if source is not None else {}


def told(source: bytes, path: str, language: str) -> dict[str, str]:
    """Class → words. A class kept as long as another is told in the other's words. Raises BadContent for a table that is not one."""
    try:
        classes = _classes(source)
        return {str(name): _words(row, classes, language) for name, row in classes.items()}
    except (YAMLError, UnicodeDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise _malformed(path, error) from error


def terms(source: bytes, path: str) -> dict[str, int | None]:
    """Class → months, the longer one where a class names another; ``FOR_EVER`` for what is permanent. Raises BadContent."""
    try:
        classes = _classes(source)
        found = {str(name): _months(row, classes) for name, row in classes.items()}
    except (YAMLError, UnicodeDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise _malformed(path, error) from error
    wrong = [name for name, months in found.items() if months is not FOR_EVER and not LEAST <= months <= MOST]
    if wrong:
        raise BadContent(Problem(path, 0, "retention.term", {"name": name, "most": MOST // 12}) for name in wrong)
    return found


def longest(found: Mapping[str, int | None], classes: set[str]) -> int | None:
    """The longest term of ``classes``; a class that the table does not know is kept for ever, until somebody says otherwise."""
    months = [found.get(name, FOR_EVER) for name in classes]
    return FOR_EVER if FOR_EVER in months else max(one for one in months if one is not None)


def _source(library: Library) -> bytes | None:
    head = library.refs(MAIN).get(MAIN)
    blob = library.blob_at(head, PATH) if head is not None else None
    return library.read(blob) if blob is not None else None


def _classes(source: bytes) -> dict[str, Any]:
    return dict(YAML(typ="safe", pure=True).load(source.decode("utf-8"))["classes"])


def _malformed(path: str, error: Exception) -> BadContent:
    return BadContent([Problem(path, 0, "retention.malformed", {"detail": str(error)[:200]})])


def _months(row: Mapping[str, Any], classes: Mapping[str, Any]) -> int | None:
    keep = _kept(row, classes)["keep"]
    if keep.get("permanent"):
        return FOR_EVER
    months = int(keep["years"]) * 12 if "years" in keep else int(keep["months"])
    if "or_longer" not in row:
        return months
    other = _months({"keep": classes[row["or_longer"]]["keep"]}, classes)
    return FOR_EVER if other is FOR_EVER else max(months, other)


def _kept(row: Mapping[str, Any], classes: Mapping[str, Any]) -> Mapping[str, Any]:
    """The class itself, or the one it is kept as long as."""
    return classes[row["keep"]["as"]] if "as" in row["keep"] else row


def _words(row: Mapping[str, Any], classes: Mapping[str, Any], language: str) -> str:
    row = _kept(row, classes)
    keep = row["keep"]
    if keep.get("permanent"):
        return say(language, "retention.permanent")
    unit = "years" if "years" in keep else "months"
    return say(language, f"retention.{unit}", int(keep[unit]), start=row["starts"][language])
