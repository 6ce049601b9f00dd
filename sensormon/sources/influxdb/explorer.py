"""What a page asks of InfluxDB: whether it connects, what it has, and readings as they would be stored."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TypeVar

import numpy as np

from sensormon.model.clock import SystemClock
from sensormon.model.errors import SourceError
from sensormon.model.format import counted, listed
from sensormon.model.line_tags import LineTag
from sensormon.sources.connected import Offer, Preview, Secret, Seen
from sensormon.sources.influxdb.kind import InfluxSource
from sensormon.sources.influxdb.points import Gathered, Points
from sensormon.sources.influxdb.server import Server
from sensormon.sources.watcher import cancelled_by

Answer = TypeVar("Answer")
MOST_OFFERS = 1_000
_SPANS = (3_600, 86_400, 30 * 86_400, 366 * 86_400, 60 * 366 * 86_400)
"""Seconds back from now in which points are looked for, one after another."""


class InfluxExplorer:
    """Of one source; see `Explorer`."""

    def __init__(self, source: InfluxSource, secret: Secret) -> None:
        self._source = source
        self._secret = secret

    def test(self, seconds: float) -> Seen:
        """See `Explorer.test`."""
        return self._asked(seconds, self._test)

    def browse(self, below: str, seconds: float) -> Sequence[Offer]:
        """Measurements at the top, the fields of one below it."""
        return self._asked(seconds, lambda server: self._browse(server, below))

    def preview(self, count: int, seconds: float) -> Preview:
        """The newest readings that the query gives."""
        return self._asked(seconds, lambda server: self._preview(server, count))

    def _asked(self, seconds: float, ask: Callable[[Server], Answer]) -> Answer:
        never = threading.Event()
        with (
            Server(self._source, self._secret) as server,
            cancelled_by(server.cancel, never, seconds) as cancelled,
        ):
            try:
                return ask(server)
            except SourceError as error:
                if not cancelled.is_set():
                    raise
                raise SourceError(
                    f"there was no answer within {seconds:g} s", where=self._source.place
                ) from error

    def _test(self, server: Server) -> Seen:
        version = server.version()
        measurements = [name for series in server.ask("SHOW MEASUREMENTS") for (name,) in series["values"]]
        newest = self._newest(server, 1_000)
        problems = () if newest is not None else ("The query gives no points",)
        tags = sorted(set(newest.batch.tags)) if newest is not None else []
        return Seen(
            f"{version}: {counted(len(measurements), 'measurement')}, {counted(len(tags), 'tag')} "
            f"in the newest points: {listed(tags, 12) or 'none'}",
            problems,
        )

    def _browse(self, server: Server, below: str) -> Sequence[Offer]:
        if not below:
            names = [name for series in server.ask("SHOW MEASUREMENTS") for (name,) in series["values"]]
            return [Offer(name, name, True) for name in names[:MOST_OFFERS]]
        quoted = below.replace("\\", "\\\\").replace('"', '\\"')
        fields = [
            row for series in server.ask(f'SHOW FIELD KEYS FROM "{quoted}"') for row in series["values"]
        ]
        return [Offer(f"{below}.{name}", name, False, detail=kind) for name, kind in fields[:MOST_OFFERS]]

    def _preview(self, server: Server, count: int) -> Preview:
        newest = self._newest(server, count)
        if newest is None:
            raise SourceError(
                "the query gives no points", where=self._source.place, hint="Look at it, and at database"
            )
        batch, malformed = newest.parted()
        return Preview(batch, malformed)

    def _newest(self, server: Server, count: int) -> Gathered | None:
        """About this many of the newest readings of the shortest span that has any; None without any."""
        now = SystemClock().now()
        for span in _SPANS:
            points = Points()
            with closing(server.points(max(0, now - span * 1_000_000) * 1_000, now * 1_000)) as pieces:
                for series in pieces:
                    points.add(series, LineTag(self._source.tag))
                    if points.count >= max(count, 20_000):
                        break
            if points.count:
                gathered = points.readings(self._source.name, now)
                return gathered.take(np.arange(max(0, len(gathered) - count), len(gathered)))
        return None
