"""The faults that can be switched on in the simulator, and what each does to its readings.

| fault        | the readings of the tag                     | size (in sigma)      | default |
| ------------ | ------------------------------------------- | -------------------- | ------- |
| level_shift  | lie higher (lower with a negative size)     | by how much          | 6       |
| drift        | move away steadily from the first one on    | by how much at the end | 8     |
| stuck        | repeat the value at the start               | without meaning      |         |
| noise_burst  | scatter more                                | times the usual noise | 4      |
| gap          | do not come                                 | without meaning      |         |
| out_of_range | lie outside the valid range (negative: below) | how far outside    | 10      |
| duplicates   | come twice                                  | without meaning      |         |

A sigma is the standard deviation of the tag's noise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sensormon.model.clock import SECOND
from sensormon.model.errors import UsageError
from sensormon.model.tags import Tag

FAULTS = ("level_shift", "drift", "stuck", "noise_burst", "gap", "out_of_range", "duplicates")
"""Every fault that can be switched on, by name."""

SPIKE = "spike"
"""The name in the ground truth of the spikes that occur all the time."""

DEFAULT_SIZE: Mapping[str, float] = MappingProxyType(
    {"level_shift": 6.0, "drift": 8.0, "noise_burst": 4.0, "out_of_range": 10.0}
)
"""The default size of each fault that has a size, in sigma."""

_REPLACED = frozenset({"stuck", "out_of_range", "gap"})
HIDDEN_BY: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        SPIKE: _REPLACED,
        "level_shift": _REPLACED,
        "drift": _REPLACED,
        "noise_burst": _REPLACED,
        "stuck": frozenset({"out_of_range", "gap"}),
        "out_of_range": frozenset({"gap"}),
        "duplicates": frozenset({"gap"}),
        "gap": frozenset(),
    }
)
"""The faults that hide this one when active on the same reading."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of one tag from `start` to before `end` (µs UTC); `size` in sigma, 0 if it has none."""

    fault: str
    tag: str
    start: int
    end: int
    size: float = 0.0

    def runs(self, now: int) -> bool:
        """True from the start to before the end."""
        return self.start <= now < self.end


def make_fault(
    fault: str, tag: str, tags: Mapping[str, Tag], start: int, seconds: float, size: float | None
) -> Fault:
    """A fault with these properties.

    Raises UsageError for an unknown fault or tag, a time that is not above 0, an
    impossible size, and out_of_range if the tag has no valid range on that side.
    """
    where = f"fault {fault} of {tag}"
    if fault not in FAULTS:
        raise UsageError("there is no such fault", where=where, hint=f"Use one of {', '.join(FAULTS)}")
    if tag not in tags:
        raise UsageError("there is no such tag", where=where, hint="Use a tag of tags.toml")
    if not 0 < seconds < math.inf:
        raise UsageError(
            f"it cannot last {seconds:g} s", where=where, hint="Give a number of seconds above 0"
        )
    chosen = DEFAULT_SIZE.get(fault, 0.0) if size is None else float(size)
    if not math.isfinite(chosen) or (fault == "noise_burst" and chosen <= 0):
        raise UsageError(
            f"its size cannot be {chosen:g}", where=where, hint="Give a number of standard deviations"
        )
    low, high = tags[tag].valid
    if fault == "out_of_range" and math.isinf(low) and math.isinf(high):
        raise UsageError(
            "the tag has no valid range", where=where, hint="Give it one in tags.toml: valid = [low, high]"
        )
    return Fault(fault, tag, start, start + max(1, round(seconds * SECOND)), chosen)


def outside(tag: Tag, far: float) -> float:
    """The value `far` (in the tag's unit) above the valid range, or below it where `far` < 0.

    If the range is open on that side, the other side is used.
    """
    low, high = tag.valid
    upward = math.isfinite(high) and (far >= 0 or math.isinf(low))
    # Two steps, so that rounding to the resolution cannot bring it back inside.
    distance = max(abs(far), 2 * tag.resolution, 1e-6 * max(1.0, abs(high if upward else low)))
    return high + distance if upward else low - distance
