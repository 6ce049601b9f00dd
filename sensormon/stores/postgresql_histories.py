"""The newest readings of each tag in PostgreSQL, for a restart, without reading all of the table.

The newest are those that arrived last. The index on tag and time finds a tag's newest by time, however rare
or silent it is, and mostly these are the same. Whether they are, `n` tells: learned readings are counted as
they arrive. Of a tag of which older readings arrived late they are looked for by id, below its last id, and
further back only as long as there are too few.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from sensormon.model.timestamps import micros
from sensormon.stores.postgresql_database import Cursor, Database
from sensormon.stores.postgresql_queries import LEARNED
from sensormon.stores.postgresql_tables import fetched
from sensormon.stores.readings import TagHistory

_EXTRA = 100
"""Rows read by time beyond those wanted, so that a few late readings do not matter."""
_NEAR = 4
"""Readings not learned are sought among this multiple of the rows wanted: there may be none in years."""
_FURTHER = 16
"""The next look goes this many times as far back."""
_COLUMNS = f"r.tag, r.id, r.n, r.time, r.value, r.quality, {LEARNED} AS learned"
_BY_TIME = f"""
WITH chosen AS (SELECT tag FROM latest WHERE tag = ANY(%s::text[])),
learned AS (
    SELECT newest.* FROM chosen CROSS JOIN LATERAL (
        SELECT {_COLUMNS} FROM readings AS r WHERE r.tag = chosen.tag AND origin <> 'import' AND {LEARNED}
        ORDER BY r.time DESC LIMIT %s) AS newest),
others AS (
    SELECT newest.* FROM chosen CROSS JOIN LATERAL (
        SELECT * FROM (
            SELECT {_COLUMNS} FROM readings AS r WHERE r.tag = chosen.tag AND origin <> 'import'
            ORDER BY r.time DESC LIMIT %s) AS near
        WHERE NOT learned ORDER BY time DESC LIMIT %s) AS newest)
SELECT * FROM learned UNION ALL SELECT * FROM others
"""
_BY_ID = f"""
SELECT tag, id, n, time, value, quality, learned FROM (
    SELECT {_COLUMNS}, row_number() OVER (PARTITION BY r.tag, {LEARNED} ORDER BY r.id DESC) AS place
    FROM readings AS r WHERE r.id > %s AND r.id <= %s AND r.tag = ANY(%s::text[]) AND origin <> 'import'
) AS placed WHERE place <= %s
"""


def histories(database: Database, limit: int, tags: Collection[str] | None) -> list[TagHistory]:
    """See `StoredReadings.histories`; the others are those among the learned ones, or near them."""
    with database.snapshot() as cursor:
        latest: dict[str, tuple[int, int]] = {
            tag: (last, n)
            for tag, last, n in cursor.execute("SELECT tag, id, n FROM latest").fetchall()
            if tags is None or tag in tags
        }
        most = limit + _EXTRA
        by_time = _frame(cursor, _BY_TIME, [list(latest), most, _NEAR * most, most])
        newest = {str(tag): rows for tag, rows in by_time.groupby("tag", sort=False)}
        late = {tag: latest[tag][0] for tag, rows in newest.items() if _may_lack(rows, latest[tag][1], limit)}
        newest |= _by_id(cursor, late, limit)
    return [_history(tag, latest[tag][1], rows, limit) for tag, rows in newest.items()]


def _may_lack(rows: pd.DataFrame, n: int, limit: int) -> bool:
    """Whether later arrivals of this tag, which had learned `n`, may be missing among its newest by time."""
    learned = rows.loc[rows["learned"].astype(bool), "n"].to_numpy()  # in order of id
    if len(learned) < limit + _EXTRA:
        return False  # these are all there are
    return not np.array_equal(learned[-limit:], np.arange(n - limit, n))


def _by_id(cursor: Cursor, waiting: dict[str, int], limit: int) -> dict[str, pd.DataFrame]:
    """The newest readings by id of these tags, each given with its last id."""
    newest: dict[str, pd.DataFrame] = {}
    reach = 2 * limit * max(1, len(waiting))
    while waiting:
        short: dict[str, int] = {}
        while waiting:
            top = max(waiting.values())
            near = {tag: waiting.pop(tag) for tag, last in [*waiting.items()] if last > top - reach}
            bottom = top - 2 * reach
            rows = _frame(cursor, _BY_ID, [bottom, top, list(near), limit])
            for tag, of_tag in rows.groupby("tag", sort=False):
                if bottom <= 0 or np.count_nonzero(of_tag["learned"]) >= limit:
                    newest[str(tag)] = of_tag
                    del near[str(tag)]
            if bottom > 0:
                short |= near
        waiting, reach = short, _FURTHER * reach
    return newest


def _frame(cursor: Cursor, query: str, values: list[object]) -> pd.DataFrame:
    """The result of this query, in order of id."""
    frame: pd.DataFrame = fetched(cursor, f"{query} ORDER BY id", values).to_pandas()
    return frame


def _history(tag: str, n: int, rows: pd.DataFrame, limit: int) -> TagHistory:
    """From rows in order of id, of which the last `limit` learned ones and as many others are kept."""
    learned = rows["learned"].to_numpy(dtype=np.bool_)
    kept = np.sort(np.concatenate([np.flatnonzero(learned == kind)[-limit:] for kind in (False, True)]))
    rows = rows.iloc[kept]
    return TagHistory(
        tag=tag,
        n=int(n),
        time=micros(rows["time"]),
        value=rows["value"].to_numpy(dtype=np.float64),
        learned=learned[kept],
        good=rows["quality"].to_numpy(dtype=np.uint32) >> np.uint32(30) == 0,
    )
