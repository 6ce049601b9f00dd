"""A monitor that was not started, on a clock moved by hand, and a receiver of webhooks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sensormon.model.clock import ManualClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.receiver import Receiver


@pytest.fixture
def monitor(settings: Settings, clock: ManualClock) -> Iterator[Monitor]:
    running = Monitor(settings, clock)
    yield running
    running.stop()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()
