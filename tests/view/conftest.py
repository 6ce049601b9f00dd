"""Fixtures for tests of what the pages draw: monitors on a manual clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from sensormon.model.clock import ManualClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.plant import START, Make


@pytest.fixture
def make(settings: Settings) -> Iterator[Make]:
    """Makes monitors that are not started, with changed settings; they are stopped after the test."""
    monitors: list[Monitor] = []

    def start(**changed: Any) -> Monitor:
        monitors.append(Monitor(replace(settings, **changed), ManualClock(START)))
        return monitors[-1]

    yield start
    for monitor in monitors:
        monitor.stop()
