"""The tag table of a running monitor, which can be replaced."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence

from sensormon.ingest.collector import Collector
from sensormon.model.tags import Tag, TagTable
from sensormon.sources import Source
from sensormon.sources.simulator import Simulator, simulated

Left = Callable[[Sequence[str]], Collection[str]]
"""Which of these tags are left to other sources."""


def with_own_tags(tags: TagTable, source: Source | None) -> TagTable:
    """The table plus the source's own tags, which a recording always has."""
    return tags.with_tags(source.tags) if source else tags


class RunningTags:
    """Of one monitor."""

    def __init__(self, table: TagTable, source: Source | None, collector: Collector) -> None:
        self._table = table
        self._source = source
        self._collector = collector
        self._elsewhere: Collection[str] = _elsewhere(table, source)
        self._left: Left = _none
        self._lock = threading.Lock()

    def now(self) -> TagTable:
        """The current table."""
        return self._table

    @property
    def former(self) -> frozenset[str]:
        """Tags that are no longer in the table but have readings, as far as is known."""
        return self._collector.former_tags

    def check(self, tags: TagTable) -> None:
        """Raise UsageError if the simulator cannot make one of these tags."""
        if isinstance(self._source, Simulator):
            self._source.check(self._own(tags, self._elsewhere))

    def leave(self, left: Left) -> None:
        """Let the simulator leave the tags alone that this picks from the names of the table, now and later.

        They are delivered by other sources.
        """
        with self._lock:
            self._left = left
            if isinstance(self._source, Simulator):
                own = self._own(self._table, self._elsewhere)
                if [tag.name for tag in simulated(own)] != [tag.name for tag in self._source.tags]:
                    self._source.retag(own)

    def _own(self, tags: TagTable, elsewhere: Collection[str]) -> list[Tag]:
        """The tags that are the simulator's."""
        left = frozenset(self._left(tags.names))
        return [tag for tag in tags if tag.name not in elsewhere and tag.name not in left]

    def retag(self, tags: TagTable, elsewhere: Collection[str] = ()) -> None:
        """Make source and collector use this table from the next reading on.

        The simulator leaves the tags alone that are `elsewhere`, in the files of other processes only.

        What was learned of the tags that stay is carried over bit for bit; stored readings of
        removed tags remain, new ones are rejected. Raises UsageError like `check`; then
        nothing has changed.
        """
        source = self._source
        with self._lock:
            if not isinstance(source, Simulator):
                self._table = with_own_tags(tags, source)
                self._collector.retag(self._table)
                return
            own = self._own(tags, elsewhere)
            source.check(own)
            self._elsewhere = elsewhere
            if stay := [tag for tag in own if tag.name in self._table]:
                source.retag(stay)  # deliver only tags known both before and after the change
            self._table = tags
            self._collector.retag(tags)
            source.retag(own)


def _elsewhere(table: TagTable, source: Source | None) -> frozenset[str]:
    """The tags that a simulator would make and does not: they are in the files of other processes only."""
    if not isinstance(source, Simulator):
        return frozenset()
    return frozenset(tag.name for tag in simulated(table)) - {tag.name for tag in source.tags}


def _none(_: Sequence[str]) -> Collection[str]:
    return ()
