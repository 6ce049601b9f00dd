"""How the monitor is doing, as one snapshot: what the pages and /health show.

A snapshot is plain data; making one takes no lock for longer than a copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

AHEAD = 1.0
"""A tag's clock is ahead if its newest own time is more than this many seconds after now."""


class SourceState(StrEnum):
    """What the source is doing."""

    STARTING = "starting"
    COLLECTING = "collecting"
    WAITING = "waiting"  # no source of its own: readings come in over HTTP
    FINISHED = "finished"  # a replay has come to its end
    REFUSING = "refusing"  # the journal cannot take readings, see `Refusal`: nothing is acknowledged
    FAILED = "failed"
    STOPPED = "stopped"


class Refusal(StrEnum):
    """Why the journal takes no readings."""

    QUOTA = "quota"  # the quota of the settings is used up
    DISK = "disk"  # the disk is full
    UNWRITABLE = "unwritable"  # permissions, or a file system that is mounted read-only
    BROKEN = "broken"  # any other failure, such as one of the disk


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
    FULL = "full"  # the journal's quota or disk has no room: readings are refused
    UNWRITABLE = "unwritable"  # the journal's folder is not writable: readings are refused
    BROKEN = "broken"  # the journal fails in another way: readings are refused


_REFUSING = {
    Refusal.QUOTA: WriteState.FULL,
    Refusal.DISK: WriteState.FULL,
    Refusal.UNWRITABLE: WriteState.UNWRITABLE,
    Refusal.BROKEN: WriteState.BROKEN,
}


@dataclass(frozen=True)
class Silence:
    """A tag that should have reported: how long ago (s) its last reading arrived, and from which source."""

    tag: str
    label: str
    seconds: float
    source: str = ""


@dataclass(frozen=True)
class TagAge:
    """When a tag's last live reading arrived, by our clock.

    `seconds` is how long ago, None if none ever did; `ahead` how far its newest own time is after now,
    0 unless by more than `AHEAD`. A tag that is not `silent` may still owe nothing: it has no data yet,
    was only imported, or its source is not in use.
    """

    tag: str
    label: str
    source: str
    seconds: float | None
    silent: bool
    ahead: float


@dataclass(frozen=True)
class SourceStatus:
    """`last_reading` is when the newest accepted reading arrived, by our clock (µs UTC).

    `newest_time` is the newest own time of any; it is after now if a sender's clock is ahead.
    """

    name: str
    state: SourceState
    interval: float  # seconds between two readings of a tag; 0 without a fixed interval
    tags: tuple[str, ...]  # the tags it delivers; empty if not known beforehand
    rate: float  # readings per second over the last minute
    last_reading: int | None
    problem: str = ""  # what is wrong and what to do, in one line
    refusal: Refusal | None = None  # why readings are refused now
    newest_time: int | None = None
    refused: int = 0  # readings that could not be made durable since the start, so never acknowledged


@dataclass(frozen=True)
class DeadLetterStatus:
    """Readings in the dead-letter file, and lines of it that cannot be read.

    `kept` are readings that the database itself keeps as dead letters: those from a bus.
    """

    readings: int = 0
    damaged: int = 0
    kept: int = 0


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
class CompanionStatus:
    """What another room with a thread in the monitor says: `words` in short, empty for nothing.

    `impaired` is what does not work though readings are taken and stored, as telling people, one line each;
    it ends by itself or with what it says.
    """

    name: str
    words: str = ""
    impaired: tuple[str, ...] = ()


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
    companions: tuple[CompanionStatus, ...] = ()
    dead_letters: DeadLetterStatus = DeadLetterStatus()
    loading: bool = True
    silent: tuple[Silence, ...] = ()  # tags that are overdue, the longest silence first
    ahead: tuple[TagAge, ...] = ()  # tags whose clock is ahead of ours, the farthest first
    attention: tuple[str, ...] = ()  # losses that nobody has acknowledged yet, a sentence each
    acknowledged: Mapping[str, int] = field(default_factory=dict)  # the ledger's difference by source

    @property
    def impaired(self) -> tuple[str, ...]:
        """What does not work though readings are taken and stored, one line each."""
        return tuple(text for companion in self.companions for text in companion.impaired)

    @property
    def writing(self) -> WriteState:
        """Whether readings get from the journal into the store, or why they do not."""
        if self.source.problem:
            return _REFUSING[self.source.refusal or Refusal.BROKEN]
        if self.store.state in (StoreState.HEALTHY, StoreState.STARTING) and self.loading:
            return WriteState.HEALTHY
        return WriteState.SPOOLING if self.journal.depth_readings else WriteState.RETRYING

    @property
    def data_age(self) -> float | None:
        """Seconds since the newest reading arrived; None before the first, never negative."""
        if self.source.last_reading is None:
            return None
        return max(0, self.now - self.source.last_reading) / 1e6

    @property
    def problems(self) -> tuple[str, ...]:
        """Why readings cannot be taken or stored now, one line each; empty if they can.

        What was lost before is in `attention`.
        """
        return tuple(text for text in (*self.failures, self.source.problem, self.store.problem) if text)

    @property
    def word(self) -> str:
        """`failing`, `attention` while a loss is not acknowledged, `degraded` while a tag is silent or
        something is impaired, or `ok`."""
        if self.problems:
            return "failing"
        if self.attention:
            return "attention"
        return "degraded" if self.silent or self.impaired else "ok"
