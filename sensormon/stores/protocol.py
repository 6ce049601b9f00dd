"""What every store can do: the `Store` protocol and what its answers are made of.

A store takes journal records in order, each at most once, and gives frames back. It
does not retry, it does not wait: it raises the right kind of `StoreError` and the
loader decides. `tests/stores/test_every_store.py` is the contract.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pandas as pd
import pyarrow as pa

from sensormon.model.entries import Annotation, DetectorSettings, KeptAnswer, Record
from sensormon.model.readings import Bools, Floats, Ints
from sensormon.stores.long_spans import Spans
from sensormon.stores.retention import Arrivals, Due, Space

IMPORTED = "import:"
"""What the keys of imported pieces of files begin with; they are never forgotten."""


@dataclass(frozen=True)
class Watermark:
    """How far a journal has been loaded: its highest record number, and the next free id."""

    number: int
    next_id: int


@dataclass(frozen=True)
class Accounts:
    """The store's side of the ledger, all of one moment.

    `positions` has the watermark of each journal, `received` the running totals each had
    reached there, by source. `stored` counts by source, `rejected` by source and reason.
    """

    positions: Mapping[str, int] = field(default_factory=dict)
    received: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    stored: Mapping[str, int] = field(default_factory=dict)
    rejected: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class TagHistory:
    """The newest readings of one tag, oldest first, and `n`, how many it had learned in all."""

    tag: str
    n: int
    time: Ints
    value: Floats
    learned: Bools


@dataclass(frozen=True)
class Recount:
    """What is really in the tables; `stored`, `rolled_up` and `rejected` count by source.

    `stored` are readings that are there one by one, `rolled_up` those that are in a roll-up alone.
    """

    rows: int
    distinct_ids: int
    stored: Mapping[str, int]
    rejected: Mapping[str, int]
    rolled_up: Mapping[str, int] = field(default_factory=dict)


class Store(Protocol):
    """A place for readings. Every call raises `StoreError` where it cannot be done.

    `load` comes from one thread, `roll_up` and `checkpoint` may come from another meanwhile, the
    reads from any. Frames of readings
    have the columns of the table `readings` (schema.sql), times as datetime64[us, UTC].
    """

    name: str

    @property
    def spans(self) -> Spans:
        """Questions about long spans of single tags."""

    def open(self) -> None:
        """Connect and make the tables that are missing. Does nothing when open."""

    def close(self) -> None:
        """Let go of the connection. What was loaded is durable with or without this."""

    def set_aside(self) -> str:
        """Move a harmed database out of the way; says where it is now."""

    def watermark(self, writer: str) -> Watermark | None:
        """How far this journal has been loaded; None where it never was."""

    def load(self, writer: str, records: Sequence[Record], without: Collection[int] = ()) -> None:
        """Store these records, all or none, and move the watermark in the same transaction.

        Records at or below the watermark are passed over. Rows whose id is in `without`
        are left out. Raises RowsRefused where a row can never be stored.
        """

    def refused_rows(self, record: Record) -> dict[int, str]:
        """The ids of this record's rows that can never be stored, each with the reason."""

    def store_row(self, record: Record) -> None:
        """Store the one reading of this record unless a reading with its id is there."""

    def checkpoint(self) -> None:
        """Make everything loaded so far independent of any write-ahead file."""

    def due(self, before: int, keep: int) -> list[Due]:
        """What is to be rolled up of the readings with time < before, in order of time.

        Of each tag the newest `keep` good live readings and as many others are not: those
        that `tag_histories` gives, nor what came with a case. Flagged readings are due until
        they are counted.
        """

    def roll_up(self, one: Due) -> int:
        """Roll up this day of a tag, in one transaction; how many readings were deleted.

        Readings that came late are joined to the roll-ups that are there. A second time
        nothing changes.
        """

    def rollups(self, tags: Sequence[str] | None, since: int, until: int) -> pd.DataFrame:
        """The minutes that begin at since <= time < until, in order of time and tag.

        Columns: tag, time (of its beginning), quality (0 good, 1 uncertain, 2 and 3 bad),
        min, mean, max, count, kept. A row for each quality that the minute had. The count has
        all readings of the minute, also the flagged ones that are `kept` in `readings`.
        """

    def rolled_up(self) -> pd.DataFrame:
        """For `verify`: tag, minute (µs UTC), source, quality, low, high and `gone`, how many are no more."""

    def rolled_until(self, tag: str) -> int | None:
        """The end of the last day of this tag that was rolled up (µs UTC); None where none was.

        Before it readings are not whole: the flagged ones are there, and what came late.
        """

    def space(self) -> Space:
        """What the database takes on disk, and how much of it is free for new rows."""

    def arrivals(self, since: int) -> Arrivals:
        """The live readings stored that came in since."""

    def scrub(self) -> None:
        """Read every row once. Raises StoreCorrupt where something does not read back."""

    def accounts(self) -> Accounts:
        """The counts of the ledger, read in one transaction."""

    def tag_histories(self, limit: int) -> list[TagHistory]:
        """The newest `limit` good readings of every tag, and as many others, for a restart."""

    def tags(self) -> list[str]:
        """The tags that have readings, one by one or rolled up, in order of their names."""

    def next_id(self) -> int:
        """An id above that of every reading stored."""

    def readings(
        self,
        tags: Sequence[str] | None,
        since: int,
        until: int,
        *,
        below_id: int | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """Readings with since <= time < until in order of arrival; the newest `limit` of them."""

    def stream(
        self,
        tags: Sequence[str] | None,
        since: int,
        until: int,
        *,
        below_id: int | None = None,
        limit: int | None = None,
        anomalies: bool = False,
    ) -> Iterator[pa.Table]:
        """`readings`, or only those flagged, in pieces: Arrow tables with times as timestamp[us, UTC].

        The first piece is there, or the StoreError raised, when this returns; it may be empty.
        Without a limit no more than some pieces are in memory, however many readings there are.
        """

    def stream_by_time(
        self,
        tags: Sequence[str] | None,
        since: int,
        until: int,
        *,
        below_id: int | None = None,
        anomalies: bool = False,
    ) -> Iterator[pa.Table]:
        """The same readings as `stream` gives without a limit, by time, those of one time by id."""

    def count(self, tags: Sequence[str] | None, since: int, until: int, *, anomalies: bool = False) -> int:
        """How many readings `stream` gives."""

    def stream_rejected(self, tags: Sequence[str] | None, since: int, until: int) -> Iterator[pa.Table]:
        """Readings rejected at since <= received < until, in order of arrival, in pieces like `stream`."""

    def lead(self, tag: str, before_id: int, rows: int) -> pd.DataFrame:
        """The newest `rows` good readings of the tag with a lower id, in order of arrival."""

    def anomalies(
        self, tags: Sequence[str] | None, since: int, until: int, min_score: float, limit: int
    ) -> pd.DataFrame:
        """Flagged readings, newest first."""

    def live_anomalies(self, since: int, tags: Sequence[str] | None = None) -> int:
        """How many readings of these tags with time >= since are flagged, imported ones left out."""

    def live_tags(self) -> list[str]:
        """The tags that have readings which were not imported, in order of their names."""

    def outside(self, tag: str, since: int, until: int, low: float, high: float) -> tuple[int, int]:
        """Of the tag's readings with since <= time < until: how many have value < low or > high, and all."""

    def first_time(self, since: int, until: int) -> int | None:
        """The earliest time of a reading with since <= time < until; None where there is none."""

    def activity(self, since: int, until: int, width: int) -> pd.DataFrame:
        """Readings by tag and part of the span: tag, part, readings, flagged, doubtful.

        Part i holds since + i * width <= time < since + (i + 1) * width (µs), before `until`;
        parts without readings have no row. Doubtful ones are of uncertain or bad quality.
        """

    def rejected(self, limit: int) -> pd.DataFrame:
        """The newest rejected readings, newest first."""

    def injected_faults(self, since: int, until: int) -> pd.DataFrame:
        """Ground truth: tag, time and fault, in order of time."""

    def detector_settings(self) -> list[DetectorSettings]:
        """Every change of the detector settings, oldest first."""

    def event_actions(self, first: int, last: int) -> pd.DataFrame:
        """What people did with events, by readings with first <= id <= last, oldest first.

        The columns of the table `event_actions` (schema.sql), times as datetime64[us, UTC].
        """

    def annotations(self) -> list[Annotation]:
        """All notes, and removals of notes, in the order they were recorded."""

    def kept_answers(self, limit: int) -> list[KeptAnswer]:
        """The newest answers to requests with a key, oldest first."""

    def drop_answers(self, before: int) -> None:
        """Forget the answers to requests that came in before this time; keys of `IMPORTED` stay."""

    def answers_to(self, prefix: str) -> list[KeptAnswer]:
        """The answers kept to keys that begin with this, oldest first."""

    def known_keys(self, prefix: str) -> frozenset[str]:
        """The keys kept that begin with this."""

    def recount(self) -> Recount:
        """Count what is really there, row by row, for `verify`."""

    def values_between(self, first: int, stop: int) -> Mapping[int, float]:
        """The stored values by id, first <= id < stop, for `verify`."""
