"""What the tiles of a board poll for beside the Live board's feed: long spans, and the events of a span.

Plain numbers and text, ready to send; times are milliseconds UTC. Viewers share each answer. Nothing here
raises while the store is away: a long span then has what memory has and says that it is incomplete.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from sensormon.model.clock import MINUTE, SECOND
from sensormon.model.errors import StoreError
from sensormon.model.tags import Tag
from sensormon.model.timestamps import micros
from sensormon.monitor.explorer import Seen
from sensormon.monitor.monitor import Monitor
from sensormon.view.explanation import Scales, peak_words
from sensormon.view.shared import Shared

Answer = dict[str, Any]

PARTS = 400
"""Parts of a long span, of which each has its lowest and highest reading: a tile is some 600 px wide."""
MOST_FLAGS = 200
"""The most flagged readings of a tag in a long span that are sent: those with the highest scores."""
MOST_EVENTS = 40
"""The most events of a tile, the newest; all are counted."""
LATELY = 2 * SECOND
_KEPT = 400
"""The most answers that are kept for viewers, among them each long span of a tag: some ten boards."""


class BoardFeed:
    """Answers for one monitor."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._shared = Shared(monitor.clock, _KEPT)

    def history(self, names: Sequence[str], span: int) -> Answer:
        """The last `span` seconds of these tags in few readings, at most a minute old.

        Of each tag `x` and `y` are the line, with a null where it breaks; `flags` are the times and values of
        the flagged readings with the highest scores, of which there are `flagged` in all.
        """
        m = self._monitor
        now = -(-m.clock.now() // MINUTE) * MINUTE  # the same for all who ask within this minute
        since = now - span * SECOND
        shown = {
            ("history", name, span): name for name in names if name in m.tags and not m.tags[name].has_states
        }

        def look(lacking: Sequence[object]) -> dict[object, tuple[Answer, bool]]:
            asked = {each: name for each, name in shown.items() if each in lacking}
            seen = m.explorer.overviews([*asked.values()], since, now, PARTS)
            return {
                each: (_line(m.tags[name], seen[name]), seen[name].stored) for each, name in asked.items()
            }

        # Of each tag by itself: boards and tiles share what they have in common.
        lines = self._shared.each([*shown], (now, m.undoing.last, m.tags.digest), look)
        tags = {name: lines[each][0] for each, name in shown.items()}
        complete = all(stored for _, stored in lines.values())
        return {"since": since / 1e3, "until": now / 1e3, "complete": complete, "tags": tags}

    def events(self, names: Sequence[str], span: int) -> Answer:
        """The events of these tags, of all without names, in the last `span` seconds, newest first.

        `problem` says why there are none while the store is away.
        """
        m = self._monitor

        def look() -> Answer:
            now = m.clock.now()
            known = [name for name in names if name in m.tags]
            if names and not known:
                return {"count": 0, "events": [], "problem": ""}
            try:
                events = m.events.between(known or None, now - span * SECOND, now + 1)
            except StoreError as error:
                return {"count": 0, "events": [], "problem": f"Events cannot be read: {error.what}"}
            events = events[events["tag"].isin(m.tags.names)]
            scales, newest = Scales(m.detection.readable()), events.head(MOST_EVENTS)
            rows = zip(newest.to_dict("records"), (micros(newest["start"]) / 1e3).tolist(), strict=True)
            items = [self._event(row, start, scales) for row, start in rows]
            return {"count": len(events), "events": items, "problem": ""}

        acts = (m.actions.count, m.tags.digest)
        answer: Answer = self._shared.of(("events", tuple(names), span), acts, look, LATELY)
        return answer

    def _event(self, row: Mapping[Hashable, Any], start: float, scales: Scales) -> Answer:
        tags = self._monitor.tags
        return {
            "id": int(row["id"]),
            "time": start,
            "label": tags.title(row["tag"]),
            "what": peak_words(tags[row["tag"]], row, scales),
            "severity": str(row["severity"]),
            "state": str(row["state"]),
        }


def _line(tag: Tag, seen: Seen) -> Answer:
    """The line of an overview, broken at its gaps."""
    overview, digits = seen.overview, tag.decimals + 2
    time = overview.time.astype(np.float64)
    value = overview.value.astype(np.float64)
    if gaps := overview.breaks():
        at = np.array([(start + end) / 2 for start, end in gaps])
        place = np.searchsorted(time, at)
        time, value = np.insert(time, place, at), np.insert(value, place, np.nan)
    marks = overview.marks[overview.marks["is_anomaly"].astype(bool)]
    worst = marks.sort_values("score", ascending=False, kind="stable").head(MOST_FLAGS)
    y = [None if np.isnan(number) else number for number in np.round(value, digits).tolist()]
    return {
        "x": np.round(time / 1e3).tolist(),
        "y": y,
        "flagged": overview.flagged,
        "flags": {
            "x": (micros(worst["time"]) / 1e3).tolist() if len(worst) else [],
            "y": worst["value"].round(digits).tolist(),
        },
    }
