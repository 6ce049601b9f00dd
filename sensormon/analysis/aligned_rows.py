"""Readings of several tags as rows: one value a tag for each interval of time.

A row has for each tag its last good reading, in order of arrival, whose time lies in the row's
interval; NaN if there is none. Intervals without a reading have no row. A row's time is the start of its
interval, a multiple of the interval's length since 1970.

Live, a row is whole once every tag has a reading of a later interval, or one tag has a reading `LATE`
intervals later. What arrives for a row after that is left out; that is all that live rows lack.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sensormon.model.readings import Floats, Ints, is_good
from sensormon.model.timestamps import micros

LATE = 3
"""Intervals for which a row waits for tags that are late."""


def rows_of_readings(readings: pd.DataFrame, tags: Sequence[str], interval: int) -> tuple[Ints, Floats]:
    """Times (µs) and rows of these readings, which are in order of arrival; `interval` in µs."""
    good = readings[is_good(readings["quality"].to_numpy(dtype=np.uint32)) & readings["tag"].isin(tags)]
    start = micros(good["time"]) // interval
    place = {name: column for column, name in enumerate(tags)}
    columns = good["tag"].map(place).to_numpy(dtype=np.int64)
    starts, row = np.unique(start, return_inverse=True)
    rows: Floats = np.full((len(starts), len(tags)), np.nan)
    rows[row, columns] = good["value"].to_numpy(dtype=np.float64)  # the last of equal places stays
    return starts * interval, rows


class RowMaker:
    """Makes rows of readings as they arrive; `interval` in µs, no row before `since`."""

    def __init__(self, tags: Sequence[str], interval: int, since: int = 0) -> None:
        self._place = {name: column for column, name in enumerate(tags)}
        self._interval = interval
        self._open: dict[int, Floats] = {}
        self._newest = np.full(len(tags), -1, dtype=np.int64)  # the newest interval of each tag
        self._closed = since // interval - 1  # the newest interval whose row is done

    def take(self, readings: pd.DataFrame) -> tuple[Ints, Floats]:
        """The rows that these readings, in order of arrival, complete: their times (µs) and values."""
        good = readings[is_good(readings["quality"].to_numpy(dtype=np.uint32))]
        columns = good["tag"].map(self._place)
        known = columns.notna().to_numpy()
        times = micros(good["time"])[known] // self._interval
        values = good["value"].to_numpy(dtype=np.float64)[known]
        done: list[tuple[int, Floats]] = []
        for column, start, value in zip(
            columns[known].astype(int).tolist(), times.tolist(), values.tolist(), strict=True
        ):
            if start <= self._closed:
                continue
            row = self._open.setdefault(start, np.full(len(self._place), np.nan))
            row[column] = value
            if start > self._newest[column]:
                self._newest[column] = start
                done += self._complete()
        rows = np.array([row for _, row in done], dtype=np.float64).reshape(-1, len(self._place))
        return np.array([start for start, _ in done], dtype=np.int64) * self._interval, rows

    def _complete(self) -> list[tuple[int, Floats]]:
        """The open rows that nothing is awaited for, oldest first; they are open no longer."""
        before = max(int(self._newest.min()), int(self._newest.max()) - LATE)
        ready = sorted(start for start in self._open if start < before)
        self._closed = max(self._closed, before - 1)
        return [(start, self._open.pop(start)) for start in ready]
