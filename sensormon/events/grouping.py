"""Flagged readings as events: a stretch of trouble is one thing to look at, not forty points.

Pure functions: flagged readings in, events out, both as columns: a month can have a hundred thousand. The
same readings give the same events, so events are not stored; only what people did with them is
(`actions.py`).

A flagged reading belongs to the event before it on its tag if it comes within the
off-delay. An event counts once it has lasted the on-delay. Its id is that of its first
flagged reading. What it is not: an alarm in the sense of ISA-18.2, which needs an
operator's response.

Sources: ANSI/ISA-18.2-2016 and EEMUA 191 for the on-delay and the off-delay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sensormon.analysis.versions import Texts, Versions
from sensormon.model.clock import SECOND
from sensormon.model.events import HIGH, MEDIUM, Delays, Severity
from sensormon.model.readings import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class Flags:
    """What all events of one look share: the ids of the flagged readings, by tag and time, and the tags."""

    ids: Ints
    tags: Texts


@dataclass(frozen=True, eq=False)
class Events:
    """Events, an item of each column for each. Times in µs UTC, values in the tag's unit.

    The readings of an event are `readings` ids from the place `first` on. The peak is the reading with the
    highest score in thresholds, the first of equals; `threshold` (0 if unknown) and `settings` are those it
    was flagged with. `last_n` is how many readings the tag had learned before the last flagged one.
    `detector` spoke at the peak, under `profile`, which may set the severity (`set_severity`); all three are
    empty if they are unknown. `off_seconds` is the off-delay after the last flagged reading. `tag` is the
    place of the tag's name in `flags.tags`, which are in order of their names.
    """

    flags: Flags
    tag: Ints
    first: Ints
    readings: Ints
    start: Ints
    end: Ints
    last_n: Ints
    peak_id: Ints
    peak_time: Ints
    peak_value: Floats
    peak_score: Floats
    threshold: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    settings: Ints
    detector: Texts
    profile: Texts
    set_severity: Texts
    off_seconds: Floats

    def __len__(self) -> int:
        return len(self.tag)

    @property
    def id(self) -> Ints:
        """The ids of the first flagged readings."""
        ids: Ints = self.flags.ids[self.first]
        return ids

    @property
    def ids(self) -> tuple[Ints, Ints]:
        """The ids of all flagged readings, event by event, and where each event begins, and the last ends."""
        edges = np.concatenate(([0], np.cumsum(self.readings)))
        places = np.repeat(self.first - edges[:-1], self.readings) + np.arange(edges[-1])
        return self.flags.ids[places], edges

    @property
    def severity(self) -> Texts:
        """The severity that its profile sets, or else follows from the peak's multiple of the threshold."""
        known = self.threshold > 0
        ratio = np.divide(self.peak_score, self.threshold, out=np.zeros(len(self)), where=known)
        words = np.array([str(Severity.LOW), str(Severity.MEDIUM), str(Severity.HIGH)], dtype=object)
        by_peak = words[(ratio >= MEDIUM).astype(np.int8) + (ratio >= HIGH)]
        severity: Texts = np.where(self.set_severity == "", by_peak, self.set_severity)
        return severity

    def where(self, rows: Bools | Ints) -> Events:
        """These of the events: a mask, or places."""
        if rows.dtype == np.bool_ and rows.all():
            return self
        columns: dict[str, Any] = {
            field.name: getattr(self, field.name)[rows] for field in fields(self) if field.name != "flags"
        }
        return replace(self, **columns)


