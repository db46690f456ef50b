"""The first look at a file from outside: its bytes become a tree, or the file is refused with the reason.

Whatever comes from outside may be built to harm the reader: entities that multiply, brackets nested a million deep, numbers without end,
an archive that unpacks to gigabytes. Each is refused before anything is made of it, and no input leads to more than a refusal.
"""

import json
import re
import unicodedata
from collections.abc import Iterator
from io import BytesIO
from typing import Any, NoReturn

from lxml import etree

from qms.errors import BadContent, Problem
from qms.formats import names

LARGEST = 20 * 1024 * 1024
DEEPEST = 100
LONGEST_NUMBER = 40
MOST_ELEMENTS = 1_000_000

_FOREIGN = {
    b"PK\x03\x04": "notice_is_archive",
    b"PK\x05\x06": "notice_is_archive",
    b"\x1f\x8b": "notice_is_archive",
    b"7z\xbc\xaf\x27\x1c": "notice_is_archive",
    b"Rar!": "notice_is_archive",
    b"BZh": "notice_is_archive",
    b"\xfd7zXZ": "notice_is_archive",
    b"%PDF": "notice_is_pdf",
    b"0\x80": "notice_is_signed",
    b"0\x82": "notice_is_signed",
    b"0\x83": "notice_is_signed",
}
_ENCODING_FAULTS = frozenset(
    {
        etree.ErrorTypes.ERR_INVALID_ENCODING,
        etree.ErrorTypes.ERR_UNSUPPORTED_ENCODING,
        etree.ErrorTypes.ERR_UNKNOWN_ENCODING,
        etree.ErrorTypes.ERR_ENCODING_NAME,
        etree.ErrorTypes.I18N_CONV_FAILED,
    }
)
_SURROGATES = re.compile(r"[\ud800-\udfff]")


class Number(str):
    """A JSON number kept as it was written, so that no digit is lost and the raw reading can be shown."""


def refuse(path: str, code: str, line: int = 0, **values: object) -> NoReturn:
    """Refuse the file ``path`` for one reason. Raises BadContent."""
    raise BadContent([Problem(names.clean(path), line, code, values)])


def admit(content: bytes, path: str) -> None:
    """Refuse what is empty, too large or plainly another kind of file. Raises BadContent."""
    if len(content) > LARGEST:
        refuse(path, "notice_too_large", size=len(content), most=LARGEST // 1024 // 1024)
    if not content.strip(b" \t\r\n\0\xef\xbb\xbf\xfe\xff"):
        refuse(path, "notice_blank")
    for start, code in _FOREIGN.items():
        if content.startswith(start):
            refuse(path, code)


def read_xml(content: bytes, path: str) -> etree._Element:
    """The root of a well-formed XML file without document type, comments or instructions. Raises BadContent."""
    if b"<!DOCTYPE" in content.replace(b"\0", b"") or b"<!ENTITY" in content.replace(b"\0", b""):
        refuse(path, "notice_doctype")
    walk = etree.iterparse(
        BytesIO(content),
        events=("start", "end"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    depth = count = 0
    root: etree._Element | None = None
    try:
        for event, element in walk:
            if root is None:
                root = element
                if element.getroottree().docinfo.internalDTD is not None:
                    refuse(path, "notice_doctype")
            depth += 1 if event == "start" else -1
            count += event == "start"
            if depth > DEEPEST:
                refuse(path, "notice_too_deep", line=_line(element.sourceline), most=DEEPEST)
            if count > MOST_ELEMENTS:
                refuse(path, "notice_too_many_elements", most=MOST_ELEMENTS)
    except etree.XMLSyntaxError as fault:
        code = "notice_wrong_encoding" if fault.code in _ENCODING_FAULTS else "notice_not_well_formed"  # type: ignore[attr-defined]
        refuse(path, code, line=_line(fault.lineno))
    except (LookupError, UnicodeError, AssertionError):
        refuse(path, "notice_wrong_encoding")
    if root is None:
        refuse(path, "notice_not_well_formed")
    return root


def read_json(content: bytes, path: str) -> Any:
    """The value of a JSON file, numbers kept as written. Raises BadContent."""
    try:
        text = content.decode(json.detect_encoding(content)).removeprefix("\ufeff")
    except UnicodeDecodeError:
        refuse(path, "notice_wrong_encoding")

    def number(written: str) -> Number:
        if len(written) > LONGEST_NUMBER:
            refuse(path, "notice_huge_number", found=written[:20])
        return Number(written)

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(found)
        if len(value) < len(found):
            refuse(path, "notice_key_twice", found=_twice(found)[:80])
        return value

    try:
        value = json.loads(
            text,
            parse_int=number,
            parse_float=number,
            parse_constant=lambda found: refuse(path, "notice_not_a_number", found=found),
            object_pairs_hook=pairs,
        )
    except RecursionError:
        refuse(path, "notice_too_deep", most=DEEPEST)
    except json.JSONDecodeError as fault:
        refuse(path, "notice_not_well_formed", line=fault.lineno)
    for depth, item in _walk(value):
        if depth > DEEPEST:
            refuse(path, "notice_too_deep", most=DEEPEST)
        if isinstance(item, str) and _SURROGATES.search(item):
            refuse(path, "notice_wrong_encoding")
    return value


def tidy(text: str) -> str:
    """Running text on one line: canonical characters, control and direction marks dropped, runs of blanks made one."""
    kept = (" " if character.isspace() else character for character in unicodedata.normalize("NFC", text))
    shown = "".join(character for character in kept if character == " " or unicodedata.category(character) not in {"Cc", "Cf", "Cs"})
    return " ".join(shown.split())


def _walk(value: Any) -> Iterator[tuple[int, Any]]:
    """Every value inside, with its depth, without recursion; keys count as values."""
    waiting: list[tuple[int, Any]] = [(1, value)]
    while waiting:
        depth, item = waiting.pop()
        yield depth, item
        if isinstance(item, dict):
            waiting.extend((depth + 1, inner) for pair in item.items() for inner in pair)
        elif isinstance(item, list):
            waiting.extend((depth + 1, inner) for inner in item)


def _twice(found: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    for key, _ in found:
        if key in seen:
            return key
        seen.add(key)
    return ""


def _line(number: object) -> int:
    return number if isinstance(number, int) and number > 0 else 0
