"""Lets the sender of a monitor that was not started tell, and readings of which it has something to tell."""

from __future__ import annotations

import threading

from sensormon.model.clock import ManualClock
from sensormon.notify.notifications import Notifications

SPIKE = [*(("fermenter_temp", 37.0 + 0.1 * (row % 5)) for row in range(60)), ("fermenter_temp", 48.0)]
"""Readings for `batch_of`, of which the last is an event."""


def tell(notifications: Notifications, clock: ManualClock, steps: int = 8) -> None:
    """Let the sender step, and hand-overs land between two steps."""
    pause = threading.Event()
    for _ in range(steps):
        notifications.sender.step()
        while not all(flight.landed for flight in notifications.sender.under_way()):
            pause.wait(0.002)
        clock.advance(3)
