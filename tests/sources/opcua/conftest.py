"""A real server and a monitor that reads it, ended after each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from sensormon.model.settings import Settings
from tests.support.opcua_line import Line
from tests.support.opcua_plant import OpcUaPlant, Plant, Relay
from tests.support.server import free_port


@pytest.fixture
def ending() -> Iterator[ExitStack]:
    """What is to be ended after the test, the last first."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def start_plant(ending: ExitStack) -> Callable[..., OpcUaPlant]:
    """Starts a server; its arguments are those of `Plant`."""

    def begin(**how: Any) -> OpcUaPlant:
        plant = OpcUaPlant(Plant(**{"port": free_port(), **how}))
        ending.callback(plant.kill)
        return plant

    return begin


@pytest.fixture
def start_relay(ending: ExitStack) -> Callable[[int], Relay]:
    """Starts a relay in front of this port."""

    def begin(port: int) -> Relay:
        relay = Relay(port)
        ending.callback(relay.cut)
        return relay

    return begin


@pytest.fixture
def start_line(ending: ExitStack, settings: Settings) -> Callable[..., Line]:
    """Starts a monitor whose sources.toml has this text."""

    def begin(text: str) -> Line:
        line = Line(settings, text)
        ending.callback(line.close)
        return line

    return begin
