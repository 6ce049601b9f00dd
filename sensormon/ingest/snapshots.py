"""For each tag a moment in the detectors' memory, from which a batch that was not acknowledged is undone.

Copying what is remembered of every tag of every batch would cost more than the scoring. So the copies are
a few hundred readings old, and undoing a batch learns the readings since then again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensormon.detectors.profile_state import ProfileState
from sensormon.ingest.tag_memory import KEPT, TagMemory
from sensormon.model.readings import Floats, Ints

_AGE = 256
"""A copy is renewed when this many more readings, and up to as many again by tag, were learned."""
_NONE = -1


class Snapshots:
    """Of the tags of one `ProfileState`, all of which are new."""

    def __init__(self, tags: int) -> None:
        self._n = np.full(tags, _NONE, dtype=np.int64)
        self._vectors: dict[int, Floats] = {}
        # Spread over the tags, so that a tick never renews the copies of all of them.
        self._age = _AGE + np.arange(tags, dtype=np.int64) * 97 % _AGE

    def prepare(self, state: ProfileState, memory: TagMemory, learned: Ints, tag: NDArray[np.int32]) -> None:
        """Make sure that a batch can be undone that learns one reading of the tag `tag[i]` for each i.

        `learned` are how many readings of each tag were learned before.
        """
        codes, counts = np.unique(tag, return_counts=True)
        since = learned[codes] - self._n[codes]
        # So many learned readings will be left once the newest, which overwrote others, are forgotten again.
        left = np.minimum(memory.held(codes), KEPT - counts)
        old = (self._n[codes] == _NONE) | (since > np.minimum(left, self._age[codes]))
        for code in codes[old].tolist():
            self._vectors[code] = state.save(code)
            self._n[code] = learned[code]

    def forget(self, tag: int) -> None:
        """This tag was restored: its copy is of another past."""
        self._n[tag] = _NONE

    def go_back(self, state: ProfileState, memory: TagMemory, tag: int, learned: int) -> None:
        """Return to the moment when `learned` readings of this tag were learned, the newest in `memory`."""
        state.load(tag, self._vectors[tag])
        since = learned - int(self._n[tag])
        if since:
            values, times = memory.learned(tag)
            state.learn(tag, values[-since:], times[-since:])
