"""What the data takes on disk, and what it will take at the rate of the last day.

Measured on the files and in the database, never assumed: with too little to measure there is no
forecast. What it is not: a promise; it extrapolates the current rate.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sensormon.journal.archive import LIMIT
from sensormon.model.clock import DAY, SECOND, Clock
from sensormon.model.errors import StoreError
from sensormon.stores.retention import Arrivals, Space, StoredRetention

LEAST_SPAN = 3_600.0
"""Seconds of readings needed for a forecast."""
LEAST_READINGS = 50_000
"""Readings needed to measure the bytes per reading; the database grows in blocks of 256 KiB."""
USUAL_BYTES = 50.0
"""Bytes per reading in the database: 50.3 measured with 3.9 million of three simulated tags."""
ROLLUP_BYTES = 16.0
"""Bytes per roll-up in the database; 13.8 measured with 1.3 million of them."""
FARTHEST = 36_500
"""Days that the forecast looks ahead."""


@dataclass(frozen=True)
class Sizes:
    """Bytes on disk. `space` is None while the database is unavailable.

    A database on a server takes nothing of this disk: `database` and `wal` are 0, `elsewhere` is its size.
    """

    database: int
    wal: int
    journal: int
    archive: int
    dead_letters: int
    other: int
    disk_free: int
    disk_whole: int
    space: Space | None
    arrivals: Arrivals
    elsewhere: int = 0

    @property
    def whole(self) -> int:
        return self.database + self.wal + self.journal + self.archive + self.dead_letters + self.other


@dataclass(frozen=True)
class Rate:
    """The rate: readings per day, the seconds measured, the share flagged, bytes per reading.

    `archive_bytes` is per reading in the archive of the journal, 0 once that is full. `minutes`
    are roll-ups per day. Without `measured` the bytes are the usual ones.
    """

    per_day: float
    seconds: float
    flagged: float
    raw_bytes: float
    archive_bytes: float
    minutes: float
    measured: bool


@dataclass(frozen=True)
class Forecast:
    """With raw readings kept for `days` (0: unlimited): bytes in a year, and days until the disk is full.

    `full` is None if that is further away than `FARTHEST`.
    """

    days: int
    in_a_year: float
    full: int | None


class DiskUsage:
    """Of one monitor: its data folder and its database, which is None if a server has it."""

    def __init__(self, folder: Path, database: Path | None, stored: StoredRetention, clock: Clock) -> None:
        self._folder = folder
        self._database = database
        self._stored = stored
        self._clock = clock

    def measure(self) -> Sizes:
        """The current sizes; never raises for a file that disappears meanwhile."""
        database = self._database
        files = (database, database.with_name(database.name + ".wal")) if database else ()
        journal = sum(map(_size, _files(self._folder / "journal")))
        archive = sum(map(_size, _files(self._folder / "archive")))
        letters = sum(_size(path) for path in self._folder.glob("failed_measurements*"))
        known = {*files, *self._folder.glob("failed_measurements*")}
        folders = {self._folder / "journal", self._folder / "archive"}
        other = sum(
            _size(path)
            for path in _files(self._folder)
            if path not in known and not folders.intersection(path.parents)
        )
        disk = shutil.disk_usage(database.parent if database and database.parent.exists() else self._folder)
        space, arrivals = None, Arrivals()
        try:
            space = self._stored.space()
            arrivals = self._stored.arrivals(self._clock.now() - DAY)
        except StoreError:
            pass  # the files can still be measured
        own, wal = map(_size, files) if files else (0, 0)
        return Sizes(
            own,
            wal,
            journal,
            archive,
            letters,
            other,
            disk.free,
            disk.total,
            space,
            arrivals,
            elsewhere=space.file if space and not files else 0,
        )


def rate(sizes: Sizes, now: int, tags: int) -> Rate | None:
    """The rate over the last day; None without at least an hour of readings."""
    arrivals, space = sizes.arrivals, sizes.space
    seconds = min((now - arrivals.first) / SECOND, DAY / SECOND) if arrivals.count else 0.0
    if space is None or seconds < LEAST_SPAN:
        return None
    per_day = arrivals.count * DAY / SECOND / seconds
    raw_bytes, measured = bytes_a_reading(space)
    archived = max(1, space.readings)
    archive_bytes = sizes.archive / archived if measured and sizes.archive < 0.95 * LIMIT else 0.0
    minutes = min(per_day, tags * 1_440.0)
    return Rate(
        per_day, seconds, arrivals.flagged / arrivals.count, raw_bytes, archive_bytes, minutes, measured
    )


def bytes_a_reading(space: Space | None) -> tuple[float, bool]:
    """Bytes per reading in the database, and whether they were measured here or are the usual ones."""
    if space is None or space.readings < LEAST_READINGS:
        return USUAL_BYTES, False
    return max(0.0, space.file - space.free - space.rollups * ROLLUP_BYTES) / space.readings, True


def forecast(sizes: Sizes, now: Rate, days: int) -> Forecast:
    """The forecast at this rate, with raw readings kept for this many days, 0 for unlimited."""
    full = next(
        (day for day in _steps() if size_in(sizes, now, days, day) - sizes.whole >= sizes.disk_free),
        None,
    )
    return Forecast(days, size_in(sizes, now, days, 365), full)


def size_in(sizes: Sizes, now: Rate, days: int, ahead: float) -> float:
    """Bytes of all files after this many days. The database file never shrinks."""
    space = sizes.space or Space(sizes.database, sizes.wal, 0, 0, 0)
    come = now.per_day * ahead
    if sizes.elsewhere:
        used = 0.0
    elif days == 0:
        used = (space.readings + come) * now.raw_bytes + space.rollups * ROLLUP_BYTES
    else:
        flagged = (space.readings + come) * now.flagged
        whole = (1 - now.flagged) * min(space.readings + come, now.per_day * days)
        rolled = space.readings + come - flagged - whole
        minutes = space.rollups + rolled * (now.minutes / now.per_day if now.per_day else 1.0)
        used = (whole + flagged) * now.raw_bytes + minutes * ROLLUP_BYTES
    archive = min(max(LIMIT, sizes.archive), sizes.archive + come * now.archive_bytes)
    others = sizes.wal + sizes.journal + sizes.dead_letters + sizes.other
    return max(sizes.database, used) + archive + others


def _steps() -> Iterator[int]:
    """Days from now, at first one day apart, later more."""
    day = 1
    while day <= FARTHEST:
        yield day
        day += max(1, day // 100)


def _files(folder: Path) -> Iterator[Path]:
    for root, _, names in os.walk(folder):
        for name in names:
            yield Path(root) / name


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
