"""`bench pipeline`: a thousand tags from validation to stored, beside DuckDB alone and the naive way."""

from __future__ import annotations

import tempfile
import time
from collections import deque
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from sensormon.bench.judging import KINDS, WARM_UP, judging, rows, tag_table, version_of
from sensormon.bench.measured import Figures, Measured, Size, load_since, machine_load, seconds
from sensormon.bench.way_in import WayIn
from sensormon.ingest.collector import Receipt
from sensormon.ingest.pipeline import Pipeline
from sensormon.ingest.validation import FUTURE
from sensormon.journal.journal import Journal
from sensormon.model.entries import BatchEntry, Record
from sensormon.model.readings import Batch, Processed
from sensormon.model.tags import TagTable
from sensormon.stores.columns import reading_columns
from sensormon.stores.duckdb_store import DuckDBStore

TAGS = 1_000
SIZES = (1_000, 10_000)
"""Readings a batch of ours, and a transaction of DuckDB alone."""
SLICE = 500_000
"""Readings of each that take turns."""
_TICKS = 500
"""Ticks of a journal to be drained that are judged together."""
RECORD_BYTES = 700
"""About what a record of three readings takes in the journal."""


def pipeline(size: Size, length: float = 10.0, readings: int = 100_000, journal_mb: int = 20) -> Measured:
    """Readings per second of 1,000 tags, as fast as they go, for `length` seconds, from validation to stored.

    The default profile has a third of that time. Stored is what DuckDB has committed; the journal with its
    syncs is included, and the loader works in a thread of its own, as in a monitor. The reference, DuckDB
    alone, takes the very same rows as ready Arrow tables, a transaction for each batch; the two take turns.
    The naive way takes one reading at a time through validation, a deque with numpy's mean and deviation,
    and an INSERT. Beside it: what judging alone costs (`readings` each), and how fast a journal of records
    of three readings drains into the store.
    """
    before = machine_load()
    figures: Figures = {}
    reference: Figures = {}
    ratio: Figures = {}
    with tempfile.TemporaryDirectory() as name:
        naive = naive_way(Path(name) / "naive.duckdb", length / 2)
        reference["naive way, readings/s"] = naive
        for batch_rows in SIZES:
            for kind in KINDS:
                title = f"batches of {batch_rows:,}"
                share = 1.0 if kind == "z-score" else 0.3
                ours, alone = _beside_duckdb(Path(name), kind, batch_rows, share * length)
                figures[f"{kind}, {title}, readings/s"] = ours
                if kind == "z-score":
                    reference[f"DuckDB alone, {title}, readings/s"] = alone
                    figures[f"{kind}, {title}, times the naive way"] = ours / naive
                    ratio[str(batch_rows)] = ours / alone
                else:
                    figures[f"{kind}, {title}, to DuckDB alone"] = ours / alone
        megabytes = 200 if size.full else journal_mb
        drained = _drained(Path(name) / "drain", megabytes)
        figures[f"a {megabytes} MB journal of records of three readings drains at readings/s"] = drained
    figures |= judging(size.readings or readings, ticks=400 if length >= 1 else 3)
    return Measured(figures, reference, ratio, load_since(before))


