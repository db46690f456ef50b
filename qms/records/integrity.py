"""Which case is opened when a kept file proves damaged, as the organisation says it in ``records/integrity.yaml``."""

from collections.abc import Mapping
from dataclasses import dataclass

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from qms.errors import BadContent, Problem
from qms.library import MAIN, Library
from qms.records.sampling import Damaged

PATH = "records/integrity.yaml"


@dataclass(frozen=True)
class Alarm:
    """The workflow of the case, and its fields with places for what is known of the file."""

    workflow: str
    fields: Mapping[str, str]

    def about(self, file: Damaged) -> dict[str, str]:
        """The fields of the case about ``file``."""
        known = {"{position}": str(file.position), "{case}": file.case or "–", "{sha256}": file.sha256}
        return {name: _filled(text, known) for name, text in self.fields.items()}


def in_force(library: Library) -> Alarm | None:
    """What the library's present state says; None where the organisation says nothing. Raises BadContent."""
    head = library.refs(MAIN).get(MAIN)
    blob = library.blob_at(head, PATH) if head is not None else None
    return read(library.read(blob), PATH) if blob is not None else None


def read(source: bytes, path: str) -> Alarm:
    """The alarm in a file. Raises BadContent for one that is none."""
    try:
        table = YAML(typ="safe", pure=True).load(source.decode("utf-8"))
        fields = {str(name): text for name, text in table["fields"].items()}
        if set(table) != {"workflow", "fields"} or not all(isinstance(text, str) for text in (table["workflow"], *fields.values())):
            raise ValueError("workflow, fields: text")
    except (YAMLError, UnicodeDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadContent([Problem(path, 0, "integrity.malformed", {"detail": str(error)[:200]})]) from error
    return Alarm(table["workflow"], fields)


def _filled(text: str, known: Mapping[str, str]) -> str:
    for place, value in known.items():
        text = text.replace(place, value)
    return text
