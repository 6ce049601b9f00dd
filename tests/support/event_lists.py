"""Events of a frame of readings in one step, as most tests want them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from sensormon.events.grouping import group_flags, lasting
from sensormon.model.events import Delays, Event


def find_events(
    readings: pd.DataFrame, thresholds: Mapping[int, float], delays: Delays | None = None
) -> list[Event]:
    """The events of these readings that last the on-delay, in order of start."""
    delays = delays or Delays()
    return lasting(group_flags(readings, thresholds, delays), delays)
