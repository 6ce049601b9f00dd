"""Texts of the Tuning page: event counts and loads, the quality of flags, what would be lost.

Pure functions: plain data in, text out; whoever shows a text escapes it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import tzinfo

import pandas as pd

from sensormon.analysis.event_scores import MINIMUM, EventScores, wilson
from sensormon.analysis.what_if import Load, Outcome
from sensormon.events.alarm_load import MOST, NORM
from sensormon.model.event_rate import rate_words
from sensormon.model.format import counted, day_and_time, duration, latency, listed
from sensormon.model.tags import Tag
from sensormon.view.detectors import title

_SIDES: tuple[Callable[[Load], int], ...] = (lambda load: load.before, lambda load: load.after)
SHORT = 600
"""A load measured over less than this (s) is not assessed."""


def first_line(load: Load, same: bool = False) -> str:
    """The number of events now and with new settings; `same`: the settings are those in use.

    >>> first_line(Load(41, 9, 3600))
    'Current: 41 events, 6.8 events per 10 min. With new settings: 9 events, 1.5 events per 10 min.'
    >>> first_line(Load(41, 41, 3600), same=True)
    'Current: 41 events, 6.8 events per 10 min. Change a setting to see what it would have flagged.'
    """
    if same and load.before == load.after:
        now = f"Current: {counted(load.before, 'event')}, {rate_words(load.before, load.seconds)}."
        return f"{now} Change a setting to see what it would have flagged."
    before, after = counted(load.before, "event"), counted(load.after, "event")
    return (
        f"Current: {before}, {rate_words(load.before, load.seconds)}. "
        f"With new settings: {after}, {rate_words(load.after, load.seconds)}."
    )


def norm_words(load: Load) -> str:
    """How the load of all tags compares with the norm for one operator.

    >>> norm_words(Load(41, 9, 3600))
    'Target ≤ 1 event per 10 min for one operator, limit 2: the new settings stay within the limit.'
    """
    norm = f"Target ≤ {NORM:g} event per 10 min for one operator, limit {MOST:g}"
    if load.seconds < SHORT:
        return f"{norm}; {duration(load.seconds)} of readings is not enough data to assess."
    new = load.rate(load.after)
    if new <= NORM:
        return f"{norm}: the new settings meet the target."
    if new <= MOST:
        return f"{norm}: the new settings stay within the limit."
    return f"{norm}: the new settings are {new / NORM:,.1f} times the target."


def measured_share(count: int, total: int) -> tuple[str, str]:
    """A share, and its 95 % interval with n.

    >>> measured_share(9, 10), measured_share(3, 4)
    (('90 %', '60 to 98 %, n = 10'), ('not measurable', 'n = 4'))
    """
    if total < MINIMUM:
        return "not measurable", f"n = {total}"
    low, high = wilson(count, total)
    return f"{100 * count / total:.0f} %", f"{100 * low:.0f} to {100 * high:.0f} %, n = {total:,}"


def delay_words(scores: EventScores) -> tuple[str, str]:
    """The median delay, and n."""
    if scores.detected < MINIMUM or math.isnan(scores.delay):
        return "not measurable", f"n = {scores.detected}"
    words = latency(scores.delay) if 0 < scores.delay < 1 else duration(scores.delay)
    return words, f"n = {scores.detected:,}"


Figure = tuple[str, str, tuple[str, str], tuple[str, str]]


def figures(before: EventScores, after: EventScores) -> list[Figure]:
    """Rows of a table: name, meaning, with current settings, with new settings."""
    return [
        (
            "Precision",
            "flagged events that were faults",
            measured_share(before.right, before.judged),
            measured_share(after.right, after.judged),
        ),
        (
            "Recall",
            "known faults that were flagged",
            measured_share(before.detected, before.known),
            measured_share(after.detected, after.known),
        ),
        (
            "Delay",
            "median, from a fault's start to its first flag",
            delay_words(before),
            delay_words(after),
        ),
    ]


def lost_words(events: Iterable[tuple[str, int]], zone: tzinfo) -> str:
    """Which confirmed events would be lost: their tags and starts (µs UTC), at most ten by name."""
    rows = list(events)
    named = listed([f"{label} {day_and_time(start, zone)}" for label, start in rows], 10)
    return f"{counted(len(rows), 'confirmed event')} would no longer be flagged: {named}."


def spoke_words(before: Mapping[str, int], after: Mapping[str, int]) -> str:
    """Which detectors raised the flags, of profiles with several; empty if at most one ever did.

    >>> spoke_words({"zscore": 1200}, {"zscore": 31, "stuck": 4})
    'Flagged readings by detector, current → new: Rolling z-score 1,200 → 31, Stuck sensor 0 → 4.'
    """
    names = dict.fromkeys([*after, *before])
    if len(names) < 2:
        return ""
    parts = [f"{title(name)} {before.get(name, 0):,} → {after.get(name, 0):,}" for name in names]
    return f"Flagged readings by detector, current → new: {', '.join(parts)}."


def value_column(tag: Tag) -> str:
    """The name of the column of the tag's values."""
    return f"Value, {tag.unit}" if tag.unit else "Value"


