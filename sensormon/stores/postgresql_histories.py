"""The newest readings of each tag in PostgreSQL, for a restart, by the index on tag and time.

A tag's newest readings by id are nearly its newest by time: those that came late lie further back. So
`_EXTRA` more are read by time and the newest by id of these are kept.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from sensormon.model.timestamps import micros
from sensormon.stores.postgresql_database import Database
from sensormon.stores.postgresql_queries import LEARNED
from sensormon.stores.readings import TagHistory

_EXTRA = 100
_NEWEST = f"""
SELECT tag, id, n, learned_before, time, value, quality, withheld, {LEARNED} AS learned FROM (
    SELECT newest.*, latest.n AS learned_before,
        row_number() OVER (PARTITION BY newest.tag, {LEARNED} ORDER BY newest.id DESC) AS place
    FROM latest CROSS JOIN LATERAL (
        (SELECT tag, id, time, value, quality, withheld, n FROM readings AS r
            WHERE r.tag = latest.tag AND origin <> 'import' AND {LEARNED}
            ORDER BY r.time DESC LIMIT %s)
        UNION ALL
        (SELECT tag, id, time, value, quality, withheld, n FROM readings AS r
            WHERE r.tag = latest.tag AND origin <> 'import' AND NOT {LEARNED}
            AND r.time > latest.time - interval '31 days'
            ORDER BY r.time DESC LIMIT %s)
    ) AS newest
    WHERE %s::text[] IS NULL OR latest.tag = ANY(%s::text[])
) AS placed WHERE place <= %s ORDER BY tag, id
"""


def histories(database: Database, limit: int, tags: Collection[str] | None) -> list[TagHistory]:
    """See `StoredReadings.histories`; of those not learned only the ones of a month are looked for."""
    names = None if tags is None else list(tags)
    values = [limit + _EXTRA, limit + _EXTRA, names, names, limit]
    frame = database.frame(_NEWEST, values)
    return [
        TagHistory(
            tag=str(tag),
            n=int(rows["learned_before"].iloc[0]),
            time=micros(rows["time"]),
            value=rows["value"].to_numpy(dtype=np.float64),
            learned=rows["learned"].to_numpy(dtype=np.bool_),
            good=rows["quality"].to_numpy(dtype=np.uint32) >> np.uint32(30) == 0,
        )
        for tag, rows in frame.groupby("tag", sort=False)
    ]
