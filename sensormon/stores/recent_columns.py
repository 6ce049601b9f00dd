"""Readings in memory as columns: made of batches, joined, cut, and given out as frames."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from sensormon.model.entries import BatchEntry
from sensormon.model.readings import Bools
from sensormon.stores.columns import OWN, own_lists

Columns = dict[str, Any]
"""The columns of a frame of readings as arrays; `code`, a number for the tag; `place`, see
`RecentReadings`; and `own`, Arrow's lists: see `stores.columns.OWN`."""
Rows = np.ndarray[tuple[int], np.dtype[np.intp]]


def outside(block: Columns, ranges: Collection[tuple[int, int]]) -> Columns:
    """The rows of the block whose ids are in none of these ranges."""
    ids, keep = block["id"], np.ones(len(block["id"]), dtype=np.bool_)
    for first, last in ranges:
        if first <= ids.max() and last >= ids.min():
            keep &= (ids < first) | (ids > last)
    return block if keep.all() else taken(block, keep)


def joined(blocks: Sequence[Columns]) -> Columns:
    joined = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0] if name != "own"}
    return {**joined, "own": pa.concat_arrays([block["own"] for block in blocks])}


def taken(block: Columns, rows: Bools | Rows) -> Columns:
    """These rows of the block alone (a mask or positions)."""
    places = pa.array(np.flatnonzero(rows) if rows.dtype == np.bool_ else rows)
    return {name: column.take(places) if name == "own" else column[rows] for name, column in block.items()}


def framed(blocks: Sequence[Columns]) -> pd.DataFrame:
    if not any(len(block["id"]) for block in blocks):
        return pd.DataFrame(COLUMNS)
    columns = {name: np.concatenate([block[name] for block in blocks]) for name in COLUMNS}
    table = pd.DataFrame(columns)
    for name in ("time", "received"):
        table[name] = table[name].astype("datetime64[us]").dt.tz_localize("UTC")
    return table


def mask(block: Columns, since: int, wanted: Bools | None) -> Bools:
    keep: Bools = block["time"] >= since
    return keep if wanted is None else keep & wanted[block["code"]]


def where(block: Columns, since: int, wanted: Bools | None) -> Columns:
    keep = mask(block, since, wanted)
    return block if keep.all() else taken(block, keep)


def _own(entries: Sequence[BatchEntry]) -> pa.Array:
    """What each detector said, as lists: a model of many tags must not widen the rows of all others."""
    verdicts = entries[0].processed.scores.verdicts
    if verdicts is None:
        return pa.nulls(sum(len(entry.processed.accepted) for entry in entries), OWN)
    own = [entry.processed.scores.verdicts.own for entry in entries if entry.processed.scores.verdicts]
    return own_lists(verdicts.detectors, np.concatenate(own))


def _detectors(entry: BatchEntry) -> tuple[str, ...] | None:
    """The detectors whose verdicts the batch has; None if it is from before there were profiles."""
    verdicts = entry.processed.scores.verdicts
    return None if verdicts is None else tuple(verdicts.detectors)


def columns_of(entries: Sequence[BatchEntry], codes: dict[str, int]) -> Columns:
    """The readings of all these batches; names get codes, which are added to `codes`."""
    parts = [_plain_columns(entry, codes) for entry in entries]
    together = [list(alike) for _, alike in groupby(entries, _detectors)]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return {**columns, "own": pa.concat_arrays([_own(alike) for alike in together])}


def _plain_columns(entry: BatchEntry, codes: dict[str, int]) -> Columns:
    """The columns but `own`, which is cheaper to make for many batches at once."""
    batch, scores = entry.processed.accepted, entry.processed.scores
    verdicts, count = scores.verdicts, len(batch)
    known = np.array([codes.setdefault(name, len(codes)) for name in batch.tags], dtype=np.int32)
    nothing = np.full(count, None, dtype=object)
    if verdicts is not None:
        profile = np.array(verdicts.profiles, dtype=object)[verdicts.profile]
        detector = np.array([*verdicts.detectors, None], dtype=object)[verdicts.detector]  # -1: the last
    return {
        "id": entry.first_id + np.arange(count),
        "tag": np.array(batch.tags, dtype=object)[batch.tag],
        "code": known[batch.tag],
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
        "threshold": np.full(count, np.nan) if verdicts is None else verdicts.threshold,
        "profile": nothing if verdicts is None else profile,
        "detector": nothing if verdicts is None else detector,
        "withheld": scores.withheld,
    }


def lowest(blocks: Sequence[Columns]) -> int | None:
    """The lowest id in these blocks."""
    return min((int(block["id"].min()) for block in blocks), default=None)


def followed(readings: pa.Table, codes: dict[str, int]) -> Columns:
    """The columns, but `place`, of readings that the store has; names get codes, added to `codes`."""
    columns: Columns = {}
    for name, kind in COLUMNS.items():
        column = readings[name].combine_chunks()
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.int64())
        values = column.to_numpy(zero_copy_only=False)
        plain = isinstance(kind.dtype, np.dtype)
        columns[name] = values.astype(kind.dtype, copy=False) if plain else values
    names = columns["tag"].tolist()
    columns["code"] = np.array([codes.setdefault(name, len(codes)) for name in names], dtype=np.int32)
    own = readings["own"].combine_chunks()
    return {**columns, "own": own if own.type == OWN else own.cast(OWN)}


COLUMNS = {
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
NOTHING = pa.array([], OWN)
NOWHERE = np.zeros(0, dtype=np.int64)
NO_PEAKS = pd.DataFrame(
    {"tag": np.array([], dtype=object), "flagged": np.array([], dtype=np.int64), "score": np.array([])}
)
