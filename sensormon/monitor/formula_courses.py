"""The readings that formulas are evaluated over, from store and memory, a piece at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sensormon.formulas.evaluating import NO_READINGS, Course
from sensormon.model.readings import Ints, Origin, is_good
from sensormon.model.timestamps import micros
from sensormon.stores.streams import ReadingStreams


def courses_of(
    streams: ReadingStreams, tags: Sequence[str], since: int, until: int, *, live: bool = False
) -> dict[str, Course]:
    """The readings of these tags with since <= time < until, or of these the `live` ones, without imports.

    Raises StoreError.
    """
    parts: dict[str, list[tuple[Ints, pa.Table]]] = {tag: [] for tag in tags}
    columns = ["tag", "time", "value", "quality", *(["origin"] if live else [])]
    for piece in streams.by_arrival(list(tags), since, until):
        readings = piece.select(columns)
        if live:
            readings = readings.filter(pc.not_equal(readings["origin"], str(Origin.IMPORT)))
        for tag in tags:
            own = readings.filter(pc.equal(readings["tag"], tag)) if len(tags) > 1 else readings
            if own.num_rows:
                parts[tag].append((own["time"].cast(pa.int64()).to_numpy(), own))
    return {tag: _course(pieces) for tag, pieces in parts.items()}


def times_of(streams: ReadingStreams, tag: str, since: int, until: int) -> Ints:
    """The times at which this tag has readings, in order of arrival. Raises StoreError."""
    times = [piece["time"].cast(pa.int64()).to_numpy() for piece in streams.by_arrival([tag], since, until)]
    return np.concatenate([np.zeros(0, dtype=np.int64), *times])


def course_of_frame(readings: pd.DataFrame) -> Course:
    """The course of these readings of one tag, which are in order of arrival."""
    return Course.of(
        micros(readings["time"]),
        readings["value"].to_numpy(dtype=np.float64),
        is_good(readings["quality"].to_numpy(dtype=np.uint32)),
    )


def _course(pieces: Sequence[tuple[Ints, pa.Table]]) -> Course:
    if not pieces:
        return NO_READINGS
    return Course.of(
        np.concatenate([times for times, _ in pieces]),
        np.concatenate([own["value"].to_numpy() for _, own in pieces]),
        is_good(np.concatenate([own["quality"].to_numpy().astype(np.uint32) for _, own in pieces])),
    )
