"""Which readings are durable already: in the store, or on their way to it."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import replace

import numpy as np

from sensormon.ingest.refusals import ACCEPTED
from sensormon.ingest.states import States
from sensormon.model.errors import StoreUnavailable
from sensormon.model.readings import Batch, Bools
from sensormon.model.state_words import StateWords
from sensormon.model.tags import TagTable
from sensormon.monitor.assembly import Parts


def known_readings(batch: Batch, parts: Parts) -> Bools:
    """For each reading, whether one with the same tag, time and value is.

    One of bad quality without a value is, if one of bad quality has its tag and time. Raises StoreError, also
    while the store lacks what the journal had before the start: that is not in memory, so nobody could say.
    """
    if parts.collector.unstored.waits(parts.before):
        raise StoreUnavailable(
            "the database does not have the readings from before the start yet",
            hint="It goes on by itself once they are loaded",
        )
    coded = _in_codes(batch, parts.running_tags.now(), parts.collector.words)
    first = parts.store.ledger.next_id()  # what is stored after this is in memory too
    return parts.store.imports.known(coded) | parts.newest.known(coded, first)


def newest_times(tags: Collection[str], parts: Parts) -> dict[str, int]:
    """By tag, the newest own time (µs UTC) of its live readings in journal and store, if that answers."""
    newest = parts.readings.newest_times(tags)
    for tag, time in parts.collector.newest_times(tags).items():
        newest[tag] = max(time, newest.get(tag, time))
    return newest


def _in_codes(batch: Batch, table: TagTable, words: StateWords) -> Batch:
    """The batch with the codes of states as values, as they are stored; infinity for what is no state."""
    without = np.isnan(batch.value)
    if batch.word is not None:
        without &= batch.word < 0
    codes = np.array([table.code(name) for name in batch.tags], dtype=np.int32)[batch.tag]
    states = States(table, words)
    reason = np.full(len(batch), ACCEPTED, dtype=np.uint8)
    coded = states.coded(batch, codes, states.rows(codes), reason)
    value = np.where(np.isnan(coded.value) & ~without, math.inf, coded.value)
    return replace(coded, value=value)
