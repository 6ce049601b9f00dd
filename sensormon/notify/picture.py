"""The picture of an event for a mail: its readings, the band in which they were expected, its flags.

Drawn by matplotlib (`pip install '.[notify]'`) without a display, in about 0.15 s; the first takes a
second longer. What it is not: a chart of the pages, which browsers draw.
"""

from __future__ import annotations

from datetime import tzinfo
from importlib import import_module
from importlib.util import find_spec

import numpy as np

from sensormon.model.readings import Bools, Floats, Ints


def event_chart(
    times: Ints,
    values: Floats,
    lower: Floats,
    upper: Floats,
    flagged: Bools,
    title: str,
    unit: str,
    zone: tzinfo,
) -> bytes | None:
    """A PNG of these readings (times in µs UTC, ascending, shown in `zone`).

    Band edges may be NaN where nothing was expected, values NaN where there are none. Texts are shown
    as they are. None if matplotlib is not installed, or without a single value to show.
    """
    if not np.isfinite(values).any() or find_spec("matplotlib") is None:
        return None
    # Only now: it takes a second and 70 MB.
    drawing = import_module("sensormon.notify.event_drawing")
    picture: bytes = drawing.drawn(times, values, lower, upper, flagged, title, unit, zone)
    return picture
