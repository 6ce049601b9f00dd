"""Long histories piece by piece, of stored and unstored readings, in order of arrival or of time.

What it is not: a file; see `sensormon.exchange.exporter`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import pyarrow as pa

from sensormon.stores.readings import StoredReadings
from sensormon.stores.recent import RecentReadings

_BY_TIME = [("time", "ascending"), ("id", "ascending")]


class ReadingStreams:
    """Of one monitor. Both raise StoreError before the first piece if an unavailable store is needed."""

    def __init__(self, stored: StoredReadings, newest: RecentReadings) -> None:
        self._stored = stored
        self._newest = newest

    def by_arrival(
        self,
        tags: Sequence[str] | None,
        since: int,
        until: int,
        *,
        limit: int | None = None,
        anomalies: bool = False,
    ) -> Iterator[pa.Table]:
        """Readings with since <= time < until, or only those flagged; the newest `limit` of them.

        Only one piece is copied at a time, and nothing is open in the store meanwhile; see
        `StoredReadings.stream` for what holds.
        """
        memory = self._newest.chosen(tags, since, until, anomalies=anomalies)
        if limit is not None:
            memory = memory.newest(limit)
            limit -= memory.count
        newest = memory.tables()
        if limit == 0:
            return newest
        stored = self._stored.stream(
            tags, since, until, below_id=memory.first_id, limit=limit, anomalies=anomalies
        )
        return chain(stored, newest)

    def by_time(
        self, tags: Sequence[str] | None, since: int, until: int, *, anomalies: bool = False
    ) -> Iterator[pa.Table]:
        """Readings with since <= time < until, or only those flagged, by their own time."""
        memory = self._newest.chosen(tags, since, until, anomalies=anomalies)
        stored = self._stored.stream_by_time(
            tags, since, until, below_id=memory.first_id, anomalies=anomalies
        )
        return merged_by_time(stored, pa.concat_tables(memory.tables()))


def merged_by_time(stored: Iterator[pa.Table], newest: pa.Table) -> Iterator[pa.Table]:
    """Merge pieces in order of time with a table in any order; pieces in order of time."""
    newest = newest.sort_by(_BY_TIME)
    times = newest["time"].cast(pa.int64()).to_numpy()
    done = 0
    for piece in stored:
        upto = done
        if piece.num_rows and done < len(times):
            last = int(piece["time"].cast(pa.int64())[-1].as_py())
            upto = int(np.searchsorted(times, last, side="right"))
        if upto > done:
            fresh = newest.slice(done, upto - done).cast(piece.schema)
            yield pa.concat_tables([piece, fresh]).sort_by(_BY_TIME)
        else:
            yield piece
        done = upto
    yield newest.slice(done)
