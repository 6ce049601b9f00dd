"""The data the Live board polls for: new readings, phrases, events.

Plain numbers and text, ready to send; how they are drawn is in `live_drawing`. A first answer
holds a whole span, thinned; later ones only new readings. Times are milliseconds UTC.
Nothing here raises if the store is unavailable: memory has the newest readings, and the answer
is marked incomplete. Earlier readings are then unknown, which is not the same as no data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd

from sensormon.analysis.gaps import GAP
from sensormon.model import timestamps
from sensormon.model.clock import SECOND
from sensormon.model.entries import CASE, IMPORT
from sensormon.model.errors import StoreError
from sensormon.model.readings import Bools, Floats, Ints, reason_words
from sensormon.model.tags import Tag
from sensormon.model.timestamps import micros
from sensormon.monitor.monitor import Monitor
from sensormon.view.explanation import Scales, peak_words, why_on_hover
from sensormon.view.live_cards import newest, places_by_tag, reads
from sensormon.view.shared import Shared
from sensormon.view.state_bands import place_of, word_of
from sensormon.view.traces import Span, View, chart_text
from sensormon.view.versions import version_marks

Answer = dict[str, Any]

LEAD = 60 * SECOND
"""New readings are read with those of this long before (µs), which show how often a tag reports."""

TICKS = 30
"""Also read: this many per tag before them, in order of arrival."""

STALE = 5
"""A tag is stale after a silence of this many usual intervals; the watchdog's rule."""

BRACKETS = 600
"""Events of a tag that lie closer than this part of the span are sent as one."""

SPANS = 40
"""The most answers shared by all viewers, so that requests for ever new spans do not fill the memory."""

BACK = 3_600 * SECOND
"""How far back to look for the newest event if the span is shorter (µs)."""

NOWHERE = np.zeros(0, dtype=np.int64)
"""The places of the readings of a tag that has none."""

UNDONE = 2 * SECOND
"""For so long after an undo viewers read the whole board again (µs): some of what they have is gone. Also
after readings that only the store has."""


