"""What a report says of its tags and events, before it is drawn. Times are µs UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sensormon.analysis.downsample import Overview
from sensormon.analysis.state_course import Stretch
from sensormon.model.tags import Tag
from sensormon.monitor.statistics import Statistics
from sensormon.reports.order import Order


@dataclass(frozen=True)
class Figures:
    """What the good readings of a tag were like, in its unit; NaN where there were none, or where they were
    not asked for.

    `last` and `last_time` are of the newest reading of the span that is not bad, `missing` the seconds of
    the span without readings. `readings` are of any quality.
    """

    readings: int
    flagged: int
    mean: float
    sd: float
    lowest: float
    highest: float
    p95: float
    last: float
    last_time: int
    missing: float
    gaps: int


@dataclass(frozen=True, eq=False)
class Course:
    """A tag over the span: its readings in few, its figures; of a tag of states the stretches and words.

    `stored` is False if the store could not be asked, so that older readings are not here.
    """

    tag: Tag
    title: str
    overview: Overview
    figures: Figures
    simulated: bool
    stored: bool
    stretches: tuple[Stretch, ...] = ()
    words: Mapping[float, str] | None = None


@dataclass(frozen=True)
class EventLine:
    """An event as a report lists it; `value` has its unit, `until` is 0 while it goes on."""

    tag: str
    title: str
    began: int
    until: int
    value: str
    severity: str
    state: str
    label: str
    why: str


@dataclass(frozen=True)
class EventCounts:
    """How many events there were; `complete` is False if the oldest could not be looked at."""

    number: int
    high: int
    unacknowledged: int
    complete: bool


@dataclass(frozen=True, eq=False)
class Content:
    """All that a report is made of. `events` are the newest of a tile's tags, by the tile's place.

    `notes` say what limits the figures, one line each; `ledger` is the line of the account of readings.
    """

    order: Order
    made: int
    courses: Mapping[str, Course]
    events: Mapping[int, tuple[EventLine, ...]]
    counts: EventCounts
    by_tag: Mapping[str, int]
    notes: tuple[str, ...]
    ledger: str
    statistics: tuple[Statistics, ...] = ()
