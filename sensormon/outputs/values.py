"""The newest readings of the chosen tags, as an output gives them on.

Follows the readings in memory, so it costs no query. What it is not: lossless; of a tag with many
readings an output that is slow gives only the newest. The store, exports and the API have them all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sensormon.model.readings import Origin
from sensormon.monitor.monitor import Monitor

GOOD_BITS = 30
"""The top two bits of a status code say whether it is good."""


@dataclass(frozen=True, slots=True)
class TagValue:
    """A reading: own time in µs UTC; None where there is no value, or nothing to judge by; a state's word."""

    tag: str
    time: int
    value: float | str | None
    quality: int
    score: float | None
    expected: float | None
    lower: float | None
    upper: float | None
    is_anomaly: bool

    @property
    def is_good(self) -> bool:
        """Whether its quality is good."""
        return self.quality >> GOOD_BITS == 0


class ValueFeed:
    """Of one output: what has come since the last call. Not thread-safe."""

    def __init__(self, monitor: Monitor, takes: Callable[[str], bool]) -> None:
        self._monitor = monitor
        self._takes = takes
        self._place: int | None = None
        self._digest = ""
        self._tags: tuple[str, ...] = ()

    def tags(self) -> tuple[str, ...]:
        """The names of the chosen tags, in the order of the table now."""
        table = self._monitor.tags
        if table.digest != self._digest:
            self._tags = tuple(name for name in table.names if self._takes(name))
            self._digest = table.digest
        return self._tags

    def fresh(self) -> list[TagValue]:
        """Live readings since the last call, in order of arrival; at first the newest of each tag.

        Imported ones are left out: they are history.
        """
        tags, newest = self.tags(), self._monitor.newest
        if self._place is None:
            frame, _, self._place = newest.part(0, tags)
            frame = _live(frame).drop_duplicates("tag", keep="last")
        else:
            upto = newest.newest_place
            if upto == self._place:
                return []
            frame, places = newest.after(self._place, tags, 0)
            self._place = max(upto, int(places[-1]) if len(places) else 0)
            frame = _live(frame)
        return values_of(frame, self._words(frame))

    def _words(self, frame: pd.DataFrame) -> Mapping[str, Mapping[float, str]]:
        names = set(frame["tag"])
        table = self._monitor.tags
        states = {name for name in names if table[name].has_states}
        return self._monitor.state_words(states) if states else {}


def _live(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["origin"] != str(Origin.IMPORT)]


def values_of(frame: pd.DataFrame, words: Mapping[str, Mapping[float, str]]) -> list[TagValue]:
    """The rows of a frame of readings, in its order; `words` are those of states, by tag and code."""
    if frame.empty:
        return []
    times = frame["time"].dt.as_unit("us").astype("int64")
    columns = [times, *(frame[name] for name in _COLUMNS)]
    rows: Iterable[tuple[Any, ...]] = zip(*(column.tolist() for column in columns), strict=True)
    return [
        TagValue(
            tag,
            time,
            words[tag].get(value) if tag in words else _number(value),
            int(quality),
            _number(score),
            _number(expected),
            _number(lower),
            _number(upper),
            bool(is_anomaly),
        )
        for time, tag, value, quality, score, expected, lower, upper, is_anomaly in rows
    ]


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


_COLUMNS = ("tag", "value", "quality", "score", "expected", "lower", "upper", "is_anomaly")


class Newest:
    """Of each tag the newest value by its own time, so that a late reading does not replace a newer one."""

    def __init__(self) -> None:
        self._times: dict[str, int] = {}

    def of(self, values: Iterable[TagValue]) -> list[TagValue]:
        """Those of these that are not older than what came before of their tag, in order."""
        kept = []
        for value in values:
            if value.time >= self._times.get(value.tag, value.time):
                self._times[value.tag] = value.time
                kept.append(value)
        return kept