class LiveFeed:
    """Answers for one monitor; viewers of the same span share what is expensive."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._shared = Shared(monitor.clock, SPANS)

    def board(
        self,
        names: Sequence[str],
        span: int,
        *,
        after: int | None = None,
        known_events: str = "",
        until: int | None = None,
        upto: int | None = None,
    ) -> Answer:
        """The last `span` seconds of these tags up to now, or to `until` (µs UTC).

        With `after` of an earlier answer only readings that came in since, and if `upto` is given none that
        came in after that place: the next answer has them. The
        events are left out if they still match `known_events`. `complete` is False
        in a whole answer made without the store.
        """
        m = self._monitor
        now = until or m.clock.now()
        since = now - span * SECOND
        names = [name for name in names if name in m.tags]
        if after is None:
            stop = until and until + 1  # a paused view excludes later readings
            frame = m.readings.recent(since, names, stop)
            places = places_by_tag(frame)
            judges, late = m.detection.readable(), False
            complete, place = bool(frame.attrs["complete"]), int(frame.attrs["place"])
            fresh = None
            known = since if complete else _earliest(frame, now)
        else:
            place = m.newest.newest_place  # read before the readings, so that none is missed
            if upto is not None:
                place = min(place, max(upto, after))
            frame, arrived = m.newest.after(after - TICKS * len(m.tags), names, since, place)
            fresh = arrived > after
            lately = micros(frame["time"]) >= max(since, now - LEAD)
            late = bool(fresh[~lately].any())
            late = late or 0 <= now - m.undoing.last < UNDONE or self._passed_over(now)
            places = {name: rows[lately[rows]] for name, rows in places_by_tag(frame).items()}
            places = {name: rows for name, rows in places.items() if len(rows)}
            judges = self._shared.of("judges", m.detection.in_force.id, m.detection.readable)
            complete, known = True, since
        scales, heads = Scales(judges), newest(frame, places, now, judges, self._further)
        tags: dict[str, Answer] = {}
        words = m.state_words(names)
        for name in names:
            rows = places.get(name, NOWHERE)
            if fresh is None or fresh[rows].any():
                tags[name] = series(frame, rows, m.tags[name], (known, now), fresh, scales)
                if m.tags[name].has_states:
                    tags[name]["words"] = words_of(frame["value"].to_numpy()[rows], words.get(name, {}))
            if name in heads:
                head = heads[name]
                value, phrase = reads(m.tags[name], head, words)
                tags.setdefault(name, {})["head"] = {
                    "value": value,
                    "verdict": phrase.text,
                    "abnormal": phrase.abnormal,
                    "time": head.time / 1e3,
                    "arrived": head.arrived / 1e3,
                }
        answer: Answer = {
            "now": now / 1e3,
            "whole": after is None,
            "complete": complete,
            "after": max(place, after or 0),
            "tags": tags,
            "late": late,
            "versions": self._versions(since, now),
            "rejected": self._rejected(names, since if after is None else now - 5 * SECOND, now),
        }
        events = self._events(names, span, until)
        if events["version"] not in (
            "",
            known_events,
        ):  # "" while the store is unavailable
            answer["events"] = events
        return answer

    def _further(self, name: str, since: int) -> pd.DataFrame:
        """Readings of a tag from before those at hand."""
        return self._monitor.readings.recent(since, [name], None)

    def _passed_over(self, now: int) -> bool:
        """Whether another collector has just stored readings that are not in memory."""
        following = self._monitor.following
        last = following.passed_over if following else None
        return last is not None and 0 <= now - last < UNDONE

    def _versions(self, since: int, until: int) -> list[list[Any]]:
        """The changes of the settings in this span: when, a few words, and all of it."""
        m = self._monitor
        marks = self._shared.of(
            "versions", m.detection.in_force.id, lambda: version_marks(m.detection.readable())
        )
        inside = [mark for mark in marks if since <= mark.since <= until]
        return [
            [
                mark.since / 1e3,
                f"v{mark.id.rpartition('-')[2]}",
                f"{chart_text(mark.text)}<br>{chart_text(mark.who)}",
            ]
            for mark in inside
        ]

    def _rejected(self, names: Sequence[str], since: int, now: int) -> dict[str, list[list[Any]]]:
        m = self._monitor
        rejected: dict[str, list[list[Any]]] = {}
        lately = [(r.tag, r.received, r.time, r.value, str(r.reason)) for r in m.newest.rejected(since)]
        if since < m.started:
            with suppress(StoreError):
                lately = [*self._shared.of("rejected", m.started, self._rejected_before), *lately]
        for tag, received, time, value, reason in lately:
            at = _time(time, received)
            if tag in names and since <= at <= now:
                rejected.setdefault(tag, []).append([at / 1e3, f"{value[:40]} {reason_words(reason)}"])
        return rejected

    def _rejected_before(self) -> list[tuple[str, int, str, str, str]]:
        """Readings rejected before the start, which memory does not have. Raises StoreError."""
        frame = self._monitor.stored.rejected(2_000)  # imported ones among them
        before = micros(frame["received"]) < self._monitor.started
        frame = frame[before & ~frame["source"].isin((IMPORT, CASE))]
        received = micros(frame["received"]).tolist()
        return list(zip(frame["tag"], received, frame["time"], frame["value"], frame["reason"], strict=True))

    def _events(self, names: Sequence[str], span: int, until: int | None) -> Answer:
        def make() -> Answer:
            now = until or m.clock.now()
            since = now - max(span * SECOND, BACK)
            try:
                events = m.events.between(None, since, now + 1)
            except StoreError:
                return {"version": "", "spans": {}, "last": None}
            start, end = micros(events["start"]), micros(events["end"])
            spans: dict[str, list[list[float]]] = {}
            apart = span * 1e3 / BRACKETS
            for name, left, right in zip(events["tag"], start.tolist(), end.tolist(), strict=True):
                if right < now - span * SECOND:
                    continue
                stretches = spans.setdefault(name, [])  # the newest come first
                if stretches and stretches[-1][0] - right / 1e3 < apart:
                    stretches[-1][0] = min(stretches[-1][0], left / 1e3)
                else:
                    stretches.append([left / 1e3, right / 1e3])
            last = self._last_event(events)
            state = f"{m.actions.count}-{len(events)}-{end.max() if len(end) else 0}-{last and last['text']}"
            version = blake2b(state.encode(), digest_size=12).hexdigest()  # it goes into an address
            return {"version": version, "spans": spans, "last": last}

        m = self._monitor
        events: Answer = self._shared.of(f"events {span}", (until, m.actions.count), make, fresh=SECOND)
        return {**events, "spans": {name: events["spans"].get(name, []) for name in names}}

    def _last_event(self, events: pd.DataFrame) -> Answer | None:
        m = self._monitor
        known = events[events["tag"].isin(m.readings.live_tags().intersection(m.tags.names))]
        if known.empty:
            return None
        row = known.iloc[0].to_dict()
        tag = m.tags[row["tag"]]
        peak = peak_words(tag, row, Scales(m.detection.readable()))
        many = "" if row["readings"] == 1 else f", {row['readings']} readings"
        return {
            "id": int(row["id"]),
            "time": int(micros(known["start"].iloc[[0]])[0]) / 1e3,
            "text": f"{tag.label}: {peak}{many}",
            "state": row["state"],
        }


def series(
    frame: pd.DataFrame,
    rows: Ints,
    tag: Tag,
    span: Span,
    fresh: Bools | None,
    scales: Scales,
) -> Answer:
    """The readings of one tag, these rows of the frame, as columns.

    These are x, y, e(xpected), l(ower), u(pper), z (score), k (kind), s (whose).

    The kind adds up 1 for flagged, 2 for uncertain, 4 for bad quality, 8 for a flagged reading with
    another detector's band than the one drawn. `cut` are the indices
    before which the line breaks, `why` the limit of each flagged reading in words; `clock` and `scores`,
    the names of the scores, complete the board's hover texts (see `live_drawing`): `s` has of each
    reading the place of its name. With `fresh`, which says so of each row of the frame,
    only those readings are sent; the others show how often the tag reports.
    """
    view = View(frame, tag, span, scales=scales, places=rows)
    names = list(dict.fromkeys(scale.name for scale in view.scales))
    cut = np.zeros(len(view.time), dtype=np.bool_)
    drawn = np.flatnonzero(~view.bad)
    cut[drawn[1:]] = np.diff(view.segment[drawn]) != 0
    sent = np.ones(len(view.time), dtype=np.bool_)
    gaps = view.gaps[:-1] if view.gaps and view.gaps[-1][1] == span[1] else view.gaps
    if fresh is not None:
        sent = fresh[view.order]
        first = int(view.time[sent].min()) if sent.any() else span[1]
        gaps = [(start, end) for start, end in gaps if end >= first and start > span[0]]
    kind = view.flagged.astype(np.int8) + 2 * view.uncertain + 4 * view.bad + 8 * view.off_band
    score = np.array([names.index(scale.name) for scale in view.scales], dtype=np.int8)

    def column(values: Floats, digits: int) -> list[float]:
        rounded: list[float] = np.round(values[sent], digits).tolist()
        return rounded

    digits = tag.decimals + 2
    return {
        "x": column(view.x, 3),
        "y": column(view.value, digits),
        "e": column(view.expected, digits),
        "l": column(view.lower, digits),
        "u": column(view.upper, digits),
        "z": column(view.score, 2),
        "k": kind[sent].tolist(),
        "s": score[sent].tolist(),
        "cut": np.flatnonzero(cut[sent]).tolist(),
        "why": [
            why_on_hover(
                view.value[row],
                view.expected[row],
                view.upper[row],
                view.score[row],
                view.scales[row].drawn_limit,
            )
            for row in np.flatnonzero(view.flagged & sent).tolist()
        ],
        "gaps": [[start / 1e3, end / 1e3] for start, end in gaps],
        "interval": view.interval / 1e3,
        "gap": GAP * view.interval / 1e3,
        "stale": STALE * view.interval / 1e3,
        "clock": view.clock,
        "scores": names,
    }


def words_of(values: Floats, words: Mapping[float, str]) -> list[list[Any]]:
    """Of each state in these readings its code, its word and the place that decides its colour."""
    codes: list[float] = np.unique(values).tolist()
    return [[code, word_of(words, code), place_of(words, code)] for code in codes]


def _earliest(frame: pd.DataFrame, otherwise: int) -> int:
    """The time (µs UTC) of the first of these readings."""
    return int(micros(frame["time"]).min()) if len(frame) else otherwise


def _time(text: str, otherwise: int) -> int:
    """The time of a rejected reading (µs UTC), or of its arrival if that cannot be parsed."""
    try:
        return timestamps.parse(text)
    except (ValueError, OverflowError):
        return otherwise
