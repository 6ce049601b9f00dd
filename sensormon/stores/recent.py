"""The newest readings, in memory: what the Live page shows within a tick, store or no store.

Bounded by `KEPT` readings. Those of other collectors on the same store come in behind their ids, so each
reading has a `place` too: its position in the order in which readings came into this memory. What it is
not: durable, or a place to look further back.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sensormon.model.entries import BatchEntry
from sensormon.model.readings import Batch, Bools, Ints, Origin, OwnScore, Rejection, is_good
from sensormon.stores.columns import OWN, OWN_FROM, as_table, own_lists, own_of

KEPT = 200_000
"""About this many readings are kept: some 20 MB."""
REJECTED = 2_000
"""This many rejected readings are kept."""
BLOCK = 1_000
"""About this many readings make a block."""
PIECE = 5_000
"""About this many readings make a piece of a long answer."""


Columns = dict[str, Any]
"""The columns of a frame of readings as arrays, `place`, and `own`, Arrow's lists: `stores.columns.OWN`."""
Rows = np.ndarray[tuple[int], np.dtype[np.intp]]


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
            waiting.append(_taken(block, rows))
            rows_waiting += len(rows)
        yield self._table(waiting)

    @staticmethod
    def _table(blocks: Sequence[Columns]) -> pa.Table:
        return as_table(_framed(blocks), pa.concat_arrays([block["own"] for block in blocks] or [_NOTHING]))


