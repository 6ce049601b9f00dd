"""`verify`: re-read journal, store and dead letters, and report whatever does not agree.

What it can find: a reading that is in the journal and should be in the store but is not,
neither by itself nor in a roll-up that can hold it, or differs there; a reading that is there
twice; an import that was undone and is still there, wholly or in part; running totals that
differ from the rows; a ledger that does not balance; damage in the journal or the dead letters; a
database that cannot be read. What it cannot: tell that a reading was measured wrongly.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from sensormon.journal import segments
from sensormon.model import timestamps
from sensormon.model.clock import MINUTE
from sensormon.model.entries import BatchEntry, Record, UndoEntry
from sensormon.model.errors import StoreError
from sensormon.model.ledger import Ledger
from sensormon.model.readings import Batch
from sensormon.model.settings import Settings
from sensormon.monitor.offline import StoppedMonitor
from sensormon.stores.ledger import Accounts, StoredLedger
from sensormon.stores.protocol import Store


@dataclass(frozen=True)
class Report:
    """`findings` are errors, one sentence each; `notes` are worth knowing.

    `unchecked` is what was not looked at; then nobody knows whether something is lost there. `ledger`
    is None unless its figures were looked at: without the database nobody knows what is stored.
    """

    findings: tuple[str, ...]
    notes: tuple[str, ...]
    ledger: Ledger | None
    unchecked: tuple[str, ...] = ()


def verify(stopped: StoppedMonitor) -> Report:
    """Check this data folder; changes nothing."""
    findings = list(_journal(stopped))
    notes = [
        f"{segment.path.name}: {segment.torn} bytes of an append that was never acknowledged"
        for segment in stopped.segments[-1:]
        if segment.torn
    ]
    damaged = stopped.dead_letters.damaged_now()
    if damaged:
        findings.append(f"{damaged} lines of the dead letters cannot be read")
    ledger, unchecked = None, list(_another(stopped))
    try:
        with stopped.store() as store:
            if store is None:
                unchecked.append(
                    f"the database, there is none at {stopped.store_place}. If it is elsewhere, set "
                    "SENSORMON_STORE; if it is gone, the next start makes one from journal and archive"
                )
            else:
                findings += _store(stopped, store)
                foreign = list(_foreign(stopped, store))
                unchecked += foreign
                if not foreign:
                    ledger = stopped.ledger(store)
                    findings += _balance(ledger)
    except StoreError as error:
        findings.append(f"the database cannot be read: {error}")
    return Report(tuple(findings), tuple(notes), ledger, tuple(unchecked))


def _another(stopped: StoppedMonitor) -> Iterator[str]:
    """The folder's own database, if another one is set."""
    own = Path(Settings(data_dir=stopped.folder).store_url)
    if own.exists() and ("://" in stopped.store_url or own.resolve() != Path(stopped.store_url).resolve()):
        yield (
            f"{own}, since SENSORMON_STORE is {stopped.store_place}. To look at it, run verify with "
            "SENSORMON_STORE unset; if it is of no use any more, move it out of the folder"
        )


def _foreign(stopped: StoppedMonitor, store: Store) -> Iterator[str]:
    positions = store.ledger.accounts().positions
    if positions and stopped.writer and stopped.writer not in positions:
        yield (
            f"what was stored of this journal: the database at {stopped.store_place} has readings, and none "
            "from it. If it is another monitor's, set SENSORMON_STORE"
        )


def _journal(stopped: StoppedMonitor) -> Iterator[str]:
    for segment in stopped.segments:
        if segment.damage:
            yield f"journal segment {segment.path.name}: {segment.damage}"
    for text in segments.gaps(stopped.segments):
        yield f"journal: {text}"
    known = {number for segment in stopped.segments for number in segment.numbers}
    unreadable = known - {record.number for record in stopped.records()}
    yield from stopped.archive.damaged
    if unreadable:
        yield f"journal: {len(unreadable)} records cannot be understood, the first is {min(unreadable)}"


