"""The golden envelope: between which values a tag was in chosen frames, step by step from their start.

Frames are aligned at their start, by time or by the share of their own length. In each step the envelope
has a middle and two edges: the mean ± k standard deviations of the frames, or their median and two
percentiles. A step at which fewer than `FEWEST` frames have a value has none. Times are microseconds UTC.

Pure functions on arrays. What it is not: a test of significance; with three frames it is a rough guess.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sensormon.analysis.grid import bridged
from sensormon.model.errors import UsageError
from sensormon.model.readings import Bools, Floats, Ints

STEPS = 120
"""Steps from the start of a frame to its end."""
FEWEST = 3
"""The fewest frames for an envelope."""
MEAN, MEDIAN = "mean", "median"
HOLE = 3
"""Up to this many steps without a reading, or this many usual intervals, are bridged by a straight line."""


@dataclass(frozen=True)
class Spread:
    """How wide an envelope is: mean ± `k` standard deviations, or median and percentiles `low` and `high`."""

    kind: str = MEAN
    k: float = 3.0
    low: float = 5.0
    high: float = 95.0

    def as_document(self) -> dict[str, Any]:
        """What JSON can hold; `read_spread` reads it back."""
        return {"kind": self.kind, "k": self.k, "low": self.low, "high": self.high}


@dataclass(frozen=True, eq=False)
class Envelope:
    """Of one tag: in each step the middle and the edges, in its unit, and how many frames had a value."""

    centre: Floats
    lower: Floats
    upper: Floats
    frames: Ints

    def as_document(self) -> dict[str, Any]:
        """What JSON can hold: numbers to six digits, null where there is none."""
        columns = {"centre": self.centre, "lower": self.lower, "upper": self.upper}
        return {
            **{name: [_short(value) for value in column.tolist()] for name, column in columns.items()},
            "frames": self.frames.tolist(),
        }


@dataclass(frozen=True)
class Leaving:
    """How a frame goes against an envelope.

    `share` of its steps lie outside, NaN if none can be compared. `first` is the first step outside, `side`
    "above" or "below" there. `since` is from which step on it has been outside up to its last one, and
    `now` on which side; None and empty if it is inside at its last step. `last` is where it left last,
    whether it is back or not.
    """

    share: float
    first: int | None = None
    side: str = ""
    since: int | None = None
    now: str = ""
    last: int | None = None


def aligned(time: Ints, value: Floats, span: tuple[int, int], width: float) -> Floats:
    """The means of the values in `STEPS` steps of this width (µs) from the start of the span on.

    NaN beyond its end, and where there is no reading for longer than `HOLE` allows.
    """
    start, end = span
    inside = (time >= start) & (time < min(end, start + width * STEPS)) & np.isfinite(value)
    moment, values = time[inside], value[inside]
    steps = np.full(STEPS, np.nan)
    if not len(moment):
        return steps
    place = np.minimum(((moment - start) / width).astype(np.int64), STEPS - 1)
    counts = np.bincount(place, minlength=STEPS)
    sums = np.bincount(place, weights=values, minlength=STEPS)
    filled = counts > 0
    steps[filled] = sums[filled] / counts[filled]
    usual = float(np.median(np.diff(moment))) if len(moment) > 1 else 0.0
    return bridged(steps, max(HOLE, HOLE * usual / width))


def envelope(rows: Sequence[Floats], spread: Spread) -> Envelope:
    """The envelope of these frames, each as `aligned` has it. Raises UsageError for fewer than `FEWEST`."""
    check_spread(spread)
    if len(rows) < FEWEST:
        raise UsageError(
            f"{len(rows)} chosen, an envelope needs at least {FEWEST} frames",
            where="envelope",
            hint="Choose more frames that went well",
        )
    table = np.vstack(rows)
    count = np.isfinite(table).sum(axis=0)
    enough = count >= FEWEST
    centre, lower, upper = (np.full(table.shape[1], np.nan) for _ in range(3))
    known = table[:, enough]
    if not enough.any():
        pass
    elif spread.kind == MEAN:
        centre[enough] = np.nanmean(known, axis=0)
        reach = spread.k * np.nanstd(known, axis=0, ddof=1)
        lower[enough], upper[enough] = centre[enough] - reach, centre[enough] + reach
    else:
        shares = (spread.low, 50.0, spread.high)
        lower[enough], centre[enough], upper[enough] = np.nanpercentile(known, shares, axis=0)
    return Envelope(centre, lower, upper, count.astype(np.int64))


def beyond(row: Floats, golden: Envelope, least: float) -> tuple[Bools, Bools]:
    """The steps of this frame above the envelope, and those below it.

    A value counts as outside if it is more than `least` beyond an edge: the tag's resolution, as a frame that
    is equal to the others but for rounding has not left an envelope of no width.
    """
    return row > golden.upper + least, row < golden.lower - least


def leaving(row: Floats, golden: Envelope, least: float = 0.0) -> Leaving:
    """Where this frame, as `aligned` has it, leaves the envelope; `least` as for `beyond`."""
    known = np.isfinite(row) & np.isfinite(golden.centre)
    if not known.any():
        return Leaving(math.nan)
    above, below = beyond(row, golden, least)
    outside = above | below
    share = float(outside.sum() / known.sum())
    if not outside.any():
        return Leaving(share)
    steps = np.flatnonzero(known)
    left = outside[steps]
    end = int(np.flatnonzero(left)[-1])
    inside = np.flatnonzero(~left[:end])
    first = int(steps[left][0])
    last = int(steps[inside[-1] + 1 if len(inside) else 0])
    if end < len(steps) - 1:
        return Leaving(share, first, _side(above, first), last=last)
    return Leaving(share, first, _side(above, first), last, _side(above, int(steps[-1])), last)


def check_spread(spread: Spread) -> None:
    """Raise UsageError if no envelope can have this spread."""
    wrong = ""
    if spread.kind not in (MEAN, MEDIAN):
        wrong = f"{spread.kind[:40]!r} is not a kind of envelope"
    elif not 0 < spread.k <= 100:
        wrong = "an envelope reaches more than 0 and up to 100 standard deviations"
    elif not 0 <= spread.low < 50 < spread.high <= 100:
        wrong = "the percentiles of an envelope lie on both sides of 50"
    if wrong:
        raise UsageError(wrong, where="envelope")


def read_spread(document: Mapping[str, Any]) -> Spread:
    """The spread in this document. Raises UsageError, KeyError, TypeError or ValueError if there is none."""
    spread = Spread(str(document["kind"]), *(float(document[name]) for name in ("k", "low", "high")))
    check_spread(spread)
    return spread


def read_envelope(document: Mapping[str, Any]) -> Envelope:
    """The envelope in this document. Raises KeyError, TypeError or ValueError if there is none."""
    centre, lower, upper = (
        np.array([math.nan if value is None else float(value) for value in document[name]])
        for name in ("centre", "lower", "upper")
    )
    frames = np.array(document["frames"], dtype=np.int64)
    if {len(centre), len(lower), len(upper), len(frames)} != {STEPS}:
        raise ValueError("an envelope of another length")
    return Envelope(centre, lower, upper, frames)


def _side(above: Bools, step: int) -> str:
    return "above" if above[step] else "below"


def _short(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None
