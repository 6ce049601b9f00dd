"""The loops of `ProfileState`: which detector speaks for a reading, and whether it is flagged."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from sensormon.detectors.conditions import NEVER
from sensormon.detectors.kernel import EXPECTED, LOWER, SCORE, UPPER
from sensormon.model.readings import Bools, Floats, Ints, Withheld

_ON_DELAY = int(Withheld.ON_DELAY)


# Views of rows cost more than what is done with them here: these take whole arrays and a place.
@numba.njit(cache=True, error_model="numpy")
def combine(
    tag: NDArray[np.int32],
    time: Ints,
    judged: Bools,
    profile: NDArray[np.uint8],
    thresholds: Floats,
    drawn: Ints,
    on_delay: Ints,
    own: Floats,
    fired: Bools,
    firing: Ints,
    withheld: NDArray[np.uint8],
    detector: NDArray[np.int8],
    threshold: Floats,
    main: Floats,
    flagged: Bools,
) -> None:
    any_fired = np.zeros(len(tag), dtype=np.bool_)
    for i in range(len(tag)):
        speaks, any_fired[i] = _speaker(i, own, fired, thresholds, profile[i])
        if speaks < 0 or not judged[i]:
            continue
        detector[i] = speaks
        threshold[i] = thresholds[profile[i], speaks]
        main[SCORE, i] = own[i, speaks, SCORE]
    _flag(tag, time, detector, any_fired, on_delay, firing, withheld, flagged)
    for i in range(len(tag)):
        speaks = detector[i]
        if speaks < 0:
            continue
        shown = speaks if flagged[i] else _with_band(i, own, drawn, profile[i])
        for part in (EXPECTED, LOWER, UPPER):
            main[part, i] = own[i, shown, part]


@numba.njit(cache=True, error_model="numpy")
def decide(
    tag: NDArray[np.int32],
    time: Ints,
    judged: Bools,
    profile: NDArray[np.uint8],
    thresholds: Floats,
    on_delay: Ints,
    fired: Bools,
    firing: Ints,
    withheld: NDArray[np.uint8],
    detector: NDArray[np.int8],
    threshold: Floats,
    score: Floats,
    expected: Floats,
    lower: Floats,
    upper: Floats,
    flagged: Bools,
) -> None:
    """`combine` of one detector, in whose columns only that is blanked where it does not speak.

    `detector` and `threshold` need not be filled before.
    """
    silent = 0
    for i in range(len(tag)):
        speaks = judged[i] & (fired[i] | (score[i] > -np.inf))
        detector[i] = np.int8(speaks) - 1
        silent += 1 - int(speaks)
    for i in range(len(tag)):
        threshold[i] = thresholds[profile[i], 0]
    if silent:
        for i in range(len(tag)):
            if detector[i] < 0:
                threshold[i] = score[i] = expected[i] = lower[i] = upper[i] = np.nan
    _flag(tag, time, detector, fired, on_delay, firing, withheld, flagged)


@numba.njit(cache=True)
def _flag(
    tag: NDArray[np.int32],
    time: Ints,
    detector: NDArray[np.int8],
    fires: Bools,
    on_delay: Ints,
    firing: Ints,
    withheld: NDArray[np.uint8],
    flagged: Bools,
) -> None:
    """Which of the readings that fire are flagged; those before the on-delay is over are withheld."""
    for i in range(len(tag)):
        code = tag[i]
        if withheld[i] or (detector[i] >= 0 and not fires[i]):
            if firing[code] != NEVER:  # a write for each reading would cost more
                firing[code] = NEVER
        elif detector[i] >= 0:
            if firing[code] == NEVER:
                firing[code] = time[i]
            flagged[i] = time[i] - firing[code] >= on_delay[code]
            if not flagged[i]:
                withheld[i] = _ON_DELAY


@numba.njit(cache=True, inline="always", error_model="numpy")
def _speaker(i: int, own: Floats, fired: Bools, thresholds: Floats, profile: int) -> tuple[int, bool]:
    """The detector whose score is the largest multiple of its threshold, and whether any fired.

    One that fired speaks before one that held back, whatever their scores; -1 if none judged.
    """
    speaks, largest, fires = -1, -np.inf, False
    for k in range(fired.shape[1]):
        ratio = own[i, k, SCORE] / thresholds[profile, k]
        if fired[i, k] == fires and ratio > largest:
            speaks, largest = k, ratio
        elif fired[i, k] and not fires:
            speaks, largest, fires = k, ratio, True
    return speaks, fires


@numba.njit(cache=True, inline="always")
def _with_band(i: int, own: Floats, drawn: Ints, profile: int) -> int:
    """The first of `drawn` that has a band for this reading; the last of them if none has."""
    shown = 0
    for j in range(drawn.shape[1]):
        shown = int(drawn[profile, j])
        if np.isfinite(own[i, shown, EXPECTED]):
            break
    return shown
