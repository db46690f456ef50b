"""The name of a file that came from outside, made harmless: its last part only, nothing that a header, a path or an eye could trip over."""

import re
import unicodedata

LONGEST = 150
NAMELESS = "file"
_TURNING = re.compile(r"[\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]")
MOST_MARKS = 8
"""Marks on one letter: more than any language writes, and they cover the lines around."""


def clean(name: str) -> str:
    """The last part of ``name`` without control, format or bidirectional characters, at most 150 characters, its extension kept."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rstrip("/").rpartition("/")[2]
    shown = "".join(character if character.isprintable() or character == " " else " " for character in last if _visible(character))
    tidy = " ".join(shown.replace('"', "'").split()).strip(". ") if set(shown) - set(". ") else ""
    if not tidy:
        return NAMELESS
    return tidy if len(tidy) <= LONGEST else _shortened(tidy)


def misleads(text: str) -> bool:
    """Whether a text holds signs that turn its order on the screen, that nobody sees, or that bury it: it would read as what it is not."""
    if text.isascii():
        return False
    run = 0
    for character in text:
        run = run + 1 if unicodedata.combining(character) else 0
        if run > MOST_MARKS:
            return True
    return _TURNING.search(text) is not None


def extension(name: str) -> str:
    """The extension in lower case without its dot, empty when there is none: ``pdf``, ``p7m``."""
    stem, dot, last = clean(name).rpartition(".")
    return last.lower() if dot and stem and len(last) <= 10 else ""


def _visible(character: str) -> bool:
    return unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn"} or character in "\t\n\r"


def _shortened(name: str) -> str:
    stem, dot, last = name.rpartition(".")
    if dot and stem and len(last) <= 10:
        return f"{stem[: LONGEST - len(last) - 1].rstrip('. ')}.{last}"
    return name[:LONGEST].rstrip(". ")