def group_flags(flags: pa.Table, versions: Versions, delays: Delays) -> Events:
    """The events of these flagged readings, whether they last the on-delay or not, in order of start.

    `flags` has the columns `sensormon.stores.readings.FLAG`, in order of time, then of id. The off-delay
    after a flag is that of the reading's profile; `delays` has that of readings from before there were
    profiles, and how many readings must pass.
    """
    names, tag = _coded(flags["tag"])
    in_order = np.argsort(names)
    tag = np.argsort(in_order)[tag]
    order = np.argsort(tag.astype(np.int32), kind="stable")
    tag = tag[order]
    time, n, ids, settings = (
        flags[name].to_numpy().astype(np.int64)[order] for name in ("time", "n", "id", "settings")
    )
    score, value, expected, lower, upper, stored = (
        flags[name].to_numpy().astype(np.float64)[order]
        for name in ("score", "value", "expected", "lower", "upper", "threshold")
    )
    judged, judges = _judges(flags, settings, order)
    speaker = np.array(versions.of_each(judges, lambda *key: key[2]), dtype=object)
    said = versions.of_each(judges, lambda number, name, _: _said(versions, number, name, delays))
    off_seconds = np.array([seconds for seconds, _ in said], dtype=np.float64)[judged]
    severity = np.array([word for _, word in said], dtype=object)
    threshold = np.where(np.isnan(stored), versions.thresholds(judges)[judged], stored)

    passed, learned = np.diff(time), np.diff(n)
    near = (learned > 0) & (learned <= delays.off_readings) & (passed <= delays.longest * SECOND)
    together = (tag[1:] == tag[:-1]) & (near | (passed <= off_seconds[:-1] * SECOND))
    starts = np.flatnonzero(np.concatenate((np.ones(min(1, len(tag)), dtype=np.bool_), ~together)))
    stops = np.append(starts[1:], len(tag))[: len(starts)]
    ratio = np.nan_to_num(score / np.where(threshold > 0, threshold, np.nan), nan=0.0)
    highest = np.maximum.reduceat(ratio, starts) if len(starts) else ratio
    # The first row of each event that reaches the event's highest ratio.
    reaching = np.flatnonzero(ratio == np.repeat(highest, stops - starts))
    peak = reaching[np.searchsorted(reaching, starts)]
    by_peak = judged[peak]
    events = Events(
        flags=Flags(ids, names[in_order]),
        tag=tag[starts],
        first=starts,
        readings=stops - starts,
        start=time[starts],
        end=time[stops - 1],
        last_n=n[stops - 1],
        peak_id=ids[peak],
        peak_time=time[peak],
        peak_value=value[peak],
        peak_score=score[peak],
        threshold=threshold[peak],
        expected=expected[peak],
        lower=lower[peak],
        upper=upper[peak],
        settings=settings[peak],
        detector=speaker[by_peak],
        profile=judges["profile"].to_numpy(dtype=object)[by_peak],
        set_severity=severity[by_peak],
        off_seconds=off_seconds[stops - 1],
    )
    return events.where(np.lexsort((events.id, events.tag, events.start)))


def lasting(events: Events, delays: Delays) -> Events:
    """The events that last the on-delay."""
    long = events.end - events.start >= delays.on_seconds * SECOND
    return events.where((events.readings >= delays.on_readings) & long)


def are_over(events: Events, now: int, newest: Mapping[str, tuple[int, int]], delays: Delays) -> Bools:
    """For each event whether the off-delay has passed, so that the tag has returned to normal.

    `newest` has by tag the time (µs UTC) of its newest good reading and how many it had learned
    before that one. Without it nothing is known to have come since, and the event lasts
    until `longest` has passed.
    """
    over = now - events.end > np.maximum(delays.longest, events.off_seconds) * SECOND
    if not newest:
        return over
    known = np.array([newest.get(name, (-1, 0)) for name in events.flags.tags.tolist()], dtype=np.int64)
    heard = np.array([name in newest for name in events.flags.tags.tolist()], dtype=np.bool_)
    time, n = known[events.tag].T
    passed, readings = time - events.end, n - events.last_n
    near = (readings > 0) & (readings <= delays.off_readings) & (passed <= delays.longest * SECOND)
    follows = near | (passed <= events.off_seconds * SECOND)
    returned: Bools = over | (heard[events.tag] & (passed > 0) & ~follows)
    return returned


def _judges(flags: pa.Table, settings: Ints, order: Ints) -> tuple[Ints, pd.DataFrame]:
    """For each flag a row of the frame: the version, the profile and the detector that judged it."""
    (profiles, profile), (detectors, detector) = (_coded(flags[name]) for name in ("profile", "detector"))
    keys = (settings * len(profiles) + profile[order]) * len(detectors) + detector[order]
    judged, different = pd.factorize(keys)
    judges, detector = np.divmod(different, max(1, len(detectors)))
    number, profile = np.divmod(judges, max(1, len(profiles)))
    columns = {"settings": number, "profile": profiles[profile], "detector": detectors[detector]}
    return judged.astype(np.int64), pd.DataFrame(columns)


def _coded(column: pa.ChunkedArray) -> tuple[Texts, Ints]:
    """The different words of a column, empty for missing ones, and for each row the place of its word."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    column = column.unify_dictionaries().combine_chunks()
    words = np.array([*column.dictionary.to_pylist(), ""], dtype=object)
    places: Ints = pc.fill_null(column.indices, len(words) - 1).to_numpy().astype(np.int64)
    return words, places


def _said(versions: Versions, number: int, name: str, delays: Delays) -> tuple[float, str]:
    """The off-delay (seconds) and the severity that a reading's profile sets; empty: by the peak."""
    profile = versions.profile(number, name) if name else None
    return (profile.off_delay, profile.severity) if profile else (delays.off_seconds, "")
