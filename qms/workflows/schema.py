"""The grammar of a workflow file as JSON Schema (draft 7, which editors of YAML read), made of the very tables that the reader uses.

An editor completes keys and marks unknown ones while one types; what only the whole file can tell (names that must exist, types of rules,
ways between states) is said by ``qms check``.
"""

from collections.abc import Collection, Mapping
from typing import Any

from qms.formats.identifiers import KINDS
from qms.workflows import reading, reading_fields, reading_indicators, reading_steps
from qms.workflows.definition import MEASURED, PROFILES, SUBJECTS
from qms.workflows.reader import NAME, ROLE_NAME, STATE_NAME, WORKFLOW_NAME

Schema = dict[str, Any]
WORD: Schema = {"type": ["string", "number", "boolean"]}
WORDS: Schema = {"anyOf": [WORD, {"type": "array", "items": WORD}]}
EXPRESSION: Schema = {"type": ["string", "number", "boolean"], "description": "an expression; see docs/grammar.md"}
TEXT: Schema = {
    "type": "object", "properties": {"it": {"type": "string"}, "en": {"type": "string"}}, "required": ["it", "en"],
    "additionalProperties": False,
}  # fmt: skip


def schema(effects: Mapping[str, Mapping[str, str]] | None = None) -> Schema:
    """The whole grammar; every part of it refuses keys that the reader does not know. ``effects``: those the program knows, with what
    each is told; any name when they are not given."""
    known: Mapping[str, Schema] = {
        "title": TEXT, "clauses": WORDS, "confidentiality": _confidentiality(), "subject": {"enum": list(SUBJECTS)},
        "parties": _table({"default": WORDS, "add": {"type": "boolean"}}, ["default"]),
        "fields": _named(NAME.pattern, {"anyOf": [_field(kind, False) for kind in reading_fields.TYPES]}),
        "evidence": _named(STATE_NAME.pattern, _slot()),
        "states": _named(STATE_NAME.pattern, _state()),
        "opening": _step(reading_steps.OPENING_REQUIRED, reading_steps.OPENING_KEYS, effects),
        "steps": _named(NAME.pattern, _step(reading_steps.STEP_REQUIRED, reading_steps.STEP_KEYS, effects)),
        "timers": _named(NAME.pattern, _timer()),
        "links": _named(NAME.pattern, _link()),
        "scheduled": _named(NAME.pattern, _schedule()),
        "records": _named(".+", _table({"title": TEXT, "steps": WORDS, "retention": WORD}, ["title", "steps", "retention"])),
        "indicators": {"anyOf": [{"const": reading_indicators.LATER}, _named(NAME.pattern, _indicator())]},
        "measures": _table(dict.fromkeys(("table", *MEASURED), WORD), ["table", *MEASURED]),
        "id": {"type": "string", "pattern": f"^{WORKFLOW_NAME.pattern}$"},
        "prefix": {"type": "string", "pattern": f"^{reading.PREFIX.pattern}$"},
        "owner": {"type": "string", "pattern": f"^{ROLE_NAME.pattern}$"},
    }  # fmt: skip
    properties = {key: known.get(key, WORD) for key in (*reading.REQUIRED, *reading.OPTIONAL)}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "qms workflow",
        **_table(properties, reading.REQUIRED),
    }


def _table(properties: Mapping[str, Schema], required: Collection[str] = ()) -> Schema:
    found: Schema = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return {**found, "required": list(required)} if required else found


def _named(pattern: str, each: Schema) -> Schema:
    return {"type": "object", "patternProperties": {f"^{pattern}$": each}, "additionalProperties": False}


def _confidentiality() -> Schema:
    return {"anyOf": [{"const": "normal"}, _table({"restricted": WORDS}, ["restricted"]), _table({"personal": WORDS}, ["personal"])]}


def _field(kind: str, column: bool) -> Schema:
    """One type of field with the keys that go with it."""
    special: Mapping[str, Schema] = {
        "type": {"const": kind}, "title": TEXT, "help": TEXT, "personal": {"type": "boolean"}, "required": {"type": "boolean"},
        "options": _named(reading_fields.OPTION_NAME.pattern, TEXT), "kind": {"enum": sorted(KINDS)}, "computed": EXPRESSION,
    }  # fmt: skip
    extra = reading_fields.EXTRA.get(kind, ())
    keys = ("type", "title", *reading_fields.COMMON, *extra, "required" if column else "computed")
    properties = {key: special.get(key, WORD) for key in keys}
    if "columns" in extra:
        columns = {"anyOf": [_field(other, True) for other in reading_fields.TYPES if other != "table"]}
        properties["columns"] = _named(NAME.pattern, columns)
    needed = [key for key in ("options", "kind", "columns") if key in extra]
    return _table(properties, ["type", "title", *needed])


def _slot() -> Schema:
    return _table({"title": TEXT, "types": WORDS, "many": {"type": "boolean"}, "personal": WORDS}, ["title", "types"])


