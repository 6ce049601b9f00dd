"""The compiled loop of the multivariate EWMA: score a row, then let the references follow it.

`tags` has a row for each judged tag, whose columns are named below; `alarm` is the alarm that goes on;
`ring` has the last rows as they came, and in its last column whether each was quiet.

What it is not: a place for what is normal in the baseline; see `mewma_fit`.
"""

from __future__ import annotations

import numba
import numpy as np

from sensormon.detectors.mewma_fit import CLIP, SLOW
from sensormon.detectors.row_kernels import LARGEST
from sensormon.model.readings import Floats, Ints

MEAN, SCALE, GAIN, STEP, SPREAD, REFERENCE, AGE, LIVELY, AVERAGE, UNCUT = range(10)
"""Columns of a tag: as in `Fitted`; the average's standard deviation; the inflation; both averages."""

CUT, ERROR, OFF, PART = range(4)
"""Rows of `work`: the cut innovation, the plain error, the scaled average and its part of the statistic."""

ON, LENGTH, CALM, PEAK = range(4)
"""Of the alarm: whether it goes on, its rows, the calm ones in succession, its largest uncut score."""

SEEN, HEAD, KEPT = range(3)
"""Counts: rows that came, the place of the next one in the ring, and how many it has."""

MEMORY = 1_000.0
"""Rows over which a tag's liveliness is averaged."""

LIVELY_CUT = 9.0
"""No row counts for more than this many times the usual square in a tag's liveliness."""

OUT = 2.0
"""A steady tag whose average is off by this many standard deviations does not follow during an alarm."""

PULL = 0.001
"""But by so much a row, in spreads."""

CALM_ROWS = 40
"""Calm rows in succession that end an alarm."""

FADED = 0.1
"""A row is calm under this share of the alarm's peak, though it may be over the limit."""

LONG = 60
"""After an alarm of more rows, the steady references move to the present level."""

NEW_STATE = 1_000
"""Rows in alarm after which the process counts as being in a new state, and the model is refitted."""

JUMP_ROWS = 10
"""The most rows in which a tag's level changes if it has jumped."""

JUMPED = 0.7
"""Share of the change that must come within these rows."""

COARSE = 10
"""A sensor is coarse if it has so few different values while settled: its steps are as large as its noise."""

JUMP_LEAST = 1.0
"""The least jump, in standard deviations of the innovations."""

SETTLING = 60
"""Rows of an alarm before a tag that jumped may count as settled."""

LOOKED_AT = 20
"""Rows between two looks from then on."""

LOOK_BACK = 150
"""Rows within which the jump must lie."""

SETTLED = 20
"""The rows of each of two means that must agree for a tag to be settled."""

DONE, RENEW, TAG_READY = range(3)
"""Why the loop stopped: no more rows; a new state; a tag that was left out has values enough."""


@numba.njit(cache=True)
def follow_rows(
    rows: Floats,
    start: int,
    place: Ints,
    weight: float,
    limit: float,
    enough: int,
    tags: Floats,
    form: Floats,
    alarm: Floats,
    ring: Floats,
    counts: Ints,
    values: Ints,
    score: Floats,
    contributions: Floats,
) -> tuple[int, int]:
    """Score the rows from `start` on until the model must be made again: the next row, and why.

    `place` has the columns of the judged tags.
    """
    judged = len(place)
    work = np.empty((4, judged))
    for i in range(start, len(rows)):
        row = rows[i]
        counts[SEEN] += 1
        if _is_empty(row):
            for j in range(judged):
                tags[j, AGE] += 1.0
            continue
        _average(row, place, weight, tags, work)
        score[i] = _distance(AVERAGE, tags, form, work) / limit
        for j in range(judged):
            contributions[i, place[j]] = work[PART, j] / limit
        _judge(score[i], limit, tags, form, alarm, work)
        _follow(alarm[ON] > 0.0, tags, work)
        keep_row(row, alarm[ON] == 0.0, ring, counts, values)
        if alarm[ON] == 0.0:
            if judged < len(row) and _ready(place, values, enough):
                return i + 1, TAG_READY
        elif alarm[LENGTH] >= NEW_STATE:
            return i + 1, RENEW
        elif alarm[LENGTH] >= SETTLING and alarm[LENGTH] % LOOKED_AT == 0:
            _settle(place, tags, ring, counts)
    return len(rows), DONE


