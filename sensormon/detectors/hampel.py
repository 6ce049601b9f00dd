"""The Hampel identifier: spikes, by the median and the median absolute deviation of a window."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from sensormon.detectors.base import Detector, Parameter, TagFacts
from sensormon.detectors.judged import Judged, Rule, Sentence, conclude, position
from sensormon.detectors.kernel import (
    EXPECTED,
    HIGHEST,
    LOWER,
    RESOLUTION,
    ROUNDING,
    SCORE,
    UPPER,
    N,
)
from sensormon.detectors.row_state import RowState
from sensormon.model.readings import Bools, Floats, Ints
from sensormon.model.tags import Tag

WARM_UP = 50
"""A tag is scored once min(window, WARM_UP) of its values have been learned."""

_TO_SIGMA = 1.4826  # of a median absolute deviation, on normal noise
_MEAN_TO_SIGMA = 1.2533  # of a mean absolute deviation
_INDEPENDENT = 0.4  # a lag-1 coefficient up to here may be chance, in a window of 50
_WANDERING = 0.8  # from here on only the step from the reading before is judged

_LONG = 64  # from this many readings of a tag in a row on it pays to lay out its ordered values in chunks
_CHUNK = 64  # values; half as many or twice as many take a tenth more time at a window of 1000
_NEAR = 4  # how far off a guess is looked for before all places are

_SEEN = 1
_FIRST = 2  # window values as they came, then the same in order, then the steps between them in order


@dataclass(frozen=True)
class Hampel(Detector):
    """How far a value is off the median of the last `window` values, in robust standard deviations.

    The standard deviation is 1.4826 times the median absolute deviation (where that is 0,
    because most values are equal, 1.2533 times the mean one), at least the resolution. Where
    the steps between the values are small beside their spread the tag wanders, and the part
    of the deviation that the reading before had already is taken away. More than `threshold`
    is an anomaly. Every reading is learned: half of the window would have to be wrong to
    pull the median, so a new level is normal after half a window.

    Catches: lone spikes and short bursts, however large and however many others are near;
    the first readings of a shift.
    Misses: shifts and drifts (prefer `cusum`, `ewma`), stuck sensors (`stuck`). `zscore` is
    its like with mean and standard deviation: a spike hides the next one there for a window.

    Parameters: `window` in readings, 5 to 1000; `threshold` in standard deviations, 1 to 20.

    References: Hampel, Journal of the American Statistical Association 69 (1974) 383; Davies
    and Gather, the same 88 (1993) 782; Pearson, IEEE Transactions on Control Systems
    Technology 10 (2002) 55; Iglewicz and Hoaglin, How to Detect and Handle Outliers (1993).

    >>> values = np.random.default_rng(0).normal(37.0, 0.2, 100)
    >>> values[[80, 83]] = 99.0, 39.0
    >>> rows = np.zeros(100, np.int32), values, np.ones(100, bool), np.arange(100)
    >>> np.flatnonzero(Hampel().start(np.zeros(1)).run(*rows).is_anomaly).tolist()
    [80, 83]
    """

    window: int = 50
    threshold: float = 4.5

    title = "Hampel identifier"
    score_name = "robust z"
    sensitivity = "threshold"
    PARAMETERS = (
        Parameter("window", 5, 1000, 1, "readings", label="Window", terms=("window",)),
        Parameter(
            "threshold", 1.0, 20.0, 0.1, "standard deviations", label="Threshold", terms=("threshold", "MAD")
        ),
    )

    @property
    def needed(self) -> int:
        """How many readings of a tag it learns before it judges the first."""
        return min(int(self.window), WARM_UP)

    def start(self, tags: TagFacts | Floats) -> RowState:
        """A state that has learned nothing of these tags; an array is their resolutions."""
        window = int(self.window)
        return RowState(
            kernel,
            (window, self.threshold),
            tags,
            size=_FIRST + 3 * window - 1,
            lead=window,
            threshold=self.threshold,
            recursive=False,
        )

    def sentence(self, reading: Judged, tag: Tag) -> Sentence:
        """Why it flagged this reading, or why it did not."""
        if reading.score == 0.0 and abs(reading.value - reading.expected) <= reading.step(tag):
            return Rule.RESOLUTION, f"{position(reading, tag)}, within the sensor's resolution: not flagged"
        return conclude(reading, f"{position(reading, tag)} ({self.numbers(reading)})")

    def sigma(self, reading: Judged, tag: Tag) -> float:
        """The robust standard deviation, from the width of the band."""
        return (reading.upper - reading.expected) / self.threshold


@numba.njit(cache=True)
def _judge(window: int, threshold: float, resolution: float, row: Floats, value: float, out: Floats) -> None:
    """One reading of one tag."""
    seen = int(row[_SEEN])
    place = seen % window
    if seen >= min(window, WARM_UP):
        count = min(seen, window)
        values = row[_FIRST : _FIRST + window]
        ordered = row[_FIRST + window : _FIRST + window + count]
        steps = row[_FIRST + 2 * window : _FIRST + 2 * window + count - 1]
        _score(place, threshold, resolution, values, ordered, steps, value, 0, out)
    _learn(window, place, row, value)


@numba.njit(cache=True, inline="always")
def _score(
    place: int,
    threshold: float,
    resolution: float,
    values: Floats,
    ordered: Floats,
    steps: Floats,
    value: float,
    guess: int,
    out: Floats,
) -> int:
    """Score a value by those of its window: as they came, in order, and the steps between them in order.

    `guess` and the answer are what `_spread` says of this reading and the next.
    """
    window = len(values)
    middle = _median(ordered)
    least = resolution + ROUNDING * abs(middle)
    spread, above = _spread(ordered, middle, guess)
    jump = _TO_SIGMA * _median(steps)
    if jump == 0.0:
        jump = _MEAN_TO_SIGMA * _mean_distance(steps, 0.0)
    phi, share = 0.0, 1.0
    if spread > least:
        lag = max(1.0 - 0.5 * (jump / spread) ** 2, 0.0)
        phi = min(max(lag - _INDEPENDENT, 0.0) / (_WANDERING - _INDEPENDENT), 1.0)
        if phi > 0.0:
            share = np.sqrt(max(1.0 - 2.0 * phi * lag + phi * phi, 0.0))
    before, older = values[_back(place, 1, window)], values[_back(place, 2, window)]
    # What comes after a spike is not to be expected up there.
    if abs(before - older) > threshold * max(jump, least) and abs(older - middle) < abs(before - middle):
        before = older
    expected = middle + phi * (before - middle)
    scale = max(share * spread, least)
    off = abs(value - expected)
    if off <= least:
        score = 0.0
    elif off >= scale * HIGHEST:
        score = HIGHEST
    else:
        score = off / scale
    margin = max(threshold * scale, least)
    out[SCORE] = score
    out[EXPECTED] = expected
    out[LOWER] = expected - margin
    out[UPPER] = expected + margin
    return above


@numba.njit(cache=True)
def _median(ordered: Floats) -> float:
    half = len(ordered) // 2
    if len(ordered) % 2 == 1:
        return float(ordered[half])
    return float(ordered[half - 1] + 0.5 * (ordered[half] - ordered[half - 1]))


@numba.njit(cache=True)
def _spread(ordered: Floats, middle: float, guess: int) -> tuple[float, int]:
    """The robust standard deviation: deviations rise from the median outwards, to either side.

    Also how many of the half + 1 smallest lie above the median; `guess` is how many that were for almost
    the same values, 0 if unknown.
    """
    count = len(ordered)
    half = count // 2
    above, most = 1, min(half + 1, count - half)
    size = most - 1
    low, high = max(guess - _NEAR, 1), min(guess + _NEAR, most)
    if (
        guess > 0
        and (low == 1 or _is_nearer(ordered, middle, half, low - 1))
        and (high == most or not _is_nearer(ordered, middle, half, high))
    ):
        above, size = low, high - low
    while size > 0:  # a sum as in `_smaller`
        part = (size + 1) // 2
        above += part * int(_is_nearer(ordered, middle, half, above + part - 1))
        size -= part
    upper: float = ordered[half + above - 1] - middle
    lower = middle - ordered[above - 1] if above <= half else 0.0
    mad = max(upper, lower)
    if count % 2 == 0:
        # Halfway to the one before: the largest without that one.
        if upper >= lower:
            upper = ordered[half + above - 2] - middle if above > 1 else 0.0
        else:
            lower = middle - ordered[above] if above < half else 0.0
        before = max(upper, lower)
        mad = before + 0.5 * (mad - before)
    if mad > 0.0:
        return float(_TO_SIGMA * mad), above
    return _MEAN_TO_SIGMA * _mean_distance(ordered, middle), above


@numba.njit(cache=True, inline="always")
def _is_nearer(ordered: Floats, middle: float, half: int, last: int) -> bool:
    """Whether the value so far above the median's place is nearer than that below which it would replace."""
    return bool(ordered[half + last] - middle < middle - ordered[last - 1])


