"""How an output is doing: what it tells of itself while it runs, and the snapshot for pages and /health."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

from sensormon.model.clock import Clock
from sensormon.model.errors import SensormonError
from sensormon.model.source_health import Link, SourceTrouble, trouble_of


@dataclass(frozen=True)
class OutputHealth:
    """Of one output; times are µs UTC.

    `place` is where it publishes or serves, without secrets. `link` since `since`, `detail` in words.
    `published` counts what arrived since the start, values as well as events; `dropped` values between two
    others that were left out because they came faster than they could be sent, and events of before the
    start that were too many. `collector` runs it.
    """

    name: str
    kind: str
    place: str
    link: Link
    since: int
    detail: str = ""
    published: int = 0
    dropped: int = 0
    trouble: SourceTrouble | None = None
    collector: str = ""

    @property
    def works(self) -> bool:
        """Whether nobody has to look after it."""
        return self.link not in (Link.WAITING, Link.FAILED)


class OutputReport:
    """Of one run. Thread-safe; what it is told must be free of secrets."""

    def __init__(self, name: str, kind: str, place: str, clock: Clock, collector: str = "") -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._health = OutputHealth(name, kind, place, Link.CONNECTING, clock.now(), collector=collector)

    def health(self) -> OutputHealth:
        """How it is now."""
        with self._lock:
            return self._health

    def connected(self, detail: str = "") -> None:
        """It publishes or serves; `detail` says more in words, such as "3 clients"."""
        self._set(Link.CONNECTED, detail)

    def waiting(self, error: SensormonError) -> None:
        """It is not connected, for this reason; it tries again by itself."""
        self._set(Link.WAITING, "")
        self.trouble(error)

    def failed(self, error: SensormonError) -> None:
        """It cannot go on until somebody has mended something."""
        self._set(Link.FAILED, "")
        self.trouble(error)

    def trouble(self, error: SensormonError) -> None:
        """Something went wrong, but it goes on."""
        with self._lock:
            self._health = replace(self._health, trouble=trouble_of(error, self._clock.now()))

    def published(self, count: int) -> None:
        """So many messages or values have arrived."""
        with self._lock:
            self._health = replace(self._health, published=self._health.published + count)

    def dropped(self, count: int) -> None:
        """So many were left out."""
        with self._lock:
            self._health = replace(self._health, dropped=self._health.dropped + count)

    def _set(self, link: Link, detail: str) -> None:
        with self._lock:
            old = self._health
            since = old.since if old.link is link else self._clock.now()
            self._health = replace(old, link=link, detail=detail, since=since)
