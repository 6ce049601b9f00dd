"""Long results of the PostgreSQL store, in order and in pieces, each piece a short query of its own.

Between two pieces nothing is open in the database: no cursor, no transaction, no snapshot. The next piece
begins after the last row of the one before. A piece in order of time is looked for in a window of times as
wide as the pieces before suggest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from sensormon.model.clock import MINUTE
from sensormon.stores.pieces import deleted_meanwhile, last_id_of
from sensormon.stores.postgresql_database import Database
from sensormon.stores.postgresql_queries import COLUMNS_AND_OWN, micros, moment
from sensormon.stores.postgresql_tables import with_own

PIECE = 10_000
"""The most rows in a piece of a streamed result."""
_AHEAD, _WIDER = 4, 8
"""A window is this many times what the last piece took, or wider than one that did not fill a piece."""
_ALL = (1 << 63) - 1
"""No id is above this one."""

_DELETED = """
SELECT 1 FROM rewritten WHERE deleted AND NOT pg_visible_in_snapshot(xid, %s::pg_snapshot)
    AND (tag IS NULL OR %s::text[] IS NULL OR tag = ANY(%s::text[]))
    AND (day IS NULL OR (day < %s AND day + interval '1 day' > %s)) LIMIT 1
"""

Values = Sequence[object]


def by_id(database: Database, where: str, values: Values, first: int = -1) -> Iterator[pa.Table]:
    """The readings that meet this condition and are stored now, from the id `first` on, in order of id."""
    ((highest,),) = database.rows("SELECT max(id) FROM readings")
    after = first - 1
    while highest is not None and after < highest:
        piece = readings(
            database, f"{where} AND id > %s AND id <= %s ORDER BY id LIMIT {PIECE}", [*values, after, highest]
        )
        if piece.num_rows:
            yield piece
        if piece.num_rows < PIECE:
            return
        after = last_id_of(piece)


def by_time(database: Database, where: str, values: Values, since: int, until: int) -> Iterator[pa.Table]:
    """The readings with since <= time < until that meet this condition and are stored now, by time, then id.

    `where` has the span too.
    """
    ((earliest, latest, last_id),) = database.rows(
        f"SELECT {micros('min(time)')}, {micros('max(time)')}, max(id) FROM readings"
    )
    if last_id is None:
        return
    after, after_id, width = max(since, int(earliest)) - 1, _ALL, MINUTE
    end = min(until, int(latest))
    while after < end:
        bound = min(after + width, end)
        piece = readings(
            database,
            f"{where} AND id <= %s AND time >= %s AND time <= %s AND (time, id) > (%s, %s)"
            f" ORDER BY time, id LIMIT {PIECE}",
            [*values, last_id, moment(after), moment(bound), moment(after), after_id],
        )
        if piece.num_rows:
            yield piece
        if piece.num_rows == PIECE:
            last = int(piece["time"].cast(pa.int64())[-1].as_py())
            after_id, width = last_id_of(piece), max(_AHEAD * (last - after), 1)
        else:
            last, after_id, width = bound, _ALL, _WIDER * width
        after = last


def by_arrival(
    database: Database, table: str, columns: str, where: str, values: Values
) -> Iterator[pa.Table]:
    """The rows of this table that meet the condition and are stored now, in order of `received`, `number`.

    A piece has about `PIECE` rows; rows received at the same moment stay together.
    """
    ((last,),) = database.rows(f"SELECT max(received) FROM {table} WHERE {where}", values)
    after = moment(-1)
    while last is not None and after < last:
        beyond = f"FROM {table} WHERE {where} AND received > %s AND received <= %s"
        ((bound,),) = database.rows(
            f"SELECT max(received) FROM (SELECT received {beyond} ORDER BY received LIMIT {PIECE}) AS piece",
            [*values, after, last],
        )
        if bound is None:
            return
        yield database.table(f"SELECT {columns} {beyond} ORDER BY received, number", [*values, after, bound])
        after = bound


def readings(database: Database, where: str, values: Values) -> pa.Table:
    """Readings, with what each detector said; `where` may go on with an order and a limit."""
    return with_own(database.table(f"SELECT {COLUMNS_AND_OWN} FROM readings WHERE {where}", values))


def seen(database: Database) -> str:
    """What is visible now; take it before the first query of a stream."""
    ((snapshot,),) = database.rows("SELECT pg_current_snapshot()::text")
    return str(snapshot)


def watched(
    database: Database,
    pieces: Iterator[pa.Table],
    snapshot: str,
    tags: Sequence[str] | None,
    since: int,
    until: int,
) -> Iterator[pa.Table]:
    """These pieces, of readings with since <= time < until.

    Raises StoreUnavailable midway if readings of the span were deleted after this snapshot was `seen`.
    """
    names = None if tags is None else list(tags)

    def check() -> None:
        if database.rows(_DELETED, [snapshot, names, names, moment(until), moment(since)]):
            raise deleted_meanwhile()

    for piece in pieces:
        check()
        yield piece
    check()