@numba.njit(cache=True)
def _mean_distance(values: Floats, middle: float) -> float:
    total = 0.0
    for x in values:
        total += abs(x - middle)
    return total / len(values)


@numba.njit(cache=True, inline="always")
def _back(place: int, steps: int, window: int) -> int:
    """The place in the window this many readings before."""
    return place - steps if place >= steps else place - steps + window


@numba.njit(cache=True)
def _learn(window: int, place: int, row: Floats, value: float) -> None:
    seen = int(row[_SEEN])
    values = row[_FIRST : _FIRST + window]
    ordered = row[_FIRST + window : _FIRST + 2 * window]
    steps = row[_FIRST + 2 * window :]
    step = abs(value - values[_back(place, 1, window)])
    if seen >= window:
        oldest, next_oldest = values[place], values[place + 1 if place + 1 < window else 0]
        _replace(ordered, window, oldest, value)
        _replace(steps, window - 1, abs(next_oldest - oldest), step)
    else:
        if seen > 0:
            _put_in(steps, seen - 1, step)
        _put_in(ordered, seen, value)
    values[place] = value
    row[_SEEN] += 1.0


@numba.njit(cache=True)
def _replace(ordered: Floats, count: int, old: float, new: float) -> None:
    """Take out the first of the values equal to `old`, put in `new` behind those equal to it."""
    gap, place = _smaller(ordered, count, old), _smaller(ordered, count, np.nextafter(new, np.inf))
    # The compiler moves several values at a time if places count from 0.
    if place > gap:
        between = ordered[gap:place]
        for j in range(len(between) - 1):
            between[j] = between[j + 1]
        between[-1] = new
    else:
        between = ordered[place : gap + 1]
        for j in range(len(between) - 1, 0, -1):
            between[j] = between[j - 1]
        between[0] = new


