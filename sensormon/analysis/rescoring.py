"""History rescored with other settings, as the collector would have scored it.

It runs the kernel of the live stream from the same learned values: with the settings that
were in force the scores are the same to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from sensormon.detectors.base import Detector, TagFacts
from sensormon.detectors.row_state import no_scores
from sensormon.model.readings import is_good
from sensormon.model.tags import Tag


@dataclass(frozen=True, eq=False)
class History:
    """Readings of one tag in order of arrival, read once and scored any number of times.

    `lead` are good readings before the first of `rows`. Detectors learn from them; they are
    never shown.
    """

    tag: Tag
    lead: pd.DataFrame
    rows: pd.DataFrame

    def scored(self, detector: Detector) -> pd.DataFrame:
        """The rows with the scores of this detector."""
        if self.rows.empty:
            return self.rows
        facts = TagFacts.of_tags([self.tag])
        lead = self.lead.iloc[-2 * detector.start(facts).lead :]
        both = pd.concat([lead, self.rows], ignore_index=True) if len(lead) else self.rows
        return rescore(both, detector, facts).iloc[len(lead) :].reset_index(drop=True)


def rescore(readings: pd.DataFrame, detector: Detector, facts: TagFacts) -> pd.DataFrame:
    """These readings of one tag, in order of arrival, with the scores of this detector.

    `facts` are those of the tag. Without history before the first row the first rows serve as
    the lead and are not scored; a caller that wants every shown row scored puts the detector's
    lead before them. The scores of a recursive detector that begins in the middle are nearly
    the same, not to the last bit.
    """
    value = readings["value"].to_numpy(dtype=np.float64)
    ok = is_good(readings["quality"].to_numpy(dtype=np.uint32))
    time = readings["time"].dt.as_unit("us").astype(np.int64).to_numpy()
    n = readings["n"].to_numpy(dtype=np.int64)
    state = detector.start(facts)
    parts = []
    for start, stop in _runs(n, ok):
        first = min(start + state.lead, stop) if start == 0 and n[0] > 0 else start
        if first > start:
            parts.append(no_scores(n[start:first]))
        if first < stop:
            learned = np.flatnonzero(ok[:first])[-state.lead :]
            state.restore(0, int(n[first]), value[learned], time[learned])
            rows = stop - first
            parts.append(
                state.run(np.zeros(rows, dtype=np.int32), value[first:stop], ok[first:stop], time[first:stop])
            )
    scored = readings.copy()
    for name in ("n", "score", "expected", "lower", "upper", "is_anomaly"):
        scored[name] = np.concatenate([getattr(part, name) for part in parts]) if parts else readings[name]
    return scored


def _runs(
    n: np.ndarray[tuple[int], np.dtype[np.int64]], ok: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> list[tuple[int, int]]:
    """Spans in which the learned count has no jump; a restart may cause one."""
    if not len(n):
        return []
    jumps = np.flatnonzero(n[1:] != n[:-1] + ok[:-1]) + 1
    edges = [0, *jumps.tolist(), len(n)]
    return list(pairwise(edges))
