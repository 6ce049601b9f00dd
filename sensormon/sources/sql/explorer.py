"""What a page asks of a database: whether it connects, what it has, and readings as they would be stored."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any, TypeVar

from sensormon.model.clock import SystemClock
from sensormon.model.errors import SourceError
from sensormon.model.format import counted, listed
from sensormon.model.tags import NAME, Tag
from sensormon.sources.connected import Offer, Preview, Secret, Seen
from sensormon.sources.sql.columns import Column, layout_of
from sensormon.sources.sql.cursors import first
from sensormon.sources.sql.database import MOST_OFFERS, Database
from sensormon.sources.sql.kind import SqlSource
from sensormon.sources.sql.opening import database_of
from sensormon.sources.sql.rows import Reading, readings_of
from sensormon.sources.watcher import cancelled_by

Answer = TypeVar("Answer")
_SHOWN = 12
_OF_NUMBERS = ("int", "float", "decimal")


class SqlExplorer:
    """Of one source; see `Explorer`."""

    def __init__(self, source: SqlSource, secret: Secret) -> None:
        self._source = source
        self._secret = secret

    def test(self, seconds: float) -> Seen:
        """See `Explorer.test`."""
        return self._asked(seconds, self._test)

    def browse(self, below: str, seconds: float) -> Sequence[Offer]:
        """Tables and views at the top, the columns of one below it."""
        return self._asked(
            seconds, lambda database: _columns(database, below) if below else _tables(database)
        )

    def preview(self, count: int, seconds: float) -> Preview:
        """The first readings that the query gives from `start` on."""
        return self._asked(seconds, lambda database: self._preview(database, count))

    def _asked(self, seconds: float, ask: Callable[[Database], Answer]) -> Answer:
        never = threading.Event()
        with (
            database_of(self._source, self._secret) as database,
            cancelled_by(database.cancel, never, seconds) as cancelled,
        ):
            try:
                return ask(database)
            except SourceError as error:
                if not cancelled.is_set():
                    raise
                raise SourceError(
                    f"there was no answer within {seconds:g} s",
                    where=self._source.place,
                    hint=f"Is there an index on {self._source.cursor}?",
                ) from error

    def _test(self, database: Database) -> Seen:
        columns = database.columns()
        layout_of(self._source, columns)
        named = listed([f"{column.name} ({column.type or '?'})" for column in columns], _SHOWN)
        rows = database.count(self._lowest(columns))
        problems = () if rows else ("The query gives no rows",)
        return Seen(f"{database.version()}: {counted(rows, 'row')} with the columns {named}", problems)

    def _preview(self, database: Database, count: int) -> Preview:
        source = self._source
        columns = database.columns()
        layout = layout_of(source, columns)
        reading = Reading(source.name, layout, source.tags_by_name, source.timezone, source.time_unit)
        needed = max(1, -(-count // layout.readings))
        with closing(database.pages(self._lowest(columns), needed)) as pages:
            rows = next(pages, ())
        if not rows:
            raise SourceError("the query gives no rows", where=source.place, hint="Look at it, and at start")
        read = readings_of(rows, reading, SystemClock().now())
        return Preview(read.batch, read.malformed)

    def _lowest(self, columns: Sequence[Column]) -> Any:
        source = self._source
        kind = columns[layout_of(source, columns).cursor].kind
        return first(kind, source.start, SystemClock().now(), source.timezone)


def _tables(database: Database) -> Sequence[Offer]:
    return [Offer(name, name, True, detail=remark) for name, remark in database.tables()]


def _columns(database: Database, table: str) -> Sequence[Offer]:
    """A column of numbers may become a tag of its own."""
    return [
        Offer(
            f"{table}.{column.name}",
            column.name,
            False,
            Tag(column.name, column.name, simulated=False)
            if column.kind in _OF_NUMBERS and NAME.fullmatch(column.name)
            else None,
            detail=column.type,
        )
        for column in database.table_columns(table)[:MOST_OFFERS]
    ]
