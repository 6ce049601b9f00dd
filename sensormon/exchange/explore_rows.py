"""What Explore shows, as rows for a file: every reading of a span, or only the points drawn.

What it is not: the file; see `sensormon.exchange.exporter`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd
import pyarrow as pa

from sensormon.analysis.downsample import Overview
from sensormon.exchange.exporter import labelled
from sensormon.exchange.state_values import with_words
from sensormon.model.clock import SECOND
from sensormon.model.state_words import Words
from sensormon.model.tags import TagTable
from sensormon.stores.columns import with_simulated
from sensormon.stores.streams import ReadingStreams

_NOTHING: Mapping[str, tuple[int, int]] = MappingProxyType({})
_COLUMNS = {
    "time": "time",
    "tag": "tag",
    "label": "label",
    "value": "value",
    "unit": "unit",
    "quality": "quality",
    "is_anomaly": "flagged",
    "score": "score",
    "threshold": "threshold",
    "detector": "detector",
    "simulated": "simulated",
}
_OF_MARKS = ("quality", "score", "threshold", "detector", "is_anomaly")

_NO_WORDS: Words = {}


def every_reading(
    streams: ReadingStreams,
    tags: TagTable,
    names: Sequence[str],
    since: int,
    until: int,
    words: Words = _NO_WORDS,
) -> Iterator[pa.Table]:
    """All readings of these tags, stored or not, in order of time, piece by piece. Raises StoreError."""
    chosen = {name: words[name] for name in names if name in words}
    pieces = streams.by_time(list(names), since, until)
    return (described(with_simulated(piece), tags, chosen) for piece in pieces)


def drawn_points(
    drawn: Sequence[tuple[str, Overview]],
    since: int,
    until: int,
    simulated: Mapping[str, tuple[int, int]] = _NOTHING,
) -> pd.DataFrame:
    """The points of the lines in view, by tag and time: tag, time, value, quality, score, threshold,
    detector, is_anomaly, simulated.

    Quality, score, detector and flag are known of marks; any other point is good and not flagged. `simulated`
    has the times of each tag's first and last simulated reading; points from the one to the other
    are marked.
    """
    parts = []
    for name, overview in drawn:
        inside = (overview.time >= since) & (overview.time < until)
        points = pd.DataFrame({"time": overview.time[inside], "value": overview.value[inside]})
        points["time"] = pd.to_datetime(points["time"], unit="us", utc=True).dt.as_unit("us")
        start, end = (pd.Timestamp(at, unit="us", tz="UTC") for at in (since, until))
        marked = overview.marks
        kept = marked[(marked["time"] >= start) & (marked["time"] < end)]
        marks = kept.reindex(columns=["time", "value", *_OF_MARKS]).drop_duplicates(["time", "value"])
        both = points.merge(marks, on=["time", "value"], how="outer")
        both["quality"] = both["quality"].fillna(0).astype(np.uint32)
        both["is_anomaly"] = both["is_anomaly"].eq(True)
        first, last = (pd.Timestamp(at, unit="us", tz="UTC") for at in simulated.get(name, (0, -1)))
        both["simulated"] = both["time"].between(first, last)
        parts.append(both.assign(tag=name).sort_values("time", kind="stable"))
    columns = ["tag", "time", "value", *_OF_MARKS, "simulated"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def described(readings: pa.Table, tags: TagTable, words: Words = _NO_WORDS) -> pa.Table:
    """These readings with the columns of the file, named for people, and states as words."""
    table = labelled(with_words(readings, words) if words else readings, tags).select(list(_COLUMNS))
    return table.rename_columns(list(_COLUMNS.values()))


def file_stem(names: Sequence[str], since: int) -> str:
    """The file name without suffix: up to three tags, and the time at which the span begins."""
    safe = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in "_".join(names[:3]))
    more = f"_and_{len(names) - 3}_more" if len(names) > 3 else ""
    day = pd.Timestamp(since // SECOND, unit="s", tz="UTC").strftime("%Y%m%dT%H%M%SZ")
    return f"{safe[:80]}{more}_{day}"
