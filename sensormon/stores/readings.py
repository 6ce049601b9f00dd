"""What a store answers about readings: spans of them, streams, counts, and what was rejected.

What it guarantees: a record is visible as a whole from the moment its load returns, never
in part. Spans are since <= time < until in µs UTC; `tags` None are all tags. A frame of
readings has the columns of the table `readings` (schema.sql), times as datetime64[us, UTC],
and a reading has the same values as in the journal, bit for bit. Reads come from any thread,
beside a load. Every call raises `StoreError` if it cannot be answered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import pandas as pd
import pyarrow as pa

from sensormon.model.readings import Bools, Floats, Ints, OwnScore


@dataclass(frozen=True, eq=False)
class TagHistory:
    """The newest readings of one tag, oldest first, and `n`, how many it had learned in all.

    `good` are those of good quality; they were `learned` unless a condition withheld them.
    """

    tag: str
    n: int
    time: Ints
    value: Floats
    learned: Bools
    good: Bools


@dataclass(frozen=True)
class LastArrival:
    """Of a tag's newest live reading: when it arrived, its own time (both µs UTC), and its source."""

    received: int
    time: int
    source: str


@dataclass(frozen=True)
class FlagsUntil:
    """How far the flagged readings go.

    `positions` has the highest id that each journal has reached; of a journal later ones have higher ids. If
    `rewritten` is another than before, flagged readings with lower ids may have come or gone since. `stored`
    counts the readings, flagged or not.
    """

    positions: Mapping[str, int]
    stored: int
    rewritten: int

    @property
    def last(self) -> int:
        """No flagged reading has a higher id."""
        return max(self.positions.values(), default=0)


FLAG = (
    "id",
    "tag",
    "time",
    "n",
    "score",
    "value",
    "expected",
    "lower",
    "upper",
    "settings",
    "threshold",
    "profile",
    "detector",
)
"""The columns of `StoredReadings.flags`."""


class StoredReadings(Protocol):
    """See the module."""

    def frame(
        self,
        tags: Sequence[str] | None,
        since: int,
        until: int,
        *,
        below_id: int | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """The readings of the span in order of arrival; the newest `limit` of them."""

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
        """`frame`, or only those flagged, in pieces: Arrow tables with times as timestamp[us, UTC].

        They have a column more, `own`: what each detector said, null where fewer than two judged.

        The first piece has been read, or the StoreError raised, when this returns; it may be empty.
        Only one piece is in memory, however many readings there are, and between two pieces the
        store holds nothing open for the reader: no cursor, no transaction, no snapshot.

        What holds all the same: readings are those stored when this was called, each once, in order.
        Later ones are left out; a dead letter stored meanwhile may be among them, by its old id. If a
        roll-up meanwhile deletes readings of the span (with a limit, of the days from the earliest of
        the newest `limit` on), the next piece raises StoreUnavailable: no answer lacks them silently.
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
        """The same readings as `stream` without a limit, ordered by time, then by id; the same holds."""

    def count(self, tags: Sequence[str] | None, since: int, until: int, *, anomalies: bool = False) -> int:
        """How many readings `stream` would return."""

    def lead(self, tag: str, before_id: int, rows: int) -> pd.DataFrame:
        """The newest `rows` good readings of the tag with a lower id, in order of arrival."""

    def anomalies(
        self,
        tags: Sequence[str] | None,
        since: int,
        until: int,
        min_score: float = 0.0,
        limit: int = 10_000,
    ) -> pd.DataFrame:
        """The newest `limit` flagged readings with at least this score, newest first."""

    def flags(
        self, tags: Sequence[str] | None, since: int, until: int, *, above: int, upto: int, limit: int
    ) -> pa.Table:
        """The flagged readings of the span with above < id <= upto, in any order, with the columns `FLAG`.

        Times are whole µs UTC. With `above` below 0 the newest `limit` by time, and any others of the same
        time as the oldest of these.
        """

    def flags_until(self) -> FlagsUntil:
        """How far the flagged readings go now."""

    def own(self, ids: Collection[int]) -> dict[int, tuple[OwnScore, ...]]:
        """By id of those of these readings that there are, what each detector said that judged it.

        Empty for a reading that none judged, and for readings from before there were profiles.
        """

    def live_anomalies(self, since: int, tags: Sequence[str] | None = None) -> int:
        """How many readings of these tags with time >= since are flagged, imported ones left out."""

    def outside(self, tag: str, since: int, until: int, low: float, high: float) -> tuple[int, int]:
        """How many of the tag's readings have value < low or > high, and how many there are."""

    def first_time(self, since: int, until: int, tags: Sequence[str] | None = None) -> int | None:
        """The earliest time of a reading of these tags, by default of all, in the span; None without one."""

    def activity(self, since: int, until: int, width: int) -> pd.DataFrame:
        """Readings by tag and part of the span: tag, part, readings, flagged, doubtful.

        Part i holds since + i * width <= time < since + (i + 1) * width (µs), before `until`;
        parts without readings have no row. Doubtful ones are of uncertain or bad quality.
        """

    def peaks(self, since: int, until: int, *, below_id: int | None = None) -> pd.DataFrame:
        """Each tag's readings of the span in a row: tag, flagged, score.

        `flagged` counts those flagged, `score` is the highest, NaN if none has one. Tags without readings
        have no row.
        """

    def summary(self, since: int, until: int) -> pd.DataFrame:
        """Each tag's readings of the span in a row: tag, readings, flagged, learned, first, last.

        `readings` counts those rolled up too, `learned` is how many the tag had learned before one of
        them at most; `first` and `last` are times in µs UTC. Tags without readings have no row.
        """

    def tags(self) -> list[str]:
        """The tags that have readings, rolled up or not, in order of their names."""

    def live_tags(self) -> list[str]:
        """The tags that have readings which were not imported, in order of their names."""

    def histories(self, limit: int, tags: Collection[str] | None = None) -> list[TagHistory]:
        """For a restart, the newest `limit` learned live readings of each tag and as many others.

        With `tags` those of these tags alone.
        """

    def last_arrivals(self) -> dict[str, LastArrival]:
        """By tag, its newest reading, unless that was not received live."""

    def rejected(self, limit: int) -> pd.DataFrame:
        """The newest rejected readings, newest first."""

    def stream_rejected(self, tags: Sequence[str] | None, since: int, until: int) -> Iterator[pa.Table]:
        """Readings rejected at since <= received < until, in order of arrival, in pieces like `stream`.

        Those received at the same moment are in one piece.
        """

    def injected_faults(self, since: int, until: int) -> pd.DataFrame:
        """Ground truth of the span: tag, time and fault, in order of time."""
