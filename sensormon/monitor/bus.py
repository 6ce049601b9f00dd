"""The bus of a monitor, where it has one. The library for it is loaded only then."""

from __future__ import annotations

import threading
from importlib import import_module
from importlib.util import find_spec
from typing import Protocol

from sensormon.bus.partition import Plant
from sensormon.ingest.collector import Collector
from sensormon.ingest.running_tags import RunningTags
from sensormon.model.clock import Clock
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings
from sensormon.stores.protocol import Store


class Bus(Protocol):
    """Takes readings from a bus into the store."""

    @property
    def problem(self) -> str:
        """Why nothing comes in; empty if nothing is wrong."""

    def run(self, stopping: threading.Event) -> None:
        """Take readings until `stopping` is set."""


def check_bus(settings: Settings) -> None:
    """Raises UsageError if the settings name a bus and its library is missing."""
    if settings.bus and find_spec("nats") is None:
        raise UsageError(
            "the library for NATS is not installed",
            where="SENSORMON_BUS",
            hint="Install it: pip install 'nats-py>=2.11,<3'",
        )


def bus_of(
    settings: Settings, store: Store, collector: Collector, tags: RunningTags, clock: Clock
) -> Bus | None:
    """The worker on the bus that the settings name; None if they name none.

    Raises UsageError for a store that workers cannot share.
    """
    if not settings.bus:
        return None
    if store.partitions is None or store.collectors is None:
        raise UsageError(
            "a bus needs a store that its workers share",
            where="SENSORMON_BUS",
            hint="Set SENSORMON_STORE=postgresql://USER@HOST/DATABASE",
        )
    plant = Plant(
        store,
        store.partitions,
        store.collectors,
        tags.now,
        lambda: collector.settings,
        settings.earliest,
        clock,
    )
    bus: Bus = import_module("sensormon.bus.worker").BusWorker(settings.bus, plant)
    return bus
