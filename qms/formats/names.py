"""The name of a file that came from outside, made harmless: its last part only, nothing that a header, a path or an eye could trip over."""

import unicodedata

LONGEST = 150
NAMELESS = "file"


def clean(name: str) -> str:
    """The last part of ``name`` without control, format or bidirectional characters, at most 150 characters, its extension kept."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rstrip("/").rpartition("/")[2]
    shown = "".join(character if character.isprintable() or character == " " else " " for character in last if _visible(character))
    tidy = " ".join(shown.replace('"', "'").split()).strip(". ") if set(shown) - set(". ") else ""
    if not tidy:
        return NAMELESS
    return tidy if len(tidy) <= LONGEST else _shortened(tidy)


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
