"""Short ways through an XML tree that was read safely: the first element of a path, its text, an attribute."""

from collections.abc import Mapping

from lxml import etree

Names = Mapping[str, str] | None


def first(element: etree._Element | None, path: str, names: Names = None) -> etree._Element | None:
    """The first element at ``path``, None when there is none or nowhere to start."""
    return None if element is None else element.find(path, dict(names) if names else None)


def every(element: etree._Element | None, path: str, names: Names = None) -> list[etree._Element]:
    """All elements at ``path`` in document order."""
    return [] if element is None else list(element.findall(path, dict(names) if names else None))


def text(element: etree._Element | None, path: str = ".", names: Names = None) -> str | None:
    """The text inside the first element at ``path``, its paragraphs parted by a blank; None when the element is missing."""
    found = element if path == "." else first(element, path, names)
    if found is None:
        return None
    paragraphs = found.findall("{*}P")
    return "\n".join(joined(part) for part in paragraphs) if paragraphs else joined(found)


def attribute(element: etree._Element | None, path: str, name: str, names: Names = None) -> str | None:
    """An attribute of the first element at ``path`` that has it."""
    return next((str(value) for found in every(element, path, names) if (value := found.get(name)) is not None), None)


def joined(element: etree._Element) -> str:
    """All text inside an element as it runs."""
    return "".join(str(part) for part in element.itertext())


def spaced(element: etree._Element) -> str:
    """All text inside an element with a blank between its parts, for searching."""
    return " ".join(str(part) for part in element.itertext())


def local_name(element: etree._Element) -> str:
    """The name of an element without its namespace."""
    return str(etree.QName(element).localname)
