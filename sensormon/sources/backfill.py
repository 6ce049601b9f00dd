"""History that a source reads before it has caught up: what counts as such, and how it is told of.

Readings of a back-fill are scored and learned by the live detectors, since the live readings of the same
tags follow them. They do not count as arrivals: no rate, no watchdog. Nobody is notified of their events,
since what ended more than a day ago is never told.
"""

from __future__ import annotations

import numpy as np

from sensormon.model.clock import HOUR, MINUTE, SECOND
from sensormon.model.format import duration
from sensormon.model.readings import Ints, Origin
from sensormon.model.timestamps import render

HISTORY = HOUR
"""µs: readings that are older when they are read are history."""

AHEAD = 10 * MINUTE
"""µs after now: no reading with a later time is taken. A cursor does not follow one, or a single wrong clock
would hide all that comes after it."""


def live_from(times: Ints, now: int) -> int:
    """The place of the first reading that is not history; all before it are."""
    live = np.flatnonzero(times > now - HISTORY)
    return int(live[0]) if len(live) else len(times)


def origin_of(times: Ints, now: int) -> Origin:
    """Of readings that are taken together: live if any of them is."""
    return Origin.BACKFILL if live_from(times, now) == len(times) else Origin.LIVE


class BackfillProgress:
    """Words for how far a back-fill is: of the time from `began` to now, or until when it has read."""

    def __init__(self) -> None:
        self._started: tuple[int, int] | None = None
        self._readings = 0

    def text(self, began: int | None, newest: int, readings: int, now: int) -> str:
        """After so many further readings, the newest with this own time; empty if it has caught up."""
        if newest > now - HISTORY:
            self._started = None
            return ""
        if self._started is None:
            self._started, self._readings = (now, newest), 0
        else:
            self._readings += readings
        parts = [render(newest)[:10]]
        if began is not None and began < newest:
            parts.append(f"{100 * (newest - began) / (now - began):.0f} %")
        seconds = (now - self._started[0]) / SECOND
        if seconds > 0:
            parts.append(f"{self._readings / seconds:,.0f} readings/s")
            way = newest - self._started[1]
            if way > 0:
                parts.append(f"about {duration((now - newest) / way * seconds)} left")
        return f"back-filling: {', '.join(parts)}"
