"""Which events a list shows: those it had when it was first read, so that no row moves under a hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sensormon.model.readings import Ints


class FrozenList:
    """The ids of a list as it was first read.

    While the list is empty no row can move, and whatever comes is let in. `changed` is how many events
    would enter or leave the list if it were read again; `fit` counts them.
    """

    def __init__(self) -> None:
        self._ids: Ints = np.zeros(0, dtype=np.int64)
        self.changed = 0

    def first(self, ids: Ints) -> Ints:
        """The ids the list was first read with; at the first call these."""
        if not len(self._ids):
            self._ids = ids
        return self._ids

    def fit(self, ids: Ints, done: Sequence[int] = ()) -> Ints:
        """The ids the list shows while `ids` are those that fit its filters now.

        An event that has ceased to fit by itself, or by what somebody else did, keeps its row. One that the
        viewer has just acted on (`done`) leaves once it does not fit.

        >>> events = FrozenList()
        >>> events.fit(np.array([1, 2, 3])).tolist(), events.changed
        ([1, 2, 3], 0)
        >>> events.fit(np.array([3, 4]), done=[2]).tolist(), events.changed
        ([1, 3], 2)
        """
        first = self.first(ids)
        self._ids = first[~np.isin(first, done) | np.isin(first, ids)]
        self.changed = len(np.setxor1d(self._ids, ids))
        return self._ids
