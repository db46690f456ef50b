"""The fields of a case as a form asks for them and as a page shows them: one widget for each type, tables included, without any script."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from qms.people import directory
from qms.web.call import Call
from qms.web.words import Words
from qms.workflows.definition import Definition, Field, Slot
from qms.workflows.fields import nested
from qms.workflows.step import Wanted

PREFIX = "field."
SPARE_ROWS = 2
MOST_ROWS = 200
KINDS = {
    "long_text": "area", "choice": "select", "choices": "checks", "boolean": "yes_no", "person": "select", "organisation": "select",
    "role": "select", "table": "table",
}  # fmt: skip
EXAMPLES = {"date": "22/11/2026", "datetime": "22/11/2026 11:58", "money": "1.234,56", "duration": "10wd", "percent": "22"}
NUMBERS = frozenset({"integer", "decimal", "money", "percent"})

Options = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Widget:
    """One field of a form: what it is called, what stands in it, what is wrong with it."""

    name: str
    id: str
    kind: str
    type: str
    label: str
    hint: str
    value: str
    values: tuple[str, ...]
    options: Options
    is_required: bool
    unit: str
    wrong: str | None
    rows: tuple[tuple["Widget", ...], ...] = ()
    spare: int = 0


@dataclass(frozen=True)
class FileWidget:
    """One place for evidence, and what lies there already."""

    slot: str
    label: str
    types: tuple[str, ...]
    many: bool
    is_required: bool
    present: tuple[str, ...]
    is_fresh: bool
    kept: tuple[tuple[str, str], ...]
    wrong: str | None


class Form:
    """Makes the widgets of one form: from what was typed when the form came back, else from what the case holds."""

    def __init__(self, call: Call, connection: Any, words: Words) -> None:
        self.call, self.connection, self.words = call, connection, words
        typed = nested(call.texts(PREFIX)) if call.request.method == "POST" else {}
        self.typed: Mapping[str, Any] = typed
        self.is_typed = call.request.method == "POST"
        self._options: dict[str, Options] = {}

    def widgets(self, definition: Definition, asks: Sequence[Wanted], present: Mapping[str, Any]) -> tuple[Widget, ...]:
        """A widget for each field that a step asks."""
        return tuple(self._widget(definition.fields[wanted.name], wanted.required, present.get(wanted.name)) for wanted in asks)

    def files(self, slots: Mapping[str, Slot], wanted: Sequence[Wanted], present: Mapping[str, tuple[str, ...]]) -> tuple[FileWidget, ...]:
        """A widget for each slot that a step asks; files received with a refused form are named, not asked again."""
        return tuple(self._file(slots[one.name], one, present.get(one.name, ())) for one in wanted)

    def _file(self, slot: Slot, wanted: Wanted, present: tuple[str, ...]) -> FileWidget:
        call = self.call
        kept = tuple((attachment.name, call.slip(attachment)) for attachment in call.kept if attachment.slot == slot.name)
        wrong = call.refusal.at(slot.name) if call.refusal else None
        return FileWidget(
            slot.name, slot.title[call.language], slot.types, slot.many, wanted.required, present, wanted.is_fresh, kept, wrong
        )

    def _widget(self, field: Field, required: bool, stored: Any, place: str = "") -> Widget:
        name = place or field.name
        if field.columns is not None:
            return self._table(field, required, stored)
        typed = self._typed(place, field.name)
        written = typed if self.is_typed and typed is not None else self._written(field, stored)
        values = tuple(str(one) for one in written) if isinstance(written, (list, tuple)) else (str(written),)
        return Widget(
            PREFIX + name, f"f-{name}", KINDS.get(field.type, "text"), field.type, field.title[self.call.language], self._hint(field),
            values[0] if values else "", values, self._choices(field), required, field.unit or ("EUR" if field.type == "money" else ""),
            self.call.refusal.at(name) if self.call.refusal else None,
        )  # fmt: skip

    def _typed(self, place: str, name: str) -> Any:
        if not place:
            return self.typed.get(name)
        table, index, column = place.split(".")
        rows = self._typed_rows(table)
        return rows[int(index)].get(column, "") if int(index) < len(rows) else ""

    def _typed_rows(self, table: str) -> list[Any]:
        """The rows that were typed, empty ones left out as the reader leaves them out: so that each mistake finds its row."""
        rows = self.typed.get(table) or []
        return [row for row in rows if isinstance(row, dict) and any(value not in (None, "", []) for value in row.values())]

    def _table(self, field: Field, required: bool, stored: Any) -> Widget:
        language, columns = self.call.language, field.columns or {}
        present = self._typed_rows(field.name) if self.is_typed else (stored or [])
        spare = SPARE_ROWS if present else max(SPARE_ROWS, int(field.least or 0))
        if self.call.typed("add_row") == field.name:
            spare += 3
        count = min(len(present) + spare, int(field.most or MOST_ROWS))
        rows = tuple(
            tuple(
                self._widget(column, column.required, present[index].get(name) if index < len(present) and not self.is_typed else None,
                             f"{field.name}.{index}.{name}")
                for name, column in columns.items()
            )
            for index in range(count)
        )  # fmt: skip
        wrong = self.call.refusal.at(field.name) if self.call.refusal else None
        return Widget(
            PREFIX + field.name, f"f-{field.name}", "table", "table", field.title[language], self._hint(field), "", (), (), required, "",
            wrong, rows, spare,
        )  # fmt: skip

    def _written(self, field: Field, stored: Any) -> str | list[str]:
        """A kept value as one would type it."""
        if stored is None:
            return field.default or ""
        if field.type == "datetime":
            return self.words.for_input(stored)
        if field.type == "date":
            return "/".join(reversed(str(stored).split("-")))
        if field.type in ("money", "decimal", "percent"):
            return self.words.number(stored, 2 if field.type == "money" else None)
        if isinstance(stored, bool):
            return "true" if stored else "false"
        return [str(one) for one in stored] if isinstance(stored, list) else str(stored)

    def _hint(self, field: Field) -> str:
        parts = [field.help[self.call.language]] if field.help else []
        if field.type in EXAMPLES:
            parts.append(self.words.t("web.field.example", example=EXAMPLES[field.type]))
        return " ".join(parts)

    def _choices(self, field: Field) -> Options:
        if field.options is not None:
            return tuple((name, title[self.call.language]) for name, title in field.options.items())
        if field.type not in ("person", "organisation", "role"):
            return ()
        if field.type not in self._options:
            self._options[field.type] = tuple(self._known(field.type))
        return self._options[field.type]

    def _known(self, kind: str) -> list[tuple[str, str]]:
        if kind == "person":
            return [
                (one.id, one.name) for one in directory.persons(self.connection, limit=1000) if not one.disabled_at and one.kind == "staff"
            ]
        if kind == "organisation":
            return [(one.id, one.name) for one in directory.organisations(self.connection)]
        return [(code, title[self.call.language]) for code, title in self.call.app.hats.roles.items()]


class Shown:
    """Shows kept values to a reader: names for persons, words for choices, dates and amounts in their own form."""

    def __init__(self, connection: Any, words: Words, roles: Mapping[str, Any]) -> None:
        self.connection, self.words, self.roles = connection, words, roles
        self._names: dict[str, str] = {}

    def value(self, field: Field, stored: Any) -> Any:
        """One value; a table comes as rows of (title, value)."""
        words = self.words
        if stored is None or stored == "" or stored == []:
            return "–"
        if field.columns is not None:
            return None
        match field.type:
            case "date":
                return words.day(stored)
            case "datetime":
                return words.instant(stored)
            case "money":
                return words.money(stored, field.unit)
            case "decimal" | "integer" | "percent":
                return words.number(stored) + ("\u00a0%" if field.type == "percent" else f" {field.unit}" if field.unit else "")
            case "boolean":
                return words.t("web.yes" if stored else "web.no")
            case "choice":
                return self._option(field, stored)
            case "choices":
                return ", ".join(self._option(field, one) for one in stored)
            case "person":
                return self._person(stored)
            case "organisation":
                return directory.organisation(self.connection, stored).name
            case "document":
                return Markup('<a href="/documents/{}">{}</a>').format(stored, stored)
            case "case":
                return Markup('<a href="/cases/{}">{}</a>').format(stored, stored)
            case "role":
                return words.two(self.roles.get(stored, stored))
        return str(stored)

    def _option(self, field: Field, stored: Any) -> str:
        option = (field.options or {}).get(stored)
        return option[self.words.language] if option else str(stored)

    def _person(self, stored: str) -> str:
        if stored not in self._names:
            self._names |= directory.names(self.connection, [stored])
        return self._names.get(stored, stored)
