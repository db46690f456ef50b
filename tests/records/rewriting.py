"""What a forger does who has the database, the program and even the key: the trail made anew from a place on, every hash and signature."""

import base64
import json

from sqlalchemy import delete, insert, text, update

from qms.database import Database, Signer
from qms.records import seal, words
from qms.records.tables import entry, head, tree_node

TRIGGERS = ("entry_update", "entry_delete", "tree_node_update", "tree_node_delete", "trail_head_update", "trail_head_delete")


def rewrite(store: Database, position: int, old: str, new: str, signer: Signer | None = None) -> None:
    """Change the text of one entry and make leaves, tree, signatures, search copies and head fit again."""
    _make(store, {position: (old, new)}, None, signer or store.signer)


def cut(store: Database, size: int) -> None:
    """Put back the state the trail had at ``size`` entries."""
    _make(store, {}, size, store.signer)


def _make(store: Database, changes: dict[int, tuple[str, str]], size: int | None, signer: Signer) -> None:
    with store.engine.begin() as connection:
        if store.is_sqlite:
            for name in TRIGGERS:
                connection.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
        else:
            for table in ("entry", "tree_node", "trail_head"):
                connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
        if size is not None:
            connection.execute(delete(entry).where(entry.c.position > size))
            connection.execute(text("DELETE FROM trail_text WHERE rowid > :size"), {"size": size})
        connection.execute(delete(tree_node))
        origin = connection.execute(head.select()).one().origin
        frontier: list[bytes] = []
        signature, at = "", ""
        rows = connection.execute(entry.select().order_by(entry.c.position)).all()
        for row in rows:
            sealed = row.sealed.replace(*changes[row.position]) if row.position in changes else row.sealed
            leaf = seal.leaf_hash(sealed.encode())
            frontier, completed = seal.extend(frontier, row.position - 1, leaf)
            body = seal.note_body(origin, row.position, seal.root_of(frontier))
            signature, at = base64.b64encode(signer.sign(body.encode())).decode(), row.at
            values = {"sealed": sealed, "leaf": leaf.hex(), "signature": signature}
            connection.execute(update(entry).where(entry.c.position == row.position).values(values))
            kept = words.of(json.loads(sealed))
            connection.execute(text("UPDATE trail_text SET words = :kept WHERE rowid = :p"), {"kept": kept, "p": row.position})
            for level, index, one in completed:
                connection.execute(insert(tree_node), {"level": level, "idx": index, "hash": one.hex()})
        frontier_text = json.dumps([one.hex() for one in frontier])
        connection.execute(update(head).values(size=len(rows), frontier=frontier_text, signature=signature, at=at))
