"""Events and their flagged readings as tables for a file, and large files piece by piece.

Pure functions: frames in, frames out, a row a row, in the same order. Times are timestamps in
UTC; the files have them in the viewer's zone too, and name it.
What it is not: a choice of rows.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from io import BytesIO

import numpy as np
import pandas as pd
import pyarrow as pa

from sensormon.export import with_zone
from sensormon.readings import Ints
from sensormon.table_writers import FORMS
from sensormon.tags import TagTable
from sensormon.timestamps import to_datetime

_EVENT = (
    "value", "expected", "score", "threshold", "severity", "state", "label", "note", "who", "readings",
    "seconds", "settings",
)  # fmt: skip
_PIECE = 2_000
_READING = ("value", "expected", "lower", "upper", "score", "settings", "origin")


def events_file(events: pd.DataFrame, tags: TagTable) -> pd.DataFrame:
    """What a person needs of each event; value, expected, score and threshold are those of its peak."""
    return pd.DataFrame(
        {
            "event": events["id"].astype("int64"),
            "start": events["start"],
            "end": events["end"],
            "peak": events["peak_time"],
            **_tag(events["tag"], tags),
            **{name: events[name] for name in _EVENT},
            "over": events["over"].astype(bool),
            "acted": events["acted"],
            "shelved until": events["shelved_until"],
        }
    )


def readings_file(readings: pd.DataFrame, events: pd.DataFrame, tags: TagTable) -> pd.DataFrame:
    """What a person needs of each flagged reading, and the event it is in."""
    event_of = pd.Series(
        np.repeat(events["id"].to_numpy(dtype=np.int64), [len(ids) for ids in events["ids"]]),
        index=_ids(events),
    )
    return pd.DataFrame(
        {
            "time": readings["time"],
            "event": readings["id"].map(event_of).astype("int64"),
            **_tag(readings["tag"], tags),
            **{name: readings[name] for name in _READING},
        }
    )


def readings_of(events: pd.DataFrame, flagged: pd.DataFrame) -> pd.DataFrame:
    """Those of the flagged readings that these events are made of, in the same order."""
    return flagged[flagged["id"].isin(_ids(events))].reset_index(drop=True)


def large_file(
    frame: pd.DataFrame, form: str, zone_name: str, step: Callable[[str, float, float], None]
) -> bytes:
    """The bytes that `export.frame_file` gives (Parquet in more row groups), with a `step` every piece.

    `step` gets words, rows done and all rows; what it raises ends the work.
    """
    stream, table = BytesIO(), with_zone(pa.Table.from_pandas(frame, preserve_index=False), zone_name)
    file = FORMS[form].begin(stream)
    try:
        for start in range(0, max(1, len(frame)), _PIECE):
            step(f"{start:,} of {len(frame):,} rows", start, len(frame))
            file.write(table.slice(start, _PIECE))
        step("closing the file", len(frame), len(frame))
    except BaseException:
        file.abandon()
        raise
    file.close()
    return stream.getvalue()


def file_name(kind: str, time: int, zone: tzinfo, ending: str) -> str:
    """A name with the moment the list is of, in the viewer's zone.

    >>> from datetime import UTC
    >>> file_name("events", 0, UTC, "csv")
    'events_1970-01-01_000000.csv'
    """
    return f"{kind}_{to_datetime(time).astimezone(zone):%Y-%m-%d_%H%M%S}.{ending}"


def _ids(events: pd.DataFrame) -> Ints:
    each = [np.asarray(ids, dtype=np.int64) for ids in events["ids"]]
    found: Ints = np.concatenate(each) if each else np.zeros(0, dtype=np.int64)
    return found


def _tag(names: pd.Series[str], tags: TagTable) -> dict[str, list[str]]:
    known = {tag.name: tag for tag in tags}
    return {
        "tag": list(names),
        "label of the tag": [known[name].label if name in known else name for name in names],
        "unit": [known[name].unit if name in known else "" for name in names],
    }