def _beside_duckdb(folder: Path, kind: str, batch_rows: int, length: float) -> tuple[float, float]:
    """Readings per second of ours under these profiles, and of DuckDB alone, in turns of a slice."""
    tags = tag_table(TAGS)
    ticks = batch_rows // TAGS
    way = WayIn(folder / f"{kind} {batch_rows}", tags, KINDS[kind])
    way.store_all([rows(tags.names, tick, 1) for tick in range(WARM_UP)])
    alone = _DuckDBAlone(folder / f"{kind} {batch_rows}.duckdb")
    taken = of_duckdb = 0.0
    count, first = 0, WARM_UP
    slice_batches = max(1, round(SLICE * min(1.0, length / 10)) // batch_rows)
    while taken < length:
        batches = [rows(tags.names, first + place * ticks, ticks) for place in range(slice_batches)]
        started = time.perf_counter()
        receipts = way.store_all(batches)
        taken += time.perf_counter() - started
        tables = [_ready(receipt) for receipt in receipts]
        of_duckdb += seconds(partial(alone.take, tables))
        count += sum(table.num_rows for table in tables)
        first += slice_batches * ticks
    way.close()
    alone.close()
    return count / taken, count / of_duckdb


class _DuckDBAlone:
    """DuckDB with the tables of a monitor's store."""

    def __init__(self, path: Path) -> None:
        self._connection = _empty_store(path)

    def take(self, tables: Sequence[pa.Table]) -> None:
        """Insert the rows of these tables, each in a transaction of its own."""
        for table in tables:
            self._connection.register("ready", table)
            self._connection.begin()
            self._connection.execute("INSERT INTO readings SELECT * FROM ready")
            self._connection.commit()
            self._connection.unregister("ready")

    def close(self) -> None:
        self._connection.close()


def _ready(receipt: Receipt) -> pa.Table:
    """The rows of this batch as the loader would store them."""
    return reading_columns([Record(receipt.number, BatchEntry(receipt.first_id, {}, receipt.processed))])


def _empty_store(path: Path) -> duckdb.DuckDBPyConnection:
    """A connection to an empty store, with the settings that let DuckDB write as fast as in a monitor."""
    store = DuckDBStore(path)
    store.open()
    store.close()
    return duckdb.connect(str(path), config={"threads": "2", "checkpoint_threshold": "256MB"})


def naive_way(path: Path, length: float) -> float:
    """Readings per second of the way that comes to mind first: each reading by itself, in plain Python.

    Validation, then the mean and the deviation of the last 50 values of its tag by numpy, then an INSERT
    that is committed before the next reading comes.
    """
    table = tag_table(TAGS)
    batch = rows(table.names, 0, 60)
    connection = _empty_store(path)
    windows = {name: deque(np.random.default_rng(0).normal(0, 1, 50), maxlen=50) for name in table.names}
    started = time.perf_counter()
    count = 0
    for row in range(len(batch)):
        if (passed := time.perf_counter() - started) >= length:
            break
        count += _naive_reading(connection, table, batch, row, windows)
    connection.close()
    return count / passed


def _naive_reading(
    connection: duckdb.DuckDBPyConnection,
    table: TagTable,
    batch: Batch,
    row: int,
    windows: dict[str, deque[float]],
) -> bool:
    """Validate, judge and store this reading; whether it was accepted."""
    name, value, moment = batch.tags[batch.tag[row]], float(batch.value[row]), int(batch.time[row])
    low, high = table[name].valid
    if name not in table or not low <= value <= high or moment > batch.received + FUTURE:
        return False
    window = windows[name]
    mean, deviation = float(np.mean(window)), float(np.std(window))
    score = abs(value - mean) / deviation
    window.append(value)
    connection.execute(
        "INSERT INTO readings VALUES (?, ?, make_timestamp(?), make_timestamp(?), ?, 0, ?, ?, ?, ?, ?, ?, 1,"
        " 'bench', 'live', 3.0, 'default', 'zscore', 0, NULL)",
        [
            row,
            name,
            moment,
            batch.received,
            value,
            row,
            score,
            mean,
            mean - 3 * deviation,
            mean + 3 * deviation,
            score > 3,
        ],
    )
    return True


def _drained(folder: Path, megabytes: int) -> float:
    """Readings per second from a journal of this size, in records of three readings, into the store."""
    table = tag_table(3)
    version = version_of(KINDS["default"])
    judge = Pipeline(table, version)
    folder.mkdir()
    journal = Journal(folder / "journal", fdatasync=lambda _: None)
    count = 0
    for first in range(0, megabytes * 1_000_000 // RECORD_BYTES, _TICKS):
        judged = judge.process(rows(table.names, first, _TICKS))
        for tick in range(_TICKS):
            three = np.arange(3 * tick, 3 * tick + 3)
            record = Processed(
                judged.accepted.take(three), judged.scores.take(three), judged.settings, rejected=()
            )
            journal.append(BatchEntry(count + 1, {"bench": count + 3}, record))
            count += 3
    journal.close()
    way = WayIn(folder, table, KINDS["default"])
    taken = seconds(way.drain)
    way.close()
    return count / taken
