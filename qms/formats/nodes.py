"""Short ways through a JSON value that was read safely: what is not of the expected shape counts as missing."""

from collections.abc import Mapping
from typing import Any

Node = Mapping[str, Any]


def node(parent: Node, key: str) -> Node:
    """The object under ``key``, an empty one when there is none."""
    found = parent.get(key)
    return found if isinstance(found, dict) else {}


def nodes(parent: Node, key: str) -> list[Node]:
    """The objects in the list under ``key``."""
    found = parent.get(key)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def text(parent: Node, key: str) -> str | None:
    """The text or number under ``key`` as it was written, else None."""
    found = parent.get(key)
    return str(found) if isinstance(found, str) else None
