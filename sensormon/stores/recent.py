"""The newest readings, in memory: what the Live page shows within a tick, store or no store.

Bounded by `KEPT` readings. Those of other collectors on the same store come in behind their ids, so each
reading has a `place` too: its position in the order in which readings came into this memory. What it is
not: durable, or a place to look further back.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sensormon.model.entries import BatchEntry
from sensormon.model.readings import Batch, Bools, Ints, Origin, OwnScore, Rejection, is_good
from sensormon.stores.columns import OWN_FROM, as_table, own_of
from sensormon.stores.recent_columns import (
    NO_PEAKS,
    NOTHING,
    NOWHERE,
    Columns,
    Rows,
    columns_of,
    followed,
    framed,
    joined,
    lowest,
    mask,
    outside,
    taken,
    where,
)

KEPT = 200_000
"""About this many readings are kept: some 20 MB."""
REJECTED = 2_000
"""This many rejected readings are kept."""
BLOCK = 1_000
"""About this many readings make a block."""
UNARRANGED = 10 * BLOCK
"""So many readings may wait to be arranged; `append` then arranges them itself."""
PIECE = 5_000
"""About this many readings make a piece of a long answer."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """Some of the readings in memory, in order of arrival: rows of blocks that are shared, not copied.

    `first_id` is the lowest id in memory at that moment; the store has all lower ids.
    """

    parts: Sequence[tuple[Columns, Rows]]
    first_id: int | None

    @property
    def count(self) -> int:
        return sum(len(rows) for _, rows in self.parts)

    def newest(self, limit: int) -> Chosen:
        """The last `limit` of them."""
        kept: list[tuple[Columns, Rows]] = []
        for block, rows in reversed(self.parts):
            if limit <= 0:
                break
            kept.append((block, rows[-limit:]))
            limit -= len(rows)
        return Chosen(kept[::-1], self.first_id)

    def tables(self) -> Iterator[pa.Table]:
        """The readings in pieces of about `PIECE`, as the store streams them; at least one, maybe empty."""
        waiting: list[Columns] = []
        rows_waiting = 0
        for block, rows in self.parts:
            if rows_waiting + len(rows) > PIECE and waiting:
                yield self._table(waiting)
                waiting, rows_waiting = [], 0
            waiting.append(taken(block, rows))
            rows_waiting += len(rows)
        yield self._table(waiting)

    @staticmethod
    def _table(blocks: Sequence[Columns]) -> pa.Table:
        return as_table(framed(blocks), pa.concat_arrays([block["own"] for block in blocks] or [NOTHING]))


class RecentReadings:
    """Written by the collector, read by the pages.

    `append` only keeps the batch, because its sender waits. Whoever reads next, or calls `arrange`, makes
    columns of it. Small batches are joined into blocks of about `BLOCK` readings, so that a search costs no
    more if readings arrived in small batches. Places begin above `place`: with the time of the start
    there, they are above those of the run before.
    """

    def __init__(self, place: int = 0) -> None:
        self._place = place  # of the last reading that is arranged
        self._gone = 0
        self._lock = threading.Lock()
        self._arranging = threading.Lock()  # taken before `_lock`
        self._new: list[BatchEntry | Columns] = []
        self._new_rows = 0
        self._blocks: deque[Columns] = deque()
        self._tail: Columns | None = None  # the block that is not full
        self._rows = 0
        self._codes: dict[str, int] = {}
        self._rejected: deque[Rejection] = deque(maxlen=REJECTED)
        self._last: dict[str, tuple[float, bool]] = {}

    def append(self, entry: BatchEntry) -> None:
        """Add a batch that is durable."""
        with self._lock:
            if entry.processed.accepted.origin is not Origin.IMPORT:
                self._rejected.extend(entry.processed.rejected)
            if len(entry.processed.accepted):
                self._new.append(entry)
                self._new_rows += len(entry.processed.accepted)
        if self._new_rows >= UNARRANGED:
            self.arrange()

    def follow(self, readings: pa.Table) -> None:
        """Add readings that another collector has stored: columns as `StoredReadings.stream` has them."""
        with self._arranging:
            readings = readings.filter(pc.greater_equal(readings["id"], self._gone))
            if not readings.num_rows:
                return
            columns = followed(readings, self._codes)
            live = columns["origin"] != str(Origin.IMPORT)
            said = (columns[name][live].tolist() for name in ("tag", "score", "is_anomaly"))
            with self._lock:
                self._new.append(columns)
                self._new_rows += readings.num_rows
            self._arrange()
            with self._lock:
                self._last |= {tag: (score, flagged) for tag, score, flagged in zip(*said, strict=True)}

    def arrange(self) -> None:
        """Make columns of what was added since; for a thread that nobody waits for."""
        with self._arranging:
            self._arrange()

    def drop(self, ranges: Collection[tuple[int, int]]) -> None:
        """Forget the readings with first <= id <= last of any of these ranges."""
        with self._arranging:
            self._arrange()
            with self._lock:
                kept = [outside(block, ranges) for block in self._arranged()]
                self._blocks = deque(block for block in kept if len(block["id"]))
                self._tail = None
                self._rows = sum(len(block["id"]) for block in self._blocks)

    def known(self, batch: Batch, first: int) -> Bools:
        """For each reading of the batch, whether one with the same tag, time and value is in memory.

        One without a value as in `StoredImports.known`. Only readings with an id of `first` and above are
        looked at; the caller knows of the others.
        """
        known = np.zeros(len(batch), dtype=np.bool_)
        if not len(batch):
            return known
        since, until = int(batch.time.min()), int(batch.time.max())
        same: set[tuple[str, int, float]] = set()
        bad: set[tuple[str, int]] = set()
        for block in reversed(self._all()):
            if block["id"].max() < first:
                continue
            rows = np.flatnonzero(
                (block["id"] >= first) & (block["time"] >= since) & (block["time"] <= until)
            )
            columns = (block[name][rows].tolist() for name in ("tag", "time", "value"))
            same.update(zip(*columns, strict=True))
            rows = rows[~is_good(block["quality"][rows])]
            bad.update(zip(block["tag"][rows].tolist(), block["time"][rows].tolist(), strict=True))
        if same:
            names = [batch.tags[code] for code in batch.tag.tolist()]
            readings = zip(names, batch.time.tolist(), batch.value.tolist(), strict=True)
            known[:] = [
                (tag, time) in bad if math.isnan(value) else (tag, time, value) in same
                for tag, time, value in readings
            ]
        return known

    @property
    def first_id(self) -> int | None:
        """The lowest reading id in memory; None when there is none."""
        return self._whole()[1]

    @property
    def let_go(self) -> int:
        """Readings with lower ids are no longer kept, even if they come in now."""
        return self._gone

    @property
    def newest_place(self) -> int:
        """The place of the reading that came in last."""
        with self._lock:
            return self._place + self._new_rows

    def newest(self, tags: Iterable[str], since: int) -> dict[str, tuple[int, int]]:
        """By tag, the time (µs UTC) and `n` of the newest good reading received since then."""
        wanted, newest = set(tags), dict[str, tuple[int, int]]()
        for block in reversed(self._all()):
            if not wanted or block["received"][-1] < since:
                break
            good = is_good(block["quality"]) & (block["received"] >= since)
            for name in tuple(wanted):
                rows = np.flatnonzero(good & (block["tag"] == name))
                if len(rows):
                    newest[name] = int(block["time"][rows[-1]]), int(block["n"][rows[-1]])
                    wanted.discard(name)
        return newest

    def frame(self, since: int, tags: Sequence[str] | None = None) -> pd.DataFrame:
        """The readings in memory with time >= since, in order of arrival, in the format of the store."""
        return self.part(since, tags)[0]

    def part(self, since: int, tags: Sequence[str] | None = None) -> tuple[pd.DataFrame, int | None, int]:
        """The same; the lowest id in memory then, the store has all lower ones; the newest place."""
        blocks, first, place = self._whole()
        wanted = self._wanted(tags)
        return framed([where(block, since, wanted) for block in blocks]), first, place

    def peaks(self, since: int) -> tuple[pd.DataFrame, int | None]:
        """What `StoredReadings.peaks` says of those in memory with time >= since, and the lowest id there."""
        blocks, first, _ = self._whole()
        if not blocks:
            return NO_PEAKS, None
        inside = [block["time"] >= since for block in blocks]
        of = {name: [block[name] for block in blocks] for name in ("tag", "is_anomaly", "score")}
        readings = pd.DataFrame(
            {
                name: np.concatenate([column[rows] for column, rows in zip(columns, inside, strict=True)])
                for name, columns in of.items()
            }
        )
        by_tag = readings.groupby("tag", as_index=False)
        return by_tag.agg(flagged=("is_anomaly", "sum"), score=("score", "max")), first

    def chosen(
        self, tags: Sequence[str] | None, since: int, until: int, *, anomalies: bool = False
    ) -> Chosen:
        """The readings in memory with since <= time < until, or only those flagged."""
        blocks, first, _ = self._whole()
        parts, wanted = [], self._wanted(tags)
        for block in blocks:
            keep = mask(block, since, wanted) & (block["time"] < until)
            rows = np.flatnonzero(keep & block["is_anomaly"] if anomalies else keep)
            if len(rows):
                parts.append((block, rows))
        return Chosen(parts, first)

    def after(
        self, place: int, tags: Sequence[str], since: int, upto: int | None = None
    ) -> tuple[pd.DataFrame, Ints]:
        """The readings of these tags that came in after this place, with time >= since, and their places.

        If `upto` is given, only those that came in up to that place.
        Looks only at the newest blocks, so that the cost does not depend on how much is in memory.
        """
        blocks = self._all()
        parts, wanted = [], self._wanted(tags)
        for block in reversed(blocks):
            if block["place"][-1] <= place:
                break
            fresh = mask(block, since, wanted)
            if block["place"][0] <= place:
                fresh &= block["place"] > place
            if upto is not None and block["place"][-1] > upto:
                fresh &= block["place"] <= upto
            parts.append(taken(block, fresh))
        parts.reverse()
        return framed(parts), np.concatenate([NOWHERE, *(block["place"] for block in parts)])

    def from_id(self, number: int, tags: Sequence[str], since: int) -> pd.DataFrame:
        """The readings of these tags with this id or a higher one, and time >= since."""
        blocks, *_ = self._whole()
        parts, wanted = [], self._wanted(tags)
        for block in blocks:
            if block["id"].max() >= number:
                parts.append(taken(block, mask(block, since, wanted) & (block["id"] >= number)))
        return framed(parts)

    def own(self, ids: Collection[int]) -> dict[int, tuple[OwnScore, ...]]:
        """By id of those of these readings in memory, what each detector said. See `StoredReadings.own`."""
        wanted = np.array(sorted(ids), dtype=np.int64)
        parts = [(block, np.flatnonzero(np.isin(block["id"], wanted))) for block in self._all()]
        tables = Chosen([(block, rows) for block, rows in parts if len(rows)], None).tables()
        return {row["id"]: own_of(row) for table in tables for row in table.select(OWN_FROM).to_pylist()}

    def rejected(self, since: int) -> list[Rejection]:
        """The newest rejected readings received since then (µs UTC), oldest first, without imports."""
        with self._lock:
            rejected = list(self._rejected)
        return [rejection for rejection in rejected if rejection.received >= since]

    def tags(self) -> set[str]:
        """The tags that have readings in memory."""
        return {name for block in self._all() for name in set(block["tag"].tolist())}

    def last_scores(self) -> list[tuple[str, float, bool]]:
        """Tag, score and verdict of the newest reading of each tag since the start, without imports."""
        self.arrange()
        with self._lock:
            last_by_tag = list(self._last.items())
        return [(name, *last) for name, last in sorted(last_by_tag)]

    def _arrange(self) -> None:
        """Holding `_arranging`: `_lock` is free meanwhile, so that no sender waits."""
        with self._lock:
            entries = list(self._new)
        if not entries:
            return
        last: dict[str, tuple[float, bool]] = {}
        for entry in entries:
            if isinstance(entry, BatchEntry) and entry.processed.accepted.origin is not Origin.IMPORT:
                last |= _last_scores(entry)
        parts: list[Columns] = []
        batches: list[BatchEntry] = []
        for entry in entries:
            if isinstance(entry, BatchEntry):
                batches.append(entry)
                continue
            parts += [columns_of(batches, self._codes)] if batches else []
            parts.append(entry)  # another collector has stored it: it is columns already
            batches = []
        parts += [columns_of(batches, self._codes)] if batches else []
        fresh = joined(parts)
        rows = len(fresh["id"])
        fresh["place"] = self._place + 1 + np.arange(rows)
        tail = joined([*([self._tail] if self._tail else []), fresh])
        with self._lock:
            self._last |= last
            del self._new[: len(entries)]
            self._place += rows
            self._new_rows -= rows
            self._rows += rows
            self._tail = tail
            if len(tail["id"]) >= BLOCK:
                self._blocks.append(tail)
                self._tail = None
            gone = self._gone
            while self._rows > KEPT and len(self._blocks) > 1:
                block = self._blocks.popleft()
                self._rows -= len(block["id"])
                gone = max(gone, int(block["id"].max()) + 1)
            if gone > self._gone:
                self._gone = gone
                self._let_go()

    def _let_go(self) -> None:
        """Of readings that came in late, those whose id says that they are no longer among the newest."""
        if any(block["id"].min() < self._gone for block in self._blocks):
            kept = [outside(block, [(0, self._gone - 1)]) for block in self._blocks]
            self._blocks = deque(block for block in kept if len(block["id"]))
            self._rows = sum(len(block["id"]) for block in self._arranged())

    def _arranged(self) -> list[Columns]:
        return [*self._blocks, *([self._tail] if self._tail else [])]

    def _all(self) -> list[Columns]:
        self.arrange()
        with self._lock:
            return self._arranged()

    def _whole(self) -> tuple[list[Columns], int | None, int]:
        """What is in memory from the lowest id on from which all are; that id; the newest place.

        Left out are readings with lower ids than some that were let go, which a collector gives whose clock
        is behind those of others: the store has them, or will in a moment.
        """
        self.arrange()
        with self._lock:
            blocks, gone = self._arranged(), self._gone
        place = int(blocks[-1]["place"][-1]) if blocks else 0
        if gone:
            kept = (outside(block, [(0, gone - 1)]) for block in blocks)
            blocks = [block for block in kept if len(block["id"])]
        return blocks, lowest(blocks), place

    def _wanted(self, tags: Sequence[str] | None) -> Bools | None:
        """By code whether a tag is among these; None if all are wanted. To be asked after `_all`."""
        if tags is None:
            return None
        codes = [self._codes[name] for name in tags if name in self._codes]
        wanted = np.zeros(len(self._codes), dtype=np.bool_)  # after the look-ups: there may be more by now
        wanted[codes] = True
        return wanted


def _last_scores(entry: BatchEntry) -> dict[str, tuple[float, bool]]:
    """By tag, the score and the verdict of its last reading in this batch."""
    batch, scores = entry.processed.accepted, entry.processed.scores
    codes, back = np.unique(batch.tag[::-1], return_index=True)
    rows = len(batch) - 1 - back
    names = [batch.tags[code] for code in codes.tolist()]
    said = zip(scores.score[rows].tolist(), scores.is_anomaly[rows].tolist(), strict=True)
    return dict(zip(names, said, strict=True))