@numba.njit(cache=True)
def _is_empty(row: Floats) -> bool:
    values = 0
    for value in row:
        values += np.isfinite(value)
    return values == 0


@numba.njit(cache=True)
def keep_row(row: Floats, quiet: bool, ring: Floats, counts: Ints, values: Ints) -> None:
    """Put the row into the ring in place of the oldest; `values` counts each tag's in quiet rows."""
    capacity, last = len(ring), len(row)
    place = counts[HEAD]
    if counts[KEPT] == capacity and ring[place, last] > 0.0:
        for column in range(last):
            if np.isfinite(ring[place, column]):
                values[column] -= 1
    for column in range(last):
        ring[place, column] = row[column] if np.isfinite(row[column]) else np.nan
        if quiet and np.isfinite(row[column]):
            values[column] += 1
    ring[place, last] = 1.0 if quiet else 0.0
    counts[HEAD] = (place + 1) % capacity
    counts[KEPT] = min(counts[KEPT] + 1, capacity)


@numba.njit(cache=True)
def _ready(place: Ints, values: Ints, enough: int) -> bool:
    """Whether a tag that is left out has values enough now."""
    j = 0
    for column in range(len(values)):
        if j < len(place) and place[j] == column:
            j += 1
        elif values[column] >= enough:
            return True
    return False


@numba.njit(cache=True)
def _average(row: Floats, place: Ints, weight: float, tags: Floats, work: Floats) -> None:
    """Take the row's innovations into the averages; a missing cell is as expected."""
    for j in range(len(place)):
        tag, x = tags[j], row[place[j]]
        tag[AGE] += 1.0
        work[ERROR, j], innovation = np.nan, 0.0
        if np.isfinite(x):
            z = min(max(x / tag[SCALE] - tag[MEAN] / tag[SCALE], -LARGEST), LARGEST)
            work[ERROR, j] = z - tag[REFERENCE]
            unit = tag[STEP] * np.sqrt(tag[AGE]) if tag[GAIN] == 1.0 else tag[STEP]
            innovation = work[ERROR, j] / unit
        work[CUT, j] = min(max(innovation, -CLIP), CLIP)
        tag[AVERAGE] += weight * (work[CUT, j] - tag[AVERAGE])
        tag[UNCUT] += weight * (innovation - tag[UNCUT])


@numba.njit(cache=True)
def _judge(score: float, limit: float, tags: Floats, form: Floats, alarm: Floats, work: Floats) -> None:
    """Let the alarm begin, go on or end."""
    if alarm[ON] == 0.0:
        if score <= 1.0:
            return
        alarm[ON], alarm[LENGTH], alarm[CALM], alarm[PEAK] = 1.0, 0.0, 0.0, 0.0
    alarm[LENGTH] += 1.0
    distance = _distance(UNCUT, tags, form, work) / limit
    alarm[PEAK] = max(alarm[PEAK], distance)
    if score <= 1.0 or distance < FADED * alarm[PEAK]:
        alarm[CALM] += 1.0
    else:
        alarm[CALM] = 0.0
    if alarm[CALM] >= CALM_ROWS:
        if alarm[LENGTH] > LONG:
            for j in range(len(tags)):
                if tags[j, GAIN] < 1.0:
                    _move(tags[j], tags[j, UNCUT] * tags[j, STEP])
        alarm[ON] = 0.0


@numba.njit(cache=True)
def _is_out(tag: Floats) -> bool:
    """Whether the tag's average is off by more than it usually is, now or in the baseline."""
    return bool(abs(tag[AVERAGE]) > OUT * tag[SPREAD] * np.sqrt(max(tag[LIVELY], 1.0)))


@numba.njit(cache=True)
def _distance(column: int, tags: Floats, form: Floats, work: Floats) -> float:
    """The statistic of this column's averages; each tag's part of it goes to `work`."""
    offs, parts = work[OFF], work[PART]
    for j in range(len(tags)):
        offs[j] = tags[j, column] / np.sqrt(max(tags[j, LIVELY], 1.0))
        parts[j] = 0.0
    for k in range(len(tags)):
        off = offs[k]
        for j in range(len(tags)):
            parts[j] += form[k, j] * off
    total = 0.0
    for j in range(len(tags)):
        parts[j] *= offs[j]
        total += parts[j]
    return max(total, 0.0)


