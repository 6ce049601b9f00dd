"""Asks for one stretch of time after another, then again and again for what is new."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np

from sensormon.model.clock import DAY
from sensormon.model.errors import SourceError
from sensormon.model.line_tags import LineTag
from sensormon.model.tags import NAME, Tag
from sensormon.model.timestamps import parse, render
from sensormon.sources.backfill import AHEAD, BackfillProgress, live_from, origin_of
from sensormon.sources.connected import MOST_READINGS, ConnectedSource, Explorer, Intake, Secret
from sensormon.sources.influxdb.explorer import InfluxExplorer
from sensormon.sources.influxdb.kind import InfluxSource
from sensormon.sources.influxdb.points import Gathered, Points
from sensormon.sources.influxdb.server import Away, Server
from sensormon.sources.report import Report
from sensormon.sources.sql.kind import NOW
from sensormon.sources.watcher import cancelled_by

BACKOFF = (0.5, 1.0, 2.0, 5.0)
"""Seconds before a server that is away is asked again; the last value for all further tries."""
MOST = 100_000
"""Readings of a stretch; a longer one is halved."""
_FEW = MOST // 4
_WINDOW = DAY
"""µs of the first stretch."""
_LONGEST = 400 * DAY
_MOST_AHEAD = 10_000
"""Readings too far in the future that are refused one by one."""
_MOST_SEEN = 500_000
_NS = 1_000


def open_source(config: InfluxSource, secret: Secret) -> ConnectedSource:
    """A source that can run."""
    return InfluxReader(config, secret)


def explore(config: InfluxSource, secret: Secret) -> Explorer:
    """What a page asks of it."""
    return InfluxExplorer(config, secret)


class InfluxReader:
    """Of one source and one run; see `ConnectedSource`."""

    def __init__(self, config: InfluxSource, secret: Secret) -> None:
        self._config = config
        self._secret = secret

    def run(self, intake: Intake, report: Report, stopping: threading.Event) -> None:
        """See `ConnectedSource.run`."""
        following = Following(self._config, intake, report, stopping)
        tries = 0
        while not stopping.is_set():
            report.connecting()
            try:
                with Server(self._config, self._secret) as server, cancelled_by(server.cancel, stopping):
                    report.connected(server.version())
                    while not stopping.is_set():
                        following.read(server)
                        tries = 0
                        intake.clock.wait(stopping, self._config.interval)
            except Away as error:
                if stopping.is_set():
                    return
                report.waiting(error)
                stopping.wait(BACKOFF[min(tries, len(BACKOFF) - 1)])
                tries += 1
            except SourceError:
                if stopping.is_set():  # it was cancelled, which is no fault
                    return
                raise


class Following:
    """The state of one run. All points before `cursor` (ns UTC) were read."""

    def __init__(
        self, config: InfluxSource, intake: Intake, report: Report, stopping: threading.Event
    ) -> None:
        self._config = config
        self._intake = intake
        self._report = report
        self._stopping = stopping
        self._rule = LineTag(config.tag)
        kept = intake.position()
        begin = _begin(config.start, intake.clock.now()) * _NS
        self._floor = begin if config.start is not None else 0
        self._cursor: int = kept["cursor"] if kept else begin
        self._unsure: bool = bool(kept and kept["unsure"])
        self._began: int | None = kept["began"] if kept else None
        self._window = _WINDOW * _NS
        self._seen: dict[int, int] = {}
        self._offered: set[str] = set()
        self._ahead: set[int] = set()
        self._progress = BackfillProgress()

    def read(self, server: Server) -> None:
        """Everything that is there now, and once more what may have come late."""
        end = (self._intake.clock.now() + AHEAD) * _NS
        late = round(self._config.late * 1_000_000_000)
        since = (
            max(self._floor, self._cursor - late) if self._seen or self._began is not None else self._cursor
        )
        while since < end and not self._stopping.is_set():
            until = min(end, since + self._window)
            gathered = self._asked(server, since, until)
            if gathered is None:
                continue  # a shorter stretch is asked for
            self._take(gathered, last=until == end)
            if len(gathered) < _FEW:
                self._window = min(2 * self._window, _LONGEST * _NS)
            since = until
        if not self._stopping.is_set():
            self._forget(self._cursor - late)
            self._refuse_ahead(server, end)

    def _refuse_ahead(self, server: Server, end: int) -> None:
        """Points of a clock that is ahead, by a day at most: refused once, read again when due."""
        points = Points()
        with closing(server.points(end, end + DAY * _NS)) as pieces:
            for series in pieces:
                points.add(series, self._rule)
                if points.count > _MOST_AHEAD:
                    break
        gathered = points.readings(self._config.name, self._intake.clock.now())
        prints = gathered.prints()
        new = [row for row, each in enumerate(prints) if each not in self._ahead][
            : _MOST_AHEAD - len(self._ahead)
        ]
        self._ahead.update(prints[row] for row in new)
        if new:
            batch, malformed = gathered.take(np.array(new, dtype=np.int64)).parted()
            self._offer(gathered)
            self._intake.take(batch, malformed)

    def _asked(self, server: Server, since: int, until: int) -> Gathered | None:
        """The readings of this stretch; None if they are too many, and the next one is to be shorter."""
        points = Points()
        with closing(server.points(since, until)) as pieces:
            for series in pieces:
                points.add(series, self._rule)
                if points.count > MOST:
                    if until - since <= _NS:
                        raise SourceError(
                            f"there are more than {MOST:,} readings of one moment, {render(since // _NS)}",
                            where=self._config.place,
                            hint="Make several sources with fewer series each",
                        )
                    self._window = (until - since) // 2
                    return None
        return points.readings(self._config.name, self._intake.clock.now())

    def _take(self, gathered: Gathered, *, last: bool) -> None:
        new = int(np.searchsorted(gathered.time, self._cursor))
        again = gathered.take(np.arange(new))
        unseen = [row for row, each in enumerate(again.prints()) if each not in self._seen]
        if unseen:
            self._take_late(again.take(np.array(unseen, dtype=np.int64)))
        self._remember(again)
        rest = gathered.take(np.arange(new, len(gathered)))
        for piece, whole in _pieces(rest):
            self._hand_over(piece, whole=whole)
        self._remember(rest)
        if not last and not len(rest):
            self._progress_of(0)

    def _take_late(self, rows: Gathered) -> None:
        """Readings before the cursor that were not met since the start: late ones, or known ones."""
        for first in range(0, len(rows), MOST_READINGS):
            batch, malformed = rows.take(np.arange(first, min(first + MOST_READINGS, len(rows)))).parted()
            batch = batch.take(~self._intake.known(batch))
            if len(batch) or malformed:
                self._offer(rows)
                batch = replace(batch, origin=origin_of(batch.time, batch.received))
                self._intake.take(batch, malformed, self._position())
                self._report.note("readings that came late", len(batch))

    def _hand_over(self, piece: Gathered, *, whole: bool) -> None:
        """History and live readings apart. `whole`: no reading of its last moment is in the next piece."""
        batch, malformed = piece.parted()
        if self._unsure:  # a part of this moment may have been taken before a restart
            batch = batch.take(~self._intake.known(batch))
        self._began = self._began if self._began is not None else int(piece.time[0]) // _NS
        self._cursor, self._unsure = int(piece.time[-1]) + whole, not whole
        self._offer(piece)
        batch = replace(batch, origin=origin_of(batch.time, batch.received))
        self._intake.take(batch, malformed, self._position())
        self._progress_of(len(batch))

    def _progress_of(self, readings: int) -> None:
        newest = self._cursor // _NS
        text = self._progress.text(self._began, newest, readings, self._intake.clock.now())
        if self._began is not None:
            self._report.connected(text or "up to date")

    def _position(self) -> dict[str, Any]:
        return {"cursor": self._cursor, "unsure": self._unsure, "began": self._began}

    def _remember(self, gathered: Gathered) -> None:
        """Those that are asked for once more."""
        since = self._cursor - round(self._config.late * 1_000_000_000)
        near = gathered.take(np.flatnonzero(gathered.time >= since))
        if len(self._seen) + len(near) > _MOST_SEEN:
            self._forget(since)
        if len(self._seen) < _MOST_SEEN:
            self._seen |= dict(zip(near.prints(), near.time.tolist(), strict=True))

    def _forget(self, before: int) -> None:
        self._seen = {each: time for each, time in self._seen.items() if time >= before}

    def _offer(self, gathered: Gathered) -> None:
        """Tags before their first reading, with `new_tags`."""
        if self._config.common.new_tags:
            names = [name for name in gathered.kinds if name not in self._offered and NAME.fullmatch(name)]
            self._offered.update(names)
            if names:
                self._intake.offer_tags([_tag(name, gathered.kinds[name]) for name in names])


def _tag(name: str, kind: str) -> Tag:
    return Tag(name, name.replace("_", " ").capitalize(), simulated=False, kind=kind)


def _begin(start: str | int | None, now: int) -> int:
    """µs UTC. Without a start the stretches grow until there is something."""
    if start is None:
        return 0
    if isinstance(start, int):
        raise SourceError("start is a number", hint='Write a time: start = "2021-01-01T00:00:00Z"')
    return now if start == NOW else parse(start)


def _pieces(rest: Gathered) -> Iterator[tuple[Gathered, bool]]:
    """In batches that end between two moments, if a moment has fewer readings than a batch may have; apart
    where history ends and live readings begin.
    """
    count, first = len(rest), 0
    border = live_from(rest.batch.time, rest.batch.received) if count else 0
    while first < count:
        end = min(first + MOST_READINGS, count)
        if first < border < end:
            end = border
        if end < count:
            start = int(np.searchsorted(rest.time, rest.time[end]))
            end = start if start > first else end
        whole = end == count or bool(rest.time[end] != rest.time[end - 1])
        yield rest.take(np.arange(first, end)), whole
        first = end
