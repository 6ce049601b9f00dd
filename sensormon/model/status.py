"""How the monitor is doing, as one snapshot: what the pages and /health show.

A snapshot is plain data; making one takes no lock for longer than a copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class SourceState(StrEnum):
    """What the source is doing."""

    STARTING = "starting"
    COLLECTING = "collecting"
    WAITING = "waiting"  # no source of its own: readings come in over HTTP
    FINISHED = "finished"  # a replay has come to its end
    REFUSING = "refusing"  # the journal cannot take readings (disk full): nothing is acknowledged
    FAILED = "failed"
    STOPPED = "stopped"


class StoreState(StrEnum):
    """What the loader is doing with the store."""

    STARTING = "starting"
    HEALTHY = "healthy"
    RETRYING = "retrying"  # failed lately, next try at `next_try`; readings wait in the journal
    FAILED = "failed"  # a bug in sensormon: loading has stopped, readings wait in the journal
    STOPPED = "stopped"


class WriteState(StrEnum):
    """Whether readings get from the journal into the store, in one word."""

    HEALTHY = "healthy"
    RETRYING = "retrying"  # nothing gets into the store, nothing waits for it yet
    SPOOLING = "spooling"  # nothing gets into the store, readings wait in the journal
    FULL = "full"  # the journal can take no more: readings are refused


@dataclass(frozen=True)
class Silence:
    """A tag that should have reported: how long ago it did, in seconds."""

    tag: str
    label: str
    seconds: float


@dataclass(frozen=True)
class SourceStatus:
    """`last_reading` is the source time of the newest accepted reading (µs UTC)."""

    name: str
    state: SourceState
    interval: float  # seconds between two readings of a tag; 0 without a fixed interval
    tags: tuple[str, ...]  # the tags it delivers; empty if not known beforehand
    rate: float  # readings per second over the last minute
    last_reading: int | None
    problem: str = ""  # what is wrong and what to do, in one line
    refused: int = 0  # readings that could not be made durable since the start, so never acknowledged


@dataclass(frozen=True)
class DeadLetterStatus:
    """Readings in the dead-letter file, and lines of it that cannot be read."""

    readings: int = 0
    damaged: int = 0


@dataclass(frozen=True)
class StoreStatus:
    """`latency_p50` and `latency_p99` are seconds per transaction over the last 200."""

    name: str  # "DuckDB" or "PostgreSQL"
    state: StoreState
    since: int  # µs UTC: in this state since
    failures: int = 0  # tries failed in a row
    next_try: int | None = None  # µs UTC
    problem: str = ""  # the last error and its hint, in one line; kept while retrying
    last_error: str = ""  # the last error ever, with its time; kept after recovery
    latency_p50: float = 0.0
    latency_p99: float = 0.0


@dataclass(frozen=True)
class JournalStatus:
    """What is on disk; `latency_p50` and `latency_p99` are seconds per durable append."""

    depth_batches: int  # journaled, not yet stored
    depth_readings: int
    oldest: int | None  # µs UTC: when the oldest of those came in
    size: int  # bytes of all segments
    damaged: tuple[str, ...] = ()  # segments set aside
    latency_p50: float = 0.0
    latency_p99: float = 0.0


@dataclass(frozen=True)
class Status:
    """The whole monitor at `now`.

    `failures` are background threads that are dead now, and why; `restarts` those that
    died and were started again, with the time. `loading` is False while the one that loads is dead.
    """

    now: int
    started: int
    source: SourceStatus
    journal: JournalStatus
    store: StoreStatus
    failures: tuple[str, ...] = ()
    restarts: tuple[str, ...] = ()
    dead_letters: DeadLetterStatus = DeadLetterStatus()
    loading: bool = True
    silent: tuple[Silence, ...] = ()  # tags that are overdue, the longest silence first
    attention: tuple[str, ...] = ()  # losses that nobody has acknowledged yet, a sentence each
    acknowledged: Mapping[str, int] = field(default_factory=dict)  # the ledger's difference by source

    @property
    def writing(self) -> WriteState:
        """Healthy, retrying, spooling or full."""
        if self.source.problem:
            return WriteState.FULL
        if self.store.state in (StoreState.HEALTHY, StoreState.STARTING) and self.loading:
            return WriteState.HEALTHY
        return WriteState.SPOOLING if self.journal.depth_readings else WriteState.RETRYING

    @property
    def data_age(self) -> float | None:
        """Seconds since the newest reading's own time; None before the first."""
        if self.source.last_reading is None:
            return None
        return (self.now - self.source.last_reading) / 1e6

    @property
    def problems(self) -> tuple[str, ...]:
        """Why readings cannot be taken or stored now, one line each; empty if they can.

        What was lost before is in `attention`.
        """
        return tuple(text for text in (*self.failures, self.source.problem, self.store.problem) if text)
