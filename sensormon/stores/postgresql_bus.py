"""The partitions of a bus in a PostgreSQL store. See `sensormon.stores.bus`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from sensormon.model.entries import Document, Record
from sensormon.model.errors import Overtaken
from sensormon.stores.bus import Memory, Position
from sensormon.stores.postgresql_database import Cursor, Database
from sensormon.stores.postgresql_load import keep_documents, load_fresh, watermark

_IDLE_SECONDS = 3
"""A worker that sends nothing for this long within its transaction loses it."""
_POSITION = """
SELECT number, next_id,
    (SELECT coalesce(jsonb_object_agg(source, received), '{}') FROM received_totals AS t
     WHERE t.writer = w.writer),
    stream, settings, memory
FROM watermarks AS w LEFT JOIN bus_partitions USING (writer) WHERE writer = %s
"""
_MEMORY = """
INSERT INTO bus_partitions VALUES (%s, %s, %s, %s)
ON CONFLICT (writer) DO UPDATE
SET stream = excluded.stream, settings = excluded.settings, memory = excluded.memory
"""


class PostgreSQLBus:
    """`make_days` makes the partitions by day that records need, before the transaction."""

    def __init__(self, database: Database, make_days: Callable[[Sequence[Record]], None]) -> None:
        self._database = database
        self._make_days = make_days

    def position(self, writer: str) -> Position:
        rows = self._database.rows(_POSITION, [writer])
        if not rows:
            return Position()
        number, next_id, received, stream, settings, memory = rows[0]
        kept = None if memory is None else Memory(stream, settings, bytes(memory))
        return Position(number, next_id, received, kept)

    def furthest(self) -> int:
        ((number,),) = self._database.rows(
            "SELECT coalesce(max(number), 0) FROM watermarks JOIN bus_partitions USING (writer)"
        )
        return int(number)

    def load(
        self,
        writer: str,
        record: Record,
        seen: int,
        memory: Memory | None,
        letters: Mapping[int, Document] = MappingProxyType({}),
    ) -> None:
        self._make_days([record])
        with self._database.transaction("load from the bus") as cursor:
            # A worker that hangs in here must not keep the partition from another one.
            cursor.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{_IDLE_SECONDS}s'")
            mark = watermark(cursor, writer)  # nobody else loads this writer until the end
            stored = mark.number if mark else 0
            if stored != seen:
                raise Overtaken(
                    f"{writer} is stored up to {stored}, which another worker did: it was {seen}",
                    where=self._database.place,
                    hint="Nothing was lost; the partition is read again",
                )
            load_fresh(cursor, writer, [record], letters.keys(), mark)
            keep_documents(cursor, letters.values())  # their readings were left out
            if memory is not None:
                _remember(cursor, writer, memory)


def _remember(cursor: Cursor, writer: str, memory: Memory) -> None:
    cursor.execute(_MEMORY, [writer, memory.stream, memory.settings, memory.packed])
