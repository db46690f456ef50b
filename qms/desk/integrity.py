"""Each night a part of the kept files is hashed again; one that is no longer what was sealed opens a case, once (ISO 9001, 8.7)."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from qms.database import Database
from qms.errors import QmsError, TrailBroken
from qms.library import Library
from qms.people.actor import SYSTEM
from qms.records import integrity, sampling, trail
from qms.records.sampling import MOST_FILES, Damaged
from qms.settings import Settings
from qms.workflows import case
from qms.workflows.engine import Engine

HOUR = 2
"""From which hour of the day on: when nobody works, and before the morning's messages."""
_log = logging.getLogger(__name__)


class Whole(Protocol):
    """What the night needs of the assembled program."""

    @property
    def settings(self) -> Settings: ...
    @property
    def database(self) -> Database: ...
    @property
    def library(self) -> Library: ...
    @property
    def engine(self) -> Engine: ...
    @property
    def zone(self) -> ZoneInfo: ...


def keep(whole: Whole, most_files: int = MOST_FILES) -> int:
    """Look at the next part of the files when this day's was not looked at yet; returns how many entries that made.

    The files are read before anything is written, and the cases opened before the night is recorded: after a crash in between, it is
    repeated and opens nothing twice.
    """
    try:
        with whole.database.reading() as connection:
            if not _is_due(connection, whole.database.clock(), whole.zone):
                return 0
            found = sampling.sample(connection, whole.settings.evidence, most_files)
    except TrailBroken as error:
        _log.error("the kept files are not looked at: %s", error)
        return 0
    opened = _open_cases(whole, found.damaged)
    with whole.database.writing() as tx:
        if not _is_due(tx.connection, tx.now, whole.zone):
            return opened
        sampling.record(tx, found)
    return opened + 1


def _is_due(connection: Connection, now: datetime, zone: ZoneInfo) -> bool:
    here = now.astimezone(zone)
    newest = sampling.last(connection) or trail.entry(connection, 1)
    return here.hour >= HOUR and newest.at.astimezone(zone).date() < here.date()


def _open_cases(whole: Whole, damaged: Sequence[Damaged]) -> int:
    """A case for each file that has none yet. What cannot be opened is still named by the night's entry and by every verification."""
    opened = 0
    for file in damaged:
        _log.error("the file %s of record #%s is damaged or lost", file.sha256, file.position)
        try:
            opened += _open(whole, file)
        except QmsError as error:
            _log.error("no case is opened for the file %s: %s", file.sha256, error)
    return opened


def _open(whole: Whole, file: Damaged) -> int:
    alarm = integrity.in_force(whole.library)
    if alarm is None:
        return 0
    key = f"damaged:{file.sha256}"
    with whole.database.writing() as tx:
        if trail.already(tx.connection, f"{SYSTEM.person}:{key}") is not None:
            return 0
        case.open_case(tx, whole.engine, alarm.workflow, SYSTEM, fields=alarm.about(file), key=key)
    return 1
