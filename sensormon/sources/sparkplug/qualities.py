"""Quality, unit and range of a metric, from the properties that Ignition and the specification name."""

from __future__ import annotations

import math
from collections.abc import Mapping

from sensormon.model.qualities import quality_of
from sensormon.model.readings import Quality
from sensormon.model.tags import UNFIT
from sensormon.sources.sparkplug.payload import Value

_STALE = 500
_LONGEST_UNIT = 40


def quality(properties: Mapping[str, Value]) -> int:
    """The OPC UA status code that the property `Quality` says; Good without one, Bad if nobody knows it.

    192 is good, 0 bad, 500 stale; otherwise a quality of OPC Classic, or a status code of OPC UA, with or
    without its sign.

    >>> quality({"Quality": 192}), hex(quality({"Quality": 0})), hex(quality({"quality": -2138308608}))
    (0, '0x80000000', '0x808c0000')
    """
    value = _named(properties, "quality")
    if value is None:
        return int(Quality.GOOD)
    code: int | None
    if isinstance(value, str):
        code = quality_of(value)
    elif isinstance(value, bool):
        code = int(Quality.GOOD if value else Quality.BAD)
    elif not math.isfinite(value):
        code = None
    elif value == _STALE:
        code = int(Quality.BAD_NO_COMMUNICATION)
    elif value == int(value) and 0 <= value < 64:
        code = int(Quality.BAD)
    else:
        code = quality_of(value & 0xFFFF_FFFF if isinstance(value, int) else value)
    return int(Quality.BAD) if code is None else code


def unit(properties: Mapping[str, Value]) -> str:
    """The unit that the property `engUnit` names; "" without one that a tag may have."""
    value = _named(properties, "engunit")
    if not isinstance(value, str) or len(value) > _LONGEST_UNIT or UNFIT.search(value):
        return ""
    return value.strip()


def engineering_range(properties: Mapping[str, Value]) -> tuple[float, float] | None:
    """What `engLow` and `engHigh` say; None without both, or if they span nothing."""
    low, high = _named(properties, "englow"), _named(properties, "enghigh")
    if any(isinstance(bound, str | bool | None) for bound in (low, high)):
        return None
    bounds = float(low or 0), float(high or 0)
    return bounds if all(map(math.isfinite, bounds)) and bounds[0] < bounds[1] else None


def _named(properties: Mapping[str, Value], name: str) -> Value | None:
    return next((value for key, value in properties.items() if key.casefold() == name), None)
