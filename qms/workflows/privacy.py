"""Personal fields of a case: kept apart from the trail, shown again to those who may see the case, gone once they were erased."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from qms.database import Transaction
from qms.records import personal
from qms.workflows.definition import Definition, Field


def has_personal(field: Field) -> bool:
    """Whether ``field`` or one of its columns is personal."""
    return field.personal or any(column.personal for column in (field.columns or {}).values())


def reveal(connection: Connection, field: Field, stored: Any) -> Any:
    """The value with its marks replaced by what they stand for; None where it was erased."""
    return _revealed(field, stored, personal.behind(connection, stored)) if has_personal(field) else stored


def reveal_all(connection: Connection, definition: Definition, fields: Mapping[str, Any]) -> dict[str, Any]:
    """All fields of a case with their personal values, asked for together."""
    known = {name: value for name, value in fields.items() if name in definition.fields}
    behind = personal.behind(connection, known)
    return {name: _revealed(definition.fields[name], value, behind) for name, value in known.items()}


def leave_out(definition: Definition, fields: Mapping[str, Any]) -> dict[str, Any]:
    """All fields of a case without their personal values."""
    return {name: _bare(definition.fields[name], value) for name, value in fields.items() if name in definition.fields}


def _bare(field: Field, stored: Any) -> Any:
    if field.personal or stored is None or field.columns is None:
        return None if field.personal else stored
    columns = field.columns
    return [{name: None if columns[name].personal else value for name, value in row.items()} for row in stored]


def hide(tx: Transaction, field: Field, plain: Any) -> Any:
    """The value with personal texts put aside and marks in their place."""
    if plain is None or not has_personal(field):
        return plain
    if field.columns is None:
        return _hidden(tx, plain)
    columns = field.columns
    return [{name: _hidden(tx, value) if columns[name].personal else value for name, value in row.items()} for row in plain]


def _revealed(field: Field, stored: Any, behind: Mapping[str, str]) -> Any:
    if stored is None or field.columns is None:
        return _shown(stored, behind) if field.personal else stored
    columns = field.columns
    return [{name: _shown(value, behind) if columns[name].personal else value for name, value in row.items()} for row in stored]


def _shown(value: Any, behind: Mapping[str, str]) -> Any:
    return behind.get(value["ref"]) if personal.is_mark(value) else value


def _hidden(tx: Transaction, value: Any) -> Any:
    return value if value is None or personal.is_mark(value) else personal.hide(tx, value)
