"""Small workflows of the tests' own, with names that occur nowhere else, and the people who take their steps."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import insert

from qms.database import Database, Transaction
from qms.people.actor import Actor
from qms.people.directory import organisation_table, person_table
from qms.records.evidence import Attachment
from qms.records.trail import Receipt
from qms.workflows.case import Effect, Engine, Procedure, make_engine, open_case, put_in_force, take_step
from qms.workflows.engine import Binding, FactProvider

SMALL = {"it": "x", "en": "x"}

LAMP = """
id: lamp-repair
title: {it: Riparazione di lampade, en: Lamp repair}
prefix: LAMP
owner: QM
governed_by: PRO-1
clauses: ["8.5.1"]
edition: "ISO 9001:2015"
retention: R-QMS
parties: {default: [own], add: true}
fields:
  title: {type: text, title: {it: Lampada, en: Lamp}, max: 80}
  cost: {type: money, title: {it: Costo, en: Cost}, min: 0}
  grade:
    type: choice
    title: {it: Grado, en: Grade}
    options: {LOW: {it: Basso, en: Low}, MID: {it: Medio, en: Mid}, TOP1: {it: Alto, en: High}}
  deadline_at: {type: datetime, title: {it: Scadenza, en: Deadline}}
  round: {type: integer, title: {it: Giro, en: Round}, default: "0"}
  owner_of_it: {type: person, title: {it: Proprietario, en: Owner}}
  note: {type: long_text, title: {it: Nota, en: Note}}
  customer: {type: text, title: {it: Cliente, en: Customer}, personal: true}
  cig: {type: identifier, kind: CIG, title: {it: CIG, en: CIG}}
  parts:
    type: table
    title: {it: Pezzi, en: Parts}
    max: 5
    columns:
      name: {type: text, title: {it: Nome, en: Name}, required: true}
      price: {type: money, title: {it: Prezzo, en: Price}}
      maker: {type: text, title: {it: Costruttore, en: Maker}, personal: true}
      cup: {type: identifier, kind: CUP, title: {it: CUP, en: CUP}}
evidence:
  PHOTO: {title: {it: Foto, en: Photo}, types: [png, pdf], many: true}
  BILL: {title: {it: Fattura, en: Bill}, types: [pdf]}
states:
  BROKEN: {title: {it: Rotta, en: Broken}, kind: initial}
  PRICED: {title: {it: Preventivata, en: Priced}}
  MENDED: {title: {it: Riparata, en: Mended}}
  RETURNED: {title: {it: Riconsegnata, en: Returned}, kind: settled}
  SCRAPPED: {title: {it: Buttata, en: Scrapped}, kind: final}
opening: {title: {it: Accetta, en: Take in}, by: [QM, WORKER], asks: [title, deadline_at?, customer?, cig?]}
steps:
  price_it:
    title: {it: Fai il preventivo, en: Price it}
    from: BROKEN
    to: PRICED
    by: [COM]
    asks: [cost, grade, parts?, owner_of_it?, customer?, cig?]
    evidence: [PHOTO]
    guards:
      - {code: not_too_dear, that: "cost <= figure.top_price", message: {it: Costa troppo, en: Too dear}}
      - {code: grade_fits, that: "grade >= 'MID' or cost < 100", message: {it: Grado basso, en: Low grade}}
  mend_it:
    title: {it: Ripara, en: Mend it}
    from: [PRICED]
    to: MENDED
    by: [TECH]
    asks: [note?]
    evidence: [BILL?]
    apart_from: [price_it]
    not_in: [owner_of_it]
    sod_code: pricer_mends
    comment: required
    guards:
      - {code: in_time, that: "deadline_at is None or happened_at <= deadline_at", message: {it: Tardi, en: Late}}
    sets: {round: "round + 1"}
    clears: [note]
  add_photo:
    title: {it: Aggiungi foto, en: Add a photo}
    from: [PRICED, MENDED]
    by: [TECH, COM]
    evidence: [PHOTO]
  give_back:
    title: {it: Riconsegna, en: Give back}
    from: MENDED
    to: RETURNED
    by: [TOP]
    sign: {it: Confermo la riconsegna, en: I confirm the return}
    guards:
      - {code: photos_same, that: "evidence_unchanged_since('mend_it', 'PHOTO')", message: {it: Foto cambiate, en: Photos changed}}
      - {code: queries_closed, that: "all(q.is_closed for q in links.queries)", message: {it: Domande aperte, en: Open queries}}
  reopen_it:
    title: {it: Riapri, en: Reopen}
    from: RETURNED
    to: BROKEN
    by: [QM]
  scrap_it:
    title: {it: Butta, en: Scrap}
    from: [BROKEN, PRICED]
    to: SCRAPPED
    by: [QM, SYS]
    effects:
      - {open-case: {workflow: lamp-query, link: queries, fields: {title: "'Perché buttata: ' + title"}}}
timers:
  pricing:
    title: {it: Preventivo, en: Pricing}
    start: {state: BROKEN}
    due: "workdays(2)"
    warn: ["days(1)"]
    escalate: [QM, TOP]
  promised:
    title: {it: Promessa, en: Promise}
    start: {step: price_it}
    due: "deadline_at"
    warn: ["days(2)", "hours(4)"]
    until: [mend_it]
    hard: true