def flag_table(changes: pd.Series[str], before: pd.DataFrame, after: pd.DataFrame, tag: Tag) -> pd.DataFrame:
    """The readings flagged now or with other settings, newest first: Time, Value, Flag and both scores.

    `changes` is kept, gained or lost by reading id; both frames hold the same readings.
    """
    rows = after[after["id"].isin(changes.index)]
    old = before.set_index("id")["score"].reindex(rows["id"])
    return pd.DataFrame(
        {
            "Time": rows["time"].to_numpy(),
            value_column(tag): [f"{value:,.{tag.decimals}f}" for value in rows["value"]],
            "Flag": changes.reindex(rows["id"]).to_numpy(),
            "Score, current": old.round(1).to_numpy(),
            "Score, new": rows["score"].round(1).to_numpy(),
        }
    ).iloc[::-1]


def outcome_table(outcomes: Mapping[str, Outcome]) -> pd.DataFrame:
    """Tags by their label with events, rates, precision where it is known, and confirmed events lost."""
    rows = list(outcomes.values())
    columns: dict[str, object] = {
        "Tag": list(outcomes),
        "Time span": [duration(row.load.seconds) for row in rows],
        "Events, current": [row.load.before for row in rows],
        "Events, new settings": [row.load.after for row in rows],
        "Events per 10 min, current": [row.load.rate(row.load.before) for row in rows],
        "Events per 10 min, new settings": [row.load.rate(row.load.after) for row in rows],
    }
    if any(row.scores_after.known for row in rows):
        columns["Known events found"] = [_found(row) for row in rows]
    if any(len(row.lost) for row in rows):
        columns["Confirmed events lost"] = [len(row.lost) for row in rows]
    return pd.DataFrame(columns)


def target_words(outcomes: Mapping[str, Outcome], target: float) -> str:
    """How many of these tags, by their label, exceed the target (events a day), now and with new settings.

    Empty without a target. Rates over a short history are only a hint.
    """
    if not target:
        return ""
    loads = [outcome.load for outcome in outcomes.values() if outcome.load.seconds > 0]
    over = [sum(144 * load.rate(side(load)) > target for load in loads) for side in _SIDES]
    return f"Tags with more than {target:g} events a day: {over[0]:,} → {over[1]:,} of {len(loads):,}."


def _found(outcome: Outcome) -> str:
    before, after = outcome.scores_before, outcome.scores_after
    return f"{before.detected} → {after.detected} of {after.known}" if after.known else "none known"


def curve_table(points: pd.DataFrame) -> pd.DataFrame:
    """Threshold, precision and recall, the last two in per cent."""
    return pd.DataFrame(
        {
            "Threshold": points["threshold"],
            "Precision, %": (100 * points["precision"]).round(),
            "Recall, %": (100 * points["recall"]).round(),
        }
    )
