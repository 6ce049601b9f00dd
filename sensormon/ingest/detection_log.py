"""Which detector settings are in force, and which there have been."""

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
        """All settings there have been, by the id that readings name them with. Raises StoreError."""
        everything = [*self._stored.detector_settings(), self.in_force]
        return {settings.id: settings for settings in everything}

    def readable(self) -> dict[int, DetectorSettings]:
        """The same; with the store away, those in force alone."""
        try:
            return self.by_id()
        except StoreError:
            now = self.in_force
            return {now.id: now}
