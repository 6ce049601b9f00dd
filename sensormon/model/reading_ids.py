"""The ids of readings, versions and imports: who gives which, so that no two of a store have the same.

A collector alone on its store counts up. Of several on one store each has a number, and ids of its own in
every slice of time, so that ids rise with the time of arrival whoever gave them: within `SLICE_SECONDS`
the order between collectors is open, and nobody has to ask anybody for an id.
"""

from __future__ import annotations

from typing import Protocol

from sensormon.model.clock import SECOND

COLLECTORS = 32
"""The most collectors on one store."""
PER_SLICE = 1 << 21
"""The ids that a collector has in a slice; more than the readings that are taken in at once."""
SLICE_SECONDS = 16
"""A slice of time. Whoever needs more ids uses those of later slices: 131,072 readings/s last for good."""
_ALL = COLLECTORS * PER_SLICE
_BEGINNING = 978_307_200
"""2001-01-01 in seconds: ids are above any that were counted, and below 2**53 until 2069."""


class ReadingIds(Protocol):
    """Gives the ids of one collector. Not thread-safe: the collector takes one batch in at a time."""

    def first(self, now: int, most: int) -> int:
        """The id that the first of at most `most` readings has, taken in at `now` (µs UTC)."""

    def taken(self, upto: int) -> None:
        """The ids below this one are given."""

    def version_after(self, last: int) -> int:
        """The id that follows this one, of versions of the detector settings or of imports."""


class Counted:
    """Ids of the only collector: one after the other from `next_id` on."""

    def __init__(self, next_id: int = 1) -> None:
        self._next = next_id

    def first(self, now: int, most: int) -> int:
        del now, most
        return self._next

    def taken(self, upto: int) -> None:
        self._next = max(self._next, upto)

    def version_after(self, last: int) -> int:
        return last + 1


class Sliced:
    """Ids of collector `number`, none below `next_id`."""

    def __init__(self, number: int, next_id: int = 1) -> None:
        if not 0 <= number < COLLECTORS:
            raise ValueError(f"collector {number} of {COLLECTORS}")
        self._number = number
        self._next = next_id

    def first(self, now: int, most: int) -> int:
        """See `ReadingIds`. Raises ValueError for more readings than a slice has ids."""
        if most > PER_SLICE:
            raise ValueError(f"{most} readings at once; a slice has {PER_SLICE} ids")
        current = max((now // SECOND - _BEGINNING) // SLICE_SECONDS, self._next // _ALL)
        for piece in (current, current + 1):
            begin = piece * _ALL + self._number * PER_SLICE
            first = max(begin, self._next)
            if first + most <= begin + PER_SLICE:
                return first
        return (current + 2) * _ALL + self._number * PER_SLICE

    def taken(self, upto: int) -> None:
        self._next = max(self._next, upto)

    def version_after(self, last: int) -> int:
        """See `ReadingIds`: the next whole number that leaves the collector's number when divided."""
        return last + 1 + (self._number - last - 1) % COLLECTORS


def collector_of(reading_id: int) -> int:
    """The number of the collector that gave this id, which must not be one that was counted."""
    return reading_id % _ALL // PER_SLICE


def slice_of(reading_id: int) -> int:
    """The lowest id that any collector has in the slice of time of this one."""
    return reading_id // _ALL * _ALL


def after_unknown(now: int) -> int:
    """An id above all that a collector can have given until `now` (µs UTC), unless it was ahead of time."""
    return ((now // SECOND - _BEGINNING) // SLICE_SECONDS + 1) * _ALL