@numba.njit(cache=True)
def _move(tag: Floats, by: float) -> None:
    """Move a tag's reference, and expect it there."""
    tag[REFERENCE] += by
    tag[AVERAGE] = 0.0
    tag[UNCUT] = 0.0


@numba.njit(cache=True)
def _follow(alarmed: bool, tags: Floats, work: Floats) -> None:
    """Learn the row: the references follow their tags, and each tag's liveliness is measured."""
    for j in range(len(tags)):
        tag, error = tags[j], work[ERROR, j]
        if not np.isfinite(error):
            continue
        tag[AGE] = 0.0
        if tag[GAIN] == 1.0:
            tag[REFERENCE] += error
        elif alarmed and _is_out(tag):
            tag[REFERENCE] += min(max(error, -PULL), PULL)
        else:
            tag[REFERENCE] += SLOW * work[CUT, j] * tag[STEP]
        if not alarmed:
            square = (tag[AVERAGE] / tag[SPREAD]) ** 2
            tag[LIVELY] += (min(square, LIVELY_CUT * max(tag[LIVELY], 1.0)) - tag[LIVELY]) / MEMORY


@numba.njit(cache=True)
def _settle(place: Ints, tags: Floats, ring: Floats, counts: Ints) -> None:
    """Take the new level of a steady tag that jumped, within a few rows, and has been as steady since.

    Nobody has set what more than half of the tags do together.
    """
    outs = 0
    for j in range(len(tags)):
        outs += _is_out(tags[j])
    if 2 * outs > len(tags):
        return
    for j in range(len(tags)):
        tag = tags[j]
        if tag[GAIN] == 1.0 or not _is_out(tag):
            continue
        unit = tag[STEP]
        level, shift = _mean(place[j], 0, SETTLED, tag, ring, counts)
        before, _ = _mean(place[j], SETTLED, SETTLED, tag, ring, counts)
        if not abs(level) >= JUMP_LEAST * unit:
            continue
        if not (abs(level - before) <= 3.0 * unit * np.sqrt(2.0 / SETTLED) and shift <= 4.0 * unit * unit):
            continue
        if _jumped(place[j], level, tag, ring, counts):
            _move(tag, level)


@numba.njit(cache=True)
def _jumped(column: int, level: float, tag: Floats, ring: Floats, counts: Ints) -> bool:
    """Whether the tag came to this level within a few rows, as what a person sets does.

    A coarse sensor cannot show that.
    """
    levels = np.empty(2 * SETTLED)
    different = 0
    for back in range(2 * SETTLED):
        x = ring[(counts[HEAD] - 1 - back) % len(ring), column]
        if np.isfinite(x) and not (levels[:different] == x).any():
            levels[different] = x
            different += 1
    if different <= COARSE:
        return False
    for back in range(2 * SETTLED, min(counts[KEPT], LOOK_BACK) - 2 * JUMP_ROWS + 1):
        later, _ = _mean(column, back, JUMP_ROWS, tag, ring, counts)
        sooner, _ = _mean(column, back + JUMP_ROWS, JUMP_ROWS, tag, ring, counts)
        if (later - sooner) * level >= JUMPED * level * level:
            return True
    return False


@numba.njit(cache=True)
def _mean(column: int, back: int, rows: int, tag: Floats, ring: Floats, counts: Ints) -> tuple[float, float]:
    """Mean and variance of a tag's errors in the ring, `rows` of them, the newest being `back` rows ago."""
    total, squares, count = 0.0, 0.0, 0
    for k in range(back, back + rows):
        x = ring[(counts[HEAD] - 1 - k) % len(ring), column]
        if np.isfinite(x):
            error = x / tag[SCALE] - tag[MEAN] / tag[SCALE] - tag[REFERENCE]
            total += error
            squares += error * error
            count += 1
    if count == 0:
        return np.nan, np.nan
    return total / count, max(squares / count - (total / count) ** 2, 0.0)
