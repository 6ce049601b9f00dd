"""A monitor with a small journal, not started, and its access."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from sensormon.access.access import Access
from sensormon.model.clock import ManualClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.access import Restart


@pytest.fixture
def restart(settings: Settings, clock: ManualClock) -> Iterator[Restart]:
    """Starts a monitor on the folder of the test, after stopping the one before."""
    running: list[Monitor] = []

    def begin(**changes: Any) -> Monitor:
        if running:
            running.pop().stop()
        monitor = Monitor(replace(settings, journal_quota=1, **changes), clock)
        running.append(monitor)
        return monitor

    yield begin
    for monitor in running:
        monitor.stop()


@pytest.fixture
def monitor(restart: Restart) -> Monitor:
    return restart()


@pytest.fixture
def access(monitor: Monitor) -> Access:
    return monitor.access
