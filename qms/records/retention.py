"""How long each class of record is kept, as the table of the organisation says it, in words (ISO 9001, 7.5.3.2 d)."""

from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from qms.errors import BadContent, Problem
from qms.library import MAIN, Library
from qms.locale import say

PATH = "records/retention.yaml"


def in_force(library: Library, language: str) -> dict[str, str]:
    """Class → how long and from when, from the library's present state; nothing where the organisation keeps no table."""
    head = library.refs(MAIN).get(MAIN)
    blob = library.blob_at(head, PATH) if head is not None else None
    return told(library.read(blob), PATH, language) if blob is not None else {}


def told(source: bytes, path: str, language: str) -> dict[str, str]:
    """Class → words. A class kept as long as another is told in the other's words. Raises BadContent for a table that is not one."""
    try:
        table = YAML(typ="safe", pure=True).load(source.decode("utf-8"))
        classes = dict(table["classes"])
        return {str(name): _words(row, classes, language) for name, row in classes.items()}
    except (YAMLError, UnicodeDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadContent([Problem(path, 0, "retention.malformed", {"detail": str(error)[:200]})]) from error


def _words(row: Mapping[str, Any], classes: Mapping[str, Any], language: str) -> str:
    keep = row["keep"]
    if "as" in keep:
        row = classes[keep["as"]]
        keep = row["keep"]
    if keep.get("permanent"):
        return say(language, "retention.permanent")
    unit = "years" if "years" in keep else "months"
    return say(language, f"retention.{unit}", int(keep[unit]), start=row["starts"][language])
