"""Order and middle of a few values in compiled code.

Numpy's own functions for it cost seconds of a first compilation each; these cost next to none, and up
to some hundred values they are as fast.
"""

from __future__ import annotations

import numba

from sensormon.model.readings import Floats


@numba.njit(cache=False)
def ordered(values: Floats) -> Floats:
    """The values in ascending order, by insertion; none may be NaN."""
    result = values.copy()
    for j in range(1, len(result)):
        value, place = result[j], j
        while place > 0 and result[place - 1] > value:
            result[place] = result[place - 1]
            place -= 1
        result[place] = value
    return result


@numba.njit(cache=False)
def middle_of(values: Floats) -> float:
    """The median."""
    inner, half = ordered(values), len(values) // 2
    if len(values) % 2 == 1:
        return float(inner[half])
    return float((inner[half - 1] + inner[half]) / 2.0)
