"""How a named source is doing, as one snapshot: plain data for the pages, /health and the metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sensormon.model.errors import SensormonError
from sensormon.model.text import cleaned, without_password

_LONGEST = 1_000
"""The most characters shown; some may be a server's own words."""


class Link(StrEnum):
    """What a named source is doing. The values are what a person reads."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    WAITING = "waiting"  # lost or refused; the next try is on its way
    FAILED = "failed"  # it is tried again, but somebody must mend something
    FINISHED = "finished"  # it has delivered all it has, as a recording
    STOPPED = "stopped"  # stopped by a person, or switched off in the file
    ELSEWHERE = "in another collector"


@dataclass(frozen=True)
class SourceTrouble:
    """The last thing that went wrong, and when (µs UTC). Never with a secret."""

    time: int
    what: str
    hint: str = ""


def shown(words: str) -> str:
    """What a source or an output says of itself, some of it in a server's own words: cut to a bounded length,
    without unprintable characters, and without a password in a URL or a parameter.
    """
    return without_password(cleaned(words[:_LONGEST]))


def trouble_of(error: SensormonError, now: int) -> SourceTrouble:
    """This error at `now` (µs UTC), fit to be shown."""
    what = f"{error.where}: {error.what}" if error.where else error.what
    return SourceTrouble(now, shown(what), shown(error.hint))


@dataclass(frozen=True)
class SourceHealth:
    """Of one named source; times are µs UTC.

    `place` is where it reads, without secrets. `link` since `since`, which for one that is
    away is when it went; `detail` in words. `rate` is readings a
    second over the last minute, `lag` seconds from the own time of the newest reading until it was durable,
    None before the first. `last_reading` is when the newest one was made durable.

    `stored`, `repeated` (known already) and `refused` count readings since the start; `reconnects` how often
    a connection was made again; `gaps` how often readings may be missing, `filled` those read from a
    history. `notes` counts what else happened, by what in words. `collector` runs it.
    """

    name: str
    kind: str
    place: str
    link: Link
    since: int
    detail: str = ""
    rate: float = 0.0
    lag: float | None = None
    last_reading: int | None = None
    trouble: SourceTrouble | None = None
    stored: int = 0
    repeated: int = 0
    refused: int = 0
    reconnects: int = 0
    gaps: int = 0
    filled: int = 0
    notes: Mapping[str, int] = field(default_factory=dict)
    collector: str = ""

    @property
    def works(self) -> bool:
        """Whether nobody has to look after it."""
        return self.link not in (Link.WAITING, Link.FAILED)