class RecentReadings:
    """Written by the collector, read by the pages.

    Small batches are joined into blocks of about `BLOCK` readings, so that a search costs no
    more if readings arrived in small batches. Places begin above `place`: with the time of the start
    there, they are above those of the run before.
    """

    def __init__(self, place: int = 0) -> None:
        self._lock = threading.Lock()
        self._place = place
        self._gone = 0
        self._blocks: deque[Columns] = deque()
        self._tail: list[Columns] = []
        self._tail_rows = 0
        self._rows = 0
        self._rejected: deque[Rejection] = deque(maxlen=REJECTED)
        self._last: dict[str, tuple[float, bool]] = {}

    def append(self, entry: BatchEntry) -> None:
        """Add a batch that is durable."""
        count = len(entry.processed.accepted)
        live = entry.processed.accepted.origin is not Origin.IMPORT
        with self._lock:
            if live:
                self._rejected.extend(entry.processed.rejected)
            if not count:
                return
            if live:
                self._note_last(entry)
            self._add(_columns(entry))

    def follow(self, readings: pa.Table) -> None:
        """Add readings that another collector has stored: columns as `StoredReadings.stream` has them."""
        with self._lock:
            readings = readings.filter(pc.greater_equal(readings["id"], self._gone))
            if not readings.num_rows:
                return
            columns = _followed(readings)
            live = columns["origin"] != str(Origin.IMPORT)
            said = (columns[name][live].tolist() for name in ("tag", "score", "is_anomaly"))
            self._last.update({tag: (score, flagged) for tag, score, flagged in zip(*said, strict=True)})
            self._add(columns)

    def _add(self, columns: Columns) -> None:
        count = len(columns["id"])
        columns["place"] = self._place + 1 + np.arange(count)
        self._place += count
        self._tail.append(columns)
        self._tail_rows += count
        self._rows += count
        if self._tail_rows >= BLOCK:
            self._blocks.append(_joined(self._tail))
            self._tail, self._tail_rows = [], 0
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
        if any(block["id"][0] < self._gone or block["id"].min() < self._gone for block in self._blocks):
            kept = [_outside(block, [(0, self._gone - 1)]) for block in self._blocks]
            self._blocks = deque(block for block in kept if len(block["id"]))
            self._rows = self._tail_rows + sum(len(block["id"]) for block in self._blocks)

    def drop(self, ranges: Collection[tuple[int, int]]) -> None:
        """Forget the readings with first <= id <= last of any of these ranges."""
        with self._lock:
            if self._tail:
                self._blocks.append(_joined(self._tail))
                self._tail, self._tail_rows = [], 0
            kept = [_outside(block, ranges) for block in self._blocks]
            self._blocks = deque(block for block in kept if len(block["id"]))
            self._rows = sum(len(block["id"]) for block in self._blocks)

    def known(self, batch: Batch, first: int) -> Bools:
        """For each reading of the batch, whether one with the same tag, time and value is in memory.

        Only readings with an id of `first` and above are looked at; the caller knows of the others.
        """
        known = np.zeros(len(batch), dtype=np.bool_)
        if not len(batch):
            return known
        since, until = int(batch.time.min()), int(batch.time.max())
        same: set[tuple[str, int, float]] = set()
        for block in reversed(self._all()):
            if block["id"].max() < first:
                continue
            rows = np.flatnonzero(
                (block["id"] >= first) & (block["time"] >= since) & (block["time"] <= until)
            )
            columns = (block[name][rows].tolist() for name in ("tag", "time", "value"))
            same.update(zip(*columns, strict=True))
        if same:
            names = [batch.tags[code] for code in batch.tag.tolist()]
            readings = zip(names, batch.time.tolist(), batch.value.tolist(), strict=True)
            known[:] = [reading in same for reading in readings]
        return known

    @property
    def first_id(self) -> int | None:
        """The lowest reading id in memory; None when there is none."""
        with self._lock:
            return _lowest([*self._blocks, *self._tail])

    @property
    def let_go(self) -> int:
        """Readings with lower ids are no longer kept, even if they come in now."""
        return self._gone

    @property
    def newest_place(self) -> int:
        """The place of the reading that came in last."""
        with self._lock:
            return self._place

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
        blocks = self._all()
        place = int(blocks[-1]["place"][-1]) if blocks else 0
        return _framed([_where(block, since, tags) for block in blocks]), _lowest(blocks), place

    def peaks(self, since: int) -> tuple[pd.DataFrame, int | None]:
        """What `StoredReadings.peaks` says of those in memory with time >= since, and the lowest id there."""
        blocks = self._all()
        if not blocks:
            return _NO_PEAKS, None
        inside = [block["time"] >= since for block in blocks]
        of = {name: [block[name] for block in blocks] for name in ("tag", "is_anomaly", "score")}
        readings = pd.DataFrame(
            {
                name: np.concatenate([column[rows] for column, rows in zip(columns, inside, strict=True)])
                for name, columns in of.items()
            }
        )
        by_tag = readings.groupby("tag", as_index=False)
        return by_tag.agg(flagged=("is_anomaly", "sum"), score=("score", "max")), _lowest(blocks)

    def chosen(
        self, tags: Sequence[str] | None, since: int, until: int, *, anomalies: bool = False
    ) -> Chosen:
        """The readings in memory with since <= time < until, or only those flagged."""
        blocks = self._all()
        parts = []
        for block in blocks:
            keep = _mask(block, since, tags) & (block["time"] < until)
            rows = np.flatnonzero(keep & block["is_anomaly"] if anomalies else keep)
            if len(rows):
                parts.append((block, rows))
        return Chosen(parts, _lowest(blocks))

    def after(self, place: int, tags: Sequence[str], since: int) -> tuple[pd.DataFrame, Ints]:
        """The readings of these tags that came in after this place, with time >= since, and their places.

        Looks only at the newest blocks, so that the cost does not depend on how much is in memory.
        """
        parts: list[Columns] = []
        for block in reversed(self._all()):
            if block["place"][-1] <= place:
                break
            fresh = block["place"] > place
            parts.append(block if fresh.all() else _taken(block, fresh))
        blocks = [_where(block, since, tags) for block in reversed(parts)]
        return _framed(blocks), np.concatenate([_NOWHERE, *(block["place"] for block in blocks)])

    def from_id(self, number: int, tags: Sequence[str], since: int) -> pd.DataFrame:
        """The readings of these tags with this id or a higher one, and time >= since."""
        parts: list[Columns] = []
        for block in self._all():
            if block["id"].max() >= number:
                fresh = block["id"] >= number
                parts.append(block if fresh.all() else _taken(block, fresh))
        return _framed([_where(block, since, tags) for block in parts])

    def own(self, ids: Collection[int]) -> dict[int, tuple[OwnScore, ...]]:
        """By id of those of these readings in memory, what each detector said. See `StoredReadings.own`."""
        wanted = np.array(sorted(ids), dtype=np.int64)
        parts = [(block, np.flatnonzero(np.isin(block["id"], wanted))) for block in self._all()]
        tables = Chosen(parts, None).tables()
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
        with self._lock:
            last_by_tag = list(self._last.items())
        return [(name, *last) for name, last in sorted(last_by_tag)]

    def _note_last(self, entry: BatchEntry) -> None:
        batch, scores = entry.processed.accepted, entry.processed.scores
        codes, back = np.unique(batch.tag[::-1], return_index=True)
        rows = len(batch) - 1 - back
        names = [batch.tags[code] for code in codes.tolist()]
        said = zip(scores.score[rows].tolist(), scores.is_anomaly[rows].tolist(), strict=True)
        self._last.update(zip(names, said, strict=True))

    def _all(self) -> list[Columns]:
        with self._lock:
            blocks, tail = list(self._blocks), list(self._tail)
        return [*blocks, *([_joined(tail)] if tail else [])]


def _lowest(blocks: Sequence[Columns]) -> int | None:
    """The lowest id in these blocks."""
    return min((int(block["id"].min()) for block in blocks), default=None)


def _outside(block: Columns, ranges: Collection[tuple[int, int]]) -> Columns:
    """The rows of the block whose ids are in none of these ranges."""
    ids, keep = block["id"], np.ones(len(block["id"]), dtype=np.bool_)
    for first, last in ranges:
        if first <= ids.max() and last >= ids.min():
            keep &= (ids < first) | (ids > last)
    return block if keep.all() else _taken(block, keep)


def _joined(blocks: Sequence[Columns]) -> Columns:
    joined = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0] if name != "own"}
    return {**joined, "own": pa.concat_arrays([block["own"] for block in blocks])}


