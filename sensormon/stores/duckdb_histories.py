"""The newest readings of each tag in a DuckDB file, for a restart, without reading all of the file.

Readings are stored by id, so those between two ids are read quickly. A tag's newest ones are looked for below
its last id, and further back only as long as there are too few. A tag that has been silent for years
costs no more than one that is not; one that sends once an hour costs a look through its column.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
import pandas as pd

from sensormon.model.timestamps import micros
from sensormon.stores.duckdb_database import Database
from sensormon.stores.duckdb_queries import LEARNED
from sensormon.stores.readings import TagHistory

_NEWEST = (
    f"SELECT tag, time, value, quality >> 30 = 0 AS good, {LEARNED} AS learned FROM readings "
    "WHERE origin <> 'import' AND id > ? AND id <= ? AND tag IN ({tags}) "
    f"QUALIFY row_number() OVER (PARTITION BY tag, {LEARNED} ORDER BY id DESC) <= ? ORDER BY id"
)
_FURTHER = 16
"""The next look goes this many times as far back."""


def histories(database: Database, limit: int, tags: Collection[str] | None) -> list[TagHistory]:
    """See `StoredReadings.histories`; the others are those among the learned ones, or near them."""
    latest: dict[str, tuple[int, int]] = {
        tag: (last, n)
        for tag, last, n in database.rows("SELECT tag, id, n FROM latest")
        if tags is None or tag in tags
    }
    waiting, reach = dict(latest), 2 * limit * max(1, len(latest))
    newest: list[TagHistory] = []
    while waiting:
        short: dict[str, tuple[int, int]] = {}
        while waiting:
            top = max(last for last, _ in waiting.values())
            near = {tag: waiting.pop(tag) for tag, (last, _) in [*waiting.items()] if last > top - reach}
            bottom = top - 2 * reach
            for history in _between(database, bottom, top, near, limit):
                last, n = near.pop(history.tag)
                if bottom <= 0 or np.count_nonzero(history.learned) >= min(n, limit):
                    newest.append(history)
                else:
                    short[history.tag] = last, n
            if bottom > 0:
                short |= near  # a last reading that was rolled up
        waiting, reach = short, _FURTHER * reach
    return newest


def _between(
    database: Database, after: int, last: int, tags: dict[str, tuple[int, int]], limit: int
) -> Iterator[TagHistory]:
    query = _NEWEST.format(tags=", ".join("?" * len(tags)))
    frame: pd.DataFrame = database.frame(query, [after, last, *tags, limit])
    for name, rows in frame.groupby("tag", sort=False):
        tag = str(name)
        yield TagHistory(
            tag=tag,
            n=int(tags[tag][1]),
            time=micros(rows["time"]),
            value=rows["value"].to_numpy(dtype=np.float64),
            learned=rows["learned"].to_numpy(dtype=np.bool_),
            good=rows["good"].to_numpy(dtype=np.bool_),
        )
