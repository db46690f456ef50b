"""What a workflow says: the grammar of one file in ``workflows/``, and the values it becomes.

This docstring is the reference of the grammar; ``reading`` reads it, ``check`` judges the whole set of files. Every text for people is
``{it: …, en: …}``. Unknown keys are mistakes. Words are taken as typed; a bare ``no``, ``yes``, ``on``, ``true``, ``null`` as a name
must be quoted. No tags, anchors or aliases. A file has at most 256 kB.

    id: goods-return                  # a-z 0-9 -, unique; never occurs in the program
    title: {it: Reso di merce, en: Return of goods}
    prefix: RESO                      # A-Z, 2 to 8 letters, unique: cases are RESO-2026-0001, without gaps per year
    owner: QM                         # role code
    governed_by: PRO-8.2-01           # key of the procedure; a case is pinned to its revision in force at opening
    clauses: ["8.2.1"]                # of the edition below
    edition: "ISO 9001:2015"
    retention: R-QMS
    confidentiality: normal           # or {restricted: [QM, TOP]} or {personal: [SOCIAL]}: who may see a case at all
    subject: notice                   # optional: document | notice | acknowledgment, when the program itself opens its cases
    parties: {default: [own], add: true}    # organisations of a case; own = the one whose system this is; add: others may be named
    measures:                         # optional: the table of measured results of the work, and which of its columns is which
      table: results                  # result: a choice, which of the results a row belongs to (side by side, never summed); period: a text
      result: result                  # like 2026-10; indicator: a text; value, target and alarm: decimals; sense: a choice of two, first
      period: period                  # "at least the target", then "at most". indicator, value, target, alarm, sense likewise
    fields:                           # a field `title` of type text is demanded: it names the case everywhere
      title: {type: text, title: {it:, en:}, max: 200}
      amount: {type: money, title: {…}, help: {…}, unit: EUR, min: 0}
      severity: {type: choice, title: {…}, options: {MINOR: {it:, en:}, MAJOR: {…}}}    # in order: severity >= 'MAJOR'
      cig: {type: identifier, kind: CIG, title: {…}}
      origin: {type: case, workflow: goods-return, title: {…}}
      causes:
        type: table
        title: {…}
        min: 1
        max: 50
        columns: {text: {type: text, title: {…}, required: true}, owner: {type: person, title: {…}}}
      buyer: {type: text, title: {…}, source: notice.buyer_name}
      learner: {type: text, title: {…}, personal: true}
      total: {type: money, title: {…}, computed: "sum(one.amount for one in causes)"}      # never typed: reckoned anew at each act

Types: text (one line, at most 300 characters) · long_text (Markdown, 20,000) · integer · decimal · money (two decimals) · percent · date
· datetime · duration (``3d``, ``5wd``, ``24h``, ``2m``) · boolean · choice · choices · person · organisation · role · case · document ·
email · url · identifier · table. Every field has ``type`` and ``title``. Further keys: ``help`` · ``unit`` (numbers) · ``min``, ``max``
(numbers and percent: the value; text, long_text: the length; table: the rows, at most 500) · ``pattern`` (text: the whole must match; no
nested repetition) · ``default`` (filled in when the case opens; as one would type it) · ``personal: true`` (kept apart from the trail and
erasable; an expression may only ask ``filled(x)`` or ``x is None`` of it) · ``options`` (choice, choices) · ``kind`` (identifier; a kind
that ``qms identifier check`` knows) · ``workflow`` (case: its workflow, optional) · ``columns`` (table: any type but table and long
tables within tables) · ``source`` (with ``subject: notice``: which fact of the notice fills it; a column's source is relative to its
table's; with ``subject: acknowledgment`` all of ``acknowledgment.title``, ``.person``, ``.document``, ``.revision``, ``.sha256``, and the
person sees the case whatever its confidentiality) · ``required: true`` (columns only: the cell must be filled in every row; whether a
field is required is said by the step that asks it) · ``computed`` (not in tables: the value is always that of this expression, kept
and sealed as it was at each act; no step asks, sets or clears it; computed fields may build on each other, not in a circle).

    evidence:                         # slots for files; codes A-Z 0-9 _
      RECEIPT: {title: {…}, types: [pdf, p7m], many: false}       # types: file extensions; many: one file replaces the other, or adds
      SHEET: {title: {…}, types: [pdf], personal: [TUTOR, QM]}     # names persons: opened only by these roles

    states:                           # names A-Z 0-9 _, in the order of the normal path
      OPEN: {title: {…}, meaning: {…}, kind: initial}   # exactly one initial; normal (default) | settled (an end that may reopen) | final
      SHORT: {title: {…}, profile: small}               # `profile: small | full` on states, steps and timers: only there

    opening: {title: {…}, by: [QM, WORKER], asks: [title], evidence: [], guards: [], effects: [], sets: {}, comment: optional}

    steps:                            # names a-z 0-9 _ ; `opening` is taken
      accept:
        title: {it: Accetta il reso, en: Accept the return}      # what the button says
        from: OPEN                    # one state or a list
        to: ACCEPTED                  # left out: the case stays in its state; or by what was filled in, the first that holds:
                                      # to: [{when: "severity >= 'MAJOR'", state: ESCALATED}, ACCEPTED]
        quorum: {count: 2}            # as many different persons must take it; {of: reviewers.person}: all whom a field names;
                                      # {of: …, count: 2}: two of them; order: listed: one after the other. Until then the case stays;
                                      # who comes later alters nothing; any other step, a reassignment or a migration in between
                                      # voids what was agreed; who is away and who stands in for them are one person
        by: [QM]                      # any of these roles, held in one of the case's organisations; SYS = the program itself
        asks: [amount, severity, note?]        # must be filled after the step; `?` = offered
        evidence: [RECEIPT, PHOTO?]   # satisfied by a file attached now or earlier in this case; `?` = offered
        comment: required             # or optional (default)
        guards:
          - {code: in_time, that: "happened_at <= deadline_at", message: {…}}     # true, or the step is refused: GUARD:in_time
          - {code: skills, later: "registry of skills", message: {…}}             # not evaluated, listed by `qms check`
        apart_from: [opening, submit] # separation of duties: not a person who ever took one of these steps on this case
        not_in: [draft.authors, owner]       # nor one of these persons: a person field, a table's person column (causes.owner), a fact
        sod_code: author_is_approver  # the code after SOD: (default <step>_apart)
        binds: true                   # with subject document: this step approves the very text; sealed with its blob and SHA-256
        sign: {it: "Approvo il reso", en: "I approve the return"}      # signature with this meaning: the password is asked
        clears: [note]                # fields emptied
        sets: {round: "round + 1"}    # fields set to the value of an expression, computed with the values after the form
        effects:                      # in this order, after everything else is in place; in the same transaction
          - submit-draft              # a name that the program knows
          - {publish-revision: {effective_on: in_force_from, minor: "false"}}      # with what it is told, as expressions
          - {open-case: {workflow: nonconformity, link: findings, fields: {title: "'Reso respinto: ' + title"}}}
          - {later: inform-supplier}  # listed by `qms check`

    timers:
      answer:
        title: {…}
        start: {step: accept}         # or {step: opening}, {state: S} on entering it, {field: f} when it is filled
        due: "workdays(10)"           # an expression: a moment, a date (its last second), or a duration from the start; None: not due yet
        warn: ["days(3)", "hours(4)"] # that long before
        until: [close, withdraw]      # steps that satisfy it. Default with start state: leaving the state. Entering a final state ends all
        escalate: [QM, {after: "workdays(5)", tell: [TOP]}]      # who is told when it is due, and who else while it stays undone
        hard: true                    # a legal deadline, to the second
        on_due: flag                  # nothing | flag (default) | {step: lapse}: a step by SYS, never a signed or binding one

    links:
      findings: {title: {…}, workflow: nonconformity, relation: contains}         # or references
                                    # what a closed case contains is not opened again (`reopened: block`), or is (`allow`), or
                                    # opens this one with it (`{step: open_again}`, by SYS)
      orders: {title: {…}, workflow: purchase, reads: {amount: money, done_on: date}}   # fields of those cases that expressions here
                                    # may read, with their types: sum(one.amount for one in links.orders if one.is_closed)
    scheduled:                        # cases that the program opens by itself: on that day of the year, and every so many months from it;
                                      # no day before a definition that says so came into force
      yearly: {title: {…}, day: "01-15", months: 12, fields: {title: "'Yearly review'", held_on: "today + days(30)"}}
                                      # fields as expressions over today, happened_at, recorded_at and figures. To open one when a
                                      # deadline passes, let the timer take a step by SYS with open-case among its effects
    records: {REC-01: {title: {…}, steps: [close], retention: R-QMS}}
    indicators:                       # what is measured over all its cases, period by period (or the word `later`, listed by `qms check`)
      in_time:
        title: {it: Rispedite in tempo, en: Sent back in time}
        of: closed                    # the cases that came to an end in the period (default); opened: that were opened in it
        every: quarter                # month | quarter (default) | year
        value: "count(one for one in cases if 'answer' not in one.late) / count(cases) * 100"
        unit: "%"                     # or {it: giorni, en: days}
        at_least: "90"                # the target, or at_most; left out: it is only followed
        alarm: "figure.alarm_below"   # what needs a decision; between it and the target it is off target
        group: "count(cases)"         # how many the value speaks of (this is the default)
        floor: 5                      # fewer: no value, nor of the running period, so that nobody is recognised (`personal`: 3)

A duration of days or months that is a timer's whole ``due`` ends with the last second of its day and, when that is a holiday, of the next
working day; working days likewise; hours are exact. ``deadline_at - workdays(2)`` keeps the time of day and is never moved.

Expressions
-----------
Python's look, and only this of it: names, numbers, 'text', True False None, ``and or not``, comparisons (chained), ``in`` and ``not in``
(a list in brackets, a text, a field of several choices, persons), ``is None``, ``is not None``, ``+ - * /``, ``a if c else b``, the
functions below. They are typed when the file is loaded. What is not filled is None, and a comparison or sum with None is *unknown*: a
guard passes only when it is true, so unknown refuses; ``not unknown`` is unknown; ``unknown or True`` is true.

Names: the fields · ``state`` · ``happened_at`` (when the fact was) · ``recorded_at`` · ``opened_at`` · ``today`` (the day of the fact,
Europe/Rome) · ``comment`` · ``actor`` · ``figure.<id>`` (the number in force on the day of the fact, from ``workflows/figures.yaml``) ·
``links.<name>`` · ``draft.<fact>`` with subject document: ``authors`` (persons), ``type``, ``is_valid``, ``needs_check``,
``base_is_current``, ``has_reason``, ``code_is_free``, ``is_changed``, ``is_new``, ``is_withdrawal``, ``is_confirmation``,
``is_superseded``, ``is_withdrawn``, ``review_every`` (months), ``next_review`` (a date), ``same_text_as('step')``.
Numbers are exact decimals. A date compared with a moment: the moment's day in Rome. A choice compares with its options by their order.

    days(n) workdays(n) hours(n) months(n)      added to or taken from a date or moment
    filled(x) length(text) lower(text) contains_price(text) valid('CIG', x)
    count(rows) sum(…) min(…) max(…) median(…) all(…) any(…)      over  r.amount for r in causes [if …] ; one such loop within another
                                                rows of links.<name> have .state .is_closed .number .opened_at .closed_at and what
                                                the link ``reads``; a choice is read as a text. Rows of ``cases`` (in indicators, beside
                                                figures and today, the period's last day) have those, the fields, and .late: missed timers
    digest(r.text for r in causes)              the SHA-256 of texts in their order, as a text: keep it with ``sets``, compare it later
    attached('SLOT') evidence_unchanged_since('step', 'SLOT', …)
    taken('step') took('step') (by the actor) times('step') last('step') (the moment of the fact)
    holds('ROLE') holds('ROLE', organisation) days_between(a, b) workdays_between(a, b) start_of(day)
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from qms.errors import Text
from qms.workflows.expression import Expression
from qms.workflows.recurring import Indicator, Schedule
from qms.workflows.step import Step

OPENING = "opening"
MEASURED = {
    "result": "choice", "period": "text", "indicator": "text", "value": "decimal", "target": "decimal", "alarm": "decimal",
    "sense": "choice",
}  # fmt: skip
"""What a row of measured results says, with the type of its column."""
PROFILES = ("small", "full")
SUBJECTS = ("document", "notice", "acknowledgment")
READER = "acknowledgment.person"
"""The source of the field that holds whom a case is about: that person sees it, whatever its confidentiality."""
ACKNOWLEDGED = ("acknowledgment.title", READER, "acknowledgment.document", "acknowledgment.revision", "acknowledgment.sha256")
"""What the program knows of a text that somebody is to read: each must fill a field."""
SYS = "SYS"
LONGEST = {"text": 300, "long_text": 20_000}
"""How many letters a text may have, by its type."""
MOST_ROWS = 500
TITLE = "title"
"""The one field name the program knows: it names the case in every list."""


@dataclass(frozen=True)
class Field:
    """One thing a case knows. ``least`` and ``most`` bound a number, a length or the rows of a table, by type."""

    name: str
    type: str
    title: Text
    line: int
    help: Text | None = None
    unit: str | None = None
    least: Decimal | None = None
    most: Decimal | None = None
    pattern: str | None = None
    default: str | None = None
    personal: bool = False
    required: bool = False
    options: Mapping[str, Text] | None = None
    kind: str | None = None
    workflow: str | None = None
    columns: Mapping[str, "Field"] | None = None
    source: str | None = None
    computed: Expression | None = None


@dataclass(frozen=True)
class Slot:
    """A place for evidence: which files it takes, and whether more than one."""

    name: str
    title: Text
    types: tuple[str, ...]
    many: bool
    personal: tuple[str, ...] = ()  # when it names persons: the roles that open it, an auditor never among them


@dataclass(frozen=True)
class State:
    name: str
    title: Text
    meaning: Text | None
    kind: str
    profile: str | None
    line: int

    @property
    def is_end(self) -> bool:
        return self.kind in ("settled", "final")


@dataclass(frozen=True)
class Escalation:
    """Who else is told when a timer is still undone so long after it was due."""

    after: Expression
    tell: tuple[str, ...]


@dataclass(frozen=True)
class Timer:
    """A clock that a step, a state or a field starts, and others stop."""

    name: str
    title: Text
    starts_with: str
    """``step``, ``state`` or ``field``."""
    start: str
    due: Expression
    warn: tuple[Expression, ...]
    until: tuple[str, ...]
    escalate: tuple[str, ...]
    chain: tuple[Escalation, ...]
    """In their order; only of timers that do something when they are due."""
    hard: bool
    on_due: str
    """``nothing``, ``flag`` or ``step``."""
    due_step: str | None
    profile: str | None
    line: int


@dataclass(frozen=True)
class Link:
    name: str
    title: Text
    workflow: str
    relation: str
    line: int
    reads: Mapping[str, str] = field(default_factory=dict)
    """Fields of the linked cases that expressions may read → their types."""
    holds_closed: bool = False
    """Whether a linked case stays closed as long as this one is; or else ``reopens``, the step that opens this one with it."""
    reopens: str | None = None


@dataclass(frozen=True)
class RecordForm:
    """A document that is made when one of ``steps`` is taken."""

    code: str
    title: Text
    steps: tuple[str, ...]
    retention: str


@dataclass(frozen=True)
class Definition:
    """One workflow, read and typed. ``digest`` is the SHA-256 of its file, to which its cases are pinned."""

    digest: str
    path: str
    id: str
    title: Text
    prefix: str
    owner: str
    governed_by: str
    clauses: tuple[str, ...]
    edition: str
    retention: str
    confidentiality: str
    """``normal``, ``restricted`` or ``personal``."""
    allowed_roles: tuple[str, ...]
    subject: str | None
    default_parties: tuple[str, ...]
    may_add_parties: bool
    fields: Mapping[str, Field]
    evidence: Mapping[str, Slot]
    states: Mapping[str, State]
    opening: Step
    steps: Mapping[str, Step]
    timers: Mapping[str, Timer]
    links: Mapping[str, Link]
    scheduled: Mapping[str, Schedule]
    records: Mapping[str, RecordForm]
    indicators: Mapping[str, Indicator]
    measures: Mapping[str, str] | None
    """``table``: the field whose rows are measured results; each of MEASURED: its column there."""
    computed: tuple[str, ...]
    """The computed fields, each after those that it builds on."""
    later: tuple[tuple[int, str], ...]
    """What waits for something that does not exist yet: line and words."""
    lines: Mapping[str, int]
    """Where each key of the file itself stands."""

    @property
    def initial(self) -> State:
        return next(state for state in self.states.values() if state.kind == "initial")

    def filled_by(self, source: str) -> str | None:
        """The field that the program fills with the fact ``source``."""
        return next((one.name for one in self.fields.values() if one.source == source), None)

    def step(self, name: str) -> Step | None:
        """The step, the opening included."""
        return self.opening if name == OPENING else self.steps.get(name)

    def steps_in(self, profile: str) -> Iterator[Step]:
        """The steps people of ``profile`` meet, without the opening."""
        return (step for step in self.steps.values() if step.profile in (None, profile))

    def states_in(self, profile: str) -> Iterator[State]:
        return (state for state in self.states.values() if state.profile in (None, profile))

    def timers_in(self, profile: str) -> Iterator[Timer]:
        return (timer for timer in self.timers.values() if timer.profile in (None, profile))

    @property
    def takers(self) -> tuple[str, ...]:
        """Every role that opens its cases or takes a step in them."""
        return tuple(dict.fromkeys(role for step in (self.opening, *self.steps.values()) for role in step.by))

    def expressions(self) -> Iterator[Expression]:
        """Every expression of the file."""
        yield from (one.computed for one in self.fields.values() if one.computed is not None)
        for step in (self.opening, *self.steps.values()):
            yield from (guard.that for guard in step.guards if guard.that is not None)
            yield from step.not_in
            yield from (branch.when for branch in step.branches)
            if step.quorum is not None and step.quorum.of is not None:
                yield step.quorum.of
            yield from step.sets.values()
            for effect in step.effects:
                yield from (effect.fields or {}).values()
        for schedule in self.scheduled.values():
            yield from schedule.fields.values()
        for timer in self.timers.values():
            yield timer.due
            yield from timer.warn
            yield from (link.after for link in timer.chain)
        for indicator in self.indicators.values():
            yield from indicator.expressions()
