"""What a monitor must know before it takes the first reading: read back, not guessed.

From the store as far as it can be reached, then from the journal beyond it: the last
readings of each tag (for the detector's windows and for duplicates), where ids and
running totals go on, which detector settings are in force, what senders were told. Where the store cannot be
reached the journal alone is used; then a tag whose readings it no longer has warms up
anew.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sensormon.answers import KEPT_ANSWERS
from sensormon.collector import Counters, Pending
from sensormon.errors import StoreCorrupt, StoreError
from sensormon.journal import Journal
from sensormon.memory import KEPT
from sensormon.readings import is_good
from sensormon.records import BatchEntry, DetectorSettings, KeptAnswer, Record
from sensormon.settings import Settings
from sensormon.stores import Store, TagHistory

_Column = np.ndarray[tuple[int], Any]
_log = logging.getLogger(__name__)


@dataclass
class Memory:
    """What was found. `first_start` when nothing was ever collected in this data folder."""

    histories: dict[str, TagHistory] = field(default_factory=dict)
    counters: Counters = field(default_factory=lambda: Counters(1, {}))
    settings: DetectorSettings | None = None
    pending: list[Pending] = field(default_factory=list)
    answers: list[KeptAnswer] = field(default_factory=list)
    first_start: bool = False


def recall(journal: Journal, store: Store, now: int) -> Memory:
    """Everything that store and journal know; the store stays open when it could be opened."""
    memory = Memory()
    position = 0
    reached = True
    try:
        position = _read_store(memory, journal, store)
    except StoreCorrupt as error:
        _log.error("%s; it is kept as %s", error, store.set_aside())
        memory = Memory()
    except StoreError as error:
        reached = False
        _log.warning("starting without the store: %s", error)
    after = position
    while records := journal.read(after):
        for record in records:
            _replay(memory, record)
        after = records[-1].number
    if reached:
        memory.first_start = memory.counters.next_id == 1 and not memory.counters.received
    else:
        # Nothing says which ids and numbers the store has; the time in µs is above all of them.
        memory.counters.next_id = max(memory.counters.next_id, now)
        memory.counters.unsure_after = journal.last
        memory.counters.recalled = dict(memory.counters.received)
        journal.go_on_from_time(now)
    return memory


def _read_store(memory: Memory, journal: Journal, store: Store) -> int:
    """Fill in what the store knows; the number of the last record it has."""
    store.open()
    mark = store.watermark(journal.writer)
    position = mark.number if mark else 0
    journal.go_on_after(position)
    memory.histories = {one.tag: one for one in store.tag_histories(KEPT)}
    received = store.accounts().received.get(journal.writer, {})
    memory.counters = Counters(store.next_id(), dict(received))
    applied = store.detector_settings()
    memory.settings = applied[-1] if applied else None
    memory.answers = store.kept_answers(KEPT_ANSWERS)
    return position


def _replay(memory: Memory, record: Record) -> None:
    entry = record.entry
    if not isinstance(entry, BatchEntry):
        memory.settings = entry.settings
        return
    processed = entry.processed
    batch = processed.accepted
    memory.counters.next_id = max(memory.counters.next_id, entry.first_id + len(batch))
    memory.counters.received.update(entry.received_totals)
    memory.answers += entry.answers
    memory.pending.append(Pending(record.number, batch.source, processed.received, batch.received))
    learned = is_good(batch.quality)
    for code, tag in enumerate(batch.tags):
        rows = np.flatnonzero(batch.tag == code)
        if not len(rows):
            continue
        old = memory.histories.get(tag)
        last = rows[-1]
        memory.histories[tag] = TagHistory(
            tag=tag,
            n=int(processed.scores.n[last]) + int(learned[last]),
            time=_joined(old.time if old else None, batch.time[rows]),
            value=_joined(old.value if old else None, batch.value[rows]),
            learned=_joined(old.learned if old else None, learned[rows]),
        )
        memory.histories[tag] = _trimmed(memory.histories[tag])


def _joined(old: _Column | None, new: _Column) -> _Column:
    return new if old is None else np.concatenate([old, new])


def _trimmed(history: TagHistory) -> TagHistory:
    """The history without what nobody needs: all but the last KEPT learned and the last KEPT others."""
    learned = history.learned
    if len(learned) <= 2 * KEPT:
        return history
    keep = np.zeros(len(learned), dtype=np.bool_)
    keep[np.flatnonzero(learned)[-KEPT:]] = True
    keep[np.flatnonzero(~learned)[-KEPT:]] = True
    return replace(history, time=history.time[keep], value=history.value[keep], learned=learned[keep])


def settings_in_force(remembered: DetectorSettings | None, settings: Settings, now: int) -> DetectorSettings:
    """The settings to score with: those applied last, unless the environment has changed since.

    The result has a new id when it is not `remembered`; then it has yet to be recorded.
    """
    base: Mapping[str, float] = {"window": settings.window, "threshold": settings.threshold}
    if remembered is not None and dict(remembered.base) == dict(base):
        return remembered
    return DetectorSettings(
        id=remembered.id + 1 if remembered else 1,
        applied=now,
        who="environment",
        detector="zscore",
        params=base,
        base=base,
    )
