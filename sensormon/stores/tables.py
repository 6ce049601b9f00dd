"""The whole of a store, table by table: to be read at one moment, and to be filled into an empty store.

Is: what moving a history to another store, backing it up and restoring it are made of. Each table has one
form here, whichever store it is in, so that the rows of one store can be put into another and compared.
Is not: what a store makes by itself from these rows (sums of minutes), or notes for its readers.

A copy is made piece by piece. Each piece and the place that the copy has reached are written in one
transaction, so that a kill at any point leaves a copy that goes on where it was. Until it is finished the
store belongs to the copy: nobody else opens it. Every call raises `StoreError` if it cannot be answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from sensormon.model.errors import UsageError
from sensormon.stores.columns import READINGS

PIECE = 50_000
"""The most rows in a piece."""

_TEXT, _WHOLE, _NUMBER, _FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()
_TIME = pa.timestamp("us", "UTC")

TABLES: Mapping[str, pa.Schema] = {
    "readings": READINGS,
    "rollups": pa.schema(
        {
            "tag": _TEXT,
            "minute": _TIME,
            "source": _TEXT,
            "quality": pa.int16(),
            "low": _NUMBER,
            "mean": _NUMBER,
            "high": _NUMBER,
            "count": _WHOLE,
            "kept": _WHOLE,
        }
    ),
    "counted_readings": pa.schema({"id": _WHOLE, "day": pa.date32()}),
    "rejected": pa.schema(
        {
            "received": _TIME,
            "source": _TEXT,
            "position": pa.int32(),
            "tag": _TEXT,
            "time": _TEXT,
            "value": _TEXT,
            "reason": _TEXT,
            "detail": _TEXT,
        }
    ),
    "injected_faults": pa.schema({"tag": _TEXT, "time": _TIME, "fault": _TEXT}),
    "detector_settings": pa.schema(
        {
            "id": pa.int32(),
            "applied": _TIME,
            "who": _TEXT,
            "detector": _TEXT,
            "params": _TEXT,
            "base": _TEXT,
            "profiles": _TEXT,
            "reason": _TEXT,
        }
    ),
    "event_actions": pa.schema(
        {
            "reading": _WHOLE,
            "number": _WHOLE,
            "time": _TIME,
            "who": _TEXT,
            "action": _TEXT,
            "label": _TEXT,
            "until": _TIME,
            "note": _TEXT,
        }
    ),
    "annotations": pa.schema(
        {
            "id": _TEXT,
            "since": _TIME,
            "until": _TIME,
            "tags": pa.list_(_TEXT),
            "text": _TEXT,
            "who": _TEXT,
            "time": _TIME,
            "removed": _FLAG,
        }
    ),
    "documents": pa.schema(
        {
            "collection": _TEXT,
            "key": _TEXT,
            "content": _TEXT,
            "who": _TEXT,
            "time": _TIME,
            "removed": _FLAG,
            "number": _WHOLE,
        }
    ),
    "audit": pa.schema(
        {
            "time": _TIME,
            "who": _TEXT,
            "verified": _FLAG,
            "role": _TEXT,
            "address": _TEXT,
            "act": _TEXT,
            "subject": _TEXT,
            "before": _TEXT,
            "after": _TEXT,
            "failure": _TEXT,
            "number": _WHOLE,
        }
    ),
    "kept_answers": pa.schema(
        {"key": _TEXT, "fingerprint": _TEXT, "status": pa.int32(), "body": _TEXT, "received": _TIME}
    ),
    "state_words": pa.schema({"tag": _TEXT, "code": _WHOLE, "word": _TEXT}),
    "imported": pa.schema(
        {
            "import_id": _WHOLE,
            "number": _WHOLE,
            "first_id": _WHOLE,
            "stored": _WHOLE,
            "known": _WHOLE,
            "rejected": _WHOLE,
            "flagged": _WHOLE,
            "since": _TIME,
            "until": _TIME,
        }
    ),
    "undone_imports": pa.schema({"import_id": _WHOLE, "who": _TEXT, "time": _TIME, "readings": _WHOLE}),
    "latest": pa.schema({"tag": _TEXT, "id": _WHOLE, "time": _TIME, "n": _WHOLE}),
    "received_totals": pa.schema({"writer": _TEXT, "source": _TEXT, "received": _WHOLE}),
    "stored_totals": pa.schema({"source": _TEXT, "stored": _WHOLE}),
    "rejected_totals": pa.schema({"source": _TEXT, "reason": _TEXT, "rejected": _WHOLE}),
    "rejected_unlisted": pa.schema({"source": _TEXT, "reason": _TEXT, "rejected": _WHOLE}),
    "undone_totals": pa.schema({"source": _TEXT, "undone": _WHOLE}),
    "watermarks": pa.schema({"writer": _TEXT, "number": _WHOLE, "next_id": _WHOLE}),
}
"""What is copied, in this order. Columns mean what they mean in schema.sql; times are UTC."""

IN_ORDER = frozenset({"rejected", "kept_answers"})
"""The tables whose rows are told apart by their order of arrival alone; a copy keeps it."""

UNFINISHED = "copying"
"""The table that an unfinished copy has beside these: where it comes from, and how far each table is."""


@dataclass(frozen=True, eq=False)
class Piece:
    """Rows of a table, and the places before and after them in its order; 0 is before the first row.

    A place means something to the store that gave it alone.
    """

    before: int
    after: int
    rows: pa.Table


class Snapshot(Protocol):
    """A store at one moment."""

    def counts(self) -> dict[str, int]:
        """How many rows each table of `TABLES` has."""

    def pieces(self, table: str, after: int = 0) -> Iterator[Piece]:
        """The rows of this table beyond this place, at most `PIECE` at a time, in its form in `TABLES`.

        Readings come in order of id, those of `IN_ORDER` in order of arrival, others in any order that is
        the same each time. The pieces of one table are read to their end before those of another are begun.
        """


class StoredTables(Protocol):
    """See the module. `begin`, `append` and `finish` come from one thread."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """All tables as they are now, beside loads. Raises StoreFault if a newer version has written them."""

    def users(self) -> int:
        """How many other connections of this program the database has; 0 where it can have none."""

    def is_unfinished(self) -> bool:
        """Whether a copy was begun here and not finished."""

    def begin(self, origin: str) -> dict[str, int]:
        """Begin a copy of the history with this name, or go on with it: the place each table has reached.

        Raises UsageError if anything else is in the store.
        """

    def append(self, table: str, piece: Piece) -> None:
        """Add these rows. Raises UsageError if the table has not just reached the place before them."""

    def finish(self) -> None:
        """The copy is whole: anybody may open the store from now on."""


def another_history(place: str) -> UsageError:
    """What `begin` raises if a store holds something else."""
    return UsageError(
        "it holds another history already",
        where=place,
        hint="Name an empty database, or a file that does not exist yet",
    )


def another_copy(place: str) -> UsageError:
    """What `begin` raises if a store holds a part of something else."""
    return UsageError(
        "it holds an unfinished copy of another history, or of this one as it was before it changed",
        where=place,
        hint="Remove what is in it, and begin again",
    )


def not_next(place: str, table: str) -> UsageError:
    """What `append` raises for a piece that is not the next."""
    return UsageError(
        f"somebody else copies into it at the same time (table {table})",
        where=place,
        hint="Stop all but one, and run that again",
    )
