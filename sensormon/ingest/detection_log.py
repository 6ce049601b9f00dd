"""The detector settings in force, and all earlier ones."""

from __future__ import annotations

from sensormon.ingest.collector import Collector
from sensormon.model.entries import DetectorSettings
from sensormon.model.errors import StoreError
from sensormon.stores.entries import StoredEntries


class DetectionLog:
    """Of one monitor."""

    def __init__(self, collector: Collector, stored: StoredEntries) -> None:
        self._collector = collector
        self._stored = stored

    @property
    def in_force(self) -> DetectorSettings:
        """The detector settings in force."""
        return self._collector.settings

    def by_id(self) -> dict[int, DetectorSettings]:
        """All settings ever in force, by the id that readings refer to. Raises StoreError."""
        everything = [*self._stored.detector_settings(), self.in_force]
        return {settings.id: settings for settings in everything}

    def readable(self) -> dict[int, DetectorSettings]:
        """The same; only those in force if the store is unavailable."""
        try:
            return self.by_id()
        except StoreError:
            now = self.in_force
            return {now.id: now}
