"""Acting on events: each action is checked, recorded and counted.

What it is not: where actions are read. See `EventReader.actions`.
"""

from __future__ import annotations

from collections.abc import Sequence

from sensormon.events.actions import checked
from sensormon.ingest.collector import Collector
from sensormon.model.clock import Clock


class ActionLog:
    """Of one monitor."""

    def __init__(self, collector: Collector, clock: Clock) -> None:
        self._collector = collector
        self._clock = clock

    @property
    def count(self) -> int:
        """How often somebody acted on events since the start."""
        return self._collector.acts

    def record(
        self,
        event_ids: Sequence[int],
        action: str,
        who: str,
        *,
        label: str = "",
        note: str = "",
        until: int | None = None,
    ) -> None:
        """Acknowledge, label, shelve or note these events; durable when it returns.

        See `sensormon.events.actions` for the actions. Raises UsageError, or JournalError if
        it could not be recorded.
        """
        now = self._clock.now()
        self._collector.act(checked(event_ids, action, who, now, label=label, note=note, until=until))
