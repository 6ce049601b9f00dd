"""Events and their flagged readings as tables for a file.

Pure functions: frames in, frames out, with the same rows in the same order. Times are timestamps
in UTC; a file also has them in the viewer's time zone, and names it.
What it is not: a choice of rows.
"""

from __future__ import annotations

from datetime import tzinfo

import numpy as np
import pandas as pd

from sensormon.model.readings import Ints, is_simulated
from sensormon.model.tags import TagTable
from sensormon.model.timestamps import to_datetime

_JUDGED = ("value", "expected", "lower", "upper", "score", "threshold", "detector", "profile")
_EVENT = (*_JUDGED, "severity", "state", "label", "note", "who", "readings", "seconds", "settings")
_READING = (*_JUDGED, "settings", "origin")


def events_file(events: pd.DataFrame, tags: TagTable) -> pd.DataFrame:
    """The columns for each event; the numbers from value to threshold are those of its peak."""
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
    """The columns for each flagged reading, with the event it belongs to."""
    event_of = pd.Series(
        np.repeat(events["id"].to_numpy(dtype=np.int64), events["readings"].to_numpy(dtype=np.int64)),
        index=_ids(events),
    )
    return pd.DataFrame(
        {
            "time": readings["time"],
            "event": readings["id"].map(event_of).astype("int64"),
            **_tag(readings["tag"], tags),
            **{name: readings[name] for name in _READING},
            "simulated": readings["source"].map(is_simulated).astype(bool),
        }
    )


def readings_of(events: pd.DataFrame, flagged: pd.DataFrame) -> pd.DataFrame:
    """The flagged readings that belong to these events, in the same order."""
    return flagged[flagged["id"].isin(_ids(events))].reset_index(drop=True)


def file_stem(kind: str, time: int, zone: tzinfo) -> str:
    """A file name with the moment of the list in the viewer's zone, without suffix.

    >>> from datetime import UTC
    >>> file_stem("events", 0, UTC)
    'events_1970-01-01_000000'
    """
    return f"{kind}_{to_datetime(time).astimezone(zone):%Y-%m-%d_%H%M%S}"


def _ids(events: pd.DataFrame) -> Ints:
    together: Ints = events["ids"].list.flatten().to_numpy(dtype=np.int64)
    return together


def _tag(names: pd.Series[str], tags: TagTable) -> dict[str, list[str]]:
    known = {tag.name: tag for tag in tags}
    return {
        "tag": list(names),
        "label of the tag": [known[name].label if name in known else name for name in names],
        "unit": [known[name].unit if name in known else "" for name in names],
    }
