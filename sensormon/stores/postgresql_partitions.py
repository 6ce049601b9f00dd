"""The partitions of the table of readings: which there are, and making those that are missing.

Readings are partitioned by the UTC day of their own time. Days long past, as files have them, share a
partition a month: a query holds a lock on every partition it looks at, and years of days would be more locks
than a server has by default. What it is not: what drops them; see `postgresql_retention`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from sensormon.model.clock import DAY
from sensormon.model.readings import Ints
from sensormon.stores.postgresql_database import Cursor, Database

RECENT = 62
"""Days before today that have a partition each."""
AHEAD = 2
"""Days made before their first reading comes."""

_MISSING = """
SELECT day FROM unnest(%s::date[]) AS day
WHERE to_regclass('readings_' || to_char(day, 'YYYYMMDD')) IS NULL
    AND to_regclass('readings_' || to_char(day, 'YYYYMM')) IS NULL
ORDER BY day
"""
_DAYS_OF_MONTH = r"""
SELECT count(*) FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
WHERE inhparent = 'readings'::regclass AND relname LIKE %s
"""


def make_missing(database: Database, times: Ints, today: datetime) -> None:
    """Make the partitions that readings of these times (µs UTC) need, in transactions of their own."""
    days = [_day(number) for number in np.unique(times // DAY).tolist()]
    missing = [day for (day,) in database.rows(_MISSING, [days])] if days else []
    for day in missing:
        with database.transaction("make a partition") as cursor:
            _make(cursor, datetime(day.year, day.month, day.day, tzinfo=UTC), today)


def make_ahead(database: Database, today: datetime) -> None:
    """Make the partitions of today and of the next days."""
    first = int(today.timestamp()) * 1_000_000
    make_missing(database, np.array([first + number * DAY for number in range(AHEAD + 1)]), today)


def drop_if_empty(cursor: Cursor, name: str) -> None:
    """Drop this partition if it is there and has no rows. Raises what a lock that is held raises, soon."""
    if not cursor.execute("SELECT to_regclass(%s)", [name]).fetchall()[0][0]:
        return
    cursor.execute("SET LOCAL lock_timeout = '500ms'")
    cursor.execute(f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE")
    if not cursor.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchall():
        cursor.execute(f"DROP TABLE {name}")


def _make(cursor: Cursor, day: datetime, today: datetime) -> None:
    cursor.execute("SET LOCAL lock_timeout = '10s'")
    # Only one at a time. A lock of another kind would not let this transaction see what others have made.
    cursor.execute("LOCK TABLE readings IN SHARE UPDATE EXCLUSIVE MODE")
    if not cursor.execute(_MISSING, [[day]]).fetchall():
        return  # somebody else has made it meanwhile
    first, end, name = day, day + timedelta(days=1), f"readings_{day:%Y%m%d}"
    if day < today - timedelta(days=RECENT):
        month, following = day.replace(day=1), (day.replace(day=28) + timedelta(days=4)).replace(day=1)
        ((days_of_it,),) = cursor.execute(_DAYS_OF_MONTH, [f"readings_{month:%Y%m}%"]).fetchall()
        if not days_of_it:
            first, end, name = month, following, f"readings_{month:%Y%m}"
    cursor.execute(
        f"CREATE TABLE {name} PARTITION OF readings"
        f" FOR VALUES FROM ('{first:%Y-%m-%d} 00:00:00+00') TO ('{end:%Y-%m-%d} 00:00:00+00')"
    )


def _day(number: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=number)