def _taken(block: Columns, rows: Bools | Rows) -> Columns:
    """These rows of the block alone (a mask or positions)."""
    places = pa.array(np.flatnonzero(rows) if rows.dtype == np.bool_ else rows)
    return {name: column.take(places) if name == "own" else column[rows] for name, column in block.items()}


def _framed(blocks: Sequence[Columns]) -> pd.DataFrame:
    if not any(len(block["id"]) for block in blocks):
        return pd.DataFrame(_COLUMNS)
    columns = {name: np.concatenate([block[name] for block in blocks]) for name in _COLUMNS}
    table = pd.DataFrame(columns)
    for name in ("time", "received"):
        table[name] = table[name].astype("datetime64[us]").dt.tz_localize("UTC")
    return table


def _mask(block: Columns, since: int, tags: Sequence[str] | None) -> Bools:
    keep: Bools = block["time"] >= since
    if tags is not None:
        wanted = set(tags)
        keep &= np.array([name in wanted for name in block["tag"].tolist()], dtype=np.bool_)
    return keep


def _where(block: Columns, since: int, tags: Sequence[str] | None) -> Columns:
    keep = _mask(block, since, tags)
    return block if keep.all() else _taken(block, keep)


def _own(entry: BatchEntry) -> pa.Array:
    """What each detector said, as lists: a model of many tags must not widen the rows of all others."""
    verdicts = entry.processed.scores.verdicts
    if verdicts is None:
        return pa.nulls(len(entry.processed.accepted), OWN)
    return own_lists(verdicts.detectors, verdicts.own)


def _verdicts(entry: BatchEntry) -> Columns:
    """The columns that readings from before there were profiles lack, but `own`."""
    verdicts, count = entry.processed.scores.verdicts, len(entry.processed.accepted)
    if verdicts is None:
        nothing = np.full(count, None, dtype=object)
        return {"threshold": np.full(count, np.nan), "profile": nothing, "detector": nothing}
    detectors = np.array([*verdicts.detectors, None], dtype=object)  # -1, where none judged, is the last
    return {
        "threshold": verdicts.threshold,
        "profile": np.array(verdicts.profiles, dtype=object)[verdicts.profile],
        "detector": detectors[verdicts.detector],
    }


def _columns(entry: BatchEntry) -> Columns:
    batch, scores = entry.processed.accepted, entry.processed.scores
    count = len(batch)
    names = np.array(batch.tags, dtype=object)
    return {
        "id": entry.first_id + np.arange(count),
        "tag": names[batch.tag],
        "time": batch.time,
        "received": np.full(count, batch.received),
        "value": batch.value,
        "quality": batch.quality,
        "n": scores.n,
        "score": scores.score,
        "expected": scores.expected,
        "lower": scores.lower,
        "upper": scores.upper,
        "is_anomaly": scores.is_anomaly,
        "settings": np.full(count, entry.processed.settings, dtype=np.int32),
        "source": np.full(count, batch.source, dtype=object),
        "origin": np.full(count, str(batch.origin), dtype=object),
        **_verdicts(entry),
        "withheld": scores.withheld,
        "own": _own(entry),
    }


def _followed(readings: pa.Table) -> Columns:
    """The columns of readings that the store has."""
    columns: Columns = {}
    for name, kind in _COLUMNS.items():
        column = readings[name].combine_chunks()
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.int64())
        values = column.to_numpy(zero_copy_only=False)
        plain = isinstance(kind.dtype, np.dtype)
        columns[name] = values.astype(kind.dtype, copy=False) if plain else values
    own = readings["own"].combine_chunks()
    return {**columns, "own": own if own.type == OWN else own.cast(OWN)}


_COLUMNS = {
    "id": pd.Series(dtype="int64"),
    "tag": pd.Series(dtype="str"),
    "time": pd.Series(dtype="datetime64[us, UTC]"),
    "received": pd.Series(dtype="datetime64[us, UTC]"),
    "value": pd.Series(dtype="float64"),
    "quality": pd.Series(dtype="uint32"),
    "n": pd.Series(dtype="int64"),
    "score": pd.Series(dtype="float64"),
    "expected": pd.Series(dtype="float64"),
    "lower": pd.Series(dtype="float64"),
    "upper": pd.Series(dtype="float64"),
    "is_anomaly": pd.Series(dtype="bool"),
    "settings": pd.Series(dtype="int32"),
    "source": pd.Series(dtype="str"),
    "origin": pd.Series(dtype="str"),
    "threshold": pd.Series(dtype="float64"),
    "profile": pd.Series(dtype="str"),
    "detector": pd.Series(dtype="str"),
    "withheld": pd.Series(dtype="uint8"),
}
_NOTHING = pa.array([], OWN)
_NOWHERE = np.zeros(0, dtype=np.int64)
_NO_PEAKS = pd.DataFrame(
    {"tag": np.array([], dtype=object), "flagged": np.array([], dtype=np.int64), "score": np.array([])}
)
