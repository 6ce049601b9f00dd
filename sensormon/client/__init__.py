"""Another program's way to a running monitor: readings, events and health as pandas frames, over HTTP.

    from sensormon.client import Monitor

    with Monitor("http://localhost:8501", token="…") as monitor:
        monitor.data("fermenter_temp", since="2026-01-31T12:00:00Z")

What it is not: the monitor itself; nothing of the app is imported, and nothing is stored here.
"""

from __future__ import annotations

from sensormon.client.monitor import Monitor
from sensormon.client.readings import Written

__all__ = ["Monitor", "Written"]
