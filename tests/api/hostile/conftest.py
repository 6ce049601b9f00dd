"""Fixtures for requests of people who mean harm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sensormon.model.settings import Settings
from sensormon.monitor import runtime
from sensormon.monitor.monitor import Monitor
from tests.support.api import TOKEN
from tests.support.front import Front
from tests.support.plant import Adopt


@pytest.fixture
def front(settings: Settings, adopt: Adopt) -> Callable[..., Front]:
    """Makes everything in front of the pages of a running monitor; arguments are changed settings, and a
    second call restarts it."""

    def make(**changes: Any) -> Front:
        runtime.stop()
        adopt(Monitor(replace(settings, **{"token": TOKEN, **changes}))).start()
        return Front()

    return make
