"""What is needed of a database, whichever library speaks to it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, Protocol

from sensormon.model.errors import SourceError
from sensormon.sources.sql.columns import Column
from sensormon.sources.sql.rows import Row

CONNECT_SECONDS = 10
"""For a connection to be made."""
STALLED = 120
"""Seconds after which a database may end a transaction in which nothing is asked: while the journal takes
nothing here, no snapshot is held there.
"""
MOST_OFFERS = 1_000


class Away(SourceError):
    """The database cannot be reached now; it is tried again by itself."""


class Database(Protocol):
    """A connection that only reads; closed at the end of `with`. Raises Away, and SourceError in words.

    Not thread-safe, but for `cancel`.
    """

    def __enter__(self) -> Database: ...

    def __exit__(self, *_: object) -> None: ...

    def version(self) -> str:
        """Name and version of the server."""

    def columns(self) -> Sequence[Column]:
        """Of the query's result."""

    def pages(self, bound: Any, size: int) -> Generator[Sequence[Row]]:
        """The rows from this value of the cursor on, this many at a time, all of one moment."""

    def count(self, bound: Any) -> int:
        """How many rows there are from this value of the cursor on."""

    def tables(self) -> Sequence[tuple[str, str]]:
        """Tables and views, each with a remark; at most MOST_OFFERS."""

    def table_columns(self, table: str) -> Sequence[Column]:
        """Of one of `tables`."""

    def cancel(self) -> None:
        """End what is being asked, from another thread; the connection is of no use afterwards."""