links:
  queries: {title: {it: Domande, en: Queries}, workflow: lamp-query, relation: contains}
records:
  REC-LAMP-01: {title: {it: Scheda, en: Sheet}, steps: [give_back], retention: R-QMS}
"""

QUERY = """
id: lamp-query
title: {it: Domanda, en: Query}
prefix: DOM
owner: QM
governed_by: PRO-1
retention: R-QMS
confidentiality: {restricted: [QM, TOP]}
fields:
  title: {type: text, title: {it: Domanda, en: Query}}
states:
  ASKED: {title: {it: Aperta, en: Asked}, kind: initial}
  ANSWERED: {title: {it: Chiusa, en: Answered}, kind: final}
  LAPSED: {title: {it: Decaduta, en: Lapsed}, kind: final}
opening: {title: {it: Chiedi, en: Ask}, by: [QM], asks: [title]}
steps:
  answer_it: {title: {it: Rispondi, en: Answer}, from: ASKED, to: ANSWERED, by: [QM]}
  lapse_it: {title: {it: Decade, en: Lapses}, from: ASKED, to: LAPSED, by: [SYS]}
timers:
  answer: {title: {it: Risposta, en: Answer}, start: {state: ASKED}, due: "days(10)", on_due: {step: lapse_it}}
"""

FIGURES = """
top_price:
  title: {it: Prezzo massimo, en: Highest price}
  values:
    - {from: 2020-01-01, until: 2035-12-31, value: 500, source: "x"}
    - {from: 2036-01-01, value: 900, source: "x"}
"""

OWN = "own-house"
OTHER = "other-house"


def actor(person: str, *roles: str, where: str = OWN, kind: str = "staff", language: str = "en") -> Actor:
    return Actor(person, person.title(), language, frozenset((role, where) for role in roles), frozenset(), kind, "web")


KEEPER = actor("keeper", "QM")
PRICER = actor("pricer", "COM")
MENDER = actor("mender", "TECH")
HEAD = actor("head", "TOP")
JACK = actor("jack", "QM", "COM", "TECH", "TOP")


def engine_for(
    store: Database, facts: Mapping[str, FactProvider] | None = None, binding: Binding | None = None, **effects: Effect
) -> Engine:
    return make_engine(
        organisation=OWN,
        profile="small",
        zone="Europe/Rome",
        patron_day="07-12",
        procedure_in_force=lambda connection, key: Procedure(key, 3, "ab" * 20),
        effects={name.replace("_", "-"): effect for name, effect in effects.items()},
        facts=facts,
        binding=binding,
        clock=lambda: store.clock(),
    )


def furnish(store: Database, engine: Engine, *sources: str) -> None:
    with store.writing() as tx:
        for name in (OWN, OTHER):
            row = {"id": name, "name": name, "kind": "consortium", "tax_code": None}
            tx.connection.execute(insert(organisation_table), row)
        for name in ("keeper", "pricer", "mender", "head", "jack"):
            row = {"id": name, "name": name, "email": name, "language": "it", "kind": "staff", "created_at": "2026-01-01T00:00:00.000Z"}
            tx.connection.execute(insert(person_table), row)
        for source in sources or (LAMP, QUERY):
            put_in_force(tx, source.encode(), "w.yaml", KEEPER)
        put_in_force(tx, FIGURES.encode(), "figures.yaml", KEEPER, "figures")


def file_of(content: str, slot: str = "PHOTO", name: str = "a.png") -> Attachment:
    import hashlib

    kind = {"png": "image/png", "pdf": "application/pdf"}.get(name.rpartition(".")[2], "text/plain")
    return Attachment(slot, hashlib.sha256(content.encode()).hexdigest(), len(content), kind, name)


class Bench:
    """A house with lamps to mend: short ways to act in it."""

    def __init__(self, store: Database, engine: Engine) -> None:
        self.store, self.engine = store, engine
        self._keys = 0

    def key(self) -> str:
        self._keys += 1
        return f"k{self._keys}"

    def later(self, **length: int) -> None:
        """Move the clock on."""
        now = self.store.clock() + timedelta(**length)
        self.store.clock = lambda: now

    def open(self, by: Actor = KEEPER, workflow: str = "lamp-repair", **more: Any) -> str:
        more.setdefault("key", self.key())
        more.setdefault("fields", {"title": "Lamp"})
        with self.store.writing() as tx:
            return str(open_case(tx, self.engine, workflow, by, **more).case)

    def step(self, number: str, step: str, by: Actor, version: int | None = None, **more: Any) -> Receipt:
        more.setdefault("key", self.key())
        with self.store.writing() as tx:
            seen = self.version(tx, number) if version is None else version
            return take_step(tx, self.engine, number, step, by, version=seen, **more)

    def version(self, tx: Transaction, number: str) -> int:
        from qms.workflows import file

        return file.load(tx.connection, number).version

    def priced(self, **fields: object) -> str:
        """A case that was priced."""
        number = self.open(fields={"title": "Lamp", **fields})
        self.step(number, "price_it", PRICER, fields={"cost": "120,50", "grade": "MID"}, evidence=[file_of("one")])
        return number

    def mended(self) -> str:
        number = self.priced()
        self.step(number, "mend_it", MENDER, comment="Done")
        return number
