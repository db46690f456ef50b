"""Reads the steps, timers and planned openings of a workflow: who may move a case, what that takes, which clocks run, and which cases
open by themselves."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from qms.workflows.definition import OPENING, PROFILES, Escalation, Field, Slot, Timer
from qms.workflows.expression import BUILT_IN, Expression
from qms.workflows.reader import NAME, WORKFLOW_NAME, Reader, near
from qms.workflows.reading_fields import type_of
from qms.workflows.recurring import Schedule
from qms.workflows.scope import Names
from qms.workflows.step import Branch, EffectCall, Guard, Quorum, Step, Wanted
from qms.workflows.types import BOOLEAN, DATE, DURATION, MOMENT, PERSON, PERSONS, Mistake, fits
from qms.workflows.yaml_file import Items, Node, Table, Word

EFFECT_NAME = re.compile(r"[a-z][a-z-]{1,39}")
OPEN_CASE = "open-case"
OPENING_REQUIRED, STEP_REQUIRED = ("title", "by"), ("title", "from", "by")
OPENING_KEYS = ("asks", "evidence", "guards", "effects", "sets", "comment")
STEP_KEYS = ("to", "quorum", *OPENING_KEYS, "apart_from", "not_in", "sod_code", "binds", "sign", "clears", "profile")
MOST_MONTHS = 60
DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
OF_THE_DAY = ("today", "happened_at", "recorded_at")
"""What is known before there is a case."""
_DAY = re.compile(r"(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")


@dataclass(frozen=True)
class Known:
    """What steps and timers may refer to."""

    names: Names
    fields: Mapping[str, Field]
    slots: Mapping[str, Slot]
    states: Collection[str]
    steps: Collection[str]
    links: Mapping[str, str]
    """Name of the link → workflow of its cases."""
    subject: str | None


def read_opening(reader: Reader, node: Node | None, known: Known, line: int) -> Step:
    table = reader.table(node, OPENING, line)
    reader.keys(table, OPENING_REQUIRED, OPENING_KEYS)
    return _step(reader, OPENING, table, known, ())


def read_step(reader: Reader, name: str, node: Node, known: Known, line: int) -> Step:
    table = reader.table(node, name, line)
    if not NAME.fullmatch(name) or name == OPENING:
        reader.malformed(line, "steps", name, NAME)
    reader.keys(table, STEP_REQUIRED, STEP_KEYS)
    sources = reader.known(reader.words(table.entries.get("from"), "from"), "state", known.states)
    step = _step(reader, name, replace(table, line=line), known, sources)
    if step.binds and known.subject != "document":
        reader.wrong(table.lines.get("binds", line), "binds_without_document")
    return step


def _step(reader: Reader, name: str, table: Table, known: Known, sources: tuple[str, ...]) -> Step:
    entries = table.entries
    branches, target = _targets(reader, entries.get("to"), known)
    by = reader.roles(entries.get("by"), "by")
    if not by and "by" in entries:
        reader.wrong(table.lines["by"], "empty", key="by")
    asks, clears = _wanted(reader, entries.get("asks"), "asks", "field", known.fields), _clears(reader, entries.get("clears"), known)
    for touched in [*(wanted.name for wanted in asks), *clears]:
        if known.fields[touched].computed is not None:
            reader.wrong(table.line, "computed_touched", name=touched, step=name)
    return Step(
        name=name,
        title=reader.text(entries.get("title"), "title", table.line),
        sources=sources,
        branches=branches,
        target=target,
        quorum=_quorum(reader, entries.get("quorum"), known),
        by=by,
        asks=asks,
        evidence=_wanted(reader, entries.get("evidence"), "evidence", "slot", known.slots),
        comment_required=reader.one_of(entries.get("comment"), "comment", ("optional", "required"), "optional") == "required",
        guards=tuple(_guards(reader, entries.get("guards"), known)),
        apart_from=reader.known(reader.words(entries.get("apart_from"), "apart_from"), "step", {*known.steps, OPENING}),
        not_in=tuple(_persons(reader, entries.get("not_in"), known)),
        sod_code=reader.name(entries.get("sod_code"), "sod_code", NAME) or f"{name}_apart",
        binds=reader.truth(entries.get("binds"), "binds"),
        sign=reader.text(entries["sign"], "sign", table.line) if "sign" in entries else None,
        clears=clears,
        sets=_sets(reader, entries.get("sets"), known, table.line),
        effects=tuple(_effects(reader, entries.get("effects"), known)),
        profile=reader.one_of(entries.get("profile"), "profile", PROFILES, "") or None,
        line=table.line,
    )


def _targets(reader: Reader, node: Node | None, known: Known) -> tuple[tuple[Branch, ...], str | None]:
    """A state, or conditions with a state each and one for when none holds."""
    if node is None or isinstance(node, Word):
        return (), next(iter(reader.known(reader.words(node, "to"), "state", known.states)), None)
    *conditions, last = reader.items(node, "to") or (node,)
    branches = []
    for item in conditions:
        table = reader.table(item, "to", item.line)
        reader.keys(table, ("when", "state"))
        when = reader.expression(table.entries.get("when"), "when", known.names, BOOLEAN)
        states = reader.known(reader.words(table.entries.get("state"), "state"), "state", known.states)
        if when is not None and states:
            branches.append(Branch(when, states[0]))
    if not isinstance(last, Word):
        reader.wrong(last.line, "last_target")
        return tuple(branches), None
    return tuple(branches), next(iter(reader.known([last], "state", known.states)), None)


def _quorum(reader: Reader, node: Node | None, known: Known) -> Quorum | None:
    if node is None:
        return None
    table = reader.table(node, "quorum", node.line)
    reader.keys(table, (), ("of", "count", "order"))
    of = reader.expression(table.entries.get("of"), "of", known.names, PERSONS)
    count = reader.number(table.entries.get("count"), "count")
    in_order = reader.one_of(table.entries.get("order"), "order", ("any", "listed"), "any") == "listed"
    wrong = count is not None and (count != int(count) or not 2 <= count <= 20)
    if wrong or (count is None and "of" not in table.entries) or (in_order and "of" not in table.entries):
        reader.wrong(node.line, "quorum")
    return Quorum(of, int(count) if count is not None else None, in_order)


def _clears(reader: Reader, node: Node | None, known: Known) -> tuple[str, ...]:
    return reader.known(reader.words(node, "clears"), "field", known.fields)


def _wanted(reader: Reader, node: Node | None, key: str, kind: str, known: Collection[str]) -> tuple[Wanted, ...]:
    words = reader.words(node, key)
    marks = "?!" if kind == "slot" else "?"
    bare = [replace(word, text=word.text[:-1] if word.text[-1:] in marks else word.text) for word in words]
    names = reader.known(bare, kind, known)
    written = {word.text for word in words}
    return tuple(Wanted(name, f"{name}?" not in written, f"{name}!" in written) for name in names)


def _guards(reader: Reader, node: Node | None, known: Known) -> list[Guard]:
    found: list[Guard] = []
    for item in reader.items(node, "guards"):
        table = reader.table(item, "guards", item.line)
        waits = "later" in table.entries
        reader.keys(table, ("code", "later" if waits else "that", "message"), ())
        code = reader.name(table.entries.get("code"), "code", NAME)
        if any(guard.code == code for guard in found):
            reader.wrong(table.line, "twice", name=code)
        that = None if waits else reader.expression(table.entries.get("that"), "that", known.names, BOOLEAN)
        later = reader.word(table.entries.get("later"), "later") if waits else None
        found.append(Guard(code, reader.text(table.entries.get("message"), "message", table.line), that, later, table.line))
    return found


def _persons(reader: Reader, node: Node | None, known: Known) -> list[Expression]:
    found = (reader.expression(word, "not_in", known.names, PERSONS, PERSON) for word in reader.words(node, "not_in"))
    return [expression for expression in found if expression is not None]


def _sets(reader: Reader, node: Node | None, known: Known, line: int) -> Mapping[str, Expression]:
    table = reader.table(node, "sets", line)
    found = {}
    for name, inner in table.entries.items():
        field = known.fields.get(name)
        if field is None:
            reader.wrong(table.lines[name], "unknown_field", name=name, near=near(name, known.fields))
        elif field.personal or field.columns is not None or field.computed is not None:
            reader.wrong(table.lines[name], "cannot_be_set", name=name)
        else:
            expression = _fitting(reader, inner, field, known)
            if expression is not None:
                found[name] = expression
    return found


def _fitting(reader: Reader, node: Node, field: Field, known: Known) -> Expression | None:
    """An expression whose value may stand in ``field``."""
    expression = reader.expression(node, field.name, known.names)
    if expression is not None and not fits(expression.type, type_of(field)):
        mistake = Mistake("result", expected=type_of(field).name, found=expression.type.name)
        reader.mistake(node.line, expression.text, mistake)
    return expression


def _effects(reader: Reader, node: Node | None, known: Known) -> list[EffectCall]:
    found: list[EffectCall] = []
    for item in reader.items(node, "effects"):
        if isinstance(item, Word):
            name = reader.name(item, "effects", EFFECT_NAME)
            if name == OPEN_CASE:
                reader.wrong(item.line, "open_case_arguments")
            found.append(EffectCall(name, False, item.line))
            continue
        table = reader.table(item, "effects", item.line)
        if len(table.entries) != 1:
            reader.wrong(item.line, "one_effect")
            continue
        ((name, inner),) = table.entries.items()
        if name == "later":
            found.append(EffectCall(reader.word(inner, "later"), True, table.line))
        elif name == OPEN_CASE:
            found.append(_open_case(reader, inner, known, table.line))
        else:
            if not EFFECT_NAME.fullmatch(name):
                reader.malformed(item.line, "effects", name, EFFECT_NAME)
            found.append(EffectCall(name, False, table.line, fields=_expressions(reader, inner, name, known, table.line)))
    return found


def _expressions(reader: Reader, node: Node | None, key: str, known: Known, line: int) -> Mapping[str, Expression]:
    table = reader.table(node, key, line)
    found = {name: reader.expression(value, name, known.names) for name, value in table.entries.items()}
    return {name: expression for name, expression in found.items() if expression is not None}


def _open_case(reader: Reader, node: Node, known: Known, line: int) -> EffectCall:
    table = reader.table(node, OPEN_CASE, line)
    reader.keys(table, ("workflow", "fields"), ("link",))
    workflow = reader.name(table.entries.get("workflow"), "workflow", WORKFLOW_NAME)
    link = reader.word(table.entries.get("link"), "link") or None
    if link is not None and link not in known.links:
        reader.wrong(table.lines["link"], "unknown_link", name=link, near=near(link, known.links))
    elif link is not None and known.links[link] != workflow:
        reader.wrong(table.lines["link"], "link_workflow", link=link, workflow=known.links[link])
    return EffectCall(OPEN_CASE, False, line, workflow, link, _expressions(reader, table.entries.get("fields"), "fields", known, line))


def read_timer(reader: Reader, name: str, node: Node, known: Known, line: int) -> Timer | None:
    table = reader.table(node, name, line)
    entries = table.entries
    if not NAME.fullmatch(name):
        reader.malformed(line, "timers", name, NAME)
    reader.keys(table, ("title", "start", "due"), ("warn", "until", "escalate", "hard", "on_due", "profile"))
    starts_with, start = _start(reader, entries.get("start"), known, line)
    due = reader.expression(entries.get("due"), "due", known.names, DURATION, MOMENT, DATE)
    warn = [reader.expression(word, "warn", known.names, DURATION) for word in reader.words(entries.get("warn"), "warn")]
    on_due, due_step = _on_due(reader, entries.get("on_due"), known, line)
    escalate, chain = _escalation(reader, entries.get("escalate"), known)
    until = reader.known(reader.words(entries.get("until"), "until"), "step", known.steps)
    title = reader.text(entries.get("title"), "title", line)
    hard = reader.truth(entries.get("hard"), "hard")
    profile = reader.one_of(entries.get("profile"), "profile", PROFILES, "") or None
    if due is None:
        return None
    if chain and on_due == "nothing":
        reader.wrong(line, "escalation_without_due")
    warnings = tuple(expression for expression in warn if expression is not None)
    return Timer(name, title, starts_with, start, due, warnings, until, escalate, chain, hard, on_due, due_step, profile, line)


def _escalation(reader: Reader, node: Node | None, known: Known) -> tuple[tuple[str, ...], tuple[Escalation, ...]]:
    """The roles told when a timer is due, and those told later."""
    if not isinstance(node, Items):
        return reader.roles(node, "escalate"), ()
    later = [item for item in node.items if isinstance(item, Table)]
    chain = []
    for item in later:
        reader.keys(item, ("after", "tell"))
        after = reader.expression(item.entries.get("after"), "after", known.names, DURATION)
        tell = reader.roles(item.entries.get("tell"), "tell")
        if after is not None:
            chain.append(Escalation(after, tell))
    return reader.roles(Items(tuple(item for item in node.items if item not in later), node.line), "escalate"), tuple(chain)


def _start(reader: Reader, node: Node | None, known: Known, line: int) -> tuple[str, str]:
    table = reader.table(node, "start", line)
    reader.keys(table, (), ("step", "state", "field"))
    if len(table.entries) != 1:
        reader.wrong(table.line, "timer_start")
        return "step", OPENING
    ((kind, inner),) = table.entries.items()
    sets: dict[str, Collection[str]] = {"step": {*known.steps, OPENING}, "state": known.states, "field": known.fields}
    names = reader.known(reader.words(inner, kind), kind, sets[kind]) if kind in sets else ()
    if kind == "field" and names and known.fields[names[0]].type not in ("date", "datetime"):
        reader.wrong(table.line, "timer_field", name=names[0])
    return kind, names[0] if names else OPENING


def _on_due(reader: Reader, node: Node | None, known: Known, line: int) -> tuple[str, str | None]:
    if node is None or isinstance(node, Word):
        return reader.one_of(node, "on_due", ("nothing", "flag"), "flag"), None
    table = reader.table(node, "on_due", line)
    reader.keys(table, ("step",))
    names = reader.known(reader.words(table.entries.get("step"), "step"), "step", known.steps)
    return ("step", names[0]) if names else ("flag", None)


def read_schedules(reader: Reader, node: Node | None, known: Known, opening: Step, line: int) -> Mapping[str, Schedule]:
    table = reader.table(node, "scheduled", line)
    found = {name: _schedule(reader, name, inner, known, opening, table.lines[name]) for name, inner in table.entries.items()}
    if found and known.subject is not None:
        reader.wrong(line, "schedule_of_subject")
    return {name: schedule for name, schedule in found.items() if schedule is not None}


def _schedule(reader: Reader, name: str, node: Node, known: Known, opening: Step, line: int) -> Schedule | None:
    table = reader.table(node, name, line)
    entries = table.entries
    if not NAME.fullmatch(name):
        reader.malformed(line, "scheduled", name, NAME)
    reader.keys(table, ("title", "day", "months", "fields"))
    title = reader.text(entries.get("title"), "title", line)
    day = _DAY.fullmatch(written := reader.word(entries.get("day"), "day"))
    months = reader.word(entries.get("months"), "months")
    fields = _opened_with(reader, entries.get("fields"), known, opening, line)
    if day is None or int(day[2]) > DAYS[int(day[1]) - 1]:
        reader.wrong(line, "schedule_day", day=written)
        return None
    if not re.fullmatch("[1-9][0-9]?", months) or int(months) > MOST_MONTHS:
        reader.wrong(line, "schedule_months", months=months, limit=MOST_MONTHS)
        return None
    return Schedule(name, title, int(day[1]), int(day[2]), int(months), fields, line)


def _opened_with(reader: Reader, node: Node | None, known: Known, opening: Step, line: int) -> Mapping[str, Expression]:
    """What the case is opened with; all that its opening demands must be there."""
    table = reader.table(node, "fields", line)
    names = replace(known.names, values={name: BUILT_IN[name] for name in OF_THE_DAY}, draft=None, links={})
    found = {}
    for name, inner in table.entries.items():
        field, value = known.fields.get(name), reader.expression(inner, name, names)
        if field is None or field.computed is not None:
            reader.wrong(table.lines[name], "unknown_field", name=name, near=near(name, known.fields))
        elif value is not None and not fits(value.type, type_of(field)):
            reader.wrong(table.lines[name], "schedule_field", name=name)
        elif value is not None:
            found[name] = value
    lacking = [wanted.name for wanted in opening.asks if wanted.required and wanted.name not in table.entries]
    lacking += [wanted.name for wanted in opening.evidence if wanted.required]
    if lacking:
        reader.wrong(line, "schedule_lacks", names=", ".join(lacking))
    return found
