"""Bring a workspace that an earlier release made to this one: a backup first, then forward, never touching what is sealed."""

from dataclasses import dataclass
from pathlib import Path

from qms import migrations
from qms.database import stamp
from qms.desk import keeping
from qms.people.actor import SYSTEM
from qms.records import trail

EVENT = "workspace-upgraded"


@dataclass(frozen=True)
class Upgraded:
    """From which step of the database's shape, and the backup made before; None when there was nothing to do."""

    before: str
    backup: Path | None


def upgrade(whole: keeping.Whole, file: Path | None = None, progress: keeping.Progress = lambda done, total: None) -> Upgraded:
    """Back the workspace up to ``file`` (by default a file of the day in its folder ``backups``) and upgrade it.

    Raises BadContent for a workspace of a later release, before anything is done; what ``keeping.backup`` raises.
    """
    with whole.database.reading() as connection:
        before = migrations.of(connection) or "-"
    migrations.require_known(before)
    if before == migrations.newest():
        return Upgraded(before, None)
    if file is None:
        folder = whole.settings.root / "backups"
        folder.mkdir(mode=0o700, exist_ok=True)
        file = folder / f"{stamp(whole.database.clock()).replace(':', '')}.zip"
    keeping.backup(whole, file, progress)
    with whole.database.writing() as tx:
        migrations.climb(tx.connection)
        trail.append(tx, trail.Act(EVENT, SYSTEM, what={"from": before, "to": migrations.newest()}))
    return Upgraded(before, file)
