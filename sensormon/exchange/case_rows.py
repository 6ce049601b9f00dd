"""The rows of a case as the journal gets them: in pieces, with local names and their own scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sensormon.exchange.case_verdicts import judged_by_profile, verdicts_of
from sensormon.model.entries import CASE, FROM_CASES, DetectorSettings
from sensormon.model.readings import Batch, Bools, Origin, Processed, Scores

ROWS = 5_000
"""The most readings in one journal record."""


@dataclass(frozen=True)
class Plan:
    """The local names of tags and ids of detector settings, by those in the case."""

    tags: Mapping[str, str]
    settings: Mapping[int, int]


Codes = Mapping[str, Mapping[float, int]]
"""By tag of states, and by its codes in the case, the codes here."""


def _values(table: pa.Table, codes_here: Codes) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values: np.ndarray[tuple[int], np.dtype[np.float64]] = table.column("value").to_numpy()
    if not codes_here:
        return values
    values, tags = values.copy(), table.column("tag").cast(pa.string())
    for name, here in codes_here.items():
        rows = np.flatnonzero(pc.equal(tags, name).to_numpy())
        values[rows] = [here[code] for code in values[rows].tolist()]
    return values


def empty_batch(now: int) -> Processed:
    """A batch without readings, for a record that holds something else."""
    batch = Batch.of([], source=CASE, received=now, origin=Origin.IMPORT)
    empty = np.empty(0, dtype=np.float64)
    scores = Scores(np.empty(0, dtype=np.int64), empty, empty, empty, empty, np.empty(0, dtype=np.bool_))
    return Processed(batch, scores, FROM_CASES, ())


def parts_of(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The readings in parts for one journal record each: at most `ROWS`, scored with the same settings.

    Those with a profile and those from before are apart too.
    """
    for table in tables:
        changed = changes_of(table)
        edges = [0, *(np.flatnonzero(changed) + 1).tolist(), table.num_rows]
        for start, stop in pairwise(edges):
            for first in range(start, stop, ROWS):
                yield table.slice(first, min(ROWS, stop - first))


def changes_of(table: pa.Table) -> Bools:
    """Of each reading but the last, whether the next has other settings, or profiles came in between."""
    profiled = judged_by_profile(table)
    changed: Bools = (np.diff(table.column("settings").to_numpy()) != 0) | (profiled[1:] != profiled[:-1])
    return changed


def pieces_of(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The rows in parts of at most `ROWS`."""
    for table in tables:
        for start in range(0, table.num_rows, ROWS):
            yield table.slice(start, ROWS)


def rows_of(table: pa.Table, time: str) -> list[dict[str, Any]]:
    """The rows; `time` is a column of times, returned as µs UTC."""
    place = table.schema.get_field_index(time)
    rows: list[dict[str, Any]] = table.set_column(
        place, time, table.column(time).cast(pa.int64())
    ).to_pylist()
    return rows


def as_scored(
    table: pa.Table, plan: Plan, now: int, codes_here: Codes, settings: Mapping[int, DetectorSettings]
) -> Processed:
    """These readings with local names, local codes of states and their own scores.

    `now` (µs UTC) is when they arrive; `settings` are those of the case.
    """
    version = int(table.column("settings")[0].as_py())
    texts = pc.unique(table.column("tag")).to_pylist()
    codes = pc.index_in(table.column("tag").cast(pa.string()), value_set=pa.array(texts, pa.string()))
    batch = Batch(
        source=CASE,
        received=now,
        tags=tuple(plan.tags[name] for name in texts),
        tag=codes.to_numpy().astype(np.int32),
        time=table.column("time").cast(pa.int64()).to_numpy(),
        value=_values(table, codes_here),
        quality=table.column("quality").to_numpy(),
        origin=Origin.IMPORT,
    )

    def numbers(name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        column: pd.Series[Any] = table.column(name).to_pandas()
        return column.to_numpy(dtype=np.float64, na_value=np.nan)

    scores = Scores(
        n=table.column("n").to_numpy(),
        score=numbers("score"),
        expected=numbers("expected"),
        lower=numbers("lower"),
        upper=numbers("upper"),
        is_anomaly=table.column("is_anomaly").to_numpy(),
        verdicts=verdicts_of(table, settings[version]),
    )
    return Processed(batch, scores, plan.settings[version], ())
