"""The histories that a search for settings runs on: stacked, so that a setting costs one run of a kernel.

All tags lie on one axis of time, one after the other, so that events of all of them are counted at once.
Each history is run from the beginning of its lead with a state that has learned nothing; see
`sensormon.analysis.rescoring` for scores that are the live ones to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sensormon.analysis.event_scores import TOLERANCE, TRUE, Events, covered, labelled_as
from sensormon.analysis.rescoring import History, learned
from sensormon.analysis.what_if import Known, joining, truth_in
from sensormon.detectors.base import Detector, TagFacts
from sensormon.model.profiles import Choice, Profile
from sensormon.model.readings import UNLEARNED, Bools, Floats, Ints, is_good
from sensormon.model.timestamps import FOREVER, micros

Flags = Ints
"""Rows of the ground where a detector fired, in ascending order."""
_LEAD = 2_000  # readings before each history that detectors learn from
_APART = 10**13  # µs between two tags on the one axis


@dataclass(eq=False)
class Ground:
    """See the module. Rows lie by tag and, within it, in order of arrival.

    `axis` has each row's time on the one axis (µs), `join` and `late` each row's and true event's limits.
    `part` says of each row and of each true event whether it lies in the first part (0) or the rest (1).
    """

    tags: int
    border: int  # µs UTC
    facts: TagFacts
    on_delay: int  # µs
    tag: NDArray[np.int32]
    value: Floats
    judged: Bools
    shown: Bools
    time: Ints
    axis: Ints
    join: Floats
    part: NDArray[np.int8]
    events: Events  # on the axis, by start; each end with its tolerance
    confirmed: Bools  # of these events
    event_part: NDArray[np.int8]
    ordinary: Events
    complete: Bools  # by row
    days: tuple[float, float]
    must: Bools  # of these events

    @classmethod
    def of(cls, histories: Sequence[History], profile: Profile, known: Known, share: float) -> Ground:
        """The ground of these histories; the first part is this share of their time."""
        used = [history for history in histories if len(history.rows)]
        first = min(int(micros(history.rows["time"]).min()) for history in used)
        last = max(int(micros(history.rows["time"]).max()) for history in used)
        border = first + int(share * (last - first))
        pieces = [_Piece.of(history, profile, known, border) for history in used]
        shift = [place * (last - first + _APART) - first for place in range(len(used))]
        events = [np.stack((p.events.start, p.events.end)) + s for p, s in zip(pieces, shift, strict=True)]
        ordinary = [
            np.stack((p.ordinary.start, p.ordinary.end)) + s for p, s in zip(pieces, shift, strict=True)
        ]
        spans, usual = np.concatenate(events, axis=1), np.concatenate(ordinary, axis=1)
        sizes = [len(piece.value) for piece in pieces]
        confirmed = np.concatenate([piece.confirmed for piece in pieces])
        time = np.concatenate([piece.time for piece in pieces])
        return cls(
            tags=len(used),
            border=border,
            facts=TagFacts.of_tags([history.tag for history in used]),
            on_delay=round(profile.on_delay * 1e6),
            tag=np.repeat(np.arange(len(used)), sizes).astype(np.int32),
            value=np.concatenate([piece.value for piece in pieces]),
            judged=np.concatenate([piece.judged for piece in pieces]),
            shown=np.concatenate([piece.shown for piece in pieces]),
            time=time,
            axis=time + np.repeat(np.array(shift, dtype=np.int64), sizes),
            join=np.repeat([piece.join for piece in pieces], sizes),
            part=(time >= border).astype(np.int8),
            events=Events(spans[0], spans[1]),
            confirmed=confirmed,
            event_part=np.concatenate([piece.event_part for piece in pieces]),
            ordinary=Events.of(usual[0], usual[1]),
            complete=np.repeat([piece.complete for piece in pieces], sizes),
            days=(
                sum(piece.seconds[0] for piece in pieces) / 86_400,
                sum(piece.seconds[1] for piece in pieces) / 86_400,
            ),
            must=confirmed.copy(),
        )

    def must_keep(self, flags: Flags) -> None:
        """Known events that these flags find have to be kept, beside the confirmed ones."""
        caught = _found(np.sort(self.axis[self.delayed(flags)]), self.events)
        self.must = self.confirmed | caught

    def fired(self, detector: Detector) -> Flags:
        """The shown rows on which this detector fires."""
        scores = detector.start(self.facts).run(self.tag, self.value, self.judged, self.time)
        rows: Ints = np.flatnonzero(scores.is_anomaly & self.shown)
        return rows

    def delayed(self, flags: Flags) -> Flags:
        """Those of these rows that are flagged once the on-delay has passed."""
        if not self.on_delay or not len(flags):
            return flags
        order = np.cumsum(self.judged)[flags]
        breaks = (np.diff(order) != 1) | (np.diff(self.tag[flags]) != 0)
        begin = np.concatenate(([0], np.flatnonzero(breaks) + 1))
        since = np.repeat(self.time[flags[begin]], np.diff(np.append(begin, len(flags))))
        kept: Ints = flags[self.time[flags] - since >= self.on_delay]
        return kept

    def found_first(self, flags: Flags) -> Bools:
        """Which of the true events of the first part these flags find once the on-delay has passed."""
        first: Bools = _found(np.sort(self.axis[self.delayed(flags)]), self.events) & (self.event_part == 0)
        return first

    def counts(self, flags: Flags, part: int) -> tuple[int, int, int, int, int, int, float]:
        """Found, known, kept, must be kept, wrong, events and days of this part."""
        rows = flags[self.part[flags] == part]
        rows = rows[np.argsort(self.axis[rows], kind="stable")]
        axis = self.axis[rows]
        inside = self.event_part == part
        finds = _found(axis, self.events) & inside
        must = self.must & inside
        starts = np.flatnonzero(np.diff(axis, prepend=axis[:1] - _APART) > self.join[rows])
        wrong = 0
        if len(rows):
            right = np.logical_or.reduceat(covered(axis, self.events), starts)
            ordinary = np.logical_or.reduceat(covered(axis, self.ordinary), starts)
            wrong = int((~right & (self.complete[rows[starts]] | ordinary)).sum())
        return (
            int(finds.sum()),
            int(inside.sum()),
            int((finds & must).sum()),
            int(must.sum()),
            wrong,
            len(starts),
            self.days[part],
        )


@dataclass(frozen=True, eq=False)
class _Piece:
    """One history of the ground, its times as they are."""

    value: Floats
    judged: Bools
    shown: Bools
    time: Ints
    join: float
    events: Events
    confirmed: Bools
    event_part: NDArray[np.int8]
    ordinary: Events
    complete: bool
    seconds: tuple[float, float]

    @classmethod
    def of(cls, history: History, profile: Profile, known: Known, border: int) -> _Piece:
        lead = history.lead.iloc[-_LEAD:]
        both = pd.concat([lead, history.rows], ignore_index=True) if len(lead) else history.rows
        value = both["value"].to_numpy(dtype=np.float64)
        time = micros(both["time"])
        judged = is_good(both["quality"].to_numpy(dtype=np.uint32)) & np.isfinite(value)
        shown = np.arange(len(both)) >= len(lead)
        judged[~shown] = learned(lead)
        judged[shown] &= _let_through(history, profile)
        interval = history.interval
        truth = truth_in(history, known, interval)
        events = Events(truth.events.start, truth.events.end + int(TOLERANCE * interval))
        own = labelled_as(known.labelled, history.tag.name, TRUE)
        return cls(
            value=value,
            judged=judged,
            shown=shown,
            time=time,
            join=joining(interval, profile.off_delay),
            events=events,
            confirmed=_overlapping(truth.events, own),
            event_part=(truth.events.start >= border).astype(np.int8),
            ordinary=truth.ordinary,
            complete=truth.complete,
            seconds=(history.seconds_within(0, border), history.seconds_within(border, FOREVER)),
        )


def _let_through(history: History, profile: Profile) -> Bools:
    """Which rows the profile's condition lets a detector judge."""
    if profile.condition is None:
        return np.ones(len(history.rows), dtype=np.bool_)
    # Which detector judges does not matter to the condition; this one is quick.
    scored = history.scored(Profile(profile.name, (Choice("gap"),), condition=profile.condition))
    through: Bools = ~scored["withheld"].isin(UNLEARNED).to_numpy(dtype=np.bool_)
    return through


def _found(axis: Ints, events: Events) -> Bools:
    """Which of these events has one of these times, in ascending order, from its start to its end."""
    first = np.searchsorted(axis, events.start)
    caught = first < len(axis)
    caught[caught] = axis[first[caught]] <= events.end[caught]
    return caught


def _overlapping(events: Events, others: Events) -> Bools:
    """For each event whether one of the others overlaps it."""
    hit = np.zeros(len(events), dtype=np.bool_)
    for start, end in zip(others.start, others.end, strict=True):
        hit |= (events.start <= end) & (events.end >= start)
    return hit
