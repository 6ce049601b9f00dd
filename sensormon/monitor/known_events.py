"""What is known to have happened: injected faults and labelled events, gathered for the Tuning page.

The one place that says where labels come from. What it is not: a judgement; see
`sensormon.analysis.event_scores`.
"""

from __future__ import annotations

import pandas as pd

from sensormon.analysis.what_if import Known
from sensormon.monitor.monitor import Monitor


def known(monitor: Monitor, since: int, until: int) -> Known:
    """Faults and labels of this span of all tags. Raises StoreError where they cannot be read.

    For the tags of the simulator the injected faults are all that can be wrong.
    """
    simulator = monitor.simulator
    return Known(
        faults=monitor.injected_faults(since, until),
        labelled=labelled_events(monitor, since, until),
        complete=frozenset(tag.name for tag in simulator.tags) if simulator else frozenset(),
    )


def labelled_events(monitor: Monitor, since: int, until: int) -> pd.DataFrame:
    """Events that somebody labelled: id, tag, start, end (UTC), label ("true", "benign", "false", …)."""
    events = monitor.events(None, since, until)
    return events.loc[events["label"] != "", ["id", "tag", "start", "end", "label"]].reset_index(drop=True)
