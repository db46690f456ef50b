"""Every word the program says to people, in Italian and English, kept in gettext catalogues beside this file.

One catalogue per room and language (``it/people.po``). A message's id is a stable key (``case.version_stale``), never a sentence, so
that both languages are translations and neither is the program's. Values stand in braces: ``{number}``.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from babel.messages.pofile import read_po

from qms.errors import Problem, Reason, Text

LANGUAGES = ("it", "en")


def say(language: str, key: str, /, count: int | None = None, **values: object) -> str:
    """The sentence ``key`` in ``language``; with ``count`` the singular or plural that fits. Raises KeyError for an unknown key."""
    message = catalogue(language)[key]
    if isinstance(message, tuple):
        message = message[0 if count == 1 else 1]
    if count is not None:
        values = {"count": count, **values}
    return message.format_map(values) if values else message


def knows(language: str, key: str) -> bool:
    """Whether ``key`` has a sentence in ``language``."""
    return key in catalogue(language)


def spoken(wanted: str, otherwise: str) -> str:
    """The first language we speak among those a browser or a program asks for, in the manner of the header Accept-Language."""
    asked = [part.strip()[:2].lower() for part in wanted.split(",")]
    return next((language for language in asked if language in LANGUAGES), otherwise)


def sentence(language: str, reason: Reason | Problem, roles: Mapping[str, Text] | None = None) -> str:
    """What to tell a person about one unmet requirement or one mistake in a file.

    A refusal's sentence is ``refusal.<kind>.<detail>`` where the catalogue has it, else ``refusal.<kind>``. ``roles`` are the titles of
    roles, where they are known: a refusal names codes.
    """
    if isinstance(reason, Problem):
        key, text = f"problem.{reason.code}", None
        detail = ""
    else:
        key, text, detail = f"refusal.{reason.kind}", reason.text, reason.code.partition(":")[2]
    if text is not None:
        return text[language]
    if knows(language, f"{key}.{detail}"):
        key = f"{key}.{detail}"
    elif roles and reason.code.startswith("ROLE:"):
        detail = ", ".join(roles[code][language] if code in roles else code for code in detail.split(","))
    values: dict[str, Any] = {"detail": detail, **{name: _shown(language, value) for name, value in reason.values.items()}}
    return say(language, key, **values)


def _shown(language: str, value: object) -> object:
    return value[language] if isinstance(value, dict) and language in value else value


@cache
def catalogue(language: str) -> dict[str, str | tuple[str, ...]]:
    """All messages of ``language`` by key, plurals as (one, other). Raises ValueError when a key stands in two catalogues."""
    found: dict[str, str | tuple[str, ...]] = {}
    for file in sorted(files(__package__).joinpath(language).iterdir(), key=lambda item: item.name):
        if not file.name.endswith(".po"):
            continue
        with file.open("rb") as stream:
            for message in read_po(stream, locale=language):
                key = message.id[0] if isinstance(message.id, (list, tuple)) else message.id
                if not key:
                    continue
                if key in found:
                    raise ValueError(f"{file.name}: {key} is already taken")
                text = message.string or ""
                found[key] = tuple(text) if isinstance(text, (list, tuple)) else text
    return found
