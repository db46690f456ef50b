"""How each process stands, and which clause is served by what, with how fresh the evidence is (ISO 9001, 4.4, 9.1.3 and 9.2).

Every number is counted by indexed questions about open cases only, and only of cases the reader may see: history may grow, the page does
not slow down. A clause is never called covered: its documents, its newest evidence and its open points are shown, the auditor judges.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select, true

from qms.database import moment, stamp
from qms.errors import Text
from qms.people.actor import Actor
from qms.people.sight import sees_document
from qms.procedures import clauses, control
from qms.procedures.clauses import Clause, Clauses
from qms.procedures.register import RegisterRow
from qms.workflows.case import seen_by
from qms.workflows.definition import Definition
from qms.workflows.engine import Engine
from qms.workflows.tables import case_file, case_link

MANY = 10_000
FINDINGS = ("8.7", "10.2")
"""What serves one of these clauses deals with what went wrong: its open cases are open points of the processes they hang on."""


@dataclass(frozen=True)
class Standing:
    """How a process stands for one reader: open cases by state, how many of them are late, the last closed, the newest of all."""

    definition: Definition
    states: tuple[tuple[Text, str, int], ...]
    """Title, name and number of cases of each state in which some are open."""
    late: int
    last_closed: tuple[str, datetime] | None
    newest: tuple[str, datetime] | None
    """The case that moved last, and when."""
    findings: tuple[tuple[str, str, Text], ...]
    """Open cases about what went wrong that hang on this process: number, title, state."""

    @property
    def open(self) -> int:
        return sum(number for _, _, number in self.states)


@dataclass(frozen=True)
class Finding:
    """An open case about what went wrong."""

    number: str
    title: str
    workflow: Text
    state: Text
    opened_at: datetime
    due_at: datetime | None


@dataclass(frozen=True)
class ClauseRow:
    """A clause with what serves it. ``due`` are those of its documents whose review has passed."""

    clause: Clause
    documents: tuple[RegisterRow, ...]
    processes: tuple[Standing, ...]
    due: tuple[RegisterRow, ...]

    @property
    def newest(self) -> tuple[str, datetime] | None:
        return max((one.newest for one in self.processes if one.newest is not None), key=lambda found: found[1], default=None)

    @property
    def late(self) -> int:
        return sum(one.late for one in self.processes)

    @property
    def findings(self) -> int:
        return len({number for one in self.processes for number, _, _ in one.findings})


def standings(connection: Connection, engine: Engine, by: Actor) -> list[Standing]:
    """Every process in force as it stands for ``by``, in the order of its id."""
    seen = seen_by(connection, engine, by)
    states = _states(connection, engine)
    open_, late = _open(connection, seen, states, engine.clock())
    findings = _findings(connection, seen, states, engine)
    found = []
    for loaded in engine.definitions.all_in_force(connection):
        one = loaded.definition
        titles = states.get(one.id, {})
        counted = tuple((title, name, open_[one.id, name]) for name, (title, _) in titles.items() if (one.id, name) in open_)
        newest, closed = _last(connection, seen, one.id, titles)
        found.append(Standing(one, counted, late.get(one.id, 0), closed, newest, findings.get(one.id, ())))
    return found


def matrix(connection: Connection, engine: Engine, by: Actor, known: Clauses, today: date) -> tuple[ClauseRow, ...]:
    """Every clause of the list and whatever else documents and processes name, with what ``by`` may see of each."""
    processes = standings(connection, engine, by)
    rows = [row for row in control.register(connection, limit=MANY) if sees_document(by, row.distribution)]
    named = {name for row in rows for name in row.clauses} | {name for one in processes for name in one.definition.clauses}
    extra = {name: Clause(name, {}, None, 0) for name in named - known.by_key.keys()}
    listed = sorted([*known.by_key.values(), *extra.values()], key=lambda clause: clauses.order(clause.key))
    return tuple(_row(clause, rows, processes, today) for clause in listed)


def open_findings(connection: Connection, engine: Engine, by: Actor, limit: int) -> list[Finding]:
    """Open cases about what went wrong that ``by`` may see, the oldest first."""
    telling = {
        loaded.definition.id: loaded.definition.title for loaded in engine.definitions.all_in_force(connection) if _tells(loaded.definition)
    }
    states = {workflow: known for workflow, known in _states(connection, engine).items() if workflow in telling}
    query = select(case_file).where(_are_open(states), seen_by(connection, engine, by))
    return [
        Finding(
            row.number,
            row.title,
            telling[row.workflow],
            states[row.workflow][row.state][0],
            moment(row.opened_at),
            moment(row.next_due) if row.next_due else None,
        )
        for row in connection.execute(query.order_by(case_file.c.opened_at, case_file.c.number).limit(limit))
    ]


def _row(clause: Clause, rows: list[RegisterRow], processes: list[Standing], today: date) -> ClauseRow:
    documents = tuple(row for row in rows if clause.key in row.clauses)
    due = tuple(row for row in documents if row.next_review and date.fromisoformat(row.next_review) < today)
    return ClauseRow(clause, documents, tuple(one for one in processes if clause.key in one.definition.clauses), due)


def _states(connection: Connection, engine: Engine) -> dict[str, dict[str, tuple[Text, bool]]]:
    """Workflow → state → its title and whether it is an end, over every definition a case may still be pinned to."""
    found: dict[str, dict[str, tuple[Text, bool]]] = {}
    in_force = [loaded.definition for loaded in engine.definitions.all_in_force(connection)]
    for one in [*in_force, *(loaded.definition for loaded in engine.definitions.known(connection))]:
        for state in one.states.values():
            found.setdefault(one.id, {}).setdefault(state.name, (state.title, state.is_end))
    return found


def _are_open(states: Mapping[str, Mapping[str, tuple[Text, bool]]]) -> ColumnElement[bool]:
    """That a case stands where it goes on; asked by workflow and state, which are indexed."""
    row = case_file.c
    each = [
        and_(row.workflow == workflow, row.state.in_(sorted(name for name, (_, is_end) in known.items() if not is_end)))
        for workflow, known in sorted(states.items())
    ]
    return or_(*each) if each else ~true()


def _open(
    connection: Connection, seen: ColumnElement[bool], states: Mapping[str, Mapping[str, tuple[Text, bool]]], now: datetime
) -> tuple[dict[tuple[str, str], int], dict[str, int]]:
    """Open cases by workflow and state, and how many are late by workflow."""
    row = case_file.c
    is_late = func.sum(case((row.next_due < stamp(now), 1), else_=0))
    query = select(row.workflow, row.state, func.count(), is_late).where(_are_open(states), seen).group_by(row.workflow, row.state)
    counted: dict[tuple[str, str], int] = {}
    late: dict[str, int] = {}
    for workflow, state, number, overdue in connection.execute(query):
        counted[workflow, state] = number
        late[workflow] = late.get(workflow, 0) + int(overdue)
    return counted, late


def _last(
    connection: Connection, seen: ColumnElement[bool], workflow: str, states: Mapping[str, tuple[Text, bool]]
) -> tuple[tuple[str, datetime] | None, tuple[str, datetime] | None]:
    """The case of a workflow that moved last, and the one closed last: the newest of each state is looked up, never all of them."""
    row = case_file.c
    newest = [
        select(row.number, row.changed_at, row.closed_at)
        .where(row.workflow == workflow, row.state == name, seen)
        .order_by(row.changed_at.desc())
        .limit(1)
        .subquery()
        for name in states
    ]
    if not newest:
        return None, None
    found = list(connection.execute(select(newest[0]).union_all(*(select(one) for one in newest[1:]))))
    moved = max(((one.number, moment(one.changed_at)) for one in found), key=lambda item: item[1], default=None)
    closed = max(((one.number, moment(one.closed_at)) for one in found if one.closed_at), key=lambda item: item[1], default=None)
    return moved, closed


def _findings(
    connection: Connection, seen: ColumnElement[bool], states: Mapping[str, Mapping[str, tuple[Text, bool]]], engine: Engine
) -> dict[str, tuple[tuple[str, str, Text], ...]]:
    """Workflow → the open cases about what went wrong that are linked with one of its cases, whichever way the link was made."""
    telling = {loaded.definition.id for loaded in engine.definitions.all_in_force(connection) if _tells(loaded.definition)}
    those = {workflow: known for workflow, known in states.items() if workflow in telling}
    found: dict[str, dict[str, tuple[str, str, Text]]] = {}
    for workflow, number, title, state, own in _linked(connection, and_(_are_open(those), seen)):
        if workflow != own:
            found.setdefault(workflow, {})[number] = (number, title, states[own][state][0])
    return {workflow: tuple(those.values()) for workflow, those in found.items()}


def _linked(connection: Connection, which: ColumnElement[bool]) -> Iterator[tuple[str, str, str, str, str]]:
    """Workflow of the other side, number, title, state and workflow of each of ``which`` that is linked."""
    row, other = case_file.c, case_file.alias("other")
    for here, there in ((case_link.c.child, case_link.c.parent), (case_link.c.parent, case_link.c.child)):
        joined = case_file.join(case_link, here == row.number).join(other, other.c.number == there)
        query = select(other.c.workflow, row.number, row.title, row.state, row.workflow).select_from(joined).where(which)
        for found in connection.execute(query.order_by(row.number)):
            yield found[0], found[1], found[2], found[3], found[4]


def _tells(definition: Definition) -> bool:
    return any(clause in FINDINGS for clause in definition.clauses)
