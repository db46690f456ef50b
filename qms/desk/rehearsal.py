"""Plays a workflow with invented people and forms before anybody uses it, so that its owner sees every step taken and every refusal.

All of it happens in a store that is thrown away, by the verbs that every door uses: nothing here decides what the engine decides. What is
played is kept under the texts it was played from, since the same texts give the same play on one day.
"""

import tempfile
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert

from qms import migrations
from qms.database import Database, stamp
from qms.desk.walking import HOUSE, NAMES, Scene, Walk
from qms.errors import Text
from qms.locale import sentence
from qms.people.actor import SYSTEM
from qms.people.directory import organisation_table, person_table
from qms.records import keys, trail
from qms.workflows import check
from qms.workflows.case import put_in_force
from qms.workflows.definition import Definition
from qms.workflows.definitions import FIGURES, Definitions
from qms.workflows.engine import Engine, make_engine
from qms.workflows.file import Procedure
from qms.workflows.reading import read_definition
from qms.workflows.step import Step

MOST_KEPT = 40


@dataclass(frozen=True)
class Rehearsal:
    """What was played, in order. ``unseen``: steps that were never come to. ``is_playable``: whether people open such cases at all."""

    definition: Definition
    scenes: tuple[Scene, ...] = ()
    unseen: tuple[Step, ...] = ()
    is_playable: bool = True

    @property
    def refused(self) -> tuple[Scene, ...]:
        return tuple(scene for scene in self.scenes if scene.state is None)


_kept: OrderedDict[tuple[str, ...], Rehearsal] = OrderedDict()
_one_at_a_time = threading.Lock()


def in_force(connection: Connection, engine: Engine, instead: bytes | None = None) -> tuple[dict[str, bytes], bytes | None]:
    """The texts of the workflows in force by their id, and of the figures; ``instead`` takes the place of its own workflow.

    Raises BadContent when that cannot be read.
    """
    sources, figures = engine.definitions.texts(connection)
    if instead is not None:
        sources[read_definition(instead, "", check.IDENTIFIERS).id] = instead
    return sources, figures


def rehearse(engine: Engine, workflow: str, sources: Mapping[str, bytes], figures: bytes | None) -> Rehearsal:
    """Play ``workflow`` beside the other definitions of ``sources``, in the profile of ``engine``; all of them are sound.

    Raises NotFound when none of them is that workflow.
    """
    digests = sorted(sha256(source).hexdigest() for source in sources.values())
    key = (workflow, engine.profile, engine.calendar.day(engine.clock()).isoformat(), sha256(figures or b"").hexdigest(), *digests)
    with _one_at_a_time:
        found = _kept.pop(key, None)
        if found is None:
            with tempfile.TemporaryDirectory() as folder:
                store = Database(f"sqlite:///{folder}/rehearsal.sqlite3", Path(folder) / "lock", keys.new(), engine.clock)
                try:
                    found = _played(store, _stage(engine, store), workflow, sources, figures)
                finally:
                    store.close()
        _kept[key] = found
        if len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return found


def bare_engine(profile: str) -> Engine:
    """An engine for a folder of files that belongs to no workspace, with the calendar that a new workspace has."""
    return make_engine(
        organisation=HOUSE, profile=profile, zone="Europe/Rome", patron_day="07-12", procedure_in_force=lambda connection, key: None
    )


def _stage(engine: Engine, store: Database) -> Engine:
    """The engine of ``store``, where effects are announced and do nothing."""
    effects: Mapping[str, Callable[[Any], Mapping[str, Any]]] = defaultdict(lambda: lambda context: {})
    return replace(
        engine, organisation=HOUSE, definitions=Definitions(engine.profile), effects=effects, facts={}, binding=None, holds={},
        procedure_in_force=lambda connection, key: Procedure(key, 1, "00" * 20), clock=lambda: store.clock(),
        touches_library=lambda step: False,
    )  # fmt: skip


def _played(store: Database, engine: Engine, workflow: str, sources: Mapping[str, bytes], figures: bytes | None) -> Rehearsal:
    migrations.prepare(store)
    with store.writing() as tx:
        trail.begin(tx, "rehearsal")
        tx.connection.execute(insert(organisation_table), {"id": HOUSE, "name": HOUSE, "kind": "consortium", "tax_code": None})
        rows = [{"id": name, "name": name, "email": name, "language": "it", "kind": "staff", "created_at": stamp(tx.now)} for name in NAMES]
        tx.connection.execute(insert(person_table), rows)
        for path, source in sources.items():
            put_in_force(tx, source, path, SYSTEM)
        if figures is not None:
            put_in_force(tx, figures, "figures.yaml", SYSTEM, FIGURES)
    with store.writing() as tx:
        definition = engine.definitions.in_force(tx.connection, workflow).definition
        # Cases about a document or a reading exist only with what they are about, which cannot be invented.
        if definition.subject not in (None, "notice"):
            return Rehearsal(definition, is_playable=False)
        walk = Walk(tx, engine, definition)
        walk.open()
    scenes = tuple(walk.scenes.values())
    seen = {scene.step.name for scene in scenes}
    return Rehearsal(definition, scenes, tuple(step for step in definition.steps_in(engine.profile) if step.name not in seen))


def told(found: Rehearsal, language: str, roles: Mapping[str, Text] | None = None) -> dict[str, Any]:
    """A rehearsal as pages and programs show it, in one language."""
    states = found.definition.states
    return {
        "workflow": found.definition.id,
        "title": found.definition.title[language],
        "playable": found.is_playable,
        "scenes": [
            {
                "step": scene.step.name,
                "title": scene.step.title[language],
                "from": states[scene.source].title[language] if scene.source else None,
                "to": states[scene.state].title[language] if scene.state else None,
                "supposed": [{"code": guard.code, "message": guard.message[language]} for guard in scene.supposed],
                "tries": [
                    {
                        "kind": one.kind, "person": one.person, "accepted": one.is_accepted,
                        "reasons": [{"code": reason.code, "message": sentence(language, reason, roles)} for reason in one.reasons],
                    }
                    for one in scene.tries
                ],
            }
            for scene in found.scenes
        ],
        "unseen": [{"step": step.name, "title": step.title[language]} for step in found.unseen],
    }  # fmt: skip
