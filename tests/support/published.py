"""Readings of which an output has something to publish."""

from __future__ import annotations

from sensormon.ingest.collector import Receipt
from sensormon.model.clock import SECOND
from sensormon.monitor.monitor import Monitor
from tests.support.plant import batch_of

TEMP = "fermenter_temp"


def usual(monitor: Monitor, count: int = 60, tag: str = TEMP, level: float = 37.0) -> None:
    """So many unremarkable readings, the last a second ago: its detectors judge from then on."""
    rows = [(tag, level + 0.1 * (row % 5)) for row in range(count)]
    monitor.submit(batch_of(*rows, at=monitor.clock.now() - count * SECOND))


def spike(monitor: Monitor, tag: str = TEMP, value: float = 48.0) -> Receipt:
    """One that is flagged, now."""
    return monitor.submit(batch_of((tag, value), at=monitor.clock.now()))
