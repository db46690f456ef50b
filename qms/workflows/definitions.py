"""The definitions in force, and every definition that a case is still pinned to, kept by the hash of their text."""

from dataclasses import dataclass, field

from sqlalchemy import Connection, bindparam, delete, insert, select

from qms.database import Transaction, stamp
from qms.errors import NotFound
from qms.formats.identifiers import KINDS
from qms.people.actor import Actor
from qms.records import trail
from qms.workflows.definition import Definition
from qms.workflows.figures import NO_FIGURES, Figures, read_figures
from qms.workflows.machine import Ways
from qms.workflows.reading import read_definition
from qms.workflows.tables import definition_in_force, definition_text

WORKFLOW, FIGURES = "workflow", "figures"
IDENTIFIERS = frozenset(KINDS)

_source_of = select(definition_text.c.source).where(definition_text.c.digest == bindparam("digest"))
_digest_of = select(definition_in_force.c.digest).where(
    definition_in_force.c.kind == bindparam("kind"), definition_in_force.c.id == bindparam("id")
)


@dataclass(frozen=True)
class Loaded:
    """A definition with the ways between its states, per profile."""

    definition: Definition
    ways: Ways


@dataclass
class Definitions:
    """Reads definitions from the database once and keeps them: a text under its hash never changes."""

    profile: str
    _loaded: dict[str, Loaded] = field(default_factory=dict)
    _figures: dict[str, Figures] = field(default_factory=dict)

    def get(self, connection: Connection, digest: str) -> Loaded:
        """The definition with this digest. Raises NotFound."""
        found = self._loaded.get(digest)
        if found is None:
            definition = read_definition(_source(connection, digest), digest[:12], IDENTIFIERS)
            found = self._loaded[digest] = Loaded(definition, Ways(definition, self.profile))
        return found

    def read_as(self, definition: Definition) -> None:
        """Take ``definition`` for what its text says: a rehearsal's reading, with rules left out that it supposes to hold."""
        self._loaded[definition.digest] = Loaded(definition, Ways(definition, self.profile))

    def in_force(self, connection: Connection, workflow: str) -> Loaded:
        """The definition that new cases of ``workflow`` get. Raises NotFound."""
        digest = connection.execute(_digest_of, {"kind": WORKFLOW, "id": workflow}).scalar()
        if digest is None:
            raise NotFound("workflow", workflow)
        return self.get(connection, digest)

    def all_in_force(self, connection: Connection) -> list[Loaded]:
        """Every workflow in force, in the order of its id."""
        rows = connection.execute(
            select(definition_in_force.c.digest).where(definition_in_force.c.kind == WORKFLOW).order_by(definition_in_force.c.id)
        )
        return [self.get(connection, digest) for digest in rows.scalars()]

    def known(self, connection: Connection, workflow: str | None = None) -> list[Loaded]:
        """Every workflow definition a case may be pinned to: of all of them, or of one ``workflow``."""
        query = select(definition_text.c.digest).where(definition_text.c.kind == WORKFLOW).order_by(definition_text.c.digest)
        rows = connection.execute(query if workflow is None else query.where(definition_text.c.id == workflow))
        return [self.get(connection, digest) for digest in rows.scalars()]

    def texts(self, connection: Connection) -> tuple[dict[str, bytes], bytes | None]:
        """The texts in force: of every workflow by its id, and of the figures."""
        joined = definition_in_force.join(definition_text, definition_in_force.c.digest == definition_text.c.digest)
        columns = (definition_in_force.c.kind, definition_in_force.c.id, definition_text.c.source)
        rows = connection.execute(select(*columns).select_from(joined).order_by(definition_in_force.c.id)).all()
        found = {row.id: row.source.encode("utf-8") for row in rows if row.kind == WORKFLOW}
        return found, next((row.source.encode("utf-8") for row in rows if row.kind == FIGURES), None)

    def figures(self, connection: Connection) -> Figures:
        """The figures in force."""
        digest = connection.execute(_digest_of, {"kind": FIGURES, "id": FIGURES}).scalar()
        if digest is None:
            return NO_FIGURES
        found = self._figures.get(digest)
        if found is None:
            found = self._figures[digest] = read_figures(_source(connection, digest), digest[:12])
        return found


def put_in_force(tx: Transaction, source: bytes, path: str, by: Actor, kind: str = WORKFLOW) -> str:
    """Put a workflow (or, with ``kind`` figures, the figures) in force for new cases and record it. Returns its digest.

    Raises BadContent. The whole set is judged by ``check`` before; the very text already in force is left alone and not recorded again.
    """
    found = read_figures(source, path) if kind == FIGURES else read_definition(source, path, IDENTIFIERS)
    name = found.id if isinstance(found, Definition) else FIGURES
    if tx.connection.execute(_digest_of, {"kind": kind, "id": name}).scalar() == found.digest:
        return found.digest
    if tx.connection.execute(_source_of, {"digest": found.digest}).scalar() is None:
        row = {"digest": found.digest, "kind": kind, "id": name, "source": source.decode("utf-8"), "at": stamp(tx.now)}
        tx.connection.execute(insert(definition_text), row)
    tx.connection.execute(delete(definition_in_force).where(definition_in_force.c.kind == kind, definition_in_force.c.id == name))
    tx.connection.execute(insert(definition_in_force), {"kind": kind, "id": name, "digest": found.digest})
    what = {"kind": kind, "name": name, "digest": found.digest, "path": path, "at": stamp(tx.now)}
    trail.append(tx, trail.Act("definition-in-force", by, what=what))
    return found.digest


def _source(connection: Connection, digest: str) -> bytes:
    source = connection.execute(_source_of, {"digest": digest}).scalar()
    if source is None:
        raise NotFound("definition", digest)
    return str(source).encode("utf-8")
