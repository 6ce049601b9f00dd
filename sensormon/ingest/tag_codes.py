"""The codes of a batch's tags in a tag table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensormon.model.readings import Batch
from sensormon.model.tags import TagTable


class TagCodes:
    """Of one table. Batches of a source name the same tags each time, so the last names are remembered."""

    def __init__(self, tags: TagTable) -> None:
        self._tags = tags
        self._names: tuple[str, ...] = ()
        self._codes = np.empty(0, dtype=np.int32)

    def of(self, batch: Batch) -> NDArray[np.int32]:
        """The code in the table of each reading, -1 for an unknown tag."""
        if batch.tags != self._names:
            self._names = batch.tags
            self._codes = np.array([self._tags.code(name) for name in batch.tags], dtype=np.int32)
        if not len(batch):
            return np.empty(0, dtype=np.int32)
        codes: NDArray[np.int32] = self._codes[batch.tag]
        return codes