@numba.njit(cache=True, inline="always")
def _smaller(ordered: Floats, count: int, value: float) -> int:
    """How many are smaller than the value."""
    first = 0
    # Quarters, and sums instead of branches, which a processor would guess wrong.
    while count > 3:
        part = count // 4
        end = first + part - 1
        first += part * (
            int(ordered[end] < value)
            + int(ordered[end + part] < value)
            + int(ordered[end + 2 * part] < value)
        )
        count -= 3 * part
    smaller = first
    for j in range(first, first + count):
        smaller += int(ordered[j] < value)
    return smaller


@numba.njit(cache=True)
def _put_in(ordered: Floats, count: int, value: float) -> None:
    j = count
    while j > 0 and ordered[j - 1] > value:
        ordered[j] = ordered[j - 1]
        j -= 1
    ordered[j] = value


# Over history a window's ordered values are laid out in chunks: the first values of all chunks say which of
# them a change touches. Where the changed value is within a chunk is not searched: each of its places takes
# what belongs there, without branches, and chunks between two others move as they are.


@numba.njit(cache=True)
def _laid_out(ordered: Floats) -> tuple[Floats, Floats]:
    """The values in whole chunks, after one of -inf and with inf at the end; and the first of each chunk."""
    chunks = len(ordered) // _CHUNK + 1
    laid = np.empty((chunks + 2) * _CHUNK)
    for j in range(len(laid)):  # a loop compiles in a fraction of the time that slices take
        laid[j] = -np.inf if j < _CHUNK else np.inf
    for j in range(len(ordered)):
        laid[_CHUNK + j] = ordered[j]
    firsts = np.empty((chunks + 15) // 16 * 16)  # the compiler compares sixteen at once
    for chunk in range(len(firsts)):
        firsts[chunk] = laid[_CHUNK * (chunk + 1)] if chunk < chunks else np.inf
    return laid, firsts


@numba.njit(cache=True)
def _exchange(laid: Floats, firsts: Floats, old: float, new: float) -> None:
    """`_replace` in values that are laid out."""
    below, upto = 0, 0
    for first in firsts:
        below += int(first < old)
        upto += int(first <= new)
    if new >= old:
        low, high = max(below - 1, 0), upto - 1
        _move_down(laid, low, old, new)
        if low < high:
            between = laid[_CHUNK * (low + 2) : _CHUNK * (high + 1) + 1]
            for j in range(len(between) - 1):
                between[j] = between[j + 1]
            _move_down(laid, high, old, new)
    else:
        # A chunk further if all of this one is smaller.
        low = upto - 1 + int(laid[_CHUNK * (upto + 1) - 1] <= new)
        high = below - 1 + int(laid[_CHUNK * (below + 1) - 1] < old)
        _move_up(laid, high, old, new)
        if low < high:
            between = laid[_CHUNK * (low + 2) - 1 : _CHUNK * (high + 1)]
            for j in range(len(between) - 1, 0, -1):
                between[j] = between[j - 1]
            _move_up(laid, low, old, new)
    for chunk in range(low, high + 1):
        firsts[chunk] = laid[_CHUNK * (chunk + 1)]


@numba.njit(cache=True)
def _move_down(laid: Floats, chunk: int, old: float, new: float) -> None:
    """What a chunk has after `old`, the first of its equals, was taken out and `new` put in further up."""
    values = laid[_CHUNK * (chunk + 1) : _CHUNK * (chunk + 2) + 1]
    for j in range(len(values) - 1):
        x, after = values[j], values[j + 1]
        moved = after if after <= new else (new if x <= new else x)
        values[j] = x if x < old else moved


@numba.njit(cache=True)
def _move_up(laid: Floats, chunk: int, old: float, new: float) -> None:
    """What a chunk has after `old`, the first of its equals, was taken out and `new` put in further down."""
    values = laid[_CHUNK * (chunk + 1) - 1 : _CHUNK * (chunk + 2)]
    for j in range(len(values) - 1, 0, -1):
        x, before = values[j], values[j - 1]
        moved = before if before > new else (new if x > new else x)
        values[j] = x if before >= old else moved


@numba.njit(cache=True)
def _judge_many(
    value: Floats,
    ok: Bools,
    window: int,
    threshold: float,
    resolution: float,
    row: Floats,
    n: Ints,
    out: Floats,
) -> None:
    """Many readings of one tag, whose window is full."""
    values, seen = row[_FIRST : _FIRST + window], int(row[_SEEN])
    place, learned, above = seen % window, 0, 0
    laid, firsts = _laid_out(row[_FIRST + window : _FIRST + 2 * window])
    laid_steps, first_steps = _laid_out(row[_FIRST + 2 * window :])
    ordered, steps = laid[_CHUNK : _CHUNK + window], laid_steps[_CHUNK : _CHUNK + window - 1]
    count = int(row[N])
    for i in range(len(value)):
        n[i] = count + learned
        x = value[i]
        if not (ok[i] and np.isfinite(x)):
            continue
        above = _score(place, threshold, resolution, values, ordered, steps, x, above, out[:, i])
        following = place + 1 if place + 1 < window else 0
        oldest = values[place]
        _exchange(laid, firsts, oldest, x)
        _exchange(
            laid_steps, first_steps, abs(values[following] - oldest), abs(x - values[_back(place, 1, window)])
        )
        values[place] = x
        place = following
        learned += 1
    for j in range(window):
        row[_FIRST + window + j] = ordered[j]
    for j in range(window - 1):
        row[_FIRST + 2 * window + j] = steps[j]
    row[_SEEN] += learned
    row[N] += learned


@numba.njit(cache=True)
def kernel(
    tag: NDArray[np.int32],
    value: Floats,
    _time: Ints,
    ok: Bools,
    params: Floats,
    facts: Floats,
    rows: Floats,
    n: Ints,
    out: Floats,
) -> None:
    """See `sensormon.detectors.kernel.Kernel`; `params` are window and threshold."""
    window, threshold = int(params[0]), params[1]
    i = stop = 0
    while i < len(tag):
        row, resolution = rows[tag[i]], facts[tag[i], RESOLUTION]
        if i == stop:  # where the readings of another tag may begin
            stop += 1
            while stop < len(tag) and tag[stop] == tag[i]:
                stop += 1
        if row[_SEEN] >= window and stop - i >= _LONG:
            rest = slice(i, stop)
            _judge_many(value[rest], ok[rest], window, threshold, resolution, row, n[rest], out[:, rest])
            i = stop
            continue
        n[i] = int(row[N])
        if ok[i] and np.isfinite(value[i]):
            _judge(window, threshold, resolution, row, value[i], out[:, i])
            row[N] += 1.0
        i += 1
