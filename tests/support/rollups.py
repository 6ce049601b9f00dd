"""Readings loaded into a store as a journal would, rolled up, and the ledger that must still balance."""

from __future__ import annotations

import numpy as np

from sensormon.model.clock import DAY
from sensormon.model.entries import BatchEntry, Record
from sensormon.model.readings import Batch, Origin, Processed, Scores
from sensormon.stores.protocol import Store
from tests.support.plant import START

FAR = START + 1000 * DAY
FIRST = START // DAY * DAY  # a midnight


Row = tuple[str, int, float, int, bool]  # tag, time, value, quality class, flagged


class Loading:
    """Loads rows into a store as a journal would, with running ids and totals."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.number = 0
        self.next_id = 1
        self.totals: dict[str, int] = {}

    def load(self, rows: list[Row], source: str = "test", origin: Origin = Origin.LIVE) -> None:
        names = tuple(dict.fromkeys(tag for tag, *_ in rows))
        count = len(rows)
        batch = Batch(
            source=source,
            received=max(time for _, time, *_ in rows),
            tags=names,
            tag=np.array([names.index(tag) for tag, *_ in rows], dtype=np.int32),
            time=np.array([time for _, time, *_ in rows], dtype=np.int64),
            value=np.array([value for _, _, value, *_ in rows], dtype=np.float64),
            quality=np.array([quality << 30 for *_, quality, _ in rows], dtype=np.uint32),
            origin=origin,
        )
        blank = np.full(count, np.nan)
        flagged = np.array([flag for *_, flag in rows], dtype=np.bool_)
        scores = Scores(
            np.zeros(count, dtype=np.int64), np.where(flagged, 5.0, np.nan), blank, blank, blank, flagged
        )
        self.number += 1
        self.totals[source] = self.totals.get(source, 0) + count
        done = Processed(accepted=batch, scores=scores, settings=1, rejected=())
        self.store.load("w", [Record(self.number, BatchEntry(self.next_id, dict(self.totals), done))])
        self.next_id += count


def roll(store: Store, before: int = FAR, keep: int = 1) -> int:
    return sum(store.retention.roll_up(due) for due in store.retention.due(before, keep))


def check_ledger(store: Store, loading: Loading) -> None:
    """Every loaded reading is stored once, raw or in a roll-up."""
    recount = store.ledger.recount()
    assert recount.rows == recount.distinct_ids
    totals = {name: recount.stored.get(name, 0) + recount.rolled_up.get(name, 0) for name in loading.totals}
    assert totals == loading.totals == dict(store.ledger.accounts().stored)
    assert store.ledger.next_id() == loading.next_id