def _store(stopped: StoppedMonitor, store: Store) -> Iterator[str]:
    recount = store.ledger.recount()
    if recount.rows != recount.distinct_ids:
        yield f"{recount.rows - recount.distinct_ids} readings are in the store twice"
    accounts = store.ledger.accounts()
    for source in sorted({*accounts.stored, *recount.stored, *recount.rolled_up, *accounts.undone}):
        said, undone = accounts.stored.get(source, 0), accounts.undone.get(source, 0)
        counted = recount.stored.get(source, 0) + recount.rolled_up.get(source, 0)
        if said != counted + undone:
            removed = f", {undone} were removed with imports" if undone else ""
            yield f"{source}: {said} readings were stored, {counted} are there{removed}"
    if differing := store.check_summary():
        yield f"{differing} minutes of the summary differ from the readings: charts and events may be wrong"
    yield from _undone(store, accounts)
    rejected: dict[str, int] = {}
    for (source, _), count in accounts.rejected.items():
        rejected[source] = rejected.get(source, 0) + count
    for source in sorted({*rejected, *recount.rejected}):
        said, counted = rejected.get(source, 0), recount.rejected.get(source, 0)
        if said != counted:
            yield f"{source}: {said} readings were rejected, {counted} are in the table"
    position = accounts.positions.get(stopped.writer, 0)
    dead = stopped.dead_letters.ids()
    minutes = _Minutes(store.retention.rolled_up())
    gone = {each.import_id for each in store.imports.undone()}
    for record in stopped.records():
        if record.number <= position and not _of(record, gone):
            yield from _compare(record, store.ledger, dead, minutes)
        entry = record.entry
        if isinstance(entry, UndoEntry) and record.number <= position and entry.import_id not in gone:
            yield f"journal record {record.number}: import {entry.import_id} was undone, not in the store"
    yield from minutes.findings()


def _undone(store: Store, accounts: Accounts) -> Iterator[str]:
    """Imports that the store says are undone and still has in part, and totals that differ."""
    undone = store.imports.undone()
    for each in undone:
        if left := store.imports.left(each.import_id):
            yield f"import {each.import_id} was undone, and {left} of its readings are in the store"
    said, counted = sum(accounts.undone.values()), sum(each.readings for each in undone)
    if said != counted:
        yield f"{said} readings were removed with imports, the imports undone had {counted}"


def _of(record: Record, imports: Collection[int]) -> bool:
    """Whether the record's readings belong to one of these imports."""
    return isinstance(record.entry, BatchEntry) and record.entry.import_id in imports


class _Minutes:
    """The roll-ups, and how many of the journal's readings only they can hold."""

    def __init__(self, frame: pd.DataFrame) -> None:
        keys = zip(frame["tag"], frame["minute"], frame["source"], frame["quality"], strict=True)
        numbers = zip(frame["low"], frame["high"], frame["gone"], strict=True)
        self._rollups = dict(zip(keys, numbers, strict=True))
        self._claimed: Counter[tuple[str, int, str, int]] = Counter()

    def hold(self, batch: Batch, row: int) -> bool:
        """Whether the minute of this reading was rolled up and its range includes the value."""
        time = int(batch.time[row])
        key = (batch.tags[batch.tag[row]], time - time % MINUTE, batch.source, int(batch.quality[row]) >> 30)
        low, high, gone = self._rollups.get(key, (math.inf, -math.inf, 0))
        if not gone or not low <= batch.value[row] <= high:
            return False
        self._claimed[key] += 1
        return True

    def findings(self) -> Iterator[str]:
        """The minutes that hold fewer readings than the journal says."""
        for key, count in self._claimed.items():
            gone = self._rollups[key][2]
            if count > gone:
                tag, minute, *_ = key
                yield (
                    f"{tag}, the minute {timestamps.render(minute)}: {count} readings of the journal were "
                    f"rolled up, the roll-up has {gone}"
                )


def _compare(record: Record, ledger: StoredLedger, dead: frozenset[int], minutes: _Minutes) -> Iterator[str]:
    if not isinstance(record.entry, BatchEntry) or not len(record.entry.processed.accepted):
        return
    batch, first = record.entry.processed.accepted, record.entry.first_id
    ids = np.arange(first, first + len(batch))
    expected = {
        int(row_id): float(value)
        for row_id, value in zip(ids, batch.value, strict=True)
        if row_id not in dead
    }
    stored = ledger.values_between(first, first + len(batch))
    missing = [
        row_id for row_id in expected.keys() - stored.keys() if not minutes.hold(batch, row_id - first)
    ]
    if missing:
        yield f"journal record {record.number}: {len(missing)} of its readings are not in the store"
    differing = [row_id for row_id in expected.keys() & stored.keys() if expected[row_id] != stored[row_id]]
    if differing:
        yield f"journal record {record.number}: {len(differing)} readings differ in the store"


def _balance(ledger: Ledger) -> Iterator[str]:
    for line in ledger.lines:
        if line.difference > 0:
            yield f"{line.source}: {line.difference} readings are nowhere"
        elif line.difference < 0:
            yield f"{line.source}: {-line.difference} more readings than were received"