def _state() -> Schema:
    kinds, profiles = {"enum": list(reading.KINDS_OF_STATE)}, {"enum": list(PROFILES)}
    return _table({"title": TEXT, "meaning": TEXT, "kind": kinds, "profile": profiles}, ["title"])


def _step(required: Collection[str], keys: Collection[str], effects: Mapping[str, Mapping[str, str]] | None) -> Schema:
    branch = _table({"when": EXPRESSION, "state": WORD}, ["when", "state"])
    guard = {
        "anyOf": [
            _table({"code": WORD, "that": EXPRESSION, "message": TEXT}, ["code", "that", "message"]),
            _table({"code": WORD, "later": WORD, "message": TEXT}, ["code", "later", "message"]),
        ]
    }
    special: Mapping[str, Schema] = {
        "title": TEXT, "from": WORDS, "by": WORDS, "to": {"anyOf": [WORD, {"type": "array", "items": {"anyOf": [branch, WORD]}}]},
        "quorum": _table({"of": EXPRESSION, "count": {"type": "integer", "minimum": 2}, "order": {"enum": ["any", "listed"]}}),
        "asks": WORDS, "evidence": WORDS, "guards": {"type": "array", "items": guard},
        "effects": {"type": "array", "items": _effect(effects)},
        "sets": _named(NAME.pattern, EXPRESSION), "comment": {"enum": ["optional", "required"]}, "apart_from": WORDS, "not_in": WORDS,
        "binds": {"type": "boolean"}, "sign": TEXT, "clears": WORDS, "profile": {"enum": list(PROFILES)},
    }  # fmt: skip
    return _table({key: special.get(key, WORD) for key in (*required, *keys)}, required)


def _effect(effects: Mapping[str, Mapping[str, str]] | None) -> Schema:
    opened = _table({"workflow": WORD, "link": WORD, "fields": _named(NAME.pattern, EXPRESSION)}, ["workflow", "fields"])
    named = {"type": "object", "patternProperties": {f"^{reading_steps.EFFECT_NAME.pattern}$": _named(NAME.pattern, EXPRESSION)}}
    call = {**named, "additionalProperties": False, "minProperties": 1, "maxProperties": 1, "not": {"required": [reading_steps.OPEN_CASE]}}
    opening = {**_table({reading_steps.OPEN_CASE: opened}, [reading_steps.OPEN_CASE])}
    later = _table({"later": WORD}, ["later"])
    if effects is None:
        return {"anyOf": [{"type": "string"}, later, opening, call]}
    told = [_table({name: _table(dict.fromkeys(arguments, EXPRESSION))}, [name]) for name, arguments in effects.items() if arguments]
    return {"anyOf": [{"enum": sorted(effects)}, later, opening, *told]}


def _timer() -> Schema:
    start = {"anyOf": [_table({kind: WORD}, [kind]) for kind in ("step", "state", "field")]}
    link = _table({"after": EXPRESSION, "tell": WORDS}, ["after", "tell"])
    told = {"anyOf": [WORD, {"type": "array", "items": {"anyOf": [WORD, link]}}]}
    on_due = {"anyOf": [{"enum": ["nothing", "flag"]}, _table({"step": WORD}, ["step"])]}
    special = {"title": TEXT, "start": start, "due": EXPRESSION, "warn": WORDS, "until": WORDS, "escalate": told, "on_due": on_due}
    keys = {**special, "hard": {"type": "boolean"}, "profile": {"enum": list(PROFILES)}}
    return _table(keys, ["title", "start", "due"])


def _schedule() -> Schema:
    months = {"type": "integer", "minimum": 1, "maximum": reading_steps.MOST_MONTHS}
    day = {"type": "string", "pattern": "^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"}
    keys = {"title": TEXT, "day": day, "months": months, "fields": _named(NAME.pattern, EXPRESSION)}
    return _table(keys, list(keys))


def _link() -> Schema:
    reads = _named(NAME.pattern, {"enum": sorted(set(reading_fields.TYPES) - {"table", "choices"})})
    relation, reopened = {"enum": ["contains", "references"]}, {"anyOf": [{"enum": ["block", "allow"]}, _table({"step": WORD}, ["step"])]}
    return _table({"title": TEXT, "workflow": WORD, "relation": relation, "reads": reads, "reopened": reopened}, ["title", "workflow"])


def _indicator() -> Schema:
    special: Mapping[str, Schema] = {
        "title": TEXT, "of": {"enum": list(reading_indicators.OF)}, "every": {"enum": list(reading_indicators.PERIODS)},
        "unit": {"anyOf": [WORD, TEXT]}, "floor": {"type": "integer", "minimum": 1, "maximum": reading_indicators.MOST_FLOOR},
    }  # fmt: skip
    keys = (*reading_indicators.REQUIRED, *reading_indicators.OPTIONAL)
    return _table({key: special.get(key, EXPRESSION) for key in keys}, reading_indicators.REQUIRED)
