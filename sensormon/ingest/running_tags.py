"""The tag table of a running monitor, which can become another one."""

from __future__ import annotations

import threading

from sensormon.ingest.collector import Collector
from sensormon.model.tags import TagTable
from sensormon.sources import Source
from sensormon.sources.simulator import Simulator


class RunningTags:
    """`table` is the table as it is now; that of a recording's source always has its own tags too."""

    def __init__(self, tags: TagTable, source: Source | None) -> None:
        self._source = source
        self._lock = threading.Lock()
        self.table = tags.with_tags(source.tags) if source else tags

    def check(self, tags: TagTable) -> None:
        """Raise UsageError if the simulator cannot make one of these tags."""
        if isinstance(self._source, Simulator):
            self._source.check(tags)

    def retag(self, tags: TagTable, collector: Collector) -> None:
        """Have source and collector go on with this table from the next reading on.

        What was learned of the tags that stay is carried over to the last bit; readings of
        tags that go stay stored, new ones are rejected. Raises UsageError like `check`; then
        nothing has changed.
        """
        source = self._source
        with self._lock:
            if not isinstance(source, Simulator):
                self.table = tags.with_tags(source.tags) if source else tags
                collector.retag(self.table)
                return
            source.check(tags)
            if stay := [tag for tag in tags if tag.name in self.table]:
                source.retag(stay)  # nothing comes that is no longer known, or not yet
            self.table = tags
            collector.retag(tags)
            source.retag(tags)
